/**
 * What the protocol core asks of the rooms above it. The core is given bytes, time and decisions; everything else
 * it wants done goes through one of these.
 */
import type { BrokerError } from '../errors/errors.js';
import type { HookRunner } from '../hooks/hooks.js';
import type { QoS } from '../packet/protocol.js';
import type { Publication } from '../packet/publication.js';
import type { Lsn, Storage, SubscriptionRecord, WillRecord } from '../storage/storage.js';
import type { TopicEntry } from '../topic/topic-table.js';
import type { Client } from './client.js';
import type { CoreOptions, SessionLimits } from './core-options.js';
import type { Counters, DropReason } from './counters.js';
import type { Deadlines } from './deadlines.js';
import type { Durability } from './durability.js';
import type { MemoryGauge } from './memory-gauge.js';
import type { OutboundEntry } from './outbound-entry.js';
import type { Session } from './session.js';
import type { Subscription } from './subscription.js';

/** One broker as its connections and sessions see it. */
export interface Engine {
  readonly options: CoreOptions;
  readonly counters: Counters;
  readonly storage: Storage;
  readonly hooks: HookRunner;
  readonly observer: Observer;
  readonly deadlines: Deadlines;
  readonly durability: Durability;
  readonly memory: MemoryGauge;
  readonly router: RouterPort;
  readonly sessions: SessionsPort;
  /** Monotonic milliseconds. */
  now(): number;
  /** Wall-clock milliseconds. */
  wall(): number;
  /** Runs `run` at the end of this event-loop turn: long work goes on in steps. */
  later(run: () => void): void;
}

/** Where a session's packets go: a network connection, or an in-process client. */
export interface Outlet {
  readonly client: Client;
  /** QoS 1 and 2 messages the client takes unacknowledged: v5 [MQTT-4.9.0-1]. */
  readonly receiveMaximum: number;
  /** More than `outboundBytesMax` is unsent: QoS 0 is dropped, QoS 1 and 2 wait. */
  readonly congested: boolean;
  /** Whether the packet would be within the client's Maximum Packet Size. */
  fits(publication: Publication, qos: QoS, subscriptionIdentifiers: readonly number[] | undefined): boolean;
  /** Sends once the store is durable up to `lsn`. The publication need not outlive the call. */
  sendPublish(
    publication: Publication,
    qos: QoS,
    retain: boolean,
    dup: boolean,
    packetId: number,
    subscriptionIdentifiers: readonly number[] | undefined,
    lsn: Lsn,
  ): void;
  sendPubrel(packetId: number, reasonCode: number, lsn: Lsn): void;
  /** Ends the connection with this reason; the session is told through `SessionsPort.closed` first. */
  close(reasonCode: number, reasonString?: string): void;
}

/** A shared group as the member that holds one of its entries sees it. */
export interface SharedSource {
  /** Delivered, expired or refused by the member: the group forgets it. */
  settled(entry: OutboundEntry): Lsn;
  /** `authorize` refused this member: the next one gets it. */
  refused(entry: OutboundEntry, by: Session): void;
  /** The member goes on at QoS 2, so the entry is its own from now on: v5 [MQTT-4.8.2-4] [MQTT-4.8.2-5]. */
  handedOver(entry: OutboundEntry): Lsn;
  /** The member's connection ended with these unacknowledged. */
  returned(entries: readonly OutboundEntry[]): void;
  /** A member has room again. */
  pump(): void;
}

/** Filled in by `RouterPort.publish`. */
export class RouteResult {
  /** What the acknowledgement must wait for; 0 = nothing. */
  lsn: Lsn = 0;
  /** Whether any subscription matched: v5 reason code 0x10 otherwise. */
  matched = false;
  /** The publisher's own subscription matched; its copy goes out after the acknowledgement. */
  own: Delivery | undefined = undefined;
}

/** How one session gets messages of one topic: its matching non-shared subscriptions, merged. */
export interface Delivery {
  readonly session: Session;
  readonly qos: QoS;
  readonly retainAsPublished: boolean;
  readonly subscriptionIdentifiers: readonly number[] | undefined;
}

/** What the router resolved a topic to; opaque outside the router. */
export interface Route {
  readonly deliveries: readonly Delivery[];
}

export interface RouterPort {
  /** The entry of a topic by its bytes; throws PeerProtocolError for an illegal topic name. */
  lookup(buffer: Uint8Array, start: number, end: number): TopicEntry<Route>;
  lookupTopic(topic: string): TopicEntry<Route>;
  /** Keeps a retained message (or clears it) and hands the publication to every matching session. */
  publish(publication: Publication, entry: TopicEntry<Route>, origin: Session | undefined, result: RouteResult): void;
  /** Sends the publisher's own copy, after its acknowledgement. */
  publishOwn(publication: Publication, own: Delivery): void;
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
  /** An identifier that no live or stored session has: v5 [MQTT-3.2.2-16]. */
  assignClientId(): string;
  /** Whether one more CONNECT is within `connectRateMax`; counts it. */
  admits(): boolean;
  /**
   * One CONNECT per client identifier at a time. `done` gets the session, attached to the outlet and stored as far as
   * it must be, or the reason code of the refusal.
   */
  open(request: OpenRequest, done: (result: OpenResult | number) => void): void;
  /** The outlet is gone; `normal` after DISCONNECT 0x00 (any DISCONNECT in 3.x): the will is discarded. */
  closed(session: Session, outlet: Outlet, normal: boolean): void;
}

/** Hears of everything, changes nothing. The `wants` flags keep unheard events free. */
export interface Observer {
  readonly wantsPublish: boolean;
  readonly wantsDelivered: boolean;
  published(publication: Publication, client: Client | undefined): void;
  delivered(publication: Publication, qos: QoS, client: Client): void;
  dropped(why: DropReason, publication: Publication, clientId: string | undefined): void;
  /** CONNECT was accepted, the CONNACK is on its way. */
  clientAccepted(client: Client, sessionPresent: boolean): void;
  /** CONNACK was written and the session is attached. */
  clientReady(client: Client): void;
  clientClosed(client: Client, reasonCode: number, why: string, error: Error | undefined): void;
  /** A connection ended before its CONNECT was accepted. */
  connectRefused(clientId: string | undefined, reasonCode: number, why: string, error: Error | undefined): void;
  subscribed(client: Client, subscription: SubscriptionRecord): void;
  unsubscribed(client: Client, topicFilter: string): void;
  error(error: BrokerError): void;
}
