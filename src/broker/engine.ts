/** Puts the core together: everything that connections and sessions of one broker reach for. */
import { BrokerError } from '../errors/errors.js';
import type { PluggableHooks } from '../hooks/runner.js';
import { Counters } from '../protocol/counters.js';
import { Deadlines } from '../protocol/deadlines.js';
import { Durability } from '../protocol/durability.js';
import { MemoryGauge } from '../protocol/memory-gauge.js';
import type { Engine } from '../protocol/ports.js';
import { Router } from '../router/router.js';
import type { Storage } from '../storage/storage.js';
import { createPrng } from '../util/prng.js';
import type { Clock } from './clock.js';
import type { EventHub } from './events.js';
import { BrokerObserver } from './observer.js';
import type { ResolvedOptions } from './options.js';
import { SessionRegistry } from './session-registry.js';

export class BrokerEngine implements Engine {
  readonly options: ResolvedOptions;
  readonly counters = new Counters();
  readonly storage: Storage;
  readonly hooks: PluggableHooks;
  readonly observer: BrokerObserver;
  readonly deadlines: Deadlines;
  readonly durability: Durability;
  readonly memory: MemoryGauge;
  readonly router: Router;
  readonly sessions: SessionRegistry;
  readonly clock: Clock;

  constructor(
    options: ResolvedOptions,
    hub: EventHub,
    makeHooks: (deadlines: Deadlines, counters: Counters) => PluggableHooks,
    report: (error: Error) => void,
  ) {
    const { clock, storage, seed } = options;
    this.options = options;
    this.clock = clock;
    this.storage = storage;
    this.observer = new BrokerObserver(this.counters, hub, report);
    this.deadlines = new Deadlines(() => clock.now(), (atMs, wake) => clock.wakeAt(atMs, wake), this.failed);
    const { storageStallSeconds } = options;
    this.durability = new Durability(storage, { deadlines: this.deadlines, storageStallSeconds, now: () => clock.now(), failed: this.failed });
    this.memory = new MemoryGauge(storage, options.memoryBytesMax, (run) => clock.endOfTurn(run));
    this.hooks = makeHooks(this.deadlines, this.counters);
    this.router = new Router(this, seed ?? crypto.getRandomValues(new Uint32Array(1))[0] ?? 0);
    this.sessions = new SessionRegistry(this, hub, clientIds(seed));
  }

  now(): number {
    return this.clock.now();
  }

  wall(): number {
    return this.clock.wall();
  }

  later(run: () => void): void {
    this.clock.endOfTurn(() => {
      try {
        run();
      } catch (error) {
        this.failed(error);
      }
    });
  }

  readonly failed = (error: unknown): void => {
    const cause = error instanceof Error ? error : new Error(String(error));
    this.observer.error(new BrokerError('ODN_ERR_INTERNAL', `the broker failed: ${cause.message}`, { cause }));
  };
}

/** Assigned identifiers cannot be guessed, unless a seed asks for the same ones in every run. */
function clientIds(seed: number | undefined): () => string {
  if (seed === undefined) return () => `auto-${crypto.randomUUID()}`;
  const random = createPrng(seed);
  return () => `auto-${random.uint32().toString(16).padStart(8, '0')}${random.uint32().toString(16).padStart(8, '0')}`;
}
