/** What may happen at the same time: changes, loads, closing and callbacks that throw, while the disk fails or hangs. */
import { describe, expect, test } from '@jest/globals';
import type { LoadAnswers, QueueEntry } from '../../src/storage/storage.js';
import { entryOf, messageOf, sessionOf } from '../../src/testing/suites/samples.js';
import { ask } from '../property/storage-model.js';
import { closedHouse, errorOf, expectAgreement, found, hears, openHouse, pass, rest, timeOf, told, type House } from './house.js';

const page = { type: 'queue', queue: 's:a', after: 0, limit: 100, bytesMax: 10_000 } as const;
const sequencesOf = ({ entries }: { readonly entries: readonly QueueEntry[] }): number[] => entries.map(({ sequence }) => sequence);

/** The session of an absent client with three entries on disk; every group is a checkpoint. */
async function settledHouse(): Promise<House> {
  const house = await openHouse({ checkpointBytes: 1 });
  house.storage.putSession(sessionOf('a', { closedAtWallMs: 1 }));
  for (let sequence = 1; sequence <= 3; sequence += 1) house.storage.enqueue('s:a', entryOf(sequence));
  await rest(house);
  house.heard.splice(0);
  return house;
}

describe('changes', () => {
  test.each([1, 10_000])('made within onDurable are on their way at once (a checkpoint after %i bytes)', async (checkpointBytes) => {
    const house = closedHouse({ checkpointBytes });
    let left = 5;
    const listener = hears(house.heard);
    const onDurable = (lsn: number): void => {
      listener.onDurable(lsn);
      if ((left -= 1) > 0) house.storage.putSession(sessionOf(`s${left}`));
    };
    await house.storage.open({ ...listener, onDurable }, timeOf(house.clock));
    house.storage.putSession(sessionOf('a'));
    expect(await told(house)).toEqual([1, 2, 3, 4, 5].map((lsn) => `durable ${lsn}`));
    await expectAgreement(house);
    await house.storage.close();
  });

  test.each(['write', 'read'] as const)('made at any moment of a %s under way are stored with what comes next', async (operation) => {
    const house = await settledHouse();
    for (let turns = 0; turns < 8; turns += 1) {
      house.store.hang(operation);
      house.storage.dequeue('s:a', turns + 1); // not loaded: a checkpoint has to read it
      house.storage.enqueue('s:a', entryOf(turns + 4));
      house.clock.flush();
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
      house.storage.putSession(sessionOf('b', { principal: `${turns}` }));
      house.store.release(operation);
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
      house.storage.putRetained(messageOf('t', { payload: `${turns}` }));
      await rest(house);
    }
    expect(house.storage.durableLsn).toBe(4 + 8 * 4);
    await expectAgreement(house);
    await house.storage.close();
  });
});

describe('a load', () => {
  test('that needs a checkpoint waits while it cannot be written, and is answered then', async () => {
    const house = await openHouse();
    house.storage.putSession(sessionOf('a'));
    house.store.fill();
    const sessions = ask(house.storage, { type: 'sessions', after: undefined, limit: 10 });
    await pass(house, 10_000);
    expect(house.heard).toEqual(['failed STORAGE_WRITE', 'failed 0-1 STORAGE_WRITE']);
    house.store.heal();
    await pass(house, 5000);
    expect((await sessions).sessions).toHaveLength(1);
    await house.storage.close();
  });

  test('of a queue whose entries are on their way to the disk waits for them', async () => {
    const house = await openHouse({ checkpointBytes: 1 });
    house.storage.putSession(sessionOf('a'));
    house.storage.enqueue('s:a', entryOf(1));
    house.store.hang('write');
    await rest(house);
    const entries = ask(house.storage, page);
    house.storage.enqueue('s:a', entryOf(2));
    await rest(house);
    house.store.release('write');
    expect(sequencesOf(await entries)).toEqual([1, 2]);
    await expectAgreement(house);
    await house.storage.close();
  });

  test('while the store is closed to be opened again waits until it is open', async () => {
    const house = await settledHouse();
    house.store.fail('write');
    house.storage.enqueue('s:a', entryOf(4));
    await rest(house);
    house.store.hang('open');
    await pass(house, 100);
    const entries = ask(house.storage, page);
    await rest(house);
    house.store.release('open');
    expect(sequencesOf(await entries)).toEqual([1, 2, 3, 4]);
    await house.storage.close();
  });

  test('that cannot be read says so, and the next one is answered', async () => {
    const house = await settledHouse();
    house.store.fail('read', 1, new Error('EIO: i/o error, read'));
    expect(await errorOf(ask(house.storage, page))).toEqual({
      code: 'ODN_ERR_STORAGE_READ',
      message: expect.stringContaining('EIO: i/o error, read'),
    });
    expect(sequencesOf(await ask(house.storage, page))).toEqual([1, 2, 3]);
    expect(house.heard).toEqual([]); // it was told to whoever asked
    await house.storage.close();
  });
});

test('a checkpoint that cannot read what it needs is told, holds what it would store, and is made later', async () => {
  const house = await settledHouse();
  house.store.fail('read');
  house.storage.dequeue('s:a', 2); // not loaded
  expect(await told(house)).toEqual(['failed STORAGE_READ']);
  expect(house.storage.durableLsn).toBe(4);
  await pass(house, 5000);
  await pass(house, 5000);
  expect(await told(house)).toEqual(['ok', 'durable 5']);
  await expectAgreement(house);
  await house.storage.close();
});

test('a checkpoint that can be read for and then not be written is told as both', async () => {
  const house = await settledHouse();
  house.store.fail('read');
  house.storage.dequeue('s:a', 2);
  await rest(house);
  house.store.fill();
  await pass(house, 100);
  expect(await told(house)).toEqual(['failed STORAGE_READ', 'failed STORAGE_WRITE', 'failed 4-5 STORAGE_WRITE']);
  house.store.heal();
  await pass(house, 5000);
  await expectAgreement(house);
  await house.storage.close();
});

describe('close()', () => {
  test.each([0, 1000, 100_000])('while the disk is full for %i ms: tries once more, rejects with the cause, and lets the store go', async (ms) => {
    const house = await openHouse();
    house.store.fill();
    house.storage.putSession(sessionOf('a'));
    await rest(house);
    await pass(house, ms);
    const { write } = house.store.calls;
    expect(await errorOf(house.storage.close())).toMatchObject({ code: 'ODN_ERR_STORAGE_WRITE' });
    expect(house.store.calls.write - write).toBe(1);
    house.store.heal();
    await house.storage.open(hears([]), timeOf(house.clock));
    expect(house.storage.durableLsn).toBe(0);
    house.storage.putSession(sessionOf('b'));
    await expectAgreement(house);
    await house.storage.close();
  });

  test('once the disk works again stores what failed, without waiting for the next try', async () => {
    const house = await openHouse();
    house.store.fill();
    house.storage.putSession(sessionOf('a'));
    await pass(house, 100_000);
    house.store.heal();
    await house.storage.close();
    expect(await found(house)).toMatchObject({ sessions: [{ session: { clientId: 'a' } }] });
  });

  test('while a write hangs waits for it and stores everything', async () => {
    const house = await openHouse();
    house.store.hang('write');
    house.storage.putSession(sessionOf('a'));
    await rest(house);
    house.storage.putSession(sessionOf('b'));
    const closed = house.storage.close();
    await rest(house);
    house.store.release('write');
    await closed;
    expect(await found(house)).toMatchObject({ sessions: [{ session: { clientId: 'a' } }, { session: { clientId: 'b' } }] });
  });

  test('while the store is about to be opened again', async () => {
    const house = await openHouse();
    house.store.fail('write');
    house.storage.putSession(sessionOf('a'));
    await rest(house);
    house.store.hang('open');
    await pass(house, 100);
    const closed = house.storage.close();
    await rest(house);
    house.store.release('open');
    await closed;
    expect(await found(house)).toMatchObject({ sessions: [{ session: { clientId: 'a' } }] });
  });

  test('answers a load that is out first', async () => {
    const house = await settledHouse();
    house.store.hang('read');
    const order: string[] = [];
    const loaded = ask(house.storage, page).then(() => order.push('answered'));
    const closed = house.storage.close().then(() => order.push('closed'));
    await rest(house);
    expect(order).toEqual([]);
    house.store.release('read');
    await Promise.all([loaded, closed]);
    expect(order).toEqual(['answered', 'closed']);
  });

  test('answers a load that waits for a checkpoint which is given up with an error, never with less than there is', async () => {
    const house = await openHouse({ checkpointBytes: 1 });
    house.store.fill();
    house.storage.putSession(sessionOf('a'));
    house.storage.enqueue('s:a', entryOf(1));
    await rest(house);
    const answers = Promise.allSettled([
      ask(house.storage, page),
      ask(house.storage, { type: 'session', clientId: 'a' }),
      ask(house.storage, { type: 'sessions', after: undefined, limit: 10 }),
    ]);
    await rest(house);
    await expect(house.storage.close()).rejects.toMatchObject({ code: 'ODN_ERR_STORAGE_WRITE' });
    for (const answer of await answers) expect(answer).toMatchObject({ status: 'rejected', reason: { code: 'ODN_ERR_CLOSED' } });
  });

  test('does nothing more once it is closed: no timer, no write', async () => {
    const house = await openHouse();
    house.store.fill();
    house.storage.putSession(sessionOf('a'));
    await rest(house);
    await errorOf(house.storage.close());
    house.storage.putSession(sessionOf('late'));
    const { calls } = house.store;
    await pass(house, 100_000);
    expect(house.store.calls).toEqual(calls);
  });
});

describe('a callback of the broker that throws is told as a bug and stops nothing:', () => {
  const bang = (): never => {
    throw new Error('bang');
  };

  test.each(['onDurable', 'onFailed', 'onState'] as const)('%s', async (method) => {
    const house = closedHouse();
    await house.storage.open({ ...hears(house.heard), [method]: bang }, timeOf(house.clock));
    for (let round = 1; round <= 2; round += 1) {
      house.store.fail('write');
      house.storage.putSession(sessionOf(`${round}`));
      await rest(house);
      await pass(house, 100);
      expect(house.storage.durableLsn).toBe(round);
      expect(await told(house)).toContain('damaged INTERNAL');
    }
    await house.storage.close();
  });

  test('onDamaged, whoever would be told', async () => {
    const house = closedHouse();
    const listener = { ...hears(house.heard), onDurable: bang, onDamaged: bang };
    await house.storage.open(listener, timeOf(house.clock));
    house.storage.putSession(sessionOf('a'));
    await rest(house);
    house.storage.putSession(sessionOf('b'));
    await rest(house);
    expect(house.storage.durableLsn).toBe(2);
    await house.storage.close();
  });

  test.each([0, 1])('done of a load that succeeds (%i) or fails', async (failures) => {
    const house = await settledHouse();
    house.store.fail('read', failures);
    const answers: LoadAnswers['queue'][] = [];
    house.storage.load(page, (answer) => {
      answers.push(answer as LoadAnswers['queue']);
      bang();
    });
    expect(await told(house)).toEqual(['damaged INTERNAL']);
    expect(answers).toHaveLength(1);
    expect(sequencesOf(await ask(house.storage, page))).toEqual([1, 2, 3]);
    await house.storage.close();
  });
});

test('one storage serves one broker at a time, and can be opened again after that', async () => {
  const house = await openHouse();
  expect(await errorOf(house.storage.open(hears([]), timeOf(house.clock)))).toMatchObject({ code: 'ODN_ERR_STORAGE_LOCKED' });
  await house.storage.close();
  house.store.fail('open', 1, new Error('no such folder'));
  expect(await errorOf(house.storage.open(hears([]), timeOf(house.clock)))).toMatchObject({ code: 'ODN_ERR_STORAGE_OPEN' });
  await house.storage.open(hears([]), timeOf(house.clock));
  await house.storage.close();
});
