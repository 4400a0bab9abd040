/** Every deadline of a broker in one heap behind one timer: nothing else waits for time. */
import { DeadlineHeap } from '../util/deadline-heap.js';
import type { DeadlineEntry } from '../util/deadline-heap.js';

/** Something that is called when its time has come. */
export interface DeadlineTarget {
  onDeadline(nowMs: number): void;
}

/** A deadline that was set; hand it back to move or cancel it. */
export type Deadline = DeadlineEntry<DeadlineTarget>;

/** Deadlines fired in one go before other work gets its turn. */
const firedPerTurnMax = 1000;

export class Deadlines {
  private readonly heap = new DeadlineHeap<DeadlineTarget>();
  private armedAtMs = Infinity;
  private stopped = false;
  private readonly now: () => number;
  private readonly wakeAt: (atMs: number, wake: () => void) => void;
  private readonly onError: (error: unknown) => void;

  constructor(now: () => number, wakeAt: (atMs: number, wake: () => void) => void, onError: (error: unknown) => void) {
    this.now = now;
    this.wakeAt = wakeAt;
    this.onError = onError;
  }

  /** Deadlines that are set. */
  get size(): number {
    return this.heap.size;
  }

  set(target: DeadlineTarget, atMs: number): Deadline {
    const entry = this.heap.add(atMs, target);
    this.arm();
    return entry;
  }

  move(deadline: Deadline, atMs: number): void {
    this.heap.move(deadline, atMs);
    this.arm();
  }

  cancel(deadline: Deadline): void {
    this.heap.remove(deadline);
  }

  /** Fires what is due. */
  run(): void {
    this.armedAtMs = Infinity;
    const nowMs = this.now();
    for (let fired = 0; fired < firedPerTurnMax; fired += 1) {
      const target = this.heap.popDue(nowMs);
      if (target === undefined) break;
      try {
        target.onDeadline(nowMs);
      } catch (error) {
        this.onError(error); // the others still have to come
      }
    }
    this.arm();
  }

  /** Fires nothing any more, also of what is set from now on. */
  stop(): void {
    this.stopped = true;
    this.wakeAt(Infinity, this.wake);
  }

  /** A deadline that moved later leaves the timer as it is: waking early costs less than arming anew each time. */
  private arm(): void {
    const atMs = this.heap.peek()?.at ?? Infinity;
    if (atMs >= this.armedAtMs || this.stopped) return;
    this.armedAtMs = atMs;
    this.wakeAt(atMs, this.wake);
  }

  private readonly wake = (): void => this.run();
}

/** A deadline target made of a function, for what is set once. */
export const calls = (run: (nowMs: number) => void): DeadlineTarget => ({ onDeadline: run });
