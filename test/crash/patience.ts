/** Waiting, with an end: what does not come while nothing else comes either is never going to. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Awaited } from './violations.js';

const pollMs = 4;

/**
 * Waits until `awaited` says that nothing is missing; gives up when `progress` has stood still for so long, and
 * returns what is missing then.
 */
export async function patience(awaited: () => readonly Awaited[], progress: () => number, stillMs: number): Promise<readonly Awaited[]> {
  let last = progress();
  let since = Date.now();
  for (;;) {
    const missing = awaited();
    if (missing.length === 0) return [];
    await sleep(pollMs);
    if (progress() !== last) {
      last = progress();
      since = Date.now();
    } else if (Date.now() - since > stillMs) return missing;
  }
}
