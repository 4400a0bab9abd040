// Goal: an attached broker takes the upgrades of its path and nothing else, and a WebSocket is a stream of bytes.
import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { WebSocket, WebSocketServer, type ClientOptions } from 'ws';
import { listenWebSocket } from '../../../src/transport/listen-websocket.js';
import { memoryDuplexPair } from '../../../src/transport/memory-duplex.js';
import type { Transport } from '../../../src/transport/transport.js';
import { attachWebSocket, type WebSocketOptions } from '../../../src/transport/websocket.js';
import { certificates, portOf, record } from './support.js';

const options: WebSocketOptions = { path: '/mqtt', maxPayloadBytes: 65_536 };

let server: Server;
let port: number;
const sockets = new Set<Socket>();
beforeEach(async () => {
  server = createServer((_request, response) => response.end('hello from the host')).listen(0, '127.0.0.1');
  port = await portOf(server);
  server.on('connection', (socket) => sockets.add(socket));
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  if (server.listening) await once(server.close(), 'close');
});

const dial = (path = '/mqtt', protocols: string[] = ['mqtt'], clientOptions: ClientOptions = {}): WebSocket =>
  new WebSocket(`ws://127.0.0.1:${port}${path}`, protocols, clientOptions);

/** Attaches a broker; `next` is the transport of the next connection. */
function attach(changes: Partial<WebSocketOptions> = {}) {
  const waiting: ((transport: Transport) => void)[] = [];
  const detach = attachWebSocket(server, { ...options, ...changes }, (transport) => waiting.shift()?.(transport));
  return { detach, next: () => new Promise<Transport>((resolve) => void waiting.push(resolve)) };
}

/** Both ends of one connection. */
async function connected(changes: Partial<WebSocketOptions> = {}) {
  const { detach, next } = attach(changes);
  const accepted = next();
  const far = dial();
  const [transport] = await Promise.all([accepted, once(far, 'open')]);
  return { detach, far, transport };
}

/** The HTTP status with which an upgrade is refused. */
async function refusal(far: WebSocket): Promise<number | undefined> {
  far.on('error', () => undefined);
  const [, response] = (await once(far, 'unexpected-response')) as [unknown, { statusCode?: number; resume(): void }];
  response.resume();
  far.terminate();
  return response.statusCode;
}

async function closeCode(far: WebSocket): Promise<number> {
  const [code] = (await once(far, 'close')) as [number];
  return code;
}

describe('attach', () => {
  test('the first upgrade waits for the package and tells who came', async () => {
    const { next } = attach();
    const accepted = next();
    const far = dial('/mqtt?token=1', ['other', 'mqtt'], { headers: { 'x-tenant': 'blue' } });
    const [transport] = await Promise.all([accepted, once(far, 'open')]);
    expect(far.protocol).toBe('mqtt'); // v5 [MQTT-6.0.0-4]
    expect(far.extensions).toBe('');
    expect(transport.meta).toMatchObject({
      transport: 'ws',
      remoteAddress: '127.0.0.1',
      localPort: port,
      upgrade: { url: '/mqtt?token=1', headers: { 'x-tenant': 'blue', host: `127.0.0.1:${port}` } },
    });
    const received = record(transport);
    far.terminate();
    await received.called('close');
  });

  test('MQTT 3.1 clients get mqttv3.1; mqtt is preferred', async () => {
    const { next } = attach();
    for (const [offered, chosen] of [
      [['mqttv3.1'], 'mqttv3.1'],
      [['mqttv3.1', 'mqtt'], 'mqtt'],
    ] as const) {
      const accepted = next();
      const far = dial('/mqtt', [...offered]);
      await once(far, 'open');
      expect(far.protocol).toBe(chosen);
      (await accepted).destroy();
      await once(far, 'close');
    }
  });

  test('no MQTT subprotocol is 400, unless it is not required', async () => {
    const { detach } = attach();
    expect(await refusal(dial('/mqtt', []))).toBe(400);
    expect(await refusal(dial('/mqtt', ['chat', 'MQTT']))).toBe(400); // names are exact
    detach();
    const { next } = attach({ requireSubprotocol: false });
    const accepted = next();
    const far = dial('/mqtt', []);
    await once(far, 'open');
    (await accepted).destroy();
    await once(far, 'close');
  });

  test('alone, another path is 404 and closed; ordinary requests are the host’s', async () => {
    attach();
    expect(await refusal(dial('/other'))).toBe(404);
    expect(await refusal(dial('/mqtt/'))).toBe(404);
    const [response] = await once(request({ port, path: '/mqtt', host: '127.0.0.1' }).end(), 'response');
    expect(String((await once(response, 'data'))[0])).toBe('hello from the host');
  });

  test('beside another listener, another path is left to it', async () => {
    const others = new WebSocketServer({ noServer: true });
    server.on('upgrade', (upgrade, socket, head) => {
      if (upgrade.url === '/chat') others.handleUpgrade(upgrade, socket, head, (ws) => ws.send('chat'));
    });
    const { far: ours, transport } = await connected();
    const chat = dial('/chat', []);
    expect(String((await once(chat, 'message'))[0])).toBe('chat');
    // Nobody answers this one: it is the other listener's to refuse.
    const nobody = connect(port, '127.0.0.1');
    nobody.write(upgradeRequest('/nothing'));
    const later = dial('/chat', []);
    await once(later, 'message');
    expect(nobody.bytesRead).toBe(0);
    nobody.destroy();
    for (const client of others.clients) client.terminate();
    transport.destroy();
    await once(ours, 'close');
  });

  test('two brokers on one server share its upgrades; the same path twice is ODN_ERR_OPTION', async () => {
    const first = attach();
    const second = attach({ path: '/plant' });
    expect(() => attach({ path: '/plant' })).toThrow(expect.objectContaining({ code: 'ODN_ERR_OPTION' }));
    for (const [broker, path] of [
      [first, '/mqtt'],
      [second, '/plant'],
    ] as const) {
      const accepted = broker.next();
      const far = dial(path);
      await once(far, 'open');
      (await accepted).destroy();
      await once(far, 'close');
    }
    expect(await refusal(dial('/neither'))).toBe(404);
    first.detach();
    expect(await refusal(dial('/mqtt'))).toBe(404);
    second.detach();
    attach({ path: '/plant' });
  });

  test('detach leaves server and connections open', async () => {
    const { detach, far, transport } = await connected();
    detach();
    detach();
    expect(server.listenerCount('upgrade')).toBe(0);
    expect(server.listening).toBe(true);
    const received = record(transport);
    far.send('still here', { binary: true });
    await received.called('bytes:still here');
    far.terminate();
    await received.called('close');
  });

  test('upgrades wait while the package loads: 1,024 at most, and 503 when the broker detaches first', async () => {
    const { detach } = attach();
    const upgrade = { url: '/mqtt', headers: {} };
    const far = Array.from({ length: 1_025 }, () => {
      const [near, client] = memoryDuplexPair();
      server.emit('upgrade', upgrade, near, Buffer.alloc(0));
      return client;
    });
    const last = far.at(-1);
    expect(String(last?.read())).toMatch(/^HTTP\/1\.1 503 /);
    expect(far.slice(0, -1).every((client) => client.read() === null)).toBe(true);
    detach();
    expect(far.slice(0, -1).every((client) => String(client.read()).startsWith('HTTP/1.1 503 '))).toBe(true);
  });

  test('what is no WebSocket handshake is 400', async () => {
    attach();
    const socket = connect(port, '127.0.0.1');
    socket.write('GET /mqtt HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n');
    expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1\.1 400 /);
    await once(socket, 'close');
  });
});

describe('the transport', () => {
  test('frames are not packet boundaries, fragments or not', async () => {
    const { far, transport } = await connected();
    const received = record(transport);
    far.send(Buffer.from('a'), { fin: false });
    far.send(Buffer.from('b'), { fin: false });
    far.send(Buffer.from('c'), { fin: true });
    far.send(Buffer.alloc(0));
    far.send(Buffer.from('de'));
    await received.got(5);
    expect(received.bytes.toString()).toBe('abcde');
    const frames: string[] = [];
    far.on('message', (data: Buffer, isBinary: boolean) => frames.push(`${isBinary} ${data.toString()}`));
    transport.write(Buffer.from('one'));
    transport.write(Buffer.alloc(0));
    transport.writeMany([Buffer.from('t'), Buffer.from('wo')]);
    transport.writeMany([Buffer.from('three')]);
    transport.writeMany([]);
    transport.end();
    expect(await closeCode(far)).toBe(1000);
    expect(frames).toEqual(['true one', 'true two', 'true three']);
    await received.called('close');
    expect(received.calls).not.toContain('end');
    expect(received.error).toBeUndefined();
  });

  test('v5 [MQTT-6.0.0-1] a text frame closes the connection with 1003', async () => {
    const { far, transport } = await connected();
    const received = record(transport);
    far.send('text');
    far.send(Buffer.from('not delivered'));
    const code = closeCode(far);
    await received.called('close');
    expect(received.error).toMatchObject({ code: 'ODN_ERR_TRANSPORT' });
    transport.write(Buffer.from('nor written'));
    transport.end();
    expect(await code).toBe(1003);
    expect(received.calls).toEqual(['close']);
  });

  test('a message above maxPayload closes the connection with 1009', async () => {
    const { far, transport } = await connected({ maxPayloadBytes: 100 });
    const received = record(transport);
    far.send(Buffer.alloc(100, 'x'));
    await received.got(100);
    far.send(Buffer.alloc(101));
    expect(await closeCode(far)).toBe(1009);
    await received.called('close');
    expect(received.error).toMatchObject({ code: 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' });
  });

  test('bytes that arrive with the handshake, or before start, are kept', async () => {
    const { next } = attach();
    const accepted = next();
    const socket = connect(port, '127.0.0.1');
    const frame = Buffer.from([0x82, 0x83, 0, 0, 0, 0, 0x61, 0x62, 0x63]);
    socket.write(Buffer.concat([Buffer.from(upgradeRequest('/mqtt')), frame]));
    const transport = await accepted;
    await once(socket, 'data');
    const received = record(transport);
    await received.called('bytes:abc');
    socket.destroy();
    await received.called('close');
  });

  test('pause keeps everything back, in order, also the rest of a chunk', async () => {
    const { far, transport } = await connected();
    const received = record(transport);
    const onBytes = received.onBytes.bind(received);
    received.onBytes = (chunk) => {
      transport.pause();
      onBytes(chunk);
    };
    socketOf(far).cork();
    for (const letter of 'abcd') far.send(Buffer.from(letter));
    socketOf(far).uncork();
    await received.called('bytes:a');
    far.ping();
    await new Promise((resolve) => void setImmediate(resolve));
    expect(received.calls).toEqual(['bytes:a']);
    transport.resume();
    expect(received.calls).toEqual(['bytes:a', 'bytes:b']);
    received.onBytes = (chunk) => {
      transport.pause();
      transport.resume(); // must not deliver within this call
      onBytes(chunk);
    };
    transport.resume();
    expect(received.calls).toEqual(['bytes:a', 'bytes:b', 'bytes:c', 'bytes:d']);
    far.send(Buffer.from('e'));
    await received.called('bytes:e');
    far.terminate();
    await received.called('close');
  });

  test('a peer that does not read shows in unsentBytes, and onDrain follows when it does', async () => {
    const { far, transport } = await connected();
    const received = record(transport);
    far.pause();
    const block = Buffer.alloc(60_000, 'x');
    let total = 0;
    while (transport.unsentBytes === 0) {
      transport.write(block);
      total += block.length;
      await new Promise((resolve) => void setImmediate(resolve));
    }
    expect(received.calls).toEqual([]);
    let arrived = 0;
    const all = new Promise<void>((resolve) => {
      far.on('message', (data: Buffer) => {
        arrived += data.length;
        if (arrived === total) resolve();
      });
    });
    far.resume();
    await received.called('drain');
    expect(transport.unsentBytes).toBe(0);
    await all;
    transport.destroy();
    transport.destroy();
    expect(received.calls).toEqual(['drain']);
    await received.called('close');
    expect(await closeCode(far)).toBe(1006);
  });

  // A close frame says that nothing more comes, as a half-close does: what a slow hook still holds up is not lost.
  test('the peer’s close is onEnd and onClose, its reset onClose with its error', async () => {
    for (const leave of [(far: WebSocket) => far.close(1000), (far: WebSocket) => socketOf(far).resetAndDestroy()]) {
      const { far, transport, detach } = await connected();
      const received = record(transport);
      far.on('error', () => undefined).send(Buffer.from('last'));
      await received.called('bytes:last');
      leave(far);
      await received.called('close');
      const isReset = leave.toString().includes('reset');
      expect(received.calls).toEqual(isReset ? ['bytes:last', 'close'] : ['bytes:last', 'end', 'close']);
      detach();
      if (isReset) expect(received.error).toMatchObject({ code: 'ECONNRESET' });
      else expect(received.error).toBeUndefined();
    }
  });

  test('a connection that closed before start is onClose after start', async () => {
    const { far, transport } = await connected();
    socketOf(far).resetAndDestroy();
    while (transport.unsentBytes === 0 && far.readyState !== WebSocket.CLOSED) {
      await new Promise((resolve) => void setImmediate(resolve));
    }
    const received = record(transport);
    await received.called('close');
  });
});

describe('listenWebSocket', () => {
  test('opens a port of its own that serves MQTT over WebSocket and 426', async () => {
    const transports: Transport[] = [];
    const listener = await listenWebSocket({ ...options, port: 0, host: '127.0.0.1' }, (one) => transports.push(one));
    expect(listener.url).toBe(`ws://127.0.0.1:${listener.port}/mqtt`);
    const [response] = await once(request({ port: listener.port, host: '127.0.0.1', path: '/mqtt' }).end(), 'response');
    expect([response.statusCode, response.headers.upgrade]).toEqual([426, 'websocket']);
    response.resume();
    const far = new WebSocket(listener.url, 'mqtt');
    await once(far, 'open');
    const idle = connect(listener.port, '127.0.0.1');
    await once(idle, 'connect');
    await listener.close();
    const [transport] = transports;
    expect(transport).toBeDefined();
    if (transport === undefined) return;
    const received = record(transport);
    far.send(Buffer.from('open'));
    await received.called('bytes:open'); // connections outlive their listener
    transport.destroy();
    await received.called('close');
    idle.destroy();
    await expect(once(connect(listener.port, '127.0.0.1'), 'connect')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('over TLS it is wss and the meta has the certificate', async () => {
    const tls = { ...certificates.server, ca: certificates.ca, requestCert: true };
    const accepted: Transport[] = [];
    const listener = await listenWebSocket({ ...options, tls, port: 0, host: '127.0.0.1' }, (one) => accepted.push(one));
    expect(listener.url).toBe(`wss://127.0.0.1:${listener.port}/mqtt`);
    const url = listener.url.replace('127.0.0.1', 'localhost');
    const far = new WebSocket(url, 'mqtt', { ca: certificates.ca, ...certificates.client, family: 4 });
    await once(far, 'open');
    expect(accepted[0]?.meta).toMatchObject({
      transport: 'wss',
      tls: { authorized: true, serverName: 'localhost', peerCertificate: { subject: { CN: 'device-7' } } },
    });
    far.terminate();
    accepted[0]?.destroy();
    await listener.close();
  });

  test('a port in use is ODN_ERR_LISTEN', async () => {
    const taken = listenWebSocket({ ...options, port, host: '127.0.0.1' }, () => undefined);
    await expect(taken).rejects.toMatchObject({ code: 'ODN_ERR_LISTEN' });
  });
});

function upgradeRequest(path: string): string {
  const key = Buffer.alloc(16).toString('base64');
  const lines = ['Host: x', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];
  return [`GET ${path} HTTP/1.1`, ...lines, `Sec-WebSocket-Key: ${key}`, 'Sec-WebSocket-Protocol: mqtt', '', ''].join('\r\n');
}

/** The client's own socket, which `ws` does not show. */
const socketOf = (far: WebSocket): Socket => (far as unknown as { _socket: Socket })._socket;
