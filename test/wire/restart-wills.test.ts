/** Wills across brokers on one store: their due times, and that each fires once. X5-4.1-1, X5-3.1.2.5-2 */
import { describe, expect, test } from '@jest/globals';
import type { Action } from '../../src/index.js';
import { House, waysDown } from './house.js';
import { payloads, publishes, Questions } from './rig.js';
import type { Rig } from './rig.js';

/** Subscribes to wills with a session that lasts, and goes away. */
const watch = (rig: Rig): void => void rig.resumable('watcher').subscribe('w', { qos: 1 }).disconnect();
/** What has come to it since. */
function wills(rig: Rig): (string | undefined)[] {
  const watcher = rig.resumable('watcher');
  const received = publishes(watcher);
  for (const { packetId = 0 } of received) watcher.puback(packetId);
  watcher.disconnect();
  return received.map(({ payload }) => payload);
}

interface Lasting {
  readonly delay?: number;
  readonly expiry?: number;
  readonly payload?: string;
}

const connect = (rig: Rig, { delay = 0, expiry = 600, payload = 'will' }: Lasting = {}): ReturnType<Rig['open']> =>
  rig.client('a', {
    clean: false,
    will: { topic: 'w', payload, qos: 1, properties: { willDelayInterval: delay } },
    properties: { sessionExpiryInterval: expiry },
  });

describe('broker.close() counts as a close without DISCONNECT', () => {
  test.each([
    ['no delay', { delay: 0 }],
    ['a session that ends with its connection', { expiry: 0, delay: 30 }],
  ])('%s: the will fires at the close, and not again at the next open', async (_, lasting) => {
    const house = new House();
    watch(house.rig);
    connect(house.rig, lasting);
    const { broker } = house.rig;
    const rig = await house.restart();
    expect(broker.stats().willsPublished).toBe(1);
    expect(wills(rig)).toEqual(['will']);
    rig.clock.advance(1_000_000);
    const last = await house.restart();
    expect(wills(last)).toEqual([]);
    expect([rig.stats.willsPublished, last.stats.willsPublished]).toEqual([0, 0]);
  });
  test('a retained one is kept', async () => {
    const house = new House();
    house.rig.client('a', { will: { topic: 'w', payload: 'last words', retain: true } });
    const rig = await house.restart();
    expect(payloads(rig.client('b').subscribe('w'))).toEqual(['last words']);
  });
  test('a delay begins at the close, and goes on in the next broker', async () => {
    const house = new House();
    watch(house.rig);
    connect(house.rig, { delay: 30 });
    house.rig.clock.advance(1_000_000);
    const rig = await house.restart(10);
    rig.clock.advance(19_999);
    expect(wills(rig)).toEqual([]);
    rig.clock.advance(1);
    expect(wills(rig)).toEqual(['will']);
    rig.clock.advance(600_000);
    expect(wills(rig)).toEqual([]);
  });
});

describe.each(waysDown)('a delay that runs, after a %s', (down) => {
  test('goes on to the same moment', async () => {
    const house = new House();
    watch(house.rig);
    connect(house.rig, { delay: 60 }).drop();
    house.rig.clock.advance(10_000);
    const rig = await house[down](20);
    rig.clock.advance(29_999);
    expect(wills(rig)).toEqual([]);
    rig.clock.advance(1);
    expect(wills(rig)).toEqual(['will']);
    expect(rig.stats.willsPublished).toBe(1);
  });
  test('that passed meanwhile: the will fires when the store opens, once', async () => {
    const house = new House();
    watch(house.rig);
    connect(house.rig, { delay: 60 }).drop();
    const rig = await house[down](3000);
    rig.clock.advance(0);
    expect(wills(rig)).toEqual(['will']);
    const next = await house[down]();
    next.clock.advance(600_000);
    expect(wills(next)).toEqual([]);
  });
  test('whose session ended meanwhile: the will fires then', async () => {
    const house = new House();
    watch(house.rig);
    connect(house.rig, { delay: 600, expiry: 30 }).drop();
    const rig = await house[down](31);
    rig.clock.advance(0);
    expect(wills(rig)).toEqual(['will']);
    expect(rig.stats.sessions).toBe(1);
  });
  test('[MQTT-3.1.3-9] is cancelled by the client that comes back to its session', async () => {
    const house = new House();
    watch(house.rig);
    connect(house.rig, { delay: 60 }).drop();
    const rig = await house[down](30);
    rig.client('a', { clean: false, properties: { sessionExpiryInterval: 600 } });
    rig.clock.advance(600_000);
    expect(wills(rig)).toEqual([]);
    const next = await house[down]();
    next.clock.advance(600_000);
    expect(wills(next)).toEqual([]);
  });
  test('fires at once when it comes back with Clean Start 1', async () => {
    const house = new House();
    watch(house.rig);
    connect(house.rig, { delay: 60 }).drop();
    const rig = await house[down](30);
    rig.client('a', { clean: true });
    expect(wills(rig)).toEqual(['will']);
  });
  test('beyond 2^31 ms', async () => {
    const house = new House();
    const will = { topic: 'w', payload: 'will', retain: true, properties: { willDelayInterval: 3_000_000 } };
    house.rig.client('a', { will, properties: { sessionExpiryInterval: 0xffff_ffff } }).drop();
    const rig = await house[down](1_000_000);
    rig.clock.advance(1_999_999_999);
    expect(rig.stats.willsPublished).toBe(0);
    rig.clock.advance(1);
    expect(rig.stats.willsPublished).toBe(1);
  });
});

describe('after a crash clients that were connected count as closed when the store opens', () => {
  test('without a delay their wills fire then, once', async () => {
    const house = new House();
    watch(house.rig);
    connect(house.rig);
    const rig = await house.crash(60);
    expect(wills(rig)).toEqual(['will']);
    const next = await house.crash(60);
    expect(wills(next)).toEqual([]);
  });
  test('also those of sessions that end with their connection, which are gone then', async () => {
    const house = new House();
    watch(house.rig);
    connect(house.rig, { expiry: 0, delay: 60 });
    const rig = await house.crash(60);
    rig.clock.advance(0);
    expect(wills(rig)).toEqual(['will']);
    expect(rig.stats.sessions).toBe(1);
  });
  test('with a delay it runs from there', async () => {
    const house = new House();
    watch(house.rig);
    connect(house.rig, { delay: 60 });
    house.rig.clock.advance(50_000);
    const rig = await house.crash(600);
    rig.clock.advance(59_999);
    expect(wills(rig)).toEqual([]);
    rig.clock.advance(1);
    expect(wills(rig)).toEqual(['will']);
  });
  test('3.1.1: with Clean Session 0 and 1', async () => {
    for (const clean of [false, true]) {
      const house = new House();
      watch(house.rig);
      house.rig.client('a', { protocolVersion: 4, clean, will: { topic: 'w', payload: 'will', qos: 1 } });
      const rig = await house.crash();
      rig.clock.advance(0);
      expect(wills(rig)).toEqual(['will']);
    }
  });
});

describe.each(waysDown)('after a %s', (down) => {
  test('a will that was discarded, published, cancelled or replaced does not fire', async () => {
    const house = new House();
    watch(house.rig);
    connect(house.rig, { payload: 'discarded' }).disconnect();
    connect(house.rig, { payload: 'published' }).drop();
    connect(house.rig, { payload: 'cancelled', delay: 60 }).drop();
    connect(house.rig, { payload: 'replaced', delay: 60 }).drop();
    connect(house.rig, { payload: 'last', delay: 60 }).drop();
    const rig = await house[down](60);
    rig.clock.advance(0);
    expect(wills(rig)).toEqual(['published', 'last']);
  });
  test('v5 it has its properties, and its expiry begins when it fires', async () => {
    const house = new House();
    house.rig.resumable('watcher').subscribe('w', { qos: 1 }).disconnect();
    const properties = { contentType: 'c', userProperties: [['b', '1'], ['a', '2']], messageExpiryInterval: 50 } as const;
    const will = { topic: 'w', payload: 'x', qos: 1, properties: { ...properties, willDelayInterval: 60 } } as const;
    house.rig.client('a', { will, properties: { sessionExpiryInterval: 600 } }).drop();
    const rig = await house[down](600);
    rig.clock.advance(10_000);
    expect(publishes(rig.resumable('watcher'))).toMatchObject([{ payload: 'x', properties: { ...properties, messageExpiryInterval: 40 } }]);
  });
  test('authorize is asked for the client that left: id and principal, and no connection', async () => {
    const asked: unknown[] = [];
    const house = new House({
      authenticate: () => ({ action: 'allow', principal: 'p' }),
      authorize: ({ id, principal, connection }, { type }) => type !== 'will' || asked.push([id, principal, { ...connection }]) > 0,
    });
    connect(house.rig, { delay: 60 }).drop();
    asked.length = 0;
    const rig = await house[down](60);
    rig.clock.advance(0);
    expect(asked).toEqual([['a', 'p', {}]]);
  });
  test('a refusal then drops it for good', async () => {
    let allow = true;
    const house = new House({ authorize: (_, { type }: Action) => type !== 'will' || allow });
    watch(house.rig);
    connect(house.rig, { delay: 60 }).drop();
    allow = false;
    const rig = await house[down](60);
    rig.clock.advance(0);
    expect(rig.dropped).toEqual(['publishDenied w a']);
    allow = true;
    const next = await house[down]();
    next.clock.advance(600_000);
    expect(wills(next)).toEqual([]);
  });
});

test('a will whose authorization comes late does not take along the one that was left since', async () => {
  const questions = new Questions('will');
  const house = new House({ authorize: questions.authorize });
  watch(house.rig);
  const open = async (payload: string): Promise<ReturnType<Rig['open']>> => {
    const client = house.rig.open().connect({ clientId: 'a', clean: false, will: { topic: 'w', payload, qos: 1 }, properties: { sessionExpiryInterval: 600 } });
    questions.open.splice(-1)[0]?.answer(true); // its registration
    await house.rig.settle();
    return client;
  };
  (await open('first')).drop();
  await open('second');
  await questions.answerAll(house.rig); // the first fires
  const rig = await house.crash();
  await questions.answerAll(rig); // the second fires
  expect(wills(rig)).toEqual(['first', 'second']);
});

describe('a crash while authorize is asked about a will that fires', () => {
  /** A client that left a will about which the question is open. */
  async function asking(expiry: number): Promise<{ readonly house: House; readonly questions: Questions }> {
    const questions = new Questions('will');
    const house = new House({ authorize: questions.authorize });
    watch(house.rig);
    const client = house.rig.open().connect({ clientId: 'a', will: { topic: 'w', payload: 'will', qos: 1 }, properties: { sessionExpiryInterval: expiry } });
    await questions.answerAll(house.rig);
    client.drop();
    expect(questions.open).toHaveLength(1);
    return { house, questions };
  }

  test.each([0, 600])('session expiry %i: it is asked again, and published once', async (expiry) => {
    const { house, questions } = await asking(expiry);
    questions.open.length = 0;
    const rig = await house.crash();
    rig.clock.advance(0);
    expect(await questions.answerAll(rig)).toBe(1);
    expect(wills(rig)).toEqual(['will']);
    const next = await house.crash();
    next.clock.advance(1_000_000);
    expect([questions.open.length, wills(next)]).toEqual([0, []]);
  });
  test.each([0, 600])('session expiry %i: answered before it, nothing is left to ask', async (expiry) => {
    const { house, questions } = await asking(expiry);
    await questions.answerAll(house.rig);
    const rig = await house.crash();
    rig.clock.advance(0);
    expect(questions.open).toHaveLength(0);
    expect(wills(rig)).toEqual(['will']);
    expect(rig.stats.sessions).toBe(expiry === 0 ? 1 : 2);
  });
  test.each([
    ['one that ends with its connection', { clean: true }],
    ['one that lasts', { clean: false, properties: { sessionExpiryInterval: 600 } }],
  ])('the client has a new session meanwhile, %s: that one is untouched', async (_, connect) => {
    const { house, questions } = await asking(0);
    const again = house.rig.open().connect({ clientId: 'a', ...connect }).subscribe('t', { qos: 1 });
    await questions.answerAll(house.rig);
    house.rig.client('pub').publish({ topic: 't', payload: 'x', qos: 1 });
    expect(payloads(again)).toEqual(['x']);
    const rig = await house.crash();
    rig.clock.advance(0);
    expect(wills(rig)).toEqual(['will']);
    expect(rig.stats).toMatchObject(connect.clean ? { sessions: 1, subscriptions: 1 } : { sessions: 2, subscriptions: 2 });
    expect(payloads(rig.resumable('a'))).toEqual(connect.clean ? [] : ['x']);
  });
});
