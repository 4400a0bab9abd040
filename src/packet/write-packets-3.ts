/** Encodes what the broker sends in MQTT 3.1.1 and 3.1, PUBLISH aside (v3.1.1 chapter 3). */
import { idBytes } from './bytes.js';
import type { BrokerPacket } from './packets.js';
import { PacketType } from './protocol.js';
import { ReasonCode } from './reason-code.js';
import { variableByteIntegerBytes, writeVariableByteInteger } from './variable-byte-integer.js';

/** CONNACK return code by 5.0 Reason Code (v3.1.1 3.2.2.3). */
const returnCodes: ReadonlyMap<number, number> = new Map([
  [ReasonCode.success, 0], // accepted
  [ReasonCode.unsupportedProtocolVersion, 1], // unacceptable protocol version
  [ReasonCode.clientIdentifierNotValid, 2], // identifier rejected
  [ReasonCode.serverUnavailable, 3], // server unavailable
  [ReasonCode.serverBusy, 3],
  [ReasonCode.quotaExceeded, 3],
  [ReasonCode.useAnotherServer, 3],
  [ReasonCode.serverMoved, 3],
  [ReasonCode.connectionRateExceeded, 3],
  [ReasonCode.badUserNameOrPassword, 4], // bad user name or password
  [ReasonCode.notAuthorized, 5], // not authorized
  [ReasonCode.banned, 5],
]);

/** The CONNACK return code for a 5.0 `reasonCode`; `undefined`: close without CONNACK. */
export function connackReturnCode(reasonCode: number): number | undefined {
  return returnCodes.get(reasonCode); // v3.1.1 [MQTT-3.2.2-6]
}

/** The packet as bytes; `undefined` when it must not be sent, or does not exist in 3.x. */
export function encodePacket3(packet: BrokerPacket, version: 3 | 4): Buffer | undefined {
  switch (packet.type) {
    case PacketType.connack: {
      const returnCode = connackReturnCode(packet.reasonCode);
      if (returnCode === undefined) return undefined;
      // v3.1.1 [MQTT-3.2.2-4]; in MQTT 3.1 the byte is reserved
      const present = packet.sessionPresent && returnCode === 0 && version === 4;
      return packetOf(packet.type << 4, [present ? 1 : 0, returnCode]);
    }
    case PacketType.puback:
    case PacketType.pubrec:
    case PacketType.pubcomp:
    case PacketType.unsuback: // v3.1.1: without payload
      return packetOf(packet.type << 4, idBytes(packet.packetId));
    case PacketType.pubrel:
      return packetOf(0x62, idBytes(packet.packetId)); // v3.1.1 [MQTT-3.6.1-1]
    case PacketType.suback: {
      // v3.1.1 [MQTT-3.9.3-2]: any refusal is 0x80
      const codes = packet.reasonCodes.map((code) => Math.min(code, ReasonCode.unspecifiedError));
      return packetOf(packet.type << 4, [...idBytes(packet.packetId), ...codes]);
    }
    case PacketType.pingreq:
    case PacketType.pingresp:
      return packetOf(packet.type << 4, []);
    case PacketType.disconnect:
    case PacketType.auth:
      return undefined;
  }
}

function packetOf(first: number, body: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(1 + variableByteIntegerBytes(body.length) + body.length);
  bytes[0] = first;
  bytes.set(body, writeVariableByteInteger(bytes, 1, body.length));
  return bytes;
}
