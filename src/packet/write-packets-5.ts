/**
 * Encodes what the broker sends in MQTT 5.0, PUBLISH aside (v5 chapter 3), in the shortest form. A packet that is
 * too large for the client loses its User Properties, then its Reason String; one that still is must not be sent.
 */
import { idBytes } from './bytes.js';
import type { BrokerPacket, PingPacket, Properties } from './packets.js';
import { PropertyHome } from './property.js';
import { PacketType, variableByteIntegerMax } from './protocol.js';
import { ReasonCode } from './reason-code.js';
import { variableByteIntegerBytes, writeVariableByteInteger } from './variable-byte-integer.js';
import { propertiesBytes, writeProperties } from './write-properties.js';

export interface WriteLimits {
  /** The client's Maximum Packet Size; `Infinity` without one. */
  readonly maximumPacketBytes: number;
  /** The client's Request Problem Information. */
  readonly problemInformation: boolean;
}

/** A packet laid out: `head`, Property Length, properties, `codes`. */
interface Layout {
  readonly first: number;
  readonly head: readonly number[];
  readonly codes: readonly number[];
  readonly home: PropertyHome;
  /** `head` ends with a Reason Code that may be left out with the Property Length when both say nothing. */
  readonly shortens: boolean;
}

const noCodes: readonly number[] = [];

function layoutOf(packet: Exclude<BrokerPacket, PingPacket>): Layout {
  const { type } = packet;
  const plain = { first: type << 4, codes: noCodes }; // v5 [MQTT-2.1.3-1]
  switch (type) {
    case PacketType.connack: {
      // v5 [MQTT-3.2.2-1] [MQTT-3.2.2-6]
      const present = packet.sessionPresent && packet.reasonCode === ReasonCode.success;
      return { ...plain, head: [present ? 1 : 0, packet.reasonCode], home: PropertyHome.connack, shortens: false };
    }
    case PacketType.suback:
    case PacketType.unsuback: {
      const head = idBytes(packet.packetId); // v5 [MQTT-2.2.1-6]
      return { ...plain, head, codes: packet.reasonCodes, home: PropertyHome.acknowledgement, shortens: false };
    }
    case PacketType.disconnect: // v5 [X5-3.14.2.1-1]
      return { ...plain, head: [packet.reasonCode], home: PropertyHome.disconnectByServer, shortens: true };
    case PacketType.auth:
      return { ...plain, head: [packet.reasonCode], home: PropertyHome.auth, shortens: true };
    default: {
      const first = type === PacketType.pubrel ? 0x62 : plain.first; // v5 [MQTT-2.1.3-1] [MQTT-3.6.1-1]
      const head = [...idBytes(packet.packetId), packet.reasonCode]; // v5 [MQTT-2.2.1-5]
      return { first, codes: noCodes, head, home: PropertyHome.acknowledgement, shortens: true }; // v5 [X5-3.4.2.1-1]
    }
  }
}

/** The packet as bytes; `undefined` when it is too large for the client and must not be sent. */
export function encodePacket5(packet: BrokerPacket, limits: WriteLimits): Buffer | undefined {
  if (!('properties' in packet)) {
    return limits.maximumPacketBytes < 2 ? undefined : Buffer.from([packet.type << 4, 0]); // PINGREQ, PINGRESP
  }
  const layout = layoutOf(packet);
  const silent =
    !limits.problemInformation && packet.type !== PacketType.connack && packet.type !== PacketType.disconnect; // v5 [MQTT-3.1.2-29]
  const whole = silent ? undefined : assemble(layout, packet.properties, limits.maximumPacketBytes);
  if (whole !== undefined) return whole;
  // Left out when too large, in this order. Reason String, User Property of:
  // CONNACK v5 [MQTT-3.2.2-19] [MQTT-3.2.2-20], PUBACK v5 [MQTT-3.4.2-2] [MQTT-3.4.2-3],
  // PUBREC v5 [MQTT-3.5.2-2] [MQTT-3.5.2-3], PUBREL v5 [MQTT-3.6.2-2] [MQTT-3.6.2-3],
  // PUBCOMP v5 [MQTT-3.7.2-2] [MQTT-3.7.2-3], SUBACK v5 [MQTT-3.9.2-1] [MQTT-3.9.2-2],
  // UNSUBACK v5 [MQTT-3.11.2-1] [MQTT-3.11.2-2], DISCONNECT v5 [MQTT-3.14.2-3] [MQTT-3.14.2-4],
  // AUTH v5 [MQTT-3.15.2-2] [MQTT-3.15.2-3].
  const { userProperties, reasonString, ...needed } = packet.properties;
  if (!silent && userProperties !== undefined && reasonString !== undefined) {
    const withReason = assemble(layout, { ...needed, reasonString }, limits.maximumPacketBytes);
    if (withReason !== undefined) return withReason;
  }
  return assemble(layout, needed, limits.maximumPacketBytes);
}

/** `undefined` when the packet would be larger than `maximumPacketBytes`. */
function assemble(layout: Layout, properties: Properties, maximumPacketBytes: number): Buffer | undefined {
  const { home, head, codes } = layout;
  const propertyBytes = propertiesBytes(properties, home);
  const short = layout.shortens && propertyBytes === 0;
  const headBytes = short && head.at(-1) === ReasonCode.success ? head.length - 1 : head.length;
  const lengthBytes = short ? 0 : variableByteIntegerBytes(propertyBytes); // v5 [MQTT-2.2.2-1]
  const remaining = headBytes + lengthBytes + propertyBytes + codes.length;
  const total = 1 + variableByteIntegerBytes(remaining) + remaining;
  if (remaining > variableByteIntegerMax) return undefined;
  if (total > maximumPacketBytes) return undefined; // v5 [MQTT-3.2.2-19] [MQTT-3.2.2-20] [MQTT-3.1.2-24]
  const bytes = Buffer.allocUnsafe(total);
  bytes[0] = layout.first;
  let at = writeVariableByteInteger(bytes, 1, remaining);
  for (let index = 0; index < headBytes; index += 1, at += 1) bytes[at] = head[index] as number;
  if (!short) {
    at = writeVariableByteInteger(bytes, at, propertyBytes);
    at = writeProperties(bytes, at, properties, home);
  }
  bytes.set(codes, at);
  return bytes;
}
