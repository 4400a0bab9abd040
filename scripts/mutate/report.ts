/** What a run prints. */
import type { Mutant } from './draw.js';
import type { Outcome } from './tests.js';

export interface Result {
  readonly mutant: Mutant;
  readonly outcome: Outcome;
}

/** A mutant that no conformance test can see, and why: one of test/conformance/survivors.json. */
export interface Survivor {
  readonly file: string;
  readonly before: string;
  readonly after: string;
  readonly reason: string;
}

/** At least this share must be killed. */
const killedShareMin = 0.95;

const survived = ({ outcome }: Result): boolean => 'passed' in outcome;

const oneLine = (code: string): string => {
  const short = code.replaceAll(/\s+/g, ' ');
  return short.length > 140 ? `${short.slice(0, 139)}…` : short;
};

export function linesOf({ mutant, outcome }: Result, known: readonly Survivor[]): readonly string[] {
  const { file, line, keys, mutation } = mutant;
  return [
    `${file}:${line} ${keys.join(', ')}`,
    `  ${oneLine(mutation.before)}  →  ${oneLine(mutation.after)}`,
    `  ${'passed' in outcome ? `SURVIVED${reasonOf(mutant, known)}` : `killed by ${killerOf(outcome)}`}`,
  ];
}

const killerOf = (outcome: Exclude<Outcome, { readonly passed: number }>): string =>
  'failed' in outcome ? `${outcome.failed.path}: ${outcome.failed.title}` : outcome.ended;

function reasonOf({ file, mutation: { before, after } }: Mutant, known: readonly Survivor[]): string {
  const listed = known.find((one) => one.file === file && one.before === before && one.after === after);
  return listed === undefined ? '' : `: ${listed.reason}`;
}

export function summaryOf(results: readonly Result[], known: readonly Survivor[], seconds: number): readonly string[] {
  const survivors = results.filter(survived);
  const killed = results.length - survivors.length;
  const share = ((100 * killed) / Math.max(1, results.length)).toFixed(1);
  return [
    ...(survivors.length > 0 ? ['Survivors:', ...survivors.flatMap((one) => linesOf(one, known)), ''] : []),
    `${killed} of ${results.length} mutants killed (${share} %) in ${Math.round(seconds)} s`,
  ];
}

export const isEnough = (results: readonly Result[]): boolean =>
  results.length > 0 && results.filter((result) => !survived(result)).length >= killedShareMin * results.length;
