/** Sessions and all that is their own but messages: records, subscriptions, wills, received identifiers. */
import assert from 'node:assert/strict';
import { sessionQueueId, type SessionRecord, type SubscriptionRecord } from '../../storage/storage.js';
import { entryOf, messageWithProperties, plainWill, sessionOf, subscriptionOf, trickyNames, willOf } from './samples.js';
import { across, keeps, within, type StorageCase } from './storage-case.js';
import type { StoreUnderTest } from './store-under-test.js';

const records: readonly SessionRecord[] = [
  sessionOf('plain'),
  sessionOf('3.1', { protocolVersion: 3 }),
  sessionOf('3.1.1', { protocolVersion: 4, sessionExpirySeconds: 0xffff_ffff }),
  sessionOf('empty principal', { principal: '', sessionExpirySeconds: 0 }),
  sessionOf('principal', { principal: 'somebody \u{1f409}', closedAtWallMs: 0 }),
  sessionOf('closed', { closedAtWallMs: 1_767_225_612_345 }),
];

const byFilter = (subscriptions: readonly SubscriptionRecord[]): SubscriptionRecord[] =>
  subscriptions.toSorted((a, b) => (a.topicFilter < b.topicFilter ? -1 : 1));

async function subscriptionsOf(store: StoreUnderTest, clientId: string): Promise<SubscriptionRecord[]> {
  const { subscriptions } = await store.storedSession(clientId);
  return byFilter(subscriptions);
}

/** Every combination of the options of a subscription, shared and not. */
function allSubscriptions(): SubscriptionRecord[] {
  const all: SubscriptionRecord[] = [];
  for (const qos of [0, 1, 2] as const) {
    for (const retainHandling of [0, 1, 2] as const) {
      for (const [noLocal, retainAsPublished] of [[false, false], [false, true], [true, false], [true, true]] as const) {
        const prefix = noLocal ? '' : '$share/group/';
        all.push(subscriptionOf(`${prefix}f/${all.length}/#`, { qos, noLocal, retainAsPublished, retainHandling }));
      }
    }
  }
  return all;
}

const everything = (store: StoreUnderTest, clientId: string): void => {
  const { storage } = store;
  const queue = sessionQueueId(clientId);
  storage.putSession(sessionOf(clientId, { principal: clientId }));
  storage.putSubscription(clientId, subscriptionOf(`of ${clientId}`));
  storage.putReceived(clientId, 1);
  storage.putWill(clientId, willOf('w', { message: messageWithProperties('w', clientId) }));
  for (const sequence of [1, 2, 3]) storage.enqueue(queue, entryOf(sequence));
  storage.markSent(queue, 1, 7);
  storage.markSent(queue, 2, 8);
  storage.markReleased(queue, 2);
};

async function assertNothing(store: StoreUnderTest, clientId: string): Promise<void> {
  assert.deepEqual(await store.load({ type: 'session', clientId }), { inflight: [], receivedPacketIds: [] });
  assert.deepEqual(await store.sequences(sessionQueueId(clientId)), []);
}

export const sessionCases: readonly StorageCase[] = [
  within('an empty store answers every question', [], async (store) => {
    assert.deepEqual(await store.load({ type: 'sessions', after: undefined, limit: 5 }), { sessions: [], next: undefined });
    assert.deepEqual(await store.load({ type: 'groups' }), { groups: [] });
    assert.deepEqual(await store.load({ type: 'retainedTopics', after: undefined, limit: 5 }), { topics: [], next: undefined });
    assert.deepEqual(await store.retained('a', 'b'), [undefined, undefined]);
    await assertNothing(store, 'nobody');
    assert.equal(store.storage.memoryBytes, 0);
  }),

  keeps(
    'session records are kept as they were put last',
    ['sessionRecords', 'emptySessions'],
    ({ storage }) => {
      for (const { clientId } of records) storage.putSession(sessionOf(clientId, { principal: 'before', closedAtWallMs: 5 }));
      for (const record of records) storage.putSession(record);
    },
    async (store) => {
      const found = await store.sessions();
      assert.deepEqual(records.map(({ clientId }) => found.get(clientId)?.session), records);
      assert.equal(found.size, records.length);
    },
  ),

  across('a session record that is replaced leaves all else of the session as it was', ['sentPacketIds', 'released', 'wills'], async (store) => {
    everything(store, 'c');
    await store.reopen();
    for (const closedAtWallMs of [1, undefined, 2]) store.storage.putSession(sessionOf('c', { closedAtWallMs }));
    const { subscriptions, will } = await store.storedSession('c');
    assert.equal(subscriptions.length, 1);
    assert.ok(will !== undefined);
    assert.deepEqual((await store.inflight('c')).map(({ packetId }) => packetId), [7, 8]);
    assert.deepEqual(await store.sequences(sessionQueueId('c')), [3]);
  }),

  keeps(
    'subscriptions are kept with every option',
    ['subscriptionOptions'],
    ({ storage }) => {
      storage.putSession(sessionOf('c'));
      for (const each of allSubscriptions()) storage.putSubscription('c', each);
    },
    async (store) => assert.deepEqual(await subscriptionsOf(store, 'c'), byFilter(allSubscriptions())),
  ),

  keeps(
    'subscriptions are kept with their identifiers',
    ['subscriptionIdentifiers'],
    ({ storage }) => {
      storage.putSession(sessionOf('c'));
      for (const id of [1, 127, 128, 268_435_455]) storage.putSubscription('c', subscriptionOf(`f${id}`, { subscriptionIdentifier: id }));
    },
    async (store) => {
      const found = (await subscriptionsOf(store, 'c')).map(({ topicFilter, subscriptionIdentifier: id }) => [topicFilter, id]);
      assert.deepEqual(found, [['f1', 1], ['f127', 127], ['f128', 128], ['f268435455', 268_435_455]]);
    },
  ),

  across('a subscription replaces the one with the same filter, and is deleted by it', [], async (store) => {
    const filters = async (): Promise<string[]> => (await subscriptionsOf(store, 'c')).map(({ topicFilter, qos }) => `${topicFilter} ${qos}`);
    store.storage.putSession(sessionOf('c'));
    for (const filter of ['a', 'b', 'c']) store.storage.putSubscription('c', subscriptionOf(filter, { qos: 0 }));
    store.storage.putSubscription('c', subscriptionOf('a', { qos: 2 }));
    store.storage.deleteSubscription('c', 'b');
    assert.deepEqual(await filters(), ['a 2', 'c 0']);
    await store.reopen();
    store.storage.putSubscription('c', subscriptionOf('c', { qos: 1 }));
    store.storage.putSubscription('c', subscriptionOf('d'));
    store.storage.deleteSubscription('c', 'a');
    store.storage.deleteSubscription('c', 'never there');
    assert.deepEqual(await filters(), ['c 1', 'd 1']);
    await store.reopen();
    assert.deepEqual(await filters(), ['c 1', 'd 1']);
  }),

  keeps(
    'filters that look alike are different ones',
    [],
    ({ storage }) => {
      for (const clientId of ['c', 'd']) storage.putSession(sessionOf(clientId));
      for (const name of trickyNames) storage.putSubscription('c', subscriptionOf(name));
      storage.putSubscription('d', subscriptionOf('a'));
      storage.deleteSubscription('c', 'a');
    },
    async (store) => {
      const found = (await subscriptionsOf(store, 'c')).map(({ topicFilter }) => topicFilter);
      assert.deepEqual(found.toSorted(), trickyNames.filter((name) => name !== 'a').toSorted());
      assert.equal((await subscriptionsOf(store, 'd')).length, 1);
    },
  ),

  keeps(
    'a will is kept as it was put last, until it is deleted',
    ['wills'],
    ({ storage }) => {
      for (const clientId of ['kept', 'replaced', 'deleted', 'again']) {
        storage.putSession(sessionOf(clientId));
        storage.putSubscription(clientId, subscriptionOf('a'));
        storage.putWill(clientId, willOf(clientId));
      }
      storage.putWill('replaced', willOf('other'));
      storage.deleteWill('deleted');
      storage.deleteWill('again');
      storage.putWill('again', willOf('again'));
    },
    async (store) => {
      const topicOf = async (clientId: string): Promise<string | undefined> => (await store.storedSession(clientId)).will?.message.topic;
      assert.deepEqual(await Promise.all(['kept', 'replaced', 'deleted', 'again'].map(topicOf)), ['kept', 'other', undefined, 'again']);
    },
  ),

  keeps(
    'a will is kept with its delay, its expiry and its properties',
    ['wills', 'willOptions', 'properties', 'publishers', 'emptySessions'],
    ({ storage }) => {
      storage.putSession(sessionOf('now'));
      storage.putWill('now', willOf('w', { messageExpirySeconds: 0 }));
      storage.putSession(sessionOf('later'));
      storage.putWill('later', laterWill);
    },
    async (store) => {
      assert.deepEqual(plainWill((await store.storedSession('later')).will), plainWill(laterWill));
      assert.deepEqual(plainWill((await store.storedSession('now')).will), plainWill(willOf('w', { messageExpirySeconds: 0 })));
    },
  ),

  across('received packet identifiers are kept until they are released', ['receivedPacketIds'], async (store) => {
    store.storage.putSession(sessionOf('c'));
    store.storage.putSession(sessionOf('d'));
    for (const packetId of [65_535, 1, 256, 255, 1]) store.storage.putReceived('c', packetId);
    store.storage.putReceived('d', 9);
    store.storage.deleteReceived('c', 255);
    assert.deepEqual(await store.received('c'), [1, 256, 65_535]);
    await store.reopen();
    assert.deepEqual(await store.received('c'), [1, 256, 65_535]);
    store.storage.putReceived('c', 2);
    store.storage.deleteReceived('c', 65_535);
    store.storage.deleteReceived('c', 4);
    store.storage.deleteReceived('c', 1);
    store.storage.putReceived('c', 1);
    await store.reopen();
    assert.deepEqual(await store.received('c'), [1, 2, 256]);
    assert.deepEqual(await store.received('d'), [9]);
  }),

  across('a session that ends leaves nothing, and the next of its name is new', ['sentPacketIds', 'released', 'wills'], async (store) => {
    const endsAndReturns = async (): Promise<void> => {
      store.storage.endSession('c');
      assert.deepEqual([...(await store.sessions()).keys()], ['other']);
      await assertNothing(store, 'c');
      store.storage.putSession(sessionOf('c'));
      store.storage.putSubscription('c', subscriptionOf('new'));
      const { subscriptions, will } = await store.storedSession('c');
      assert.deepEqual([subscriptions.length, will], [1, undefined]);
      await assertNothing(store, 'c');
    };
    everything(store, 'other');
    everything(store, 'c');
    await endsAndReturns(); // as it was put
    everything(store, 'c');
    await store.reopen();
    await endsAndReturns(); // as it is on disk
    await store.reopen();
    await assertNothing(store, 'c');
    everything(store, 'c');
    store.storage.endSession('c');
    await store.reopen();
    await assertNothing(store, 'c');
    assert.deepEqual([...(await store.sessions()).keys()], ['other']);
    assert.deepEqual(await store.sequences(sessionQueueId('other')), [3]);
  }),

  across('client identifiers that look alike are different clients', ['sentPacketIds', 'released', 'wills', 'receivedPacketIds'], async (store) => {
    for (const name of trickyNames) everything(store, name);
    await store.reopen();
    for (const ended of ['', 'a', '__proto__', 'x'.repeat(65_535)]) store.storage.endSession(ended);
    const left = trickyNames.filter((name) => !['', 'a', '__proto__', 'x'.repeat(65_535)].includes(name));
    for (let opening = 0; opening < 2; opening += 1) {
      const found = await store.sessions(4);
      assert.deepEqual([...found.keys()].toSorted(), [...left].toSorted());
      for (const name of left) {
        assert.deepEqual(found.get(name)?.subscriptions.map(({ topicFilter }) => topicFilter), [`of ${name}`]);
        assert.deepEqual((await store.inflight(name)).map(({ packetId }) => packetId), [7, 8]);
        assert.deepEqual(await store.received(name), [1]);
        assert.deepEqual(await store.sequences(sessionQueueId(name)), [3]);
      }
      for (const ended of ['', 'a', '__proto__']) await assertNothing(store, ended);
      await store.reopen();
    }
  }),

  across('pages list every session once, whatever ends and comes meanwhile', [], async (store) => {
    const ids = Array.from({ length: 40 }, (_, index) => `c${index}`);
    for (const id of ids) {
      store.storage.putSession(sessionOf(id));
      store.storage.putSubscription(id, subscriptionOf('a'));
    }
    for (const limit of [1, 8, 39, 40, 41]) assert.equal((await store.sessions(limit)).size, 40);
    await store.reopen();
    for (const limit of [1, 8, 39, 40, 41]) assert.equal((await store.sessions(limit)).size, 40);
    const listed: string[] = [];
    let after: string | undefined;
    for (let pages = 0; pages < 100; pages += 1) {
      const page = await store.load({ type: 'sessions', after, limit: 7 });
      listed.push(...page.sessions.map(({ session: { clientId } }) => clientId));
      if (page.next === undefined) break;
      after = page.next;
      const ended = ids.find((id) => !listed.includes(id) && id !== 'c0');
      if (pages < 2 && ended !== undefined) store.storage.endSession(ids.splice(ids.indexOf(ended), 1)[0] as string);
      store.storage.putSession(sessionOf(`new${pages}`));
      store.storage.putSubscription(`new${pages}`, subscriptionOf('a'));
    }
    assert.deepEqual(listed.filter((id) => ids.includes(id)).toSorted(), [...ids].toSorted());
    assert.equal(new Set(listed).size, listed.length);
  }),
];

const laterWill = willOf('w', { message: messageWithProperties('will/topic', 'later'), messageExpirySeconds: 7, willDelaySeconds: 4_294_967_295 });
