/** The key-value store of one test, and bytes as text. */
import type { KeyValueChange, KeyValueStore } from '../../storage/key-value-store.js';

export interface KeyValueStoreMaker {
  readonly open: () => KeyValueStore | Promise<KeyValueStore>;
  readonly reopen: (store: KeyValueStore) => KeyValueStore | Promise<KeyValueStore>;
  readonly remove?: ((store: KeyValueStore) => void | Promise<void>) | undefined;
}

type Pair = readonly [key: Uint8Array, value: Uint8Array];

export class KeyValueStoreUnderTest {
  kv: KeyValueStore;
  private readonly maker: KeyValueStoreMaker;

  private constructor(kv: KeyValueStore, maker: KeyValueStoreMaker) {
    this.kv = kv;
    this.maker = maker;
  }

  /** Runs a test on a fresh store, and closes and removes what it leaves. */
  static async run(maker: KeyValueStoreMaker, test: (store: KeyValueStoreUnderTest) => Promise<void>): Promise<void> {
    const store = new KeyValueStoreUnderTest(await maker.open(), maker);
    try {
      await store.kv.open();
      await test(store);
    } finally {
      await store.kv.close();
      await maker.remove?.(store.kv);
    }
  }

  /** The next process on the same data. */
  async reopen(): Promise<void> {
    await this.kv.close();
    this.kv = await this.maker.reopen(this.kv);
    await this.kv.open();
  }

  /** Everything that is stored, as `key=value`. */
  all(): Promise<string[]> {
    return this.between(Uint8Array.of(0), Uint8Array.of(255));
  }

  async between(gte: Uint8Array | string, lt: Uint8Array | string): Promise<string[]> {
    const pairs = await pairsOf(this.kv.read({ gte: asBytes(gte), lt: asBytes(lt) }));
    return pairs.map(([key, value]) => `${bytesOf(key)}=${bytesOf(value)}`);
  }
}

export async function pairsOf(read: AsyncIterable<Pair>): Promise<Pair[]> {
  const pairs: Pair[] = [];
  for await (const pair of read) pairs.push(pair);
  return pairs;
}

const asBytes = (bytes: Uint8Array | string): Uint8Array => (typeof bytes === 'string' ? Buffer.from(bytes) : bytes);

/** Bytes as text. */
export const bytesOf = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
export const put = (key: string, value: string): KeyValueChange => ({ key: Buffer.from(key), value: Buffer.from(value) });
export const del = (key: string): KeyValueChange => ({ key: Buffer.from(key), value: undefined });
