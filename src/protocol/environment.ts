/** What every part of the core reaches for, whatever it knows of sessions and routing. */
import type { HookRunner } from '../hooks/hooks.js';
import type { Storage } from '../storage/storage.js';
import type { CoreOptions } from './core-options.js';
import type { Counters } from './counters.js';
import type { Deadlines } from './deadlines.js';
import type { Durability } from './durability.js';
import type { MemoryGauge } from './memory-gauge.js';
import type { Observer } from './observer.js';

export interface Environment {
  readonly options: CoreOptions;
  readonly counters: Counters;
  readonly storage: Storage;
  readonly hooks: HookRunner;
  readonly observer: Observer;
  readonly deadlines: Deadlines;
  readonly durability: Durability;
  readonly memory: MemoryGauge;
  /** Monotonic milliseconds. */
  now(): number;
  /** Wall-clock milliseconds. */
  wall(): number;
  /** Runs `run` at the end of this event-loop turn: long work goes on in steps. */
  later(run: () => void): void;
  /** Something threw that nobody called for: a bug of ours or of a store, told to the host. */
  readonly failed: (error: unknown) => void;
}
