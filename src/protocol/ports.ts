/**
 * What the protocol core asks of the rooms above it. The core is given bytes, time and decisions; everything else
 * it wants done goes through one of these.
 */
import type { ProtocolVersion } from '../packet/protocol.js';
import type { Publication } from '../packet/publication.js';
import type { Lsn, SubscriptionRecord, WillRecord } from '../storage/storage.js';
import type { TopicEntry } from '../topic/topic-table.js';
import type { Client } from './client.js';
import type { SessionLimits } from './core-options.js';
import type { Environment } from './environment.js';
import type { Outlet } from './outlet.js';
import type { DeliveryTerms } from './sender-owner.js';
import type { Session, Subscription } from './session.js';

/** One broker as its connections see it. */
export interface Engine extends Environment {
  readonly router: RouterPort;
  readonly sessions: SessionsPort;
}

/** Filled in by `RouterPort.publish`. */
export class RouteResult {
  /** What the acknowledgement must wait for; 0 = nothing. */
  lsn: Lsn = 0;
  /** Whether any subscription matched: v5 reason code 0x10 otherwise. */
  matched = false;
  /** The publisher's own subscription matched; its copy goes out after the acknowledgement. */
  own: Delivery | undefined = undefined;
  /** The same for shared groups of which the publisher is a member. */
  ownGroups: { offerAfter(publication: Publication): void }[] | undefined = undefined;
}

/** How one session gets messages of one topic: its matching non-shared subscriptions, merged. */
export interface Delivery extends DeliveryTerms {
  readonly session: Session;
}

/** What the router resolved a topic to; opaque outside the router. */
export interface Route {
  readonly deliveries: readonly Delivery[];
}

export interface RouterPort {
  /**
   * The entry of a topic by its bytes; throws PeerProtocolError for an illegal topic name.
   * @param version - whose statements a bad topic is said to break.
   */
  lookup(buffer: Uint8Array, start: number, end: number, version: ProtocolVersion): TopicEntry<Route>;
  lookupTopic(topic: string): TopicEntry<Route>;
  /** Keeps a retained message (or clears it) and hands the publication to every matching session. */
  publish(publication: Publication, entry: TopicEntry<Route>, origin: Session | undefined, result: RouteResult): void;
  /** Sends the publisher's own copy, after its acknowledgement. */
  publishOwn(publication: Publication, result: RouteResult): void;
  /** 0, or the reason code for which the retained store refuses this message. */
  retainedRefusal(publication: Publication): number;
  /** Adds or replaces; returns whether it existed before. */
  subscribe(session: Session, record: SubscriptionRecord): boolean;
  unsubscribe(session: Session, topicFilter: string): boolean;
  unsubscribeAll(session: Session): void;
  /** Begins to send retained messages that match, at the session's pace. */
  replayRetained(session: Session, subscription: Subscription): void;
}

export interface OpenRequest {
  readonly client: Client;
  readonly outlet: Outlet;
  readonly cleanStart: boolean;
  /** After capping. */
  readonly sessionExpirySeconds: number;
  readonly will: WillRecord | undefined;
  readonly limits: SessionLimits;
  /** Whether the connection still stands; asked after every wait. */
  isOpen(): boolean;
}

export interface OpenResult {
  readonly session: Session;
  readonly sessionPresent: boolean;
}

export interface SessionsPort {
  /** An identifier that no live or stored session has. */
  assignClientId(): string;
  /** Whether one more CONNECT is within `connectRateMax`; counts it. */
  admits(): boolean;
  /**
   * One CONNECT per client identifier at a time. `done` gets the session, attached to the outlet and stored as far as
   * it must be, or the reason code of the refusal.
   */
  open(request: OpenRequest, done: (result: OpenResult | number) => void): void;
  /**
   * The outlet is gone; `normal` after DISCONNECT 0x00 (any DISCONNECT in 3.x): the will is discarded.
   * @param tell - called once the session has let go of the outlet, and before its will and its end.
   */
  closed(session: Session, outlet: Outlet, normal: boolean, tell: () => void): void;
  /** Its will is discarded, in the store too. */
  dropWill(session: Session): void;
}
