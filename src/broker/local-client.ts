/**
 * `broker.connect()`: a client inside the process, with a session like any other: QoS 0 to 2, will, expiry,
 * take-over. `authorize` is asked about it; `authenticate` is not, its principal is given.
 */
import { BrokerError } from '../errors/errors.js';
import type { Verdict } from '../hooks/hooks.js';
import type { QoS } from '../packet/protocol.js';
import type { Message } from '../packet/publication.js';
import { ReasonCode } from '../packet/reason-code.js';
import { authorizePublish, authorizeSubscribe } from '../protocol/authorization.js';
import { Client } from '../protocol/client.js';
import type { Engine, OpenResult } from '../protocol/ports.js';
import type { Session } from '../protocol/session.js';
import type { WillRecord } from '../storage/storage.js';
import { hasWildcard, parseSharedFilter } from '../topic/topic-rules.js';
import type { BrokerMessage } from './broker-message.js';
import { hostMessage } from './host-message.js';
import type { PublishOptions, PublishProperties } from './host-message.js';
import { routeFromHost } from './host-publish.js';
import { checkFilter } from './host-subscription.js';
import type { SubscribeOptions } from './host-subscription.js';
import { Inbox } from './inbox.js';
import { MessageStream } from './message-stream.js';
import type { MessageListener } from './message-stream.js';

/** A will of an in-process client. @public */
export interface LocalWill extends PublishProperties {
  readonly topic: string;
  readonly payload: string | Uint8Array;
  readonly qos?: QoS;
  readonly retain?: boolean;
  readonly willDelaySeconds?: number;
}

/** Options of `broker.connect()`. @public */
export interface ConnectOptions {
  /** Default: one that the broker assigns. */
  readonly clientId?: string;
  /** Who the session belongs to and `authorize` is asked about. Default: anonymous. */
  readonly principal?: string;
  /** Default true. */
  readonly cleanStart?: boolean;
  /** How long the session outlives the connection, in seconds; 4,294,967,295 = for ever. Default 0. */
  readonly sessionExpirySeconds?: number;
  readonly will?: LocalWill;
  /** QoS 1 and 2 messages to receive before the first is acknowledged; 1 to 65,535, default 100. */
  readonly receiveMaximum?: number;
  /** Gets every message; without it, iterate over the client. */
  readonly onMessage?: MessageListener;
}

const inboxMessagesMax = 1000;

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
  ): Promise<LocalClient> {
    const { cleanStart = true, receiveMaximum = 100, clientId = engine.sessions.assignClientId() } = options;
    checkNumber('receiveMaximum', receiveMaximum, 1, 65_535);
    const sessionExpirySeconds = options.sessionExpirySeconds ?? 0;
    checkNumber('sessionExpirySeconds', sessionExpirySeconds, 0, 0xffff_ffff);
    if (typeof clientId !== 'string' || clientId === '') throw new BrokerError('ODN_ERR_ARGUMENT', 'clientId must be a non-empty string');
    const client = new Client(
      {
        id: clientId,
        principal: options.principal,
        username: options.principal,
        protocolVersion: 5,
        connection: { transport: 'memory' },
        keepAliveSeconds: 0,
        connectedAtWallMs: engine.wall(),
      },
      { close: (reasonCode, why) => inbox.close(reasonCode, why) },
    );
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
    const result = await new Promise<OpenResult | number>((resolve) =>
      engine.sessions.open(
        {
          client,
          outlet: inbox,
          cleanStart,
          sessionExpirySeconds: Math.min(sessionExpirySeconds, engine.options.sessionExpirySecondsMax),
          will,
          limits: engine.options,
          isOpen: () => true,
        },
        (opened) => {
          if (typeof opened !== 'number') inbox.session = opened.session;
          resolve(opened);
        },
      ),
    );
    if (typeof result === 'number') throw refused('connect', result);
    engine.observer.clientAccepted(client, result.sessionPresent);
    const local = new LocalClient(engine, result.session, inbox, stream, result.sessionPresent);
    result.session.sender.resume();
    engine.observer.clientReady(client);
    return local;
  }

  /** Whether it is still connected. */
  get connected(): boolean {
    return this.session.outlet === this.inbox;
  }

  /**
   * Publishes as this client; resolves when the message is stored as far as its QoS promises.
   * @throws BrokerError `ODN_ERR_ARGUMENT`, `ODN_ERR_REFUSED`, `ODN_ERR_QUOTA`, `ODN_ERR_CLOSED`
   */
  publish(topic: string, payload: string | Uint8Array, options: PublishOptions = {}): Promise<void> {
    return this.inOrder(() => {
      const message = hostMessage(this.engine, topic, payload, options, this.id);
      const settle = ({ reasonCode, reasonString }: Verdict): Promise<void> => {
        if (reasonCode === 0) return routeFromHost(this.engine, message, this.session, options.signal);
        this.engine.observer.dropped('publishDenied', message, this.id);
        throw refused('publish', reasonCode, reasonString);
      };
      const answer = authorizePublish(this.engine, this.session.client, message, 'publish');
      return answer instanceof Promise ? answer.then(settle) : settle(answer);
    });
  }

  /**
   * Subscribes and resolves with the granted QoS.
   * @throws BrokerError `ODN_ERR_ARGUMENT`, `ODN_ERR_REFUSED`, `ODN_ERR_QUOTA`, `ODN_ERR_CLOSED`
   */
  subscribe(topicFilter: string, options: Omit<SubscribeOptions, 'signal'> = {}): Promise<QoS> {
    return this.inOrder(async () => {
      const { engine, session } = this;
      checkFilter(engine, topicFilter);
      const shared = parseSharedFilter(topicFilter);
      const { qos = 2, noLocal = false, retainAsPublished = false, retainHandling = 0 } = options;
      const { reasonCode, reasonString } = await authorizeSubscribe(engine, session.client, {
        type: 'subscribe',
        topic: shared?.topicFilter ?? topicFilter,
        qos,
        shareName: shared?.shareName,
        properties: {},
      });
      if (reasonCode !== 0) throw refused('subscribe', reasonCode, reasonString);
      if (!this.connected) throw closed();
      const { subscriptionsMax } = session.limits;
      if (!session.subscriptions.has(topicFilter) && session.subscriptions.size >= subscriptionsMax) {
        throw new BrokerError('ODN_ERR_QUOTA', `${subscriptionsMax} subscriptions are held (subscriptionsMax)`);
      }
      const record = { topicFilter, qos, noLocal, retainAsPublished, retainHandling, subscriptionIdentifier: undefined };
      const existed = engine.router.subscribe(session, record);
      const lsn = session.stored ? engine.storage.putSubscription(session.clientId, record) : 0;
      engine.observer.subscribed(session.client, record);
      const subscription = session.subscriptions.get(topicFilter);
      const replays = retainHandling === 0 || (retainHandling === 1 && !existed);
      if (replays && subscription !== undefined) engine.router.replayRetained(session, subscription);
      await stored(engine, lsn);
      return qos;
    });
  }

  /** Resolves with whether there was such a subscription. */
  unsubscribe(topicFilter: string): Promise<boolean> {
    return this.inOrder(async () => {
      const { engine, session } = this;
      if (!engine.router.unsubscribe(session, topicFilter)) return false;
      const lsn = session.stored ? engine.storage.deleteSubscription(session.clientId, topicFilter) : 0;
      engine.observer.unsubscribed(session.client, topicFilter);
      await stored(engine, lsn);
      return true;
    });
  }

  /**
   * Disconnects. With the default reason code 0 the will is discarded; 0x04 publishes it (v5 3.14.2.1).
   */
  async disconnect(reasonCode: number = ReasonCode.normalDisconnection): Promise<void> {
    leave(this.engine, this.inbox, this.stream, reasonCode, 'DISCONNECT', reasonCode === 0);
  }

  [Symbol.asyncIterator](): AsyncIterator<BrokerMessage, undefined> {
    return this.stream;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.disconnect();
  }

  private inOrder<T>(run: () => Promise<T>): Promise<T> {
    const start = (): Promise<T> => {
      if (!this.connected) return Promise.reject(closed());
      try {
        return run();
      } catch (error) {
        return Promise.reject(error);
      }
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
  engine.observer.clientClosed(client, reasonCode, why, undefined);
  engine.sessions.closed(session, inbox, normal);
  const quiet = reasonCode < 0x80 || reasonCode === ReasonCode.serverShuttingDown;
  stream.end(quiet ? undefined : refused('the connection', reasonCode, why));
}

async function allowedWill(engine: Engine, client: Client, will: LocalWill): Promise<WillRecord> {
  const { topic, payload, willDelaySeconds = 0, ...options } = will;
  if (hasWildcard(topic)) throw new BrokerError('ODN_ERR_ARGUMENT', `the will topic ${topic} has a wildcard`);
  checkNumber('willDelaySeconds', willDelaySeconds, 0, 0xffff_ffff);
  const message: Message = hostMessage(engine, topic, payload, options, client.id);
  const { reasonCode, reasonString } = await authorizePublish(engine, client, message, 'will');
  if (reasonCode !== 0) throw refused('the will', reasonCode, reasonString);
  return { message, messageExpirySeconds: will.messageExpirySeconds, willDelaySeconds };
}

function checkNumber(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new BrokerError('ODN_ERR_ARGUMENT', `${name} is ${String(value)}; it must be an integer from ${least} to ${most}`);
}

const stored = (engine: Engine, lsn: number): Promise<void> =>
  new Promise((resolve, reject) => engine.durability.after(lsn, resolve, reject));

const closed = (): BrokerError => new BrokerError('ODN_ERR_CLOSED', 'this in-process client is not connected');

function refused(what: string, reasonCode: number, reasonString?: string): BrokerError {
  const why = reasonString === undefined || reasonString === '' ? '' : `: ${reasonString}`;
  return new BrokerError('ODN_ERR_REFUSED', `${what} was refused with reason code 0x${reasonCode.toString(16)}${why}`);
}
