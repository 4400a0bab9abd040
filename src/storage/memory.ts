/**
 * The default store: everything in the memory of the process, nothing on disk. It promises no durability, so
 * every change is "durable" at once (`durableLsn` is `Infinity`), acknowledgements never wait, and each `load`
 * is answered in the same call. What it holds outlives the broker: close one, open the next on the same store,
 * and sessions, queues and retained messages are there.
 */
import { BrokerError } from '../errors/errors.js';
import { Message } from '../packet/publication.js';
import { MemoryQueue } from './memory-queue.js';
import { groupQueueId, sessionQueueId } from './storage.js';
import type {
  LoadAnswers,
  LoadDone,
  LoadKind,
  LoadQueries,
  Lsn,
  QueueEntry,
  QueueId,
  SessionRecord,
  Storage,
  StorageClock,
  StorageListener,
  StorageSupport,
  StoredSession,
  SubscriptionRecord,
  WillRecord,
} from './storage.js';

/**
 * A store that keeps everything in memory: the default of `createBroker()`. It may be handed from one broker to
 * the next, which then finds all of it; one broker at a time.
 * @public
 */
export function memoryStorage(): Storage {
  return new MemoryStorage();
}

interface SessionState {
  /** `undefined` when parts of a session were stored before, or without, its record. */
  record: SessionRecord | undefined;
  readonly subscriptions: Map<string, SubscriptionRecord>;
  readonly receivedPacketIds: Set<number>;
  will: WillRecord | undefined;
}

/** Two readings of one clock differ by less; anything more is another clock. Expiry counts in seconds. */
const clockShiftMsMin = 10;

const groupPrefix = groupQueueId('');

/** Stands for the message of a released QoS 2 entry, of which only the packet identifier is still needed. */
const forgotten = new Message('', new Uint8Array(0), 2, false, undefined, Infinity, new Uint8Array(0), 0, -1);

/** @internal */
class MemoryStorage implements Storage {
  readonly supports: StorageSupport = { durability: 'none' };
  readonly durableLsn: Lsn = Infinity;
  private readonly sessions = new Map<string, SessionState>();
  private readonly queues = new Map<QueueId, MemoryQueue>();
  private readonly retained = new Map<string, Message>();
  /** How many queue entries refer to a message; that of `lastMessage` is kept beside it. */
  private readonly references = new Map<Message, number>();
  /** Fan-out adds one message to many queues in a row, and most are gone before the next comes. */
  private lastMessage: Message | undefined = undefined;
  private lastReferences = 0;
  private queuedBytes = 0;
  private lsn: Lsn = 0;
  private clock: StorageClock | undefined = undefined;
  /** Wall clock minus monotonic time of the broker that opened this store last. */
  private wallOffsetMs: number | undefined = undefined;
  /** Keys in the order in which a listing that is under way returns them, page by page. */
  private sessionListing: readonly string[] = [];
  private retainedListing: readonly string[] = [];

  /**
   * Bodies that queues refer to, each once. Retained messages and wills are left out: they have limits of their
   * own, and no waiting for subscribers would ever free them.
   */
  get memoryBytes(): number {
    return this.queuedBytes;
  }

  open(_listener: StorageListener, clock: StorageClock): void {
    if (this.clock !== undefined) {
      throw new BrokerError('ODN_ERR_STORAGE_LOCKED', 'this memory storage is in use by another broker that is open');
    }
    this.clock = clock;
    const wallOffsetMs = clock.wall() - clock.now();
    const shiftMs = (this.wallOffsetMs ?? wallOffsetMs) - wallOffsetMs;
    if (Math.abs(shiftMs) >= clockShiftMsMin) this.shiftExpiry(shiftMs);
    this.wallOffsetMs = wallOffsetMs;
  }

  async close(): Promise<void> {
    this.clock = undefined;
    this.sessionListing = [];
    this.retainedListing = [];
  }

  putSession(session: SessionRecord): Lsn {
    this.session(session.clientId).record = session;
    return (this.lsn += 1);
  }

  endSession(clientId: string): Lsn {
    this.sessions.delete(clientId);
    this.dropQueue(sessionQueueId(clientId));
    return (this.lsn += 1);
  }

  putSubscription(clientId: string, subscription: SubscriptionRecord): Lsn {
    this.session(clientId).subscriptions.set(subscription.topicFilter, subscription);
    return (this.lsn += 1);
  }

  deleteSubscription(clientId: string, topicFilter: string): Lsn {
    this.sessions.get(clientId)?.subscriptions.delete(topicFilter);
    return (this.lsn += 1);
  }

  enqueue(queueId: QueueId, entry: QueueEntry): Lsn {
    let queue = this.queues.get(queueId);
    if (queue === undefined) this.queues.set(queueId, (queue = new MemoryQueue()));
    queue.push(entry);
    this.retainMessage(entry.message);
    return (this.lsn += 1);
  }

  markSent(queueId: QueueId, sequence: number, packetId: number): Lsn {
    this.queues.get(queueId)?.markSent(sequence, packetId);
    return (this.lsn += 1);
  }

  markReleased(queueId: QueueId, sequence: number): Lsn {
    const message = this.queues.get(queueId)?.markReleased(sequence, forgotten);
    if (message !== undefined) this.releaseMessage(message);
    return (this.lsn += 1);
  }

  dequeue(queueId: QueueId, sequence: number): Lsn {
    const queue = this.queues.get(queueId);
    const message = queue?.remove(sequence);
    if (message !== undefined) this.releaseMessage(message);
    // A session's queue stays, as the next sequence number does; a group is listed only while it has messages.
    if (queue?.isEmpty && queueId.startsWith(groupPrefix)) this.queues.delete(queueId);
    return (this.lsn += 1);
  }

  endGroup(sharedFilter: string): Lsn {
    this.dropQueue(groupQueueId(sharedFilter));
    return (this.lsn += 1);
  }

  putReceived(clientId: string, packetId: number): Lsn {
    this.session(clientId).receivedPacketIds.add(packetId);
    return (this.lsn += 1);
  }

  deleteReceived(clientId: string, packetId: number): Lsn {
    this.sessions.get(clientId)?.receivedPacketIds.delete(packetId);
    return (this.lsn += 1);
  }

  putRetained(message: Message): Lsn {
    this.retained.set(message.topic, message);
    return (this.lsn += 1);
  }

  deleteRetained(topic: string): Lsn {
    this.retained.delete(topic);
    return (this.lsn += 1);
  }

  putWill(clientId: string, will: WillRecord): Lsn {
    this.session(clientId).will = will;
    return (this.lsn += 1);
  }

  deleteWill(clientId: string): Lsn {
    const session = this.sessions.get(clientId);
    if (session !== undefined) session.will = undefined;
    return (this.lsn += 1);
  }

  load<K extends LoadKind>(query: LoadQueries[K] & { readonly type: K }, done: LoadDone<K>): void {
    if (this.clock === undefined) return; // closed: nobody waits any more
    const answer: (query: LoadQueries[K]) => LoadAnswers[K] = this.answers[query.type];
    done(answer(query));
  }

  private readonly answers: { readonly [K in LoadKind]: (query: LoadQueries[K]) => LoadAnswers[K] } = {
    sessions: ({ after, limit }) => {
      if (after === undefined) this.sessionListing = [...this.sessions.keys()];
      const { keys, next } = pageOf(this.sessionListing, after, limit);
      if (next === undefined) this.sessionListing = [];
      return { sessions: keys.flatMap((clientId) => this.storedSession(clientId)), next };
    },
    groups: () => ({
      groups: [...this.queues]
        .filter(([queueId]) => queueId.startsWith(groupPrefix))
        .map(([queueId, queue]) => ({ sharedFilter: queueId.slice(groupPrefix.length), queue: queue.summary })),
    }),
    retainedTopics: ({ after, limit }) => {
      if (after === undefined) this.retainedListing = [...this.retained.keys()];
      const { keys, next } = pageOf(this.retainedListing, after, limit);
      if (next === undefined) this.retainedListing = [];
      const wallOffsetMs = this.clock === undefined ? 0 : this.clock.wall() - this.clock.now();
      return {
        topics: keys.flatMap((topic) => {
          const message = this.retained.get(topic);
          if (message === undefined) return [];
          return { topic, bytes: message.bytes, expiresAtWallMs: message.expiresAtMs + wallOffsetMs };
        }),
        next,
      };
    },
    session: ({ clientId }) => ({
      inflight: this.queues.get(sessionQueueId(clientId))?.inflight() ?? [],
      receivedPacketIds: [...(this.sessions.get(clientId)?.receivedPacketIds ?? [])],
    }),
    queue: ({ queue, after, limit, bytesMax }) => ({
      entries: this.queues.get(queue)?.page(after, limit, bytesMax) ?? [],
    }),
    retained: ({ topics }) => ({ messages: topics.map((topic) => this.retained.get(topic)) }),
  };

  private session(clientId: string): SessionState {
    let session = this.sessions.get(clientId);
    if (session === undefined) {
      session = { record: undefined, subscriptions: new Map(), receivedPacketIds: new Set(), will: undefined };
      this.sessions.set(clientId, session);
    }
    return session;
  }

  private storedSession(clientId: string): StoredSession | [] {
    const session = this.sessions.get(clientId);
    if (session?.record === undefined) return [];
    return {
      session: session.record,
      subscriptions: [...session.subscriptions.values()],
      will: session.will,
      queue: this.queues.get(sessionQueueId(clientId))?.summary ?? noQueue,
    };
  }

  private retainMessage(message: Message): void {
    if (message !== this.lastMessage) {
      this.keepLastReferences();
      this.lastMessage = message;
      this.lastReferences = this.references.get(message) ?? 0;
    }
    if (this.lastReferences === 0) this.queuedBytes += message.bytes;
    this.lastReferences += 1;
  }

  private releaseMessage(message: Message): void {
    if (message === forgotten) return;
    const isLast = message === this.lastMessage;
    const count = (isLast ? this.lastReferences : (this.references.get(message) ?? 0)) - 1;
    if (isLast) this.lastReferences = count;
    else if (count > 0) this.references.set(message, count);
    if (count > 0) return;
    this.references.delete(message);
    this.queuedBytes -= message.bytes;
    if (isLast) this.lastMessage = undefined;
  }

  private keepLastReferences(): void {
    if (this.lastMessage !== undefined) this.references.set(this.lastMessage, this.lastReferences);
    this.lastMessage = undefined;
  }

  private dropQueue(queueId: QueueId): void {
    const queue = this.queues.get(queueId);
    if (queue === undefined) return;
    this.queues.delete(queueId);
    for (const message of queue.messages()) this.releaseMessage(message);
  }

  /** Expiry counts on the monotonic clock of the broker that stored it; the next broker may have another one. */
  private shiftExpiry(shiftMs: number): void {
    const shifted = new Map<Message, Message>();
    const shift = (message: Message): Message => {
      if (message.expiresAtMs === Infinity) return message;
      let copy = shifted.get(message);
      if (copy === undefined) shifted.set(message, (copy = withExpiry(message, message.expiresAtMs + shiftMs)));
      return copy;
    };
    for (const [topic, message] of this.retained) this.retained.set(topic, shift(message));
    for (const queue of this.queues.values()) queue.replaceMessages(shift);
    this.keepLastReferences();
    const references = new Map(this.references);
    this.references.clear();
    for (const [message, count] of references) this.references.set(shift(message), count);
  }
}

const noQueue = { messages: 0, bytes: 0, nextSequence: 1 };

/** `limit` keys of a listing; `after` and `next` count them. */
function pageOf(
  listing: readonly string[],
  after: string | undefined,
  limit: number,
): { readonly keys: readonly string[]; readonly next: string | undefined } {
  const from = after === undefined ? 0 : Number(after);
  const to = from + limit;
  return { keys: listing.slice(from, to), next: to < listing.length ? String(to) : undefined };
}

function withExpiry(message: Message, expiresAtMs: number): Message {
  const { topic, topicBytes, qos, retain, publisherId, buffer, payloadStart, expiryAt } = message;
  return new Message(topic, topicBytes, qos, retain, publisherId, expiresAtMs, buffer, payloadStart, expiryAt);
}
