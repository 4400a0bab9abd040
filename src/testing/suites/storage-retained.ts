/** Retained messages: one a topic, set, replaced, cleared, listed. */
import assert from 'node:assert/strict';
import { sessionQueueId } from '../../storage/storage.js';
import { entryOf, messageOf, messageWithProperties, plainMessage, sessionOf, subscriptionOf, trickyTopics } from './samples.js';
import { across, keeps, type StorageCase } from './storage-case.js';
import type { StoreUnderTest } from './store-under-test.js';

const payloadsOf = async (store: StoreUnderTest, ...topics: string[]): Promise<(string | undefined)[]> =>
  (await store.retained(...topics)).map((message) => message && Buffer.from(message.buffer).toString());

const retain = ({ storage }: StoreUnderTest, topic: string, payload: string): number =>
  storage.putRetained(messageOf(topic, { payload, retain: true }));

export const retainedCases: readonly StorageCase[] = [
  across('retained messages are set, replaced and cleared, and answered in the order asked', [], async (store) => {
    for (const topic of ['a', 'b', 'c', 'd']) retain(store, topic, '1');
    retain(store, 'a', '2');
    store.storage.deleteRetained('b');
    assert.deepEqual(await payloadsOf(store, 'd', 'b', 'a', 'c', 'e'), ['1', undefined, '2', '1', undefined]);
    await store.reopen();
    assert.deepEqual(await payloadsOf(store, 'd', 'b', 'a', 'c', 'e'), ['1', undefined, '2', '1', undefined]);
    retain(store, 'c', '3');
    retain(store, 'b', '3');
    store.storage.deleteRetained('a');
    store.storage.deleteRetained('d');
    retain(store, 'd', '3');
    for (let opening = 0; opening < 2; opening += 1) {
      assert.deepEqual(await payloadsOf(store, 'a', 'b', 'c', 'd'), [undefined, '3', '3', '3']);
      assert.deepEqual([...(await store.topics()).keys()].toSorted(), ['b', 'c', 'd']);
      await store.reopen();
    }
    assert.deepEqual(await payloadsOf(store), []);
  }),

  keeps(
    'retained messages come back as they were',
    ['properties', 'publishers'],
    ({ storage }) => {
      for (const message of messages) storage.putRetained(message);
    },
    async (store) => {
      const found = await store.retained(...messages.map(({ topic }) => topic));
      assert.deepEqual(found.map((message) => message && plainMessage(message)), messages.map(plainMessage));
    },
  ),

  keeps(
    'a retained message without a payload is one',
    ['emptyRetained'],
    ({ storage }) => void storage.putRetained(messageOf('empty', { payload: '', qos: 0, retain: true })),
    async (store) => assert.deepEqual((await store.retained('empty')).map((message) => message?.bytes), [5]),
  ),

  keeps(
    'topics are listed with their sizes and expiry',
    ['retainedSizes', 'messageExpiry'],
    ({ storage, clock }) => {
      storage.putRetained(messageOf('for ever', { payload: 'x' }));
      storage.putRetained(messageOf('a minute', { payload: 'xx', expiresAtMs: clock.now() + 60_000 }));
      storage.putRetained(messageOf('no more', { expiresAtMs: clock.now() + 60_000 }));
      storage.putRetained(messageOf('no more', { payload: 'x' }));
    },
    async (store) => {
      assert.deepEqual(Object.fromEntries(await store.topics()), {
        'for ever': { bytes: 9, expiresAtWallMs: Infinity },
        'a minute': { bytes: 10, expiresAtWallMs: store.clock.wall() + 60_000 },
        'no more': { bytes: 8, expiresAtWallMs: Infinity },
      });
    },
  ),

  across('topics that look alike are different ones', [], async (store) => {
    for (const [index, topic] of trickyTopics.entries()) retain(store, topic, `${index}`);
    await store.reopen();
    store.storage.deleteRetained('a');
    store.storage.deleteRetained('a/b');
    retain(store, 'ab', 'new');
    const expected = trickyTopics.map((topic, index) => (topic === 'ab' ? 'new' : ['a', 'a/b'].includes(topic) ? undefined : `${index}`));
    for (let opening = 0; opening < 2; opening += 1) {
      assert.deepEqual(await payloadsOf(store, ...trickyTopics), expected);
      assert.equal((await store.topics(3)).size, trickyTopics.length - 2);
      await store.reopen();
    }
  }),

  across('pages list every topic once, whatever is set and cleared meanwhile', [], async (store) => {
    const topics = Array.from({ length: 40 }, (_, index) => `t/${index}`);
    for (const topic of topics) retain(store, topic, 'x');
    for (const limit of [1, 8, 39, 40, 41]) assert.equal((await store.topics(limit)).size, 40);
    await store.reopen();
    for (const limit of [1, 8, 39, 40, 41]) assert.equal((await store.topics(limit)).size, 40);
    const listed: string[] = [];
    let after: string | undefined;
    for (let pages = 0; pages < 100; pages += 1) {
      const page = await store.load({ type: 'retainedTopics', after, limit: 7 });
      listed.push(...page.topics.map(({ topic }) => topic));
      if (page.next === undefined) break;
      after = page.next;
      if (pages === 0) {
        for (const topic of topics.filter((each) => listed.includes(each))) retain(store, topic, 'again');
        store.storage.deleteRetained(listed[0] as string);
        store.storage.deleteRetained(topics.findLast((each) => !listed.includes(each)) as string);
      }
      retain(store, `new/${pages}`, 'x');
    }
    assert.equal(new Set(listed).size, listed.length);
    assert.ok(topics.filter((topic) => listed.includes(topic)).length >= 39);
  }),

  across('a message that is retained and waits in queues is held by each of them', [], async (store) => {
    const message = messageOf('both', { payload: 'x'.repeat(3000) });
    for (const clientId of ['c', 'd']) {
      store.storage.putSession(sessionOf(clientId));
      store.storage.putSubscription(clientId, subscriptionOf('both'));
      store.storage.enqueue(sessionQueueId(clientId), entryOf(1, message));
    }
    store.storage.putRetained(message);
    await store.reopen();
    store.storage.endSession('d');
    store.storage.dequeue(sessionQueueId('c'), 1);
    await store.reopen();
    assert.deepEqual((await payloadsOf(store, 'both')).map((payload) => payload?.length), [3000]);
    const next = (await store.retained('both'))[0];
    assert.ok(next !== undefined);
    store.storage.enqueue(sessionQueueId('c'), entryOf(2, next));
    store.storage.deleteRetained('both');
    await store.reopen();
    assert.deepEqual(await payloadsOf(store, 'both'), [undefined]);
    assert.deepEqual((await store.waiting(sessionQueueId('c'))).map(({ message: { bytes } }) => bytes), [3004]);
  }),
];

const messages = [
  messageOf('one byte', { payload: 'x', qos: 0, retain: true }),
  messageOf('bytes', { payload: Uint8Array.of(0, 255, 128), qos: 2, retain: true, publisherId: '' }),
  messageOf('large', { payload: new Uint8Array(700_000).fill(9), retain: true }),
  messageWithProperties('properties', 'somebody'),
  messageWithProperties('properties/nobody', undefined),
];
