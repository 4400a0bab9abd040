/** What the command line of `npm run crash` says. */
import { parseArgs } from 'node:util';
import type { StoreChoice } from './orders.js';

/** A fault put in on purpose: the ledger must see it. */
export type Break = 'ack-before-commit' | 'no-sync';

export interface CrashArguments {
  /** Rounds that end with SIGKILL, on `level(path)`. */
  readonly rounds: number;
  /** Rounds that end with a power cut, on a store of the test's own. */
  readonly powerRounds: number;
  readonly seed: number;
  readonly fault: Break | undefined;
  /** Runs with each fault, and fails when one is not seen. */
  readonly selfTest: boolean;
}

const faults: readonly Break[] = ['ack-before-commit', 'no-sync'];

export const usage = `npm run crash -- [--rounds N] [--power-rounds M] [--seed S] [--break ${faults.join('|')}] | --self-test`;

/** @throws Error saying what is wrong */
export function crashArguments(argv: readonly string[]): CrashArguments {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      rounds: { type: 'string', default: '0' },
      'power-rounds': { type: 'string', default: '0' },
      seed: { type: 'string', default: '1' },
      break: { type: 'string' },
      'self-test': { type: 'boolean', default: false },
    },
  });
  const fault = faults.find((name) => name === values.break);
  if (values.break !== undefined && fault === undefined) throw new Error(`--break is ${values.break}, must be one of ${faults.join(', ')}`);
  const rounds = count('rounds', values.rounds);
  const powerRounds = count('power-rounds', values['power-rounds']);
  const selfTest = values['self-test'];
  if (!selfTest && rounds + powerRounds === 0) throw new Error('nothing to do: --rounds and --power-rounds are 0');
  if (fault === 'no-sync' && rounds > 0) throw new Error('--break no-sync is for --power-rounds: a SIGKILL takes nothing that was written');
  return { rounds, powerRounds, seed: count('seed', values.seed), fault, selfTest };
}

function count(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value >= 2 ** 32) throw new Error(`--${name} is ${text}, must be a whole number from 0 to 2^32 - 1`);
  return value;
}

/** The store of a SIGKILL round or a power-cut round. */
export const storeOf = (isPower: boolean, fault: Break | undefined): StoreChoice =>
  isPower ? { kind: 'power', synced: fault !== 'no-sync' } : { kind: 'level' };
