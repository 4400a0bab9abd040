/** `explainAccess`: which rule decides, found by reading the rules one by one, not by the trie that decides. */
import { BrokerError } from '../errors/errors.js';
import type { Action, Authorize } from '../hooks/hooks.js';
import { topicFilterProblem, topicNameProblem } from '../topic/topic-rules.js';
import { policyOf, type AclOptions, type AclRule } from './acl.js';
import { contains, intersection, levelsOf } from './filters.js';
import { checkNames, illegalOption } from './option-checks.js';
import { accessOf, isRefused, isReserved, type Policy } from './policy.js';
import { filledLevels, isAbout, type Rule, type Subject } from './rule.js';

/** What {@link explainAccess} is asked. @public */
export interface AccessQuestion {
  /** Who asks, as `authenticate` says; `undefined` is a client without a principal. */
  readonly principal: string | undefined;
  /**
   * The client's identifier.
   * @defaultValue none: rules with `clientIds` or `%c` do not apply
   */
  readonly clientId?: string;
  /** What it asks for. */
  readonly action: Action['type'];
  /** The topic name; for `subscribe` the filter, without `$share/name/`. */
  readonly topic: string;
}

/** What {@link explainAccess} answers. @public */
export interface AccessExplanation {
  /** Whether it may. */
  readonly allowed: boolean;
  /** The place of the rule that decided, from 0; of a file its line, from 1. `undefined` when none did. */
  readonly index: number | undefined;
  /** That rule's topic filter, as it was written. */
  readonly rule: string | undefined;
  /** Why, in a sentence, for people. Its words may change. */
  readonly why: string;
}

/**
 * Says which rule decides, and why. Answers as the hook of the same rules and options does.
 * @param rules - a list of rules, or a hook made by {@link acl} or {@link aclFile}, whose own options then count
 * @throws BrokerError ODN_ERR_OPTION for rules and options, ODN_ERR_ARGUMENT for the question
 * @public
 */
export function explainAccess(
  rules: readonly AclRule[] | Authorize,
  question: AccessQuestion,
  options: AclOptions = {},
): AccessExplanation {
  const policy = policyOf('explainAccess', rules, options);
  const { action, topic } = checked(question);
  const subject = policy.subject(question.principal, question.clientId);
  return explain(policy, subject, action, topic);
}

const explained = (rule: Rule, why: string): AccessExplanation => ({
  allowed: rule.allows,
  index: rule.place,
  rule: rule.topic,
  why: `${rule.name} ${rule.allows ? 'allows' : 'denies'}: ${why}`,
});
const denied = (why: string): AccessExplanation => ({ allowed: false, index: undefined, rule: undefined, why });

function explain(policy: Policy, subject: Subject, action: Action['type'], topic: string): AccessExplanation {
  const access = accessOf(action);
  if (isReserved(access, topic)) return denied('the broker lets no client publish below $SYS/');
  const asked = levelsOf(topic);
  const near: string[] = [];
  for (const tier of policy.tiers) {
    if (isRefused(tier, subject)) return denied('the principal or client identifier cannot stand in the pattern rules');
    const rules = tier.rules.filter((rule) => rule[access] && isAbout(rule, subject));
    const filled = new Map(rules.map((rule) => [rule, filledLevels(rule, subject)]));
    const find = (allows: boolean, fits: (levels: readonly string[]) => boolean): Rule | undefined =>
      rules.find((rule) => {
        const levels = filled.get(rule);
        return rule.allows === allows && typeof levels === 'object' && fits(levels);
      });
    const containing = (levels: readonly string[]): boolean => contains(levels, asked);
    const overlapping = (levels: readonly string[]): boolean => intersection(levels, asked) !== undefined;

    const rule = find(false, containing) ?? find(true, containing);
    if (rule !== undefined) return explained(rule, `${rule.topic} contains ${topic}`);
    const partial = action === 'subscribe' ? find(true, overlapping) : undefined;
    if (partial !== undefined && policy.options.overlapping) {
      return explained(partial, `${partial.topic} overlaps ${topic}`);
    }
    if (partial !== undefined) near.push(`${partial.name} overlaps ${topic} but does not contain it`);
    for (const [{ name }, levels] of filled) {
      if (typeof levels === 'string') near.push(`${name} does not apply as ${levels} has no usable value`);
    }
  }
  return denied(['no rule allows it', ...near].join('; '));
}

function checked(question: AccessQuestion): AccessQuestion {
  const of = 'explainAccess';
  checkNames(of, question, ['principal', 'clientId', 'action', 'topic']);
  const { principal, clientId, action, topic } = question;
  if (principal !== undefined && typeof principal !== 'string') throw illegalOption(of, 'principal', principal, 'a string or undefined');
  if (clientId !== undefined && typeof clientId !== 'string') throw illegalOption(of, 'clientId', clientId, 'a string or undefined');
  if (!actions.has(action)) throw illegalOption(of, 'action', action, `one of ${[...actions].join(', ')}`);
  if (typeof topic !== 'string') throw illegalOption(of, 'topic', topic, 'a string');
  const isFilter = action === 'subscribe';
  const problem = (isFilter ? topicFilterProblem : topicNameProblem)(topic, 65_536, 65_535);
  if (problem !== undefined) throw new BrokerError('ODN_ERR_ARGUMENT', `${of}: ${problem}`);
  if (isFilter && topic.startsWith('$share/')) {
    throw new BrokerError('ODN_ERR_ARGUMENT', `${of}: the topic filter ${topic} must be without $share/name/, as a hook gets it`);
  }
  return question;
}

const actions: ReadonlySet<string> = new Set<Action['type']>(['publish', 'will', 'subscribe', 'deliver']);
