/** Rounds on one kind of store, a new database every ten. */
import { Database, BrokenRound, type Tally } from './database.js';
import { BrokerProcesses } from './broker-process.js';
import type { StoreChoice } from './orders.js';
import { Violations } from './violations.js';

const roundsPerDatabase = 10;

export interface RunOptions {
  readonly store: StoreChoice;
  readonly rounds: number;
  readonly seed: number;
  /** Acknowledge before the commit. */
  readonly eager: boolean;
}

export interface RunResult {
  readonly tally: Tally;
  readonly violations: Violations;
  readonly seconds: number;
}

/** A database that broke is given up; its violations stay, and the rounds go on with another. */
export async function run({ store, rounds, seed, eager }: RunOptions): Promise<RunResult> {
  const startedMs = performance.now();
  const violations = new Violations();
  const tally: Tally = { acks: 0, rounds: 0, kills: 0, inFlight: 0, inCheckpoint: 0 };
  const processes = new BrokerProcesses();
  let played = 0;
  for (let at = 0; played < rounds; at += 1) {
    // The first database of a run with this seed: `--seed` repeats it.
    const seedHere = (seed + at) % 2 ** 32;
    const database = new Database({ seed: seedHere, store, eager }, processes, violations, tally);
    try {
      violations.where = `seed ${seedHere}, opening`;
      await database.open();
      const count = Math.min(roundsPerDatabase, rounds - played);
      for (let round = 1; round <= count; round += 1) {
        violations.where = `seed ${seedHere}, round ${round}`;
        played += 1;
        await database.round(round, round === count);
      }
      await database.close();
    } catch (error) {
      if (!(error instanceof BrokenRound)) violations.add('other', error instanceof Error ? error.message : String(error));
      await database.abandon();
      if (violations.where.endsWith('opening')) break; // the next would not open either
    }
  }
  await processes.end();
  return { tally, violations, seconds: (performance.now() - startedMs) / 1000 };
}
