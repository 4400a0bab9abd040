/**
 * What every store must do, whatever it keeps its data in and however late it answers: read back what was written,
 * also by the next broker, and forget what was ended.
 */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { BrokerError } from '../../../src/errors/errors.js';
import { Message } from '../../../src/packet/publication.js';
import { groupQueueId, sessionQueueId } from '../../../src/storage/storage.js';
import type {
  LoadAnswers,
  LoadKind,
  LoadQueries,
  QueueEntry,
  QueueId,
  SessionRecord,
  Storage,
  StorageListener,
  SubscriptionRecord,
} from '../../../src/storage/storage.js';
import type { VirtualClock } from '../../../src/testing/virtual-clock.js';

export interface SuiteStore {
  readonly storage: Storage;
  readonly clock: VirtualClock;
}

export const silentListener: StorageListener = { onDurable() {}, onFailed() {}, onState() {} };

export function message(topic: string, payload = topic, expiresAtMs = Infinity): Message {
  return new Message(topic, Buffer.from(topic), 1, false, 'publisher', expiresAtMs, Buffer.from(payload), 0, -1);
}

export const entry = (sequence: number, of: Message = message('t', 'x')): QueueEntry => ({
  sequence,
  qos: 1,
  retain: false,
  subscriptionIdentifiers: undefined,
  message: of,
});

export const session = (clientId: string, fields: Partial<SessionRecord> = {}): SessionRecord => ({
  clientId,
  principal: undefined,
  protocolVersion: 5,
  sessionExpirySeconds: 60,
  closedAtWallMs: undefined,
  ...fields,
});

const subscription = (topicFilter: string): SubscriptionRecord => ({
  topicFilter,
  qos: 1,
  noLocal: false,
  retainAsPublished: true,
  retainHandling: 2,
  subscriptionIdentifier: 7,
});

/** Asks, lets time pass until the answer is there, and returns it. */
export function load<K extends LoadKind>(
  { storage, clock }: SuiteStore,
  query: LoadQueries[K] & { readonly type: K },
): LoadAnswers[K] {
  const answers: (LoadAnswers[K] | BrokerError)[] = [];
  storage.load<K>(query, (answer) => answers.push(answer));
  if (answers.length === 0) clock.advance(1000);
  const [answer] = answers;
  if (answer === undefined || answers.length > 1) throw new Error(`${answers.length} answers`);
  if (answer instanceof BrokerError) throw answer;
  return answer;
}

export const sequences = (store: SuiteStore, queue: QueueId, after = 0, limit = 100, bytesMax = Infinity): number[] =>
  load(store, { type: 'queue', queue, after, limit, bytesMax }).entries.map(({ sequence }) => sequence);

const queue = sessionQueueId('c');

export function storageSuite(name: string, make: () => SuiteStore): void {
  describe(`storage suite: ${name}`, () => {
    let store: SuiteStore;
    let storage: Storage;

    beforeEach(async () => {
      store = make();
      ({ storage } = store);
      await storage.open(silentListener, store.clock);
    });

    const reopen = async (): Promise<void> => {
      await storage.close();
      await storage.open(silentListener, store.clock);
    };
    const storedSessions = () => load(store, { type: 'sessions', after: undefined, limit: 100 }).sessions;

    test('an empty store answers every question', () => {
      expect(load(store, { type: 'sessions', after: undefined, limit: 5 })).toEqual({ sessions: [], next: undefined });
      expect(load(store, { type: 'groups' })).toEqual({ groups: [] });
      expect(load(store, { type: 'retainedTopics', after: undefined, limit: 5 })).toEqual({ topics: [], next: undefined });
      expect(load(store, { type: 'session', clientId: 'c' })).toEqual({ inflight: [], receivedPacketIds: [] });
      expect(load(store, { type: 'queue', queue, after: 0, limit: 5, bytesMax: 100 })).toEqual({ entries: [] });
      expect(load(store, { type: 'retained', topics: ['a'] })).toEqual({ messages: [undefined] });
      expect(storage.memoryBytes).toBe(0);
    });

    test('log sequence numbers grow with every change', () => {
      const lsns = [
        storage.putSession(session('c')),
        storage.putSubscription('c', subscription('a')),
        storage.deleteSubscription('c', 'a'),
        storage.enqueue(queue, entry(1)),
        storage.markSent(queue, 1, 5),
        storage.markReleased(queue, 1),
        storage.dequeue(queue, 1),
        storage.putReceived('c', 1),
        storage.deleteReceived('c', 1),
        storage.putRetained(message('a')),
        storage.deleteRetained('a'),
        storage.putWill('c', { message: message('w'), messageExpirySeconds: undefined, willDelaySeconds: 0 }),
        storage.deleteWill('c'),
        storage.endGroup('$share/g/a'),
        storage.endSession('c'),
      ];
      for (const [index, lsn] of lsns.entries()) expect(lsn).toBeGreaterThan(lsns[index - 1] ?? 0);
    });

    test('a session comes back with its subscriptions, will and queue, to the next broker too', async () => {
      const record = session('c', { principal: 'p', protocolVersion: 4, sessionExpirySeconds: 5, closedAtWallMs: 9 });
      const will = { message: message('w'), messageExpirySeconds: 3, willDelaySeconds: 4 };
      const subscriptions = ['a/#', '$share/g/b'].map(subscription);
      storage.putSession(session('c'));
      for (const each of subscriptions) storage.putSubscription('c', { ...each, qos: 0 });
      for (const each of subscriptions) storage.putSubscription('c', each);
      storage.putSubscription('c', subscription('gone'));
      storage.deleteSubscription('c', 'gone');
      storage.putWill('c', will);
      for (const sequence of [3, 4, 5]) storage.enqueue(queue, entry(sequence));
      storage.dequeue(queue, 5);
      storage.putSession(record);
      await reopen();
      expect(storedSessions()).toEqual([
        { session: record, subscriptions, will, queue: { messages: 2, bytes: 4, nextSequence: 6 } },
      ]);
      storage.deleteWill('c');
      expect(storedSessions()[0]?.will).toBeUndefined();
    });

    test('pages list every session and every retained topic once', () => {
      const ids = Array.from({ length: 23 }, (_, index) => `c${index}`);
      for (const id of ids) {
        storage.putSession(session(id));
        storage.putRetained(message(id));
      }
      const listed: string[] = [];
      let pages = 0;
      for (let after: string | undefined, more = true; more; pages += 1) {
        const page = load(store, { type: 'sessions', after, limit: 5 });
        listed.push(...page.sessions.map(({ session: { clientId } }) => clientId));
        // What ends or comes between two pages disturbs none of the others.
        if (pages === 1) storage.endSession('c22');
        after = page.next;
        more = after !== undefined;
      }
      expect(listed.toSorted()).toEqual(ids.filter((id) => id !== 'c22').toSorted());
      const topics: string[] = [];
      for (let after: string | undefined, more = true; more; pages += 1) {
        const page = load(store, { type: 'retainedTopics', after, limit: 23 });
        topics.push(...page.topics.map(({ topic }) => topic));
        after = page.next;
        more = after !== undefined;
      }
      expect(topics.toSorted()).toEqual(ids.toSorted());
    });

    test('a queue is read in order, page by page, within its limits', () => {
      for (let sequence = 1; sequence <= 10; sequence += 1) storage.enqueue(queue, entry(sequence * 2, message('t', 'xxx')));
      expect(sequences(store, queue)).toEqual([2, 4, 6, 8, 10, 12, 14, 16, 18, 20]);
      expect(sequences(store, queue, 4, 3)).toEqual([6, 8, 10]);
      expect(sequences(store, queue, 5, 3)).toEqual([6, 8, 10]);
      expect(sequences(store, queue, 20)).toEqual([]);
      expect(sequences(store, queue, 0, 100, 8)).toEqual([2, 4]);
      expect(sequences(store, queue, 0, 100, 1)).toEqual([2]); // one at least
      const [first] = load(store, { type: 'queue', queue, after: 0, limit: 1, bytesMax: 1 }).entries;
      expect(first).toEqual(entry(2, message('t', 'xxx')));
    });

    test('what is sent waits no more, and comes back with its packet id in order of sequence', async () => {
      storage.putSession(session('c'));
      for (const sequence of [1, 2, 3, 4, 5]) storage.enqueue(queue, { ...entry(sequence), qos: 2 });
      storage.markSent(queue, 3, 11);
      storage.markSent(queue, 1, 10);
      storage.markSent(queue, 4, 12);
      storage.markReleased(queue, 3);
      storage.dequeue(queue, 4);
      storage.dequeue(queue, 5);
      storage.putReceived('c', 40);
      storage.putReceived('c', 41);
      storage.putReceived('c', 40);
      storage.deleteReceived('c', 41);
      await reopen();
      expect(sequences(store, queue)).toEqual([2]);
      expect(storedSessions()[0]?.queue).toMatchObject({ messages: 1, nextSequence: 6 });
      const { inflight, receivedPacketIds } = load(store, { type: 'session', clientId: 'c' });
      expect(receivedPacketIds).toEqual([40]);
      expect(inflight).toMatchObject([
        { packetId: 10, released: false, entry: { sequence: 1, qos: 2 } },
        { packetId: 11, released: true, entry: { sequence: 3, qos: 2 } },
      ]);
      expect(inflight[0]?.entry.message).toEqual(message('t', 'x'));
    });

    test('retained messages are replaced, deleted and answered in the order asked', async () => {
      storage.putRetained(message('a', '1'));
      storage.putRetained(message('b', '1'));
      storage.putRetained(message('c', '1', store.clock.now() + 5000));
      storage.putRetained(message('a', '22'));
      storage.deleteRetained('b');
      await reopen();
      const { messages } = load(store, { type: 'retained', topics: ['c', 'b', 'a'] });
      expect(messages.map((each) => each?.buffer.toString())).toEqual(['1', undefined, '22']);
      const { topics } = load(store, { type: 'retainedTopics', after: undefined, limit: 10 });
      expect(topics.toSorted((one, other) => (one.topic < other.topic ? -1 : 1))).toEqual([
        { topic: 'a', bytes: 3, expiresAtWallMs: Infinity },
        { topic: 'c', bytes: 2, expiresAtWallMs: 1_767_225_605_000 },
      ]);
    });

    test('shared groups are listed while they have messages', async () => {
      const one = groupQueueId('$share/g/a');
      const other = groupQueueId('$share/g/b');
      storage.enqueue(one, entry(1));
      storage.enqueue(one, entry(2));
      storage.enqueue(other, entry(1));
      storage.dequeue(other, 1);
      await reopen();
      const queueOfOne = { messages: 2, bytes: 4, nextSequence: 3 };
      expect(load(store, { type: 'groups' })).toEqual({ groups: [{ sharedFilter: '$share/g/a', queue: queueOfOne }] });
      storage.endGroup('$share/g/a');
      expect(load(store, { type: 'groups' })).toEqual({ groups: [] });
      expect(sequences(store, one)).toEqual([]);
    });

    test('a session ends with all that is its own, and nothing of any other', async () => {
      for (const clientId of ['c', 'cc', '', 'g:c', 's:c']) {
        storage.putSession(session(clientId));
        storage.putSubscription(clientId, subscription('a'));
        storage.putReceived(clientId, 1);
        storage.putWill(clientId, { message: message('w'), messageExpirySeconds: undefined, willDelaySeconds: 0 });
        storage.enqueue(sessionQueueId(clientId), entry(1));
        storage.enqueue(sessionQueueId(clientId), entry(2));
        storage.markSent(sessionQueueId(clientId), 1, 1);
      }
      storage.enqueue(groupQueueId('c'), entry(1));
      storage.endSession('c');
      await reopen();
      expect(storedSessions().map(({ session: { clientId } }) => clientId).toSorted()).toEqual(['', 'cc', 'g:c', 's:c']);
      expect(load(store, { type: 'session', clientId: 'c' })).toEqual({ inflight: [], receivedPacketIds: [] });
      expect(sequences(store, queue)).toEqual([]);
      expect(sequences(store, groupQueueId('c'))).toEqual([1]);
      expect(load(store, { type: 'session', clientId: 'cc' }).inflight).toHaveLength(1);
      // The same client identifier again is a new session.
      storage.putSession(session('c'));
      storage.enqueue(queue, entry(1));
      const again = storedSessions().find(({ session: { clientId } }) => clientId === 'c');
      expect(again).toMatchObject({ subscriptions: [], will: undefined, queue: { messages: 1, nextSequence: 2 } });
    });

    test('changes to what is not there change nothing', () => {
      storage.endSession('nobody');
      storage.deleteSubscription('nobody', 'a');
      storage.deleteReceived('nobody', 1);
      storage.deleteWill('nobody');
      storage.dequeue(queue, 1);
      storage.markSent(queue, 1, 1);
      storage.markReleased(queue, 1);
      storage.endGroup('nothing');
      storage.deleteRetained('nothing');
      expect(storedSessions()).toEqual([]);
      expect(load(store, { type: 'groups' })).toEqual({ groups: [] });
    });
  });
}
