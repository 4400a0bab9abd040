/** Reading values by their keys, whatever the store offers for it. */
import type { KeyValueStore } from '../key-value-store.js';
import { onlyKey } from './keys.js';

/** Values of these keys, in their order; `undefined` for one that is missing. */
export async function readMany(store: KeyValueStore, keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
  if (keys.length === 0) return [];
  if (store.readMany !== undefined) return store.readMany(keys);
  const values: (Uint8Array | undefined)[] = [];
  for (const key of keys) values.push(await readOne(store, key));
  return values;
}

/** The value of this key, or `undefined`. */
export async function readOne(store: KeyValueStore, key: Uint8Array): Promise<Uint8Array | undefined> {
  for await (const [, value] of store.read(onlyKey(key))) return value;
  return undefined;
}
