/**
 * Goal: what README and guides show works as it stands. Method: compile every snippet against the sources, run those
 * that are marked, and compare what they print with what they say.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { root } from './public-api.js';
import { markdownFiles, promisedOutput, run, snippetsOf, typeErrors, withoutPort } from './snippets.js';

const snippets = markdownFiles().flatMap(snippetsOf);

test('every snippet passes the compiler', () => {
  expect(snippets.length).toBeGreaterThan(20);
  expect(typeErrors(snippets)).toEqual([]);
}, 60_000);

describe('snippets that run', () => {
  const runnable = snippets.filter(({ runs }) => runs);

  test.each(runnable.map((snippet) => [snippet.name, snippet] as const))('%s', async (_name, snippet) => {
    const promised = promisedOutput(snippet);
    expect(promised.length).toBeGreaterThan(0);
    expect((await run(snippet)).map(withoutPort).toSorted()).toEqual(promised.toSorted());
  });
});

describe('README.md', () => {
  const readme = readFileSync(`${root}README.md`, 'utf8');

  test('has at most 250 lines', () => {
    expect(readme.trimEnd().split('\n').length).toBeLessThanOrEqual(250);
  });

  test('the first program has at most ten lines', () => {
    const [first] = snippetsOf('README.md');
    expect(first?.runs).toBe(true);
    expect(first?.code.trimEnd().split('\n').length).toBeLessThanOrEqual(10);
  });

  test('the commands it names exist', () => {
    const { scripts } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { readonly scripts: Readonly<Record<string, string>> };
    expect(scripts['start']).toContain('--port 1883 --ws-port 8083');
    expect(scripts['test']).toContain('jest');
  });

  test('the option tables are those of src/broker/options.ts', async () => {
    await promisify(execFile)(process.execPath, [`${root}scripts/readme-options.mjs`, '--check']);
  }, 30_000);
});
