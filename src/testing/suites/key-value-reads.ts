/** Reading ranges and single keys of a key-value store, also beside a write. */
import assert from 'node:assert/strict';
import { bytesOf, del, pairsOf, put, type KeyValueStoreUnderTest } from './key-value-store-under-test.js';

const everything = { gte: Uint8Array.of(0), lt: Uint8Array.of(255) };
const name = (index: number): string => `k${String(index).padStart(4, '0')}`;
const names = Array.from({ length: 500 }, (_, index) => name(index));

export const keyValueReads: readonly (readonly [title: string, run: (store: KeyValueStoreUnderTest) => Promise<void>])[] = [
  ['a range has its first key and not its last', async (store) => {
    await store.kv.write(['a', 'a\0', 'aa', 'b', 'ba', 'c'].map((key) => put(key, '')));
    const keys = async (gte: string, lt: string): Promise<string[]> => (await store.between(gte, lt)).map((pair) => pair.slice(0, -1));
    assert.deepEqual(await keys('a', 'b'), ['a', 'a\0', 'aa']);
    assert.deepEqual(await keys('a', 'a\0'), ['a']);
    assert.deepEqual(await keys('aa', 'bb'), ['aa', 'b', 'ba']);
    assert.deepEqual(await keys('A', 'a'), []);
    assert.deepEqual(await keys('b', 'b'), []);
    assert.deepEqual(await keys('c', 'a'), []);
    assert.deepEqual(await keys('bb', 'z'), ['c']);
  }],

  ['a read may be left early, and others go on', async (store) => {
    await store.kv.write(names.map((key) => put(key, 'x')));
    for (let round = 0; round < 20; round += 1) {
      let seen = 0;
      for await (const [key] of store.kv.read(everything)) {
        assert.equal(bytesOf(key), name(seen));
        seen += 1;
        if (seen === round) break;
      }
    }
    const many = await Promise.all(Array.from({ length: 20 }, () => store.all()));
    for (const each of many) assert.equal(each.length, 500);
    await store.kv.write([del(name(0))]);
    assert.equal((await store.all()).length, 499);
  }],

  ['a batch is seen whole or not at all', async (store) => {
    await store.kv.write(names.map((key) => put(key, '0')));
    for (let round = 1; round <= 10; round += 1) {
      const reads = [pairsOf(store.kv.read(everything))];
      const written = store.kv.write(names.map((key) => put(key, `${round}`)));
      reads.push(pairsOf(store.kv.read(everything)), pairsOf(store.kv.read(everything)));
      await written;
      for (const pairs of await Promise.all(reads)) {
        assert.equal(pairs.length, 500);
        const values = [...new Set(pairs.map(([, value]) => bytesOf(value)))];
        assert.equal(values.length, 1, `a read shows the batches ${values.join(' and ')}`);
        assert.ok([`${round}`, `${round - 1}`].includes(values[0] as string));
      }
      assert.equal((await store.all())[0], `${name(0)}=${round}`);
    }
  }],

  ['a read that is under way shows nothing of a later batch, or all of it', async (store) => {
    await store.kv.write(names.map((key) => put(key, 'old')));
    const seen: string[] = [];
    for await (const [, value] of store.kv.read(everything)) {
      seen.push(bytesOf(value));
      if (seen.length === 10) await store.kv.write(names.map((key) => put(key, 'new')));
    }
    assert.deepEqual([...new Set(seen)], ['old']);
    assert.equal(seen.length, 500);
  }],

  ['what is read belongs to the reader', async (store) => {
    await store.kv.write([put('key', 'value')]);
    for (const [key, value] of await pairsOf(store.kv.read(everything))) {
      key.fill(0);
      value.fill(0);
    }
    for (const value of (await store.kv.readMany?.([Buffer.from('key')])) ?? []) value?.fill(0);
    assert.deepEqual(await store.all(), ['key=value']);
  }],

  ['single keys are read in the order asked', async (store) => {
    const { kv } = store;
    if (kv.readMany === undefined) return; // left out: ranges are read instead
    await kv.write([put('a', '1'), put('b', ''), put('c', '3')]);
    const many = async (...keys: string[]): Promise<(string | undefined)[]> =>
      [...((await kv.readMany?.(keys.map((key) => Buffer.from(key)))) ?? [])].map((value) => value && bytesOf(value));
    assert.deepEqual(await many('c', 'x', 'a', 'b', 'c', 'a\0'), ['3', undefined, '1', '', '3', undefined]);
    assert.deepEqual(await many(), []);
  }],

  ['a read that closing finds under way comes to an end', async (store) => {
    await store.kv.write(names.map((key) => put(key, 'x')));
    const read = store.kv.read(everything)[Symbol.asyncIterator]();
    await read.next();
    const rest = (async () => {
      while ((await read.next()).done !== true);
    })().catch(() => undefined); // either is right
    await store.kv.close();
    await rest;
    await store.kv.open();
    assert.equal((await store.all()).length, 500);
  }],
];
