/**
 * Rules by the levels of their filters. An answer costs what the topic's levels and the wildcards at each of them
 * cost, however many rules there are: a node knows by name for whom its rules are.
 */
import { levelEnd } from '../topic/levels.js';
import { isDollar } from './filters.js';
import { clientIdPlaceholder, isUsable, principalPlaceholder, type Access, type Rule, type Subject } from './rule.js';

/** What rules are about, as bits. */
const readBit = 1;
const writeBit = 2;

export const bitOf = (access: Access): number => (access === 'read' ? readBit : writeBit);

/** What is said to some principals: to all their clients, and to single ones. */
class ClientGrants {
  private everyClient = 0;
  private byClientId: Map<string, number> | undefined = undefined;

  add(bits: number, clientIds: readonly string[] | undefined): void {
    if (clientIds === undefined) this.everyClient |= bits;
    for (const id of clientIds ?? []) {
      this.byClientId ??= new Map();
      this.byClientId.set(id, (this.byClientId.get(id) ?? 0) | bits);
    }
  }

  bits(clientId: string | undefined): number {
    if (this.byClientId === undefined || clientId === undefined) return this.everyClient;
    return this.everyClient | (this.byClientId.get(clientId) ?? 0);
  }
}

/** Whether a first level that begins with `$` is out of the reach of wildcards, and of placeholders too. */
type Hidden = 'no' | 'from wildcards' | 'from all';

class Node {
  readonly literals = new Map<string, Node>();
  plus: Node | undefined = undefined;
  hash: Node | undefined = undefined;
  principal: Node | undefined = undefined;
  clientId: Node | undefined = undefined;
  private everyone: ClientGrants | undefined = undefined;
  private byUser: Map<string | undefined, ClientGrants> | undefined = undefined;
  private byGroup: Map<string, ClientGrants> | undefined = undefined;

  /** The node of a rule's next level. */
  branch(level: string): Node {
    switch (level) {
      case '+':
        return (this.plus ??= new Node());
      case '#':
        return (this.hash ??= new Node());
      case principalPlaceholder:
        return (this.principal ??= new Node());
      case clientIdPlaceholder:
        return (this.clientId ??= new Node());
      default: {
        const child = this.literals.get(level) ?? new Node();
        this.literals.set(level, child);
        return child;
      }
    }
  }

  add(rule: Rule): void {
    const bits = (rule.read ? readBit : 0) | (rule.write ? writeBit : 0);
    const { users, groups, clientIds } = rule;
    if (users === undefined && groups === undefined) (this.everyone ??= new ClientGrants()).add(bits, clientIds);
    for (const user of users ?? []) entryOf((this.byUser ??= new Map()), user).add(bits, clientIds);
    for (const group of groups ?? []) entryOf((this.byGroup ??= new Map()), group).add(bits, clientIds);
  }

  bits({ principal, clientId, groups }: Subject): number {
    let bits = this.everyone?.bits(clientId) ?? 0;
    if (this.byUser !== undefined) bits |= this.byUser.get(principal)?.bits(clientId) ?? 0;
    if (this.byGroup !== undefined) {
      for (const group of groups) bits |= this.byGroup.get(group)?.bits(clientId) ?? 0;
    }
    return bits;
  }

  /** The children that a level which is no wildcard leads to, but for `#`; `hidden` is one that only its name leads to. */
  follow(level: string, subject: Subject, hidden: Hidden, into: Node[]): void {
    const literal = this.literals.get(level);
    if (literal !== undefined) into.push(literal);
    if (this.plus !== undefined && hidden === 'no') into.push(this.plus);
    if (hidden === 'from all') return;
    if (this.principal !== undefined && level === subject.principal && isUsable(level)) into.push(this.principal);
    if (this.clientId !== undefined && level === subject.clientId && isUsable(level)) into.push(this.clientId);
  }

  /** The children that stand for anything `+` matches, but for `#`. */
  followAny(subject: Subject, isFirst: boolean, into: Node[]): void {
    for (const [level, child] of this.literals) if (!isFirst || !isDollar(level)) into.push(child);
    if (this.plus !== undefined) into.push(this.plus);
    const { principal, clientId } = subject;
    const fills = (value: string | undefined): boolean => isUsable(value) && !(isFirst && isDollar(value));
    if (this.principal !== undefined && fills(principal)) into.push(this.principal);
    if (this.clientId !== undefined && fills(clientId)) into.push(this.clientId);
  }
}

function entryOf<K>(map: Map<K, ClientGrants>, key: K): ClientGrants {
  let entry = map.get(key);
  if (entry === undefined) map.set(key, (entry = new ClientGrants()));
  return entry;
}

/** Rules that all allow or all deny. */
export class RuleTrie {
  private readonly root = new Node();
  private readonly allows: boolean;

  constructor(rules: readonly Rule[], allows: boolean) {
    this.allows = allows;
    for (const rule of rules) {
      let node = this.root;
      for (const level of rule.levels) node = node.branch(level);
      node.add(rule);
    }
  }

  private hidden(level: string, isFirst: boolean): Hidden {
    if (!isFirst || !isDollar(level)) return 'no';
    return this.allows ? 'from all' : 'from wildcards'; // nobody is allowed it by name, nobody escapes a denial by name
  }

  /** What the rules about this client whose filters contain all of a filter, or a topic name, are about. */
  bits(filter: string, subject: Subject): number {
    let bits = 0;
    let nodes = [this.root];
    for (let start = 0; start <= filter.length && nodes.length > 0; ) {
      const stop = levelEnd(filter, start);
      const level = filter.slice(start, stop);
      const hidden = this.hidden(level, start === 0);
      const next: Node[] = [];
      for (const node of nodes) {
        if (node.hash !== undefined && hidden === 'no') bits |= node.hash.bits(subject);
        if (level === '+') {
          if (node.plus !== undefined) next.push(node.plus);
        } else if (level !== '#') node.follow(level, subject, hidden, next);
      }
      // Only `#` contains `#`.
      if (level === '#') return bits;
      nodes = next;
      start = stop + 1;
    }
    for (const node of nodes) bits |= node.bits(subject) | (node.hash?.bits(subject) ?? 0); // `a/#` also matches `a`
    return bits;
  }

  /** Whether some rule about this client and one of `bits` matches anything that `filter` matches; of allow rules. */
  overlaps(filter: string, subject: Subject, bits: number): boolean {
    const says = (node: Node | undefined): boolean => node !== undefined && (node.bits(subject) & bits) !== 0;
    const levels = filter.split('/');
    let nodes = [this.root];
    for (const [at, level] of levels.entries()) {
      const isFirst = at === 0;
      if (level === '#') return this.saysBelow(nodes, isFirst, subject, bits);
      const hidden = this.hidden(level, isFirst);
      const next: Node[] = [];
      for (const node of nodes) {
        if (says(node.hash) && hidden === 'no') return true;
        if (level === '+') node.followAny(subject, isFirst, next);
        else node.follow(level, subject, hidden, next);
      }
      nodes = next;
    }
    return nodes.some((node) => says(node) || says(node.hash));
  }

  private saysBelow(nodes: readonly Node[], isFirst: boolean, subject: Subject, bits: number): boolean {
    const pending = [...nodes];
    for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
      if ((node.bits(subject) & bits) !== 0) return true;
      if (node.hash !== undefined && (node.hash.bits(subject) & bits) !== 0) return true;
      node.followAny(subject, isFirst && node === this.root, pending);
    }
    return false;
  }
}
