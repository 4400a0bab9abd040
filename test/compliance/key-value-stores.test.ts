/** Our key-value stores, and one that a host might write, through the suite that hosts use. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from '@jest/globals';
import { Level } from 'level';
import { MemoryLevel } from 'memory-level';
import { keyValueStoreSuite } from 'odonata/testing';
import { CopyingLevelStore, LevelStore, type AbstractLevelLike } from '../../src/storage/level/level-store.js';
import { PlainStore } from './plain-store.js';

describe('a sorted map', () => {
  keyValueStoreSuite({ test, open: () => new PlainStore(), reopen: (store) => (store as PlainStore).copy() });
});

describe('memory-level, a database of the host', () => {
  const databases = new WeakMap<object, AbstractLevelLike>();
  const over = (db: AbstractLevelLike): LevelStore => {
    const store = new CopyingLevelStore(() => db, 'none');
    databases.set(store, db);
    return store;
  };
  keyValueStoreSuite({
    test,
    open: () => over(new MemoryLevel<Uint8Array, Uint8Array>({ keyEncoding: 'buffer', valueEncoding: 'buffer' })),
    reopen: (store) => over(databases.get(store) as AbstractLevelLike),
  });
});

describe.each(['power', 'process'] as const)('level, %s', (durability) => {
  const folders = new WeakMap<object, string>();
  const at = (folder: string): LevelStore => {
    const store = new LevelStore(() => new Level<Uint8Array, Uint8Array>(folder, { keyEncoding: 'buffer', valueEncoding: 'buffer' }), durability);
    folders.set(store, folder);
    return store;
  };
  const folderOf = (store: object): string => folders.get(store) as string;
  keyValueStoreSuite({
    test,
    open: async () => at(await mkdtemp(join(tmpdir(), 'odonata-kv-'))),
    reopen: (store) => at(folderOf(store)),
    remove: (store) => rm(folderOf(store), { recursive: true }),
  });
});
