/** Every counter of a broker as plain numbers: the core adds to them, `broker.stats()` copies them. */

/** Why a message was not delivered to someone it was meant for. @public */
export type DropReason =
  /** The session's queue was full (`queueMessagesMax`, `queueBytesMax`). */
  | 'queueFull'
  /** Message Expiry Interval passed before it was sent. */
  | 'expired'
  /** Larger than the client's Maximum Packet Size. */
  | 'tooLarge'
  /** QoS 0 towards a client that does not read fast enough (`outboundBytesMax`). */
  | 'slowConsumer'
  /** QoS 0 while all queues together are over `memoryBytesMax`. */
  | 'memory'
  /** `authorize` refused the delivery. */
  | 'deliverDenied'
  /** `authorize` refused the publish or the will, or `onPublish` failed. */
  | 'publishDenied'
  /** A limit of the publisher was reached. */
  | 'quota'
  /** Its session, or the last session of its shared group, ended first. */
  | 'sessionEnded';

/** Every value of {@link DropReason}. */
export const dropReasons: readonly DropReason[] = [
  'queueFull',
  'expired',
  'tooLarge',
  'slowConsumer',
  'memory',
  'deliverDenied',
  'publishDenied',
  'quota',
  'sessionEnded',
];

export class Counters {
  bytesReceived = 0;
  bytesSent = 0;
  packetsReceived = 0;
  packetsSent = 0;
  /** PUBLISH packets of clients that were accepted, and the host's own publishes. */
  publishReceived = 0;
  publishReceivedBytes = 0;
  /** PUBLISH packets written to clients, re-sent ones included. */
  publishSent = 0;
  publishSentBytes = 0;
  connectionsOpened = 0;
  connectionsClosed = 0;
  /** CONNECTs that were accepted, in-process clients included. */
  connectsAccepted = 0;
  /** CONNECTs that were refused, by CONNACK or by a bare close. */
  connectsRefused = 0;
  /** Connections open now, accepted or not yet. */
  connections = 0;
  /** Clients whose CONNECT was accepted and who are connected now. */
  clients = 0;
  /** Most clients at one time. */
  clientsMax = 0;
  sessions = 0;
  sessionsExpired = 0;
  sessionsTakenOver = 0;
  subscriptions = 0;
  retainedMessages = 0;
  retainedBytes = 0;
  /** Messages waiting in queues of sessions and shared groups. */
  queuedMessages = 0;
  queuedBytes = 0;
  /** Sent and unacknowledged QoS 1 and 2 messages. */
  inflightMessages = 0;
  willsPublished = 0;
  protocolErrors = 0;
  hookErrors = 0;
  /** Questions to hooks that have no answer yet. */
  hooksPending = 0;
  listenerErrors = 0;
  readonly dropped: Record<DropReason, number> = Object.fromEntries(dropReasons.map((why) => [why, 0])) as Record<
    DropReason,
    number
  >;
}
