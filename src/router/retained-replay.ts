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

export class RetainedReplay implements Replay {
  done = false;
  private readonly page = new RingQueue<OutboundEntry>();
  private readonly cursor: RetainedCursor<RetainedRef>;
  private waiting = false;
  private readonly engine: Engine;
  private readonly subscription: Subscription;

  constructor(engine: Engine, store: RetainedStore, subscription: Subscription) {
    this.engine = engine;
    this.subscription = subscription;
    this.cursor = store.cursor(subscription.matchFilter);
  }

  peek(): OutboundEntry | undefined {
    if (this.page.length === 0 && !this.done && !this.waiting) this.fill();
    return this.page.peek();
  }

  shift(): OutboundEntry {
    return this.page.shift() as OutboundEntry;
  }

  private fill(): void {
    const { session, topicFilter } = this.subscription;
    if (!session.subscriptions.has(topicFilter)) return this.finish();
    const topics: string[] = [];
    while (topics.length < topicsPerPage) {
      const entry = this.cursor.next(stepsPerTurn);
      if (entry === undefined) {
        this.done = true;
        break;
      }
      if (entry === null) {
        if (topics.length > 0) break;
        return this.later();
      }
      if (entry.setAt <= this.cursor.startedAt) topics.push(entry.topic);
    }
    if (topics.length > 0) this.load(topics);
  }

  private load(topics: readonly string[]): void {
    let answered = false;
    this.waiting = true;
    this.engine.storage.load({ type: 'retained', topics }, (answer) => {
      this.waiting = false;
      if (answer instanceof BrokerError) {
        this.engine.observer.error(answer);
        this.finish();
      } else for (const message of answer.messages) if (message !== undefined) this.admit(message);
      if (answered) this.subscription.session.sender.pump();
    });
    answered = true;
  }

  private admit(message: Message): void {
    const { session, qos, noLocal, subscriptionIdentifier: id } = this.subscription;
    // No Local withholds a client's own retained messages: v5 [MQTT-3.8.3-3].
    if (noLocal && message.publisherId === session.clientId) return;
    const least = message.qos < qos ? message.qos : qos;
    // v5 X5-3.3.1.3-2, v3.1.1 [MQTT-3.3.1-8]: RETAIN is 1, whatever Retain As Published says.
    this.page.push(new OutboundEntry(0, least, true, id === undefined ? undefined : [id], message, false, 0, undefined));
  }

  private later(): void {
    this.waiting = true;
    this.engine.later(() => {
      this.waiting = false;
      this.subscription.session.sender.pump();
    });
  }

  private finish(): void {
    this.done = true;
    this.page.clear();
  }
}
