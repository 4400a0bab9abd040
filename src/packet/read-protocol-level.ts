/**
 * The first two fields of a CONNECT (v5 3.1.2.1, 3.1.2.2): they decide by which rules all the rest is read,
 * and in which shape an error is answered.
 */
import { PeerProtocolError } from '../errors/errors.js';
import { fieldMissing, hex } from './fault.js';
import { readUint16 } from './bytes.js';
import type { ProtocolVersion } from './protocol.js';
import { ReasonCode } from './reason-code.js';

export interface ProtocolLevel {
  /** After an unknown level, the version whose CONNACK answers it; 0 when no answer can be understood. */
  readonly version: ProtocolVersion | 0;
  /** Set when this client cannot be served. */
  readonly refusal: PeerProtocolError | undefined;
  /** Offset behind both fields. */
  readonly end: number;
}

const names = { 4: 'MQTT', 6: 'MQIsdp' } as const;

/** Reads Protocol Name and Protocol Version of the CONNECT whose body lies between `start` and `end`. */
export function readProtocolLevel(buffer: Uint8Array, start: number, end: number): ProtocolLevel {
  const nameStart = start + 2;
  const nameEnd = nameStart > end ? Infinity : nameStart + readUint16(buffer, start);
  if (nameEnd > end) return refused(0, fieldMissing('Protocol Name', 'MQTT-3.1.4-1'));
  const name = nameAt(buffer, nameStart, nameEnd);
  // v5 [MQTT-3.1.2-1], v3.1.1 [MQTT-3.1.2-1]
  if (name === undefined) return refused(0, unsupported('MQTT-3.1.2-1', 'Protocol Name is neither MQTT nor MQIsdp'));
  if (nameEnd === end) return refused(0, fieldMissing('Protocol Version', 'MQTT-3.1.4-1'));
  const level = buffer[nameEnd] as number;
  if (name === 'MQTT' && (level === 4 || level === 5)) return { version: level, refusal: undefined, end: nameEnd + 1 };
  if (name === 'MQIsdp' && level === 3) return { version: 3, refusal: undefined, end: nameEnd + 1 };
  // Newer ones are answered as 5.0; older ones and the bridge bit (0x83, 0x84) as 3.1.1.
  const version = name === 'MQTT' && level >= 6 && level <= 127 ? 5 : 4;
  // v5 [MQTT-3.1.2-2], v3.1.1 [MQTT-3.1.2-2]
  return refused(version, unsupported('MQTT-3.1.2-2', `Protocol Version ${hex(level)} of ${name} is not supported`));
}

function nameAt(buffer: Uint8Array, start: number, end: number): 'MQTT' | 'MQIsdp' | undefined {
  const length = end - start;
  if (length !== 4 && length !== 6) return undefined;
  const name = names[length];
  for (let index = 0; index < length; index += 1) {
    if (buffer[start + index] !== name.charCodeAt(index)) return undefined;
  }
  return name;
}

const refused = (version: ProtocolVersion | 0, refusal: PeerProtocolError): ProtocolLevel => ({
  version,
  refusal,
  end: 0,
});

const unsupported = (statement: string, message: string): PeerProtocolError =>
  new PeerProtocolError(ReasonCode.unsupportedProtocolVersion, statement, message);
