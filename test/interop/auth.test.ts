/** `odonata/auth` with other people's programs: password files of `mosquitto_passwd`, SCRAM and JWT with MQTT.js and Paho for Python. */
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { SignJWT } from 'jose';
import { connect, connectAsync, MqttClient, type IClientOptions, type IConnackPacket } from 'mqtt';
import { hashPassword, jwt, passwordFile, scram, scramCredentials } from 'odonata/auth';
import { memoryDuplexPair, type Broker } from 'odonata';
import { closeAll, next, run, serve } from './support.js';

const clients: MqttClient[] = [];
let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'odonata-auth-'));
});

afterEach(async () => {
  for (const client of clients.splice(0)) await client.endAsync(true);
  await closeAll();
  rmSync(folder, { recursive: true });
});

async function login(port: number, options: IClientOptions): Promise<MqttClient> {
  const client = await connectAsync(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 0, protocolVersion: 5, ...options });
  clients.push(client);
  return client;
}

const paho = (port: number, ...args: readonly string[]) => run('/usr/bin/python3', join(import.meta.dirname, 'python', 'auth.py'), String(port), ...args);

describe('mosquitto_passwd', () => {
  /** Runs the tool, which must succeed. */
  async function passwd(...args: readonly string[]): Promise<void> {
    expect(await run('mosquitto_passwd', ...args)).toMatchObject({ code: 0 });
  }

  test('files of every kind it makes let in with the right password, and not with another', async () => {
    const file = join(folder, 'passwords');
    await passwd('-c', '-b', '-H', 'sha512', file, 'old', 'from before 2.0');
    await passwd('-b', file, 'ann', 'pässword $7$:#');
    await passwd('-b', '-I', '5000', file, 'bob smith', 'x');
    const plain = join(folder, 'plain');
    writeFileSync(plain, 'eve:in plain text\n');
    await passwd('-U', plain);
    writeFileSync(file, `# ours too\n${readFileSync(plain, 'utf8')}\ndan:${await hashPassword('scrypt')}\n`, { flag: 'a' });
    expect(readFileSync(file, 'utf8').match(/\$(?:6|7|scrypt)\$/g)).toEqual(['$6$', '$7$', '$7$', '$7$', '$scrypt$']);
    const { broker, port } = await serve({ authenticate: passwordFile(file) });
    const users = { old: 'from before 2.0', ann: 'pässword $7$:#', 'bob smith': 'x', eve: 'in plain text', dan: 'scrypt' };
    for (const [username, password] of Object.entries(users)) {
      const { options } = await login(port, { username, password, clientId: username.slice(0, 3) });
      expect(broker.clients.get(options.clientId as string)?.principal).toBe(username);
      await expect(login(port, { username, password: `${password}!` })).rejects.toMatchObject({ code: 0x86 });
    }
    await expect(login(port, { username: 'nobody', password: 'x' })).rejects.toMatchObject({ code: 0x86 });
  });
  test('a user that it deletes is gone with the next reload', async () => {
    const file = join(folder, 'passwords');
    await passwd('-c', '-b', file, 'ann', 'a');
    await passwd('-b', file, 'bob', 'b');
    const authenticate = passwordFile(file);
    const { port } = await serve({ authenticate });
    await login(port, { username: 'ann', password: 'a' });
    await passwd('-D', file, 'ann');
    await authenticate.reload();
    await expect(login(port, { username: 'ann', password: 'a' })).rejects.toMatchObject({ code: 0x86 });
    await login(port, { username: 'bob', password: 'b' });
  });
});

describe('SCRAM-SHA-256 with MQTT.js and Paho', () => {
  const authenticationMethod = 'SCRAM-SHA-256';
  const hmac = (key: Uint8Array, text: string): Buffer => createHmac('sha256', key).update(text).digest();

  /** The client's half of RFC 5802, for one connection after the other. */
  class ScramClient {
    readonly #user: string;
    readonly #password: string;
    #bare = '';
    #expected = '';

    constructor(user: string, password: string) {
      this.#user = user;
      this.#password = password;
    }

    first(): Buffer {
      this.#bare = `n=${this.#user},r=${randomBytes(12).toString('base64')}`;
      return Buffer.from(`n,,${this.#bare}`);
    }

    final(serverFirst: string): Buffer {
      const [, nonce = '', salt = '', iterations = ''] = /^r=(.+),s=(.+),i=(\d+)$/.exec(serverFirst) ?? [];
      const salted = pbkdf2Sync(this.#password, Buffer.from(salt, 'base64'), Number(iterations), 32, 'sha256');
      const clientKey = hmac(salted, 'Client Key');
      const all = `${this.#bare},${serverFirst},c=biws,r=${nonce}`;
      const signature = hmac(createHash('sha256').update(clientKey).digest(), all);
      this.#expected = `v=${hmac(hmac(salted, 'Server Key'), all).toString('base64')}`;
      const proof = Buffer.from(clientKey.map((byte, index) => byte ^ (signature[index] as number)));
      return Buffer.from(`c=biws,r=${nonce},p=${proof.toString('base64')}`);
    }

    /** Whether the server has proven that it knows the password's keys. */
    trusts(data: unknown): boolean {
      return this.#expected !== '' && String(data) === this.#expected;
    }
  }

  const credentials = scramCredentials('pencil');
  const authenticate = scram(async (user) => (user === 'ann' ? credentials : undefined));

  /** Connects; `done` gets each AUTH 0x00. */
  function open(make: (options: IClientOptions) => MqttClient, peer: ScramClient, done: (data: unknown) => void = () => undefined): Promise<IConnackPacket> {
    const client = make({
      clientId: 'js',
      protocolVersion: 5,
      reconnectPeriod: 0,
      manualConnect: true,
      properties: { authenticationMethod, authenticationData: peer.first() },
    });
    clients.push(client);
    client.handleAuth = (packet, callback) => {
      if (packet.reasonCode === 0) {
        done(packet.properties?.authenticationData);
        return callback();
      }
      const authenticationData = peer.final(String(packet.properties?.authenticationData));
      return callback(undefined, { cmd: 'auth', reasonCode: 0x18, properties: { authenticationMethod, authenticationData } });
    };
    return new Promise((resolve, reject) => {
      client.once('connect', resolve).once('error', reject);
      client.connect();
    });
  }

  const overTcp = (port: number) => (options: IClientOptions) => connect(`mqtt://127.0.0.1:${port}`, options);
  const overMemory = (broker: Broker) => (options: IClientOptions) => {
    const [mine, theirs] = memoryDuplexPair();
    broker.handle(theirs);
    return new MqttClient(() => mine as never, options); // MQTT.js wants the type of an older stream package
  };

  test.each(['TCP', 'memory'])('over %s: both sides prove what they know', async (way) => {
    const { broker, port } = await serve({ authenticate });
    const peer = new ScramClient('ann', 'pencil');
    const connack = await open(way === 'TCP' ? overTcp(port) : overMemory(broker), peer);
    expect(connack).toMatchObject({ reasonCode: 0, properties: { authenticationMethod } });
    expect(peer.trusts(connack.properties?.authenticationData)).toBe(true);
    expect(broker.clients.get('js')?.principal).toBe('ann');
  });
  test('Paho for Python does the same', async () => {
    const principals: (string | undefined)[] = [];
    const { broker, port } = await serve({ authenticate });
    broker.on('client', ({ principal }) => void principals.push(principal));
    const python = (user: string, password: string) =>
      run('/usr/bin/python3', join(import.meta.dirname, 'python', 'scram.py'), String(port), user, password);
    expect(await python('ann', 'pencil')).toMatchObject({ code: 0, out: ['0x00 proven'] });
    expect(principals).toEqual(['ann']);
    expect(await python('ann', 'pen')).toMatchObject({ out: ['0x87 not proven'] });
    expect(principals).toEqual(['ann']);
  });
  test('a wrong password and an unknown user are refused alike', async () => {
    const { port } = await serve({ authenticate });
    for (const peer of [new ScramClient('ann', 'pen'), new ScramClient('bob', 'pencil')]) {
      await expect(open(overTcp(port), peer)).rejects.toMatchObject({ code: 0x87 });
    }
  });
  test('the client may authenticate again', async () => {
    const { port } = await serve({ authenticate });
    const peer = new ScramClient('ann', 'pencil');
    const again = new Promise((resolve, reject) => {
      void open(overTcp(port), peer, resolve).then(() => {
        // MQTT.js has no call for this.
        clients[0]?.['_sendPacket']({ cmd: 'auth', reasonCode: 0x19, properties: { authenticationMethod, authenticationData: peer.first() } });
      }, reject);
    });
    expect(peer.trusts(await again)).toBe(true);
  });
});

describe('JWT', () => {
  const secret = randomBytes(32);
  const token = (sub: string, key = secret): Promise<string> =>
    new SignJWT({ sub }).setProtectedHeader({ alg: 'HS256' }).setExpirationTime('1h').sign(key);
  const authenticate = jwt({ secret, algorithms: ['HS256'] });

  test.each([4, 5] as const)('MQTT.js, protocol version %i: as the password', async (protocolVersion) => {
    const { broker, port } = await serve({ authenticate });
    await login(port, { protocolVersion, username: 'any', password: await token('ann'), clientId: 'js' });
    expect(broker.clients.get('js')?.principal).toBe('ann');
    const forged = login(port, { protocolVersion, username: 'any', password: await token('ann', randomBytes(32)) });
    await expect(forged).rejects.toMatchObject({ code: protocolVersion === 5 ? 0x86 : 4 });
  });
  test('MQTT.js: as authentication data, and renewed', async () => {
    const { broker, port } = await serve({ authenticate });
    const data = async (sub: string) => ({ authenticationMethod: 'JWT', authenticationData: Buffer.from(await token(sub)) });
    const client = await login(port, { clientId: 'js', properties: await data('ann') });
    expect(broker.clients.get('js')?.principal).toBe('ann');
    const renewed = new Promise((resolve) => {
      client.handleAuth = (packet, callback) => {
        callback();
        resolve(packet.reasonCode);
      };
    });
    client['_sendPacket']({ cmd: 'auth', reasonCode: 0x19, properties: await data('ann') });
    expect(await renewed).toBe(0);
    const told = new Promise((resolve) => client.once('disconnect', resolve));
    client['_sendPacket']({ cmd: 'auth', reasonCode: 0x19, properties: await data('bob') });
    expect(await told).toMatchObject({ reasonCode: 0x87 });
  });
  test.each(['password', 'method'])('Paho for Python: by %s', async (way) => {
    const { broker, port } = await serve({ authenticate });
    const connected = next(broker, 'client');
    expect(await paho(port, way, await token('ann'))).toMatchObject({ code: 0, out: ['{"connect": 0}'] });
    expect((await connected)[0].principal).toBe('ann');
    const code = way === 'password' ? 0x86 : 0x87;
    expect(await paho(port, way, await token('ann', randomBytes(32)))).toMatchObject({ code: 0, out: [`{"connect": ${code}}`] });
  });
});
