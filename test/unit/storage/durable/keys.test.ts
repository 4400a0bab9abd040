/** Goal: keys sort as what they stand for, are read again, and none reaches into another's range. Method: random numbers and names. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import * as keys from '../../../../src/storage/durable/keys.js';

const { kind, part } = keys;
/** The largest that has a range: its end is the next number, and there are six bytes for it. */
const ownerMax = 2 ** 48 - 2;
const number = fc.oneof(fc.nat(1000), fc.nat({ max: 2 ** 31 - 1 }), fc.integer({ min: 0, max: ownerMax }), fc.constant(ownerMax));
const packetId = fc.integer({ min: 1, max: 65_535 });
const filter = fc.string({ unit: 'grapheme', minLength: 1 });
const isIn = (key: Uint8Array, { gte, lt }: { readonly gte: Uint8Array; readonly lt: Uint8Array }): boolean =>
  Buffer.compare(key, gte) >= 0 && Buffer.compare(key, lt) < 0;
const order = (a: number, b: number): number => Math.sign(a - b);

test('each kind and each part has a letter of its own', () => {
  for (const letters of [Object.values(kind), Object.values(part)]) expect(new Set(letters).size).toBe(letters.length);
});

test('keys of numbers sort as the numbers', () => {
  fc.assert(
    fc.property(number, number, number, number, (a, b, c, d) => {
      expect(Math.sign(Buffer.compare(keys.numberKey(kind.group, a), keys.numberKey(kind.group, b)))).toBe(order(a, b));
      expect(Math.sign(Buffer.compare(keys.numberKey(kind.run, a, c), keys.numberKey(kind.run, b, d)))).toBe(order(a, b) || order(c, d));
      expect(keys.numberOf(keys.numberKey(kind.run, a, c))).toBe(a);
    }),
  );
});

describe('an owner', () => {
  test('has its parts in its range, and no other owner has', () => {
    fc.assert(
      fc.property(number, number, filter, packetId, number, (owner, other, name, id, sequence) => {
        for (const suffix of [part.name, keys.filterSuffix(name), keys.receivedSuffix(id), keys.sequenceSuffix(part.sent, sequence)]) {
          const key = keys.ownerKey(owner, suffix);
          expect(isIn(key, keys.ownerRange(owner))).toBe(true);
          expect(isIn(key, keys.ownerRange(other))).toBe(owner === other);
          expect(isIn(key, keys.rangeOf(kind.owner))).toBe(true);
          expect([keys.numberOf(key), keys.suffixOf(key)]).toEqual([owner, suffix]);
        }
      }),
    );
  });

  test('is read before what it has: its name comes first', () => {
    for (const suffix of Object.values(part)) expect(Buffer.compare(keys.ownerKey(1, part.name), keys.ownerKey(1, suffix))).toBeLessThanOrEqual(0);
  });

  test('has a run in the range from every sequence up to its last, and not from the next', () => {
    fc.assert(
      fc.property(number, fc.integer({ min: 1, max: 2 ** 40 }), fc.nat(1000), (owner, last, before) => {
        const key = keys.numberKey(kind.run, owner, last);
        expect(isIn(key, keys.runRange(owner, Math.max(0, last - before)))).toBe(true);
        expect(isIn(key, keys.runRange(owner, last + 1))).toBe(false);
        if (owner < ownerMax) expect(isIn(key, keys.runRange(owner + 1, 0))).toBe(false);
      }),
    );
  });
});

test('what a suffix holds is read again', () => {
  fc.assert(
    fc.property(packetId, number, (id, sequence) => {
      expect(keys.packetIdIn(keys.receivedSuffix(id))).toBe(id);
      expect(keys.sequenceIn(keys.sequenceSuffix(part.run, sequence))).toBe(sequence);
    }),
  );
});

test('two filters never share a key', () => {
  fc.assert(fc.property(filter, filter, (a, b) => expect(keys.filterSuffix(a) === keys.filterSuffix(b)).toBe(a === b)));
});

test('no kind of key is in the range of another', () => {
  const topic = Buffer.from('\u{10ffff}'.repeat(3));
  for (const each of Object.values(kind)) {
    for (const other of Object.values(kind)) {
      const key = other === 'r' || other === 'R' ? keys.topicKey(other, topic) : keys.numberKey(other, 2 ** 48 - 1);
      expect(isIn(key, keys.rangeOf(each))).toBe(each === other);
    }
  }
});
