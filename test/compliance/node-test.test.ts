/** Goal: the suites belong to no test runner. Method: what Jest runs here runs under `node:test` in a process of its own. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';

const file = join(import.meta.dirname, '..', 'fixtures', 'suites', 'node-test.ts');

test('the compliance suites run under node:test', async () => {
  const options = { timeout: 60_000, env: { ...process.env, NODE_OPTIONS: '', NODE_TEST_CONTEXT: undefined } };
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', '--test', '--test-reporter=tap', file], options);
  expect(Number(/^# pass (\d+)$/m.exec(stdout)?.[1])).toBeGreaterThan(80);
  expect(stdout).toMatch(/^# fail 0$/m);
}, 60_000);
