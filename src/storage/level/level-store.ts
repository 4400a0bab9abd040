/** The KeyValueStore port over any `abstract-level` database. */
import { BrokerError } from '../../errors/errors.js';
import type { KeyRange, KeyValueChange, KeyValueStore } from '../key-value-store.js';
import type { StorageSupport } from '../storage.js';

/** What is used of an `abstract-level` database (`level`, `classic-level`, `memory-level` and their siblings). @public */
export interface AbstractLevelLike {
  /** Opens; also again after `close`. */
  open(): Promise<void>;
  /** Closes. */
  close(): Promise<void>;
  /** All operations or none. */
  batch(operations: LevelOperation[], options?: LevelEncodings & { sync?: boolean }): Promise<void>;
  /** Pairs of a range in the order of their keys. */
  iterator(options: KeyRange & LevelEncodings): AsyncIterable<[Uint8Array, Uint8Array]>;
  /** Values of these keys. */
  getMany(keys: Uint8Array[], options: LevelEncodings): Promise<(Uint8Array | undefined)[]>;
}

/** One operation of a batch of `abstract-level`. @public */
export type LevelOperation =
  | {
      /** Sets a value. */
      readonly type: 'put';
      /** Its key. */
      readonly key: Uint8Array;
      /** The value. */
      readonly value: Uint8Array;
    }
  | {
      /** Deletes a value. */
      readonly type: 'del';
      /** Its key. */
      readonly key: Uint8Array;
    };

/** Encodings of `abstract-level`. @public */
export interface LevelEncodings {
  /** Keys are bytes. */
  readonly keyEncoding: 'buffer';
  /** Values are bytes. */
  readonly valueEncoding: 'buffer';
}

const encodings: LevelEncodings = { keyEncoding: 'buffer', valueEncoding: 'buffer' };

/** @internal */
export class LevelStore implements KeyValueStore {
  readonly supports: StorageSupport;
  private readonly make: () => AbstractLevelLike;
  private made: AbstractLevelLike | undefined = undefined;
  private readonly reopen: (() => Promise<void>) | undefined;
  private readonly writeOptions: LevelEncodings & { sync?: boolean };
  private wasClosed = false;

  /** `make` is called at the first opening: a database may open itself as soon as it is made. */
  constructor(make: () => AbstractLevelLike, durability: 'none' | 'process' | 'power', reopen?: () => Promise<void>) {
    this.make = make;
    this.reopen = reopen;
    this.supports = { durability };
    this.writeOptions = durability === 'power' ? { ...encodings, sync: true } : encodings;
  }

  private get db(): AbstractLevelLike {
    return (this.made ??= this.make());
  }

  async open(): Promise<void> {
    try {
      if (this.wasClosed && this.reopen !== undefined) await this.reopen();
      else await this.db.open();
      this.wasClosed = false;
    } catch (error) {
      throw openFailure(error);
    }
  }

  write(batch: readonly KeyValueChange[]): Promise<void> {
    const operations = batch.map(({ key, value }): LevelOperation => (value === undefined ? { type: 'del', key } : { type: 'put', key, value }));
    return this.db.batch(operations, this.writeOptions);
  }

  read({ gte, lt }: KeyRange): AsyncIterable<[Uint8Array, Uint8Array]> {
    return this.db.iterator({ gte, lt, ...encodings });
  }

  readMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    return this.db.getMany([...keys], encodings);
  }

  async close(): Promise<void> {
    this.wasClosed = true;
    await this.db.close();
  }
}

/**
 * Over a database of the host's own, which may keep the arrays it is given and give out those it keeps, as
 * `memory-level` does: what goes in and out is copied.
 * @internal
 */
export class CopyingLevelStore extends LevelStore {
  override write(batch: readonly KeyValueChange[]): Promise<void> {
    return super.write(batch.map(({ key, value }) => ({ key: Uint8Array.from(key), value: value && Uint8Array.from(value) })));
  }

  override async *read(range: KeyRange): AsyncGenerator<[Uint8Array, Uint8Array]> {
    for await (const [key, value] of super.read(range)) yield [Uint8Array.from(key), Uint8Array.from(value)];
  }

  override async readMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    const values = await super.readMany(keys);
    return values.map((value) => value && Uint8Array.from(value));
  }
}

function openFailure(error: unknown): BrokerError {
  const causes = causesOf(error);
  const text = causes.map(({ message }) => message).join(': ');
  const isLocked = causes.some(({ code }) => code === 'LEVEL_LOCKED');
  if (isLocked) return new BrokerError('ODN_ERR_STORAGE_LOCKED', `the database is open in another process, or twice in this one: ${text}`, { cause: error });
  const isDamaged = causes.some(({ code }) => code === 'LEVEL_CORRUPTION');
  return new BrokerError(isDamaged ? 'ODN_ERR_STORAGE_CORRUPT' : 'ODN_ERR_STORAGE_OPEN', `the database did not open: ${text}`, { cause: error });
}

function causesOf(error: unknown): readonly { readonly message: string; readonly code: unknown }[] {
  const causes: { message: string; code: unknown }[] = [];
  // Not `instanceof`: an error of the native addon is of another realm where the host runs in one of `node:vm`.
  for (let at = error; typeof at === 'object' && at !== null && causes.length < 8; at = (at as Error).cause) {
    const { message, code } = at as NodeJS.ErrnoException;
    causes.push({ message: String(message), code });
  }
  return causes.length > 0 ? causes : [{ message: String(error), code: undefined }];
}
