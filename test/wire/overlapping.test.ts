/** Overlapping subscriptions give one PUBLISH; No Local, Retain As Published and identifiers in it. */
import { expect, test } from '@jest/globals';
import type { WireSubscription } from '../../src/testing/index.js';
import { both, identifiersOf, openRig, payloads, publishes, three } from './rig.js';
import type { Rig } from './rig.js';

test.each(three)('v5 [MQTT-3.3.4-2] v3.1.1 [MQTT-3.3.5-1] one copy, at the highest QoS granted ($name)', ({ protocolVersion }) => {
  const rig = openRig();
  const client = rig.client('c', { protocolVersion });
  const filters: readonly (readonly [string, 0 | 1 | 2])[] = [['a/b', 0], ['a/#', 2], ['a/+', 1], ['#', 0], ['+/b', 1]];
  for (const [filter, qos] of filters) client.subscribe(filter, { qos }).skip();
  const publisher = rig.client('pub');
  for (const qos of [0, 1, 2] as const) publisher.publish({ topic: 'a/b', qos });
  expect(publishes(client).map(({ qos }) => qos)).toEqual([0, 1, 2]);
  client.unsubscribe('a/#').skip();
  publisher.publish({ topic: 'a/b', qos: 2 });
  expect(publishes(client).map(({ qos }) => qos)).toEqual([1]);
});

test('v5 [MQTT-3.3.4-3] [MQTT-3.3.4-4] X5-3.3.4-1 it carries the identifiers of all that match, one given twice twice', () => {
  const rig = openRig();
  const client = rig.client('c');
  client.subscribe('a/b', { qos: 0, properties: { subscriptionIdentifier: 7 } });
  client.subscribe('a/#', { qos: 1, properties: { subscriptionIdentifier: 268_435_455 } });
  client.subscribe('#', { qos: 0, properties: { subscriptionIdentifier: 7 } });
  client.subscribe('+/+', { qos: 0 }); // without one
  client.subscribe('a/c', { qos: 2, properties: { subscriptionIdentifier: 99 } }).skip(); // does not match
  rig.client('pub').publish({ topic: 'a/b', qos: 1 });
  const sent = publishes(client);
  expect(sent.map(identifiersOf)).toEqual([[7, 7, 268_435_455]]);
  expect(sent).toMatchObject([{ qos: 1 }]);
});

test('v5 [MQTT-3.3.1-13] RETAIN is kept if any of them has Retain As Published', () => {
  const rig = openRig();
  const mixed = rig.client('mixed').subscribe([{ topic: 'a', qos: 0, rap: true }, { topic: '#', qos: 1, rap: false }]).skip();
  const none = rig.client('none').subscribe(['a', '#']).skip();
  rig.client('pub').publish({ topic: 'a', payload: 'x', retain: true }).publish({ topic: 'a', payload: 'y' });
  expect(publishes(mixed).map(({ retain }) => retain)).toEqual([true, false]);
  expect(publishes(none).map(({ retain }) => retain)).toEqual([false, false]);
});

test.each(both)('any mixture counts as one message in queue and window ($name)', ({ protocolVersion }) => {
  const rig = openRig();
  const client = rig.resumable('c', { protocolVersion }).subscribe(['a', '#', '+'], { qos: 1 }).skip();
  client.drop();
  rig.client('pub').publish({ topic: 'a', payload: 'x', qos: 1 });
  expect(rig.stats.queuedMessages).toBe(1);
  expect(payloads(rig.resumable('c', { protocolVersion }))).toEqual(['x']);
  expect(rig.stats.inflightMessages).toBe(1);
});

// ---- No Local ----

const own = (rig: Rig, subscriptions: readonly WireSubscription[]) => {
  const client = rig.client('c').subscribe(subscriptions, { properties: { subscriptionIdentifier: 1 } }).skip();
  return { client, say: (topic: string, qos: 0 | 1 | 2 = 0) => publishes(client.publish({ topic, payload: 'own', qos })) };
};

test.each([0, 1, 2] as const)('v5 [MQTT-3.8.3-3] No Local withholds what the client published itself, at QoS %i; others still get it', (qos) => {
  const rig = openRig();
  const { client, say } = own(rig, [{ topic: 'a', qos: 2, nl: true }]);
  const other = rig.subscriber('other', 'a', 2);
  expect(say('a', qos)).toEqual([]);
  expect(payloads(other)).toEqual(['own']);
  other.publish({ topic: 'a', payload: 'other', qos });
  expect(payloads(client)).toEqual(['other']);
});

test('v5 PUBACK 0x10 when No Local leaves nobody', () => {
  const rig = openRig();
  const client = rig.client('c').subscribe([{ topic: 'a', qos: 1, nl: true }]).skip();
  expect(client.publish({ topic: 'a', qos: 1, packetId: 4 }).received()).toEqual([{ type: 'puback', packetId: 4, reasonCode: 0x10 }]);
});

test('v5 [MQTT-3.8.3-3] it filters before the merge: another subscription still brings the message, with its own options', () => {
  const rig = openRig();
  const client = rig.client('c');
  client.subscribe([{ topic: 'a', qos: 2, nl: true, rap: true }], { properties: { subscriptionIdentifier: 1 } });
  client.subscribe([{ topic: '#', qos: 1 }], { properties: { subscriptionIdentifier: 2 } }).skip();
  client.publish({ topic: 'a', payload: 'own', qos: 2, retain: true });
  expect(publishes(client)).toMatchObject([{ qos: 1, retain: false, properties: { subscriptionIdentifier: 2 } }]);
  rig.client('pub').publish({ topic: 'a', payload: 'other', qos: 2, retain: true });
  const sent = publishes(client);
  expect(sent).toMatchObject([{ qos: 2, retain: true }]);
  expect(sent.map(identifiersOf)).toEqual([[1, 2]]);
});

test('v5 [MQTT-3.8.3-3] it goes by client identifier: the same client on its next connection is still the publisher', () => {
  const rig = openRig();
  const client = rig.resumable('c').subscribe([{ topic: 'a', qos: 1, nl: true }]).skip();
  client.publish({ topic: 'a', payload: 'x', qos: 1 }).skip().drop();
  const again = rig.resumable('c');
  expect(again.received()).toEqual([]);
  expect(publishes(again.publish({ topic: 'a', payload: 'y', qos: 1 }))).toEqual([]);
  rig.client('pub').publish({ topic: 'a', payload: 'z', qos: 1 });
  expect(payloads(again)).toEqual(['z']);
});

test('v5 [MQTT-3.8.3-3] a client’s own will counts as its own', () => {
  const rig = openRig();
  const will = { topic: 'a', payload: 'will', qos: 1 } as const;
  rig.resumable('c', { will }).subscribe([{ topic: 'a', qos: 1, nl: true }]).drop();
  expect(rig.resumable('c').received()).toEqual([]);
});

test('v5 a client’s own retained messages are withheld at subscribe, those of others are not', () => {
  const rig = openRig();
  const client = rig.client('c').publish({ topic: 'r/own', payload: 'own', retain: true });
  rig.client('pub').publish({ topic: 'r/other', payload: 'other', retain: true });
  void rig.broker.publish('r/host', 'host', { retain: true });
  client.subscribe([{ topic: 'r/#', qos: 0, nl: true }]);
  expect(payloads(client).toSorted((a = '', b = '') => a.localeCompare(b))).toEqual(['host', 'other']);
  client.subscribe([{ topic: 'r/own', qos: 0, nl: false }]);
  expect(payloads(client)).toEqual(['own']);
  // What another publishes in its place is not its own any more.
  rig.client('pub').publish({ topic: 'r/own', payload: 'theirs', retain: true });
  client.skip().subscribe([{ topic: 'r/own', qos: 0, nl: true }]);
  expect(payloads(client)).toEqual(['theirs']);
});
