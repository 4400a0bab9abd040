/** `createBroker()`: the broker as its host holds it. */
import type { Server as HttpServer } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { BrokerError } from '../errors/errors.js';
import type { Plugin } from '../hooks/hooks.js';
import { reportUnheard } from '../observe/logger.js';
import { snapshot } from '../observe/stats.js';
import type { BrokerStats } from '../observe/stats.js';
import { ReasonCode } from '../packet/reason-code.js';
import type { Client } from '../protocol/client.js';
import { calls } from '../protocol/deadlines.js';
import type { Listener } from '../transport/listener.js';
import { duplexTransport } from '../transport/duplex.js';
import { proxiedTransport } from '../transport/proxied.js';
import { trustedAddresses } from '../transport/trusted-addresses.js';
import type { ConnectionMeta, Transport } from '../transport/transport.js';
import { version } from './version.js';
import { Driver } from './driver.js';
import { BrokerEngine } from './engine.js';
import { eventLog } from './event-log.js';
import { EventHub } from './events.js';
import type { BrokerEvents } from './events.js';
import { hostMessage } from './host-message.js';
import type { PublishOptions } from './host-message.js';
import { aborted, routeFromHost } from './host-publish.js';
import { LocalSubscription } from './host-subscription.js';
import type { HostSubscription, SubscribeOptions } from './host-subscription.js';
import { reauthorizeAll } from './reauthorize-all.js';
import type { ReauthorizedAll } from './reauthorize-all.js';
import { Doors, heapBytesLimit } from './lifecycle.js';
import type { AttachOptions, ListenOptions } from './lifecycle.js';
import { LocalClient } from './local-client.js';
import type { ConnectOptions } from './connect-options.js';
import { makeHooks } from './make-hooks.js';
import type { MessageListener } from './message-stream.js';
import { resolveOptions } from './options-check.js';
import type { BrokerOptions, ResolvedOptions } from './options.js';
import { Opening } from './opening.js';
import { Turn } from './outbox.js';
import { RetainedView } from './retained-view.js';
import { SysPublisher } from './sys-publisher.js';

/**
 * An MQTT broker. Made by {@link createBroker}; it listens nowhere and writes nothing to disk unless asked to.
 * @public
 */
export class Broker implements AsyncDisposable {
  /** The options in force, complete and frozen. */
  readonly options: ResolvedOptions;
  /** Retained messages. */
  readonly retained: RetainedView;
  private readonly hub: EventHub;
  private readonly engine: BrokerEngine;
  private readonly turn: Turn;
  private readonly doors: Doors;
  private readonly opening: Opening;
  private readonly sys: SysPublisher;
  private readonly drivers = new Set<Driver>();
  private readonly subscriptions = new Set<LocalSubscription>();
  private readonly isTrusted: (address: string | undefined) => boolean;
  private readonly startedMs: number;
  private closing: Promise<void> | undefined = undefined;
  private allGone: (() => void) | undefined = undefined;

  private constructor(given: BrokerOptions) {
    const options = resolveOptions(given, { heapBytesLimit: heapBytesLimit() });
    const { clock } = options;
    this.options = options;
    this.hub = new EventHub(this.onListenerError, () => this.engine.observer.refresh(), eventLog(options.logger));
    this.engine = new BrokerEngine(
      options,
      this.hub,
      (deadlines, counters) => makeHooks(options, this.hub, () => this.engine, deadlines, counters),
      this.report,
    );
    this.retained = new RetainedView(this.engine, this.engine.router.retained, this.serving);
    this.turn = new Turn(this.engine.counters, (run) => clock.endOfTurn(run), this.onTransportError);
    this.doors = new Doors(options.packetBytesMax, this.accept, this.report);
    this.isTrusted = options.trustedProxies.length === 0 ? () => false : trustedAddresses(options.trustedProxies);
    this.startedMs = clock.now();
    this.sys = new SysPublisher(this.engine, () => this.stats(), options.sysIntervalSeconds);
    this.opening = new Opening(this.engine, this.hub, () => this.sys.start(), this.report);
  }

  /** @internal */
  static create(options: BrokerOptions): Broker {
    return new Broker(options);
  }

  /** Clients that are connected now, by client identifier. */
  get clients(): ReadonlyMap<string, Client> {
    const clients = new Map<string, Client>();
    for (const [clientId, session] of this.engine.sessions.sessions) {
      if (session.connected) clients.set(clientId, session.client);
    }
    return clients;
  }

  /** Whether `close()` was called. */
  get closed(): boolean {
    return this.closing !== undefined;
  }

  /** Resolves when the store is open and connections are served. @throws BrokerError `ODN_ERR_STORAGE_…` */
  ready(): Promise<void> {
    return this.opening.ready();
  }

  /**
   * Serves MQTT on a stream: `createServer(broker.handle)`. Bound, so that it can be handed over as it is.
   * @param meta - Facts about the connection that hooks see; they win over what the stream says.
   */
  readonly handle = (stream: Duplex, meta?: ConnectionMeta): void => {
    this.accept(duplexTransport(stream, typeof meta === 'object' ? meta : {}));
  };

  /** Serves MQTT on a transport of your own making. */
  readonly accept = (transport: Transport): void => {
    if (this.closed) return transport.destroy();
    // A proxy that speaks HTTP says whom it stands for in its headers, and sends no PROXY header inside a WebSocket.
    const isWebSocket = transport.meta.upgrade !== undefined;
    const proxied = isWebSocket ? transport : proxiedTransport(transport, this.isTrusted);
    this.opening.run(
      () => {
        const driver = new Driver(this.engine, proxied, this.turn, this.onGone);
        this.drivers.add(driver);
        driver.start();
      },
      () => proxied.destroy(),
    );
  };

  /**
   * Serves MQTT over WebSocket on an HTTP server of yours, at one path; other upgrades are left alone.
   * @returns the detach; it never closes the server, and leaves connections as they are.
   * @throws BrokerError `ODN_ERR_OPTION` when a broker is attached to that path already
   */
  attach(server: HttpServer | HttpsServer, options: AttachOptions = {}): () => void {
    this.checkOpen();
    return this.doors.attach(server, options);
  }

  /**
   * Listens on a port of its own.
   * @throws BrokerError `ODN_ERR_LISTEN`, `ODN_ERR_MISSING_PACKAGE` (WebSocket without `ws`), `ODN_ERR_CLOSED`
   */
  async listen(options: ListenOptions = {}): Promise<Listener> {
    this.checkOpen();
    const listener = await this.doors.listen(options);
    this.hub.emit('listening', listener);
    return listener;
  }

  /**
   * Publishes from the host; no hook is asked. At QoS 1 and 2 it resolves when the message is stored.
   * @throws BrokerError `ODN_ERR_ARGUMENT`, `ODN_ERR_QUOTA`, `ODN_ERR_STORAGE_WRITE`, `ODN_ERR_ABORTED`, `ODN_ERR_CLOSED`
   */
  async publish(topic: string, payload: string | Uint8Array, options: PublishOptions = {}): Promise<void> {
    this.checkOpen();
    if (options.signal?.aborted === true) throw aborted('publish');
    const message = hostMessage(this.engine, topic, payload, options, undefined);
    if (!this.opening.isOpen) await this.serving();
    return routeFromHost(this.engine, message, undefined, options.signal);
  }

  /**
   * Subscribes from inside the process; no hook is asked. Active when it returns. Iterate over it, or give a
   * listener; asking for the next message, or settling the listener's promise, acknowledges the one before.
   * @throws BrokerError `ODN_ERR_ARGUMENT`, `ODN_ERR_CLOSED`
   */
  subscribe(topicFilter: string, listener: MessageListener): HostSubscription;
  /** The same with options. */
  subscribe(topicFilter: string, options?: SubscribeOptions, listener?: MessageListener): HostSubscription;
  subscribe(
    topicFilter: string,
    options: SubscribeOptions | MessageListener = {},
    listener?: MessageListener,
  ): HostSubscription {
    this.checkOpen();
    const given = typeof options === 'function' ? {} : options;
    const heard = typeof options === 'function' ? options : listener;
    const subscription = new LocalSubscription(
      this.engine,
      topicFilter,
      given,
      heard,
      (ended) => this.subscriptions.delete(ended),
      (error) => this.onListenerError('subscribe', error),
      (run) => this.opening.run(run, () => undefined),
    );
    if (!subscription.isEnded) this.subscriptions.add(subscription);
    return subscription;
  }

  /**
   * Connects a client inside the process, with a session like any other; `authorize` is asked about it.
   * @throws BrokerError `ODN_ERR_ARGUMENT`, `ODN_ERR_REFUSED`, `ODN_ERR_CLOSED`
   */
  async connect(options: ConnectOptions = {}): Promise<LocalClient> {
    await this.serving();
    return LocalClient.open(
      this.engine,
      options,
      (error) => this.onListenerError('message', error),
      () => !this.closed,
    );
  }

  /**
   * Adds hooks behind those there are: deny wins, and all that are there must allow. Answers that clients have cached
   * are forgotten, now and when the plugin is removed.
   * @returns what removes it again: call it, or `using` it
   * @throws BrokerError `ODN_ERR_ARGUMENT`: the name is taken, a hook is no function, or there is none
   */
  use(plugin: Plugin): (() => void) & Disposable {
    this.checkOpen();
    const remove = this.engine.hooks.use(plugin);
    return Object.assign(remove, { [Symbol.dispose]: remove });
  }

  /**
   * `client.reauthorize()` for all clients that are connected now, some at a time.
   * @throws BrokerError `ODN_ERR_STORAGE_WRITE`: it is done, and may come back after a restart
   */
  reauthorize(): Promise<ReauthorizedAll> {
    return reauthorizeAll(this.engine, this.clients.values());
  }

  /** A snapshot of every counter. */
  stats(): BrokerStats {
    const uptimeSeconds = (this.engine.now() - this.startedMs) / 1000;
    return snapshot(this.engine.counters, { version, uptimeSeconds, memoryBytes: this.engine.memory.bytes });
  }

  /** Adds a listener; see {@link BrokerEvents}. */
  on<E extends keyof BrokerEvents>(event: E, listener: BrokerEvents[E]): this {
    this.hub.on(event, listener);
    return this;
  }

  /** Adds a listener for the next such event only. */
  once<E extends keyof BrokerEvents>(event: E, listener: BrokerEvents[E]): this {
    this.hub.on(event, listener, true);
    return this;
  }

  /** Removes a listener. */
  off<E extends keyof BrokerEvents>(event: E, listener: BrokerEvents[E]): this {
    this.hub.off(event, listener);
    return this;
  }

  /** As `off`. Node's `events.once(broker, …)` takes its `error` listener away with it, which would swallow an error. */
  removeListener<E extends keyof BrokerEvents>(event: E, listener: BrokerEvents[E]): this {
    return this.off(event, listener);
  }

  /** How many listeners an event has. */
  listenerCount(event: keyof BrokerEvents): number {
    return this.hub.listenerCount(event);
  }

  /**
   * Stops accepting, tells every client (5.0: DISCONNECT 0x8B), publishes the wills that are due, gives peers
   * `closeGraceSeconds` to read, closes the store. A second call returns the same promise.
   */
  close(): Promise<void> {
    return (this.closing ??= this.shutDown());
  }

  /** As `close()`: `await using broker = createBroker()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private async shutDown(): Promise<void> {
    const { engine } = this;
    const doors = this.doors.close();
    this.sys.stop();
    this.opening.giveUp();
    for (const driver of this.drivers) driver.connection.shut(ReasonCode.serverShuttingDown, 'the broker is closing');
    for (const { outlet } of [...engine.sessions.sessions.values()]) {
      outlet?.close(ReasonCode.serverShuttingDown, 'the broker is closing');
    }
    for (const subscription of this.subscriptions) subscription.unsubscribe();
    const release = engine.clock.hold?.(); // the deadlines of peers and hooks would let the process end first
    await doors;
    if (this.drivers.size > 0) await new Promise<void>((resolve) => (this.allGone = resolve));
    await this.willsSettled();
    engine.deadlines.stop();
    try {
      await this.opening.closeStorage();
    } catch (error) {
      this.report(error as Error);
    }
    release?.();
    this.hub.emit('closed');
    this.hub.removeAll();
  }

  /** Resolves when every will that is due is published or refused; a hook without a deadline has `closeGraceSeconds`. */
  private willsSettled(): Promise<void> {
    const { engine, options } = this;
    const settled = engine.sessions.willsSettled();
    if (options.hookTimeoutSeconds !== Infinity) return settled;
    const atMs = engine.now() + options.closeGraceSeconds * 1000;
    return Promise.race([settled, new Promise<void>((resolve) => engine.deadlines.set(calls(() => resolve()), atMs))]);
  }

  /** Resolves when the store is open, and rejects once the broker is closed. */
  private readonly serving = async (): Promise<void> => {
    this.checkOpen();
    await this.opening.ready();
    this.checkOpen();
  };

  private checkOpen(): void {
    if (this.closed) throw new BrokerError('ODN_ERR_CLOSED', 'the broker is closed');
  }

  private readonly onGone = (driver: Driver): void => {
    this.drivers.delete(driver);
    if (this.drivers.size === 0) this.allGone?.();
  };

  private readonly onTransportError = (error: unknown): void => {
    const cause = error instanceof Error ? error : new Error(String(error));
    this.report(new BrokerError('ODN_ERR_TRANSPORT', `a transport failed: ${cause.message}`, { cause }));
  };

  private readonly onListenerError = (event: string, error: unknown): void => {
    this.engine.counters.listenerErrors += 1;
    const cause = error instanceof Error ? error : new Error(String(error));
    const failure = new BrokerError('ODN_ERR_LISTENER', `a listener of '${event}' failed: ${cause.message}`, { cause });
    // A listener of `error` that fails is not asked about its own failure.
    if (event === 'error') reportUnheard(failure, this.options.logger);
    else this.report(failure);
  };

  private readonly report = (error: Error): void => {
    if (this.hub.has('error')) this.hub.emit('error', error);
    else reportUnheard(error, this.options.logger);
  };
}

/**
 * Makes a broker. It works at once; storage opens behind it, and what comes before waits: `await broker.ready()`
 * tells when, and why not.
 * @throws BrokerError `ODN_ERR_OPTION`: an option is unknown, of the wrong type or outside its range
 * @public
 */
export function createBroker(options: BrokerOptions = {}): Broker {
  return Broker.create(options);
}
