/**
 * Prints what each step of .ci/run came to; the last line is the total of all test suites.
 * A step that failed without a failed test to show for it (lint, a crash, a missing tool) counts as one failure,
 * and so does a skipped test. Exits 1 on any failure.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const [folder = 'temp/ci'] = process.argv.slice(2);

/** The counts in the `--json` report of jest, or zeros for a step that is no suite. */
function countsOf(name) {
  const file = join(folder, `${name}.json`);
  if (!existsSync(file)) return { passed: 0, failed: 0 };
  const report = JSON.parse(readFileSync(file, 'utf8'));
  const skipped = report.numPendingTests + report.numTodoTests;
  return { passed: report.numPassedTests, failed: report.numFailedTests + report.numRuntimeErrorTestSuites + skipped };
}

const stepsFile = join(folder, 'steps.tsv');
const lines = existsSync(stepsFile) ? readFileSync(stepsFile, 'utf8').trim().split('\n') : [];
const steps = lines.map((line) => {
  const [name, outcome] = line.split('\t');
  const { passed, failed } = countsOf(name);
  return { name, outcome, passed, failed: outcome === 'failed' ? Math.max(failed, 1) : failed };
});
const sum = (count) => steps.reduce((total, step) => total + step[count], 0);

console.log('');
for (const { name, outcome, passed, failed } of steps) {
  console.log(`${name.padEnd(14)} ${passed + failed > 0 ? `${passed} passed, ${failed} failed` : outcome}`);
}
console.log(`${sum('passed')} passed, ${sum('failed')} failed`);
process.exitCode = sum('failed') > 0 || sum('passed') === 0 ? 1 : 0;
