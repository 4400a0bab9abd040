/** Reads PUBACK, PUBREC, PUBREL and PUBCOMP (v5 3.4 to 3.7) without making an object. */
import { fieldMissing, formatStatement, hex, malformed, protocolError, trailingBytes } from './fault.js';
import { PropertyHome } from './property.js';
import { PacketType, type ProtocolVersion } from './protocol.js';
import { propertiesEnd } from './read-properties.js';
import { type PropertyLimits, scanProperties } from './scan-properties.js';
import { readVariableByteInteger, variableByteIntegerBytes } from './variable-byte-integer.js';

export type AckType = 4 | 5 | 6 | 7;

/** 0x10 is for servers to send, but a broker that bridges as a client sends it too, and it is harmless. */
const receiverReasons: ReadonlySet<number> = new Set([0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]);
const releaseReasons: ReadonlySet<number> = new Set([0x00, 0x92]);

const reasonsOf = {
  [PacketType.puback]: { reasons: receiverReasons, statement: 'MQTT-3.4.2-1' }, // v5 [MQTT-3.4.2-1]
  [PacketType.pubrec]: { reasons: receiverReasons, statement: 'MQTT-3.5.2-1' }, // v5 [MQTT-3.5.2-1]
  [PacketType.pubrel]: { reasons: releaseReasons, statement: 'MQTT-3.6.2-1' }, // v5 [MQTT-3.6.2-1]
  [PacketType.pubcomp]: { reasons: releaseReasons, statement: 'MQTT-3.7.2-1' }, // v5 [MQTT-3.7.2-1]
} as const;

/**
 * Reads an acknowledgement whose body `buffer[body, end)` is more, or less, than a Packet Identifier: checks what
 * follows that and returns the Reason Code.
 */
export function readAckReason(
  type: AckType,
  buffer: Uint8Array,
  body: number,
  end: number,
  version: ProtocolVersion,
  limits: PropertyLimits,
): number {
  const reasonAt = body + 2;
  if (reasonAt > end) throw fieldMissing('Packet Identifier', formatStatement(version));
  if (version !== 5) throw trailingBytes(end - reasonAt, formatStatement(version));
  const reasonCode = buffer[reasonAt] as number;
  const { reasons, statement } = reasonsOf[type];
  if (!reasons.has(reasonCode)) {
    throw protocolError(statement, `packet type ${type} does not know Reason Code ${hex(reasonCode)}`);
  }
  const lengthAt = reasonAt + 1;
  if (lengthAt === end) return reasonCode; // v5 [X5-3.4.2.1-1]
  const length = readVariableByteInteger(buffer, lengthAt, end);
  const start = lengthAt + variableByteIntegerBytes(length);
  const behind = propertiesEnd(start, length, end);
  scanProperties(buffer, start, behind, PropertyHome.acknowledgement, limits, undefined);
  if (behind !== end) throw malformed(formatStatement(version), `${end - behind} bytes follow the properties`);
  return reasonCode;
}
