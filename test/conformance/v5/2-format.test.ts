/** MQTT 5.0, chapter 2.1: the first byte of a packet, its type and its flags. */
import { expect, test } from '@jest/globals';
import type { WireClient } from '../../../src/testing/index.js';
import { packet, text } from '../../unit/packet/wire.js';
import { openRig, payloads } from '../../wire/rig.js';
import { connectOf, listed, openFieldRig, refusalOf, sendFrom } from './fields.js';
import { brokenOf, client, expectDisconnected, expectRefused, open, resumable, subscriber } from './support.js';

const firstByte = (sent: WireClient): string => sent.receivedHex().slice(0, 2);

test('v5 [MQTT-2.1.3-1] every packet of the broker has the flags of table 2-2', () => {
  const rig = openFieldRig();
  const connect = { clientId: 'sub', clean: false, properties: { sessionExpiryInterval: 9, authenticationMethod: 'm' } };
  const sub = open(rig).connect(connect);
  expect(firstByte(sub)).toBe('20');
  expect(firstByte(sub.subscribe('a', { qos: 2 }))).toBe('90');
  const publisher = client(rig, 'pub');
  expect(firstByte(publisher.publish({ topic: 'a', qos: 1 }))).toBe('40');
  expect(firstByte(publisher.publish({ topic: 'nobody', qos: 1 }))).toBe('40'); // with a Reason Code
  expect(firstByte(publisher.publish({ topic: 'a', qos: 2, packetId: 7 }))).toBe('50');
  expect(firstByte(publisher.publish({ topic: 'nobody', qos: 2, packetId: 9 }))).toBe('50');
  expect(firstByte(publisher.pubrel(7))).toBe('70');
  expect(firstByte(publisher.pubrel(8))).toBe('70');
  expect(firstByte(publisher.pingreq())).toBe('d0');
  expect(sub.received().map(({ type, qos, retain, dup }) => [type, qos, retain, dup])).toEqual([
    ['publish', 1, false, false],
    ['publish', 2, false, false],
  ]);
  expect(firstByte(sub.pubrec(2))).toBe('62');
  expect(firstByte(sub.pubrec(99))).toBe('62');
  expect(firstByte(sub.unsubscribe('a'))).toBe('b0');
  expect(firstByte(sub.auth(0x19, { authenticationMethod: 'm' }))).toBe('f0');
  sub.puback(1).drop();
  const again = open(rig).connect(connect).skip();
  expect(firstByte(again.pubrec(2))).toBe('62');
  expect(firstByte(again.connect(connect))).toBe('e0');
  expect(resumable(rig, 'sub').receivedHex()).toBe('62 02 00 02'); // sent again
});

const flagged: readonly (readonly [name: string, legal: number, body: string])[] = [
  ['PUBACK', 0x40, '0001'],
  ['PUBREC', 0x50, '0001'],
  ['PUBREL', 0x62, '0001'],
  ['PUBCOMP', 0x70, '0001'],
  ['SUBSCRIBE', 0x82, `0001 00 ${text('t')} 00`],
  ['UNSUBSCRIBE', 0xa2, `0001 00 ${text('t')}`],
  ['PINGREQ', 0xc0, ''],
  ['DISCONNECT', 0xe0, ''],
  ['AUTH', 0xf0, `19 ${listed(`15 ${text('m')}`)}`],
];
const wrongFlags = (legal: number): number[] => Array.from({ length: 16 }, (_, flags) => (legal & 0xf0) | flags).filter((first) => first !== legal);

test.each(flagged)('v5 [MQTT-2.1.3-1] %s with other flags is malformed, 0x81', (name, legal, body) => {
  const good = sendFrom(openFieldRig(), packet(legal, body));
  expect([refusalOf(good), good.closed]).toEqual([0, name === 'DISCONNECT']);
  const wrong = wrongFlags(legal);
  expect(wrong).toHaveLength(15);
  const rig = openFieldRig();
  const broken = brokenOf(rig);
  for (const first of wrong) {
    expect([first, refusalOf(sendFrom(rig, packet(first, body)))]).toEqual([first, 0x81]);
    // The first byte is enough.
    expect([first, refusalOf(sendFrom(rig, Buffer.of(first)))]).toEqual([first, 0x81]);
    expect(rig.stats.subscriptions).toBe(0);
  }
  expect(broken).toEqual(Array(30).fill('MQTT-2.1.3-1'));
});

test('v5 [MQTT-2.1.3-1] CONNECT with other flags is malformed, CONNACK 0x81', () => {
  const connect = connectOf({});
  expect(open(openRig()).sendsBytes(connect).received()).toMatchObject([{ type: 'connack', reasonCode: 0 }]);
  const wrong = wrongFlags(0x10);
  const rig = openRig();
  const broken = brokenOf(rig);
  for (const first of wrong) expectRefused(open(rig).sendsBytes(Buffer.concat([Buffer.of(first), connect.subarray(1)])), 0x81);
  expect([broken, rig.stats.sessions]).toEqual([Array(15).fill('MQTT-2.1.3-1'), 0]);
});

test('v5 [MQTT-2.1.3-1] DISCONNECT with other flags is none: the will is published', () => {
  for (const first of [0xe0, ...wrongFlags(0xe0)]) {
    const rig = openRig();
    const watcher = subscriber(rig, 'watcher', 'w');
    const sent = client(rig, 'c', { will: { topic: 'w', payload: 'bye' } }).sendsBytes(packet(first, ''));
    expect(refusalOf(sent)).toBe(first === 0xe0 ? 0 : 0x81);
    expect(payloads(watcher)).toEqual(first === 0xe0 ? [] : ['bye']);
  }
});

/** What no client may send, whole and as a broker would send it. */
const forbidden: readonly (readonly [name: string, hex: string, reasonCode: number])[] = [
  ['type 0', '00 00', 0x81],
  ['CONNACK', '20 03 00 00 00', 0x82],
  ['SUBACK', '90 04 0001 00 00', 0x82],
  ['UNSUBACK', 'b0 04 0001 00 00', 0x82],
  ['PINGRESP', 'd0 00', 0x82],
];

test.each(forbidden)('v5 [X5-2.1.2-1] a client that sends %s is refused and closed, at the first byte and whatever its flags', (_name, hex, reasonCode) => {
  const rig = openRig();
  const broken = brokenOf(rig);
  expectDisconnected(client(rig, 'c').sendsHex(hex), reasonCode);
  expectDisconnected(client(rig, 'c').pingreq().skip().sendsHex(hex.slice(0, 2)), reasonCode);
  for (let flags = 1; flags < 16; flags += 1) {
    const first = Number.parseInt(hex.slice(0, 2), 16) | flags;
    expectDisconnected(client(rig, 'c').sendsBytes(Buffer.of(first, 0)), reasonCode);
  }
  expect(broken).toEqual(Array(17).fill('X5-2.1.2-1'));
});

test.each(forbidden)('v5 [X5-2.1.2-1] nor may it be the first packet: %s', (_name, hex) => {
  const rig = openRig();
  const sent = open(rig).sendsHex(hex);
  expect([sent.receivedHex(), sent.closed]).toEqual(['', true]);
});

test.each(forbidden)('v5 [X5-2.1.2-1] what stands before it counts, what stands behind it does not: %s', (_name, hex, reasonCode) => {
  const rig = openRig();
  const watcher = subscriber(rig, 'watcher', '#');
  const publish = (payload: string): string => packet(0x30, `${text('t')} 00 ${Buffer.from(payload).toString('hex')}`).toString('hex');
  expectDisconnected(client(rig, 'c').sendsHex(`${publish('before')} ${hex} ${publish('behind')}`), reasonCode);
  expect(payloads(watcher)).toEqual(['before']);
});
