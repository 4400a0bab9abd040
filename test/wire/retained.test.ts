/** Retained messages: set, replaced, cleared; RETAIN on the way out; Retain Handling. */
import { expect, test } from '@jest/globals';
import { both, openRig, payloads, publishes, short, three } from './rig.js';

test.each(three)('v5 [MQTT-3.3.1-5] v3.1.1 [MQTT-3.3.1-5] [MQTT-3.3.1-6] the last one of a topic is kept and sent to new subscribers ($name)', ({ protocolVersion }) => {
  const rig = openRig();
  const publisher = rig.client('pub', { protocolVersion });
  publisher.publish({ topic: 'a', payload: 'old', retain: true });
  publisher.publish({ topic: 'a', payload: 'new', qos: 1, retain: true });
  publisher.publish({ topic: 'b', payload: 'other', qos: 2, retain: true });
  publisher.publish({ topic: 'a', payload: 'plain', qos: 1 }); // v5 [MQTT-3.3.1-8] v3.1.1 [MQTT-3.3.1-12]
  const subscriber = rig.client('sub', { protocolVersion }).subscribe('a', { qos: 2 });
  expect(publishes(subscriber)).toEqual([{ type: 'publish', topic: 'a', payload: 'new', qos: 1, retain: true, dup: false, packetId: 1 }]);
  expect(rig.stats).toMatchObject({ retainedMessages: 2, retainedBytes: 4 + 6 });
});

test.each(both)('v5 [MQTT-3.3.1-6] [MQTT-3.3.1-7] v3.1.1 [MQTT-3.3.1-10] [MQTT-3.3.1-11] an empty payload clears, is delivered live, and is not kept ($name)', ({ protocolVersion }) => {
  for (const qos of [0, 1, 2] as const) {
    const rig = openRig();
    const publisher = rig.client('pub', { protocolVersion }).publish({ topic: 'a', payload: 'x', retain: true });
    const subscriber = rig.subscriber('sub', 'a', 2);
    publisher.publish({ topic: 'a', payload: '', qos, retain: true });
    expect(publishes(subscriber)).toMatchObject([{ payload: '', qos, retain: false }]);
    expect(payloads(rig.client('late').subscribe('a'))).toEqual([]);
    publisher.publish({ topic: 'never set', payload: '', qos, retain: true });
    expect(rig.stats).toMatchObject({ retainedMessages: 0, retainedBytes: 0 });
  }
});

test('an empty payload without RETAIN clears nothing', () => {
  const rig = openRig();
  rig.client('pub').publish({ topic: 'a', payload: 'x', retain: true }).publish({ topic: 'a', payload: '' });
  expect(payloads(rig.client('sub').subscribe('a'))).toEqual(['x']);
});

test('the host sets and clears likewise', async () => {
  const rig = openRig();
  await rig.broker.publish('a', 'x', { retain: true });
  expect(payloads(rig.client('sub').subscribe('a'))).toEqual(['x']);
  await rig.broker.publish('a', '', { retain: true });
  expect(rig.broker.retained.size).toBe(0);
});

test.each(both)('v5 [MQTT-3.3.1-12] [MQTT-3.3.1-13] v3.1.1 [MQTT-3.3.1-9] RETAIN on a live message: 0, or as published if asked for ($name)', ({ protocolVersion }) => {
  const rig = openRig();
  const plain = rig.subscriber('plain', 'a', 2, { protocolVersion });
  const asPublished = rig.client('rap').subscribe([{ topic: 'a', qos: 2, rap: true }]).skip();
  const publisher = rig.client('pub', { protocolVersion });
  for (const retain of [true, false]) for (const qos of [0, 1, 2] as const) publisher.publish({ topic: 'a', payload: 'x', qos, retain });
  expect(publishes(plain).map(({ retain }) => retain)).toEqual(Array(6).fill(false));
  expect(publishes(asPublished).map(({ retain }) => retain)).toEqual([true, true, true, false, false, false]);
});

test('v5 [MQTT-3.3.1-13] Retain As Published holds in queues and when sent again', () => {
  const rig = openRig();
  rig.resumable('sub').subscribe([{ topic: 'a', qos: 1, rap: true }, { topic: 'b', qos: 1 }]).drop();
  const publisher = rig.client('pub');
  for (const topic of ['a', 'b']) publisher.publish({ topic, payload: 'x', qos: 1, retain: true });
  for (let round = 0; round < 2; round += 1) {
    const again = rig.resumable('sub');
    expect(publishes(again).map(({ topic, retain }) => [topic, retain])).toEqual([['a', true], ['b', false]]);
    again.drop();
  }
});

test('v5 X5-3.3.1.3-2 RETAIN is 1 on what is sent because of a new subscription, whatever Retain As Published says', () => {
  const rig = openRig();
  rig.client('pub').publish({ topic: 'a', payload: 'x', qos: 1, retain: true });
  for (const rap of [false, true]) {
    const client = rig.resumable(`c${rap}`).subscribe([{ topic: 'a', qos: 1, rap }]);
    expect(publishes(client)).toMatchObject([{ retain: true, dup: false }]);
    client.drop();
    expect(publishes(rig.resumable(`c${rap}`))).toMatchObject([{ retain: true, dup: true }]);
  }
});

test('v5 [MQTT-3.8.4-8] retained messages come at the lower of their QoS and the granted one, with the subscription’s identifier', () => {
  const rig = openRig();
  const publisher = rig.client('pub');
  for (const qos of [0, 1, 2] as const) publisher.publish({ topic: `t${qos}`, payload: 'x', qos, retain: true });
  for (const granted of [0, 1, 2] as const) {
    const client = rig.client('c').subscribe('+', { qos: granted, properties: { subscriptionIdentifier: 5 } });
    const sent = publishes(client).toSorted((a, b) => String(a.topic).localeCompare(String(b.topic)));
    expect(sent.map(({ qos }) => qos)).toEqual([0, 1, 2].map((qos) => Math.min(qos, granted)));
    expect(sent.every(({ properties }) => properties?.subscriptionIdentifier === 5)).toBe(true);
  }
});

test('v5 retained messages come for each filter of a SUBSCRIBE, with the identifiers of that subscription alone', () => {
  const rig = openRig();
  rig.client('pub').publish({ topic: 'a', payload: 'x', retain: true });
  const client = rig.client('c').subscribe('#', { properties: { subscriptionIdentifier: 1 } }).skip();
  client.subscribe(['a', '+'], { properties: { subscriptionIdentifier: 2 } });
  expect(publishes(client).map(({ properties }) => properties)).toEqual(Array(2).fill({ subscriptionIdentifier: 2 }));
});

test('SUBACK comes before the retained messages', () => {
  const rig = openRig();
  rig.client('pub').publish({ topic: 'a', payload: 'x', retain: true });
  const client = rig.client('c').subscribe('a', { qos: 1 });
  expect(short(client.received())).toEqual(['suback 1 0x01', 'publish x']);
});

// ---- Retain Handling ----

test('v5 [MQTT-3.3.1-9] [MQTT-3.8.4-4] Retain Handling 0: on every SUBSCRIBE', () => {
  const rig = openRig();
  rig.client('pub').publish({ topic: 'a', payload: 'x', retain: true });
  const client = rig.client('c');
  for (let time = 0; time < 3; time += 1) expect(payloads(client.subscribe('a', { rh: 0 }))).toEqual(['x']);
  expect(payloads(client.subscribe(['a', 'a'], { rh: 0 }))).toEqual(['x', 'x']); // like two, one after the other
});

test('v5 [MQTT-3.3.1-10] Retain Handling 1: only if the filter is new to the session', () => {
  const rig = openRig();
  rig.client('pub').publish({ topic: 'a', payload: 'x', retain: true });
  const client = rig.resumable('c');
  expect(payloads(client.subscribe('a', { rh: 1 }))).toEqual(['x']);
  expect(payloads(client.subscribe('a', { rh: 1, qos: 2 }))).toEqual([]);
  expect(payloads(client.subscribe('+', { rh: 1 }))).toEqual(['x']); // another filter
  client.drop();
  const again = rig.resumable('c');
  expect(payloads(again.subscribe('a', { rh: 1 }))).toEqual([]); // the session has it still
  expect(payloads(again.unsubscribe('a').subscribe('a', { rh: 1 }))).toEqual(['x']);
  expect(payloads(again.subscribe(['b', 'b', '#', '#'], { rh: 1 }))).toEqual(['x']); // new, then not
  expect(payloads(rig.client('c').subscribe('a', { rh: 1 }))).toEqual(['x']); // a clean start
});

test('v5 [MQTT-3.3.1-11] Retain Handling 2: never', () => {
  const rig = openRig();
  const publisher = rig.client('pub').publish({ topic: 'a', payload: 'x', retain: true });
  const client = rig.client('c').subscribe('a', { rh: 2 }).subscribe('a', { rh: 2 });
  expect(payloads(client)).toEqual([]);
  publisher.publish({ topic: 'a', payload: 'y', retain: true });
  expect(payloads(client)).toEqual(['y']);
});

test.each(three.slice(0, 2))('v3.1.1 [MQTT-3.8.4-3] [MQTT-3.3.1-6] 3.x gets retained messages on every SUBSCRIBE ($name)', ({ protocolVersion }) => {
  const rig = openRig();
  rig.client('pub').publish({ topic: 'a', payload: 'x', qos: 1, retain: true });
  const client = rig.client('c', { protocolVersion });
  for (let time = 0; time < 2; time += 1) expect(publishes(client.subscribe('a', { qos: 1 }))).toMatchObject([{ payload: 'x', retain: true }]);
});

test('a subscription that is refused brings no retained messages', () => {
  const rig = openRig({ authorize: (_client, { type, topic }) => type !== 'subscribe' || topic !== 'secret' });
  const publisher = rig.client('pub');
  for (const topic of ['secret', 'open']) publisher.publish({ topic, payload: topic, retain: true });
  expect(payloads(rig.client('c').subscribe(['secret', 'open']))).toEqual(['open']);
});

test('a denied delivery withholds a retained message, counted', () => {
  const rig = openRig({ authorize: (_client, { type, topic, ...action }) => type !== 'deliver' || topic !== 'secret' || !('retain' in action && action.retain) });
  const publisher = rig.client('pub');
  for (const topic of ['secret', 'open']) publisher.publish({ topic, payload: topic, qos: 1, retain: true });
  const client = rig.client('c').subscribe('#', { qos: 1 });
  expect(payloads(client)).toEqual(['open']);
  expect(rig.dropped).toEqual(['deliverDenied secret c']);
  publisher.publish({ topic: 'secret', payload: 'live', qos: 1 });
  expect(payloads(client)).toEqual(['live']); // the hook sees which is which
});
