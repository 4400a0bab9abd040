/** `level(path, { durability: 'power' })`, as it comes, through the suite that outside implementers use. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from '@jest/globals';
import type { Storage } from 'odonata';
import { storageSuite } from 'odonata/testing';
import { level } from '../../src/level.js';
import { made, madeFrom } from './made.js';

const at = (folder: string): Storage => made(folder, () => level(folder, { durability: 'power' }));
const folderOf = (store: Storage): string => madeFrom.get(store) as string;

storageSuite({
  test,
  open: async () => at(await mkdtemp(join(tmpdir(), 'odonata-level-'))),
  reopen: (store) => at(folderOf(store)),
  remove: (store) => rm(folderOf(store), { recursive: true }),
});
