/**
 * What `createBroker()` takes. Every option may be left out; all are checked and frozen when the broker is made
 * (see options-check.ts). The README's table is made from these comments.
 */
import type { Authenticate, Authorize, Hooks, Takeover } from '../hooks/hooks.js';
import type { Logger } from '../observe/logger.js';
import type { ProtocolVersion, QoS } from '../packet/protocol.js';
import type { Storage } from '../storage/storage.js';
import type { Clock } from './clock.js';

/**
 * Options of `createBroker()`. Bytes are whole bytes, seconds may have fractions unless a range says otherwise,
 * and `Infinity` is legal only where the range names it.
 * @public
 */
export interface BrokerOptions {
  /**
   * Where sessions, queues and retained messages are kept.
   * @defaultValue `memoryStorage()`: nothing is written to disk unless asked for
   */
  readonly storage?: Storage;
  /**
   * Decides who may connect.
   * @defaultValue none: everyone may connect; `listen()` then binds to 127.0.0.1 unless a host is given
   */
  readonly authenticate?: Authenticate;
  /**
   * Decides who may publish, subscribe and receive what. No hook can allow clients to publish below `$SYS/`.
   * @defaultValue none: everything else is allowed
   */
  readonly authorize?: Authorize;
  /**
   * Decides whether a client may take the session of another principal with the same client identifier.
   * @defaultValue none: never
   */
  readonly takeover?: Takeover;
  /**
   * Takes errors that no `error` listener took, and what an operator wants to see; shaped like pino.
   * @defaultValue none: unheard errors go to `process.emitWarning`, nothing else is logged
   */
  readonly logger?: Logger;
  /**
   * Time for the broker: for tests, with the virtual clock of `odonata/testing`.
   * @defaultValue the process's own clock
   */
  readonly clock?: Clock;
  /**
   * Makes hash seeds and assigned client identifiers repeatable, for tests: whoever knows it can choose topics
   * that collide. Range: an integer from 0 to 4,294,967,295.
   * @defaultValue random
   */
  readonly seed?: number;

  /**
   * Seconds a new connection has until its CONNECT is complete; then it is closed.
   * Range: above 0 to 86,400.
   * @defaultValue `10`: slow TLS handshakes fit, sockets that say nothing do not stay
   */
  readonly connectTimeoutSeconds?: number;
  /**
   * Largest packet a client may send, in bytes; announced as Maximum Packet Size. A larger one gets 0x95 and a
   * close (3.x: a close). Range: 32 to 268,435,460.
   * @defaultValue `1_048_576`: far above usual payloads, and still little for a process to hold
   */
  readonly packetBytesMax?: number;
  /**
   * Largest CONNECT, in bytes: it comes from somebody not yet known. Range: 32 to 268,435,460.
   * @defaultValue `393_216`: room for the longest legal client identifier, user name, password and will topic
   */
  readonly connectBytesMax?: number;
  /**
   * Most connections at one time; further ones get 0x97 and a close. Range: 1 or more, or `Infinity`.
   * @defaultValue `Infinity`: the operating system's limit on open files comes first
   */
  readonly connectionsMax?: number;
  /**
   * Most new connections a second; further ones get 0x9F and a close. Range: above 0, or `Infinity`.
   * @defaultValue `Infinity`: a fleet that reconnects after a restart is usual
   */
  readonly connectRateMax?: number;
  /**
   * QoS 1 and 2 messages a client may have unacknowledged towards the broker; announced in CONNACK. Above it 5.0
   * gets 0x93 and a close; 3.x is not read from meanwhile. Range: 1 to 65,535.
   * @defaultValue `1000`: enough to fill a fast link, few enough to bound what one client can pin
   */
  readonly receiveMaximum?: number;
  /**
   * QoS 1 and 2 messages the broker has unacknowledged towards a client; the client's Receive Maximum counts when
   * it is smaller. Further ones wait in the queue. Range: 1 to 65,535.
   * @defaultValue `1000`: as `receiveMaximum`
   */
  readonly inflightMax?: number;
  /**
   * Messages waiting for one session, or one shared group. Range: 1 or more.
   * @defaultValue `10_000` when the storage keeps nothing on disk, else `1_000_000`: memory is dearer
   */
  readonly queueMessagesMax?: number;
  /**
   * Bytes waiting for one session, or one shared group. Range: 1 or more.
   * @defaultValue `16_777_216` (16 MiB) when the storage keeps nothing on disk, else `1_073_741_824` (1 GiB)
   */
  readonly queueBytesMax?: number;
  /**
   * What gives way when a queue is full: the message that comes (`newest`), or those that wait longest (`oldest`).
   * Counted, and an event either way.
   * @defaultValue `'newest'`: what was accepted first is kept
   */
  readonly queueOverflow?: 'newest' | 'oldest';
  /**
   * Queue QoS 0 messages too for clients that are away.
   * @defaultValue `false`: at most once means now
   */
  readonly queueQos0?: boolean;
  /**
   * Bytes that may be left unsent to one connection; above it QoS 0 is dropped and QoS 1 and 2 wait.
   * Range: 1 or more.
   * @defaultValue `8_388_608` (8 MiB): seconds of a busy subscriber, and bounded for a dead one
   */
  readonly outboundBytesMax?: number;
  /**
   * What happens to a client that stays above `outboundBytesMax`: its QoS 0 is dropped on, or it is disconnected.
   * @defaultValue `'drop'`: QoS 0 promises no more
   */
  readonly slowConsumer?: 'drop' | 'disconnect';
  /**
   * Levels of a topic name or filter; more are malformed. Range: 1 to 65,536.
   * @defaultValue `201`: 200 separators, deeper than any naming scheme seen
   */
  readonly topicLevelsMax?: number;
  /**
   * Bytes of a topic name or filter. Range: 1 to 65,535.
   * @defaultValue `65_535`: what the protocol can carry
   */
  readonly topicBytesMax?: number;
  /**
   * Subscriptions of one client; a further one gets 0x97. Range: 0 or more.
   * @defaultValue `100_000`: bridges and backends fit
   */
  readonly subscriptionsMax?: number;
  /**
   * Topics with a retained message; a message for a further one gets 0x97 whole. Range: 0 or more.
   * @defaultValue `1_000_000`
   */
  readonly retainedMessagesMax?: number;
  /**
   * Bytes of all retained messages; above it as above `retainedMessagesMax`. Range: 0 or more.
   * @defaultValue `268_435_456` (256 MiB): they are held in memory
   */
  readonly retainedBytesMax?: number;
  /**
   * Sessions, those of absent clients included; a further one gets 0x97. Range: 1 or more.
   * @defaultValue `1_000_000`
   */
  readonly sessionsMax?: number;
  /**
   * Longest Session Expiry Interval, in whole seconds; a longer one is lowered and the client told.
   * Range: 0 to 4,294,967,294, or `Infinity`.
   * @defaultValue `Infinity`: a client's sessions last as long as it asks
   */
  readonly sessionExpirySecondsMax?: number;
  /**
   * Topic aliases a client may set towards the broker. Range: 0 to 65,535.
   * @defaultValue `32`: covers what a device publishes, at little memory for each connection
   */
  readonly topicAliasMaximum?: number;
  /**
   * Topic aliases the broker sets towards a client; the client's own maximum counts when it is smaller.
   * Range: 0 to 65,535.
   * @defaultValue `32`: as `topicAliasMaximum`
   */
  readonly topicAliasMaximumOutbound?: number;
  /**
   * User properties of one packet; more get 0x97 and a close. Range: 0 or more.
   * @defaultValue `64`: they are copied to every subscriber
   */
  readonly userPropertiesMax?: number;
  /**
   * Bytes that all queues together hold in memory. Above it QoS 0 is shed, then publishers are not read from until
   * subscribers have caught up. Range: 1 or more.
   * @defaultValue a quarter of the V8 heap limit: the rest of the application lives there too
   */
  readonly memoryBytesMax?: number;
  /**
   * Seconds a publisher may not be read from because of memory or storage; then it is closed (5.0: 0x97).
   * Range: above 0 to 86,400.
   * @defaultValue `30`: shorter than the keep alive most clients use
   */
  readonly pauseSecondsMax?: number;
  /**
   * Bytes of a connection that are kept while a hook decides; then its socket is paused. Range: 1 or more.
   * @defaultValue `65_536`: one socket read, so that a peer that goes away is seen
   */
  readonly pendingBytesMax?: number;
  /**
   * Seconds a store may take for a write; then publishers that wait are closed (5.0: 0x83) and clients that want a
   * persistent session get 0x88, until it works again. Range: above 0 to 86,400.
   * @defaultValue `30`: longer than a disk's worst pause
   */
  readonly storageStallSeconds?: number;
  /**
   * Seconds a hook may take to answer; then the answer is a refusal. Range: above 0 to 86,400, or `Infinity`.
   * @defaultValue `10`: longer than a database's worst pause
   */
  readonly hookTimeoutSeconds?: number;
  /**
   * Answers of one kind of hook that may be out at a time; further questions wait in order. Range: 1 or more.
   * @defaultValue `1000`: more than a database takes at a time
   */
  readonly hookConcurrencyMax?: number;
  /**
   * Call hooks in an asynchronous context that `hookContext()` reads: whom they are asked about.
   * @defaultValue `false`: it costs a little at every call
   */
  readonly hookContext?: boolean;
  /**
   * Seconds for which a peer is still read from after an error, so that it gets to read the reason, before the
   * connection is destroyed. Range: 0 to 3,600.
   * @defaultValue `2`: several round trips
   */
  readonly closeGraceSeconds?: number;
  /**
   * Longest Keep Alive, in whole seconds: a longer one, or none (0), is lowered to this; 5.0 is told by Server Keep
   * Alive. Range: 1 to 65,535, or `Infinity`.
   * @defaultValue `Infinity`: the client decides
   */
  readonly keepAliveSecondsMax?: number;

  /**
   * Highest QoS that clients may publish with (5.0: announced, 0x9B) and are granted.
   * @defaultValue `2`
   */
  readonly maximumQoS?: QoS;
  /**
   * Whether there are retained messages (5.0: announced, 0x9A).
   * @defaultValue `true`
   */
  readonly retainAvailable?: boolean;
  /**
   * Whether filters may have wildcards (5.0: announced, 0xA2).
   * @defaultValue `true`
   */
  readonly wildcardSubscriptionAvailable?: boolean;
  /**
   * Whether 5.0 subscriptions may have identifiers (announced, 0xA1).
   * @defaultValue `true`
   */
  readonly subscriptionIdentifierAvailable?: boolean;
  /**
   * Whether `$share/…` filters are shared subscriptions (5.0: announced, 0x9E).
   * @defaultValue `true`
   */
  readonly sharedSubscriptionAvailable?: boolean;
  /**
   * Which member of a shared group gets a message: the one with the least in flight, in turn when equal, or always
   * the same one for a topic.
   * @defaultValue `'leastInflight'`: slow members get less
   */
  readonly sharedSelection?: 'leastInflight' | 'stickyByTopic';
  /**
   * Protocol versions that are spoken: 3 is MQTT 3.1, 4 is 3.1.1. Others are refused with 0x84 (3.x: 1). Not empty.
   * @defaultValue `[3, 4, 5]`: all there are
   */
  readonly protocolVersions?: readonly ProtocolVersion[];
  /**
   * Refuse control characters and non-characters in strings as malformed. U+0000 and ill-formed UTF-8 are refused
   * always.
   * @defaultValue `true`: they break logs, shells and dashboards
   */
  readonly strictText?: boolean;
  /**
   * Allow `+` and `#` in client identifiers.
   * @defaultValue `false`: they turn a rule such as `filter.startsWith('devices/' + client.id)` into a hole
   */
  readonly clientIdWildcards?: boolean;
  /**
   * Refuse MQTT 3.1 client identifiers longer than 23 characters, as its specification says.
   * @defaultValue `false`: hardly a broker does, and clients rely on it
   */
  readonly mqtt31ClientIdLimit?: boolean;
  /**
   * What a 3.x client gets whose PUBLISH `authorize` refused, as its acknowledgement has no room for a reason: an
   * acknowledgement, the message being dropped, or a close.
   * @defaultValue `'acknowledge'`: a client that is closed sends it again for ever
   */
  readonly refusedPublish?: 'acknowledge' | 'close';
  /**
   * Seconds between updates of the `$SYS/broker/…` topics; 0 turns them off. Range: 0 to 86,400.
   * @defaultValue `0`: nothing is published unless asked for
   */
  readonly sysIntervalSeconds?: number;
  /**
   * Addresses, or networks such as `10.0.0.0/8`, of proxies that begin each connection with a PROXY protocol header.
   * From these the header is required; from all others it is an error. WebSocket connections have none.
   * @defaultValue `[]`: whoever may send the header can claim any address
   */
  readonly trustedProxies?: readonly string[];
}

/**
 * The options in force: checked, complete and frozen.
 * @public
 */
export interface ResolvedOptions
  extends Readonly<Required<Omit<BrokerOptions, 'authenticate' | 'authorize' | 'takeover' | 'logger' | 'seed'>>> {
  /** The hooks that were given. */
  readonly hooks: Hooks;
  /** The logger that was given. */
  readonly logger: Logger | undefined;
  /** `undefined`: the broker draws one. */
  readonly seed: number | undefined;
}
