/**
 * A transport over one WebSocket connection. Binary frames carry the bytes and their borders mean nothing;
 * a text frame ends the connection (v5 6). There is no half-close: `end` is the closing handshake. A peer that closes
 * in that way has said all it wanted to, which is an `onEnd` and then an `onClose`: what it sent before is still handled.
 */
import type { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { BrokerError } from '../errors/errors.js';
import { connectionMetaOf } from './socket-facts.js';
import type { ConnectionMeta, Transport, TransportReceiver } from './transport.js';
import type { WebSocketConnection } from './ws-package.js';

/** Close codes of RFC 6455, 7.4.1. */
const closeNormal = 1000;
const closeUnsupportedData = 1003;
/** No close frame came: the connection broke. */
const closeAbnormal = 1006;

export class WebSocketTransport implements Transport {
  readonly meta: ConnectionMeta;
  readonly #ws: WebSocketConnection;
  readonly #socket: Socket;
  /** The socket is no real one and may pass our memory on by reference. */
  readonly #copies: boolean;
  /** Frames of the chunk in which the receiver paused: `ws` emits all of them. */
  readonly #held: Uint8Array[] = [];
  #delivering = false;
  /** Until `start`. */
  #paused = true;
  #receiver: TransportReceiver | undefined;
  #error: Error | undefined;
  #owesDrain = false;
  #ended = false;
  /** Closed, or closing for a fault: nothing more is delivered or written. */
  #dropped = false;
  #closeTold = false;
  /** The peer closed, and not we. */
  #peerClosed = false;

  constructor(ws: WebSocketConnection, request: IncomingMessage) {
    this.#ws = ws;
    this.#socket = request.socket;
    this.#copies = !(request.socket instanceof Socket);
    const facts = connectionMetaOf(request.socket);
    const transport = facts.transport === 'tls' ? 'wss' : 'ws';
    this.meta = { ...facts, transport, upgrade: { url: request.url ?? '', headers: request.headers } };
    ws.pause();
    ws.on('message', this.#onMessage);
    ws.on('error', this.#onError);
    ws.on('close', this.#onClose);
    request.socket.on('error', this.#onSocketError); // `ws` keeps the reason of a broken socket to itself
  }

  get unsentBytes(): number {
    return this.#dropped ? 0 : this.#ws.bufferedAmount;
  }

  start(receiver: TransportReceiver): void {
    this.#receiver = receiver;
    if (this.#dropped) this.#tellCloseSoon();
    else this.resume();
  }

  write(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#send(this.#copies ? Buffer.from(bytes) : bytes);
  }

  /** One frame, so its pieces are joined. */
  writeMany(pieces: readonly Uint8Array[]): void {
    const [first] = pieces;
    if (pieces.length === 1 && first !== undefined) this.write(first);
    else if (pieces.length > 1) this.#send(Buffer.concat(pieces));
  }

  pause(): void {
    if (this.#dropped) return;
    this.#paused = true;
    this.#ws.pause();
  }

  resume(): void {
    if (this.#dropped) return;
    this.#paused = false;
    if (this.#delivering) return; // called from onBytes: the loop below goes on
    this.#delivering = true;
    while (!this.#paused && this.#held.length > 0) {
      const held = this.#held.shift();
      if (held !== undefined && !this.#dropped) this.#receiver?.onBytes(held);
    }
    this.#delivering = false;
    if (!this.#paused) this.#ws.resume();
  }

  end(): void {
    if (this.#ended || this.#dropped) return;
    this.#ended = true;
    this.#ws.close(closeNormal);
  }

  destroy(): void {
    if (this.#dropped) return;
    this.#dropped = true;
    this.#ws.terminate();
    this.#tellCloseSoon();
  }

  #send(bytes: Uint8Array): void {
    if (this.#ended || this.#dropped || this.#ws.readyState !== this.#ws.OPEN) return;
    this.#ws.send(bytes, this.#onSent);
    if (this.#ws.bufferedAmount > 0) this.#owesDrain = true;
  }

  readonly #onSent = (): void => {
    if (!this.#owesDrain || this.#dropped || this.#ws.bufferedAmount > 0) return;
    this.#owesDrain = false;
    this.#receiver?.onDrain();
  };

  readonly #onMessage = (data: unknown, isBinary: boolean): void => {
    if (this.#dropped) return;
    if (!isBinary || !(data instanceof Uint8Array)) {
      this.#ws.close(closeUnsupportedData); // v5 [MQTT-6.0.0-1], v3.1.1 [MQTT-6.0.0-1]
      return this.#onError(new BrokerError('ODN_ERR_TRANSPORT', 'the peer sent a WebSocket text frame'));
    }
    if (data.length === 0) return;
    if (this.#paused || this.#held.length > 0) this.#held.push(data);
    else this.#receiver?.onBytes(data); // v5 [MQTT-6.0.0-2], v3.1.1 [MQTT-6.0.0-2]
  };

  /** `ws` has begun the closing handshake with the code that fits, and gives up on it by itself. */
  readonly #onError = (error: Error): void => {
    if (this.#dropped) return;
    this.#error = error;
    this.#dropped = true;
    this.#ws.resume(); // or the peer's close frame is never read
    this.#tellCloseSoon();
  };

  readonly #onSocketError = (error: Error): void => {
    this.#error ??= error;
  };

  readonly #onClose = (code: number): void => {
    this.#peerClosed = !this.#ended && !this.#dropped && code !== closeAbnormal;
    this.#dropped = true;
    this.#ws.off('error', this.#onError);
    this.#ws.off('close', this.#onClose);
    this.#socket.off('error', this.#onSocketError);
    this.#tellClose();
  };

  #tellCloseSoon(): void {
    void Promise.resolve().then(this.#tellClose);
  }

  readonly #tellClose = (): void => {
    if (this.#closeTold || this.#receiver === undefined) return;
    this.#closeTold = true;
    this.#ws.off('message', this.#onMessage);
    const held = this.#held.splice(0);
    if (this.#peerClosed && this.#error === undefined) {
      for (const data of held) this.#receiver.onBytes(data); // one chunk at most, which came before the close
      this.#receiver.onEnd();
    }
    this.#receiver.onClose(this.#error);
  };
}
