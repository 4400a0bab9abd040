/**
 * Which runs of one queue are on disk: of each the sequence of its last entry, how many entries are still needed, and
 * their bytes. Three numbers a run, whatever it holds; a set of the entries that are not needed only while a run is
 * partly so.
 */

export class RunIndex {
  /** Entries that are still needed, and their bytes, over all runs. */
  messages = 0;
  bytes = 0;
  private readonly lasts: number[] = [];
  private readonly live: number[] = [];
  private readonly sizes: number[] = [];
  private readonly dead = new Map<number, Set<number>>();
  /** Changed or no longer needed since the last checkpoint, by their last sequence. */
  private changed = new Set<number>();
  private gone: number[] = [];

  get length(): number {
    return this.lasts.length;
  }

  /** The sequence of the last entry on disk, 0 when there is none. */
  get last(): number {
    return this.lasts.at(-1) ?? 0;
  }

  /** A run behind all others. */
  add(last: number, messages: number, bytes: number): void {
    this.lasts.push(last);
    this.live.push(messages);
    this.sizes.push(bytes);
    this.messages += messages;
    this.bytes += bytes;
  }

  /** What the disk says of a run that was added, of which some entries are not needed. */
  restore(last: number, messages: number, bytes: number, dead: Set<number>): void {
    const index = this.indexOf(last);
    if (this.lasts[index] !== last) return;
    this.messages += messages - (this.live[index] as number);
    this.bytes += bytes - (this.sizes[index] as number);
    this.live[index] = messages;
    this.sizes[index] = bytes;
    this.dead.set(last, dead);
  }

  /** Whether a run ends with this sequence. */
  has(last: number): boolean {
    return this.lasts[this.indexOf(last)] === last;
  }

  /** Whether this entry was removed from a run that is still there. */
  isDead(sequence: number): boolean {
    return this.dead.get(this.lasts[this.indexOf(sequence)] ?? 0)?.has(sequence) === true;
  }

  /** The last sequence of the run that holds `sequence`, or else of the first behind it; `Infinity` when there is none. */
  endFrom(sequence: number): number {
    return this.lasts[this.indexOf(sequence)] ?? Infinity;
  }

  /** Entries of the run that ends with `last` that are not needed. */
  deadIn(last: number): ReadonlySet<number> | undefined {
    return this.dead.get(last);
  }

  /** An entry is no longer needed; its run goes with the last of them. */
  remove(sequence: number, bytes: number): void {
    const index = this.indexOf(sequence);
    const last = this.lasts[index];
    if (last === undefined) return;
    this.messages -= 1;
    this.bytes -= bytes;
    this.live[index] = (this.live[index] as number) - 1;
    this.sizes[index] = (this.sizes[index] as number) - bytes;
    if (this.live[index] === 0) {
      this.lasts.splice(index, 1);
      this.live.splice(index, 1);
      this.sizes.splice(index, 1);
      this.dead.delete(last);
      this.changed.delete(last);
      this.gone.push(last);
      return;
    }
    let dead = this.dead.get(last);
    if (dead === undefined) this.dead.set(last, (dead = new Set()));
    dead.add(sequence);
    this.changed.add(last);
  }

  /** Tells, and forgets, what a checkpoint has to write. */
  settle(onChanged: (last: number, messages: number, bytes: number, dead: ReadonlySet<number>) => void, onGone: (last: number) => void): void {
    for (const last of this.changed) {
      const index = this.indexOf(last);
      onChanged(last, this.live[index] as number, this.sizes[index] as number, this.dead.get(last) as Set<number>);
    }
    for (const last of this.gone) onGone(last);
    if (this.changed.size > 0) this.changed = new Set();
    this.gone = [];
  }

  /** Of the run that holds `sequence`, if any does: the first that does not end before it. */
  private indexOf(sequence: number): number {
    let low = 0;
    let high = this.lasts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.lasts[middle] as number) < sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
