/** Fixed headers by bytes: which first bytes each version accepts, and Remaining Length. */
import { describe, expect, test } from '@jest/globals';
import { firstByteFault } from '../../../src/packet/fixed-header.js';
import { PacketReader } from '../../../src/packet/packet-reader.js';
import type { ProtocolVersion } from '../../../src/packet/protocol.js';
import { bytes, connectedReader, defaultLimits, fault, outcome, outcomeOf, packet, show, text } from './wire.js';

const versions: readonly ProtocolVersion[] = [3, 4, 5];
const fresh = (content: Uint8Array) => outcomeOf(new PacketReader(defaultLimits), [content]);

describe('the first packet', () => {
  // Goal: judged before buffering. Method: each of the 240 other first bytes alone, nothing behind it.
  test('v5 [MQTT-3.1.0-1], v3.1.1 [MQTT-3.1.0-1] anything but CONNECT fails at its first byte', () => {
    let judged = 0;
    for (let first = 0; first < 0x100; first += 1) {
      if (first >> 4 === 1) continue;
      expect(show(fresh(Uint8Array.of(first)))).toBe('0x82 MQTT-3.1.0-1');
      judged += 1;
    }
    expect(judged).toBe(240);
  });

  test.each([
    ['0004 4d515454 05 02003c', 5, '0x95 MQTT-3.2.2-15'],
    ['0004 4d515454 04 02003c', 4, '0x95 MQTT-4.8.0-2'],
    ['0006 4d5149736470 03', 3, '0x95 MQTT-4.8.0-2'],
  ])('connectBytesMax holds for it, as soon as its level is read (%s)', (body, version, error) => {
    const reader = new PacketReader({ ...defaultLimits, connectBytesMax: 100 });
    expect(show(outcomeOf(reader, [bytes(`10 63 ${body}`)]))).toBe(error);
    expect(reader.version).toBe(version);
    const slow = new PacketReader({ ...defaultLimits, connectBytesMax: 100 });
    expect(show(outcomeOf(slow, [...bytes(`10 63 ${body}`)].map((byte) => Uint8Array.of(byte))))).toBe(error);
    expect(fresh(bytes('10 62'))).toEqual({ packets: [], error: undefined });
  });
});

describe('reserved flags', () => {
  const legal: Readonly<Record<number, number>> = { 4: 0, 5: 0, 6: 2, 7: 0, 8: 2, 10: 2, 12: 0, 14: 0, 15: 0 };
  const statements = { 3: 'MQTT-2.2.2-2', 4: 'MQTT-2.2.2-2', 5: 'MQTT-2.1.3-1' };

  // Goal: every flag value of every type. Method: the first byte alone, so that nothing else can fail.
  test.each(versions)(
    'v5 [MQTT-2.1.3-1], v3.1.1 [MQTT-2.2.2-2] version %i: all 16 flag values of all types',
    (version) => {
      let refused = 0;
      for (const [type, flags] of Object.entries(legal).map(([key, value]) => [Number(key), value] as const)) {
        if (type === 15 && version !== 5) continue;
        for (let given = 0; given < 16; given += 1) {
          // MQTT 3.1: DUP on PUBREL, SUBSCRIBE, UNSUBSCRIBE
          const repeated = version === 3 && flags === 2 && given === 0x0a;
          const expected = given === flags || repeated ? undefined : `0x81 ${statements[version]}`;
          expect(fault(version, Uint8Array.of((type << 4) | given))).toBe(expected);
          if (expected !== undefined) refused += 1;
        }
      }
      expect(refused).toBe(version === 5 ? 9 * 15 : version === 4 ? 8 * 15 : 8 * 15 - 3);
    },
  );

  test('v5 [MQTT-2.1.3-1] CONNECT with flags, known once its version is', () => {
    expect(show(fresh(packet(0x11, "0004 'MQTT' 05 02 003c 00 0001 'a'")))).toBe('0x81 MQTT-2.1.3-1');
    expect(show(fresh(packet(0x18, "0004 'MQTT' 04 02 003c 0001 'a'")))).toBe('0x81 MQTT-2.2.2-2');
  });

  test('MQTT 3.1: the flags of CONNECT are not looked at', () => {
    expect(fresh(packet(0x1f, "0006 'MQIsdp' 03 02 003c 0001 'a'")).packets).toHaveLength(1);
  });
});

test('v5 [MQTT-3.1.0-2], v3.1.1 [MQTT-3.1.0-2] the error for a second CONNECT, for whoever closes then', () => {
  for (const version of versions) {
    expect(firstByteFault(0x10, version)).toMatchObject({ reasonCode: 0x82, statement: 'MQTT-3.1.0-2' });
  }
});

describe('PUBLISH flags', () => {
  test.each(versions)(
    'v5 [MQTT-3.3.1-4], v3.1.1 [MQTT-3.3.1-4] version %i: QoS 3 fails at the first byte',
    (version) => {
      for (const first of [0x36, 0x37, 0x3e, 0x3f])
        expect(fault(version, Uint8Array.of(first))).toBe('0x81 MQTT-3.3.1-4');
    },
  );

  test('v5 [MQTT-3.3.1-2], v3.1.1 [MQTT-3.3.1-2] DUP at QoS 0', () => {
    for (const version of [4, 5] as const) {
      expect(fault(version, Uint8Array.of(0x38))).toBe('0x81 MQTT-3.3.1-2');
      expect(fault(version, Uint8Array.of(0x39))).toBe('0x81 MQTT-3.3.1-2');
    }
    expect(fault(3, packet(0x38, "0001 'a'"))).toBeUndefined();
  });
});

describe('packet types', () => {
  test('v5 [X5-2.1.2-1] type 0, and what only a server sends', () => {
    expect(fault(5, Uint8Array.of(0x00))).toBe('0x81 X5-2.1.2-1');
    expect(fault(4, Uint8Array.of(0x00))).toBe('0x81 MQTT-4.8.0-1');
    for (const first of [0x20, 0x90, 0xb0, 0xd0]) {
      expect(fault(5, Uint8Array.of(first))).toBe('0x82 X5-2.1.2-1');
      expect(fault(4, Uint8Array.of(first))).toBe('0x82 MQTT-4.8.0-1');
      expect(fault(3, Uint8Array.of(first))).toBe('0x82 MQTT-4.8.0-1');
    }
  });

  test('AUTH exists in 5.0 only', () => {
    expect(fault(4, Uint8Array.of(0xf0))).toBe('0x81 MQTT-4.8.0-1');
    expect(fault(3, Uint8Array.of(0xf0))).toBe('0x81 MQTT-4.8.0-1');
    expect(fault(5, Uint8Array.of(0xf0))).toBeUndefined();
  });
});

describe('Remaining Length', () => {
  test('v5 [X5-1.5.5-1] fails at its fourth byte when that promises a fifth', () => {
    for (const version of versions) {
      expect(fault(version, bytes('30 ff ff ff'), { packetBytesMax: 1e9 })).toBeUndefined();
      const expected = version === 5 ? '0x81 X5-1.5.5-1' : '0x81 MQTT-4.8.0-1';
      expect(fault(version, bytes('30 ff ff ff ff'))).toBe(expected);
      expect(fault(version, bytes('30 80 80 80 80'))).toBe(expected);
    }
    expect(show(fresh(bytes('10 ff ff ff 80')))).toBe('0x81 X5-1.5.5-1');
  });

  test('v5 [MQTT-1.5.5-1] the minimal form is required in 5.0 only', () => {
    for (const long of ['c0 80 00', 'c0 80 80 00', 'c0 80 80 80 00']) {
      expect(fault(5, bytes(long))).toBe('0x81 MQTT-1.5.5-1');
      expect(outcome(4, bytes(long)).packets).toEqual([{ type: 12 }]);
      expect(outcome(3, bytes(long)).packets).toEqual([{ type: 12 }]);
    }
    expect(fault(5, bytes('82 ff 00'))).toBe('0x81 MQTT-1.5.5-1');
    expect(outcome(4, Buffer.concat([bytes("30 85 00 0001 'a' 0102"), bytes('c000')])).packets).toHaveLength(2);
  });

  test('v5 [MQTT-1.5.5-1] for CONNECT decided once its level is read', () => {
    expect(show(fresh(bytes("10 8f00 0004 'MQTT' 05 02 003c 00 0002 'ab'")))).toBe('0x81 MQTT-1.5.5-1');
    expect(fresh(bytes("10 8e00 0004 'MQTT' 04 02 003c 0002 'ab'")).packets).toHaveLength(1);
    const long = packet(0x10, `0004 'MQTT' 05 02 003c 00 ${text('a'.repeat(114))}`).subarray(2);
    expect(show(fresh(Buffer.concat([bytes('10 ff00'), long])))).toBe('0x81 MQTT-1.5.5-1');
    expect(show(fresh(bytes("10 8e00 0004 'MQTT' 06 02 003c 0002 'ab'")))).toBe('0x84 MQTT-3.1.2-2');
  });

  test('v5 [MQTT-3.2.2-15] the limit counts the whole packet and is judged as soon as its length is known', () => {
    const limits = { packetBytesMax: 200 };
    expect(fault(5, bytes('30 c501'), limits)).toBeUndefined(); // 3 + 197
    expect(fault(5, bytes('30 c601'), limits)).toBe('0x95 MQTT-3.2.2-15');
    expect(fault(4, bytes('30 c601'), limits)).toBe('0x95 MQTT-4.8.0-2');
    expect(fault(5, bytes('30 1e'), { packetBytesMax: 31 })).toBe('0x95 MQTT-3.2.2-15');
    expect(fault(5, bytes('30 1d'), { packetBytesMax: 31 })).toBeUndefined();
  });

  test('v5 [MQTT-3.2.2-15] a packet that is already there is judged in the same way', () => {
    const content = packet(0x30, Buffer.concat([bytes("0001 'a' 00"), Buffer.alloc(20)]));
    expect(fault(5, content, { packetBytesMax: content.length })).toBeUndefined();
    for (const packetBytesMax of [content.length - 1, content.length - 4, 1]) {
      expect(fault(5, content, { packetBytesMax })).toBe('0x95 MQTT-3.2.2-15');
    }
  });

  test('at its edges', () => {
    for (const size of [0, 127, 128, 16_383, 16_384, 70_000, 1_048_000]) {
      const content = packet(0x30, Buffer.concat([bytes("0001 'a'"), Buffer.alloc(size)]));
      const reader = connectedReader(4);
      reader.push(content);
      expect(reader.next()).toBe(3);
      expect(reader.publish.end - reader.publish.payloadStart).toBe(size);
      expect(reader.publish.end - reader.publish.packetStart).toBe(content.length);
      expect(reader.next()).toBe(0);
    }
  });
});

describe('trailing bytes', () => {
  test.each([
    ['PINGREQ', 'c0 01 00'],
    ['PUBACK', '40 03 0001 00'],
    ['DISCONNECT', 'e0 01 00'],
  ])('3.x: %s', (_, hex) => {
    expect(fault(4, bytes(hex))).toBe('0x81 MQTT-4.8.0-1');
    expect(fault(3, bytes(hex))).toBe('0x81 MQTT-4.8.0-1');
  });

  test.each([
    ['PINGREQ', 'c0 01 00'],
    ['PUBACK', '40 05 0001 00 00 00'],
    ['PUBREL', '62 05 0001 00 00 00'],
    ['DISCONNECT', 'e0 03 00 00 00'],
    ['AUTH', "f0 07 18 04 15 0001 'a' 00"],
  ])('5.0: %s', (_, hex) => {
    expect(fault(5, bytes(hex))).toBe('0x81 MQTT-4.13.1-1');
  });
});
