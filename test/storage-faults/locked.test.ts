/** A LevelDB folder has one user: whoever comes second is told, harms nothing, and gets it when it is free. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createBroker, type Broker } from 'odonata';
import { level } from '../../src/level.js';
import { failureOf } from '../support/broker.js';

let folder = '';
const brokers: Broker[] = [];

beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'odonata-locked-'))));
afterEach(async () => {
  for (const broker of brokers.splice(0)) await broker.close();
  await rm(folder, { recursive: true });
});

function brokerOn(path: string): { readonly broker: Broker; readonly errors: unknown[] } {
  const broker = createBroker({ storage: level(path) });
  brokers.push(broker);
  const errors: unknown[] = [];
  broker.on('error', (error) => void errors.push(error));
  return { broker, errors };
}

const locked = { code: 'ODN_ERR_STORAGE_LOCKED', message: expect.stringContaining('the database is open in another process, or twice in this one') };

test('a folder that another process holds', async () => {
  const script = join(folder, 'holder.mjs');
  const data = join(folder, 'data');
  await writeFile(
    script,
    `const { Level } = await import(process.argv[2]);
     const db = new Level(process.argv[3]);
     await db.open();
     process.stdout.write('held');
     process.stdin.on('end', () => void db.close()).resume();`,
  );
  const holder = spawn(process.execPath, [script, import.meta.resolve('level'), data], { env: { ...process.env, NODE_OPTIONS: '' } });
  const exited = once(holder, 'exit');
  await once(holder.stdout, 'data');
  try {
    await refused(data);
  } finally {
    holder.stdin.end();
    expect(await exited).toEqual([0, null]);
  }
  const { broker: second } = brokerOn(data);
  await second.ready();
  await second.publish('t', 'kept', { qos: 1, retain: true });
});

async function refused(data: string): Promise<void> {
  const { broker, errors } = brokerOn(data);
  expect(await failureOf(broker.ready())).toMatchObject(locked);
  expect(await failureOf(broker.publish('t', 'x', { qos: 1 }))).toMatchObject(locked);
  expect(errors).toEqual([expect.objectContaining(locked)]);
  await broker.close();
}

test('a folder that is held twice in one process: the first is not disturbed, the second gets it afterwards', async () => {
  const { broker: first, errors } = brokerOn(folder);
  await first.ready();
  const { broker: second } = brokerOn(folder);
  expect(await failureOf(second.ready())).toMatchObject(locked);
  await second.close();
  await first.publish('t', 'kept', { qos: 1, retain: true });
  expect(errors).toEqual([]);
  await first.close();
  const { broker: third } = brokerOn(folder);
  await third.ready();
  expect((await third.retained.get('t'))?.text()).toBe('kept');
});

test('a folder that cannot be made', async () => {
  const file = join(folder, 'file');
  await writeFile(file, '');
  const { broker } = brokerOn(join(file, 'data'));
  expect(await failureOf(broker.ready())).toMatchObject({ code: 'ODN_ERR_STORAGE_OPEN', message: expect.stringContaining('the database did not open') });
});

test('the command says so and exits, without a trace of the stack', async () => {
  const { broker } = brokerOn(folder);
  await broker.ready();
  const cli = join(import.meta.dirname, '..', '..', 'src', 'cli.ts');
  const options = { timeout: 60_000, env: { ...process.env, NODE_OPTIONS: '' } };
  const run = promisify(execFile)(process.execPath, ['--import', 'tsx', cli, '--port', '0', '--data', folder], options);
  const failure = (await failureOf(run)) as { readonly code: number; readonly stderr: string };
  expect(failure.code).toBe(1);
  expect(failure.stderr).toContain('odonata: the database is open in another process');
  expect(failure.stderr).not.toContain('    at ');
}, 60_000);
