/** MQTT 5.0, chapter 6: MQTT over WebSocket. Real sockets and real time: the handshake is somebody else's code. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { WebSocket } from 'ws';
import { createBroker, type AttachOptions, type Broker } from '../../../src/index.js';
import { packet, text } from '../../unit/packet/wire.js';
import { connectBytes } from './support.js';

const a = text('a');
/** CONNACK, Success. */
const accepted = '20 00';

let broker: Broker;
let server: Server;
let clients: WebSocketClient[];

beforeEach(async () => {
  clients = [];
  broker = createBroker({ closeGraceSeconds: 0.1 });
  server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(async () => {
  for (const { socket } of clients) socket.terminate();
  await broker.close();
  server.closeAllConnections();
  await once(server.close(), 'close');
});

class WebSocketClient {
  readonly socket: WebSocket;
  readonly opened: Promise<unknown>;
  readonly closed: Promise<number>;
  /** Whether every frame that came was binary. */
  allBinary = true;
  private bytes = Buffer.alloc(0);
  private look = (): void => undefined;

  constructor(protocols: string[] = ['mqtt']) {
    this.socket = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/mqtt`, protocols);
    this.opened = once(this.socket, 'open');
    this.opened.catch(() => undefined);
    this.closed = new Promise((resolve) => this.socket.once('close', resolve));
    this.socket.on('error', () => undefined);
    this.socket.on('message', (data: Buffer, isBinary: boolean) => {
      this.allBinary &&= isBinary;
      this.bytes = Buffer.concat([this.bytes, data]);
      this.look();
    });
    clients.push(this);
  }

  /** Takes the first packet: its type, and the Reason Code if it is a CONNACK. */
  async connack(): Promise<string> {
    const [type = '', length = ''] = (await this.took(2)).split(' ');
    const [, reasonCode = ''] = (await this.took(Number.parseInt(length, 16))).split(' ');
    return `${type} ${reasonCode}`;
  }

  /** The next `count` bytes, once they are there. */
  async took(count: number): Promise<string> {
    while (this.bytes.length < count) await new Promise<void>((resolve) => (this.look = resolve));
    const taken = this.bytes.subarray(0, count);
    this.bytes = this.bytes.subarray(count);
    return taken.toString('hex').replaceAll(/(..)(?=.)/g, '$1 ');
  }
}

/** Dials, and waits for the handshake. */
async function dial(protocols?: string[], options: AttachOptions = {}): Promise<WebSocketClient> {
  broker.attach(server, options);
  const far = new WebSocketClient(protocols);
  await far.opened;
  return far;
}

test.each(['before CONNECT', 'after CONNECT'])('v5 [MQTT-6.0.0-1] a text frame closes the connection, %s, even if its bytes would be a packet', async (when) => {
  const far = await dial();
  if (when === 'after CONNECT') {
    far.socket.send(connectBytes());
    expect(await far.connack()).toBe(accepted);
    far.socket.send(packet(0x30, `${a} 00 78`).toString('latin1'));
  } else far.socket.send(connectBytes().toString('latin1'));
  expect(await far.closed).toBe(1003);
  expect(broker.stats()).toMatchObject({ connections: 0, clients: 0, publishReceived: 0 });
});

test('v5 [MQTT-6.0.0-1] what the broker sends is binary', async () => {
  const far = await dial();
  far.socket.send(Buffer.concat([connectBytes(), packet(0x82, `0001 00 ${a} 00`), packet(0x30, `${a} 00 78`), packet(0xc0, '')]));
  expect(await far.connack()).toBe(accepted);
  expect(await far.took(15)).toBe('90 04 00 01 00 00 30 05 00 01 61 00 78 d0 00');
  expect(far.allBinary).toBe(true);
});

// Method: one conversation, cut into frames in several ways, and into fragments of one frame.
test.each([1, 2, 3, 5, 16, 1000])('v5 [MQTT-6.0.0-2] frames are not packets: %i bytes in each', async (size) => {
  const far = await dial();
  const conversation = Buffer.concat([
    connectBytes(),
    packet(0x82, `0001 00 ${a} 02`),
    packet(0x34, `${a} 0007 00 ${'78'.repeat(20)}`),
    packet(0x62, '0007'),
    packet(0xc0, ''),
  ]);
  for (let at = 0; at < conversation.length; at += size) far.socket.send(conversation.subarray(at, at + size));
  const publish = `34 1a 00 01 61 00 01 00 ${Array(20).fill('78').join(' ')}`;
  expect(await far.connack()).toBe(accepted);
  expect(await far.took(6 + 4 + 28 + 4 + 2)).toBe(`90 04 00 01 00 02 50 02 00 07 ${publish} 70 02 00 07 d0 00`);
});

test('v5 [MQTT-6.0.0-2] nor are fragments of a frame, nor empty frames', async () => {
  const far = await dial();
  const bytes = Buffer.concat([connectBytes(), packet(0xc0, '')]);
  far.socket.send(Buffer.alloc(0));
  for (let at = 0; at < bytes.length; at += 4) far.socket.send(bytes.subarray(at, at + 4), { fin: at + 4 >= bytes.length });
  expect(await far.connack()).toBe(accepted);
  expect(await far.took(2)).toBe('d0 00');
});

test('v5 [MQTT-6.0.0-3] a client that does not offer "mqtt" is refused with 400', async () => {
  broker.attach(server);
  for (const protocols of [[], ['MQTT'], ['chat', 'mqtt2']]) {
    const far = new WebSocketClient(protocols);
    const [, response] = (await once(far.socket, 'unexpected-response')) as [unknown, { statusCode?: number; resume(): void }];
    expect(response.statusCode).toBe(400);
    response.resume();
    far.socket.terminate();
  }
  expect(broker.stats().connectionsOpened).toBe(0);
});

test('v5 [MQTT-6.0.0-3] unless the host waives it', async () => {
  const far = await dial([], { requireSubprotocol: false });
  far.socket.send(connectBytes());
  expect(await far.connack()).toBe(accepted);
});

test.each([[['mqtt']], [['chat', 'mqtt']], [['mqttv3.1', 'mqtt']], [['mqtt', 'mqttv3.1']]])('v5 [MQTT-6.0.0-4] the subprotocol in the answer is "mqtt": offered %j', async (offered) => {
  const far = await dial(offered);
  expect(far.socket.protocol).toBe('mqtt');
});

test('v5 [MQTT-6.0.0-4] and none is named when it was not offered, where the host lets such clients in', async () => {
  expect((await dial([], { requireSubprotocol: false })).socket.protocol).toBe('');
});
