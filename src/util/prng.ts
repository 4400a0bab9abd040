/**
 * Random numbers that a seed repeats: for jitter, for tie breaking and for the simulator.
 * sfc32 ("small fast counter", Chris Doty-Humphrey), 128 bits of state. Not for secrets.
 */
import { invariant } from './invariant.js';

export interface Prng {
  /** At least 0, below 1. */
  next(): number;
  /** An integer, 0 to 2^32 - 1. */
  uint32(): number;
  /** An integer, at least 0 and below `n`, where `n` is 1 to 2^32. */
  below(n: number): number;
  /** An element of an array that is not empty. */
  pick<T>(array: readonly T[]): T;
}

/** The same `seed`, taken modulo 2^32, gives the same numbers on every machine. */
export function createPrng(seed: number): Prng {
  let a = 0x9e37_79b9;
  let b = 0x243f_6a88;
  let c = seed | 0;
  let counter = 1;

  const uint32 = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  const next = (): number => uint32() / 2 ** 32;
  const below = (n: number): number => {
    invariant(n >= 1 && n <= 2 ** 32, `below(${n}): n must be 1 to 2^32`);
    return Math.floor(next() * n);
  };
  const pick = <T>(array: readonly T[]): T => {
    invariant(array.length > 0, 'pick from an empty array');
    return array[below(array.length)] as T;
  };

  // Neighbouring seeds differ in a few bits only; after some rounds all state does.
  for (let round = 0; round < 15; round += 1) uint32();
  return { next, uint32, below, pick };
}
