/** Real servers and MQTT.js clients for one test file: everything made here is ended by `closeAll`. */
import { once } from 'node:events';
import { connect as connectTcp, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connectAsync, MqttClient, type IClientOptions } from 'mqtt';
import { createBroker, type Broker, type BrokerOptions } from '../../src/index.js';
import { decodePacket, encodePacket, packetLength } from '../../src/testing/wire-codec.js';
import type { WirePacket, WireSendPacket } from '../../src/testing/index.js';

const endings: (() => unknown)[] = [];

/** Ends, last made first, what this file made. */
export async function closeAll(): Promise<void> {
  for (let end = endings.pop(); end !== undefined; end = endings.pop()) await end();
}

/** Whatever else a test opened. */
export const atEnd = (end: () => unknown): void => void endings.push(end);

export function realBroker(options: BrokerOptions = {}): Broker {
  const broker = createBroker({ closeGraceSeconds: 0.5, ...options });
  atEnd(() => broker.close());
  return broker;
}

/** The server's port on 127.0.0.1; it is closed in the end. */
export async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEnd(() => new Promise((resolve) => server.close(resolve)));
  return (server.address() as AddressInfo).port;
}

export async function mqttJs(url: string, options: IClientOptions = {}): Promise<MqttClient> {
  const client = await connectAsync(url, { reconnectPeriod: 0, protocolVersion: 5, ...options });
  atEnd(() => client.endAsync(true));
  return client;
}

/** MQTT.js on a stream of the test's own. */
export async function mqttJsOn(stream: Duplex, options: IClientOptions = {}): Promise<MqttClient> {
  // MQTT.js wants the type of an older stream package.
  const client = new MqttClient(() => stream as never, { reconnectPeriod: 0, protocolVersion: 5, clientId: 'js', ...options });
  atEnd(() => client.endAsync(true));
  if (!client.connected) await new Promise<void>((resolve, reject) => client.once('connect', () => resolve()).once('error', reject));
  return client;
}

/** The text of the next message of an MQTT.js client; ask before what causes it. */
export const nextText = (client: MqttClient): Promise<string> =>
  new Promise((resolve) => client.once('message', (_topic, payload) => resolve(payload.toString())));

/** The raw socket of a client that says what it is told, byte by byte. */
export class RawClient {
  readonly socket: Duplex;
  readonly closed: Promise<void>;
  private received = Buffer.alloc(0);
  private onMore: (() => void) | undefined = undefined;
  private isClosed = false;

  constructor(socket: Duplex) {
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('data', (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk]);
      this.onMore?.();
    });
    socket.on('error', () => undefined);
    socket.once('close', () => {
      this.isClosed = true;
      this.onMore?.();
    });
    atEnd(() => socket.destroy());
  }

  static async dial(port: number): Promise<RawClient> {
    const socket: Socket = connectTcp({ port, host: '127.0.0.1' });
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  send(bytes: string | Uint8Array): this {
    this.socket.write(bytes);
    return this;
  }

  sendPacket(packet: WireSendPacket): this {
    return this.send(encodePacket(packet, 5));
  }

  connect(clientId: string, fields: object = {}): this {
    return this.sendPacket({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 5, clientId, clean: true, keepalive: 0, ...fields });
  }

  /** The next packet; `undefined` when the connection closes first. */
  async next(): Promise<WirePacket | undefined> {
    for (;;) {
      const length = packetLength(this.received);
      if (length > 0) {
        const bytes = this.received.subarray(0, length);
        this.received = this.received.subarray(length);
        return decodePacket(bytes, 5);
      }
      if (this.isClosed) return undefined;
      await new Promise<void>((resolve) => (this.onMore = resolve));
    }
  }
}
