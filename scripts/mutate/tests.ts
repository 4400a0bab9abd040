/** Runs conformance tests of a copy, each time in a process of its own, until the first one fails. */
import { spawn } from 'node:child_process';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** `passed` counts tests. `ended` says why there is no test to name: a hang, or a process that died. */
export type Outcome =
  | { readonly passed: number }
  | { readonly failed: { readonly path: string; readonly title: string } }
  | { readonly ended: string };

export interface TestRun {
  /** From the root of the copy. */
  readonly files: readonly string[];
  /** Only tests that name one of these statements; all when there is none. */
  readonly keys?: readonly string[];
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

const reporter = fileURLToPath(new URL('first-failure.mjs', import.meta.url));
/** A mutant that loops may fill the memory before its time is up. */
const heapMegabytes = 1536;

/** `v5 [MQTT-3.1.2-24]` to a pattern for `[MQTT-3.1.2-24]`: a title names the version once for several. */
export const patternOf = (keys: readonly string[]): string =>
  keys.map((key) => (/\[.*\]/.exec(key)?.[0] ?? key).replaceAll(/[[\].]/g, String.raw`\$&`)).join('|');

export function runTests(copy: string, { files, keys, timeoutMs, signal }: TestRun): Promise<Outcome> {
  const jest = [
    'node_modules/jest/bin/jest.js',
    `--reporters=${reporter}`,
    `--cacheDirectory=${join(copy, 'temp/jest')}`,
    ...(keys === undefined ? [] : [`--testNamePattern=${patternOf(keys)}`]),
    '--runInBand', // one process, which the reporter can end
    '--runTestsByPath',
    ...files,
  ];
  const node = ['--experimental-vm-modules', '--no-warnings', `--max-old-space-size=${heapMegabytes}`];
  return new Promise((resolve, reject) => {
    // A group of its own, so that whatever it starts ends with it.
    const stdio = ['ignore', 'ignore', 'pipe', 'pipe'] as const;
    const child = spawn(process.execPath, [...node, ...jest], { cwd: copy, detached: true, stdio: [...stdio] });
    let complaint = '';
    let said = '';
    child.stdio[2]?.on('data', (chunk: Buffer) => void (complaint += chunk.toString()));
    child.stdio[3]?.on('data', (chunk: Buffer) => void (said += chunk.toString()));
    let ended: string | undefined;
    const end = (why: string): void => {
      if (child.pid === undefined || child.exitCode !== null) return; // it ends by itself
      ended = why;
      process.kill(-child.pid, 'SIGKILL');
    };
    const timer = setTimeout(() => end(`a hang: no end after ${Math.round(timeoutMs / 1000)} s`), timeoutMs);
    const onAbort = (): void => end('interrupted');
    signal.addEventListener('abort', onAbort);
    child.on('error', reject);
    child.on('close', (code, killer) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      ended ??= said === '' ? `the process died (${killer ?? code}): ${complaint.trim().split('\n').at(-1) ?? ''}` : undefined;
      resolve(ended === undefined ? outcomeOf(said, copy) : { ended });
    });
  });
}

/** What the reporter said, with the path from the root. */
function outcomeOf(said: string, copy: string): Outcome {
  const outcome = JSON.parse(said) as Outcome;
  return 'failed' in outcome ? { failed: { ...outcome.failed, path: relative(copy, outcome.failed.path) } } : outcome;
}
