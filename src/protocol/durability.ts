/**
 * Who waits for the store: an acknowledgement goes out when `lsn <= durableLsn`. One number compare on the hot
 * path; only those that must wait are listed here, and looked at once per commit group.
 */
import { BrokerError } from '../errors/errors.js';
import type { Lsn, Storage } from '../storage/storage.js';
import type { Deadline, Deadlines } from './deadlines.js';

export interface DurableWaiter {
  /** The smallest LSN it still waits for; `Infinity` when it waits for nothing more. */
  readonly waitsFor: Lsn;
  onDurable(lsn: Lsn): void;
  /** Nothing with `from < lsn <= to` was or will be stored. */
  onStoreFailed(from: Lsn, to: Lsn, error: BrokerError): void;
}

/** Time, and how long a store may take. */
export interface StallWatch {
  readonly deadlines: Deadlines;
  readonly storageStallSeconds: number;
  now(): number;
  /** Told what a waiter throws: a bug of the broker, which must not harm the others that wait. */
  failed(error: unknown): void;
}

export class Durability {
  /** The store has written nothing for `storageStallSeconds` although somebody waits. */
  stalled = false;
  /** Told when that begins; it ends with the next commit. */
  onStalled: ((error: BrokerError) => void) | undefined = undefined;
  private readonly waiters = new Set<DurableWaiter>();
  private deadline: Deadline | undefined = undefined;
  private readonly storage: Storage;
  private readonly watch: StallWatch;

  constructor(storage: Storage, watch: StallWatch) {
    this.storage = storage;
    this.watch = watch;
  }

  /** Whether a change with this LSN is safe. */
  has(lsn: Lsn): boolean {
    return lsn <= this.storage.durableLsn;
  }

  /** Calls `waiter` at every commit until it waits for nothing. */
  wait(waiter: DurableWaiter): void {
    this.waiters.add(waiter);
    this.arm();
  }

  forget(waiter: DurableWaiter): void {
    if (this.waiters.delete(waiter) && this.waiters.size === 0) this.disarm();
  }

  /** Calls `done` when `lsn` is safe, in this call if it is already; `failed` if it will never be. */
  after(lsn: Lsn, done: () => void, failed: (error: BrokerError) => void): void {
    if (this.has(lsn)) return done();
    const waiter: DurableWaiter = {
      waitsFor: lsn,
      onDurable: (durable) => {
        if (lsn > durable) return;
        this.waiters.delete(waiter);
        done();
      },
      onStoreFailed: (from, to, error) => {
        if (lsn <= from || lsn > to) return;
        this.waiters.delete(waiter);
        failed(error);
      },
    };
    this.wait(waiter);
  }

  onDurable(lsn: Lsn): void {
    this.progress();
    for (const waiter of [...this.waiters]) {
      try {
        if (waiter.waitsFor <= lsn) waiter.onDurable(lsn);
      } catch (error) {
        this.watch.failed(error);
      }
      if (waiter.waitsFor === Infinity) this.waiters.delete(waiter);
    }
    this.arm();
  }

  onFailed(from: Lsn, to: Lsn, error: BrokerError): void {
    this.progress();
    this.giveUp(from, to, error);
    this.arm();
  }

  /** Nothing was written for too long: those that wait are given up, not what they wait for. */
  onDeadline(): void {
    this.deadline = undefined;
    if (this.waiters.size === 0) return;
    const { storageStallSeconds } = this.watch;
    const error = new BrokerError('ODN_ERR_STORAGE_WRITE', `the store has written nothing for ${storageStallSeconds} s (storageStallSeconds)`);
    this.stalled = true;
    this.onStalled?.(error);
    this.giveUp(0, Infinity, error);
  }

  private giveUp(from: Lsn, to: Lsn, error: BrokerError): void {
    for (const waiter of [...this.waiters]) {
      try {
        waiter.onStoreFailed(from, to, error);
      } catch (thrown) {
        this.watch.failed(thrown);
      }
    }
  }

  /** The store does something: whoever waits has the whole time again. */
  private progress(): void {
    this.stalled = false;
    this.disarm();
  }

  private disarm(): void {
    if (this.deadline !== undefined) this.watch.deadlines.cancel(this.deadline);
    this.deadline = undefined;
  }

  private arm(): void {
    if (this.deadline !== undefined || this.waiters.size === 0) return;
    const { deadlines, storageStallSeconds } = this.watch;
    this.deadline = deadlines.set(this, this.watch.now() + storageStallSeconds * 1000);
  }
}
