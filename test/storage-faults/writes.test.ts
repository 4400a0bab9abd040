/** Writes that fail, are late or hang: nothing is told as stored that is not, and all of it is once the disk works. */
import { describe, expect, test } from '@jest/globals';
import { entryOf, messageOf, sessionOf, willOf } from '../../src/testing/suites/samples.js';
import type { Storage } from '../../src/storage/storage.js';
import { expectAgreement, openHouse, pass, rest, told, type House } from './house.js';

/** A little of everything; five changes. */
function change(storage: Storage): void {
  storage.putSession(sessionOf('a'));
  storage.enqueue('s:a', entryOf(1, messageOf('t', { payload: 'one' })));
  storage.markSent('s:a', 1, 7);
  storage.putRetained(messageOf('u', { payload: 'kept' }));
  storage.putWill('a', willOf('w'));
}

async function houseThatFails(begin: (house: House) => void): Promise<House> {
  const house = await openHouse();
  begin(house);
  change(house.storage);
  return house;
}

const space = (house: House): void => house.store.fill();

test('a disk that is full: told as failed with the cause, and stored when there is room again', async () => {
  const house = await houseThatFails(space);
  expect(await told(house)).toEqual(['failed STORAGE_WRITE', 'failed 0-5 STORAGE_WRITE']);
  expect(house.storage.durableLsn).toBe(0);
  expect(house.disk.data.size).toBe(0);
  await pass(house, 60_000);
  expect(await told(house)).toEqual([]); // once is enough, however often it is tried
  house.store.heal();
  await pass(house, 5000);
  expect(await told(house)).toEqual(['ok', 'durable 5']);
  await expectAgreement(house);
  await house.storage.close();
});

test('the error says what the disk said', async () => {
  const errors: Error[] = [];
  const house = await openHouse();
  await house.storage.close();
  const listener = { onDurable() {}, onFailed: (_from: number, _to: number, error: Error) => void errors.push(error), onState() {}, onDamaged() {} };
  const { clock } = house;
  await house.storage.open(listener, { now: () => 0, wall: () => 0, endOfTurn: (run) => clock.endOfTurn(run), after: (ms, run) => clock.wakeAt(ms, run) });
  house.store.fill();
  change(house.storage);
  await rest(house);
  expect(errors).toMatchObject([{ code: 'ODN_ERR_STORAGE_WRITE', cause: { code: 'ENOSPC' } }]);
  expect(String(errors[0])).toContain('ENOSPC: no space left on device');
  house.store.heal();
  await house.storage.close();
});

test('what failed is written again as it was, under the same key, after the store was closed and opened', async () => {
  const house = await houseThatFails(({ store }) => store.fail('write', 3));
  await rest(house);
  house.storage.putSession(sessionOf('b')); // fills the next group
  await pass(house, 100);
  await pass(house, 200);
  expect(await told(house)).toEqual(['failed STORAGE_WRITE', 'failed 0-5 STORAGE_WRITE']);
  expect(house.store.calls).toMatchObject({ write: 3, open: 3, close: 2 });
  await pass(house, 400);
  expect(await told(house)).toEqual(['ok', 'durable 5', 'durable 6']);
  expect((await house.store.dump('l')).map(([key]) => Buffer.from(key).toString('hex'))).toEqual(['6c000000000001', '6c000000000002']);
  await expectAgreement(house);
  await house.storage.close();
});

test('a write that was done and told as failed is done once', async () => {
  const house = await houseThatFails(({ store }) => store.failOnceWritten());
  expect(await told(house)).toEqual(['failed STORAGE_WRITE', 'failed 0-5 STORAGE_WRITE']);
  await pass(house, 100);
  expect(await told(house)).toEqual(['ok', 'durable 5']);
  await expectAgreement(house);
  await house.storage.close();
});

test('it is tried every 5 seconds at least, however long it fails', async () => {
  const house = await houseThatFails(space);
  await rest(house);
  for (let seconds = 0; seconds < 120; seconds += 1) await pass(house, 1000);
  const { write } = house.store.calls;
  for (let seconds = 0; seconds < 50; seconds += 1) await pass(house, 1000);
  expect(house.store.calls.write - write).toBeGreaterThanOrEqual(9);
  house.store.heal();
  await house.storage.close();
});

test('every group that fails is told, one after the other', async () => {
  const house = await houseThatFails(({ store }) => store.fail('write'));
  await rest(house);
  house.storage.putSession(sessionOf('b'));
  await pass(house, 100);
  house.store.fail('write');
  house.storage.putSession(sessionOf('c'));
  expect(await told(house)).toEqual([
    ...['failed STORAGE_WRITE', 'failed 0-5 STORAGE_WRITE', 'ok', 'durable 5', 'durable 6'],
    ...['failed STORAGE_WRITE', 'failed 6-7 STORAGE_WRITE'],
  ]);
  await pass(house, 100);
  expect(await told(house)).toEqual(['ok', 'durable 7']);
  await expectAgreement(house);
  await house.storage.close();
});

test('a slow disk is waited for, and no group overtakes another', async () => {
  const house = await openHouse();
  const { clock } = house;
  house.store.slow('write', () => new Promise((resolve) => clock.wakeAt(clock.now() + 900, resolve)));
  change(house.storage);
  await rest(house);
  await pass(house, 899);
  house.storage.putSession(sessionOf('b'));
  expect(await told(house)).toEqual([]);
  await pass(house, 1);
  expect(await told(house)).toEqual(['durable 5']);
  await pass(house, 900);
  expect(await told(house)).toEqual(['durable 6']);
  house.store.heal();
  await expectAgreement(house);
  await house.storage.close();
});

test('a disk that hangs holds everything, and nothing is lost when it goes on', async () => {
  const house = await houseThatFails(({ store }) => store.hang('write'));
  await pass(house, 3_600_000);
  house.storage.endSession('a');
  expect(await told(house)).toEqual([]);
  house.store.release('write');
  expect(await told(house)).toEqual(['durable 5', 'durable 6']);
  await expectAgreement(house);
  await house.storage.close();
});

describe('a store that does not open again', () => {
  test('is told as what it is, and tried until it opens', async () => {
    const house = await houseThatFails(({ store }) => {
      store.fail('write');
      store.fail('open', 3, new Error('no such device'));
    });
    await rest(house);
    for (let tries = 0; tries < 3; tries += 1) await pass(house, 5000);
    expect(await told(house)).toEqual(['failed STORAGE_WRITE', 'failed 0-5 STORAGE_WRITE', 'failed STORAGE_OPEN']);
    await pass(house, 5000);
    expect(await told(house)).toEqual(['ok', 'durable 5']);
    await expectAgreement(house);
    await house.storage.close();
  });

  test('nor closes is tried all the same', async () => {
    const house = await houseThatFails(({ store }) => {
      store.fail('write');
      store.fail('close');
    });
    await rest(house);
    await pass(house, 100);
    await pass(house, 200);
    expect(await told(house)).toEqual(['failed STORAGE_WRITE', 'failed 0-5 STORAGE_WRITE', 'failed STORAGE_OPEN', 'ok', 'durable 5']);
    await house.storage.close();
  });
});

describe('a store that has lost what it had confirmed', () => {
  async function lostTail(batches: number): Promise<House> {
    const house = await openHouse();
    for (const clientId of ['a', 'b', 'c']) {
      house.storage.putSession(sessionOf(clientId));
      await rest(house);
    }
    house.heard.splice(0);
    house.store.dropTail(batches);
    house.store.fail('write');
    house.storage.putSession(sessionOf('d'));
    await rest(house);
    await pass(house, 100);
    return house;
  }

  test.each([1, 2, 3])('%i groups of it: told as damaged, and nothing is confirmed any more', async (batches) => {
    const house = await lostTail(batches);
    expect(await told(house)).toEqual(['failed STORAGE_WRITE', 'failed 3-4 STORAGE_WRITE', 'failed STORAGE_CORRUPT', 'damaged STORAGE_CORRUPT']);
    await pass(house, 60_000);
    expect(await told(house)).toEqual([]);
    expect(house.storage.durableLsn).toBe(3);
    expect(house.disk.data.size).toBe(3 - batches);
    await expect(house.storage.close()).rejects.toMatchObject({ code: 'ODN_ERR_STORAGE_CORRUPT' });
    expect(house.disk.data.size).toBe(3 - batches); // nothing is written behind a hole
  });

  test('a group that is there but not whole counts as lost', async () => {
    const house = await openHouse();
    house.storage.putSession(sessionOf('a'));
    await rest(house);
    await house.store.damage('l', 'truncate');
    house.store.fail('write');
    house.storage.putSession(sessionOf('b'));
    await rest(house);
    await pass(house, 100);
    expect((await told(house)).at(-1)).toBe('damaged STORAGE_CORRUPT');
    await expect(house.storage.close()).rejects.toMatchObject({ code: 'ODN_ERR_STORAGE_CORRUPT' });
  });

  test('also when the group behind it is there: told, as a hole', async () => {
    const house = await openHouse();
    house.storage.putSession(sessionOf('a'));
    await rest(house);
    house.store.failOnceWritten();
    house.storage.putSession(sessionOf('b'));
    await rest(house);
    await house.store.damage('l', 'remove', 0);
    await pass(house, 100);
    expect((await told(house)).at(-1)).toBe('damaged STORAGE_CORRUPT');
    await expect(house.storage.close()).rejects.toMatchObject({ code: 'ODN_ERR_STORAGE_CORRUPT' });
  });

  test('a failed write that lost nothing is no such thing', async () => {
    const house = await openHouse();
    house.storage.putSession(sessionOf('a'));
    await rest(house);
    house.store.failOnceWritten();
    house.storage.putSession(sessionOf('b'));
    await rest(house);
    house.store.dropTail(1); // what was never confirmed may go
    await pass(house, 100);
    expect((await told(house)).slice(-2)).toEqual(['ok', 'durable 2']);
    await expectAgreement(house);
    await house.storage.close();
  });
});
