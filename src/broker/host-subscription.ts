/** `broker.subscribe()`: a session of the host's own, with one subscription, active at once. */
import { BrokerError } from '../errors/errors.js';
import type { QoS } from '../packet/protocol.js';
import { Client } from '../protocol/client.js';
import type { Engine } from '../protocol/ports.js';
import { Session } from '../protocol/session.js';
import { topicFilterProblem } from '../topic/topic-rules.js';
import type { BrokerMessage } from './broker-message.js';
import { hostTextProblem } from './host-message.js';
import { Inbox } from './inbox.js';
import { MessageStream } from './message-stream.js';
import type { MessageListener } from './message-stream.js';

/** Options of `subscribe`. @public */
export interface SubscribeOptions {
  /** Highest QoS to receive at. Default 2: messages of QoS 1 and 2 wait for the consumer, those of QoS 0 as far as there is room. */
  readonly qos?: QoS;
  /** Do not receive what this client publishes itself. Default false. */
  readonly noLocal?: boolean;
  /** Keep the RETAIN flag as published. Default false. */
  readonly retainAsPublished?: boolean;
  /** 0 (default) sends retained messages, 1 only for a new subscription, 2 never. */
  readonly retainHandling?: 0 | 1 | 2;
  /** Ends the subscription. */
  readonly signal?: AbortSignal;
}

/** Messages of one in-process subscription; asking for the next acknowledges the one before. @public */
export interface HostSubscription extends AsyncIterableIterator<BrokerMessage, undefined>, AsyncDisposable {
  /** As given to `subscribe`, `$share/name/` included. */
  readonly topicFilter: string;
  /** Ends it; a pending `next()` resolves as done. */
  unsubscribe(): void;
}

/** QoS 1 and 2 messages handed over and not acknowledged yet. */
const receiveMaximum = 100;
/** Messages that wait in the inbox before QoS 0 is dropped. */
const inboxMessagesMax = 1000;

let hostSessions = 0;

export function checkFilter(engine: Engine, topicFilter: string): void {
  const { topicLevelsMax, topicBytesMax } = engine.options;
  const problem =
    typeof topicFilter === 'string'
      ? (topicFilterProblem(topicFilter, topicLevelsMax, topicBytesMax) ?? hostTextProblem(engine, topicFilter))
      : 'the topic filter is not a string';
  if (problem !== undefined) throw new BrokerError('ODN_ERR_ARGUMENT', problem);
}

/** The options of a subscription, complete. @throws BrokerError `ODN_ERR_ARGUMENT` */
export function subscribeTerms(options: SubscribeOptions): Required<Omit<SubscribeOptions, 'signal'>> {
  const { qos = 2, noLocal = false, retainAsPublished = false, retainHandling = 0, signal: _signal, ...others } = options;
  checkOneOf('qos', qos, [0, 1, 2]);
  checkOneOf('noLocal', noLocal, [false, true]);
  checkOneOf('retainAsPublished', retainAsPublished, [false, true]);
  checkOneOf('retainHandling', retainHandling, [0, 1, 2]);
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw new BrokerError('ODN_ERR_ARGUMENT', `there is no option ${unknown} of a subscription`);
  return { qos, noLocal, retainAsPublished, retainHandling };
}

function checkOneOf(name: string, value: unknown, legal: readonly unknown[]): void {
  if (legal.includes(value)) return;
  throw new BrokerError('ODN_ERR_ARGUMENT', `${name} is ${String(value)}; it must be one of ${legal.join(', ')}`);
}

export class LocalSubscription extends MessageStream implements HostSubscription {
  readonly topicFilter: string;
  private readonly session: Session;
  private readonly engine: Engine;
  private readonly onEnd: (subscription: LocalSubscription) => void;
  private readonly signal: AbortSignal | undefined;

  /** @throws BrokerError `ODN_ERR_ARGUMENT` for an illegal filter. */
  constructor(
    engine: Engine,
    topicFilter: string,
    options: SubscribeOptions,
    listener: MessageListener | undefined,
    onEnd: (subscription: LocalSubscription) => void,
    onListenerError: (error: unknown) => void,
    whenOpen: (run: () => void) => void,
  ) {
    checkFilter(engine, topicFilter);
    const terms = subscribeTerms(options);
    let inbox: Inbox | undefined = undefined;
    super(() => inbox as unknown as Inbox, listener, () => this.unsubscribe(), onListenerError);
    this.engine = engine;
    this.topicFilter = topicFilter;
    this.onEnd = onEnd;
    this.signal = options.signal;
    hostSessions += 1;
    const client = Client.host(`$host/${hostSessions}`, engine.wall());
    inbox = new Inbox(engine, client, { receiveMaximum, messagesMax: inboxMessagesMax }, () => this.wake(), () => undefined);
    this.session = new Session(engine, client, engine.options);
    inbox.session = this.session;
    this.session.attach(client, inbox, engine.options);
    this.session.sender.resume();
    this.subscribe(terms, options.signal, whenOpen);
  }

  readonly unsubscribe = (): void => {
    if (this.session.outlet === undefined) return;
    this.signal?.removeEventListener('abort', this.unsubscribe);
    this.session.detach(false);
    this.engine.router.unsubscribeAll(this.session);
    this.session.end();
    this.end(undefined);
    this.onEnd(this);
  };

  async [Symbol.asyncDispose](): Promise<void> {
    this.unsubscribe();
  }

  private subscribe(
    terms: ReturnType<typeof subscribeTerms>,
    signal: AbortSignal | undefined,
    whenOpen: (run: () => void) => void,
  ): void {
    const { engine, session, topicFilter } = this;
    engine.router.subscribe(session, { topicFilter, ...terms, subscriptionIdentifier: undefined });
    // Before the store is open nobody knows what is retained.
    whenOpen(() => {
      const subscription = session.subscriptions.get(topicFilter);
      if (terms.retainHandling !== 2 && subscription !== undefined) engine.router.replayRetained(session, subscription);
    });
    if (signal?.aborted === true) this.unsubscribe();
    else signal?.addEventListener('abort', this.unsubscribe, { once: true });
  }
}
