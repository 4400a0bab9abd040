/**
 * Stands in for `src/testing/wire-broker.ts` in the late run (see jest.config.js): every broker of the test kit gets
 * a store that answers no load in the same call and makes nothing durable at once. Virtual time stands still
 * meanwhile, so a test sees late answers in the turn it ends, or in a later one where it awaits something.
 */
import { createBroker, type Broker, type BrokerOptions } from '../../src/index.js';
import { memoryStorage } from '../../src/storage/memory.js';
import { lateStorage, type LateClock } from '../../src/testing/late-storage.js';
import type { VirtualClock } from '../../src/testing/virtual-clock.js';

export type { Broker, BrokerOptions };

const clocks = new WeakMap<object, VirtualClock>();

export function brokerOnClock(clock: VirtualClock, options: BrokerOptions): Broker {
  const given = options.storage ?? memoryStorage();
  // A store that a test brings is made late as well, so that restarts are covered; unless it is late already.
  const isPrompt = given.durableLsn === Infinity;
  const { durability } = given.supports; // unchanged, as default limits depend on it
  const storage = isPrompt ? lateStorage(given, lateClock(clock), { answerMs: 0, commitMs: 0, durability }) : given;
  const broker = createBroker({ ...options, storage, clock: clock.fork() });
  clocks.set(broker, clock);
  return broker;
}

export function clockOf(broker: Broker): VirtualClock | undefined {
  return clocks.get(broker);
}

/** The test's clock; but what is due happens by itself in a later turn, for tests that await and end no turn. */
function lateClock(clock: VirtualClock): LateClock {
  const own = clock.fork();
  return {
    now: () => own.now(),
    wakeAt: (atMs, wake) => {
      own.wakeAt(atMs, wake);
      if (atMs <= own.now()) setImmediate(wake);
    },
    endOfTurn: (run) => {
      own.endOfTurn(run);
      setImmediate(run);
    },
  };
}
