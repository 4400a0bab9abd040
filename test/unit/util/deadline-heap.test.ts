import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { DeadlineHeap, type DeadlineEntry } from '../../../src/util/deadline-heap.js';

interface Expected {
  readonly entry: DeadlineEntry<number>;
  at: number;
  order: number;
}

// Few different times, so that equal ones are common; two of them beyond what a timer counts.
const time = fc.constantFrom(0, 1, 2, 3, 5, 2 ** 31, 2 ** 40, Infinity);
const operation = fc.record({
  name: fc.constantFrom('add' as const, 'add' as const, 'move' as const, 'remove' as const, 'popDue' as const),
  at: time,
  pick: fc.nat(),
});

// Goal: soonest first, equal times in insertion order. Method: random operations on the heap and on a sorted list.
test('agrees with a sorted list under random operations', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 120 }), (operations) => {
      const heap = new DeadlineHeap<number>();
      const all: Expected[] = [];
      let standing: Expected[] = [];
      let order = 0;
      for (const { name, at, pick } of operations) {
        order += 1;
        const chosen = all[pick % Math.max(1, all.length)];
        if (name === 'add' || chosen === undefined) {
          const added = { entry: heap.add(at, all.length), at, order };
          all.push(added);
          standing.push(added);
        } else if (name === 'move') {
          heap.move(chosen.entry, at);
          Object.assign(chosen, { at, order });
          if (!standing.includes(chosen)) standing.push(chosen);
        } else if (name === 'remove') {
          expect(heap.remove(chosen.entry)).toBe(standing.includes(chosen));
          standing = standing.filter((other) => other !== chosen);
        } else {
          const first = standing[0];
          const due = first !== undefined && first.at <= at ? standing.shift() : undefined;
          expect(heap.popDue(at)).toBe(due?.entry.target);
        }
        standing.sort((a, b) => (a.at === b.at ? a.order - b.order : a.at - b.at));
        expect(heap.size).toBe(standing.length);
        expect(heap.peek()).toBe(standing[0]?.entry);
        expect(heap.peek()?.at).toBe(standing[0]?.at);
      }
      for (const { entry } of standing) expect(heap.popDue(Infinity)).toBe(entry.target);
      expect(heap.popDue(Infinity)).toBeUndefined();
    }),
  );
});

test('nothing is due before its time', () => {
  const heap = new DeadlineHeap<string>();
  heap.add(2 ** 45, 'far');
  heap.add(10, 'near');
  expect(heap.popDue(9.999)).toBeUndefined();
  expect(heap.popDue(10)).toBe('near');
  expect(heap.popDue(2 ** 45 - 1)).toBeUndefined();
  expect(heap.popDue(2 ** 45)).toBe('far');
  expect(heap.size).toBe(0);
});

test('an entry that was popped can be armed again', () => {
  const heap = new DeadlineHeap<string>();
  const entry = heap.add(1, 'keep alive');
  expect(heap.popDue(1)).toBe('keep alive');
  expect(heap.remove(entry)).toBe(false);
  heap.move(entry, 5);
  expect(heap.peek()).toBe(entry);
  expect(heap.popDue(5)).toBe('keep alive');
});

test('refuses an entry of another heap and a time that is none', () => {
  const heap = new DeadlineHeap<string>();
  const entry = heap.add(1, 'a');
  expect(() => new DeadlineHeap<string>().move(entry, 2)).toThrow('bug of the broker');
  expect(() => new DeadlineHeap<string>().remove(entry)).toThrow('bug of the broker');
  expect(() => heap.add(Number.NaN, 'b')).toThrow('bug of the broker');
});
