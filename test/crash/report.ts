/** What is printed. */
import type { Tally } from './database.js';
import type { Violations } from './violations.js';

const shownMax = 40;

export function reportLines(tally: Tally, violations: Violations, seed: number, seconds: number): string[] {
  const { rounds, acks, kills, inFlight, inCheckpoint } = tally;
  const share = kills === 0 ? 0 : Math.round((inFlight / kills) * 100);
  // What is rare tells more.
  const rare = violations.all.toSorted((a, b) => violations.count(a.kind) - violations.count(b.kind));
  const shown = rare.slice(0, shownMax).map(({ kind, what, where }) => `  ${kind}: ${what} [${where}]`);
  const hidden = violations.all.length - shown.length;
  return [
    ...shown,
    ...(hidden > 0 ? [`  and ${hidden} more`] : []),
    `seed ${seed}, ${rounds} rounds in ${Math.round(seconds)} s, ${acks} acknowledgements`,
    `${kills} kills, ${inFlight} (${share} %) with a commit group in flight, ${inCheckpoint} of them in a checkpoint`,
    `lost ${violations.count('lost')}, duplicated QoS 2 ${violations.count('duplicated')}, inversions ${violations.count('inverted')}, other violations ${violations.count('other')}`,
  ];
}
