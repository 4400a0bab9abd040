/** MQTT 5.0, chapter 4.2: what carries the bytes. Real sockets and real time: they are somebody else's code. */
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { afterEach, expect, test } from '@jest/globals';
import { createWebSocketStream, WebSocket } from 'ws';
import type { Broker } from '../../../src/index.js';
import { memoryDuplexPair } from '../../../src/testing/index.js';
import { atEnd, closeAll, listening, realBroker } from '../../support/sockets.js';
import { certificates } from '../../unit/transport/support.js';
import { packet, text } from '../../unit/packet/wire.js';
import { openRig } from '../../wire/rig.js';
import { connectBytes, open } from './support.js';

afterEach(closeAll);

const a = text('a');
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const payload = Array.from({ length: 300 }, (_, index) => String.fromCodePoint(97 + (index % 26))).join('');

/** A conversation with an answer to each packet, and the answers behind CONNACK. */
const conversation = Buffer.concat([
  connectBytes(),
  packet(0x82, `0001 00 ${a} 02`),
  packet(0x30, `${a} 00 '${payload}'`),
  packet(0x32, `${a} 0006 00 79`),
  packet(0x34, `${a} 0007 00 7a`),
  packet(0x62, '0007'),
  packet(0xa2, `0002 00 ${a}`),
  packet(0xc0, ''),
]);
const answers = hex(
  Buffer.concat([
    packet(0x90, '0001 00 02'),
    packet(0x30, `${a} 00 '${payload}'`),
    packet(0x40, '0006'),
    packet(0x32, `${a} 0001 00 79`),
    packet(0x50, '0007'),
    packet(0x34, `${a} 0002 00 7a`),
    packet(0x70, '0007'),
    packet(0xb0, '0002 00 00'),
    packet(0xd0, ''),
  ]),
);

/** A client's end of a connection to the broker, by what carries it. */
const carriers: Readonly<Record<string, (broker: Broker) => Promise<Duplex>>> = {
  TCP: async (broker) => {
    const socket = connect({ port: await listening(createServer(broker.handle)), host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    return socket;
  },
  TLS: async (broker) => {
    const port = await listening(createTlsServer(certificates.server, broker.handle));
    const socket = connectTls({ port, host: '127.0.0.1', servername: 'localhost', ca: certificates.ca });
    await once(socket, 'secureConnect');
    return socket;
  },
  WebSocket: async (broker) => {
    const server = createHttpServer();
    broker.attach(server);
    const socket = new WebSocket(`ws://127.0.0.1:${await listening(server)}/mqtt`, ['mqtt']);
    await once(socket, 'open');
    return createWebSocketStream(socket);
  },
  'a Duplex': (broker) => {
    const [near, far] = memoryDuplexPair();
    broker.handle(far);
    return Promise.resolve(near);
  },
};

/** What came back, once it is as long as a CONNACK and the answers. */
async function converse(stream: Duplex, send: () => Promise<void>): Promise<string> {
  let received = Buffer.alloc(0);
  const all = new Promise<void>((resolve) => {
    stream.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length >= 2 + (received[1] ?? Infinity) + answers.length / 2) resolve();
    });
  });
  await send();
  await all;
  expect(hex(received.subarray(0, 1))).toBe('20');
  return hex(received.subarray(2 + (received[1] ?? 0)));
}

const cases = Object.keys(carriers).flatMap((name) => [1, 7, 10_000].map((size) => [name, size] as const));

test.each(cases)('v5 [MQTT-4.2.0-1] %s carries the bytes both ways, in order and without loss: %i bytes a write', async (name, size) => {
  const stream = await (carriers[name] as (broker: Broker) => Promise<Duplex>)(realBroker());
  atEnd(() => stream.destroy());
  stream.on('error', () => undefined);
  const heard = await converse(stream, async () => {
    for (let at = 0; at < conversation.length; at += size) {
      await new Promise<void>((resolve) => void stream.write(conversation.subarray(at, at + size), () => resolve()));
    }
  });
  expect(heard).toBe(answers);
});

// Method: the same conversation in memory, in pieces of every size up to the whole.
test('v5 [MQTT-4.2.0-1] how the stream is cut changes nothing', () => {
  for (let size = 1; size <= conversation.length; size += size < 40 ? 1 : 23) {
    const bytes = Buffer.from(open(openRig()).cutInto(size).sendsBytes(conversation).receivedHex().replaceAll(' ', ''), 'hex');
    expect([size, hex(bytes.subarray(2 + (bytes[1] ?? 0)))]).toEqual([size, answers]);
  }
});
