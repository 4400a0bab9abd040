/** Our stores in memory through the suite that outside implementers use; the one with a log also with a checkpoint at every turn. */
import { describe, test } from '@jest/globals';
import { MemoryLevel } from 'memory-level';
import { durableStorage, memoryStorage, type DurableStorageOptions, type Storage } from 'odonata';
import { lateStorage, storageSuite } from 'odonata/testing';
import { fromAbstractLevel } from '../../src/level.js';
import { hastyClock } from '../support/hasty-clock.js';
import { made, madeFrom } from './made.js';
import { PlainStore } from './plain-store.js';

describe('memory', () => {
  storageSuite({ test, open: () => memoryStorage(), reopen: (store) => store });
});

describe('late memory', () => {
  storageSuite({ test, open: () => lateStorage(memoryStorage(), hastyClock()), reopen: (store) => store });
});

describe.each<readonly [string, DurableStorageOptions]>([
  ['as it comes', {}],
  ['with a checkpoint at every turn', { checkpointBytes: 200 }],
])('a sorted map, %s', (_, options) => {
  const over = (kv: PlainStore): Storage => made(kv, () => durableStorage(kv, options));
  const onCopy = (store: Storage): Storage => over((madeFrom.get(store) as PlainStore).copy());
  storageSuite({ test, open: () => over(new PlainStore()), reopen: onCopy, kill: onCopy });
});

describe('memory-level', () => {
  const over = (db: MemoryLevel<Uint8Array, Uint8Array>): Storage => made(db, () => fromAbstractLevel(db, { durability: 'none' }));
  storageSuite({ test, open: () => over(new MemoryLevel()), reopen: (store) => over(madeFrom.get(store) as MemoryLevel<Uint8Array, Uint8Array>) });
});
