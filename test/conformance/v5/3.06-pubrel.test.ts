/** MQTT 5.0, chapter 3.6: PUBREL. */
import { expect, test } from '@jest/globals';
import { lateBroker } from '../../support/late-broker.js';
import { openRig, short } from '../../wire/rig.js';
import { expectCodes, expectLeftOut, gotPubrec, releaseCodes, tiny } from './acks.js';
import { client, expectDisconnected, expectOpen, resumable, subscriber } from './support.js';

const wrong = Array.from({ length: 16 }, (_, flags) => 0x60 | flags).filter((first) => first !== 0x62);

test('v5 [MQTT-3.6.1-1] PUBREL with flags other than 0010 is malformed and closes', () => {
  expect(wrong).toHaveLength(15);
  for (const first of wrong) {
    expectDisconnected(gotPubrec().client.sendsBytes(Buffer.of(first, 2, 0, 1)), 0x81);
    expectDisconnected(client(openRig(), 'c').sendsBytes(Buffer.of(first)), 0x81); // at its first byte
  }
  expect(short(gotPubrec().client.sendsHex('62 02 0001').received())).toEqual(['pubcomp 1']);
});

test('v5 [MQTT-3.6.1-1] the broker’s own PUBREL has flags 0010, first, repeated, unsolicited and after a reconnect', () => {
  const rig = openRig();
  const live = subscriber(rig, 'live', 't', 2);
  const lasting = resumable(rig, 'lasting').subscribe('t', { qos: 2 }).skip();
  client(rig, 'pub').publish({ topic: 't', payload: 'x', qos: 2 });
  for (const sub of [live, lasting]) {
    expect(sub.skip().pubrec(1).receivedHex()).toBe('62 02 00 01');
    expect(sub.pubrec(1).receivedHex()).toBe('62 02 00 01');
    expect(sub.pubrec(700).receivedHex()).toBe('62 03 02 bc 92');
  }
  lasting.drop();
  expect(resumable(rig, 'lasting').receivedHex()).toBe('62 02 00 01');
});

test('v5 [MQTT-3.6.1-1] so has one that had to wait for the store', () => {
  const late = lateBroker();
  const sub = late.client().connect({ clientId: 'sub', clean: false, properties: { sessionExpiryInterval: 3600 } });
  late.commit();
  sub.subscribe('t', { qos: 2 });
  late.client().connected({ clientId: 'pub' }).publish({ topic: 't', payload: 'x', qos: 2 });
  late.commit();
  sub.skip().pubrec(1);
  expect(sub.receivedHex()).toBe('');
  late.commit();
  expect(sub.receivedHex()).toBe('62 02 00 01');
});

test('v5 [MQTT-3.6.2-1] PUBREL from a client has Reason Code 0x00 or 0x92; any other is a protocol error', () => {
  expectCodes(0x62, gotPubrec, releaseCodes, ({ client: publisher }) => expect(publisher.receivedHex()).toBe('70 02 00 01'));
});

test('v5 [MQTT-3.6.2-1] the broker’s own PUBREL has 0x00, or 0x92 for an identifier that it does not know', () => {
  const rig = openRig();
  const sub = subscriber(rig, 'sub', 't', 2);
  const publisher = client(rig, 'pub').publish({ topic: 't', qos: 2 }).publish({ topic: 't', qos: 1 });
  expect(short(sub.received())).toEqual(['publish 1', 'publish 2']);
  // 1 waits for it, with a code that is no error as well; 2 has QoS 1; 3 and 65,535 were never used.
  for (const reasonCode of [0, 0x10, 0]) expect(sub.pubrec(1, reasonCode).received()).toEqual([{ type: 'pubrel', packetId: 1, reasonCode: 0 }]);
  for (const packetId of [2, 3, 65_535]) expect(sub.pubrec(packetId).received()).toEqual([{ type: 'pubrel', packetId, reasonCode: 0x92 }]);
  // Done, it is unknown.
  expect(short(sub.pubcomp(1).pubrec(1).received())).toEqual(['pubrel 1 0x92']);
  expectOpen(publisher);
  expectOpen(sub);
});

test('v5 [MQTT-3.6.2-2] PUBREL has no Reason String that would make it larger than the client’s Maximum Packet Size', () => {
  expectLeftOut('reasonString', { type: 6, packetId: 1, reasonCode: 0x92, properties: {} });
  expect(tiny(openRig()).pubrec(7).receivedHex()).toBe('62 03 00 07 92');
});

test('v5 [MQTT-3.6.2-3] PUBREL has no User Property that would make it larger than the client’s Maximum Packet Size', () => {
  expectLeftOut('userProperties', { type: 6, packetId: 1, reasonCode: 0x92, properties: {} });
  expect(tiny(openRig()).pubrec(7, 0x10, { userProperties: [['k', 'v']] }).receivedHex()).toBe('62 03 00 07 92');
});

test('v5 [X5-3.6.2.1-1] PUBREL for an unknown identifier is answered PUBCOMP 0x92, and the connection stays', () => {
  const rig = openRig();
  const sub = subscriber(rig, 'sub', 't', 2);
  const publisher = client(rig, 'pub');
  for (const packetId of [1, 2, 300, 65_535]) {
    for (const reasonCode of releaseCodes) expect(publisher.pubrel(packetId, reasonCode).received()).toEqual([{ type: 'pubcomp', packetId, reasonCode: 0x92 }]);
  }
  // The known one is not: and only once.
  publisher.publish({ topic: 't', payload: 'x', qos: 2, packetId: 2 }).pubrel(1).pubrel(2).pubrel(2);
  expect(short(publisher.received())).toEqual(['pubrec 2', 'pubcomp 1 0x92', 'pubcomp 2', 'pubcomp 2 0x92']);
  expect(short(sub.received())).toEqual(['publish 1 x']);
  expectOpen(publisher);
});
