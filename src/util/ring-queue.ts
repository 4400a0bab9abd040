/**
 * First in, first out, in a circular array whose length is a power of two. It grows as needed, gives
 * memory back after a burst, and never holds on to a value that left.
 */

const slotsMin = 8;

export class RingQueue<T> {
  /** Allocated on first use: an idle queue costs one empty array shared by all. */
  private slots: (T | undefined)[] = noSlots;
  private head = 0;
  private count = 0;

  get length(): number {
    return this.count;
  }

  /** Adds at the end. */
  push(value: T): void {
    if (this.count === this.slots.length) this.resize(Math.max(slotsMin, this.count * 2));
    this.slots[(this.head + this.count) & (this.slots.length - 1)] = value;
    this.count += 1;
  }

  /** Adds at the front: what comes out next. */
  unshift(value: T): void {
    if (this.count === this.slots.length) this.resize(Math.max(slotsMin, this.count * 2));
    this.head = (this.head - 1) & (this.slots.length - 1);
    this.slots[this.head] = value;
    this.count += 1;
  }

  /** Takes the first value out; `undefined` when there is none. */
  shift(): T | undefined {
    if (this.count === 0) return undefined;
    const value = this.slots[this.head];
    this.slots[this.head] = undefined;
    this.head = (this.head + 1) & (this.slots.length - 1);
    this.count -= 1;
    // At a quarter, not at a half: a queue that swings around one size does not copy each time.
    if (this.count < this.slots.length / 4 && this.slots.length > slotsMin) this.resize(this.slots.length / 2);
    return value;
  }

  peek(): T | undefined {
    return this.at(0);
  }

  /** The value at `index`, counted from the front; `undefined` outside 0 to `length - 1`. */
  at(index: number): T | undefined {
    if (index < 0 || index >= this.count) return undefined;
    return this.slots[(this.head + index) & (this.slots.length - 1)];
  }

  clear(): void {
    this.slots = noSlots;
    this.head = 0;
    this.count = 0;
  }

  /** From the front to the end; the queue must not change meanwhile. */
  *[Symbol.iterator](): IterableIterator<T> {
    for (let index = 0; index < this.count; index += 1) yield this.at(index) as T;
  }

  private resize(length: number): void {
    const slots = new Array<T | undefined>(length).fill(undefined);
    for (let index = 0; index < this.count; index += 1) slots[index] = this.at(index);
    this.slots = slots;
    this.head = 0;
  }
}

/** Never written to: with no slot free, the first push resizes. */
const noSlots: never[] = [];
