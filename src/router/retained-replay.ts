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
import type { Session, Subscription } from '../protocol/session.js';
import type { SubscriptionRecord } from '../storage/storage.js';
import { RingQueue } from '../util/ring-queue.js';
import type { RetainedRef, RetainedStore } from './retained-store.js';

const topicsPerPage = 64;
/** Nodes of the tree looked at before other work gets its turn. */
const stepsPerTurn = 2000;

/** What was read, and what the index said of it then: another entry there means that it has been replaced since. */
interface Read {
  readonly message: Message;
  readonly ref: RetainedRef;
}

/** The message at the front on the terms of the subscription as it is: SUBSCRIBE may have changed them meanwhile. */
interface Front extends Read {
  readonly subscription: Subscription;
  readonly entry: OutboundEntry;
}

export class RetainedReplay implements Replay {
  readonly topicFilter: string;
  private readonly page = new RingQueue<Read>();
  private front: Front | undefined = undefined;
  private readonly cursor: RetainedCursor<RetainedRef>;
  /** The cursor is at its end. */
  private exhausted = false;
  private waiting = false;
  private readonly engine: Engine;
  private readonly store: RetainedStore;
  private readonly session: Session;

  constructor(engine: Engine, store: RetainedStore, { session, topicFilter, matchFilter }: Subscription) {
    this.engine = engine;
    this.store = store;
    this.session = session;
    this.topicFilter = topicFilter;
    this.cursor = store.cursor(matchFilter);
  }

  get done(): boolean {
    return this.exhausted && !this.waiting && this.page.length === 0;
  }

  peek(): OutboundEntry | undefined {
    const subscription = this.session.subscriptions.get(this.topicFilter);
    // The subscription has gone.
    if (subscription === undefined) {
      this.finish();
      return undefined;
    }
    if (this.page.length === 0 && !this.exhausted && !this.waiting) this.fill();
    let head = this.page.peek();
    while (head !== undefined && !this.isWanted(head, subscription)) {
      this.page.shift();
      head = this.page.peek();
    }
    if (head === undefined) {
      if (!this.exhausted && !this.waiting) this.later(); // a page of which nothing is left
      return undefined;
    }
    if (this.front?.ref !== head.ref || this.front.subscription !== subscription) {
      this.front = { ...head, subscription, entry: entryFor(head.message, subscription) };
    }
    return this.front.entry;
  }

  /** Takes out what `peek` showed. */
  shift(): OutboundEntry {
    const { entry } = this.front as Front;
    this.front = undefined;
    this.page.shift();
    return entry;
  }

  /** A store that was told of the replay need not do it again. */
  finished(): void {
    const { session, engine } = this;
    const subscription = session.subscriptions.get(this.topicFilter);
    if (subscription?.isReplaying !== true || !session.stored) return;
    engine.storage.putSubscription(session.clientId, recordOf(subscription));
  }

  /** Whether it is still the topic's message: what replaced it was delivered live, and must not be followed by it. */
  private isWanted({ message, ref }: Read, subscription: Subscription): boolean {
    // No Local withholds a client's own retained messages: v5 [MQTT-3.8.3-3].
    if (subscription.noLocal && message.publisherId === this.session.clientId) return false;
    return this.store.get(message.topic) === ref;
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
        for (const [index, { ref }] of refs.entries()) {
          const message = answer.messages[index];
          if (message !== undefined) this.page.push({ message, ref });
        }
      }
      if (answered) this.session.sender.pump();
    });
    answered = true;
  }

  private later(): void {
    this.waiting = true;
    this.engine.later(() => {
      this.waiting = false;
      this.session.sender.pump();
    });
  }

  private finish(): void {
    this.exhausted = true;
    this.page.clear();
  }
}

function recordOf({ topicFilter, qos, noLocal, retainAsPublished, retainHandling, subscriptionIdentifier }: Subscription): SubscriptionRecord {
  return { topicFilter, qos, noLocal, retainAsPublished, retainHandling, subscriptionIdentifier };
}

/** RETAIN is 1, whatever Retain As Published says. */
function entryFor(message: Message, { qos, subscriptionIdentifier: id }: Subscription): OutboundEntry {
  const least = message.qos < qos ? message.qos : qos; // v5 [MQTT-3.8.4-8]
  // X5-3.3.1.3-2, X5-3.3.4-1, v3.1.1 [MQTT-3.3.1-8]
  return new OutboundEntry(0, least, true, id === undefined ? undefined : [id], message, false, 0, undefined);
}
