/** No handle is left: the process ends by itself. Each case is a process of its own, run from source. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';

const run = promisify(execFile);
const fixture = (name: string): string => fileURLToPath(new URL(`../../fixtures/exit/${name}`, import.meta.url));
/** A process that has not ended by then is killed, which fails the test. */
const timeout = 20_000;

test('under Node’s test runner, after close()', async () => {
  // Without this the runner would think that it runs within another one.
  const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, ...env } = process.env;
  const { stdout } = await run(process.execPath, ['--import', 'tsx', '--test', fixture('closed.ts')], { timeout, env });
  expect(stdout).toContain('everything a broker opens is gone after close()');
  expect(stdout).toMatch(/pass 1\b/);
}, 30_000);

test('a broker that listens nowhere, without close()', async () => {
  const { NODE_OPTIONS: _, ...env } = process.env;
  const { stdout } = await run(process.execPath, ['--import', 'tsx', fixture('forgotten.ts')], { timeout, env });
  expect(stdout).toBe('done\n');
}, 30_000);
