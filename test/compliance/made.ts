/** For `reopen`, which gets a store and no more: what each store was made from. */
import type { Storage } from 'odonata';

export const madeFrom = new WeakMap<Storage, unknown>();
export function made<From>(from: From, make: (from: From) => Storage): Storage {
  const store = make(from);
  madeFrom.set(store, from);
  return store;
}
