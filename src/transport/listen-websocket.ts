/** MQTT over WebSocket on an HTTP or HTTPS port of our own, which serves nothing else. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { TlsOptions } from 'node:tls';
import { openListener, type ListenAddress, type Listener } from './listener.js';
import type { Transport } from './transport.js';
import { attachWebSocket, type WebSocketOptions } from './websocket.js';
import { loadWs } from './ws-package.js';

export interface ListenWebSocketOptions extends ListenAddress, WebSocketOptions {
  /** Makes it `wss`. */
  readonly tls?: TlsOptions;
}

/**
 * Listens and takes upgrades at `path`. Other requests get 426 Upgrade Required.
 * @throws BrokerError `ODN_ERR_LISTEN`, `ODN_ERR_MISSING_PACKAGE`
 */
export async function listenWebSocket(
  options: ListenWebSocketOptions,
  onTransport: (transport: Transport) => void,
): Promise<Listener> {
  await loadWs();
  const { tls, path } = options;
  return openListener(options, () => {
    const server = tls === undefined ? createServer(answer) : createHttpsServer(tls, answer);
    const detach = attachWebSocket(server, options, onTransport);
    const scheme = tls === undefined ? 'ws' : 'wss';
    return {
      server,
      urlOf: (authority) => `${scheme}://${authority}${path}`,
      onClose: () => {
        detach();
        server.closeAllConnections(); // requests that were not upgraded; what was is no longer the server's
      },
    };
  });
}

function answer(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(426, { Connection: 'Upgrade, close', Upgrade: 'websocket', 'Content-Type': 'text/plain' });
  response.end('This port speaks MQTT over WebSocket.\n');
}
