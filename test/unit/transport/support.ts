/** What transport tests share: a receiver that writes down, both ends of a socket, the fixed certificates. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Transport, TransportReceiver } from '../../../src/transport/transport.js';

const fixture = (name: string): Buffer => readFileSync(new URL(`../../fixtures/tls/${name}`, import.meta.url));

/** One CA; `server` is `localhost`, `broker.example` and 127.0.0.1; `client` is CN=device-7. Valid for 100 years. */
export const certificates = {
  ca: fixture('ca.crt'),
  server: { key: fixture('server.key'), cert: fixture('server.crt') },
  client: { key: fixture('client.key'), cert: fixture('client.crt') },
};

/** Writes down what a transport tells it. */
export class Recorder implements TransportReceiver {
  /** In order, bytes as text: `'bytes:abc'`, `'drain'`, `'end'`, `'close'`. */
  readonly calls: string[] = [];
  readonly chunks: Uint8Array[] = [];
  error: Error | undefined;
  #waiters: (() => void)[] = [];

  onBytes(chunk: Uint8Array): void {
    this.chunks.push(chunk);
    this.#note(`bytes:${Buffer.from(chunk).toString('latin1')}`);
  }
  onDrain(): void {
    this.#note('drain');
  }
  onEnd(): void {
    this.#note('end');
  }
  onClose(error?: Error): void {
    this.error = error;
    this.#note('close');
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }

  /** Resolves once `isDone` holds; asked after each call. */
  async until(isDone: () => boolean): Promise<void> {
    while (!isDone()) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  async called(call: string): Promise<void> {
    await this.until(() => this.calls.includes(call));
  }

  async got(bytes: number): Promise<void> {
    await this.until(() => this.bytes.length >= bytes);
  }

  #note(call: string): void {
    this.calls.push(call);
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }
}

/** Starts `transport` with a new recorder. */
export function record(transport: Transport): Recorder {
  const recorder = new Recorder();
  transport.start(recorder);
  return recorder;
}

export async function portOf(server: Server): Promise<number> {
  if (!server.listening) await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Both ends of a TCP connection, half-open allowed; the server is closed with them. */
export async function socketPair(): Promise<{ near: Socket; far: Socket }> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  const far = connect({ port: await portOf(server), host: '127.0.0.1', allowHalfOpen: true });
  const [near] = (await once(server, 'connection')) as [Socket];
  if (far.connecting) await once(far, 'connect');
  server.close();
  return { near, far };
}
