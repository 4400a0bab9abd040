/**
 * A transport over any `stream.Duplex`: `net.Socket`, `tls.TLSSocket`, or what a host brings.
 * The stream's events become the receiver's calls; whatever it does wrong ends in one `onClose(error)`.
 */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { BrokerError } from '../errors/errors.js';
import { connectionMetaOf, isBeforeHandshake } from './socket-facts.js';
import type { ConnectionMeta, Transport, TransportReceiver } from './transport.js';

/**
 * Makes a transport of `stream`. What `meta` states wins over what the socket says. From now on the stream
 * belongs to the transport: it must give bytes (no encoding, no object mode), and `destroy()` is its end.
 */
export function duplexTransport(stream: Duplex, meta: ConnectionMeta = {}): Transport {
  return new DuplexTransport(stream, meta);
}

class DuplexTransport implements Transport {
  readonly #stream: Duplex;
  readonly #stated: ConnectionMeta;
  #meta: ConnectionMeta;
  /** The TLS handshake is still going on: the peer's certificate is known with its first bytes. */
  #beforeHandshake: boolean;
  /** A stream in this process may pass our memory on by reference; a socket hands it to the kernel or a cipher. */
  readonly #copies: boolean;
  #receiver: TransportReceiver | undefined;
  #error: Error | undefined;
  /** The last write left bytes unsent, so the receiver is owed an `onDrain`. */
  #owesDrain = false;
  #ended = false;
  /** Destroyed or closed: nothing more is delivered or written. */
  #dropped = false;
  #closeTold = false;

  constructor(stream: Duplex, meta: ConnectionMeta) {
    this.#stream = stream;
    this.#stated = meta;
    this.#meta = { ...connectionMetaOf(stream), ...meta };
    this.#beforeHandshake = isBeforeHandshake(stream);
    this.#copies = !(stream instanceof Socket);
    if (stream instanceof Socket) stream.setNoDelay(true);
    // From the start, so that nothing that happens before `start` is lost or unhandled.
    stream.on('error', this.#onError);
    stream.on('close', this.#onClose);
  }

  get meta(): ConnectionMeta {
    return this.#meta;
  }

  get unsentBytes(): number {
    return this.#dropped ? 0 : this.#stream.writableLength;
  }

  start(receiver: TransportReceiver): void {
    this.#receiver = receiver;
    const stream = this.#stream;
    if (stream.destroyed) this.#dropped = true;
    if (this.#dropped) return this.#tellCloseSoon();
    // The peer may have half-closed before the stream was handed over: its 'end' does not come again.
    if (stream.readableEnded) void Promise.resolve().then(this.#onEnd);
    stream.on('data', this.#onData);
    stream.on('end', this.#onEnd);
    stream.on('finish', this.#onFinish);
    stream.resume(); // 'data' alone does not restart a stream that its owner had paused
  }

  write(bytes: Uint8Array): void {
    if (!this.#canWrite || bytes.length === 0) return;
    this.#stream.write(this.#copies ? Buffer.from(bytes) : bytes, this.#onWritten);
    if (this.#stream.writableLength > 0) this.#owesDrain = true;
  }

  writeMany(pieces: readonly Uint8Array[]): void {
    if (!this.#canWrite) return;
    this.#stream.cork();
    for (const piece of pieces) {
      if (piece.length > 0) this.#stream.write(this.#copies ? Buffer.from(piece) : piece, this.#onWritten);
    }
    this.#stream.uncork();
    if (this.#stream.writableLength > 0) this.#owesDrain = true;
  }

  /** Node goes on reading a paused socket into its own buffer, so a lost peer is noticed while that has room. */
  pause(): void {
    if (!this.#dropped) this.#stream.pause();
  }

  resume(): void {
    if (!this.#dropped) this.#stream.resume();
  }

  end(): void {
    if (this.#ended || this.#dropped) return;
    this.#ended = true;
    this.#stream.end();
  }

  destroy(): void {
    if (this.#dropped) return;
    this.#dropped = true;
    this.#stream.destroy();
    this.#tellCloseSoon();
  }

  /** Also false when the stream ended by itself, as one without `allowHalfOpen` does after its peer. */
  get #canWrite(): boolean {
    return !this.#ended && !this.#dropped && this.#stream.writable;
  }

  readonly #onData = (chunk: unknown): void => {
    if (this.#dropped) return; // Node may empty its buffer after a destroy
    if (!(chunk instanceof Uint8Array)) return this.#onError(notBytes(chunk));
    if (this.#beforeHandshake) {
      this.#beforeHandshake = false;
      this.#meta = { ...connectionMetaOf(this.#stream), ...this.#stated };
    }
    if (chunk.length > 0) this.#receiver?.onBytes(chunk); // v5 [MQTT-4.2.0-1], v3.1.1 [MQTT-7.1.1-1]
  };

  /** One function for all writes: Node then calls it for many of them from one tick. */
  readonly #onWritten = (): void => {
    if (!this.#owesDrain || this.#dropped || this.#stream.writableLength > 0) return;
    this.#owesDrain = false;
    this.#receiver?.onDrain();
  };

  readonly #onEnd = (): void => {
    if (this.#dropped) return;
    this.#receiver?.onEnd();
    if (this.#stream.writableFinished) this.destroy();
  };

  /** Both halves are done: streams with `autoDestroy: false` would stay. */
  readonly #onFinish = (): void => {
    if (this.#stream.readableEnded) this.destroy();
  };

  readonly #onError = (error: Error): void => {
    this.#error ??= error;
    this.destroy();
  };

  readonly #onClose = (): void => {
    this.#dropped = true;
    this.#stream.off('error', this.#onError);
    this.#stream.off('close', this.#onClose);
    this.#tellClose();
  };

  /** Not from within the caller's own call, and not only at 'close', which some streams never emit. */
  #tellCloseSoon(): void {
    void Promise.resolve().then(this.#tellClose);
  }

  readonly #tellClose = (): void => {
    if (this.#closeTold || this.#receiver === undefined) return;
    this.#closeTold = true;
    const stream = this.#stream;
    stream.off('data', this.#onData);
    stream.off('end', this.#onEnd);
    stream.off('finish', this.#onFinish);
    // Until its 'close' the stream may still fail, which must not be unhandled.
    if (stream.closed) {
      stream.off('error', this.#onError);
      stream.off('close', this.#onClose);
    }
    this.#receiver.onClose(this.#error ?? stream.errored ?? undefined);
  };
}

function notBytes(chunk: unknown): BrokerError {
  const remedy = 'it must have no encoding and no object mode';
  return new BrokerError('ODN_ERR_TRANSPORT', `the stream gave a ${typeof chunk} instead of bytes: ${remedy}`);
}
