/** Whoever plays a client: does something at random while there is load, comes back after a crash, says what it waits for. */
import type { Prng } from '../../src/util/prng.js';
import type { Client } from './client.js';
import type { Ledger } from './ledger.js';
import type { Awaited } from './violations.js';

/** What all players see. */
export interface World {
  readonly random: Prng;
  readonly ledger: Ledger;
  /** Of the broker, while it is up. */
  port: number;
  isUp: boolean;
  /** New messages are published, and clients come and go. */
  isLoading: boolean;
  round: number;
  /** Everybody comes back. */
  isLast: boolean;
}

export abstract class Player {
  readonly client: Client;
  protected readonly world: World;

  constructor(client: Client, world: World) {
    this.client = client;
    this.world = world;
  }

  /** One move of many. */
  abstract play(): void;
  /** The broker serves, for the first time or again. */
  abstract resume(): void;
  /** Nothing, once it has all it must have. */
  abstract awaited(): readonly Awaited[];

  /** True with this probability. */
  protected chance(probability: number): boolean {
    return this.world.random.next() < probability;
  }

  protected other(what: string): Awaited {
    return { kind: 'other', what: `${this.client.options.id} waited for ${what}` };
  }
}
