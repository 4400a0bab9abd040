/**
 * Everywhere a client of MQTT 5.0 sends properties and strings: for each place a packet that is right but for what a
 * test puts there.
 */
import { expect } from '@jest/globals';
import type { BrokerOptions } from '../../../src/index.js';
import type { WireClient } from '../../../src/testing/index.js';
import { packet, text } from '../../unit/packet/wire.js';
import { openRig } from '../../wire/rig.js';
import type { Rig } from '../../wire/rig.js';
import { client, open } from './support.js';

/** Properties behind their length, of any size. */
export const listed = (properties: string): string => packet(0, properties).subarray(1).toString('hex');

/** The Authentication Method of all clients here. */
const method = `15 ${text('m')}`;

/** A broker on which all of the packets below are legal. */
export const openFieldRig = (options: BrokerOptions = {}): Rig => openRig({ authenticate: () => true, takeover: () => true, ...options });

interface Connect {
  /** Properties behind their length. */
  readonly list?: string;
  readonly willList?: string;
  readonly clientId?: string;
  readonly willTopic?: string;
  readonly username?: string;
}

/** A CONNECT with a will and a User Name. */
export function connectOf({ list = '00', willList = '00', clientId = text('a'), willTopic = text('w'), username = text('u') }: Connect): Buffer {
  return packet(0x10, `${text('MQTT')} 05 86 0000 ${list} ${clientId} ${willList} ${willTopic} ${text('x')} ${username}`);
}

const connects = (rig: Rig, connect: Connect): WireClient => open(rig).sendsBytes(connectOf(connect));

/** Sends it on a connection that stands, by a client that may use AUTH and whose session outlives it. */
export const sendFrom = (rig: Rig, bytes: Buffer): WireClient =>
  client(rig, 'a', { properties: { authenticationMethod: 'm', sessionExpiryInterval: 10 } }).sendsBytes(bytes);

/** A list of properties of some packet. */
export interface Home {
  /** Identifiers that may stand in it. */
  readonly legal: readonly number[];
  /** Sends the packet with this list of properties, its length included. */
  readonly send: (rig: Rig, list: string) => WireClient;
  /** Properties that must stand beside the one with this identifier. */
  readonly beside?: (id: number) => string;
}

const acknowledgement = (first: number): Home => ({
  legal: [0x1f, 0x26],
  send: (rig, list) => sendFrom(rig, packet(first, `0001 00 ${list}`)),
});

export const homes: Readonly<Record<string, Home>> = {
  CONNECT: {
    legal: [0x11, 0x15, 0x16, 0x17, 0x19, 0x21, 0x22, 0x26, 0x27],
    send: (rig, list) => connects(rig, { list }),
    beside: (id) => (id === 0x16 ? method : ''),
  },
  'the will': { legal: [0x01, 0x02, 0x03, 0x08, 0x09, 0x18, 0x26], send: (rig, willList) => connects(rig, { willList }) },
  PUBLISH: {
    legal: [0x01, 0x02, 0x03, 0x08, 0x09, 0x23, 0x26],
    send: (rig, list) => sendFrom(rig, packet(0x30, `${text('t')} ${list} 78`)),
  },
  PUBACK: acknowledgement(0x40),
  PUBREC: acknowledgement(0x50),
  PUBREL: acknowledgement(0x62),
  PUBCOMP: acknowledgement(0x70),
  SUBSCRIBE: { legal: [0x0b, 0x26], send: (rig, list) => sendFrom(rig, packet(0x82, `0001 ${list} ${text('t')} 00`)) },
  UNSUBSCRIBE: { legal: [0x26], send: (rig, list) => sendFrom(rig, packet(0xa2, `0001 ${list} ${text('t')}`)) },
  DISCONNECT: { legal: [0x11, 0x1f, 0x26], send: (rig, list) => sendFrom(rig, packet(0xe0, `00 ${list}`)) },
  AUTH: {
    legal: [0x15, 0x16, 0x1f, 0x26],
    send: (rig, list) => sendFrom(rig, packet(0xf0, `19 ${list}`)),
    beside: (id) => (id === 0x15 ? '' : method),
  },
};

export const homeNames = Object.keys(homes);
export const homeOf = (name: string): Home => homes[name] as Home;

/** Sends properties, and beside them what the packet cannot do without. */
export const sendProperties = (rig: Rig, name: string, properties: string, id = 0x26): WireClient =>
  homeOf(name).send(rig, listed(`${properties} ${homeOf(name).beside?.(id) ?? ''}`));

/** Every property there is with a value that is legal wherever it may stand: hex digits behind the identifier. */
export const valueOf: Readonly<Record<number, string>> = {
  0x01: '01', 0x02: '0000000a', 0x03: text('text/plain'), 0x08: text('reply'), 0x09: text('data'), 0x0b: '05', 0x11: '0000000a',
  0x12: text('id'), 0x13: '000a', 0x15: text('m'), 0x16: text('proof'), 0x17: '00', 0x18: '0000000a', 0x19: '01', 0x1a: text('info'),
  0x1c: text('server'), 0x1f: text('why'), 0x21: '000a', 0x22: '000a', 0x23: '0001', 0x24: '01', 0x25: '01', 0x26: text('k') + text('v'),
  0x27: '00000400', 0x28: '01', 0x29: '01', 0x2a: '01',
}; // prettier-ignore
export const propertyIds = Object.keys(valueOf).map(Number);

export const propertyOf = (id: number, value = valueOf[id] ?? ''): string => `${id.toString(16).padStart(2, '0')} ${value}`;

// ---- strings ----

type StringField = (rig: Rig, value: Buffer) => WireClient;

const inProperty =
  (home: string, id: number): StringField =>
  (rig, value) =>
    sendProperties(rig, home, propertyOf(id, text(value)), id);

/** Every string that a client sends, User Properties aside. */
export const stringFields: Readonly<Record<string, StringField>> = {
  'Client Identifier': (rig, value) => connects(rig, { clientId: text(value) }),
  'Will Topic': (rig, value) => connects(rig, { willTopic: text(value) }),
  'User Name': (rig, value) => connects(rig, { username: text(value) }),
  'Authentication Method of CONNECT': inProperty('CONNECT', 0x15),
  'Content Type of the will': inProperty('the will', 0x03),
  'Response Topic of the will': inProperty('the will', 0x08),
  'Topic Name': (rig, value) => sendFrom(rig, packet(0x30, `${text(value)} 00 78`)),
  'Topic Name beside a Topic Alias': (rig, value) => sendFrom(rig, packet(0x30, `${text(value)} 03 23 0001 78`)),
  'Content Type of PUBLISH': inProperty('PUBLISH', 0x03),
  'Response Topic of PUBLISH': inProperty('PUBLISH', 0x08),
  'Topic Filter of SUBSCRIBE': (rig, value) => sendFrom(rig, packet(0x82, `0001 00 ${text('t')} 00 ${text(value)} 00`)),
  'Topic Filter of UNSUBSCRIBE': (rig, value) => sendFrom(rig, packet(0xa2, `0001 00 ${text('t')} ${text(value)}`)),
  'Reason String of PUBACK': inProperty('PUBACK', 0x1f),
  'Reason String of PUBREC': inProperty('PUBREC', 0x1f),
  'Reason String of PUBREL': inProperty('PUBREL', 0x1f),
  'Reason String of PUBCOMP': inProperty('PUBCOMP', 0x1f),
  'Reason String of DISCONNECT': inProperty('DISCONNECT', 0x1f),
  'Reason String of AUTH': inProperty('AUTH', 0x1f),
  'Authentication Method of AUTH': inProperty('AUTH', 0x15),
};

/** Both strings of the User Property of every packet. */
export const pairFields: Readonly<Record<string, StringField>> = Object.fromEntries(
  homeNames.flatMap((home): [string, StringField][] => [
    [`name, ${home}`, (rig, value) => sendProperties(rig, home, propertyOf(0x26, text(value) + text('v')))],
    [`value, ${home}`, (rig, value) => sendProperties(rig, home, propertyOf(0x26, text('k') + text(value)))],
  ]),
);

const fields = { ...stringFields, ...pairFields };

export const sendString = (rig: Rig, field: string, value: Buffer): WireClient => (fields[field] as StringField)(rig, value);

// ---- what comes of it ----

/** The reason code with which the broker refused and closed; 0 when it took the packet. */
export function refusalOf(sent: WireClient): number {
  const packets = sent.received();
  const refusal = packets.find(({ type, reasonCode = 0 }) => (type === 'disconnect' || type === 'connack') && reasonCode >= 0x80);
  if (refusal === undefined) return 0;
  expect([packets, sent.closed]).toEqual([[refusal], true]);
  return refusal.reasonCode ?? 0;
}

/** What comes of a well-formed string: another method than that of CONNECT is no good for another reason. */
export const wellFormedCode = (field: string): number => (field === 'Authentication Method of AUTH' ? 0x82 : 0);

/** The string is malformed in this field, and breaks this statement. */
export function expectMalformed(field: string, values: readonly Buffer[], statement: string, options: BrokerOptions = {}): void {
  const rig = openFieldRig(options);
  const broken: string[] = [];
  rig.broker.on('clientError', (error) => void broken.push('statement' in error ? String(error.statement) : String(error)));
  for (const value of values) {
    broken.length = 0;
    expect([value, refusalOf(sendString(rig, field, value)), broken]).toEqual([value, 0x81, [statement]]);
  }
  expect(rig.stats.subscriptions).toBe(0);
}

/** The strings are taken in this field. */
export function expectWellFormed(field: string, values: readonly Buffer[], options: BrokerOptions = {}): void {
  const rig = openFieldRig(options);
  for (const value of values) expect([value, refusalOf(sendString(rig, field, value))]).toEqual([value, wellFormedCode(field)]);
}
