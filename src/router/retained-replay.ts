/**
 * Retained messages on their way to a new subscription: a cursor that reads at the client's pace, a page at a time,
 * with bounded work per turn. A topic published since the SUBSCRIBE was delivered live and is skipped.
 */
import { BrokerError } from '../errors/errors.js';
import type { Message } from '../packet/publication.js';
import type { Engine } from '../protocol/ports.js';
import type { Replay } from '../protocol/entry-source.js';
import { OutboundEntry } from '../protocol/outbound-entry.js';
import type { RetainedCursor } from '../topic/retained-cursor.js';
import type { Subscription } from '../protocol/session.js';
import { RingQueue } from '../util/ring-queue.js';
import type { RetainedRef, RetainedStore } from './retained-store.js';

const topicsPerPage = 64;
/** Nodes of the tree looked at before other work gets its turn. */
const stepsPerTurn = 2000;

/** What was read, and what the index said of it then: another entry there means that it has been replaced since. */
interface Read {
  readonly entry: OutboundEntry;
  readonly ref: RetainedRef;
}

export class RetainedReplay implements Replay {
  private readonly page = new RingQueue<Read>();
  private readonly cursor: RetainedCursor<RetainedRef>;
  /** The cursor is at its end. */
  private exhausted = false;
  private waiting = false;
  private readonly engine: Engine;
  private readonly store: RetainedStore;
  private readonly subscription: Subscription;

  constructor(engine: Engine, store: RetainedStore, subscription: Subscription) {
    this.engine = engine;
    this.store = store;
    this.subscription = subscription;
    this.cursor = store.cursor(subscription.matchFilter);
  }

  get done(): boolean {
    return this.exhausted && !this.waiting && this.page.length === 0;
  }

  peek(): OutboundEntry | undefined {
    const { session, topicFilter } = this.subscription;
    if (!session.subscriptions.has(topicFilter)) this.finish(); // v5 [MQTT-3.10.4-2], v3.1.1 [MQTT-3.10.4-2]
    if (this.page.length === 0 && !this.exhausted && !this.waiting) this.fill();
    let head = this.page.peek();
    while (head !== undefined && !this.isCurrent(head)) {
      this.page.shift();
      head = this.page.peek();
    }
    if (head === undefined && !this.exhausted && !this.waiting) this.later(); // a page of which nothing is left
    return head?.entry;
  }

  shift(): OutboundEntry {
    return (this.page.shift() as Read).entry;
  }

  /** Whether it is still the topic's message: what replaced it was delivered live, and must not be followed by it. */
  private isCurrent({ entry, ref }: Read): boolean {
    return this.store.get(entry.message.topic) === ref;
  }

  private fill(): void {
    const refs: { readonly topic: string; readonly ref: RetainedRef }[] = [];
    while (refs.length < topicsPerPage) {
      const entry = this.cursor.next(stepsPerTurn);
      if (entry === undefined) {
        this.exhausted = true;
        break;
      }
      if (entry === null) break;
      if (entry.setAt <= this.cursor.startedAt) refs.push({ topic: entry.topic, ref: entry.value });
    }
    if (refs.length > 0) this.load(refs);
  }

  private load(refs: readonly { readonly topic: string; readonly ref: RetainedRef }[]): void {
    let answered = false;
    this.waiting = true;
    this.engine.storage.load({ type: 'retained', topics: refs.map(({ topic }) => topic) }, (answer) => {
      this.waiting = false;
      if (answer instanceof BrokerError) {
        this.engine.observer.error(answer);
        this.finish();
      } else {
        for (const [index, { ref }] of refs.entries()) this.admit(answer.messages[index], ref);
      }
      if (answered) this.subscription.session.sender.pump();
    });
    answered = true;
  }

  private admit(message: Message | undefined, ref: RetainedRef): void {
    const { session, qos, noLocal, subscriptionIdentifier: id } = this.subscription;
    // No Local withholds a client's own retained messages: v5 [MQTT-3.8.3-3].
    if (message === undefined || (noLocal && message.publisherId === session.clientId)) return;
    const least = message.qos < qos ? message.qos : qos;
    // v5 X5-3.3.1.3-2, v3.1.1 [MQTT-3.3.1-8]: RETAIN is 1, whatever Retain As Published says.
    const entry = new OutboundEntry(0, least, true, id === undefined ? undefined : [id], message, false, 0, undefined);
    this.page.push({ entry, ref });
  }

  private later(): void {
    this.waiting = true;
    this.engine.later(() => {
      this.waiting = false;
      this.subscription.session.sender.pump();
    });
  }

  private finish(): void {
    this.exhausted = true;
    this.page.clear();
  }
}
