/** `aedesPersistence` over the memory store of aedes-persistence, and over our own, through the suite that authors of stores use. */
import { describe, test } from '@jest/globals';
import { MemoryLevel } from 'memory-level';
import { storageSuite } from 'odonata/testing';
import { memoryPersistence } from '../support/aedes.js';
import { CopyingLevelStore, type AbstractLevelLike } from '../../src/storage/level/level-store.js';
import { aedesPersistence, aedesStore, type AedesPersistenceLike } from '../../src/aedes.js';
import type { Storage } from '../../src/index.js';

/** Which persistence is under a storage. */
const under = new WeakMap<Storage, AedesPersistenceLike>();

function over(persistence: AedesPersistenceLike): Storage {
  const storage = aedesPersistence(persistence, { warn: false });
  under.set(storage, persistence);
  return storage;
}

/** Another process has another object over the same data. */
const again = (storage: Storage): Storage => over(Object.create(under.get(storage) ?? null) as AedesPersistenceLike);

// The next sequence of an empty queue is not kept: it begins anew. To store an empty payload is to clear.
const profile = { omit: ['queueSummaries', 'emptyRetained'] } as const;

describe('the memory store, in its reduced profile', () => {
  storageSuite({
    test,
    open: () => over(memoryPersistence()),
    reopen: again,
    kill: again,
    profile,
  });
});

describe('our own store, in the same profile', () => {
  const databases = new WeakMap<Storage, AbstractLevelLike>();
  const on = (db: AbstractLevelLike): Storage => {
    const storage = aedesPersistence(aedesStore(new CopyingLevelStore(() => db, 'none')), { warn: false });
    databases.set(storage, db);
    return storage;
  };
  const next = (storage: Storage): Storage => on(databases.get(storage) as AbstractLevelLike);
  storageSuite({ test, open: () => on(new MemoryLevel<Uint8Array, Uint8Array>()), reopen: next, kill: next, profile });
});
