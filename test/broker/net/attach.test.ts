/** `broker.attach`: MQTT over WebSocket on an HTTP server of the host's own, which stays the host's. */
import { createServer, get, type Server } from 'node:http';
import { afterEach, describe, expect, test } from '@jest/globals';
import express from 'express';
import { WebSocket } from 'ws';
import type { WireSendPacket } from '../../../src/testing/index.js';
import { encodePacket } from '../../../src/testing/wire-codec.js';
import { closeAll, listening, mqttJs, nextText, realBroker, atEnd } from '../../support/sockets.js';

afterEach(closeAll);

const status = (port: number, path: string): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    get({ port, host: '127.0.0.1', path, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on('error', reject);
  });

/** How an upgrade ended: `open`, or the HTTP status, or an error's code. */
function upgrade(port: number, path: string, protocol = 'mqtt'): Promise<string> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, protocol);
  atEnd(() => socket.terminate());
  return new Promise((resolve) => {
    socket.once('open', () => resolve('open'));
    socket.once('unexpected-response', (_request, response) => resolve(String(response.statusCode)));
    socket.once('error', (error: Error & { code?: string }) => resolve(error.code ?? error.message));
  });
}

test('beside an Express app, on the same port', async () => {
  const app = express();
  app.get('/', (_request, response) => void response.sendStatus(200));
  const server = createServer(app);
  const broker = realBroker();
  broker.attach(server);
  const port = await listening(server);
  const client = await mqttJs(`ws://127.0.0.1:${port}/mqtt`, { clientId: 'js' });
  await client.subscribeAsync('t', { qos: 1 });
  const text = nextText(client);
  await broker.publish('t', 'hello', { qos: 1 });
  expect(await text).toBe('hello');
  expect(await status(port, '/')).toBe(200);
  expect(await status(port, '/mqtt')).toBe(404); // Express answers what is no upgrade
  expect(broker.clients.get('js')?.connection).toMatchObject({ transport: 'ws', remoteAddress: '127.0.0.1', upgrade: { url: '/mqtt' } });
});

test('what the HTTP request said reaches the authenticate hook, and 3.1 clients come as mqttv3.1', async () => {
  const seen: unknown[] = [];
  const broker = realBroker({
    authenticate: ({ connection: { upgrade: request } }) => {
      seen.push([request?.url, request?.headers['x-token']]);
      return true;
    },
  });
  const server = createServer();
  broker.attach(server, { path: '/ws' });
  const port = await listening(server);
  await mqttJs(`ws://127.0.0.1:${port}/ws?tenant=7`, { wsOptions: { headers: { 'x-token': 'secret' } } });
  await mqttJs(`ws://127.0.0.1:${port}/ws`, { protocolId: 'MQIsdp', protocolVersion: 3 });
  expect(seen).toEqual([
    ['/ws?tenant=7', 'secret'],
    ['/ws', undefined],
  ]);
});

describe('other upgrades', () => {
  async function attached(): Promise<{ server: Server; port: number; detach: () => void }> {
    const server = createServer((_request, response) => void response.writeHead(204).end());
    const detach = realBroker().attach(server, { path: '/mqtt' });
    return { server, detach, port: await listening(server) };
  }

  test('at other paths are the host’s', async () => {
    const { server, port } = await attached();
    const paths: (string | undefined)[] = [];
    server.on('upgrade', (request, socket) => {
      if (request.url?.startsWith('/mqtt') === true) return;
      paths.push(request.url);
      socket.end('HTTP/1.1 418 Teapot\r\n\r\n');
    });
    expect(await upgrade(port, '/chat')).toBe('418');
    expect(await upgrade(port, '/mqtt')).toBe('open');
    expect(paths).toEqual(['/chat']);
  });

  test('v5 [MQTT-6.0.0-3] without the subprotocol are refused, unless requireSubprotocol is false', async () => {
    const { port } = await attached();
    expect(await upgrade(port, '/mqtt', 'chat')).toBe('400');
    const server = createServer();
    realBroker().attach(server, { requireSubprotocol: false });
    const lenient = await listening(server);
    const socket = new WebSocket(`ws://127.0.0.1:${lenient}/mqtt`);
    atEnd(() => socket.terminate());
    await new Promise((resolve) => socket.once('open', resolve));
  });

  test('detach: later ones are nobody’s, open connections stay, the server stays open', async () => {
    const { server, port, detach } = await attached();
    const client = await mqttJs(`ws://127.0.0.1:${port}/mqtt`);
    detach();
    detach();
    expect(await upgrade(port, '/mqtt')).toBe('204'); // the host's request listener has it
    await client.publishAsync('t', 'x', { qos: 1 });
    expect(server.listening).toBe(true);
    expect(server.listenerCount('upgrade')).toBe(0);
  });
});

test('two brokers at two paths of one server; the same path twice: ODN_ERR_OPTION', async () => {
  const server = createServer();
  const [left, right] = [realBroker(), realBroker()];
  left.attach(server, { path: '/left' });
  right.attach(server, { path: '/right' });
  expect(() => right.attach(server, { path: '/left' })).toThrow(expect.objectContaining({ code: 'ODN_ERR_OPTION' }));
  const port = await listening(server);
  await mqttJs(`ws://127.0.0.1:${port}/left`, { clientId: 'l' });
  await mqttJs(`ws://127.0.0.1:${port}/right`, { clientId: 'r' });
  expect([[...left.clients.keys()], [...right.clients.keys()]]).toEqual([['l'], ['r']]);
});

test('close() detaches and ends its WebSocket connections; the server stays the host’s', async () => {
  const server = createServer((_request, response) => void response.writeHead(204).end());
  const broker = realBroker();
  broker.attach(server);
  const port = await listening(server);
  const client = await mqttJs(`ws://127.0.0.1:${port}/mqtt`);
  const gone = new Promise((resolve) => client.once('close', () => resolve(undefined)));
  await broker.close();
  await gone;
  expect(await status(port, '/')).toBe(204);
  expect(server.listenerCount('upgrade')).toBe(0);
});

test('a client that says everything, DISCONNECT included, and closes while hooks are slow has published, and leaves no will', async () => {
  let answer: () => void = () => undefined;
  let isAsked: () => void = () => undefined;
  const asked = new Promise<void>((resolve) => (isAsked = resolve));
  const slow = new Promise<void>((resolve) => (answer = resolve));
  const broker = realBroker({
    authorize: async (_, { type }) => {
      if (type === 'publish') isAsked();
      if (type === 'publish') await slow;
      return true;
    },
  });
  const server = createServer();
  broker.attach(server);
  const nearClosed = new Promise((resolve) => server.once('upgrade', (_request, near) => near.once('close', resolve)));
  const port = await listening(server);
  const messages = broker.subscribe('#');
  const socket = new WebSocket(`ws://127.0.0.1:${port}/mqtt`, 'mqtt');
  atEnd(() => socket.terminate());
  const will = { topic: 'w', payload: 'will', qos: 0, retain: false };
  const packets: WireSendPacket[] = [
    { cmd: 'connect', clientId: 'a', clean: true, keepalive: 0, will },
    { cmd: 'publish', topic: 't', payload: '1', qos: 0, retain: false, dup: false },
    { cmd: 'publish', topic: 't', payload: '2', qos: 0, retain: false, dup: false },
    { cmd: 'disconnect' },
  ];
  await new Promise((resolve) => socket.once('open', resolve));
  for (const packet of packets) socket.send(encodePacket(packet, 4));
  await asked;
  const gone = new Promise((resolve) => broker.once('clientDisconnected', (_, { why }) => resolve(why)));
  socket.close(1000);
  await nearClosed;
  await new Promise((resolve) => void setImmediate(resolve)); // the broker knows that it is gone
  answer();
  expect(await gone).toBe('DISCONNECT');
  expect([(await messages.next()).value?.text(), (await messages.next()).value?.text()]).toEqual(['1', '2']);
  expect(broker.stats()).toMatchObject({ willsPublished: 0, clients: 0, connections: 0 });
});
