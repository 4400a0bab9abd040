/** MQTT 5.0, chapter 3.8: the format of SUBSCRIBE. What it does stands in 3.08-answer, -replace and -delivery. */
import { expect, test } from '@jest/globals';
import type { WireClient } from '../../../src/testing/index.js';
import { packet, text } from '../../unit/packet/wire.js';
import { openRig, payloads } from '../../wire/rig.js';
import type { Rig } from '../../wire/rig.js';
import { illFormed } from '../v3.1.1/support.js';
import { allCodes, byteHex } from './acks.js';
import { client, expectDisconnected, expectOpen } from './support.js';

const good = `${text('good')} 01`;

/** SUBSCRIBE with Packet Identifier 1 and no properties. */
const subscribing = (rig: Rig, payload: string): WireClient => client(rig, 'c').sendsBytes(packet(0x82, `0001 00 ${payload}`));

/** It closes the connection, and no filter of the packet takes effect. */
function expectWrong(payload: string, reasonCode: number): void {
  const rig = openRig();
  expectDisconnected(subscribing(rig, payload), reasonCode);
  expect(rig.stats.subscriptions).toBe(0);
}

test('v5 [MQTT-3.8.1-1] SUBSCRIBE with flags other than 0010 is malformed and closes; nothing is subscribed', () => {
  for (let flags = 0; flags < 16; flags += 1) {
    const rig = openRig();
    const sent = client(rig, 'c').sendsBytes(packet(0x80 | flags, `0001 00 ${text('a')} 00`));
    if (flags === 2) expect(sent.receivedHex()).toBe('90 04 00 01 00 00');
    else {
      expectDisconnected(sent, 0x81);
      expectDisconnected(client(rig, 'c').sendsBytes(Buffer.of(0x80 | flags)), 0x81); // at its first byte
    }
    expect(rig.stats.subscriptions).toBe(flags === 2 ? 1 : 0);
  }
});

test('v5 [MQTT-3.8.3-1] Topic Filters must be UTF-8, each of them', () => {
  expect(illFormed.length).toBeGreaterThan(15);
  for (const value of illFormed) for (const before of ['', good]) expectWrong(`${before} ${text(value)} 00`, 0x81);
  for (const length of ['0006', 'ffff']) expectWrong(`${good} ${length} 61 62 00`, 0x81); // beyond the end of the packet
  const rig = openRig();
  const sub = subscribing(rig, `${good} ${text('é€😀')} 00`);
  expect(sub.receivedHex()).toBe('90 05 00 01 00 01 00');
  client(rig, 'pub').publish({ topic: 'é€😀', payload: 'x' });
  expect(payloads(sub)).toEqual(['x']);
});

test('v5 [MQTT-3.8.3-2] SUBSCRIBE without a Topic Filter is a protocol error', () => {
  for (const properties of ['00', '02 0b 07', '07 26 0001 6b 0001 76']) {
    const rig = openRig();
    expectDisconnected(client(rig, 'c').sendsBytes(packet(0x82, `0001 ${properties}`)), 0x82);
    const sent = client(rig, 'c').sendsBytes(packet(0x82, `0001 ${properties} ${good}`));
    expect(sent.receivedHex()).toBe('90 04 00 01 00 01');
  }
});

test('v5 [MQTT-3.8.3-2] a Topic Filter without its options is malformed, and so are options alone', () => {
  for (const payload of [text('a'), `${good} ${text('a')}`, '01', `${good} 01`]) expectWrong(payload, 0x81);
});

test('v5 [MQTT-3.8.3-4] No Local on a Shared Subscription is a protocol error', () => {
  for (const filter of ['$share/g/a', '$share/g/#', '$share/g//']) {
    for (const options of ['04', '05', '0e', '24']) {
      expectWrong(`${text(filter)} ${options}`, 0x82);
      expectWrong(`${good} ${text(filter)} ${options} ${good}`, 0x82);
    }
    for (const options of ['00', '02', '0a', '20']) expectOpen(subscribing(openRig(), `${text(filter)} ${options}`));
  }
  // `$share` alone, and what only looks like it, are ordinary filters.
  for (const filter of ['$share', '$shared/g/a', 'share/g/a', '/$share/g/a']) expectOpen(subscribing(openRig(), `${text(filter)} 05`));
});

// ---- Subscription Options: every value of the byte ----

const hasReserved = (options: number): boolean => options >= 0x40;
const hasQos3 = (options: number): boolean => (options & 0x03) === 0x03;
const hasRetainHandling3 = (options: number): boolean => (options & 0x30) === 0x30;

/** It closes in a second filter behind a good one, and in front of it. */
function expectWrongOptions(options: readonly number[], reasonCode: number): void {
  for (const value of options) {
    expectWrong(`${good} ${text('b')} ${byteHex(value)}`, reasonCode);
    expectWrong(`${text('b')} ${byteHex(value)} ${good}`, reasonCode);
  }
}

/** The legal values: each is granted the QoS of its two lowest bits. */
function expectRightOptions(options: readonly number[]): void {
  for (const value of options) {
    const rig = openRig();
    expect(subscribing(rig, `${good} ${text('b')} ${byteHex(value)}`).receivedHex()).toBe(`90 05 00 01 00 01 ${byteHex(value & 3)}`);
    expect(rig.stats.subscriptions).toBe(2);
  }
}

const legal = allCodes.filter((options) => !hasReserved(options) && !hasQos3(options) && !hasRetainHandling3(options));

test('v5 [MQTT-3.8.3-5] reserved bits in Subscription Options are malformed', () => {
  const reserved = allCodes.filter(hasReserved);
  expect([reserved.length, legal.length]).toEqual([192, 36]);
  expectWrongOptions(reserved, 0x81);
  expectRightOptions(legal);
});

test('v5 [X5-3.8.3.1-1] Maximum QoS 3 is a protocol error; 0, 1 and 2 are granted', () => {
  const three = allCodes.filter((options) => hasQos3(options) && !hasReserved(options));
  expect(three).toHaveLength(16);
  expectWrongOptions(three, 0x82);
  expectRightOptions([0, 1, 2]);
});

test('v5 [X5-3.8.3.1-2] Retain Handling 3 is a protocol error; 0, 1 and 2 are not', () => {
  const three = allCodes.filter((options) => hasRetainHandling3(options) && !hasReserved(options));
  expect(three).toHaveLength(16);
  expectWrongOptions(three, 0x82);
  expectRightOptions([0x00, 0x10, 0x20]);
});
