/** What docs/guides/embedding.md promises, with real sockets on free ports. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { connect as connectSocket, createServer } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import websocket from '@fastify/websocket';
import { afterEach, describe, expect, test } from '@jest/globals';
import fastify from 'fastify';
import { generate } from 'mqtt-packet';
import { createBroker, type BrokerOptions, type ConnectionMeta } from 'odonata';
import { createWebSocketStream } from 'ws';
import { closeAll, connect, portOf, started } from './support.js';

afterEach(closeAll);

const pem = (name: string): Buffer => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url));

/** A broker that notes where its clients come from. */
function noting(options: BrokerOptions = {}) {
  const seen: ConnectionMeta[] = [];
  const authenticate = ({ connection }: { readonly connection: ConnectionMeta }): boolean => seen.push(connection) > 0;
  return { broker: createBroker({ ...options, authenticate }), seen };
}

test('a tls.Server: hooks see certificate, server name and ALPN', async () => {
  const { broker, seen } = noting();
  const options = { key: pem('server.key'), cert: pem('server.crt'), ca: pem('ca.crt'), requestCert: true, ALPNProtocols: ['mqtt'] };
  const server = createTlsServer(options, broker.handle).listen(0, '127.0.0.1');
  started({ broker, server });
  await once(server, 'listening');
  await connect(`mqtts://127.0.0.1:${portOf(server)}`, {
    ca: pem('ca.crt'),
    cert: pem('client.crt'),
    key: pem('client.key'),
    servername: 'localhost',
    ALPNProtocols: ['mqtt'],
  });
  expect(seen).toMatchObject([
    { transport: 'tls', remoteAddress: '127.0.0.1', tls: { authorized: true, serverName: 'localhost', alpnProtocol: 'mqtt' } },
  ]);
  expect(seen[0]?.tls?.peerCertificate?.['subject']).toBeDefined();
});

describe('behind a proxy', () => {
  const trustedProxies = ['127.0.0.0/8'];

  test('the PROXY header’s client is the one that hooks see', async () => {
    const { broker, seen } = noting({ trustedProxies });
    const server = createServer(broker.handle).listen(0, '127.0.0.1');
    started({ broker, server });
    await once(server, 'listening');
    const socket = connectSocket(portOf(server), '127.0.0.1');
    socket.write('PROXY TCP4 192.0.2.7 198.51.100.1 40000 1883\r\n');
    socket.write(generate({ cmd: 'connect', clientId: 'a', protocolId: 'MQTT', protocolVersion: 4, clean: true, keepalive: 0 }));
    expect([...((await once(socket, 'data'))[0] as Buffer)]).toEqual([0x20, 2, 0, 0]);
    expect(seen).toMatchObject([{ remoteAddress: '192.0.2.7', remotePort: 40_000 }]);
    socket.destroy();
  });

  test('a WebSocket from such a proxy has no PROXY header: its facts are in the request', async () => {
    const { broker, seen } = noting({ trustedProxies });
    const server = createHttpServer().listen(0, '127.0.0.1');
    broker.attach(server);
    started({ broker, server });
    await once(server, 'listening');
    const headers = { 'x-forwarded-for': '192.0.2.7' };
    await connect(`ws://127.0.0.1:${portOf(server)}/mqtt`, { wsOptions: { headers } });
    expect(seen).toMatchObject([{ transport: 'ws', remoteAddress: '127.0.0.1', upgrade: { url: '/mqtt', headers } }]);
  });
});

test('an app that uses @fastify/websocket gives the broker a route of it', async () => {
  const { broker, seen } = noting();
  const app = fastify();
  await app.register(websocket, { options: { handleProtocols: (offered) => offered.has('mqtt') && 'mqtt' } });
  app.get('/mqtt', { websocket: true }, (socket, request) => {
    broker.handle(createWebSocketStream(socket), { transport: 'ws', remoteAddress: request.ip });
  });
  app.addHook('preClose', () => broker.close());
  started({ app });
  await app.listen({ port: 0 });
  const client = await connect(`ws://127.0.0.1:${portOf(app.server)}/mqtt`);
  await client.mqtt.subscribeAsync('t', { qos: 1 });
  await broker.publish('t', 'x'.repeat(100_000), { qos: 1 });
  expect(await client.next()).toBe(`t ${'x'.repeat(100_000)}`);
  expect(seen).toMatchObject([{ transport: 'ws', remoteAddress: '127.0.0.1' }]);
});

test('attach: one broker for each path, and detach leaves connections alone', async () => {
  const { broker } = noting();
  const server = createHttpServer((_request, response) => void response.writeHead(404).end()).listen(0, '127.0.0.1');
  started({ broker, server });
  const detach = broker.attach(server, { path: '/mqtt' });
  expect(() => broker.attach(server, { path: '/mqtt' })).toThrow(expect.objectContaining({ code: 'ODN_ERR_OPTION' }));
  await once(server, 'listening');
  const url = `ws://127.0.0.1:${portOf(server)}/mqtt`;
  const client = await connect(url, { clientId: 'a' });
  detach();
  await expect(connect(url)).rejects.toThrow('connect');
  await client.mqtt.subscribeAsync('t');
  await broker.publish('t', 'still here');
  expect(await client.next()).toBe('t still here');
});
