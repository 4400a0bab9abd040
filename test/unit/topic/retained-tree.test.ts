import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { RetainedCursor } from '../../../src/topic/retained-cursor.js';
import { RetainedTree } from '../../../src/topic/retained-tree.js';
import { matches } from '../../../src/topic/topic-rules.js';
import { smallFilters, smallTopics } from './topic-spaces.js';

/** Runs a walk to its end, `steps` at a time. */
function walked<V>(cursor: RetainedCursor<V>, steps: number): { topics: string[]; calls: number } {
  const topics: string[] = [];
  for (let calls = 1; ; calls += 1) {
    const entry = cursor.next(steps);
    if (entry === undefined) return { topics, calls };
    if (entry !== null) topics.push(entry.topic);
  }
}

const isPruned = (tree: RetainedTree<unknown>): boolean => tree.size === 0 && !tree['root'].hasChildren;

// Goal: the tree and matches() are one rule. Method: all small topics in one tree, every small filter, three step sizes.
test('v5 [MQTT-4.7.2-1], [MQTT-3.3.2-3] a walk agrees with matches() on all small filters and topics', () => {
  const tree = new RetainedTree<string>();
  for (const topic of smallTopics) expect(tree.set(topic, topic)).toBeUndefined();
  const wrong = smallFilters.filter((filter) => {
    const expected = smallTopics.filter((topic) => matches(filter, topic)).toSorted().join(' ');
    return [1, 3, 1000].some((steps) => walked(tree.cursor(filter), steps).topics.toSorted().join(' ') !== expected);
  });
  expect(wrong).toEqual([]);
});

const topicName = fc.constantFrom('a', 'a/b', 'a/b/c', 'a/c', 'b', 'b/b', '/', '/b', '//', '$x', '$x/b');
const changeType = fc.constantFrom('set' as const, 'set' as const, 'delete' as const);
const change = fc.record({ type: changeType, topic: topicName });

// Goal: values and nodes are right after any history. Method: random changes, against a map.
test('agrees with a map under random changes and leaves no node behind', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
      const tree = new RetainedTree<number>();
      const model = new Map<string, number>();
      for (const [index, { type, topic }] of changes.entries()) {
        expect(type === 'set' ? tree.set(topic, index) : tree.delete(topic)).toBe(model.get(topic));
        if (type === 'set') model.set(topic, index);
        else model.delete(topic);
        expect(tree.size).toBe(model.size);
        expect(tree.get(topic)).toBe(model.get(topic));
      }
      for (const [topic, value] of model) expect(tree.get(topic)).toBe(value);
      const visible = [...model.keys()].filter((topic) => !topic.startsWith('$'));
      expect(walked(tree.cursor('#'), 50).topics.length).toBe(visible.length);
      for (const [topic, value] of model) expect(tree.delete(topic)).toBe(value);
      expect(isPruned(tree)).toBe(true);
    }),
  );
});

const next = fc.record({ type: fc.constant('next' as const), steps: fc.integer({ min: 1, max: 4 }) });
const duringWalk = fc.oneof(change, next);

// Goal: what stands all the time comes once, all else not. Method: random changes between the steps of a walk; a topic
// is out of the walk from the moment it is deleted or when it was not there at the start.
test('a walk during changes', () => {
  const filter = fc.constantFrom('#', '+', 'a/#', 'a/+', '+/b', '+/+', '+/#', 'a', '$x/#', '/+', 'a/b/#');
  let yielded = 0;
  fc.assert(
    fc.property(fc.array(topicName), filter, fc.array(duringWalk, { maxLength: 60 }), (before, filterText, actions) => {
      const tree = new RetainedTree<number>();
      const model = new Map<string, number>();
      for (const [index, topic] of before.entries()) {
        tree.set(topic, index);
        model.set(topic, index);
      }
      const owed = new Set([...model.keys()].filter((topic) => matches(filterText, topic)));
      const cursor = tree.cursor(filterText);
      let isDone = false;
      const step = (steps: number): void => {
        const entry = cursor.next(steps);
        isDone = entry === undefined;
        if (entry === undefined || entry === null) return;
        yielded += 1;
        expect(owed.delete(entry.topic)).toBe(true);
        expect(entry.value).toBe(model.get(entry.topic));
      };
      for (const [index, action] of actions.entries()) {
        if (action.type === 'next') step(action.steps);
        else if (action.type === 'set') {
          tree.set(action.topic, 1000 + index);
          model.set(action.topic, 1000 + index);
        } else {
          tree.delete(action.topic);
          model.delete(action.topic);
          owed.delete(action.topic);
        }
      }
      while (!isDone) step(2);
      expect([...owed]).toEqual([]);
      expect(cursor.next(10)).toBeUndefined();
    }),
    { numRuns: 1000 },
  );
  expect(yielded).toBeGreaterThan(1000);
});

test('an entry tells what happened since the walk began', () => {
  const tree = new RetainedTree<string>();
  for (const topic of ['a', 'b', 'c']) tree.set(topic, 'old');
  const cursor = tree.cursor('+');
  tree.set('b', 'new');
  tree.delete('c');
  tree.set('c', 'again');
  tree.set('d', 'added');
  const entries = [cursor.next(9), cursor.next(9)];
  expect(entries.map((entry) => entry?.topic)).toEqual(['a', 'b']);
  expect(entries.map((entry) => (entry?.setAt ?? 0) > cursor.startedAt)).toEqual([false, true]);
  expect(entries.map((entry) => entry?.value)).toEqual(['old', 'new']);
  expect(cursor.next(9)).toBeUndefined();
});

test('an exact filter takes one step, however deep', () => {
  const tree = new RetainedTree<number>();
  const deep = '/'.repeat(32_000);
  tree.set(deep, 1);
  expect(tree.cursor(deep).next(1)).toMatchObject({ topic: deep, value: 1 });
  expect(tree.cursor(`${deep}/`).next(1)).toBeUndefined();
  const cursor = tree.cursor(deep);
  tree.delete(deep);
  tree.set(deep, 2);
  expect(walked(cursor, 1).topics).toEqual([]);
});

// Goal: bounded work per call and in all. Method: count the calls that a walk of single steps takes.
test('a walk takes about one step per node, and none for subtrees that the filter leaves out', () => {
  const tree = new RetainedTree<number>();
  for (let i = 0; i < 1000; i += 1) for (const kind of ['x', 'y']) tree.set(`a/${i}/${kind}`, i);
  const all = walked(tree.cursor('#'), 1);
  expect(all.topics.length).toBe(2000);
  expect(all.calls).toBeLessThan(2000 + 2 * 1002 + 5);
  expect(walked(tree.cursor('a/+/x'), 1).calls).toBeLessThan(2 * 1000 + 5);
  expect(walked(tree.cursor('a/77/#'), 1).calls).toBeLessThan(8);
  expect(walked(tree.cursor('b/#'), 1).calls).toBe(1);
});

// Goal: a walk over a busy level stays as short as the level is. Method: count its calls during and after much change.
test('topics that come and go cost a walk nothing', () => {
  const tree = new RetainedTree<number>();
  for (const topic of ['a/x', 'a/y', 'a/z']) tree.set(topic, 0);
  const parked = tree.cursor('a/+');
  expect(parked.next(10)).toMatchObject({ topic: 'a/x' });
  for (let i = 0; i < 10_000; i += 1) {
    tree.set(`a/${i}`, i);
    if (i >= 5) tree.delete(`a/${i - 5}`);
  }
  expect(walked(parked, 1)).toMatchObject({ topics: ['a/y', 'a/z'], calls: 4 });
  const after = walked(tree.cursor('a/+'), 1);
  expect(after.topics.length).toBe(8);
  expect(after.calls).toBeLessThan(40);
});

// Goal: a walk finds its place again however the level was thinned out. Method: at every place of a level of 100
// topics, delete all that was yielded but the last few, and every third of the rest, so that the level is packed anew.
test('a walk goes on where it was when the level around it was thinned out', () => {
  const numbers = Array.from({ length: 100 }, (_, index) => index);
  for (const pause of numbers) {
    for (const spared of [0, 1, 3]) {
      const tree = new RetainedTree<number>();
      for (const i of numbers) tree.set(`a/${i}`, i);
      const cursor = tree.cursor('a/+');
      for (let i = 0; i <= pause; i += 1) expect(cursor.next(10)?.value).toBe(i);
      const gone = numbers.filter((i) => i <= pause - spared || (i > pause && i % 3 === 0));
      for (const i of gone) tree.delete(`a/${i}`);
      tree.set('a/new', -1);
      const expected = numbers.filter((i) => i > pause && i % 3 !== 0).map((i) => `a/${i}`);
      expect(walked(cursor, 1).topics).toEqual(expected);
    }
  }
});

test('a walk ends although topics are added faster than it goes', () => {
  const tree = new RetainedTree<number>();
  for (let i = 0; i < 100; i += 1) tree.set(`a/${i}/b`, i);
  const cursor = tree.cursor('#');
  const topics: string[] = [];
  for (let added = 0; ; added += 1) {
    const entry = cursor.next(1);
    if (entry === undefined) break;
    if (entry !== null) topics.push(entry.topic);
    tree.set(`a/${added % 100}/b/${added}`, 0);
    tree.set(`new/${added}`, 0);
    tree.set(`a/new${added}`, 0);
  }
  expect(topics.length).toBe(100);
});

test('a walk survives that everything under it goes, and what is set anew is not its own', () => {
  const tree = new RetainedTree<number>();
  const topics = ['a/b/1', 'a/b/2', 'a/c/1', 'd/e'];
  for (const topic of topics) tree.set(topic, 1);
  const cursor = tree.cursor('#');
  expect(cursor.next(10)).toMatchObject({ topic: 'a/b/1' });
  for (const topic of topics) tree.delete(topic);
  expect(isPruned(tree)).toBe(true);
  for (const topic of topics) tree.set(topic, 2);
  expect(walked(cursor, 1).topics).toEqual([]);
  expect(walked(tree.cursor('#'), 1).topics).toEqual(topics);
});

test('32,000 levels', () => {
  const tree = new RetainedTree<number>();
  const deep = `${'a/'.repeat(32_000)}a`;
  tree.set(deep, 1);
  tree.set('/'.repeat(65_535), 2);
  expect(walked(tree.cursor('#'), 100).topics.length).toBe(2);
  expect(walked(tree.cursor(`${'+/'.repeat(32_000)}+`), 100).topics).toEqual([deep]);
  expect(walked(tree.cursor(`${deep}/#`), 100).topics).toEqual([deep]);
  const cursor = tree.cursor('#');
  expect(cursor.next(1000)).toBeNull();
  expect([tree.delete(deep), tree.delete('/'.repeat(65_535))]).toEqual([1, 2]);
  expect(isPruned(tree)).toBe(true);
  expect(walked(cursor, 1000).topics).toEqual([]);
});
