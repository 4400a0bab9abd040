/** What the tests of the traps share: every version, and every string and first byte that a client sends. */
import { expect } from '@jest/globals';
import type { WireClient, WireVersion } from '../../../src/testing/index.js';
import { packet, text } from '../../unit/packet/wire.js';
import type { ClientOptions, Rig } from '../../wire/rig.js';
import { short } from '../../wire/rig.js';

export const versions = [3, 4, 5] as const;
/** For `test.each`: a name in front of the version. */
export const named = [['v3.1', 3], ['v3.1.1', 4], ['v5', 5]] as const; // prettier-ignore

export const hexByte = (value: number): string => value.toString(16).padStart(2, '0');

/** Closed: in 5.0 with a DISCONNECT of this code, in 3.x without a word. */
export function expectBroken(sent: WireClient, reasonCode: number): void {
  const told = sent.protocolVersion === 5 ? [`disconnect 0x${hexByte(reasonCode)}`] : [];
  expect([short(sent.received()), sent.closed]).toEqual([told, true]);
}

/** The same before CONNACK; 3.x without a return code of its own gets nothing. */
export function expectUnconnected(sent: WireClient, reasonCode: number): void {
  const told = sent.protocolVersion === 5 ? [`connack 0x${hexByte(reasonCode)}`] : [];
  expect([short(sent.received()), sent.closed]).toEqual([told, true]);
}

/** It still answers. */
export function expectServed(sent: WireClient): void {
  sent.skip().pingreq();
  expect([sent.receivedHex(), sent.closed]).toEqual(['d0 00', false]);
}

export const expectRefusedWith = (sent: WireClient, ...told: readonly string[]): void =>
  expect([short(sent.received()), sent.closed]).toEqual([told, true]);

/** Settings of a session that lasts, in the words of each version. */
export const lasting = (protocolVersion: WireVersion, seconds = 0xffffffff): ClientOptions => ({
  protocolVersion,
  clean: false,
  ...(protocolVersion === 5 && { properties: { sessionExpiryInterval: seconds } }),
});

// ---- packets as bytes ----

const names = { 3: `${text('MQIsdp')} 03`, 4: `${text('MQTT')} 04`, 5: `${text('MQTT')} 05` };

/** Properties behind their length, of at most 127 bytes; nothing in 3.x. */
export const props = (version: WireVersion, hex = ''): string => (version === 5 ? `${hexByte(hex.replaceAll(/\s/g, '').length / 2)} ${hex}` : '');

/** CONNECT with Clean Start and no Keep Alive; `payload` begins with the Client Identifier. */
export const connectOf = (version: WireVersion, payload = text('a'), flags = '02', properties = ''): Buffer =>
  packet(0x10, `${names[version]} ${flags} 0000 ${props(version, properties)} ${payload}`);

export const publishOf = (version: WireVersion, topic: string | Uint8Array, payload = '78', properties = ''): Buffer =>
  packet(0x30, `${text(topic)} ${props(version, properties)} ${payload}`);

export const subscribeOf = (version: WireVersion, filter: string | Uint8Array, options = '00', properties = ''): Buffer =>
  packet(0x82, `0001 ${props(version, properties)} ${text(filter)} ${options}`);

export const unsubscribeOf = (version: WireVersion, filter: string | Uint8Array): Buffer => packet(0xa2, `0001 ${props(version)} ${text(filter)}`);

/** A whole legal packet for each type that may follow CONNACK, by type. */
export const packetsOf = (version: WireVersion): Readonly<Record<number, Buffer>> => ({
  3: publishOf(version, 't'),
  4: packet(0x40, '0001'),
  5: packet(0x50, '0001'),
  6: packet(0x62, '0001'),
  7: packet(0x70, '0001'),
  8: subscribeOf(version, 't'),
  10: unsubscribeOf(version, 't'),
  12: packet(0xc0, ''),
  14: packet(0xe0, ''),
  ...(version === 5 && { 15: packet(0xf0, `18 ${props(5, `15 ${text('m')}`)}`) }),
});

// ---- strings ----

interface StringField {
  /** Its client is not connected yet. */
  readonly isConnect: boolean;
  /** The packet with `value` in this field. */
  readonly bytes: (value: Uint8Array) => Buffer;
}

/** Every field of a packet from a client that holds a UTF-8 Encoded String. */
export function stringFields(version: WireVersion): Readonly<Record<string, StringField>> {
  const a = text('a');
  const connect = (bytes: StringField['bytes']): StringField => ({ isConnect: true, bytes });
  const later = (bytes: StringField['bytes']): StringField => ({ isConnect: false, bytes });
  /** In a property of one byte identifier. */
  const own = (id: string, build: (hex: string) => Buffer): StringField['bytes'] => (value) => build(`${id} ${text(value)}`);
  const both: Record<string, StringField> = {
    'Client Identifier': connect((value) => connectOf(version, text(value))),
    'Will Topic': connect((value) => connectOf(version, `${a} ${props(version)} ${text(value)} ${text('x')}`, '06')),
    'User Name': connect((value) => connectOf(version, `${a} ${text(value)}`, '82')),
    'Topic Name': later((value) => publishOf(version, value)),
    'Topic Filter': later((value) => subscribeOf(version, value)),
    'Topic Filter of UNSUBSCRIBE': later((value) => unsubscribeOf(version, value)),
  };
  if (version !== 5) return both;
  const will = (hex: string): Buffer => connectOf(5, `${a} ${props(5, hex)} ${text('w')} ${text('x')}`, '06');
  const publish = (hex: string): Buffer => publishOf(5, 't', '78', hex);
  return {
    ...both,
    'user property name of CONNECT': connect((value) => connectOf(5, a, '02', `26 ${text(value)} ${text('v')}`)),
    'user property value of CONNECT': connect((value) => connectOf(5, a, '02', `26 ${text('n')} ${text(value)}`)),
    'Authentication Method': connect(own('15', (hex) => connectOf(5, a, '02', hex))),
    'Content Type of a will': connect(own('03', will)),
    'Response Topic of a will': connect(own('08', will)),
    'Content Type': later(own('03', publish)),
    'Response Topic': later(own('08', publish)),
    'user property name of PUBLISH': later((value) => publish(`26 ${text(value)} ${text('v')}`)),
    'user property value of PUBLISH': later((value) => publish(`26 ${text('n')} ${text(value)}`)),
    'Reason String of PUBACK': later(own('1f', (hex) => packet(0x40, `0001 00 ${props(5, hex)}`))),
    'user property of SUBSCRIBE': later((value) => subscribeOf(5, 't', '00', `26 ${text('n')} ${text(value)}`)),
  };
}

/** Sends it in a connection of its own, and looks whether it is refused as malformed. */
export function expectString(rig: Rig, version: WireVersion, { isConnect, bytes }: StringField, value: Uint8Array, isLegal: boolean): void {
  const sent = isConnect ? rig.open({ protocolVersion: version }) : rig.client('a', { protocolVersion: version });
  sent.sendsBytes(bytes(value));
  if (isLegal) expect([sent.received().some(({ type }) => type === 'disconnect'), sent.closed]).toEqual([false, false]);
  else if (isConnect) expectUnconnected(sent, 0x81);
  else expectBroken(sent, 0x81);
  sent.drop();
}
