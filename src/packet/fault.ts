/**
 * How the reader reports what a client did wrong: Malformed Packet (0x81), Protocol Error (0x82), bad text.
 * The statement is cited from the specification of the version in use; MQTT 3.1 cites that of 3.1.1.
 */
import { PeerProtocolError } from '../errors/errors.js';
import type { ProtocolVersion } from './protocol.js';
import { ReasonCode } from './reason-code.js';
import { Utf8Problem } from './utf8.js';

/** The statement that says so in `version`; before the version is known, that of 5.0. */
export function statementOf(version: ProtocolVersion | 0, v5: string, v311: string): string {
  return version === 3 || version === 4 ? v311 : v5;
}

/** The statement for malformed packets that no statement of their own describes. */
export function formatStatement(version: ProtocolVersion | 0): string {
  return statementOf(version, 'MQTT-4.13.1-1', 'MQTT-4.8.0-1'); // v5 [MQTT-4.13.1-1], v3.1.1 [MQTT-4.8.0-1]
}

export function malformed(statement: string, message: string): PeerProtocolError {
  return new PeerProtocolError(ReasonCode.malformedPacket, statement, message);
}

export function protocolError(statement: string, message: string): PeerProtocolError {
  return new PeerProtocolError(ReasonCode.protocolError, statement, message);
}

/** The packet ends before or inside the field `what`. */
export function fieldMissing(what: string, statement: string): PeerProtocolError {
  return malformed(statement, `the packet ends before or inside ${what}`);
}

export function trailingBytes(bytes: number, statement: string): PeerProtocolError {
  return malformed(statement, `${bytes} bytes follow the last field of the packet`);
}

export function packetIdZero(version: ProtocolVersion | 0): PeerProtocolError {
  // v5 [MQTT-2.2.1-3], v3.1.1 [MQTT-2.3.1-1]
  return protocolError(statementOf(version, 'MQTT-2.2.1-3', 'MQTT-2.3.1-1'), 'Packet Identifier is 0');
}

/** What `utf8Problem` found, as an error. */
export function textFault(problem: Utf8Problem, version: ProtocolVersion | 0): PeerProtocolError {
  switch (problem) {
    case Utf8Problem.illFormed: // v5 [MQTT-1.5.4-1] [MQTT-1.5.7-1], v3.1.1 [MQTT-1.5.3-1]
      return malformed(statementOf(version, 'MQTT-1.5.4-1', 'MQTT-1.5.3-1'), 'a string is not well-formed UTF-8');
    case Utf8Problem.nullCharacter: // v5 [MQTT-1.5.4-2], v3.1.1 [MQTT-1.5.3-2]
      return malformed(statementOf(version, 'MQTT-1.5.4-2', 'MQTT-1.5.3-2'), 'a string contains U+0000');
    case Utf8Problem.controlOrNonCharacter: // v5 [X5-1.5.4-1]; 3.1.1 says the same without an id
      return malformed('X5-1.5.4-1', 'a string contains a control character or a non-character (strictText)');
  }
}

/** `0x` and two digits, for messages. */
export function hex(byte: number): string {
  return `0x${byte.toString(16).padStart(2, '0').toUpperCase()}`;
}
