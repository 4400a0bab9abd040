/**
 * SUBSCRIBE and UNSUBSCRIBE (v5 3.8, 3.10; v3.1.1 3.8, 3.10): filter by filter in order, one answer at the end.
 */
import { PeerProtocolError } from '../errors/errors.js';
import type { Verdict } from '../hooks/hooks.js';
import type { SubscribePacket, SubscriptionRequest, UnsubscribePacket } from '../packet/packets.js';
import { PacketType } from '../packet/protocol.js';
import type { QoS } from '../packet/protocol.js';
import { ReasonCode } from '../packet/reason-code.js';
import type { Lsn, SubscriptionRecord } from '../storage/storage.js';
import { hasWildcard, parseSharedFilter, topicFilterProblem } from '../topic/topic-rules.js';
import { authorizeSubscribe } from './authorization.js';
import type { Connection } from './connection.js';
import type { Session } from './session.js';

export function handleSubscribe(connection: Connection, session: Session, packet: SubscribePacket): void {
  for (const request of packet.subscriptions) checkRequest(connection, request, packet);
  if (session.received?.has(packet.packetId) === true && connection.version === 5) {
    // X5-2.2.1-1: one set of identifiers over PUBLISH, SUBSCRIBE and UNSUBSCRIBE.
    return answer(connection, packet, packet.subscriptions.map(() => ReasonCode.packetIdentifierInUse), 0, []);
  }
  subscribeNext(connection, session, packet, { reasonCodes: [], replays: [], lsn: 0 });
}

interface Progress {
  readonly reasonCodes: number[];
  /** Filters whose retained messages are sent behind the SUBACK. */
  readonly replays: string[];
  lsn: Lsn;
}

/** v5 [MQTT-3.8.4-5], v3.1.1 [MQTT-3.8.4-4]: like a sequence of single ones. */
function subscribeNext(connection: Connection, session: Session, packet: SubscribePacket, progress: Progress): void {
  // Hooks and listeners may close the connection, and with it the session.
  while (connection.isOpen()) {
    const request = packet.subscriptions[progress.reasonCodes.length];
    if (request === undefined) return answer(connection, packet, progress.reasonCodes, progress.lsn, progress.replays);
    const shared = parseSharedFilter(request.topicFilter);
    const verdict = authorizeSubscribe(connection.engine, session.client, {
      type: 'subscribe',
      topic: shared?.topicFilter ?? request.topicFilter,
      qos: request.qos,
      shareName: shared?.shareName,
      properties: packet.properties,
    });
    if (verdict instanceof Promise) {
      return connection.wait(verdict, (settled) => {
        subscribeOne(connection, session, packet, request, settled, progress);
        subscribeNext(connection, session, packet, progress);
      });
    }
    if (connection.isOpen()) subscribeOne(connection, session, packet, request, verdict, progress);
  }
}

function subscribeOne(
  connection: Connection,
  session: Session,
  packet: SubscribePacket,
  request: SubscriptionRequest,
  verdict: Verdict,
  progress: Progress,
): void {
  const { engine, version } = connection;
  const refusal = refusalOf(connection, session, request, verdict);
  if (refusal !== 0) return void progress.reasonCodes.push(refusal);
  const { topicFilter, retainHandling } = request;
  const record: SubscriptionRecord = {
    topicFilter,
    // v5 [MQTT-3.2.2-10] [MQTT-3.8.4-7]: granted lower, not refused.
    qos: Math.min(request.qos, session.limits.maximumQoS) as QoS,
    noLocal: request.noLocal,
    retainAsPublished: request.retainAsPublished,
    retainHandling,
    subscriptionIdentifier: packet.properties.subscriptionIdentifiers?.[0], // X5-3.8.2.1.2-1
  };
  const existed = engine.router.subscribe(session, record); // v5 [MQTT-3.8.4-3], v3.1.1 [MQTT-3.8.4-3]: replaces
  if (session.stored) progress.lsn = Math.max(progress.lsn, engine.storage.putSubscription(session.clientId, record));
  progress.reasonCodes.push(record.qos);
  // v5 [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11]; 3.x always: v3.1.1 [MQTT-3.3.1-6]
  if (version !== 5 || retainHandling === 0 || (retainHandling === 1 && !existed)) progress.replays.push(topicFilter);
  engine.observer.subscribed(session.client, record);
}

/** 0, or the SUBACK reason code: the connection stays (v5 [MQTT-3.9.3-2], v3.1.1 [MQTT-3.9.3-2] through the writer). */
function refusalOf(connection: Connection, session: Session, request: SubscriptionRequest, verdict: Verdict): number {
  const { options } = connection.engine;
  if (verdict.reasonCode !== 0) return subackCodes.has(verdict.reasonCode) ? verdict.reasonCode : ReasonCode.notAuthorized;
  if (connection.version !== 5 && hasWildcard(request.topicFilter) && !options.wildcardSubscriptionAvailable) {
    return ReasonCode.wildcardSubscriptionsNotSupported; // v3.1.1 [MQTT-3.8.3-2]
  }
  if (connection.version !== 5 && isShared(request.topicFilter) && !options.sharedSubscriptionAvailable) {
    return ReasonCode.sharedSubscriptionsNotSupported;
  }
  const isNew = !session.subscriptions.has(request.topicFilter);
  return isNew && session.subscriptions.size >= session.limits.subscriptionsMax ? ReasonCode.quotaExceeded : 0;
}

const subackCodes: ReadonlySet<number> = new Set([0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2]);

/** `$share` without its slash is an ordinary name: v5 [MQTT-4.8.2-1]. */
const isShared = (filter: string): boolean => filter.startsWith('$share/');

/** Ill-formed filters are malformed and close; none of the packet's filters takes effect. */
function checkRequest(connection: Connection, request: SubscriptionRequest, packet: SubscribePacket): void {
  checkFilter(connection, request.topicFilter);
  if (request.noLocal && isShared(request.topicFilter)) {
    throw new PeerProtocolError(ReasonCode.protocolError, 'MQTT-3.8.3-4', 'No Local on a Shared Subscription');
  }
  if (connection.version !== 5) return;
  const { options } = connection.engine;
  // Declared unavailable in CONNACK and used all the same.
  if (!options.wildcardSubscriptionAvailable && hasWildcard(request.topicFilter)) {
    throw new PeerProtocolError(ReasonCode.wildcardSubscriptionsNotSupported, 'X5-3.2.2.3.11-1', 'wildcards are not available');
  }
  if (!options.subscriptionIdentifierAvailable && packet.properties.subscriptionIdentifiers !== undefined) {
    const why = 'Subscription Identifiers are not available';
    throw new PeerProtocolError(ReasonCode.subscriptionIdentifiersNotSupported, 'X5-3.2.2.3.12-1', why);
  }
  if (!options.sharedSubscriptionAvailable && isShared(request.topicFilter)) {
    const why = 'Shared Subscriptions are not available';
    throw new PeerProtocolError(ReasonCode.sharedSubscriptionsNotSupported, 'X5-3.2.2.3.13-1', why);
  }
}

// v5 [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.8.2-1] [MQTT-4.8.2-2], v3.1.1 [MQTT-4.7.1-2] [MQTT-4.7.1-3]
function checkFilter({ engine }: Connection, topicFilter: string): void {
  const problem = topicFilterProblem(topicFilter, engine.options.topicLevelsMax, engine.options.topicBytesMax);
  if (problem !== undefined) throw new PeerProtocolError(ReasonCode.malformedPacket, 'MQTT-4.7.1-1', problem);
}

// v5 [MQTT-3.8.4-1] [MQTT-3.8.4-2] [MQTT-3.8.4-6] [MQTT-3.9.3-1], v3.1.1 [MQTT-3.8.4-1] [MQTT-3.8.4-5] [MQTT-3.9.3-1]
function answer(
  connection: Connection,
  packet: SubscribePacket,
  reasonCodes: readonly number[],
  lsn: Lsn,
  replays: readonly string[],
): void {
  const { session, engine } = connection;
  // v3.1.1 [MQTT-2.3.1-7] [MQTT-3.8.4-2]
  connection.send({ type: PacketType.suback, packetId: packet.packetId, reasonCodes, properties: {} }, lsn);
  for (const topicFilter of replays) {
    const subscription = session?.subscriptions.get(topicFilter);
    if (session !== undefined && subscription !== undefined) engine.router.replayRetained(session, subscription);
  }
}

export function handleUnsubscribe(connection: Connection, session: Session, packet: UnsubscribePacket): void {
  const { engine } = connection;
  for (const topicFilter of packet.topicFilters) checkFilter(connection, topicFilter);
  let lsn: Lsn = 0;
  const inUse = session.received?.has(packet.packetId) === true && connection.version === 5;
  // v5 [MQTT-3.10.4-1] [MQTT-3.10.4-6], v3.1.1 [MQTT-3.10.4-1] [MQTT-3.10.4-6]: compared exactly, one after the other.
  const reasonCodes = packet.topicFilters.map((topicFilter) => {
    if (inUse) return ReasonCode.packetIdentifierInUse;
    if (!engine.router.unsubscribe(session, topicFilter)) return ReasonCode.noSubscriptionExisted;
    if (session.stored) lsn = Math.max(lsn, engine.storage.deleteSubscription(session.clientId, topicFilter));
    engine.observer.unsubscribed(session.client, topicFilter);
    return ReasonCode.success;
  });
  // v5 [MQTT-3.10.4-4] [MQTT-3.10.4-5] [MQTT-3.11.3-1], v3.1.1 [MQTT-2.3.1-7] [MQTT-3.10.4-4] [MQTT-3.10.4-5]
  connection.send({ type: PacketType.unsuback, packetId: packet.packetId, reasonCodes, properties: {} }, lsn);
}
