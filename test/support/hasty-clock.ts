/** A clock for late stores: whatever is to come in some time comes in the next turn, and time jumps there. */
import type { LateClock } from 'odonata/testing';

export function hastyClock(): LateClock {
  let nowMs = 0;
  let next: { readonly atMs: number; readonly wake: () => void } | undefined;
  return {
    now: () => nowMs,
    endOfTurn: (run) => void setImmediate(run),
    wakeAt: (atMs, wake) => {
      const mine = atMs === Infinity ? undefined : { atMs, wake };
      next = mine;
      if (mine === undefined) return;
      setImmediate(() => {
        if (next !== mine) return;
        next = undefined;
        nowMs = Math.max(nowMs, atMs);
        wake();
      });
    },
  };
}
