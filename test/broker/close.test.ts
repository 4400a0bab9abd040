/** `broker.close()`: everyone is told, what must be kept is kept, and nothing is left. */
import { describe, expect, test } from '@jest/globals';
import { memoryStorage, type BrokerOptions } from '../../src/index.js';
import { virtualClock } from '../../src/testing/index.js';
import { failureOf, settled, testBroker } from '../support/broker.js';

const persistent = { clean: false, properties: { sessionExpiryInterval: 1000 } };

describe('clients', () => {
  test('5.0: DISCONNECT 0x8B, then a close; 3.1.1: a bare close; one that has not connected: a close', async () => {
    const { broker, client, clock } = testBroker();
    const [five, four, mute] = [client().connected(), client({ protocolVersion: 4 }).connected(), client()];
    await settled(clock, broker.close());
    expect(five.received()).toMatchObject([{ type: 'disconnect', reasonCode: 0x8b }]);
    expect([four.received(), mute.received()]).toEqual([[], []]);
    expect([five.closed, four.closed, mute.closed]).toEqual([true, true, true]);
    expect(broker.stats()).toMatchObject({ connections: 0, clients: 0, sessions: 0, connectionsClosed: 3 });
  });

  test('a CONNECT that waits for a hook gets Server unavailable in its CONNACK: 0x8B may stand in DISCONNECT only', async () => {
    const { broker, client, clock } = testBroker({ authenticate: ({ signal }) => new Promise((resolve) => signal.addEventListener('abort', () => resolve(true))) });
    const waiting = client().connect();
    await settled(clock, broker.close());
    expect(waiting.received()).toMatchObject([{ type: 'connack', reasonCode: 0x88 }]);
    expect(waiting.received()).toEqual([]);
    expect(waiting.closed).toBe(true);
    expect(broker.stats()).toMatchObject({ connectsAccepted: 0, sessions: 0 });
  });

  test('a peer that does not read gets closeGraceSeconds, then the connection is destroyed', async () => {
    const { broker, client, clock } = testBroker({ closeGraceSeconds: 3 });
    const stuck = client({ halfOpen: true }).connected().pause();
    let isClosed = false;
    const closing = broker.close().then(() => (isClosed = true));
    await clock.settle();
    clock.advance(2_999);
    await clock.settle();
    expect([isClosed, stuck.closed]).toEqual([false, false]);
    clock.advance(1);
    await clock.settle();
    await closing;
    expect(stuck.closed).toBe(true);
  });

  test('X5-3.1.2.5-2 wills are published and stored; a delayed one is kept with its session', async () => {
    const storage = memoryStorage();
    const clock = virtualClock();
    const { broker, client } = testBroker({ storage }, clock);
    const heard: string[] = [];
    broker.on('will', (message) => heard.push(message.text()));
    const will = (payload: string, willDelayInterval: number) => ({ topic: payload, payload, retain: true, properties: { willDelayInterval } });
    client().connected({ clientId: 'a', ...persistent, will: will('now', 0) });
    client().connected({ clientId: 'b', ...persistent, will: will('later', 10) });
    await settled(clock, broker.close());
    expect(heard).toEqual(['now']);
    const next = testBroker({ storage }, clock);
    expect(await settled(clock, next.broker.retained.get('now'))).toBeDefined();
    expect(await settled(clock, next.broker.retained.get('later'))).toBeUndefined();
    clock.advance(10_000);
    await clock.settle();
    expect((await settled(clock, next.broker.retained.get('later')))?.text()).toBe('later');
    await settled(clock, next.broker.close());
  });

  test('sessions outlive it: the next broker on the store resumes them, in flight and queue', async () => {
    const storage = memoryStorage();
    const clock = virtualClock();
    const first = testBroker({ storage }, clock);
    const sub = first.client().connected({ clientId: 'a', ...persistent }).subscribe('t', { qos: 2 }).skip();
    await settled(clock, first.broker.publish('t', 'in flight', { qos: 2 }));
    expect(sub.received()).toMatchObject([{ payload: 'in flight', packetId: 1 }]);
    await settled(clock, first.broker.close());
    const second = testBroker({ storage }, clock);
    await settled(clock, second.broker.publish('t', 'queued', { qos: 1 }));
    const again = second.client().connect({ clientId: 'a', ...persistent });
    expect(again.received()).toMatchObject([
      { type: 'connack', sessionPresent: true },
      { payload: 'in flight', packetId: 1, dup: true },
      { payload: 'queued', packetId: 2, dup: false },
    ]);
    await settled(clock, second.broker.close());
  });
});

describe('the host', () => {
  test('a second call gives the same promise; every later call is refused', async () => {
    const { broker, client, clock } = testBroker();
    const first = broker.close();
    expect(broker.close()).toBe(first);
    expect(broker.closed).toBe(true);
    await settled(clock, first);
    expect(broker.close()).toBe(first);
    const closed = { code: 'ODN_ERR_CLOSED' };
    expect(await failureOf(broker.listen({ port: 0 }))).toMatchObject(closed);
    expect(() => broker.attach({} as never)).toThrow(expect.objectContaining(closed));
    expect(() => broker.subscribe('t')).toThrow(expect.objectContaining(closed));
    expect(await failureOf(broker.publish('t', ''))).toMatchObject(closed);
    expect(await failureOf(broker.connect())).toMatchObject(closed);
    expect(client().connect().closed).toBe(true);
  });

  test('await using closes it', async () => {
    const { broker, clock } = testBroker();
    let isClosed = false;
    broker.on('closed', () => (isClosed = true));
    await settled(clock, broker[Symbol.asyncDispose]());
    expect(isClosed).toBe(true);
  });

  test('subscriptions and in-process clients end, publishes that wait for the store are settled', async () => {
    const { broker, clock } = testBroker();
    const messages = broker.subscribe('t');
    const pending = messages.next();
    const local = await settled(clock, broker.connect());
    const publishing = broker.publish('r', 'x', { qos: 1, retain: true });
    await settled(clock, broker.close());
    await publishing;
    expect(await pending).toEqual({ done: true, value: undefined });
    expect(local.connected).toBe(false);
  });

  const busy: BrokerOptions = { sysIntervalSeconds: 5, hookTimeoutSeconds: 60, authorize: ({ id }) => (id === 'slow' ? new Promise(() => undefined) : true) };
  test('nothing is left on the clock: no timer, no work put off', async () => {
    const { broker, client, clock } = testBroker(busy);
    client().connected({ clientId: 'a', keepalive: 10, ...persistent, will: { topic: 'w', properties: { willDelayInterval: 500 } } });
    client().connected({ clientId: 'slow' }).publish({ topic: 't', qos: 1 });
    client().connected({ clientId: 'gone', ...persistent }).disconnect();
    await settled(clock, broker.publish('t', 'x', { retain: true, messageExpirySeconds: 100 }));
    await settled(clock, broker.close());
    clock.flush();
    expect(clock.pending).toBe(0);
    expect(broker.stats()).toMatchObject({ connections: 0, clients: 0, subscriptions: 0, queuedMessages: 0, inflightMessages: 0 });
  });
});

test('options are frozen, and complete', () => {
  const { broker } = testBroker({ packetBytesMax: 1000 });
  expect(Object.isFrozen(broker.options)).toBe(true);
  expect(() => Object.assign(broker.options, { packetBytesMax: 5 })).toThrow(TypeError);
  expect(broker.options).toMatchObject({ packetBytesMax: 1000, receiveMaximum: 1000 });
});
