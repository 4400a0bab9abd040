/** SUBSCRIBE and UNSUBSCRIBE: codes, replacement, validation, and identifiers in use. */
import { expect, test } from '@jest/globals';
import type { AuthorizeAnswer } from '../../src/index.js';
import { both, identifiersOf, openRig, payloads, publishes, short, three } from './rig.js';

test.each(three)('v5 [MQTT-3.8.4-1] [MQTT-3.8.4-2] [MQTT-3.9.3-1] v3.1.1 [MQTT-3.8.4-1] [MQTT-3.8.4-5] one SUBACK, one code for each filter, in order ($name)', ({ protocolVersion }) => {
  const rig = openRig();
  const client = rig.client('c', { protocolVersion });
  client.subscribe([{ topic: 'a', qos: 2 }, { topic: 'b', qos: 0 }, { topic: 'c/#', qos: 1 }], { packetId: 0x1234 });
  expect(client.received()).toEqual([{ type: 'suback', packetId: 0x1234, reasonCodes: [2, 0, 1] }]);
  expect(rig.stats.subscriptions).toBe(3);
});

test('v5 [MQTT-3.9.3-2] v3.1.1 [MQTT-3.9.3-2] a refused filter gets its code, 3.x 0x80; the others are granted and the connection stays', () => {
  const codes: Readonly<Record<string, number>> = { unspecified: 0x80, specific: 0x83, denied: 0x87, quota: 0x97 };
  const rig = openRig({
    authorize: (_client, { type, topic }): AuthorizeAnswer => {
      const reasonCode = type === 'subscribe' ? codes[topic] : undefined;
      return reasonCode === undefined || { action: 'deny', reasonCode };
    },
  });
  const filters = ['fine', ...Object.keys(codes), 'also fine'];
  for (const { name, protocolVersion } of three) {
    const client = rig.client(name, { protocolVersion }).subscribe(filters, { qos: 1 }).pingreq();
    const refused = Object.values(codes).map((code) => (protocolVersion === 5 ? code : 0x80));
    expect(client.received()).toMatchObject([{ type: 'suback', reasonCodes: [1, ...refused, 1] }, { type: 'pingresp' }]);
  }
  expect(rig.stats.subscriptions).toBe(6);
});

test('v5 the topic that a hook is asked about is the filter, of a shared one without its prefix', () => {
  const asked: unknown[] = [];
  const rig = openRig({
    authorize: (_client, action) => {
      if (action.type === 'subscribe') asked.push([action.topic, action.qos, action.shareName]);
      return true;
    },
  });
  rig.client('c').subscribe([{ topic: 'a/+', qos: 1 }, { topic: '$share/g/b/#', qos: 2 }]);
  expect(asked).toEqual([['a/+', 1, undefined], ['b/#', 2, 'g']]);
});

test('v5 [MQTT-3.8.4-3] v3.1.1 [MQTT-3.8.4-3] the same filter replaces: QoS, No Local, Retain As Published and identifier', () => {
  const rig = openRig();
  const client = rig.client('c').subscribe([{ topic: 'a', qos: 2, nl: true, rap: true }], { properties: { subscriptionIdentifier: 5 } });
  client.subscribe('a', { qos: 1 }).skip();
  expect(rig.stats.subscriptions).toBe(1);
  client.publish({ topic: 'a', payload: 'x', qos: 2, retain: true });
  const sent = publishes(client);
  expect(sent).toMatchObject([{ qos: 1, retain: false }]);
  expect(sent.map(identifiersOf)).toEqual([[]]); // X5-3.8.2.1.2-1
});

test('v5 [MQTT-3.8.4-5] the same filter twice in one SUBSCRIBE: both are answered, the last one holds', () => {
  const rig = openRig();
  const client = rig.client('c').subscribe([{ topic: 'a', qos: 2 }, { topic: 'a', qos: 0 }]);
  expect(short(client.received())).toEqual(['suback 1 0x02 0x00']);
  rig.client('pub').publish({ topic: 'a', qos: 2 });
  expect(publishes(client)).toMatchObject([{ qos: 0 }]);
});

test('v5 X5-3.8.2.1.2-1 the identifier of a SUBSCRIBE is that of all its filters, and is kept with a session', () => {
  const rig = openRig();
  rig.resumable('c').subscribe(['a', 'b', '$share/g/c'], { qos: 1, properties: { subscriptionIdentifier: 77 } }).drop();
  const publisher = rig.client('pub');
  for (const topic of ['a', 'b', 'c']) publisher.publish({ topic, qos: 1 });
  const again = rig.resumable('c');
  for (const topic of ['a', 'b', 'c']) publisher.publish({ topic, qos: 1 });
  expect(publishes(again).map(identifiersOf)).toEqual(Array(6).fill([77]));
});

test('v5 X5-3.3.2.3.8-1 identifiers from 1 to 268,435,455; 0 is a protocol error', () => {
  const rig = openRig();
  for (const subscriptionIdentifier of [1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455]) {
    const client = rig.client('c').subscribe('a', { properties: { subscriptionIdentifier } }).skip();
    rig.client('pub').publish({ topic: 'a' });
    expect(publishes(client).map(identifiersOf)).toEqual([[subscriptionIdentifier]]);
  }
  // SUBSCRIBE with identifier 0, then without a filter's options.
  const zero = rig.client('c').sendsHex('82 08 0001 02 0b 00 0001 61');
  expect(zero.received()).toMatchObject([{ type: 'disconnect', reasonCode: 0x82 }]);
});

// ---- Validation ----

test.each(['', 'a#', '#/a', 'a/#/b', 'a+', '+a', 'a/b+/c', '$share/g', '$share/g/', '$share//a', '$share/+/a', '$share/g#/a', '$share/g/a#'])(
  'v5 [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.7.3-1] [MQTT-4.8.2-1] [MQTT-4.8.2-2] v3.1.1 [MQTT-4.7.1-2] [MQTT-4.7.1-3] the ill-formed filter %j closes, and none of the packet’s filters takes effect',
  (filter) => {
    const rig = openRig();
    for (const protocolVersion of [4, 5] as const) {
      const client = rig.client('c', { protocolVersion }).subscribe(['fine', filter]);
      if (protocolVersion === 5) expect(client.received()).toMatchObject([{ type: 'disconnect', reasonCode: 0x81 }]);
      else expect(client.received()).toEqual([]);
      expect(client.closed).toBe(true);
      const other = rig.client('u', { protocolVersion }).unsubscribe([filter]);
      if (protocolVersion === 5) expect(other.received()).toMatchObject([{ type: 'disconnect', reasonCode: 0x81 }]);
      expect(other.closed).toBe(true);
    }
    expect(rig.stats.subscriptions).toBe(0);
  },
);

test.each(['#', '+', '/', '//', '+/+', '/#', '+/#', 'a/+/#', '$SYS/#', '$', '$share', '$shared/a', '$share/g/#', '$share/g//', '$share/ü/+', ' ', 'a b'])(
  'the filter %j is well-formed',
  (filter) => {
    const rig = openRig();
    const client = rig.client('c').subscribe(filter).unsubscribe(filter);
    expect(short(client.received())).toEqual(['suback 1 0x00', 'unsuback 2 0x00']);
  },
);

test.each([
  ['QoS 3', '03', 0x82],
  ['Retain Handling 3', '30', 0x82],
  ['reserved bit 6', '40', 0x81],
  ['reserved bit 7', '80', 0x81],
])('v5 [MQTT-3.8.3-5] X5-3.8.3.1-1 X5-3.8.3.1-2 options with %s close', (_what, options, reasonCode) => {
  const rig = openRig();
  const client = rig.client('c').sendsHex(`82 0b 0001 00 0001 62 00 0001 61 ${options}`);
  expect(client.received()).toMatchObject([{ type: 'disconnect', reasonCode }]);
  expect(rig.stats.subscriptions).toBe(0);
});

test.each(['03', '04', '08', '10', '40', '80'])('v3.1.1 [MQTT-3.8.3-4] a Requested QoS byte of 0x%s closes', (options) => {
  const rig = openRig();
  const client = rig.client('c', { protocolVersion: 4 }).sendsHex(`82 06 0001 0001 61 ${options}`);
  expect([client.received(), client.closed, rig.stats.subscriptions]).toEqual([[], true, 0]);
});

test('v5 [MQTT-3.8.3-2] [MQTT-3.10.3-2] v3.1.1 [MQTT-3.8.3-3] [MQTT-3.10.3-2] without a filter they are protocol errors', () => {
  const rig = openRig();
  for (const packet of ['82 03 0001 00', 'a2 03 0001 00']) {
    expect(rig.client('c').sendsHex(packet).received()).toMatchObject([{ type: 'disconnect', reasonCode: 0x82 }]);
  }
  for (const packet of ['82 02 0001', 'a2 02 0001']) expect(rig.client('c', { protocolVersion: 4 }).sendsHex(packet).closed).toBe(true);
});

test.each(['82 07 0000 00 0001 61 00', 'a2 06 0000 00 0001 61'])('v5 [MQTT-2.2.1-3] packet identifier 0 closes: %s', (packet) => {
  const rig = openRig();
  const [last] = rig.client('c').sendsHex(packet).received();
  expect(last?.type).toBe('disconnect');
  expect([0x81, 0x82]).toContain(last?.reasonCode);
});

test.each(['80', '81', '83', '8a', 'a0', 'a3'])('v5 [MQTT-3.8.1-1] [MQTT-3.10.1-1] flags other than 0010 close: 0x%s', (first) => {
  const rig = openRig();
  const body = first.startsWith('8') ? '07 0001 00 0001 61 00' : '06 0001 00 0001 61';
  expect(rig.client('c').sendsHex(`${first} ${body}`).received()).toMatchObject([{ type: 'disconnect', reasonCode: 0x81 }]);
  expect(rig.stats.subscriptions).toBe(0);
});

test('v5 features that CONNACK declares unavailable, used all the same, get their code and a close; 3.x gets 0x80', () => {
  const rig = openRig({ wildcardSubscriptionAvailable: false, subscriptionIdentifierAvailable: false, sharedSubscriptionAvailable: false });
  const connack = rig.open().connect({ clientId: 'c' }).received()[0];
  expect(connack?.properties).toMatchObject({
    wildcardSubscriptionAvailable: false,
    subscriptionIdentifiersAvailable: false,
    sharedSubscriptionAvailable: false,
  });
  for (const [filter, reasonCode] of [['a/+', 0xa2], ['#', 0xa2], ['$share/g/a', 0x9e]] as const) {
    expect(rig.client('c').subscribe(['fine', filter]).received()).toMatchObject([{ type: 'disconnect', reasonCode }]);
    expect(rig.client('o', { protocolVersion: 4 }).subscribe(['fine', filter]).last()?.reasonCodes).toEqual([0, 0x80]);
  }
  const identified = rig.client('c').subscribe('a', { properties: { subscriptionIdentifier: 1 } });
  expect(identified.received()).toMatchObject([{ type: 'disconnect', reasonCode: 0xa1 }]);
});

// ---- UNSUBSCRIBE ----

test('v5 [MQTT-3.10.4-4] [MQTT-3.10.4-5] [MQTT-3.10.4-6] [MQTT-3.11.3-1] one UNSUBACK, one code for each filter, in order', () => {
  const rig = openRig();
  const client = rig.client('c').subscribe(['a', 'b']).skip().unsubscribe(['a', 'x', 'b', 'a'], { packetId: 0xfffe });
  expect(client.received()).toEqual([{ type: 'unsuback', packetId: 0xfffe, reasonCodes: [0, 0x11, 0, 0x11] }]);
});

test.each(three.slice(0, 2))('v3.1.1 [MQTT-3.10.4-4] [MQTT-3.10.4-5] UNSUBACK comes always, and has no payload ($name)', ({ protocolVersion }) => {
  const rig = openRig();
  const client = rig.client('c', { protocolVersion }).subscribe('a').skip();
  expect(client.unsubscribe(['a', 'x'], { packetId: 0x0203 }).receivedHex()).toBe('b0 02 02 03');
});

test.each(both)('v5 [MQTT-3.10.4-1] [MQTT-3.10.4-2] v3.1.1 [MQTT-3.10.4-1] [MQTT-3.10.4-2] filters are compared character by character; what was held brings no more ($name)', ({ protocolVersion }) => {
  const rig = openRig();
  const client = rig.client('c', { protocolVersion }).subscribe(['a/b', 'a/+', 'a/#', 'A/b']).skip();
  const publisher = rig.client('pub');
  const gets = (topic: string): number => {
    publisher.publish({ topic });
    return payloads(client).length;
  };
  client.unsubscribe(['a', 'a/', 'A/#', '+/b', 'a/b/']).skip();
  expect(rig.stats.subscriptions).toBe(4);
  client.unsubscribe(['a/#']).skip();
  expect([gets('a/b'), gets('a/c'), gets('a/b/c'), gets('A/b')]).toEqual([1, 1, 0, 1]);
  client.unsubscribe(['a/+']).skip();
  expect([gets('a/b'), gets('a/c')]).toEqual([1, 0]);
  client.unsubscribe(['a/b', 'A/b']).skip();
  expect([gets('a/b'), gets('A/b'), rig.stats.subscriptions]).toEqual([0, 0, 0]);
});

test.each(both)('v5 [MQTT-3.10.4-3] what was begun is completed; what was queued behind it too ($name)', ({ protocolVersion }) => {
  const rig = openRig({ inflightMax: 1 });
  const client = rig.subscriber('c', 'a', 2, { protocolVersion });
  const publisher = rig.client('pub').publish({ topic: 'a', payload: '1', qos: 2 }).publish({ topic: 'a', payload: '2', qos: 2 });
  client.unsubscribe('a');
  publisher.publish({ topic: 'a', payload: '3', qos: 2 });
  expect(payloads(client)).toEqual(['1']);
  expect(short(client.pubrec(1).pubcomp(1).received())).toEqual(['pubrel 1', 'publish 1 2']);
  expect(short(client.pubrec(1).pubcomp(1).received())).toEqual(['pubrel 1']);
});

test.each(both)('an UNSUBSCRIBE holds for a session that lasts ($name)', ({ protocolVersion }) => {
  const rig = openRig();
  rig.resumable('c', { protocolVersion }).subscribe(['a', 'b'], { qos: 1 }).unsubscribe('a').drop();
  const publisher = rig.client('pub');
  for (const topic of ['a', 'b']) publisher.publish({ topic, payload: topic, qos: 1 });
  expect(payloads(rig.resumable('c', { protocolVersion }))).toEqual(['b']);
});

// ---- Identifiers in use ----

test('v5 X5-2.2.1-1 an identifier that waits for PUBREL is in use: 0x91 in SUBACK, UNSUBACK and PUBACK, without effect', () => {
  const rig = openRig();
  const subscriber = rig.subscriber('sub', 'a', 1);
  const client = rig.client('c').subscribe('x', { packetId: 1 }).publish({ topic: 'a', payload: 'first', qos: 2, packetId: 7 }).skip();
  client.subscribe(['y', 'z'], { packetId: 7 }).unsubscribe(['x', 'y'], { packetId: 7 }).publish({ topic: 'a', payload: 'no', qos: 1, packetId: 7 });
  expect(short(client.received())).toEqual(['suback 7 0x91 0x91', 'unsuback 7 0x91 0x91', 'puback 7 0x91']);
  expect(rig.stats.subscriptions).toBe(2);
  client.pubrel(7).subscribe('y', { packetId: 7 });
  expect(short(client.received())).toEqual(['pubcomp 7', 'suback 7 0x00']);
  expect(payloads(subscriber)).toEqual(['first']);
});

test('v5 X5-2.2.1-2 an identifier is free again after PUBACK, PUBCOMP, PUBREC with an error, SUBACK and UNSUBACK', () => {
  const rig = openRig({ authorize: (_client, { type, topic }) => type !== 'publish' || topic !== 'no' });
  const client = rig.client('c');
  client.publish({ topic: 'a', qos: 1, packetId: 5 }).publish({ topic: 'no', qos: 2, packetId: 5 }).subscribe('b', { packetId: 5 });
  client.unsubscribe('b', { packetId: 5 }).publish({ topic: 'a', qos: 2, packetId: 5 }).pubrel(5).subscribe('b', { packetId: 5 });
  expect(short(client.received())).toEqual([
    'puback 5 0x10', 'pubrec 5 0x87', 'suback 5 0x00', 'unsuback 5 0x00', 'pubrec 5 0x10', 'pubcomp 5', 'suback 5 0x00',
  ]);
});

test.each(three.slice(0, 2))('3.x has no such code: the packet is taken as it comes ($name)', ({ protocolVersion }) => {
  const rig = openRig();
  const subscriber = rig.subscriber('sub', 'a', 1);
  const client = rig.client('c', { protocolVersion }).publish({ topic: 'a', payload: '1', qos: 2, packetId: 7 }).skip();
  client.subscribe('y', { packetId: 7 }).unsubscribe('y', { packetId: 7 }).publish({ topic: 'a', payload: '2', qos: 1, packetId: 7 });
  expect(short(client.received())).toEqual(['suback 7 0x00', 'unsuback 7', 'puback 7']);
  expect(short(client.pubrel(7).received())).toEqual(['pubcomp 7']);
  expect(payloads(subscriber)).toEqual(['1', '2']);
});
