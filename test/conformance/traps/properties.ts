/** Every property of MQTT 5.0 with a legal value and the packets in which a client may send it (5.0, table 2-4). */
import type { WireClient } from '../../../src/testing/index.js';
import { packet, text } from '../../unit/packet/wire.js';
import type { Rig } from '../../wire/rig.js';
import { connectOf, props, publishOf, subscribeOf } from './support.js';

/** What of a client has properties. */
export const homes = ['CONNECT', 'will', 'PUBLISH', 'PUBACK', 'PUBREC', 'PUBREL', 'PUBCOMP', 'SUBSCRIBE', 'UNSUBSCRIBE', 'DISCONNECT', 'AUTH'] as const;
export type Home = (typeof homes)[number];

export interface Property {
  readonly name: string;
  /** Identifier and a legal value. */
  readonly hex: string;
  /** Where a client may send it. */
  readonly homes: readonly Home[];
}

const acks = ['PUBACK', 'PUBREC', 'PUBREL', 'PUBCOMP'] as const;
const message = ['PUBLISH', 'will'] as const;
const property = (name: string, hex: string, ...where: readonly Home[]): Property => ({ name, hex, homes: where });

export const properties: readonly Property[] = [
  property('Payload Format Indicator', '01 01', ...message),
  property('Message Expiry Interval', '02 00000001', ...message),
  property('Content Type', `03 ${text('c')}`, ...message),
  property('Response Topic', `08 ${text('r')}`, ...message),
  property('Correlation Data', '09 0001 00', ...message),
  property('Subscription Identifier', '0b 01', 'SUBSCRIBE'),
  property('Session Expiry Interval', '11 00000000', 'CONNECT', 'DISCONNECT'),
  property('Assigned Client Identifier', `12 ${text('a')}`),
  property('Server Keep Alive', '13 0001'),
  property('Authentication Method', `15 ${text('m')}`, 'CONNECT', 'AUTH'),
  property('Authentication Data', `15 ${text('m')} 16 0001 00`, 'CONNECT', 'AUTH'),
  property('Request Problem Information', '17 01', 'CONNECT'),
  property('Will Delay Interval', '18 00000001', 'will'),
  property('Request Response Information', '19 01', 'CONNECT'),
  property('Response Information', `1a ${text('i')}`),
  property('Server Reference', `1c ${text('s')}`),
  property('Reason String', `1f ${text('r')}`, ...acks, 'DISCONNECT', 'AUTH'),
  property('Receive Maximum', '21 0001', 'CONNECT'),
  property('Topic Alias Maximum', '22 0001', 'CONNECT'),
  property('Topic Alias', '23 0001', 'PUBLISH'),
  property('Maximum QoS', '24 01'),
  property('Retain Available', '25 01'),
  property('User Property', `26 ${text('n')} ${text('v')}`, ...homes),
  property('Maximum Packet Size', '27 00001000', 'CONNECT'),
  property('Wildcard Subscription Available', '28 01'),
  property('Subscription Identifier Available', '29 01'),
  property('Shared Subscription Available', '2a 01'),
];

/** Each property with each packet where it may not stand. */
export const misplaced = (): readonly { readonly name: string; readonly property: Property; readonly home: Home }[] =>
  properties.flatMap((each) => homes.filter((home) => !each.homes.includes(home)).map((home) => ({ name: each.name, property: each, home })));

const a = text('a');
const packets: Readonly<Record<Home, (hex: string) => Buffer>> = {
  CONNECT: (hex) => connectOf(5, a, '02', hex),
  will: (hex) => connectOf(5, `${a} ${props(5, hex)} ${text('w')} ${text('x')}`, '06'),
  PUBLISH: (hex) => publishOf(5, 't', '78', hex),
  PUBACK: (hex) => packet(0x40, `0001 00 ${props(5, hex)}`),
  PUBREC: (hex) => packet(0x50, `0001 00 ${props(5, hex)}`),
  PUBREL: (hex) => packet(0x62, `0001 00 ${props(5, hex)}`),
  PUBCOMP: (hex) => packet(0x70, `0001 00 ${props(5, hex)}`),
  SUBSCRIBE: (hex) => subscribeOf(5, 't', '00', hex),
  UNSUBSCRIBE: (hex) => packet(0xa2, `0001 ${props(5, hex)} ${text('t')}`),
  DISCONNECT: (hex) => packet(0xe0, `00 ${props(5, hex)}`),
  // Its method is required, and may be the property that is asked for.
  AUTH: (hex) => packet(0xf0, `19 ${props(5, hex.startsWith('15') ? hex : `15 ${text('m')} ${hex}`)}`),
};

/** Sends a packet with these properties, after a CONNECT where there must be one. */
export function toAnyHome(rig: Rig, home: Home, hex: string): WireClient {
  if (home === 'CONNECT' || home === 'will') return rig.open().sendsBytes(packets[home](hex));
  return rig.client('a', home === 'AUTH' ? { properties: { authenticationMethod: 'm' } } : {}).sendsBytes(packets[home](hex));
}
