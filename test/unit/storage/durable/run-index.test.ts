/** Goal: the index of runs counts what is on disk, whatever is removed in whatever order. Method: a model that lists every entry. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { RunIndex } from '../../../../src/storage/durable/run-index.js';

interface Run {
  readonly last: number;
  readonly entries: Map<number, number>;
}

/** Runs of entries with their sizes, with holes between their sequences, as a queue has them. */
const runs = fc.array(fc.array(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.nat(100)), { minLength: 1, maxLength: 6 }), { maxLength: 8 }).map((sizes): Run[] => {
  let sequence = 0;
  return sizes.map((run) => {
    const entries = new Map(run.map(([step, bytes]) => [(sequence += step), bytes]));
    return { last: sequence, entries };
  });
});

function indexOf(model: readonly Run[]): RunIndex {
  const index = new RunIndex();
  for (const { last, entries } of model) index.add(last, entries.size, [...entries.values()].reduce((sum, bytes) => sum + bytes, 0));
  return index;
}

test('counts, ends and holes are right after every removal, and a checkpoint is told what changed since the last', () => {
  fc.assert(
    fc.property(runs, fc.infiniteStream(fc.nat(1000)), (model, random) => {
      const index = indexOf(model);
      const dead = new Map<number, Set<number>>();
      const touched = new Set<number>();
      let left = [...model];
      const all = model.flatMap(({ last, entries }) => [...entries].map(([sequence, bytes]) => ({ sequence, bytes, last })));
      while (all.length > 0) {
        const [{ sequence, bytes, last }] = all.splice((random.next().value as number) % all.length, 1) as [(typeof all)[number]];
        index.remove(sequence, bytes);
        dead.set(last, (dead.get(last) ?? new Set()).add(sequence));
        touched.add(last);
        left = left.filter((run) => run.entries.size > (dead.get(run.last)?.size ?? 0));

        expect([index.messages, index.bytes]).toEqual([all.length, all.reduce((sum, each) => sum + each.bytes, 0)]);
        expect([index.length, index.last]).toEqual([left.length, left.at(-1)?.last ?? 0]);
        expect(index.has(last)).toBe(left.some((run) => run.last === last));
        expect(index.endFrom(sequence)).toBe(left.find((run) => run.last >= sequence)?.last ?? Infinity);
        if (index.has(last)) expect([index.isDead(sequence), index.deadIn(last)]).toEqual([true, dead.get(last)]);
        for (const each of all) expect(index.isDead(each.sequence)).toBe(false);

        if ((random.next().value as number) % 3 !== 0) continue;
        const changed: unknown[] = [];
        const gone: number[] = [];
        index.settle((run, messages, size, removed) => changed.push([run, messages, size, new Set(removed)]), (run) => gone.push(run));
        const rest = (run: number): typeof all => all.filter((each) => each.last === run);
        const isLeft = (run: number): boolean => left.some((each) => each.last === run);
        expect(new Set(gone)).toEqual(new Set([...touched].filter((run) => !isLeft(run))));
        expect(new Set(changed)).toEqual(
          new Set([...touched].filter(isLeft).map((run) => [run, rest(run).length, rest(run).reduce((sum, each) => sum + each.bytes, 0), dead.get(run)])),
        );
        touched.clear();
      }
    }),
  );
});

test('what the disk says of a run that is partly gone takes the place of what it held', () => {
  const index = new RunIndex();
  index.add(10, 10, 100);
  index.add(20, 10, 100);
  index.restore(10, 7, 60, new Set([1, 2, 3]));
  index.restore(15, 1, 1, new Set([15])); // of a run that is not there
  expect([index.messages, index.bytes]).toEqual([17, 160]);
  expect([1, 3, 4, 15].map((sequence) => index.isDead(sequence))).toEqual([true, true, false, false]);
  index.remove(4, 20);
  index.settle((...told) => expect(told).toEqual([10, 6, 40, new Set([1, 2, 3, 4])]), () => expect('gone').toBe('nothing'));
});

test('an index without runs ends nowhere', () => {
  const index = new RunIndex();
  index.remove(1, 1);
  expect([index.length, index.last, index.messages, index.has(1), index.isDead(1), index.endFrom(1)]).toEqual([0, 0, 0, false, false, Infinity]);
});
