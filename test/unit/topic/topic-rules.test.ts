import { expect, test } from '@jest/globals';
import {
  hasWildcard,
  matches,
  parseSharedFilter,
  topicBytesMaxDefault,
  topicFilterProblem,
  topicLevelsMaxDefault,
  topicNameProblem,
} from '../../../src/topic/topic-rules.js';
import { allStrings, isValidFilter, oracleMatches, smallFilters, smallTopics } from './topic-spaces.js';

const nameProblem = (topic: string): string | undefined =>
  topicNameProblem(topic, topicLevelsMaxDefault, topicBytesMaxDefault);
const filterProblem = (filter: string): string | undefined =>
  topicFilterProblem(filter, topicLevelsMaxDefault, topicBytesMaxDefault);

test('topic names', () => {
  for (const topic of ['a', '/', '//', ' ', 'a b/c', '$SYS/a', '$share/g/a', '\ufeffa', 'ü/水', 'a'.repeat(65_535)])
    expect(nameProblem(topic)).toBeUndefined();
  expect(nameProblem('')).toBe('topic name is empty');
  expect(nameProblem('a/+')).toBe('topic name "a/+" contains the wildcard +');
  expect(nameProblem('a#')).toBe('topic name "a#" contains the wildcard #');
  expect(nameProblem('a\u0000\n')).toBe('topic name "a\\u0000\\n" contains U+0000');
});

test('the limits of names and filters, as value and limit', () => {
  expect(topicNameProblem('/'.repeat(200), 201, 65_535)).toBeUndefined();
  expect(topicNameProblem('/'.repeat(201), 201, 65_535)).toBe('topic name of 202 levels is over the limit of 201');
  expect(topicNameProblem('é'.repeat(5), 201, 10)).toBeUndefined();
  expect(topicNameProblem('é'.repeat(5), 201, 9)).toBe('topic name of 10 bytes is over the limit of 9');
  expect(topicFilterProblem('+/+/#', 3, 5)).toBeUndefined();
  expect(topicFilterProblem('+/+/#', 2, 5)).toBe('topic filter of 3 levels is over the limit of 2');
  expect(topicFilterProblem('+/+/#', 3, 4)).toBe('topic filter of 5 bytes is over the limit of 4');
});

test('a shared filter counts levels of its filter part and bytes of the whole', () => {
  expect(topicFilterProblem('$share/g/a/b', 2, 12)).toBeUndefined();
  expect(topicFilterProblem('$share/g/a/b', 1, 12)).toBe('topic filter of 2 levels is over the limit of 1');
  expect(topicFilterProblem('$share/g/a/b', 2, 11)).toBe('topic filter of 12 bytes is over the limit of 11');
});

// Goal: exactly the placement rules of wildcards. Method: all 9,330 strings of up to five characters.
test('v5 [MQTT-4.7.1-1], [MQTT-4.7.1-2], v3.1.1 [MQTT-4.7.1-2], [MQTT-4.7.1-3] ordinary filters', () => {
  const all = allStrings('ab/+#$', 5);
  expect(all.length).toBe(9_330);
  expect(all.filter((filter) => (filterProblem(filter) === undefined) !== isValidFilter(filter))).toEqual([]);
  expect(filterProblem('')).toBe('topic filter is empty');
  expect(filterProblem('a/#/b')).toBe('topic filter "a/#/b": # must be a level of its own and the last one');
  expect(filterProblem('a/b+')).toBe('topic filter "a/b+": + must be a level of its own');
  expect(filterProblem('a\u0000')).toBe('topic filter "a\\u0000" contains U+0000');
});

test('v5 [MQTT-4.8.2-1], [MQTT-4.8.2-2] shared filters', () => {
  const bad = ['$share/', '$share/g', '$share//', '$share//a', '$share/g/', '$share/+/a', '$share/g#/a', '$share/g/a#'];
  expect(bad.filter((filter) => filterProblem(filter) === undefined)).toEqual([]);
  const good: [filter: string, shareName: string, topicFilter: string][] = [
    ['$share/g/a', 'g', 'a'],
    ['$share/g//a', 'g', '/a'],
    ['$share/g//', 'g', '/'],
    ['$share/g/#', 'g', '#'],
    ['$share/$share/$share/g/a', '$share', '$share/g/a'],
    ['$share/g/$SYS/+', 'g', '$SYS/+'],
  ];
  for (const [filter, shareName, topicFilter] of good) {
    expect(filterProblem(filter)).toBeUndefined();
    expect(parseSharedFilter(filter)).toEqual({ shareName, topicFilter });
  }
  for (const ordinary of ['$share', '$shared/a', '$Share/g/a', 'a/$share/g/a', '/$share/g/a']) {
    expect(filterProblem(ordinary)).toBeUndefined();
    expect(parseSharedFilter(ordinary)).toBeUndefined();
  }
  expect(bad.slice(0, 7).filter((filter) => parseSharedFilter(filter) !== undefined)).toEqual([]);
});

// Goal: a share name does not change what is valid behind it. Method: all strings of up to four characters there.
test('what follows the share name obeys the rules of ordinary filters', () => {
  const all = allStrings('ab/+#$', 4);
  const wrong = all.filter((filter) => (filterProblem(`$share/g/${filter}`) === undefined) !== isValidFilter(filter));
  expect(wrong).toEqual([]);
});

test('wildcards of a filter', () => {
  expect(['a', '$share/g/a', '/'].filter(hasWildcard)).toEqual([]);
  expect(['+', '#', 'a/+/b', 'a/#', '$share/g/#'].every(hasWildcard)).toBe(true);
});

// Goal: the matching rules. Method: every small filter with every small topic, against a recursive oracle.
test('v5 [MQTT-4.7.2-1], [MQTT-4.7.3-4] matches() agrees with the oracle', () => {
  const wrong: string[] = [];
  let pairs = 0;
  for (const filter of smallFilters)
    for (const topic of smallTopics) {
      pairs += 1;
      if (matches(filter, topic) !== oracleMatches(filter, topic)) wrong.push(`${filter} ${topic}`);
    }
  expect(wrong).toEqual([]);
  expect(pairs).toBe(421 * 340);
});

test('the examples of the specification', () => {
  const tennis = 'sport/tennis/player1';
  expect(['', '/ranking', '/score/wimbledon'].every((rest) => matches(`${tennis}/#`, tennis + rest))).toBe(true);
  expect(matches('sport/tennis/+', tennis)).toBe(true);
  expect(matches('sport/tennis/+', `${tennis}/ranking`)).toBe(false);
  expect([matches('sport/+', 'sport'), matches('sport/+', 'sport/')]).toEqual([false, true]);
  expect(['+/+', '/+', '+'].map((filter) => matches(filter, '/finance'))).toEqual([true, true, false]);
  expect(['#', '+/monitor/Clients'].some((filter) => matches(filter, '$SYS/monitor/Clients'))).toBe(false);
  expect(['$SYS/#', '$SYS/monitor/+'].every((filter) => matches(filter, '$SYS/monitor/Clients'))).toBe(true);
  expect([matches('A', 'a'), matches('caf\u00e9', 'cafe\u0301'), matches('a ', 'a')]).toEqual([false, false, false]);
});

// Goal: no recursion and no backtracking. Method: the longest and deepest that fit into 65,535 bytes.
test('65,535 bytes of whatever shape', () => {
  const deep = '/'.repeat(65_535);
  const pluses = `${'+/'.repeat(32_767)}+`;
  const levels = `${'a/'.repeat(32_767)}a`;
  expect(topicNameProblem(deep, 65_536, 65_535)).toBeUndefined();
  expect(topicNameProblem(deep, 201, 65_535)).toBe('topic name of 65536 levels is over the limit of 201');
  expect(topicFilterProblem(pluses, 32_768, 65_535)).toBeUndefined();
  expect(topicFilterProblem(`$share/${'g'.repeat(65_000)}`, 201, 65_535)?.length).toBeLessThan(200);
  expect([matches(pluses, levels), matches(`${levels}/#`, levels), matches('#', deep)]).toEqual([true, true, true]);
  expect([`${levels}/`, deep].some((topic) => matches(pluses, topic))).toBe(false);
  expect(matches(levels, `${levels}a`)).toBe(false);
  expect(matches('+'.padEnd(65_534, '/+'), 'a'.repeat(65_535))).toBe(false);
});
