/** Messages of one queue: those that wait, page by page, and those that were sent to a client that resumes its session. */
import type { KeyValueStore } from '../key-value-store.js';
import { sessionQueueId } from '../storage.js';
import type { InflightRecord, LoadAnswers, LoadQueries, QueueEntry } from '../storage.js';
import { forgotten, type DurableQueue } from './durable-queue.js';
import { kind, lastOfRun, numberKey, runRange } from './keys.js';
import type { Owner } from './owner.js';
import { readMany } from './read-many.js';
import { readMessage, type WallClock } from './records.js';
import { reading } from './recovery.js';
import { readRun, type RunEntry } from './run.js';
import { damaged } from './sealed.js';
import type { StoreState } from './store-state.js';

export class QueueQueries {
  private readonly store: KeyValueStore;
  private readonly state: StoreState;
  private readonly clock: WallClock;

  constructor(store: KeyValueStore, state: StoreState, clock: WallClock) {
    this.store = store;
    this.state = state;
    this.clock = clock;
  }

  /** A page of a queue from memory, or `undefined` when some of it is on disk. */
  inMemory({ queue: id, after, limit, bytesMax }: LoadQueries['queue']): LoadAnswers['queue'] | undefined {
    const queue = this.state.find(id)?.queue;
    if (queue === undefined) return { entries: [] };
    if (queue.runs.last > after) return undefined;
    return { entries: queue.memory.page(after, limit, bytesMax) };
  }

  async page(query: LoadQueries['queue']): Promise<LoadAnswers['queue']> {
    const { after, limit, bytesMax } = query;
    const owner = this.state.find(query.queue);
    if (owner?.queue === undefined) return { entries: [] };
    const { queue } = owner;
    const inMemory = queue.memory.page(after, limit, bytesMax);
    const onDisk = await this.waitingOnDisk(owner, queue, query);
    const { answer, isCut } = await this.filled(owner, queue, onDisk.entries, limit, bytesMax);
    if (!onDisk.isAll && answer.entries.length === 0) return this.page({ ...query, after: onDisk.through }); // they went meanwhile
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

  async inflight({ clientId }: LoadQueries['session']): Promise<LoadAnswers['session']> {
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

  private async filled(
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
    const values = await readMany(this.store, shared.map(({ body }) => numberKey(kind.body, body)));
    shared.forEach((entry, index) => {
      const value = values[index];
      if (value !== undefined) entry.message = reading(`message ${entry.body}`, value, (reader) => readMessage(reader, this.clock));
      else if (isNeeded(entry.sequence)) throw damaged(`message ${entry.body} of ${owner.id} is not where it was stored`);
    });
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

function bytesOf(run: readonly RunEntry[]): number {
  let bytes = 0;
  for (const entry of run) bytes += entry.bytes;
  return bytes;
}
