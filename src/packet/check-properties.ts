/**
 * Checks properties that the host made, in whatever packet they will stand: what cannot be encoded, or what a
 * client would have to refuse, is the host's mistake and is told at once.
 */
import { BrokerError } from '../errors/errors.js';
import type { Properties } from './packets.js';
import { type PropertyHome, type PropertyRule, propertyRules, WireType } from './property.js';
import { variableByteIntegerMax } from './protocol.js';
import { textProblem, Utf8Problem } from './utf8.js';
import { fieldBytesMax } from './write-properties.js';

const ruleByName = new Map<string, PropertyRule>(propertyRules.map((rule) => [rule.name, rule]));

/** @throws BrokerError `ODN_ERR_ARGUMENT`: names the property, its value and the limit. */
export function checkProperties(properties: Properties, home: PropertyHome): void {
  for (const [name, value] of Object.entries(properties) as [string, unknown][]) {
    if (value === undefined) continue;
    const rule = ruleByName.get(name);
    if (rule === undefined) throw wrong(`property ${name} is not defined`);
    if ((rule.homes & home) === 0) throw wrong(`property ${name} may not stand in this packet`);
    checkValue(rule, value);
  }
}

function checkValue(rule: PropertyRule, value: unknown): void {
  switch (rule.type) {
    case WireType.bit:
      return checkInteger(rule, value, 1);
    case WireType.flag:
      if (typeof value !== 'boolean') throw wrong(`property ${rule.name} is ${String(value)}: must be a boolean`);
      return;
    case WireType.uint16:
      return checkInteger(rule, value, 0xffff);
    case WireType.uint32:
      return checkInteger(rule, value, 0xffff_ffff);
    case WireType.variableByteInteger:
      if (!Array.isArray(value)) throw wrong(`property ${rule.name} must be an array of numbers`);
      for (const each of value) checkInteger(rule, each, variableByteIntegerMax);
      return;
    case WireType.text:
      checkText(rule.name, value);
      // v5 [MQTT-3.3.2-14]
      if (rule.name === 'responseTopic' && /[#+]/.test(value as string)) {
        throw wrong(`property responseTopic is ${JSON.stringify(value)}: must not contain the wildcards # and +`);
      }
      return;
    case WireType.binary:
      if (!(value instanceof Uint8Array)) throw wrong(`property ${rule.name} must be a Uint8Array`);
      return checkLength(rule.name, value.length);
    case WireType.textPair:
      return checkPairs(rule.name, value);
  }
}

function checkInteger(rule: PropertyRule, value: unknown, max: number): void {
  const min = rule.zeroIllegal ? 1 : 0;
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return;
  throw wrong(`property ${rule.name} is ${String(value)}: must be an integer from ${min} to ${max}`);
}

function checkPairs(name: string, value: unknown): void {
  const isPair = (each: unknown): boolean => Array.isArray(each) && each.length === 2;
  if (!Array.isArray(value) || !value.every(isPair)) throw wrong(`property ${name} must be an array of [name, value]`);
  for (const pair of value as [unknown, unknown][]) {
    checkText(name, pair[0]);
    checkText(name, pair[1]);
  }
}

function checkText(name: string, value: unknown): void {
  if (typeof value !== 'string') throw wrong(`property ${name} is ${String(value)}: must be a string`);
  checkLength(name, Buffer.byteLength(value));
  switch (textProblem(value, false)) {
    case Utf8Problem.illFormed: // v5 [MQTT-1.5.4-1]
      throw wrong(`property ${name} contains a lone surrogate: must be well-formed Unicode`);
    case Utf8Problem.nullCharacter: // v5 [MQTT-1.5.4-2]
      throw wrong(`property ${name} must not contain U+0000`);
    default:
  }
}

function checkLength(name: string, bytes: number): void {
  if (bytes > fieldBytesMax) throw wrong(`property ${name} is ${bytes} bytes long: at most ${fieldBytesMax}`);
}

const wrong = (message: string): BrokerError => new BrokerError('ODN_ERR_ARGUMENT', message);
