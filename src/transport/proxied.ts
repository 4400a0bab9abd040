/**
 * A transport behind a load balancer that speaks the PROXY protocol: takes the header off the stream and
 * shows the real client in `meta`. Waits as long as the caller lets it: a connect timeout covers the header too.
 */
import { BrokerError } from '../errors/errors.js';
import { parseProxyHeader, type ProxyHeader } from './proxy-protocol.js';
import type { ConnectionMeta, TlsInfo, Transport, TransportReceiver } from './transport.js';
import type { AddressMatcher } from './trusted-addresses.js';

/**
 * Reads the header when `inner` comes from a trusted address; without a valid one the connection is destroyed
 * with `ODN_ERR_PROXY_HEADER`. From any other address the bytes are MQTT, whatever they look like.
 * `meta` is the real client's from the first `onBytes` on.
 */
export function proxiedTransport(inner: Transport, trusted: AddressMatcher): Transport {
  return trusted(inner.meta.remoteAddress) ? new ProxiedTransport(inner) : inner;
}

const noBytes = new Uint8Array(0);

class ProxiedTransport implements Transport, TransportReceiver {
  readonly #inner: Transport;
  #meta: ConnectionMeta;
  #receiver: TransportReceiver | undefined;
  /** The beginning of a header; `undefined` once it was read. */
  #head: Uint8Array | undefined = noBytes;
  #error: BrokerError | undefined;

  constructor(inner: Transport) {
    this.#inner = inner;
    this.#meta = inner.meta;
  }

  get meta(): ConnectionMeta {
    return this.#meta;
  }

  get unsentBytes(): number {
    return this.#inner.unsentBytes;
  }

  start(receiver: TransportReceiver): void {
    this.#receiver = receiver;
    this.#inner.start(this);
  }

  write(bytes: Uint8Array): void {
    this.#inner.write(bytes);
  }

  writeMany(pieces: readonly Uint8Array[]): void {
    this.#inner.writeMany(pieces);
  }

  pause(): void {
    this.#inner.pause();
  }

  resume(): void {
    this.#inner.resume();
  }

  end(): void {
    this.#inner.end();
  }

  destroy(): void {
    this.#inner.destroy();
  }

  onBytes(chunk: Uint8Array): void {
    if (this.#head === undefined) this.#receiver?.onBytes(chunk);
    else if (this.#error === undefined) this.#onHeaderBytes(chunk, this.#head);
  }

  onDrain(): void {
    this.#receiver?.onDrain();
  }

  onEnd(): void {
    // A health check that only opens and closes is no fault.
    if (this.#head !== undefined && this.#head.length > 0) this.#refuse('the connection ended within the PROXY header');
    else this.#receiver?.onEnd();
  }

  onClose(error?: Error): void {
    this.#receiver?.onClose(this.#error ?? error);
  }

  #onHeaderBytes(chunk: Uint8Array, head: Uint8Array): void {
    const bytes = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
    const result = parseProxyHeader(bytes);
    if (result === 'invalid') return this.#refuse('a trusted peer sent no valid PROXY header');
    if (result === 'more') {
      this.#head = Uint8Array.from(bytes); // bounded by the parser; a copy, so that no larger chunk is kept
      return;
    }
    this.#head = undefined;
    if (result.header !== 'local') this.#meta = realMeta(this.#inner.meta, result.header);
    const rest = bytes.subarray(result.bytes);
    if (rest.length > 0) this.#receiver?.onBytes(rest);
  }

  #refuse(message: string): void {
    this.#error = new BrokerError('ODN_ERR_PROXY_HEADER', `${message} (${this.#meta.remoteAddress})`);
    this.#inner.destroy();
  }
}

function realMeta(own: ConnectionMeta, header: ProxyHeader): ConnectionMeta {
  const { tls } = header;
  return {
    ...own,
    remoteAddress: header.sourceAddress,
    remotePort: header.sourcePort,
    localAddress: header.destinationAddress,
    localPort: header.destinationPort,
    ...(tls !== undefined && { tls: tlsInfo(tls) }),
  };
}

/** Of the client's certificate the proxy tells the common name only. */
function tlsInfo({ verified, commonName, serverName }: NonNullable<ProxyHeader['tls']>): TlsInfo {
  return {
    authorized: verified,
    ...(commonName !== undefined && { peerCertificate: { subject: { CN: commonName } } }),
    ...(serverName !== undefined && { serverName }),
  };
}
