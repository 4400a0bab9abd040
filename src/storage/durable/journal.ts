/** What is to be written next: a commit group of the log, or a checkpoint when there is log enough for one. */
import { BrokerError } from '../../errors/errors.js';
import type { KeyValueChange, KeyValueStore } from '../key-value-store.js';
import type { Lsn } from '../storage.js';
import { Checkpoint, type Leftover } from './checkpoint.js';
import type { Batch, Batches } from './committer.js';
import { checkpointKey, kind, numberKey } from './keys.js';
import type { LogWriter } from './log.js';
import { readOne } from './read-many.js';
import type { WallClock } from './records.js';
import type { Recovered, Tail } from './recovery.js';
import { checksumOf, isWhole } from './sealed.js';
import type { StoreState } from './store-state.js';
import { needsSweep, sweep, type OnDamaged } from './sweep.js';

/** Many small groups are read back slower than few large ones. */
const checkpointGroups = 4096;

export interface JournalParts {
  readonly store: KeyValueStore;
  readonly state: StoreState;
  readonly log: LogWriter;
  readonly clock: WallClock;
  readonly checkpointBytes: number;
  readonly onDamaged: OnDamaged;
}

export class Journal implements Batches {
  /** Of the latest change. */
  lsn: Lsn = 0;
  isCheckpointWanted = false;
  isGivenUp = false;
  private readonly parts: JournalParts;
  /** First group that no checkpoint has, and how many bytes there are since. */
  private firstGroup: number;
  private groupBytes = 0;
  private readonly leftovers: Leftover[] = [];
  /** What was confirmed last, and what is on its way. */
  private tail: Tail | undefined;
  private nextTail: Tail | undefined = undefined;
  /** What is on its way is a checkpoint, which takes the log away, and with it what was confirmed last. */
  private replacesTail = false;
  /** Resolves when the checkpoint under way is on disk: until then the disk lacks what memory has given up. */
  private settling: { readonly promise: Promise<void>; readonly done: () => void } | undefined = undefined;

  constructor(parts: JournalParts, { firstGroup, nextGroup, chain, tail }: Recovered) {
    this.parts = parts;
    this.firstGroup = firstGroup;
    this.tail = tail;
    parts.log.resume(nextGroup, chain);
  }

  get hasNext(): boolean {
    return this.isCheckpointWanted || this.parts.log.bytes > 0;
  }

  get isSettling(): boolean {
    return this.settling !== undefined;
  }

  /** The next batch is a checkpoint, if there is anything in the log. */
  wantCheckpoint(): void {
    const { log } = this.parts;
    this.isCheckpointWanted ||= log.bytes > 0 || log.group > this.firstGroup;
  }

  /** Resolves when no checkpoint is under way. */
  async whenSettled(): Promise<void> {
    while (this.settling !== undefined) await this.settling.promise;
  }

  /** The broker closes, and a checkpoint is not on disk: nobody can say any more what is stored. */
  giveUp(): void {
    this.isGivenUp = this.settling !== undefined || this.isCheckpointWanted;
    this.settled();
  }

  private settled(): void {
    this.settling?.done();
    this.settling = undefined;
  }

  async next(): Promise<Batch> {
    const { log, checkpointBytes } = this.parts;
    const isFull = this.groupBytes + log.bytes >= checkpointBytes || log.group - this.firstGroup >= checkpointGroups;
    if (this.isCheckpointWanted || isFull) return this.checkpoint();
    const group = log.take();
    this.groupBytes += group.value.length;
    const key = numberKey(kind.group, group.number);
    return this.batch([{ key, value: group.value }], { key, checksum: checksumOf(group.value) }, false, () => log.recycle(group));
  }

  /** What was confirmed last must be there, or the checkpoint that was on its way. */
  async checkTail(): Promise<void> {
    if (this.tail === undefined || (await this.isStored(this.tail))) return;
    if (this.replacesTail && this.nextTail !== undefined && (await this.isStored(this.nextTail))) return;
    throw new BrokerError('ODN_ERR_STORAGE_CORRUPT', 'the store has lost what it had confirmed: the last changes that were acknowledged are not there');
  }

  private async checkpoint(): Promise<Batch> {
    const { store, state, log, clock, onDamaged } = this.parts;
    // Nothing may come between the last look and the checkpoint: the log says it, and the log is deleted.
    while (needsSweep(state)) await sweep(store, state, clock, this.leftovers, onDamaged);
    const { changes, value } = new Checkpoint(state, clock).build(this.leftovers.splice(0), this.firstGroup, log);
    this.firstGroup = log.group;
    this.groupBytes = 0;
    this.isCheckpointWanted = false;
    log.reset();
    let done = (): void => undefined;
    const promise = new Promise<void>((resolve) => (done = resolve));
    this.settling = { promise, done };
    return this.batch(changes, { key: checkpointKey, checksum: checksumOf(value) }, true, () => this.settled());
  }

  private batch(changes: readonly KeyValueChange[], tail: Tail, replacesTail: boolean, written: () => void): Batch {
    this.nextTail = tail;
    this.replacesTail = replacesTail;
    return {
      changes,
      to: this.lsn,
      written: () => {
        this.tail = tail;
        written();
      },
    };
  }

  private async isStored({ key, checksum }: Tail): Promise<boolean> {
    const value = await readOne(this.parts.store, key);
    return value !== undefined && isWhole(value, checksum);
  }
}
