/** The late store: the storage suite however it reads, and when it answers, commits, fails and stalls. */
import { describe, expect, test } from '@jest/globals';
import { memoryStorage } from '../../../src/storage/memory.js';
import type { StorageListener } from '../../../src/storage/storage.js';
import { lateStorage } from '../../../src/testing/late-storage.js';
import type { LateStorageOptions } from '../../../src/testing/late-storage.js';
import { storageSuite } from '../../../src/testing/suites/storage-suite.js';
import { VirtualClock } from '../../../src/testing/virtual-clock.js';
import { hastyClock } from '../../support/hasty-clock.js';
import { message, session, storageClock } from './store.js';

for (const readAt of ['asked', 'answered'] as const) {
  for (const late of [{}, { answerMs: 0, commitMs: 0 }, { answerMs: 50, commitMs: 5 }]) {
    describe(`read when ${readAt}, ${JSON.stringify(late)}`, () => {
      storageSuite({ test, open: () => lateStorage(memoryStorage(), hastyClock(), { ...late, readAt }), reopen: (store) => store });
    });
  }
}

async function openStore(options: LateStorageOptions = { answerMs: 20, commitMs: 10 }) {
  const clock = new VirtualClock();
  const log: string[] = [];
  const storage = lateStorage(memoryStorage(), clock, options);
  const listener: StorageListener = {
    onDurable: (lsn) => log.push(`${clock.now()}: durable ${lsn}`),
    onFailed: (from, to, error) => log.push(`${clock.now()}: failed ${from}-${to} ${error.code}`),
    onState: (state, error) => log.push(`${clock.now()}: ${state}${error === undefined ? '' : ` ${error.code}`}`),
    onDamaged: (error) => log.push(`${clock.now()}: damaged ${error.code}`),
  };
  await storage.open(listener, storageClock(clock));
  return { clock, log, storage, put: (id: string) => storage.putSession(session(id)) };
}

describe('late storage', () => {
  test('raises durableLsn in groups: one on its way while the next fills', async () => {
    const { clock, log, storage, put } = await openStore();
    expect(storage.supports.durability).toBe('power');
    expect(storage.durableLsn).toBe(0);
    expect([put('a'), put('b')]).toEqual([1, 2]);
    clock.advance(3);
    expect(put('c')).toBe(3);
    clock.advance(6);
    expect(put('d')).toBe(4);
    expect(storage.durableLsn).toBe(0);
    clock.advance(1);
    expect(storage.durableLsn).toBe(2);
    clock.advance(100);
    expect(storage.durableLsn).toBe(4);
    put('e');
    clock.advance(100);
    expect(log).toEqual(['10: durable 2', '20: durable 4', '120: durable 5']);
    expect(clock.pending).toBe(0);
  });

  test('never answers in the same call, and answers in order', async () => {
    const { clock, storage } = await openStore({ answerMs: 20 });
    const answered: string[] = [];
    storage.load({ type: 'groups' }, () => answered.push(`first at ${clock.now()}`));
    clock.advance(5);
    storage.load({ type: 'groups' }, () => answered.push(`second at ${clock.now()}`));
    clock.advance(14);
    expect(answered).toEqual([]);
    clock.advance(50);
    expect(answered).toEqual(['first at 20', 'second at 25']);
  });

  test.each(['asked', 'answered'] as const)('shows the store as it was when %s', async (readAt) => {
    const { clock, storage } = await openStore({ readAt });
    const seen: unknown[] = [];
    storage.load({ type: 'retained', topics: ['t'] }, (answer) => seen.push(answer));
    const retained = message('t');
    storage.putRetained(retained);
    clock.advance(1);
    expect(seen).toEqual([{ messages: [readAt === 'asked' ? undefined : retained] }]);
  });

  test('a group that fails is reported with its range; the next one makes the store well again', async () => {
    const { clock, log, storage, put } = await openStore();
    put('a');
    clock.advance(1);
    put('b');
    storage.failNext();
    clock.advance(9);
    expect(storage.durableLsn).toBe(0);
    clock.advance(10);
    expect(storage.durableLsn).toBe(2);
    expect(log).toEqual([
      '10: failed ODN_ERR_STORAGE_WRITE',
      '10: failed 0-1 ODN_ERR_STORAGE_WRITE',
      '20: ok',
      '20: durable 2',
    ]);
  });

  test('a load that is made to fail is answered with the error', async () => {
    const { clock, storage } = await openStore();
    const answers: unknown[] = [];
    storage.failNextLoad();
    for (let ask = 0; ask < 2; ask += 1) storage.load({ type: 'groups' }, (answer) => answers.push(answer));
    clock.advance(20);
    expect(answers).toMatchObject([{ code: 'ODN_ERR_STORAGE_READ' }, { groups: [] }]);
  });

  test('a stalled store does nothing until it goes on, and then what is due', async () => {
    const { clock, log, storage, put } = await openStore();
    put('a');
    storage.load({ type: 'groups' }, () => log.push(`${clock.now()}: answered`));
    storage.stall();
    storage.stall();
    clock.advance(1000);
    put('b');
    clock.advance(1000);
    expect(log).toEqual(['0: stalled']);
    storage.resume();
    clock.advance(5);
    expect(log).toEqual(['0: stalled', '2000: ok', '2000: durable 1', '2000: answered']);
    clock.advance(5);
    expect(log.at(-1)).toBe('2010: durable 2');
  });

  test('closing commits and answers everything first, even when stalled', async () => {
    const { clock, log, storage, put } = await openStore();
    put('a');
    clock.flush();
    put('b');
    storage.load({ type: 'sessions', after: undefined, limit: 9 }, (answer) =>
      log.push('sessions' in answer ? `${answer.sessions.length} sessions` : 'an error'),
    );
    storage.stall();
    await storage.close();
    expect(log).toEqual(['0: stalled', '0: durable 1', '0: durable 2', '2 sessions']);
    clock.advance(1000);
    expect(log).toHaveLength(4);
    expect(clock.pending).toBe(0);
  });
});
