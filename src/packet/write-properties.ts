/**
 * Encodes `Properties` (v5 2.2.2) in the order of the properties table; User Properties keep their own order.
 * What may not stand in the packet is left out, so that a caller can hand over more than one packet takes.
 */
import type { Properties } from './packets.js';
import { type PropertyHome, type PropertyRule, propertyRules, WireType } from './property.js';
import { variableByteIntegerBytes, writeVariableByteInteger } from './variable-byte-integer.js';

/** Strings and Binary Data have a two-byte length. */
export const fieldBytesMax = 65_535;

const rulesOf = new Map<PropertyHome, readonly PropertyRule[]>();

/** The rules that hold in `home`, in writing order. */
export function rulesFor(home: PropertyHome): readonly PropertyRule[] {
  let rules = rulesOf.get(home);
  if (rules === undefined) {
    rules = propertyRules.filter((rule) => (rule.homes & home) !== 0);
    rulesOf.set(home, rules);
  }
  return rules;
}

/** Bytes of the encoded properties, Property Length left out; `Infinity` when one is too long to encode. */
export function propertiesBytes(properties: Properties, home: PropertyHome): number {
  let bytes = 0;
  for (const rule of rulesFor(home)) {
    const value = properties[rule.name];
    if (value !== undefined) bytes += valueBytes(rule, value);
  }
  return bytes;
}

/** Writes the properties at `at`, Property Length left out, and returns the offset behind them. */
export function writeProperties(target: Buffer, at: number, properties: Properties, home: PropertyHome): number {
  let offset = at;
  for (const rule of rulesFor(home)) {
    const value = properties[rule.name];
    if (value !== undefined) offset = writeValue(target, offset, rule, value);
  }
  return offset;
}

type Value = Exclude<Properties[keyof Properties], undefined>;

/** Bytes of all occurrences of one property, identifiers included. */
function valueBytes(rule: PropertyRule, value: Value): number {
  switch (rule.type) {
    case WireType.bit:
    case WireType.flag:
      return 2;
    case WireType.uint16:
      return 3;
    case WireType.uint32:
      return 5;
    case WireType.variableByteInteger:
      return (value as readonly number[]).reduce((bytes, each) => bytes + 1 + variableByteIntegerBytes(each), 0);
    case WireType.text:
      return 1 + textBytes(value as string);
    case WireType.binary:
      return 1 + fieldBytes((value as Uint8Array).length);
    case WireType.textPair: {
      let bytes = 0;
      for (const [name, text] of value as readonly (readonly [string, string])[])
        bytes += 1 + textBytes(name) + textBytes(text);
      return bytes;
    }
  }
}

function writeValue(target: Buffer, at: number, rule: PropertyRule, value: Value): number {
  const valueAt = at + 1;
  if (!Array.isArray(value)) target[at] = rule.id;
  switch (rule.type) {
    case WireType.bit:
    case WireType.flag:
      target[valueAt] = Number(value);
      return valueAt + 1;
    case WireType.uint16:
      return target.writeUInt16BE(value as number, valueAt);
    case WireType.uint32:
      return target.writeUInt32BE(value as number, valueAt);
    case WireType.variableByteInteger: {
      let offset = at;
      for (const each of value as readonly number[]) {
        target[offset] = rule.id;
        offset = writeVariableByteInteger(target, offset + 1, each);
      }
      return offset;
    }
    case WireType.text:
      return writeText(target, valueAt, value as string);
    case WireType.binary: {
      const bytes = value as Uint8Array;
      target.set(bytes, target.writeUInt16BE(bytes.length, valueAt));
      return valueAt + 2 + bytes.length;
    }
    case WireType.textPair: {
      let offset = at;
      for (const [name, text] of value as readonly (readonly [string, string])[]) {
        target[offset] = rule.id;
        offset = writeText(target, writeText(target, offset + 1, name), text);
      }
      return offset;
    }
  }
}

const fieldBytes = (length: number): number => (length > fieldBytesMax ? Infinity : 2 + length);

const textBytes = (text: string): number => fieldBytes(Buffer.byteLength(text));

function writeText(target: Buffer, at: number, text: string): number {
  const bytes = target.write(text, at + 2);
  target.writeUInt16BE(bytes, at);
  return at + 2 + bytes;
}
