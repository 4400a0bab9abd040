/**
 * `proveIsolation`: whether anything that one principal may publish can reach another. It looks at each pair of a rule
 * that lets the one write and a rule that lets the other read, and tries the topics that both match and that are
 * as unlike everything else in the rules as can be: names that occur nowhere, for every wildcard and every identifier
 * that is free, and every length that can matter. A deny rule that matches such a topic matches all others of that
 * length which the pair allows, so what is not found does not exist.
 */
import type { Authorize } from '../hooks/hooks.js';
import { policyOf, type AclOptions, type AclRule } from './acl.js';
import { intersection } from './filters.js';
import { illegalOption } from './option-checks.js';
import type { Policy } from './policy.js';
import {
  clientIdPlaceholder,
  filledLevels,
  isAboutPrincipal,
  isUsable,
  type Access,
  type Rule,
  type Subject,
} from './rule.js';

/** A principal, `undefined` for clients without one; with `clientId` only its client with that identifier. @public */
export type IsolationParty =
  | string
  | undefined
  | {
      /** Who it is, as `authenticate` says. */
      readonly principal: string | undefined;
      /**
       * Its client's identifier.
       * @defaultValue any: clients choose theirs
       */
      readonly clientId?: string;
    };

/** How something that one principal may publish reaches another. @public */
export interface IsolationLeak {
  /** What is published: live, retained or as a will, which rules do not tell apart. */
  readonly topic: string;
  /** What is subscribed to; `$share/` and any name may stand in front. */
  readonly filter: string;
  /** Which rules let it through, in a sentence, for people. Its words may change. */
  readonly how: string;
  /** Who publishes: a client identifier with which it works, and the place of the rule (of a file its line). */
  readonly publisher: { readonly clientId: string; readonly rule: number };
  /** Who receives, likewise. */
  readonly subscriber: { readonly clientId: string; readonly rule: number };
}

/**
 * Looks for a way by which anything that principal `a` may publish, live, retained or as a will, reaches principal
 * `b` through a plain, wildcard or shared subscription. `null` means that there is none while these rules are all that
 * `authorize` goes by. Messages of third parties, other hooks and your own `broker.publish()` are not looked at.
 *
 * A party may use any client identifier unless one is given. The work grows with the rules about `a` times the rules
 * about `b`.
 * @param rules - a list of rules, or a hook made by {@link acl} or {@link aclFile}, whose own options then count
 * @throws BrokerError ODN_ERR_OPTION that names what is wrong
 * @public
 */
export function proveIsolation(
  rules: readonly AclRule[] | Authorize,
  a: IsolationParty,
  b: IsolationParty,
  options: AclOptions = {},
): IsolationLeak | null {
  const policy = policyOf('proveIsolation', rules, options);
  const search = new Search(policy, partyOf('a', a, policy), partyOf('b', b, policy));
  for (const write of search.candidates('write')) {
    for (const read of search.candidates('read')) {
      const leak = search.leakThrough(write, read);
      if (leak !== undefined) return leak;
    }
  }
  return null;
}

interface Party {
  readonly principal: string | undefined;
  /** `undefined` is any. */
  readonly clientId: string | undefined;
  readonly groups: readonly string[];
}

function partyOf(name: 'a' | 'b', party: IsolationParty, policy: Policy): Party {
  if (party === null) throw illegalOption('proveIsolation', name, party, 'a string, undefined or an object');
  const { principal, clientId } = typeof party === 'object' ? party : { principal: party, clientId: undefined };
  for (const value of [principal, clientId]) {
    if (value !== undefined && typeof value !== 'string') throw illegalOption('proveIsolation', name, value, 'a string or undefined');
  }
  if (clientId === '') throw illegalOption('proveIsolation', `clientId of ${name}`, clientId, 'a client identifier'); // clients have one
  return { principal, clientId, groups: policy.subject(principal, clientId).groups };
}

/** A rule as one party meets it. Its levels may hold the name of an identifier that is not chosen yet. */
interface Candidate {
  readonly rule: Rule;
  readonly levels: readonly string[];
  /** The identifier, or `freeA` or `freeB`. */
  readonly clientId: string;
}

/** Stand for identifiers that may still be anything; no name in a rule contains U+0000. */
const freeA = '\0a';
const freeB = '\0b';
const isFree = (level: string | undefined): boolean => level === freeA || level === freeB;

class Search {
  private readonly policy: Policy;
  private readonly a: Party;
  private readonly b: Party;
  private readonly rules: readonly Rule[];
  /** A name that is nowhere in the rules, for levels and for the identifiers of each party. */
  private readonly fresh: string;
  /** Longer topics are like those of this length: no filter tells them apart. */
  private readonly levelsMax: number;
  private readonly candidatesOf = new Map<Access, readonly Candidate[]>();

  constructor(policy: Policy, a: Party, b: Party) {
    this.policy = policy;
    this.a = a;
    this.b = b;
    this.rules = policy.tiers.flatMap(({ rules }) => rules);
    const names = new Set(this.rules.flatMap(({ levels, clientIds = [] }) => [...levels, ...clientIds]));
    for (const { principal, clientId } of [a, b]) names.add(principal ?? '').add(clientId ?? '');
    let fresh = 'any';
    // No name in the rules begins with it, so that what is made of it is new too.
    while ([...names].some((name) => name.startsWith(fresh))) fresh += '-';
    this.fresh = fresh;
    this.levelsMax = 1 + this.rules.reduce((most, { levels }) => Math.max(most, levels.length), 0);
  }

  /** The allow rules about a party, for each identifier with which they can apply. */
  candidates(access: Access): readonly Candidate[] {
    const known = this.candidatesOf.get(access);
    if (known !== undefined) return known;
    const [party, free] = access === 'write' ? [this.a, freeA] : [this.b, freeB];
    const found = this.rules
      .filter((rule) => rule.allows && rule[access] && isAboutPrincipal(rule, party.principal, party.groups))
      .flatMap((rule) => identifiersFor(rule, party, free).map((clientId) => ({ rule, clientId })))
      .flatMap(({ rule, clientId }) => {
        const levels = filledFor(rule, party, clientId);
        return levels === undefined ? [] : [{ rule, clientId, levels }];
      });
    this.candidatesOf.set(access, found);
    return found;
  }

  /** A message that the one rule lets `a` publish and the other lets `b` receive. */
  leakThrough(write: Candidate, read: Candidate): IsolationLeak | undefined {
    const chosen = new Map<string, string>();
    const settle = (level: string): string => {
      let settled = level;
      for (let next = chosen.get(settled); next !== undefined; next = chosen.get(settled)) settled = next;
      return settled;
    };
    const common = intersection(write.levels, read.levels, (one, two) => {
      const [left, right] = [settle(one), settle(two)];
      if (left === right) return left;
      if (!isFree(left) && !isFree(right)) return undefined;
      const [free, value] = isFree(left) ? [left, right] : [right, left];
      if (!isFree(value) && !isUsable(value)) return undefined;
      chosen.set(free, value);
      return value;
    });
    if (common === undefined) return undefined;
    for (const free of [freeA, freeB]) if (settle(free) === free) chosen.set(free, this.fresh + (free === freeA ? '-a' : '-b'));
    const settled = ({ rule, levels, clientId }: Candidate): Candidate => ({ rule, levels: levels.map(settle), clientId: settle(clientId) });
    return this.leakOn(common.map(settle), settled(write), settled(read));
  }

  /** A topic of those that `common` matches, if no deny rule is in the way of all of them. */
  private leakOn(common: readonly string[], write: Candidate, read: Candidate): IsolationLeak | undefined {
    const publisher: Subject = { ...this.a, clientId: write.clientId };
    const subscriber: Subject = { ...this.b, clientId: read.clientId };
    for (const topic of this.topics(common)) {
      if (!this.policy.allows('publish', topic, publisher) || !this.policy.allows('deliver', topic, subscriber)) continue;
      const wide = read.levels.join('/');
      const filter = this.policy.allows('subscribe', wide, subscriber) ? wide : topic;
      return {
        topic,
        filter,
        how: `${write.rule.name} lets it be published, live, retained or as a will; ${read.rule.name} lets it be received through a subscription to ${filter}, of one's own or shared`,
        publisher: { clientId: write.clientId, rule: write.rule.place },
        subscriber: { clientId: read.clientId, rule: read.rule.place },
      };
    }
    return undefined;
  }

  /** Topics that a filter matches, of every length that rules can tell apart. */
  private *topics(filter: readonly string[]): Generator<string> {
    const named = filter.map((level) => (level === '+' ? this.fresh : level));
    if (filter.at(-1) !== '#') return void (yield named.join('/'));
    named.pop();
    if (named.length === 0) named.push(this.fresh);
    for (; ; named.push(this.fresh)) {
      yield named.join('/');
      if (named.length >= this.levelsMax) return;
    }
  }
}

/** The identifiers with which the party may meet the rule. */
function identifiersFor({ clientIds }: Rule, { clientId }: Party, free: string): readonly string[] {
  if (clientIds === undefined) return [clientId ?? free];
  return clientId === undefined ? clientIds.filter((id) => id !== '') : clientIds.filter((id) => id === clientId);
}

/** The levels of the rule's filter, where an identifier that is not chosen yet stands for itself. */
function filledFor(rule: Rule, { principal, groups }: Party, clientId: string): readonly string[] | undefined {
  const free = isFree(clientId);
  const kept = free ? rule.levels.map((level) => (level === clientIdPlaceholder ? clientId : level)) : rule.levels;
  const filled = filledLevels({ ...rule, levels: kept }, { principal, clientId: free ? undefined : clientId, groups });
  return typeof filled === 'string' ? undefined : filled;
}
