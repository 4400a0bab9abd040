/** One test of the storage suite, and what of a store it needs. */
import type { StoreUnderTest } from './store-under-test.js';

/**
 * What some stores cannot hold. Without its name in `omit` every test of it must pass.
 * @public
 */
export type StorageFeature =
  /** Principal, protocol version, expiry interval and time of closing of a session. */
  | 'sessionRecords'
  /** Sessions without subscriptions. */
  | 'emptySessions'
  /** No Local, Retain As Published and Retain Handling of a subscription. */
  | 'subscriptionOptions'
  /** Subscription Identifiers of subscriptions and queue entries. */
  | 'subscriptionIdentifiers'
  /** Wills. */
  | 'wills'
  /** Delay and message expiry of a will. */
  | 'willOptions'
  /** QoS 2 packet identifiers of the client that were received and not released. */
  | 'receivedPacketIds'
  /** Entries that were sent come back as sent, with their packet identifiers. */
  | 'sentPacketIds'
  /** Sent entries for which PUBREC was received come back as released. */
  | 'released'
  /** Sequence numbers are those that were given, and the next one is remembered. */
  | 'sequences'
  /** How many messages and bytes wait for a session is known without reading them. */
  | 'queueSummaries'
  /** RETAIN of a queue entry. */
  | 'retainOfEntries'
  /** Queues of shared groups. */
  | 'groups'
  /** Who published a message. */
  | 'publishers'
  /** Properties of a message. */
  | 'properties'
  /** When a message expires. */
  | 'messageExpiry'
  /** Sizes of retained messages are known without reading them. */
  | 'retainedSizes'
  /** A retained message without a payload: a broker that clears on an empty payload has none. */
  | 'emptyRetained';

/** @internal */
export interface StorageCase {
  readonly title: string;
  readonly needs: readonly StorageFeature[];
  /** Whether it opens the store again: such a test also runs with stores that are killed. */
  readonly reopens: boolean;
  readonly run: (store: StoreUnderTest) => Promise<void>;
}

type Step = (store: StoreUnderTest) => void | Promise<void>;

/** What `write` has done `check` finds at once, once it is stored, in the next process, and in the one after that. */
export function keeps(title: string, needs: readonly StorageFeature[], write: Step, check: Step): StorageCase {
  return {
    title,
    needs,
    reopens: true,
    run: async (store) => {
      await write(store);
      await check(store);
      await store.stir();
      await check(store);
      for (let opening = 0; opening < 2; opening += 1) {
        await store.reopen();
        await check(store);
      }
      await store.stir();
      await check(store);
    },
  };
}

/** A test of one process. */
export function within(title: string, needs: readonly StorageFeature[], run: StorageCase['run']): StorageCase {
  return { title, needs, reopens: false, run };
}

/** A test that opens the store again where it says so. */
export function across(title: string, needs: readonly StorageFeature[], run: StorageCase['run']): StorageCase {
  return { title, needs, reopens: true, run };
}
