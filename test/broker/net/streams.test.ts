/** `broker.handle` on servers and streams of the host's own, and `broker.listen`, on port 0. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, test } from '@jest/globals';
import { isBrokerError, memoryDuplexPair, type Client, type Listener } from '../../../src/index.js';
import { failureOf } from '../../support/broker.js';
import { atEnd, closeAll, listening, mqttJs, mqttJsOn, nextText, RawClient, realBroker } from '../../support/sockets.js';

afterEach(closeAll);

describe('handle', () => {
  test('createServer(broker.handle): MQTT.js at QoS 0, 1 and 2; where it comes from is known', async () => {
    const broker = realBroker();
    const port = await listening(createServer(broker.handle));
    const client = await mqttJs(`mqtt://127.0.0.1:${port}`, { clientId: 'js' });
    expect(broker.clients.get('js')?.connection).toMatchObject({ transport: 'tcp', remoteAddress: '127.0.0.1', localPort: port });
    await client.subscribeAsync('t', { qos: 2 });
    for (const qos of [0, 1, 2] as const) {
      const text = nextText(client);
      await client.publishAsync('t', `at ${qos}`, { qos });
      expect(await text).toBe(`at ${qos}`);
    }
  });

  test('close() leaves the host’s server alone, and new connections are dropped', async () => {
    const broker = realBroker();
    const server = createServer(broker.handle);
    const port = await listening(server);
    const client = await RawClient.dial(port);
    expect(await client.connect('a').next()).toMatchObject({ type: 'connack' });
    const closing = broker.close();
    expect(await client.next()).toMatchObject({ type: 'disconnect', reasonCode: 0x8b });
    await closing;
    expect(server.listening).toBe(true);
    const late = await RawClient.dial(port);
    await late.closed;
  });

  test('memoryDuplexPair with MQTT.js: no port at all; the stated meta wins', async () => {
    const broker = realBroker();
    const [near, far] = memoryDuplexPair();
    broker.handle(far, { transport: 'tcp', remoteAddress: '192.0.2.9' });
    const client = await mqttJsOn(near);
    expect(broker.clients.get('js')?.connection).toMatchObject({ transport: 'tcp', remoteAddress: '192.0.2.9' });
    await client.subscribeAsync('t', { qos: 1 });
    const text = nextText(client);
    await broker.publish('t', 'through memory', { qos: 1 });
    expect(await text).toBe('through memory');
    await client.endAsync();
    if (broker.clients.size > 0) await new Promise<void>((resolve) => broker.once('clientDisconnected', () => resolve()));
    expect(broker.stats()).toMatchObject({ clients: 0, sessions: 0 });
  });

  test('a stream that is no MQTT, or was destroyed before, harms nobody', async () => {
    const broker = realBroker();
    const refused: string[] = [];
    broker.on('connectRefused', ({ why }) => refused.push(why));
    const dead = new PassThrough();
    dead.destroy();
    broker.handle(dead);
    const [near, far] = memoryDuplexPair();
    broker.handle(far);
    near.on('error', () => undefined).resume();
    near.end('GET / HTTP/1.1\r\n\r\n');
    await once(near, 'close');
    expect(refused).toHaveLength(2);
    expect(broker.stats()).toMatchObject({ connections: 0, connectsRefused: 2 });
  });
});

describe('listen', () => {
  test('port 0 on 127.0.0.1: the listener and the event tell the real port', async () => {
    const broker = realBroker();
    const events: Listener[] = [];
    broker.on('listening', (listener) => events.push(listener));
    const listener = await broker.listen({ port: 0 });
    expect(listener).toMatchObject({ host: '127.0.0.1', url: `mqtt://127.0.0.1:${listener.port}` });
    expect(listener.port).toBeGreaterThan(0);
    expect(events).toEqual([listener]);
    const client = await mqttJs(listener.url, { clientId: 'a', will: { topic: 'w', payload: Buffer.from('bye') } });
    const disconnected = new Promise<Client>((resolve) => broker.once('clientDisconnected', resolve));
    client.stream.destroy();
    expect((await disconnected).id).toBe('a');
    expect(broker.stats().willsPublished).toBe(1);
  });

  test('a port that is taken: ODN_ERR_LISTEN, and the broker goes on', async () => {
    const broker = realBroker();
    const { port } = await broker.listen({ port: 0 });
    const failure = await failureOf(broker.listen({ port }));
    expect(failure).toMatchObject({ code: 'ODN_ERR_LISTEN', message: expect.stringContaining(String(port)) });
    expect(isBrokerError(failure)).toBe(true);
    await mqttJs(`mqtt://127.0.0.1:${port}`);
  });

  test('several listeners; closing one stops accepting there and leaves its connections', async () => {
    const broker = realBroker();
    const [first, second] = [await broker.listen({ port: 0 }), await broker.listen({ port: 0 })];
    const client = await RawClient.dial(first.port);
    await client.connect('a').next();
    await first.close();
    expect(await failureOf(RawClient.dial(first.port))).toMatchObject({ code: 'ECONNREFUSED' });
    expect(await client.sendPacket({ cmd: 'pingreq' }).next()).toEqual({ type: 'pingresp' });
    await mqttJs(second.url);
  });

  test('broker.close() frees the port at once', async () => {
    const broker = realBroker();
    const { port } = await broker.listen({ port: 0 });
    await RawClient.dial(port);
    await broker.close();
    const server = createServer();
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    atEnd(() => new Promise((resolve) => server.close(resolve)));
  });
});

describe('trustedProxies', () => {
  const v1 = 'PROXY TCP4 198.51.100.7 192.0.2.1 4711 1883\r\n';

  test('the real client’s address reaches the hooks, the events and the client', async () => {
    const seen: unknown[] = [];
    const broker = realBroker({
      trustedProxies: ['127.0.0.0/8'],
      authenticate: ({ connection }) => {
        seen.push([connection.remoteAddress, connection.remotePort]);
        return true;
      },
    });
    const { port } = await broker.listen({ port: 0 });
    const client = await RawClient.dial(port);
    expect(await client.send(v1).connect('a').next()).toMatchObject({ type: 'connack', reasonCode: 0 });
    expect(seen).toEqual([['198.51.100.7', 4711]]);
    expect(broker.clients.get('a')?.connection).toMatchObject({ remoteAddress: '198.51.100.7', localAddress: '192.0.2.1', transport: 'tcp' });
  });

  test('without the header the connection is dropped, with ODN_ERR_PROXY_HEADER', async () => {
    const broker = realBroker({ trustedProxies: ['127.0.0.1'] });
    const errors: unknown[] = [];
    broker.on('clientError', (error) => errors.push(error));
    const { port } = await broker.listen({ port: 0 });
    const client = await RawClient.dial(port);
    await client.connect('a').closed;
    expect(errors).toMatchObject([{ code: 'ODN_ERR_PROXY_HEADER' }]);
    expect(broker.stats()).toMatchObject({ connections: 0, clients: 0 });
  });

  test('from an address that is not trusted the header is no MQTT', async () => {
    const broker = realBroker({ trustedProxies: ['192.0.2.1'] });
    const { port } = await broker.listen({ port: 0 });
    const client = await RawClient.dial(port);
    client.send(v1).connect('a');
    expect(await client.next()).toBeUndefined();
    expect(broker.stats()).toMatchObject({ connectsAccepted: 0, protocolErrors: 1 });
  });
});
