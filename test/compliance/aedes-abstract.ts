/**
 * The abstract suite that aedes-persistence publishes, on our store: over LevelDB in both durabilities, and over the
 * smallest store there is. It needs node:test: `npm run test:aedes`.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { aedesStore, type AedesStore } from '../../src/aedes.js';
import { PlainStore } from './plain-store.js';

interface AbstractOptions {
  readonly test: typeof test;
  readonly persistence: () => AedesStore | Promise<AedesStore>;
  readonly testAsync: true;
  readonly buildEmitter: () => object;
}

const abstractSuite = createRequire(import.meta.url)('aedes-persistence/abstract.js') as (options: AbstractOptions) => void;
const common = { test, testAsync: true, buildEmitter: () => ({ emit() {}, on() {}, removeListener() {} }) } as const;

for (const durability of ['power', 'process'] as const) {
  void describe(`level, ${durability}`, () => {
    const folders: string[] = [];
    after(async () => {
      for (const folder of folders) await rm(folder, { recursive: true });
    });
    abstractSuite({
      ...common,
      persistence: async () => {
        const folder = await mkdtemp(join(tmpdir(), 'odonata-aedes-'));
        folders.push(folder);
        return aedesStore(folder, { durability });
      },
    });
  });
}

void describe('a sorted map', () => abstractSuite({ ...common, persistence: () => aedesStore(new PlainStore()) }));
