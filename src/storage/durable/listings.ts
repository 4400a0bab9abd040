/** What there is, page by page, for a broker that opens. Everything has just been written, so that the disk says all. */
import type { KeyValueStore } from '../key-value-store.js';
import type { LoadAnswers, LoadQueries, StoredSession } from '../storage.js';
import type { DurableQueue } from './durable-queue.js';
import { kind, numberOf, ownerRange, part, rangeOf, suffixOf, topicKey } from './keys.js';
import type { Owner } from './owner.js';
import { readSession, readSubscription, readWill, type WallClock } from './records.js';
import { reading } from './recovery.js';
import type { StoreState } from './store-state.js';

export class Listings {
  private readonly store: KeyValueStore;
  private readonly state: StoreState;
  private readonly clock: WallClock;

  constructor(store: KeyValueStore, state: StoreState, clock: WallClock) {
    this.store = store;
    this.state = state;
    this.clock = clock;
  }

  async sessions({ after, limit }: LoadQueries['sessions']): Promise<LoadAnswers['sessions']> {
    const sessions: StoredSession[] = [];
    let current: { owner: Owner; subscriptions: StoredSession['subscriptions'][number][]; session?: StoredSession['session']; will?: StoredSession['will'] } | undefined;
    const finish = (): void => {
      if (current?.session === undefined) return;
      const { owner, session, subscriptions, will } = current;
      sessions.push({ session, subscriptions, will, queue: owner.queue?.summary ?? noQueue });
    };
    const from = after === undefined ? undefined : ownerRange(Number(after)).gte;
    for await (const [key, value] of this.store.read(rangeOf(kind.owner, from))) {
      const number = numberOf(key);
      if (current?.owner.number !== number) {
        finish();
        current = undefined;
        const owner = this.state.get(number);
        if (sessions.length === limit) return { sessions, next: String(number) };
        if (owner === undefined || owner.isGroup) continue;
        current = { owner, subscriptions: [] };
      }
      const suffix = suffixOf(key);
      const { clock } = this;
      const found = current;
      reading(`a record of ${found.owner.id}`, value, (reader) => {
        if (suffix === part.session) found.session = readSession(reader);
        else if (suffix === part.will) found.will = readWill(reader, clock);
        else if (suffix.startsWith(part.subscription)) found.subscriptions.push(readSubscription(reader));
      });
    }
    finish();
    return { sessions, next: undefined };
  }

  groups(): LoadAnswers['groups'] {
    const groups = [...this.state.owners()].filter(({ isGroup, queue }) => isGroup && queue !== undefined && queue.summary.messages > 0);
    return { groups: groups.map(({ id, queue }) => ({ sharedFilter: id.slice(2), queue: (queue as DurableQueue).summary })) };
  }

  async retainedTopics({ after, limit }: LoadQueries['retainedTopics']): Promise<LoadAnswers['retainedTopics']> {
    const topics: LoadAnswers['retainedTopics']['topics'][number][] = [];
    const from = after === undefined ? undefined : topicKey(kind.retainedRef, Buffer.from(after, 'utf8'));
    for await (const [key, value] of this.store.read(rangeOf(kind.retainedRef, from))) {
      const topic = Buffer.from(key.subarray(1)).toString('utf8');
      if (topics.length === limit) return { topics, next: topic };
      reading(`what is known of the retained message of ${topic}`, value, (reader) => {
        topics.push({ topic, bytes: reader.varint(), expiresAtWallMs: reader.double() });
      });
    }
    return { topics, next: undefined };
  }
}

const noQueue = { messages: 0, bytes: 0, nextSequence: 1 };
