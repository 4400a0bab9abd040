/**
 * What the durable store knows since its last checkpoint, and of what is on disk before it. Changes come from the
 * broker or from the log when it is replayed: both are the same calls, in the same order.
 */
import type { Message } from '../../packet/publication.js';
import type { QueueEntry, QueueId } from '../storage.js';
import { Bodies, type Body } from './bodies.js';
import { Owner } from './owner.js';

export class StoreState {
  readonly bodies = new Bodies();
  /** Retained messages set (a message) or cleared (`undefined`) since the last checkpoint, by topic. */
  retained = new Map<string, Message | undefined>();
  nextOwner = 1;
  /** Owners that changed since the last checkpoint. */
  changed: Owner[] = [];
  /** Owners that have ended since then and may have something on disk. */
  ended: Owner[] = [];
  private readonly byId = new Map<QueueId, Owner>();
  private readonly byNumber = new Map<number, Owner>();

  find(id: QueueId): Owner | undefined {
    return this.byId.get(id);
  }

  get(number: number): Owner | undefined {
    return this.byNumber.get(number);
  }

  owners(): IterableIterator<Owner> {
    return this.byNumber.values();
  }

  add(number: number, id: QueueId): Owner {
    const owner = new Owner(number, id);
    this.byId.set(id, owner);
    this.byNumber.set(number, owner);
    if (number >= this.nextOwner) this.nextOwner = number + 1;
    return owner;
  }

  touch(owner: Owner): void {
    if (owner.isChanged) return;
    owner.isChanged = true;
    this.changed.push(owner);
  }

  setPart(owner: Owner, suffix: string, value: Buffer | undefined): void {
    owner.parts.set(suffix, value);
    this.touch(owner);
  }

  end(owner: Owner): void {
    owner.isEnded = true;
    this.byId.delete(owner.id);
    this.byNumber.delete(owner.number);
    owner.queue?.end(this.bodies);
    if (owner.isOnDisk) this.ended.push(owner);
  }

  receive(owner: Owner, packetId: number, isReceived: boolean): void {
    if (isReceived) owner.received.add(packetId);
    else owner.received.delete(packetId);
    owner.changedReceived.add(packetId);
    this.touch(owner);
  }

  enqueue(owner: Owner, entry: QueueEntry, body: Body): void {
    this.bodies.hold(entry.message, body);
    owner.ownQueue().push(entry);
    this.touch(owner);
  }

  markSent(owner: Owner, sequence: number, packetId: number): void {
    owner.ownQueue().markSent(sequence, packetId);
    this.touch(owner);
  }

  markReleased(owner: Owner, sequence: number): void {
    owner.ownQueue().markReleased(sequence, this.bodies);
    this.touch(owner);
  }

  dequeue(owner: Owner, sequence: number): void {
    owner.ownQueue().remove(sequence, this.bodies);
    this.touch(owner);
  }

  setRetained(message: Message, number: number): void {
    this.forgetRetained(message.topic);
    const { bodies } = this;
    bodies.holdRetained(bodies.find(message) ?? bodies.add(message, number));
    this.retained.set(message.topic, message);
  }

  clearRetained(topic: string): void {
    this.forgetRetained(topic);
    this.retained.set(topic, undefined);
  }

  private forgetRetained(topic: string): void {
    const before = this.retained.get(topic);
    if (before !== undefined) this.bodies.releaseRetained(before);
  }
}
