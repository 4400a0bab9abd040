/**
 * Nodes of the retained tree. Children are found by their level and also stand in the order in which they came,
 * so that a walk which pauses remembers a place by number. A map's own iterator would not do: while it is parked,
 * V8 keeps every table that the map has outgrown since.
 */

/** A retained message where it stands. */
export interface RetainedEntry<V> {
  readonly topic: string;
  readonly value: V;
  /** The tree's sequence number when the topic came to hold a value, and when it got this one. */
  readonly addedAt: number;
  readonly setAt: number;
}

/**
 * One level of a topic. Taken out of the tree, with all below it, it has no entry and never gets one again:
 * its topic gets a new node.
 */
export class RetainedNode<V> {
  readonly level: string;
  /** The tree's sequence number; children are in ascending order. */
  readonly createdAt: number;
  entry: RetainedEntry<V> | undefined = undefined;
  /** One child as it is, two and more in a list. */
  private children: RetainedNode<V> | ChildList<V> | undefined = undefined;

  constructor(level: string, createdAt: number) {
    this.level = level;
    this.createdAt = createdAt;
  }

  get hasChildren(): boolean {
    return this.children !== undefined;
  }

  child(level: string): RetainedNode<V> | undefined {
    const { children } = this;
    if (children instanceof ChildList) return children.byLevel.get(level);
    return children !== undefined && children.level === level ? children : undefined;
  }

  addChild(child: RetainedNode<V>): void {
    const { children } = this;
    if (children === undefined) this.children = child;
    else if (children instanceof ChildList) children.add(child);
    else {
      const list = new ChildList<V>();
      list.add(children);
      list.add(child);
      this.children = list;
    }
  }

  deleteChild(child: RetainedNode<V>): void {
    const { children } = this;
    if (children instanceof ChildList && children.byLevel.size > 1) children.delete(child);
    else this.children = undefined;
  }

  /** Whether this node has an entry, or more than so many children. */
  isNeededBeside(count: number): boolean {
    if (this.entry !== undefined) return true;
    const { children } = this;
    return (children === undefined ? 0 : children instanceof ChildList ? children.byLevel.size : 1) > count;
  }

  /** The first child that is newer than the place says, or `undefined`; moves the place there. */
  childAfter(place: ChildPlace): RetainedNode<V> | undefined {
    const { children } = this;
    let next: RetainedNode<V> | undefined;
    if (children instanceof ChildList) next = children.after(place);
    else if (children !== undefined && children.createdAt > place.createdAt) next = children;
    if (next !== undefined) place.createdAt = next.createdAt;
    return next;
  }
}

/** Where a walk over children stands: at the one with this number, which may be gone. */
export interface ChildPlace {
  createdAt: number;
  /** Where that child was in the list. */
  index: number;
}

/** What was deleted stays in `inOrder`, empty, until it makes up half of it. */
class ChildList<V> {
  readonly byLevel = new Map<string, RetainedNode<V>>();
  private inOrder: RetainedNode<V>[] = [];

  add(child: RetainedNode<V>): void {
    this.byLevel.set(child.level, child);
    this.inOrder.push(child);
  }

  delete(child: RetainedNode<V>): void {
    this.byLevel.delete(child.level);
    if (this.inOrder.length > 2 * this.byLevel.size + 8)
      this.inOrder = this.inOrder.filter((node) => this.byLevel.get(node.level) === node);
  }

  after(place: ChildPlace): RetainedNode<V> | undefined {
    const known = this.inOrder[place.index];
    place.index = known?.createdAt === place.createdAt ? place.index + 1 : this.indexAfter(place.createdAt);
    return this.inOrder[place.index];
  }

  /** Binary search, for when the list was changed in between. */
  private indexAfter(createdAt: number): number {
    let low = 0;
    let high = this.inOrder.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.inOrder[middle] as RetainedNode<V>).createdAt > createdAt) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
