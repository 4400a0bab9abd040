/**
 * Many retained messages on their way to a new subscription: at the client's pace, a bounded step at a time, outside
 * the limits of the queue, and never behind what has replaced them.
 */
import { expect, test } from '@jest/globals';
import type { WireClient } from '../../src/testing/index.js';
import { both, numbered, openRig, payloads, publishes, short } from './rig.js';
import type { ClientOptions, Rig } from './rig.js';

/** `t/1` to `t/count`, each with its number as payload. */
function retain(rig: Rig, count: number, qos: 0 | 1 | 2 = 0): void {
  for (const number of numbered(count)) void rig.broker.publish(`t/${number}`, number, { qos, retain: true });
  rig.clock.flush();
}

const byNumber = (a = '', b = ''): number => Number(a) - Number(b);

/** Reads and acknowledges until nothing more comes. */
function drain(client: WireClient): string[] {
  const seen: string[] = [];
  for (let sent = publishes(client); sent.length > 0; sent = publishes(client)) {
    for (const { payload = '', qos, packetId = 0 } of sent) {
      seen.push(payload);
      if (qos === 1) client.puback(packetId);
      if (qos === 2) client.pubrec(packetId).pubcomp(packetId);
    }
  }
  return seen;
}

test.each([0, 1, 2] as const)('all of them come once, at QoS %i, through any window', (qos) => {
  for (const receiveMaximum of [1, 10, 1000]) {
    const rig = openRig();
    retain(rig, 700, qos);
    const client = rig.client('c', { properties: { receiveMaximum } }).subscribe('t/#', { qos });
    expect(drain(client).toSorted(byNumber)).toEqual(numbered(700));
    expect(rig.stats).toMatchObject({ queuedMessages: 0, inflightMessages: 0, memoryBytes: 0 });
  }
});

test('they are outside the limits of the queue, which stays free for what is live', () => {
  const rig = openRig({ queueMessagesMax: 2, queueBytesMax: 100 });
  retain(rig, 300, 1);
  const client = rig.client('c', { properties: { receiveMaximum: 1 } }).subscribe('#', { qos: 1 });
  const publisher = rig.client('pub');
  for (const payload of ['1001', '1002', '1003']) publisher.publish({ topic: 'live', payload, qos: 1 });
  expect(rig.stats).toMatchObject({ queuedMessages: 2, dropped: { queueFull: 1 } });
  expect(drain(client).toSorted(byNumber)).toEqual([...numbered(300), '1001', '1002']);
});

test('a client that does not read gets no more than its outbound limit and a step', () => {
  const rig = openRig({ outboundBytesMax: 10_000 });
  for (const number of numbered(2000)) void rig.broker.publish(`t/${number}`, number.padEnd(1000), { retain: true });
  rig.clock.flush();
  const client = rig.client('c').pause().subscribe('#');
  const sent = rig.stats.publishSent;
  expect(sent).toBeLessThanOrEqual(512);
  rig.clock.advance(60_000);
  expect(rig.stats.publishSent).toBe(sent);
  client.resume();
  expect(payloads(client).map((payload) => payload?.trim()).toSorted(byNumber)).toEqual(numbered(2000));
  expect(rig.dropped).toEqual([]);
});

test('the work of one turn is bounded: others are served between the steps', () => {
  const rig = openRig();
  retain(rig, 3000);
  const other = rig.subscriber('other', 'now');
  const client = rig.client('c');
  // Both stand in one turn: the SUBSCRIBE first.
  const order: string[] = [];
  rig.clock.endOfTurn(() => {
    rig.clock.endOfTurn(() => order.push(`after ${rig.stats.publishSent} sent`));
  });
  client.subscribe('t/#');
  expect(order).toHaveLength(1);
  expect(Number(/\d+/.exec(order[0] ?? '')?.[0])).toBeLessThan(3000);
  expect(payloads(client)).toHaveLength(3000);
  expect(other.received()).toEqual([]);
});

test('a topic published since the SUBSCRIBE is skipped: the new message is not followed by the old one', () => {
  for (const qos of [0, 1] as const) {
    const rig = openRig();
    retain(rig, 200, 1);
    const client = rig.client('c', { properties: { receiveMaximum: 1 } }).subscribe('t/#', { qos: 1 });
    const publisher = rig.client('pub');
    const seen = payloads(client);
    expect(seen).toHaveLength(1);
    for (const number of numbered(200)) publisher.publish({ topic: `t/${number}`, payload: String(1000 + Number(number)), qos, retain: true });
    const rest = qos === 0 ? publishes(client) : [];
    expect(rest).toHaveLength(qos === 0 ? 200 : 0);
    // The first one is unacknowledged; nothing old may come behind it.
    expect(drain(client.puback(1)).filter((payload) => Number(payload) <= 200)).toEqual([]);
  }
});

test('a topic cleared since is skipped as well', () => {
  const rig = openRig();
  retain(rig, 150, 1);
  const client = rig.client('c', { properties: { receiveMaximum: 1 } }).subscribe('t/#', { qos: 1 });
  const [first] = payloads(client);
  for (const number of numbered(150)) void rig.broker.publish(`t/${number}`, '', { retain: true });
  rig.clock.flush();
  expect(payloads(client)).toEqual(Array(150).fill(''));
  expect(drain(client.puback(1))).toEqual([]);
  expect(Number(first)).toBeGreaterThan(0);
});

test('a plain message on the topic replaces nothing: the retained one still comes', () => {
  const rig = openRig();
  retain(rig, 3, 1);
  const client = rig.client('c', { properties: { receiveMaximum: 1 } }).subscribe('t/#', { qos: 1 });
  const first = payloads(client);
  for (const number of numbered(3)) rig.client('pub').publish({ topic: `t/${number}`, payload: 'plain' });
  expect(payloads(client)).toEqual(['plain', 'plain', 'plain']);
  expect([...first, ...drain(client.puback(1))].toSorted(byNumber)).toEqual(numbered(3));
});

test('a topic that is new since comes live only', () => {
  const rig = openRig();
  retain(rig, 100, 1);
  const client = rig.client('c', { properties: { receiveMaximum: 1 } }).subscribe('#', { qos: 1 });
  const [first = ''] = payloads(client);
  rig.client('pub').publish({ topic: 't/new', payload: '5000', qos: 1, retain: true });
  const seen = [first, ...drain(client.puback(1))];
  expect(seen.toSorted(byNumber)).toEqual([...numbered(100), '5000']);
});

test('what expires on the way is not sent', () => {
  const rig = openRig();
  const publisher = rig.client('pub');
  for (const number of numbered(10)) {
    publisher.publish({ topic: `t/${number}`, payload: number, qos: 1, retain: true, properties: { messageExpiryInterval: Number(number) % 2 === 0 ? 5 : 500 } });
  }
  const client = rig.client('c', { properties: { receiveMaximum: 1 } }).subscribe('t/#', { qos: 1 });
  const [first] = payloads(client);
  rig.clock.advance(6000);
  const rest = drain(client.puback(1)).toSorted(byNumber);
  expect(rest).toEqual(numbered(10).filter((number) => Number(number) % 2 === 1 && number !== first));
});

test('what is too large for the client is dropped and counted, and the rest comes', () => {
  const rig = openRig();
  for (const number of numbered(100)) void rig.broker.publish(`t/${number}`, number.padEnd(Number(number) % 10 === 0 ? 500 : 3), { qos: 1, retain: true });
  rig.clock.flush();
  const client = rig.client('c', { properties: { maximumPacketSize: 200 } }).subscribe('#', { qos: 1 });
  expect(drain(client)).toHaveLength(90);
  expect(rig.stats.dropped.tooLarge).toBe(10);
});

const resumed: readonly ClientOptions[] = [{ protocolVersion: 4 }, { protocolVersion: 5 }];

test.each(resumed)('a session that lasts goes on where it was: nothing is missing and nothing sent twice (v$protocolVersion)', (options) => {
  const rig = openRig({ inflightMax: 5 });
  retain(rig, 400, 1);
  rig.resumable('c', options).subscribe('t/#', { qos: 1 }).drop();
  const acknowledged: string[] = [];
  let connections = 0;
  while (acknowledged.length < 400 && connections < 200) {
    const client = rig.resumable('c', options);
    for (let step = 0; step < 7; step += 1) {
      for (const { payload = '', packetId = 0 } of publishes(client).slice(0, 4)) {
        acknowledged.push(payload);
        client.puback(packetId);
      }
    }
    client.drop();
    connections += 1;
  }
  expect(connections).toBeGreaterThan(5);
  expect(new Set(acknowledged).size).toBe(400);
  expect(rig.resumable('c', options).received()).toEqual([]);
  expect(rig.stats).toMatchObject({ inflightMessages: 0, memoryBytes: 0 });
});

test('a session that ends with its connection does not go on', () => {
  const rig = openRig();
  retain(rig, 100, 1);
  rig.client('c', { properties: { receiveMaximum: 1 } }).subscribe('t/#', { qos: 1 }).drop();
  expect(rig.client('c').received()).toEqual([]);
  expect(rig.stats.inflightMessages).toBe(0);
});

test.each(both)('UNSUBSCRIBE ends it; what was sent is completed ($name)', ({ protocolVersion }) => {
  const rig = openRig({ inflightMax: 2 });
  retain(rig, 100, 1);
  const client = rig.client('c', { protocolVersion }).subscribe('t/#', { qos: 1 });
  expect(payloads(client)).toHaveLength(2);
  client.unsubscribe('t/#').skip().puback(1).puback(2);
  expect(client.received()).toEqual([]);
  expect(rig.stats.inflightMessages).toBe(0);
});

test('several subscriptions are served one after the other, live messages between', () => {
  const rig = openRig();
  for (const number of numbered(150)) void rig.broker.publish(`${Number(number) % 2 === 0 ? 'even' : 'odd'}/${number}`, number, { qos: 1, retain: true });
  rig.clock.flush();
  const client = rig.client('c', { properties: { receiveMaximum: 3 } }).subscribe(['even/#', 'odd/#', 'even/2'], { qos: 1 });
  expect(drain(client).toSorted(byNumber)).toEqual([...numbered(150), '2'].toSorted(byNumber));
  rig.client('pub').publish({ topic: 'even/x', payload: '999', qos: 1 });
  expect(drain(client)).toEqual(['999']);
});

test('a sparse tree is walked in steps too: nothing else waits for its end', () => {
  const rig = openRig();
  for (const number of numbered(9000)) void rig.broker.publish(`a/${number}/b`, number, { retain: true });
  void rig.broker.publish('a/5000/match', 'found', { retain: true });
  rig.clock.flush();
  // SUBSCRIBE to `a/+/match` and PINGREQ in one write.
  const client = rig.client('c').sendsHex('82 0f 0001 00 0009 612f2b2f6d61746368 00  c0 00');
  expect(short(client.received())).toEqual(['suback 1 0x00', 'pingresp', 'publish found']);
});
