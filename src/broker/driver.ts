/** Joins one transport to one connection of the core. */
import { Connection } from '../protocol/connection.js';
import { dispatch } from '../protocol/dispatch.js';
import type { Engine } from '../protocol/ports.js';
import type { Transport, TransportReceiver } from '../transport/transport.js';
import { Outbox } from './outbox.js';
import type { Turn } from './outbox.js';

export class Driver implements TransportReceiver {
  readonly connection: Connection;
  private readonly transport: Transport;

  constructor(engine: Engine, transport: Transport, turn: Turn, onGone: (driver: Driver) => void) {
    this.transport = transport;
    this.connection = new Connection(engine, new Outbox(transport, turn), transport, dispatch);
    this.connection.onFinished = () => onGone(this);
  }

  /** Begins to read; apart from the constructor, as the transport may call back at once. */
  start(): void {
    this.transport.start(this);
  }

  onBytes(chunk: Uint8Array): void {
    this.connection.onBytes(chunk);
  }

  onDrain(): void {
    this.connection.onDrain();
  }

  onEnd(): void {
    this.connection.onEnd();
  }

  onClose(error?: Error): void {
    this.connection.onClose(error);
  }
}
