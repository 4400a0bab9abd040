/** Stored bytes that are not what was written: always an error with a code and a name, never less than was stored. */
import { describe, expect, test } from '@jest/globals';
import type { StoreDamage } from 'odonata/testing';
import type { Storage } from '../../src/storage/storage.js';
import { entryOf, messageOf, sessionOf, subscriptionOf, willOf } from '../../src/testing/suites/samples.js';
import { ask } from '../property/storage-model.js';
import { errorOf, hears, openHouse, openingError, rest, timeOf, type House } from './house.js';

const page = (clientId: string, after = 0) => ({ type: 'queue', queue: `s:${clientId}`, after, limit: 1000, bytesMax: 1e6 }) as const;

/** Something under every kind of key: two sessions, a shared message, a sent and a received one, a removed entry. */
function fill(storage: Storage): void {
  const shared = messageOf('t', { payload: 'for both' });
  for (const clientId of ['a', 'b']) {
    storage.putSession(sessionOf(clientId));
    storage.putSubscription(clientId, subscriptionOf('t'));
    storage.putWill(clientId, willOf('w'));
    storage.putReceived(clientId, 5);
    for (let sequence = 1; sequence <= 3; sequence += 1) storage.enqueue(`s:${clientId}`, entryOf(sequence));
    storage.enqueue(`s:${clientId}`, entryOf(4, shared));
    storage.markSent(`s:${clientId}`, 1, 9);
  }
  storage.putRetained(messageOf('t', { payload: 'kept' }));
  storage.putRetained(messageOf('u', { payload: 'kept too' }));
}

/** All of that in its place, the log empty, and the store closed. */
async function closedStore(): Promise<House> {
  const house = await openHouse();
  fill(house.storage);
  await house.storage.close();
  await reopen(house);
  await ask(house.storage, page('a'));
  house.storage.dequeue('s:a', 2); // its run is now partly gone
  await house.storage.close();
  return house;
}

const reopen = async ({ storage, heard, clock }: House): Promise<void> => storage.open(hears(heard), timeOf(clock));

/** A key of the owner that was made first, by its part. */
const partOf = (part: string) => (key: Uint8Array): boolean => Buffer.from(key).toString('latin1').startsWith(`s\0\0\0\0\0\x01${part}`);

const flipAt = (at: number): StoreDamage => (value) => {
  const flipped = Uint8Array.from(value);
  flipped[at] = (flipped[at] as number) ^ 1;
  return flipped;
};
const damages: readonly (readonly [string, StoreDamage])[] = [
  ['with a flipped bit', 'flip'],
  ['with a flipped bit of its checksum', flipAt(3)],
  ['cut in half', 'truncate'],
  ['of no bytes', () => new Uint8Array(0)],
  ['that was made longer', (value) => Uint8Array.of(...value, 0)],
];

describe.each(damages)('a value %s', (_, damage) => {
  test.each<readonly [string, Parameters<House['store']['damage']>[0], string]>([
    ['the checkpoint', 'm', 'the checkpoint'],
    ['a name', partOf('A'), 'of session 1'],
    ['a received identifier', partOf('E'), 'of s:a'],
    ['a sent entry', partOf('F'), 'of s:a'],
    ['a run in the index', partOf('G'), 'of s:a'],
    ['the state of a run', partOf('H'), 'of s:a'],
    ['a next sequence', partOf('I'), 'of s:a'],
    ['the count of a shared message', 'c', 'the count of message'],
    ['a session record', partOf('B'), 'the session record of s:a'],
    ['a will', partOf('C'), 'the will of s:a'],
    ['a subscription', partOf('D'), 'a subscription of s:a'],
    // Read when the broker asks for the retained topics, which it does as it opens.
    ['what is known of a retained message', 'r', 'retained message of u'],
  ])('of %s keeps the broker from starting and is named', async (_name, keys, named) => {
    const { store, disk } = await closedStore();
    await store.damage(keys, damage);
    expect(await openingError(disk)).toEqual({ code: 'ODN_ERR_STORAGE_CORRUPT', message: expect.stringContaining(named) });
  });

  test('of a run harms the queue it is of and nothing else', async () => {
    const house = await closedStore();
    await house.store.damage('q', damage, 0);
    await reopen(house);
    for (const load of [ask(house.storage, page('a')), ask(house.storage, { type: 'session', clientId: 'a' })]) {
      expect(await errorOf(load)).toEqual({ code: 'ODN_ERR_STORAGE_CORRUPT', message: expect.stringContaining('s:a') });
    }
    expect((await ask(house.storage, page('b'))).entries).toHaveLength(3);
    house.storage.endSession('a');
    await house.storage.close();
    expect((await house.store.dump('q')).length).toBe(1);
  });

  test('of a shared message harms those that wait for it and nothing else', async () => {
    const house = await closedStore();
    await house.store.damage('b', damage);
    await reopen(house);
    expect(await errorOf(ask(house.storage, page('a')))).toEqual({ code: 'ODN_ERR_STORAGE_CORRUPT', message: expect.stringMatching(/^message \d+ is damaged/) });
    expect((await ask(house.storage, { type: 'session', clientId: 'a' })).inflight).toHaveLength(1);
    await house.storage.close();
  });

  test('of a retained message harms that topic and nothing else', async () => {
    const house = await closedStore();
    await house.store.damage('R', damage, 0);
    await reopen(house);
    expect(await errorOf(ask(house.storage, { type: 'retained', topics: ['t'] }))).toEqual({
      code: 'ODN_ERR_STORAGE_CORRUPT',
      message: expect.stringContaining('the retained message of t'),
    });
    expect((await ask(house.storage, { type: 'retained', topics: ['u'] })).messages).toMatchObject([{ topic: 'u' }]);
    await house.storage.close();
  });
});

describe('a value that is gone', () => {
  test.each<readonly [string, Parameters<House['store']['damage']>[0], string]>([
    ['the checkpoint', 'm', 'the checkpoint is missing'],
    ['a name', partOf('A'), 'of session 1'],
  ])('%s keeps the broker from starting', async (_, keys, named) => {
    const { store, disk } = await closedStore();
    await store.damage(keys, 'remove');
    expect(await openingError(disk)).toEqual({ code: 'ODN_ERR_STORAGE_CORRUPT', message: expect.stringContaining(named) });
  });

  test.each([0, 1, 2, 3])('a run in the middle of a queue: nobody is given what is behind it (run %i of 4)', async (index) => {
    const house = await openHouse();
    house.storage.putSession(sessionOf('a'));
    for (let sequence = 1; sequence <= 4 * 256; sequence += 1) house.storage.enqueue('s:a', entryOf(sequence));
    await house.storage.close();
    expect(await house.store.dump('q')).toHaveLength(4);
    await house.store.damage('q', 'remove', index);
    await reopen(house);
    house.storage.enqueue('s:a', entryOf(4 * 256 + 1)); // in memory, behind the hole
    let error: unknown;
    const seen: number[] = [];
    for (let after = 0; error === undefined; after = seen.at(-1) ?? 0) {
      try {
        const { entries } = await ask(house.storage, { ...page('a', after), limit: 200 });
        if (entries.length === 0) throw new Error('it ends as if there were no more');
        seen.push(...entries.map(({ sequence }) => sequence));
      } catch (thrown) {
        error = thrown;
      }
    }
    expect(error).toMatchObject({ code: 'ODN_ERR_STORAGE_CORRUPT', message: expect.stringContaining('s:a') });
    expect(seen).toEqual(Array.from({ length: index * 256 }, (_, at) => at + 1));
    await house.storage.close();
  });

  test('a shared message', async () => {
    const house = await closedStore();
    await house.store.damage('b', 'remove');
    await reopen(house);
    expect(await errorOf(ask(house.storage, page('b')))).toMatchObject({ code: 'ODN_ERR_STORAGE_CORRUPT', message: expect.stringContaining('s:b') });
    await house.storage.close();
  });

  test('a retained message', async () => {
    const house = await closedStore();
    await house.store.damage('R', 'remove', 0);
    await reopen(house);
    expect(await errorOf(ask(house.storage, { type: 'retained', topics: ['u', 't'] }))).toMatchObject({
      code: 'ODN_ERR_STORAGE_CORRUPT',
      message: expect.stringContaining('retained message of t'),
    });
    expect((await ask(house.storage, { type: 'retained', topics: ['u', 'never'] })).messages).toMatchObject([{ topic: 'u' }, undefined]);
    await house.storage.close();
  });
});

describe('the log', () => {
  /** Six groups. */
  async function log(): Promise<House> {
    const house = await openHouse();
    for (const clientId of ['a', 'b', 'c', 'd', 'e', 'f']) {
      house.storage.putSession(sessionOf(clientId));
      await rest(house);
    }
    return house;
  }

  test.each(damages)('a group %s keeps the broker from starting and is named', async (_, damage) => {
    const { store, disk } = await log();
    await store.damage('l', damage, 2);
    expect(await openingError(disk)).toEqual({ code: 'ODN_ERR_STORAGE_CORRUPT', message: expect.stringContaining('commit group 3 is damaged') });
  });

  test.each([0, 1, 2, 3, 4])('a missing group before the last is a hole (%i)', async (index) => {
    const { store, disk } = await log();
    await store.damage('l', 'remove', index);
    const message = expect.stringContaining(`group ${index + 1} is missing`);
    expect(await openingError(disk)).toEqual({ code: 'ODN_ERR_STORAGE_CORRUPT', message });
  });

  test('a group in the place of another is noticed', async () => {
    const { store, disk } = await log();
    const groups = await store.dump('l');
    await store.damage('l', () => groups[3]?.[1], 2);
    expect(await openingError(disk)).toMatchObject({ code: 'ODN_ERR_STORAGE_CORRUPT' });
  });

  test('a group of another history, whole and with the right number, is noticed', async () => {
    const [one, other] = [await log(), await openHouse()];
    for (const clientId of ['x', 'y', 'z']) {
      other.storage.putSession(sessionOf(clientId));
      await rest(other);
    }
    const foreign = (await other.store.dump('l')).at(2)?.[1];
    await one.store.damage('l', () => foreign, 2);
    expect(await openingError(one.disk)).toEqual({ code: 'ODN_ERR_STORAGE_CORRUPT', message: expect.stringContaining('does not follow') });
    await other.storage.close();
  });
});

describe('a newer format', () => {
  const newer: StoreDamage = (value) => Uint8Array.of(2, ...value.subarray(1));

  test.each([
    ['the checkpoint', 'm', 'the checkpoint'],
    ['a session', 's', 'of s:b'],
  ])('of %s is refused by name', async (_, keys, named) => {
    const { store, disk } = await closedStore();
    await store.damage(keys, newer);
    expect(await openingError(disk)).toEqual({ code: 'ODN_ERR_STORAGE_FORMAT', message: expect.stringContaining(named) });
  });

  test('of the whole store is refused, and nothing is written to it', async () => {
    const house = await closedStore();
    const { beginValue, sealValue } = await import('../../src/storage/durable/sealed.js');
    const { ByteWriter } = await import('../../src/storage/durable/byte-writer.js');
    await house.store.damage('m', () => {
      const writer = new ByteWriter();
      beginValue(writer);
      writer.byte(2); // and whatever a later release has behind it
      return Uint8Array.from(sealValue(writer));
    });
    const before = await house.store.dump();
    expect(await errorOf(reopen(house))).toEqual({ code: 'ODN_ERR_STORAGE_FORMAT', message: 'the store has format 2, this release reads 1' });
    expect(await house.store.dump()).toEqual(before);
  });
});

test('a store that failed to open is let go of, and can be opened when it was repaired', async () => {
  const house = await closedStore();
  const intact = (await house.store.dump('m'))[0]?.[1];
  await house.store.damage('m', 'flip');
  await errorOf(reopen(house));
  expect(house.store.calls.open).toBe(house.store.calls.close);
  await house.store.damage('m', () => intact);
  await reopen(house);
  expect((await ask(house.storage, page('b'))).entries).toHaveLength(3);
  await house.storage.close();
});
