/** `onSubscribe`: what is granted instead of what was asked for, before `authorize` is asked about it. */
import { describe, expect, test } from '@jest/globals';
import type { Action, OnSubscribe, SubscribeRequest, SubscriptionInfo } from '../../src/index.js';
import { openRig, payloads, publishes, short, three } from './rig.js';
import type { Rig } from './rig.js';

const rewriting = (onSubscribe: OnSubscribe, options = {}): Rig => {
  const rig = openRig(options);
  rig.broker.use({ name: 'rewrite', onSubscribe });
  return rig;
};

describe.each(three)('$name', ({ protocolVersion }) => {
  test.each([false, true])('a lower QoS is granted and told; late %s', async (late) => {
    const rig = rewriting(() => (late ? Promise.resolve({ qos: 0 } as const) : { qos: 0 }));
    const client = rig.client('a', { protocolVersion }).subscribe('t', { qos: 2 });
    await rig.settle();
    expect(client.received()).toMatchObject([{ type: 'suback', reasonCodes: [0] }]);
    rig.client('pub').publish({ topic: 't', payload: 'x', qos: 2 });
    expect(publishes(client)).toMatchObject([{ qos: 0, payload: 'x' }]);
  });
  test('a higher QoS than was asked for counts as what was asked for: [MQTT-3.8.4-7]', () => {
    const client = rewriting(() => ({ qos: 2 })).client('a', { protocolVersion }).subscribe('t', { qos: 1 });
    expect(client.received()).toMatchObject([{ reasonCodes: [1] }]);
  });
  test('No Local, Retain As Published and Retain Handling, for 3.x too', () => {
    const rig = rewriting(() => ({ noLocal: true, retainAsPublished: true, retainHandling: 2 }));
    const publisher = rig.client('pub').publish({ topic: 't', payload: 'kept', retain: true });
    const client = rig.client('a', { protocolVersion }).subscribe('t').skip();
    client.publish({ topic: 't', payload: 'own' });
    publisher.publish({ topic: 't', payload: 'live', retain: true });
    expect(publishes(client)).toMatchObject([{ payload: 'live', retain: true }]);
  });
  test('UNSUBSCRIBE and replacement go by the filter that the client named', () => {
    const rig = rewriting(({ id }) => ({ noLocal: id === 'a' }));
    const client = rig.client('a', { protocolVersion }).subscribe('t').subscribe('t', { qos: 1 }).skip();
    expect(rig.stats.subscriptions).toBe(1);
    client.unsubscribe('t');
    expect(rig.stats.subscriptions).toBe(0);
  });
  test('a failure refuses that filter alone', () => {
    const rig = rewriting((_, { topicFilter }) => {
      if (topicFilter === 'bad') throw new Error('x');
      return undefined;
    });
    const client = rig.client('a', { protocolVersion }).subscribe(['a', 'bad', 'b'], { qos: 1 });
    expect(client.received()).toMatchObject([{ reasonCodes: [1, protocolVersion === 5 ? 0x83 : 0x80, 1] }]);
    expect(rig.stats).toMatchObject({ hookErrors: 1, subscriptions: 2 });
  });
});

test('it is shown each filter as it was sent', () => {
  const seen: SubscribeRequest[] = [];
  const rig = rewriting((_, request) => void seen.push(request));
  rig.client('a').subscribe(['$share/g/t', 'u'], { qos: 1, rap: true, rh: 2 });
  const options = { qos: 1, noLocal: false, retainAsPublished: true, retainHandling: 2 };
  expect(seen).toEqual([{ topicFilter: '$share/g/t', ...options }, { topicFilter: 'u', ...options }]);
});

test('what is authorized, told and stored is what is granted', () => {
  const asked: Action[] = [];
  const rig = rewriting(() => ({ qos: 0, noLocal: true }), { authorize: (_: unknown, action: Action) => asked.push(action) > 0 });
  const told: SubscriptionInfo[] = [];
  rig.broker.on('subscribe', (subscription) => told.push(subscription));
  rig.resumable('a').subscribe('t', { qos: 2, properties: { subscriptionIdentifier: 5 } }).drop();
  expect(asked).toMatchObject([{ type: 'subscribe', topic: 't', qos: 0 }]);
  expect(told).toEqual([{ topicFilter: 't', qos: 0, noLocal: true, retainAsPublished: false, subscriptionIdentifier: 5 }]);
  const again = rig.resumable('a');
  again.publish({ topic: 't', payload: 'own' });
  rig.client('pub').publish({ topic: 't', payload: 'x', qos: 2 });
  expect(publishes(again)).toMatchObject([{ payload: 'x', qos: 0 }]);
});

test('plugins rewrite in order; the QoS never rises above what was asked for', () => {
  const rig = rewriting(() => ({ qos: 0 }));
  rig.broker.use({ name: 'second', onSubscribe: async (_, { qos }) => (qos === 0 ? { qos: 1, noLocal: true } : undefined) });
  const client = rig.client('a').subscribe('t', { qos: 1 });
  return rig.settle().then(() => expect(client.received()).toMatchObject([{ reasonCodes: [1] }]));
});

test.each<[string, unknown]>([
  ['another filter: it is the name by which the client ends it', { topicFilter: 'u' }],
  ['a QoS of 3', { qos: 3 }],
  ['a number for a flag', { noLocal: 1 }],
  ['Retain Handling 3', { retainHandling: 3 }],
  ['a misspelt field', { nolocal: true }],
  ['true', true],
])('%s is refused with 0x83, and a hookError', (_, answer) => {
  const rig = rewriting((() => answer) as OnSubscribe);
  expect(short(rig.client('a').subscribe('t').received())).toEqual([expect.stringMatching(/^suback \d+ 0x83$/)]);
  expect(rig.stats).toMatchObject({ hookErrors: 1, subscriptions: 0 });
});

test('No Local never gets onto a shared subscription: [MQTT-3.8.3-4]', () => {
  const rig = rewriting(() => ({ noLocal: true }));
  expect(short(rig.client('a').subscribe(['$share/g/t', 't']).received())).toEqual([expect.stringMatching(/^suback \d+ 0x83 0x00$/)]);
});

test('a pending answer holds what the client sends behind it', async () => {
  let answer: (answer: undefined) => void = () => undefined;
  const rig = rewriting(() => new Promise((resolve) => (answer = resolve)));
  const client = rig.client('a').subscribe('t').publish({ topic: 't', payload: 'x' });
  expect(client.received()).toEqual([]);
  answer(undefined);
  await rig.settle();
  expect(payloads(client)).toEqual(['x']);
});
