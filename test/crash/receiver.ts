/** What one session, or one shared group, must get, may get and must not get. */
import type { Book, Delivery, Published } from './book.js';
import { Timeline } from './timeline.js';
import type { Awaited } from './violations.js';

export class Receiver {
  readonly name: string;
  /** Messages that are acknowledged to their publishers and did not arrive yet. */
  readonly missing = new Map<string, Published>();
  private readonly qos: number;
  readonly isGroup: boolean;
  private readonly ledger: Book;
  private readonly timelines = new Map<string, Timeline>();
  /** When each message came, the first time and later. */
  private readonly seen = new Map<string, number[]>();
  /** Number of the last new message by publisher, topic and QoS. */
  private readonly last = new Map<string, Published>();
  /** What was acknowledged before this tick went with the session that ended. */
  private goneBefore = 0;

  constructor(name: string, qos: number, isGroup: boolean, ledger: Book) {
    this.name = name;
    this.qos = qos;
    this.isGroup = isGroup;
    this.ledger = ledger;
  }

  /** The subscription with this filter, which ends with `/#` or is a topic. */
  timeline(filter: string): Timeline {
    let timeline = this.timelines.get(filter);
    if (timeline === undefined) this.timelines.set(filter, (timeline = new Timeline()));
    return timeline;
  }

  /** The session has ended, with all that waited for it. */
  cleared(askedAt: number, doneAt: number, goneBefore: number): void {
    for (const timeline of this.timelines.values()) timeline.cleared(askedAt, doneAt);
    this.missing.clear();
    this.goneBefore = goneBefore;
  }

  expects(message: Published, ackedAt: number): void {
    if (this.standing(message, ackedAt) === 'on' && !this.seen.has(message.id)) this.missing.set(message.id, message);
  }

  got(message: Published, { dup }: Delivery): void {
    const { ledger } = this;
    const { id } = message;
    const seen = this.seen.get(id) ?? [];
    this.seen.set(id, seen);
    seen.push(ledger.tick);
    this.missing.delete(id);
    const about = `${ledger.describe(id)} at ${this.name}${dup ? ', DUP' : ''}`;
    if (seen.length > 1) {
      if (message.qos === 2 && this.qos === 2) ledger.violations.add('duplicated', `${about}: came at ticks ${seen.join(', ')}`);
      return;
    }
    if (this.standing(message, message.ackedAt ?? ledger.tick) === 'off') ledger.violations.add('other', `${about}: there was no subscription`);
    if (message.ackedAt !== undefined && message.ackedAt < this.goneBefore) ledger.violations.add('other', `${about}: came back after its session had ended`);
    if (this.isGroup) return; // members get their messages side by side
    const stream = `${message.publisher} ${message.topic} ${message.qos}`;
    const before = this.last.get(stream);
    // At QoS 1 what is sent again may follow what came behind it the first time: v5 4.6 shows 1, 2, 3, 2, 3.
    const isAgain = before !== undefined && message.lastSentAt > before.sentAt && Math.min(message.qos, this.qos) === 1;
    if (before !== undefined && before.number > message.number && !isAgain) {
      ledger.violations.add('inverted', `${about}: behind ${ledger.describe(before.id)}`);
    } else this.last.set(stream, message);
  }

  /** What is still missing, as it is called when it does not come. */
  awaited(): readonly Awaited[] {
    return [...this.missing.keys()].map((id) => ({ kind: 'lost', what: `${this.ledger.describe(id)} did not reach ${this.name}` }));
  }

  private standing({ topic, sentAt }: Published, to: number): 'on' | 'off' | 'unsure' {
    for (const [filter, timeline] of this.timelines) if (matches(filter, topic)) return timeline.between(sentAt, to);
    return 'off';
  }
}

/** No client has two filters that match one topic. */
const matches = (filter: string, topic: string): boolean =>
  filter.endsWith('/#') ? topic.startsWith(filter.slice(0, -1)) : topic === filter;
