/**
 * A checkpoint: everything that the log says, written where it stays, and the log deleted, in one batch. Queue entries
 * that are still needed move into runs; those that came and went meanwhile cost nothing.
 */
import type { KeyValueChange } from '../key-value-store.js';
import type { QueueEntry } from '../storage.js';
import { ByteWriter } from './byte-writer.js';
import type { DurableQueue } from './durable-queue.js';
import { checkpointKey, kind, numberKey, ownerKey, part, receivedSuffix, sequenceSuffix, topicKey } from './keys.js';
import type { LogWriter } from './log.js';
import type { Owner } from './owner.js';
import { writeMessage, type WallClock } from './records.js';
import { runBytesMax, runEntriesMax, writeRunEntry } from './run.js';
import { beginValue, sealValue, valueOf } from './sealed.js';
import type { StoreState } from './store-state.js';

/** Of everything under all keys; a newer one is not guessed at. */
export const formatVersion = 1;

/** As many entries of a queue as somebody holds at a time, about: of others no more needs to be known. */
const heldMax = 1000;

/** What an owner that has ended leaves behind. */
export interface Leftover {
  readonly keys: readonly Uint8Array[];
  /** Shared messages its queue still waited for. */
  readonly bodies: readonly number[];
}

export class Checkpoint {
  private readonly changes: KeyValueChange[] = [];
  private readonly writer = new ByteWriter();
  private readonly runWriter = new ByteWriter();
  private readonly state: StoreState;
  private readonly clock: WallClock;

  constructor(state: StoreState, clock: WallClock) {
    this.state = state;
    this.clock = clock;
  }

  /** Collects all changes since the last checkpoint, and takes them as done. */
  build(leftovers: readonly Leftover[], firstGroup: number, log: LogWriter): { readonly changes: readonly KeyValueChange[]; readonly value: Buffer } {
    const { state } = this;
    for (const { keys, bodies } of leftovers) {
      for (const key of keys) this.delete(key);
      for (const body of bodies) state.bodies.releaseShared(body);
    }
    for (const owner of state.changed) {
      owner.isChanged = false;
      if (!owner.isEnded) this.owner(owner);
    }
    state.changed = [];
    for (const [topic, message] of state.retained) this.retained(topic, message);
    state.retained = new Map();
    state.bodies.settle((number, count) => this.bodyCount(number, count));
    for (let group = firstGroup; group < log.group; group += 1) this.delete(numberKey(kind.group, group));
    const value = valueOf(this.writer, (writer) => {
      writer.byte(formatVersion);
      writer.varint(log.group);
      writer.uint32(log.chain);
      writer.varint(state.nextOwner);
      writer.varint(state.bodies.nextNumber);
    });
    this.changes.push({ key: checkpointKey, value });
    return { changes: this.changes, value };
  }

  private owner(owner: Owner): void {
    const { number } = owner;
    const at = (suffix: string): Buffer => ownerKey(number, suffix);
    if (!owner.isOnDisk) this.put(at(part.name), (writer) => writer.text(owner.id));
    for (const [suffix, value] of owner.parts) {
      if (value !== undefined) this.changes.push({ key: at(suffix), value });
      else if (owner.isOnDisk) this.delete(at(suffix));
    }
    owner.parts = new Map();
    for (const packetId of owner.changedReceived) {
      const isReceived = owner.received.has(packetId);
      if (isReceived === owner.storedReceived.has(packetId)) continue;
      if (isReceived) this.put(at(receivedSuffix(packetId)), () => undefined);
      else this.delete(at(receivedSuffix(packetId)));
      if (isReceived) owner.storedReceived.add(packetId);
      else owner.storedReceived.delete(packetId);
    }
    owner.changedReceived.clear();
    if (owner.queue !== undefined) this.queue(number, owner.queue, owner.isHeld);
    owner.isOnDisk = true;
  }

  private queue(owner: number, queue: DurableQueue, isHeld: boolean): void {
    const { memory } = queue;
    const waiting = memory.page(0, Infinity, Infinity);
    const inflight = memory.inflight();
    const sent = inflight.filter(({ released }) => !released).map(({ entry }) => entry);
    const entries = sent.length === 0 ? waiting : [...sent, ...waiting].toSorted((a, b) => a.sequence - b.sequence);
    for (let from = 0; from < entries.length; ) from = this.run(owner, queue, entries, from);
    for (const { packetId, released, entry } of inflight) {
      const onDisk = released ? undefined : { bytes: entry.message.bytes, body: this.sharedNumber(entry) };
      queue.sent.set(entry.sequence, { packetId, released, onDisk, hasRecord: false, isChanged: true });
    }
    if (isHeld) {
      // They may be removed without having been read from disk.
      for (const entry of waiting.slice(0, heldMax)) {
        queue.loaded.set(entry.sequence, { bytes: entry.message.bytes, body: this.sharedNumber(entry) });
      }
    }
    queue.emptyMemory();
    this.queueState(owner, queue);
  }

  /** Writes a run from `entries[from]` on and returns where the next begins. */
  private run(owner: number, queue: DurableQueue, entries: readonly QueueEntry[], from: number): number {
    const { runWriter } = this;
    const shared: { readonly sequence: number; readonly body: number }[] = [];
    beginValue(runWriter);
    let last = 0;
    let bytes = 0;
    let to = from;
    while (to < entries.length && to - from < runEntriesMax && (to === from || runWriter.length < runBytesMax)) {
      const entry = entries[to++] as QueueEntry;
      const body = this.sharedNumber(entry);
      if (body !== 0) shared.push({ sequence: entry.sequence, body });
      writeRunEntry(runWriter, entry, last, body, this.clock);
      last = entry.sequence;
      bytes += entry.message.bytes;
    }
    this.changes.push({ key: numberKey(kind.run, owner, last), value: Buffer.from(sealValue(runWriter)) });
    this.put(ownerKey(owner, sequenceSuffix(part.run, last)), (writer) => {
      writer.varint(to - from);
      writer.varint(bytes);
      for (const { sequence, body } of shared) {
        writer.varint(last - sequence);
        writer.varint(body);
      }
    });
    queue.runs.add(last, to - from, bytes);
    return to;
  }

  private queueState(owner: number, queue: DurableQueue): void {
    queue.runs.settle(
      (last, messages, bytes, dead) =>
        this.put(ownerKey(owner, sequenceSuffix(part.runState, last)), (writer) => {
          writer.varint(messages);
          writer.varint(bytes);
          for (const sequence of dead) writer.varint(last - sequence);
        }),
      (last) => {
        this.delete(numberKey(kind.run, owner, last));
        this.delete(ownerKey(owner, sequenceSuffix(part.run, last)));
        this.delete(ownerKey(owner, sequenceSuffix(part.runState, last)));
      },
    );
    for (const [sequence, sent] of queue.sent) {
      if (!sent.isChanged) continue;
      sent.isChanged = false;
      sent.hasRecord = true;
      this.put(ownerKey(owner, sequenceSuffix(part.sent, sequence)), (writer) => {
        writer.varint(sent.packetId);
        writer.byte(sent.released ? 1 : 0);
        writer.varint(sent.onDisk?.bytes ?? 0);
        writer.varint(sent.onDisk?.body ?? 0);
      });
    }
    for (const sequence of queue.goneSent) {
      if (!queue.sent.has(sequence)) this.delete(ownerKey(owner, sequenceSuffix(part.sent, sequence)));
    }
    queue.goneSent = [];
    if (queue.nextSequence === queue.storedNextSequence) return;
    queue.storedNextSequence = queue.nextSequence;
    this.put(ownerKey(owner, part.nextSequence), (writer) => writer.varint(queue.nextSequence));
  }

  /** The number under which the message of this entry is stored for all that wait for it, or 0 for one alone. */
  private sharedNumber({ message }: QueueEntry): number {
    const { bodies } = this.state;
    const body = bodies.find(message);
    if (body === undefined || body.entries < 2) return 0;
    if (!body.isStored) {
      body.isStored = true;
      this.put(numberKey(kind.body, body.number), (writer) => writeMessage(writer, message, this.clock));
      bodies.share(body.number, body.entries);
    }
    return body.number;
  }

  private bodyCount(number: number, count: number): void {
    const key = numberKey(kind.bodyCount, number);
    if (count > 0) return this.put(key, (writer) => writer.varint(count));
    this.delete(key);
    this.delete(numberKey(kind.body, number));
  }

  private retained(topic: string, message: Parameters<typeof writeMessage>[1] | undefined): void {
    const topicBytes = message?.topicBytes ?? Buffer.from(topic, 'utf8');
    const refKey = topicKey(kind.retainedRef, topicBytes);
    const key = topicKey(kind.retained, topicBytes);
    if (message === undefined) {
      this.delete(refKey);
      return this.delete(key);
    }
    this.put(key, (writer) => writeMessage(writer, message, this.clock));
    this.put(refKey, (writer) => {
      writer.varint(message.bytes);
      writer.double(message.expiresAtMs === Infinity ? Infinity : message.expiresAtMs + this.clock.wall() - this.clock.now());
    });
  }

  private put(key: Buffer, write: (writer: ByteWriter) => void): void {
    this.changes.push({ key, value: valueOf(this.writer, write) });
  }

  private delete(key: Uint8Array): void {
    this.changes.push({ key, value: undefined });
  }
}
