/** Sessions, subscriptions, wills and messages as bytes. */
import { Message } from '../../packet/publication.js';
import type { ProtocolVersion, QoS } from '../../packet/protocol.js';
import type { SessionRecord, StorageClock, SubscriptionRecord, WillRecord } from '../storage.js';
import type { ByteReader } from './byte-reader.js';
import type { ByteWriter } from './byte-writer.js';

/** Monotonic time becomes wall-clock time when it is written, and is monotonic again when it is read. */
export type WallClock = Pick<StorageClock, 'now' | 'wall'>;

// ---- messages ----

const retainFlag = 4;
const publisherFlag = 8;
const expiryFlag = 16;

export function writeMessage(writer: ByteWriter, message: Message, clock: WallClock): void {
  const { publisherId, expiresAtMs, expiryAt } = message;
  const flags =
    message.qos |
    (message.retain ? retainFlag : 0) |
    (publisherId === undefined ? 0 : publisherFlag) |
    (expiresAtMs === Infinity && expiryAt < 0 ? 0 : expiryFlag);
  writer.byte(flags);
  writer.bytes(message.topicBytes);
  if (publisherId !== undefined) writer.text(publisherId);
  if ((flags & expiryFlag) !== 0) {
    writer.double(expiresAtMs === Infinity ? Infinity : expiresAtMs + clock.wall() - clock.now());
    writer.varint(expiryAt + 1);
  }
  writer.varint(message.payloadStart);
  writer.bytes(message.buffer);
}

/** The message in memory of its own: what it was read from is not kept. */
export function readMessage(reader: ByteReader, clock: WallClock): Message {
  const flags = reader.byte();
  const topicBytes = Uint8Array.from(reader.bytes());
  const publisherId = (flags & publisherFlag) === 0 ? undefined : reader.text();
  const hasExpiry = (flags & expiryFlag) !== 0;
  const expiresAtWallMs = hasExpiry ? reader.double() : Infinity;
  const expiryAt = hasExpiry ? reader.varint() - 1 : -1;
  const payloadStart = reader.varint();
  const content = reader.bytes();
  const buffer = Buffer.allocUnsafeSlow(content.length);
  buffer.set(content);
  return new Message(
    Buffer.from(topicBytes.buffer).toString('utf8'),
    topicBytes,
    (flags & 3) as QoS,
    (flags & retainFlag) !== 0,
    publisherId,
    expiresAtWallMs === Infinity ? Infinity : expiresAtWallMs - clock.wall() + clock.now(),
    buffer,
    payloadStart,
    expiryAt,
  );
}

// ---- sessions ----

const principalFlag = 1;
const closedFlag = 2;

export function writeSession(writer: ByteWriter, session: SessionRecord): void {
  const { principal, closedAtWallMs } = session;
  writer.byte((principal === undefined ? 0 : principalFlag) | (closedAtWallMs === undefined ? 0 : closedFlag));
  writer.text(session.clientId);
  writer.byte(session.protocolVersion);
  writer.varint(session.sessionExpirySeconds);
  if (principal !== undefined) writer.text(principal);
  if (closedAtWallMs !== undefined) writer.double(closedAtWallMs);
}

export function readSession(reader: ByteReader): SessionRecord {
  const flags = reader.byte();
  return {
    clientId: reader.text(),
    protocolVersion: reader.byte() as ProtocolVersion,
    sessionExpirySeconds: reader.varint(),
    principal: (flags & principalFlag) === 0 ? undefined : reader.text(),
    closedAtWallMs: (flags & closedFlag) === 0 ? undefined : reader.double(),
  };
}

// ---- subscriptions: bits 0-1 QoS, 2 No Local, 3 Retain As Published, 4-5 Retain Handling as in SUBSCRIBE, 6 replaying ----

export function writeSubscription(writer: ByteWriter, subscription: SubscriptionRecord): void {
  const { qos, noLocal, retainAsPublished, retainHandling, isReplaying = false } = subscription;
  writer.text(subscription.topicFilter);
  writer.byte(qos | (noLocal ? 4 : 0) | (retainAsPublished ? 8 : 0) | (retainHandling << 4) | (isReplaying ? 64 : 0));
  writer.varint(subscription.subscriptionIdentifier ?? 0);
}

export function readSubscription(reader: ByteReader): SubscriptionRecord {
  const topicFilter = reader.text();
  const options = reader.byte();
  const identifier = reader.varint();
  return {
    topicFilter,
    qos: (options & 3) as QoS,
    noLocal: (options & 4) !== 0,
    retainAsPublished: (options & 8) !== 0,
    retainHandling: ((options >> 4) & 3) as 0 | 1 | 2,
    subscriptionIdentifier: identifier === 0 ? undefined : identifier,
    ...((options & 64) !== 0 && { isReplaying: true }),
  };
}

// ---- wills ----

export function writeWill(writer: ByteWriter, will: WillRecord, clock: WallClock): void {
  writer.varint(will.willDelaySeconds);
  writer.varint(will.messageExpirySeconds === undefined ? 0 : will.messageExpirySeconds + 1);
  writeMessage(writer, will.message, clock);
}

export function readWill(reader: ByteReader, clock: WallClock): WillRecord {
  const willDelaySeconds = reader.varint();
  const expiry = reader.varint();
  return {
    willDelaySeconds,
    messageExpirySeconds: expiry === 0 ? undefined : expiry - 1,
    message: readMessage(reader, clock),
  };
}
