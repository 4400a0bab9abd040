/** `explainAccess`: says which rule decided, in words. That it agrees with the hook is in acl-property.test.ts. */
import { expect, test } from '@jest/globals';
import { acl, explainAccess, type AccessQuestion, type AclRule } from 'odonata/auth';

const rules: AclRule[] = [
  { effect: 'allow', access: 'both', topic: 'users/%u/#' },
  { effect: 'allow', access: 'read', topic: 'news/+' },
  { effect: 'deny', access: 'read', topic: 'news/private' },
  { effect: 'allow', access: 'write', topic: 'devices/%c', clientIds: ['c1'] },
];
const ask = (question: Partial<AccessQuestion>): string => {
  const { allowed, index, rule, why } = explainAccess(rules, { principal: 'ann', action: 'deliver', topic: 'a', ...question });
  return [allowed, index, rule, why].join(' | ');
};

test.each<[Partial<AccessQuestion>, string]>([
  [{ topic: 'users/ann' }, 'true | 0 | users/%u/# | rule 0 allows: users/%u/# contains users/ann'],
  [{ topic: 'news/private' }, 'false | 2 | news/private | rule 2 denies: news/private contains news/private'],
  [{ topic: 'news/private', action: 'publish' }, 'false |  |  | no rule allows it'],
  [{ topic: 'news/#', action: 'subscribe' }, 'false |  |  | no rule allows it; rule 1 overlaps news/# but does not contain it'],
  [{ topic: 'users/x', principal: undefined }, 'false |  |  | no rule allows it; rule 0 does not apply as %u has no usable value'],
  [{ topic: 'devices/c1', action: 'will', clientId: 'c1' }, 'true | 3 | devices/%c | rule 3 allows: devices/%c contains devices/c1'],
  [{ topic: 'devices/c1', action: 'will' }, 'false |  |  | no rule allows it'],
])('%j', (question, answer) => {
  expect(ask(question)).toBe(answer);
});

test('overlapping subscriptions are explained by the rule that they overlap', () => {
  const question = { principal: 'ann', action: 'subscribe', topic: 'news/#' } as const;
  const answer = { allowed: true, index: 1, rule: 'news/+', why: 'rule 1 allows: news/+ overlaps news/#' };
  expect(explainAccess(rules, question, { subscribe: 'overlapping' })).toEqual(answer);
  expect(explainAccess(acl(rules, { subscribe: 'overlapping' }), question)).toEqual(answer);
});

test.each<[object, string, string]>([
  [{ action: 'read' }, 'ODN_ERR_OPTION', "explainAccess: action is 'read'; it must be one of publish, will, subscribe, deliver"],
  [{ principal: null }, 'ODN_ERR_OPTION', 'explainAccess: principal is null; it must be a string or undefined'],
  [{ clientId: 1 }, 'ODN_ERR_OPTION', 'explainAccess: clientId is 1; it must be a string or undefined'],
  [{ topic: 1 }, 'ODN_ERR_OPTION', 'explainAccess: topic is 1; it must be a string'],
  [{ topic: 'a/+' }, 'ODN_ERR_ARGUMENT', 'explainAccess: topic name "a/+" contains the wildcard +'],
  [{ action: 'subscribe', topic: 'a#' }, 'ODN_ERR_ARGUMENT', 'explainAccess: topic filter "a#": # must be a level of its own and the last one'],
  [{ action: 'subscribe', topic: '$share/g/a' }, 'ODN_ERR_ARGUMENT', 'explainAccess: the topic filter $share/g/a must be without $share/name/, as a hook gets it'],
  [{ clientid: 'c' }, 'ODN_ERR_OPTION', 'explainAccess: there is no option clientid; there are principal, clientId, action, topic'],
])('a question such as %j is an error', (question, code, message) => {
  expect(() => ask(question)).toThrow(expect.objectContaining({ code, message }));
});

test('a hook of another make has no rules to explain', () => {
  const question = { principal: 'ann', action: 'publish', topic: 'a' } as const;
  expect(() => explainAccess(() => true, question)).toThrow(
    expect.objectContaining({ code: 'ODN_ERR_ARGUMENT', message: 'explainAccess: the rules must be a list of rules, or what acl() or aclFile() made' }),
  );
});
