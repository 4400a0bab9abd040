/**
 * The Transport port: an ordered, lossless stream of bytes in both directions
 * (v5 4.2, v3.1.1 7.1.1). Everything that carries MQTT is made into one of these.
 */

/** TLS facts of a connection, for `authenticate`. @public */
export interface TlsInfo {
  /** Whether the client certificate was verified against the server's CA. */
  readonly authorized: boolean;
  /** Why it was not, when it was not. */
  readonly authorizationError?: string;
  /** Peer certificate as `tls.TLSSocket.getPeerCertificate()` gives it, when the client sent one. */
  readonly peerCertificate?: Readonly<Record<string, unknown>>;
  /** Server Name Indication the client asked for. */
  readonly serverName?: string;
  /** Negotiated ALPN protocol. */
  readonly alpnProtocol?: string;
}

/** HTTP facts of a WebSocket connection, for `authenticate`. @public */
export interface UpgradeInfo {
  /** Path and query of the request, e.g. `/mqtt?token=…`. */
  readonly url: string;
  /** Headers by their lower-case names. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/**
 * Where a connection comes from. Behind a trusted PROXY protocol header these are the real client's.
 * Whatever the caller of `broker.handle(stream, meta)` states wins over what the stream says.
 * @public
 */
export interface ConnectionMeta {
  /** What carries the bytes; `stream` is any `stream.Duplex` that is no socket. */
  readonly transport?: 'tcp' | 'tls' | 'ws' | 'wss' | 'stream' | 'memory';
  /** IP address of the client. */
  readonly remoteAddress?: string;
  /** Its port. */
  readonly remotePort?: number;
  /** IP address the client reached us under. */
  readonly localAddress?: string;
  /** Port the client reached us under. */
  readonly localPort?: number;
  /** For `tls` and `wss`, once the handshake is done. */
  readonly tls?: TlsInfo;
  /** For `ws` and `wss`. */
  readonly upgrade?: UpgradeInfo;
}

/** What a transport tells the broker. None of these throws. @public */
export interface TransportReceiver {
  /** Bytes of the peer; the receiver may keep a reference until it has consumed them, and never writes to them. */
  onBytes(chunk: Uint8Array): void;
  /** What was written earlier has left; called only after `write` left bytes unsent. */
  onDrain(): void;
  /** The peer half-closed: no more bytes come. */
  onEnd(): void;
  /** Called once, last: the transport is gone, by whichever side. */
  onClose(error?: Error): void;
}

/** One connection of bytes. No method throws; after `onClose` all are without effect. @public */
export interface Transport {
  /** Where the connection comes from; may become more exact with the first bytes. */
  readonly meta: ConnectionMeta;
  /** Bytes handed to `write` that have not left yet. */
  readonly unsentBytes: number;
  /** Begins to deliver bytes. Called once, before any other method. */
  start(receiver: TransportReceiver): void;
  /** Sends bytes; the buffer may be reused at once when `unsentBytes` is 0 after the call, else only after `onDrain`. */
  write(bytes: Uint8Array): void;
  /** Sends several pieces as one write where the transport can. */
  writeMany(pieces: readonly Uint8Array[]): void;
  /** Stops the delivery of bytes until `resume`: back-pressure to the peer. */
  pause(): void;
  /** See `pause`. */
  resume(): void;
  /** Half-closes once everything written has left; bytes of the peer go on arriving. */
  end(): void;
  /** Drops the connection at once. */
  destroy(): void;
}
