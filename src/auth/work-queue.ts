/**
 * Bounded concurrency for work that is dear: so many at a time, so many waiting, and beyond that none. Whoever goes
 * away gives up its place.
 */

interface Waiting {
  readonly start: () => void;
}

export class WorkQueue {
  readonly #runningMax: number;
  readonly #waitingMax: number;
  readonly #waiting = new Set<Waiting>();
  #running = 0;

  constructor(runningMax: number, waitingMax: number) {
    this.#runningMax = runningMax;
    this.#waitingMax = waitingMax;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Runs `work` when its turn comes. `undefined` when there is no room to wait; resolves with `undefined` when
   * `signal` fires before the turn has come.
   */
  run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T | undefined> | undefined {
    if (this.#running < this.#runningMax) return this.#start(work);
    if (this.#waiting.size >= this.#waitingMax) return undefined;
    if (signal.aborted) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const onAbort = (): void => {
        this.#waiting.delete(waiting);
        resolve(undefined);
      };
      const start = (): void => {
        signal.removeEventListener('abort', onAbort);
        resolve(this.#start(work));
      };
      const waiting: Waiting = { start };
      this.#waiting.add(waiting);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  async #start<T>(work: () => Promise<T>): Promise<T> {
    this.#running += 1;
    try {
      return await work();
    } finally {
      this.#running -= 1;
      const [next] = this.#waiting;
      if (next !== undefined) {
        this.#waiting.delete(next);
        next.start();
      }
    }
  }
}
