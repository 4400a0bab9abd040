/**
 * Goal: `null` means that nothing gets through, and what is found does get through. Method: rules by the hundred, and
 * every topic, filter and client identifier of a small world tried by the hook itself.
 */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { acl, proveIsolation, type AclRule, type IsolationParty } from 'odonata/auth';
import type { Authorize } from '../../src/hooks/hooks.js';
import { matches } from '../../src/topic/topic-rules.js';
import { anyRule, clientIds, filters, groupsOf, may, topicsFor } from './rules.js';

const read = (topic: string, ...users: string[]): AclRule => ({ effect: 'allow', access: 'read', topic, users });
const write = (topic: string, ...users: string[]): AclRule => ({ effect: 'allow', access: 'write', topic, users });
const deny = (access: AclRule['access'], topic: string): AclRule => ({ effect: 'deny', access, topic });

interface Pinned {
  readonly principal: string | undefined;
  readonly clientId?: string;
}
const idsOf = ({ clientId }: Pinned): readonly string[] => (clientId === undefined ? clientIds : [clientId]);

/** Whether anything that `a` publishes on these topics reaches `b`, by trying. */
function reaches(authorize: Authorize, topics: readonly string[], a: Pinned, b: Pinned): boolean {
  const published = topics.filter((topic) => idsOf(a).some((id) => may(authorize, 'publish', topic, a.principal, id)));
  return idsOf(b).some((id) => {
    const received = published.filter((topic) => may(authorize, 'deliver', topic, b.principal, id));
    if (received.length === 0) return false;
    const subscribed = [...filters, ...received].filter((filter) => may(authorize, 'subscribe', filter, b.principal, id));
    return received.some((topic) => subscribed.some((filter) => matches(filter, topic)));
  });
}

test.each([
  [1, 200],
  [2, 200],
  [3, 25],
])('agrees with brute force on filters of %i levels, and what it returns works', (depth, numRuns) => {
  const topics = topicsFor(depth);
  let found = 0;
  let proven = 0;
  const anyParty: fc.Arbitrary<Pinned> = fc.record(
    { principal: fc.constantFrom('a', 'b', '$s', undefined), clientId: fc.constantFrom('a', 'k', 'x/y', '$s', 'z1') },
    { requiredKeys: ['principal'] },
  );
  fc.assert(
    fc.property(
      fc.array(anyRule(depth), { minLength: 1, maxLength: 7 }),
      anyParty,
      anyParty,
      fc.constantFrom('contained', 'overlapping'),
      (rules, a, b, subscribe) => {
        const authorize = acl(rules, { groupsOf, subscribe });
        const leak = proveIsolation(rules, a, b, { groupsOf, subscribe });
        expect(leak !== null).toBe(reaches(authorize, topics, a, b));
        if (leak === null) return void (proven += 1);
        found += 1;
        const { topic, filter, publisher, subscriber } = leak;
        expect(may(authorize, 'publish', topic, a.principal, publisher.clientId)).toBe(true);
        expect(may(authorize, 'will', topic, a.principal, publisher.clientId)).toBe(true);
        expect(may(authorize, 'subscribe', filter, b.principal, subscriber.clientId)).toBe(true);
        expect(may(authorize, 'deliver', topic, b.principal, subscriber.clientId)).toBe(true);
        expect(matches(filter, topic)).toBe(true);
        for (const [{ clientId }, given] of [[publisher, a], [subscriber, b]] as const) {
          if (given.clientId !== undefined) expect(clientId).toBe(given.clientId);
        }
      },
    ),
    { numRuns },
  );
  // Both answers were put to the test.
  expect(found).toBeGreaterThan(numRuns / 10);
  expect(proven).toBeGreaterThan(numRuns / 10);
}, 60_000);

describe('finds the way', () => {
  const leak = (rules: AclRule[], a: IsolationParty = 'a', b: IsolationParty = 'b') => proveIsolation(rules, a, b);

  test('through one topic', () => {
    expect(leak([write('x/+', 'a'), read('+/y', 'b')])).toEqual({
      topic: 'x/y',
      filter: '+/y',
      how: 'rule 0 lets it be published, live, retained or as a will; rule 1 lets it be received through a subscription to +/y, of one\'s own or shared',
      publisher: { clientId: 'any-a', rule: 0 },
      subscriber: { clientId: 'any-b', rule: 1 },
    });
  });

  test('through the parent of a filter that ends with #', () => {
    expect(leak([write('x/#', 'a'), read('x/#', 'b'), deny('read', 'x/+/#')])?.topic).toBe('x');
  });

  test('below what a deny rule covers', () => {
    expect(leak([write('#', 'a'), read('#', 'b'), deny('both', '+'), deny('both', '+/+')])?.topic.split('/')).toHaveLength(3);
  });

  test('through an identifier that a client may choose', () => {
    const rules: AclRule[] = [{ effect: 'allow', access: 'write', topic: 'to/%c', users: ['a'] }, read('to/bob', 'b')];
    expect(leak(rules)?.publisher.clientId).toBe('bob');
    expect(leak(rules, { principal: 'a', clientId: 'ann' })).toBeNull();
  });

  test('past a deny rule about identifiers that a client need not have', () => {
    const rules: AclRule[] = [write('x', 'a'), read('x', 'b'), { effect: 'deny', access: 'both', topic: '#', clientIds: ['k'] }];
    expect(leak(rules)).not.toBeNull();
    expect(leak(rules, { principal: 'a', clientId: 'k' })).toBeNull();
  });

  test('with any of the identifiers that a rule names', () => {
    const rules: AclRule[] = [
      { effect: 'allow', access: 'write', topic: 'x', clientIds: ['k1', 'k2', 'k3'] },
      { effect: 'allow', access: 'read', topic: '%c', clientIds: ['y', 'x'] },
      { effect: 'deny', access: 'write', topic: '#', clientIds: ['k1', 'k2'] },
    ];
    expect(leak(rules)).toMatchObject({ publisher: { clientId: 'k3' }, subscriber: { clientId: 'x' } });
  });

  test('names no wider filter than may be subscribed to', () => {
    expect(leak([write('x/y', 'a'), read('x/+', 'b'), deny('read', 'x/z')])?.filter).toBe('x/+');
  });
});

describe('proves that there is none', () => {
  test.each<[string, AclRule[]]>([
    ['no rules', []],
    ['each has its own tree', [{ effect: 'allow', access: 'both', topic: 'users/%u/#' }]],
    ['a deny rule covers what they share', [write('x/#', 'a'), read('+/y', 'b'), deny('write', 'x/y')]],
    ['wildcards leave $ topics alone', [write('$x/y', 'a'), read('#', 'b'), read('+/y', 'b')]],
    ['nobody publishes below $SYS/', [write('$SYS/#', 'a'), read('$SYS/+', 'b')]],
    ['levels differ in number', [write('+/+', 'a'), read('+', 'b')]],
  ])('%s', (_why, rules) => {
    expect(proveIsolation(rules, 'a', 'b')).toBeNull();
  });
});

test('takes the hook that the broker has, with its options', () => {
  const hook = acl([{ effect: 'allow', access: 'both', topic: 'x', groups: ['g'] }], { groupsOf });
  expect(proveIsolation(hook, 'a', 'b')?.topic).toBe('x');
  expect(proveIsolation(hook, 'a', undefined)).toBeNull();
});

test('a thousand rules on each side are searched in seconds', () => {
  const rules = Array.from({ length: 1000 }, (_, n) => [write(`a/${n}/+/#`, 'a'), read(`b/${n}/+/#`, 'b')]).flat();
  expect(proveIsolation(rules, 'a', 'b')).toBeNull();
  expect(proveIsolation([...rules, read('a/999/+/x', 'b')], 'a', 'b')?.topic).toBe('a/999/any/x');
});

test.each<[string, () => unknown, string]>([
  ['a party', () => proveIsolation([], null as never, 'b'), 'proveIsolation: a is null; it must be a string, undefined or an object'],
  ['a principal', () => proveIsolation([], 'a', { principal: 1 } as never), 'proveIsolation: b is 1; it must be a string or undefined'],
  ['an identifier', () => proveIsolation([], { principal: 'a', clientId: '' }, 'b'), "proveIsolation: clientId of a is ''; it must be a client identifier"],
])('%s that is none is an ODN_ERR_OPTION', (_what, ask, message) => {
  expect(ask).toThrow(expect.objectContaining({ code: 'ODN_ERR_OPTION', message }));
});
