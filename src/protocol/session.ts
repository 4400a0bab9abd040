/**
 * One session: what is kept for a client identifier, with or without a connection (v5 4.1, v3.1.1 4.1).
 * Identity, subscriptions, will and deadlines live here; messages on their way out are its sender's.
 */
import type { InflightRecord, SessionRecord, SubscriptionRecord, WillRecord } from '../storage/storage.js';
import type { Client } from './client.js';
import type { SessionLimits } from './core-options.js';
import type { Deadline } from './deadlines.js';
import type { Environment } from './environment.js';
import type { SharedSource } from './outbound-entry.js';
import type { Outlet } from './outlet.js';
import { Sender } from './sender.js';
import type { SenderOwner } from './sender-owner.js';

/** One subscription of one session, as the router and the session hold it. */
export interface Subscription extends SubscriptionRecord {
  readonly session: Session;
  /** What topics are matched against: the filter without its `$share/name/`. */
  readonly matchFilter: string;
  readonly shareName: string | undefined;
}

export class Session implements SenderOwner {
  readonly clientId: string;
  readonly subscriptions = new Map<string, Subscription>();
  readonly sender: Sender;
  /** The client of the latest connection; stands for the session in hooks while nobody is connected. */
  client: Client;
  limits: SessionLimits;
  sessionExpirySeconds = 0;
  /** Whether it outlives its connection, so that its queue and in-flight state go to the store. */
  stored = false;
  /** Whether the store has a record of it: it is stored, or has a will. */
  recorded = false;
  closedAtWallMs: number | undefined = undefined;
  will: WillRecord | undefined = undefined;
  /** One for the will's delay and one for the session's expiry, while nobody is connected. */
  willDeadline: Deadline | undefined = undefined;
  expiryDeadline: Deadline | undefined = undefined;
  /** QoS 2 packet identifiers received and not released. */
  received: Set<number> | undefined = undefined;
  /** Shared groups it is a member of. */
  groups: Set<SharedSource> | undefined = undefined;
  outlet: Outlet | undefined = undefined;

  constructor(environment: Environment, client: Client, limits: SessionLimits) {
    this.clientId = client.id;
    this.client = client;
    this.limits = limits;
    this.sender = new Sender(environment, this);
  }

  /** Whose it is: the one who made it, or whom the takeover hook let have it since. */
  get principal(): string | undefined {
    return this.client.principal;
  }

  get connected(): boolean {
    return this.outlet !== undefined;
  }

  get record(): SessionRecord {
    return {
      clientId: this.clientId,
      principal: this.principal,
      protocolVersion: this.client.protocolVersion,
      sessionExpirySeconds: this.sessionExpirySeconds,
      closedAtWallMs: this.closedAtWallMs,
    };
  }

  attach(client: Client, outlet: Outlet, limits: SessionLimits): void {
    this.client = client;
    this.outlet = outlet;
    this.limits = limits;
    this.closedAtWallMs = undefined;
    this.sender.connectionChanged(true);
  }

  /** Takes back what the store kept of a session that nobody was connected to. */
  restore(inflight: readonly InflightRecord[], receivedPacketIds: readonly number[]): void {
    this.sender.restoreInflight(inflight);
    this.received = receivedPacketIds.length > 0 ? new Set(receivedPacketIds) : undefined; // v5 [X5-4.1-1]
  }

  /** The connection is gone. `goesOn` when another takes over at once, so that nothing need be read back. */
  detach(goesOn: boolean): void {
    this.outlet = undefined;
    this.sender.connectionChanged(false);
    this.sender.leave(goesOn);
    if (this.stored && !goesOn) this.received = undefined;
  }

  /** The session is over: everything it held is given up. */
  end(): void {
    this.stored = false; // a fan-out or a request under way must not store anything of it again
    this.sender.end();
    this.received = undefined;
  }
}
