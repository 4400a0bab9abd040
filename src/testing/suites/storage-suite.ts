/** `storageSuite`: what every implementation of the Storage port must do. */
import type { Storage } from '../../storage/storage.js';
import type { StorageCase, StorageFeature } from './storage-case.js';
import { durabilityCases } from './storage-durability.js';
import { inflightCases } from './storage-inflight.js';
import { queueCases } from './storage-queues.js';
import { retainedCases } from './storage-retained.js';
import { sessionCases } from './storage-sessions.js';
import { StoreUnderTest } from './store-under-test.js';
import type { SuiteTest } from './suite-test.js';

/** Options of {@link storageSuite}. @public */
export interface StorageSuiteOptions {
  /** Registers a test: `test` of Jest, of Vitest or of `node:test`. */
  readonly test: SuiteTest;
  /** Makes a store on fresh, empty data. It is not open yet: the suite opens it, and closes it. */
  readonly open: () => Storage | Promise<Storage>;
  /** Makes a store on the data of `store`, which was closed, as a new process would; not open yet. */
  readonly reopen: (store: Storage) => Storage | Promise<Storage>;
  /**
   * Makes a store on the data that `store`, which is still open, would leave if its process were killed now. With it
   * every test that opens a store again runs a second time on stores that are killed.
   */
  readonly kill?: (store: Storage) => Storage | Promise<Storage>;
  /** Deletes the data of `store`, which was closed: called at the end of each test with the store made last. */
  readonly remove?: (store: Storage) => void | Promise<void>;
  /** What the store cannot hold; without it, all is tested. */
  readonly profile?: { readonly omit: readonly StorageFeature[] };
}

/**
 * Registers the tests that every `Storage` has to pass. They use nothing but the port and `node:assert`.
 * @example
 * ```ts
 * import { test } from 'node:test';
 * import { memoryStorage } from 'odonata';
 * import { storageSuite } from 'odonata/testing';
 *
 * storageSuite({ test, open: () => memoryStorage(), reopen: (store) => store });
 * ```
 * @public
 */
export function storageSuite(options: StorageSuiteOptions): void {
  const { test, kill, profile } = options;
  const omitted = new Set(profile?.omit);
  for (const each of cases) {
    if (each.needs.some((feature) => omitted.has(feature))) continue;
    test(each.title, () => StoreUnderTest.run(options, false, each.run));
    if (each.reopens && kill !== undefined) test(`${each.title} (killed)`, () => StoreUnderTest.run(options, true, each.run));
  }
}

const cases: readonly StorageCase[] = [...sessionCases, ...queueCases, ...inflightCases, ...retainedCases, ...durabilityCases];
