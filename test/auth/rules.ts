/** Rules, clients and topics for tests of authorization, and what rules mean, said in the plainest way. */
import fc from 'fast-check';
import type { AclRule } from '../../src/auth/acl.js';
import type { Action, Authorize, HookClient } from '../../src/hooks/hooks.js';
import { matches } from '../../src/topic/topic-rules.js';

export const hookClient = (principal: string | undefined, id: string): HookClient => ({
  id,
  principal,
  username: principal,
  protocolVersion: 5,
  connection: { transport: 'memory' },
  signal: new AbortController().signal,
});

const rest = { qos: 0, retain: false, payloadBytes: 0, properties: {}, shareName: undefined } as const;
export const action = (type: Action['type'], topic: string): Action => ({ ...rest, type, topic }) as Action;

/** Whether the hook allows it. */
export function may(authorize: Authorize, type: Action['type'], topic: string, principal: string | undefined, id = 'c'): boolean {
  const answer = authorize(hookClient(principal, id), action(type, topic));
  if (typeof answer !== 'object' || answer instanceof Promise || !('action' in answer)) throw new Error('not an answer of a rule');
  return answer.action === 'allow';
}

/** Level names of rules; `z` occurs in none, so that it stands for all the names there are. */
const names = ['a', 'b', '$s'];
export const depthMax = 3;

const sequences = (levels: readonly string[], lengthMax: number): string[][] =>
  lengthMax === 0 ? [[]] : [[], ...sequences(levels, lengthMax - 1).flatMap((tail) => levels.map((level) => [level, ...tail]))];

/**
 * Every topic name, one level deeper than any filter of a rule; with the identifiers that clients may have, and with
 * empty levels.
 */
export const topicsFor = (depth: number): readonly string[] => {
  const all = [...sequences([...names, 'k', 'z', 'z1', 'z2'], depth + 1), ...sequences(['a', ''], 2)];
  return [...new Set(all.map((levels) => levels.join('/')))].filter((topic) => topic !== '');
};
export const topics = topicsFor(depthMax);

/** Every filter of those names. */
export const filters = sequences([...names, 'z', '+', '#'], depthMax)
  .filter((levels) => levels.length > 0 && !levels.slice(0, -1).includes('#'))
  .map((levels) => levels.join('/'));

export const principals = ['a', 'b', '$s', undefined];
export const clientIds = ['a', 'b', '$s', 'k', 'x/y', 'z1', 'z2'];
export const groupsOf = { a: ['g'], b: ['g', 'h'] };

const anyTopic = (depth: number): fc.Arbitrary<string> =>
  fc
    .tuple(fc.array(fc.constantFrom(...names, '+', '+', '%u', '%c'), { minLength: 1, maxLength: depth }), fc.boolean())
    .map(([levels, open]) => (open ? [...levels.slice(0, depth - 1), '#'] : levels).join('/'));

const some = (...values: string[]): fc.Arbitrary<string[] | undefined> =>
  fc.option(fc.subarray(values, { minLength: 1 }), { nil: undefined, freq: 1 });

/** Rules whose filters have so many levels at most. */
export const anyRule = (depth = depthMax): fc.Arbitrary<AclRule> =>
  fc
    .record({
      effect: fc.constantFrom('allow', 'allow', 'deny'),
      access: fc.constantFrom('read', 'write', 'both'),
      topic: fc.oneof({ weight: 6, arbitrary: anyTopic(depth) }, { weight: 1, arbitrary: fc.constant('#') }),
      users: some('a', 'b'),
      groups: some('g', 'h'),
      clientIds: some('a', 'k', 'x/y'),
    } as const)
    .map((rule) => Object.fromEntries(Object.entries(rule).filter(([, value]) => value !== undefined)) as unknown as AclRule);

/** The filter of a rule for a client, or `undefined` when the rule does not apply. */
export function filterFor(rule: AclRule, principal: string | undefined, id: string): string | undefined {
  const isNamed =
    (rule.users === undefined && rule.groups === undefined) ||
    (principal !== undefined && rule.users?.includes(principal) === true) ||
    rule.groups?.some((group) => (groupsOf as Partial<Record<string, string[]>>)[principal ?? '']?.includes(group)) === true;
  if (!isNamed || rule.clientIds?.includes(id) === false) return undefined;
  const levels = rule.topic.split('/').map((level) => (level === '%u' ? principal : level === '%c' ? id : level));
  const filled = rule.topic.split('/').map((level) => level.startsWith('%'));
  const isBad = levels.some((level, at) => filled[at] && (level === undefined || level.includes('/') || (rule.effect === 'allow' && at === 0 && level.startsWith('$'))));
  return isBad ? undefined : levels.join('/');
}

const matchedBy = new Map<string, ReadonlySet<string>>();
/** All topic names that a filter matches. */
export function matchSet(filter: string): ReadonlySet<string> {
  const known = matchedBy.get(filter) ?? new Set(topics.filter((topic) => matches(filter, topic)));
  matchedBy.set(filter, known);
  return known;
}

/** What the rules say, found by trying every topic. */
export function reference(
  rules: readonly AclRule[],
  type: Action['type'],
  topic: string,
  principal: string | undefined,
  id: string,
  overlapping = false,
): boolean {
  const access = type === 'publish' || type === 'will' ? 'write' : 'read';
  const asked = matchSet(topic);
  const applying = rules.filter((rule) => rule.access === access || rule.access === 'both');
  const says = (effect: AclRule['effect'], fits: (all: ReadonlySet<string>) => boolean): boolean =>
    applying.some((rule) => {
      const filter = filterFor(rule, principal, id);
      return rule.effect === effect && filter !== undefined && fits(matchSet(filter));
    });
  const whole = (all: ReadonlySet<string>): boolean => [...asked].every((one) => all.has(one));
  const part = (all: ReadonlySet<string>): boolean => [...asked].some((one) => all.has(one));
  if (says('deny', whole)) return false;
  return says('allow', overlapping && type === 'subscribe' ? part : whole);
}
