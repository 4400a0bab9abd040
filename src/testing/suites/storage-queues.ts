/** Queues of sessions and groups: what waits, in order, page by page. */
import assert from 'node:assert/strict';
import { groupQueueId, sessionQueueId } from '../../storage/storage.js';
import { entryOf, messageOf, messageWithProperties, plainEntry, sessionOf, subscriptionOf, trickyNames } from './samples.js';
import { across, keeps, within, type StorageCase } from './storage-case.js';
import { SuiteClock, type StoreUnderTest } from './store-under-test.js';

const queue = sessionQueueId('c');

function withSession(store: StoreUnderTest, ...clientIds: string[]): void {
  for (const clientId of clientIds) {
    store.storage.putSession(sessionOf(clientId));
    store.storage.putSubscription(clientId, subscriptionOf('#'));
  }
}

const upTo = (last: number, from = 1): number[] => Array.from({ length: last - from + 1 }, (_, index) => from + index);

function fill(store: StoreUnderTest, last: number, from = 1): void {
  for (const sequence of upTo(last, from)) store.storage.enqueue(queue, entryOf(sequence));
}

const payloadsOf = async (store: StoreUnderTest, of = queue): Promise<string[]> =>
  (await store.waiting(of)).map(({ message: { buffer, payloadStart } }) => Buffer.from(buffer.subarray(payloadStart)).toString());

const entries = [
  entryOf(1, messageOf('t', { payload: '', qos: 2 })),
  entryOf(2, messageOf('t', { payload: Uint8Array.of(0, 255, 128, 0) }), { qos: 2 }),
  entryOf(5, messageOf('x'.repeat(65_535), { payload: 'long topic' })),
  entryOf(6, messageOf('large', { payload: new Uint8Array(700_000).fill(7) })),
  entryOf(7, messageOf('topic \u{1f409}', { payload: 'text' })),
  entryOf(2 ** 40, messageOf('t', { payload: 'far' })),
];

export const queueCases: readonly StorageCase[] = [
  keeps(
    'queue entries come back in order and as they were',
    ['sequences'],
    (store) => {
      withSession(store, 'c');
      for (const entry of entries) store.storage.enqueue(queue, entry);
    },
    async (store) => assert.deepEqual((await store.waiting(queue)).map(plainEntry), entries.map(plainEntry)),
  ),

  keeps(
    'queue entries come back with RETAIN and Subscription Identifiers',
    ['retainOfEntries', 'subscriptionIdentifiers'],
    (store) => {
      withSession(store, 'c');
      store.storage.enqueue(queue, entryOf(1, messageOf('t'), { retain: true, subscriptionIdentifiers: [1, 268_435_455, 300] }));
      store.storage.enqueue(queue, entryOf(2, messageOf('t'), { qos: 2 }));
    },
    async (store) => {
      const found = (await store.waiting(queue)).map(({ retain, qos, subscriptionIdentifiers: ids }) => ({ retain, qos, ids: ids && [...ids] }));
      assert.deepEqual(found, [{ retain: true, qos: 1, ids: [1, 268_435_455, 300] }, { retain: false, qos: 2, ids: undefined }]);
    },
  ),

  keeps(
    'messages come back with their properties and publishers',
    ['properties', 'publishers'],
    (store) => {
      withSession(store, 'c');
      for (const [index, publisher] of publishers.entries()) store.storage.enqueue(queue, entryOf(index + 1, messageWithProperties('t', publisher)));
    },
    async (store) => {
      const found = (await store.waiting(queue)).map(plainEntry);
      assert.deepEqual(found, publishers.map((publisher, index) => plainEntry(entryOf(index + 1, messageWithProperties('t', publisher)))));
    },
  ),

  across('order is that of the sequence, restart after restart', [], async (store) => {
    withSession(store, 'c');
    const expected: string[] = [];
    for (let round = 0; round < 5; round += 1) {
      fill(store, round * 10 + 10, round * 10 + 1);
      expected.push(...upTo(round * 10 + 10, round * 10 + 1).map((sequence) => `m${sequence}`));
      assert.deepEqual(await payloadsOf(store), expected);
      await store.reopen();
      assert.deepEqual(await payloadsOf(store), expected);
    }
  }),

  across('a message that many queues share is each one\'s own', [], async (store) => {
    const clients = upTo(20).map((index) => `c${index}`);
    const shared = messageOf('shared', { payload: 'x'.repeat(5000) });
    withSession(store, ...clients);
    for (const id of clients) store.storage.enqueue(sessionQueueId(id), entryOf(1, shared));
    for (const id of clients) store.storage.enqueue(sessionQueueId(id), entryOf(2, shared));
    store.storage.dequeue(sessionQueueId('c1'), 1);
    store.storage.endSession('c2');
    await store.reopen();
    store.storage.dequeue(sessionQueueId('c1'), 2);
    store.storage.endSession('c3');
    store.storage.dequeue(sessionQueueId('c4'), 1);
    await store.stir();
    for (let opening = 0; opening < 2; opening += 1) {
      for (const id of ['c1', 'c2', 'c3']) assert.deepEqual(await payloadsOf(store, sessionQueueId(id)), []);
      assert.equal((await payloadsOf(store, sessionQueueId('c4'))).length, 1);
      for (const id of clients.slice(4)) {
        assert.deepEqual((await payloadsOf(store, sessionQueueId(id))).map((payload) => payload.length), [5000, 5000]);
      }
      await store.reopen();
    }
  }),

  across('pages hold what was asked for, and one entry at least', ['sequences'], async (store) => {
    withSession(store, 'c');
    for (const sequence of upTo(700)) store.storage.enqueue(queue, entryOf(sequence * 2, messageOf('t', { payload: 'x'.repeat(sequence % 50) })));
    const all = upTo(700).map((sequence) => sequence * 2);
    const firstOf = async (after: number, limit: number, bytesMax = Infinity): Promise<number | undefined> =>
      (await store.page(queue, after, limit, bytesMax))[0]?.sequence;
    for (let opening = 0; opening < 2; opening += 1) {
      for (const [limit, bytesMax] of [[1000, Infinity], [97, Infinity], [1000, 1000], [50, 500], [1000, 1]] as const) {
        assert.deepEqual(await store.sequences(queue, limit, bytesMax), all);
      }
      assert.equal(await firstOf(0, 1, 1), 2);
      assert.equal(await firstOf(4, 3), 6);
      assert.equal(await firstOf(5, 3), 6);
      assert.equal(await firstOf(1399, 3), 1400);
      assert.equal(await firstOf(1400, 3), undefined);
      await store.reopen();
    }
    // Half on disk, half not.
    fill(store, 1500, 1401);
    assert.deepEqual(await store.sequences(queue, 64), [...all, ...upTo(1500, 1401)]);
  }),

  across('an entry that is dequeued is gone, wherever it stood', ['sequences'], async (store) => {
    withSession(store, 'c');
    let expected = upTo(600);
    const dequeue = (...gone: number[]): void => {
      for (const sequence of gone) store.storage.dequeue(queue, sequence);
      expected = expected.filter((sequence) => !gone.includes(sequence));
    };
    fill(store, 600);
    dequeue(1, 300, 600, 2, 300, 9999);
    assert.deepEqual(await store.sequences(queue), expected);
    await store.reopen();
    dequeue(3, 301, 599, 1); // without having been read
    assert.deepEqual(await store.sequences(queue, 70), expected);
    dequeue(4, 302, 598, 5, 302);
    await store.stir();
    dequeue(6, 303);
    assert.deepEqual(await store.sequences(queue), expected);
    await store.reopen();
    assert.deepEqual(await store.sequences(queue), expected);
    dequeue(...upTo(400)); // whole pages, all of which was read
    assert.deepEqual(await store.sequences(queue), expected);
    await store.reopen();
    assert.deepEqual(await store.sequences(queue), expected);
    dequeue(...upTo(600, 401));
    assert.deepEqual(await store.sequences(queue), []);
    await store.reopen();
    assert.deepEqual(await store.sequences(queue), []);
  }),

  across('how much waits, and the next sequence, are known without reading', ['queueSummaries', 'sequences', 'sentPacketIds'], async (store) => {
    const summary = async (): Promise<readonly number[]> => {
      const { messages, bytes, nextSequence } = (await store.storedSession('c')).queue;
      return [messages, bytes, nextSequence];
    };
    withSession(store, 'c');
    assert.deepEqual(await summary(), [0, 0, 1]);
    for (const sequence of [1, 2, 3, 4, 9]) store.storage.enqueue(queue, entryOf(sequence, messageOf('tt', { payload: 'xxx' })));
    store.storage.markSent(queue, 1, 1);
    store.storage.dequeue(queue, 2);
    for (let opening = 0; opening < 2; opening += 1) {
      assert.deepEqual(await summary(), [3, 15, 10]);
      await store.reopen();
    }
    store.storage.markSent(queue, 3, 2);
    store.storage.dequeue(queue, 1);
    assert.deepEqual(await summary(), [2, 10, 10]);
    await store.reopen();
    for (const sequence of [3, 4, 9]) store.storage.dequeue(queue, sequence);
    assert.deepEqual(await summary(), [0, 0, 10]);
    await store.reopen();
    assert.deepEqual(await summary(), [0, 0, 10]);
    store.storage.enqueue(queue, entryOf(10));
    await store.reopen();
    assert.deepEqual(await summary(), [1, 4, 11]);
  }),

  across('expiry goes on by the wall clock, whatever clock the next process has', ['messageExpiry', 'sentPacketIds', 'wills'], async (store) => {
    const { clock } = store;
    const fading = messageOf('t', { expiresAtMs: clock.now() + 60_000 });
    withSession(store, 'c', 'd');
    store.storage.enqueue(queue, entryOf(1, fading));
    store.storage.enqueue(queue, entryOf(2, fading));
    store.storage.enqueue(queue, entryOf(3, messageOf('for ever')));
    store.storage.enqueue(sessionQueueId('d'), entryOf(1, messageOf('t', { expiresAtMs: clock.now() + 1 })));
    store.storage.markSent(queue, 1, 1);
    store.storage.putRetained(fading);
    const next = new SuiteClock();
    next.nowMs = 5000;
    next.wallMs += 20_000;
    for (let opening = 0; opening < 2; opening += 1) {
      await store.reopen(next);
      const [sent] = await store.inflight('c');
      assert.equal(sent?.entry.message.expiresAtMs, 45_000);
      assert.deepEqual((await store.waiting(queue)).map(({ message }) => message.expiresAtMs), [45_000, Infinity]);
      assert.equal((await store.retained('t'))[0]?.expiresAtMs, 45_000);
      assert.equal((await store.topics()).get('t')?.expiresAtWallMs, next.wall() + 40_000);
      await store.stir();
    }
  }),

  across('a shared group that was drained begins again at sequence 1', ['groups', 'sequences'], async (store) => {
    const group = groupQueueId('$share/g/a');
    for (let opening = 0; opening < 3; opening += 1) {
      // Who is not told of a group counts from 1.
      assert.equal((await store.groups()).size, 0);
      for (let sequence = 1; sequence <= 3; sequence += 1) store.storage.enqueue(group, entryOf(sequence));
      await store.reopen();
      // Handed out unread: from what was in memory when it came.
      for (let sequence = 1; sequence <= 3; sequence += 1) store.storage.dequeue(group, sequence);
      await store.reopen();
    }
    store.storage.enqueue(group, entryOf(1));
    assert.deepEqual(await store.sequences(group), [1]);
    store.storage.dequeue(group, 1);
    await store.reopen();
    assert.deepEqual(await store.sequences(group), []);
  }),

  across('shared groups are listed while they have messages', ['groups', 'queueSummaries', 'sequences'], async (store) => {
    const one = groupQueueId('$share/g/a');
    const other = groupQueueId('$share/g/a/b');
    const listed = async (): Promise<object> => Object.fromEntries(await store.groups());
    for (const sequence of [1, 2]) for (const each of [one, other]) store.storage.enqueue(each, entryOf(sequence));
    store.storage.dequeue(one, 1);
    for (const sequence of [1, 2]) store.storage.dequeue(other, sequence);
    for (let opening = 0; opening < 2; opening += 1) {
      assert.deepEqual(await listed(), { '$share/g/a': { messages: 1, bytes: 3, nextSequence: 3 } });
      assert.deepEqual(await store.sequences(one), [2]);
      await store.reopen();
    }
    store.storage.dequeue(one, 2); // unread
    assert.deepEqual(await listed(), {});
    store.storage.enqueue(one, entryOf(3));
    store.storage.enqueue(other, entryOf(3));
    await store.reopen();
    store.storage.endGroup('$share/g/a');
    assert.deepEqual(await store.sequences(one), []);
    await store.reopen();
    assert.deepEqual([...(await store.groups()).keys()], ['$share/g/a/b']);
    store.storage.enqueue(one, entryOf(1));
    assert.deepEqual(await store.sequences(one), [1]);
  }),

  keeps(
    'queues of groups and sessions whose names look alike are different ones',
    ['groups', 'emptySessions'],
    ({ storage }) => {
      for (const [index, name] of trickyNames.entries()) {
        storage.putSession(sessionOf(name));
        storage.enqueue(groupQueueId(name), entryOf(1, messageOf('t', { payload: `group ${index}` })));
        storage.enqueue(sessionQueueId(name), entryOf(1, messageOf('t', { payload: `session ${index}` })));
      }
      storage.endGroup('a');
      storage.endSession('a:b');
    },
    async (store) => {
      for (const [index, name] of trickyNames.entries()) {
        assert.deepEqual(await payloadsOf(store, groupQueueId(name)), name === 'a' ? [] : [`group ${index}`]);
        assert.deepEqual(await payloadsOf(store, sessionQueueId(name)), name === 'a:b' ? [] : [`session ${index}`]);
      }
      assert.equal((await store.groups()).size, trickyNames.length - 1);
    },
  ),

  within('changes to what is not there change nothing', [], async (store) => {
    const { storage } = store;
    const changeNothing = (): void => {
      storage.endSession('nobody');
      storage.deleteSubscription('nobody', 'a');
      storage.deleteReceived('nobody', 1);
      storage.deleteWill('nobody');
      storage.deleteWill('c');
      for (const id of [queue, sessionQueueId('nobody'), groupQueueId('nothing')]) storage.dequeue(id, 77);
      for (const id of [queue, sessionQueueId('nobody')]) {
        storage.markSent(id, 77, 1);
        storage.markReleased(id, 77);
        storage.markReleased(id, 1);
      }
      storage.endGroup('nothing');
      storage.deleteRetained('nothing');
    };
    changeNothing();
    assert.equal((await store.sessions()).size, 0);
    withSession(store, 'c');
    fill(store, 1);
    changeNothing();
    assert.deepEqual(await store.inflight('c'), []);
    assert.equal((await store.sequences(queue)).length, 1);
    assert.deepEqual([...(await store.sessions()).keys()], ['c']);
    assert.equal((await store.groups()).size, 0);
  }),
];

const publishers = [undefined, '', 'p', '\u{1f409}'];
