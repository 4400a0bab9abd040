/** Brokers on virtual time without a wire client; in the late run their store is late (see late-wire-broker.ts). */
import { brokerOnClock } from '../../src/testing/wire-broker.js';
import { virtualClock, wire, type VirtualClock, type WireClient, type WireClientOptions } from '../../src/testing/index.js';
import type { Broker, BrokerOptions } from '../../src/index.js';

export interface TestBroker {
  readonly broker: Broker;
  readonly clock: VirtualClock;
  readonly client: (options?: WireClientOptions) => WireClient<Broker>;
}

/** An open broker whose time is the clock's. */
export function testBroker(options: BrokerOptions = {}, clock: VirtualClock = virtualClock()): TestBroker {
  const broker = brokerOnClock(clock, options);
  clock.flush(); // a store that answers late is open at the end of the turn
  return { broker, clock, client: (clientOptions) => wire({ broker, clock, ...clientOptions }) };
}

/** Runs the clock until `promise` settles: for calls that wait for the store. */
export async function settled<T>(clock: VirtualClock, promise: Promise<T>): Promise<T> {
  await clock.settle();
  return promise;
}

/** What `promise` rejects with. Watched from now on, so that the rejection may come at any time. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it did not fail');
}
