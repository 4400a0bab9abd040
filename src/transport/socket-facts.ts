/**
 * What a socket says about its connection: addresses, and for TLS the client certificate, SNI and ALPN.
 * Read while the socket lives: Node forgets all of it when the socket closes.
 */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import type { ConnectionMeta, TlsInfo } from './transport.js';

/** Whether `stream` is a TLS socket that knows nothing about its peer yet. */
export function isBeforeHandshake(stream: Duplex): boolean {
  return stream instanceof TLSSocket && stream.getFinished() === undefined;
}

/** The facts of a TLS socket whose handshake is done; `undefined` for any other stream. */
export function tlsInfoOf(stream: Duplex): TlsInfo | undefined {
  if (!(stream instanceof TLSSocket) || isBeforeHandshake(stream)) return undefined;
  // Node's declarations miss that all three of these may be null, false or absent.
  const error = stream.authorizationError as unknown;
  const certificate = stream.getPeerCertificate() as object | null;
  const serverName = 'servername' in stream ? stream.servername : undefined;
  return {
    authorized: stream.authorized,
    ...(error !== null && error !== undefined && { authorizationError: textOf(error) }),
    ...(certificate !== null && Object.keys(certificate).length > 0 && { peerCertificate: { ...certificate } }),
    ...(typeof serverName === 'string' && serverName !== '' && { serverName }),
    ...(typeof stream.alpnProtocol === 'string' && { alpnProtocol: stream.alpnProtocol }),
  };
}

/** A server socket has a code such as `DEPTH_ZERO_SELF_SIGNED_CERT` here, or an Error. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error ? String(error.code) : error.message;
}

/** Everything that `stream` says about its connection; `{ transport: 'stream' }` when it is no socket. */
export function connectionMetaOf(stream: Duplex): ConnectionMeta {
  if (!(stream instanceof Socket)) return { transport: 'stream' };
  const tls = tlsInfoOf(stream);
  return {
    transport: stream instanceof TLSSocket ? 'tls' : 'tcp',
    ...(stream.remoteAddress !== undefined && { remoteAddress: stream.remoteAddress }),
    ...(stream.remotePort !== undefined && { remotePort: stream.remotePort }),
    ...(stream.localAddress !== undefined && { localAddress: stream.localAddress }),
    ...(stream.localPort !== undefined && { localPort: stream.localPort }),
    ...(tls !== undefined && { tls }),
  };
}
