/** Reads DISCONNECT (v5 3.14, v3.1.1 3.14) and AUTH (v5 3.15) as a client may send them. */
import { FieldReader } from './field-reader.js';
import { hex, protocolError } from './fault.js';
import type { AuthPacket, DisconnectPacket } from './packets.js';
import { noProperties, PropertyHome } from './property.js';
import { PacketType, type ProtocolVersion } from './protocol.js';
import { ReasonCode } from './reason-code.js';
import type { PropertyLimits } from './scan-properties.js';

/** The reason codes of table 3-10 less those that only a server sends. */
const clientDisconnectReasons: ReadonlySet<number> = new Set([
  ReasonCode.normalDisconnection,
  ReasonCode.disconnectWithWillMessage,
  ReasonCode.unspecifiedError,
  ReasonCode.malformedPacket,
  ReasonCode.protocolError,
  ReasonCode.implementationSpecificError,
  ReasonCode.topicNameInvalid,
  ReasonCode.receiveMaximumExceeded,
  ReasonCode.topicAliasInvalid,
  ReasonCode.packetTooLarge,
  ReasonCode.messageRateTooHigh,
  ReasonCode.quotaExceeded,
  ReasonCode.administrativeAction,
  ReasonCode.payloadFormatInvalid,
]);

export function readDisconnect(
  buffer: Uint8Array,
  start: number,
  end: number,
  version: ProtocolVersion,
  limits: PropertyLimits,
): DisconnectPacket {
  const fields = new FieldReader(buffer, start, end, version, limits);
  let reasonCode: number = ReasonCode.normalDisconnection;
  let properties = noProperties;
  if (version === 5) {
    // v5 [X5-3.14.2.1-1]: both fields may be left out from the right
    if (!fields.done) reasonCode = fields.byte('Reason Code');
    // v5 [MQTT-3.14.2-1]
    if (!clientDisconnectReasons.has(reasonCode)) throw badReason('MQTT-3.14.2-1', 'DISCONNECT', reasonCode);
    if (!fields.done) properties = fields.properties(PropertyHome.disconnectByClient);
  }
  fields.finish();
  return { type: PacketType.disconnect, reasonCode, properties };
}

export function readAuth(
  buffer: Uint8Array,
  start: number,
  end: number,
  version: ProtocolVersion,
  limits: PropertyLimits,
): AuthPacket {
  const fields = new FieldReader(buffer, start, end, version, limits);
  // An empty AUTH means 0x00 without properties; neither is for a client to send.
  const reasonCode = fields.done ? ReasonCode.success : fields.byte('Reason Code');
  if (reasonCode !== ReasonCode.continueAuthentication && reasonCode !== ReasonCode.reAuthenticate) {
    throw badReason('MQTT-3.15.2-1', 'AUTH', reasonCode); // v5 [MQTT-3.15.2-1]
  }
  const properties = fields.done ? noProperties : fields.properties(PropertyHome.auth);
  fields.finish();
  if (properties.authenticationMethod === undefined) {
    throw protocolError('X5-3.15.2.2.2-1', 'AUTH without Authentication Method'); // v5 [X5-3.15.2.2.2-1]
  }
  return { type: PacketType.auth, reasonCode, properties };
}

const badReason = (statement: string, packet: string, reasonCode: number): Error =>
  protocolError(statement, `Reason Code ${hex(reasonCode)} is not for a client's ${packet}`);
