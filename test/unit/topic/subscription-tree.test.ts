import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SubscriptionTree } from '../../../src/topic/subscription-tree.js';
import { matches } from '../../../src/topic/topic-rules.js';
import { smallFilters, smallTopics } from './topic-spaces.js';

function matched<T extends NonNullable<unknown>>(tree: SubscriptionTree<T>, topic: string): T[] {
  const values: T[] = [];
  tree.match(topic, (value) => void values.push(value));
  return values;
}

/** Nodes that the tree holds, the root included. */
function nodeCount(tree: SubscriptionTree<string>): number {
  let count = 0;
  const waiting = [tree['root']];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    count += 1;
    const children = node['children'];
    if (node.plus !== undefined) waiting.push(node.plus);
    if (children instanceof Map) waiting.push(...children.values());
    else if (children !== undefined) waiting.push(children);
  }
  return count;
}

// Goal: the tree and matches() are one rule. Method: all small filters in one tree, every small topic.
test('v5 [MQTT-4.7.2-1], [MQTT-3.3.2-3] agrees with matches() on all small filters and topics', () => {
  const tree = new SubscriptionTree<string>();
  for (const filter of smallFilters) tree.add(filter, filter);
  expect(tree.filters).toBe(smallFilters.length);
  const wrong = smallTopics.filter((topic) => {
    const expected = smallFilters.filter((filter) => matches(filter, topic));
    return matched(tree, topic).toSorted().join(' ') !== expected.toSorted().join(' ');
  });
  expect(wrong).toEqual([]);
});

const change = fc.record({
  add: fc.boolean(),
  filter: fc.constantFrom('a', 'a/b', 'a/b/c', 'a/+', '+', '+/b', '#', 'a/#', 'a/b/#', '/', '//', '/#', '$x/#', '+/#'),
  value: fc.constantFrom('u', 'v', 'w'),
});

// Goal: counts, matches and nodes are right after any history. Method: random changes, against a map of sets.
test('agrees with a map of sets under random changes and leaves no node behind', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
      const tree = new SubscriptionTree<string>();
      const model = new Map<string, Set<string>>();
      for (const { add, filter, value } of changes) {
        const values = model.get(filter) ?? new Set();
        if (add) {
          tree.add(filter, value);
          model.set(filter, values.add(value));
        } else {
          expect(tree.delete(filter, value)).toBe(values.delete(value));
          if (values.size === 0) model.delete(filter);
        }
      }
      expect(tree.filters).toBe(model.size);
      expect(tree.size).toBe([...model.values()].reduce((sum, values) => sum + values.size, 0));
      expect(tree.isEmpty).toBe(model.size === 0);
      for (const topic of ['a', 'a/b', 'a/b/c', '/', '/b', '$x', '$x/b', 'b/b']) {
        const expected = [...model].flatMap(([filter, values]) => (matches(filter, topic) ? [...values] : []));
        expect(matched(tree, topic).toSorted()).toEqual(expected.toSorted());
      }
      const fresh = new SubscriptionTree<string>();
      for (const [filter, values] of model) for (const value of values) fresh.add(filter, value);
      expect(nodeCount(tree)).toBe(nodeCount(fresh));
      for (const [filter, values] of model) for (const value of values) expect(tree.delete(filter, value)).toBe(true);
      expect([tree.size, tree.filters, nodeCount(tree)]).toEqual([0, 0, 1]);
      expect(tree['root']['children']).toBeUndefined();
    }),
  );
});

test('a value counts once per filter, by identity, and comes once per filter that matches', () => {
  const tree = new SubscriptionTree<object>();
  const [one, other] = [{}, {}];
  for (let i = 0; i < 3; i += 1) {
    tree.add('a', one);
    tree.add('a', other);
  }
  tree.add('+', one);
  expect([tree.size, tree.filters]).toEqual([3, 2]);
  expect(matched(tree, 'a').filter((value) => value === one).length).toBe(2);
  expect(matched(tree, 'a').filter((value) => value === other).length).toBe(1);
});

test('a value may be a set or a map', () => {
  const tree = new SubscriptionTree<object>();
  const [set, map] = [new Set(['x']), new Map()];
  tree.add('a', set);
  expect(matched(tree, 'a')).toEqual([set]);
  tree.add('a', map);
  expect(matched(tree, 'a')).toEqual([set, map]);
  expect([tree.delete('a', set), tree.delete('a', set), tree.delete('a', map)]).toEqual([true, false, true]);
  expect(tree.isEmpty).toBe(true);
});

test('what was never added is not deleted', () => {
  const tree = new SubscriptionTree<string>();
  tree.add('a/b', 'u');
  const others = ['a', 'a/b/c', 'a/+', 'a/#', '#', 'b', 'a/b/#', 'a/'];
  expect(others.filter((filter) => tree.delete(filter, 'u'))).toEqual([]);
  expect(tree.delete('a/b', 'v')).toBe(false);
  expect(matched(tree, 'a/b')).toEqual(['u']);
});

test('a visit may change the tree', () => {
  const tree = new SubscriptionTree<string>();
  for (const value of ['u', 'v', 'w']) for (const filter of ['a', '+', '#']) tree.add(filter, value);
  const visited: string[] = [];
  tree.match('a', (value) => {
    visited.push(value);
    for (const filter of ['a', '+', '#']) tree.delete(filter, value);
    tree.add('a', `${value}'`);
    tree.match('a', () => {});
  });
  expect(visited.toSorted()).toEqual(['u', 'u', 'u', 'v', 'v', 'v', 'w', 'w', 'w']);
  expect(matched(tree, 'a').toSorted()).toEqual(["u'", "v'", "w'"]);
});

// Goal: depth costs no stack. Method: the deepest filters and topics that fit into 65,535 bytes.
test('32,000 levels', () => {
  const tree = new SubscriptionTree<string>();
  const deep = `${'a/'.repeat(32_000)}a`;
  const filters = [deep, `${'+/'.repeat(32_000)}+`, `${deep}/#`, '/'.repeat(65_535), `${'/'.repeat(65_534)}#`, '#'];
  for (const filter of filters) tree.add(filter, filter);
  expect(matched(tree, deep).length).toBe(4);
  expect(matched(tree, '/'.repeat(65_535)).length).toBe(3);
  for (const filter of filters) expect(tree.delete(filter, filter)).toBe(true);
  expect(nodeCount(tree)).toBe(1);
});

test('many subscribers of one filter, many filters on one level', () => {
  const tree = new SubscriptionTree<string>();
  for (let i = 0; i < 10_000; i += 1) {
    tree.add('a/b', `s${i}`);
    tree.add(`a/${i}`, 'u');
  }
  expect(new Set(matched(tree, 'a/b')).size).toBe(10_000);
  expect(matched(tree, 'a/77')).toEqual(['u']);
  for (let i = 0; i < 10_000; i += 1) {
    tree.delete('a/b', `s${i}`);
    tree.delete(`a/${i}`, 'u');
  }
  expect(nodeCount(tree)).toBe(1);
});

// Goal: a level that stays does not pin the filter that it was cut from. Method: 30 MB of filters come and go.
test('short filters do not hold the memory of long ones that are gone', () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const tree = new SubscriptionTree<string>();
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 500; i += 1) {
    const level = `a-level-that-is-long-enough-${i}`;
    const filter = Buffer.from(`${level}/${'x'.repeat(60_000)}`).toString();
    tree.add(filter, 'u');
    tree.add(filter.slice(0, level.length), 'v');
    tree.delete(filter, 'u');
  }
  collectGarbage();
  expect(tree.filters).toBe(500);
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(10e6);
});
