/**
 * Deadlines in a binary heap: the soonest is found at once, any one is moved or removed in O(log n), since
 * an entry knows where it stands. Times are plain numbers, so they may lie beyond what a timer can count.
 */
import { invariant } from './invariant.js';

/** One deadline. To be held by whoever may move or remove it; only the heap writes to it. */
export interface DeadlineEntry<T> {
  readonly at: number;
  readonly target: T;
}

interface Slot<T> extends DeadlineEntry<T> {
  at: number;
  /** Orders equal times: first in, first out. */
  order: number;
  /** Place in the heap's array, or -1 when it is in none. */
  index: number;
}

export class DeadlineHeap<T> {
  private readonly slots: Slot<T>[] = [];
  private nextOrder = 0;

  get size(): number {
    return this.slots.length;
  }

  add(at: number, target: T): DeadlineEntry<T> {
    const slot: Slot<T> = { at: 0, target, order: 0, index: -1 };
    this.move(slot, at);
    return slot;
  }

  /**
   * Gives an entry of this heap another time; among equal times it then comes last. One that was removed or
   * is past its time is put back, so that a deadline which comes again needs no new entry.
   */
  move(entry: DeadlineEntry<T>, at: number): void {
    invariant(!Number.isNaN(at), 'a deadline is not a number');
    const slot = entry as Slot<T>;
    slot.at = at;
    slot.order = this.nextOrder;
    this.nextOrder += 1;
    if (slot.index < 0) slot.index = this.slots.push(slot) - 1;
    invariant(this.slots[slot.index] === slot, 'a deadline was given to another heap');
    this.settle(slot);
  }

  /** Returns whether the entry was in the heap. */
  remove(entry: DeadlineEntry<T>): boolean {
    const slot = entry as Slot<T>;
    if (slot.index < 0) return false;
    invariant(this.slots[slot.index] === slot, 'a deadline was given to another heap');
    const last = this.slots.pop() as Slot<T>;
    if (last !== slot) {
      this.place(last, slot.index);
      this.settle(last);
    }
    slot.index = -1;
    return true;
  }

  /** The soonest entry; it stays in the heap. */
  peek(): DeadlineEntry<T> | undefined {
    return this.slots[0];
  }

  /** Takes the soonest entry out if its time has come, and returns its target. */
  popDue(now: number): T | undefined {
    const first = this.slots[0];
    if (first === undefined || first.at > now) return undefined;
    this.remove(first);
    return first.target;
  }

  /** Moves a slot, whose time may have changed either way, to where it belongs. */
  private settle(slot: Slot<T>): void {
    while (slot.index > 0) {
      const parent = this.slots[(slot.index - 1) >> 1] as Slot<T>;
      if (!isSooner(slot, parent)) break;
      this.swap(slot, parent);
    }
    for (;;) {
      const left = this.slots[slot.index * 2 + 1];
      if (left === undefined) return;
      const right = this.slots[slot.index * 2 + 2];
      const child = right !== undefined && isSooner(right, left) ? right : left;
      if (!isSooner(child, slot)) return;
      this.swap(slot, child);
    }
  }

  private swap(one: Slot<T>, other: Slot<T>): void {
    const index = one.index;
    this.place(one, other.index);
    this.place(other, index);
  }

  private place(slot: Slot<T>, index: number): void {
    this.slots[index] = slot;
    slot.index = index;
  }
}

function isSooner<T>(one: Slot<T>, other: Slot<T>): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}
