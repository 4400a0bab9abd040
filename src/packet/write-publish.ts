/**
 * Writes a PUBLISH from any publication in the shape one recipient needs: its version, QoS, flags, packet
 * identifier, topic alias, subscription identifiers and what is left of the message's life (v5 3.3, v3.1.1 3.3).
 * The head ends where the payload begins, so that large payloads need not be copied.
 */
import type { ProtocolVersion, QoS } from './protocol.js';
import type { Publication } from './publication.js';
import { variableByteIntegerBytes, writeVariableByteInteger } from './variable-byte-integer.js';

const propertyTopicAlias = 0x23;
const propertySubscriptionIdentifier = 0x0b;

/** Everything about a PUBLISH that differs from one recipient to the next. Reused: filled in before each call. */
export class PublishShape {
  version: ProtocolVersion = 4;
  qos: QoS = 0;
  retain = false;
  dup = false;
  /** Ignored at QoS 0. */
  packetId = 0;
  /** 0: none. */
  topicAlias = 0;
  /** Whether the alias stands for the Topic Name, which is then sent empty. */
  topicOmitted = false;
  subscriptionIdentifiers: readonly number[] | undefined = undefined;
  /** Message Expiry Interval to send; used only when the publication has one. */
  expirySeconds = 0;
}

function propertyBytes(publication: Publication, shape: PublishShape): number {
  let bytes = publication.propertiesEnd - publication.propertiesStart;
  if (publication.aliasAt >= 0) bytes -= 3;
  if (shape.topicAlias > 0) bytes += 3;
  const identifiers = shape.subscriptionIdentifiers;
  if (identifiers !== undefined) for (const id of identifiers) bytes += 1 + variableByteIntegerBytes(id);
  return bytes;
}

function remainingBytes(publication: Publication, shape: PublishShape): number {
  let bytes = 2 + (shape.topicOmitted ? 0 : publication.topicBytes.length) + publication.end - publication.payloadStart;
  if (shape.qos > 0) bytes += 2; // v5 [MQTT-2.2.1-2]
  if (shape.version === 5) {
    const properties = propertyBytes(publication, shape);
    bytes += variableByteIntegerBytes(properties) + properties;
  }
  return bytes;
}

/** Bytes of the whole packet: what a client's Maximum Packet Size counts (v5 3.1.2.11.4). */
export function publishPacketBytes(publication: Publication, shape: PublishShape): number {
  const remaining = remainingBytes(publication, shape);
  return 1 + variableByteIntegerBytes(remaining) + remaining;
}

/** Writes everything before the payload at `at` and returns where the payload belongs. */
export function writePublishHead(
  target: Uint8Array,
  at: number,
  publication: Publication,
  shape: PublishShape,
): number {
  const { topicBytes } = publication;
  let position = at;
  // v5 [MQTT-3.3.1-1] [MQTT-3.3.1-2]
  target[position++] = 0x30 | (shape.dup ? 8 : 0) | (shape.qos << 1) | (shape.retain ? 1 : 0);
  position = writeVariableByteInteger(target, position, remainingBytes(publication, shape));
  const topicLength = shape.topicOmitted ? 0 : topicBytes.length;
  target[position++] = topicLength >> 8;
  target[position++] = topicLength;
  if (topicLength > 0) {
    copyBytes(target, position, topicBytes, 0, topicLength);
    position += topicLength;
  }
  if (shape.qos > 0) { // v5 [MQTT-2.2.1-2]
    // v3.1.1 [MQTT-2.3.1-5]: not at QoS 0.
    target[position++] = shape.packetId >> 8;
    target[position++] = shape.packetId;
  }
  if (shape.version === 5) position = writeProperties(target, position, publication, shape);
  return position;
}

function writeProperties(target: Uint8Array, at: number, publication: Publication, shape: PublishShape): number {
  const { buffer, propertiesStart, propertiesEnd, aliasAt, expiryAt } = publication;
  let position = writeVariableByteInteger(target, at, propertyBytes(publication, shape)); // v5 [MQTT-2.2.2-1]
  const moved = position - propertiesStart;
  if (aliasAt < 0) {
    // v5 [MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-18] [MQTT-3.3.2-20]
    copyBytes(target, position, buffer, propertiesStart, propertiesEnd);
    position += propertiesEnd - propertiesStart;
  } else {
    // The publisher's alias holds on its own connection only: v5 [MQTT-3.3.2-7].
    copyBytes(target, position, buffer, propertiesStart, aliasAt);
    position += aliasAt - propertiesStart;
    copyBytes(target, position, buffer, aliasAt + 3, propertiesEnd);
    position += propertiesEnd - aliasAt - 3;
  }
  if (expiryAt >= 0) {
    // v5 [MQTT-3.3.2-6]: the received value less the time spent here.
    const expiryTo = expiryAt + moved - (aliasAt >= 0 && aliasAt < expiryAt ? 3 : 0);
    const seconds = shape.expirySeconds;
    target[expiryTo] = seconds >>> 24;
    target[expiryTo + 1] = seconds >>> 16;
    target[expiryTo + 2] = seconds >>> 8;
    target[expiryTo + 3] = seconds;
  }
  if (shape.topicAlias > 0) { // v5 [MQTT-3.3.2-8]
    target[position++] = propertyTopicAlias;
    target[position++] = shape.topicAlias >> 8;
    target[position++] = shape.topicAlias;
  }
  if (shape.subscriptionIdentifiers !== undefined) {
    for (const id of shape.subscriptionIdentifiers) { // v5 [MQTT-3.3.4-3] [MQTT-3.3.4-4]
      target[position++] = propertySubscriptionIdentifier;
      position = writeVariableByteInteger(target, position, id);
    }
  }
  return position;
}

/** Below these a byte loop beats the call into native code; a part of the source takes a view of it first. */
const loopCopyBytesMax = 64;
const loopWholeBytesMax = 10;

/** Copies `source[start, end)` to `target` at `at`. */
export function copyBytes(target: Uint8Array, at: number, source: Uint8Array, start: number, end: number): void {
  const isWhole = start === 0 && end === source.length;
  if (end - start <= (isWhole ? loopWholeBytesMax : loopCopyBytesMax)) {
    for (let from = start, to = at; from < end; from += 1, to += 1) target[to] = source[from] as number;
  } else {
    target.set(isWhole ? source : source.subarray(start, end), at);
  }
}
