/** Messages, queue entries and wills as packets of Aedes, and back. */
import { encodePublishProperties } from '../../packet/encode-publish-properties.js';
import type { QoS } from '../../packet/protocol.js';
import { lifetimeMs, Message } from '../../packet/publication.js';
import { decodePublishProperties } from '../../packet/read-properties.js';
import type { QueueEntry, StorageClock, WillRecord } from '../../storage/storage.js';
import type { AedesPacketLike } from './aedes-persistence.js';
import { bytesOf, fromAedes, isGiven, toAedes, type AedesProperties } from './aedes-properties.js';

type WallClock = Pick<StorageClock, 'now' | 'wall'>;

/**
 * What Aedes keeps of an entry that waits; `clientId` is the publisher, as No Local needs it. Stores find a packet by
 * `brokerId` and `brokerCounter`, some among all queues: the counter is our sequence, and the other is made unique.
 */
export function queuedPacket(entry: QueueEntry, brokerId: string, unique: number, clock: WallClock): AedesPacketLike {
  const { sequence, message, qos, retain, subscriptionIdentifiers } = entry;
  const [first] = subscriptionIdentifiers ?? [];
  const properties: AedesProperties = {
    ...toAedes(decodePublishProperties(message)),
    ...(subscriptionIdentifiers !== undefined && first !== undefined && {
      subscriptionIdentifier: subscriptionIdentifiers.length === 1 ? first : [...subscriptionIdentifiers],
    }),
  };
  return {
    cmd: 'publish',
    brokerId: `${brokerId}-${unique}-${message.qos | (message.retain ? 4 : 0)}`,
    brokerCounter: sequence,
    topic: message.topic,
    payload: payloadOf(message),
    qos,
    retain,
    dup: false,
    ...(Object.keys(properties).length > 0 && { properties }),
    ...(message.publisherId !== undefined && { clientId: message.publisherId }),
    ...(message.expiresAtMs !== Infinity && { messageExpiry: wallExpiry(message, clock) }),
  };
}

export interface OwnPacketId {
  readonly unique: number;
  /** QoS and RETAIN that the message was published with. */
  readonly qos: QoS;
  readonly retain: boolean;
}

/** What `queuedPacket` has put into the `brokerId`; `undefined` when the packet is not ours. */
export function ownPacketId(packet: AedesPacketLike, brokerId: string): OwnPacketId | undefined {
  const [unique, flags, more] = String(packet.brokerId).startsWith(`${brokerId}-`)
    ? String(packet.brokerId).slice(brokerId.length + 1).split('-')
    : [];
  if (unique === undefined || flags === undefined || more !== undefined) return undefined;
  return { unique: Number(unique), qos: qosOf(Number(flags) & 3), retain: (Number(flags) & 4) !== 0 };
}

/**
 * Every field is set, as some stores put a packet over the one before field by field: what is left out would stay.
 */
export function retainedPacket(message: Message, brokerId: string, clock: WallClock): AedesPacketLike {
  return {
    cmd: 'publish',
    brokerId,
    brokerCounter: 0,
    topic: message.topic,
    payload: payloadOf(message),
    qos: message.qos,
    retain: true,
    dup: false,
    properties: toAedes(decodePublishProperties(message)),
    clientId: message.publisherId ?? null,
    messageExpiry: message.expiresAtMs === Infinity ? 0 : wallExpiry(message, clock),
  };
}

/** Deletes the retained message of `topic`. */
export const clearingPacket = (topic: string): AedesPacketLike => ({ cmd: 'publish', topic, payload: Buffer.alloc(0), qos: 0, retain: true, dup: false });

/** Stores keep fields of our own in it, and put the client's identifier in. */
export function willPacket({ message, willDelaySeconds, messageExpirySeconds }: WillRecord): AedesPacketLike {
  const properties: AedesProperties = { ...toAedes(decodePublishProperties(message)), willDelayInterval: willDelaySeconds };
  const { topic, qos, retain, publisherId } = message;
  return { cmd: 'publish', topic, payload: payloadOf(message), qos, retain, properties, publisherId: publisherId ?? null, messageExpirySeconds };
}

/** The message of a packet; throws when the packet is none. */
export function messageOf(packet: AedesPacketLike, publisherId: string | undefined, clock: WallClock): Message {
  const { topic, qos = 0, retain } = packet;
  if (typeof topic !== 'string' || topic === '') throw new TypeError('a stored packet has no topic');
  const stored = propertiesOf(packet);
  const { bytes, expiryAt } = encodePublishProperties(fromAedes(stored));
  const payload = bytesOf(packet.payload);
  const buffer = Buffer.allocUnsafeSlow(bytes.length + payload.length);
  buffer.set(bytes, 0);
  buffer.set(payload, bytes.length);
  return new Message(topic, Buffer.from(topic, 'utf8'), qosOf(qos), retain === true, publisherId, expiresAt(packet, stored, clock), buffer, bytes.length, expiryAt);
}

/** The identifiers of all subscriptions that matched, as they are sent. */
export function subscriptionIdentifiersOf(packet: AedesPacketLike): readonly number[] | undefined {
  const { subscriptionIdentifier: found } = propertiesOf(packet);
  if (!isGiven(found)) return undefined;
  return typeof found === 'number' ? [found] : [...found];
}

/** Who published it; `undefined`: the host. */
export const publisherOf = ({ clientId }: AedesPacketLike): string | undefined => clientId ?? undefined;

export function willOf(packet: AedesPacketLike, clock: WallClock): WillRecord {
  const { willDelayInterval, messageExpiryInterval } = propertiesOf(packet);
  const publisherId = 'publisherId' in packet ? packet['publisherId'] : packet.clientId;
  const expirySeconds = packet['messageExpirySeconds'] ?? messageExpiryInterval;
  const message = messageOf(packet, isGiven(publisherId) ? String(publisherId) : undefined, clock);
  return {
    message: message.expiresAtMs === Infinity ? message : withoutDeadline(message),
    messageExpirySeconds: typeof expirySeconds === 'number' ? expirySeconds : undefined,
    willDelaySeconds: willDelayInterval ?? 0,
  };
}

export const qosOf = (qos: unknown): QoS => (qos === 1 || qos === 2 ? qos : 0);

const propertiesOf = ({ properties }: AedesPacketLike): AedesProperties => (isGiven(properties) ? (properties as AedesProperties) : {});

/** A view: Aedes stores copy what they keep, or keep it as long as we do. */
const payloadOf = ({ buffer, payloadStart }: Message): Buffer => bytesOf(buffer.subarray(payloadStart));

const wallExpiry = ({ expiresAtMs }: Message, clock: WallClock): number => expiresAtMs + clock.wall() - clock.now();

function expiresAt(packet: AedesPacketLike, { messageExpiryInterval }: AedesProperties, clock: WallClock): number {
  const atWallMs = packet['messageExpiry'];
  if (typeof atWallMs === 'number' && atWallMs > 0) return atWallMs - clock.wall() + clock.now();
  return isGiven(messageExpiryInterval) ? clock.now() + lifetimeMs(messageExpiryInterval) : Infinity;
}

/** A will's life begins when it is published. */
const withoutDeadline = ({ topic, topicBytes, qos, retain, publisherId, buffer, payloadStart, expiryAt }: Message): Message =>
  new Message(topic, topicBytes, qos, retain, publisherId, Infinity, buffer, payloadStart, expiryAt);
