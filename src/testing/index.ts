/** The public door of `odonata/testing`: exports only. */
export { memoryDuplexPair } from '../transport/memory-duplex.js';
export { memoryTransportPair } from '../transport/memory-transport.js';
export {
  faultyStore,
  type FaultyStore,
  type FaultyStoreOptions,
  type StoreDamage,
  type StoreKeys,
  type StoreOperation,
} from './faulty-store.js';
export { lateStorage, type LateClock, type LateStorage, type LateStorageOptions } from './late-storage.js';
export { VirtualClock, virtualClock, type VirtualClockOptions } from './virtual-clock.js';
export type { WireVersion } from './wire-codec.js';
export { WireClient, type WireClientOptions, type WireReason, type WireTarget } from './wire-client.js';
export type {
  WireConnect,
  WirePacket,
  WireProperties,
  WirePublish,
  WireSendPacket,
  WireSubscription,
} from './wire-packet.js';
export { wire, type WireOptions } from './wire.js';
export { keyValueStoreSuite, type KeyValueStoreSuiteOptions } from './suites/key-value-store-suite.js';
export type { StorageFeature } from './suites/storage-case.js';
export { storageSuite, type StorageSuiteOptions } from './suites/storage-suite.js';
export type { SuiteTest } from './suites/suite-test.js';
