/** What is settled while a CONNECT is on its way to its CONNACK. */
import type { ConnectPacket } from '../packet/packets.js';
import type { Allowed } from './authentication.js';
import type { SessionLimits } from './core-options.js';

export interface Connecting {
  readonly packet: ConnectPacket;
  readonly clientId: string;
  readonly assigned: boolean;
  readonly verdict: Allowed;
  readonly limits: SessionLimits;
  readonly keepAliveSeconds: number;
  readonly sessionExpirySeconds: number;
}
