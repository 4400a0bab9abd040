/** `broker.stats()`: every counter of a broker as one typed, frozen snapshot. */
import type { Counters, DropReason } from '../protocol/counters.js';

/**
 * Every counter of a broker, copied at one moment. Names that end in no tense are gauges (what is there now);
 * the others count since the broker was made.
 * @public
 */
export interface BrokerStats {
  /** Version of this package. */
  readonly version: string;
  /** Seconds since the broker was made. */
  readonly uptimeSeconds: number;
  /** Bytes read from transports, what is above MQTT (TLS, WebSocket) left out. */
  readonly bytesReceived: number;
  /** Bytes written to transports, counted like `bytesReceived`. */
  readonly bytesSent: number;
  /** MQTT packets of every type. */
  readonly packetsReceived: number;
  /** MQTT packets of every type. */
  readonly packetsSent: number;
  /** PUBLISH packets of clients that were accepted, and the host's own publishes. */
  readonly publishReceived: number;
  /** Payload bytes of `publishReceived`. */
  readonly publishReceivedBytes: number;
  /** PUBLISH packets written to clients, re-sent ones included. */
  readonly publishSent: number;
  /** Payload bytes of `publishSent`. */
  readonly publishSentBytes: number;
  /** Connections that were ever opened. */
  readonly connectionsOpened: number;
  /** Connections that were ever closed. */
  readonly connectionsClosed: number;
  /** CONNECTs that were accepted. */
  readonly connectsAccepted: number;
  /** CONNECTs that were refused, by CONNACK or by a bare close. */
  readonly connectsRefused: number;
  /** Connections open now, accepted or not yet. */
  readonly connections: number;
  /** Clients whose CONNECT was accepted and who are connected now. */
  readonly clients: number;
  /** Most clients at one time. */
  readonly clientsMax: number;
  /** Sessions there are now, those of absent clients included. */
  readonly sessions: number;
  /** Sessions that ended because their Session Expiry Interval passed. */
  readonly sessionsExpired: number;
  /** Sessions whose connection was replaced by a newer one. */
  readonly sessionsTakenOver: number;
  /** Subscriptions of all sessions. */
  readonly subscriptions: number;
  /** Topics with a retained message. */
  readonly retainedMessages: number;
  /** Bytes of their topics, properties and payloads. */
  readonly retainedBytes: number;
  /** Messages waiting in queues of sessions and shared groups; one that waits in two queues counts twice. */
  readonly queuedMessages: number;
  /** Their bytes, counted the same way. */
  readonly queuedBytes: number;
  /** Bytes that all queues hold in memory, each message once: what `memoryBytesMax` limits. */
  readonly memoryBytes: number;
  /** Sent and unacknowledged QoS 1 and 2 messages. */
  readonly inflightMessages: number;
  /** Wills that were published. */
  readonly willsPublished: number;
  /** Connections that were closed because the peer broke the protocol. */
  readonly protocolErrors: number;
  /** Hooks that threw, rejected, answered nonsense or passed their deadline. */
  readonly hookErrors: number;
  /** Questions to hooks that have no answer yet, those that wait to be put (`hookConcurrencyMax`) included. */
  readonly hooksPending: number;
  /** Event listeners of the host that threw or rejected. */
  readonly listenerErrors: number;
  /** Messages that were not delivered to someone they were meant for, by reason. */
  readonly dropped: Readonly<Record<DropReason, number>>;
}

/** What a snapshot needs beside the counters. */
export type StatsExtra = Pick<BrokerStats, 'version' | 'uptimeSeconds' | 'memoryBytes'>;

/** Copies the counters; later changes do not show in the result. */
export function snapshot(counters: Counters, extra: StatsExtra): BrokerStats {
  return Object.freeze(Object.assign({}, extra, counters, { dropped: Object.freeze({ ...counters.dropped }) }));
}
