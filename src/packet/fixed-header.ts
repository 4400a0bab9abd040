/**
 * The fixed header (v5 2.1, v3.1.1 2.2): which first bytes a client may send, and Remaining Length. Both are
 * judged before anything of the packet is buffered.
 */
import { PeerProtocolError } from '../errors/errors.js';
import { formatStatement, hex, malformed, protocolError, statementOf } from './fault.js';
import { PacketType, type ProtocolVersion } from './protocol.js';
import { ReasonCode } from './reason-code.js';
import { variableByteIntegerBytes } from './variable-byte-integer.js';

/** A fixed header is 2 to 5 bytes. */
export const fixedHeaderBytesMax = 5;

/** What is wrong with a first byte, or `undefined`. Once connected, CONNECT is never legal. */
export function firstByteFault(first: number, version: ProtocolVersion | 0): PeerProtocolError | undefined {
  const type = first >> 4;
  const flags = first & 0x0f;
  if (version === 0) {
    if (type === PacketType.connect) return undefined; // its flags are judged once its version is known
    // v5 [MQTT-3.1.0-1], v3.1.1 [MQTT-3.1.0-1]
    return protocolError('MQTT-3.1.0-1', `the first packet is not CONNECT: first byte ${hex(first)}`);
  }
  switch (type) {
    case PacketType.publish:
      return publishFlagsFault(flags, version);
    case PacketType.pubrel: // v5 [MQTT-3.6.1-1], v3.1.1 [MQTT-3.6.1-1]
    case PacketType.subscribe: // v5 [MQTT-3.8.1-1], v3.1.1 [MQTT-3.8.1-1]
    case PacketType.unsubscribe: // v5 [MQTT-3.10.1-1], v3.1.1 [MQTT-3.10.1-1]
      // MQTT 3.1 gives these packets QoS 1 and lets a repeated one carry DUP.
      if (version === 3 && flags === 0x0a) return undefined;
      return flags === 2 ? undefined : reservedFlags(first, version); // v5 [MQTT-2.1.3-1]
    case PacketType.auth:
      if (version !== 5) return malformed(formatStatement(version), 'AUTH exists in MQTT 5.0 only');
      return flags === 0 ? undefined : reservedFlags(first, version); // v5 [MQTT-2.1.3-1] [MQTT-3.15.1-1]
    case PacketType.puback:
    case PacketType.pubrec:
    case PacketType.pubcomp:
    case PacketType.pingreq:
    case PacketType.disconnect: // v5 [MQTT-3.14.1-1], v3.1.1 [MQTT-3.14.1-1]
      return flags === 0 ? undefined : reservedFlags(first, version); // v5 [MQTT-2.1.3-1]
    case PacketType.connect:
      return protocolError('MQTT-3.1.0-2', 'a second CONNECT'); // v5 [MQTT-3.1.0-2], v3.1.1 [MQTT-3.1.0-2]
    case 0: // v5 [X5-2.1.2-1]
      return malformed(statementOf(version, 'X5-2.1.2-1', 'MQTT-4.8.0-1'), 'packet type 0 is forbidden');
    default: // v5 [X5-2.1.2-1]
      return protocolError(
        statementOf(version, 'X5-2.1.2-1', 'MQTT-4.8.0-1'),
        `packet type ${type} flows from broker to client only`,
      );
  }
}

function publishFlagsFault(flags: number, version: ProtocolVersion): PeerProtocolError | undefined {
  const qos = (flags >> 1) & 3;
  if (qos === 3) return malformed('MQTT-3.3.1-4', 'QoS 3 does not exist'); // v5 [MQTT-3.3.1-4], v3.1.1 [MQTT-3.3.1-4]
  // v5 [MQTT-3.3.1-2], v3.1.1 [MQTT-3.3.1-2]; MQTT 3.1 does not forbid it
  if (qos === 0 && (flags & 8) !== 0 && version !== 3) return malformed('MQTT-3.3.1-2', 'DUP is set at QoS 0');
  return undefined;
}

/** Reserved flags with another value than the specification lists. */
export function reservedFlags(first: number, version: ProtocolVersion): PeerProtocolError {
  // v5 [MQTT-2.1.3-1], v3.1.1 [MQTT-2.2.2-2]
  return malformed(statementOf(version, 'MQTT-2.1.3-1', 'MQTT-2.2.2-2'), `reserved flags in first byte ${hex(first)}`);
}

const packetTypesByVersion = ([0, 3, 4, 5] as const).map((version) =>
  Uint8Array.from({ length: 0x100 }, (_, first) => (firstByteFault(first, version) === undefined ? first >> 4 : 0)),
);

/** Packet type by first byte; 0 for a first byte that is not legal in `version`. */
export function packetTypes(version: ProtocolVersion | 0): Uint8Array {
  return packetTypesByVersion[version === 0 ? 0 : version - 2] as Uint8Array;
}

/** Protocol Name and Protocol Version of a CONNECT: `MQIsdp` is the longest name. */
const protocolLevelBytesMax = 9;

/** Bytes of the whole packet that begins at `start`, or 0 when its Remaining Length has not arrived up to `limit`. */
export function packetBytes(
  buffer: Uint8Array,
  start: number,
  limit: number,
  version: ProtocolVersion | 0,
  packetBytesMax: number,
): number {
  let remaining = 0;
  for (let index = 0; index < 4; index += 1) {
    if (start + 1 + index >= limit) return 0;
    const byte = buffer[start + 1 + index] as number;
    remaining |= (byte & 0x7f) << (7 * index);
    if (byte < 0x80) {
      // For CONNECT this waits for its version: see refuseLongRemainingLength.
      if (version === 5 && byte === 0 && index > 0) throw longRemainingLength(); // v5 [MQTT-1.5.5-1]
      const bytes = 2 + index + remaining;
      if (bytes <= packetBytesMax) return bytes; // v5 [MQTT-3.2.2-15]
      // A CONNECT shows its level first, as that decides the shape of the answer; the reader refuses it then.
      if (version === 0) return 2 + index + protocolLevelBytesMax;
      throw packetTooLarge(bytes, packetBytesMax, version);
    }
  }
  // v5 [X5-1.5.5-1]
  throw malformed(statementOf(version, 'X5-1.5.5-1', 'MQTT-4.8.0-1'), 'Remaining Length has more than four bytes');
}

/** Where the body begins of the packet at `start`, whose fixed header is complete. */
export function bodyStart(buffer: Uint8Array, start: number): number {
  let at = start + 1;
  while ((buffer[at] as number) >= 0x80) at += 1;
  return at + 1;
}

/** Fails when the Remaining Length of a whole packet is not in its minimal form. 3.x allows that, 5.0 does not. */
export function refuseLongRemainingLength(start: number, body: number, end: number): void {
  if (body - start - 1 > variableByteIntegerBytes(end - body)) throw longRemainingLength(); // v5 [MQTT-1.5.5-1]
}

const longRemainingLength = (): PeerProtocolError =>
  malformed('MQTT-1.5.5-1', 'Remaining Length is not in its minimal form');

/** 3.x has no statement on packet size: the limit is ours, and 4.8.0-2 is what allows the close. */
export function packetTooLarge(bytes: number, max: number, version: ProtocolVersion | 0): PeerProtocolError {
  return new PeerProtocolError(
    ReasonCode.packetTooLarge,
    statementOf(version, 'MQTT-3.2.2-15', 'MQTT-4.8.0-2'), // v3.1.1 [MQTT-4.8.0-2]
    `packet of ${bytes} bytes is over the limit of ${max}`,
  );
}
