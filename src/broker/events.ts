/** The events of a broker, and an emitter whose listeners can harm nobody. */
import { EventEmitter } from 'eventemitter3';
import type { BrokerError } from '../errors/errors.js';
import type { Client } from '../protocol/client.js';
import type { HookName } from '../hooks/hooks.js';
import type { DropReason } from '../protocol/counters.js';
import type { QoS } from '../packet/protocol.js';
import type { Listener } from '../transport/listener.js';
import type { ConnectionMeta } from '../transport/transport.js';
import type { BrokerMessage } from './broker-message.js';

/** How a client's connection ended. @public */
export interface DisconnectInfo {
  /** Reason code of the DISCONNECT that was sent or received, 0 where there was none. */
  readonly reasonCode: number;
  /** In words: `DISCONNECT`, a rule that was broken, a timeout. */
  readonly why: string;
  /** What failed or broke the protocol, when something did. */
  readonly error: Error | undefined;
}

/** One subscription of a client, as granted. @public */
export interface SubscriptionInfo {
  /** As subscribed, `$share/name/` included. */
  readonly topicFilter: string;
  /** Highest QoS of its deliveries. */
  readonly qos: QoS;
  /** Whether the client's own messages are left out. */
  readonly noLocal: boolean;
  /** Whether RETAIN is forwarded as published. */
  readonly retainAsPublished: boolean;
  /** 1 to 268,435,455, when the client gave one. */
  readonly subscriptionIdentifier: number | undefined;
}

/**
 * Every event of a broker and what its listeners are given. Events observe and change nothing: a listener that
 * throws or rejects is reported as `error`, and whatever it returns is ignored.
 * @public
 */
export interface BrokerEvents {
  /** A CONNECT was accepted; the CONNACK is on its way. */
  client: (client: Client, info: { readonly sessionPresent: boolean }) => void;
  /** The client has its CONNACK and its session is attached: messages flow. */
  clientReady: (client: Client) => void;
  /** The connection of an accepted client ended, by whichever side. */
  clientDisconnected: (client: Client, info: DisconnectInfo) => void;
  /** A connection broke a rule or failed; `client` is undefined before its CONNECT was accepted. */
  clientError: (error: Error, client: Client | undefined) => void;
  /** A CONNECT was refused, or a connection ended before one came. */
  connectRefused: (info: DisconnectInfo & { readonly clientId: string | undefined; readonly connection: ConnectionMeta }) => void;
  /** A message was accepted, from a client or (`client` undefined) from the host or a will. */
  publish: (message: BrokerMessage, client: Client | undefined) => void;
  /** QoS 0: handed to the client's connection. QoS 1 and 2: acknowledged by the client. */
  delivered: (message: BrokerMessage, client: Client) => void;
  /** A message was not delivered to someone it was meant for, or not accepted from its publisher. */
  dropped: (why: DropReason, message: BrokerMessage, clientId: string | undefined) => void;
  /** A subscription was granted, new or in place of the client's old one for the same filter. */
  subscribe: (subscription: SubscriptionInfo, client: Client) => void;
  /** A subscription that existed was ended: by its client, or as `authorize` no longer allows it. */
  unsubscribe: (topicFilter: string, client: Client) => void;
  /** A client connected and had no session, or wanted a clean start. */
  sessionCreated: (clientId: string) => void;
  /** A client connected and goes on with the session that was kept for it. */
  sessionResumed: (clientId: string) => void;
  /** The session ended: by expiry, Clean Start, or with its connection. */
  sessionEnded: (clientId: string, why: SessionEnd) => void;
  /** A new connection took the session of one that was open. */
  sessionTakenOver: (clientId: string) => void;
  /** A will was published. */
  will: (message: BrokerMessage, clientId: string) => void;
  /** `listen()` has bound a port. */
  listening: (listener: Listener) => void;
  /** The broker is closed; nothing follows. */
  closed: () => void;
  /** A hook threw, rejected, answered nonsense or passed its deadline; its question was answered with a refusal. */
  hookError: (error: BrokerError, hook: HookName) => void;
  /** The store stalls, fails or works again. */
  storageState: (state: 'ok' | 'stalled' | 'failed', error: BrokerError | undefined) => void;
  /** Something failed that no caller is told of. Without a listener it goes to the logger, or to `process.emitWarning`. */
  error: (error: Error) => void;
}

/** Why a session ended. @public */
export type SessionEnd = 'expired' | 'cleanStart' | 'disconnected';

type Name = keyof BrokerEvents;
type AnyListener = (...args: never[]) => unknown;
/** Hears every event that is emitted, before its listeners. */
export type EventLog = <E extends Name>(event: E, args: Parameters<BrokerEvents[E]>) => void;

/** Typed `on`, `once`, `off`; each listener is kept from throwing into the broker. */
export class EventHub {
  private readonly emitter = new EventEmitter<string>();
  private readonly guarded = new Map<Name, Map<AnyListener, ((...args: unknown[]) => void)[]>>();
  private readonly onListenerError: (event: string, error: unknown) => void;
  private readonly onChange: () => void;
  private readonly log: EventLog | undefined;

  constructor(onListenerError: (event: string, error: unknown) => void, onChange: () => void, log?: EventLog) {
    this.log = log;
    this.onListenerError = onListenerError;
    this.onChange = onChange;
  }

  on<E extends Name>(event: E, listener: BrokerEvents[E], once = false): void {
    const guard = (...args: unknown[]): void => {
      if (once) this.off(event, listener);
      try {
        const returned: unknown = (listener as (...all: unknown[]) => unknown)(...args);
        if (returned instanceof Promise) returned.catch((error: unknown) => this.onListenerError(event, error));
      } catch (error) {
        this.onListenerError(event, error);
      }
    };
    let ofEvent = this.guarded.get(event);
    if (ofEvent === undefined) this.guarded.set(event, (ofEvent = new Map()));
    const guards = ofEvent.get(listener);
    if (guards === undefined) ofEvent.set(listener, [guard]);
    else guards.push(guard);
    this.emitter.on(event, guard);
    this.onChange();
  }

  /** Removes the listener that was added last. */
  off<E extends Name>(event: E, listener: BrokerEvents[E]): void {
    const guards = this.guarded.get(event)?.get(listener);
    const guard = guards?.pop();
    if (guard === undefined) return;
    if (guards?.length === 0) this.guarded.get(event)?.delete(listener);
    this.emitter.off(event, guard);
    this.onChange();
  }

  has(event: Name): boolean {
    return this.emitter.listenerCount(event) > 0;
  }

  listenerCount(event: Name): number {
    return this.emitter.listenerCount(event);
  }

  emit<E extends Name>(event: E, ...args: Parameters<BrokerEvents[E]>): boolean {
    this.log?.(event, args);
    return this.emitter.emit(event, ...args);
  }

  removeAll(): void {
    this.guarded.clear();
    this.emitter.removeAllListeners();
    this.onChange();
  }
}
