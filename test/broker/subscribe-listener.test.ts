/** `broker.subscribe()` with a listener: one message after the other, and a listener that fails harms nobody. */
import { describe, expect, test } from '@jest/globals';
import { BrokerError } from '../../src/index.js';
import { settled, testBroker } from '../support/broker.js';

/** A promise and what settles it. */
function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void; readonly reject: (why: unknown) => void } {
  let resolve = (): void => undefined;
  let reject = (_why: unknown): void => undefined;
  const promise = new Promise<void>((resolveIt, rejectIt) => {
    resolve = resolveIt;
    reject = rejectIt;
  });
  return { promise, resolve, reject };
}

describe('a listener', () => {
  test('is called in the same turn as the publish, with every message in order', () => {
    const { broker, client } = testBroker();
    const heard: string[] = [];
    const subscription = broker.subscribe('t', (message) => heard.push(message.text()));
    const pub = client().connected();
    pub.publish({ topic: 't', payload: '0' }).publish({ topic: 't', payload: '1', qos: 1 }).publish({ topic: 't', payload: '2', qos: 2 });
    expect(heard).toEqual(['0', '1', '2']);
    subscription.unsubscribe();
    pub.publish({ topic: 't', payload: 'late', qos: 1 });
    expect(heard).toHaveLength(3);
    expect(broker.stats()).toMatchObject({ inflightMessages: 0, subscriptions: 0 });
  });

  test('comes second when there are options', async () => {
    const { broker, clock } = testBroker();
    await settled(clock, broker.publish('t', 'kept', { retain: true }));
    const heard: string[] = [];
    broker.subscribe('t', { retainHandling: 2 }, (message) => heard.push(message.text()));
    broker.subscribe('t', {}, (message) => heard.push(`all ${message.text()}`));
    await clock.settle();
    expect(heard).toEqual(['all kept']);
  });

  test('that returns a promise gets the next message when it has settled; publishers do not wait', async () => {
    const { broker } = testBroker();
    const steps: string[] = [];
    const gates = [deferred(), deferred(), deferred()];
    broker.subscribe('t', async (message) => {
      steps.push(`begins ${message.text()}`);
      await gates[Number(message.text())]?.promise;
      steps.push(`ends ${message.text()}`);
    });
    for (const payload of ['0', '1', '2']) await broker.publish('t', payload, { qos: 1 });
    expect(steps).toEqual(['begins 0']);
    for (const gate of gates.toReversed()) gate.resolve();
    await new Promise(setImmediate);
    expect(steps).toEqual(['begins 0', 'ends 0', 'begins 1', 'ends 1', 'begins 2', 'ends 2']);
    expect(broker.stats().inflightMessages).toBe(0);
  });

  test('acknowledges when its promise settles', async () => {
    const { broker } = testBroker();
    const gate = deferred();
    const delivered: string[] = [];
    broker.on('delivered', (message) => delivered.push(message.text()));
    broker.subscribe('t', () => gate.promise);
    await broker.publish('t', 'x', { qos: 2 });
    expect(delivered).toEqual([]);
    gate.resolve();
    await new Promise(setImmediate);
    expect(delivered).toEqual(['x']);
  });

  test('may publish to its own filter: the message follows, and the stack does not grow', async () => {
    const { broker } = testBroker();
    let count = 0;
    broker.subscribe('t', () => {
      count += 1;
      if (count < 20_000) void broker.publish('t', String(count), { qos: 1 });
    });
    await broker.publish('t', '0', { qos: 1 });
    await new Promise(setImmediate);
    expect(count).toBe(20_000);
  });

  test('may unsubscribe from within', async () => {
    const { broker } = testBroker();
    const heard: string[] = [];
    const subscription = broker.subscribe('t', (message) => {
      heard.push(message.text());
      subscription.unsubscribe();
    });
    for (const payload of ['1', '2']) await broker.publish('t', payload, { qos: 1 });
    expect(heard).toEqual(['1']);
    expect(broker.stats().subscriptions).toBe(0);
  });

  test.each([
    ['throws', () => {
      throw new Error('broken');
    }],
    ['rejects', () => Promise.reject(new Error('broken'))],
    ['throws what is no error', () => {
      // oxlint-disable-next-line no-throw-literal -- a listener may
      throw 'broken';
    }],
  ])('that %s is reported as error, the message counts as handled and the next one comes', async (_, fail) => {
    const { broker } = testBroker();
    const errors: Error[] = [];
    broker.on('error', (error) => errors.push(error));
    const heard: string[] = [];
    broker.subscribe('t', (message) => {
      heard.push(message.text());
      return message.text() === 'bad' ? fail() : undefined;
    });
    for (const payload of ['bad', 'good']) await broker.publish('t', payload, { qos: 1 });
    await new Promise(setImmediate);
    expect(heard).toEqual(['bad', 'good']);
    expect(errors).toEqual([expect.any(BrokerError)]);
    expect(errors).toMatchObject([{ code: 'ODN_ERR_LISTENER', message: expect.stringContaining('broken') }]);
    expect(broker.stats()).toMatchObject({ inflightMessages: 0, listenerErrors: 1 });
  });

  test('of a subscription that ended while its promise was pending is not called again, and nothing is left', async () => {
    const { broker } = testBroker();
    const errors: Error[] = [];
    broker.on('error', (error) => errors.push(error));
    const gate = deferred();
    const heard: string[] = [];
    const subscription = broker.subscribe('t', (message) => {
      heard.push(message.text());
      return gate.promise;
    });
    for (const payload of ['1', '2', '3']) await broker.publish('t', payload, { qos: 1 });
    subscription.unsubscribe();
    gate.reject(new Error('too late, and still reported'));
    await new Promise(setImmediate);
    expect(heard).toEqual(['1']);
    expect(errors).toHaveLength(1);
    expect(broker.stats()).toMatchObject({ inflightMessages: 0, queuedMessages: 0 });
  });
});
