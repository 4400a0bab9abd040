/**
 * Messages by how many entries wait for them: each is stored once, however many that are. Until the next checkpoint a
 * message is known by its object, and has a number in the log; behind it those that several entries wait for keep
 * that number, with their count.
 */
import type { Message } from '../../packet/publication.js';

export interface Body {
  readonly number: number;
  /** Queue entries that wait for it. */
  entries: number;
  /** Whether it is held as a retained message. */
  isRetained: boolean;
  /** Whether the checkpoint under way has stored it as a message that is shared. */
  isStored: boolean;
}

export class Bodies {
  nextNumber = 1;
  /** Bytes of messages that queues wait for and that are in memory. */
  queuedBytes = 0;
  private held = new Map<Message, Body>();
  private readonly counts = new Map<number, number>();
  private changed = new Set<number>();

  /** The number of a message that is in the log, or `undefined` when it must be written there. */
  find(message: Message): Body | undefined {
    return this.held.get(message);
  }

  /** Takes in a message that was, or is being, written to the log. */
  add(message: Message, number: number): Body {
    const body = { number, entries: 0, isRetained: false, isStored: false };
    this.held.set(message, body);
    return body;
  }

  /** A number that is taken. */
  reserve(number: number): void {
    if (number >= this.nextNumber) this.nextNumber = number + 1;
  }

  /** One more entry waits for a message. */
  hold(message: Message, body: Body): void {
    if (body.entries === 0) this.queuedBytes += message.bytes;
    body.entries += 1;
  }

  /** One entry waits for it no longer. */
  release(message: Message): void {
    const body = this.held.get(message);
    if (body === undefined || body.entries === 0) return;
    body.entries -= 1;
    if (body.entries > 0) return;
    this.queuedBytes -= message.bytes;
    if (!body.isRetained) this.held.delete(message);
  }

  holdRetained(body: Body): void {
    body.isRetained = true;
  }

  releaseRetained(message: Message): void {
    const body = this.held.get(message);
    if (body === undefined) return;
    body.isRetained = false;
    if (body.entries === 0) this.held.delete(message);
  }

  // ---- shared messages on disk ----

  get sharedMessages(): number {
    return this.counts.size;
  }

  /** Takes in the count of a message on disk. */
  restore(number: number, count: number): void {
    this.counts.set(number, count);
    this.reserve(number);
  }

  share(number: number, count: number): void {
    this.counts.set(number, count);
    this.changed.add(number);
  }

  /** One entry of a run waits no longer for the shared message of this number; 0 is none. */
  releaseShared(number: number): void {
    if (number === 0) return;
    const count = (this.counts.get(number) ?? 1) - 1;
    if (count > 0) this.counts.set(number, count);
    else this.counts.delete(number);
    this.changed.add(number);
  }

  /** Tells, and forgets, what a checkpoint has to write: new counts, 0 for a message nobody waits for. */
  settle(onCount: (number: number, count: number) => void): void {
    for (const number of this.changed) onCount(number, this.counts.get(number) ?? 0);
    if (this.changed.size > 0) this.changed = new Set();
    this.held = new Map();
    this.queuedBytes = 0;
  }
}
