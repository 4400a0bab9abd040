/**
 * Who waits for the store: an acknowledgement goes out when `lsn <= durableLsn`. One number compare on the hot
 * path; only those that must wait are listed here, and looked at once per commit group.
 */
import type { BrokerError } from '../errors/errors.js';
import type { Lsn, Storage } from '../storage/storage.js';

export interface DurableWaiter {
  /** The smallest LSN it still waits for; `Infinity` when it waits for nothing more. */
  readonly waitsFor: Lsn;
  onDurable(lsn: Lsn): void;
  /** Nothing with `from < lsn <= to` was or will be stored. */
  onStoreFailed(from: Lsn, to: Lsn, error: BrokerError): void;
}

export class Durability {
  private readonly waiters = new Set<DurableWaiter>();
  private readonly storage: Storage;

  constructor(storage: Storage) {
    this.storage = storage;
  }

  /** Whether a change with this LSN is safe. */
  has(lsn: Lsn): boolean {
    return lsn <= this.storage.durableLsn;
  }

  /** Calls `waiter` at every commit until it waits for nothing. */
  wait(waiter: DurableWaiter): void {
    this.waiters.add(waiter);
  }

  forget(waiter: DurableWaiter): void {
    this.waiters.delete(waiter);
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
    this.waiters.add(waiter);
  }

  onDurable(lsn: Lsn): void {
    for (const waiter of [...this.waiters]) {
      if (waiter.waitsFor <= lsn) waiter.onDurable(lsn);
      if (waiter.waitsFor === Infinity) this.waiters.delete(waiter);
    }
  }

  onFailed(from: Lsn, to: Lsn, error: BrokerError): void {
    for (const waiter of [...this.waiters]) waiter.onStoreFailed(from, to, error);
  }
}
