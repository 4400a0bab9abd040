/**
 * A Shared Subscription: one per full filter over all sessions (v5 4.8.2). Each message goes to one
 * member. What nobody can take now waits in the group's own queue, once, and is deleted with the group.
 */
import type { BrokerError } from '../errors/errors.js';
import type { QoS } from '../packet/protocol.js';
import type { Message, Publication } from '../packet/publication.js';
import type { DropReason } from '../protocol/counters.js';
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
  /** Publishes of members that are routed and not yet acknowledged: nothing is sent meanwhile. */
  private holds = 0;
  /** Members that `authorize` refused, by message. */
  private readonly refusals = new WeakMap<Message, Set<string>>();
  private readonly engine: Engine;

  constructor(engine: Engine, sharedFilter: string) {
    this.engine = engine;
    this.sharedFilter = sharedFilter;
    this.queue = new MessageQueue(engine, groupQueueId(sharedFilter), this);
  }

  get isEmpty(): boolean {
    return this.members.length === 0;
  }

  /** Adds a member or replaces its subscription: there is no second membership. */
  join(subscription: Subscription): void {
    const index = this.indexOf(subscription.session);
    if (index >= 0) this.members[index] = subscription; // v5 [X5-4.8.2-2]
    else this.members.push(subscription);
    (subscription.session.groups ??= new Set()).add(this);
    this.pump();
  }

  leave(session: Session): void {
    const index = this.indexOf(session);
    if (index >= 0) this.members.splice(index, 1);
    session.groups?.delete(this);
    if (session.groups?.size === 0) session.groups = undefined;
    if (this.isEmpty) this.end(); // v5 [X5-4.8.2-5]
    else this.pump();
  }

  /**
   * A message that matches; returns the LSN its publisher's acknowledgement waits for.
   * @param later - the publisher is a member: nothing is sent before `offerAfter`, which follows the acknowledgement.
   */
  offer(publication: Publication, later: boolean): Lsn {
    if (later) this.holds += 1;
    const qos = this.keptQos(publication);
    if (qos === 0) {
      if (!later) this.offerQos0(publication, undefined);
      return 0;
    }
    const stored = this.members.some(({ session }) => session.stored);
    if (!stored && !this.members.some(({ session }) => session.connected)) return 0;
    const lsn = this.queue.push(publication, qos, publication.retain, undefined, stored, this.engine.options, false);
    if (lsn < 0) {
      this.engine.observer.dropped('queueFull', publication, undefined);
      return 0;
    }
    this.pump();
    return lsn;
  }

  offerAfter(publication: Publication): void {
    this.holds -= 1;
    if (this.keptQos(publication) === 0) this.offerQos0(publication, undefined);
    else this.pump();
  }

  // ---- SharedSource ------------------------------------------------------------------------------------------

  settled(entry: OutboundEntry): Lsn {
    this.refusals.delete(entry.message);
    // Once the group has ended, the store's queue of this filter is that of another group.
    return entry.stored && !this.isEmpty ? this.engine.storage.dequeue(groupQueueId(this.sharedFilter), entry.sequence) : 0;
  }

  handedOver(entry: OutboundEntry): Lsn {
    return this.settled(entry);
  }

  refused(entry: OutboundEntry, clientId: string): void {
    this.refuse(entry.message, clientId);
    this.returned([entry]);
  }

  /** Entries that their member did not send, and QoS 1 that it left unacknowledged, go to another. */
  returned(entries: readonly OutboundEntry[]): void {
    if (this.isEmpty) return;
    this.queue.unshift(entries.map((entry) => waiting(entry))); // v5 [X5-4.8.2-3]
    this.pump();
  }

  readonly pump = (): void => {
    if (this.pumping || this.holds > 0) return;
    this.pumping = true;
    try {
      while (this.handOut());
    } finally {
      this.pumping = false;
    }
  };

  onQueueFailed(error: BrokerError): void {
    this.engine.observer.error(error);
  }

  // ---- inside ------------------------------------------------------------------------------------------------

  /** Deals with the entry at the front; false when there is none, or nobody can take it now. */
  private handOut(): boolean {
    const entry = this.queue.peek();
    if (entry === undefined) return false;
    const { message } = entry;
    const expired = this.engine.now() >= message.expiresAtMs;
    const member = expired ? undefined : this.choose(message, this.refusals.get(message));
    if (member !== undefined) this.assign(member, this.queue.shift()); // v5 [X5-4.8.2-1]
    else {
      const why = expired ? 'expired' : this.hopeless(entry);
      if (why === undefined) return false;
      this.settled(this.queue.shift());
      this.engine.observer.dropped(why, message, undefined);
    }
    return true;
  }

  /** While no member is online, the highest QoS granted to a member whose session outlives its connection. */
  private keptQos(publication: Publication): QoS {
    const online = this.members.some(({ session }) => session.connected);
    let qos: QoS = 0;
    for (const member of this.members) if ((online || member.session.stored) && member.qos > qos) qos = member.qos;
    return publication.qos < qos ? publication.qos : qos;
  }

  /** Goes to a member now, or is dropped and counted if there is one; where all wait for `authorize`, to one of those. */
  private offerQos0(publication: Publication, refusals: ReadonlySet<string> | undefined): void {
    const taker = this.choose(publication, refusals) ?? this.sticky(publication, refusals);
    if (taker === undefined) {
      if (refusals !== undefined) this.engine.observer.dropped('deliverDenied', publication, undefined);
      return;
    }
    const { sender, clientId } = taker.session;
    const drop = (why: DropReason, message: Publication): void =>
      why === 'deliverDenied'
        ? this.offerQos0(message, this.refuse(message.keep(), clientId))
        : this.engine.observer.dropped(why, message, clientId);
    // v5 [MQTT-3.3.1-12] [MQTT-3.3.1-13] [MQTT-3.3.4-5], X5-3.3.4-1
    sender.offerQos0(publication, publication.retain && taker.retainAsPublished, identifiersOf(taker), drop);
  }

  private refuse(message: Message, clientId: string): ReadonlySet<string> {
    const refusals = (this.refusals.get(message) ?? new Set<string>()).add(clientId);
    this.refusals.set(message, refusals);
    return refusals;
  }

  /** Each member gets its own granted QoS, and its own Subscription Identifier. */
  private assign(member: Subscription, entry: OutboundEntry): void {
    const { message, sequence, stored } = entry;
    const qos = qosTo(member, message); // v5 [MQTT-4.8.2-3]
    const retain = message.retain && member.retainAsPublished; // v5 [MQTT-3.3.1-12] [MQTT-3.3.1-13]
    // v5 [MQTT-3.3.4-5], X5-3.3.4-1
    member.session.sender.take(new OutboundEntry(sequence, qos, retain, identifiersOf(member), message, stored, 0, this));
  }

  /** The member with the least in flight that can take it now, or the one its topic sticks to. */
  private choose(publication: Publication, refusals: ReadonlySet<string> | undefined): Subscription | undefined {
    const { members } = this;
    if (this.engine.options.sharedSelection === 'stickyByTopic') {
      const member = this.sticky(publication, refusals);
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

  /** The member that this topic sticks to while the same ones are online. */
  private sticky(publication: Publication, refusals: ReadonlySet<string> | undefined): Subscription | undefined {
    const online = this.members.filter(({ session }) => session.connected && refusals?.has(session.clientId) !== true);
    return online[hash(publication.topicBytes) % online.length];
  }

  /**
   * Why no member that is online will ever take it: refused, or over its Maximum Packet Size. It is
   * not kept for those who are away, as everything else would wait behind it.
   */
  private hopeless({ message }: OutboundEntry): DropReason | undefined {
    const refusals = this.refusals.get(message);
    const online = this.members.filter(({ session }) => session.connected);
    const isHopeless = online.every(
      (member) =>
        refusals?.has(member.session.clientId) === true ||
        !fits(member, message), // v5 [X5-3.1.2.11.4-2]
    );
    if (online.length === 0 || !isHopeless) return undefined;
    return refusals === undefined ? 'tooLarge' : 'deliverDenied';
  }

  private indexOf(session: Session): number {
    return this.members.findIndex((member) => member.session === session);
  }

  /** The last member has left: what waits is deleted. */
  private end(): void {
    this.engine.counters.dropped.sessionEnded += this.queue.clear();
    this.engine.storage.endGroup(this.sharedFilter);
  }
}

const identifiersOf = ({ subscriptionIdentifier }: Subscription): readonly number[] | undefined =>
  subscriptionIdentifier === undefined ? undefined : [subscriptionIdentifier];

const qosTo = (member: Subscription, publication: Publication): QoS =>
  publication.qos < member.qos ? publication.qos : member.qos; // v5 [MQTT-3.8.4-8] [MQTT-4.8.2-3]

const canTake = (member: Subscription, publication: Publication): boolean =>
  member.session.sender.canTake(publication, qosTo(member, publication), identifiersOf(member));

const fits = (member: Subscription, publication: Publication): boolean =>
  member.session.outlet?.fits(publication, qosTo(member, publication), identifiersOf(member)) === true;

const waiting = ({ sequence, message, stored }: OutboundEntry): OutboundEntry =>
  new OutboundEntry(sequence, message.qos, message.retain, undefined, message, stored, 0, undefined);

function hash(bytes: Uint8Array): number {
  let value = 0x811c_9dc5;
  for (const byte of bytes) value = Math.imul(value ^ byte, 0x0100_0193);
  return value >>> 0;
}
