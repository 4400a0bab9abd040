/** The public door of `odonata/aedes`: stores of Aedes under this broker, and our store under Aedes. */
export { aedesPersistence } from './adapters/aedes/persistence.js';
export type { AedesPersistenceOptions } from './adapters/aedes/persistence.js';
export type {
  AedesClientLike,
  AedesPacketLike,
  AedesPersistenceLike,
  AedesSubscriptionLike,
} from './adapters/aedes/aedes-persistence.js';
export { AedesStore } from './adapters/aedes/aedes-store.js';
export { aedesStore } from './adapters/aedes/make-aedes-store.js';
export type { AedesStoreOptions } from './adapters/aedes/make-aedes-store.js';
export type { AedesClientSubscription } from './adapters/aedes/subscription-index.js';
