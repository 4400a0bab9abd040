/**
 * Topic names with a value each, found by name or by filter: the index of the retained store. A walk by filter
 * pauses and goes on between changes, so that a wildcard over a million topics is answered in many small steps.
 */
import { keptLevel, levelEnd } from './levels.js';
import { RetainedCursor } from './retained-cursor.js';
import { RetainedNode, type RetainedEntry } from './retained-node.js';

export class RetainedTree<V> {
  private readonly root = new RetainedNode<V>('', 0);
  private count = 0;
  /** Counts changes: gives nodes and entries their age. */
  private sequence = 0;

  /** Number of topics that hold a value. */
  get size(): number {
    return this.count;
  }

  get(topic: string): V | undefined {
    let node: RetainedNode<V> | undefined = this.root;
    for (let start = 0; start <= topic.length && node !== undefined; ) {
      const stop = levelEnd(topic, start);
      node = node.child(topic.slice(start, stop));
      start = stop + 1;
    }
    return node?.entry?.value;
  }

  /** Gives a valid topic name a value, and returns the one it had. */
  set(topic: string, value: V): V | undefined {
    let node = this.root;
    for (let start = 0; start <= topic.length; ) {
      const stop = levelEnd(topic, start);
      const level = topic.slice(start, stop);
      let child = node.child(level);
      if (child === undefined) {
        child = new RetainedNode<V>(keptLevel(level), this.tick());
        node.addChild(child);
      }
      node = child;
      start = stop + 1;
    }
    const before = node.entry;
    const setAt = this.tick();
    if (before === undefined) this.count += 1;
    node.entry = { topic, value, addedAt: before?.addedAt ?? setAt, setAt };
    return before?.value;
  }

  /** Takes a topic out, with every node that then leads nowhere, and returns the value it had. */
  delete(topic: string): V | undefined {
    let node = this.root;
    // Where to cut if nothing lies below the topic: under the deepest node that is needed for others too.
    let kept = node;
    let cut: RetainedNode<V> | undefined;
    for (let start = 0; start <= topic.length; ) {
      const stop = levelEnd(topic, start);
      const child = node.child(topic.slice(start, stop));
      if (child === undefined) return undefined;
      if (cut === undefined || node.isNeededBeside(1)) {
        kept = node;
        cut = child;
      }
      node = child;
      start = stop + 1;
    }
    const before: RetainedEntry<V> | undefined = node.entry;
    if (before === undefined) return undefined;
    this.count -= 1;
    node.entry = undefined;
    if (cut !== undefined && !node.isNeededBeside(0)) kept.deleteChild(cut);
    return before.value;
  }

  /**
   * A walk over the topics that a valid filter (of a Shared Subscription the filter part) matches: see
   * {@link RetainedCursor}.
   */
  cursor(filter: string): RetainedCursor<V> {
    return new RetainedCursor(this.root, filter, this.sequence);
  }

  private tick(): number {
    this.sequence += 1;
    return this.sequence;
  }
}
