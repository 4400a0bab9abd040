/** A broker on a store whose lateness a test controls, for tests of what waits for the store. */
import { memoryStorage, type BrokerOptions } from '../../src/index.js';
import { lateStorage, type LateStorage, type LateStorageOptions } from '../../src/testing/late-storage.js';
import { brokerOnClock } from '../../src/testing/wire-broker.js';
import { virtualClock, wire, type VirtualClock, type WireClient, type WireClientOptions } from '../../src/testing/index.js';
import type { Broker } from '../../src/index.js';

export const commitMs = 100;
export const answerMs = 10;

export interface LateBroker {
  readonly clock: VirtualClock;
  readonly storage: LateStorage;
  readonly broker: Broker;
  /** A connection that has said nothing yet. */
  readonly client: (options?: WireClientOptions) => WireClient<Broker>;
  /** Lets the commit group at hand, and the one behind it, become durable. */
  readonly commit: () => void;
}

/** Opens the broker; its store takes `answerMs` for an answer and `commitMs` for a commit group. */
export function lateBroker(brokerOptions: BrokerOptions = {}, late: LateStorageOptions = {}): LateBroker {
  const clock = virtualClock();
  const storage = lateStorage(memoryStorage(), clock, { answerMs, commitMs, ...late });
  const broker = brokerOnClock(clock, { ...brokerOptions, storage });
  clock.advance(10 * answerMs); // it reads what the store kept
  return {
    clock,
    storage,
    broker,
    client: (options) => wire({ broker, clock, ...options }),
    commit: () => clock.advance(2 * commitMs),
  };
}
