/** MQTT 5.0, chapter 3.9: SUBACK. */
import { expect, test } from '@jest/globals';
import type { AuthorizeAnswer } from '../../../src/index.js';
import { openRig, Questions, short } from '../../wire/rig.js';
import { allCodes, byteHex, expectLeftOut, tiny } from './acks.js';
import { client, expectDisconnected, expectOpen } from './support.js';

const refusing = (): ReturnType<typeof openRig> =>
  openRig({ authorize: () => ({ action: 'deny', reasonString: 'x'.repeat(100), userProperties: [['k', 'v'.repeat(100)]] }) });

test('v5 [MQTT-3.9.2-1] SUBACK has no Reason String that would make it larger than the client’s Maximum Packet Size', () => {
  expectLeftOut('reasonString', { type: 9, packetId: 1, reasonCodes: [1, 0x87], properties: {} });
  expect(tiny(refusing()).subscribe(['a', 'b']).receivedHex()).toBe('90 05 00 01 00 87 87');
});

test('v5 [MQTT-3.9.2-2] SUBACK has no User Property that would make it larger than the client’s Maximum Packet Size', () => {
  expectLeftOut('userProperties', { type: 9, packetId: 1, reasonCodes: [1, 0x87], properties: {} });
  const small = tiny(refusing()).subscribe('a', { properties: { userProperties: [['k', 'v']] } });
  expect(small.receivedHex()).toBe('90 04 00 01 00 87');
});

test('v5 [MQTT-3.9.3-1] Reason Codes stand in the order of the filters', async () => {
  const questions = new Questions('subscribe');
  const rig = openRig({
    authorize: (asking, action): AuthorizeAnswer | Promise<AuthorizeAnswer> => {
      if (action.topic.startsWith('slow')) return questions.authorize(asking, action);
      return action.topic === 'quota' ? { action: 'deny', reasonCode: 0x97 } : action.topic !== 'no';
    },
  });
  const sub = client(rig, 'c').subscribe([
    { topic: 'c', qos: 2 },
    { topic: 'no', qos: 2 },
    { topic: 'a', qos: 0 },
    { topic: 'slow/yes', qos: 1 },
    { topic: 'quota', qos: 1 },
    { topic: 'b', qos: 1 },
    { topic: 'slow/no', qos: 1 },
    { topic: 'd', qos: 2 },
  ]);
  expect(await questions.answerAll(rig, ({ action }) => action.topic === 'slow/yes')).toBe(2);
  expect(sub.receivedHex()).toBe('90 0b 00 01 00 02 87 00 01 97 01 87 02');
});

// Method: a hook refuses with every number there is, and with what is no answer at all.
test('v5 [MQTT-3.9.3-2] only Reason Codes of Subscribe are there, whatever code a hook answers', () => {
  const known = new Set([0x80, 0x83, 0x87, 0x97]);
  let refused: AuthorizeAnswer = false;
  const rig = openRig({ authorize: () => refused });
  const sub = client(rig, 'c');
  for (const reasonCode of [...allCodes, 256, -1]) {
    refused = { action: 'deny', reasonCode };
    const code = byteHex(known.has(reasonCode) ? reasonCode : 0x87);
    expect(sub.subscribe('t', { packetId: 1, qos: 2 }).receivedHex()).toBe(`90 04 00 01 00 ${code}`);
  }
  refused = false;
  expect(sub.subscribe('t', { packetId: 1 }).receivedHex()).toBe('90 04 00 01 00 87');
  expect(rig.stats.subscriptions).toBe(0);
  expectOpen(sub);
});

test('v5 [MQTT-3.9.3-2] nor is there another for what the broker finds: 0x00, 0x01, 0x02, identifier in use, quota', () => {
  const rig = openRig({ subscriptionsMax: 3 });
  const sub = client(rig, 'c').publish({ topic: 't', qos: 2, packetId: 5 }).skip();
  sub.subscribe([{ topic: 'a', qos: 0 }, { topic: 'b', qos: 1 }, { topic: 'c', qos: 2 }, { topic: 'd', qos: 2 }], { packetId: 1 });
  expect(short(sub.subscribe('a', { packetId: 5 }).received())).toEqual(['suback 1 0x00 0x01 0x02 0x97', 'suback 5 0x91']);
});

test('v5 [MQTT-3.9.3-2] 0xA1, 0xA2 and 0x9E are for what CONNACK said is not there: DISCONNECT has them', () => {
  const lacking = openRig({ wildcardSubscriptionAvailable: false, subscriptionIdentifierAvailable: false, sharedSubscriptionAvailable: false });
  expectDisconnected(client(lacking, 'c').subscribe('a', { properties: { subscriptionIdentifier: 1 } }), 0xa1);
  expectDisconnected(client(lacking, 'c').subscribe('a/#'), 0xa2);
  expectDisconnected(client(lacking, 'c').subscribe('$share/g/a'), 0x9e);
  expect(short(client(lacking, 'c').subscribe('a').received())).toEqual(['suback 1 0x00']);
});
