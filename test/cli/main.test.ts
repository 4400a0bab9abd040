/** The command in-process: what it prints, how it ends. Its child process is the subject of process.test.ts. */
import { once } from 'node:events';
import { connect as connectTls } from 'node:tls';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { silentLogger, version } from '../../src/index.js';
import {
  bytesOf,
  clientOf,
  closeAll,
  config,
  connect4,
  connect5,
  connectAsUser,
  fixture,
  odonata,
  odonataWith,
  type Command,
} from './command.js';

const accepted = '20020000';
const tlsFiles = ['--tls-cert', fixture('tls', 'server.crt'), '--tls-key', fixture('tls', 'server.key'), '--tls-port', '0'];

afterEach(closeAll);

describe('what it prints', () => {
  test('--help and --version print to stdout and end with 0', async () => {
    const help = odonata('--help');
    expect(await help.ended).toBe(0);
    expect(help.out.all.join('\n')).toMatch(/^Usage: odonata /);
    const asked = odonata('--version');
    expect(await asked.ended).toBe(0);
    expect(asked.out.all).toEqual([version]);
  });

  test('one line per listener, with the real port', async () => {
    const command = odonata('--port', '0', '--ws-port', '0', '--ws-path', '/broker', ...tlsFiles);
    await command.err.find(/no authentication/);
    expect(command.out.all).toEqual([
      expect.stringMatching(/^mqtt:\/\/127\.0\.0\.1:[1-9]\d*$/),
      expect.stringMatching(/^mqtts:\/\/127\.0\.0\.1:[1-9]\d*$/),
      expect.stringMatching(/^ws:\/\/127\.0\.0\.1:[1-9]\d*\/broker$/),
    ]);
  });

  test('says that it serves everyone, and where', async () => {
    const command = odonata('--port', '0');
    expect(await command.err.find(/./)).toBe('no authentication: everyone who reaches 127.0.0.1 is served');
  });

  test('says how to change that when others can reach it', async () => {
    const command = odonata('--port', '0', '--host', '0.0.0.0');
    const remedy = 'give --config a module with an authenticate hook, or --host 127.0.0.1';
    expect(await command.err.find(/./)).toBe(`no authentication: everyone who reaches 0.0.0.0 is served; ${remedy}`);
  });

  test('says nothing of the kind with an authenticate hook, or when all must show a certificate', async () => {
    const hooked = odonata('--port', '0', '--config', config('users.mjs'));
    const certified = odonata('--port', 'none', ...tlsFiles, '--tls-ca', fixture('tls', 'ca.crt'), '--tls-request-cert');
    for (const [command, scheme] of [[hooked, 'mqtt'], [certified, 'mqtts']] as const) {
      await command.port(scheme);
      command.signal();
      await command.ended;
      expect(command.err.all).toEqual([]);
    }
  });

  test('--quiet prints nothing', async () => {
    // No line tells that it listens, so a logger does.
    let command: Command | undefined;
    await new Promise<void>((listens) => {
      const options = { logger: { ...silentLogger, info: () => listens() } };
      command = odonataWith({ load: async () => ({ default: options }) }, '--port', '0', '--quiet', '--config', 'logs.mjs');
    });
    command?.signal();
    expect(await command?.ended).toBe(0);
    expect(command?.out.all).toEqual([]);
    expect(command?.err.all).toEqual([]);
  });

  test('--verbose prints clients as they come and go', async () => {
    const command = odonata('--port', '0', '--verbose', '--config', config('users.mjs'));
    const port = await command.port();
    const client = await clientOf(port, connectAsUser);
    expect(await command.out.find(/connected/)).toMatch(
      /^client 'a' connected: MQTT 3\.1\.1 over tcp from 127\.0\.0\.1 port \d+ as 'u'$/,
    );
    client.end(Buffer.from('e000', 'hex')); // DISCONNECT
    expect(await command.out.find(/disconnected/)).toBe("client 'a' disconnected: DISCONNECT");
    await clientOf(port, connect4);
    expect(await command.out.find(/refused/)).toMatch(/^client 'a' refused: refused by authenticate \(0x87\)$/);
  });

  test('what a client sends cannot break a line or steer a terminal', async () => {
    const lenient = { default: { strictText: false } };
    const command = odonataWith({ load: async () => lenient }, '--port', '0', '--verbose', '--config', 'lenient.mjs');
    await clientOf(await command.port(), '10 10 0004 4d515454 04 02 003c 0004 610a1b62');
    expect(await command.out.find(/connected/)).toMatch(/^client 'a\\u\{a\}\\u\{1b\}b' connected: /);
  });

  test('a hook that fails is printed as an error', async () => {
    const command = odonata('--port', '0', '--config', config('faulty.mjs'));
    await clientOf(await command.port(), connect4);
    expect(await command.err.find(/user table/)).toMatch(/^odonata: /);
  });
});

describe('what it serves', () => {
  test('MQTT over TLS from certificate files', async () => {
    const command = odonata('--port', 'none', ...tlsFiles);
    const ca = readFileSync(fixture('tls', 'ca.crt'));
    const socket = connectTls({ port: await command.port('mqtts'), host: '127.0.0.1', ca, servername: 'localhost' });
    try {
      await once(socket, 'secureConnect');
      socket.write(Buffer.from(connect4.replaceAll(' ', ''), 'hex'));
      expect(await bytesOf(socket)).toBe(accepted);
    } finally {
      socket.destroy();
    }
  });

  test('--tls-request-cert refuses who shows no certificate, and takes who does', async () => {
    const command = odonata('--port', 'none', ...tlsFiles, '--tls-ca', fixture('tls', 'ca.crt'), '--tls-request-cert');
    const address = { port: await command.port('mqtts'), host: '127.0.0.1', servername: 'localhost' };
    const ca = readFileSync(fixture('tls', 'ca.crt'));
    const stranger = connectTls({ ...address, ca });
    const [refusal] = (await once(stranger, 'error')) as [NodeJS.ErrnoException];
    expect(refusal.code).toMatch(/CERTIFICATE_REQUIRED|ECONNRESET/);
    const [cert, key] = ['client.crt', 'client.key'].map((name) => readFileSync(fixture('tls', name)));
    const known = connectTls({ ...address, ca, cert, key });
    try {
      await once(known, 'secureConnect');
      known.write(Buffer.from(connect4.replaceAll(' ', ''), 'hex'));
      expect(await bytesOf(known)).toBe(accepted);
    } finally {
      known.destroy();
    }
  });

  test('the hooks of a JavaScript config', async () => {
    const command = odonata('--port', '0', '--config', config('users.mjs'));
    expect(await bytesOf(await clientOf(await command.port(), connectAsUser))).toBe(accepted);
    expect(await bytesOf(await clientOf(await command.port(), connect4))).toMatch(/^2002000[45]$/);
  });

  test('the hooks of a TypeScript config, where TypeScript runs', async () => {
    const command = odonata('--port', '0', '--config', config('typed.ts'));
    expect(await bytesOf(await clientOf(await command.port(), connect4))).toMatch(/^2002000[45]$/);
  });

  test('a CommonJS config', async () => {
    const command = odonata('--port', '0', '--config', config('common.cjs'));
    // Maximum QoS (0x24) 0 in CONNACK.
    expect(await bytesOf(await clientOf(await command.port(), connect5))).toMatch(/2400/);
  });

  test('--data keeps messages from one run to the next, and says so', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'odonata-'));
    try {
      const first = odonata('--port', '0', '--data', folder);
      expect(await first.out.find(/kept/)).toBe(`messages are kept in ${folder}`);
      const publisher = await clientOf(await first.port(), `${connect4} 33 07 0001 74 0007 6d 6d`); // QoS 1, retained
      expect(await bytesOf(publisher)).toMatch(/^20020000/);
      while (!publisher.destroyed && publisher.bytesRead < 8) await bytesOf(publisher);
      first.signal();
      expect(await first.ended).toBe(0);
      const second = odonata('--port', '0', '--data', folder);
      const subscriber = await clientOf(await second.port(), `${connect4} 82 06 0001 0001 74 00`);
      for (let all = ''; !all.includes('31050001746d6d'); ) all += await bytesOf(subscriber);
      second.signal();
      expect(await second.ended).toBe(0);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('--memory takes the place of the storage of the config', async () => {
    const command = odonata('--port', '0', '--memory', '--config', config('closed-store.mjs'));
    expect(await bytesOf(await clientOf(await command.port(), connect4))).toBe(accepted);
  });
});

describe('how it ends', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('%s closes clients with 0x8B, then ends with 0', async (signal) => {
    const command = odonata('--port', '0');
    const client = await clientOf(await command.port(), connect5);
    expect(await bytesOf(client)).toMatch(/^20..00000/);
    command.signal(signal);
    expect(await bytesOf(client)).toMatch(/^e0..8b/);
    client.end();
    expect(await command.ended).toBe(0);
    expect(command.exits).toEqual([]);
  });

  test('a second signal ends the process at once', async () => {
    const command = odonata('--port', '0');
    const client = await clientOf(await command.port(), connect5);
    await bytesOf(client);
    command.signal('SIGTERM');
    command.signal('SIGINT');
    expect(command.exits).toEqual([130]);
    client.end();
    expect(await command.ended).toBe(0);
  });

  test('1 when it cannot listen, and then it holds no port', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as AddressInfo;
    const command = odonata('--port', '0', '--ws-port', String(port));
    expect(await command.ended).toBe(1);
    expect(command.out.all).toEqual([]);
    expect(command.err.all).toEqual([expect.stringMatching(/^odonata: cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE/)]);
    holder.close();
  });

  test('1 when the storage does not open, which is said once', async () => {
    const command = odonata('--port', '0', '--config', config('closed-store.mjs'));
    expect(await command.ended).toBe(1);
    await new Promise((resolve) => setImmediate(resolve)); // the event comes a little later
    expect(command.err.all.filter((line) => line.includes('the disk is gone'))).toHaveLength(1);
  });

  test.each([
    [['--prot', '1'], "odonata: Unknown option '--prot'; see odonata --help"],
    [['--config', config('absent.mjs')], /^odonata: cannot load .*absent\.mjs: Cannot find /],
    [['--config', config('broken.mjs')], /^odonata: cannot load .*broken\.mjs: no database; see/],
    [['--config', config('named.mjs')], /^odonata: .*named\.mjs has no default export that is an object of broker options/],
    [['--config', config('misspelt.mjs')], /^odonata: .*misspelt\.mjs: there is no option autenticate; the nearest is authenticate/],
    [['--tls-cert', 'absent.crt', '--tls-key', 'absent.key'], /^odonata: cannot read absent\.(?:crt|key): ENOENT/],
  ])('2 with one line for %j', async (argv, message) => {
    const command = odonata('--port', '0', ...argv);
    expect(await command.ended).toBe(2);
    expect(command.out.all).toEqual([]);
    expect(command.err.all).toEqual([typeof message === 'string' ? message : expect.stringMatching(message)]);
    expect(command.err.all.join('')).not.toContain('\n');
  });

  test('2 with a remedy for a TypeScript config where TypeScript does not run', async () => {
    const failure = Object.assign(new TypeError('Unknown file extension ".ts" for broker.ts'), {
      code: 'ERR_UNKNOWN_FILE_EXTENSION',
    });
    const command = odonataWith({ load: () => Promise.reject(failure) }, '--config', 'broker.ts');
    expect(await command.ended).toBe(2);
    const remedy = '22.18, 23.6 and later do, or compile it to JavaScript; see odonata --help';
    expect(command.err.all).toEqual([
      `odonata: cannot load broker.ts: Node ${process.version} does not run TypeScript; ${remedy}`,
    ]);
  });
});
