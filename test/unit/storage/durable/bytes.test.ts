/** Goal: what is written is read again, and bytes that end early are never taken for something. Method: random sequences of values. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ByteReader, DamagedError } from '../../../../src/storage/durable/byte-reader.js';
import { ByteWriter } from '../../../../src/storage/durable/byte-writer.js';

type Value = readonly [kind: 'byte' | 'varint' | 'uint32' | 'uint64' | 'double', value: number] | readonly ['text', string] | readonly ['bytes', Uint8Array];

const safe = fc.oneof(fc.maxSafeNat(), fc.nat(300), fc.integer({ min: 0, max: 53 }).map((bits) => 2 ** bits - 1), fc.integer({ min: 0, max: 52 }).map((bits) => 2 ** bits));
const value: fc.Arbitrary<Value> = fc.oneof(
  fc.tuple(fc.constant('byte' as const), fc.nat(255)),
  fc.tuple(fc.constantFrom('varint' as const, 'uint64' as const), safe),
  fc.tuple(fc.constant('uint32' as const), fc.nat(0xffff_ffff)),
  fc.tuple(fc.constant('double' as const), fc.double()),
  fc.tuple(fc.constant('text' as const), fc.string({ unit: 'grapheme' })),
  fc.tuple(fc.constant('bytes' as const), fc.uint8Array()),
);

function write(writer: ByteWriter, [kind, what]: Value): void {
  if (kind === 'text') writer.text(what);
  else if (kind === 'bytes') writer.bytes(what);
  else writer[kind](what);
}

const read = (reader: ByteReader, [kind]: Value): unknown => (kind === 'bytes' ? Uint8Array.from(reader.bytes()) : reader[kind]());

function written(values: readonly Value[]): Buffer {
  const writer = new ByteWriter(1); // so that it grows
  for (const each of values) write(writer, each);
  return writer.copy();
}

test('what is written is read again, and then it is done', () => {
  fc.assert(
    fc.property(fc.array(value), (values) => {
      const reader = new ByteReader(written(values));
      expect(values.map((each) => read(reader, each))).toEqual(values.map(([, what]) => what));
      expect(reader.isDone).toBe(true);
    }),
  );
});

test('a view with other bytes around it is read as itself', () => {
  fc.assert(
    fc.property(fc.array(value), fc.uint8Array(), fc.uint8Array(), (values, before, after) => {
      const bytes = written(values);
      const all = Uint8Array.of(...before, ...bytes, ...after);
      const reader = new ByteReader(all.subarray(before.length, before.length + bytes.length));
      expect(values.map((each) => read(reader, each))).toEqual(values.map(([, what]) => what));
      expect(() => reader.byte()).toThrow(DamagedError);
    }),
  );
});

test('values that end early are damaged, wherever they end', () => {
  fc.assert(
    fc.property(value, (each) => {
      const bytes = written([each]);
      for (let length = 0; length < bytes.length; length += 1) {
        expect(() => read(new ByteReader(bytes.subarray(0, length)), each)).toThrow(DamagedError);
      }
    }),
  );
});

describe('numbers', () => {
  test('of eight bytes are in the order of their bytes', () => {
    fc.assert(
      fc.property(safe, safe, (a, b) => {
        expect(Math.sign(Buffer.compare(written([['uint64', a]]), written([['uint64', b]])))).toBe(Math.sign(a - b));
      }),
    );
  });

  test.each([
    [0, 1],
    [127, 1],
    [128, 2],
    [2 ** 31 - 1, 5],
    [2 ** 31, 5],
    [2 ** 32, 5],
    [Number.MAX_SAFE_INTEGER, 8],
  ])('of variable length: %d takes %i bytes', (number, length) => {
    expect(written([['varint', number]])).toHaveLength(length);
  });

  test('of variable length that do not end are damaged', () => {
    expect(() => new ByteReader(new Uint8Array(20).fill(0x80)).varint()).toThrow('a number is longer than eight bytes');
  });
});

test('a writer that is cleared starts anew, and gives back memory it needed once', () => {
  const writer = new ByteWriter();
  writer.raw(new Uint8Array(5 * 1024 * 1024));
  const large = writer.view.buffer.byteLength;
  writer.clear();
  writer.uint32(1);
  expect([...writer.view]).toEqual([0, 0, 0, 1]);
  expect(writer.view.buffer.byteLength).toBeLessThan(large);
});

test('four bytes can be replaced once what follows them is known', () => {
  const writer = new ByteWriter();
  writer.uint32(0);
  writer.text('abc');
  writer.patchUint32(0, writer.length);
  expect([...writer.view]).toEqual([0, 0, 0, 8, 3, 0x61, 0x62, 0x63]);
});
