/**
 * The Storage port: what the core asks of a store. Mutators are synchronous, only add to the open commit group,
 * never throw for I/O, and return a log sequence number (LSN); an acknowledgement goes out when
 * `lsn <= durableLsn`. Reads may answer in the same call or any time later.
 * A store that keeps nothing on disk has `durableLsn === Infinity`.
 */
import type { BrokerError } from '../errors/errors.js';
import type { QoS, ProtocolVersion } from '../packet/protocol.js';
import type { Message } from '../packet/publication.js';

/** Position in the log of changes; grows with every change, 0 = before all. @public */
export type Lsn = number;

/** A queue belongs to one session, or to one shared group (all members of one full filter). @public */
export type QueueId = `s:${string}` | `g:${string}`;
/** The queue of the session with this client identifier. */
export const sessionQueueId = (clientId: string): QueueId => `s:${clientId}`;
/** The queue of the shared group with this full filter, `$share/name/filter`. */
export const groupQueueId = (sharedFilter: string): QueueId => `g:${sharedFilter}`;

/** A session that outlives its connection. @public */
export interface SessionRecord {
  /** Client Identifier. */
  readonly clientId: string;
  /** Whose session it is; another principal does not resume it. */
  readonly principal: string | undefined;
  /** Of its latest connection. */
  readonly protocolVersion: ProtocolVersion;
  /** Session Expiry Interval in force; 0xFFFFFFFF = never. */
  readonly sessionExpirySeconds: number;
  /** Wall clock at which the connection closed; `undefined` while connected. */
  readonly closedAtWallMs: number | undefined;
}

/** A subscription of a session that outlives its connection. @public */
export interface SubscriptionRecord {
  /** As subscribed, `$share/...` prefix included. */
  readonly topicFilter: string;
  /** QoS that was granted. */
  readonly qos: QoS;
  /** The client's own messages are left out. */
  readonly noLocal: boolean;
  /** RETAIN is forwarded as published. */
  readonly retainAsPublished: boolean;
  /** As asked for; it has had its effect. */
  readonly retainHandling: 0 | 1 | 2;
  /** 1 to 268,435,455, when the client gave one. */
  readonly subscriptionIdentifier: number | undefined;
  /** True while retained messages of QoS 1 and 2 are being handed on: after a restart that begins anew. */
  readonly isReplaying?: boolean;
}

/** A will, kept until it is published or discarded. Its message's expiry starts when it is published. @public */
export interface WillRecord {
  /** What is published. */
  readonly message: Message;
  /** Whole seconds, from the moment it is published; `undefined`: never. */
  readonly messageExpirySeconds: number | undefined;
  /** Whole seconds after the end of the connection. */
  readonly willDelaySeconds: number;
}

/** One message waiting in, or in flight from, a queue. @public */
export interface QueueEntry {
  /** Grows within the queue; the order of delivery. */
  readonly sequence: number;
  /** QoS of delivery: of publication and subscription the smaller. */
  readonly qos: QoS;
  /** RETAIN as it will be sent. */
  readonly retain: boolean;
  /** Of all subscriptions that matched. */
  readonly subscriptionIdentifiers: readonly number[] | undefined;
  /** The message; many entries share one. */
  readonly message: Message;
}

/** A sent and unacknowledged entry of a session's queue. @public */
export interface InflightRecord {
  /** Packet Identifier it was sent with, 1 to 65,535. */
  readonly packetId: number;
  /** What was sent. */
  readonly entry: QueueEntry;
  /** PUBREC was received: only PUBREL is sent again, and the message is no longer needed. */
  readonly released: boolean;
}

/** What is known of a session without its messages; read page by page when the broker opens. @public */
export interface StoredSession {
  /** Its record. */
  readonly session: SessionRecord;
  /** Its subscriptions, in any order. */
  readonly subscriptions: readonly SubscriptionRecord[];
  /** Its will, when one is pending. */
  readonly will: WillRecord | undefined;
  /** What waits for it. */
  readonly queue: QueueSummary;
}

/** A queue without its messages. @public */
export interface QueueSummary {
  /** Waiting entries, those in flight left out. */
  readonly messages: number;
  /** Bytes of those entries' messages. */
  readonly bytes: number;
  /** Smallest sequence number never used. */
  readonly nextSequence: number;
}

/** What a store is asked, by the kind of the question, and the shape of its answer. @public */
export interface LoadAnswers {
  /** A page of sessions, in any order that is the same from page to page. */
  sessions: { readonly sessions: readonly StoredSession[]; readonly next: string | undefined };
  /** Shared groups that have messages. */
  groups: { readonly groups: readonly { readonly sharedFilter: string; readonly queue: QueueSummary }[] };
  /** A page of retained topics with what their limits and expiry need. */
  retainedTopics: {
    readonly topics: readonly { readonly topic: string; readonly bytes: number; readonly expiresAtWallMs: number }[];
    readonly next: string | undefined;
  };
  /** What a resumed session had in flight, in order of sequence, and the QoS 2 ids it had sent unreleased. */
  session: { readonly inflight: readonly InflightRecord[]; readonly receivedPacketIds: readonly number[] };
  /** Waiting entries of one queue in order of sequence, `limit` at most (one at least, if there is one). */
  queue: { readonly entries: readonly QueueEntry[] };
  /** Retained messages of these topics, in the order asked; `undefined` for one that is gone. */
  retained: { readonly messages: readonly (Message | undefined)[] };
}

/** The questions, by their kind. @public */
export interface LoadQueries {
  /** Sessions after the page that ended at `after` (its answer's `next`); `undefined` begins. */
  sessions: { readonly type: 'sessions'; readonly after: string | undefined; readonly limit: number };
  /** Every shared group that has messages. */
  groups: { readonly type: 'groups' };
  /** Retained topics, page by page as `sessions`. */
  retainedTopics: { readonly type: 'retainedTopics'; readonly after: string | undefined; readonly limit: number };
  /** What one session had in flight. */
  session: { readonly type: 'session'; readonly clientId: string };
  /** Waiting entries with a sequence number above `after`, about `bytesMax` bytes at most. */
  queue: { readonly type: 'queue'; readonly queue: QueueId; readonly after: number; readonly limit: number; readonly bytesMax: number };
  /** Retained messages by their topics. */
  retained: { readonly type: 'retained'; readonly topics: readonly string[] };
}

/** A kind of question. @public */
export type LoadKind = keyof LoadQueries;
/** Called once, in the same call of `load` or later, never after `close()` has resolved. @public */
export type LoadDone<K extends LoadKind> = (answer: LoadAnswers[K] | BrokerError) => void;

/** What a store tells the broker. @public */
export interface StorageListener {
  /** Everything up to `lsn` is as safe as `durability` promises. Called once per commit group; `durableLsn` is already raised. */
  onDurable(lsn: Lsn): void;
  /**
   * Changes with `from < lsn <= to` could not be stored: nothing that waits for them is acknowledged. The store goes on
   * trying, so that it and the broker stay of one mind; `onDurable` tells when it has succeeded.
   */
  onFailed(from: Lsn, to: Lsn, error: BrokerError): void;
  /** The store stalls, fails or works again. */
  onState(state: 'ok' | 'stalled' | 'failed', error?: BrokerError): void;
  /** Something that is stored is damaged, and nobody was waiting for it; or what the store told made the broker throw. */
  onDamaged(error: BrokerError): void;
}

/** What a store promises. @public */
export interface StorageSupport {
  /** What an acknowledged change survives: nothing, a kill of the process, a power cut, the loss of a machine. */
  readonly durability: 'none' | 'process' | 'power' | 'quorum';
}

/** Time as the broker sees it; a store keeps deadlines in wall-clock time only, and has no timers of its own. @public */
export interface StorageClock {
  /** Monotonic milliseconds. */
  now(): number;
  /** Wall-clock milliseconds since 1970. */
  wall(): number;
  /** Calls `run` once the events of this turn were handled. */
  endOfTurn(run: () => void): void;
  /** Calls `run` in `ms` milliseconds, unless the broker is closed by then. */
  after(ms: number, run: () => void): void;
}

/**
 * A store of sessions, queues and retained messages. What changes something is synchronous, adds to the open commit
 * group, never throws for I/O, and returns its position in the log: it is safe once `durableLsn` has reached it.
 * @public
 */
export interface Storage {
  /** What the store promises; does not change. */
  readonly supports: StorageSupport;
  /** All changes up to this LSN are safe; `Infinity` for a store that promises nothing. */
  readonly durableLsn: Lsn;
  /** Bytes of message bodies this store holds in the memory of the process, for `memoryBytesMax`. */
  readonly memoryBytes: number;

  /**
   * A store that opens in the same call lets the broker serve at once.
   * @throws BrokerError ODN_ERR_STORAGE_OPEN, _LOCKED, _FORMAT: the broker does not start.
   */
  open(listener: StorageListener, clock: StorageClock): Promise<void> | void;
  /** Writes what is open and closes; every pending `load` is answered first. */
  close(): Promise<void>;

  /** Creates or replaces the record; subscriptions, queue and will of the session stay as they are. */
  putSession(session: SessionRecord): Lsn;
  /** Deletes the session and all that is its own: subscriptions, queue, in-flight state, received ids, will. */
  endSession(clientId: string): Lsn;

  /** Adds a subscription, or replaces the one with the same filter. */
  putSubscription(clientId: string, subscription: SubscriptionRecord): Lsn;
  /** Deletes a subscription by its exact filter. */
  deleteSubscription(clientId: string, topicFilter: string): Lsn;

  /** Adds a waiting entry at the end of a queue. */
  enqueue(queue: QueueId, entry: QueueEntry): Lsn;
  /** A waiting entry of a session's queue was given a packet identifier. */
  markSent(queue: QueueId, sequence: number, packetId: number): Lsn;
  /** PUBREC was received for a sent entry: its message may be forgotten, its packet identifier may not. */
  markReleased(queue: QueueId, sequence: number): Lsn;
  /** Deletes an entry, waiting or sent: acknowledged, expired, refused or dropped. */
  dequeue(queue: QueueId, sequence: number): Lsn;
  /** Deletes a shared group's queue. */
  endGroup(sharedFilter: string): Lsn;

  /** A QoS 2 PUBLISH was received under this id and not released yet. */
  putReceived(clientId: string, packetId: number): Lsn;
  /** PUBREL has come: the id is free again. */
  deleteReceived(clientId: string, packetId: number): Lsn;

  /** Keeps the message of its topic, in place of the one before. */
  putRetained(message: Message): Lsn;
  /** Deletes the message of this topic. */
  deleteRetained(topic: string): Lsn;

  /** Keeps the will of a session, in place of the one before. */
  putWill(clientId: string, will: WillRecord): Lsn;
  /** The will was published, or is not going to be. */
  deleteWill(clientId: string): Lsn;

  /** Reads. What was changed before the call shows in the answer; what is changed while the answer is out may. */
  load<K extends LoadKind>(query: LoadQueries[K] & { readonly type: K }, done: LoadDone<K>): void;
}
