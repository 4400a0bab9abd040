/** `wire()`: a raw client and, unless one is given, a broker with virtual time to go with it. */
import { virtualClock } from './virtual-clock.js';
import { brokerOnClock, clockOf, type Broker, type BrokerOptions } from './wire-broker.js';
import { WireClient, type WireClientOptions } from './wire-client.js';

/** Options of {@link wire}. @public */
export interface WireOptions extends WireClientOptions {
  /** Default: a new one. Its clock is known when `wire` made it; else give `clock` too. */
  readonly broker?: Broker;
  /** For a new broker. */
  readonly brokerOptions?: BrokerOptions;
}

/**
 * Opens a raw connection: `wire().connect({ clientId: 'a' }).received()`. A second client of the same broker:
 * `wire({ broker: first.broker })`. Made by {@link wire}, a broker runs on virtual time: `client.clock.advance(ms)`.
 * @public
 */
export function wire(options: WireOptions = {}): WireClient<Broker> {
  const { broker: given, brokerOptions = {}, ...clientOptions } = options;
  if (given === undefined) {
    const clock = options.clock ?? virtualClock();
    return new WireClient(brokerOnClock(clock, brokerOptions), { ...clientOptions, clock });
  }
  const clock = options.clock ?? clockOf(given);
  return new WireClient(given, { ...clientOptions, ...(clock !== undefined && { clock }) });
}
