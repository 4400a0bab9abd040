/**
 * The durable store: every change goes to the log first, one commit group after the other, and from there into runs
 * and records at a checkpoint. See docs/internals/durability.md.
 */
import { BrokerError } from '../../errors/errors.js';
import type { Message } from '../../packet/publication.js';
import { invariant } from '../../util/invariant.js';
import type { KeyValueStore } from '../key-value-store.js';
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
  SubscriptionRecord,
  WillRecord,
} from '../storage.js';
import { Changes } from './changes.js';
import { Committer } from './committer.js';
import { guarded, type Guard } from './guarded.js';
import { Journal } from './journal.js';
import { LogWriter } from './log.js';
import { Listings } from './listings.js';
import { QueueQueries } from './queue-queries.js';
import { RetainedQueries } from './retained-queries.js';
import { recover } from './recovery.js';
import { readFailure } from './sealed.js';
import { StoreState } from './store-state.js';

/** Options of {@link durableStorage}. @public */
export interface DurableStorageOptions {
  /**
   * Bytes of log after which a checkpoint moves what is still needed to where it stays, and the log is deleted. More
   * costs memory and time at the next start, less costs writes.
   * @defaultValue `8_388_608` (8 MiB)
   */
  readonly checkpointBytes?: number;
}

/**
 * A store that keeps everything in `store`: what was acknowledged is there again when the next broker opens it.
 * @param store - any ordered store of bytes with atomic batches
 * @public
 */
export function durableStorage(store: KeyValueStore, options: DurableStorageOptions = {}): Storage {
  return new DurableStorage(store, options.checkpointBytes ?? checkpointBytesDefault);
}

const checkpointBytesDefault = 8 * 1024 * 1024;

/** One opening of the store: what belongs to it begins anew with the next. */
interface Opened {
  readonly state: StoreState;
  readonly log: LogWriter;
  readonly changes: Changes;
  readonly journal: Journal;
  readonly committer: Committer;
  readonly queues: QueueQueries;
  readonly retained: RetainedQueries;
  readonly listings: Listings;
  readonly guard: Guard;
}

class DurableStorage implements Storage {
  readonly supports: StorageSupport;
  private readonly store: KeyValueStore;
  private readonly checkpointBytes: number;
  private clock: StorageClock = closedClock;
  private opened: Opened | undefined = undefined;
  private readonly loads = new Set<Promise<void>>();

  constructor(store: KeyValueStore, checkpointBytes: number) {
    this.store = store;
    this.supports = store.supports;
    this.checkpointBytes = checkpointBytes;
  }

  get durableLsn(): Lsn {
    return this.opened?.committer.durableLsn ?? 0;
  }

  get memoryBytes(): number {
    const { opened } = this;
    return opened === undefined ? 0 : opened.state.bodies.queuedBytes + opened.log.bytes + opened.committer.bytes;
  }

  async open(hearer: StorageListener, clock: StorageClock): Promise<void> {
    if (this.clock !== closedClock) throw new BrokerError('ODN_ERR_STORAGE_LOCKED', 'this storage is in use by another broker that is open');
    const { store } = this;
    this.clock = clock;
    const { listener, guard } = guarded(hearer);
    try {
      const state = new StoreState();
      const log = new LogWriter(clock);
      await store.open();
      const recovered = await recover(store, state, clock);
      const onDamaged = (error: BrokerError): void => listener.onDamaged(error);
      const journal = new Journal({ store, state, log, clock, checkpointBytes: this.checkpointBytes, onDamaged }, recovered);
      const committer = new Committer(store, journal, listener, clock);
      const changes = new Changes(state, log, journal, committer, clock);
      const queues = new QueueQueries(store, state, clock);
      const retained = new RetainedQueries(store, state, clock);
      const listings = new Listings(store, state, clock);
      this.opened = { state, log, changes, journal, committer, queues, retained, listings, guard };
    } catch (error) {
      this.clock = closedClock;
      await store.close().catch(() => undefined);
      throw openFailure(error);
    }
  }

  async close(): Promise<void> {
    const { opened } = this;
    if (opened === undefined || this.clock === closedClock) return;
    opened.journal.wantCheckpoint();
    try {
      await opened.committer.close();
    } finally {
      opened.journal.giveUp();
      while (this.loads.size > 0) await Promise.all(this.loads);
      this.clock = closedClock;
      await this.store.close();
    }
  }

  // ---- changes -----------------------------------------------------------------------------------------------

  putSession(session: SessionRecord): Lsn {
    return this.changes.putSession(session);
  }
  endSession(clientId: string): Lsn {
    return this.changes.endSession(clientId);
  }
  putSubscription(clientId: string, subscription: SubscriptionRecord): Lsn {
    return this.changes.putSubscription(clientId, subscription);
  }
  deleteSubscription(clientId: string, topicFilter: string): Lsn {
    return this.changes.deleteSubscription(clientId, topicFilter);
  }
  enqueue(queue: QueueId, entry: QueueEntry): Lsn {
    return this.changes.enqueue(queue, entry);
  }
  markSent(queue: QueueId, sequence: number, packetId: number): Lsn {
    return this.changes.markSent(queue, sequence, packetId);
  }
  markReleased(queue: QueueId, sequence: number): Lsn {
    return this.changes.markReleased(queue, sequence);
  }
  dequeue(queue: QueueId, sequence: number): Lsn {
    return this.changes.dequeue(queue, sequence);
  }
  endGroup(sharedFilter: string): Lsn {
    return this.changes.endGroup(sharedFilter);
  }
  putReceived(clientId: string, packetId: number): Lsn {
    return this.changes.putReceived(clientId, packetId);
  }
  deleteReceived(clientId: string, packetId: number): Lsn {
    return this.changes.deleteReceived(clientId, packetId);
  }
  putRetained(message: Message): Lsn {
    return this.changes.putRetained(message);
  }
  deleteRetained(topic: string): Lsn {
    return this.changes.deleteRetained(topic);
  }
  putWill(clientId: string, will: WillRecord): Lsn {
    return this.changes.putWill(clientId, will);
  }
  deleteWill(clientId: string): Lsn {
    return this.changes.deleteWill(clientId);
  }

  private get changes(): Changes {
    invariant(this.opened !== undefined, 'the storage is not open');
    return this.opened.changes;
  }

  // ---- questions ---------------------------------------------------------------------------------------------

  load<K extends LoadKind>(query: LoadQueries[K] & { readonly type: K }, done: LoadDone<K>): void {
    if (this.opened === undefined || this.opened.committer.isClosing) return; // nobody waits any more
    const inMemory = this.answerFromMemory(query) as LoadAnswers[K] | undefined;
    if (inMemory !== undefined) return done(inMemory);
    const { guard } = this.opened;
    const tell = (answer: LoadAnswers[LoadKind] | BrokerError): void => guard(() => done(answer as LoadAnswers[K] | BrokerError));
    const load = this.answer(query).then(tell, (error: unknown) => tell(readFailure(error, `what the broker asked for (${query.type})`)));
    const settled = load.finally(() => this.loads.delete(settled));
    this.loads.add(settled);
  }

  private answerFromMemory(query: LoadQueries[LoadKind]): LoadAnswers[LoadKind] | undefined {
    const { journal, queues, retained } = this.opened as Opened;
    if (journal.isSettling) return undefined;
    if (query.type === 'queue') return queues.inMemory(query);
    if (query.type === 'retained') return retained.inMemory(query);
    return undefined;
  }

  private async answer(query: LoadQueries[LoadKind]): Promise<LoadAnswers[LoadKind]> {
    const { journal, committer, queues, retained, listings } = this.opened as Opened;
    if (query.type === 'sessions' || query.type === 'groups' || query.type === 'retainedTopics') {
      // The disk says all of it then.
      journal.wantCheckpoint();
      while (journal.isCheckpointWanted && !committer.isClosing) await committer.start();
    }
    // From here to the first read nothing may come between: a checkpoint moves what is in memory to the disk.
    while (journal.isSettling || committer.isReopening) await Promise.all([journal.whenSettled(), committer.whenReopened()]);
    if (journal.isGivenUp) throw new BrokerError('ODN_ERR_CLOSED', 'the store was closed before it could answer');
    switch (query.type) {
      case 'sessions':
        return listings.sessions(query);
      case 'groups':
        return listings.groups();
      case 'retainedTopics':
        return listings.retainedTopics(query);
      case 'session':
        return queues.inflight(query);
      case 'queue':
        return queues.page(query);
      case 'retained':
        return retained.onDisk(query);
    }
  }
}

const closedClock: StorageClock = { now: () => 0, wall: () => 0, endOfTurn: () => undefined, after: () => undefined };

const openFailure = (cause: unknown): BrokerError =>
  cause instanceof BrokerError
    ? cause
    : new BrokerError('ODN_ERR_STORAGE_OPEN', `the store did not open: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
