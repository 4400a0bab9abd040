/**
 * The KeyValueStore port: ordered bytes to bytes with atomic batches. It is the easy way to a durable broker:
 * whoever implements these methods and passes `keyValueStoreSuite` of `odonata/testing` has one, by
 * `createBroker({ storage: durableStorage(store) })`.
 */
import type { StorageSupport } from './storage.js';

/** One change of a batch; without a value the key is deleted, also if it does not exist. @public */
export interface KeyValueChange {
  /** 1 to 65,600 bytes. */
  readonly key: Uint8Array;
  /** Empty to some MiB; `undefined` deletes. */
  readonly value: Uint8Array | undefined;
}

/** Keys from `gte` (included) to `lt` (not included), in the order of their bytes. @public */
export interface KeyRange {
  /** First key. */
  readonly gte: Uint8Array;
  /** First key that is not of the range. */
  readonly lt: Uint8Array;
}

/**
 * An ordered store of bytes. Its methods are called by one broker; at most one `write` is under way at a time, reads
 * may run beside it.
 * @public
 */
export interface KeyValueStore {
  /** What a batch survives once its `write` has resolved. */
  readonly supports: StorageSupport;
  /**
   * Opens, creating what is missing; also again after `close`.
   * @throws BrokerError ODN_ERR_STORAGE_LOCKED when another process has it open, ODN_ERR_STORAGE_OPEN otherwise
   */
  open(): Promise<void>;
  /**
   * All changes or none, and as safe as `supports.durability` says when it resolves. Bytes may be reused by the
   * caller from then on, not before. A rejected batch is written again, unchanged, after `close` and `open`.
   */
  write(batch: readonly KeyValueChange[]): Promise<void>;
  /**
   * Pairs of the range in ascending order of their keys, as they were at some moment between the call and its end.
   * Bytes belong to the caller.
   */
  read(range: KeyRange): AsyncIterable<readonly [key: Uint8Array, value: Uint8Array]>;
  /** Values of these keys, in their order; `undefined` for one that is missing. Left out, ranges of one key are read. */
  readMany?(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]>;
  /** Closes; reads under way end or reject. Nothing happens when it is closed. */
  close(): Promise<void>;
}
