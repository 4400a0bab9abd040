/** The package `ws`, loaded when the first WebSocket server is attached: a broker without one starts without it. */
import type * as ws from 'ws';
import { BrokerError } from '../errors/errors.js';

/** One WebSocket connection. */
export type WebSocketConnection = ws.WebSocket;
/** Performs upgrades; never listens by itself. */
export type WebSocketUpgrader = ws.WebSocketServer;

/** How long `ws` waits for the peer's half of a closing handshake before it drops the socket. */
const closeTimeoutMs = 5_000;

/** @throws BrokerError `ODN_ERR_MISSING_PACKAGE` */
export async function loadWs(): Promise<typeof ws> {
  try {
    return await import('ws');
  } catch (cause) {
    throw new BrokerError('ODN_ERR_MISSING_PACKAGE', 'WebSocket needs the package "ws": npm install ws', { cause });
  }
}

/** `subprotocols` by preference. */
export async function loadUpgrader(maxPayloadBytes: number, subprotocols: readonly string[]): Promise<WebSocketUpgrader> {
  const { WebSocketServer } = await loadWs();
  const options = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false, // MQTT is small and often encrypted; compression costs memory for each connection
    maxPayload: maxPayloadBytes,
    closeTimeout: closeTimeoutMs,
    handleProtocols: (offered: Set<string>) => subprotocols.find((name) => offered.has(name)) ?? false, // v5 [MQTT-6.0.0-4], v3.1.1 [MQTT-6.0.0-4]
  };
  return new WebSocketServer(options);
}
