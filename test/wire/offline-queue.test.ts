/** Queues for clients that are away: what is kept, in which order, how much of it, and what gives way. */
import { expect, test } from '@jest/globals';
import type { WireClient } from '../../src/testing/index.js';
import { both, byQos, numbered, openRig, payloads, publishes, short } from './rig.js';
import type { Rig } from './rig.js';

/** Payloads of the queue of `sub`, which acknowledges as it reads. */
function drain(client: WireClient): (string | undefined)[] {
  const seen: (string | undefined)[] = [];
  for (let sent = publishes(client); sent.length > 0; sent = publishes(client)) {
    for (const { payload, qos, packetId = 0 } of sent) {
      seen.push(payload);
      if (qos === 1) client.puback(packetId);
      if (qos === 2) client.pubrec(packetId).pubcomp(packetId);
    }
  }
  return seen;
}

function absent(rig: Rig, filter = 'a', qos: 0 | 1 | 2 = 2): void {
  rig.resumable('sub').subscribe(filter, { qos }).drop();
}

test.each(both)('v5 [MQTT-4.5.0-1] v3.1.1 [MQTT-3.1.2-5] QoS 1 and 2 wait for a session that lasts, each at its QoS; QoS 0 does not ($name)', ({ protocolVersion }) => {
  const rig = openRig();
  rig.resumable('sub', { protocolVersion }).subscribe('a', { qos: 2 }).drop();
  const publisher = rig.client('pub');
  for (const [index, qos] of ([2, 0, 1, 0, 2] as const).entries()) publisher.publish({ topic: 'a', payload: String(index), qos });
  expect(short(publisher.received())).toEqual(['pubrec 1', 'puback 2', 'pubrec 3']);
  expect(rig.stats).toMatchObject({ queuedMessages: 3, queuedBytes: 6, inflightMessages: 0 });
  const again = rig.resumable('sub', { protocolVersion });
  const sent = publishes(again);
  expect(byQos(sent)).toEqual({ 1: ['2'], 2: ['0', '4'] });
  const inOrder = sent.toSorted((a, b) => Number(a.payload) - Number(b.payload));
  expect(inOrder.map(({ packetId, dup }) => [packetId, dup])).toEqual([1, 2, 3].map((id) => [id, false]));
  expect(rig.stats).toMatchObject({ queuedMessages: 0, queuedBytes: 0, inflightMessages: 3 });
  expect(rig.dropped).toEqual([]); // QoS 0 for a client that is away is not an event
});

test.each(both)('with queueQos0 it waits as well ($name)', ({ protocolVersion }) => {
  const rig = openRig({ queueQos0: true });
  rig.resumable('sub', { protocolVersion }).subscribe('a', { qos: 2 }).drop();
  rig.client('clean').subscribe('a').drop(); // a session that is gone gets nothing
  const publisher = rig.client('pub');
  for (const [index, qos] of ([0, 1, 0, 2, 0] as const).entries()) publisher.publish({ topic: 'a', payload: String(index), qos });
  expect(rig.stats.queuedMessages).toBe(5);
  expect(byQos(publishes(rig.resumable('sub', { protocolVersion })))).toEqual({ 0: ['0', '2', '4'], 1: ['1'], 2: ['3'] });
  expect(rig.stats).toMatchObject({ queuedMessages: 0, inflightMessages: 2 });
});

test('v5 [MQTT-3.8.4-8] what is granted at QoS 0 is not kept, whatever it was published at', () => {
  const rig = openRig();
  absent(rig, 'a', 0);
  rig.client('pub').publish({ topic: 'a', qos: 2 });
  expect(rig.stats.queuedMessages).toBe(0);
  expect(rig.resumable('sub').received()).toEqual([]);
});

test('queueMessagesMax: beyond it the newest is not kept for that session; acknowledged, counted, an event', () => {
  const rig = openRig({ queueMessagesMax: 3 });
  absent(rig);
  const publisher = rig.client('pub');
  for (const payload of numbered(5)) publisher.publish({ topic: 'a', payload, qos: 1 });
  expect(publisher.received().every(({ reasonCode }) => reasonCode === 0)).toBe(true);
  expect(rig.dropped).toEqual(Array(2).fill('queueFull a sub'));
  expect(rig.stats).toMatchObject({ queuedMessages: 3, dropped: { queueFull: 2 } });
  expect(drain(rig.resumable('sub'))).toEqual(['1', '2', '3']);
});

test('queueMessagesMax with oldest: those that wait longest give way', () => {
  const rig = openRig({ queueMessagesMax: 3, queueOverflow: 'oldest' });
  absent(rig);
  const dropped: string[] = [];
  rig.broker.on('dropped', (_why, message) => void dropped.push(message.text()));
  const publisher = rig.client('pub');
  for (const payload of numbered(5)) publisher.publish({ topic: 'a', payload, qos: 1 });
  expect(rig.dropped).toEqual(Array(2).fill('queueFull a sub'));
  expect(dropped).toEqual(['1', '2']);
  expect(drain(rig.resumable('sub'))).toEqual(['3', '4', '5']);
  expect(rig.stats).toMatchObject({ queuedMessages: 0, queuedBytes: 0, memoryBytes: 0 });
});

test('queueBytesMax counts topic, properties and payload', () => {
  const rig = openRig({ queueBytesMax: 100 });
  absent(rig);
  const publisher = rig.client('pub');
  publisher.publish({ topic: 'a', payload: 'x'.repeat(59), qos: 1 }); // 60
  publisher.publish({ topic: 'a', payload: 'y'.repeat(30), qos: 1, properties: { contentType: 'text/html' } }); // 43
  publisher.publish({ topic: 'a', payload: 'z'.repeat(39), qos: 1 }); // 40
  publisher.publish({ topic: 'a', payload: '', qos: 1 }); // 1
  expect(rig.stats).toMatchObject({ queuedMessages: 2, queuedBytes: 100, dropped: { queueFull: 2 } });
  expect(drain(rig.resumable('sub'))).toEqual(['x'.repeat(59), 'z'.repeat(39)]);
});

test('queueBytesMax with oldest drops as many as are needed, and none for a message that can never fit', () => {
  const rig = openRig({ queueBytesMax: 100, queueOverflow: 'oldest' });
  absent(rig);
  const publisher = rig.client('pub');
  for (const letter of ['x', 'y', 'z']) publisher.publish({ topic: 'a', payload: letter.repeat(29), qos: 1 }); // 30 each
  publisher.publish({ topic: 'a', payload: 'w'.repeat(49), qos: 1 }); // 50: x and y go
  expect(rig.stats).toMatchObject({ queuedMessages: 2, queuedBytes: 80, dropped: { queueFull: 2 } });
  publisher.publish({ topic: 'a', payload: 'v'.repeat(100), qos: 1 }); // 101
  expect(rig.stats).toMatchObject({ queuedMessages: 2, queuedBytes: 80, dropped: { queueFull: 3 } });
  expect(drain(rig.resumable('sub'))).toEqual(['z'.repeat(29), 'w'.repeat(49)]);
});

test.each(['newest', 'oldest'] as const)('what was sent and not acknowledged is never dropped by a full queue (%s)', (queueOverflow) => {
  const rig = openRig({ queueMessagesMax: 2, queueOverflow });
  const subscriber = rig.resumable('sub', { properties: { receiveMaximum: 2 } }).subscribe('a', { qos: 1 }).skip();
  const publisher = rig.client('pub');
  for (const payload of numbered(3)) publisher.publish({ topic: 'a', payload, qos: 1 });
  expect(payloads(subscriber)).toEqual(['1', '2']);
  subscriber.drop();
  for (const payload of ['4', '5', '6']) publisher.publish({ topic: 'a', payload, qos: 1 });
  expect(drain(rig.resumable('sub'))).toEqual(queueOverflow === 'newest' ? ['1', '2', '3', '4'] : ['1', '2', '5', '6']);
});

test('each session has a queue of its own: a full one costs the others nothing', () => {
  const rig = openRig({ queueMessagesMax: 2, authenticate: ({ clientId }) => ({ action: 'allow', limits: { queueMessagesMax: clientId === 'few' ? 1 : 9 } }) });
  for (const id of ['few', 'many']) rig.resumable(id).subscribe('a', { qos: 1 }).drop();
  const online = rig.subscriber('online', 'a', 1);
  const publisher = rig.client('pub');
  for (const payload of numbered(4)) publisher.publish({ topic: 'a', payload, qos: 1 });
  expect(payloads(online)).toEqual(numbered(4));
  expect(drain(rig.resumable('few'))).toEqual(['1']);
  expect(drain(rig.resumable('many'))).toEqual(['1', '2']); // a hook narrows, it does not widen
});

test('the defaults of the memory store are 10,000 messages', () => {
  const rig = openRig();
  absent(rig);
  for (let sent = 0; sent < 10_002; sent += 1) void rig.broker.publish('a', String(sent), { qos: 1 });
  rig.clock.flush();
  expect(rig.stats).toMatchObject({ queuedMessages: 10_000, dropped: { queueFull: 2 } });
  const seen = drain(rig.resumable('sub'));
  expect(seen).toHaveLength(10_000);
  expect(seen).toEqual(numbered(10_000, 0));
});

test('the defaults of the memory store are 16 MiB', () => {
  const rig = openRig();
  absent(rig);
  const payload = Buffer.alloc(2 ** 20 - 1); // with its topic 1 MiB
  for (let sent = 0; sent < 18; sent += 1) void rig.broker.publish('a', payload, { qos: 1 });
  rig.clock.flush();
  expect(rig.stats).toMatchObject({ queuedMessages: 16, queuedBytes: 2 ** 24, dropped: { queueFull: 2 } });
});

test('a queue that ends with its session is counted as dropped and gives its memory back', () => {
  const rig = openRig();
  absent(rig);
  const publisher = rig.client('pub');
  for (const payload of numbered(3)) publisher.publish({ topic: 'a', payload, qos: 1 });
  rig.clock.advance(3601 * 1000);
  expect(rig.stats).toMatchObject({ queuedMessages: 0, queuedBytes: 0, memoryBytes: 0, sessions: 1, dropped: { sessionEnded: 3 } });
  expect(rig.open().connect({ clientId: 'sub', clean: false }).received()).toMatchObject([{ sessionPresent: false }]);
});

test('a queue longer than the window of it in memory comes whole and in order, interrupted or not', () => {
  const rig = openRig();
  absent(rig, 'a', 1);
  for (const payload of numbered(3500)) void rig.broker.publish('a', payload, { qos: 1 });
  rig.clock.flush();
  const first = rig.resumable('sub', { properties: { receiveMaximum: 7 } });
  const begun = publishes(first);
  for (const { packetId } of begun.slice(0, 5)) first.puback(packetId as number);
  first.drop();
  for (const payload of numbered(500, 3501)) void rig.broker.publish('a', payload, { qos: 1 });
  const seen = drain(rig.resumable('sub'));
  expect(seen).toEqual(numbered(3995, 6));
  expect(rig.stats).toMatchObject({ queuedMessages: 0, queuedBytes: 0, inflightMessages: 0, memoryBytes: 0 });
});
