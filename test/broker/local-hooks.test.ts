/** In-process clients and the hooks that rewrite: the same as for clients of the network, in order with their calls. */
import { describe, expect, test } from '@jest/globals';
import type { Action, BrokerOptions, LocalClient, Plugin } from '../../src/index.js';
import { failureOf, settled, testBroker } from '../support/broker.js';

const using = (plugin: Omit<Plugin, 'name'>, options: BrokerOptions = {}) => {
  const made = testBroker(options);
  made.broker.use({ name: 'plugin', ...plugin });
  return made;
};

async function next(client: LocalClient): Promise<string> {
  const { value } = await client[Symbol.asyncIterator]().next();
  return `${value?.topic} ${value?.text()}`;
}

describe('onPublish', () => {
  test.each([false, true])('rewrites what it publishes, before authorize is asked; late %s', async (late) => {
    const asked: string[] = [];
    const { broker, clock } = using(
      {
        onPublish: ({ principal }, { topic }) => {
          const made = { topic: `${principal}/${topic}`, payload: 'made' };
          return late ? Promise.resolve(made) : made;
        },
      },
      { authorize: (_, { type, topic }: Action) => type !== 'publish' || asked.push(topic) > 0 },
    );
    const client = await broker.connect({ principal: 'ann' });
    await settled(clock, client.subscribe('#'));
    await settled(clock, client.publish('t', 'sent', { qos: 1 }));
    expect(await next(client)).toBe('ann/t made');
    expect(asked).toEqual(['ann/t']);
  });
  test('an illegal answer refuses with 0x83', async () => {
    const { broker } = using({ onPublish: () => ({ topic: 'a/+' }) });
    const client = await broker.connect();
    expect(await failureOf(client.publish('t', 'x'))).toMatchObject({ code: 'ODN_ERR_REFUSED', reasonCode: 0x83 });
    expect(broker.stats()).toMatchObject({ hookErrors: 1 });
  });
  test('rewrites its will when it fires', async () => {
    const { broker, clock } = using({ onPublish: ({ id }, { topic }) => ({ topic: `${id}/${topic}` }) });
    const watcher = broker.subscribe('#');
    const client = await broker.connect({ clientId: 'a', will: { topic: 'w', payload: 'x' } });
    await client.disconnect(0x04);
    await clock.settle();
    expect((await watcher.next()).value?.topic).toBe('a/w');
  });
});

describe('onSubscribe', () => {
  test('what it makes is granted, and authorized', async () => {
    const asked: unknown[] = [];
    const { broker, clock } = using({ onSubscribe: () => ({ qos: 0, noLocal: true }) }, { authorize: (_, { type, qos }) => type !== 'subscribe' || asked.push(qos) > 0 });
    const client = await broker.connect();
    expect(await settled(clock, client.subscribe('t', { qos: 2 }))).toBe(0);
    expect(asked).toEqual([0]);
    expect(await settled(clock, client.unsubscribe('t'))).toBe(true);
  });
  test('a failure refuses with 0x83', async () => {
    const { broker, clock } = using({ onSubscribe: () => Promise.reject(new Error('x')) });
    const client = await broker.connect();
    const failure = failureOf(client.subscribe('t'));
    await clock.settle();
    expect(await failure).toMatchObject({ code: 'ODN_ERR_REFUSED', reasonCode: 0x83 });
  });
});

describe('onConnect', () => {
  test.each([false, true])('it is subscribed when connect() resolves; late %s', async (late) => {
    const answer = { subscriptions: [{ topicFilter: 't', qos: 1 as const }] };
    const { broker, clock } = using({ onConnect: () => (late ? Promise.resolve(answer) : answer) });
    const client = await settled(clock, broker.connect());
    expect(broker.stats().subscriptions).toBe(1);
    await settled(clock, broker.publish('t', 'x', { qos: 1 }));
    expect(await next(client)).toBe('t x');
  });
  test('a failure refuses the connection, and leaves nothing', async () => {
    const { broker, clock } = using({ onConnect: () => Promise.reject(new Error('x')) });
    const failure = failureOf(broker.connect());
    await clock.settle();
    expect(await failure).toMatchObject({ code: 'ODN_ERR_REFUSED', reasonCode: 0x83 });
    expect(broker.stats()).toMatchObject({ clients: 0, sessions: 0 });
  });
});

describe('reauthorize', () => {
  test('ends what is no longer allowed, in order with its calls', async () => {
    let allow = true;
    const { broker, clock } = testBroker({ authorize: async (_, { type }) => allow || type === 'publish' });
    const client = await settled(clock, broker.connect({ clientId: 'a', will: { topic: 'w', payload: 'x' } }));
    const subscribed = client.subscribe('t');
    const result = broker.clients.get('a')?.reauthorize();
    await settled(clock, subscribed);
    allow = false;
    await clock.settle();
    await result;
    const second = broker.clients.get('a')?.reauthorize();
    await clock.settle();
    const ended = [...(await result)?.removedSubscriptions ?? [], ...(await second)?.removedSubscriptions ?? []];
    expect(ended).toEqual(['t']);
    expect(client.connected).toBe(true);
  });
  test('of one that has left: nothing', async () => {
    const { broker } = testBroker({ authorize: () => false });
    const client = await broker.connect({ clientId: 'a' });
    const known = broker.clients.get('a');
    await client.disconnect();
    expect(await known?.reauthorize()).toEqual({ removedSubscriptions: [], willDropped: false });
  });
});

test('ODN_ERR_REFUSED has the reason code; other errors have none', async () => {
  const { broker } = testBroker({ authorize: (_, { type }) => ({ action: 'deny', reasonCode: type === 'publish' ? 0x97 : 0x87 }) });
  const client = await broker.connect();
  expect(await failureOf(client.publish('t', 'x'))).toMatchObject({ code: 'ODN_ERR_REFUSED', reasonCode: 0x97 });
  expect(await failureOf(client.subscribe('t'))).toMatchObject({ code: 'ODN_ERR_REFUSED', reasonCode: 0x87 });
  expect(await failureOf(client.publish('', 'x'))).toMatchObject({ code: 'ODN_ERR_ARGUMENT', reasonCode: undefined });
});
