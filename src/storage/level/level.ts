/** `odonata/level`: what is acknowledged is kept in a LevelDB folder, or in a database of the host's own. */
import { Level } from 'level';
import { BrokerError } from '../../errors/errors.js';
import { durableStorage, type DurableStorageOptions } from '../durable/durable-storage.js';
import type { Storage } from '../storage.js';
import { CopyingLevelStore, LevelStore, type AbstractLevelLike } from './level-store.js';

/** Options of {@link level}. @public */
export interface LevelOptions extends DurableStorageOptions {
  /**
   * What an acknowledged change survives. `'power'`: a power cut; each commit group is synced to the disk before
   * anything in it is acknowledged. `'process'`: a kill of the process (`kill -9`), as the operating system has it by
   * then; a power cut may take the last seconds.
   * @defaultValue `'power'`: an acknowledgement says that a message is kept
   */
  readonly durability?: 'power' | 'process';
}

/** Options of {@link fromAbstractLevel}. @public */
export interface FromAbstractLevelOptions extends DurableStorageOptions {
  /**
   * What the database promises of a batch that was written: `'power'` writes with `sync: true`, which `classic-level`
   * and RocksDB obey; `'none'` is for databases in memory.
   * @defaultValue `'process'`: what every database on disk does
   */
  readonly durability?: 'none' | 'process' | 'power';
  /**
   * Opens the database again after a failed write, when it was closed for that.
   * @defaultValue `db.open()`
   */
  readonly reopen?: () => Promise<void>;
}

/**
 * A durable store in the LevelDB folder `path`, which is created when it is missing; one process at a time. Give it to
 * `createBroker({ storage: level('./data') })`, which opens and closes it.
 * @param path - a folder; relative to the working directory
 * @throws BrokerError ODN_ERR_OPTION
 * @public
 */
export function level(path: string, options: LevelOptions = {}): Storage {
  return durableStorage(levelFolder('level', path, options.durability), options);
}

/**
 * The key-value store in the LevelDB folder `path`, for what is named `of`.
 * @internal
 */
export function levelFolder(of: string, path: string, durability: 'power' | 'process' = 'power'): LevelStore {
  if (typeof path !== 'string' || path === '') throw new BrokerError('ODN_ERR_OPTION', `${of}: the path is ${JSON.stringify(path)}, must be a folder`);
  checkDurability(of, durability, ['power', 'process']);
  const make = (): AbstractLevelLike => new Level<Uint8Array, Uint8Array>(path, { keyEncoding: 'buffer', valueEncoding: 'buffer' });
  return new LevelStore(make, durability);
}

/**
 * A durable store in a database of `abstract-level`: `classic-level`, `rocksdb` wrappers, `memory-level` and others.
 * The broker opens and closes it, and uses it alone.
 * @throws BrokerError ODN_ERR_OPTION
 * @public
 */
export function fromAbstractLevel(db: AbstractLevelLike, options: FromAbstractLevelOptions = {}): Storage {
  const { durability = 'process', reopen } = options;
  if (typeof db?.batch !== 'function' || typeof db.iterator !== 'function' || typeof db.getMany !== 'function') {
    throw new BrokerError('ODN_ERR_OPTION', 'fromAbstractLevel: the database must be one of abstract-level, version 2 or later');
  }
  checkDurability('fromAbstractLevel', durability, ['none', 'process', 'power']);
  return durableStorage(new CopyingLevelStore(() => db, durability, reopen), options);
}

function checkDurability(of: string, durability: string, allowed: readonly string[]): void {
  if (!allowed.includes(durability)) {
    throw new BrokerError('ODN_ERR_OPTION', `${of}: durability is ${String(durability)}, must be one of ${allowed.join(', ')}`);
  }
}
