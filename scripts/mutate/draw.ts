/** Which lines are mutated, and how: a seed repeats both. */
import { createPrng } from '../../src/util/prng.js';
import type { EnforcingLine } from './lines.js';
import type { Mutation } from './mutations.js';

export interface Mutant {
  readonly file: string;
  readonly line: number;
  readonly keys: readonly string[];
  readonly mutation: Mutation;
}

/**
 * `count` different lines, or all there are; for each a kind of mutation that applies to it, then one of that kind.
 * @param isReal - says whether it is worth a try; another is drawn when it is not
 */
export function drawMutants(
  lines: readonly EnforcingLine[],
  seed: number,
  count: number,
  isReal: (file: string, mutation: Mutation) => boolean,
): readonly Mutant[] {
  const prng = createPrng(seed);
  const mutants: Mutant[] = [];
  const left = [...lines];
  while (mutants.length < count && left.length > 0) {
    const [drawn] = left.splice(prng.below(left.length), 1);
    if (drawn === undefined) break;
    const { file, line, keys } = drawn;
    const untried = [...drawn.mutations];
    while (untried.length > 0) {
      const kind = prng.pick([...new Set(untried.map((one) => one.kind))]);
      const mutation = prng.pick(untried.filter((one) => one.kind === kind));
      untried.splice(untried.indexOf(mutation), 1);
      if (!isReal(file, mutation)) continue;
      mutants.push({ file, line, keys, mutation });
      break;
    }
  }
  return mutants;
}
