/** SUBSCRIBE and UNSUBSCRIBE by bytes. */
import { describe, expect, test } from '@jest/globals';
import type { ProtocolVersion } from '../../../src/packet/protocol.js';
import { fault, outcome, packet } from './wire.js';

const none = { 3: '', 4: '', 5: '00' };
const subscribe = (version: ProtocolVersion, payload: string) => packet(0x82, `0001 ${none[version]} ${payload}`);
const unsubscribe = (version: ProtocolVersion, payload: string) => packet(0xa2, `0001 ${none[version]} ${payload}`);
const versions = [3, 4, 5] as const;
const general = { 3: 'MQTT-4.8.0-1', 4: 'MQTT-4.8.0-1', 5: 'MQTT-4.13.1-1' };

describe('SUBSCRIBE', () => {
  test('5.0: filters, options and identifier', () => {
    const content = packet(0x82, "1234 03 0b 8001 0003 'a/#' 00 000a '$share/g/a' 2a 0001 '+' 1d");
    expect(outcome(5, content).packets).toEqual([
      {
        type: 8,
        packetId: 0x1234,
        properties: { subscriptionIdentifiers: [128] },
        subscriptions: [
          { topicFilter: 'a/#', qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 },
          { topicFilter: '$share/g/a', qos: 2, noLocal: false, retainAsPublished: true, retainHandling: 2 },
          { topicFilter: '+', qos: 1, noLocal: true, retainAsPublished: true, retainHandling: 1 },
        ],
      },
    ]);
  });

  test.each([3, 4] as const)('version %i: filters and QoS', (version) => {
    expect(outcome(version, packet(0x82, "0007 0001 'a' 02 0003 'a#b' 00")).packets).toEqual([
      {
        type: 8,
        packetId: 7,
        properties: {},
        subscriptions: [
          { topicFilter: 'a', qos: 2, noLocal: false, retainAsPublished: false, retainHandling: 0 },
          { topicFilter: 'a#b', qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 },
        ],
      },
    ]);
  });

  test('MQTT 3.1: may carry DUP', () => {
    expect(outcome(3, packet(0x8a, "0001 0001 'a' 00")).packets).toHaveLength(1);
    expect(outcome(3, packet(0xaa, "0001 0001 'a'")).packets).toHaveLength(1);
    expect(outcome(3, packet(0x6a, '0001')).packets).toEqual([{ type: 6, packetId: 1, reasonCode: 0 }]);
  });

  test('v5 [MQTT-3.8.3-2], v3.1.1 [MQTT-3.8.3-3] at least one filter', () => {
    expect(fault(5, subscribe(5, ''))).toBe('0x82 MQTT-3.8.3-2');
    expect(fault(4, subscribe(4, ''))).toBe('0x82 MQTT-3.8.3-3');
    expect(fault(3, subscribe(3, ''))).toBe('0x82 MQTT-3.8.3-3');
  });

  // Goal: every options byte. Method: all 256 in all versions.
  test('v5 [MQTT-3.8.3-5] [X5-3.8.3.1-1] [X5-3.8.3.1-2], v3.1.1 [MQTT-3.8.3-4] Subscription Options', () => {
    for (let options = 0; options < 0x100; options += 1) {
      const payload = `0001 'a' ${options.toString(16).padStart(2, '0')}`;
      const qos3 = (options & 3) === 3;
      let expected: string | undefined;
      if (options >= 0x40) expected = '0x81 MQTT-3.8.3-5';
      else if (qos3) expected = '0x82 X5-3.8.3.1-1';
      else if ((options & 0x30) === 0x30) expected = '0x82 X5-3.8.3.1-2';
      expect(fault(5, subscribe(5, payload))).toBe(expected);
      expect(fault(4, subscribe(4, payload))).toBe(qos3 || options > 3 ? '0x81 MQTT-3.8.3-4' : undefined);
      expect(fault(3, subscribe(3, payload))).toBe(qos3 ? '0x81 MQTT-3.8.3-4' : undefined);
    }
  });

  test.each(versions)('version %i: the options byte is there', (version) => {
    expect(fault(version, subscribe(version, "0001 'a'"))).toBe(`0x81 ${general[version]}`);
    expect(fault(version, subscribe(version, "0001 'a' 00 0001 'b'"))).toBe(`0x81 ${general[version]}`);
  });

  test('v5 [X5-2.2.2.2-3] one Subscription Identifier', () => {
    expect(fault(5, packet(0x82, "0001 04 0b01 0b02 0001 'a' 00"))).toBe('0x82 X5-2.2.2.2-3');
  });
});

describe('UNSUBSCRIBE', () => {
  test.each(versions)('version %i: filters in order', (version) => {
    expect(outcome(version, unsubscribe(version, "0001 'b' 0001 'a' 0001 'b'")).packets).toEqual([
      { type: 10, packetId: 1, properties: {}, topicFilters: ['b', 'a', 'b'] },
    ]);
  });

  test.each(versions)('v5 [MQTT-3.10.3-2], v3.1.1 [MQTT-3.10.3-2] version %i: at least one filter', (version) => {
    expect(fault(version, unsubscribe(version, ''))).toBe('0x82 MQTT-3.10.3-2');
  });

  test('5.0: only User Properties', () => {
    expect(outcome(5, packet(0xa2, "0001 07 26 0001 'n' 0001 'v' 0001 'a'")).packets).toMatchObject([
      { properties: { userProperties: [['n', 'v']] } },
    ]);
    expect(fault(5, packet(0xa2, "0001 02 0b 01 0001 'a'"))).toBe('0x81 X5-2.2.2.2-1');
  });
});

describe.each([
  ['SUBSCRIBE', subscribe, ' 00'],
  ['UNSUBSCRIBE', unsubscribe, ''],
] as const)('%s filters and identifier', (_, build, options) => {
  test.each(versions)('v5 [MQTT-4.7.3-1], v3.1.1 [MQTT-4.7.3-1] version %i: not empty', (version) => {
    expect(fault(version, build(version, `0000${options}`))).toBe('0x81 MQTT-4.7.3-1');
  });

  test('v5 [MQTT-3.8.3-1] [MQTT-3.10.3-1], v3.1.1 [MQTT-3.8.3-1] [MQTT-3.10.3-1] strict UTF-8', () => {
    expect(fault(5, build(5, `0001 ff${options}`))).toBe('0x81 MQTT-1.5.4-1');
    expect(fault(4, build(4, `0001 ff${options}`))).toBe('0x81 MQTT-1.5.3-1');
    expect(fault(5, build(5, `0001 00${options}`))).toBe('0x81 MQTT-1.5.4-2');
    expect(fault(4, build(4, `0001 00${options}`))).toBe('0x81 MQTT-1.5.3-2');
    expect(fault(5, build(5, `0001 0a${options}`))).toBe('0x81 X5-1.5.4-1');
    expect(fault(5, build(5, `0001 0a${options}`), { strictText: false })).toBeUndefined();
  });

  test('v5 [MQTT-2.2.1-3], v3.1.1 [MQTT-2.3.1-1] Packet Identifier 0 or missing', () => {
    const first = build === subscribe ? 0x82 : 0xa2;
    expect(fault(5, packet(first, `0000 00 0001 'a'${options}`))).toBe('0x82 MQTT-2.2.1-3');
    expect(fault(4, packet(first, `0000 0001 'a'${options}`))).toBe('0x82 MQTT-2.3.1-1');
    for (const version of versions) expect(fault(version, packet(first, '00'))).toBe(`0x81 ${general[version]}`);
  });

  test.each(versions)('version %i: a cut filter', (version) => {
    expect(fault(version, build(version, "0003 'ab'"))).toBe(`0x81 ${general[version]}`);
  });
});
