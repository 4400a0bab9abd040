/**
 * Messages that wait for one session or one shared group. A window of them is in memory; what lies beyond it is
 * in the store alone and read back page by page. Bounded, and says what it refuses.
 */
import { BrokerError } from '../errors/errors.js';
import type { QoS } from '../packet/protocol.js';
import type { Publication } from '../packet/publication.js';
import type { Lsn, QueueId, QueueSummary } from '../storage/storage.js';
import { RingQueue } from '../util/ring-queue.js';
import type { Environment } from './environment.js';
import { OutboundEntry } from './outbound-entry.js';

/** Entries held in memory; the store has the rest. */
const windowMax = 1000;
const pageBytesMax = 1 << 20;

export interface QueueBounds {
  readonly queueMessagesMax: number;
  readonly queueBytesMax: number;
}

/** Who is told when a page has come, or could not be read. */
export interface QueueOwner {
  pump(): void;
  onQueueFailed(error: BrokerError): void;
}

export class MessageQueue {
  /** Waiting entries, wherever they are. */
  messages = 0;
  bytes = 0;
  nextSequence = 1;
  private readonly window = new RingQueue<OutboundEntry>();
  /** QoS 0 entries in the window. */
  private windowQos0 = 0;
  /** Waiting entries that are in the store and not in the window. */
  private beyond = 0;
  /** Largest sequence that is or was in the window. */
  private windowEnd = 0;
  private loading = false;
  /** The session or the group has ended. */
  private isOver = false;
  /** The limits it is over until a page has come: see `makeRoom`. */
  private overflowed: QueueBounds | undefined = undefined;
  /** Raised when a page under way is no longer wanted. */
  private epoch = 0;
  private readonly engine: Environment;
  private readonly id: QueueId;
  private readonly owner: QueueOwner;

  constructor(engine: Environment, id: QueueId, owner: QueueOwner) {
    this.engine = engine;
    this.id = id;
    this.owner = owner;
  }

  /** Takes over what the store says it holds. */
  restore(summary: QueueSummary): void {
    this.messages = this.beyond = summary.messages;
    this.bytes = summary.bytes;
    this.nextSequence = summary.nextSequence;
    this.engine.counters.queuedMessages += summary.messages;
    this.engine.counters.queuedBytes += summary.bytes;
  }

  /**
   * Adds a message at the end; returns the LSN its acknowledgement waits for, or -1 when the queue is full.
   * Stored entries of QoS 1 and 2 go to the store; all others are memory alone.
   */
  push(
    publication: Publication,
    qos: QoS,
    retain: boolean,
    subscriptionIdentifiers: readonly number[] | undefined,
    stored: boolean,
    bounds: QueueBounds,
    ownCopy: boolean,
  ): Lsn {
    const message = publication.keep();
    if (this.messages >= bounds.queueMessagesMax || this.bytes + message.bytes > bounds.queueBytesMax) {
      if (!this.makeRoom(message.bytes, bounds)) return -1;
    }
    if (this.isOver) return -1; // a listener that was told of a drop has ended it
    const sequence = this.nextSequence++;
    const draft = { sequence, qos, retain, subscriptionIdentifiers, message };
    const lsn = stored ? this.engine.storage.enqueue(this.id, draft) : 0;
    this.count(1, message.bytes);
    if (stored && (this.beyond > 0 || this.window.length >= windowMax)) {
      this.beyond += 1;
      return lsn;
    }
    if (!stored) this.engine.memory.transientBytes += message.bytes;
    if (stored) this.windowEnd = sequence;
    const wait = ownCopy ? lsn : 0;
    this.append(new OutboundEntry(sequence, qos, retain, subscriptionIdentifiers, message, stored, wait, undefined));
    return lsn;
  }

  /** Entries in line, those held for shared groups included. */
  get length(): number {
    return this.window.length + this.beyond;
  }

  /** Puts an entry of a shared group in line for this member; the group goes on counting it. */
  pushHeld(entry: OutboundEntry): void {
    this.append(entry);
  }

  /** Whether a QoS 0 message must stand in line: one is, or may be, in front of it. */
  get holdsQos0(): boolean {
    return this.windowQos0 > 0 || (this.beyond > 0 && this.engine.options.queueQos0);
  }

  /** The next entry, or `undefined` when there is none or it is still being read. */
  peek(): OutboundEntry | undefined {
    const head = this.window.peek();
    if (head === undefined && this.beyond > 0) this.load();
    return head ?? this.window.peek();
  }

  /** Takes the entry that `peek` showed out of the line; the store keeps it until `dequeue`. */
  shift(): OutboundEntry {
    const entry = this.window.shift() as OutboundEntry;
    if (entry.qos === 0) this.windowQos0 -= 1;
    if (entry.group === undefined) this.uncount(entry);
    return entry;
  }

  /** Puts entries back at the front, in this order: a shared group's whose member left. */
  unshift(entries: readonly OutboundEntry[]): void {
    for (let index = entries.length - 1; index >= 0; index -= 1) {
      const entry = entries[index] as OutboundEntry;
      this.window.unshift(entry);
      if (entry.qos === 0) this.windowQos0 += 1;
      this.count(1, entry.message.bytes);
      if (!entry.stored) this.engine.memory.transientBytes += entry.message.bytes;
    }
  }

  /** The connection is gone: what the store has is dropped from memory, what it has not is lost; returns held entries. */
  leaveToStore(): OutboundEntry[] {
    const held: OutboundEntry[] = [];
    this.epoch += 1;
    this.loading = false;
    for (;;) {
      const entry = this.window.shift();
      if (entry === undefined) break;
      if (entry.group !== undefined) held.push(entry);
      else if (entry.stored) this.beyond += 1;
      else this.uncount(entry);
    }
    this.windowEnd = this.windowQos0 = 0;
    return held;
  }

  /** Forgets everything; the store is told by who ends the session or the group. Returns how many messages were lost. */
  clear(): number {
    const lost = this.messages;
    this.isOver = true;
    this.leaveToStore();
    this.count(-this.messages, -this.bytes);
    this.beyond = 0;
    return lost;
  }

  private append(entry: OutboundEntry): void {
    this.window.push(entry);
    if (entry.qos === 0) this.windowQos0 += 1;
  }

  private count(messages: number, bytes: number): void {
    this.messages += messages;
    this.bytes += bytes;
    this.engine.counters.queuedMessages += messages;
    this.engine.counters.queuedBytes += bytes;
  }

  private uncount(entry: OutboundEntry): void {
    this.count(-1, -entry.message.bytes);
    if (entry.stored) return;
    this.engine.memory.transientBytes -= entry.message.bytes;
    this.engine.memory.freed();
  }

  /** `queueOverflow: 'oldest'`: room is made at the front. Where that must be read first, it is made when it has come. */
  private makeRoom(bytes: number, bounds: QueueBounds): boolean {
    const { queueMessagesMax, queueBytesMax } = bounds;
    if (this.engine.options.queueOverflow !== 'oldest' || bytes > queueBytesMax) return false;
    if (this.dropOldest(queueMessagesMax - 1, queueBytesMax - bytes)) return true;
    if (!this.loading || this.messages >= queueMessagesMax + windowMax || this.bytes + bytes > queueBytesMax + pageBytesMax) return false;
    this.overflowed = bounds;
    return true;
  }

  /** Drops from the front until so much is left; false when the front is not in memory, or not ours. */
  private dropOldest(messagesLeft: number, bytesLeft: number): boolean {
    while (this.messages > messagesLeft || this.bytes > bytesLeft) {
      const entry = this.peek();
      if (entry === undefined || entry.group !== undefined) return false;
      this.shift();
      if (entry.stored) this.engine.storage.dequeue(this.id, entry.sequence);
      this.engine.observer.dropped('queueFull', entry.message, this.id.startsWith('s:') ? this.id.slice(2) : undefined);
    }
    this.overflowed = undefined;
    return true;
  }

  private load(): void {
    if (this.loading) return;
    this.loading = true;
    const { epoch } = this;
    let answered = false;
    this.engine.storage.load(
      { type: 'queue', queue: this.id, after: this.windowEnd, limit: windowMax, bytesMax: pageBytesMax },
      (page) => {
        if (epoch !== this.epoch) return;
        this.loading = false;
        if (page instanceof BrokerError) return this.owner.onQueueFailed(page);
        for (const entry of page.entries) {
          this.append(OutboundEntry.stored(entry));
          this.windowEnd = entry.sequence;
        }
        if (page.entries.length > 0) this.beyond -= page.entries.length;
        else {
          // The store has no more than this, whatever was counted.
          this.count(-this.beyond, 0);
          this.beyond = 0;
        }
        const { overflowed } = this;
        if (overflowed !== undefined) this.dropOldest(overflowed.queueMessagesMax, overflowed.queueBytesMax);
        if (answered) this.owner.pump();
      },
    );
    answered = true;
  }
}
