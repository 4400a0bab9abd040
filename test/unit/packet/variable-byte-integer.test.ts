/** Variable Byte Integers (v5 1.5.5). */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  readVariableByteInteger,
  variableByteIntegerBytes,
  writeVariableByteInteger,
} from '../../../src/packet/variable-byte-integer.js';
import { bytes } from './wire.js';

const encoded = (value: number): string => {
  const target = Buffer.alloc(6, 0xee);
  const end = writeVariableByteInteger(target, 1, value);
  expect([target[0], target[end]]).toEqual([0xee, 0xee]);
  return target.subarray(1, end).toString('hex');
};

test('v5 [MQTT-1.5.5-1] the edges of table 1-1, in the minimal form', () => {
  expect([0, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455].map(encoded)).toEqual([
    '00',
    '7f',
    '8001',
    'ff7f',
    '808001',
    'ffff7f',
    '80808001',
    'ffffff7f',
  ]);
});

test('its size at the same edges', () => {
  const edges = [0, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455];
  expect(edges.map(variableByteIntegerBytes)).toEqual([1, 1, 2, 2, 3, 3, 4, 4]);
});

test('nothing is read behind the end', () => {
  expect(() => readVariableByteInteger(bytes('8001'), 0, 1)).toThrow(
    expect.objectContaining({ statement: 'MQTT-4.13.1-1' }),
  );
});

test('what is written is read, and its size is known', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 268_435_455 }), (value) => {
      const content = Buffer.from(encoded(value), 'hex');
      expect(variableByteIntegerBytes(value)).toBe(content.length);
      expect(readVariableByteInteger(content, 0, content.length)).toBe(value);
    }),
  );
});

test.each([
  ['', 'MQTT-4.13.1-1'],
  ['ffff', 'MQTT-4.13.1-1'],
  ['8000', 'MQTT-1.5.5-1'],
  ['ff8000', 'MQTT-1.5.5-1'],
  ['80808080', 'X5-1.5.5-1'],
  ['ffffffff01', 'X5-1.5.5-1'],
])('v5 [MQTT-1.5.5-1] [X5-1.5.5-1] %j is malformed', (hex, statement) => {
  const content = bytes(hex);
  expect(() => readVariableByteInteger(content, 0, content.length)).toThrow(
    expect.objectContaining({ reasonCode: 0x81, statement }),
  );
});
