/** MQTT 5.0, chapter 3.2.2.3: the broker's Maximum Packet Size, and what a CONNACK leaves out to keep to the client's. */
import { expect, test } from '@jest/globals';
import type { AuthenticateAnswer } from '../../../src/index.js';
import type { WireClient } from '../../../src/testing/index.js';
import { openRig } from '../../wire/rig.js';
import type { Rig } from '../../wire/rig.js';
import { brokenOf, client, expectDisconnected, expectOpen, expectRefused, open } from './support.js';

const lengthHex = (length: number): string => (length < 128 ? length.toString(16).padStart(2, '0') : `${((length & 0x7f) | 0x80).toString(16)} ${(length >> 7).toString(16).padStart(2, '0')}`);

// Sizes with one and with two bytes of Remaining Length; whole packets in one chunk, and in pieces.
test.each([[100, 2], [1000, 3]])('v5 [MQTT-3.2.2-15] a packet of %i bytes is taken when that is the Maximum Packet Size, one byte more gets 0x95', (size, header) => {
  const rig = openRig({ packetBytesMax: size });
  expect(open(rig).connect({ clientId: 'a' }).received()).toMatchObject([{ properties: { maximumPacketSize: size } }]);
  const broken = brokenOf(rig);
  for (const cutInto of [Infinity, 1]) {
    for (const [first, empty] of [['30', '0001 61 00'], ['32', '0001 61 0001 00'], ['34', '0001 61 0001 00']] as const) {
      const emptyBytes = empty.replaceAll(' ', '').length / 2;
      const publish = (bytes: number): string => `${first} ${lengthHex(bytes - header)} ${empty} ${'78'.repeat(bytes - header - emptyBytes)}`;
      expectOpen(client(rig, 'c').cutInto(cutInto).sendsHex(publish(size)));
      expectDisconnected(client(rig, 'c').cutInto(cutInto).sendsHex(publish(size + 1)), 0x95);
    }
  }
  expect([rig.stats.publishReceived, broken]).toEqual([6, Array(6).fill('MQTT-3.2.2-15')]);
});

test('v5 [MQTT-3.2.2-15] it is told by the header alone, of every type of packet, before a byte of the body has come', () => {
  const rig = openRig({ packetBytesMax: 100 });
  for (const first of ['30', '32', '40', '50', '62', '70', '82', 'a2', 'c0', 'e0', 'f0']) {
    expectDisconnected(client(rig, 'c').sendsHex(`${first} 63`), 0x95);
    const within = client(rig, 'c').sendsHex(`${first} 62`);
    expect([within.receivedHex(), within.closed]).toEqual(['', false]);
    expectDisconnected(client(rig, 'c').sendsHex(`${first} ff ff ff 7f`), 0x95);
  }
});

test('v5 [MQTT-3.2.2-15] a CONNECT has a limit of its own: at it it is taken, above it CONNACK says 0x95', () => {
  const connect = (rig: Rig, bytes: number): WireClient => open(rig).connect({ clientId: 'x'.repeat(bytes - 15) });
  const rig = openRig({ connectBytesMax: 50, packetBytesMax: 40 });
  expectOpen(connect(rig, 50));
  expectRefused(connect(rig, 51), 0x95);
  // Its first bytes are enough, behind a length that says too much.
  expectRefused(open(rig).sendsHex('10 31 0004 4d515454 05 02 00'), 0x95);
});

// ---- what is left out of a CONNACK that is too large ----

/** What a client with this Maximum Packet Size hears of an answer of `authenticate`, and how many bytes that is. */
function heard(answer: AuthenticateAnswer, maximumPacketSize: number): readonly [reasonCode: number | undefined, properties: readonly string[], bytes: number] {
  const connect = { clientId: 'a', properties: { maximumPacketSize } };
  const bytes = open(openRig({ authenticate: () => answer })).connect(connect).receivedHex().split(' ').length;
  const [connack] = open(openRig({ authenticate: () => answer })).connect(connect).received();
  return [connack?.reasonCode, Object.keys(connack?.properties ?? {}).toSorted(), bytes];
}

test('v5 [MQTT-3.2.2-19] a Reason String that makes the CONNACK too large is left out, one that just fits is not', () => {
  const answer: AuthenticateAnswer = { action: 'deny', reasonCode: 0x8a, reasonString: 'r'.repeat(50) };
  // Five bytes without it; its identifier and length are three.
  expect(heard(answer, 58)).toEqual([0x8a, ['reasonString'], 58]);
  expect(heard(answer, 57)).toEqual([0x8a, [], 5]);
  expect(heard(answer, 5)).toEqual([0x8a, [], 5]);
  expect(heard({ ...answer, reasonString: 'r'.repeat(65_536) }, 268_435_460)).toEqual([0x8a, [], 5]);
  // A reason of the broker's own.
  const sent = (maximumPacketSize: number) => open(openRig()).connect({ clientId: '+', properties: { maximumPacketSize } }).received();
  expect(sent(1000)).toMatchObject([{ reasonCode: 0x85, properties: { reasonString: expect.any(String) } }]);
  expect(sent(20)).toEqual([{ type: 'connack', reasonCode: 0x85, sessionPresent: false }]);
});

test('v5 [MQTT-3.2.2-20] User Properties that make the CONNACK too large are left out, first of all, and all of them', () => {
  const userProperties = [['k', 'v'.repeat(20)], ['k', '']] as const; // 26 and 6 bytes
  const deny: AuthenticateAnswer = { action: 'deny', userProperties };
  expect(heard(deny, 37)).toEqual([0x87, ['userProperties'], 37]);
  expect(heard(deny, 36)).toEqual([0x87, [], 5]);
  const both: AuthenticateAnswer = { ...deny, reasonString: 'r'.repeat(10) }; // 13 bytes
  expect(heard(both, 50)).toEqual([0x87, ['reasonString', 'userProperties'], 50]);
  expect(heard(both, 49)).toEqual([0x87, ['reasonString'], 18]);
  expect(heard(both, 17)).toEqual([0x87, [], 5]);
  const [, needed, bytes] = heard(true, 1000);
  expect(needed).not.toContain('userProperties');
  expect(heard({ action: 'allow', userProperties }, bytes + 32)).toEqual([0, [...needed, 'userProperties'].toSorted(), bytes + 32]);
  expect(heard({ action: 'allow', userProperties }, bytes + 31)).toEqual([0, needed, bytes]);
});
