/** Entries on their way to a client: sent, released, acknowledged; in this process or across several. */
import assert from 'node:assert/strict';
import { sessionQueueId } from '../../storage/storage.js';
import { entryOf, messageOf, plainEntry, sessionOf, subscriptionOf } from './samples.js';
import { across, type StorageCase, type StorageFeature } from './storage-case.js';
import type { StoreUnderTest } from './store-under-test.js';

const queue = sessionQueueId('c');
const needs: readonly StorageFeature[] = ['sentPacketIds', 'released', 'sequences'];

function begin({ storage }: StoreUnderTest, last: number): void {
  storage.putSession(sessionOf('c'));
  storage.putSubscription('c', subscriptionOf('#'));
  for (let sequence = 1; sequence <= last; sequence += 1) storage.enqueue(queue, entryOf(sequence, undefined, { qos: 2 }));
}

/** `sequence:packetId`, with a `!` where only PUBREL is due. */
const inflightOf = async (store: StoreUnderTest): Promise<string[]> =>
  (await store.inflight('c')).map(({ packetId, released, entry }) => `${entry.sequence}:${packetId}${released ? '!' : ''}`);

/** What lies between the changes of a test: nothing, another process, one that reads first, or only time. */
const between: Readonly<Record<string, (store: StoreUnderTest) => Promise<void>>> = {
  'in one process': async () => undefined,
  'and the store tidies up in between': (store) => store.stir(),
  'and the process is another each time': (store) => store.reopen(),
  'and the process is another each time, and reads the queue first': async (store) => {
    await store.reopen();
    await store.sequences(queue);
    await store.inflight('c');
  },
};

const lives = Object.entries(between).map(([title, pass]) =>
  across(`an entry is sent, released and acknowledged, ${title}`, needs, async (store) => {
    begin(store, 5);
    await pass(store);
    for (const sequence of [4, 2]) store.storage.markSent(queue, sequence, sequence + 10);
    assert.deepEqual(await inflightOf(store), ['2:12', '4:14']);
    assert.deepEqual(await store.sequences(queue), [1, 3, 5]);
    await pass(store);
    assert.deepEqual((await store.inflight('c')).map(({ entry }) => plainEntry(entry)), [2, 4].map((sequence) => plainEntry(entryOf(sequence, undefined, { qos: 2 }))));
    store.storage.markSent(queue, 1, 65_535);
    store.storage.markReleased(queue, 4);
    await pass(store);
    assert.deepEqual(await inflightOf(store), ['1:65535', '2:12', '4:14!']);
    assert.deepEqual(await store.sequences(queue), [3, 5]);
    store.storage.markReleased(queue, 4);
    store.storage.markReleased(queue, 1);
    store.storage.dequeue(queue, 2);
    await pass(store);
    assert.deepEqual(await inflightOf(store), ['1:65535!', '4:14!']);
    store.storage.dequeue(queue, 4);
    store.storage.dequeue(queue, 4);
    store.storage.markSent(queue, 3, 14);
    store.storage.enqueue(queue, entryOf(6));
    await pass(store);
    assert.deepEqual(await inflightOf(store), ['1:65535!', '3:14']);
    for (const sequence of [1, 3, 5]) store.storage.dequeue(queue, sequence);
    await pass(store);
    assert.deepEqual(await inflightOf(store), []);
    assert.deepEqual(await store.sequences(queue), [6]);
    store.storage.dequeue(queue, 6);
    await pass(store);
    assert.deepEqual(await store.sequences(queue), []);
    await store.reopen();
    assert.deepEqual(await inflightOf(store), []);
    assert.deepEqual(await store.sequences(queue), []);
  }),
);

export const inflightCases: readonly StorageCase[] = [
  ...lives,

  across('a whole window in flight comes back in order', needs, async (store) => {
    const shared = messageOf('shared');
    store.storage.putSession(sessionOf('c'));
    store.storage.putSubscription('c', subscriptionOf('#'));
    for (let sequence = 1; sequence <= 900; sequence += 1) store.storage.enqueue(queue, entryOf(sequence, sequence % 3 === 0 ? shared : undefined, { qos: 2 }));
    for (let sequence = 800; sequence > 0; sequence -= 1) store.storage.markSent(queue, sequence, sequence);
    for (let sequence = 5; sequence <= 800; sequence += 5) store.storage.markReleased(queue, sequence);
    const expected = Array.from({ length: 800 }, (_, index) => `${index + 1}:${index + 1}${(index + 1) % 5 === 0 ? '!' : ''}`);
    for (let opening = 0; opening < 3; opening += 1) {
      assert.deepEqual(await inflightOf(store), expected);
      assert.equal((await store.sequences(queue)).length, 100);
      await store.reopen();
    }
    for (let sequence = 1; sequence <= 900; sequence += 1) store.storage.dequeue(queue, sequence);
    assert.deepEqual(await inflightOf(store), []);
    await store.reopen();
    assert.deepEqual([await inflightOf(store), await store.sequences(queue)], [[], []]);
  }),

  across('a packet identifier that is free again serves another entry', needs, async (store) => {
    begin(store, 3);
    for (const sequence of [1, 2, 3]) {
      store.storage.markSent(queue, sequence, 5);
      assert.deepEqual(await inflightOf(store), [`${sequence}:5`]);
      await store.reopen();
      assert.deepEqual(await inflightOf(store), [`${sequence}:5`]);
      store.storage.dequeue(queue, sequence);
    }
    await store.reopen();
    assert.deepEqual(await inflightOf(store), []);
  }),
];
