/**
 * The ledger: every acknowledgement the broker gave, kept outside its process, and what follows from them. Moments
 * are ticks, counted up with everything that is noted; all clients are in one process, so that before and after are
 * certain.
 */
import type { Book, Delivery, NewMessage, Published } from './book.js';
import { Receiver } from './receiver.js';
import type { Violations } from './violations.js';
import { Wills } from './wills.js';

export class Ledger implements Book {
  /** Acknowledgements of PUBLISH, SUBSCRIBE, UNSUBSCRIBE and CONNECT. */
  acks = 0;
  tick = 0;
  keptTick = 0;
  readonly violations: Violations;
  readonly wills: Wills;
  readonly receivers = new Map<string, Receiver>();
  private readonly messages = new Map<string, Published>();
  /** The latest message of each retained topic. */
  private readonly retained = new Map<string, Published>();

  constructor(violations: Violations) {
    this.violations = violations;
    this.wills = new Wills(this);
  }

  next(): number {
    return (this.tick += 1);
  }

  /** Whoever gets messages: a session, or a shared group, which is told which QoS its members have. */
  receiver(name: string, qos: number, isGroup = false): Receiver {
    const found = this.receivers.get(name);
    if (found !== undefined) return found;
    const receiver = new Receiver(name, qos, isGroup, this);
    this.receivers.set(name, receiver);
    return receiver;
  }

  published(message: NewMessage): Published {
    const sentAt = this.next();
    const noted: Published = { ...message, sentAt, lastSentAt: sentAt, ackedAt: undefined };
    this.messages.set(noted.id, noted);
    if (noted.retain) this.retained.set(noted.topic, noted);
    return noted;
  }

  /** Its publisher sends it again. */
  republished(message: Published): void {
    message.lastSentAt = this.next();
  }

  /** PUBACK or PUBREC has come: from here on the broker answers for it. */
  acknowledged(message: Published): void {
    this.acks += 1;
    message.ackedAt = this.next();
    if (message.clears) return; // nothing is stored when there is nothing to clear
    for (const receiver of this.receivers.values()) receiver.expects(message, message.ackedAt);
    this.keptTick = Math.max(this.keptTick, message.sentAt);
    this.wills.acknowledged(message.sentAt);
  }

  delivered(receiver: Receiver, delivery: Delivery): void {
    this.next();
    if (delivery.payload === '') return; // a retained message was cleared
    const id = delivery.payload.slice(0, delivery.payload.indexOf('|'));
    if (delivery.topic.startsWith('w/')) return this.wills.delivered(id);
    if (delivery.retain) return; // kept from before the subscription, and sent for every SUBSCRIBE
    const message = this.messages.get(id);
    if (message?.topic !== delivery.topic) this.violations.add('other', `${receiver.name} got '${id}' on ${delivery.topic}, which nobody published there`);
    else receiver.got(message, delivery);
  }

  /** What a new subscriber of everything retained must get: identifiers by topic. */
  retainedNow(): ReadonlyMap<string, string> {
    const kept = [...this.retained.values()].filter(({ clears }) => !clears);
    return new Map(kept.map(({ topic, id }) => [topic, id]));
  }

  /** Whether an id is known, and of what it was. */
  describe(id: string): string {
    const message = this.messages.get(id);
    if (message === undefined) return `'${id}'`;
    const { topic, qos, retain, sentAt, ackedAt } = message;
    const acked = ackedAt === undefined ? 'not acknowledged' : `acknowledged at ${ackedAt}`;
    return `'${id}' (${topic}, QoS ${qos}${retain ? ', retained' : ''}, sent at tick ${sentAt}, ${acked}, now ${this.tick})`;
  }
}
