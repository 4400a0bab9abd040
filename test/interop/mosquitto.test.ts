/** Debian's mosquitto_pub and mosquitto_sub, in every protocol version they speak. */
import { writeFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { AuthenticateRequest } from 'odonata';
import { closeAll, next, run, serve, start, type Ending, type Program } from './support.js';

afterEach(closeAll);

const versions = [
  { name: 'mqttv31', protocolVersion: 3 },
  { name: 'mqttv311', protocolVersion: 4 },
  { name: 'mqttv5', protocolVersion: 5 },
] as const;
const done = { code: 0, err: [] };
const users = { alice: 'secret' } as Readonly<Record<string, string>>;

describe.each(versions)('$name', ({ name, protocolVersion }) => {
  const address = (port: number): string[] => ['-V', name, '-h', '127.0.0.1', '-p', String(port)];
  const publish = (port: number, ...args: readonly string[]): Promise<Ending> => run('mosquitto_pub', ...address(port), ...args);
  const subscribe = (port: number, ...args: readonly string[]): Program => start('mosquitto_sub', ...address(port), ...args);

  test.each([0, 1, 2] as const)('publishes and receives at QoS %i', async (qos) => {
    const { broker, port } = await serve();
    const subscribed = next(broker, 'subscribe');
    const subscriber = subscribe(port, '-q', String(qos), '-t', 'house/+/light', '-C', '1', '-F', '%t %q %r %p');
    const [granted, client] = await subscribed;
    expect(granted).toMatchObject({ topicFilter: 'house/+/light', qos });
    expect(client.protocolVersion).toBe(protocolVersion);
    const delivered = next(broker, 'delivered');
    expect(await publish(port, '-q', String(qos), '-t', 'house/kitchen/light', '-m', 'on')).toMatchObject(done);
    expect((await delivered)[0]).toMatchObject({ topic: 'house/kitchen/light', qos });
    expect(await subscriber.ended).toMatchObject({ ...done, out: [`house/kitchen/light ${qos} 0 on`] });
  });

  test('keeps the order of a thousand lines at QoS 2', async () => {
    const { broker, port } = await serve();
    const lines = Array.from({ length: 1000 }, (_, index) => `line ${index}`);
    const folder = mkdtempSync(join(tmpdir(), 'odonata-interop-'));
    try {
      const file = join(folder, 'lines');
      writeFileSync(file, `${lines.join('\n')}\n`);
      const subscribed = next(broker, 'subscribe');
      const subscriber = subscribe(port, '-q', '2', '-t', 't', '-C', '1000');
      await subscribed;
      const publisher = run('sh', '-c', 'exec mosquitto_pub "$@" -l < "$0"', file, ...address(port), '-q', '2', '-t', 't');
      expect(await publisher).toMatchObject(done);
      expect(await subscriber.ended).toMatchObject({ ...done, out: lines });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('carries a file of 900 KB unchanged at QoS 1', async () => {
    const { broker, port } = await serve();
    const folder = mkdtempSync(join(tmpdir(), 'odonata-interop-'));
    try {
      const [sent, received] = [join(folder, 'sent'), join(folder, 'received')];
      writeFileSync(sent, Buffer.from(Array.from({ length: 900_000 }, (_, index) => (index * 31) % 256)));
      const subscribed = next(broker, 'subscribe');
      const subscriber = start(
        'sh', '-c', 'exec mosquitto_sub "$@" > "$0"', received, ...address(port), '-q', '1', '-t', 't', '-C', '1', '-N',
      );
      await subscribed;
      expect(await publish(port, '-q', '1', '-t', 't', '-f', sent)).toMatchObject(done);
      expect(await subscriber.ended).toMatchObject(done);
      const [expected, actual] = [sent, received].map((file) => createHash('sha256').update(readFileSync(file)).digest('hex'));
      expect(actual).toBe(expected);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('gets a retained message with its flag, and none after it was cleared', async () => {
    const { broker, port } = await serve();
    expect(await publish(port, '-q', '1', '-r', '-t', 'state', '-m', 'kept')).toMatchObject(done);
    const subscriber = subscribe(port, '-q', '1', '-t', '#', '-C', '1', '-F', '%t %q %r %p');
    expect(await subscriber.ended).toMatchObject({ ...done, out: ['state 1 1 kept'] });
    expect(await publish(port, '-q', '1', '-r', '-n', '-t', 'state')).toMatchObject(done);
    const subscribed = next(broker, 'subscribe');
    const later = subscribe(port, '-t', '#', '-C', '1');
    await subscribed;
    await publish(port, '-t', 'other', '-m', 'live');
    expect(await later.ended).toMatchObject({ ...done, out: ['live'] });
  });

  test('has its will published when it is killed, and not after DISCONNECT', async () => {
    const { broker, port } = await serve();
    const watched = next(broker, 'subscribe');
    const watcher = subscribe(port, '-q', '2', '-t', 'will/#', '-C', '1', '-F', '%t %q %p');
    await watched;
    const will = (topic: string): string[] => ['--will-topic', topic, '--will-payload', 'gone', '--will-qos', '2'];
    const politely = run('mosquitto_sub', ...address(port), '-t', 'x', '-E', ...will('will/polite'));
    expect(await politely).toMatchObject(done);
    const subscribed = next(broker, 'subscribe');
    const victim = subscribe(port, '-t', 'x', ...will('will/killed'));
    await subscribed;
    victim.kill('SIGKILL');
    expect(await watcher.ended).toMatchObject({ ...done, out: ['will/killed 2 gone'] });
  });

  test('is let in with the right password only, and publishes then', async () => {
    const authenticate = ({ username, password }: { username: string | undefined; password: Uint8Array | undefined }): boolean =>
      username !== undefined && password !== undefined && users[username] === Buffer.from(password).toString();
    const { broker, port } = await serve({ authenticate });
    const message = ['-q', '1', '-t', 't', '-m', 'm'];
    const published = next(broker, 'publish');
    expect(await publish(port, '-u', 'alice', '-P', 'secret', ...message)).toMatchObject(done);
    expect((await published)[1]?.principal).toBe('alice');
    for (const wrong of [['-u', 'alice', '-P', 'wrong'], ['-u', 'bob', '-P', 'secret'], []]) {
      const refused = await publish(port, ...wrong, ...message);
      expect(refused.code).not.toBe(0);
      expect(refused.err.join('\n')).toMatch(/not authori[sz]ed|bad user ?name or password/i);
    }
    expect(broker.stats()).toMatchObject({ connectsRefused: 3 });
  });

  test('finds in its persistent session what was published while it was away, in order at each QoS', async () => {
    const { broker, port } = await serve();
    const session = ['-c', '-i', 'durable', '-q', '2', '-t', 'away/#'];
    const left = next(broker, 'clientDisconnected');
    expect(await subscribe(port, ...session, '-E').ended).toMatchObject(done);
    await left;
    for (const [qos, payload] of [['1', 'a'], ['2', 'b'], ['1', 'c'], ['2', 'd']] as const) {
      expect(await publish(port, '-q', qos, '-t', `away/${payload}`, '-m', payload)).toMatchObject(done);
    }
    const resumed = next(broker, 'sessionResumed');
    // It hands a QoS 2 message over at its PUBREL, so messages of QoS 1 may come between.
    const returned = await subscribe(port, ...session, '-C', '4', '-F', '%q %t %p').ended;
    expect(returned).toMatchObject(done);
    expect(returned.out.filter((line) => line.startsWith('1'))).toEqual(['1 away/a a', '1 away/c c']);
    expect(returned.out.filter((line) => line.startsWith('2'))).toEqual(['2 away/b b', '2 away/d d']);
    expect(await resumed).toEqual(['durable']);
  });
});

describe('mqttv5 only', () => {
  const address = (port: number): string[] => ['-V', 'mqttv5', '-h', '127.0.0.1', '-p', String(port)];

  test('properties arrive as they were sent, user properties in order', async () => {
    const { broker, port } = await serve();
    const subscribed = next(broker, 'subscribe');
    const format = '%C|%D|%R|%F|%P|%p';
    const subscriber = start(
      'mosquitto_sub', ...address(port), '-q', '1', '-t', 't', '-C', '1', '-F', format,
      '-D', 'subscribe', 'subscription-identifier', '7',
    );
    expect((await subscribed)[0].subscriptionIdentifier).toBe(7);
    const properties = [
      ['content-type', 'text/plain'],
      ['correlation-data', 'c-1'],
      ['response-topic', 'reply/1'],
      ['payload-format-indicator', '1'],
      ['user-property', 'b', '2'],
      ['user-property', 'a', '1'],
      ['user-property', 'b', '3'],
    ].flatMap((property) => ['-D', 'publish', ...property]);
    expect(await run('mosquitto_pub', ...address(port), '-q', '1', '-t', 't', '-m', 'm', ...properties)).toMatchObject(done);
    expect(await subscriber.ended).toMatchObject({ ...done, out: ['text/plain|c-1|reply/1|1|b:2 a:1 b:3|m'] });
  });

  test('a shared subscription gives each message to one member', async () => {
    const { broker, port } = await serve();
    const members: Program[] = [];
    for (let index = 0; index < 2; index += 1) {
      const subscribed = next(broker, 'subscribe');
      members.push(start('mosquitto_sub', ...address(port), '-q', '1', '-t', '$share/workers/jobs/#', '-C', '2'));
      await subscribed;
    }
    for (let index = 0; index < 4; index += 1) {
      expect(await run('mosquitto_pub', ...address(port), '-q', '1', '-t', 'jobs/a', '-m', `${index}`)).toMatchObject(done);
    }
    const endings = await Promise.all(members.map(({ ended }) => ended));
    for (const ending of endings) expect(ending).toMatchObject(done);
    expect(endings.flatMap(({ out }) => out).toSorted()).toEqual(['0', '1', '2', '3']);
  });

  test('a will waits for its delay, and goes when the session ends before', async () => {
    const { broker, port } = await serve();
    const watched = next(broker, 'subscribe');
    const watcher = start('mosquitto_sub', ...address(port), '-t', 'will', '-C', '1');
    await watched;
    const subscribed = next(broker, 'subscribe');
    const victim = start(
      'mosquitto_sub', ...address(port), '-t', 'x', '-x', '0', '--will-topic', 'will', '--will-payload', 'gone',
      '-D', 'will', 'will-delay-interval', '3600',
    );
    await subscribed;
    victim.kill('SIGKILL');
    expect(await watcher.ended).toMatchObject({ ...done, out: ['gone'] });
  });
});

test('mosquitto_sub and mosquitto_pub work over TLS with a client certificate', async () => {
  const tlsFolder = join(import.meta.dirname, '..', 'fixtures', 'tls');
  const pem = (name: string): string => join(tlsFolder, name);
  const read = (name: string): Buffer => readFileSync(pem(name));
  const certificates: unknown[] = [];
  const authenticate = ({ connection }: AuthenticateRequest): boolean => {
    certificates.push(connection.tls?.authorized);
    return true;
  };
  const tls = { key: read('server.key'), cert: read('server.crt'), ca: read('ca.crt'), requestCert: true };
  const { broker, port } = await serve({ authenticate }, { tls });
  const options = [
    '-h', 'localhost', '-p', String(port), '-q', '1', '-t', 't',
    '--cafile', pem('ca.crt'), '--cert', pem('client.crt'), '--key', pem('client.key'),
  ];
  const subscribed = next(broker, 'subscribe');
  const subscriber = start('mosquitto_sub', ...options, '-C', '1');
  await subscribed;
  expect(await run('mosquitto_pub', ...options, '-m', 'private')).toMatchObject(done);
  expect(await subscriber.ended).toMatchObject({ ...done, out: ['private'] });
  expect(certificates).toEqual([true, true]);
});

test('mosquitto_sub reads the $SYS topics it knows from Mosquitto', async () => {
  const { port } = await serve({ sysIntervalSeconds: 1 });
  const options = ['-h', '127.0.0.1', '-p', String(port), '-C', '1'];
  const connected = await run('mosquitto_sub', ...options, '-t', '$SYS/broker/clients/connected');
  expect(connected).toMatchObject({ ...done, out: [expect.stringMatching(/^\d+$/)] });
  const version = await run('mosquitto_sub', ...options, '-t', '$SYS/broker/version');
  expect(version).toMatchObject({ ...done, out: [expect.stringMatching(/^odonata /i)] });
});
