/** `aedesStore`: our store for an Aedes broker. */
import { BrokerError } from '../../errors/errors.js';
import type { KeyValueStore } from '../../storage/key-value-store.js';
import { levelFolder } from '../../storage/level/level.js';
import { AedesStore } from './aedes-store.js';

/** Options of {@link aedesStore}. @public */
export interface AedesStoreOptions {
  /**
   * What a change survives once its promise has resolved: `'power'` a power cut, as each batch is synced to the disk;
   * `'process'` a kill of the process. A store of your own says so itself.
   * @defaultValue `'power'`
   */
  readonly durability?: 'power' | 'process';
}

/**
 * An `aedes-persistence` (version 11, promise form, as Aedes 1 uses it) in the LevelDB folder `target`, or in a store
 * of your own: `Aedes.createBroker({ persistence: aedesStore('./data') })`. Aedes sets it up;
 * call `destroy()` after Aedes was closed, which it leaves to you.
 * @param target - a folder, created when it is missing, or any ordered store of bytes
 * @throws BrokerError ODN_ERR_OPTION
 * @public
 */
export function aedesStore(target: string | KeyValueStore, options: AedesStoreOptions = {}): AedesStore {
  if (typeof target === 'string') return new AedesStore(levelFolder('aedesStore', target, options.durability));
  if (typeof target?.write !== 'function' || typeof target.read !== 'function') {
    throw new BrokerError('ODN_ERR_OPTION', `aedesStore: a ${typeof target} is neither a folder nor a KeyValueStore`);
  }
  return new AedesStore(target);
}
