/** Where the test kit meets the broker. */
import { createBroker, type Broker, type BrokerOptions } from '../index.js';
import type { VirtualClock } from './virtual-clock.js';

export type { Broker, BrokerOptions };

/** The clocks of the brokers that were made here, so that a second client of one finds its clock. */
const clocks = new WeakMap<object, VirtualClock>();

/** A broker whose time is `clock`'s. */
export function brokerOnClock(clock: VirtualClock, options: BrokerOptions): Broker {
  const broker = createBroker({ ...options, clock: clock.fork() });
  clocks.set(broker, clock);
  return broker;
}

export function clockOf(broker: Broker): VirtualClock | undefined {
  return clocks.get(broker);
}
