/** Answers of `authorize` that the hook said may be kept, for one client: no answer ever serves another. */
import type { Verdict } from '../hooks/hooks.js';

/** Topics remembered per client and kind of action; the oldest goes first. */
const decisionsMax = 512;

export class DecisionCache {
  /** Raised by `clear`: the answer to a question that was put before is not kept. */
  clears = 0;
  private verdicts: Map<string, Verdict> | undefined = undefined;
  /** Of the hooks that gave these answers. */
  private generation = 0;

  /** @param generation - of the hooks there are now: others' answers are void. */
  get(type: 'publish' | 'deliver', topic: string, generation: number): Verdict | undefined {
    return this.generation === generation ? this.verdicts?.get(key(type, topic)) : undefined;
  }

  set(type: 'publish' | 'deliver', topic: string, generation: number, verdict: Verdict): void {
    if (this.generation !== generation) this.verdicts = undefined;
    this.generation = generation;
    const verdicts = (this.verdicts ??= new Map());
    if (verdicts.size >= decisionsMax) verdicts.delete(verdicts.keys().next().value as string);
    verdicts.set(key(type, topic), verdict);
  }

  clear(): void {
    this.clears += 1;
    this.verdicts = undefined;
  }
}

const key = (type: 'publish' | 'deliver', topic: string): string => (type === 'publish' ? 'p' : 'd') + topic;
