/** PUBACK, PUBREC, PUBREL, PUBCOMP, PINGREQ, DISCONNECT and AUTH by bytes. */
import { describe, expect, test } from '@jest/globals';
import { bytes, connectedReader, fault, outcome, packet } from './wire.js';

const receiver = [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99];
const acks = [
  ['PUBACK', 0x40, receiver, 'MQTT-3.4.2-1'],
  ['PUBREC', 0x50, receiver, 'MQTT-3.5.2-1'],
  ['PUBREL', 0x62, [0x00, 0x92], 'MQTT-3.6.2-1'],
  ['PUBCOMP', 0x70, [0x00, 0x92], 'MQTT-3.7.2-1'],
] as const;
const hex = (byte: number): string => byte.toString(16).padStart(2, '0');

describe.each(acks)('%s', (_, first, reasons, statement) => {
  const type = first >> 4;

  test('v5 [X5-3.4.2.1-1] short forms', () => {
    const reason = reasons.at(-1) as number;
    expect(outcome(5, packet(first, '1234')).packets).toEqual([{ type, packetId: 0x1234, reasonCode: 0 }]);
    expect(outcome(5, packet(first, `1234 ${hex(reason)}`)).packets).toEqual([
      { type, packetId: 0x1234, reasonCode: reason },
    ]);
    expect(outcome(5, packet(first, `1234 ${hex(reason)} 00`)).packets).toEqual([
      { type, packetId: 0x1234, reasonCode: reason },
    ]);
    const properties = "0c 1f 0002 'no' 26 0001 'n' 0001 'v'";
    expect(outcome(5, packet(first, `1234 00 ${properties}`)).packets).toEqual([
      { type, packetId: 0x1234, reasonCode: 0 },
    ]);
  });

  test.each([3, 4] as const)('version %i: exactly two bytes', (version) => {
    expect(outcome(version, packet(first, 'ffff')).packets).toEqual([{ type, packetId: 0xffff, reasonCode: 0 }]);
    expect(fault(version, packet(first, '0001 00'))).toBe('0x81 MQTT-4.8.0-1');
    expect(fault(version, packet(first, '00'))).toBe('0x81 MQTT-4.8.0-1');
    expect(fault(version, packet(first, ''))).toBe('0x81 MQTT-4.8.0-1');
  });

  // Goal: the reason code table. Method: all 256 codes.
  test(`v5 [${statement}] reason codes`, () => {
    for (let reason = 0; reason < 0x100; reason += 1) {
      const expected = (reasons as readonly number[]).includes(reason) ? undefined : `0x82 ${statement}`;
      expect(fault(5, packet(first, `0001 ${hex(reason)}`))).toBe(expected);
      expect(fault(5, packet(first, `0001 ${hex(reason)} 00`))).toBe(expected);
    }
  });

  test('v5 [MQTT-2.2.1-3], v3.1.1 [MQTT-2.3.1-1] Packet Identifier 0 or cut', () => {
    expect(fault(5, packet(first, '0000'))).toBe('0x82 MQTT-2.2.1-3');
    expect(fault(5, packet(first, '0000 00 00'))).toBe('0x82 MQTT-2.2.1-3');
    expect(fault(4, packet(first, '0000'))).toBe('0x82 MQTT-2.3.1-1');
    expect(fault(5, packet(first, '00'))).toBe('0x81 MQTT-4.13.1-1');
    expect(fault(5, packet(first, ''))).toBe('0x81 MQTT-4.13.1-1');
  });

  test('v5 properties are checked although they are not decoded', () => {
    expect(fault(5, packet(first, '0001 00 05 11 00000001'))).toBe('0x81 X5-2.2.2.2-1');
    expect(fault(5, packet(first, '0001 00 04 1f 0001 ff'))).toBe('0x81 MQTT-1.5.4-1');
    expect(fault(5, packet(first, '0001 00 06 1f 0000 1f 0000'))).toBe('0x82 X5-2.2.2.2-3');
    expect(fault(5, packet(first, '0001 00 01'))).toBe('0x81 MQTT-4.13.1-1');
    expect(fault(5, packet(first, '0001 00 8000'))).toBe('0x81 MQTT-1.5.5-1');
    expect(fault(5, packet(first, '0001 00 00 00'))).toBe('0x81 MQTT-4.13.1-1');
  });
});

test('PINGREQ is one shared object, which the next packet clears', () => {
  const reader = connectedReader(5);
  reader.push(bytes('c000 c000 4002 0001'));
  expect(reader.next()).toBe(12);
  const first = reader.packet;
  expect(first).toEqual({ type: 12 });
  expect(reader.next()).toBe(12);
  expect(reader.packet).toBe(first);
  expect(reader.next()).toBe(4);
  expect(reader.packet).toBeUndefined();
});

describe('DISCONNECT', () => {
  test('v5 [X5-3.14.2.1-1] short forms', () => {
    expect(outcome(5, bytes('e000')).packets).toEqual([{ type: 14, reasonCode: 0, properties: {} }]);
    expect(outcome(5, bytes('e001 04')).packets).toEqual([{ type: 14, reasonCode: 4, properties: {} }]);
    expect(outcome(5, bytes('e002 00 00')).packets).toEqual([{ type: 14, reasonCode: 0, properties: {} }]);
    expect(outcome(5, packet(0xe0, "04 09 11 0000000a 1f 0001 'x'")).packets).toEqual([
      { type: 14, reasonCode: 4, properties: { sessionExpirySeconds: 10, reasonString: 'x' } },
    ]);
  });

  test('3.x: no body', () => {
    for (const version of [3, 4] as const) {
      expect(outcome(version, bytes('e000')).packets).toEqual([{ type: 14, reasonCode: 0, properties: {} }]);
    }
  });

  // Goal: the reason code table less the server's. Method: all 256 codes.
  test('v5 [MQTT-3.14.2-1] reason codes of a client', () => {
    const legal = new Set([0, 4, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99]);
    for (let reason = 0; reason < 0x100; reason += 1) {
      const expected = legal.has(reason) ? undefined : '0x82 MQTT-3.14.2-1';
      expect(fault(5, bytes(`e001 ${hex(reason)}`))).toBe(expected);
      expect(fault(5, bytes(`e002 ${hex(reason)} 00`))).toBe(expected);
    }
  });

  test('v5 [X5-2.2.2.2-1] Server Reference is for servers', () => {
    expect(fault(5, packet(0xe0, "00 04 1c 0001 's'"))).toBe('0x81 X5-2.2.2.2-1');
  });
});

describe('AUTH', () => {
  test('method and data', () => {
    expect(outcome(5, packet(0xf0, "18 09 15 0001 'm' 16 0002 beef")).packets).toEqual([
      { type: 15, reasonCode: 0x18, properties: { authenticationMethod: 'm', authenticationData: 'beef' } },
    ]);
    expect(outcome(5, packet(0xf0, "19 04 15 0001 'm'")).packets).toMatchObject([{ reasonCode: 0x19 }]);
  });

  test('v5 [MQTT-3.15.2-1] reason codes of a client', () => {
    for (let reason = 0; reason < 0x100; reason += 1) {
      const expected = reason === 0x18 || reason === 0x19 ? undefined : '0x82 MQTT-3.15.2-1';
      expect(fault(5, packet(0xf0, `${hex(reason)} 04 15 0001 'm'`))).toBe(expected);
    }
    expect(fault(5, bytes('f000'))).toBe('0x82 MQTT-3.15.2-1');
  });

  test('v5 [X5-3.15.2.2.2-1] the method is required', () => {
    expect(fault(5, bytes('f001 18'))).toBe('0x82 X5-3.15.2.2.2-1');
    expect(fault(5, bytes('f002 18 00'))).toBe('0x82 X5-3.15.2.2.2-1');
    expect(fault(5, packet(0xf0, '18 04 16 0001 ff'))).toBe('0x82 X5-3.15.2.2.2-1');
  });
});
