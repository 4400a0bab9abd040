/** The session as its sender sees it. */
import type { QoS } from '../packet/protocol.js';
import type { Client } from './client.js';
import type { SessionLimits } from './core-options.js';
import type { SharedSource } from './outbound-entry.js';
import type { Outlet } from './outlet.js';

/** How messages of one topic reach a session: its matching subscriptions, merged. */
export interface DeliveryTerms {
  readonly qos: QoS;
  readonly retainAsPublished: boolean;
  readonly subscriptionIdentifiers: readonly number[] | undefined;
}

export interface SenderOwner {
  readonly clientId: string;
  /** The client of the latest connection. */
  readonly client: Client;
  readonly limits: SessionLimits;
  /** Whether it outlives its connection, so that queue and in-flight state go to the store. */
  readonly stored: boolean;
  /** `undefined` while nobody is connected. */
  readonly outlet: Outlet | undefined;
  /** Shared groups it is a member of. */
  readonly groups: ReadonlySet<SharedSource> | undefined;
}
