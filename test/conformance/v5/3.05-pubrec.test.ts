/** MQTT 5.0, chapter 3.5: PUBREC. */
import { expect, test } from '@jest/globals';
import { openRig, short } from '../../wire/rig.js';
import { allCodes, expectCodes, expectLeftOut, expectReasonLeftOut, hookCodes, receiverCodes, refusedWith, sentPublish, tiny } from './acks.js';
import { client, subscriber } from './support.js';

test('v5 [MQTT-3.5.2-1] PUBREC from a client has one of nine Reason Codes; any other is a protocol error', () => {
  expectCodes(0x50, () => sentPublish(2), receiverCodes, ({ rig, client: sub }, code) => {
    const refused = code >= 0x80;
    expect([sub.receivedHex(), rig.stats.inflightMessages]).toEqual(refused ? ['', 0] : ['62 02 00 01', 1]);
  });
});

test('v5 [MQTT-3.5.2-1] the broker’s own PUBREC has one of them, whatever code a hook answers', () => {
  for (const code of allCodes) {
    expect(refusedWith(code, 2).received()).toEqual([{ type: 'pubrec', packetId: 1, reasonCode: hookCodes.includes(code) ? code : 0x87 }]);
  }
});

test('v5 [MQTT-3.5.2-1] nor has it another for what the broker finds: success, nobody there, repeated, quota', () => {
  const rig = openRig({ retainedMessagesMax: 0 });
  subscriber(rig, 'sub', 't', 2);
  const publisher = client(rig, 'pub').publish({ topic: 't', qos: 2, packetId: 1 }).publish({ topic: 'nobody', qos: 2, packetId: 2 });
  publisher.publish({ topic: 't', qos: 2, packetId: 1, dup: true }).publish({ topic: 't', payload: 'x', qos: 2, packetId: 3, retain: true });
  expect(short(publisher.received())).toEqual(['pubrec 1', 'pubrec 2 0x10', 'pubrec 1', 'pubrec 3 0x97']);
});

test('v5 [MQTT-3.5.2-2] PUBREC has no Reason String that would make it larger than the client’s Maximum Packet Size', () => {
  expectReasonLeftOut('pubrec');
});

test('v5 [MQTT-3.5.2-3] PUBREC has no User Property that would make it larger than the client’s Maximum Packet Size', () => {
  expectLeftOut('userProperties', { type: 5, packetId: 1, reasonCode: 0x87, properties: {} });
  const small = tiny(openRig({ authorize: () => ({ action: 'deny', userProperties: [['k', 'v'.repeat(100)]] }) }));
  expect(small.publish({ topic: 't', qos: 2, packetId: 1 }).receivedHex()).toBe('50 03 00 01 87');
});
