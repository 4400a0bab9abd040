/** MQTT over TCP and TLS on a port of our own. */
import { createServer, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { duplexTransport } from './duplex.js';
import { openListener, type ListenAddress, type Listener } from './listener.js';
import type { Transport } from './transport.js';

export interface ListenTcpOptions extends ListenAddress {
  /** Makes it `mqtts`: key and certificate, and whatever else `tls.createServer` takes. */
  readonly tls?: TlsOptions;
}

/** How long a TLS handshake may take: Node's two minutes are an invitation. */
const handshakeTimeoutMs = 10_000;

/** @throws BrokerError `ODN_ERR_LISTEN` */
export function listenTcp(options: ListenTcpOptions, onTransport: (transport: Transport) => void): Promise<Listener> {
  // allowHalfOpen: a client may end its side after DISCONNECT and still read what it is owed.
  const socketOptions = { allowHalfOpen: true, noDelay: true };
  const onSocket = (socket: Socket): void => onTransport(duplexTransport(socket));
  return openListener(options, () => {
    const { tls } = options;
    if (tls === undefined) {
      return { server: createServer(socketOptions, onSocket), urlOf: (authority) => `mqtt://${authority}` };
    }
    const tlsOptions = { handshakeTimeout: handshakeTimeoutMs, ...tls, ...socketOptions };
    return { server: createTlsServer(tlsOptions, onSocket), urlOf: (authority) => `mqtts://${authority}` };
  });
}
