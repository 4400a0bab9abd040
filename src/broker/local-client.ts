/**
 * `broker.connect()`: a client inside the process, with a session like any other: QoS 0 to 2, will, expiry,
 * take-over. `authorize` is asked about it; `authenticate` is not, its principal is given.
 */
import { BrokerError } from '../errors/errors.js';
import type { Failed, Verdict } from '../hooks/hooks.js';
import type { QoS } from '../packet/protocol.js';
import type { Message, Publication } from '../packet/publication.js';
import { ReasonCode } from '../packet/reason-code.js';
import { authorizePublish, decideSubscribe, transformFailed } from '../protocol/authorization.js';
import { autoSubscribe } from '../protocol/auto-subscribe.js';
import { Client } from '../protocol/client.js';
import type { Reauthorized } from '../protocol/client.js';
import type { Engine } from '../protocol/ports.js';
import { reauthorize } from '../protocol/reauthorize.js';
import { isReplaying } from '../protocol/subscribe-flow.js';
import type { Session } from '../protocol/session.js';
import type { WillRecord } from '../storage/storage.js';
import type { BrokerMessage } from './broker-message.js';
import { checkConnectOptions } from './connect-options.js';
import type { ConnectOptions, LocalWill } from './connect-options.js';
import { hostMessage } from './host-message.js';
import type { PublishOptions } from './host-message.js';
import { aborted, routeFromHost } from './host-publish.js';
import { checkFilter, subscribeTerms } from './host-subscription.js';
import type { SubscribeOptions } from './host-subscription.js';
import { Inbox } from './inbox.js';
import { MessageStream } from './message-stream.js';

const inboxMessagesMax = 1000;

/** v5 3.14.2.1 */
const clientDisconnectCodes: ReadonlySet<number> = new Set([
  0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99,
]);

/** What a call did in its turn: all that is left to wait for is the store. An object, as a bare promise would be awaited. */
interface Ordered<T> {
  readonly stored: Promise<T>;
}

/**
 * An in-process client. Iterate over it for its messages; asking for the next acknowledges the one before.
 * @public
 */
export class LocalClient implements AsyncIterable<BrokerMessage, undefined>, AsyncDisposable {
  /** Client Identifier. */
  readonly id: string;
  /** Whether it resumed a session that was kept. */
  readonly sessionPresent: boolean;
  private readonly session: Session;
  private readonly inbox: Inbox;
  private readonly stream: MessageStream;
  private readonly engine: Engine;
  /** Publishes and subscribes keep their order while a hook is asked. */
  private tail: Promise<unknown> | undefined = undefined;

  private constructor(engine: Engine, session: Session, inbox: Inbox, stream: MessageStream, sessionPresent: boolean) {
    this.engine = engine;
    this.session = session;
    this.inbox = inbox;
    this.stream = stream;
    this.id = session.clientId;
    this.sessionPresent = sessionPresent;
  }

  /** @internal */
  static async open(
    engine: Engine,
    options: ConnectOptions,
    onListenerError: (error: unknown) => void,
    isOpen: () => boolean,
  ): Promise<LocalClient> {
    checkConnectOptions(engine, options);
    const { cleanStart = true, receiveMaximum = 100, sessionExpirySeconds = 0 } = options;
    const clientId = options.clientId ?? engine.sessions.assignClientId();
    const client = Client.of(
      {
        id: clientId,
        principal: options.principal,
        username: options.principal,
        protocolVersion: 5,
        connection: { transport: 'memory' },
        keepAliveSeconds: 0,
        connectedAtWallMs: engine.wall(),
      },
      {
        close: (reasonCode, why) => inbox.close(reasonCode, why),
        reauthorize: () => local?.reauthorize() ?? Promise.resolve({ removedSubscriptions: [], willDropped: false }),
      },
    );
    let local: LocalClient | undefined = undefined as LocalClient | undefined;
    const will = options.will === undefined ? undefined : await allowedWill(engine, client, options.will);
    const stream: MessageStream = new MessageStream(
      () => inbox,
      options.onMessage,
      () => undefined,
      onListenerError,
    );
    const inbox: Inbox = new Inbox(
      engine,
      client,
      { receiveMaximum: Math.min(receiveMaximum, engine.options.inflightMax), messagesMax: inboxMessagesMax },
      () => stream.wake(),
      (reasonCode, why) => leave(engine, inbox, stream, reasonCode, why, false),
    );
    const request = {
      client,
      outlet: inbox,
      cleanStart,
      sessionExpirySeconds: Math.min(sessionExpirySeconds, engine.options.sessionExpirySecondsMax),
      will,
      limits: engine.options,
      isOpen,
    };
    return new Promise((resolve, reject) =>
      // In the call in which the session is attached, so that nobody takes it over in between.
      engine.sessions.open(request, (result) => {
        if (!isOpen()) return reject(closed());
        if (typeof result === 'number') return reject(refused('connect', result));
        const { session, sessionPresent } = result;
        inbox.session = session;
        local = new LocalClient(engine, session, inbox, stream, sessionPresent);
        engine.observer.clientAccepted(client, sessionPresent);
        if (!engine.hooks.hasOnConnect) resolve(local);
        session.sender.resume();
        engine.observer.clientReady(client);
        if (engine.hooks.hasOnConnect) resolve(local.runOnConnect());
      }),
    );
  }

  /** Whether it is still connected. */
  get connected(): boolean {
    return this.session.outlet === this.inbox;
  }

  /**
   * Publishes as this client; resolves when the message is stored as far as its QoS promises.
   * @throws BrokerError `ODN_ERR_ARGUMENT`, `ODN_ERR_REFUSED`, `ODN_ERR_QUOTA`, `ODN_ERR_CLOSED`
   */
  async publish(topic: string, payload: string | Uint8Array, options: PublishOptions = {}): Promise<void> {
    const { signal } = options;
    const { stored } = await this.inOrder(() => {
      if (signal?.aborted === true) throw aborted('publish');
      const message = hostMessage(this.engine, topic, payload, options, this.id);
      const { client } = this.session;
      const settle = (made: Publication, { reasonCode, reasonString }: Verdict): Ordered<void> => {
        if (!this.connected) throw closed();
        if (reasonCode === 0) return { stored: routeFromHost(this.engine, made, this.session, signal) };
        this.engine.observer.dropped('publishDenied', made, this.id);
        throw refused('publish', reasonCode, reasonString);
      };
      const authorize = (made: Publication | Failed): Ordered<void> | Promise<Ordered<void>> => {
        if (made === undefined) return settle(message, transformFailed);
        const answer = authorizePublish(this.engine, client, made, 'publish');
        return answer instanceof Promise ? answer.then((verdict) => settle(made, verdict)) : settle(made, answer);
      };
      if (!this.engine.hooks.hasOnPublish) return authorize(message);
      const transformed = this.engine.hooks.onPublish(client, message);
      return transformed instanceof Promise ? transformed.then(authorize) : authorize(transformed);
    });
    return stored;
  }

  /**
   * Subscribes and resolves with the granted QoS.
   * @throws BrokerError `ODN_ERR_ARGUMENT`, `ODN_ERR_REFUSED`, `ODN_ERR_QUOTA`, `ODN_ERR_CLOSED`
   */
  async subscribe(topicFilter: string, options: Omit<SubscribeOptions, 'signal'> = {}): Promise<QoS> {
    const { stored } = await this.inOrder(async () => {
      const { engine, session } = this;
      checkFilter(engine, topicFilter);
      const decided = await decideSubscribe(engine, session.client, { topicFilter, ...subscribeTerms(options) }, {});
      const { qos, noLocal, retainAsPublished, retainHandling } = decided.request;
      const { reasonCode, reasonString } = decided.verdict;
      if (reasonCode !== 0) throw refused('subscribe', reasonCode, reasonString);
      if (!this.connected) throw closed();
      const { subscriptionsMax } = session.limits;
      if (!session.subscriptions.has(topicFilter) && session.subscriptions.size >= subscriptionsMax) {
        throw new BrokerError('ODN_ERR_QUOTA', `${subscriptionsMax} subscriptions are held (subscriptionsMax)`);
      }
      const replays = retainHandling === 0 || (retainHandling === 1 && !session.subscriptions.has(topicFilter));
      const terms = { qos, noLocal, retainAsPublished, retainHandling };
      const record = { topicFilter, ...terms, subscriptionIdentifier: undefined, ...(replays && isReplaying(engine, topicFilter, qos)) };
      engine.router.subscribe(session, record);
      const lsn = session.stored ? engine.storage.putSubscription(session.clientId, record) : 0;
      engine.observer.subscribed(session.client, record);
      const subscription = session.subscriptions.get(topicFilter);
      if (replays && subscription !== undefined) engine.router.replayRetained(session, subscription);
      return { stored: storedUpTo(engine, lsn, qos) };
    });
    return stored;
  }

  /** Resolves with whether there was such a subscription. */
  async unsubscribe(topicFilter: string): Promise<boolean> {
    const { stored } = await this.inOrder(() => {
      const { engine, session } = this;
      if (!engine.router.unsubscribe(session, topicFilter)) return { stored: Promise.resolve(false) };
      const lsn = session.stored ? engine.storage.deleteSubscription(session.clientId, topicFilter) : 0;
      engine.observer.unsubscribed(session.client, topicFilter);
      return { stored: storedUpTo(engine, lsn, true) };
    });
    return stored;
  }

  /**
   * Disconnects. With the default reason code 0 the will is discarded; 0x04 publishes it (v5 3.14.2.1).
   * @throws BrokerError `ODN_ERR_ARGUMENT`: the reason code is none that a client may send in DISCONNECT
   */
  async disconnect(reasonCode: number = ReasonCode.normalDisconnection): Promise<void> {
    if (!clientDisconnectCodes.has(reasonCode)) {
      throw new BrokerError('ODN_ERR_ARGUMENT', `${String(reasonCode)} is no reason code of a client's DISCONNECT`);
    }
    this.stream.end(undefined); // it asked for its end, so that is no failure
    leave(this.engine, this.inbox, this.stream, reasonCode, 'DISCONNECT', reasonCode === 0);
  }

  /** Its messages; every iterator takes from the same line. */
  [Symbol.asyncIterator](): AsyncIterator<BrokerMessage, undefined> {
    return this.stream;
  }

  /** As `disconnect()`: `await using client = await broker.connect()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.disconnect();
  }

  /** `client.reauthorize()`: in order with its calls. */
  private async reauthorize(): Promise<Reauthorized> {
    const { engine, session } = this;
    if (!this.connected) return { removedSubscriptions: [], willDropped: false };
    const { stored } = await this.inOrder(
      () => new Promise<Ordered<Reauthorized>>((resolve) =>
        reauthorize(engine, session, (result, lsn) => resolve({ stored: storedUpTo(engine, lsn, result) }))),
    );
    return stored;
  }

  /** Before its first call; a failure disconnects it, as it would lack what it relies on. */
  private async runOnConnect(): Promise<this> {
    const { engine, session, inbox } = this;
    const run = async (): Promise<Ordered<this>> => {
      const requests = await engine.hooks.onConnect(session.client);
      if (requests === undefined) {
        inbox.close(ReasonCode.implementationSpecificError, 'onConnect failed');
        throw refused('connect', ReasonCode.implementationSpecificError, 'onConnect failed');
      }
      if (this.connected) await new Promise<void>((resolve) => autoSubscribe(engine, session, requests, resolve));
      return { stored: Promise.resolve(this) };
    };
    const { stored } = await this.inOrder(run);
    return stored;
  }

  /** Runs one call after the other: what waits for a hook holds those behind it, what waits for the store does not. */
  private inOrder<T>(run: () => Ordered<T> | Promise<Ordered<T>>): Promise<Ordered<T>> {
    const start = async (): Promise<Ordered<T>> => {
      if (!this.connected) throw closed();
      return run();
    };
    const result = this.tail === undefined ? start() : this.tail.then(start);
    const tail: Promise<void> = result.then(
      () => this.settled(tail),
      () => this.settled(tail),
    );
    this.tail = tail;
    return result;
  }

  private settled(tail: Promise<unknown>): void {
    if (this.tail === tail) this.tail = undefined;
  }
}

function leave(engine: Engine, inbox: Inbox, stream: MessageStream, reasonCode: number, why: string, normal: boolean): void {
  const { session, client } = inbox;
  if (session === undefined || session.outlet !== inbox) return;
  inbox.clear();
  client.markGone();
  engine.sessions.closed(session, inbox, normal, () => engine.observer.clientClosed(client, reasonCode, why, undefined));
  const quiet = reasonCode < 0x80 || reasonCode === ReasonCode.serverShuttingDown;
  stream.end(quiet ? undefined : refused('the connection', reasonCode, why));
}

async function allowedWill(engine: Engine, client: Client, will: LocalWill): Promise<WillRecord> {
  const { topic, payload, willDelaySeconds = 0, ...options } = will;
  const message: Message = hostMessage(engine, topic, payload, options, client.id);
  const { reasonCode, reasonString } = await authorizePublish(engine, client, message, 'will');
  if (reasonCode !== 0) throw refused('the will', reasonCode, reasonString);
  return { message, messageExpirySeconds: will.messageExpirySeconds, willDelaySeconds };
}

const storedUpTo = <T>(engine: Engine, lsn: number, value: T): Promise<T> =>
  new Promise((resolve, reject) => engine.durability.after(lsn, () => resolve(value), reject));

const closed = (): BrokerError => new BrokerError('ODN_ERR_CLOSED', 'this in-process client is not connected');

function refused(what: string, reasonCode: number, reasonString?: string): BrokerError {
  const why = reasonString === undefined || reasonString === '' ? '' : `: ${reasonString}`;
  return new BrokerError('ODN_ERR_REFUSED', `${what} was refused with reason code 0x${reasonCode.toString(16)}${why}`, { reasonCode });
}
