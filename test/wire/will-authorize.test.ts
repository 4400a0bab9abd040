/** `authorize` is asked about a will twice: when it is registered and when it fires. */
import { describe, expect, test } from '@jest/globals';
import type { Action, AuthorizeAnswer, HookClient } from '../../src/index.js';
import { openRig, payloads, Questions, short } from './rig.js';
import type { Rig } from './rig.js';

const will = { topic: 'w', payload: 'will', qos: 1, retain: true, properties: { contentType: 'text' } } as const;

/** Answers `answer()` to every question about a will, yes to all others. */
const deciding = (answer: (client: HookClient, action: Action) => AuthorizeAnswer): Rig =>
  openRig({ authorize: (client, action) => action.type !== 'will' || answer(client, action) });

test('it is asked at both times with what the will says', () => {
  const asked: unknown[] = [];
  const rig = deciding((client, action) => asked.push([client.id, client.username, { ...action, properties: 'properties' in action && action.properties }]) > 0);
  const client = rig.client('a', { username: 'u', will });
  const question = ['a', 'u', expect.objectContaining({ type: 'will', topic: 'w', qos: 1, retain: true, payloadBytes: 4, properties: { contentType: 'text' } })];
  expect(asked).toEqual([question]);
  client.drop();
  expect(asked).toEqual([question, question]);
});

describe('refused at registration', () => {
  test.each([
    [false, 0x87, '20 02 00 05'],
    [{ action: 'deny', reasonCode: 0x97 }, 0x97, '20 02 00 03'],
    [{ action: 'deny', reasonCode: 0x90 }, 0x90, ''],
    [{ action: 'deny', reasonCode: 0x83 }, 0x83, ''],
  ] as const)('%j: CONNACK %i, in 3.1.1 its nearest', (answer, reasonCode, connack4) => {
    const rig = deciding(() => answer);
    const client = rig.open().connect({ clientId: 'a', will });
    expect(client.received()).toMatchObject([{ type: 'connack', reasonCode, sessionPresent: false }]);
    expect(client.closed).toBe(true);
    const old = rig.open({ protocolVersion: 4 }).connect({ clientId: 'a', will: { topic: 'w', payload: 'x' } });
    expect(old.receivedHex()).toBe(connack4);
    expect(old.closed).toBe(true);
    expect(rig.stats).toMatchObject({ sessions: 0, clients: 0, willsPublished: 0, retainedMessages: 0 });
  });
  test('v5 the reason string is told', () => {
    const rig = deciding(() => ({ action: 'deny', reasonString: 'not this topic' }));
    expect(rig.open().connect({ clientId: 'a', will }).received()[0]?.properties?.reasonString).toBe('not this topic');
  });
  test('the holder of the session is left alone, and so is its pending will', () => {
    let allow = true;
    const rig = deciding(() => allow);
    const delayed = { ...will, properties: { willDelayInterval: 5 } };
    rig.resumable('a', { will: delayed }).drop();
    const holder = rig.client('b');
    allow = false;
    rig.open().connect({ clientId: 'a', clean: false, will });
    rig.open().connect({ clientId: 'b', will });
    expect(short(holder.pingreq().received())).toEqual(['pingresp']);
    allow = true;
    rig.clock.advance(5000);
    expect(rig.stats.willsPublished).toBe(1);
  });
  test('a throw refuses: 0x87 and hookError', () => {
    const rig = deciding(() => {
      throw new Error('x');
    });
    const errors: string[] = [];
    rig.broker.on('hookError', (_, hook) => errors.push(hook));
    expect(short(rig.open().connect({ clientId: 'a', will }).received())).toEqual(['connack 0x87']);
    expect(errors).toEqual(['authorize']);
  });
  test.each(['$SYS/broker/x', '$SYS/'])('a will below $SYS/ is refused, with and without a hook: %s', (topic) => {
    for (const options of [{}, { authorize: () => true }]) {
      const rig = openRig(options);
      expect(short(rig.open().connect({ clientId: 'a', will: { topic, payload: 'x' } }).received())).toEqual(['connack 0x87']);
    }
  });
});

describe('refused when it fires', () => {
  test('it is dropped: not delivered, not retained, counted, told', () => {
    let allow = true;
    const rig = deciding(() => allow);
    const watcher = rig.subscriber('watcher', 'w');
    const client = rig.client('a', { will });
    allow = false;
    client.drop();
    expect(watcher.received()).toEqual([]);
    expect(rig.dropped).toEqual(['publishDenied w a']);
    expect(rig.stats).toMatchObject({ willsPublished: 0, retainedMessages: 0 });
  });
  test('after its delay too, and it is not tried again', () => {
    let allow = true;
    let asked = 0;
    const rig = deciding(() => (asked += 1) > 0 && allow);
    const watcher = rig.subscriber('watcher', 'w');
    rig.resumable('a', { will: { ...will, properties: { willDelayInterval: 5 } } }).drop();
    allow = false;
    rig.clock.advance(5000);
    allow = true;
    rig.clock.advance(86_400_000);
    expect(watcher.received()).toEqual([]);
    expect(asked).toBe(2);
  });
  test('a throw drops it', () => {
    let fail = false;
    const rig = deciding(() => {
      if (fail) throw new Error('x');
      return true;
    });
    const watcher = rig.subscriber('watcher', 'w');
    const client = rig.client('a', { will });
    fail = true;
    client.drop();
    expect(watcher.received()).toEqual([]);
  });
});

test('a delayed will is asked about for the client that left: id, principal, where it came from', () => {
  const asked: unknown[] = [];
  const rig = openRig({
    authenticate: () => ({ action: 'allow', principal: 'p' }),
    authorize: ({ id, principal, connection, signal }, { type }) => type !== 'will' || asked.push([id, principal, connection.transport, signal.aborted]) > 0,
  });
  rig.resumable('a', { will: { ...will, properties: { willDelayInterval: 5 } } }).drop();
  rig.clock.advance(5000);
  expect(asked).toEqual([['a', 'p', 'memory', false], ['a', 'p', 'memory', true]]);
});

test('an answer that was cached for publishing does not stand for the will', () => {
  let asked = 0;
  const rig = openRig({
    authorize: (_, { type }) => {
      if (type === 'will') asked += 1;
      return { action: 'allow', cache: true };
    },
  });
  rig.client('a', { will }).publish({ topic: 'w', payload: 'x' }).drop();
  expect(asked).toBe(2);
});

describe('an answer that comes late when it fires', () => {
  /** A client that is gone, and a question about its will that is open. */
  async function gone(connect = {}): Promise<{ readonly rig: Rig; readonly questions: Questions; readonly watcher: ReturnType<Rig['open']> }> {
    const questions = new Questions('will');
    const rig = openRig({ authorize: questions.authorize });
    const watcher = rig.subscriber('watcher', 'w', 1);
    const client = rig.open().connect({ clientId: 'a', will, ...connect });
    questions.answer();
    await rig.settle();
    client.drop();
    expect(questions.open).toHaveLength(1);
    return { rig, questions, watcher };
  }

  test('publishes it then, once', async () => {
    const { rig, questions, watcher } = await gone();
    await rig.settle();
    expect(watcher.received()).toEqual([]);
    questions.answer();
    await rig.settle();
    expect(payloads(watcher)).toEqual(['will']);
    rig.clock.advance(60_000);
    expect(payloads(watcher)).toEqual([]);
  });
  test('publishes it although the client is back meanwhile: it had fired', async () => {
    const { rig, questions, watcher } = await gone({ clean: false, properties: { sessionExpiryInterval: 60 } });
    const again = rig.open().connect({ clientId: 'a', clean: false, properties: { sessionExpiryInterval: 60 } });
    expect(again.received()).toMatchObject([{ sessionPresent: true }]);
    questions.answer();
    await rig.settle();
    expect(payloads(watcher)).toEqual(['will']);
    again.drop();
    rig.clock.advance(120_000);
    expect(payloads(watcher)).toEqual([]);
  });
  test('does not touch the will that the client has registered since', async () => {
    const { rig, questions, watcher } = await gone({ clean: false, properties: { sessionExpiryInterval: 60 } });
    const again = rig.open().connect({ clientId: 'a', clean: false, will: { topic: 'w', payload: 'second' }, properties: { sessionExpiryInterval: 60 } });
    questions.answer(); // the first will fires
    questions.answer(); // the second is registered
    await rig.settle();
    expect(payloads(watcher)).toEqual(['will']);
    again.drop();
    questions.answer();
    await rig.settle();
    expect(payloads(watcher)).toEqual(['second']);
  });
  test('after hookTimeoutSeconds it is dropped', async () => {
    const { rig, watcher } = await gone();
    rig.clock.advance(10_000);
    await rig.settle();
    expect(watcher.received()).toEqual([]);
    expect(rig.dropped).toEqual(['publishDenied w a']);
  });
  test('broker.close() waits for it: the will is published before the store is closed', async () => {
    const questions = new Questions('will');
    const rig = openRig({ authorize: questions.authorize });
    rig.open().connect({ clientId: 'a', will });
    questions.answer();
    await rig.settle();
    const heard: string[] = [];
    rig.broker.on('will', () => heard.push('will'));
    rig.broker.on('closed', () => heard.push('closed'));
    const closed = rig.broker.close();
    await rig.settle();
    expect(heard).toEqual([]);
    questions.answer();
    await rig.settle();
    await closed;
    expect(heard).toEqual(['will', 'closed']);
  });
});
