/**
 * One store and the brokers that open it one after the other, each in a process of its own: the monotonic clock
 * begins anew, the wall clock goes on.
 */
import { afterEach } from '@jest/globals';
import { memoryStorage, type BrokerOptions } from '../../src/index.js';
import { VirtualClock } from '../../src/testing/index.js';
import { Rig } from './rig.js';

const houses: House[] = [];

afterEach(async () => {
  for (const house of houses.splice(0)) await house.leave();
});

export class House {
  readonly #storage = memoryStorage();
  readonly #options: BrokerOptions;
  /** The broker that is running. */
  rig: Rig;
  #starts = 0;

  constructor(options: BrokerOptions = {}) {
    this.#options = options;
    this.rig = this.#start(new VirtualClock());
    houses.push(this);
  }

  /** Closes the broker and, `downSeconds` after the close began, opens the next one; connections are gone. */
  async restart(downSeconds = 0): Promise<Rig> {
    const wallMs = this.rig.clock.wall() + downSeconds * 1000;
    await this.rig.close();
    return this.#startAt(wallMs);
  }

  /**
   * The broker vanishes without a close, and `downSeconds` later the next one opens what the store has. The old one
   * holds nothing but memory; its time stands still from here on, so that it does nothing any more.
   */
  async crash(downSeconds = 0): Promise<Rig> {
    const wallMs = this.rig.clock.wall() + downSeconds * 1000;
    await this.rig.settle();
    await this.#storage.close();
    return this.#startAt(wallMs);
  }

  leave(): Promise<void> {
    return this.rig.close();
  }

  #startAt(wallMs: number): Rig {
    this.#starts += 1;
    this.rig = this.#start(new VirtualClock({ nowMs: this.#starts * 1_000_000_007, wallMs }));
    return this.rig;
  }

  #start(clock: VirtualClock): Rig {
    return new Rig({ ...this.#options, storage: this.#storage }, clock);
  }
}

/** For `test.each`: both ways to come to the next broker. */
export const waysDown = ['restart', 'crash'] as const;
