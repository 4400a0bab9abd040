/**
 * PUBLISH from a client: resolve the topic, check, authorize, route, acknowledge (v5 3.3, 4.3; v3.1.1 3.3, 4.3).
 * Every refusal is decided before PUBACK or PUBREC.
 */
import { PeerProtocolError } from '../errors/errors.js';
import type { Failed, Verdict } from '../hooks/hooks.js';
import { lifetimeMs } from '../packet/publication.js';
import type { InboundPublish, Publication } from '../packet/publication.js';
import { ReasonCode } from '../packet/reason-code.js';
import type { Lsn } from '../storage/storage.js';
import type { TopicEntry } from '../topic/topic-table.js';
import { authorizePublish } from './authorization.js';
import type { Connection } from './connection.js';
import type { Route } from './ports.js';
import type { Session } from './session.js';

export function handlePublish(connection: Connection, session: Session, publish: InboundPublish): void {
  const entry = resolveTopic(connection, publish);
  publish.topic = entry.topic;
  publish.topicBytes = entry.bytes;
  publish.publisherId = session.clientId;
  const { messageExpirySeconds } = publish;
  // v5 [MQTT-3.3.2-5] [MQTT-3.3.2-6]
  if (messageExpirySeconds !== undefined) publish.expiresAtMs = connection.engine.now() + lifetimeMs(messageExpirySeconds);
  // v5 [MQTT-3.2.2-11], X5-3.2.2.3.4-1
  if (publish.qos > session.limits.maximumQoS) {
    throw new PeerProtocolError(ReasonCode.qosNotSupported, 'MQTT-3.2.2-11', `QoS ${publish.qos} is over the Maximum QoS of ${session.limits.maximumQoS}`);
  }
  // v5 [MQTT-3.2.2-14]
  if (publish.retain && !session.limits.retainAvailable) {
    throw new PeerProtocolError(ReasonCode.retainNotSupported, 'MQTT-3.2.2-14', 'RETAIN without Retain Available');
  }
  admit(connection, session, publish, entry);
}

/** Receive Maximum, duplicates and memory: what is looked at again when the packet had to be put off. */
function admit(connection: Connection, session: Session, publish: InboundPublish, entry: TopicEntry<Route>): void {
  const { engine } = connection;
  if (publish.qos > 0) {
    const owed = connection.outlet?.held.owed ?? 0;
    if (connection.version !== 5 && owed >= connection.receiveMaximum) {
      return connection.park('owed', () => admit(connection, session, publish, entry));
    }
    countUnacknowledged(connection, publish, owed);
    // 3.x has no code for a QoS 1 PUBLISH under an identifier that waits for PUBREL: it is taken as it comes.
    if (session.received?.has(publish.packetId) === true && (publish.qos === 2 || connection.version === 5)) { // v5 [MQTT-2.2.1-3] [X5-2.2.1-1]
      return repeatOrRefuse(connection, publish);
    }
    if (engine.memory.over) {
      // Acknowledgements of this client may free memory, so it is read on; one that owes none waits.
      if (session.sender.inflight.count === 0) {
        return connection.park('memory', () => admit(connection, session, publish, entry));
      }
      engine.observer.dropped('quota', publish, session.clientId);
      return refuse(connection, publish, ReasonCode.quotaExceeded, 'memoryBytesMax is reached', true);
    }
  }
  if (engine.hooks.hasOnPublish) transform(connection, session, publish, entry);
  else authorize(connection, session, publish, publish, entry);
}

/** What hooks make of it, before anyone is asked about it. */
function transform(connection: Connection, session: Session, publish: InboundPublish, entry: TopicEntry<Route>): void {
  const { engine } = connection;
  const settled = (made: Publication | Failed): void => {
    if (!connection.isOpen()) return;
    if (made !== undefined) return authorize(connection, session, publish, made, made === publish ? entry : engine.router.lookupTopic(made.topic));
    engine.observer.dropped('publishDenied', publish, session.clientId);
    refuse(connection, publish, ReasonCode.implementationSpecificError, 'a hook failed', true); // v5 [X5-4.3.3-1]
  };
  const answer = engine.hooks.onPublish(connection.client as NonNullable<Connection['client']>, publish);
  if (answer instanceof Promise) connection.wait(answer, settled);
  else settled(answer);
}

/** @param made - what is routed: the PUBLISH as received, unless a hook made something else of it. */
function authorize(
  connection: Connection,
  session: Session,
  publish: InboundPublish,
  made: Publication,
  entry: TopicEntry<Route>,
): void {
  const answer = authorizePublish(connection.engine, connection.client as NonNullable<Connection['client']>, made, 'publish');
  if (answer instanceof Promise) connection.wait(answer, (verdict) => settle(connection, session, publish, made, entry, verdict));
  else settle(connection, session, publish, made, entry, answer);
}

/** An alias is resolved at receipt, and stays set even if the publish is refused. */
function resolveTopic(connection: Connection, publish: InboundPublish): TopicEntry<Route> {
  const { buffer, topicStart, topicEnd, topicAlias } = publish;
  if (topicEnd === topicStart) return (connection.inboundAliases as NonNullable<Connection['inboundAliases']>).get(topicAlias);
  const last = connection.lastTopic;
  const entry =
    last !== undefined && sameBytes(last.bytes, buffer, topicStart, topicEnd)
      ? last
      : connection.engine.router.lookup(buffer, topicStart, topicEnd, connection.version);
  connection.lastTopic = entry;
  if (topicAlias > 0) connection.inboundAliases?.set(topicAlias, entry); // X5-3.3.2.3.4-2
  return entry;
}

function sameBytes(bytes: Uint8Array, buffer: Uint8Array, start: number, end: number): boolean {
  const { length } = bytes;
  if (end - start !== length) return false;
  for (let index = 0; index < length; index += 1) if (bytes[index] !== buffer[start + index]) return false;
  return true;
}

/** PUBLISHes not yet acknowledged, QoS 2 until PUBCOMP; counted per connection. */
function countUnacknowledged(connection: Connection, publish: InboundPublish, owed: number): void {
  const { unreleased, receiveMaximum } = connection;
  const again = unreleased?.has(publish.packetId) === true;
  // v5 [MQTT-3.3.4-7], X5-3.3.4-2
  if (connection.version === 5 && !again && owed + (unreleased?.size ?? 0) >= receiveMaximum) {
    throw new PeerProtocolError(ReasonCode.receiveMaximumExceeded, 'MQTT-3.3.4-7', `more than ${receiveMaximum} unacknowledged QoS 1 and 2 PUBLISHes`);
  }
}

/** The identifier waits for PUBREL. */
function repeatOrRefuse(connection: Connection, publish: InboundPublish): void {
  if (publish.qos === 2) {
    (connection.unreleased ??= new Set()).add(publish.packetId);
    // v5 [MQTT-4.3.3-10], v3.1.1 [MQTT-4.3.3-2]: PUBREC again, nothing delivered again.
    acknowledge(connection, publish, 0, undefined, 0);
  } else acknowledge(connection, publish, ReasonCode.packetIdentifierInUse, undefined, 0); // v5 [MQTT-2.2.1-3]
}

function settle(
  connection: Connection,
  session: Session,
  publish: InboundPublish,
  made: Publication,
  entry: TopicEntry<Route>,
  verdict: Verdict,
): void {
  const { engine, route } = connection;
  if (verdict.reasonCode !== 0) {
    engine.observer.dropped('publishDenied', made, session.clientId);
    return refuse(connection, publish, verdict.reasonCode, verdict.reasonString, false); // v5 [MQTT-4.3.3-9] [X5-4.3.3-1] [X5-5.4.2-1]
  }
  if (made.retain && made.qos > 0) {
    const full = engine.router.retainedRefusal(made);
    if (full !== 0) {
      engine.observer.dropped('quota', made, session.clientId);
      return refuse(connection, publish, full, 'the retained store is full', true); // v5 [X5-4.3.3-1]
    }
  }
  engine.counters.publishReceived += 1;
  engine.counters.publishReceivedBytes += publish.end - publish.payloadStart;
  engine.router.publish(made, entry, session, route);
  let { lsn } = route;
  if (publish.qos > 0) {
    if (publish.qos === 2) lsn = Math.max(lsn, hold(connection, session, publish.packetId)); // v5 [MQTT-4.3.2-5] [MQTT-4.3.3-10]
    acknowledge(connection, publish, route.matched ? 0 : ReasonCode.noMatchingSubscribers, undefined, lsn);
  }
  // The acknowledgement leaves before the publisher's own copy.
  if (made.qos > 0) engine.router.publishOwn(made, route);
  if (engine.observer.wantsPublish) engine.observer.published(made, connection.client);
}

/** Remembers a QoS 2 identifier until PUBREL; the message itself is routed already: v5 4.3.3, method A. */
function hold(connection: Connection, session: Session, packetId: number): Lsn {
  (session.received ??= new Set()).add(packetId); // v5 [MQTT-4.3.3-10]
  (connection.unreleased ??= new Set()).add(packetId);
  return session.stored ? connection.engine.storage.putReceived(session.clientId, packetId) : 0;
}

/** @param fault - a limit or a fault rather than a denial: 3.x has no code for it and is closed. */
function refuse(
  connection: Connection,
  publish: InboundPublish,
  reasonCode: number,
  reasonString: string | undefined,
  fault: boolean,
): void {
  if (connection.version !== 5 && (connection.engine.options.refusedPublish === 'close' || (fault && publish.qos > 0))) {
    // v3.1.1 [MQTT-3.3.5-2] [MQTT-4.8.0-2]
    return connection.shut(reasonCode, reasonString ?? 'PUBLISH refused');
  }
  if (publish.qos === 0) return;
  // v5: the reason in PUBACK or PUBREC; a refused QoS 2 identifier is free at once.
  // 3.x: acknowledged as if accepted, then PUBREL finds nothing: v3.1.1 [MQTT-3.3.5-2].
  acknowledge(connection, publish, reasonCode, reasonString, 0); // v5 [X5-4.13.2-1]
}

function acknowledge(
  connection: Connection,
  publish: InboundPublish,
  reasonCode: number,
  reasonString: string | undefined,
  lsn: Lsn,
): void {
  const code = connection.version === 5 ? reasonCode : 0;
  // At QoS 2 the place in a 5.0 client's Receive Maximum is held until PUBCOMP; 3.x counts what we owe.
  const owed = publish.qos === 1 || code >= 0x80 || connection.version !== 5;
  // v5 [MQTT-3.3.4-1] [MQTT-4.3.2-4] [MQTT-4.3.3-8], v3.1.1 [MQTT-2.3.1-6] [MQTT-3.3.4-1] [MQTT-4.3.2-2]
  connection.outlet?.sendAck(publish.qos === 1 ? 4 : 5, publish.packetId, code, reasonString, lsn, owed); // v5 [MQTT-2.2.1-5]
}

/** PUBREL; an unknown id is answered all the same. */
export function handlePubrel(connection: Connection, session: Session, packetId: number): void {
  const known = session.received?.delete(packetId) === true; // v5 [X5-2.2.1-2] [MQTT-4.3.3-12], v3.1.1 [MQTT-2.3.1-3] [MQTT-4.3.3-2]
  connection.unreleased?.delete(packetId);
  const lsn = known && session.stored ? connection.engine.storage.deleteReceived(session.clientId, packetId) : 0;
  const reasonCode = known ? 0 : ReasonCode.packetIdentifierNotFound; // v5 [MQTT-3.7.2-1] [X5-3.6.2.1-1]
  connection.outlet?.sendAck(7, packetId, reasonCode, undefined, lsn, false); // v5 [MQTT-4.3.3-11] [MQTT-4.3.3-13]
}
