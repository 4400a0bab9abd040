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
import { hasWildcard, topicFilterProblem } from '../topic/topic-rules.js';
import { decideSubscribe } from './authorization.js';
import type { SubscribeDecision } from './authorization.js';
import type { Connection } from './connection.js';
import type { Engine } from './ports.js';
import type { Session } from './session.js';

export function handleSubscribe(connection: Connection, session: Session, packet: SubscribePacket): void {
  for (const request of packet.subscriptions) checkRequest(connection, request, packet);
  if (session.received?.has(packet.packetId) === true && connection.version === 5) { // v5 [MQTT-2.2.1-3] [X5-2.2.1-1]
    // One set of identifiers over PUBLISH, SUBSCRIBE and UNSUBSCRIBE.
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

/** Like a sequence of single ones, with one answer. */
function subscribeNext(connection: Connection, session: Session, packet: SubscribePacket, progress: Progress): void {
  // Hooks and listeners may close the connection, and with it the session.
  while (connection.isOpen()) {
    const request = packet.subscriptions[progress.reasonCodes.length]; // v5 [MQTT-3.8.4-5], v3.1.1 [MQTT-3.8.4-4]
    if (request === undefined) return answer(connection, packet, progress.reasonCodes, progress.lsn, progress.replays);
    const decision = decideSubscribe(connection.engine, session.client, request, packet.properties);
    if (decision instanceof Promise) {
      return connection.wait(decision, (settled) => {
        subscribeOne(connection, session, packet, settled, progress);
        subscribeNext(connection, session, packet, progress);
      });
    }
    if (connection.isOpen()) subscribeOne(connection, session, packet, decision, progress);
  }
}

function subscribeOne(
  connection: Connection,
  session: Session,
  packet: SubscribePacket,
  { request, verdict }: SubscribeDecision,
  progress: Progress,
): void {
  const { engine } = connection;
  const refusal = refusalOf(connection, session, request, verdict);
  if (refusal !== 0) return void progress.reasonCodes.push(refusal); // v5 [X5-4.13.2-1]
  const { topicFilter, retainHandling } = request;
  // v5 [MQTT-3.2.2-10] [MQTT-3.8.4-7]: granted lower, not refused.
  const qos = Math.min(request.qos, session.limits.maximumQoS) as QoS;
  // v5 [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11] [MQTT-3.8.4-4]; 3.x asks for 0: v3.1.1 [MQTT-3.3.1-6]
  const replays = retainHandling === 0 || (retainHandling === 1 && !session.subscriptions.has(topicFilter));
  const record: SubscriptionRecord = {
    topicFilter,
    qos,
    noLocal: request.noLocal,
    retainAsPublished: request.retainAsPublished,
    retainHandling,
    subscriptionIdentifier: packet.properties.subscriptionIdentifiers?.[0], // X5-3.8.2.1.2-1
    ...(replays && isReplaying(engine, topicFilter, qos)),
  };
  engine.router.subscribe(session, record); // v5 [MQTT-3.8.4-3], v3.1.1 [MQTT-3.8.4-3]: replaces
  if (session.stored) progress.lsn = Math.max(progress.lsn, engine.storage.putSubscription(session.clientId, record));
  progress.reasonCodes.push(record.qos); // v5 [MQTT-3.8.4-6] [MQTT-3.8.4-7] [MQTT-3.9.3-1]
  if (replays) progress.replays.push(topicFilter);
  engine.observer.subscribed(session.client, record);
}

/** What the store is told of a replay that must not be lost: QoS 0 may be, and a shared subscription has none. */
export const isReplaying = (engine: Engine, topicFilter: string, qos: QoS): { isReplaying?: true } =>
  qos > 0 && engine.counters.retainedMessages > 0 && !isShared(topicFilter) ? { isReplaying: true } : {};

/** 0, or the SUBACK reason code: the connection stays. The writer makes 0x80 of it for 3.x. */
function refusalOf(connection: Connection, session: Session, request: SubscriptionRequest, verdict: Verdict): number {
  const { options } = connection.engine;
  // v5 [MQTT-3.9.3-2] [X5-5.4.2-1]
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

/** `$share` without its slash is an ordinary name. */
const isShared = (filter: string): boolean => filter.startsWith('$share/');

/** Ill-formed filters are malformed and close; none of the packet's filters takes effect. */
function checkRequest(connection: Connection, request: SubscriptionRequest, packet: SubscribePacket): void {
  checkFilter(connection, request.topicFilter);
  if (request.noLocal && isShared(request.topicFilter)) { // v5 [MQTT-3.8.3-4]
    throw new PeerProtocolError(ReasonCode.protocolError, 'MQTT-3.8.3-4', 'No Local on a Shared Subscription');
  }
  if (connection.version !== 5) return;
  const { options } = connection.engine;
  // Declared unavailable in CONNACK and used all the same.
  if (!options.wildcardSubscriptionAvailable && hasWildcard(request.topicFilter)) { // v5 [X5-3.2.2.3.11-1]
    throw new PeerProtocolError(ReasonCode.wildcardSubscriptionsNotSupported, 'X5-3.2.2.3.11-1', 'wildcards are not available');
  }
  if (!options.subscriptionIdentifierAvailable && packet.properties.subscriptionIdentifiers !== undefined) { // v5 [X5-3.2.2.3.12-1]
    const why = 'Subscription Identifiers are not available';
    throw new PeerProtocolError(ReasonCode.subscriptionIdentifiersNotSupported, 'X5-3.2.2.3.12-1', why);
  }
  if (!options.sharedSubscriptionAvailable && isShared(request.topicFilter)) { // v5 [X5-3.2.2.3.13-1]
    const why = 'Shared Subscriptions are not available';
    throw new PeerProtocolError(ReasonCode.sharedSubscriptionsNotSupported, 'X5-3.2.2.3.13-1', why);
  }
}

function checkFilter({ engine }: Connection, topicFilter: string): void {
  const problem = topicFilterProblem(topicFilter, engine.options.topicLevelsMax, engine.options.topicBytesMax);
  // v5 [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.8.2-1] [MQTT-4.8.2-2], v3.1.1 [MQTT-4.7.1-2] [MQTT-4.7.1-3]
  if (problem !== undefined) throw new PeerProtocolError(ReasonCode.malformedPacket, 'MQTT-4.7.1-1', problem);
}

function answer(
  connection: Connection,
  packet: SubscribePacket,
  reasonCodes: readonly number[],
  lsn: Lsn,
  replays: readonly string[],
): void {
  const { session, engine } = connection;
  // v5 [MQTT-3.8.4-1] [MQTT-3.8.4-2], v3.1.1 [MQTT-2.3.1-7] [MQTT-3.8.4-1] [MQTT-3.8.4-2] [MQTT-3.8.4-5] [MQTT-3.9.3-1]
  connection.send({ type: PacketType.suback, packetId: packet.packetId, reasonCodes, properties: {} }, lsn); // v5 [MQTT-2.2.1-6]
  for (const topicFilter of replays) {
    const subscription = session?.subscriptions.get(topicFilter);
    if (session !== undefined && subscription !== undefined) engine.router.replayRetained(session, subscription);
  }
}

export function handleUnsubscribe(connection: Connection, session: Session, packet: UnsubscribePacket): void {
  const { engine } = connection;
  for (const topicFilter of packet.topicFilters) checkFilter(connection, topicFilter);
  let lsn: Lsn = 0;
  const inUse = session.received?.has(packet.packetId) === true && connection.version === 5; // v5 [MQTT-2.2.1-3] [X5-2.2.1-1]
  // v5 [MQTT-3.10.4-6], v3.1.1 [MQTT-3.10.4-1] [MQTT-3.10.4-6]: compared exactly, one after the other.
  const reasonCodes = packet.topicFilters.map((topicFilter) => {
    if (inUse) return ReasonCode.packetIdentifierInUse; // v5 [MQTT-3.11.3-2]
    if (!engine.router.unsubscribe(session, topicFilter)) return ReasonCode.noSubscriptionExisted; // v5 [MQTT-3.11.3-2]
    if (session.stored) lsn = Math.max(lsn, engine.storage.deleteSubscription(session.clientId, topicFilter));
    engine.observer.unsubscribed(session.client, topicFilter);
    return ReasonCode.success;
  });
  // v5 [MQTT-3.10.4-4] [MQTT-3.10.4-5] [MQTT-3.11.3-1], v3.1.1 [MQTT-2.3.1-7] [MQTT-3.10.4-4] [MQTT-3.10.4-5]
  connection.send({ type: PacketType.unsuback, packetId: packet.packetId, reasonCodes, properties: {} }, lsn); // v5 [MQTT-2.2.1-6]
}
