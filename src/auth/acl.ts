/** `acl`: who may publish and receive what, as rules that are data. */
import { BrokerError } from '../errors/errors.js';
import type { Authorize } from '../hooks/hooks.js';
import { topicFilterProblem } from '../topic/topic-rules.js';
import { levelsOf } from './filters.js';
import { checkNames, illegalOption } from './option-checks.js';
import { authorizeBy, Policy, policyBehind, type PolicyOptions } from './policy.js';
import { clientIdPlaceholder, principalPlaceholder, type Rule } from './rule.js';

/**
 * One rule of {@link acl}. It says what it says about everybody, unless `users`, `groups` or `clientIds` name some.
 * @public
 */
export interface AclRule {
  /** A deny wins over every allow, wherever it stands. */
  readonly effect: 'allow' | 'deny';
  /** `read` is to subscribe and to be sent messages, `write` is to publish, now or as a will. */
  readonly access: 'read' | 'write' | 'both';
  /**
   * A topic filter, without `$share/name/`. A level that is `%u` stands for the client's principal, one that is `%c`
   * for its client identifier. The rule does not apply to a client whose value is missing, is empty or contains `+`,
   * `#`, `/` or U+0000: neither an allow rule nor a deny rule. Nor does an allow rule whose first level would begin
   * with `$`. A client chooses its identifier, unless your `authenticate` hook sees to it.
   */
  readonly topic: string;
  /**
   * Only these principals, one or more, together with those of `groups`.
   * @defaultValue everybody, also who has no principal
   */
  readonly users?: readonly string[];
  /**
   * Only principals in one of these groups, as `groupsOf` says, together with `users`.
   * @defaultValue everybody
   */
  readonly groups?: readonly string[];
  /**
   * Of those only clients with one of these identifiers.
   * @defaultValue all clients
   */
  readonly clientIds?: readonly string[];
}

/** Options of {@link acl}. @public */
export interface AclOptions {
  /**
   * The groups of a principal: a function, asked for each decision, or a map. A client without a principal has none.
   * @defaultValue none; then no rule may name a group
   */
  readonly groupsOf?:
    | ((principal: string) => readonly string[])
    | ReadonlyMap<string, readonly string[]>
    | Readonly<Record<string, readonly string[]>>;
  /**
   * Which topic filters may be subscribed to: those that one allow rule contains, or those that one overlaps. Never
   * one that a deny rule contains. Whatever the filter, each message is asked about when it is to be sent.
   * @defaultValue `contained`: a client is told at once when it asks for more than it may read
   */
  readonly subscribe?: 'contained' | 'overlapping';
  /**
   * Whether the broker may keep an answer for the rest of the connection.
   * @defaultValue true, as rules do not change; false when `groupsOf` is a function, whose answers may
   */
  readonly cache?: boolean;
}

/**
 * Makes an `authorize` hook of rules. What no rule allows is denied, and a deny rule wins over any allow rule. The
 * rules are copied and arranged by topic level, so that an answer costs about the same for ten and for a hundred
 * thousand of them.
 *
 * A subscription is allowed when one allow rule contains its whole filter and no deny rule does; what a deny rule
 * overlaps in part is withheld message by message. The name of a shared group is not looked at. Wildcards on the
 * first level leave topics that begin with `$` alone; the broker lets no client publish below `$SYS/`.
 * @param rules - in any order; none of them: everything is denied
 * @throws BrokerError ODN_ERR_OPTION that names the rule, the field and its value
 * @public
 */
export function acl(rules: readonly AclRule[], options: AclOptions = {}): Authorize {
  const policy = policyOf('acl', rules, options);
  const { cache = typeof options.groupsOf !== 'function' } = options;
  if (typeof cache !== 'boolean') throw illegalOption('acl', 'cache', cache, 'a boolean');
  return authorizeBy(() => policy, cache);
}

/** What the rules come to, or what is behind a hook that was made of rules before. */
export function policyOf(of: string, rules: readonly AclRule[] | Authorize, options: AclOptions): Policy {
  checkNames(of, options, ['groupsOf', 'subscribe', 'cache']);
  if (typeof rules === 'function') return policyBehind(of, rules);
  if (!Array.isArray(rules)) throw illegalOption(of, 'rules', rules, 'a list of rules');
  const checked = (rules as readonly AclRule[]).map((rule, index) => readRule(of, rule, index));
  const { groupsOf, subscribe = 'contained' } = options;
  const named = checked.find(({ groups }) => groups !== undefined);
  if (named !== undefined && groupsOf === undefined) {
    throw new BrokerError('ODN_ERR_OPTION', `${of}: ${named.name} names groups; the option groupsOf must say who is in them`);
  }
  return new Policy([{ rules: checked, guarded: false }], {
    groupsOf: groupsOf === undefined || named === undefined ? undefined : groupsFunction(of, groupsOf),
    overlapping: isOverlapping(of, subscribe),
  });
}

/** @throws BrokerError ODN_ERR_OPTION */
export function isOverlapping(of: string, subscribe: unknown): boolean {
  if (subscribe === 'contained' || subscribe === 'overlapping') return subscribe === 'overlapping';
  throw illegalOption(of, 'subscribe', subscribe, "'contained' or 'overlapping'");
}

function readRule(of: string, rule: AclRule, place: number): Rule {
  const name = `rule ${place}`;
  const where = `${of}: ${name}`;
  if (typeof rule !== 'object' || rule === null) throw illegalOption(of, name, rule, 'an object');
  // A misspelt `users` would make a rule for everybody.
  checkNames(where, rule, ['effect', 'access', 'topic', 'users', 'groups', 'clientIds']);
  const { effect, access, topic, users, groups, clientIds } = rule;
  if (effect !== 'allow' && effect !== 'deny') throw illegalOption(where, 'effect', effect, "'allow' or 'deny'");
  if (access !== 'read' && access !== 'write' && access !== 'both') {
    throw illegalOption(where, 'access', access, "'read', 'write' or 'both'");
  }
  const problem = typeof topic === 'string' ? ruleTopicProblem(topic) : 'it is no string';
  if (problem !== undefined) throw illegalOption(where, 'topic', topic, `a topic filter: ${problem}`);
  return {
    place,
    name,
    allows: effect === 'allow',
    read: access !== 'write',
    write: access !== 'read',
    topic,
    levels: levelsOf(topic),
    users: readNames(where, 'users', users),
    groups: readNames(where, 'groups', groups),
    clientIds: readNames(where, 'clientIds', clientIds),
  };
}

/** Why this is no filter of a rule, or `undefined`. */
export function ruleTopicProblem(topic: string): string | undefined {
  // Rules are about what is matched; the group is not part of the question.
  if (topic.startsWith('$share/')) return 'it must be without $share/name/';
  const problem = topicFilterProblem(topic, 65_536, 65_535);
  if (problem !== undefined) return problem;
  const misplaced = topic
    .split('/')
    .find((level) => /%[cu]/.test(level) && level !== principalPlaceholder && level !== clientIdPlaceholder);
  return misplaced === undefined ? undefined : 'a placeholder must be a level of its own';
}

function readNames(where: string, field: string, names: unknown): readonly string[] | undefined {
  if (names === undefined) return undefined;
  // About nobody: a deny rule that denies nothing is an oversight.
  if (isNames(names) && names.length > 0) return [...names];
  throw illegalOption(where, field, names, 'a list of one string or more');
}

const isNames = (names: unknown): names is readonly string[] =>
  Array.isArray(names) && names.every((name) => typeof name === 'string');

function groupsFunction(of: string, groupsOf: NonNullable<AclOptions['groupsOf']>): NonNullable<PolicyOptions['groupsOf']> {
  if (typeof groupsOf === 'function') {
    return (principal) => {
      const groups: unknown = groupsOf(principal);
      if (isNames(groups)) return groups;
      throw new BrokerError('ODN_ERR_OPTION', `${of}: groupsOf did not answer with a list of strings`);
    };
  }
  if (typeof groupsOf !== 'object' || groupsOf === null) {
    throw illegalOption(of, 'groupsOf', groupsOf, 'a function, a map or an object');
  }
  // Copied, and by own names only: no principal is called `constructor` by chance.
  const copy = new Map<string, readonly string[]>();
  for (const [principal, groups] of groupsOf instanceof Map ? groupsOf : Object.entries(groupsOf)) {
    if (!isNames(groups)) throw illegalOption(of, `groupsOf of '${String(principal)}'`, groups, 'a list of strings');
    copy.set(principal as string, [...groups]);
  }
  return (principal) => copy.get(principal) ?? [];
}
