/**
 * `npm run mutate -- --seed 1`: do the conformance tests see it when a line that enforces a statement is changed?
 * Draws cited lines of src by the seed, changes each in a private copy and runs the tests until one fails.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readCitations } from '../conformance/citations.js';
import { makeCopies } from './copies.js';
import { drawMutants } from './draw.js';
import { enforcingLines } from './lines.js';
import { isReal } from './mutations.js';
import { isEnough, linesOf, summaryOf, type Result, type Survivor } from './report.js';
import { onCopies, runUntouched, testShares, tryMutant } from './trial.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e9)) },
    count: { type: 'string', default: '60' },
    workers: { type: 'string', default: String(availableParallelism()) },
    /** `v5` or `v3.1.1`: statements and tests of that version alone. */
    version: { type: 'string' },
  },
});
const integer = (name: 'seed' | 'count' | 'workers'): number => {
  if (!/^\d{1,9}$/.test(values[name])) throw new Error(`--${name} ${values[name]}: it must be an integer from 0`);
  return Number(values[name]);
};
const seed = integer('seed');
const count = integer('count');
const { version } = values;

const interrupted = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interrupted.abort());
const { signal } = interrupted;

const started = performance.now();
const copies = makeCopies(fileURLToPath(new URL('../..', import.meta.url)), Math.max(1, integer('workers')));
try {
  process.exitCode = (await main(copies.roots)) ? 0 : 1;
} finally {
  copies.remove();
}

async function main(roots: readonly string[]): Promise<boolean> {
  const [first = ''] = roots;
  const textOf = (file: string): string => readFileSync(join(first, file), 'utf8');
  const citations = readCitations(first).filter(({ key }) => version === undefined || key.startsWith(`${version} `));
  const lines = enforcingLines(citations, textOf);
  const mutants = drawMutants(lines, seed, count, (file, mutation) => isReal(textOf(file), mutation));
  console.log(`seed ${seed}: ${mutants.length} of ${lines.length} lines that enforce a statement\n`);

  const shares = testShares(first, version);
  const untouched = await runUntouched(roots, shares, signal);
  if (typeof untouched !== 'number') {
    console.log(`without any mutation the tests must pass: ${JSON.stringify(untouched)}`);
    return false;
  }
  const timeoutMs = 30_000 + 4 * untouched;

  const known = JSON.parse(textOf('test/conformance/survivors.json')) as readonly Survivor[];
  const results: Result[] = [];
  await onCopies(roots, mutants, async (copy, mutant) => {
    if (signal.aborted) return;
    const outcome = await tryMutant(copy, mutant, shares, { timeoutMs, signal });
    if (signal.aborted) return;
    results.push({ mutant, outcome });
    console.log(`${results.length}. ${linesOf({ mutant, outcome }, known).join('\n  ')}\n`);
  });
  console.log(summaryOf(results, known, (performance.now() - started) / 1000).join('\n'));
  return !signal.aborted && isEnough(results);
}
