/**
 * Calls to a persistence, many at a time, in an order that loses nothing when the process dies between two of them:
 * those of one lane run one after the other, and one that removes waits until everything asked for before it that
 * adds is stored. What was asked for counts as stored up to the first call that is not.
 */
import { BrokerError } from '../../errors/errors.js';
import type { Lsn, StorageClock, StorageListener } from '../../storage/storage.js';
import { RingQueue } from '../../util/ring-queue.js';
import { isGone } from './aedes-queue.js';

/** Whether a call adds what a later removal in another lane may rely on. */
export type WorkKind = 'adds' | 'removes' | 'changes';

interface Work {
  readonly lsn: Lsn;
  readonly lane: string;
  readonly kind: WorkKind;
  readonly run: () => Promise<unknown>;
  isSettled: boolean;
}

const runningMax = 64;
const retryFirstMs = 100;
const retryMs = 5000;

export class OrderedWork {
  /** Everything up to here is stored, and was told to be. */
  durableLsn: Lsn = 0;
  private lsn: Lsn = 0;
  /** Not settled, or behind one that is not. */
  private readonly pending = new RingQueue<Work>();
  /** Those of `pending` that add. */
  private readonly adding = new RingQueue<Work>();
  /** By lane, the one that may run first. */
  private readonly lanes = new Map<string, RingQueue<Work>>();
  /** Could run if there were not too many at once. */
  private readonly ready = new RingQueue<Work>();
  /** First of their lanes, and waiting for what adds. */
  private held: Work[] = [];
  private running = 0;
  private settledLsn: Lsn = 0;
  /** The first that was given up when the broker closed: nothing from there on counts as stored. */
  private lostLsn: Lsn = Infinity;
  private isTelling = false;
  private fault: BrokerError | undefined = undefined;
  private isClosing = false;
  private readonly retries = new Set<() => void>();
  private readonly failing = new Set<Work>();
  private whenIdle: (() => void) | undefined = undefined;
  private readonly listener: StorageListener;
  private readonly clock: StorageClock;

  constructor(listener: StorageListener, clock: StorageClock) {
    this.listener = listener;
    this.clock = clock;
  }

  /** Puts a call on its way; a call that fails is made again until it succeeds. */
  add(lane: string, kind: WorkKind, run: () => Promise<unknown>): Lsn {
    const work: Work = { lsn: (this.lsn += 1), lane, kind, run, isSettled: false };
    this.pending.push(work);
    if (kind === 'adds') this.adding.push(work);
    let queue = this.lanes.get(lane);
    if (queue === undefined) this.lanes.set(lane, (queue = new RingQueue()));
    queue.push(work);
    if (queue.length === 1) this.offer(work);
    return work.lsn;
  }

  /** Waits for everything; gives up, and throws, what fails once more. */
  async close(): Promise<void> {
    this.isClosing = true;
    for (const wake of [...this.retries]) wake();
    if (this.pending.length > 0) await new Promise<void>((resolve) => (this.whenIdle = resolve));
    this.tell();
    if (this.fault !== undefined) throw this.fault;
  }

  /** `work` is the first of its lane. */
  private offer(work: Work): void {
    const oldest = this.adding.peek();
    if (work.kind === 'removes' && oldest !== undefined && oldest.lsn < work.lsn) this.held.push(work);
    else this.start(work);
  }

  private start(work: Work): void {
    if (this.running >= runningMax) return void this.ready.push(work);
    this.running += 1;
    void this.runUntilStored(work).then((isStored) => {
      if (!isStored) this.lostLsn = Math.min(this.lostLsn, work.lsn);
      this.settle(work);
    });
  }

  /** Resolves when `work` is stored, or with `false` when it is given up as the broker closes. */
  private async runUntilStored(work: Work): Promise<boolean> {
    for (let waitMs = retryFirstMs; ; waitMs = Math.min(waitMs * 2, retryMs)) {
      try {
        await work.run();
        this.recovered(work);
        return true;
      } catch (error) {
        if (isGone(error)) {
          this.listener.onDamaged(new BrokerError('ODN_ERR_STORAGE_CORRUPT', `a queued message is no longer in the persistence: ${error.message}`, { cause: error }));
          this.recovered(work);
          return true;
        }
        this.failed(work, error);
      }
      if (this.isClosing) return false;
      await this.wait(waitMs);
    }
  }

  private wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.retries.delete(wake);
        resolve();
      };
      this.retries.add(wake);
      this.clock.after(ms, wake);
    });
  }

  private failed(work: Work, cause: unknown): void {
    const message = cause instanceof Error ? cause.message : String(cause);
    const error = new BrokerError('ODN_ERR_STORAGE_WRITE', `the persistence could not write: ${message}`, { cause });
    const isFirst = this.failing.size === 0;
    this.failing.add(work);
    this.fault = error;
    if (!isFirst) return;
    this.listener.onState('failed', error);
    this.listener.onFailed(this.durableLsn, this.lsn, error);
  }

  private recovered(work: Work): void {
    if (!this.failing.delete(work) || this.failing.size > 0) return;
    this.fault = undefined;
    this.listener.onState('ok');
  }

  private settle(work: Work): void {
    this.running -= 1;
    work.isSettled = true;
    const lane = this.lanes.get(work.lane);
    lane?.shift();
    const next = lane?.peek();
    if (next === undefined) this.lanes.delete(work.lane);
    while (this.adding.peek()?.isSettled === true) this.adding.shift();
    while (this.pending.peek()?.isSettled === true) {
      const { lsn } = this.pending.shift() as Work;
      if (lsn < this.lostLsn) this.settledLsn = lsn;
    }
    if (next !== undefined) this.offer(next);
    if (work.kind === 'adds' && this.held.length > 0) for (const held of this.held.splice(0)) this.offer(held);
    while (this.running < runningMax && this.ready.length > 0) this.start(this.ready.shift() as Work);
    this.tellSoon();
    if (this.pending.length === 0) this.whenIdle?.();
  }

  /** Answers that come in together are told together. */
  private tellSoon(): void {
    if (this.isTelling || this.settledLsn === this.durableLsn) return;
    this.isTelling = true;
    void Promise.resolve().then(() => this.tell());
  }

  private tell(): void {
    this.isTelling = false;
    if (this.settledLsn === this.durableLsn) return;
    this.durableLsn = this.settledLsn;
    this.listener.onDurable(this.durableLsn);
  }
}
