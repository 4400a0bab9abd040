/**
 * A store that is always late: it answers no `load` in the same call and makes nothing durable at once. It wraps
 * a store that is prompt, so that every test can also run the way a disk would have it. It can be told to fail
 * and to stall.
 */
import type { Clock } from '../broker/clock.js';
import { BrokerError } from '../errors/errors.js';
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
} from '../storage/storage.js';
import type { Message } from '../packet/publication.js';
import { DeadlineHeap } from '../util/deadline-heap.js';

/** How late a {@link LateStorage} is. @public */
export interface LateStorageOptions {
  /** Milliseconds from `load` to its answer; default 1. With 0 it still comes in a later turn. */
  readonly answerMs?: number;
  /** Milliseconds a commit group is on its way; default 1. With 0 it is durable in a later turn. */
  readonly commitMs?: number;
  /**
   * Whether an answer shows the store as it was when it was asked (a snapshot that may be stale by then), or as it
   * is when it answers. A store may do either. Default `asked`, which is harder on the broker.
   */
  readonly readAt?: 'asked' | 'answered';
  /** What the store claims to survive; default `power`. */
  readonly durability?: StorageSupport['durability'];
}

/** A store that is late, and fails and stalls on demand. @public */
export interface LateStorage extends Storage {
  /** The commit group that is on its way, or else the next one, fails. The wrapped store keeps its changes all the same. */
  failNext(error?: BrokerError): void;
  /** The next `load` is answered with an error. */
  failNextLoad(error?: BrokerError): void;
  /** From now on nothing becomes durable and nothing is answered. */
  stall(): void;
  /** What is due by now goes on at once. */
  resume(): void;
}

/** What of a clock a {@link LateStorage} needs. @public */
export type LateClock = Pick<Clock, 'now' | 'wakeAt' | 'endOfTurn'>;

/**
 * Makes `inner`, a store that answers at once, late.
 * @param clock - a virtual clock, or one that nobody else calls `wakeAt` of
 * @public
 */
export function lateStorage(
  inner: Storage,
  clock: LateClock,
  options: LateStorageOptions = {},
): LateStorage {
  return new LateStore(inner, clock, options);
}

class LateStore implements LateStorage {
  readonly supports: StorageSupport;
  private readonly inner: Storage;
  private readonly clock: LateClock;
  private readonly answerMs: number;
  private readonly commitMs: number;
  private readonly readsWhenAsked: boolean;
  /** Answers and commits to come. */
  private readonly due = new DeadlineHeap<() => void>();
  private listener: StorageListener | undefined = undefined;
  private lsn: Lsn = 0;
  private durable: Lsn = 0;
  /** Everything up to here is durable or has failed. */
  private settled: Lsn = 0;
  /** End of the commit group on its way. */
  private sent: Lsn | undefined = undefined;
  private isSendingSoon = false;
  private isStalled = false;
  private isFailed = false;
  private commitFault: BrokerError | undefined = undefined;
  private loadFault: BrokerError | undefined = undefined;

  constructor(inner: Storage, clock: LateClock, options: LateStorageOptions) {
    const { answerMs = 1, commitMs = 1, readAt = 'asked', durability = 'power' } = options;
    this.inner = inner;
    this.clock = clock;
    this.answerMs = answerMs;
    this.commitMs = commitMs;
    this.readsWhenAsked = readAt === 'asked';
    this.supports = { durability };
  }

  get durableLsn(): Lsn {
    return this.durable;
  }

  get memoryBytes(): number {
    return this.inner.memoryBytes;
  }

  /** Opens in the same call where the wrapped store does. */
  open(listener: StorageListener, clock: StorageClock): Promise<void> | void {
    this.listener = listener;
    return this.inner.open({ onDurable() {}, onFailed() {}, onState() {}, onDamaged: (error) => listener.onDamaged(error) }, clock);
  }

  async close(): Promise<void> {
    this.isStalled = false;
    this.send();
    for (let run = this.due.popDue(Infinity); run !== undefined; run = this.due.popDue(Infinity)) run();
    this.arm();
    this.listener = undefined;
    await this.inner.close();
  }

  failNext(error = new BrokerError('ODN_ERR_STORAGE_WRITE', 'the write was made to fail')): void {
    this.commitFault = error;
  }

  failNextLoad(error = new BrokerError('ODN_ERR_STORAGE_READ', 'the read was made to fail')): void {
    this.loadFault = error;
  }

  stall(): void {
    if (this.isStalled) return;
    this.isStalled = true;
    this.arm();
    this.listener?.onState('stalled');
  }

  resume(): void {
    if (!this.isStalled) return;
    this.isStalled = false;
    this.arm();
    this.listener?.onState('ok');
  }

  load<K extends LoadKind>(query: LoadQueries[K] & { readonly type: K }, done: LoadDone<K>): void {
    const fault = this.loadFault;
    this.loadFault = undefined;
    if (fault !== undefined) this.after(this.answerMs, () => done(fault));
    else if (this.readsWhenAsked) this.inner.load<K>(query, (answer) => this.after(this.answerMs, () => done(answer)));
    else this.after(this.answerMs, () => this.inner.load<K>(query, done));
  }

  putSession(session: SessionRecord): Lsn {
    return this.changed(this.inner.putSession(session));
  }
  endSession(clientId: string): Lsn {
    return this.changed(this.inner.endSession(clientId));
  }
  putSubscription(clientId: string, subscription: SubscriptionRecord): Lsn {
    return this.changed(this.inner.putSubscription(clientId, subscription));
  }
  deleteSubscription(clientId: string, topicFilter: string): Lsn {
    return this.changed(this.inner.deleteSubscription(clientId, topicFilter));
  }
  enqueue(queue: QueueId, entry: QueueEntry): Lsn {
    return this.changed(this.inner.enqueue(queue, entry));
  }
  markSent(queue: QueueId, sequence: number, packetId: number): Lsn {
    return this.changed(this.inner.markSent(queue, sequence, packetId));
  }
  markReleased(queue: QueueId, sequence: number): Lsn {
    return this.changed(this.inner.markReleased(queue, sequence));
  }
  dequeue(queue: QueueId, sequence: number): Lsn {
    return this.changed(this.inner.dequeue(queue, sequence));
  }
  endGroup(sharedFilter: string): Lsn {
    return this.changed(this.inner.endGroup(sharedFilter));
  }
  putReceived(clientId: string, packetId: number): Lsn {
    return this.changed(this.inner.putReceived(clientId, packetId));
  }
  deleteReceived(clientId: string, packetId: number): Lsn {
    return this.changed(this.inner.deleteReceived(clientId, packetId));
  }
  putRetained(message: Message): Lsn {
    return this.changed(this.inner.putRetained(message));
  }
  deleteRetained(topic: string): Lsn {
    return this.changed(this.inner.deleteRetained(topic));
  }
  putWill(clientId: string, will: WillRecord): Lsn {
    return this.changed(this.inner.putWill(clientId, will));
  }
  deleteWill(clientId: string): Lsn {
    return this.changed(this.inner.deleteWill(clientId));
  }

  /** Counts a change that the wrapped store has made; its own number says nothing here. */
  private changed(_innerLsn: Lsn): Lsn {
    this.lsn += 1;
    if (this.sent === undefined && !this.isSendingSoon) {
      this.isSendingSoon = true;
      this.clock.endOfTurn(this.send);
    }
    return this.lsn;
  }

  /** Closes the open commit group and puts it on its way; the next one fills meanwhile. */
  private readonly send = (): void => {
    this.isSendingSoon = false;
    if (this.sent !== undefined || this.lsn === this.settled) return;
    this.sent = this.lsn;
    this.after(this.commitMs, this.commit);
  };

  private readonly commit = (): void => {
    const from = this.settled;
    const to = this.sent ?? from;
    const fault = this.commitFault;
    this.commitFault = undefined;
    this.sent = undefined;
    this.settled = to;
    this.send();
    if (fault !== undefined) {
      this.isFailed = true;
      this.listener?.onState('failed', fault);
      this.listener?.onFailed(from, to, fault);
      return;
    }
    this.durable = to;
    if (this.isFailed) this.listener?.onState('ok');
    this.isFailed = false;
    this.listener?.onDurable(to);
  };

  private after(ms: number, run: () => void): void {
    this.due.add(this.clock.now() + ms, run);
    this.arm();
  }

  private arm(): void {
    this.clock.wakeAt(this.isStalled ? Infinity : (this.due.peek()?.at ?? Infinity), this.wake);
  }

  private readonly wake = (): void => {
    this.runDue(this.clock.now());
  };

  /** What is due by now, not what that leads to: a question put from within an answer has its answer in a later turn. */
  private runDue(now: number): void {
    const due: (() => void)[] = [];
    for (let run = this.due.popDue(now); run !== undefined; run = this.due.popDue(now)) due.push(run);
    for (const run of due) {
      if (this.isStalled) this.after(0, run);
      else run();
    }
    this.arm();
  }
}
