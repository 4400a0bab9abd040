/**
 * Checks a list of properties in place (v5 2.2.2): allowed here, not given twice, complete, legal values, strict
 * text, not too many. Nothing is decoded and nothing is allocated, so that a PUBLISH with properties stays cheap.
 */
import { PeerProtocolError } from '../errors/errors.js';
import { readUint16, readUint32 } from './bytes.js';
import { hex, malformed, protocolError, textFault } from './fault.js';
import { PropertyHome, PropertyId, propertyRuleOf, propertyRules, WireType } from './property.js';
import type { InboundPublish } from './publication.js';
import { ReasonCode } from './reason-code.js';
import { utf8Problem } from './utf8.js';
import { readVariableByteInteger, variableByteIntegerBytes } from './variable-byte-integer.js';

export interface PropertyLimits {
  /** User Properties in one list of properties. */
  readonly userPropertiesMax: number;
  /** Control characters and non-characters are malformed too. */
  readonly strictText: boolean;
}

/** Earlier versions have no properties. */
const protocolVersion = 5;

// The table by identifier, in a form that costs one load each.
const homesOf = Uint16Array.from(propertyRuleOf, (rule) => rule?.homes ?? 0);
const typeOf = Uint8Array.from(propertyRuleOf, (rule) => rule?.type ?? 0);
const zeroIllegal = Uint8Array.from(propertyRuleOf, (rule) => (rule?.zeroIllegal === true ? 1 : 0));
/** One bit for each property that may stand only once: there are 26. */
const bitOf = Int32Array.from(propertyRuleOf, (rule) =>
  rule === undefined || rule.repeats ? 0 : 1 << propertyRules.indexOf(rule),
);

/**
 * Checks the properties between `start` and `end` as they may stand in `home`. With `publish`, notes where its
 * Message Expiry Interval and Topic Alias stand.
 */
export function scanProperties(
  buffer: Uint8Array,
  start: number,
  end: number,
  home: PropertyHome,
  limits: PropertyLimits,
  publish: InboundPublish | undefined,
): void {
  let at = start;
  let seen = 0;
  let userProperties = 0;
  while (at < end) {
    const id = buffer[at] as number;
    if (((homesOf[id] as number) & home) === 0) throw misplaced(id, home); // v5 [X5-2.2.2.2-1]
    const bit = bitOf[id] as number;
    // v5 [X5-2.2.2.2-3]
    if ((seen & bit) !== 0) throw protocolError('X5-2.2.2.2-3', `property ${hex(id)} is given twice`);
    seen |= bit;
    if (id === PropertyId.userProperty) {
      userProperties += 1;
      if (userProperties > limits.userPropertiesMax) throw tooManyUserProperties(limits.userPropertiesMax);
    }
    const valueAt = at + 1;
    at = scanValue(buffer, valueAt, end, id, limits.strictText);
    if (publish !== undefined) noteValue(publish, buffer, id, valueAt);
  }
}

function noteValue(publish: InboundPublish, buffer: Uint8Array, id: number, valueAt: number): void {
  if (id === PropertyId.messageExpiryInterval) publish.expiryAt = valueAt; // v5 [X5-2.2.2.2-2]
  else if (id === PropertyId.topicAlias) {
    publish.aliasAt = valueAt - 1;
    publish.topicAlias = readUint16(buffer, valueAt);
  }
}

/** Checks the value of property `id` and returns the offset behind it. */
function scanValue(buffer: Uint8Array, at: number, end: number, id: number, strictText: boolean): number {
  switch (typeOf[id]) {
    case WireType.bit:
    case WireType.flag: {
      if (at >= end) throw cut();
      const value = buffer[at] as number;
      if (value > 1) throw illegalValue(id, value); // v5 [X5-3.1.2.11.6-1] [X5-3.1.2.11.7-1]
      return at + 1;
    }
    case WireType.uint16:
      if (at + 2 > end) throw cut();
      if (zeroIllegal[id] === 1 && readUint16(buffer, at) === 0) throw illegalValue(id, 0); // v5 [X5-3.1.2.11.3-1] [MQTT-3.3.2-8]
      return at + 2;
    case WireType.uint32:
      if (at + 4 > end) throw cut();
      if (zeroIllegal[id] === 1 && readUint32(buffer, at) === 0) throw illegalValue(id, 0); // v5 [X5-3.1.2.11.4-1]
      return at + 4;
    case WireType.variableByteInteger: {
      const value = readVariableByteInteger(buffer, at, end);
      if (value === 0 && zeroIllegal[id] === 1) throw illegalValue(id, 0); // X5-3.3.2.3.8-1
      return at + variableByteIntegerBytes(value);
    }
    case WireType.text: {
      const behind = scanText(buffer, at, end, strictText);
      if (id === PropertyId.responseTopic) refuseWildcards(buffer, at + 2, behind); // v5 [MQTT-3.3.2-14]
      return behind;
    }
    case WireType.textPair:
      return scanText(buffer, scanText(buffer, at, end, strictText), end, strictText); // v5 [MQTT-1.5.7-1]
    default: // binary
      return endOfField(buffer, at, end);
  }
}

/** Checks a UTF-8 Encoded String of a 5.0 packet and returns the offset behind it. */
function scanText(buffer: Uint8Array, at: number, end: number, strictText: boolean): number {
  const behind = endOfField(buffer, at, end);
  const problem = utf8Problem(buffer, at + 2, behind, strictText);
  if (problem !== 0) throw textFault(problem, protocolVersion); // v5 [X5-1.5.4-1] [MQTT-1.5.4-1] [MQTT-1.5.4-2] [MQTT-1.5.7-1] [MQTT-3.3.2-13] [MQTT-3.3.2-19]
  return behind;
}

/** The end of what a two-byte length announces. */
function endOfField(buffer: Uint8Array, at: number, end: number): number {
  if (at + 2 > end) throw cut();
  const behind = at + 2 + readUint16(buffer, at);
  if (behind > end) throw cut(); // v5 [X5-1.5.6-1]
  return behind;
}

function refuseWildcards(buffer: Uint8Array, start: number, end: number): void {
  for (let at = start; at < end; at += 1) {
    const byte = buffer[at];
    // v5 [MQTT-3.3.2-14]
    if (byte === 0x23 || byte === 0x2b) throw protocolError('MQTT-3.3.2-14', 'Response Topic contains a wildcard');
  }
}

function misplaced(id: number, home: PropertyHome): PeerProtocolError {
  if (id === PropertyId.subscriptionIdentifier && home === PropertyHome.publish) {
    // v5 [MQTT-3.3.4-6]
    return protocolError('MQTT-3.3.4-6', 'a PUBLISH from a client contains a Subscription Identifier');
  }
  const what = propertyRuleOf[id] === undefined ? 'is not defined' : 'may not stand in this packet';
  return malformed('X5-2.2.2.2-1', `property ${hex(id)} ${what}`); // v5 [X5-2.2.2.2-1]
}

function illegalValue(id: number, value: number): PeerProtocolError {
  const rule = propertyRuleOf[id];
  const statement = rule?.valueStatement ?? '';
  const message = `property ${hex(id)} (${rule?.name}) is ${value}`;
  if (id === PropertyId.topicAlias) {
    return new PeerProtocolError(ReasonCode.topicAliasInvalid, statement, message); // v5 [MQTT-3.3.2-8]
  }
  // v5 [X5-3.1.2.11.3-1] [X5-3.1.2.11.4-1] [X5-3.1.2.11.6-1] [X5-3.1.2.11.7-1] [X5-3.3.2.3.8-1]
  return protocolError(statement, message);
}

const cut = (): PeerProtocolError => malformed('MQTT-4.13.1-1', 'a property ends outside the list of properties');

const tooManyUserProperties = (max: number): PeerProtocolError =>
  new PeerProtocolError(
    ReasonCode.quotaExceeded,
    'MQTT-4.13.1-1',
    `more than ${max} User Properties (userPropertiesMax)`,
  );
