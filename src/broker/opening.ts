/** Opening the store and taking in what it kept; connections that come before wait, bounded. */
import { BrokerError } from '../errors/errors.js';
import { diagnostics } from '../observe/diagnostics.js';
import type { Lsn, StorageClock, StorageListener } from '../storage/storage.js';
import { calls } from '../protocol/deadlines.js';
import type { BrokerEngine } from './engine.js';
import type { EventHub } from './events.js';
import { restore } from './restore.js';

/** Connections kept waiting for the store. */
const waitingMax = 10_000;

export class Opening implements StorageListener {
  isOpen = false;
  private failure: BrokerError | undefined = undefined;
  private waiting: { readonly run: () => void; readonly giveUp: () => void }[] = [];
  private readonly engine: BrokerEngine;
  private readonly hub: EventHub;
  private readonly onOpen: () => void;
  private readonly report: (error: Error) => void;
  private state: 'ok' | 'stalled' | 'failed' = 'ok';

  constructor(engine: BrokerEngine, hub: EventHub, onOpen: () => void, report: (error: Error) => void) {
    this.engine = engine;
    this.hub = hub;
    this.onOpen = onOpen;
    this.report = report;
    engine.durability.onStalled = (error) => {
      this.onState('stalled', error);
      report(error);
    };
    this.start();
  }

  ready(): Promise<void> {
    if (this.isOpen) return Promise.resolve();
    if (this.failure !== undefined) return Promise.reject(this.failure);
    return new Promise((resolve, reject) =>
      this.waiting.push({ run: resolve, giveUp: () => reject(this.failure ?? closedEarly()) }),
    );
  }

  /** Runs now, or once the store is open; `giveUp` if it never will be, or too many wait. */
  run(run: () => void, giveUp: () => void): void {
    if (this.isOpen) run();
    else if (this.failure !== undefined || this.waiting.length >= waitingMax) giveUp();
    else this.waiting.push({ run, giveUp });
  }

  /** The broker closes: who still waits is turned away. */
  giveUp(): void {
    this.failure ??= closedEarly();
    for (const { giveUp } of this.waiting.splice(0)) giveUp();
  }

  /** Closes the store. One that hangs is not waited for longer than a write of it; it goes on by itself if it can. */
  async closeStorage(): Promise<void> {
    const { clock, options } = this.engine;
    const { storageStallSeconds } = options;
    let wake = (): void => undefined;
    const tooLate = new Promise<never>((_, reject) => {
      wake = () => reject(new BrokerError('ODN_ERR_STORAGE_WRITE', `the store has not closed for ${storageStallSeconds} s (storageStallSeconds)`));
    });
    clock.wakeAt(clock.now() + storageStallSeconds * 1000, wake); // nobody else uses the clock any more
    try {
      await Promise.race([this.whenOpenClose(), tooLate]);
    } catch (cause) {
      // Who still waits would wait for ever.
      const error = cause instanceof BrokerError ? cause : new BrokerError('ODN_ERR_STORAGE_WRITE', `the store did not close: ${String(cause)}`, { cause });
      this.engine.durability.onFailed(0, Infinity, error);
      throw error;
    } finally {
      clock.wakeAt(Infinity, wake);
    }
  }

  /** A store is closed once it has opened, also if that takes until after the broker was closed. */
  private async whenOpenClose(): Promise<void> {
    const isOpened = await this.opened?.then(() => true, () => false);
    if (isOpened === true) await this.engine.storage.close();
  }
  /** `undefined` when the store threw. */
  private opened: Promise<void> | undefined = undefined;

  onDurable(lsn: Lsn): void {
    if (this.state === 'stalled') this.onState('ok');
    this.engine.durability.onDurable(lsn);
    if (diagnostics.store.hasSubscribers) diagnostics.store.publish({ type: 'durable', lsn, state: this.state, error: undefined });
  }

  onFailed(from: Lsn, to: Lsn, error: BrokerError): void {
    this.engine.durability.onFailed(from, to, error);
    if (diagnostics.store.hasSubscribers) diagnostics.store.publish({ type: 'failed', lsn: to, state: this.state, error });
    this.report(error);
  }

  onState(state: 'ok' | 'stalled' | 'failed', error?: BrokerError): void {
    if (state === this.state && state !== 'failed') return;
    this.state = state;
    this.hub.emit('storageState', state, error);
    const { durableLsn: lsn } = this.engine.storage;
    if (diagnostics.store.hasSubscribers) diagnostics.store.publish({ type: 'state', lsn, state, error });
  }

  onDamaged(error: BrokerError): void {
    this.report(error);
  }

  /** A store that opens in the same call lets the broker serve at once. */
  private start(): void {
    try {
      const opened = this.engine.storage.open(this, storageClock(this.engine));
      this.opened = Promise.resolve(opened);
      if (opened instanceof Promise) opened.then(() => this.restore()).catch((error: unknown) => this.fail(error));
      else this.restore();
    } catch (error) {
      this.fail(error);
    }
  }

  private restore(): void {
    const { engine } = this;
    if (this.failure !== undefined) return; // closed meanwhile
    restore(engine, engine.sessions, engine.router, (error) => {
      if (error !== undefined) return this.fail(error);
      if (this.failure !== undefined) return; // closed meanwhile
      this.isOpen = true;
      this.onOpen();
      for (const { run } of this.waiting.splice(0)) run();
    });
  }

  private fail(cause: unknown): void {
    const message = cause instanceof Error ? cause.message : String(cause);
    this.failure =
      cause instanceof BrokerError ? cause : new BrokerError('ODN_ERR_STORAGE_OPEN', `the store did not open: ${message}`, { cause });
    const { failure } = this;
    // After the host had its chance to listen.
    void Promise.resolve().then(() => this.report(failure));
    this.giveUp();
  }
}

const storageClock = ({ clock, deadlines }: BrokerEngine): StorageClock => ({
  now: () => clock.now(),
  wall: () => clock.wall(),
  endOfTurn: (run) => clock.endOfTurn(run),
  after: (ms, run) => void deadlines.set(calls(run), clock.now() + ms),
});

const closedEarly = (): BrokerError => new BrokerError('ODN_ERR_CLOSED', 'the broker was closed before its store was open');
