/** One connection of a client: a TCP socket, and mqtt-packet, which shares no code with the broker. */
import { connect, type Socket } from 'node:net';
import { generate, parser, type Packet } from 'mqtt-packet';
import { packetLength } from '../../src/testing/wire-codec.js';

export interface ConnectionEvents {
  onPacket(packet: Packet): void;
  /** Once, whoever ended it. */
  onClosed(): void;
}

export class Connection {
  private readonly socket: Socket;
  private readonly protocolVersion: 4 | 5;
  private rest: Buffer = Buffer.alloc(0);

  constructor(port: number, protocolVersion: 4 | 5, events: ConnectionEvents) {
    this.protocolVersion = protocolVersion;
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const reading = parser({ protocolVersion });
    reading.on('packet', (packet) => events.onPacket(packet));
    reading.on('error', (error) => {
      throw new Error(`the broker sent what is no MQTT packet: ${error.message}`);
    });
    this.socket.on('data', (chunk: Buffer) => {
      this.rest = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
      // Cut here: mqtt-packet looks beyond the end of a short DISCONNECT.
      for (let length = packetLength(this.rest); length > 0; length = packetLength(this.rest)) {
        const packet = this.rest.subarray(0, length);
        this.rest = this.rest.subarray(length);
        reading.parse(packet);
      }
    });
    this.socket.on('error', () => undefined); // 'close' follows
    this.socket.on('close', () => events.onClosed());
  }

  send(packet: Packet): void {
    if (!this.socket.destroyed) this.socket.write(generate(packet, { protocolVersion: this.protocolVersion }));
  }

  /** Without DISCONNECT. */
  destroy(): void {
    this.socket.destroy();
  }
}
