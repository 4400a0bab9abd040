/** `keyValueStoreSuite`: what every implementation of the KeyValueStore port must do. */
import assert from 'node:assert/strict';
import type { KeyValueStore } from '../../storage/key-value-store.js';
import { keyValueReads } from './key-value-reads.js';
import { bytesOf, del, KeyValueStoreUnderTest, pairsOf, put } from './key-value-store-under-test.js';
import type { SuiteTest } from './suite-test.js';

/** Options of {@link keyValueStoreSuite}. @public */
export interface KeyValueStoreSuiteOptions {
  /** Registers a test: `test` of Jest, of Vitest or of `node:test`. */
  readonly test: SuiteTest;
  /** Makes a store on fresh, empty data. It is not open yet: the suite opens it, and closes it. */
  readonly open: () => KeyValueStore | Promise<KeyValueStore>;
  /** Makes a store on the data of `store`, which was closed, as a new process would; not open yet. */
  readonly reopen: (store: KeyValueStore) => KeyValueStore | Promise<KeyValueStore>;
  /** Deletes the data of `store`, which was closed: called at the end of each test with the store made last. */
  readonly remove?: (store: KeyValueStore) => void | Promise<void>;
}

/**
 * Registers the tests that every `KeyValueStore` has to pass. They use nothing but the port and
 * `node:assert`. A store that passes makes a durable broker: `createBroker({ storage: durableStorage(store) })`; run
 * {@link storageSuite} on `durableStorage(store)` too.
 * @public
 */
export function keyValueStoreSuite(options: KeyValueStoreSuiteOptions): void {
  for (const [title, run] of [...writes, ...keyValueReads]) {
    options.test(title, () => KeyValueStoreUnderTest.run(options, run));
  }
}

const writes: readonly (readonly [title: string, run: (store: KeyValueStoreUnderTest) => Promise<void>])[] = [
  ['a new store is empty, and says what it promises', async (store) => {
    assert.deepEqual(await store.all(), []);
    assert.ok(['none', 'process', 'power', 'quorum'].includes(store.kv.supports.durability));
  }],

  ['what was written is read, replaced and deleted', async (store) => {
    await store.kv.write([put('a', '1'), put('b', '1'), put('c', '')]);
    assert.deepEqual(await store.all(), ['a=1', 'b=1', 'c=']);
    await store.kv.write([put('a', '2'), del('b'), del('never there'), put('d', '2')]);
    assert.deepEqual(await store.all(), ['a=2', 'c=', 'd=2']);
    await store.kv.write([]);
    await store.kv.write([del('a'), del('c'), del('d')]);
    assert.deepEqual(await store.all(), []);
  }],

  ['keys stand in the order of their bytes', async (store) => {
    const keys = [...edgeKeys, ...Array.from({ length: 200 }, (_, index) => Uint8Array.of((index * 73) % 256, (index * 151) % 256))];
    const wanted = [...new Set(keys.map((key) => Buffer.from(key).toString('hex')))].toSorted();
    await store.kv.write(wanted.toReversed().map((hex) => ({ key: Buffer.from(hex, 'hex'), value: Buffer.from(hex) })));
    for (let opening = 0; opening < 2; opening += 1) {
      const found: string[] = [];
      for await (const [key, value] of store.kv.read({ gte: Uint8Array.of(0), lt: new Uint8Array(70_000).fill(255) })) {
        found.push(Buffer.from(key).toString('hex'));
        assert.equal(bytesOf(value), found.at(-1));
      }
      assert.deepEqual(found, wanted);
      await store.reopen();
    }
  }],

  ['keys of 65,600 bytes and values of 4 MiB are kept whole', async (store) => {
    const key = new Uint8Array(65_600).fill(1);
    const other = Uint8Array.from([...key.subarray(1), 2]);
    const value = Buffer.alloc(4 * 1024 * 1024, 'odonata');
    await store.kv.write([{ key, value }, { key: other, value: Uint8Array.of() }]);
    await store.reopen();
    const found = await pairsOf(store.kv.read({ gte: Uint8Array.of(1), lt: Uint8Array.of(2) }));
    assert.deepEqual(found.map(([each, held]) => [each.length, held.length]), [[65_600, value.length], [65_600, 0]]);
    assert.ok(Buffer.from(found[0]?.[1] ?? []).equals(value));
  }],

  ['a batch may have thousands of changes', async (store) => {
    const name = (index: number): string => `k${String(index).padStart(6, '0')}`;
    const numbers = Array.from({ length: 10_000 }, (_, index) => index);
    await store.kv.write(numbers.map((index) => put(name(index), `${index}`)));
    await store.kv.write(numbers.map((index) => (index % 3 === 0 ? del(name(index)) : put(name(index), 'new'))));
    assert.deepEqual(await store.all(), numbers.filter((index) => index % 3 !== 0).map((index) => `${name(index)}=new`));
  }],

  ['what was written is there in the next process, and what was deleted is not', async (store) => {
    for (let opening = 0; opening < 4; opening += 1) {
      await store.kv.write([put('kept', `${opening}`), put(`at ${opening}`, 'x'), del(`at ${opening - 1}`)]);
      await store.reopen();
      assert.deepEqual(await store.all(), [`at ${opening}=x`, `kept=${opening}`]);
    }
  }],

  ['the caller may use its bytes again once a write has resolved', async (store) => {
    const key = Buffer.from('key');
    const value = Buffer.from('value');
    await store.kv.write([{ key, value }]);
    key.fill('x');
    value.fill('y');
    assert.deepEqual(await store.all(), ['key=value']);
    await store.reopen();
    assert.deepEqual(await store.all(), ['key=value']);
  }],

  ['a key may be a view of larger memory', async (store) => {
    const memory = Buffer.from('....key..value....');
    await store.kv.write([{ key: memory.subarray(4, 7), value: new Uint8Array(memory.buffer, memory.byteOffset + 9, 5) }]);
    assert.deepEqual(await store.all(), ['key=value']);
  }],

  ['a batch that is written once more, after closing and opening, changes nothing more', async (store) => {
    const batch = [put('a', '1'), del('b'), put('c', '1')];
    await store.kv.write([put('b', '0')]);
    await store.kv.write(batch);
    await store.kv.close();
    await store.kv.open();
    await store.kv.write(batch);
    assert.deepEqual(await store.all(), ['a=1', 'c=1']);
  }],

  ['closing once more changes nothing, and the same store opens again', async (store) => {
    await store.kv.write([put('a', '1')]);
    await store.kv.close();
    await store.kv.close();
    await store.kv.open();
    assert.deepEqual(await store.all(), ['a=1']);
  }],
];

const edgeKeys = [
  Uint8Array.of(0),
  Uint8Array.of(0, 0),
  Uint8Array.of(0, 0, 0),
  Uint8Array.of(0, 1),
  Uint8Array.of(1),
  Uint8Array.of(127),
  Uint8Array.of(128), // unsigned
  Uint8Array.of(128, 0),
  Uint8Array.of(0xc3, 0x28), // no UTF-8
  Uint8Array.of(255),
  Uint8Array.of(255, 0),
  Uint8Array.of(255, 255),
  Buffer.from('a'),
  Buffer.from('a\0'),
  Buffer.from('ab'),
  Buffer.from('B'),
];
