/** `broker.subscribe()` as an async iterable: active at once, back-pressured, and ended in five ways. */
import { describe, expect, test } from '@jest/globals';
import { memoryStorage, type BrokerMessage, type HostSubscription } from '../../src/index.js';
import { brokerOnClock } from '../../src/testing/wire-broker.js';
import { virtualClock } from '../../src/testing/index.js';
import { failureOf, settled, testBroker } from '../support/broker.js';

/** The next `count` messages as text. */
async function texts(messages: HostSubscription, count: number): Promise<string[]> {
  const found: string[] = [];
  while (found.length < count) {
    const { done, value } = await messages.next();
    if (done === true) throw new Error(`it ended after ${found.length} messages`);
    found.push(value.text());
  }
  return found;
}

describe('what comes', () => {
  test('active when it returns: subscribe, publish, then iterate', async () => {
    const { broker } = testBroker();
    const messages = broker.subscribe('sensors/+/temp');
    await broker.publish('sensors/1/temp', '20', { qos: 1 });
    await broker.publish('sensors/1/humidity', '50', { qos: 1 });
    await broker.publish('sensors/2/temp', '21');
    const seen: string[] = [];
    for await (const message of messages) {
      seen.push(`${message.topic} ${message.text()}`);
      if (seen.length === 2) break;
    }
    expect(seen).toEqual(['sensors/1/temp 20', 'sensors/2/temp 21']);
  });

  test.each([0, 1, 2] as const)('a message of a client at QoS %i, with all that belongs to it', async (qos) => {
    const { broker, client } = testBroker();
    const messages = broker.subscribe('t');
    const properties = { contentType: 'application/json', userProperties: [['k', 'v'], ['k', 'w']] as const };
    client().connected({ clientId: 'pub' }).publish({ topic: 't', payload: '{"a":1}', qos, retain: true, properties });
    const { value } = (await messages.next()) as { value: BrokerMessage };
    expect(value).toMatchObject({ topic: 't', qos, retain: false, publisherId: 'pub', payload: Buffer.from('{"a":1}') });
    expect(value.json()).toEqual({ a: 1 });
    expect(value.properties).toEqual({ contentType: 'application/json', userProperties: [['k', 'v'], ['k', 'w']] });
    messages.unsubscribe();
  });

  test('options: qos lowers, retainAsPublished keeps the flag', async () => {
    const { broker } = testBroker();
    const messages = broker.subscribe('t', { qos: 1, retainAsPublished: true });
    await broker.publish('t', 'x', { qos: 2, retain: true });
    expect((await messages.next()).value).toMatchObject({ qos: 1, retain: true });
    messages.unsubscribe();
  });

  test.each([
    [0, ['kept']],
    [1, ['kept']],
    [2, []],
  ] as const)('retained messages with retainHandling %i', async (retainHandling, expected) => {
    const { broker, clock } = testBroker();
    await settled(clock, broker.publish('t', 'kept', { retain: true }));
    const messages = broker.subscribe('#', { retainHandling });
    await clock.settle();
    await settled(clock, broker.publish('u', 'live', { qos: 1 }));
    expect(await texts(messages, expected.length + 1)).toEqual([...expected, 'live']);
    messages.unsubscribe();
  });

  test('retained messages that the store has, also when it is not open yet', async () => {
    const storage = memoryStorage();
    const clock = virtualClock();
    const before = brokerOnClock(clock, { storage });
    await settled(clock, before.publish('t', 'kept', { retain: true }));
    await settled(clock, before.close());
    const broker = brokerOnClock(clock, { storage });
    const messages = broker.subscribe('t');
    await clock.settle();
    expect(await texts(messages, 1)).toEqual(['kept']);
    await broker.close();
  });

  test('a shared filter: each message to one of the group', async () => {
    const { broker } = testBroker();
    const [left, right] = [broker.subscribe('$share/g/t'), broker.subscribe('$share/g/t')];
    for (const payload of ['1', '2', '3', '4']) await broker.publish('t', payload, { qos: 1 });
    const [ofLeft, ofRight] = [await texts(left, 2), await texts(right, 2)];
    expect([...ofLeft, ...ofRight].toSorted()).toEqual(['1', '2', '3', '4']);
    left.unsubscribe();
    right.unsubscribe();
  });

  test('no hook is asked about it', async () => {
    const { broker, clock } = testBroker({ authorize: () => false, authenticate: () => false });
    const messages = broker.subscribe('t');
    await settled(clock, broker.publish('t', 'x', { qos: 1 }));
    expect(await texts(messages, 1)).toEqual(['x']);
    messages.unsubscribe();
  });

  test('it is no client: not in clients, no session event, and nothing is left of it', async () => {
    const { broker } = testBroker();
    const events: string[] = [];
    for (const event of ['client', 'sessionCreated', 'sessionEnded', 'subscribe', 'unsubscribe'] as const) {
      broker.on(event, () => events.push(event));
    }
    const messages = broker.subscribe('t');
    expect(broker.clients.size).toBe(0);
    expect(broker.stats()).toMatchObject({ clients: 0, sessions: 0, subscriptions: 1 });
    messages.unsubscribe();
    expect(broker.stats()).toMatchObject({ subscriptions: 0, queuedMessages: 0, inflightMessages: 0, memoryBytes: 0 });
    expect(events).toEqual([]);
  });
});

describe('back-pressure', () => {
  test.each([1, 2] as const)('QoS %i waits for the consumer, publishers do not, and nothing is lost', async (qos) => {
    const { broker } = testBroker();
    const messages = broker.subscribe('t');
    const payloads = Array.from({ length: 3000 }, (_, index) => `m${index}`);
    for (const payload of payloads) await broker.publish('t', payload, { qos });
    expect(broker.stats().inflightMessages).toBeLessThanOrEqual(100);
    expect(broker.stats().queuedMessages).toBeGreaterThanOrEqual(2900);
    expect((await texts(messages, 3000)).join(' ')).toBe(payloads.join(' '));
    messages.unsubscribe();
    expect(broker.stats()).toMatchObject({ inflightMessages: 0, queuedMessages: 0, queuedBytes: 0, memoryBytes: 0 });
  });

  test('asking for the next message acknowledges the one before', async () => {
    const { broker } = testBroker();
    const delivered: string[] = [];
    broker.on('delivered', (message) => delivered.push(message.text()));
    const messages = broker.subscribe('t');
    for (const payload of ['1', '2']) await broker.publish('t', payload, { qos: 1 });
    await messages.next();
    expect(delivered).toEqual([]);
    await messages.next();
    expect(delivered).toEqual(['1']);
    await messages.return?.();
    expect(delivered).toEqual(['1', '2']);
  });

  test('QoS 0 beyond the queue is dropped and counted, and later ones come again', async () => {
    const { broker } = testBroker();
    const dropped: string[] = [];
    broker.on('dropped', (why) => dropped.push(why));
    const messages = broker.subscribe('t');
    for (let index = 0; index < 1500; index += 1) await broker.publish('t', `m${index}`);
    expect(broker.stats().dropped.slowConsumer).toBe(500);
    expect(new Set(dropped)).toEqual(new Set(['slowConsumer']));
    expect((await texts(messages, 1000)).at(-1)).toBe('m999');
    await broker.publish('t', 'again');
    expect(await texts(messages, 1)).toEqual(['again']);
    messages.unsubscribe();
  });

  test('QoS 1 and 2 beyond the session’s queue are dropped and counted, as for any session', async () => {
    const { broker } = testBroker({ queueMessagesMax: 10 });
    const messages = broker.subscribe('t');
    for (let index = 0; index < 150; index += 1) await broker.publish('t', `m${index}`, { qos: 1 });
    expect(broker.stats().dropped.queueFull).toBe(40);
    expect((await texts(messages, 110)).at(-1)).toBe('m109');
    messages.unsubscribe();
  });

  test('asked for before it comes: each message settles one call, in order', async () => {
    const { broker } = testBroker();
    const messages = broker.subscribe('t');
    const asked = [messages.next(), messages.next(), messages.next()];
    for (const payload of ['1', '2', '3']) await broker.publish('t', payload, { qos: 2 });
    const results = await Promise.all(asked);
    expect(results.map(({ value }) => value?.text())).toEqual(['1', '2', '3']);
    messages.unsubscribe();
    expect(broker.stats().inflightMessages).toBe(0);
  });
});

describe('the end', () => {
  const ends: readonly (readonly [string, (messages: HostSubscription, abort: AbortController) => unknown])[] = [
    ['unsubscribe()', (messages) => messages.unsubscribe()],
    ['return()', (messages) => messages.return?.()],
    ['the signal', (_messages, abort) => abort.abort()],
    ['await using', (messages) => messages[Symbol.asyncDispose]()],
  ];

  test.each(ends)('%s: a pending next() is done, and so is every later one', async (_, end) => {
    const { broker } = testBroker();
    const abort = new AbortController();
    const messages = broker.subscribe('t', { signal: abort.signal });
    const pending = messages.next();
    await end(messages, abort);
    expect(await pending).toEqual({ done: true, value: undefined });
    await broker.publish('t', 'x', { qos: 1 });
    expect(await messages.next()).toEqual({ done: true, value: undefined });
    expect(broker.stats()).toMatchObject({ subscriptions: 0, inflightMessages: 0 });
    await end(messages, abort); // a second time does nothing
  });

  test('break and a throw within the loop unsubscribe', async () => {
    const { broker } = testBroker();
    await broker.publish('t', 'kept', { retain: true });
    const loop = async (): Promise<void> => {
      for await (const message of broker.subscribe('t')) throw new Error(message.text());
    };
    expect(await failureOf(loop())).toMatchObject({ message: 'kept' });
    for await (const _message of broker.subscribe('t')) break;
    expect(broker.stats().subscriptions).toBe(0);
  });

  test('the broker’s close() ends the loop without an error', async () => {
    const { broker, clock } = testBroker();
    const loop = (async () => {
      for await (const _message of broker.subscribe('t'));
      return 'ended';
    })();
    await settled(clock, broker.close());
    expect(await loop).toBe('ended');
  });

  test('a signal that fired already: it ends before it begins', async () => {
    const { broker } = testBroker();
    const messages = broker.subscribe('t', { signal: AbortSignal.abort() });
    expect(await messages.next()).toEqual({ done: true, value: undefined });
    expect(broker.stats().subscriptions).toBe(0);
  });

  test('the signal keeps no listener of a subscription that has ended', () => {
    const { broker } = testBroker();
    const listeners: unknown[] = [];
    const { signal } = new AbortController();
    const added = signal.addEventListener.bind(signal);
    const removed = signal.removeEventListener.bind(signal);
    Object.assign(signal, {
      addEventListener: (...args: Parameters<typeof added>) => (listeners.push(args[1]), added(...args)),
      removeEventListener: (...args: Parameters<typeof removed>) => (listeners.splice(listeners.indexOf(args[1]), 1), removed(...args)),
    });
    const messages = broker.subscribe('t', { signal });
    expect(listeners).toHaveLength(1);
    messages.unsubscribe();
    expect(listeners).toEqual([]);
  });
});

describe('what it refuses', () => {
  test.each(['', 'a#', 'a/#/b', '+a', '$share/g', '$share//t', 'a\0', '/'.repeat(201), 'a\ud800', 5])('filter %j: ODN_ERR_ARGUMENT', (filter) => {
    const { broker } = testBroker();
    expect(() => broker.subscribe(filter as string)).toThrow(expect.objectContaining({ code: 'ODN_ERR_ARGUMENT' }));
    expect(broker.stats().subscriptions).toBe(0);
  });

  test.each([{ qos: 3 }, { retainHandling: 3 }, { noLocal: 'yes' }, { retainAsPublished: 1 }, { noLocl: true }])('options %j: ODN_ERR_ARGUMENT', (options) => {
    const { broker } = testBroker();
    expect(() => broker.subscribe('t', options as object)).toThrow(expect.objectContaining({ code: 'ODN_ERR_ARGUMENT' }));
    expect(broker.stats().subscriptions).toBe(0);
  });

  test('a closed broker', async () => {
    const { broker } = testBroker();
    await broker.close();
    expect(() => broker.subscribe('t')).toThrow(expect.objectContaining({ code: 'ODN_ERR_CLOSED' }));
  });
});
