/**
 * Getting changes to the disk: one batch is on its way while the next commit group fills. A batch that fails is told
 * as failed, and is written again, unchanged, after the store was closed and opened, until it succeeds.
 */
import { BrokerError } from '../../errors/errors.js';
import type { ErrorCode } from '../../errors/codes.js';
import type { KeyValueChange, KeyValueStore } from '../key-value-store.js';
import type { Lsn, StorageClock, StorageListener } from '../storage.js';
import { readFailure } from './sealed.js';

const retryFirstMs = 100;
const retryMs = 5000;

/** What the committer is given to write. */
export interface Batches {
  /** Whether there is anything to write. */
  readonly hasNext: boolean;
  /** The next batch; reads first what it needs. */
  next(): Promise<Batch>;
  /** Throws when what was written last is not there: the store lost its tail. */
  checkTail(): Promise<void>;
}

export interface Batch {
  readonly changes: readonly KeyValueChange[];
  /** The last LSN in it. */
  readonly to: Lsn;
  /** It is on disk. */
  written(): void;
}

export class Committer {
  durableLsn: Lsn = 0;
  isClosing = false;
  /** Bytes of the batch on its way. */
  bytes = 0;
  /** Resolves when nothing is left to write. */
  private working: Promise<void> | undefined = undefined;
  private isScheduled = false;

  private fault: BrokerError | undefined = undefined;
  /** Resolves when the store, which is closed for the moment, is open again, or is not. */
  private reopening: Promise<boolean> | undefined = undefined;
  /** The broker closes, and what fails now is given up. */
  private isLastTry = false;
  private wake: (() => void) | undefined = undefined;
  private readonly store: KeyValueStore;
  private readonly batches: Batches;
  private readonly listener: StorageListener;
  private readonly clock: StorageClock;

  constructor(store: KeyValueStore, batches: Batches, listener: StorageListener, clock: StorageClock) {
    this.store = store;
    this.batches = batches;
    this.listener = listener;
    this.clock = clock;
  }

  /** Something has changed: it is on its way at the end of this turn, or behind the batch that is. */
  changed(): void {
    if (this.isScheduled || this.working !== undefined || this.isClosing) return;
    this.isScheduled = true;
    this.clock.endOfTurn(() => {
      this.isScheduled = false;
      if (!this.isClosing) void this.start();
    });
  }

  /** Writes all there is. */
  start(): Promise<void> {
    if (!this.batches.hasNext) return this.working ?? Promise.resolve();
    return (this.working ??= this.work());
  }

  get isReopening(): boolean {
    return this.reopening !== undefined;
  }

  /** Resolves when the store is not about to be opened again. */
  async whenReopened(): Promise<void> {
    while (this.reopening !== undefined) await this.reopening;
  }

  /** Writes all there is; what fails is tried once more, and then given up. */
  async close(): Promise<void> {
    this.isClosing = true;
    this.wake?.();
    await this.start();
    if (this.fault !== undefined) throw this.fault;
  }

  private async work(): Promise<void> {
    // Nothing may come between the last look and the end: what changed then would wait for ever.
    while (this.batches.hasNext) {
      const batch = await this.prepare();
      if (batch === undefined || !(await this.write(batch))) break;
      batch.written();
      if (batch.to === this.durableLsn) continue; // a checkpoint alone: nothing new in it
      this.durableLsn = batch.to;
      this.listener.onDurable(batch.to);
    }
    this.working = undefined;
  }

  /** A checkpoint reads, and that may fail too: nothing is written before it can. */
  private async prepare(): Promise<Batch | undefined> {
    for (let waitMs = retryFirstMs; ; waitMs = Math.min(waitMs * 2, retryMs)) {
      try {
        return await this.batches.next();
      } catch (error) {
        this.failed(readFailure(error, 'what a checkpoint needs'));
      }
      if (!(await this.retry(waitMs))) return undefined;
    }
  }

  private async write(batch: Batch): Promise<boolean> {
    this.bytes = bytesOf(batch.changes);
    let isTold = false;
    for (let waitMs = retryFirstMs; ; waitMs = Math.min(waitMs * 2, retryMs)) {
      try {
        await this.store.write(batch.changes);
        this.recovered();
        this.bytes = 0;
        return true;
      } catch (error) {
        const failure = failureOf(error, 'ODN_ERR_STORAGE_WRITE', 'the store could not write');
        this.failed(failure);
        if (!isTold) this.listener.onFailed(this.durableLsn, batch.to, failure);
        isTold = true;
      }
      if (!(await this.retry(waitMs))) return false;
    }
  }

  /** The host hears of it when it begins, and again when it becomes something else. */
  private failed(error: BrokerError): void {
    const isNew = this.fault?.code !== error.code;
    this.fault = error;
    if (isNew) this.listener.onState('failed', error);
    if (isNew && error.code === 'ODN_ERR_STORAGE_CORRUPT') this.listener.onDamaged(error);
  }

  private recovered(): void {
    if (this.fault === undefined) return;
    this.fault = undefined;
    this.listener.onState('ok');
  }

  /** Waits, and opens the store anew, until that succeeds. A broker that closes has one try left, at once. */
  private async retry(waitMs: number): Promise<boolean> {
    for (let ms = waitMs; !this.isLastTry; ms = Math.min(ms * 2, retryMs)) {
      if (!this.isClosing) await this.wait(ms);
      this.isLastTry = this.isClosing;
      this.reopening = this.reopen();
      const isOpen = await this.reopening;
      this.reopening = undefined;
      if (isOpen) return true;
    }
    return false;
  }

  private async wait(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.wake = resolve;
      this.clock.after(ms, resolve);
    });
    this.wake = undefined;
  }

  private async reopen(): Promise<boolean> {
    try {
      await this.store.close();
      await this.store.open();
      await this.batches.checkTail();
      return true;
    } catch (error) {
      this.failed(failureOf(error, 'ODN_ERR_STORAGE_OPEN', 'the store did not open again'));
      return false;
    }
  }
}

function failureOf(cause: unknown, code: ErrorCode, what: string): BrokerError {
  if (cause instanceof BrokerError) return cause;
  return new BrokerError(code, `${what}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
}

function bytesOf(changes: readonly KeyValueChange[]): number {
  let bytes = 0;
  for (const { key, value } of changes) bytes += key.length + (value?.length ?? 0);
  return bytes;
}
