/** Decodes properties into `Properties` (v5 2.2.2), for the packets of which objects are made and for hooks. */
import { copyOf, readUint16, readUint32 } from './bytes.js';
import { malformed } from './fault.js';
import type { Properties } from './packets.js';
import { noProperties, type PropertyHome, type PropertyRule, propertyRuleOf, WireType } from './property.js';
import type { Publication } from './publication.js';
import { type PropertyLimits, scanProperties } from './scan-properties.js';
import { decodeUtf8 } from './utf8.js';
import { readVariableByteInteger, variableByteIntegerBytes } from './variable-byte-integer.js';

/** The end of the properties whose Property Length ends at `start`. */
export function propertiesEnd(start: number, length: number, packetEnd: number): number {
  if (start + length > packetEnd) {
    throw malformed('MQTT-4.13.1-1', `Property Length ${length} is beyond the end of the packet`); // v5 [MQTT-4.13.1-1]
  }
  return start + length;
}

/** Checks and decodes the properties between `start` and `end` as they may stand in `home`. */
export function readProperties(
  buffer: Uint8Array,
  start: number,
  end: number,
  home: PropertyHome,
  limits: PropertyLimits,
): Properties {
  scanProperties(buffer, start, end, home, limits, undefined);
  return decodeProperties(buffer, start, end);
}

/** The properties of a publication, as sent; Subscription Identifiers are never among them. */
export function decodePublishProperties(publication: Publication): Properties {
  return decodeProperties(publication.buffer, publication.propertiesStart, publication.propertiesEnd);
}

type Draft = Partial<Record<keyof Properties, Properties[keyof Properties]>>;

/** Decodes what `scanProperties` has checked. Bytes are copied: nothing points into `buffer` afterwards. */
function decodeProperties(buffer: Uint8Array, start: number, end: number): Properties {
  if (start === end) return noProperties;
  const properties: Draft = {};
  let userProperties: (readonly [string, string])[] | undefined;
  let at = start;
  while (at < end) {
    const rule = propertyRuleOf[buffer[at] as number] as PropertyRule;
    const valueAt = at + 1;
    if (rule.type === WireType.textPair) {
      const nameEnd = fieldEnd(buffer, valueAt);
      const valueEnd = fieldEnd(buffer, nameEnd);
      userProperties ??= [];
      userProperties.push([decodeUtf8(buffer, valueAt + 2, nameEnd), decodeUtf8(buffer, nameEnd + 2, valueEnd)]);
      at = valueEnd;
      continue;
    }
    switch (rule.type) {
      case WireType.bit:
        properties[rule.name] = buffer[valueAt] as number;
        at = valueAt + 1;
        break;
      case WireType.flag:
        properties[rule.name] = buffer[valueAt] === 1;
        at = valueAt + 1;
        break;
      case WireType.uint16:
        properties[rule.name] = readUint16(buffer, valueAt);
        at = valueAt + 2;
        break;
      case WireType.uint32:
        properties[rule.name] = readUint32(buffer, valueAt);
        at = valueAt + 4;
        break;
      case WireType.variableByteInteger: {
        const value = readVariableByteInteger(buffer, valueAt, end);
        properties[rule.name] = [value];
        at = valueAt + variableByteIntegerBytes(value);
        break;
      }
      case WireType.binary:
        at = fieldEnd(buffer, valueAt);
        properties[rule.name] = copyOf(buffer, valueAt + 2, at);
        break;
      default:
        at = fieldEnd(buffer, valueAt);
        properties[rule.name] = decodeUtf8(buffer, valueAt + 2, at);
    }
  }
  if (userProperties !== undefined) properties.userProperties = userProperties;
  // The table pairs each name with the wire type of that field.
  return properties as Properties;
}

const fieldEnd = (buffer: Uint8Array, at: number): number => at + 2 + readUint16(buffer, at);
