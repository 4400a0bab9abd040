/** MQTT 3.1.1, chapter 7: conformance. */
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { connectAsync, type MqttClient } from 'mqtt';
import { createBroker, type Broker } from '../../../src/index.js';
import { packet } from '../../unit/packet/wire.js';
import { openRig } from '../../wire/rig.js';
import { a, accepted, connectBytes, open } from './support.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).toReversed()) await clean();
});

/** A broker behind a `net.Server` of the host's, and the port. */
async function served(): Promise<{ broker: Broker; port: number }> {
  const broker = createBroker({ closeGraceSeconds: 0.1 });
  const server = createServer(broker.handle).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => once(server.close(), 'close'), () => broker.close());
  return { broker, port: (server.address() as AddressInfo).port };
}

// It has no bridge: whoever adds one finds here that it must conform as a client too, and be tested as one.
test('v3.1.1 [MQTT-7.0.0-1] the broker conforms as a server, and connects out to nobody as a client', () => {
  const dials = /\b(?:createConnection|net\.connect|tls\.connect|http2?\.connect|new WebSocket|new Socket|new TLSSocket)\b|import \{[^}]*\bconnect\b[^}]*\} from 'node:/;
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts') && !file.startsWith('testing'));
  expect(files.length).toBeGreaterThan(100);
  expect(files.filter((file) => dials.test(readFileSync(`src/${file}`, 'utf8')))).toEqual([]);
});

test('v3.1.1 [MQTT-7.0.0-2] a client that knows nothing but the specification works as it is', async () => {
  const { port } = await served();
  const dial = async (clientId: string): Promise<MqttClient> => {
    const client = await connectAsync(`mqtt://127.0.0.1:${port}`, { protocolVersion: 4, clientId, reconnectPeriod: 0 });
    cleanups.push(() => client.endAsync(true));
    return client;
  };
  const [sub, pub] = [await dial('sub'), await dial('pub')];
  const seen: string[] = [];
  const all = new Promise<void>((resolve) => {
    sub.on('message', (topic, payload, { qos, retain }) => {
      seen.push([topic, payload.toString(), qos, retain].join(' '));
      if (seen.length === 4) resolve();
    });
  });
  await pub.publishAsync('a/kept', 'k', { qos: 1, retain: true });
  expect(await sub.subscribeAsync('a/#', { qos: 2 })).toMatchObject([{ topic: 'a/#', qos: 2 }]);
  for (const qos of [0, 1, 2] as const) await pub.publishAsync('a/b', String(qos), { qos });
  await all;
  expect(seen.toSorted()).toEqual(['a/b 0 0 false', 'a/b 1 1 false', 'a/b 2 2 false', 'a/kept k 1 true']);
  await sub.unsubscribeAsync('a/#');
});

/** A conversation with an answer to each packet, and the answers. */
const conversation = Buffer.concat([
  connectBytes(),
  packet(0x82, `0001 ${a} 02`),
  packet(0x30, `${a} ${'78'.repeat(200)}`),
  packet(0x32, `${a} 0006 79`),
  packet(0x34, `${a} 0007 7a`),
  packet(0x62, '0007'),
  packet(0xa2, `0002 ${a}`),
  packet(0xc0, ''),
]);
const answers = [
  accepted,
  '90 03 00 01 02',
  `30 cb 01 00 01 61 ${Array(200).fill('78').join(' ')}`,
  '40 02 00 06 32 06 00 01 61 00 01 79',
  '50 02 00 07 34 06 00 01 61 00 02 7a',
  '70 02 00 07',
  'b0 02 00 02',
  'd0 00',
].join(' ');

async function converse(socket: Socket, send: () => Promise<void>): Promise<string> {
  const expected = (answers.length + 1) / 3;
  let received = Buffer.alloc(0);
  const all = new Promise<void>((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length >= expected) resolve();
    });
  });
  await send();
  await all;
  return received.toString('hex').replaceAll(/(..)(?=.)/g, '$1 ');
}

test.each([1, 7, 100, 10_000])('v3.1.1 [MQTT-7.1.1-1] TCP carries the bytes both ways, in order and without loss: %i bytes a write', async (size) => {
  const { port } = await served();
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  cleanups.push(() => socket.destroy());
  await once(socket, 'connect');
  const heard = await converse(socket, async () => {
    for (let at = 0; at < conversation.length; at += size) {
      await new Promise<void>((resolve) => void socket.write(conversation.subarray(at, at + size), () => resolve()));
    }
  });
  expect(heard).toBe(answers);
});

// Method: the same conversation in memory, in pieces of every size up to the whole.
test('v3.1.1 [MQTT-7.1.1-1] how the stream is cut changes nothing', () => {
  for (let size = 1; size <= conversation.length; size += size < 40 ? 1 : 23) {
    const sent = open(openRig()).cutInto(size).sendsBytes(conversation);
    expect([size, sent.receivedHex()]).toEqual([size, answers]);
  }
});
