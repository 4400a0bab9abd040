/** Rules that together answer every question of `authorize`, and the hook that asks them. */
import { BrokerError } from '../errors/errors.js';
import type { Action, Authorize, AuthorizeAnswer } from '../hooks/hooks.js';
import {
  clientIdPlaceholder,
  isUsable,
  principalPlaceholder,
  type Access,
  type Rule,
  type Subject,
} from './rule.js';
import { bitOf, RuleTrie } from './rule-trie.js';

/**
 * Rules among which deny wins. The first tier with a rule to say it decides; in the last resort the answer is no.
 */
export interface Tier {
  readonly rules: readonly Rule[];
  /** Says no to clients whose names would make its filters say something else: see {@link isRefused}. */
  readonly guarded: boolean;
}

export interface PolicyOptions {
  /** The groups of a principal; `undefined` when no rule names one. */
  readonly groupsOf: ((principal: string) => readonly string[]) | undefined;
  /** A filter is allowed when an allow rule overlaps it; else one must contain it. */
  readonly overlapping: boolean;
}

/** Which access an action needs. */
export const accessOf = (type: Action['type']): Access =>
  type === 'publish' || type === 'will' ? 'write' : 'read';

/** Topics that the broker keeps for itself: it never asks about them. */
export const isReserved = (access: Access, topic: string): boolean => access === 'write' && topic.startsWith('$SYS/');

interface CompiledTier extends Tier {
  readonly allowing: RuleTrie;
  readonly denying: RuleTrie;
  /** Placeholders of its deny rules. */
  readonly denied: ReadonlySet<string>;
}

export class Policy {
  readonly tiers: readonly CompiledTier[];
  readonly options: PolicyOptions;

  constructor(tiers: readonly Tier[], options: PolicyOptions) {
    this.options = options;
    this.tiers = tiers.map(({ rules, guarded }) => {
      const denials = rules.filter(({ allows }) => !allows);
      return {
        rules,
        guarded,
        allowing: new RuleTrie(rules.filter(({ allows }) => allows), true),
        denying: new RuleTrie(denials, false),
        denied: new Set(denials.flatMap(({ levels }) => levels)),
      };
    });
  }

  subject(principal: string | undefined, clientId: string | undefined): Subject {
    const { groupsOf } = this.options;
    return { principal, clientId, groups: groupsOf === undefined || principal === undefined ? [] : groupsOf(principal) };
  }

  /** Whether this client may do this. */
  allows(type: Action['type'], topic: string, subject: Subject): boolean {
    const access = accessOf(type);
    if (isReserved(access, topic)) return false;
    const bit = bitOf(access);
    const mayOverlap = type === 'subscribe' && this.options.overlapping;
    for (const tier of this.tiers) {
      if (isRefused(tier, subject)) return false;
      if ((tier.denying.bits(topic, subject) & bit) !== 0) return false;
      if ((tier.allowing.bits(topic, subject) & bit) !== 0) return true;
      if (mayOverlap && tier.allowing.overlaps(topic, subject, bit)) return true;
    }
    return false;
  }
}

/**
 * Whether a guarded tier says no to all that this client asks: a name with a wildcard in it, as in mosquitto; or one
 * that a deny rule of the tier cannot be filled with, as nobody escapes a denial by their name.
 */
export function isRefused({ guarded, denied }: CompiledTier, { principal, clientId }: Subject): boolean {
  if (!guarded) return false;
  const unfit = (value: string | undefined, placeholder: string): boolean =>
    value !== undefined && (/[+#]/.test(value) || value.includes('\0') || (denied.has(placeholder) && !isUsable(value)));
  return unfit(principal, principalPlaceholder) || unfit(clientId, clientIdPlaceholder);
}

/** The policies behind the hooks that were made here, as they are now. */
const policies = new WeakMap<Authorize, () => Policy>();

/** The hook that answers by a policy, which may be another one at each call. */
export function authorizeBy(policyNow: () => Policy, cache: boolean): Authorize {
  const allow: AuthorizeAnswer = Object.freeze({ action: 'allow', cache });
  const deny: AuthorizeAnswer = Object.freeze({ action: 'deny', cache });
  const authorize: Authorize = (client, { type, topic }) => {
    const policy = policyNow();
    return policy.allows(type, topic, policy.subject(client.principal, client.id)) ? allow : deny;
  };
  policies.set(authorize, policyNow);
  return authorize;
}

/** @throws BrokerError ODN_ERR_ARGUMENT when the hook is not one of `acl` or `aclFile` */
export function policyBehind(of: string, authorize: Authorize): Policy {
  const policyNow = policies.get(authorize);
  if (policyNow !== undefined) return policyNow();
  throw new BrokerError('ODN_ERR_ARGUMENT', `${of}: the rules must be a list of rules, or what acl() or aclFile() made`);
}
