/**
 * A Shared Subscription: one per full filter over all sessions (v5 4.8.2, X5-4.8.2-1). Each message goes to one
 * member. What nobody can take now waits in the group's own queue, once, and is deleted with the group.
 */
import type { BrokerError } from '../errors/errors.js';
import type { QoS } from '../packet/protocol.js';
import type { Publication } from '../packet/publication.js';
import { MessageQueue } from '../protocol/message-queue.js';
import { OutboundEntry } from '../protocol/outbound-entry.js';
import type { SharedSource } from '../protocol/outbound-entry.js';
import type { Engine } from '../protocol/ports.js';
import type { Session, Subscription } from '../protocol/session.js';
import { groupQueueId } from '../storage/storage.js';
import type { Lsn } from '../storage/storage.js';

export class SharedGroup implements SharedSource {
  /** `$share/name/filter`. */
  readonly sharedFilter: string;
  readonly queue: MessageQueue;
  private readonly members: Subscription[] = [];
  /** Where the search for the next member begins, so that ties go round. */
  private turn = 0;
  private pumping = false;
  /** Members that `authorize` refused, by entry. */
  private readonly refusals = new Map<number, Set<string>>();
  private readonly engine: Engine;

  constructor(engine: Engine, sharedFilter: string) {
    this.engine = engine;
    this.sharedFilter = sharedFilter;
    this.queue = new MessageQueue(engine, groupQueueId(sharedFilter), this);
  }

  get isEmpty(): boolean {
    return this.members.length === 0;
  }

  /** Adds a member or replaces its subscription: there is no second membership, X5-4.8.2-2. */
  join(subscription: Subscription): void {
    const index = this.indexOf(subscription.session);
    if (index >= 0) this.members[index] = subscription;
    else this.members.push(subscription);
    (subscription.session.groups ??= new Set()).add(this);
    this.pump();
  }

  leave(session: Session): void {
    const index = this.indexOf(session);
    if (index >= 0) this.members.splice(index, 1);
    session.groups?.delete(this);
    if (session.groups?.size === 0) session.groups = undefined;
    if (this.isEmpty) this.end();
    else this.pump();
  }

  /**
   * A message that matches; returns the LSN its publisher's acknowledgement waits for.
   * @param later - the publisher is a member: nothing is sent before `offerAfter`, which follows the acknowledgement.
   */
  offer(publication: Publication, later: boolean): Lsn {
    const qos = this.keptQos(publication);
    if (qos === 0) {
      if (!later) this.offerQos0(publication);
      return 0;
    }
    const stored = this.members.some(({ session }) => session.stored);
    if (!stored && !this.members.some(({ session }) => session.connected)) return 0;
    const lsn = this.queue.push(publication, qos, publication.retain, undefined, stored, this.engine.options, false);
    if (lsn < 0) {
      this.engine.observer.dropped('queueFull', publication, this.sharedFilter);
      return 0;
    }
    if (!later) this.pump();
    return lsn;
  }

  offerAfter(publication: Publication): void {
    if (this.keptQos(publication) === 0) this.offerQos0(publication);
    else this.pump();
  }

  // ---- SharedSource ------------------------------------------------------------------------------------------

  settled(entry: OutboundEntry): Lsn {
    this.refusals.delete(entry.sequence);
    return entry.stored ? this.engine.storage.dequeue(groupQueueId(this.sharedFilter), entry.sequence) : 0;
  }

  handedOver(entry: OutboundEntry): Lsn {
    return this.settled(entry);
  }

  refused(entry: OutboundEntry, clientId: string): void {
    const refusals = this.refusals.get(entry.sequence) ?? new Set<string>();
    this.refusals.set(entry.sequence, refusals.add(clientId));
    if (this.members.some(({ session }) => !refusals.has(session.clientId))) return this.returned([entry]);
    this.engine.observer.dropped('deliverDenied', entry.message, this.sharedFilter);
    this.settled(entry);
  }

  /** QoS 1 entries of a member whose connection ended go to another: X5-4.8.2-3. */
  returned(entries: readonly OutboundEntry[]): void {
    if (this.isEmpty) return;
    const kept = entries.filter((entry) => entry.message.qos > 0 && entry.sequence > 0);
    this.queue.unshift(kept.map((entry) => waiting(entry)));
    this.pump();
  }

  readonly pump = (): void => {
    if (this.pumping) return;
    this.pumping = true;
    for (let entry = this.queue.peek(); entry !== undefined; entry = this.queue.peek()) {
      const expired = this.engine.now() >= entry.message.expiresAtMs;
      const member = expired ? undefined : this.choose(entry.message, this.refusals.get(entry.sequence));
      if (member !== undefined) this.assign(member, this.queue.shift());
      else if (expired || this.fitsNobody(entry.message)) {
        this.engine.observer.dropped(expired ? 'expired' : 'tooLarge', entry.message, this.sharedFilter);
        this.settled(this.queue.shift());
      } else break;
    }
    this.pumping = false;
  };

  onQueueFailed(error: BrokerError): void {
    this.engine.observer.error(error);
  }

  // ---- inside ------------------------------------------------------------------------------------------------

  /** While no member is online, the highest QoS granted to a member whose session outlives its connection. */
  private keptQos(publication: Publication): QoS {
    const online = this.members.some(({ session }) => session.connected);
    let qos: QoS = 0;
    for (const member of this.members) if ((online || member.session.stored) && member.qos > qos) qos = member.qos;
    return publication.qos < qos ? publication.qos : qos;
  }

  private offerQos0(publication: Publication): void {
    const member = this.choose(publication, undefined);
    if (member === undefined) return;
    const retain = publication.retain && member.retainAsPublished;
    if (!this.engine.hooks.hasAuthorize) return member.session.sender.offerQos0(publication, retain, identifiersOf(member));
    const entry = new OutboundEntry(0, 0, publication.retain, undefined, publication.keep(), false, 0, this);
    this.assign(member, entry);
  }

  /** v5 [MQTT-4.8.2-3]: each member gets its own granted QoS, and its own Subscription Identifier. */
  private assign(member: Subscription, entry: OutboundEntry): void {
    const { message, sequence, stored } = entry;
    const qos = message.qos < member.qos ? message.qos : member.qos;
    const retain = message.retain && member.retainAsPublished;
    member.session.sender.take(new OutboundEntry(sequence, qos, retain, identifiersOf(member), message, stored, 0, this));
  }

  /** The member with the least in flight that can take it now, or the one its topic sticks to. */
  private choose(publication: Publication, refusals: ReadonlySet<string> | undefined): Subscription | undefined {
    const { members } = this;
    if (this.engine.options.sharedSelection === 'stickyByTopic') {
      const online = members.filter(({ session }) => session.connected && refusals?.has(session.clientId) !== true);
      const member = online[hash(publication.topicBytes) % online.length];
      return member !== undefined && canTake(member, publication) ? member : undefined;
    }
    let best: Subscription | undefined = undefined;
    let least = Infinity;
    for (let step = 0; step < members.length; step += 1) {
      const member = members[(this.turn + step) % members.length] as Subscription;
      const load = member.session.sender.inflight.count;
      if (load >= least || refusals?.has(member.session.clientId) === true || !canTake(member, publication)) continue;
      best = member;
      least = load;
    }
    if (best !== undefined) this.turn = (members.indexOf(best) + 1) % members.length;
    return best;
  }

  /** Every member is online and the message is over the Maximum Packet Size of each: X5-3.1.2.11.4-2. */
  private fitsNobody(publication: Publication): boolean {
    return this.members.every(
      (member) => member.session.outlet?.fits(publication, member.qos, identifiersOf(member)) === false,
    );
  }

  private indexOf(session: Session): number {
    return this.members.findIndex((member) => member.session === session);
  }

  /** The last member has left: what waits is deleted, X5-4.8.2-5. */
  private end(): void {
    this.engine.counters.dropped.sessionEnded += this.queue.clear();
    this.refusals.clear();
    this.engine.storage.endGroup(this.sharedFilter);
  }
}

const identifiersOf = ({ subscriptionIdentifier }: Subscription): readonly number[] | undefined =>
  subscriptionIdentifier === undefined ? undefined : [subscriptionIdentifier];

function canTake(member: Subscription, publication: Publication): boolean {
  const qos = publication.qos < member.qos ? publication.qos : member.qos;
  return member.session.sender.canTake(publication, qos, identifiersOf(member));
}

const waiting = ({ sequence, message, stored }: OutboundEntry): OutboundEntry =>
  new OutboundEntry(sequence, message.qos, message.retain, undefined, message, stored, 0, undefined);

function hash(bytes: Uint8Array): number {
  let value = 0x811c_9dc5;
  for (const byte of bytes) value = Math.imul(value ^ byte, 0x0100_0193);
  return value >>> 0;
}
