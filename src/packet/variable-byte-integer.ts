/** Variable Byte Integers (v5 1.5.5): seven bits a byte, least significant first, at most four bytes. */
import { malformed } from './fault.js';

/** Bytes of the minimal encoding of `value`, 0 to 268,435,455. */
export function variableByteIntegerBytes(value: number): 1 | 2 | 3 | 4 {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  return value < 0x20_0000 ? 3 : 4;
}

/** Writes `value` in its minimal form and returns the offset behind it. */
export function writeVariableByteInteger(target: Uint8Array, at: number, value: number): number {
  let rest = value;
  let offset = at;
  while (rest >= 0x80) { // v5 [MQTT-1.5.5-1]
    target[offset] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
    offset += 1;
  }
  target[offset] = rest;
  return offset + 1;
}

/**
 * Reads one inside a 5.0 packet that ends at `end`. Only the minimal form passes, so
 * `variableByteIntegerBytes` of the result tells how many bytes it took.
 */
export function readVariableByteInteger(buffer: Uint8Array, at: number, end: number): number {
  let value = 0;
  for (let index = 0; index < 4; index += 1) {
    if (at + index >= end) throw malformed('MQTT-4.13.1-1', 'the packet ends inside a Variable Byte Integer');
    const byte = buffer[at + index] as number;
    value |= (byte & 0x7f) << (7 * index);
    if (byte < 0x80) {
      // v5 [MQTT-1.5.5-1]
      if (byte === 0 && index > 0)
        throw malformed('MQTT-1.5.5-1', 'a Variable Byte Integer is not in its minimal form');
      return value;
    }
  }
  throw malformed('X5-1.5.5-1', 'a Variable Byte Integer has more than four bytes'); // v5 [X5-1.5.5-1]
}
