/** The memory store of aedes-persistence; its declarations need those of Aedes and say less than it does. */
import { createRequire } from 'node:module';
import type { AedesPersistenceLike } from '../../src/aedes.js';

const load = createRequire(import.meta.url);

/** A fresh one, in the form that has callbacks and promises; `broadcastSubscriptions` makes it wait for its own messages. */
export const memoryPersistence = (options: { readonly broadcastSubscriptions?: boolean } = {}): AedesPersistenceLike =>
  (load('aedes-persistence') as (options: object) => AedesPersistenceLike)(options);

/** The promise form alone. */
export const promisePersistence = (): AedesPersistenceLike =>
  new (load('aedes-persistence/asyncPersistence.js') as new () => AedesPersistenceLike)();
