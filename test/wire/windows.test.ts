/** The window towards a client: its Receive Maximum and `inflightMax`, and that nothing but PUBLISH waits for it. */
import { expect, test } from '@jest/globals';
import { both, numbered, openRig, publishes, short } from './rig.js';
import type { Rig } from './rig.js';

function publishNumbered(rig: Rig, count: number, qos: 0 | 1 | 2): void {
  const publisher = rig.client('pub');
  for (const payload of numbered(count)) publisher.publish({ topic: 'a', payload, qos });
}

test('v5 [MQTT-3.3.4-9] [MQTT-4.9.0-2] no more than the client’s Receive Maximum is in flight', () => {
  const rig = openRig();
  const subscriber = rig.subscriber('sub', 'a', 2, { properties: { receiveMaximum: 3 } });
  publishNumbered(rig, 8, 1);
  expect(short(subscriber.received())).toEqual(['publish 1 1', 'publish 2 2', 'publish 3 3']);
  expect(rig.stats).toMatchObject({ inflightMessages: 3, queuedMessages: 5 });
  expect(short(subscriber.puback(2).received())).toEqual(['publish 4 4']);
  expect(short(subscriber.puback(1).puback(3).received())).toEqual(['publish 5 5', 'publish 6 6']);
  expect(short(subscriber.puback(4).puback(5).puback(6).received())).toEqual(['publish 7 7', 'publish 8 8']);
  subscriber.puback(7).puback(8);
  expect(rig.stats).toMatchObject({ inflightMessages: 0, queuedMessages: 0, queuedBytes: 0, memoryBytes: 0 });
});

test('v5 X5-4.9-1 PUBREC frees no place; PUBCOMP does', () => {
  const rig = openRig();
  const subscriber = rig.subscriber('sub', 'a', 2, { properties: { receiveMaximum: 1 } });
  publishNumbered(rig, 3, 2);
  expect(short(subscriber.received())).toEqual(['publish 1 1']);
  expect(short(subscriber.pubrec(1).received())).toEqual(['pubrel 1']);
  expect(short(subscriber.pubcomp(1).received())).toEqual(['publish 1 2']);
  expect(short(subscriber.pubrec(1, 0x80).received())).toEqual(['publish 1 3']); // an error does too
});

test('v5 [MQTT-4.9.0-2] QoS 1 and 2 share the window; QoS 0 passes it', () => {
  const rig = openRig();
  const subscriber = rig.subscriber('sub', '#', 2, { properties: { receiveMaximum: 2 } });
  const publisher = rig.client('pub');
  for (const qos of [1, 2, 1, 2] as const) publisher.publish({ topic: `q${qos}`, qos });
  publisher.publish({ topic: 'zero' });
  expect(publishes(subscriber).map(({ topic }) => topic)).toEqual(['q1', 'q2', 'zero']);
  expect(publishes(subscriber.puback(1)).map(({ topic }) => topic)).toEqual(['q1']);
});

test('v5 the default Receive Maximum is 65,535, of which inflightMax leaves 1000', () => {
  const rig = openRig();
  const subscriber = rig.subscriber('sub', 'a', 1);
  for (let sent = 0; sent < 1100; sent += 1) void rig.broker.publish('a', '', { qos: 1 });
  rig.clock.flush();
  expect(publishes(subscriber)).toHaveLength(1000);
  expect(rig.stats).toMatchObject({ inflightMessages: 1000, queuedMessages: 100 });
});

test.each(both)('inflightMax bounds the window of every version ($name)', ({ protocolVersion }) => {
  const rig = openRig({ inflightMax: 2 });
  const properties = protocolVersion === 5 ? { properties: { receiveMaximum: 100 } } : {};
  const subscriber = rig.subscriber('sub', 'a', 2, { protocolVersion, ...properties });
  publishNumbered(rig, 5, 2);
  expect(short(subscriber.received())).toEqual(['publish 1 1', 'publish 2 2']);
  subscriber.pubrec(1).pubcomp(1);
  expect(short(subscriber.received())).toEqual(['pubrel 1', 'publish 3 3']);
});

test.each(both)('authenticate may narrow the window of one client, and not widen it ($name)', ({ protocolVersion }) => {
  const rig = openRig({
    inflightMax: 2,
    authenticate: ({ clientId }) => ({ action: 'allow', limits: { inflightMax: clientId === 'narrow' ? 1 : 50 } }),
  });
  const [narrow, wide] = ['narrow', 'wide'].map((id) => rig.subscriber(id, 'a', 1, { protocolVersion }));
  publishNumbered(rig, 5, 1);
  expect(narrow && publishes(narrow)).toHaveLength(1);
  expect(wide && publishes(wide)).toHaveLength(2);
});

test.each(both)('v5 [MQTT-3.3.4-10] [MQTT-4.9.0-3] a full window delays no other packet ($name)', ({ protocolVersion }) => {
  const rig = openRig({ inflightMax: 1 });
  const client = rig.subscriber('sub', 'a', 2, { protocolVersion });
  publishNumbered(rig, 5, 2);
  expect(short(client.received())).toEqual(['publish 1 1']);
  const publish = (qos: 1 | 2, packetId: number): string[] =>
    short(client.publish({ topic: 'other', qos, packetId }).received()).map((packet) => packet.replace(' 0x10', ''));
  expect(publish(1, 50)).toEqual(['puback 50']);
  expect(publish(2, 51)).toEqual(['pubrec 51']);
  expect(short(client.pubrel(51).received())).toEqual(['pubcomp 51']);
  expect(short(client.subscribe('b', { packetId: 52 }).received())).toEqual(['suback 52 0x00']);
  const unsuback = protocolVersion === 5 ? 'unsuback 53 0x00' : 'unsuback 53';
  expect(short(client.unsubscribe('b', { packetId: 53 }).received())).toEqual([unsuback]);
  expect(short(client.pingreq().received())).toEqual(['pingresp']);
  expect(short(client.pubrec(1).received())).toEqual(['pubrel 1']);
});

test('v5 [MQTT-4.9.0-1] X5-4.1-2 each connection has the window it asks for', () => {
  const rig = openRig();
  rig.resumable('sub').subscribe('a', { qos: 1 }).drop();
  publishNumbered(rig, 10, 1);
  for (const receiveMaximum of [2, 5, 1]) {
    const subscriber = rig.resumable('sub', { properties: { receiveMaximum } });
    expect(publishes(subscriber)).toHaveLength(receiveMaximum);
    subscriber.drop();
  }
});

test('one client’s full window holds nobody else', () => {
  const rig = openRig();
  rig.subscriber('full', 'a', 1, { properties: { receiveMaximum: 1 } });
  const other = rig.subscriber('other', 'a', 1, { properties: { receiveMaximum: 100 } });
  publishNumbered(rig, 50, 1);
  expect(publishes(other)).toHaveLength(50);
  expect(rig.stats).toMatchObject({ queuedMessages: 49, inflightMessages: 51 });
});

test('the queue behind a full window is bounded as any other: the newest is dropped and counted', () => {
  const rig = openRig({ queueMessagesMax: 3 });
  const subscriber = rig.subscriber('sub', 'a', 1, { properties: { receiveMaximum: 1 } });
  publishNumbered(rig, 6, 1);
  expect(rig.dropped).toEqual(Array(2).fill('queueFull a sub'));
  const seen: (string | undefined)[] = [];
  for (let id = 1; id <= 4; id += 1) {
    const [message] = publishes(subscriber);
    seen.push(message?.payload);
    subscriber.puback(message?.packetId ?? 0);
  }
  expect(seen).toEqual(numbered(4));
  expect(subscriber.received()).toEqual([]);
});
