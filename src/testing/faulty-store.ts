/**
 * A key-value store that fails on demand: full, slow, hanging, forgetful or damaged. It wraps a store that works, so
 * that what runs on any store can be shown what a bad disk does. It has no time of its own: the test gives it.
 */
import type { KeyRange, KeyValueChange, KeyValueStore } from '../storage/key-value-store.js';
import type { StorageSupport } from '../storage/storage.js';

/** What is called of a store. @public */
export type StoreOperation =
  /** `open()`, also after a failure. */
  | 'open'
  /** `write()`. */
  | 'write'
  /** `read()` and `readMany()`. */
  | 'read'
  /** `close()`. */
  | 'close';

/**
 * What happens to a stored value: one of its bits is flipped, its second half is cut off, it goes with its key, or
 * it becomes what a function makes of it (`undefined` removes it).
 * @public
 */
export type StoreDamage = 'flip' | 'truncate' | 'remove' | ((value: Uint8Array, key: Uint8Array) => Uint8Array | undefined);

/** Which keys: those that begin with a text, or those that a function chooses. @public */
export type StoreKeys = string | ((key: Uint8Array) => boolean);

/** Options of {@link faultyStore}. @public */
export interface FaultyStoreOptions {
  /**
   * Batches whose reverse is kept in memory, for `dropTail`.
   * @defaultValue `16`
   */
  readonly tailBatchesMax?: number;
  /**
   * Whether a store whose write has failed refuses all others until it is closed and opened, as LevelDB does.
   * @defaultValue `true`
   */
  readonly refusesAfterFailure?: boolean;
}

/** A store that fails on demand; without demand it is the store it wraps. @public */
export interface FaultyStore extends KeyValueStore {
  /** How often each method was called, failures included. */
  readonly calls: Readonly<Record<StoreOperation, number>>;
  /** The next `times` calls fail and do nothing; `Infinity`: all until `heal()`. A read fails before its first pair. */
  fail(operation: StoreOperation, times?: number, error?: Error): void;
  /** The next `times` writes are stored, and told as failed. */
  failOnceWritten(times?: number, error?: Error): void;
  /** The disk is full: every write fails with ENOSPC until `heal()`. */
  fill(): void;
  /** Calls hang until `release()` or `heal()`, and do then what they were asked to. */
  hang(operation: StoreOperation): void;
  /** Lets calls go on that hang. */
  release(operation: StoreOperation): void;
  /** Each call waits for the promise that `wait` makes before it does anything; with a virtual clock, for a time. */
  slow(operation: StoreOperation, wait: () => Promise<void>): void;
  /** Everything that was demanded ends, damage and loss apart. */
  heal(): void;
  /** At the next `open` the last `batches` batches that were written are gone, as if they had never been. */
  dropTail(batches?: number): void;
  /**
   * Damages one stored value, of those whose keys are meant the one at `index`; the last one by default, negative
   * counts from the end.
   * @returns its key
   * @throws Error when there is none
   */
  damage(keys: StoreKeys, damage: StoreDamage, index?: number): Promise<Uint8Array>;
  /** Everything stored now, in order, unharmed by what is demanded. */
  dump(keys?: StoreKeys): Promise<(readonly [key: Uint8Array, value: Uint8Array])[]>;
}

/**
 * Wraps `inner`, which must be used through the wrapper alone. For tests of a broker on a store, and of stores that
 * are built on others: run the compliance suite on it as it is, and then see what your code does when it fails.
 * @public
 */
export function faultyStore(inner: KeyValueStore, options: FaultyStoreOptions = {}): FaultyStore {
  return new Faulty(inner, options.tailBatchesMax ?? 16, options.refusesAfterFailure ?? true);
}

const everyKey: KeyRange = { gte: new Uint8Array(0), lt: new Uint8Array(16).fill(0xff) };

/** What is demanded of one operation. */
class Demand {
  calls = 0;
  times = 0;
  error: Error | undefined = undefined;
  wait: (() => Promise<void>) | undefined = undefined;
  gate: { readonly opened: Promise<void>; readonly open: () => void } | undefined = undefined;

  hang(): void {
    if (this.gate !== undefined) return;
    let open = (): void => undefined;
    const opened = new Promise<void>((resolve) => (open = resolve));
    this.gate = { opened, open };
  }

  release(): void {
    this.gate?.open();
    this.gate = undefined;
  }

  heal(): void {
    this.times = 0;
    this.wait = undefined;
    this.release();
  }

  /** Waits as demanded, and throws if this call is to fail. */
  async met(): Promise<void> {
    this.calls += 1;
    await this.gate?.opened;
    await this.wait?.();
    if (this.times <= 0) return;
    this.times -= 1;
    throw this.error ?? new Error('it was made to fail');
  }
}

class Faulty implements FaultyStore {
  readonly supports: StorageSupport;
  readonly readMany?: (keys: readonly Uint8Array[]) => Promise<readonly (Uint8Array | undefined)[]>;
  private readonly inner: KeyValueStore;
  private readonly tailBatchesMax: number;
  private readonly refusesAfterFailure: boolean;
  private readonly demands = { open: new Demand(), write: new Demand(), read: new Demand(), close: new Demand() };
  private afterwards: { times: number; readonly error: Error } | undefined = undefined;
  private isRefusing = false;
  private isOpen = false;
  /** What takes the last batches back, the latest one last. */
  private reverses: (readonly KeyValueChange[])[] = [];
  private batchesToDrop = 0;

  constructor(inner: KeyValueStore, tailBatchesMax: number, refusesAfterFailure: boolean) {
    this.inner = inner;
    this.supports = inner.supports;
    this.tailBatchesMax = tailBatchesMax;
    this.refusesAfterFailure = refusesAfterFailure;
    if (inner.readMany === undefined) return;
    this.readMany = async (keys) => {
      await this.demands.read.met();
      return (await inner.readMany?.(keys)) ?? [];
    };
  }

  get calls(): Readonly<Record<StoreOperation, number>> {
    const { open, write, read, close } = this.demands;
    return { open: open.calls, write: write.calls, read: read.calls, close: close.calls };
  }

  // ---- the store ----

  async open(): Promise<void> {
    await this.demands.open.met();
    await this.inner.open();
    this.isOpen = true;
    this.isRefusing = false;
    const lost = this.batchesToDrop === 0 ? [] : this.reverses.splice(-this.batchesToDrop);
    this.batchesToDrop = 0;
    for (const reverse of lost.toReversed()) await this.inner.write(reverse);
  }

  async write(batch: readonly KeyValueChange[]): Promise<void> {
    try {
      await this.demands.write.met();
      if (this.isRefusing) throw new Error('a write has failed: the store must be opened again');
      const reverse = this.tailBatchesMax > 0 ? await this.reverseOf(batch) : [];
      await this.inner.write(batch);
      this.reverses = [...this.reverses, reverse].slice(-this.tailBatchesMax);
      const { afterwards } = this;
      if (afterwards === undefined || afterwards.times <= 0) return;
      afterwards.times -= 1;
      throw afterwards.error;
    } catch (error) {
      this.isRefusing = this.refusesAfterFailure;
      throw error;
    }
  }

  async *read(range: KeyRange): AsyncGenerator<readonly [Uint8Array, Uint8Array]> {
    await this.demands.read.met();
    yield* this.inner.read(range);
  }

  async close(): Promise<void> {
    await this.demands.close.met();
    this.isOpen = false;
    await this.inner.close();
  }

  // ---- the demands ----

  fail(operation: StoreOperation, times = 1, error = new Error(`${operation} was made to fail`)): void {
    const demand = this.demands[operation];
    demand.times = times;
    demand.error = error;
  }

  failOnceWritten(times = 1, error = new Error('the write was made to fail after it was done')): void {
    this.afterwards = { times, error };
  }

  fill(): void {
    this.fail('write', Infinity, Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' }));
  }

  hang(operation: StoreOperation): void {
    this.demands[operation].hang();
  }

  release(operation: StoreOperation): void {
    this.demands[operation].release();
  }

  slow(operation: StoreOperation, wait: () => Promise<void>): void {
    this.demands[operation].wait = wait;
  }

  heal(): void {
    this.afterwards = undefined;
    for (const demand of Object.values(this.demands)) demand.heal();
  }

  dropTail(batches = 1): void {
    if (batches > this.reverses.length) throw new Error(`${batches} batches cannot be dropped: ${this.reverses.length} are known`);
    this.batchesToDrop = batches;
  }

  async damage(keys: StoreKeys, damage: StoreDamage, index = -1): Promise<Uint8Array> {
    const found = (await this.dump(keys)).at(index);
    if (found === undefined) throw new Error(`nothing to damage: no key at ${index} of ${String(keys)}`);
    const [key, value] = found;
    await this.whileOpen(() => this.inner.write([{ key, value: damaged(damage, key, value) }]));
    return key;
  }

  async dump(keys: StoreKeys = () => true): Promise<(readonly [Uint8Array, Uint8Array])[]> {
    const isMeant = typeof keys === 'function' ? keys : (key: Uint8Array): boolean => latin1(key).startsWith(keys);
    const pairs: (readonly [Uint8Array, Uint8Array])[] = [];
    await this.whileOpen(async () => {
      for await (const [key, value] of this.inner.read(everyKey)) if (isMeant(key)) pairs.push([key, value]);
    });
    return pairs;
  }

  /** The wrapped store may be closed at the moment. */
  private async whileOpen(run: () => Promise<void>): Promise<void> {
    if (this.isOpen) return run();
    await this.inner.open();
    await run();
    await this.inner.close();
  }

  private async reverseOf(batch: readonly KeyValueChange[]): Promise<KeyValueChange[]> {
    const keys = batch.map(({ key }) => Buffer.from(key)).toSorted((a, b) => Buffer.compare(a, b));
    const [first, last] = [keys[0], keys.at(-1)];
    if (first === undefined || last === undefined) return [];
    const before = new Map(keys.map((key): [string, Uint8Array | undefined] => [latin1(key), undefined]));
    for await (const [key, value] of this.inner.read({ gte: first, lt: Buffer.concat([last, Buffer.of(0)]) })) {
      if (before.has(latin1(key))) before.set(latin1(key), value);
    }
    return keys.map((key) => ({ key, value: before.get(latin1(key)) }));
  }
}

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');

function damaged(damage: StoreDamage, key: Uint8Array, value: Uint8Array): Uint8Array | undefined {
  if (typeof damage === 'function') return damage(value, key);
  if (damage === 'remove') return undefined;
  if (damage === 'truncate') return value.slice(0, value.length >> 1);
  const flipped = Uint8Array.from(value);
  // In the last byte: what comes first says what the rest is.
  const last = flipped.length - 1;
  flipped[last] = (flipped[last] ?? 0) ^ 0x10;
  return flipped;
}
