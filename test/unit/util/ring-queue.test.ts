import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { RingQueue } from '../../../src/util/ring-queue.js';

const operation = fc.oneof(
  { weight: 5, arbitrary: fc.constant('push' as const) },
  { weight: 2, arbitrary: fc.constant('unshift' as const) },
  { weight: 5, arbitrary: fc.constant('shift' as const) },
  { weight: 1, arbitrary: fc.constant('burst' as const) },
  { weight: 1, arbitrary: fc.constant('drain' as const) },
  { weight: 1, arbitrary: fc.constant('clear' as const) },
);

// Goal: it behaves as an array does. Method: random operations on both, everything visible compared after each.
test('agrees with an array under random operations', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 200 }), (operations) => {
      const queue = new RingQueue<number>();
      const model: number[] = [];
      let next = 0;
      for (const name of operations) {
        if (name === 'push') {
          queue.push(next);
          model.push(next);
        } else if (name === 'unshift') {
          queue.unshift(next);
          model.unshift(next);
        } else if (name === 'shift') expect(queue.shift()).toBe(model.shift());
        else if (name === 'clear') {
          queue.clear();
          model.length = 0;
        } else {
          for (let i = 0; i < 40; i += 1) {
            if (name === 'drain') expect(queue.shift()).toBe(model.shift());
            else model.push((queue.push(next * 100 + i), next * 100 + i));
          }
        }
        next += 1;
        expect(queue.length).toBe(model.length);
        expect(queue.peek()).toBe(model[0]);
        expect([...queue]).toEqual(model);
        expect(queue.at(model.length - 1)).toBe(model.at(-1));
        expect(queue.at(model.length)).toBeUndefined();
        expect(queue.at(-1)).toBeUndefined();
      }
    }),
  );
});

test('gives memory back after a burst', () => {
  const queue = new RingQueue<number>();
  for (let i = 0; i < 100_000; i += 1) queue.push(i);
  expect(queue['slots'].length).toBe(131_072);
  for (let i = 0; i < 99_990; i += 1) queue.shift();
  expect(queue['slots'].length).toBeLessThanOrEqual(64);
  expect([...queue]).toEqual([99_990, 99_991, 99_992, 99_993, 99_994, 99_995, 99_996, 99_997, 99_998, 99_999]);
});

test('holds on to nothing that left', () => {
  const queue = new RingQueue<object>();
  for (let i = 0; i < 8; i += 1) queue.push({});
  for (let i = 0; i < 8; i += 1) queue.shift();
  expect(queue['slots'].every((slot) => slot === undefined)).toBe(true);
  queue.push({});
  queue.clear();
  expect(queue['slots']).toEqual([]);
  expect(queue.shift()).toBeUndefined();
});

test('queues that were never used share what they have', () => {
  const [one, other] = [new RingQueue<number>(), new RingQueue<number>()];
  one.push(1);
  expect(other.length).toBe(0);
  expect(other['slots']).toEqual([]);
});
