/** A client over each transport: what it reads comes asynchronously and in real time, and is decoded by mqtt-packet. */
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { WebSocket } from 'ws';
import type { Broker } from '../../../src/index.js';
import { decodePacket, packetLength } from '../../../src/testing/wire-codec.js';
import type { WirePacket } from '../../../src/testing/index.js';
import { memoryTransportPair } from '../../../src/transport/memory-transport.js';

/** For `test.each`. */
export const transports = [{ transport: 'memory' }, { transport: 'tcp' }, { transport: 'websocket' }] as const;
export type TransportName = (typeof transports)[number]['transport'];

/** Where bytes go to. What is sent in one call arrives in one piece where the transport lets the sender choose. */
interface Link {
  send(bytes: Uint8Array): void;
  /** Vanishes, without any kind of farewell. */
  drop(): void;
}

/** Where bytes come from. */
interface Listening {
  readonly onBytes: (chunk: Uint8Array) => void;
  readonly onClose: () => void;
}

/** Connects to the broker behind it; each connection is open when it is returned. */
type Door = (listening: Listening) => Promise<Link>;

async function memoryDoor(broker: Broker): Promise<Door> {
  await broker.ready();
  return async ({ onBytes, onClose }) => {
    const [mine, theirs] = memoryTransportPair();
    mine.start({ onBytes, onClose, onDrain: () => undefined, onEnd: () => mine.end() });
    broker.accept(theirs);
    return { send: (bytes) => mine.write(bytes), drop: () => mine.destroy() };
  };
}

async function tcpDoor(broker: Broker): Promise<Door> {
  const { port, host } = await broker.listen({ port: 0 });
  return async ({ onBytes, onClose }) => {
    const socket = connectTcp({ port, host, noDelay: true });
    socket.on('data', onBytes);
    socket.on('close', onClose);
    socket.on('error', () => undefined); // what was lost by it is missed by the test
    await once(socket, 'connect');
    return { send: (bytes) => void socket.write(bytes), drop: () => void socket.resetAndDestroy() };
  };
}

async function webSocketDoor(broker: Broker): Promise<Door> {
  const { url } = await broker.listen({ port: 0, webSocketPath: '/mqtt' });
  return async ({ onBytes, onClose }) => {
    const socket = new WebSocket(url, ['mqtt']);
    socket.on('message', onBytes);
    socket.on('close', onClose);
    socket.on('error', () => undefined);
    await once(socket, 'open');
    return { send: (bytes) => socket.send(bytes), drop: () => socket.terminate() };
  };
}

const doors = { memory: memoryDoor, tcp: tcpDoor, websocket: webSocketDoor };

export const openDoor = (broker: Broker, transport: TransportName): Promise<Door> => doors[transport](broker);

export class Client {
  private readonly version: 4 | 5;
  private link: Link | undefined = undefined;
  private received = Buffer.alloc(0);
  private closed = false;
  private wake = (): void => undefined;

  private constructor(version: 4 | 5) {
    this.version = version;
  }

  static async dial(door: Door, version: 4 | 5): Promise<Client> {
    const client = new Client(version);
    client.link = await door({
      onBytes: (chunk) => {
        client.received = Buffer.concat([client.received, chunk]);
        client.wake();
      },
      onClose: () => {
        client.closed = true;
        client.wake();
      },
    });
    return client;
  }

  get isOpen(): boolean {
    return !this.closed;
  }

  /** In pieces of `cutInto` bytes. */
  send(bytes: Uint8Array, cutInto = Infinity): void {
    for (let at = 0; at < bytes.length; at += cutInto) this.link?.send(bytes.subarray(at, at + cutInto));
  }

  drop(): void {
    this.link?.drop();
  }

  /** The next packet, or `'closed'` when the connection ends before one comes. */
  async next(): Promise<WirePacket | 'closed'> {
    for (;;) {
      const length = packetLength(this.received);
      if (length > 0) {
        const bytes = this.received.subarray(0, length);
        this.received = this.received.subarray(length);
        return decodePacket(bytes, this.version);
      }
      if (this.closed) {
        if (this.received.length > 0) throw new Error(`the broker closed within a packet: ${this.received.toString('hex')}`);
        return 'closed';
      }
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }
}
