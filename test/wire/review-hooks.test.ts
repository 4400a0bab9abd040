/** Hooks that answer late: what they were asked about stays as it was, and nothing is lost behind them. */
import { expect, test } from '@jest/globals';
import { memoryStorage } from '../../src/index.js';
import type { Storage } from '../../src/index.js';
import { openRig, payloads, Questions, short } from './rig.js';

test('properties that a hook looks at late are those of the message it was asked about', async () => {
  const seen: string[] = [];
  const rig = openRig({
    authorize: async (_client, action) => {
      await Promise.resolve();
      if (action.type === 'deliver') seen.push(`${action.topic} ${String(action.properties.contentType)}`);
      return true;
    },
  });
  const subscriber = rig.client('sub').subscribe('#');
  const publisher = rig.client('pub');
  await rig.settle();
  for (const name of ['a', 'b', 'c']) publisher.publish({ topic: name, properties: { contentType: `of ${name}` } });
  await rig.settle();
  expect(payloads(subscriber)).toHaveLength(3);
  expect(seen).toEqual(['a of a', 'b of b', 'c of c']);
});

test.each([0, 1, 2] as const)('a client that publishes at QoS %i, disconnects and closes while authorize is asked has published, and leaves no will', async (qos) => {
  const questions = new Questions('publish', ['pub']);
  const rig = openRig({ authorize: questions.authorize });
  const subscriber = rig.subscriber('sub', '#', 2);
  const publisher = rig.client('pub', { will: { topic: 'will', payload: 'will' } });
  publisher.publish({ topic: 't', payload: '1', qos }).publish({ topic: 't', payload: '2', qos }).disconnect().end();
  await rig.settle();
  expect(await questions.answerAll(rig)).toBe(2);
  expect(payloads(subscriber)).toEqual(['1', '2']);
  expect(publisher.closed).toBe(true);
  expect(rig.stats).toMatchObject({ clients: 1, connections: 1, willsPublished: 0 });
});

test('a client that says everything at once and half-closes is answered: authenticate is slow', async () => {
  const rig = openRig({ authenticate: async () => true });
  const subscriber = rig.open().connect({ clientId: 'sub' });
  await rig.settle();
  subscriber.subscribe('t').skip();
  const client = rig.open().connect({ clientId: 'pub' }).publish({ topic: 't', payload: 'x', qos: 1 }).disconnect().end();
  await rig.settle();
  expect(short(client.received())).toEqual(['connack', 'puback 1']);
  expect(payloads(subscriber)).toEqual(['x']);
  expect(rig.stats).toMatchObject({ clients: 1, connections: 1 });
});

test('a client that half-closes without DISCONNECT while authorize is asked: what it sent counts, then its will', async () => {
  const questions = new Questions('publish', ['pub']);
  const rig = openRig({ authorize: questions.authorize });
  const subscriber = rig.subscriber('sub', '#');
  rig.client('pub', { will: { topic: 'will', payload: 'will' } }).publish({ topic: 't', payload: '1' }).end();
  questions.answer();
  await rig.settle();
  await questions.answerAll(rig);
  expect(payloads(subscriber)).toEqual(['1', 'will']);
  expect(rig.stats.connections).toBe(1);
});

test('a connection that half-closed and then vanishes while a hook is asked leaves nothing behind', async () => {
  const questions = new Questions('publish', ['pub']);
  const rig = openRig({ authorize: questions.authorize });
  rig.client('pub').publish({ topic: 't', qos: 1 }).end().drop();
  await rig.settle();
  await questions.answerAll(rig);
  expect(rig.stats).toMatchObject({ clients: 0, connections: 0, sessions: 0 });
});

test('the broker closes while a half-closed connection still waits for a hook', async () => {
  const questions = new Questions('publish', ['pub']);
  const rig = openRig({ authorize: questions.authorize });
  rig.client('pub').publish({ topic: 't', qos: 1 }).end().drop();
  let closed = false;
  void rig.broker.close().then(() => (closed = true));
  await rig.settle();
  rig.clock.advance(3000);
  await rig.settle();
  expect(closed).toBe(true);
  expect(rig.stats).toMatchObject({ clients: 0, connections: 0, sessions: 0 });
});

/** Notes what becomes of the wills in a store. */
function noting(storage: Storage, wills: Map<string, string>): Storage {
  return new Proxy(storage, {
    get(target, name: keyof Storage) {
      const value: unknown = target[name];
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        const [clientId, record] = args as [string, { message: { topic: string } }];
        if (name === 'putWill') wills.set(clientId, record.message.topic);
        if (name === 'deleteWill' || name === 'endSession') wills.delete(clientId);
        return (value as (...all: unknown[]) => unknown).apply(target, args);
      };
    },
  });
}

test.each([0, 3600])('a will that waits for authorize does not take the will of the next connection out of the store: expiry %i', async (sessionExpiryInterval) => {
  const wills = new Map<string, string>();
  const asked: ((answer: boolean) => void)[] = [];
  let late = false;
  const rig = openRig({
    storage: noting(memoryStorage(), wills),
    authorize: (_client, { type }) => (type === 'will' && late ? new Promise((answer) => asked.push(answer)) : true),
  });
  const properties = { sessionExpiryInterval };
  const first = rig.client('a', { clean: false, properties, will: { topic: 'first' } });
  late = true;
  first.drop(); // its will fires, and the hook is asked
  late = false;
  const second = rig.client('a', { clean: false, properties, will: { topic: 'second' } });
  expect(wills).toEqual(new Map([['a', 'second']]));
  for (const answer of asked) answer(true);
  await rig.settle();
  expect(rig.stats.willsPublished).toBe(1);
  expect(wills).toEqual(new Map([['a', 'second']]));
  second.disconnect();
  expect(wills).toEqual(new Map());
});

test('X5-3.1.2.5-2 broker.close() waits for wills about which authorize is still asked', async () => {
  const storage = memoryStorage();
  const asked: ((answer: boolean) => void)[] = [];
  let late = false;
  const rig = openRig({ storage, authorize: (_client, { type }) => (type === 'will' && late ? new Promise((answer) => asked.push(answer)) : true) });
  rig.resumable('sub').subscribe('will', { qos: 1 }).disconnect();
  rig.client('a', { will: { topic: 'will', payload: 'x', qos: 1 } });
  late = true;
  let isClosed = false;
  const closed = rig.broker.close().then(() => (isClosed = true));
  await rig.settle();
  rig.clock.advance(3000);
  await rig.settle();
  expect(isClosed).toBe(false);
  for (const answer of asked) answer(true);
  await rig.settle();
  await closed;
  const next = openRig({ storage });
  expect(payloads(next.resumable('sub'))).toEqual(['x']);
});

test('broker.close() settles although a hook without deadline never answers about a will', async () => {
  let late = false;
  const rig = openRig({
    hookTimeoutSeconds: Infinity,
    authorize: (_client, { type }) => (type === 'will' && late ? new Promise<boolean>(() => undefined) : true),
  });
  rig.client('a', { will: { topic: 'will' } });
  late = true;
  let isClosed = false;
  void rig.broker.close().then(() => (isClosed = true));
  await rig.settle();
  rig.clock.advance(3000);
  await rig.settle();
  expect(isClosed).toBe(true);
});

test('a will that the store kept and that is over a limit of today costs nothing but itself', async () => {
  const storage = memoryStorage();
  const before = openRig({ storage });
  before.resumable('a', { will: { topic: 'a/b/c/d/e', payload: 'long' } });
  before.resumable('b', { will: { topic: 'b', payload: 'short', retain: true } });
  await storage.close(); // as after a crash: the broker did not close it
  const after = openRig({ storage, topicLevelsMax: 3 });
  expect(payloads(after.client('c').subscribe('#'))).toEqual(['short']);
  expect(short(after.resumable('a').pingreq().received())).toEqual(['pingresp']);
  expect(after.errors.splice(0).length).toBeLessThanOrEqual(1);
});
