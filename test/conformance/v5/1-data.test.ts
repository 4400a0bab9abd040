/** MQTT 5.0, chapters 1.5.4 and 1.5.7: strings and pairs of strings. */
import { expect, test } from '@jest/globals';
import type { AuthenticateAnswer } from '../../../src/index.js';
import { packet, text } from '../../unit/packet/wire.js';
import { openRig, publishes } from '../../wire/rig.js';
import type { Rig } from '../../wire/rig.js';
import { illFormed as illFormedToo } from '../v3.1.1/support.js';
import { expectMalformed, expectWellFormed, listed, pairFields, propertyOf, stringFields } from './fields.js';
import { client, connecting, expectDisconnected, open, resumable, subscriber } from './support.js';

const strings = Object.keys(stringFields);
const pairs = Object.keys(pairFields);

const point = (codePoint: number): Buffer => Buffer.from(String.fromCodePoint(codePoint));
const isWildcard = (value: Buffer): boolean => value.includes('+') || value.includes('#');

/** Those of 3.1.1, and a third or fourth byte that continues nothing. */
const illFormed = [...illFormedToo, ...['e28228', 'e282c0', 'f09f9828', 'f09f2880', 'f09f98ff'].map((hex) => Buffer.from(hex, 'hex'))];
/** The first and last of each length of UTF-8, and what stands next to surrogates. */
const wellFormed = [0x20, 0x7e, 0xa0, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xfffd, 0x1_0000, 0xf_fffd, 0x10_0000, 0x10_fffd].map(point);
const withNull = ['\0', '\0a', 'a\0', 'a\0b', `${'a'.repeat(40)}\0`, `é${'a'.repeat(20)}\0`].map((each) => Buffer.from(each));

/** U+0001 to U+001F, U+007F to U+009F, and the last two code points of each plane with U+FDD0 to U+FDEF. */
const frowned = [
  0x01, 0x09, 0x0a, 0x1f, 0x7f, 0x80, 0x9f, 0xfdd0, 0xfdef, 0xfffe, 0xffff, 0x1_fffe, 0x1_ffff, 0x9_ffff, 0x10_fffe, 0x10_ffff,
].map(point); // prettier-ignore
/** What stands next to those. */
const plain = [0x20, 0x7e, 0xa0, 0xfdcf, 0xfdf0, 0xfffd, 0x1_0000, 0x1_fffd, 0x2_0000, 0x10_fffd].map(point);

test.each(strings)('v5 [MQTT-1.5.4-1] ill-formed UTF-8 is malformed, 0x81: %s', (field) => {
  expectMalformed(field, illFormed, 'MQTT-1.5.4-1');
  expectWellFormed(field, wellFormed);
});

test.each(strings)('v5 [MQTT-1.5.4-2] U+0000 is malformed, 0x81, with strictText and without: %s', (field) => {
  for (const strictText of [true, false]) {
    expectMalformed(field, withNull, 'MQTT-1.5.4-2', { strictText });
    expectWellFormed(field, wellFormed, { strictText });
  }
});

test.each([...strings, ...pairs])('v5 [X5-1.5.4-1] control characters and non-characters are malformed unless strictText is off: %s', (field) => {
  const about = frowned.filter((value) => !isWildcard(value));
  expectMalformed(field, about, 'X5-1.5.4-1');
  expectWellFormed(field, about, { strictText: false });
  expectWellFormed(field, plain);
  expectMalformed(field, illFormed.slice(0, 3), 'MQTT-1.5.4-1', { strictText: false });
});

test.each(pairs)('v5 [MQTT-1.5.7-1] either string of a User Property must be a string: %s', (field) => {
  expectMalformed(field, illFormed, 'MQTT-1.5.4-1');
  expectMalformed(field, withNull, 'MQTT-1.5.4-2');
  expectWellFormed(field, [...wellFormed, Buffer.alloc(0)]);
});

test('v5 [MQTT-1.5.7-1] both strings of a pair arrive byte by byte, empty ones and repeated names too', () => {
  const rig = openRig();
  const sub = subscriber(rig, 'sub', 't', 1);
  const userProperties = [['', ''], ['k', ''], ['', 'v'], ['k', 'é€😀'], ['k', '\ufeff'], ['x'.repeat(200), 'y'.repeat(300)]] as const; // prettier-ignore
  for (const qos of [0, 1] as const) {
    client(rig, 'pub').publish({ topic: 't', qos, properties: { userProperties } });
    expect(publishes(sub)).toMatchObject([{ properties: { userProperties } }]);
  }
});

// ---- what the host gives the broker to send ----

/** What stands in a text of the host's, and the statement that keeps it from being sent. */
const unsendable = { '[MQTT-1.5.4-1]': ['\ud800', 'a\udfff', '\udc00\ud800', '\ud83d x'], '[MQTT-1.5.4-2]': ['\0', 'a\0', '\0a'] };

/** Every text that the host's publish takes is refused; of nothing a byte is sent. */
async function expectNotPublished(values: readonly string[], texts: number, why: string): Promise<void> {
  const rig = openRig();
  const sub = subscriber(rig, 'sub', '#', 1);
  let refused = 0;
  for (const value of values) {
    const attempts: readonly (() => Promise<unknown>)[] = [
      () => rig.broker.publish(value, 'x', { qos: 1 }),
      () => rig.broker.publish('t', 'x', { contentType: value }),
      () => rig.broker.publish('t', 'x', { responseTopic: value }),
      () => rig.broker.publish('t', 'x', { userProperties: [[value, 'v']] }),
      () => rig.broker.publish('t', 'x', { userProperties: [['k', 'v'], ['k', value]] }),
    ].slice(0, texts);
    for (const attempt of attempts) {
      await expect((async () => attempt())()).rejects.toMatchObject({ code: 'ODN_ERR_ARGUMENT', message: expect.stringContaining(why) });
      refused += 1;
    }
  }
  rig.clock.flush();
  expect([refused, sub.receivedHex()]).toEqual([texts * values.length, '']);
}

const texts: readonly ((value: string) => AuthenticateAnswer)[] = [
  (value) => ({ action: 'deny', reasonString: value }),
  (value) => ({ action: 'deny', reasonCode: 0x9c, serverReference: value }),
  (value) => ({ action: 'deny', userProperties: [[value, 'v']] }),
  (value) => ({ action: 'deny', userProperties: [['k', value]] }),
  (value) => ({ action: 'allow', responseInformation: value }),
  (value) => ({ action: 'allow', userProperties: [[value, 'v']] }),
  (value) => ({ action: 'allow', userProperties: [['k', value]] }),
];

/** An answer of `authenticate` with a text that cannot be sent is a refusal, and of the text nothing goes out. */
function expectNotTold(values: readonly string[]): void {
  for (const value of values) {
    for (const answerOf of texts) {
      const told: string[] = [];
      const rig = openRig({ authenticate: () => answerOf(value) });
      rig.broker.on('hookError', (error) => void told.push(error.code));
      const sent = open(rig).connect({ clientId: 'a', properties: { requestResponseInformation: true } });
      expect([value, sent.receivedHex(), sent.closed, told]).toEqual([value, '20 03 00 83 00', true, ['ODN_ERR_HOOK']]);
    }
  }
}

/** Nor does such a text stand in a PUBACK or a DISCONNECT. */
function expectNotSaid(values: readonly string[]): void {
  for (const value of values) {
    const rig = openRig({ authorize: (_client, { type }) => type !== 'publish' || { action: 'deny', reasonString: value } });
    const publisher = client(rig, 'pub').publish({ topic: 't', qos: 1 });
    expect(publisher.receivedHex()).toBe('40 03 00 01 87');
    expect(() => rig.broker.clients.get('pub')?.close(0x98, value)).toThrow(expect.objectContaining({ code: 'ODN_ERR_ARGUMENT' }));
    expect([publisher.receivedHex(), publisher.closed]).toEqual(['', false]);
  }
}

/** All else goes out as it is, control characters too: what it means is between the host and its clients. */
const sendable = ['', 'é€😀', 'two\nlines\u007f', '\ufeffx'];

function expectTold(): void {
  for (const value of sendable) {
    for (const answerOf of texts) {
      const answer = answerOf(value);
      const rig = openRig({ authenticate: () => answer });
      const [connack] = open(rig).connect({ clientId: 'a', properties: { requestResponseInformation: true } }).received();
      const { action, ...given } = answer as Exclude<AuthenticateAnswer, boolean>;
      const { reasonCode = action === 'allow' ? 0 : 0x87, ...properties } = given as { readonly reasonCode?: number };
      expect(connack).toMatchObject({ type: 'connack', reasonCode, properties });
    }
    const rig = openRig({ authorize: (_client, { type }) => type !== 'publish' || { action: 'deny', reasonString: value } });
    const sent = client(rig, 'pub').publish({ topic: 't', qos: 1 });
    expect(sent.received()).toMatchObject([{ type: 'puback', reasonCode: 0x87, properties: { reasonString: value } }]);
    rig.broker.clients.get('pub')?.close(0x98, value);
    rig.clock.flush();
    expect(sent.received()).toMatchObject([{ type: 'disconnect', reasonCode: 0x98, ...(value !== '' && { properties: { reasonString: value } }) }]);
  }
  const rig = openRig();
  const sent = client(rig, 'a');
  rig.broker.clients.get('a')?.close();
  rig.clock.flush();
  expectDisconnected(sent, 0x98);
}

test('v5 [MQTT-1.5.4-1] the broker sends no ill-formed text of the host: it is refused', async () => {
  await expectNotPublished(unsendable['[MQTT-1.5.4-1]'], 5, 'lone surrogate');
  expectNotTold(unsendable['[MQTT-1.5.4-1]']);
  expectNotSaid(unsendable['[MQTT-1.5.4-1]']);
  expectTold();
});

test('v5 [MQTT-1.5.4-2] the broker sends no U+0000 of the host: it is refused', async () => {
  await expectNotPublished(unsendable['[MQTT-1.5.4-2]'], 5, 'U+0000');
  expectNotTold(unsendable['[MQTT-1.5.4-2]']);
  expectNotSaid(unsendable['[MQTT-1.5.4-2]']);
  expectTold();
});

test('v5 [X5-1.5.4-1] nor does the host publish to a topic that no client could, unless strictText is off', async () => {
  await expectNotPublished(frowned.map(String), 1, 'strictText');
  const rig = openRig({ strictText: false });
  const sub = subscriber(rig, 'sub', '#');
  for (const value of frowned) await rig.broker.publish(String(value), 'x');
  rig.clock.flush();
  expect(publishes(sub).map(({ topic }) => topic)).toEqual(frowned.map(String));
});

// ---- U+FEFF ----

const bom = '\ufeff';
const hexOf = (bytes: Buffer): string => bytes.toString('hex').replaceAll(/(..)(?=.)/g, '$1 ');

test('v5 [MQTT-1.5.4-3] U+FEFF in a topic is forwarded byte by byte, and matched as a character', () => {
  const rig = openRig();
  for (const name of ['a', 'long/topic/name/of/many/levels']) {
    const withBom = subscriber(rig, 'with', `${bom}${name}`, 1);
    const without = subscriber(rig, 'without', name, 1);
    const publisher = client(rig, 'pub');
    const published = (topic: string): string => hexOf(packet(0x30, `${text(topic)} 00 78`));
    for (const topic of [`${bom}${name}`, name]) publisher.publish({ topic, payload: 'x' });
    expect(withBom.receivedHex()).toBe(published(`${bom}${name}`));
    expect(without.receivedHex()).toBe(published(name));
    // Encoded anew, at another QoS, it is still there.
    publisher.publish({ topic: `${bom}${name}`, payload: 'x', qos: 1 });
    expect(withBom.receivedHex()).toBe(hexOf(packet(0x32, `${text(`${bom}${name}`)} 0001 00 78`)));
    expect(without.receivedHex()).toBe('');
  }
});

test('v5 [MQTT-1.5.4-3] U+FEFF stays in properties, at the beginning, within and at the end', () => {
  const rig = openRig();
  const sub = subscriber(rig, 'sub', 't');
  const value = text(`${bom}a${bom}b${bom}`);
  const bytes = packet(0x30, `${text('t')} ${listed(`${propertyOf(0x03, value)} ${propertyOf(0x08, value)} ${propertyOf(0x26, value + value)}`)} 78`);
  client(rig, 'pub').sendsBytes(bytes);
  expect(sub.receivedHex()).toBe(hexOf(bytes));
});

test('v5 [MQTT-1.5.4-3] U+FEFF makes another Client Identifier, another User Name and another text for a hook', () => {
  const seen: (string | undefined)[] = [];
  const rig: Rig = openRig({
    authenticate: ({ username, properties }) => seen.push(username, properties.userProperties?.[0]?.[0]) > 0,
  });
  resumable(rig, `${bom}a`, { username: `${bom}name`, properties: { userProperties: [[`${bom}key`, 'v']] } }).disconnect();
  expect(connecting(rig, { flags: '00' }).received()).toMatchObject([{ type: 'connack', sessionPresent: false }]);
  expect([...rig.broker.clients.keys()]).toEqual(['a']);
  expect(seen).toEqual([`${bom}name`, `${bom}key`, undefined, undefined]);
  expect(open(rig).connect({ clientId: `${bom}a`, clean: false, username: `${bom}name` }).received()).toMatchObject([{ sessionPresent: true }]);
});
