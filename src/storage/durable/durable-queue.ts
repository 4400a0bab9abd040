/**
 * One queue of the durable store. What came since the last checkpoint is in memory; what came before is on disk in
 * runs, and here only how much. Entries that were sent are known by their packet identifiers, wherever they are.
 */
import { Message } from '../../packet/publication.js';
import { MemoryQueue } from '../memory-queue.js';
import type { QueueEntry, QueueSummary } from '../storage.js';
import type { Bodies } from './bodies.js';
import { RunIndex } from './run-index.js';

/** What must be known of an entry on disk to remove it. */
export interface OnDisk {
  readonly bytes: number;
  /** Number of its shared message, or 0. */
  readonly body: number;
}

/** A sent entry whose message is on disk, or of which only the packet identifier is needed. */
export interface Sent {
  readonly packetId: number;
  released: boolean;
  /** `undefined` until it has been looked up. */
  onDisk: OnDisk | undefined;
  /** Whether the disk has a record of it. */
  hasRecord: boolean;
  /** Whether that record has to be written anew. */
  isChanged: boolean;
}

/** Stands for the message of a released QoS 2 entry, of which only the packet identifier is still needed. */
export const forgotten = new Message('', new Uint8Array(0), 2, false, undefined, Infinity, new Uint8Array(0), 0, -1);

export class DurableQueue {
  readonly runs = new RunIndex();
  /** Entries that came since the last checkpoint. */
  memory = new MemoryQueue();
  /** Sent entries of before the last checkpoint, by sequence. */
  readonly sent = new Map<number, Sent>();
  /** Entries on disk that were read and are not removed yet. */
  readonly loaded = new Map<number, OnDisk>();
  /** Entries on disk that were removed before anything was known of them. */
  readonly unknown = new Set<number>();
  nextSequence = 1;
  /** What the disk says of it. */
  storedNextSequence = 1;
  /** Every entry up to here is on disk, or was. */
  settledThrough = 0;
  /** Sequences of `sent` entries that are no more, and have a record on disk. */
  goneSent: number[] = [];

  get isEmpty(): boolean {
    return this.memory.isEmpty && this.sent.size === 0 && this.runs.length === 0;
  }

  /** Right once nothing is unknown. */
  get summary(): QueueSummary {
    const inMemory = this.memory.summary;
    let messages = this.runs.messages + inMemory.messages;
    let bytes = this.runs.bytes + inMemory.bytes;
    for (const { released, onDisk } of this.sent.values()) {
      if (released) continue;
      messages -= 1;
      bytes -= onDisk?.bytes ?? 0;
    }
    return { messages, bytes, nextSequence: this.nextSequence };
  }

  push(entry: QueueEntry): void {
    this.memory.push(entry);
    if (entry.sequence >= this.nextSequence) this.nextSequence = entry.sequence + 1;
  }

  markSent(sequence: number, packetId: number): void {
    if (sequence > this.settledThrough) return this.memory.markSent(sequence, packetId);
    const before = this.sent.get(sequence);
    if (before?.released === true) return;
    const onDisk = before?.onDisk ?? this.loaded.get(sequence);
    this.loaded.delete(sequence);
    this.sent.set(sequence, { packetId, released: false, onDisk, hasRecord: before?.hasRecord === true, isChanged: true });
  }

  markReleased(sequence: number, bodies: Bodies): void {
    if (sequence > this.settledThrough) {
      const message = this.memory.markReleased(sequence, forgotten);
      if (message !== undefined) bodies.release(message);
      return;
    }
    const sent = this.sent.get(sequence);
    if (sent === undefined || sent.released) return;
    sent.released = true;
    sent.isChanged = true;
    this.removeFromDisk(sequence, sent.onDisk, bodies);
  }

  remove(sequence: number, bodies: Bodies): void {
    if (sequence > this.settledThrough) {
      const message = this.memory.remove(sequence);
      if (message !== undefined && message !== forgotten) bodies.release(message);
      return;
    }
    const sent = this.sent.get(sequence);
    if (sent === undefined) {
      this.removeFromDisk(sequence, this.loaded.get(sequence), bodies);
      this.loaded.delete(sequence);
      return;
    }
    this.sent.delete(sequence);
    if (sent.hasRecord) this.goneSent.push(sequence);
    if (!sent.released) this.removeFromDisk(sequence, sent.onDisk, bodies);
  }

  /** Its records were read: everything before the next sequence is, or was, on disk. */
  restored(): void {
    this.settledThrough = this.nextSequence - 1;
  }

  /** All that was in memory is on disk now. */
  emptyMemory(): void {
    this.memory = new MemoryQueue();
    this.settledThrough = this.nextSequence - 1;
  }

  /**
   * What was read of the entries that were looked for, as their removal had to wait for it; one that is not on disk was
   * removed before. Others may have become unknown meanwhile.
   */
  resolve(wanted: ReadonlySet<number>, found: ReadonlyMap<number, OnDisk>, bodies: Bodies): void {
    for (const [sequence, sent] of this.sent) sent.onDisk ??= found.get(sequence);
    for (const sequence of wanted) {
      if (!this.unknown.delete(sequence)) continue;
      const onDisk = found.get(sequence);
      if (onDisk !== undefined && !this.runs.isDead(sequence)) this.removeFromDisk(sequence, onDisk, bodies);
    }
  }

  /** Sequences about which the disk has to be asked before a checkpoint. */
  unresolved(): number[] {
    const sequences = [...this.unknown];
    for (const [sequence, { onDisk, released }] of this.sent) if (onDisk === undefined && !released) sequences.push(sequence);
    return sequences;
  }

  /** Whether this entry of a run is still waiting. */
  isWaiting(sequence: number): boolean {
    return !this.sent.has(sequence) && !this.unknown.has(sequence) && !this.runs.isDead(sequence);
  }

  /** The queue is over: its messages are given up. */
  end(bodies: Bodies): void {
    for (const message of this.memory.messages()) if (message !== forgotten) bodies.release(message);
  }

  private removeFromDisk(sequence: number, onDisk: OnDisk | undefined, bodies: Bodies): void {
    if (onDisk === undefined) return void this.unknown.add(sequence);
    this.runs.remove(sequence, onDisk.bytes);
    bodies.releaseShared(onDisk.body);
  }
}
