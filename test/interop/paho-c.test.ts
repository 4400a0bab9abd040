/** Eclipse Paho for C, as Debian packages it: the program is compiled as its users compile theirs. */
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { closeAll, next, run, serve } from './support.js';

const folder = mkdtempSync(join(tmpdir(), 'odonata-interop-'));

beforeAll(async () => {
  copyFileSync(join(import.meta.dirname, 'c', 'publish.c'), join(folder, 'publish.c'));
  const { code, err } = await run('sh', '-c', 'cd "$0" && gcc -o pub publish.c -lpaho-mqtt3c', folder);
  if (code !== 0) throw new Error(`gcc: ${err.join('\n')}`);
});

afterEach(closeAll);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each([
  { version: 4, qos: 1, printed: 'c/publish 1 hello' },
  { version: 4, qos: 2, printed: 'c/publish 2 hello' },
  { version: 5, qos: 1, printed: 'c/publish 1 hello origin=c' },
  { version: 5, qos: 2, printed: 'c/publish 2 hello origin=c' },
])('a C program publishes to itself: protocol version $version, QoS $qos', async ({ version, qos, printed }) => {
  const { broker, port } = await serve();
  const left = next(broker, 'clientDisconnected');
  const ending = await run(join(folder, 'pub'), `tcp://127.0.0.1:${port}`, String(version), String(qos), 'hello');
  expect(ending).toEqual({ code: 0, out: [printed], err: [] });
  const [client, info] = await left;
  expect(client).toMatchObject({ id: 'c-program', protocolVersion: version });
  expect(info).toMatchObject({ why: 'DISCONNECT', reasonCode: 0 });
});
