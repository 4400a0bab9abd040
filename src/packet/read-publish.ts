/**
 * Reads a PUBLISH (v5 3.3, v3.1.1 3.3) as offsets into the received bytes: nothing is decoded, copied or
 * allocated. The Topic Name is left to the topic table, which knows most of them already.
 */
import { readUint16 } from './bytes.js';
import { fieldMissing, malformed, packetIdZero, protocolError, statementOf } from './fault.js';
import { PropertyHome } from './property.js';
import type { ProtocolVersion, QoS } from './protocol.js';
import type { InboundPublish } from './publication.js';
import { propertiesEnd } from './read-properties.js';
import { type PropertyLimits, scanProperties } from './scan-properties.js';
import { readVariableByteInteger, variableByteIntegerBytes } from './variable-byte-integer.js';

/** Fills `publish` from the packet `buffer[start, end)`, whose body begins at `body`. */
export function readPublish(
  publish: InboundPublish,
  buffer: Uint8Array,
  start: number,
  body: number,
  end: number,
  version: ProtocolVersion,
  limits: PropertyLimits,
): void {
  const flags = buffer[start] as number;
  const qos = (flags >> 1) & 3;
  const topicStart = body + 2;
  const topicEnd = topicStart > end ? Infinity : topicStart + readUint16(buffer, body);
  // v5 [MQTT-3.3.2-1], v3.1.1 [MQTT-3.3.2-1]
  if (topicEnd > end) throw fieldMissing('Topic Name', 'MQTT-3.3.2-1');
  publish.reset();
  publish.buffer = buffer;
  publish.packetStart = start;
  publish.version = version;
  publish.qos = qos as QoS;
  publish.retain = (flags & 1) !== 0;
  publish.dup = (flags & 8) !== 0;
  publish.topicStart = topicStart;
  publish.topicEnd = topicEnd;
  publish.packetIdAt = topicEnd;
  publish.end = end;
  let at = topicEnd;
  if (qos === 0) publish.packetId = 0;
  else {
    const packetId = at + 2 > end ? -1 : readUint16(buffer, at);
    if (packetId <= 0) throw packetIdFault(packetId, version); // v5 [MQTT-2.2.1-3]
    publish.packetId = packetId;
    at += 2;
  }
  if (version === 5) {
    const length = readVariableByteInteger(buffer, at, end);
    at += variableByteIntegerBytes(length);
    publish.propertiesStart = at;
    if (length > 0) {
      const behind = propertiesEnd(at, length, end);
      scanProperties(buffer, at, behind, PropertyHome.publish, limits, publish);
      at = behind;
    }
  } else publish.propertiesStart = at;
  publish.propertiesEnd = at;
  publish.payloadStart = at;
  if (topicStart === topicEnd && publish.topicAlias === 0) throw emptyTopic(version); // X5-3.3.2.1-1, v3.1.1 [MQTT-4.7.3-1]
}

const packetIdFault = (packetId: number, version: ProtocolVersion): Error =>
  packetId === 0
    ? packetIdZero(version) // v5 [MQTT-2.2.1-3], v3.1.1 [MQTT-2.3.1-1]
    : fieldMissing('Packet Identifier', statementOf(version, 'MQTT-2.2.1-3', 'MQTT-2.3.1-1'));

const emptyTopic = (version: ProtocolVersion): Error =>
  version === 5
    ? protocolError('X5-3.3.2.1-1', 'an empty Topic Name without Topic Alias') // v5 [X5-3.3.2.1-1]
    : malformed('MQTT-4.7.3-1', 'an empty Topic Name'); // v3.1.1 [MQTT-4.7.3-1]
