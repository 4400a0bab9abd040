// Goal: a port of our own speaks TCP or TLS, tells the facts of each connection and closes without the connections.
import { once } from 'node:events';
import { connect, Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer, TLSSocket, type ConnectionOptions } from 'node:tls';
import { describe, expect, test } from '@jest/globals';
import { duplexTransport } from '../../../src/transport/duplex.js';
import { listenTcp, type ListenTcpOptions } from '../../../src/transport/listen-tcp.js';
import type { Transport } from '../../../src/transport/transport.js';
import { certificates, portOf, record } from './support.js';

/** Listens on a free port; `next` is the transport of the next connection. */
async function open(options: Partial<ListenTcpOptions> = {}) {
  const waiting: ((transport: Transport) => void)[] = [];
  const listener = await listenTcp({ port: 0, host: '127.0.0.1', ...options }, (transport) => waiting.shift()?.(transport));
  return { listener, next: () => new Promise<Transport>((resolve) => void waiting.push(resolve)) };
}

const tlsOptions = { ...certificates.server, ca: certificates.ca, requestCert: true, rejectUnauthorized: false };

async function dialTls(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connectTls({ port, host: '127.0.0.1', ca: certificates.ca, servername: 'broker.example', ...options });
  await once(socket, 'secureConnect');
  return socket;
}

describe('TCP', () => {
  test('says where it listens, accepts, and stops at once although a connection lives on', async () => {
    const { listener, next } = await open();
    expect(listener).toMatchObject({ host: '127.0.0.1', url: `mqtt://127.0.0.1:${listener.port}` });
    const accepted = next();
    const far = connect(listener.port, '127.0.0.1');
    const transport = await accepted;
    const received = record(transport);
    await listener.close();
    await listener.close();
    const second = new Socket();
    await expect(once(second.connect(listener.port, '127.0.0.1'), 'connect')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    const again = await open({ port: listener.port }); // the port is free
    await again.listener.close();
    far.write('still here');
    await received.called('bytes:still here');
    far.end();
    await received.called('end');
    transport.write(Buffer.from('half-open')); // allowHalfOpen
    expect(String((await once(far, 'data'))[0])).toBe('half-open');
    transport.destroy();
    await received.called('close');
  });

  test('an IPv6 address stands in brackets', async () => {
    const { listener } = await open({ host: '::1' });
    expect(listener.url).toBe(`mqtt://[::1]:${listener.port}`);
    await listener.close();
  });

  test('a port in use or an impossible one is ODN_ERR_LISTEN', async () => {
    const { listener } = await open();
    await expect(open({ port: listener.port })).rejects.toMatchObject({
      code: 'ODN_ERR_LISTEN',
      message: expect.stringContaining(`127.0.0.1:${listener.port}`),
      cause: { code: 'EADDRINUSE' },
    });
    await expect(open({ port: 70_000 })).rejects.toMatchObject({ code: 'ODN_ERR_LISTEN' });
    await expect(open({ tls: { key: 'no key', cert: 'no certificate' } })).rejects.toMatchObject({ code: 'ODN_ERR_LISTEN' });
    await listener.close();
  });
});

describe('TLS', () => {
  test('the client certificate, SNI and ALPN are in the meta', async () => {
    const { listener, next } = await open({ tls: { ...tlsOptions, ALPNProtocols: ['mqtt'] } });
    expect(listener.url).toBe(`mqtts://127.0.0.1:${listener.port}`);
    const accepted = next();
    const far = await dialTls(listener.port, { ...certificates.client, ALPNProtocols: ['mqtt'] });
    const transport = await accepted;
    const received = record(transport);
    expect(transport.meta).toMatchObject({
      transport: 'tls',
      remoteAddress: '127.0.0.1',
      tls: { authorized: true, serverName: 'broker.example', alpnProtocol: 'mqtt', peerCertificate: { subject: { CN: 'device-7' } } },
    });
    expect(transport.meta.tls).not.toHaveProperty('authorizationError');
    far.write('hi');
    await received.called('bytes:hi');
    far.destroy();
    transport.destroy();
    await received.called('close');
    await listener.close();
  });

  test('without a client certificate the meta says why it is not authorized', async () => {
    const { listener, next } = await open({ tls: tlsOptions });
    const accepted = next();
    const far = await dialTls(listener.port);
    const transport = await accepted;
    expect(transport.meta.tls).toEqual({
      authorized: false,
      authorizationError: 'UNABLE_TO_GET_ISSUER_CERT',
      serverName: 'broker.example',
    });
    const received = record(transport);
    transport.destroy();
    far.destroy();
    await received.called('close');
    await listener.close();
  });

  test('a buffer may be reused once unsentBytes is 0, and onDrain comes when it is not', async () => {
    const { listener, next } = await open({ tls: tlsOptions });
    const accepted = next();
    const far = await dialTls(listener.port);
    const transport = await accepted;
    const sent = record(transport);
    const slab = Buffer.alloc(100_000);
    const chunks: Buffer[] = [];
    let total = 0;
    const all = new Promise<void>((resolve) => {
      far.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        total += chunk.length;
        if (total === 20 * slab.length) resolve();
      });
    });
    let drains = 0;
    for (let letter = 65; letter < 85; letter += 1) {
      slab.fill(letter);
      transport.write(slab);
      if (transport.unsentBytes === 0) continue;
      drains += 1;
      await sent.until(() => sent.calls.length === drains);
      expect(transport.unsentBytes).toBe(0);
    }
    await all;
    const expected = Buffer.concat(Array.from({ length: 20 }, (_, index) => Buffer.alloc(slab.length, 65 + index)));
    expect(Buffer.concat(chunks).equals(expected)).toBe(true);
    transport.destroy();
    far.destroy();
    await sent.called('close');
    await listener.close();
  });

  test('half-close works over TLS', async () => {
    const { listener, next } = await open({ tls: tlsOptions });
    const accepted = next();
    const far = await dialTls(listener.port, { allowHalfOpen: true } as ConnectionOptions);
    const transport = await accepted;
    const received = record(transport);
    transport.write(Buffer.from('goodbye'));
    transport.end();
    far.resume();
    await once(far, 'end');
    far.end('last words');
    await received.called('close');
    await listener.close();
    expect(received.calls.filter((call) => call !== 'drain')).toEqual(['bytes:last words', 'end', 'close']);
  });

  test('a broken handshake harms nobody', async () => {
    const { listener, next } = await open({ tls: tlsOptions });
    const plain = connect(listener.port, '127.0.0.1');
    plain.on('error', () => undefined).write('\x10\x0c\x00\x04MQTT, but not TLS');
    await once(plain, 'close');
    const refused = connectTls({ port: listener.port, host: '127.0.0.1', servername: 'unknown.example', ca: certificates.ca });
    await expect(once(refused, 'secureConnect')).rejects.toThrow(/altnames/);
    const accepted = next();
    const far = await dialTls(listener.port);
    const transport = await accepted;
    const received = record(transport);
    transport.destroy();
    far.destroy();
    await received.called('close');
    await listener.close();
  });

  test('close does not wait for a handshake that never comes', async () => {
    const { listener } = await open({ tls: tlsOptions });
    const silent = connect(listener.port, '127.0.0.1');
    await once(silent, 'connect');
    // A completed connection behind it shows that the server has accepted the silent one.
    (await dialTls(listener.port)).destroy();
    await listener.close();
    await once(silent.resume(), 'close');
  });
});

test('a TLS socket that is handed over before its handshake has its facts with the first bytes', async () => {
  const server = createTlsServer(tlsOptions);
  server.removeAllListeners('connection');
  const accepted = new Promise<Transport>((resolve) => {
    server.on('connection', (raw: Socket) => {
      resolve(duplexTransport(new TLSSocket(raw, { isServer: true, ...tlsOptions }), { localAddress: 'stated' }));
    });
  });
  server.listen(0, '127.0.0.1');
  const far = connectTls({ port: await portOf(server), host: '127.0.0.1', ca: certificates.ca, servername: 'localhost' });
  far.write('x');
  const transport = await accepted;
  expect(transport.meta).toMatchObject({ transport: 'tls', localAddress: 'stated' });
  expect(transport.meta.tls).toBeUndefined();
  const received = record(transport);
  await received.called('bytes:x');
  expect(transport.meta).toMatchObject({ localAddress: 'stated', tls: { serverName: 'localhost' } });
  transport.destroy();
  far.destroy();
  await received.called('close');
  server.close();
});
