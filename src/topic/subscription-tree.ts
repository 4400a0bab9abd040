/**
 * Who subscribed to what: a tree with one node per level of the filters in it. A match costs about the depth
 * of the topic times the ways in which `+` lets it branch, whatever else is subscribed. Everything walks in
 * loops, so depth is no matter; nodes are lean, since there may be millions.
 */
import { isHiddenFromWildcards, keptLevel, levelEnd } from './levels.js';

/** Topic filters (of a Shared Subscription the filter part), each with the values that were added under it. */
export class SubscriptionTree<T extends NonNullable<unknown>> {
  private readonly root = new FilterNode<T>('');
  private filterCount = 0;
  private valueCount = 0;

  /** Number of different filters. */
  get filters(): number {
    return this.filterCount;
  }

  /** Number of pairs of filter and value. */
  get size(): number {
    return this.valueCount;
  }

  get isEmpty(): boolean {
    return this.valueCount === 0;
  }

  /** Adds `value` under a valid `filter`. The same value counts once per filter. */
  add(filter: string, value: T): void {
    let node = this.root;
    const { end, slot } = shapeOf(filter);
    for (let start = 0; start <= end; ) {
      const stop = levelEnd(filter, start);
      const level = filter.slice(start, stop);
      node = node.branch(level) ?? node.addBranch(keptLevel(level));
      start = stop + 1;
    }
    const values = node[slot];
    if (holds(values, value)) return;
    if (values === undefined) this.filterCount += 1;
    this.valueCount += 1;
    node[slot] = withValue(values, value);
  }

  /** Removes `value` from under `filter`, with every node that then leads nowhere. Returns whether it was there. */
  delete(filter: string, value: T): boolean {
    let node = this.root;
    // Where to cut when the last node ends up empty: below the deepest node that is needed for more than this filter.
    let kept = node;
    let cut = '';
    const { end, slot } = shapeOf(filter);
    for (let start = 0; start <= end; ) {
      const stop = levelEnd(filter, start);
      const level = filter.slice(start, stop);
      const child = node.branch(level);
      if (child === undefined) return false;
      if (node === this.root || node.isNeededBeside(1)) {
        kept = node;
        cut = level;
      }
      node = child;
      start = stop + 1;
    }
    const values = node[slot];
    if (!holds(values, value)) return false;
    this.valueCount -= 1;
    node[slot] = withoutValue(values, value);
    if (node[slot] === undefined) {
      this.filterCount -= 1;
      if (!node.isNeededBeside(0)) kept.deleteBranch(cut);
    }
    return true;
  }

  /**
   * Calls `visit` with the values of every filter that matches a valid topic name, once per filter: a value
   * under two of them comes twice. All are collected first, so `visit` may change the tree.
   */
  match(topic: string, visit: (value: T) => void): void {
    const found: T[] = [];
    // Level by level rather than branch by branch: each level is then cut out, and hashed, once.
    let reached = [this.root];
    let wildcards = !isHiddenFromWildcards(topic); // v5 [MQTT-4.7.2-1], v3.1.1 [MQTT-4.7.2-1]
    for (let start = 0; start <= topic.length && reached.length > 0; ) {
      const stop = levelEnd(topic, start);
      const level = topic.slice(start, stop);
      const next: FilterNode<T>[] = [];
      for (const node of reached) {
        const child = node.child(level);
        if (child !== undefined) next.push(child);
        if (!wildcards) continue;
        if (node.plus !== undefined) next.push(node.plus);
        if (node.hash !== undefined) collect(node.hash, found);
      }
      reached = next;
      wildcards = true;
      start = stop + 1;
    }
    for (const node of reached) {
      if (node.values !== undefined) collect(node.values, found);
      if (node.hash !== undefined) collect(node.hash, found); // `a/#` matches `a` (v5 4.7.1.2)
    }
    for (const value of found) visit(value);
  }
}

/** Where a filter's own node lies, one before its `#`, and which of the node's values are the filter's. */
function shapeOf(filter: string): { readonly end: number; readonly slot: 'values' | 'hash' } {
  return filter.endsWith('#') ? { end: filter.length - 2, slot: 'hash' } : { end: filter.length, slot: 'values' };
}

class FilterNode<T extends NonNullable<unknown>> {
  readonly level: string;
  /** By a level's text: one child as it is, two and more in a map. */
  private children: FilterNode<T> | Map<string, FilterNode<T>> | undefined = undefined;
  plus: FilterNode<T> | undefined = undefined;
  /** Of the filter that ends here. */
  values: Values<T> | undefined = undefined;
  /** Of the filter that goes on with `#` and ends. */
  hash: Values<T> | undefined = undefined;

  constructor(level: string) {
    this.level = level;
  }

  /** The child for a level of a topic. */
  child(level: string): FilterNode<T> | undefined {
    const { children } = this;
    if (children instanceof Map) return children.get(level);
    // v5 [MQTT-4.7.3-4], v3.1.1 [MQTT-4.7.3-4]: code unit by code unit.
    return children !== undefined && children.level === level ? children : undefined;
  }

  /** The child for a level of a filter, where `+` is the wildcard. */
  branch(level: string): FilterNode<T> | undefined {
    return level === '+' ? this.plus : this.child(level);
  }

  addBranch(level: string): FilterNode<T> {
    const node = new FilterNode<T>(level);
    const { children } = this;
    if (level === '+') this.plus = node;
    else if (children === undefined) this.children = node;
    else if (children instanceof Map) children.set(level, node);
    else {
      this.children = new Map([
        [children.level, children],
        [level, node],
      ]);
    }
    return node;
  }

  deleteBranch(level: string): void {
    if (level === '+') this.plus = undefined;
    else if (this.children instanceof Map && this.children.size > 1) this.children.delete(level);
    else this.children = undefined;
  }

  /** Whether this node has values, or more than so many branches. */
  isNeededBeside(branches: number): boolean {
    if (this.values !== undefined || this.hash !== undefined) return true;
    const { children } = this;
    const childCount = children === undefined ? 0 : children instanceof Map ? children.size : 1;
    return childCount + (this.plus === undefined ? 0 : 1) > branches;
  }
}

/** One value is kept as it is, two and more in a set. */
type Values<T> = T | ValueSet<T>;

/** A class of its own, so that a value which is a set itself is not taken for one. */
class ValueSet<T> extends Set<T> {}

function holds<T>(values: Values<T> | undefined, value: T): boolean {
  return values instanceof ValueSet ? values.has(value) : values === value;
}

function withValue<T>(values: Values<T> | undefined, value: T): Values<T> {
  if (values === undefined) return value;
  if (values instanceof ValueSet) return values.add(value);
  return new ValueSet([values, value]);
}

function withoutValue<T>(values: Values<T> | undefined, value: T): Values<T> | undefined {
  if (!(values instanceof ValueSet)) return undefined;
  values.delete(value);
  return values.size === 0 ? undefined : values;
}

function collect<T>(values: Values<T>, found: T[]): void {
  if (values instanceof ValueSet) for (const value of values) found.push(value);
  else found.push(values);
}
