/** Changes as the broker makes them: each is a record of the log and a change of what is in memory, the same again at a replay. */
import type { Message } from '../../packet/publication.js';
import { groupQueueId, sessionQueueId } from '../storage.js';
import type { Lsn, QueueEntry, QueueId, SessionRecord, StorageClock, SubscriptionRecord, WillRecord } from '../storage.js';
import type { Body } from './bodies.js';
import { ByteWriter } from './byte-writer.js';
import type { Committer } from './committer.js';
import type { Journal } from './journal.js';
import { filterSuffix, part } from './keys.js';
import type { LogWriter } from './log.js';
import type { Owner } from './owner.js';
import { writeSession, writeSubscription, writeWill } from './records.js';
import { valueOf } from './sealed.js';
import type { StoreState } from './store-state.js';

const scratch = new ByteWriter(1024);

export class Changes {
  private readonly state: StoreState;
  private readonly log: LogWriter;
  private readonly journal: Journal;
  private readonly committer: Committer;
  private readonly clock: StorageClock;

  constructor(state: StoreState, log: LogWriter, journal: Journal, committer: Committer, clock: StorageClock) {
    this.state = state;
    this.log = log;
    this.journal = journal;
    this.committer = committer;
    this.clock = clock;
  }

  putSession(session: SessionRecord): Lsn {
    const id = sessionQueueId(session.clientId);
    const owner = this.ownerOf(id);
    owner.isHeld = session.closedAtWallMs === undefined;
    if (!owner.isHeld) owner.queue?.loaded.clear();
    return this.setPart(id, part.session, valueOf(scratch, (to) => writeSession(to, session)));
  }

  endSession(clientId: string): Lsn {
    return this.end(sessionQueueId(clientId));
  }

  putSubscription(clientId: string, subscription: SubscriptionRecord): Lsn {
    const value = valueOf(scratch, (to) => writeSubscription(to, subscription));
    return this.setPart(sessionQueueId(clientId), filterSuffix(subscription.topicFilter), value);
  }

  deleteSubscription(clientId: string, topicFilter: string): Lsn {
    return this.deletePart(sessionQueueId(clientId), filterSuffix(topicFilter));
  }

  enqueue(queue: QueueId, entry: QueueEntry): Lsn {
    const owner = this.ownerOf(queue);
    const body = this.bodyOf(entry.message);
    this.log.enqueue(owner.number, entry, body.number);
    this.state.enqueue(owner, entry, body);
    return this.changed();
  }

  markSent(queue: QueueId, sequence: number, packetId: number): Lsn {
    const owner = this.state.find(queue);
    if (owner === undefined) return this.journal.lsn;
    this.logOnDisk(owner, sequence);
    this.log.sent(owner.number, sequence, packetId);
    this.state.markSent(owner, sequence, packetId);
    return this.changed();
  }

  markReleased(queue: QueueId, sequence: number): Lsn {
    const owner = this.state.find(queue);
    if (owner === undefined) return this.journal.lsn;
    this.log.released(owner.number, sequence);
    this.state.markReleased(owner, sequence);
    return this.changed();
  }

  dequeue(queue: QueueId, sequence: number): Lsn {
    const owner = this.state.find(queue);
    if (owner === undefined) return this.journal.lsn;
    this.logOnDisk(owner, sequence);
    this.log.dequeue(owner.number, sequence);
    this.state.dequeue(owner, sequence);
    if (owner.isGroup && owner.queue?.isEmpty === true) return this.end(queue);
    return this.changed();
  }

  endGroup(sharedFilter: string): Lsn {
    return this.end(groupQueueId(sharedFilter));
  }

  putReceived(clientId: string, packetId: number): Lsn {
    const owner = this.ownerOf(sessionQueueId(clientId));
    this.log.received(owner.number, packetId, true);
    this.state.receive(owner, packetId, true);
    return this.changed();
  }

  deleteReceived(clientId: string, packetId: number): Lsn {
    const owner = this.state.find(sessionQueueId(clientId));
    if (owner === undefined) return this.journal.lsn;
    this.log.received(owner.number, packetId, false);
    this.state.receive(owner, packetId, false);
    return this.changed();
  }

  putRetained(message: Message): Lsn {
    const body = this.bodyOf(message);
    this.log.retained(body.number);
    this.state.setRetained(message, body.number);
    return this.changed();
  }

  deleteRetained(topic: string): Lsn {
    this.log.retainedGone(topic);
    this.state.clearRetained(topic);
    return this.changed();
  }

  putWill(clientId: string, will: WillRecord): Lsn {
    return this.setPart(sessionQueueId(clientId), part.will, valueOf(scratch, (to) => writeWill(to, will, this.clock)));
  }

  deleteWill(clientId: string): Lsn {
    return this.deletePart(sessionQueueId(clientId), part.will);
  }

  private ownerOf(id: QueueId): Owner {
    const found = this.state.find(id);
    if (found !== undefined) return found;
    const owner = this.state.add(this.state.nextOwner, id);
    this.log.owner(owner.number, id);
    this.state.touch(owner);
    return owner;
  }

  private bodyOf(message: Message): Body {
    const { bodies } = this.state;
    const found = bodies.find(message);
    if (found !== undefined) return found;
    const body = bodies.add(message, bodies.nextNumber++);
    this.log.body(body.number, message);
    return body;
  }

  private setPart(id: QueueId, suffix: string, value: Buffer): Lsn {
    const owner = this.ownerOf(id);
    this.log.part(owner.number, suffix, value);
    this.state.setPart(owner, suffix, value);
    return this.changed();
  }

  private deletePart(id: QueueId, suffix: string): Lsn {
    const owner = this.state.find(id);
    if (owner === undefined) return this.journal.lsn;
    this.log.part(owner.number, suffix, undefined);
    this.state.setPart(owner, suffix, undefined);
    return this.changed();
  }

  private end(id: QueueId): Lsn {
    const owner = this.state.find(id);
    if (owner === undefined) return this.journal.lsn;
    this.log.end(owner.number);
    this.state.end(owner);
    return this.changed();
  }

  /** The log says what is known of an entry on disk, so that a replay need not read it. */
  private logOnDisk(owner: Owner, sequence: number): void {
    const onDisk = owner.queue?.loaded.get(sequence);
    if (onDisk !== undefined) this.log.onDisk(owner.number, sequence, onDisk);
  }

  private changed(): Lsn {
    this.committer.changed();
    return (this.journal.lsn += 1);
  }
}
