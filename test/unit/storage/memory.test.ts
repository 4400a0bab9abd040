/** The memory store: the storage suite, and what it alone promises: answers at once, and counts its memory. */
import { describe, expect, test } from '@jest/globals';
import type { BrokerError } from '../../../src/errors/errors.js';
import type { Message } from '../../../src/packet/publication.js';
import { MemoryQueue } from '../../../src/storage/memory-queue.js';
import { memoryStorage } from '../../../src/storage/memory.js';
import { groupQueueId, sessionQueueId } from '../../../src/storage/storage.js';
import { storageSuite } from '../../../src/testing/suites/storage-suite.js';
import { VirtualClock } from '../../../src/testing/virtual-clock.js';
import { entry, load, message, sequences, session, silentListener, storageClock } from './store.js';

storageSuite({ test, open: () => memoryStorage(), reopen: (store) => store });

const queue = sessionQueueId('c');

async function openStore() {
  const storage = memoryStorage();
  const clock = new VirtualClock();
  await storage.open(silentListener, storageClock(clock));
  return { storage, clock };
}

describe('memory storage', () => {
  test('promises nothing, so nothing ever waits for it', async () => {
    const { storage } = await openStore();
    expect(storage.supports).toEqual({ durability: 'none' });
    expect(storage.durableLsn).toBe(Infinity);
    const answers: unknown[] = [];
    storage.load({ type: 'groups' }, (answer) => answers.push(answer));
    expect(answers).toHaveLength(1);
  });

  test('serves one broker at a time, and answers nobody once closed', async () => {
    const { storage, clock } = await openStore();
    expect(() => storage.open(silentListener, storageClock(clock))).toThrow(
      expect.objectContaining({ code: 'ODN_ERR_STORAGE_LOCKED' } satisfies Partial<BrokerError>),
    );
    await storage.close();
    storage.load({ type: 'groups' }, () => {
      throw new Error('answered');
    });
    await storage.open(silentListener, storageClock(clock));
  });

  test('counts each message once, and gives every byte back', async () => {
    const { storage } = await openStore();
    const shared = message('topic', 'payload');
    const own = message('t', 'x');
    const group = groupQueueId('$share/g/a');
    storage.enqueue(queue, entry(1, shared));
    storage.enqueue(sessionQueueId('d'), entry(1, shared));
    storage.enqueue(group, entry(1, shared));
    expect(storage.memoryBytes).toBe(12);
    storage.enqueue(queue, entry(2, own));
    expect(storage.memoryBytes).toBe(14);
    // What is retained or a will has limits of its own.
    storage.putRetained(message('retained'));
    storage.putWill('c', { message: message('will'), messageExpirySeconds: undefined, willDelaySeconds: 0 });
    expect(storage.memoryBytes).toBe(14);
    storage.markSent(queue, 2, 1);
    expect(storage.memoryBytes).toBe(14);
    storage.markReleased(queue, 2); // its message is no longer needed
    storage.markReleased(queue, 2);
    expect(storage.memoryBytes).toBe(12);
    storage.dequeue(queue, 2);
    storage.dequeue(queue, 2);
    storage.endSession('c');
    storage.endSession('c');
    expect(storage.memoryBytes).toBe(12);
    storage.dequeue(group, 1);
    expect(storage.memoryBytes).toBe(12);
    storage.endSession('d');
    expect(storage.memoryBytes).toBe(0);
  });

  test('expiry goes on by the wall clock when the next broker has another monotonic clock', async () => {
    const { storage, clock } = await openStore();
    const fading = message('t', 'x', clock.now() + 60_000);
    storage.putSession(session('c'));
    storage.enqueue(queue, entry(1, fading));
    storage.enqueue(sessionQueueId('d'), entry(1, fading));
    storage.enqueue(queue, entry(2));
    storage.markSent(queue, 1, 1);
    storage.putRetained(fading);
    await storage.close();
    const later = new VirtualClock({ nowMs: 5000, wallMs: clock.wall() + 20_000 });
    await storage.open(silentListener, storageClock(later));
    const next = { storage, clock: later };
    const [inflight] = load(next, { type: 'session', clientId: 'c' }).inflight;
    const [other] = load(next, { type: 'queue', queue: sessionQueueId('d'), after: 0, limit: 1, bytesMax: 99 }).entries;
    const [retained] = load(next, { type: 'retained', topics: ['t'] }).messages;
    expect(inflight?.entry.message.expiresAtMs).toBe(45_000);
    expect(other?.message).toBe(inflight?.entry.message);
    expect(retained).toBe(other?.message);
    expect(load(next, { type: 'retainedTopics', after: undefined, limit: 1 }).topics).toEqual([
      { topic: 't', bytes: 2, expiresAtWallMs: clock.wall() + 60_000 },
    ]);
    expect(storage.memoryBytes).toBe(4);
    storage.endSession('c');
    storage.endSession('d');
    expect(storage.memoryBytes).toBe(0);
  });
});

describe('memory queue', () => {
  // Goal: any mix of changes leaves what a plain list would. Method: a seeded walk beside a Map.
  test('is the same as a plain list', async () => {
    const store = await openStore();
    const { storage } = store;
    const pool = Array.from({ length: 7 }, (_, size) => message('t', 'x'.repeat(size)));
    const waiting = new Map<number, Message>();
    const sent = new Map<number, Message>();
    let seed = 7;
    const below = (limit: number): number => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((seed / 2 ** 32) * limit);
    };
    const someOf = (keys: Iterable<number>): number => {
      const list = [...keys];
      return list[below(4) === 0 ? below(list.length) : 0] ?? 0;
    };
    let sequence = 0;
    let checks = 0;
    for (let step = 0; step < 20_000; step += 1) {
      const action = below(10);
      if (action < (step % 4000 < 2000 ? 6 : 3)) {
        sequence += 1 + below(3);
        const one = pool[below(pool.length)] ?? message('t');
        waiting.set(sequence, one);
        storage.enqueue(queue, entry(sequence, one));
      } else if (action < 7) {
        const first = someOf(waiting.keys());
        const one = waiting.get(first);
        if (one !== undefined) sent.set(first, one);
        waiting.delete(first);
        storage.markSent(queue, first, 1);
      } else {
        const gone = someOf((below(2) === 0 ? waiting : sent).keys());
        waiting.delete(gone);
        sent.delete(gone);
        storage.dequeue(queue, gone);
      }
      if (step % 50 !== 0) continue;
      checks += 1;
      const after = below(sequence + 2);
      const expected = [...waiting.keys()].filter((each) => each > after).slice(0, 20);
      expect(sequences(store, queue, after, 20)).toEqual(expected);
      expect(load(store, { type: 'session', clientId: 'c' }).inflight.map((each) => each.entry.sequence)).toEqual(
        [...sent.keys()].toSorted((one, other) => one - other),
      );
      const held = new Set([...waiting.values(), ...sent.values()]);
      expect(storage.memoryBytes).toBe([...held].reduce((bytes, each) => bytes + each.bytes, 0));
    }
    expect(checks).toBe(400);
    storage.endSession('c');
    expect(storage.memoryBytes).toBe(0);
  });

  // Goal: draining costs the same for each entry however long the queue is. Method: a queue in which passing all
  // that was before would take 20 thousand million steps.
  test('a long queue is drained page by page without scanning it', () => {
    const entries = 200_000;
    const long = new MemoryQueue();
    const shared = message('t', 'x');
    for (let sequence = 1; sequence <= entries; sequence += 1) long.push(entry(sequence, shared));
    let drained = 0;
    let outOfOrder = 0;
    for (let page = long.page(0, 1, Infinity); page.length > 0; page = long.page(drained, 1, Infinity)) {
      const [{ sequence } = entry(0)] = page;
      if (sequence !== drained + 1) outOfOrder += 1;
      if (sequence % 2 === 0) long.remove(sequence);
      else long.markSent(sequence, 1);
      drained = sequence;
    }
    expect({ drained, outOfOrder }).toEqual({ drained: entries, outOfOrder: 0 });
    expect(long.summary).toEqual({ messages: 0, bytes: 0, nextSequence: entries + 1 });
  });
});
