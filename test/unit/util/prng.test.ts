import { expect, test } from '@jest/globals';
import { createPrng } from '../../../src/util/prng.js';

test('a seed repeats its numbers, on every machine', () => {
  const first = createPrng(1);
  expect([first.uint32(), first.uint32(), first.uint32()]).toEqual([3_063_500_945, 52_107_484, 3_520_520]);
  const [one, other] = [createPrng(42), createPrng(42)];
  for (let i = 0; i < 1000; i += 1) expect(one.next()).toBe(other.next());
});

test('neighbouring seeds share no numbers', () => {
  const seen = new Set<number>();
  for (let seed = 0; seed < 1000; seed += 1) seen.add(createPrng(seed).uint32());
  expect(seen.size).toBe(1000);
});

test('next() and uint32() stay in range and use all of it', () => {
  const random = createPrng(7);
  const tenths = new Array<number>(10).fill(0);
  for (let i = 0; i < 10_000; i += 1) {
    const value = random.next();
    expect(value >= 0 && value < 1).toBe(true);
    const tenth = Math.floor(value * 10);
    tenths[tenth] = (tenths[tenth] as number) + 1;
    const integer = random.uint32();
    expect(Number.isInteger(integer) && integer >= 0 && integer < 2 ** 32).toBe(true);
  }
  for (const count of tenths) expect(Math.abs(count - 1000)).toBeLessThan(150);
});

test('below() and pick() reach everything and nothing beyond', () => {
  const random = createPrng(3);
  const drawn = new Set<number>();
  const picked = new Set<string>();
  for (let i = 0; i < 1000; i += 1) {
    drawn.add(random.below(6));
    picked.add(random.pick(['a', 'b', 'c']));
  }
  expect([...drawn].toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5]);
  expect([...picked].toSorted()).toEqual(['a', 'b', 'c']);
  expect(random.below(1)).toBe(0);
  expect(() => random.below(0)).toThrow('bug of the broker');
  expect(() => random.pick([])).toThrow('bug of the broker');
});
