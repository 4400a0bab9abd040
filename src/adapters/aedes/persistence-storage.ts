/**
 * Any `aedes-persistence` store behind the Storage port, as well as it goes. A persistence answers one question at a
 * time and has no transactions, so everything it holds is mirrored in memory: questions are answered from there, and
 * every change goes to both. See docs/guides/aedes-persistence.md.
 */
import { BrokerError } from '../../errors/errors.js';
import type { Message } from '../../packet/publication.js';
import { memoryStorage } from '../../storage/memory.js';
import type {
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
  SubscriptionRecord,
  WillRecord,
} from '../../storage/storage.js';
import { groupQueueId, sessionQueueId } from '../../storage/storage.js';
import type { AedesPersistenceLike } from './aedes-persistence.js';
import { clearingPacket, queuedPacket, retainedPacket, willPacket } from './aedes-packets.js';
import { deletion, pubrelPacket, type QueuedPacket } from './aedes-queue.js';
import { BrokerStub } from './broker-stub.js';
import { OrderedWork } from './ordered-work.js';
import { groupTopic, isOwnTopic, ownPacket, receivedTopic, sessionFields, sessionTopic } from './own-records.js';
import { groupClientId, type Known, restorePersistence } from './restore-persistence.js';

const groupPrefix = groupQueueId('');
const sessionPrefix = sessionQueueId('');

/** In use by a broker. */
const inUse = new WeakSet<AedesPersistenceLike>();
/** `setup` is for the life of a persistence. */
const setUp = new WeakSet<AedesPersistenceLike>();

/** One opening: what belongs to it begins anew with the next. */
interface Opened {
  readonly mirror: Storage;
  readonly known: Known;
  readonly work: OrderedWork;
  readonly clock: StorageClock;
}

export interface PersistenceSettings {
  readonly brokerId: string;
  readonly durability: 'none' | 'process';
  readonly warn: () => void;
}

export class PersistenceStorage implements Storage {
  readonly supports: StorageSupport;
  private readonly persistence: AedesPersistenceLike;
  private readonly settings: PersistenceSettings;
  private opened: Opened | undefined = undefined;
  /** Made the packet that was queued last unique. */
  private unique = 0;

  constructor(persistence: AedesPersistenceLike, settings: PersistenceSettings) {
    this.persistence = persistence;
    this.settings = settings;
    this.supports = { durability: settings.durability };
  }

  get durableLsn(): Lsn {
    return this.opened?.work.durableLsn ?? 0;
  }

  get memoryBytes(): number {
    return this.opened?.mirror.memoryBytes ?? 0;
  }

  async open(listener: StorageListener, clock: StorageClock): Promise<void> {
    const { persistence, settings } = this;
    if (inUse.has(persistence)) throw new BrokerError('ODN_ERR_STORAGE_LOCKED', 'this persistence is in use by another broker that is open');
    inUse.add(persistence);
    try {
      if (!setUp.has(persistence)) {
        await persistence.setup(new BrokerStub(settings.brokerId) as never);
        setUp.add(persistence);
        settings.warn();
      }
      const mirror = memoryStorage();
      await mirror.open({ onDurable() {}, onFailed() {}, onState() {}, onDamaged() {} }, clock);
      const known: Known = { queues: new Map(), received: new Map(), subscribed: new Map(), wills: new Set(), groups: new Set() };
      const work = new OrderedWork(listener, clock);
      this.opened = { mirror, known, work, clock };
      this.unique = await restorePersistence({
        persistence,
        brokerId: settings.brokerId,
        mirror,
        known,
        clock,
        onDamaged: (error) => listener.onDamaged(error),
        onLeftover: (queue, queued) => void work.add(queue, 'removes', deletion(persistence, clientOf(queue), queued)),
        onEmptyGroup: (sharedFilter) => void this.endGroup(sharedFilter),
      });
    } catch (error) {
      this.opened = undefined;
      inUse.delete(persistence);
      throw openFailure(error);
    }
  }

  /** The persistence stays open: who made it destroys it. */
  async close(): Promise<void> {
    const { opened } = this;
    if (opened === undefined) return;
    try {
      await opened.work.close();
    } finally {
      this.opened = undefined;
      inUse.delete(this.persistence);
    }
  }

  load<K extends LoadKind>(query: LoadQueries[K] & { readonly type: K }, done: LoadDone<K>): void {
    this.opened?.mirror.load<K>(query, done);
  }

  // ---- sessions ----------------------------------------------------------------------------------------------

  putSession(session: SessionRecord): Lsn {
    const { mirror, work } = this.current;
    const { clientId } = session;
    mirror.putSession(session);
    const packet = ownPacket(sessionTopic(clientId), sessionFields(session));
    return work.add(sessionQueueId(clientId), 'changes', () => this.persistence.storeRetained(packet));
  }

  endSession(clientId: string): Lsn {
    const { mirror, known, work } = this.current;
    const { persistence } = this;
    mirror.endSession(clientId);
    const queue = sessionQueueId(clientId);
    const steps = this.forgetQueue(queue);
    for (const packetId of known.received.get(clientId) ?? []) {
      steps.push(() => persistence.storeRetained(clearingPacket(receivedTopic(clientId, packetId))));
    }
    if (known.wills.delete(clientId)) steps.push(() => persistence.delWill(this.client(clientId)));
    if ((known.subscribed.get(clientId)?.size ?? 0) > 0) steps.push(() => persistence.cleanSubscriptions(this.client(clientId)));
    known.received.delete(clientId);
    known.subscribed.delete(clientId);
    // Last: what is left after a crash is still this session's, and ends with it.
    steps.push(() => persistence.storeRetained(clearingPacket(sessionTopic(clientId))));
    return work.add(queue, 'removes', inTurn(steps));
  }

  putSubscription(clientId: string, subscription: SubscriptionRecord): Lsn {
    const { mirror, known, work } = this.current;
    mirror.putSubscription(clientId, subscription);
    const { topicFilter: topic, qos, retainHandling: rh, retainAsPublished: rap, noLocal: nl, subscriptionIdentifier } = subscription;
    entryOf(known.subscribed, clientId, newSet<string>).add(topic);
    const stored = { topic, qos, rh, rap, nl, ...(subscriptionIdentifier !== undefined && { subscriptionIdentifier }) };
    return work.add(sessionQueueId(clientId), 'changes', () => this.persistence.addSubscriptions(this.client(clientId), [{ ...stored }]));
  }

  deleteSubscription(clientId: string, topicFilter: string): Lsn {
    const { mirror, known, work } = this.current;
    mirror.deleteSubscription(clientId, topicFilter);
    known.subscribed.get(clientId)?.delete(topicFilter);
    return work.add(sessionQueueId(clientId), 'changes', () => this.persistence.removeSubscriptions(this.client(clientId), [topicFilter]));
  }

  putReceived(clientId: string, packetId: number): Lsn {
    const { mirror, known, work } = this.current;
    mirror.putReceived(clientId, packetId);
    entryOf(known.received, clientId, newSet<number>).add(packetId);
    const packet = ownPacket(receivedTopic(clientId, packetId), {});
    return work.add(sessionQueueId(clientId), 'changes', () => this.persistence.storeRetained(packet));
  }

  deleteReceived(clientId: string, packetId: number): Lsn {
    const { mirror, known, work } = this.current;
    mirror.deleteReceived(clientId, packetId);
    known.received.get(clientId)?.delete(packetId);
    return work.add(sessionQueueId(clientId), 'changes', () => this.persistence.storeRetained(clearingPacket(receivedTopic(clientId, packetId))));
  }

  putWill(clientId: string, will: WillRecord): Lsn {
    const { mirror, known, work } = this.current;
    mirror.putWill(clientId, will);
    const isNew = !known.wills.has(clientId);
    known.wills.add(clientId);
    const client = this.client(clientId);
    return work.add(sessionQueueId(clientId), 'changes', async () => {
      if (!isNew) await this.persistence.delWill(client); // the mongodb sibling would keep both
      await this.persistence.putWill(client, willPacket(will));
    });
  }

  deleteWill(clientId: string): Lsn {
    const { mirror, known, work } = this.current;
    mirror.deleteWill(clientId);
    if (!known.wills.delete(clientId)) return work.add(sessionQueueId(clientId), 'changes', nothing);
    return work.add(sessionQueueId(clientId), 'removes', () => this.persistence.delWill(this.client(clientId)));
  }

  // ---- queues ------------------------------------------------------------------------------------------------

  enqueue(queueId: QueueId, entry: QueueEntry): Lsn {
    const { mirror, known, work, clock } = this.current;
    mirror.enqueue(queueId, entry);
    if (queueId.startsWith(groupPrefix)) this.putGroup(queueId.slice(groupPrefix.length));
    const packet = queuedPacket(entry, this.settings.brokerId, (this.unique += 1), clock);
    entryOf(known.queues, queueId, newMap<number, QueuedPacket>).set(entry.sequence, { packet, own: undefined, messageId: undefined, isReleased: false });
    return work.add(queueId, 'adds', () => this.persistence.outgoingEnqueue({ clientId: clientOf(queueId) }, packet));
  }

  markSent(queueId: QueueId, sequence: number, messageId: number): Lsn {
    const { mirror, known, work } = this.current;
    mirror.markSent(queueId, sequence, messageId);
    const queued = known.queues.get(queueId)?.get(sequence);
    if (queued === undefined) return work.add(queueId, 'changes', nothing);
    queued.messageId = messageId;
    return work.add(queueId, 'changes', () => this.persistence.outgoingUpdate({ id: clientOf(queueId) }, { ...queued.packet, messageId }));
  }

  markReleased(queueId: QueueId, sequence: number): Lsn {
    const { mirror, known, work } = this.current;
    mirror.markReleased(queueId, sequence);
    const queued = known.queues.get(queueId)?.get(sequence);
    if (queued?.messageId === undefined || queued.isReleased) return work.add(queueId, 'changes', nothing);
    queued.isReleased = true;
    return work.add(queueId, 'changes', () => this.persistence.outgoingUpdate({ id: clientOf(queueId) }, pubrelPacket(queued)));
  }

  dequeue(queueId: QueueId, sequence: number): Lsn {
    const { mirror, known, work } = this.current;
    mirror.dequeue(queueId, sequence);
    const queue = known.queues.get(queueId);
    const queued = queue?.get(sequence);
    if (queued === undefined) return work.add(queueId, 'changes', nothing);
    queue?.delete(sequence);
    return work.add(queueId, 'removes', deletion(this.persistence, clientOf(queueId), queued));
  }

  endGroup(sharedFilter: string): Lsn {
    const { mirror, known, work } = this.current;
    mirror.endGroup(sharedFilter);
    const queueId = groupQueueId(sharedFilter);
    const steps = this.forgetQueue(queueId);
    if (known.groups.delete(sharedFilter)) steps.push(() => this.persistence.storeRetained(clearingPacket(groupTopic(sharedFilter))));
    return work.add(queueId, 'removes', inTurn(steps));
  }

  // ---- retained messages -------------------------------------------------------------------------------------

  putRetained(message: Message): Lsn {
    const { mirror, work, clock } = this.current;
    const { topic } = message;
    mirror.putRetained(message);
    if (isOwnTopic(topic)) return work.add(topic, 'changes', nothing);
    const packet = retainedPacket(message, this.settings.brokerId, clock);
    return work.add(topic, 'adds', () => this.persistence.storeRetained(packet));
  }

  deleteRetained(topic: string): Lsn {
    const { mirror, work } = this.current;
    mirror.deleteRetained(topic);
    if (isOwnTopic(topic)) return work.add(topic, 'changes', nothing);
    return work.add(topic, 'changes', () => this.persistence.storeRetained(clearingPacket(topic)));
  }

  // ------------------------------------------------------------------------------------------------------------

  private get current(): Opened {
    if (this.opened === undefined) throw new BrokerError('ODN_ERR_INTERNAL', 'the storage is not open');
    return this.opened;
  }

  private client(id: string): { readonly id: string; readonly brokerId: string } {
    return { id, brokerId: this.settings.brokerId };
  }

  /** Before its first entry, or no one would look for its queue. */
  private putGroup(sharedFilter: string): void {
    const { known, work } = this.current;
    if (known.groups.has(sharedFilter)) return;
    known.groups.add(sharedFilter);
    work.add(groupQueueId(sharedFilter), 'changes', () => this.persistence.storeRetained(ownPacket(groupTopic(sharedFilter), {})));
  }

  private forgetQueue(queueId: QueueId): (() => Promise<unknown>)[] {
    const { queues } = this.current.known;
    const steps = [...(queues.get(queueId)?.values() ?? [])].map((queued) => deletion(this.persistence, clientOf(queueId), queued));
    queues.delete(queueId);
    return steps;
  }
}

const clientOf = (queueId: QueueId): string =>
  queueId.startsWith(groupPrefix) ? groupClientId(queueId.slice(groupPrefix.length)) : queueId.slice(sessionPrefix.length);

const nothing = async (): Promise<void> => undefined;

/** Done steps are not done again when a later one has failed. */
function inTurn(steps: (() => Promise<unknown>)[]): () => Promise<void> {
  let done = 0;
  return async () => {
    for (; done < steps.length; done += 1) await steps[done]?.();
  };
}

const newSet = <T>(): Set<T> => new Set();
const newMap = <K, V>(): Map<K, V> => new Map();

function entryOf<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}

const openFailure = (cause: unknown): BrokerError =>
  cause instanceof BrokerError
    ? cause
    : new BrokerError('ODN_ERR_STORAGE_OPEN', `the persistence did not open: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
