/** Answers of `authorize` that the hook said may be kept, for one client: no answer ever serves another. */
import type { Verdict } from '../hooks/hooks.js';

/** Topics remembered per client and kind of action; the oldest goes first. */
const decisionsMax = 512;

export class DecisionCache {
  private verdicts: Map<string, Verdict> | undefined = undefined;

  get(type: 'publish' | 'deliver', topic: string): Verdict | undefined {
    return this.verdicts?.get(key(type, topic));
  }

  set(type: 'publish' | 'deliver', topic: string, verdict: Verdict): void {
    const verdicts = (this.verdicts ??= new Map());
    if (verdicts.size >= decisionsMax) verdicts.delete(verdicts.keys().next().value as string);
    verdicts.set(key(type, topic), verdict);
  }

  clear(): void {
    this.verdicts = undefined;
  }
}

const key = (type: 'publish' | 'deliver', topic: string): string => (type === 'publish' ? 'p' : 'd') + topic;
