/** TLS: client certificate, SNI and ALPN reach the `authenticate` hook, over plain MQTT and over WebSocket. */
import { once } from 'node:events';
import { connect, createServer, type ConnectionOptions } from 'node:tls';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { AuthenticateRequest, ConnectionMeta } from '../../../src/index.js';
import { failureOf } from '../../support/broker.js';
import { closeAll, listening, mqttJs, RawClient, realBroker } from '../../support/sockets.js';
import { certificates } from '../../unit/transport/support.js';

afterEach(closeAll);

const { ca, server: serverCertificate, client: clientCertificate } = certificates;
const mutual = { ...serverCertificate, ca, requestCert: true, rejectUnauthorized: false, ALPNProtocols: ['mqtt', 'x-amzn-mqtt-ca'] };

/** A broker that notes what its hook is shown. */
function watching() {
  const seen: (AuthenticateRequest & { readonly connection: ConnectionMeta })[] = [];
  const broker = realBroker({
    authenticate: (request) => {
      seen.push(request);
      return true;
    },
  });
  return { broker, seen };
}

async function dial(port: number, options: ConnectionOptions): Promise<RawClient> {
  const socket = connect({ port, host: '127.0.0.1', ca, servername: 'broker.example', ...options });
  await once(socket, 'secureConnect');
  return new RawClient(socket);
}

const cases: readonly (readonly [string, ConnectionOptions, object])[] = [
  [
    'a client certificate, SNI and ALPN',
    { ...clientCertificate, ALPNProtocols: ['mqtt'] },
    { authorized: true, serverName: 'broker.example', alpnProtocol: 'mqtt', peerCertificate: { subject: { CN: 'device-7' } } },
  ],
  ['no client certificate, no ALPN', {}, { authorized: false, serverName: 'broker.example' }],
];

describe.each(['listen', 'a tls.Server of the host'] as const)('%s', (way) => {
  test.each(cases)('%s', async (_, options, expected) => {
    const { broker, seen } = watching();
    const port = way === 'listen' ? (await broker.listen({ port: 0, tls: mutual })).port : await listening(createServer(mutual, broker.handle));
    const client = await dial(port, options);
    expect(await client.connect('a').next()).toMatchObject({ type: 'connack', reasonCode: 0 });
    expect(seen[0]?.connection).toMatchObject({ transport: 'tls', remoteAddress: '127.0.0.1', tls: expected });
    expect(broker.clients.get('a')?.connection.tls).toMatchObject(expected);
  });
});

test('mqtts:// and wss:// with MQTT.js', async () => {
  const { broker, seen } = watching();
  const options = { ...clientCertificate, ca, rejectUnauthorized: true };
  const plain = await broker.listen({ port: 0, tls: mutual });
  const webSocket = await broker.listen({ port: 0, tls: mutual, webSocketPath: '/mqtt' });
  expect([plain.url, webSocket.url]).toEqual([`mqtts://127.0.0.1:${plain.port}`, `wss://127.0.0.1:${webSocket.port}/mqtt`]);
  for (const { url } of [plain, webSocket]) {
    const client = await mqttJs(url, { ...options, servername: 'localhost' });
    await client.publishAsync('t', 'x', { qos: 2 });
  }
  expect(seen.map(({ connection }) => connection.transport)).toEqual(['tls', 'wss']);
  for (const { connection } of seen) {
    expect(connection.tls).toMatchObject({ authorized: true, peerCertificate: { subject: { CN: 'device-7' } } });
  }
  expect(seen[1]?.connection.upgrade).toMatchObject({ url: '/mqtt' });
});

test('a client that does not speak TLS does not reach the broker', async () => {
  const { broker, seen } = watching();
  const { port } = await broker.listen({ port: 0, tls: mutual });
  const client = await RawClient.dial(port);
  await client.connect('a').closed;
  expect(seen).toEqual([]);
  expect(broker.stats().connectionsOpened).toBe(0);
});

test('TLS options that are no good: ODN_ERR_LISTEN', async () => {
  const broker = realBroker();
  expect(await failureOf(broker.listen({ port: 0, tls: { key: 'no key', cert: 'no certificate' } }))).toMatchObject({ code: 'ODN_ERR_LISTEN' });
});
