/** A session or a shared group, as the durable store knows it: its number, what changed of it, and its queue. */
import type { QueueId } from '../storage.js';
import { DurableQueue } from './durable-queue.js';

export class Owner {
  /** What keys begin with; never used again. */
  readonly number: number;
  readonly id: QueueId;
  /** Parts that changed since the last checkpoint, by the end of their key; `undefined` for one that was deleted. */
  parts = new Map<string, Buffer | undefined>();
  /** Packet identifiers of QoS 2 messages received and not released, and those of them the disk has. */
  readonly received = new Set<number>();
  readonly storedReceived = new Set<number>();
  /** Those that changed since the last checkpoint. */
  readonly changedReceived = new Set<number>();
  queue: DurableQueue | undefined = undefined;
  /** Whether anything of it may be on disk. */
  isOnDisk = false;
  isChanged = false;
  isEnded = false;
  /** Whether somebody may hold entries of its queue: a connected client, or the members of a group. */
  isHeld: boolean;

  constructor(number: number, id: QueueId) {
    this.number = number;
    this.id = id;
    this.isHeld = this.isGroup;
  }

  get isGroup(): boolean {
    return this.id.startsWith('g:');
  }

  /** Its queue, made at first use. */
  ownQueue(): DurableQueue {
    return (this.queue ??= new DurableQueue());
  }
}
