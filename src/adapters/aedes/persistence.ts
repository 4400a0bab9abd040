/** `aedesPersistence`: any `aedes-persistence` store as the `storage` of a broker. */
import { BrokerError } from '../../errors/errors.js';
import type { Storage } from '../../storage/storage.js';
import type { AedesPersistenceLike } from './aedes-persistence.js';
import { PersistenceStorage } from './persistence-storage.js';

/** Options of {@link aedesPersistence}. @public */
export interface AedesPersistenceOptions {
  /**
   * What a change survives once the persistence has resolved it: `'process'` a kill of the broker, as redis, mongodb
   * and level stores do; `'none'` for a persistence in memory. Acknowledgements wait for it in both cases.
   * @defaultValue `'process'`
   */
  readonly durability?: 'none' | 'process';
  /**
   * Name that packets and wills are stored under; the next broker on the same data must have the same. Letters,
   * digits, `-` and `_`.
   * @defaultValue `'odonata'`
   */
  readonly brokerId?: string;
  /**
   * Is told once, at the first opening, that such a store keeps less than the broker knows; `false`: nobody is.
   * @defaultValue `process.emitWarning`, with the code `ODN_WARN_AEDES_PERSISTENCE`
   */
  readonly warn?: ((message: string) => void) | false;
}

const methods = [
  'setup',
  'storeRetained',
  'createRetainedStreamCombi',
  'addSubscriptions',
  'removeSubscriptions',
  'subscriptionsByClient',
  'cleanSubscriptions',
  'outgoingEnqueue',
  'outgoingUpdate',
  'outgoingClearMessageId',
  'outgoingStream',
  'putWill',
  'delWill',
  'streamWill',
] as const satisfies readonly (keyof AedesPersistenceLike)[];

const warning =
  'storage is an aedes-persistence: changes are not stored together, everything it holds is also held in memory, and some MQTT 5 ' +
  'state depends on the store; see docs/guides/aedes-persistence.md';

/**
 * A storage that keeps sessions, queues, wills and retained messages in an `aedes-persistence` store of version 11
 * (`aedes-persistence`, or its redis, mongodb or level sibling), as well as such a store can. The broker sets it up;
 * who made it destroys it, after the broker was closed. One broker at a time.
 * @throws BrokerError ODN_ERR_OPTION
 * @public
 */
export function aedesPersistence(persistence: AedesPersistenceLike, options: AedesPersistenceOptions = {}): Storage {
  const missing = methods.filter((name) => typeof persistence?.[name] !== 'function');
  if (missing.length > 0) {
    throw new BrokerError('ODN_ERR_OPTION', `aedesPersistence: not an aedes-persistence of version 11, it has no ${missing.join(', ')}`);
  }
  const { durability = 'process', brokerId = 'odonata', warn = emitWarning } = options;
  if (durability !== 'none' && durability !== 'process') {
    throw new BrokerError('ODN_ERR_OPTION', `aedesPersistence: durability is ${String(durability)}, must be one of none, process`);
  }
  if (!/^[\w-]{1,64}$/.test(brokerId)) {
    throw new BrokerError('ODN_ERR_OPTION', `aedesPersistence: brokerId is ${JSON.stringify(brokerId)}, must be 1 to 64 letters, digits, - or _`);
  }
  return new PersistenceStorage(persistence, {
    brokerId,
    durability,
    warn: () => {
      if (warn !== false) warn(warning);
    },
  });
}

const emitWarning = (message: string): void =>
  process.emitWarning(message, { type: 'OdonataWarning', code: 'ODN_WARN_AEDES_PERSISTENCE' });
