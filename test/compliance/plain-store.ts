/** The smallest key-value store there is, in memory: what the suites ask for and nothing more. */
import type { KeyRange, KeyValueChange, KeyValueStore } from 'odonata';

export class PlainStore implements KeyValueStore {
  readonly supports = { durability: 'process' } as const;
  /** Values by their keys in hexadecimal, whose order is that of the bytes. */
  readonly data: Map<string, Uint8Array>;

  constructor(data = new Map<string, Uint8Array>()) {
    this.data = data;
  }

  async open(): Promise<void> {}

  async write(batch: readonly KeyValueChange[]): Promise<void> {
    await new Promise(setImmediate); // as a disk would: reads may come in between
    for (const { key, value } of batch) {
      if (value === undefined) this.data.delete(hex(key));
      else this.data.set(hex(key), Uint8Array.from(value));
    }
  }

  async *read({ gte, lt }: KeyRange): AsyncGenerator<[Uint8Array, Uint8Array]> {
    const pairs = [...this.data].filter(([key]) => key >= hex(gte) && key < hex(lt)).toSorted(([a], [b]) => (a < b ? -1 : 1));
    for (const [key, value] of pairs) yield [Buffer.from(key, 'hex'), Uint8Array.from(value)];
  }

  async close(): Promise<void> {}

  /** What is on this "disk" now, for the next process. */
  copy(): PlainStore {
    return new PlainStore(new Map(this.data));
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
