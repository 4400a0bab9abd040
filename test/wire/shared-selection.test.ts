/** Shared subscriptions: what a group is, and which of its members a message goes to. */
import { expect, test } from '@jest/globals';
import type { WireClient } from '../../src/testing/index.js';
import { both, numbered, openRig, payloads, publishes, short, three } from './rig.js';
import type { ClientOptions, Rig } from './rig.js';

function members(rig: Rig, ids: readonly string[], filter: string, qos: 0 | 1 | 2 = 0, options: ClientOptions = {}): WireClient[] {
  return ids.map((id) => rig.subscriber(id, filter, qos, options));
}

function publishNumbered(rig: Rig, count: number, qos: 0 | 1 | 2 = 0, topic = 'a'): void {
  const publisher = rig.client('pub');
  for (const payload of numbered(count)) publisher.publish({ topic, payload, qos });
}

test.each(three)('v5 X5-4.8.2-1 each message goes to exactly one member, in turn ($name)', ({ protocolVersion }) => {
  const rig = openRig();
  const group = members(rig, ['x', 'y', 'z'], '$share/g/a', 0, { protocolVersion });
  publishNumbered(rig, 9);
  expect(group.map(payloads)).toEqual([['1', '4', '7'], ['2', '5', '8'], ['3', '6', '9']]);
});

test('v5 least in flight comes first: a member that does not acknowledge gets less', () => {
  const rig = openRig();
  const [idle, busy] = members(rig, ['idle', 'busy'], '$share/g/a', 1) as [WireClient, WireClient];
  const publisher = rig.client('pub');
  let seen = 0;
  for (const payload of numbered(20)) {
    publisher.publish({ topic: 'a', payload, qos: 1 });
    for (const { packetId = 0 } of publishes(busy)) {
      busy.puback(packetId);
      seen += 1;
    }
  }
  expect(seen).toBe(19);
  expect(payloads(idle)).toEqual(['1']);
});

test('a member with a full window gets none until it has room; what nobody can take waits, in order', () => {
  const rig = openRig();
  const [x, y] = members(rig, ['x', 'y'], '$share/g/a', 1, { properties: { receiveMaximum: 2 } }) as [WireClient, WireClient];
  publishNumbered(rig, 8, 1);
  expect([x, y].map((client) => short(client.received()))).toEqual([
    ['publish 1 1', 'publish 2 3'],
    ['publish 1 2', 'publish 2 4'],
  ]);
  expect(rig.stats.queuedMessages).toBe(4);
  expect(short(y.puback(1).puback(2).received())).toEqual(['publish 3 5', 'publish 4 6']);
  expect(x.received()).toEqual([]);
  x.puback(2);
  expect(payloads(x)).toEqual(['7']);
  x.puback(1);
  expect(payloads(x)).toEqual(['8']);
  expect(rig.stats.queuedMessages).toBe(0);
});

test('with stickyByTopic all messages of a topic go to one member while the same ones are online', () => {
  const rig = openRig({ sharedSelection: 'stickyByTopic' });
  const group = members(rig, ['x', 'y', 'z'], '$share/g/#', 1);
  const publisher = rig.client('pub');
  const topics = numbered(30).map((number) => `t/${number}`);
  for (let round = 0; round < 4; round += 1) for (const topic of topics) publisher.publish({ topic, qos: 1 });
  const holders = new Map<string, Set<number>>();
  group.forEach((client, index) => {
    const sent = publishes(client);
    expect(sent.length).toBeGreaterThan(0); // topics are spread
    for (const { topic = '' } of sent) holders.set(topic, (holders.get(topic) ?? new Set()).add(index));
  });
  expect(holders.size).toBe(30);
  expect([...holders.values()].every((indexes) => indexes.size === 1)).toBe(true);
});

test('with stickyByTopic a full member makes its topics wait, and they stay in order', () => {
  const rig = openRig({ sharedSelection: 'stickyByTopic' });
  const group = members(rig, ['x', 'y'], '$share/g/#', 1, { properties: { receiveMaximum: 1 } });
  publishNumbered(rig, 3, 1);
  const holder = group.findIndex((client) => client.received().length > 0);
  const client = group[holder] as WireClient;
  expect(payloads(client.puback(1))).toEqual(['2']);
  expect(payloads(client.puback(1))).toEqual(['3']);
  expect((group[1 - holder] as WireClient).received()).toEqual([]);
});

test('v5 [MQTT-4.8.2-2] X5-4.8.2-4 groups are by their full filter: other names, other filters and plain ones get their own copy', () => {
  const rig = openRig();
  const filters = ['$share/g/a', '$share/h/a', '$share/g/+', 'a', '$share/g//a'];
  const clients = filters.map((filter) => rig.subscriber(filter.replaceAll(/[+#]/g, '_'), filter, 1));
  rig.client('pub').publish({ topic: 'a', payload: 'x', qos: 1 });
  expect(clients.map((client) => payloads(client).length)).toEqual([1, 1, 1, 1, 0]);
  rig.client('pub').publish({ topic: '/a', payload: 'y', qos: 1 });
  expect(clients.map((client) => payloads(client).length)).toEqual([0, 0, 0, 0, 1]); // `$share/g//a` is for `/a`
});

test('v5 X5-4.8.2-4 a member with a plain subscription too gets a copy for each', () => {
  const rig = openRig();
  const client = rig.client('c').subscribe('a', { qos: 1, properties: { subscriptionIdentifier: 1 } });
  client.subscribe('$share/g/a', { qos: 2, properties: { subscriptionIdentifier: 2 } }).skip();
  rig.client('pub').publish({ topic: 'a', qos: 2 });
  expect(publishes(client).map(({ qos, properties }) => [qos, properties])).toEqual([
    [1, { subscriptionIdentifier: 1 }],
    [2, { subscriptionIdentifier: 2 }],
  ]);
});

test('v5 X5-4.8.2-2 subscribing again replaces the options and adds no second membership', () => {
  const rig = openRig();
  const [x, y] = members(rig, ['x', 'y'], '$share/g/a', 1) as [WireClient, WireClient];
  x.subscribe('$share/g/a', { qos: 0, rh: 1, properties: { subscriptionIdentifier: 9 } }).skip();
  publishNumbered(rig, 4, 0);
  const [first, second] = [publishes(x), publishes(y)];
  expect([first.length, second.length]).toEqual([2, 2]);
  expect(first.map(({ qos, properties }) => [qos, properties])).toEqual(Array(2).fill([0, { subscriptionIdentifier: 9 }]));
  expect(short(x.unsubscribe('$share/g/a').received())).toEqual(['unsuback 3 0x00']);
  publishNumbered(rig, 2, 0);
  expect([payloads(x), payloads(y)]).toEqual([[], ['1', '2']]);
});

test('v5 X5-3.10.4-1 UNSUBSCRIBE takes the full filter and detaches this session only', () => {
  const rig = openRig();
  const [x, y] = members(rig, ['x', 'y'], '$share/g/a', 0) as [WireClient, WireClient];
  for (const filter of ['a', '$share/G/a', '$share/g/A', '$share/g/a/']) {
    expect(x.unsubscribe(filter).last()?.reasonCodes).toEqual([0x11]);
  }
  expect(x.unsubscribe('$share/g/a').last()?.reasonCodes).toEqual([0]);
  publishNumbered(rig, 2);
  expect([payloads(x), payloads(y)]).toEqual([[], ['1', '2']]);
  expect(rig.stats.subscriptions).toBe(1);
});

test('v5 X5-3.8.4-2 retained messages are not sent for a shared subscription, whatever Retain Handling says', () => {
  const rig = openRig();
  rig.client('pub').publish({ topic: 'a', payload: 'kept', retain: true });
  const client = rig.client('c');
  for (const rh of [0, 1, 2] as const) {
    expect(short(client.subscribe('$share/g/a', { qos: 1, rh }).received())).toEqual([`suback ${rh + 1} 0x01`]);
  }
});

test('v5 [MQTT-3.3.1-12] [MQTT-3.3.1-13] Retain As Published is each member’s own', () => {
  const rig = openRig();
  const plain = rig.client('plain').subscribe('$share/g/a', { qos: 1, rap: false }).skip();
  const asPublished = rig.client('rap').subscribe('$share/g/a', { qos: 1, rap: true }).skip();
  const publisher = rig.client('pub');
  for (const qos of [0, 1] as const) {
    for (let sent = 0; sent < 2; sent += 1) publisher.publish({ topic: 'a', payload: 'x', qos, retain: true });
  }
  expect(publishes(plain).map(({ retain }) => retain)).toEqual([false, false]);
  expect(publishes(asPublished).map(({ retain }) => retain)).toEqual([true, true]);
});

test('v5 [MQTT-3.8.3-4] No Local on a shared subscription is a protocol error; none of the filters takes effect', () => {
  const rig = openRig();
  const client = rig.client('c').subscribe(['a', { topic: '$share/g/a', nl: true }]);
  expect(client.received()).toMatchObject([{ type: 'disconnect', reasonCode: 0x82 }]);
  expect(rig.stats.subscriptions).toBe(0);
});

test('v5 [MQTT-4.7.2-1] the filter part obeys the rule of $-topics, and may itself begin with $', () => {
  const rig = openRig();
  const [all, some, system] = ['$share/g/#', '$share/g/+/x', '$share/g/$SYS/#'].map((filter, index) => rig.subscriber(`c${index}`, filter)) as [WireClient, WireClient, WireClient];
  void rig.broker.publish('$SYS/x', 'x');
  rig.clock.flush();
  expect([all, some, system].map(payloads)).toEqual([[], [], ['x']]);
});

test.each(both)('a topic that begins with $share/ is a plain name, and never reaches a group ($name)', ({ protocolVersion }) => {
  const rig = openRig();
  const [member, everything] = [rig.subscriber('m', '$share/g/a', 1), rig.subscriber('e', '#', 1)];
  const publisher = rig.client('pub', { protocolVersion }).publish({ topic: '$share/g/a', payload: 'x', qos: 1 });
  expect(publisher.received()).toMatchObject([{ type: 'puback', packetId: 1 }]);
  expect([payloads(member), payloads(everything)]).toEqual([[], []]);
});
