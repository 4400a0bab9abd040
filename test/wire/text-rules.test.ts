/**
 * UTF-8 Encoded Strings (v5 1.5.4, v3.1.1 1.5.3) in every string of every packet a client sends: ill-formed UTF-8 and
 * U+0000 are malformed always, control characters and non-characters unless `strictText` is false.
 */
import { describe, expect, test } from '@jest/globals';
import type { ProtocolVersion } from '../../src/index.js';
import type { WireClient } from '../../src/testing/index.js';
import { packet, text } from '../unit/packet/wire.js';
import { openRig } from './rig.js';
import type { Rig } from './rig.js';

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex');
const point = (codePoint: number): Buffer => Buffer.from(String.fromCodePoint(codePoint));

/** Never legal: [MQTT-1.5.4-1], [MQTT-1.5.4-2]. */
const illegal: readonly (readonly [string, Buffer])[] = [
  ['U+0000', bytes('61 00 62')],
  ['a stray continuation byte', bytes('61 80')],
  ['a missing continuation byte', bytes('c3')],
  ['a missing continuation byte before more', bytes('c3 28')],
  ['an overlong form of two bytes', bytes('c0 af')],
  ['an overlong form of three bytes', bytes('e0 80 af')],
  ['an overlong form of four bytes', bytes('f0 80 80 af')],
  ['an overlong U+0000', bytes('c0 80')],
  ['a high surrogate', bytes('ed a0 80')],
  ['a low surrogate', bytes('ed bf bf')],
  ['a surrogate pair (CESU-8)', bytes('ed a0 bd ed b0 9d')],
  ['beyond U+10FFFF', bytes('f4 90 80 80')],
  ['a form of five bytes', bytes('f8 88 80 80 80')],
  ['FE', bytes('fe')],
  ['FF', bytes('61 ff')],
];

/** X5-1.5.4-1: legal only without `strictText`. */
const frowned: readonly (readonly [string, Buffer])[] = [
  0x01, 0x09, 0x0a, 0x1f, 0x7f, 0x80, 0x9f, 0xfdd0, 0xfdef, 0xfffe, 0xffff, 0x1_fffe, 0x1_ffff, 0x10_fffe, 0x10_ffff,
].map((codePoint) => [`U+${codePoint.toString(16).toUpperCase().padStart(4, '0')}`, point(codePoint)]);

/** Legal always, and next to what is not. */
const legal: readonly (readonly [string, Buffer])[] = [
  0x20, 0x7e, 0xa0, 0xd7ff, 0xe000, 0xfdcf, 0xfdf0, 0xfeff, 0xfffd, 0x1_0000, 0x1_f41d, 0x1_fffd, 0x10_fffd,
].map((codePoint) => [`U+${codePoint.toString(16).toUpperCase().padStart(4, '0')}`, point(codePoint)]);

const t = text('t');
/** Property Length and properties, as hex. */
const properties = (...each: string[]): string => packet(0, each.join('')).subarray(1).toString('hex');
const pair = (name: string, value: string): string => `26 ${name} ${value}`;

/** Each string a connected 5.0 client may send, in a packet that is right but for the string. */
const fields5: readonly (readonly [string, (value: string) => Buffer])[] = [
  ['PUBLISH topic', (value) => packet(0x30, `${value} 00`)],
  ['PUBLISH topic beside an alias', (value) => packet(0x30, `${value} ${properties('23 0001')}`)],
  ['PUBLISH content type', (value) => packet(0x30, `${t} ${properties(`03 ${value}`)}`)],
  ['PUBLISH response topic', (value) => packet(0x30, `${t} ${properties(`08 ${value}`)}`)],
  ['PUBLISH user property name', (value) => packet(0x30, `${t} ${properties(pair(value, t))}`)],
  ['PUBLISH user property value', (value) => packet(0x30, `${t} ${properties(pair(t, value))}`)],
  ['SUBSCRIBE filter', (value) => packet(0x82, `0001 00 ${value} 00`)],
  ['SUBSCRIBE second filter', (value) => packet(0x82, `0001 00 ${t} 00 ${value} 00`)],
  ['SUBSCRIBE user property', (value) => packet(0x82, `0001 ${properties(pair(t, value))} ${t} 00`)],
  ['UNSUBSCRIBE filter', (value) => packet(0xa2, `0001 00 ${value}`)],
  ['UNSUBSCRIBE user property', (value) => packet(0xa2, `0001 ${properties(pair(value, t))} ${t}`)],
  ...([['PUBACK', 0x40], ['PUBREC', 0x50], ['PUBREL', 0x62], ['PUBCOMP', 0x70]] as const).flatMap(([name, first]) => [
    [`${name} reason string`, (value: string) => packet(first, `0001 00 ${properties(`1f ${value}`)}`)] as const,
    [`${name} user property`, (value: string) => packet(first, `0001 00 ${properties(pair(t, value))}`)] as const,
  ]),
  ['DISCONNECT reason string', (value) => packet(0xe0, `00 ${properties(`1f ${value}`)}`)],
  ['DISCONNECT user property', (value) => packet(0xe0, `00 ${properties(pair(value, t))}`)],
  ['AUTH method', (value) => packet(0xf0, `19 ${properties(`15 ${value}`)}`)],
  ['AUTH reason string', (value) => packet(0xf0, `19 ${properties(`15 ${text('m')}`, `1f ${value}`)}`)],
  ['AUTH user property', (value) => packet(0xf0, `19 ${properties(`15 ${text('m')}`, pair(t, value))}`)],
];

const fields4: readonly (readonly [string, (value: string) => Buffer])[] = [
  ['PUBLISH topic', (value) => packet(0x30, value)],
  ['SUBSCRIBE filter', (value) => packet(0x82, `0001 ${value} 00`)],
  ['UNSUBSCRIBE filter', (value) => packet(0xa2, `0001 ${value}`)],
];

interface Strings {
  readonly clientId?: string;
  readonly username?: string;
  readonly topic?: string;
  readonly properties?: string;
  readonly willProperties?: string;
}

/** A CONNECT with a will and a user name. */
function connect(version: ProtocolVersion, strings: Strings): Buffer {
  const { clientId = text('a'), username = text('u'), topic = text('w'), properties: own = '00', willProperties = '00' } = strings;
  const is5 = version === 5;
  const head = `${text(version === 3 ? 'MQIsdp' : 'MQTT')} 0${version} 86 0000 ${is5 ? own : ''}`;
  return packet(0x10, `${head} ${clientId} ${is5 ? willProperties : ''} ${topic} ${text('x')} ${username}`);
}

/** Each string of CONNECT, the first three of them in 3.x as well. */
const connectFields: readonly (readonly [string, (value: string) => Strings])[] = [
  ['Client Identifier', (clientId) => ({ clientId })],
  ['User Name', (username) => ({ username })],
  ['Will Topic', (topic) => ({ topic })],
  ['Authentication Method', (value) => ({ properties: properties(`15 ${value}`) })],
  ['user property name', (value) => ({ properties: properties(pair(value, t)) })],
  ['user property value', (value) => ({ properties: properties(pair(t, value)) })],
  ['will content type', (value) => ({ willProperties: properties(`03 ${value}`) })],
  ['will response topic', (value) => ({ willProperties: properties(`08 ${value}`) })],
  ['will user property', (value) => ({ willProperties: properties(pair(t, value)) })],
];

const opened = (strictText: boolean): Rig => openRig({ strictText, authenticate: () => true });
const connected = (rig: Rig, protocolVersion: ProtocolVersion): WireClient =>
  rig.client('a', { protocolVersion, ...(protocolVersion === 5 && { properties: { authenticationMethod: 'm' } }) });

/** How the broker took it: the reason code it closed with, or `taken`. 3.x has no code. */
function verdict(client: WireClient): string {
  const packets = client.received();
  const closing = packets.find(({ type, reasonCode }) => type === 'disconnect' || (type === 'connack' && reasonCode !== 0));
  if (closing !== undefined) return `${closing.type} 0x${closing.reasonCode?.toString(16)}`;
  if (client.closed && packets.length === 0) return 'closed';
  return 'taken';
}

const sent = (version: ProtocolVersion, strictText: boolean, frame: Buffer): string =>
  verdict(connected(opened(strictText), version).sendsBytes(frame));
const connects = (version: ProtocolVersion, strictText: boolean, strings: Strings): string =>
  verdict(opened(strictText).open({ protocolVersion: version }).sendsBytes(connect(version, strings)));

describe.each([true, false])('with strictText %s', (strictText) => {
  const refused = strictText ? [...illegal, ...frowned] : illegal;
  const accepted = strictText ? legal : [...legal, ...frowned];

  describe.each(fields5)('v5 %s', (name, frame) => {
    test(`[MQTT-1.5.4-1] [MQTT-1.5.4-2] [MQTT-1.5.7-1] X5-1.5.4-1 refuses ${refused.length} strings with 0x81`, () => {
      for (const [what, value] of refused) expect([what, sent(5, strictText, frame(text(value)))]).toEqual([what, 'disconnect 0x81']);
    });
    test(`takes ${accepted.length} strings`, () => {
      for (const [what, value] of accepted) {
        const taken = sent(5, strictText, frame(text(value)));
        // Another method than that of CONNECT is a Protocol Error; DISCONNECT closes.
        const expected = name === 'AUTH method' ? 'disconnect 0x82' : name.startsWith('DISCONNECT') ? 'closed' : 'taken';
        expect([what, taken]).toEqual([what, expected]);
      }
    });
  });

  describe.each(connectFields)('v5 CONNECT %s', (_, strings) => {
    test('refuses them with CONNACK 0x81', () => {
      for (const [what, value] of refused) expect([what, connects(5, strictText, strings(text(value)))]).toEqual([what, 'connack 0x81']);
    });
    test('takes the others', () => {
      for (const [what, value] of accepted) expect([what, connects(5, strictText, strings(text(value)))]).toEqual([what, 'taken']);
    });
  });

  describe.each([3, 4] as const)('version %i', (version) => {
    test.each(fields4)('[MQTT-1.5.3-1] [MQTT-1.5.3-2] %s is closed, or taken', (_, frame) => {
      for (const [what, value] of refused) expect([what, sent(version, strictText, frame(text(value)))]).toEqual([what, 'closed']);
      for (const [what, value] of accepted) expect([what, sent(version, strictText, frame(text(value)))]).toEqual([what, 'taken']);
    });
    test.each(connectFields.slice(0, 3))('[MQTT-3.1.4-1] CONNECT %s is closed without CONNACK, or taken', (_, strings) => {
      for (const [what, value] of refused) expect([what, connects(version, strictText, strings(text(value)))]).toEqual([what, 'closed']);
      for (const [what, value] of accepted) expect([what, connects(version, strictText, strings(text(value)))]).toEqual([what, 'taken']);
    });
  });
});

describe('what is binary is not text', () => {
  const anything = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

  test('payload, will payload, password, correlation data, authentication data carry any bytes', () => {
    const rig = openRig({ authenticate: () => true });
    const watcher = rig.subscriber('watcher', '#', 0);
    const client = rig.client('a', {
      username: 'u',
      password: anything,
      will: { topic: 'w', payload: anything, properties: { correlationData: anything } },
      properties: { authenticationMethod: 'm', authenticationData: anything },
    });
    client.publish({ topic: 't', payload: anything, properties: { correlationData: anything } }).drop();
    const hex = `0x${anything.toString('hex')}`;
    expect(watcher.received()).toMatchObject([
      { topic: 't', payload: hex, properties: { correlationData: hex } },
      { topic: 'w', payload: hex, properties: { correlationData: hex } },
    ]);
  });
  test('Payload Format Indicator 1 is forwarded and not checked', () => {
    const rig = openRig();
    const watcher = rig.subscriber('watcher', 't');
    rig.client('a').publish({ topic: 't', payload: Buffer.of(0xff), properties: { payloadFormatIndicator: true } });
    expect(watcher.received()).toMatchObject([{ payload: '0xff', properties: { payloadFormatIndicator: true } }]);
  });
});

test('[MQTT-1.5.4-3] U+FEFF is never stripped: with and without it are two topics, two clients, two users', () => {
  const users: (string | undefined)[] = [];
  const rig = openRig({ authenticate: ({ username }) => users.push(username) > 0 });
  const plain = rig.client('a', { username: 'u' }).subscribe('t').skip();
  const marked = rig.client('\ufeffa', { username: '\ufeffu' }).subscribe('\ufefft').skip();
  rig.client('pub').publish({ topic: '\ufefft', payload: 'x' });
  expect(plain.received()).toEqual([]);
  expect(marked.received()).toMatchObject([{ topic: '\ufefft' }]);
  expect(users.slice(0, 2)).toEqual(['u', '\ufeffu']);
});

test('the bytes of legal text arrive as they were sent, in every property', () => {
  const rig = openRig();
  const watcher = rig.subscriber('watcher', '#');
  const odd = legal.map(([, value]) => value.toString()).join('').replaceAll(/[+#]/g, '');
  rig.client('a').publish({ topic: odd, payload: odd, properties: { contentType: odd, responseTopic: odd, userProperties: [[odd, odd]] } });
  expect(watcher.received()).toMatchObject([
    { topic: odd, payload: odd, properties: { contentType: odd, responseTopic: odd, userProperties: [[odd, odd]] } },
  ]);
});
