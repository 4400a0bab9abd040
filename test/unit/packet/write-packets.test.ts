/** What the broker sends, by bytes: shortest forms, size limits, problem information, 3.x shapes. */
import { describe, expect, test } from '@jest/globals';
import type { AckPacket, BrokerPacket, Properties } from '../../../src/packet/packets.js';
import type { ProtocolVersion } from '../../../src/packet/protocol.js';
import { connackReturnCode, encodePacket, type WriteLimits } from '../../../src/packet/write-packets.js';
import { bytes } from './wire.js';

const unlimited: WriteLimits = { maximumPacketBytes: Infinity, problemInformation: true };
const hex = (packet: BrokerPacket, version: ProtocolVersion, limits: Partial<WriteLimits> = {}): string | undefined =>
  encodePacket(packet, version, { ...unlimited, ...limits })?.toString('hex');
const as = (text: string): string => bytes(text).toString('hex');
const ack = (type: AckPacket['type'], reasonCode = 0, properties: Properties = {}): AckPacket => ({
  type,
  packetId: 0x1234,
  reasonCode,
  properties,
});
const reasonString = { reasonString: 'no' };
const userProperties = {
  userProperties: [
    ['b', '1'],
    ['a', '2'],
    ['b', '1'],
  ],
} as const;

describe('5.0', () => {
  test.each([
    [4, '40', '87'],
    [5, '50', '87'],
    [6, '62', '92'],
    [7, '70', '92'],
  ] as const)('v5 [X5-3.4.2.1-1] packet type %i in its shortest form', (type, first, reason) => {
    expect(hex(ack(type), 5)).toBe(as(`${first} 02 1234`));
    expect(hex(ack(type, Number(`0x${reason}`)), 5)).toBe(as(`${first} 03 1234 ${reason}`));
    expect(hex(ack(type, 0, reasonString), 5)).toBe(as(`${first} 09 1234 00 05 1f 0002 'no'`));
  });

  test('v5 [X5-3.14.2.1-1] DISCONNECT in its shortest form', () => {
    expect(hex({ type: 14, reasonCode: 0, properties: {} }, 5)).toBe('e000');
    expect(hex({ type: 14, reasonCode: 0x8b, properties: {} }, 5)).toBe('e0018b');
    expect(hex({ type: 14, reasonCode: 0x9c, properties: { serverReference: 's' } }, 5)).toBe(
      as("e0 06 9c 04 1c 0001 's'"),
    );
  });

  test('v5 [MQTT-3.14.2-2] DISCONNECT never carries Session Expiry Interval', () => {
    expect(hex({ type: 14, reasonCode: 0x8e, properties: { sessionExpirySeconds: 5 } }, 5)).toBe('e0018e');
  });

  test('AUTH', () => {
    const properties = { authenticationMethod: 'm', authenticationData: bytes('beef') };
    expect(hex({ type: 15, reasonCode: 0x18, properties }, 5)).toBe(as("f0 0b 18 09 15 0001 'm' 16 0002 beef"));
    expect(hex({ type: 15, reasonCode: 0, properties }, 5)).toBe(as("f0 0b 00 09 15 0001 'm' 16 0002 beef"));
  });

  test('v5 [MQTT-2.2.2-1] CONNACK, SUBACK and UNSUBACK always have a Property Length', () => {
    expect(hex({ type: 2, sessionPresent: true, reasonCode: 0, properties: {} }, 5)).toBe('2003010000');
    expect(hex({ type: 9, packetId: 1, reasonCodes: [0, 1, 2, 0x87], properties: {} }, 5)).toBe('900700010000010287');
    expect(hex({ type: 11, packetId: 1, reasonCodes: [0, 0x11], properties: {} }, 5)).toBe('b0050001000011');
    expect(hex({ type: 13 }, 5)).toBe('d000');
  });

  test('v5 [MQTT-3.2.2-6] Session Present is 0 with every refusal', () => {
    expect(hex({ type: 2, sessionPresent: true, reasonCode: 0x87, properties: {} }, 5)).toBe('2003008700');
  });

  test('User Properties keep their order', () => {
    expect(hex(ack(4, 0, userProperties), 5)).toBe(
      as("40 19 1234 00 15 26 0001 'b' 0001 '1' 26 0001 'a' 0001 '2' 26 0001 'b' 0001 '1'"),
    );
  });

  test('long bodies have a longer Remaining Length', () => {
    const reasonCodes = Array.from({ length: 300 }, () => 1);
    expect(hex({ type: 9, packetId: 1, reasonCodes, properties: {} }, 5)).toBe(`90af02000100${'01'.repeat(300)}`);
    expect(hex({ type: 9, packetId: 1, reasonCodes, properties: {} }, 4)).toBe(`90ae020001${'01'.repeat(300)}`);
  });
});

describe('Maximum Packet Size of the client', () => {
  const properties = { ...reasonString, ...userProperties };
  const cases: readonly (readonly [string, BrokerPacket])[] = [
    ['CONNACK [MQTT-3.2.2-19] [MQTT-3.2.2-20]', { type: 2, sessionPresent: false, reasonCode: 0x87, properties }],
    ['PUBACK [MQTT-3.4.2-2] [MQTT-3.4.2-3]', ack(4, 0x87, properties)],
    ['PUBREC [MQTT-3.5.2-2] [MQTT-3.5.2-3]', ack(5, 0x87, properties)],
    ['PUBREL [MQTT-3.6.2-2] [MQTT-3.6.2-3]', ack(6, 0x92, properties)],
    ['PUBCOMP [MQTT-3.7.2-2] [MQTT-3.7.2-3]', ack(7, 0x92, properties)],
    ['SUBACK [MQTT-3.9.2-1] [MQTT-3.9.2-2]', { type: 9, packetId: 1, reasonCodes: [0x87], properties }],
    ['UNSUBACK [MQTT-3.11.2-1] [MQTT-3.11.2-2]', { type: 11, packetId: 1, reasonCodes: [0x87], properties }],
    ['DISCONNECT [MQTT-3.14.2-3] [MQTT-3.14.2-4]', { type: 14, reasonCode: 0x87, properties }],
    [
      'AUTH [MQTT-3.15.2-2] [MQTT-3.15.2-3]',
      { type: 15, reasonCode: 0x18, properties: { ...properties, authenticationMethod: 'm' } },
    ],
  ];

  // Goal: never a byte above the limit, and no more left out than needed. Method: every limit from 0 to the full size.
  test.each(cases)('v5 [MQTT-3.1.2-24] %s loses User Properties, then Reason String, then is not sent', (_, packet) => {
    const without = (names: readonly string[]): BrokerPacket =>
      ({
        ...packet,
        properties: Object.fromEntries(
          Object.entries('properties' in packet ? packet.properties : {}).filter(([name]) => !names.includes(name)),
        ),
      }) as BrokerPacket;
    const full = hex(packet, 5) as string;
    const reasonOnly = hex(without(['userProperties']), 5) as string;
    const bare = hex(without(['userProperties', 'reasonString']), 5) as string;
    expect(new Set([full.length, reasonOnly.length, bare.length]).size).toBe(3);
    for (let max = 0; max <= full.length / 2; max += 1) {
      const expected = [full, reasonOnly, bare].find((candidate) => candidate.length / 2 <= max);
      expect(hex(packet, 5, { maximumPacketBytes: max })).toBe(expected);
    }
  });

  test('only one of the two is there', () => {
    expect(hex(ack(4, 0, reasonString), 5, { maximumPacketBytes: 10 })).toBe('40021234');
    expect(hex(ack(4, 0, userProperties), 5, { maximumPacketBytes: 10 })).toBe('40021234');
  });

  test('PINGRESP', () => {
    expect(hex({ type: 13 }, 5, { maximumPacketBytes: 2 })).toBe('d000');
    expect(hex({ type: 13 }, 5, { maximumPacketBytes: 1 })).toBeUndefined();
  });

  test('a string that cannot be encoded counts as too large', () => {
    const long = 'x'.repeat(65_536);
    expect(hex(ack(4, 0x87, { reasonString: long }), 5)).toBe('4003123487');
    expect(hex(ack(4, 0x87, { ...reasonString, userProperties: [['a', long]] }), 5)).toBe(
      as("40 09 1234 87 05 1f 0002 'no'"),
    );
    expect(
      hex({ type: 2, sessionPresent: false, reasonCode: 0, properties: { responseInformation: long } }, 5),
    ).toBeUndefined();
    expect(encodePacket(ack(4, 0x87, { reasonString: long.slice(1) }), 5, unlimited)).toHaveLength(65_548);
  });
});

describe('Request Problem Information 0', () => {
  const properties = { ...reasonString, ...userProperties };
  const silent = { problemInformation: false };

  test('v5 [MQTT-3.1.2-29] Reason String and User Properties only in CONNACK and DISCONNECT', () => {
    for (const type of [4, 5, 6, 7] as const) expect(hex(ack(type, 0, properties), 5, silent)).toBe(hex(ack(type), 5));
    const suback = { type: 9, packetId: 1, reasonCodes: [0x87], properties } as const;
    expect(hex(suback, 5, silent)).toBe('900400010087');
    expect(hex({ ...suback, type: 11 }, 5, silent)).toBe('b00400010087');
    const auth = { type: 15, reasonCode: 0x18, properties: { ...properties, authenticationMethod: 'm' } } as const;
    expect(hex(auth, 5, silent)).toBe(as("f0 06 18 04 15 0001 'm'"));
    const connack = { type: 2, sessionPresent: false, reasonCode: 0x87, properties } as const;
    expect(hex(connack, 5, silent)).toBe(hex(connack, 5));
    const disconnect = { type: 14, reasonCode: 0x87, properties } as const;
    expect(hex(disconnect, 5, silent)).toBe(hex(disconnect, 5));
  });
});

describe('3.x', () => {
  const withAll = { ...reasonString, ...userProperties };

  // Goal: the whole mapping. Method: all 256 reason codes.
  test('v3.1.1 [MQTT-3.2.2-6] CONNACK return codes, or no CONNACK', () => {
    const mapped: Readonly<Record<number, number>> = {
      0: 0,
      0x84: 1,
      0x85: 2,
      0x86: 4,
      0x87: 5,
      0x8a: 5,
      0x88: 3,
      0x89: 3,
      0x97: 3,
      0x9c: 3,
      0x9d: 3,
      0x9f: 3,
    };
    for (let reasonCode = 0; reasonCode < 0x100; reasonCode += 1) {
      const returnCode = mapped[reasonCode];
      expect(connackReturnCode(reasonCode)).toBe(returnCode);
      const expected = returnCode === undefined ? undefined : `2002000${returnCode}`;
      for (const version of [3, 4] as const) {
        expect(hex({ type: 2, sessionPresent: false, reasonCode, properties: withAll }, version)).toBe(expected);
      }
    }
  });

  test('v3.1.1 [MQTT-3.2.2-4] Session Present; reserved in MQTT 3.1', () => {
    const connack = { type: 2, sessionPresent: true, reasonCode: 0, properties: {} } as const;
    expect(hex(connack, 4)).toBe('20020100');
    expect(hex(connack, 3)).toBe('20020000');
    expect(hex({ ...connack, reasonCode: 0x87 }, 4)).toBe('20020005');
  });

  test.each([3, 4] as const)('version %i: acknowledgements without reason and properties', (version) => {
    expect(hex(ack(4, 0x87, withAll), version)).toBe('40021234');
    expect(hex(ack(5, 0x87, withAll), version)).toBe('50021234');
    expect(hex(ack(6, 0x92, withAll), version)).toBe('62021234');
    expect(hex(ack(7, 0x92, withAll), version)).toBe('70021234');
    expect(hex({ type: 13 }, version)).toBe('d000');
    expect(hex({ type: 11, packetId: 0x1234, reasonCodes: [0, 0x11], properties: withAll }, version)).toBe('b0021234');
  });

  test('v3.1.1 [MQTT-3.9.3-2] every refusal in SUBACK is 0x80', () => {
    const reasonCodes = [0, 1, 2, 0x80, 0x87, 0xa2];
    expect(hex({ type: 9, packetId: 1, reasonCodes, properties: withAll }, 4)).toBe('90080001000102808080');
    expect(hex({ type: 9, packetId: 1, reasonCodes, properties: withAll }, 3)).toBe('90080001000102808080');
  });

  test('DISCONNECT and AUTH do not exist', () => {
    for (const version of [3, 4] as const) {
      expect(hex({ type: 14, reasonCode: 0x8b, properties: {} }, version)).toBeUndefined();
      expect(hex({ type: 15, reasonCode: 0x18, properties: {} }, version)).toBeUndefined();
    }
  });
});
