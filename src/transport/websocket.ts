/**
 * MQTT over WebSocket on an HTTP server that somebody else owns (v5 and v3.1.1 chapter 6): takes the upgrades
 * of one path, leaves everything else alone and never closes the server.
 */
import type { IncomingMessage, Server as HttpServer } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { BrokerError } from '../errors/errors.js';
import type { Transport } from './transport.js';
import { WebSocketTransport } from './websocket-transport.js';
import { loadUpgrader, type WebSocketUpgrader } from './ws-package.js';

export interface WebSocketOptions {
  /** Matched exactly; a query may follow. */
  readonly path: string;
  /** Of one WebSocket message; a longer one closes the connection with 1009. */
  readonly maxPayloadBytes: number;
  /** Refuse clients that offer neither `mqtt` nor `mqttv3.1`; default true. */
  readonly requireSubprotocol?: boolean;
  /** Told when `ws` cannot be loaded: `ODN_ERR_MISSING_PACKAGE`. Upgrades then get 503. */
  readonly onError?: (error: BrokerError) => void;
}

/** By preference: v5 [MQTT-6.0.0-4], v3.1.1 [MQTT-6.0.0-4]. MQTT 3.1 clients offer the second. */
const subprotocols = ['mqtt', 'mqttv3.1'];
/** Upgrades that may wait while `ws` is being loaded. */
const waitingMax = 1_024;

type UpgradeListener = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
/** The path of each of our own listeners, to tell them from the host's. */
const ownPaths = new WeakMap<object, string>();

/**
 * Takes the upgrades of `options.path` from now on. Returns the detach: it removes the listener and leaves
 * connections that exist as they are.
 * @throws BrokerError `ODN_ERR_OPTION` when the path is taken already.
 */
export function attachWebSocket(
  server: HttpServer | HttpsServer,
  options: WebSocketOptions,
  onTransport: (transport: Transport) => void,
): () => void {
  const { path } = options;
  if (server.listeners('upgrade').some((listener) => ownPaths.get(listener) === path)) {
    throw new BrokerError('ODN_ERR_OPTION', `a broker is attached to this server at ${path} already`);
  }
  const gate = new UpgradeGate(options, onTransport);
  const onUpgrade: UpgradeListener = (request, socket, head) => {
    const requested = pathOf(request);
    if (requested === path) gate.take(request, socket, head);
    else if (isLastResort(server, onUpgrade, requested)) refuse(socket, '404 Not Found');
  };
  ownPaths.set(onUpgrade, path);
  server.on('upgrade', onUpgrade);
  return () => {
    server.off('upgrade', onUpgrade);
    gate.close();
  };
}

/** Holds upgrades back until `ws` is loaded, then performs them. */
class UpgradeGate {
  readonly #options: WebSocketOptions;
  readonly #onTransport: (transport: Transport) => void;
  #upgrader: WebSocketUpgrader | undefined;
  #closed = false;
  #waiting: (() => void)[] = [];

  constructor(options: WebSocketOptions, onTransport: (transport: Transport) => void) {
    this.#options = options;
    this.#onTransport = onTransport;
    void this.#load();
  }

  take(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (this.#upgrader !== undefined) return this.#perform(this.#upgrader, request, socket, head);
    if (this.#closed || this.#waiting.length >= waitingMax) return refuse(socket, '503 Service Unavailable');
    socket.on('error', ignore);
    this.#waiting.push(() => {
      this.#upgrade(request, socket, head);
      socket.off('error', ignore);
    });
  }

  close(): void {
    this.#closed = true;
    this.#upgrader = undefined;
    this.#release();
  }

  async #load(): Promise<void> {
    try {
      const upgrader = await loadUpgrader(this.#options.maxPayloadBytes, subprotocols);
      if (!this.#closed) this.#upgrader = upgrader;
    } catch (error) {
      this.#closed = true;
      if (error instanceof BrokerError) this.#options.onError?.(error);
    }
    this.#release();
  }

  #release(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const goOn of waiting) goOn();
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (this.#upgrader === undefined) refuse(socket, '503 Service Unavailable');
    else this.#perform(this.#upgrader, request, socket, head);
  }

  #perform(upgrader: WebSocketUpgrader, request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // v5 [MQTT-6.0.0-3], v3.1.1 [MQTT-6.0.0-3]
    if (this.#options.requireSubprotocol !== false && !offersMqtt(request)) {
      return refuse(socket, '400 Bad Request', 'Sec-WebSocket-Protocol must offer mqtt');
    }
    upgrader.handleUpgrade(request, socket, head, (ws) => this.#onTransport(new WebSocketTransport(ws, request)));
  }
}

function pathOf({ url = '' }: IncomingMessage): string {
  const query = url.indexOf('?');
  return query < 0 ? url : url.slice(0, query);
}

/**
 * Whether an upgrade that is not for `listener` would hang unless it answers: nobody but attached brokers
 * listens, none of them has that path, and this is the first of them.
 */
function isLastResort(server: HttpServer | HttpsServer, listener: UpgradeListener, requested: string): boolean {
  const listeners = server.listeners('upgrade');
  const mayBeForAnother = listeners.some((other) => (ownPaths.get(other) ?? requested) === requested);
  return !mayBeForAnother && listeners[0] === listener;
}

function offersMqtt({ headers }: IncomingMessage): boolean {
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',');
  return offered.some((name) => subprotocols.includes(name.trim()));
}

function refuse(socket: Duplex, status: string, body = ''): void {
  socket.on('error', ignore);
  const head = ['Connection: close', 'Content-Type: text/plain', `Content-Length: ${Buffer.byteLength(body)}`];
  socket.end(`HTTP/1.1 ${status}\r\n${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}

/** The peer may go away while it waits or is refused. */
function ignore(): void {
  // Nothing depends on it.
}
