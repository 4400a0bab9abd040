/** Random histories of a store, made beside a memory store that says what is right; and all that a store answers. */
import fc from 'fast-check';
import { isBrokerError, memoryStorage, type LoadAnswers, type LoadKind, type LoadQueries, type Lsn, type QueueId, type Storage, type StorageClock } from 'odonata';
import { groupQueueId, sessionQueueId } from '../../src/storage/storage.js';
import { entryOf, messageOf, messageWithProperties, plainEntry, plainMessage, plainWill, sessionOf, subscriptionOf, willOf } from '../../src/testing/suites/samples.js';

export const clock: StorageClock = {
  now: () => 1_000_000,
  wall: () => 1_767_225_600_000,
  endOfTurn: (run) => void setImmediate(run),
  after: () => undefined,
};

/** Something that happens, and numbers that say to what. */
export type Step = readonly [action: keyof typeof weights, which: number, what: number];

const weights = {
  putSession: 4,
  endSession: 1,
  putSubscription: 3,
  deleteSubscription: 2,
  enqueue: 14,
  fanOut: 6,
  markSent: 9,
  markReleased: 4,
  dequeue: 12,
  putReceived: 2,
  deleteReceived: 2,
  putRetained: 3,
  deleteRetained: 2,
  putWill: 2,
  deleteWill: 1,
  enqueueGroup: 5,
  dequeueGroup: 5,
  endGroup: 1,
  load: 4,
  turn: 8,
  reopen: 2,
  crash: 3,
} as const;

const action = fc.oneof(...Object.entries(weights).map(([name, weight]) => ({ arbitrary: fc.constant(name as Step[0]), weight })));
export const history: fc.Arbitrary<Step[]> = fc.array(fc.tuple(action, fc.nat(1000), fc.nat(1000)), { minLength: 30, maxLength: 150, size: 'max' });

export const clientIds = ['', 'a', 'b', '__proto__'];
export const sharedFilters = ['$share/g/a', '$share/g/ab'];
export const topics = ['t', 't/u', 'u'];
const queues: readonly QueueId[] = [...clientIds.map(sessionQueueId), ...sharedFilters.map(groupQueueId)];

export function ask<K extends LoadKind>(storage: Storage, query: LoadQueries[K] & { readonly type: K }): Promise<LoadAnswers[K]> {
  return new Promise((resolve, reject) => {
    storage.load<K>(query, (answer) => {
      if (isBrokerError(answer)) reject(answer);
      else resolve(answer);
    });
  });
}

/** Answers of a store that answers in the same call. */
function now<K extends LoadKind>(storage: Storage, query: LoadQueries[K] & { readonly type: K }): LoadAnswers[K] {
  let found: LoadAnswers[K] | undefined;
  storage.load<K>(query, (answer) => (found = answer as LoadAnswers[K]));
  return found as LoadAnswers[K];
}

/** All that a store answers, as plain data; pages hold `limit`. */
export async function everything(storage: Storage, limit: number): Promise<object> {
  const sessions: LoadAnswers['sessions']['sessions'][number][] = [];
  for (let after: string | undefined, more = true; more; ) {
    const page: LoadAnswers['sessions'] = await ask(storage, { type: 'sessions', after, limit });
    sessions.push(...page.sessions);
    after = page.next;
    more = after !== undefined;
  }
  sessions.sort((a, b) => (a.session.clientId < b.session.clientId ? -1 : 1));
  const states: object[] = [];
  for (const { session, subscriptions, will, queue } of sessions) {
    const { inflight, receivedPacketIds } = await ask(storage, { type: 'session', clientId: session.clientId });
    states.push({
      session,
      queue,
      will: plainWill(will),
      subscriptions: subscriptions.toSorted((a, b) => (a.topicFilter < b.topicFilter ? -1 : 1)),
      received: receivedPacketIds.toSorted((a, b) => a - b),
      inflight: inflight.map(({ packetId, released, entry }) => ({ packetId, entry: released ? entry.sequence : plainEntry(entry) })),
    });
  }
  const waiting: object[] = [];
  for (const queue of queues) {
    for (let after = 0, more = true; more; ) {
      const { entries } = await ask(storage, { type: 'queue', queue, after, limit, bytesMax: 10_000 });
      waiting.push(...entries.map((entry) => ({ queue, ...plainEntry(entry) })));
      after = entries.at(-1)?.sequence ?? 0;
      more = entries.length > 0;
    }
  }
  const { groups } = await ask(storage, { type: 'groups' });
  const { topics: retained } = await ask(storage, { type: 'retainedTopics', after: undefined, limit: 100 });
  const { messages } = await ask(storage, { type: 'retained', topics });
  return {
    sessions: states,
    waiting,
    groups: groups.toSorted((a, b) => (a.sharedFilter < b.sharedFilter ? -1 : 1)),
    retained: retained.toSorted((a, b) => (a.topic < b.topic ? -1 : 1)),
    messages: messages.map((message) => message && plainMessage(message)),
  };
}

type Change = (storage: Storage) => Lsn;

/** What a store must answer: a memory store, and the changes that made it. */
export class Model {
  storage = memoryStorage();
  /** Changes, and where the other store has them in its log since it was opened last. */
  private changes: { readonly change: Change; readonly lsn: Lsn }[] = [];
  /** A group that was drained goes on counting as long as its process lives. */
  private nextOfGroup = new Map<string, number>();

  constructor() {
    void this.storage.open({ onDurable() {}, onFailed() {}, onState() {}, onDamaged() {} }, clock);
  }

  /** Makes a change of both stores. */
  change(other: Storage, change: Change): void {
    change(this.storage);
    this.changes.push({ change, lsn: change(other) });
  }

  /** The other store was opened anew, and has all up to `lsn`. */
  rollBack(lsn: Lsn): void {
    const kept = this.changes.filter((each) => each.lsn <= lsn).map(({ change }) => change);
    this.storage = memoryStorage();
    void this.storage.open({ onDurable() {}, onFailed() {}, onState() {}, onDamaged() {} }, clock);
    for (const change of kept) change(this.storage);
    this.changes = kept.map((change) => ({ change, lsn: 0 }));
    const { groups } = now(this.storage, { type: 'groups' });
    this.nextOfGroup = new Map(groups.map(({ sharedFilter, queue }) => [sharedFilter, queue.nextSequence]));
  }

  /** Makes the change of a step, if there is anything to be changed. */
  step(other: Storage, [action, which, what]: Step): void {
    const pick = <T>(list: readonly T[], number: number): T | undefined => list[number % list.length];
    const { sessions } = now(this.storage, { type: 'sessions', after: undefined, limit: 100 });
    const session = pick(sessions, which);
    const clientId = session?.session.clientId ?? '';
    const queue = sessionQueueId(clientId);
    const sharedFilter = pick(sharedFilters, which) as string;
    const group = groupQueueId(sharedFilter);
    const topic = pick(topics, which) as string;
    const fresh = what % 3 === 0 ? messageWithProperties(topic, `${what}`) : messageOf(topic, { payload: 'x'.repeat(what % 40) });
    const entriesOf = (id: QueueId) => now(this.storage, { type: 'queue', queue: id, after: 0, limit: 1000, bytesMax: Infinity }).entries;
    const next = (id: string): number => sessions.find((each) => each.session.clientId === id)?.queue.nextSequence ?? 1;
    const both = (change: Change): void => this.change(other, change);

    if (action === 'putSession') {
      const closedAtWallMs = what % 2 === 0 ? undefined : what;
      both((to) => to.putSession(sessionOf(pick(clientIds, which) as string, { principal: `${what}`, closedAtWallMs })));
    } else if (action === 'enqueueGroup') {
      const sequence = this.nextOfGroup.get(sharedFilter) ?? 1;
      this.nextOfGroup.set(sharedFilter, sequence + 1);
      both((to) => to.enqueue(group, entryOf(sequence, fresh, { retain: what % 2 === 0 })));
    } else if (action === 'dequeueGroup') {
      const entry = pick(entriesOf(group), what);
      if (entry !== undefined) both((to) => to.dequeue(group, entry.sequence));
    } else if (action === 'endGroup') {
      this.nextOfGroup.delete(sharedFilter);
      both((to) => to.endGroup(sharedFilter));
    } else if (action === 'putRetained') both((to) => to.putRetained(fresh));
    else if (action === 'deleteRetained') both((to) => to.deleteRetained(topic));
    else if (action === 'fanOut') {
      for (const { session: { clientId: id } } of sessions) {
        const sequence = next(id);
        both((to) => to.enqueue(sessionQueueId(id), entryOf(sequence, fresh, { qos: 2 })));
      }
      if (what % 4 === 0) both((to) => to.putRetained(fresh));
    } else if (session === undefined) return;
    else if (action === 'endSession') both((to) => to.endSession(clientId));
    else if (action === 'putSubscription') both((to) => to.putSubscription(clientId, subscriptionOf(topic, { subscriptionIdentifier: what + 1 })));
    else if (action === 'deleteSubscription') both((to) => to.deleteSubscription(clientId, topic));
    else if (action === 'putReceived') both((to) => to.putReceived(clientId, (what % 5) + 1));
    else if (action === 'deleteReceived') both((to) => to.deleteReceived(clientId, (what % 5) + 1));
    else if (action === 'putWill') both((to) => to.putWill(clientId, willOf(topic, { willDelaySeconds: what })));
    else if (action === 'deleteWill') both((to) => to.deleteWill(clientId));
    else if (action === 'enqueue') {
      const sequence = next(clientId) + (what % 2);
      both((to) => to.enqueue(queue, entryOf(sequence, fresh, what % 5 === 0 ? { subscriptionIdentifiers: [1, what + 1] } : {})));
    } else {
      const { inflight } = now(this.storage, { type: 'session', clientId });
      // Mostly the first, as a broker does.
      const waiting = pick(entriesOf(queue), what % 3 === 0 ? what : 0);
      const sent = pick(inflight, what);
      if (action === 'markSent' && waiting !== undefined) both((to) => to.markSent(queue, waiting.sequence, (waiting.sequence % 65_535) + 1));
      else if (action === 'markReleased' && sent !== undefined) both((to) => to.markReleased(queue, sent.entry.sequence));
      else if (action === 'dequeue') {
        const gone = what % 4 === 0 ? waiting?.sequence : sent?.entry.sequence;
        if (gone !== undefined) both((to) => to.dequeue(queue, gone));
      }
    }
  }

  /** Gives up all there is, as a broker does when everything was delivered, cleared, has expired or ended. */
  giveUpAll(other: Storage): void {
    for (const sharedFilter of sharedFilters) {
      const queue = groupQueueId(sharedFilter);
      const { entries } = now(this.storage, { type: 'queue', queue, after: 0, limit: 1000, bytesMax: Infinity });
      for (const { sequence } of entries) this.change(other, (to) => to.dequeue(queue, sequence));
    }
    for (const topic of topics) this.change(other, (to) => to.deleteRetained(topic));
    for (const clientId of clientIds) this.change(other, (to) => to.endSession(clientId));
  }
}
