/**
 * One queue of the memory store: waiting entries in order of sequence, and those in flight beside them.
 * Waiting entries stand in a sorted array with holes, found by binary search: adding at the end and removing
 * near the front cost the same however long the queue is, and a page is read without passing what is before it.
 * (A `Map` would do the first two; its iterator walks over the holes at the front each time.)
 */
import type { Message } from '../packet/publication.js';
import { invariant } from '../util/invariant.js';
import type { InflightRecord, QueueEntry, QueueSummary } from './storage.js';

/** Below this many slots holes are not worth moving anything. */
const compactFrom = 32;

/** @internal */
export class MemoryQueue {
  private readonly sent = new Map<number, InflightRecord>();
  /** Sequence numbers of `entries`, ascending; kept for a hole, so that the search works. */
  private sequences: number[] = [];
  private entries: (QueueEntry | undefined)[] = [];
  /** No entry stands before this index. */
  private head = 0;
  private waiting = 0;
  private waitingBytes = 0;
  private nextSequence = 1;

  /** Neither waiting nor in flight. */
  get isEmpty(): boolean {
    return this.waiting === 0 && this.sent.size === 0;
  }

  get summary(): QueueSummary {
    return { messages: this.waiting, bytes: this.waitingBytes, nextSequence: this.nextSequence };
  }

  /** Adds at the end: `entry.sequence` is above that of every waiting entry. */
  push(entry: QueueEntry): void {
    const { sequence } = entry;
    const last = this.sequences.at(-1);
    invariant(last === undefined || sequence > last, 'sequences of a queue must grow');
    this.sequences.push(sequence);
    this.entries.push(entry);
    this.waiting += 1;
    this.waitingBytes += entry.message.bytes;
    if (sequence >= this.nextSequence) this.nextSequence = sequence + 1;
  }

  /** Moves a waiting entry, or an entry that was already sent, in flight under `packetId`. */
  markSent(sequence: number, packetId: number): void {
    const entry = this.takeWaiting(sequence) ?? this.sent.get(sequence)?.entry;
    if (entry !== undefined) this.sent.set(sequence, { packetId, entry, released: false });
  }

  /** Returns the message that is no longer needed; `placeholder` stands in for it from now on. */
  markReleased(sequence: number, placeholder: Message): Message | undefined {
    const record = this.sent.get(sequence);
    if (record === undefined || record.released) return undefined;
    this.sent.set(sequence, { ...record, entry: { ...record.entry, message: placeholder }, released: true });
    return record.entry.message;
  }

  /** Returns the message of the entry that was removed, waiting or sent. */
  remove(sequence: number): Message | undefined {
    const record = this.sent.get(sequence);
    if (record === undefined) return this.takeWaiting(sequence)?.message;
    this.sent.delete(sequence);
    return record.entry.message;
  }

  /** Waiting entries after `after`: `limit` and `bytesMax` at most, but one at least. */
  page(after: number, limit: number, bytesMax: number): QueueEntry[] {
    const page: QueueEntry[] = [];
    let bytes = 0;
    for (let at = this.indexAbove(after); at < this.entries.length && page.length < limit; at += 1) {
      const entry = this.entries[at];
      if (entry === undefined) continue;
      bytes += entry.message.bytes;
      if (bytes > bytesMax && page.length > 0) break;
      page.push(entry);
    }
    return page;
  }

  /** What is in flight, in order of sequence. */
  inflight(): InflightRecord[] {
    return [...this.sent.values()].toSorted((a, b) => a.entry.sequence - b.entry.sequence);
  }

  *messages(): IterableIterator<Message> {
    for (const entry of this.entries) if (entry !== undefined) yield entry.message;
    for (const { entry } of this.sent.values()) yield entry.message;
  }

  /** Puts `replace(message)` in the place of every message; the sizes stay. */
  replaceMessages(replace: (message: Message) => Message): void {
    this.entries = this.entries.map((entry) => entry && { ...entry, message: replace(entry.message) });
    for (const [sequence, record] of this.sent) {
      this.sent.set(sequence, { ...record, entry: { ...record.entry, message: replace(record.entry.message) } });
    }
  }

  private takeWaiting(sequence: number): QueueEntry | undefined {
    const at = this.indexAbove(sequence) - 1;
    const entry = at < this.head ? undefined : this.entries[at];
    if (entry === undefined || entry.sequence !== sequence) return undefined;
    this.entries[at] = undefined;
    this.waiting -= 1;
    this.waitingBytes -= entry.message.bytes;
    if (at === this.head) {
      do this.head += 1;
      while (this.head < this.entries.length && this.entries[this.head] === undefined);
    }
    if (this.waiting * 2 < this.entries.length && this.entries.length > compactFrom) this.compact();
    return entry;
  }

  /** Index of the first slot at or after `head` whose sequence is above `sequence`. */
  private indexAbove(sequence: number): number {
    let low = this.head;
    let high = this.sequences.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.sequences[middle] as number) > sequence) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Runs once at least as many entries were removed as are left, so it costs each removal a constant share. */
  private compact(): void {
    this.entries = this.entries.filter((entry) => entry !== undefined);
    this.sequences = this.entries.map((entry) => (entry as QueueEntry).sequence);
    this.head = 0;
  }
}
