/** The properties table: every property in every packet, duplicates and illegal values, against the table as given. */
import { describe, expect, test } from '@jest/globals';
import { noProperties, PropertyHome, propertyRules } from '../../../src/packet/property.js';
import { readProperties } from '../../../src/packet/read-properties.js';
import { propertiesBytes, writeProperties } from '../../../src/packet/write-properties.js';
import { bytes, defaultLimits, fault, packet } from './wire.js';

/** Identifier and one legal value of every property, as hex. */
const samples: Readonly<Record<number, string>> = {
  0x01: '01',
  0x02: '00000102',
  0x03: "0001 'a'",
  0x08: "0001 'r'",
  0x09: '0002 00ff',
  0x0b: '8001',
  0x11: 'ffffffff',
  0x12: "0001 'i'",
  0x13: '000a',
  0x15: "0001 'm'",
  0x16: '0001 ff',
  0x17: '00',
  0x18: '00000000',
  0x19: '01',
  0x1a: "0001 'r'",
  0x1c: "0001 's'",
  0x1f: "0001 'x'",
  0x21: 'ffff',
  0x22: '0000',
  0x23: '0001',
  0x24: '01',
  0x25: '00',
  0x26: "0001 'n' 0001 'v'",
  0x27: '00000001',
  0x28: '01',
  0x29: '01',
  0x2a: '00',
};

/** Where the specification allows each (table 2-4), read independently of the source. */
const allowed: Readonly<Record<keyof typeof PropertyHome, readonly number[]>> = {
  connect: [0x11, 0x15, 0x16, 0x17, 0x19, 0x21, 0x22, 0x26, 0x27],
  will: [0x01, 0x02, 0x03, 0x08, 0x09, 0x18, 0x26],
  connack: [0x11, 0x12, 0x13, 0x15, 0x16, 0x1a, 0x1c, 0x1f, 0x21, 0x22, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a],
  publish: [0x01, 0x02, 0x03, 0x08, 0x09, 0x23, 0x26],
  acknowledgement: [0x1f, 0x26],
  subscribe: [0x0b, 0x26],
  unsubscribe: [0x26],
  disconnectByClient: [0x11, 0x1f, 0x26],
  disconnectByServer: [0x1c, 0x1f, 0x26],
  auth: [0x15, 0x16, 0x1f, 0x26],
};

const property = (id: number): string => `${id.toString(16).padStart(2, '0')} ${samples[id]}`;
const homes = Object.keys(allowed) as (keyof typeof PropertyHome)[];
function read(home: keyof typeof PropertyHome, hex: string): unknown {
  const content = bytes(hex);
  try {
    return readProperties(content, 0, content.length, PropertyHome[home], defaultLimits);
  } catch (error) {
    const { reasonCode, statement } = error as { reasonCode: number; statement: string };
    return `0x${reasonCode.toString(16)} ${statement}`;
  }
}

test('the table has all 27 properties and each of its fields once', () => {
  expect(propertyRules.map((rule) => rule.id)).toEqual(Object.keys(samples).map(Number));
  expect(new Set(propertyRules.map((rule) => rule.name)).size).toBe(27);
});

describe.each(homes)('in %s', (home) => {
  // Goal: the whole table. Method: all 256 identifiers, each with a legal value where one exists.
  test('v5 [X5-2.2.2.2-1] [MQTT-3.3.4-6] only the properties of the table', () => {
    for (let id = 0; id < 0x100; id += 1) {
      const answer = read(home, samples[id] === undefined ? id.toString(16).padStart(2, '0') : property(id));
      if (allowed[home].includes(id)) expect(typeof answer).toBe('object');
      else if (id === 0x0b && home === 'publish') expect(answer).toBe('0x82 MQTT-3.3.4-6');
      else expect(answer).toBe('0x81 X5-2.2.2.2-1');
    }
  });

  test('v5 [X5-2.2.2.2-3] each once, User Property as often as it likes', () => {
    for (const id of allowed[home]) {
      const answer = read(home, `${property(id)} ${property(0x26)} ${property(id)}`);
      if (id === 0x26)
        expect(answer).toMatchObject({
          userProperties: [
            ['n', 'v'],
            ['n', 'v'],
            ['n', 'v'],
          ],
        });
      else expect(answer).toBe('0x82 X5-2.2.2.2-3');
    }
  });

  test('all together, cut at every byte, are malformed', () => {
    const whole = bytes(allowed[home].map(property).join(' '));
    const boundaries = new Set(
      allowed[home].map((_, index) => bytes(allowed[home].slice(0, index).map(property).join(' ')).length),
    );
    for (let length = 0; length < whole.length; length += 1) {
      const answer = read(home, whole.subarray(0, length).toString('hex'));
      if (boundaries.has(length)) expect(typeof answer).toBe('object');
      else expect(answer).toBe('0x81 MQTT-4.13.1-1');
    }
  });

  test('what is read is written to the same bytes', () => {
    const whole = bytes(allowed[home].map(property).join(' '));
    const properties = readProperties(whole, 0, whole.length, PropertyHome[home], defaultLimits);
    const target = Buffer.alloc(whole.length);
    expect(propertiesBytes(properties, PropertyHome[home])).toBe(whole.length);
    expect(writeProperties(target, 0, properties, PropertyHome[home])).toBe(whole.length);
    expect(target.toString('hex')).toBe(whole.toString('hex'));
  });
});

test('what may not stand in a packet is not written', () => {
  const properties = { topicAlias: 5, subscriptionIdentifiers: [1], reasonString: 'r' };
  expect(propertiesBytes(properties, PropertyHome.acknowledgement)).toBe(4);
});

test('no properties are one shared object', () => {
  expect(readProperties(bytes(''), 0, 0, PropertyHome.connect, defaultLimits)).toBe(noProperties);
});

describe('illegal values', () => {
  test.each([
    ['X5-3.1.2.11.3-1', 'connect', '21 0000'],
    ['X5-3.1.2.11.4-1', 'connect', '27 00000000'],
    ['X5-3.1.2.11.6-1', 'connect', '19 02'],
    ['X5-3.1.2.11.7-1', 'connect', '17 ff'],
    ['X5-3.3.2.3.8-1', 'subscribe', '0b 00'],
    ['X5-3.3.2.3.2-1', 'will', '01 02'],
    ['MQTT-3.3.2-14', 'will', "08 0001 '#'"],
  ] as const)('v5 [%s] in %s: %s', (statement, home, hex) => {
    expect(read(home, hex)).toBe(`0x82 ${statement}`);
  });

  test('v5 [MQTT-3.3.2-8] Topic Alias 0', () => {
    expect(read('publish', '23 0000')).toBe('0x94 MQTT-3.3.2-8');
  });

  test('v5 [MQTT-1.5.5-1] a Subscription Identifier that is not minimal', () => {
    expect(read('subscribe', '0b 8100')).toBe('0x81 MQTT-1.5.5-1');
    expect(read('subscribe', '0b ffffffff 7f')).toBe('0x81 X5-1.5.5-1');
    expect(read('subscribe', '0b ffffff7f')).toEqual({ subscriptionIdentifiers: [268_435_455] });
  });

  test.each(['15', '1f'])('v5 [MQTT-1.5.4-1] ill-formed text in property %s', (id) => {
    expect(read('auth', `${id} 0001 ff`)).toBe('0x81 MQTT-1.5.4-1');
  });
});

describe('userPropertiesMax', () => {
  const user = (count: number): Buffer => bytes('26 0000 0000'.repeat(count));
  test.each([
    ['DISCONNECT', (list: Buffer) => packet(0xe0, Buffer.concat([bytes('00'), Buffer.of(list.length), list]))],
    [
      'SUBSCRIBE',
      (list: Buffer) =>
        packet(0x82, Buffer.concat([bytes('0001'), Buffer.of(list.length), list, bytes("0001 'a' 00")])),
    ],
    ['PUBACK', (list: Buffer) => packet(0x40, Buffer.concat([bytes('0001 00'), Buffer.of(list.length), list]))],
  ])('holds for %s', (_, build) => {
    expect(fault(5, build(user(2)), { userPropertiesMax: 2 })).toBeUndefined();
    expect(fault(5, build(user(3)), { userPropertiesMax: 2 })).toBe('0x97 MQTT-4.13.1-1');
  });
});
