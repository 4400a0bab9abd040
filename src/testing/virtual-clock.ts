/**
 * Time that stands still until a test moves it. Everything the broker does because time passes happens inside
 * `advance`, in order of deadlines; everything it puts off to the end of a turn happens inside `flush`.
 */
import { setImmediate as turn } from 'node:timers/promises';
import type { Clock } from '../broker/clock.js';

interface Wake {
  readonly atMs: number;
  readonly wake: () => void;
}

/** More rounds than this mean that end-of-turn work goes on asking for more of itself. */
const roundsMax = 100_000;

/** Options of {@link VirtualClock}. @public */
export interface VirtualClockOptions {
  /** Monotonic start; default 0. */
  readonly nowMs?: number;
  /** Wall-clock start; default 2026-01-01T00:00:00Z. */
  readonly wallMs?: number;
}

/**
 * A clock for tests. One clock may serve several brokers: a wake is kept for each `wake` function, so a broker
 * that always passes the same function replaces its own only. One that makes a new function each time needs
 * a clock of its own from {@link VirtualClock.fork}.
 * @public
 */
export class VirtualClock implements Clock {
  #nowMs: number;
  /** What the wall clock is ahead of the monotonic one. */
  #wallAheadMs: number;
  /** In order of arrival, which decides between equal deadlines. */
  readonly #wakes = new Map<object, Wake>();
  #endOfTurn: (() => void)[] = [];
  #flushing = false;
  /** Things run so far, by which `settle` sees whether anything happened. */
  #runs = 0;

  /** Stands at `nowMs`, which the wall clock shows as `wallMs`. */
  constructor({ nowMs = 0, wallMs = 1_767_225_600_000 }: VirtualClockOptions = {}) {
    this.#nowMs = nowMs;
    this.#wallAheadMs = wallMs - nowMs;
  }

  now(): number {
    return this.#nowMs;
  }

  wall(): number {
    return this.#nowMs + this.#wallAheadMs;
  }

  wakeAt(atMs: number, wake: () => void): void {
    this.#setWake(wake, atMs, wake);
  }

  endOfTurn(run: () => void): void {
    this.#endOfTurn.push(run);
  }

  /** A clock with the same time and the same turns, and one wake of its own whatever function is passed. */
  fork(): Clock {
    const owner = {};
    return {
      now: () => this.now(),
      wall: () => this.wall(),
      wakeAt: (atMs, wake) => this.#setWake(owner, atMs, wake),
      endOfTurn: (run) => this.endOfTurn(run),
    };
  }

  /** Wakes and end-of-turn work still to come: 0 when nothing is left behind. */
  get pending(): number {
    return this.#wakes.size + this.#endOfTurn.length;
  }

  /** When the next wake is due, in monotonic milliseconds; `Infinity` when none is. */
  get nextWakeMs(): number {
    return this.#nextWake()?.[1].atMs ?? Infinity;
  }

  /** Ends the turn: runs the work put off to its end, and wakes that are due already, until none is left. */
  flush(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    try {
      for (let round = 0; this.#runDue(); round += 1) {
        if (round === roundsMax) throw new Error(`the turn does not end: ${roundsMax} rounds of end-of-turn work`);
      }
    } finally {
      this.#flushing = false;
    }
  }

  /**
   * Lets `ms` pass: goes from deadline to deadline, ends the turn at each, and stops exactly `ms` later.
   * Promise jobs do not run in between; see {@link VirtualClock.settle}.
   */
  advance(ms: number): void {
    if (!(ms >= 0) || ms === Infinity) throw new RangeError(`time cannot move by ${ms} ms`);
    if (this.#flushing) throw new Error('time cannot move from within a wake or end-of-turn work');
    const endMs = this.#nowMs + ms;
    this.flush();
    for (let next = this.nextWakeMs; next <= endMs; next = this.nextWakeMs) {
      this.#nowMs = Math.max(this.#nowMs, next);
      this.flush();
    }
    this.#nowMs = endMs;
  }

  /** Moves the wall clock alone, as an administrator or NTP does. */
  shiftWall(ms: number): void {
    this.#wallAheadMs += ms;
  }

  /** Lets promise jobs and end-of-turn work alternate until neither is left. Virtual time stands still. */
  async settle(): Promise<void> {
    // Two quiet turns: the first may have ended just before a stream or a promise went on.
    for (let quiet = 0; quiet < 2; ) {
      const before = this.#runs;
      this.flush();
      // oxlint-disable-next-line no-await-in-loop -- one real turn of the event loop after the other
      await turn();
      quiet = this.#runs === before && this.#endOfTurn.length === 0 ? quiet + 1 : 0;
    }
  }

  #setWake(owner: object, atMs: number, wake: () => void): void {
    this.#wakes.delete(owner);
    if (atMs !== Infinity) this.#wakes.set(owner, { atMs, wake });
  }

  #nextWake(): readonly [object, Wake] | undefined {
    let next: readonly [object, Wake] | undefined;
    for (const entry of this.#wakes) if (next === undefined || entry[1].atMs < next[1].atMs) next = entry;
    return next;
  }

  /** One round: what was put off so far, else the first wake that is due. False when there was nothing. */
  #runDue(): boolean {
    const due = this.#endOfTurn;
    if (due.length > 0) {
      this.#endOfTurn = [];
      this.#runs += due.length;
      for (const run of due) run();
      return true;
    }
    const next = this.#nextWake();
    if (next === undefined || next[1].atMs > this.#nowMs) return false;
    this.#wakes.delete(next[0]);
    this.#runs += 1;
    next[1].wake();
    return true;
  }
}

/** Short for `new VirtualClock(options)`. @public */
export function virtualClock(options?: VirtualClockOptions): VirtualClock {
  return new VirtualClock(options);
}
