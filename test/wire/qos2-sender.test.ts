/** QoS 2 to a client, and acknowledgements that come out of turn. */
import { expect, test } from '@jest/globals';
import type { WireClient } from '../../src/testing/index.js';
import { both, numbered, openRig, short, three } from './rig.js';
import type { Rig } from './rig.js';

/** A subscriber with one QoS 2 and one QoS 1 message in flight, as 1 and 2. */
function inFlight(rig: Rig, protocolVersion: 3 | 4 | 5): WireClient {
  const subscriber = rig.subscriber('sub', '#', 2, { protocolVersion });
  rig.client('pub').publish({ topic: 'a', payload: 'x', qos: 2 }).publish({ topic: 'a', payload: 'y', qos: 1 });
  expect(short(subscriber.received())).toEqual(['publish 1 x', 'publish 2 y']);
  return subscriber;
}

test.each(three)('v5 [MQTT-4.3.3-1] [MQTT-4.3.3-4] v3.1.1 [MQTT-4.3.3-1] PUBLISH, PUBREC, PUBREL, PUBCOMP ($name)', ({ protocolVersion }) => {
  const rig = openRig();
  const subscriber = inFlight(rig, protocolVersion);
  expect(subscriber.pubrec(1).receivedHex()).toBe('62 02 00 01');
  expect(rig.stats.inflightMessages).toBe(2);
  subscriber.pubcomp(1).puback(2);
  expect(subscriber.received()).toEqual([]);
  expect(rig.stats.inflightMessages).toBe(0);
});

test.each(both)('v5 [MQTT-4.3.3-4] v3.1.1 [MQTT-4.3.3-1] each repeated PUBREC gets PUBREL; it settles nothing ($name)', ({ protocolVersion }) => {
  const rig = openRig();
  const subscriber = inFlight(rig, protocolVersion);
  expect(short(subscriber.pubrec(1).pubrec(1).pubrec(1).received())).toEqual(['pubrel 1', 'pubrel 1', 'pubrel 1']);
  expect(rig.stats.inflightMessages).toBe(2);
});

test('v5 [MQTT-4.6.0-4] PUBRELs leave in the order of the PUBRECs', () => {
  const rig = openRig();
  const subscriber = rig.subscriber('sub', 'a', 2);
  const publisher = rig.client('pub');
  for (const payload of numbered(4)) publisher.publish({ topic: 'a', payload, qos: 2 });
  for (const id of [2, 4, 1, 3]) subscriber.skip().pubrec(id);
  subscriber.skip();
  for (const id of [4, 3, 2, 1]) subscriber.pubrec(id);
  expect(short(subscriber.received())).toEqual(['pubrel 4', 'pubrel 3', 'pubrel 2', 'pubrel 1']);
});

test.each([0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99])('v5 [MQTT-4.4.0-2] PUBREC %i ends the exchange: no PUBREL, the identifier is free', (reasonCode) => {
  const rig = openRig();
  const subscriber = inFlight(rig, 5);
  expect(subscriber.pubrec(1, reasonCode).received()).toEqual([]);
  expect(rig.stats.inflightMessages).toBe(1);
  subscriber.puback(2);
  rig.client('pub').publish({ topic: 'a', payload: 'z', qos: 2 });
  expect(short(subscriber.received())).toEqual(['publish 1 z']);
});

test('v5 PUBREC 0x10 is a success like 0x00', () => {
  const rig = openRig();
  expect(short(inFlight(rig, 5).pubrec(1, 0x10).received())).toEqual(['pubrel 1']);
});

test('v5 unsolicited acknowledgements: PUBREC gets PUBREL 0x92, the others nothing; the connection stays', () => {
  const rig = openRig();
  const subscriber = inFlight(rig, 5);
  subscriber.puback(9).pubrec(9, 0x80).pubcomp(9).puback(65_535, 0x80).pubcomp(9, 0x92);
  expect(subscriber.received()).toEqual([]);
  expect(subscriber.pubrec(9).received()).toEqual([{ type: 'pubrel', packetId: 9, reasonCode: 0x92 }]);
  expect(short(subscriber.pingreq().received())).toEqual(['pingresp']);
  expect(rig.stats.inflightMessages).toBe(2);
});

test.each(three.slice(0, 2))('unsolicited acknowledgements: PUBREC gets PUBREL, the others nothing; the connection stays ($name)', ({ protocolVersion }) => {
  const rig = openRig();
  const subscriber = inFlight(rig, protocolVersion);
  expect(subscriber.puback(9).pubcomp(9).received()).toEqual([]);
  expect(subscriber.pubrec(9).receivedHex()).toBe('62 02 00 09');
  expect(rig.stats.inflightMessages).toBe(2);
});

test.each(both)('acknowledgements of the wrong kind settle nothing ($name)', ({ protocolVersion }) => {
  const rig = openRig();
  const subscriber = inFlight(rig, protocolVersion);
  // 1 waits for PUBREC, 2 for PUBACK.
  expect(subscriber.puback(1).pubcomp(1).pubcomp(2).received()).toEqual([]);
  expect(rig.stats.inflightMessages).toBe(2);
  // What waits for PUBACK is unknown to a PUBREC.
  expect(short(subscriber.pubrec(2).received())).toEqual([protocolVersion === 5 ? 'pubrel 2 0x92' : 'pubrel 2']);
  expect(rig.stats.inflightMessages).toBe(2);
  // 1 waits for PUBCOMP now.
  expect(short(subscriber.pubrec(1).puback(1).received())).toEqual(['pubrel 1']);
  expect(rig.stats.inflightMessages).toBe(2);
  subscriber.pubcomp(1).puback(2);
  expect(rig.stats.inflightMessages).toBe(0);
});

test('v5 a PUBREC with an error after PUBREL is ignored: only PUBCOMP ends the exchange', () => {
  const rig = openRig();
  const subscriber = inFlight(rig, 5).pubrec(1).skip().pubrec(1, 0x80);
  expect(subscriber.received()).toEqual([]);
  expect(rig.stats.inflightMessages).toBe(2);
  subscriber.pubcomp(1, 0x92);
  expect(rig.stats.inflightMessages).toBe(1);
});

test('v5 [MQTT-4.9.0-2] a repeated PUBCOMP or PUBACK frees no more than its own place', () => {
  const rig = openRig();
  const subscriber = rig.subscriber('sub', 'a', 2, { properties: { receiveMaximum: 2 } });
  const publisher = rig.client('pub');
  for (const payload of numbered(9)) publisher.publish({ topic: 'a', payload, qos: payload === '1' ? 2 : 1 });
  expect(short(subscriber.received())).toEqual(['publish 1 1', 'publish 2 2']);
  subscriber.pubrec(1).pubcomp(1).pubcomp(1).pubcomp(1);
  expect(short(subscriber.received())).toEqual(['pubrel 1', 'publish 3 3']);
  subscriber.puback(2).puback(2).puback(2);
  expect(short(subscriber.received())).toEqual(['publish 4 4']);
  expect(rig.stats.inflightMessages).toBe(2);
});

test.each([
  ['PUBACK', '40 02 0000'],
  ['PUBREC', '50 02 0000'],
  ['PUBREL', '62 02 0000'],
  ['PUBCOMP', '70 02 0000'],
])('v5 [MQTT-2.2.1-3] v3.1.1 [MQTT-2.3.1-1] %s with identifier 0 closes the connection', (_name, packet) => {
  const rig = openRig();
  for (const protocolVersion of [4, 5] as const) {
    const client = rig.client('c', { protocolVersion }).sendsHex(packet);
    expect(client.closed).toBe(true);
    const [last] = client.received();
    if (protocolVersion === 5) expect([0x81, 0x82]).toContain(last?.reasonCode);
    else expect(last).toBeUndefined();
  }
});

test.each(['60 02 0001', '61 02 0001', '6a 02 0001', '42 02 0001', '51 02 0001', '78 02 0001'])(
  'v5 [MQTT-3.6.1-1] [MQTT-2.1.3-1] v3.1.1 [MQTT-3.6.1-1] [MQTT-2.2.2-2] reserved flags of an acknowledgement close the connection: %s',
  (packet) => {
    const rig = openRig();
    const fifth = rig.client('five').sendsHex(packet);
    expect(fifth.received()).toMatchObject([{ type: 'disconnect', reasonCode: 0x81 }]);
    const fourth = rig.client('four', { protocolVersion: 4 }).sendsHex(packet);
    expect([fourth.received(), fourth.closed]).toEqual([[], true]);
  },
);

test('v5 X5-3.4.2.1-1 acknowledgements with a reason and no properties, or with both, are understood', () => {
  const rig = openRig();
  const subscriber = rig.subscriber('sub', 'a', 2);
  const publisher = rig.client('pub');
  for (const payload of numbered(3)) publisher.publish({ topic: 'a', payload, qos: 2 });
  subscriber.skip().sendsHex('50 02 0001').sendsHex('50 03 0002 00').sendsHex('50 04 0003 00 00');
  expect(short(subscriber.received())).toEqual(['pubrel 1', 'pubrel 2', 'pubrel 3']);
  subscriber.sendsHex('70 02 0001').sendsHex('70 03 0002 92').sendsHex('70 07 0003 92 03 1f 0000');
  expect(rig.stats.inflightMessages).toBe(0);
});
