/** One mutant before the conformance tests, and the tests without any mutant. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readTitles } from '../conformance/citations.js';
import type { Mutant } from './draw.js';
import { mutated } from './mutations.js';
import { runTests, type Outcome } from './tests.js';

/** Files for one process: each leaves some 15 MB behind, and starting another takes a second. */
const shareFiles = 20;

/** All of test/conformance, or one version of it, but what compares pages with sources: that would see a comment move. */
export function testShares(copy: string, version: string | undefined): readonly (readonly string[])[] {
  const folder = 'test/conformance';
  const files = readdirSync(join(copy, folder), { recursive: true, encoding: 'utf8' })
    .map((file) => `${folder}/${file.replaceAll('\\', '/')}`)
    .filter((file) => file.endsWith('.test.ts') && !file.endsWith('/coverage.test.ts'))
    .filter((file) => version === undefined || file.startsWith(`${folder}/${version}/`))
    .toSorted();
  return Array.from({ length: Math.ceil(files.length / shareFiles) }, (_, index) => files.slice(index * shareFiles, (index + 1) * shareFiles));
}

/** Runs `work` for every item, one at a time on each copy. */
export async function onCopies<T>(copies: readonly string[], items: readonly T[], work: (copy: string, item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  await Promise.all(
    copies.map(async (copy) => {
      for (let item = left.shift(); item !== undefined; item = left.shift()) await work(copy, item);
    }),
  );
}

/** Without a mutant all must pass. @returns the milliseconds of the share that took longest, or what went wrong */
export async function runUntouched(copies: readonly string[], shares: readonly (readonly string[])[], signal: AbortSignal): Promise<number | Outcome> {
  let longestMs = 0;
  let wrong: Outcome | undefined;
  await onCopies(copies, shares, async (copy, files) => {
    const begun = performance.now();
    const outcome = await runTests(copy, { files, timeoutMs: 600_000, signal });
    longestMs = Math.max(longestMs, performance.now() - begun);
    if (!('passed' in outcome) || outcome.passed === 0) wrong = outcome;
  });
  return wrong ?? longestMs;
}

/** First the tests that name its statements, then all, until one fails. */
export async function tryMutant(
  copy: string,
  { file, keys, mutation }: Mutant,
  shares: readonly (readonly string[])[],
  limits: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<Outcome> {
  const path = join(copy, file);
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, mutated(text, mutation));
  try {
    const naming = new Set(readTitles(copy).filter(({ key }) => keys.includes(key)).map((title) => title.file));
    const likely = shares.flat().filter((name) => naming.has(name));
    const runs = [...(likely.length > 0 ? [{ files: likely, keys }] : []), ...shares.map((files) => ({ files }))];
    let passed = 0;
    for (const run of runs) {
      const outcome = await runTests(copy, { ...run, ...limits });
      if (!('passed' in outcome)) return outcome;
      passed += outcome.passed;
    }
    return { passed };
  } finally {
    writeFileSync(path, text);
  }
}
