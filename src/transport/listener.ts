/** Binds a server of our own to a port, whatever it speaks, and takes it back. */
import type { Server, Socket } from 'node:net';
import { BrokerError } from '../errors/errors.js';

/**
 * A port that the broker listens on.
 * @public
 */
export interface Listener {
  /** `mqtt://127.0.0.1:1883`, `mqtts://`, `ws://…/path` or `wss://…/path`, with the real port. */
  readonly url: string;
  /** The port that was bound, also where 0 was asked for. */
  readonly port: number;
  /** The address that was bound. */
  readonly host: string;
  /** Stops accepting. Open connections are the broker's business and stay. */
  close(): Promise<void>;
}

/** Where to listen. */
export interface ListenAddress {
  /** 0 lets the system choose. */
  readonly port: number;
  readonly host: string;
  /** Connections the system keeps waiting for us. */
  readonly backlog?: number;
  /** Told about what goes wrong later: accepting failed, for example for want of file descriptors. */
  readonly onError?: (error: BrokerError) => void;
}

/** A server that is not listening yet, and what belongs to it. */
export interface Unbound {
  readonly server: Server;
  readonly urlOf: (authority: string) => string;
  /** Called when the listener closes. */
  readonly onClose?: () => void;
}

/**
 * Makes a server and binds it.
 * @throws BrokerError `ODN_ERR_LISTEN`: the address is taken or impossible, or the TLS options are.
 */
export async function openListener(address: ListenAddress, make: () => Unbound): Promise<Listener> {
  const { host, port } = address;
  try {
    const unbound = make();
    const handshakes = watchHandshakes(unbound.server);
    await bind(unbound.server, address);
    return listenerOf(unbound, address, handshakes);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new BrokerError('ODN_ERR_LISTEN', `cannot listen on ${authorityOf(host, port)}: ${reason}`, { cause });
  }
}

function bind(server: Server, { host, port, backlog }: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host, ...(backlog !== undefined && { backlog }) }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function listenerOf(unbound: Unbound, address: ListenAddress, handshakes: ReadonlyMap<string, Socket>): Listener {
  const { server, urlOf, onClose } = unbound;
  server.on('error', (cause: Error) =>
    address.onError?.(new BrokerError('ODN_ERR_LISTEN', `accepting failed: ${cause.message}`, { cause })),
  );
  const bound = server.address();
  const real = bound === null || typeof bound === 'string' ? { address: address.host, port: address.port } : bound;
  return {
    url: urlOf(authorityOf(real.address, real.port)),
    port: real.port,
    host: real.address,
    // The port is free when `close` of the server returns; its callback would wait for the last connection.
    close: async () => {
      onClose?.();
      server.close();
      for (const socket of handshakes.values()) socket.destroy();
    },
  };
}

const authorityOf = (host: string, port: number): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;

/**
 * The raw sockets of a TLS server whose handshake is not done. Nobody else knows of them, so they would hold
 * a closed listener open. Keyed by peer, as a TLS socket does not say which raw socket it took over.
 */
function watchHandshakes(server: Server): ReadonlyMap<string, Socket> {
  const sockets = new Map<string, Socket>();
  if (!('setSecureContext' in server)) return sockets;
  const keyOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;
  server.on('connection', (socket) => {
    const key = keyOf(socket);
    sockets.set(key, socket);
    socket.once('close', () => sockets.delete(key));
  });
  server.on('secureConnection', (socket: Socket) => sockets.delete(keyOf(socket)));
  // The client broke the handshake off; Node has closed the socket already.
  server.on('tlsClientError', () => undefined);
  return sockets;
}
