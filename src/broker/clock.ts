/** The clock port and the real clock. Nothing else in the package calls timers, `setImmediate` or `Date`. */


/**
 * Time as the broker sees it. The test kit has a virtual one.
 * @public
 */
export interface Clock {
  /** Monotonic milliseconds; deadlines inside the broker are of this kind. */
  now(): number;
  /** Wall-clock milliseconds since 1970, for what is stored or shown. */
  wall(): number;
  /** Calls `wake` once when `now() >= atMs`; each call replaces the one before. `Infinity` calls it off. Any distance is allowed. */
  wakeAt(atMs: number, wake: () => void): void;
  /** Calls `run` once the events of this turn were handled, before the process waits for more. */
  endOfTurn(run: () => void): void;
  /**
   * Keeps the process alive until the returned function is called; `wakeAt` does not. Asked while the broker closes,
   * so that `await broker.close()` is not cut short where nothing else is left.
   */
  hold?(): () => void;
}

/** Timers beyond this overflow; a longer wait is cut into steps. */
const timerMsMax = 2 ** 31 - 1;

/** The process's own clock: `performance.now()`, one timer, `setImmediate`. */
export function systemClock(): Clock {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const wakeAt = (atMs: number, wake: () => void): void => {
    clearTimeout(timer);
    timer = undefined;
    if (atMs === Infinity) return;
    const waitMs = Math.max(0, Math.min(Math.ceil(atMs - performance.now()), timerMsMax));
    timer = setTimeout(() => {
      if (performance.now() >= atMs) wake();
      else wakeAt(atMs, wake);
    }, waitMs);
    timer.unref();
  };
  return {
    now: () => performance.now(),
    wall: () => Date.now(),
    wakeAt,
    endOfTurn: (run) => void setImmediate(run),
    hold: () => {
      const holding = setInterval(() => undefined, timerMsMax);
      return () => clearInterval(holding);
    },
  };
}
