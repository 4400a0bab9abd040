/** `acl`: what rules allow, to whom, and what is no rule. */
import { describe, expect, test } from '@jest/globals';
import { acl, explainAccess, type AclOptions, type AclRule } from 'odonata/auth';
import { action, hookClient, may } from './rules.js';

const allow = (topic: string, more: Partial<AclRule> = {}): AclRule => ({ effect: 'allow', access: 'both', topic, ...more });
const deny = (topic: string, more: Partial<AclRule> = {}): AclRule => ({ effect: 'deny', access: 'both', topic, ...more });

test('no rules: nothing is allowed', () => {
  for (const type of ['publish', 'will', 'subscribe', 'deliver'] as const) expect(may(acl([]), type, 'a', 'ann')).toBe(false);
});

test('read is to subscribe and to be sent, write is to publish and to leave a will', () => {
  const reader = acl([allow('a', { access: 'read' })]);
  const writer = acl([allow('a', { access: 'write' })]);
  for (const type of ['subscribe', 'deliver'] as const) {
    expect([may(reader, type, 'a', 'ann'), may(writer, type, 'a', 'ann')]).toEqual([true, false]);
  }
  for (const type of ['publish', 'will'] as const) {
    expect([may(reader, type, 'a', 'ann'), may(writer, type, 'a', 'ann')]).toEqual([false, true]);
  }
});

test('a deny rule wins, wherever it stands and however wide it is', () => {
  for (const rules of [[deny('#'), allow('a/b')], [allow('a/b'), deny('#')]]) expect(may(acl(rules), 'publish', 'a/b', 'ann')).toBe(false);
});

describe('whom a rule is about', () => {
  const groupsOf = { ann: ['staff'] };

  test('principals by name or by group', () => {
    const authorize = acl([allow('a', { users: ['bob'], groups: ['staff'] })], { groupsOf });
    expect(['ann', 'bob', 'eve', undefined].map((principal) => may(authorize, 'publish', 'a', principal))).toEqual([true, true, false, false]);
  });

  test('client identifiers narrow that further', () => {
    const authorize = acl([allow('a', { users: ['ann'], clientIds: ['c1', 'c2'] })]);
    expect(may(authorize, 'publish', 'a', 'ann', 'c2')).toBe(true);
    expect(may(authorize, 'publish', 'a', 'ann', 'c3')).toBe(false);
    expect(may(authorize, 'publish', 'a', 'bob', 'c1')).toBe(false);
  });

  test.each<[string, AclOptions['groupsOf']]>([
    ['function', (principal) => (principal === 'ann' ? ['staff'] : [])],
    ['map', new Map([['ann', ['staff']]])],
    ['object', groupsOf],
  ])('groups of a %s', (_kind, groups) => {
    const authorize = acl([allow('a', { groups: ['staff'] })], groups === undefined ? {} : { groupsOf: groups });
    expect(['ann', 'bob', 'constructor', undefined].map((who) => may(authorize, 'publish', 'a', who))).toEqual([true, false, false, false]);
  });

  test('groups that are no list of strings are an error, hence a denial', () => {
    const authorize = acl([allow('a')].concat(deny('b', { groups: ['x'] })), { groupsOf: (async () => ['x']) as never });
    expect(() => may(authorize, 'publish', 'a', 'ann')).toThrow('acl: groupsOf did not answer with a list of strings');
  });
});

describe('placeholders', () => {
  test('stand for one level', () => {
    const authorize = acl([allow('users/%u/%c/+')]);
    expect(may(authorize, 'publish', 'users/ann/c/x', 'ann')).toBe(true);
    expect(may(authorize, 'publish', 'users/bob/c/x', 'ann')).toBe(false);
    expect(may(authorize, 'subscribe', 'users/+/c/x', 'ann')).toBe(false);
    expect(may(authorize, 'publish', 'users/%u/%c/x', 'ann')).toBe(false);
  });

  test.each(['+', '#', 'a/b', 'a\0b', ''])('%j never stands for a level', (value) => {
    const authorize = acl([allow('u/%u/#'), allow('c/%c/#')]);
    for (const topic of ['u/+/x', 'u/#', `u/${value}/x`, 'u/a/b', 'u//x', 'u/a']) {
      for (const type of ['subscribe', 'publish', 'deliver'] as const) {
        expect(may(authorize, type, topic, value)).toBe(false);
        expect(may(authorize, type, topic.replace('u', 'c'), 'ann', value)).toBe(false);
      }
    }
  });

  test('without a principal %u stands for nothing', () => {
    expect(may(acl([allow('u/%u')]), 'publish', 'u/undefined', undefined)).toBe(false);
  });

  test('a client called $SYS does not get what the broker says of itself', () => {
    const authorize = acl([allow('%u/#'), allow('%c/#')], { subscribe: 'overlapping' });
    for (const [type, topic] of [['subscribe', '$SYS/#'], ['subscribe', '$SYS/a'], ['deliver', '$SYS/a']] as const) {
      expect(may(authorize, type, topic, '$SYS', '$SYS')).toBe(false);
    }
  });
});

describe('subscribe', () => {
  const rules = [allow('a/+'), deny('a/secret')];

  test('the filter must be contained in one allow rule, and in no deny rule', () => {
    const authorize = acl(rules);
    const filters = ['a/+', 'a/x', 'a/secret', 'a/#', '+/x', '#', 'b'];
    expect(filters.filter((filter) => may(authorize, 'subscribe', filter, 'ann'))).toEqual(['a/+', 'a/x']);
  });

  test('overlapping: one allow rule must have something in common with it', () => {
    const authorize = acl(rules, { subscribe: 'overlapping' });
    const filters = ['a/+', 'a/x', 'a/secret', 'a/#', '+/x', '#', 'b', 'a', 'a/x/#', '+'];
    expect(filters.filter((filter) => may(authorize, 'subscribe', filter, 'ann'))).toEqual(['a/+', 'a/x', 'a/#', '+/x', '#', 'a/x/#']);
  });

  test('a contained filter is no way to what a deny rule overlaps', () => {
    expect(may(acl(rules), 'deliver', 'a/secret', 'ann')).toBe(false);
  });

  test('# and +/# are the same', () => {
    expect(may(acl([allow('+/#')]), 'subscribe', '#', 'ann')).toBe(true);
    expect(may(acl([allow('#')]), 'subscribe', '+/#', 'ann')).toBe(true);
  });

  test('wildcards on the first level contain no $ topics', () => {
    const authorize = acl([allow('#'), allow('+/x')]);
    for (const topic of ['$SYS/#', '$SYS/x', '$x']) expect(may(authorize, 'subscribe', topic, 'ann')).toBe(false);
    expect(may(acl([allow('$SYS/#', { access: 'read' })]), 'subscribe', '$SYS/broker/+', 'ann')).toBe(true);
  });
});

test('nobody publishes below $SYS/, whatever a rule says', () => {
  const authorize = acl([allow('$SYS/#')]);
  expect([may(authorize, 'publish', '$SYS/a', 'ann'), may(authorize, 'will', '$SYS/a', 'ann')]).toEqual([false, false]);
  expect(explainAccess(authorize, { principal: 'ann', action: 'publish', topic: '$SYS/a' }).why).toContain('$SYS/');
});

test('answers may be kept, unless groups come from a function', () => {
  const answer = (options: AclOptions): unknown => acl([allow('a')], options)(hookClient('ann', 'c'), action('publish', 'a'));
  expect(answer({})).toEqual({ action: 'allow', cache: true });
  expect(answer({ cache: false })).toEqual({ action: 'allow', cache: false });
  expect(answer({ groupsOf: () => [] })).toEqual({ action: 'allow', cache: false });
});

test('the rules are copied', () => {
  const rules = [{ ...allow('a'), users: ['ann'] }];
  const authorize = acl(rules);
  rules[0]?.users.push('bob');
  rules.pop();
  expect([may(authorize, 'publish', 'a', 'ann'), may(authorize, 'publish', 'a', 'bob')]).toEqual([true, false]);
});

test('a hundred thousand rules are no slower than a few', () => {
  const own = Array.from({ length: 100_000 }, (_, n) => allow(`devices/${n}/+`, { users: [`user${n}`] }));
  const shared = Array.from({ length: 100_000 }, (_, n) => allow('shared/#', { users: [`user${n}`] }));
  const authorize = acl([...own, ...shared]);
  const client = hookClient('user7', 'c');
  const begun = performance.now();
  for (let n = 0; n < 100_000; n += 1) {
    const answer = authorize(client, action('publish', n % 2 === 0 ? 'devices/7/x' : 'shared/x/y'));
    if (typeof answer !== 'object') throw new Error('no answer of a rule');
  }
  // Reading through the rules would take many minutes.
  expect(performance.now() - begun).toBeLessThan(20_000);
}, 30_000);

describe('what is no rule', () => {
  const at = (rule: unknown): string => {
    try {
      acl([allow('a'), rule as AclRule]);
    } catch (error) {
      expect(error).toMatchObject({ code: 'ODN_ERR_OPTION' });
      return (error as Error).message;
    }
    return 'taken';
  };

  test.each<[unknown, string]>([
    [null, 'acl: rule 1 is null; it must be an object'],
    [{ ...allow('a'), user: ['ann'] }, 'acl: rule 1: there is no option user; there are effect, access, topic, users, groups, clientIds'],
    [{ ...allow('a'), effect: 'permit' }, "acl: rule 1: effect is 'permit'; it must be 'allow' or 'deny'"],
    [{ ...allow('a'), access: 'readwrite' }, "acl: rule 1: access is 'readwrite'; it must be 'read', 'write' or 'both'"],
    [allow(''), "acl: rule 1: topic is ''; it must be a topic filter: topic filter is empty"],
    [allow('a/#/b'), 'acl: rule 1: topic is \'a/#/b\'; it must be a topic filter: topic filter "a/#/b": # must be a level of its own and the last one'],
    [allow(7 as never), 'acl: rule 1: topic is 7; it must be a topic filter: it is no string'],
    [allow('$share/g/a'), "acl: rule 1: topic is '$share/g/a'; it must be a topic filter: it must be without $share/name/"],
    [allow('a/x-%c'), "acl: rule 1: topic is 'a/x-%c'; it must be a topic filter: a placeholder must be a level of its own"],
    [{ ...allow('a'), users: [] }, 'acl: rule 1: users is a list of 0; it must be a list of one string or more'],
    [{ ...allow('a'), clientIds: 'c' }, "acl: rule 1: clientIds is 'c'; it must be a list of one string or more"],
    [{ ...allow('a'), groups: ['g'] }, 'acl: rule 1 names groups; the option groupsOf must say who is in them'],
  ])('%j', (rule, message) => {
    expect(at(rule)).toBe(message);
  });

  test.each<[object, string]>([
    [{ cached: true }, 'acl: there is no option cached; there are groupsOf, subscribe, cache'],
    [{ cache: 1 }, 'acl: cache is 1; it must be a boolean'],
    [{ subscribe: 'any' }, "acl: subscribe is 'any'; it must be 'contained' or 'overlapping'"],
    [{ groupsOf: 1 }, 'acl: groupsOf is 1; it must be a function, a map or an object'],
    [{ groupsOf: { ann: 'staff' } }, "acl: groupsOf of 'ann' is 'staff'; it must be a list of strings"],
  ])('options %j', (options, message) => {
    const make = (): unknown => acl([allow('a', { groups: ['g'] })], { groupsOf: {}, ...options });
    expect(make).toThrow(expect.objectContaining({ code: 'ODN_ERR_OPTION', message }));
  });

  test('a list that is none', () => {
    expect(() => acl('allow all' as never)).toThrow("acl: rules is 'allow all'; it must be a list of rules");
  });
});
