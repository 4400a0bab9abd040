/** The store of one test: opened and closed for it, asked by promises, and watched for what no store may do. */
import assert from 'node:assert/strict';
import { isBrokerError, type BrokerError } from '../../errors/errors.js';
import type {
  InflightRecord,
  LoadAnswers,
  LoadKind,
  LoadQueries,
  Lsn,
  QueueEntry,
  QueueId,
  Storage,
  StorageClock,
  StoredSession,
} from '../../storage/storage.js';
import type { Message } from '../../packet/publication.js';

/** Makes stores; see `StorageSuiteOptions`. */
export interface StoreMaker {
  readonly open: () => Storage | Promise<Storage>;
  readonly reopen: (store: Storage) => Storage | Promise<Storage>;
  readonly kill?: ((store: Storage) => Storage | Promise<Storage>) | undefined;
  readonly remove?: ((store: Storage) => void | Promise<void>) | undefined;
}

/** Time that the test sets; turns and waiting are real. */
export class SuiteClock implements StorageClock {
  nowMs = 1_000_000;
  wallMs = 1_767_225_600_000;

  now(): number {
    return this.nowMs;
  }
  wall(): number {
    return this.wallMs;
  }
  endOfTurn(run: () => void): void {
    setImmediate(run);
  }
  after(ms: number, run: () => void): void {
    setTimeout(run, ms);
  }
}

interface Waiter {
  readonly lsn: Lsn;
  readonly resolve: () => void;
}

export class StoreUnderTest {
  storage: Storage;
  clock = new SuiteClock();
  /** What `onDurable` was called with since the store was opened last. */
  durableCalls: Lsn[] = [];
  /** What was told that a healthy store does not tell. */
  private readonly faults: string[] = [];
  private waiters: Waiter[] = [];
  /** Stores that were left as a killed process leaves them. */
  private readonly left: Storage[] = [];
  private readonly maker: StoreMaker;
  private readonly kills: boolean;

  private constructor(storage: Storage, maker: StoreMaker, kills: boolean) {
    this.storage = storage;
    this.maker = maker;
    this.kills = kills;
  }

  /** Runs a test on a fresh store, and closes and removes what it leaves. */
  static async run(maker: StoreMaker, kills: boolean, test: (store: StoreUnderTest) => Promise<void>): Promise<void> {
    const store = new StoreUnderTest(await maker.open(), maker, kills);
    try {
      await store.start();
      await test(store);
      await store.storage.close();
      assert.deepEqual(store.faults, [], 'the store reported faults');
    } finally {
      for (const each of [store.storage, ...store.left]) await each.close().catch(() => undefined);
      await maker.remove?.(store.storage);
    }
  }

  /** The next process on the same data; `clock` is that of the machine it runs on. */
  async reopen(clock = this.clock): Promise<void> {
    const before = this.storage;
    if (this.kills && this.maker.kill !== undefined) {
      await this.settled();
      this.left.push(before);
      this.storage = await this.maker.kill(before);
    } else {
      await before.close();
      this.storage = await this.maker.reopen(before);
    }
    this.clock = clock;
    await this.start();
  }

  /** Resolves when this change is as safe as the store promises. */
  durable(lsn: Lsn): Promise<void> {
    if (lsn <= this.storage.durableLsn) return Promise.resolve();
    return new Promise((resolve) => this.waiters.push({ lsn, resolve }));
  }

  /** Resolves when every change until now is. */
  settled(): Promise<void> {
    return this.durable(this.storage.deleteRetained('a topic that nothing was ever retained for'));
  }

  /** Changes something and puts it back until the store has had occasion to tidy up. */
  async stir(): Promise<void> {
    for (let round = 0; round < 3; round += 1) {
      await this.durable(this.storage.putSession({ clientId: 'stir', principal: 'x'.repeat(200), protocolVersion: 4, sessionExpirySeconds: 1, closedAtWallMs: 1 }));
      await this.durable(this.storage.endSession('stir'));
    }
  }

  // ---- questions ---------------------------------------------------------------------------------------------

  load<K extends LoadKind>(query: LoadQueries[K] & { readonly type: K }): Promise<LoadAnswers[K]> {
    return new Promise((resolve, reject) => {
      let isAnswered = false;
      this.storage.load<K>(query, (answer: LoadAnswers[K] | BrokerError) => {
        if (isAnswered) this.faults.push(`${query.type} was answered twice`);
        isAnswered = true;
        if (isBrokerError(answer)) reject(answer);
        else resolve(answer);
      });
    });
  }

  /** All sessions by client identifier, read in pages of `limit`. */
  async sessions(limit = 100): Promise<Map<string, StoredSession>> {
    const found = new Map<string, StoredSession>();
    for (let after: string | undefined, pages = 0; pages < 10_000; pages += 1) {
      const { sessions, next } = await this.load({ type: 'sessions', after, limit });
      assert.ok(sessions.length <= limit, `a page of ${sessions.length} sessions, ${limit} were asked for`);
      for (const each of sessions) {
        const { clientId } = each.session;
        assert.ok(!found.has(clientId), `session ${clientId.slice(0, 40)} is on two pages`);
        found.set(clientId, each);
      }
      if (next === undefined) return found;
      after = next;
    }
    return assert.fail('the pages of sessions do not end');
  }

  async storedSession(clientId: string): Promise<StoredSession> {
    const found = (await this.sessions()).get(clientId);
    assert.ok(found !== undefined, `session ${clientId.slice(0, 40)} is not there`);
    return found;
  }

  async inflight(clientId: string): Promise<readonly InflightRecord[]> {
    return (await this.load({ type: 'session', clientId })).inflight;
  }

  async received(clientId: string): Promise<number[]> {
    const { receivedPacketIds } = await this.load({ type: 'session', clientId });
    return receivedPacketIds.toSorted((a, b) => a - b);
  }

  async page(queue: QueueId, after = 0, limit = 100, bytesMax = Infinity): Promise<readonly QueueEntry[]> {
    const { entries } = await this.load({ type: 'queue', queue, after, limit, bytesMax });
    assert.ok(entries.length <= limit, `a page of ${entries.length} entries, ${limit} were asked for`);
    // About `bytesMax`: one more than fits is a matter of taste, two are not.
    const bytes = entries.slice(0, -1).reduce((sum, { message }) => sum + message.bytes, 0);
    assert.ok(bytes <= bytesMax, `a page of more than ${bytes} bytes, ${bytesMax} were asked for`);
    return entries;
  }

  /** All waiting entries of a queue, page by page: the last page is the empty one. */
  async waiting(queue: QueueId, limit = 100, bytesMax = Infinity): Promise<QueueEntry[]> {
    const found: QueueEntry[] = [];
    for (;;) {
      const after = found.at(-1)?.sequence ?? 0;
      const page = await this.page(queue, after, limit, bytesMax);
      if (page.length === 0) return found;
      for (const entry of page) {
        assert.ok(entry.sequence > (found.at(-1)?.sequence ?? 0), `${entry.sequence} comes after ${found.at(-1)?.sequence}`);
        found.push(entry);
      }
    }
  }

  async sequences(queue: QueueId, limit?: number, bytesMax?: number): Promise<number[]> {
    return (await this.waiting(queue, limit, bytesMax)).map(({ sequence }) => sequence);
  }

  async retained(...topics: string[]): Promise<readonly (Message | undefined)[]> {
    const { messages } = await this.load({ type: 'retained', topics });
    assert.equal(messages.length, topics.length);
    return messages;
  }

  /** All retained topics, with what is told of them, read in pages of `limit`. */
  async topics(limit = 100): Promise<Map<string, { readonly bytes: number; readonly expiresAtWallMs: number }>> {
    const found = new Map<string, { readonly bytes: number; readonly expiresAtWallMs: number }>();
    for (let after: string | undefined, pages = 0; pages < 10_000; pages += 1) {
      const { topics, next } = await this.load({ type: 'retainedTopics', after, limit });
      assert.ok(topics.length <= limit, `a page of ${topics.length} topics, ${limit} were asked for`);
      for (const { topic, bytes, expiresAtWallMs } of topics) {
        assert.ok(!found.has(topic), `topic ${topic.slice(0, 40)} is on two pages`);
        found.set(topic, { bytes, expiresAtWallMs });
      }
      if (next === undefined) return found;
      after = next;
    }
    return assert.fail('the pages of retained topics do not end');
  }

  /** Shared groups by their full filter. */
  async groups(): Promise<Map<string, LoadAnswers['groups']['groups'][number]['queue']>> {
    const { groups } = await this.load({ type: 'groups' });
    return new Map(groups.map(({ sharedFilter, queue }) => [sharedFilter, queue]));
  }

  // ---- inside ------------------------------------------------------------------------------------------------

  private async start(): Promise<void> {
    const { storage } = this;
    this.durableCalls = [];
    await storage.open(
      {
        onDurable: (lsn) => {
          if (storage === this.storage) this.onDurable(lsn);
        },
        onFailed: (from, to, error) => this.faults.push(`changes ${from} to ${to} failed: ${error.message}`),
        onState: (state, error) => {
          if (state !== 'ok') this.faults.push(`the store is ${state}: ${error?.message}`);
        },
        onDamaged: (error) => this.faults.push(`damaged: ${error.message}`),
      },
      this.clock,
    );
  }

  private onDurable(lsn: Lsn): void {
    const before = this.durableCalls.at(-1) ?? 0;
    if (lsn <= before) this.faults.push(`onDurable(${lsn}) after onDurable(${before})`);
    if (this.storage.durableLsn < lsn) this.faults.push(`onDurable(${lsn}) while durableLsn is ${this.storage.durableLsn}`);
    this.durableCalls.push(lsn);
    const due = this.waiters.filter((waiter) => waiter.lsn <= lsn);
    this.waiters = this.waiters.filter((waiter) => waiter.lsn > lsn);
    for (const { resolve } of due) resolve();
  }
}
