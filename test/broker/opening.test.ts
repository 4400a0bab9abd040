/** The store opens behind the broker: who comes before waits, and a store that does not open is told everywhere. */
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { BrokerError, createBroker, memoryStorage } from '../../src/index.js';
import { memoryTransportPair, virtualClock, wire, type VirtualClock } from '../../src/testing/index.js';
import { lateStorage } from '../../src/testing/late-storage.js';
import type { Storage } from '../../src/storage/storage.js';
import { failureOf } from '../support/broker.js';

const answerMs = 100;

/** A broker whose store takes `3 * answerMs` until it is open. */
function slowBroker() {
  const clock = virtualClock();
  const storage = lateStorage(memoryStorage(), clock, { answerMs });
  const broker = createBroker({ storage, clock: clock.fork() });
  return { broker, clock, storage, open: () => clock.advance(3 * answerMs) };
}

/** `storage` with another `open`. */
const opening = (storage: Storage, open: Storage['open']): Storage => Object.assign(Object.create(storage) as Storage, { open });

async function settle(clock: VirtualClock): Promise<void> {
  await clock.settle();
}

let emitWarning: jest.SpiedFunction<typeof process.emitWarning>;
beforeEach(() => {
  emitWarning = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
});
afterEach(() => emitWarning.mockRestore());

describe('before it is open', () => {
  test('connections wait, and are served in the order of arrival', () => {
    const { broker, clock, open } = slowBroker();
    const order: string[] = [];
    broker.on('client', ({ id }) => order.push(id));
    const clients = ['a', 'b', 'c'].map((clientId) => wire({ broker, clock }).connect({ clientId }));
    expect(clients.map((client) => client.received())).toEqual([[], [], []]);
    open();
    expect(clients.map((client) => client.last()?.type)).toEqual(['connack', 'connack', 'connack']);
    expect(order).toEqual(['a', 'b', 'c']);
  });

  test('ready() resolves when it is', async () => {
    const { broker, open } = slowBroker();
    let isReady = false;
    const ready = broker.ready().then(() => (isReady = true));
    await Promise.resolve();
    expect(isReady).toBe(false);
    open();
    await ready;
    await broker.ready();
  });

  test('a memory store is open at once: CONNACK in the same turn', () => {
    const clock = virtualClock();
    const broker = createBroker({ clock: clock.fork() });
    expect(wire({ broker, clock }).connect().received()).toHaveLength(1);
  });

  test('connections beyond ten thousand are dropped', () => {
    const { broker, clock, open } = slowBroker();
    let closed = 0;
    const ends = Array.from({ length: 10_005 }, () => {
      const [mine, theirs] = memoryTransportPair();
      mine.start({ onBytes: () => undefined, onDrain: () => undefined, onEnd: () => undefined, onClose: () => void (closed += 1) });
      broker.accept(theirs);
      return mine;
    });
    expect(closed).toBe(5);
    open();
    clock.flush();
    expect(broker.stats().connections).toBe(10_000);
    for (const end of ends) end.destroy();
    expect(broker.stats().connections).toBe(0);
  });

  test('a connection that goes away meanwhile leaves nothing', () => {
    const { broker, clock, open } = slowBroker();
    wire({ broker, clock }).connect({ clientId: 'a' }).drop();
    open();
    expect(broker.stats()).toMatchObject({ connections: 0, clients: 0, sessions: 0 });
  });

  test('close(): who waits is turned away, ready() rejects, and the store is closed when it has opened', async () => {
    const clock = virtualClock();
    const calls: string[] = [];
    let opened = (): void => undefined;
    const inner = memoryStorage();
    const storage = Object.assign(
      opening(inner, (listener, storageClock) =>
        new Promise<void>((resolve) => (opened = resolve)).then(() => {
          calls.push('opened');
          return inner.open(listener, storageClock);
        }),
      ),
      { close: async () => void calls.push('closed') },
    );
    const broker = createBroker({ storage, clock: clock.fork() });
    const client = wire({ broker, clock }).connect();
    const ready = failureOf(broker.ready());
    const connecting = failureOf(broker.connect());
    const closing = broker.close();
    clock.flush();
    expect(client.closed).toBe(true);
    expect(await ready).toMatchObject({ code: 'ODN_ERR_CLOSED' });
    expect(await connecting).toMatchObject({ code: 'ODN_ERR_CLOSED' });
    await settle(clock);
    expect(calls).toEqual([]);
    opened();
    await closing;
    expect(calls).toEqual(['opened', 'closed']);
  });
});

describe('a store that does not open', () => {
  const broken = new BrokerError('ODN_ERR_STORAGE_FORMAT', 'not ours');
  const ways: readonly (readonly [string, () => Storage, string])[] = [
    [
      'throws',
      () =>
        opening(memoryStorage(), () => {
          throw broken;
        }),
      'ODN_ERR_STORAGE_FORMAT',
    ],
    ['rejects', () => opening(memoryStorage(), () => Promise.reject(broken)), 'ODN_ERR_STORAGE_FORMAT'],
    ['fails with an error of its own', () => opening(memoryStorage(), () => Promise.reject(new Error('EACCES'))), 'ODN_ERR_STORAGE_OPEN'],
    [
      'cannot be read',
      () => Object.assign(opening(memoryStorage(), () => undefined), { load: (_query: unknown, done: (error: BrokerError) => void) => done(broken) }),
      'ODN_ERR_STORAGE_FORMAT',
    ],
  ];

  test.each(ways)('%s: ready(), publish(), connect() and retained reject with its code; error is emitted once', async (_, make, code) => {
    const clock = virtualClock();
    const broker = createBroker({ storage: make(), clock: clock.fork() });
    const errors: unknown[] = [];
    broker.on('error', (error) => errors.push(error));
    const early = wire({ broker, clock }).connect();
    await settle(clock);
    const late = wire({ broker, clock }).connect();
    expect([early.closed, late.closed]).toEqual([true, true]);
    expect([early.received(), late.received()]).toEqual([[], []]);
    for (const call of [() => broker.ready(), () => broker.publish('t', ''), () => broker.connect(), () => broker.retained.get('t')]) {
      expect(await failureOf(call())).toMatchObject({ code });
    }
    expect(errors).toMatchObject([{ code }]);
    expect(emitWarning).not.toHaveBeenCalled();
    await broker.close();
  });

  test('without an error listener it is a process warning with its code', async () => {
    const clock = virtualClock();
    const broker = createBroker({ storage: opening(memoryStorage(), () => Promise.reject(broken)), clock: clock.fork() });
    await settle(clock);
    expect(emitWarning.mock.calls).toMatchObject([['not ours', { code: 'ODN_ERR_STORAGE_FORMAT' }]]);
    await broker.close();
  });

  test('a store that another broker has open: ODN_ERR_STORAGE_LOCKED; once that is closed the next one has all of it', async () => {
    const storage = memoryStorage();
    const clock = virtualClock();
    const first = createBroker({ storage, clock: clock.fork() });
    await first.publish('t', 'kept', { retain: true });
    const second = createBroker({ storage, clock: clock.fork() });
    second.on('error', () => undefined);
    expect(await failureOf(second.ready())).toMatchObject({ code: 'ODN_ERR_STORAGE_LOCKED' });
    await second.close();
    expect((await first.retained.get('t'))?.text()).toBe('kept'); // the second did not close it
    await first.close();
    const third = createBroker({ storage, clock: clock.fork() });
    expect((await third.retained.get('t'))?.text()).toBe('kept');
    await third.close();
  });
});
