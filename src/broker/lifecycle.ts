/** What a broker takes from its process: the heap limit, and servers and sockets it is attached to or owns. */
import type { Server as HttpServer } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { TlsOptions } from 'node:tls';
import { getHeapStatistics } from 'node:v8';
import { BrokerError } from '../errors/errors.js';
import type { Listener } from '../transport/listener.js';
import { listenTcp } from '../transport/listen-tcp.js';
import { listenWebSocket } from '../transport/listen-websocket.js';
import type { Transport } from '../transport/transport.js';
import { attachWebSocket } from '../transport/websocket.js';

/** Options of `broker.listen()`. @public */
export interface ListenOptions {
  /** 0 lets the system choose; the listener tells. Default 1883, with TLS 8883. */
  readonly port?: number;
  /** Default 127.0.0.1: to be reached from elsewhere, say so, and set `authenticate`. */
  readonly host?: string;
  /** Key, certificate and whatever else `tls.createServer` takes: makes it mqtts, or wss. */
  readonly tls?: TlsOptions;
  /** Speak MQTT over WebSocket at this path instead of plain MQTT. */
  readonly webSocketPath?: string;
  /** Connections the system keeps waiting for the broker. Default: the system's. */
  readonly backlog?: number;
}

/** Options of `broker.attach()`. @public */
export interface AttachOptions {
  /** Matched exactly; a query may follow. Default `/mqtt`. */
  readonly path?: string;
  /** Refuse clients that offer neither `mqtt` nor `mqttv3.1` (v5 6.0.0-3). Default true. */
  readonly requireSubprotocol?: boolean;
}

export const heapBytesLimit = (): number => getHeapStatistics().heap_size_limit;

/** The listeners and attachments of one broker. */
export class Doors {
  private readonly listeners = new Set<Listener>();
  private readonly detaches = new Set<() => void>();
  private isClosed = false;
  private readonly maxPayloadBytes: number;
  private readonly accept: (transport: Transport) => void;
  private readonly onError: (error: BrokerError) => void;

  constructor(maxPayloadBytes: number, accept: (transport: Transport) => void, onError: (error: BrokerError) => void) {
    this.maxPayloadBytes = maxPayloadBytes;
    this.accept = accept;
    this.onError = onError;
  }

  async listen(options: ListenOptions): Promise<Listener> {
    const { host = '127.0.0.1', tls, webSocketPath: path, backlog } = options;
    const port = options.port ?? (tls === undefined ? 1883 : 8883);
    const { maxPayloadBytes, onError } = this;
    const address = { port, host, onError, ...(tls && { tls }), ...(backlog !== undefined && { backlog }) };
    const listener =
      path === undefined
        ? await listenTcp(address, this.accept)
        : await listenWebSocket({ ...address, path, maxPayloadBytes }, this.accept);
    if (this.isClosed) {
      await listener.close();
      throw new BrokerError('ODN_ERR_CLOSED', 'the broker was closed while it began to listen');
    }
    const own: Listener = {
      ...listener,
      close: () => {
        this.listeners.delete(own);
        return listener.close();
      },
    };
    this.listeners.add(own);
    return own;
  }

  attach(server: HttpServer | HttpsServer, { path = '/mqtt', requireSubprotocol = true }: AttachOptions): () => void {
    const { maxPayloadBytes, onError } = this;
    const remove = attachWebSocket(server, { path, maxPayloadBytes, requireSubprotocol, onError }, this.accept);
    const detach = (): void => {
      if (this.detaches.delete(detach)) remove();
    };
    this.detaches.add(detach);
    return detach;
  }

  async close(): Promise<void> {
    this.isClosed = true;
    for (const detach of this.detaches) detach();
    await Promise.all([...this.listeners].map((listener) => listener.close()));
  }
}
