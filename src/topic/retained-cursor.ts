/**
 * A walk over the retained topics that match a filter, in steps, while the tree changes:
 *   a topic that holds a value from before the walk until the walk reaches it is yielded once, with the value
 *   it then has; any other topic is not yielded, one that was deleted and set again included.
 * So the walk ends, however fast topics are added, and a parked cursor holds no memory but its own.
 */
import { isHiddenFromWildcards } from './levels.js';
import type { ChildPlace, RetainedEntry, RetainedNode } from './retained-node.js';

/** Nodes whose children are being walked over; the levels up to `levelIndex` of the filter lead to `node`. */
interface Frame<V> extends ChildPlace {
  readonly node: RetainedNode<V>;
  readonly levelIndex: number;
}

export class RetainedCursor<V> {
  /** The tree's sequence number when the walk began: an entry whose `setAt` is above was set again since. */
  readonly startedAt: number;
  private readonly root: RetainedNode<V>;
  private readonly levels: readonly string[];
  private readonly frames: Frame<V>[] = [];
  /** The node to look at next, and how many levels of the filter lead to it. */
  private node: RetainedNode<V> | undefined;
  private levelIndex = 0;

  constructor(root: RetainedNode<V>, filter: string, startedAt: number) {
    this.startedAt = startedAt;
    this.root = root;
    this.levels = filter.split('/');
    this.node = root;
    // The levels before the first wildcard, all levels of an exact filter, are looked up at once.
    for (const level of this.levels) {
      if (level === '+' || level === '#') break;
      this.node = this.node?.child(level);
      this.levelIndex += 1;
    }
  }

  /**
   * The next entry, `undefined` at the end of the walk, or `null` when after `steps` steps, each of them to one
   * node of the tree, none was found: to be called again, perhaps in a later turn.
   */
  next(steps: number): RetainedEntry<V> | undefined | null {
    for (let left = steps; left > 0; left -= 1) {
      if (this.node === undefined) {
        const frame = this.frames.at(-1);
        if (frame === undefined) return undefined;
        this.advance(frame);
      }
      if (this.node !== undefined) {
        const entry = this.enter(this.node);
        if (entry !== undefined && entry.addedAt <= this.startedAt) return entry;
      }
    }
    return null;
  }

  /** Goes to the next child that a wildcard matches, or leaves the frame when there is none from before the walk. */
  private advance(frame: Frame<V>): void {
    const child = frame.node.childAfter(frame);
    if (child === undefined || child.createdAt > this.startedAt) {
      this.frames.pop();
      return;
    }
    if (frame.node === this.root && isHiddenFromWildcards(child.level)) return; // v5 [MQTT-4.7.2-1], v3.1.1 [MQTT-4.7.2-1]
    this.node = child;
    this.levelIndex = this.levels[frame.levelIndex] === '#' ? frame.levelIndex : frame.levelIndex + 1;
  }

  /** Decides where the walk goes on from a node, and returns the node's entry if the filter matches it. */
  private enter(node: RetainedNode<V>): RetainedEntry<V> | undefined {
    const { levelIndex } = this;
    const level = this.levels[levelIndex];
    this.node = undefined;
    if (level === undefined) return node.entry;
    if (level === '+' || level === '#') {
      if (node.hasChildren) this.frames.push({ node, levelIndex, createdAt: 0, index: 0 });
      return level === '#' ? node.entry : undefined; // `a/#` matches `a` (v5 4.7.1.2)
    }
    this.node = node.child(level);
    this.levelIndex = levelIndex + 1;
    return undefined;
  }
}
