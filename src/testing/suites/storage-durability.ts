/** Positions in the log, what is safe when, and answers that are out while something changes. */
import assert from 'node:assert/strict';
import { isBrokerError } from '../../errors/errors.js';
import { groupQueueId, sessionQueueId, type Lsn } from '../../storage/storage.js';
import { entryOf, messageOf, sessionOf, subscriptionOf, willOf } from './samples.js';
import { across, within, type StorageCase } from './storage-case.js';
import { SuiteClock, type StoreUnderTest } from './store-under-test.js';

const queue = sessionQueueId('c');

/** Every kind of change, each of something that is there. */
function changes({ storage }: StoreUnderTest): Lsn[] {
  return [
    storage.putSession(sessionOf('c')),
    storage.putSubscription('c', subscriptionOf('a')),
    storage.deleteSubscription('c', 'a'),
    storage.enqueue(queue, entryOf(1)),
    storage.markSent(queue, 1, 5),
    storage.markReleased(queue, 1),
    storage.dequeue(queue, 1),
    storage.putReceived('c', 1),
    storage.deleteReceived('c', 1),
    storage.putRetained(messageOf('a')),
    storage.deleteRetained('a'),
    storage.putWill('c', willOf('w')),
    storage.deleteWill('c'),
    storage.enqueue(groupQueueId('$share/g/a'), entryOf(1)),
    storage.endGroup('$share/g/a'),
    storage.endSession('c'),
  ];
}

function fill({ storage }: StoreUnderTest): void {
  storage.putSession(sessionOf('c'));
  storage.putSubscription('c', subscriptionOf('#'));
  for (let sequence = 1; sequence <= 8; sequence += 1) storage.enqueue(queue, entryOf(sequence));
  storage.markSent(queue, 1, 1);
  storage.markSent(queue, 2, 2);
  storage.putRetained(messageOf('a'));
  storage.putRetained(messageOf('b'));
}

export const durabilityCases: readonly StorageCase[] = [
  across('every change has its place in the log, behind all before it', [], async (store) => {
    for (let opening = 0; opening < 2; opening += 1) {
      const lsns = [...changes(store), ...changes(store)];
      for (const [index, lsn] of lsns.entries()) assert.ok(lsn > (lsns[index - 1] ?? 0), `change ${index} is ${lsn}, after ${lsns[index - 1]}`);
      await store.durable(lsns.at(-1) as Lsn);
      assert.ok(store.storage.durableLsn >= (lsns.at(-1) as Lsn));
      await store.reopen();
    }
  }),

  within('what is safe only grows, and is told once for each commit group', [], async (store) => {
    let seen = store.storage.durableLsn;
    for (let round = 0; round < 20; round += 1) {
      let last = 0;
      for (let change = 0; change < 50; change += 1) {
        last = store.storage.putRetained(messageOf(`t/${change}`, { payload: `${round}` }));
        assert.ok(store.storage.durableLsn >= seen);
        seen = store.storage.durableLsn;
      }
      if (round % 3 !== 0) await store.durable(last);
    }
    await store.settled();
    // That they grow, and that `durableLsn` is raised by then, is checked in every test.
    assert.ok(store.durableCalls.length <= 30, `${store.durableCalls.length} commit groups for 20 bursts of changes`);
    assert.equal((await store.topics()).size, 50);
  }),

  within('a store that promises something makes changes safe later, one that does not at once', [], async (store) => {
    const { supports, durableLsn } = store.storage;
    assert.ok(['none', 'process', 'power', 'quorum'].includes(supports.durability));
    if (durableLsn === Infinity) assert.equal(supports.durability, 'none');
    const lsn = store.storage.putSession(sessionOf('c'));
    assert.ok(durableLsn === Infinity || store.storage.durableLsn < lsn);
    await store.durable(lsn);
  }),

  across('what was changed before a question shows in its answer', ['sentPacketIds', 'sequences'], async (store) => {
    for (let opening = 0; opening < 3; opening += 1) {
      const from = opening * 10 + 1;
      store.storage.putSession(sessionOf('c'));
      store.storage.putSubscription('c', subscriptionOf(`f${opening}`));
      for (let sequence = from; sequence < from + 3; sequence += 1) store.storage.enqueue(queue, entryOf(sequence));
      store.storage.markSent(queue, from, from);
      store.storage.putRetained(messageOf('t', { payload: `${opening}` }));
      // All asked in one turn, none waits for another.
      const answers = [store.sessions(), store.inflight('c'), store.waiting(queue), store.retained('t'), store.topics()] as const;
      const [sessions, inflight, waiting, [retained], topics] = await Promise.all(answers);
      assert.equal(sessions.get('c')?.subscriptions.length, opening + 1);
      assert.deepEqual(inflight.map(({ packetId }) => packetId), [from]);
      assert.deepEqual(waiting.map(({ sequence }) => sequence), [from + 1, from + 2]);
      assert.equal(Buffer.from(retained?.buffer ?? []).toString(), `${opening}`);
      assert.ok(topics.has('t'));
      for (let sequence = from; sequence < from + 3; sequence += 1) store.storage.dequeue(queue, sequence);
      await store.reopen();
    }
  }),

  across('what is changed while an answer is out harms neither', ['sentPacketIds', 'sequences'], async (store) => {
    fill(store);
    for (let opening = 0; opening < 3; opening += 1) {
      await store.reopen();
      const from = opening + 3;
      const answers = Promise.all([
        store.sessions(1),
        store.inflight('c'),
        store.page(queue, 0, 2),
        store.retained('a', 'b'),
        store.topics(1),
      ] as const);
      store.storage.dequeue(queue, opening + 1); // in flight
      store.storage.dequeue(queue, from); // waiting
      store.storage.enqueue(queue, entryOf(9 + opening));
      store.storage.deleteRetained('a');
      store.storage.putRetained(messageOf('a', { payload: `${opening}` }));
      const stirred = store.stir();
      const [sessions, inflight, page, [, b]] = await answers;
      await stirred;
      assert.ok(sessions.has('c'));
      for (const { packetId } of inflight) assert.ok(packetId >= opening + 1);
      assert.ok(page.length > 0, 'an empty page says that nothing waits');
      const shown = page.map(({ sequence }) => sequence).join(', ');
      assert.ok([`${from}`, `${from}, ${from + 1}`, `${from + 1}`, `${from + 1}, ${from + 2}`].includes(shown), `${shown} are the first after ${from - 1}`);
      assert.ok(b !== undefined);
      assert.deepEqual(await store.sequences(queue), Array.from({ length: 6 }, (_, index) => from + 1 + index));
      assert.deepEqual((await store.inflight('c')).map(({ packetId }) => packetId), opening === 0 ? [2] : []);
    }
  }),

  across('a session that ends while its answers are out leaves nothing', ['sentPacketIds'], async (store) => {
    fill(store);
    await store.reopen();
    const answers = Promise.allSettled([store.sessions(), store.inflight('c'), store.page(queue)]);
    store.storage.endSession('c');
    store.storage.putSession(sessionOf('c'));
    store.storage.putSubscription('c', subscriptionOf('new'));
    store.storage.enqueue(queue, entryOf(1, messageOf('new')));
    await store.stir();
    await answers;
    for (let opening = 0; opening < 2; opening += 1) {
      assert.deepEqual((await store.waiting(queue)).map(({ message }) => message.topic), ['new']);
      assert.deepEqual(await store.inflight('c'), []);
      await store.reopen();
    }
  }),

  within('closing answers what was asked before, and nothing after', [], async (store) => {
    fill(store);
    const answered: string[] = [];
    store.storage.load({ type: 'queue', queue, after: 0, limit: 9, bytesMax: Infinity }, () => answered.push('queue'));
    store.storage.load({ type: 'session', clientId: 'c' }, () => answered.push('session'));
    store.storage.load({ type: 'retained', topics: ['a'] }, () => answered.push('retained'));
    await store.storage.close();
    assert.deepEqual([...answered].toSorted(), ['queue', 'retained', 'session']);
    store.storage.load({ type: 'groups' }, () => answered.push('groups'));
    for (let turn = 0; turn < 10; turn += 1) await new Promise(setImmediate);
    assert.equal(answered.length, 3);
  }),

  across('closing keeps what was changed just before', ['sequences'], async (store) => {
    fill(store);
    await store.reopen();
    store.storage.enqueue(queue, entryOf(9));
    store.storage.dequeue(queue, 3);
    await store.reopen();
    assert.deepEqual(await store.sequences(queue), [4, 5, 6, 7, 8, 9]);
  }),

  within('an answer may lead to changes and to the next question', ['sequences'], async (store) => {
    fill(store);
    const drained: number[] = [];
    await new Promise<void>((resolve, reject) => {
      const next = (after: number): void =>
        store.storage.load({ type: 'queue', queue, after, limit: 1, bytesMax: Infinity }, (answer) => {
          if (isBrokerError(answer)) return reject(answer);
          const [entry] = answer.entries;
          if (entry === undefined) return resolve();
          drained.push(entry.sequence);
          store.storage.dequeue(queue, entry.sequence);
          next(entry.sequence);
        });
      next(0);
    });
    assert.deepEqual(drained, [3, 4, 5, 6, 7, 8]);
    assert.deepEqual(await store.sequences(queue), []);
  }),

  within('a store that is open is not opened once more', [], async ({ storage }) => {
    const listener = { onDurable() {}, onFailed() {}, onState() {}, onDamaged() {} };
    await assert.rejects(
      async () => storage.open(listener, new SuiteClock()),
      (error) => isBrokerError(error) && error.code === 'ODN_ERR_STORAGE_LOCKED',
    );
    await storage.close();
    await storage.close(); // nothing happens when it is closed
    await storage.open(listener, new SuiteClock());
  }),
];
