/** `onConnect`: what a client is subscribed to right after its CONNACK. */
import { describe, expect, test } from '@jest/globals';
import type { Action, OnConnect } from '../../src/index.js';
import { openRig, payloads, publishes, short, three } from './rig.js';
import type { Rig } from './rig.js';

const using = (onConnect: OnConnect, options = {}): Rig => {
  const rig = openRig(options);
  rig.broker.use({ name: 'auto', onConnect });
  return rig;
};
const commands: OnConnect = ({ id }) => ({ subscriptions: [{ topicFilter: `commands/${id}` }] });

describe.each(three)('$name', ({ protocolVersion }) => {
  test.each([false, true])('live and retained messages of its filters come without a SUBSCRIBE; late %s', async (late) => {
    const rig = using((client) => (late ? Promise.resolve(commands(client)) : commands(client)));
    await rig.broker.publish('commands/a', 'kept', { retain: true });
    const client = rig.client('a', { protocolVersion });
    await rig.settle();
    await rig.broker.publish('commands/a', 'live', { qos: 1 });
    rig.clock.flush();
    expect(publishes(client)).toMatchObject([{ payload: 'kept', retain: true, qos: 0 }, { payload: 'live', qos: 1 }]);
  });
  test('a failure disconnects, as the client would miss what it counts on', async () => {
    for (const failing of [() => Promise.reject(new Error('x')), () => ({ subscriptions: [{ topicFilter: 'a/#/b' }] })]) {
      const rig = using(failing);
      const client = rig.open({ protocolVersion }).connect({ clientId: 'a' });
      await rig.settle();
      expect(short(client.received())).toEqual(protocolVersion === 5 ? ['connack', 'disconnect 0x83'] : ['connack']);
      expect(client.closed).toBe(true);
      expect(rig.stats).toMatchObject({ hookErrors: 1, subscriptions: 0 });
    }
  });
});

test('CONNACK is first, then what the filters bring, then answers to what was sent behind CONNECT', async () => {
  let answer: () => void = () => undefined;
  const rig = using(() => new Promise((resolve) => (answer = () => resolve({ subscriptions: [{ topicFilter: 't', qos: 1 }] }))));
  const client = rig.open().connect({ clientId: 'a' }).publish({ topic: 't', payload: 'own', qos: 1, packetId: 9 });
  expect(short(client.received())).toEqual(['connack']);
  answer();
  await rig.settle();
  expect(short(client.received())).toEqual(['puback 9', 'publish 1 own']);
});

test('each filter is authorized like the client’s own; one that is refused leaves the others', () => {
  const asked: unknown[] = [];
  const rig = using(() => ({ subscriptions: ['a', 'no', '$share/g/b'].map((topicFilter) => ({ topicFilter, qos: 1 as const })) }), {
    authorize: (_: unknown, action: Action) => asked.push([action.type, action.topic]) > 0 && action.topic !== 'no',
  });
  const told: string[] = [];
  rig.broker.on('subscribe', ({ topicFilter }) => told.push(topicFilter));
  rig.client('a');
  expect(asked).toEqual([['subscribe', 'a'], ['subscribe', 'no'], ['subscribe', 'b']]);
  expect(told).toEqual(['a', '$share/g/b']);
});

test('limits of the client hold: QoS and number of subscriptions', () => {
  const rig = using(() => ({ subscriptions: ['a', 'b', 'c'].map((topicFilter) => ({ topicFilter })) }), {
    authenticate: () => ({ action: 'allow', limits: { maximumQoS: 1, subscriptionsMax: 2 } }),
  });
  const granted: number[] = [];
  rig.broker.on('subscribe', ({ qos }) => granted.push(qos));
  rig.client('x');
  expect(granted).toEqual([1, 1]);
});

test('the client ends it like its own, and the next connection begins anew', () => {
  const rig = using(commands);
  const client = rig.resumable('a').unsubscribe('commands/a');
  expect(client.received()).toMatchObject([{ type: 'unsuback', reasonCodes: [0] }]);
  expect(rig.stats.subscriptions).toBe(0);
  client.drop();
  rig.resumable('a');
  expect(rig.stats.subscriptions).toBe(1);
});

test('a subscription that the client made itself keeps its identifier', () => {
  const rig = using(commands);
  rig.resumable('a').subscribe('commands/a', { properties: { subscriptionIdentifier: 7 } }).drop();
  const again = rig.resumable('a');
  rig.client('pub').publish({ topic: 'commands/a' });
  expect(publishes(again)).toMatchObject([{ properties: { subscriptionIdentifier: 7 } }]);
});

test('plugins add up; undefined and an empty list add nothing', () => {
  const rig = using(commands);
  rig.broker.use({ name: 'none', onConnect: () => undefined });
  rig.broker.use({ name: 'empty', onConnect: () => ({ subscriptions: [] }) });
  rig.broker.use({ name: 'more', onConnect: () => ({ subscriptions: [{ topicFilter: 'all' }] }) });
  rig.client('a');
  expect(rig.stats.subscriptions).toBe(2);
});

test('a client that is gone before the answer leaves nothing behind', async () => {
  let answer: () => void = () => undefined;
  const rig = using(({ id }) => new Promise((resolve) => (answer = () => resolve({ subscriptions: [{ topicFilter: id }] }))));
  rig.client('a').drop();
  answer();
  await rig.settle();
  expect(rig.stats).toMatchObject({ subscriptions: 0, sessions: 0, hooksPending: 0, hookErrors: 0 });
});

test('thousands of filters are taken in steps, all of them', async () => {
  const rig = using(() => ({ subscriptions: Array.from({ length: 3000 }, (_, index) => ({ topicFilter: `t/${index}` })) }));
  const client = rig.open().connect({ clientId: 'a' }).pingreq();
  rig.clock.flush();
  await rig.settle();
  expect(rig.stats.subscriptions).toBe(3000);
  expect(short(client.received())).toEqual(['connack', 'pingresp']);
  expect(payloads(client)).toEqual([]);
});

test('a listener that reauthorizes the client as it comes changes no order', async () => {
  const rig = using(() => ({ subscriptions: [{ topicFilter: 't' }] }), { authenticate: async () => true, authorize: () => true });
  rig.broker.on('client', (client) => void client.reauthorize());
  const client = rig.open().connect({ clientId: 'a' }).publish({ topic: 't', payload: 'own' }).pingreq();
  await rig.settle();
  expect(short(client.received())).toEqual(['connack', 'publish own', 'pingresp']);
});
