/** The faulty store: the store it wraps while nothing is demanded, and each fault as it was asked for. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { Level } from 'level';
import { durableStorage, type KeyValueStore, type Storage } from 'odonata';
import { faultyStore, keyValueStoreSuite, storageSuite, type FaultyStore } from 'odonata/testing';
import { LevelStore } from '../../../src/storage/level/level-store.js';
import { PlainStore } from '../../compliance/plain-store.js';

// ---- without a fault ----

const disks = new WeakMap<object, PlainStore>();
function over(disk: PlainStore): FaultyStore {
  const store = faultyStore(disk);
  disks.set(store, disk);
  return store;
}
const again = (store: object): FaultyStore => over((disks.get(store) as PlainStore).copy());

describe('without a fault, around a sorted map', () => {
  keyValueStoreSuite({ test, open: () => over(new PlainStore()), reopen: again });
});

describe('without a fault, between the durable store and LevelDB', () => {
  const folders = new WeakMap<object, string>();
  const at = (folder: string): Storage => {
    const level = new LevelStore(() => new Level<Uint8Array, Uint8Array>(folder, { keyEncoding: 'buffer', valueEncoding: 'buffer' }), 'process');
    const storage = durableStorage(faultyStore(level), { checkpointBytes: 2000 });
    folders.set(storage, folder);
    return storage;
  };
  storageSuite({
    test,
    open: async () => at(await mkdtemp(join(tmpdir(), 'odonata-faulty-'))),
    reopen: (store) => at(folders.get(store) as string),
    remove: (store) => rm(folders.get(store) as string, { recursive: true }),
  });
});

// ---- with one ----

const bytes = (of: string): Uint8Array => Buffer.from(of);
const text = (of: Uint8Array): string => Buffer.from(of).toString();
const put = (store: KeyValueStore, key: string, value: string | undefined): Promise<void> =>
  store.write([{ key: bytes(key), value: value === undefined ? undefined : bytes(value) }]);
const content = async (store: FaultyStore): Promise<string[]> => (await store.dump()).map(([key, value]) => `${text(key)}=${text(value)}`);

async function opened(options?: Parameters<typeof faultyStore>[1]): Promise<FaultyStore> {
  const store = faultyStore(new PlainStore(), options);
  await store.open();
  return store;
}

async function reopen(store: FaultyStore): Promise<void> {
  await store.close();
  await store.open();
}

const readAll = async (store: FaultyStore): Promise<number> => {
  let pairs = 0;
  for await (const _ of store.read({ gte: bytes('a'), lt: bytes('z') })) pairs += 1;
  return pairs;
};

describe('a call that fails', () => {
  test('fails as often as was asked, and does nothing; then the store must be opened again', async () => {
    const store = await opened();
    store.fail('write', 2, new Error('broken'));
    await expect(put(store, 'a', '1')).rejects.toThrow('broken');
    await reopen(store);
    await expect(put(store, 'a', '1')).rejects.toThrow('broken');
    await expect(put(store, 'a', '1')).rejects.toThrow('opened again');
    await reopen(store);
    await put(store, 'a', '2');
    expect(await content(store)).toEqual(['a=2']);
    expect(store.calls).toEqual({ open: 3, write: 4, read: 0, close: 2 });
  });

  test('need not be followed by an opening where the store is of that kind', async () => {
    const store = await opened({ refusesAfterFailure: false });
    store.fail('write');
    await expect(put(store, 'a', '1')).rejects.toThrow('write was made to fail');
    await put(store, 'a', '1');
  });

  test('may have been done', async () => {
    const store = await opened();
    store.failOnceWritten();
    await expect(put(store, 'a', '1')).rejects.toThrow('after it was done');
    expect(await content(store)).toEqual(['a=1']);
  });

  test.each(['open', 'read', 'close'] as const)('%s', async (operation) => {
    const store = await opened();
    await put(store, 'a', '1');
    store.fail(operation);
    const call = (): Promise<unknown> => (operation === 'read' ? readAll(store) : store[operation]());
    await expect(call()).rejects.toThrow(`${operation} was made to fail`);
    await call();
  });

  test('says ENOSPC when the disk is full, until there is room', async () => {
    const store = await opened();
    store.fill();
    for (let tries = 0; tries < 3; tries += 1) {
      await expect(put(store, 'a', '1')).rejects.toMatchObject({ code: 'ENOSPC' });
      await reopen(store);
    }
    store.heal();
    await put(store, 'a', '1');
  });
});

describe('a call that is late', () => {
  test('hangs until it is let go, and is done then', async () => {
    const store = await opened();
    store.hang('write');
    let isDone = false;
    const written = put(store, 'a', '1').then(() => (isDone = true));
    await new Promise(setImmediate);
    expect([isDone, await content(store)]).toEqual([false, []]);
    store.release('write');
    await written;
    expect(await content(store)).toEqual(['a=1']);
  });

  test('waits for what the test says', async () => {
    const store = await opened();
    const order: string[] = [];
    store.slow('read', async () => void order.push('waited'));
    order.push(`read ${await readAll(store)}`);
    store.heal();
    await readAll(store);
    expect(order).toEqual(['waited', 'read 0']);
  });
});

describe('what is stored', () => {
  async function stored(): Promise<FaultyStore> {
    const store = await opened({ tailBatchesMax: 3 });
    for (const value of ['1', '2', '3']) await put(store, 'a', value);
    await put(store, 'b', '4');
    return store;
  }

  test.each([
    [1, ['a=3']],
    [2, ['a=2']],
    [3, ['a=1']],
  ])('may lose its last %i batches at the next opening', async (batches, left) => {
    const store = await stored();
    store.dropTail(batches);
    expect(await content(store)).toEqual(['a=3', 'b=4']);
    await reopen(store);
    expect(await content(store)).toEqual(left);
    await reopen(store);
    expect(await content(store)).toEqual(left);
  });

  test('loses what was deleted as well: it is there again', async () => {
    const store = await stored();
    await store.write([{ key: bytes('a'), value: undefined }, { key: bytes('c'), value: bytes('5') }]);
    store.dropTail();
    await reopen(store);
    expect(await content(store)).toEqual(['a=3', 'b=4']);
  });

  test('cannot lose more than is known', async () => {
    const store = await stored();
    expect(() => store.dropTail(4)).toThrow('4 batches cannot be dropped: 3 are known');
  });

  test('may be damaged, open or closed, where it was asked for', async () => {
    const store = await opened();
    for (const key of ['x1', 'x2', 'x3', 'y']) await put(store, key, 'abcd');
    expect(text(await store.damage('x', 'flip'))).toBe('x3');
    await store.close();
    await store.damage('x', 'truncate', 0);
    await store.damage(([first]) => first === 'y'.charCodeAt(0), (value, key) => Buffer.concat([key, value]));
    await store.damage('x', 'remove', 1);
    expect(await content(store)).toEqual(['x1=ab', 'x3=abct', 'y=yabcd']);
    expect(await store.dump('y')).toHaveLength(1);
  });

  test('that is not there cannot be damaged', async () => {
    const store = await opened();
    await expect(store.damage('x', 'flip')).rejects.toThrow('nothing to damage');
  });
});
