/** Goal: rules mean what they say. Method: compare with every topic of a small world, tried one by one. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { acl, explainAccess } from 'odonata/auth';
import { anyRule, clientIds, filters, groupsOf, may, principals, reference, topics } from './rules.js';

const anyRules = fc.array(anyRule(), { maxLength: 7 });
const anyClient = { principal: fc.constantFrom(...principals), id: fc.constantFrom(...clientIds) };

test('publish, will and deliver: allowed when an allow rule matches and no deny rule does', () => {
  fc.assert(
    fc.property(
      anyRules,
      fc.record(anyClient),
      fc.constantFrom('publish', 'will', 'deliver'),
      fc.uniqueArray(fc.constantFrom(...topics), { minLength: 20, maxLength: 20 }),
      (rules, { principal, id }, type, some) => {
        const authorize = acl(rules, { groupsOf });
        for (const topic of some) {
          const allowed = reference(rules, type, topic, principal, id);
          expect([topic, may(authorize, type, topic, principal, id)]).toEqual([topic, allowed]);
          expect(explainAccess(rules, { principal, clientId: id, action: type, topic }, { groupsOf }).allowed).toBe(allowed);
        }
      },
    ),
    { numRuns: 300 },
  );
});

test.each(['contained', 'overlapping'] as const)('subscribe, %s: by every topic that the filter matches', (subscribe) => {
  fc.assert(
    fc.property(
      anyRules,
      fc.record(anyClient),
      fc.uniqueArray(fc.constantFrom(...filters), { minLength: 20, maxLength: 20 }),
      (rules, { principal, id }, some) => {
        const authorize = acl(rules, { groupsOf, subscribe });
        for (const topic of some) {
          const allowed = reference(rules, 'subscribe', topic, principal, id, subscribe === 'overlapping');
          expect([topic, may(authorize, 'subscribe', topic, principal, id)]).toEqual([topic, allowed]);
          const question = { principal, clientId: id, action: 'subscribe', topic } as const;
          expect(explainAccess(rules, question, { groupsOf, subscribe }).allowed).toBe(allowed);
        }
      },
    ),
    { numRuns: 200 },
  );
});

test('the rule that explains a denial denies, the rule that explains an allowance allows', () => {
  fc.assert(
    fc.property(anyRules, fc.record(anyClient), fc.constantFrom(...topics), (rules, { principal, id }, topic) => {
      const { allowed, index, rule } = explainAccess(rules, { principal, clientId: id, action: 'deliver', topic }, { groupsOf });
      if (index === undefined) expect([allowed, rule]).toEqual([false, undefined]);
      else expect([rules[index]?.effect, rules[index]?.topic]).toEqual([allowed ? 'allow' : 'deny', rule]);
    }),
    { numRuns: 500 },
  );
});
