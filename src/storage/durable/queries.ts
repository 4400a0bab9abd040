/** What the broker asks of the durable store. Answers come from memory where they can, else from disk, later. */
import { BrokerError } from '../../errors/errors.js';
import type { Message } from '../../packet/publication.js';
import type { KeyValueStore } from '../key-value-store.js';
import { sessionQueueId } from '../storage.js';
import type { InflightRecord, LoadAnswers, LoadQueries, QueueEntry, StoredSession } from '../storage.js';
import { DamagedError } from './byte-reader.js';
import { forgotten, type DurableQueue } from './durable-queue.js';
import { kind, lastOfRun, numberKey, numberOf, ownerRange, part, rangeOf, runRange, suffixOf, topicKey } from './keys.js';
import type { Owner } from './owner.js';
import { readMessage, readSession, readSubscription, readWill, type WallClock } from './records.js';
import { reading } from './recovery.js';
import { readRun, type RunEntry } from './run.js';
import type { StoreState } from './store-state.js';

export class Queries {
  private readonly store: KeyValueStore;
  private readonly state: StoreState;
  private readonly clock: WallClock;

  constructor(store: KeyValueStore, state: StoreState, clock: WallClock) {
    this.store = store;
    this.state = state;
    this.clock = clock;
  }

  /** A page of a queue from memory, or `undefined` when some of it is on disk. */
  queueInMemory({ queue: id, after, limit, bytesMax }: LoadQueries['queue']): LoadAnswers['queue'] | undefined {
    const queue = this.state.find(id)?.queue;
    if (queue === undefined) return { entries: [] };
    if (queue.runs.last > after) return undefined;
    return { entries: queue.memory.page(after, limit, bytesMax) };
  }

  async queue(query: LoadQueries['queue']): Promise<LoadAnswers['queue']> {
    const { after, limit, bytesMax } = query;
    const owner = this.state.find(query.queue);
    if (owner?.queue === undefined) return { entries: [] };
    const { queue } = owner;
    const inMemory = queue.memory.page(after, limit, bytesMax);
    const onDisk = await this.waitingOnDisk(owner, queue, query);
    const { answer, isCut } = await this.page(owner, queue, onDisk.entries, limit, bytesMax);
    if (!onDisk.isAll && answer.entries.length === 0) return this.queue({ ...query, after: onDisk.through }); // they went meanwhile
    if (!onDisk.isAll || isCut) return answer; // memory comes behind what was left out
    let { bytes } = onDisk;
    for (const entry of inMemory) {
      bytes += entry.message.bytes;
      if (answer.entries.length > 0 && (answer.entries.length >= limit || bytes > bytesMax)) break;
      answer.entries.push(entry);
    }
    return answer;
  }

  /** Entries of whole runs, up to the page's limits; those before damage are given, and who asks for the next page is told. */
  private async waitingOnDisk(owner: Owner, queue: DurableQueue, { after, limit, bytesMax }: LoadQueries['queue']): Promise<OnDiskPage> {
    const { runs } = queue;
    const lastRun = runs.last;
    const entries: RunEntry[] = [];
    let bytes = 0;
    let through = after;
    const noneMissing = (before: number): void => {
      const due = runs.endFrom(through + 1);
      if (due < before && !owner.isEnded) throw damaged(`the run of ${owner.id} that ends with ${due} is not where it was stored`);
    };
    try {
      for await (const [key, value] of this.store.read(runRange(owner.number, after + 1))) {
        const last = lastOfRun(key);
        noneMissing(Math.min(last, lastRun + 1));
        if (runs.has(last)) { // else all of it is gone, and the next checkpoint deletes it
          const run = this.run(owner, value, (sequence) => sequence > after && sequence <= lastRun && queue.isWaiting(sequence));
          // A page ends where a run does, so that no run is read twice; one run always fits.
          if (entries.length > 0 && (entries.length + run.length > limit || bytes + bytesOf(run) > bytesMax)) return { entries, bytes, through, isAll: false };
          entries.push(...run);
          bytes += bytesOf(run);
        }
        through = last;
        if (through < lastRun && (entries.length >= limit || bytes >= bytesMax)) return { entries, bytes, through, isAll: false };
      }
      noneMissing(lastRun + 1);
    } catch (error) {
      if (entries.length === 0) throw error;
      return { entries, bytes, through, isAll: false };
    }
    return { entries, bytes, through, isAll: true };
  }

  async session({ clientId }: LoadQueries['session']): Promise<LoadAnswers['session']> {
    const owner = this.state.find(sessionQueueId(clientId));
    const receivedPacketIds = [...(owner?.received ?? [])];
    const queue = owner?.queue;
    if (owner === undefined || queue === undefined) return { inflight: [], receivedPacketIds };
    const inMemory = queue.memory.inflight();
    const inflight: InflightRecord[] = [];
    const wanted = new Map<number, number>();
    for (const [sequence, { packetId, released }] of queue.sent) {
      if (released) inflight.push({ packetId, released, entry: releasedEntry(sequence) });
      else wanted.set(sequence, packetId);
    }
    if (wanted.size > 0) {
      const found = await this.runsOf(owner, wanted);
      const isNeeded = (sequence: number): boolean => !owner.isEnded && queue.sent.get(sequence)?.released === false;
      await this.fill(owner, found, isNeeded);
      for (const entry of found) {
        const packetId = wanted.get(entry.sequence) as number;
        wanted.delete(entry.sequence);
        if (entry.message !== undefined) inflight.push({ packetId, released: false, entry: entryOf(entry) });
      }
      const missing = [...wanted.keys()].filter(isNeeded);
      if (missing.length > 0) throw damaged(`${missing.length} sent entries of ${owner.id} are not where they were stored`);
    }
    inflight.sort((a, b) => a.entry.sequence - b.entry.sequence);
    return { inflight: [...inflight, ...inMemory], receivedPacketIds };
  }

  /** Everything has just been written, so that the disk says all. */
  async sessions({ after, limit }: LoadQueries['sessions']): Promise<LoadAnswers['sessions']> {
    const sessions: StoredSession[] = [];
    let current: { owner: Owner; subscriptions: StoredSession['subscriptions'][number][]; session?: StoredSession['session']; will?: StoredSession['will'] } | undefined;
    const finish = (): void => {
      if (current?.session === undefined) return;
      const { owner, session, subscriptions, will } = current;
      sessions.push({ session, subscriptions, will, queue: owner.queue?.summary ?? noQueue });
    };
    const from = after === undefined ? undefined : ownerRange(Number(after)).gte;
    for await (const [key, value] of this.store.read(rangeOf(kind.owner, from))) {
      const number = numberOf(key);
      if (current?.owner.number !== number) {
        finish();
        current = undefined;
        const owner = this.state.get(number);
        if (sessions.length === limit) return { sessions, next: String(number) };
        if (owner === undefined || owner.isGroup) continue;
        current = { owner, subscriptions: [] };
      }
      const suffix = suffixOf(key);
      const { clock } = this;
      const found = current;
      reading(`a record of ${found.owner.id}`, value, (reader) => {
        if (suffix === part.session) found.session = readSession(reader);
        else if (suffix === part.will) found.will = readWill(reader, clock);
        else if (suffix.startsWith(part.subscription)) found.subscriptions.push(readSubscription(reader));
      });
    }
    finish();
    return { sessions, next: undefined };
  }

  groups(): LoadAnswers['groups'] {
    const groups = [...this.state.owners()].filter(({ isGroup, queue }) => isGroup && queue !== undefined && queue.summary.messages > 0);
    return { groups: groups.map(({ id, queue }) => ({ sharedFilter: id.slice(2), queue: (queue as DurableQueue).summary })) };
  }

  async retainedTopics({ after, limit }: LoadQueries['retainedTopics']): Promise<LoadAnswers['retainedTopics']> {
    const topics: LoadAnswers['retainedTopics']['topics'][number][] = [];
    const from = after === undefined ? undefined : topicKey(kind.retainedRef, Buffer.from(after, 'utf8'));
    for await (const [key, value] of this.store.read(rangeOf(kind.retainedRef, from))) {
      const topic = Buffer.from(key.subarray(1)).toString('utf8');
      if (topics.length === limit) return { topics, next: topic };
      reading(`what is known of the retained message of ${topic}`, value, (reader) => {
        topics.push({ topic, bytes: reader.varint(), expiresAtWallMs: reader.double() });
      });
    }
    return { topics, next: undefined };
  }

  /** Retained messages from memory, or `undefined` when some are on disk. */
  retainedInMemory({ topics }: LoadQueries['retained']): LoadAnswers['retained'] | undefined {
    const { retained } = this.state;
    if (!topics.every((topic) => retained.has(topic))) return undefined;
    return { messages: topics.map((topic) => retained.get(topic)) };
  }

  async retained({ topics }: LoadQueries['retained']): Promise<LoadAnswers['retained']> {
    const { retained } = this.state;
    const onDisk = topics.filter((topic) => !retained.has(topic));
    const inMemory = new Map(topics.map((topic) => [topic, retained.get(topic)]));
    const values = await this.many(onDisk.map((topic) => topicKey(kind.retained, Buffer.from(topic, 'utf8'))));
    const missing: string[] = [];
    onDisk.forEach((topic, index) => {
      const value = values[index];
      if (value !== undefined) inMemory.set(topic, this.message(`the retained message of ${topic}`, value));
      else missing.push(topic);
    });
    await this.noneLost(missing);
    return { messages: topics.map((topic) => inMemory.get(topic)) };
  }

  /** A retained message that is missing while its topic is known has not been cleared: it is lost. */
  private async noneLost(topics: readonly string[]): Promise<void> {
    const keysOf = (of: 'r' | 'R'): Buffer[] => topics.map((topic) => topicKey(of, Buffer.from(topic, 'utf8')));
    const refs = await this.many(keysOf(kind.retainedRef));
    if (refs.every((ref) => ref === undefined)) return;
    // Set, or set and cleared, while it was looked for: then both are there now, or the change is in memory.
    const values = await this.many(keysOf(kind.retained));
    topics.forEach((topic, index) => {
      if (refs[index] === undefined || values[index] !== undefined || this.state.retained.has(topic)) return;
      throw damaged(`the retained message of ${topic} is not where it was stored`);
    });
  }

  // ---- runs and shared messages ----

  private run(owner: Owner, value: Uint8Array, wanted: (sequence: number) => boolean): RunEntry[] {
    return reading(`a run of ${owner.id}`, value, (reader) => readRun(reader, this.clock, wanted));
  }

  private async runsOf(owner: Owner, wanted: ReadonlyMap<number, number>): Promise<RunEntry[]> {
    const found: RunEntry[] = [];
    for await (const [, value] of this.store.read(runRange(owner.number, Math.min(...wanted.keys())))) {
      found.push(...this.run(owner, value, (sequence) => wanted.has(sequence)));
      if (found.length === wanted.size) break;
    }
    return found;
  }

  private async page(
    owner: Owner,
    queue: DurableQueue,
    found: readonly RunEntry[],
    limit: number,
    bytesMax: number,
  ): Promise<{ readonly answer: { readonly entries: QueueEntry[] }; readonly isCut: boolean }> {
    const chosen: RunEntry[] = [];
    let bytes = 0;
    for (const entry of found) {
      bytes += entry.bytes;
      if (chosen.length > 0 && (chosen.length >= limit || bytes > bytesMax)) break;
      chosen.push(entry);
    }
    await this.fill(owner, chosen, (sequence) => !owner.isEnded && queue.isWaiting(sequence));
    const entries: QueueEntry[] = [];
    for (const entry of chosen) {
      if (entry.message === undefined) continue; // it went meanwhile
      if (queue.isWaiting(entry.sequence)) queue.loaded.set(entry.sequence, { bytes: entry.bytes, body: entry.body });
      entries.push(entryOf(entry));
    }
    return { answer: { entries }, isCut: chosen.length < found.length };
  }

  /** Reads the messages that several entries share. */
  private async fill(owner: Owner, entries: readonly RunEntry[], isNeeded: (sequence: number) => boolean): Promise<void> {
    const shared = entries.filter(({ message }) => message === undefined);
    if (shared.length === 0) return;
    const values = await this.many(shared.map(({ body }) => numberKey(kind.body, body)));
    shared.forEach((entry, index) => {
      const value = values[index];
      if (value !== undefined) entry.message = this.message(`message ${entry.body}`, value);
      else if (isNeeded(entry.sequence)) throw damaged(`message ${entry.body} of ${owner.id} is not where it was stored`);
    });
  }

  private message(what: string, value: Uint8Array): Message {
    return reading(what, value, (reader) => readMessage(reader, this.clock));
  }

  private async many(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
    if (keys.length === 0) return [];
    if (this.store.readMany !== undefined) return this.store.readMany(keys);
    const values: (Uint8Array | undefined)[] = [];
    for (const key of keys) values.push(await this.one(key));
    return values;
  }

  private async one(key: Uint8Array): Promise<Uint8Array | undefined> {
    for await (const [, value] of this.store.read({ gte: key, lt: Buffer.concat([key, Buffer.of(0)]) })) return value;
    return undefined;
  }
}

interface OnDiskPage {
  readonly entries: readonly RunEntry[];
  readonly bytes: number;
  /** Everything up to this sequence was read. */
  readonly through: number;
  /** Nothing that is on disk is left out. */
  readonly isAll: boolean;
}

const noQueue = { messages: 0, bytes: 0, nextSequence: 1 };

const releasedEntry = (sequence: number): QueueEntry => ({
  sequence,
  qos: 2,
  retain: false,
  subscriptionIdentifiers: undefined,
  message: forgotten,
});

const entryOf = ({ sequence, qos, retain, subscriptionIdentifiers, message }: RunEntry): QueueEntry => ({
  sequence,
  qos,
  retain,
  subscriptionIdentifiers,
  message: message ?? forgotten,
});

const damaged = (message: string): BrokerError =>
  new BrokerError('ODN_ERR_STORAGE_CORRUPT', message, { cause: new DamagedError(message) });

function bytesOf(run: readonly RunEntry[]): number {
  let bytes = 0;
  for (const entry of run) bytes += entry.bytes;
  return bytes;
}
