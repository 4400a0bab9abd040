/** The command as a process of its own: exit codes and signals as the system sees them. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, expect, test } from '@jest/globals';
import { version } from '../../src/index.js';
import { Lines } from '../support/lines.js';
import { bytesOf, clientOf, closeAll, connect5 } from './command.js';

const root = join(import.meta.dirname, '..', '..');
const deadlineMs = 20_000;
let child: ChildProcessWithoutNullStreams | undefined;

/** Starts the sources under tsx, which needs no build. */
function start(...argv: string[]): { readonly out: Lines; readonly ended: Promise<unknown[]> } {
  child = spawn(process.execPath, ['--import', 'tsx', join(root, 'src', 'cli.ts'), ...argv], { cwd: root, timeout: deadlineMs });
  const out = new Lines();
  createInterface(child.stdout).on('line', (line) => out.add(line));
  return { out, ended: once(child, 'close') };
}

afterEach(async () => {
  child?.kill('SIGKILL');
  await closeAll();
});

test('prints where it listens, and SIGTERM lets it close in order with 0', async () => {
  const { out, ended } = start('--port', '0');
  const url = new URL(await out.find(/^mqtt:/));
  const client = await clientOf(Number(url.port), connect5);
  await bytesOf(client);
  child?.kill('SIGTERM');
  expect(await bytesOf(client)).toMatch(/^e0..8b/);
  client.end();
  expect(await ended).toEqual([0, null]);
}, deadlineMs);

test('a second SIGINT ends it at once, while a client still holds it', async () => {
  const { out, ended } = start('--port', '0');
  const client = await clientOf(Number(new URL(await out.find(/^mqtt:/)).port), connect5);
  await bytesOf(client);
  child?.kill('SIGINT');
  expect(await bytesOf(client)).toMatch(/^e0..8b/);
  child?.kill('SIGINT');
  expect(await ended).toEqual([130, null]);
}, deadlineMs);

test('--version prints it; a bad argument ends with 2', async () => {
  const asked = start('--version');
  expect(await asked.ended).toEqual([0, null]);
  expect(asked.out.all).toEqual([version]);
  expect(await start('--prot').ended).toEqual([2, null]);
}, deadlineMs);
