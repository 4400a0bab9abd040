/** Which subscriptions a topic reaches, through the cache of routes: wildcards, $-topics, and every change of them. */
import { expect, test } from '@jest/globals';
import { both, openRig, payloads, publishes } from './rig.js';

const matrix: readonly (readonly [filter: string, topics: readonly string[], not: readonly string[]])[] = [
  ['a', ['a'], ['A', 'a/', '/a', 'a/b', ' a']],
  ['a/b', ['a/b'], ['a', 'a/b/', 'a//b', 'a/b/c']],
  ['+', ['a', 'b', ' '], ['a/b', '/', '/a', '$a', '$SYS']],
  ['a/+', ['a/b', 'a/'], ['a', 'a/b/c', 'b/b']],
  ['+/a', ['x/a', '/a'], ['a', '$x/a']],
  ['+/+', ['a/b', '/', '/a', 'a/'], ['a', 'a/b/c', '$a/b']],
  ['/+', ['/a', '/'], ['a', '/a/b']],
  ['a/+/c', ['a/b/c', 'a//c'], ['a/c', 'a/b/b/c']],
  ['#', ['a', 'a/b', '/', '/a', 'a//b', 'x'.repeat(300)], ['$SYS', '$SYS/a', '$']],
  ['a/#', ['a', 'a/', 'a/b', 'a/b/c/d', 'a//'], ['b', 'aa', 'A/b']],
  ['+/#', ['a', 'a/b', '/'], ['$SYS/a', '$a']],
  ['a/+/#', ['a/b', 'a/b/c', 'a/'], ['a']],
  ['$a/#', ['$a', '$a/b'], ['a', 'a/b']],
  ['$a/+', ['$a/b'], ['$a', '$a/b/c']],
  ['ü/é', ['ü/é'], ['ü/e\u0301', 'u/é']], // v5 [MQTT-4.7.3-4]: not normalised
];

test.each(both)('v5 [MQTT-4.7.1-1] [MQTT-4.7.2-1] [MQTT-3.3.2-3] filters and the topics they match ($name)', ({ protocolVersion }) => {
  const rig = openRig();
  const publisher = rig.client('pub', { protocolVersion });
  let checked = 0;
  for (const [filter, topics, not] of matrix) {
    const live = rig.client('live', { protocolVersion }).subscribe(filter).skip();
    for (const topic of [...topics, ...not]) publisher.publish({ topic, payload: 'x', retain: true });
    expect([filter, publishes(live).map(({ topic }) => topic)]).toEqual([filter, topics]);
    // v5 [MQTT-4.7.2-1], trap 54: retained lookup goes by the same rules.
    const late = publishes(rig.client('late', { protocolVersion }).subscribe(filter)).map(({ topic }) => topic);
    expect([filter, new Set(late), late.length]).toEqual([filter, new Set(topics), topics.length]);
    for (const topic of [...topics, ...not]) publisher.publish({ topic, payload: '', retain: true });
    live.disconnect();
    checked += topics.length + not.length;
  }
  expect(checked).toBe(79);
  expect(rig.stats.retainedMessages).toBe(0);
});

test('a route is worked out anew when anyone subscribes, replaces, unsubscribes, comes or goes', () => {
  const rig = openRig();
  const publisher = rig.client('pub');
  const a = rig.client('a');
  const b = rig.client('b');
  const counts = (): number[] => {
    publisher.publish({ topic: 't/x', payload: 'p' });
    return [a, b].map((client) => payloads(client).length);
  };
  expect(counts()).toEqual([0, 0]); // the route to nobody is remembered
  a.subscribe('t/x').skip();
  expect(counts()).toEqual([1, 0]);
  b.subscribe('t/+').skip();
  expect(counts()).toEqual([1, 1]);
  b.subscribe('#').skip();
  expect(counts()).toEqual([1, 1]);
  b.unsubscribe('t/+').skip();
  expect(counts()).toEqual([1, 1]);
  b.unsubscribe('#').skip();
  expect(counts()).toEqual([1, 0]);
  b.subscribe('$share/g/t/x').skip();
  expect(counts()).toEqual([1, 1]);
  a.subscribe('$share/g/t/x').skip();
  expect(counts().reduce((sum, count) => sum + count)).toBe(2);
  b.drop();
  expect(counts()).toEqual([2, 0]);
  a.unsubscribe('$share/g/t/x').skip();
  expect(counts()).toEqual([1, 0]);
  a.drop();
  expect(counts()).toEqual([0, 0]);
});

test('replacing a subscription changes the very next message: QoS, options, identifier', () => {
  const rig = openRig();
  const publisher = rig.client('pub');
  const client = rig.client('c');
  for (const [qos, rap, subscriptionIdentifier] of [[0, false, 1], [1, true, 2], [2, false, 3], [0, true, 4]] as const) {
    client.subscribe([{ topic: 'a', qos, rap, rh: 2 }], { properties: { subscriptionIdentifier } }).skip();
    publisher.publish({ topic: 'a', payload: 'x', qos: 2, retain: true });
    expect(publishes(client)).toMatchObject([{ qos, retain: rap, properties: { subscriptionIdentifier } }]);
  }
});

test('a session that ends takes its routes with it; one that expires too', () => {
  const rig = openRig();
  const publisher = rig.client('pub');
  rig.resumable('away').subscribe('a', { qos: 1 }).drop();
  const code = (): unknown => publisher.publish({ topic: 'a', qos: 1, packetId: 1 }).last()?.reasonCode;
  expect(code()).toBe(0);
  rig.clock.advance(3601 * 1000);
  expect(code()).toBe(0x10);
  const client = rig.subscriber('c', 'a', 1);
  expect(code()).toBe(0);
  client.disconnect();
  expect(code()).toBe(0x10);
});

test('many topics, one after the other and again: each goes where it should', () => {
  const rig = openRig();
  const [even, all] = [rig.client('even'), rig.subscriber('all', 't/#')];
  for (let index = 0; index < 400; index += 2) even.subscribe(`t/${index}`);
  even.skip();
  const publisher = rig.client('pub');
  for (let round = 0; round < 3; round += 1) {
    for (let index = 0; index < 400; index += 1) publisher.publish({ topic: `t/${index}`, payload: String(index) });
    expect(payloads(all)).toHaveLength(400);
    const seen = payloads(even).map(Number);
    expect(seen).toHaveLength(200);
    expect(seen.every((index) => index % 2 === 0)).toBe(true);
  }
});

test('a topic of 200 separators and a filter of as many wildcards are matched at once', () => {
  const rig = openRig();
  const deep = Array(201).fill('a').join('/');
  const clients = [
    rig.subscriber('plus', Array(201).fill('+').join('/')),
    rig.subscriber('mixed', `${Array(200).fill('+').join('/')}/a`),
    rig.subscriber('hash', `${Array(200).fill('+').join('/')}/#`),
    rig.subscriber('short', Array(200).fill('+').join('/')),
  ];
  rig.client('pub').publish({ topic: deep, payload: 'x' });
  expect(clients.map((client) => payloads(client).length)).toEqual([1, 1, 1, 0]);
});

test('a topic of 65,535 bytes works end to end', () => {
  const rig = openRig();
  const topic = 'x'.repeat(65_535);
  const subscriber = rig.subscriber('sub', topic, 1);
  rig.client('pub').publish({ topic, payload: 'p', qos: 1, retain: true });
  expect(publishes(subscriber)).toMatchObject([{ topic, payload: 'p' }]);
  expect(payloads(rig.client('late').subscribe(topic))).toEqual(['p']);
});

test.each(['a/#', '+', 'a/+/b', '#'])('v5 [MQTT-3.3.2-2] [MQTT-4.7.0-1] v3.1.1 [MQTT-3.3.2-2] a wildcard in a topic name closes: %s', (topic) => {
  const rig = openRig();
  const subscriber = rig.subscriber('sub', '#');
  expect(rig.client('five').publish({ topic }).received()).toMatchObject([{ type: 'disconnect', reasonCode: 0x90 }]);
  expect(rig.client('four', { protocolVersion: 4 }).publish({ topic, qos: 1 }).closed).toBe(true);
  expect(subscriber.received()).toEqual([]);
});

test('$SYS is the broker’s: its host may publish there, everyone may subscribe, wildcards at the front do not see it', async () => {
  const rig = openRig();
  const [system, everything, one] = [rig.subscriber('s', '$SYS/#'), rig.subscriber('e', '#'), rig.subscriber('o', '+/x')];
  await rig.broker.publish('$SYS/x', 'up', { retain: true });
  rig.clock.flush();
  expect([system, everything, one].map(payloads)).toEqual([['up'], [], []]);
  expect(payloads(rig.client('late').subscribe('#'))).toEqual([]);
  expect(payloads(rig.client('late').subscribe('$SYS/+'))).toEqual(['up']);
});
