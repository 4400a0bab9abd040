/** `npm run crash`: kills brokers under load and holds them to what they acknowledged. */
import { crashArguments, storeOf, usage, type CrashArguments } from './arguments.js';
import { reportLines } from './report.js';
import { run, type RunResult } from './run.js';

/** The least share of kills with a commit group in flight, so that the test is about what it is about. */
const inFlightMin = 0.2;
const selfTestRounds = 3;
/** Whether a kill falls between an acknowledgement and its commit is up to the machine: the fault has so many chances to show. */
const selfTestTries = 8;

const print = (line: string): void => void process.stdout.write(`${line}\n`);

async function part(name: string, isPower: boolean, rounds: number, { seed, fault }: Pick<CrashArguments, 'seed' | 'fault'>): Promise<RunResult> {
  print(`${name}${fault === undefined ? '' : `, broken: ${fault}`}`);
  const result = await run({ store: storeOf(isPower, fault), rounds, seed, eager: fault === 'ack-before-commit' });
  for (const line of reportLines(result.tally, result.violations, seed, result.seconds)) print(line);
  return result;
}

async function play(given: CrashArguments): Promise<boolean> {
  const results: RunResult[] = [];
  if (given.rounds > 0) results.push(await part('SIGKILL, on level(path)', false, given.rounds, given));
  if (given.powerRounds > 0) results.push(await part('Power cuts', true, given.powerRounds, given));
  const kills = results.reduce((sum, { tally }) => sum + tally.kills, 0);
  const inFlight = results.reduce((sum, { tally }) => sum + tally.inFlight, 0);
  const isAimed = inFlight >= kills * inFlightMin;
  if (!isAimed) print(`too few kills with a commit group in flight: ${inFlight} of ${kills}, ${inFlightMin * 100} % is the least`);
  return isAimed && results.every(({ violations }) => violations.all.length === 0);
}

/** A ledger that cannot fail proves nothing: each fault must be seen as a loss. */
async function selfTest(seed: number): Promise<boolean> {
  const reported = [
    await isReported('SIGKILL, on level(path)', false, seed, 'ack-before-commit'),
    await isReported('Power cuts', true, seed, 'ack-before-commit'),
    await isReported('Power cuts', true, seed, 'no-sync'),
  ];
  const seen = reported.filter(Boolean).length;
  print(`self-test: losses were reported for ${seen} of ${reported.length} faults`);
  return seen === reported.length;
}

async function isReported(name: string, isPower: boolean, seed: number, fault: CrashArguments['fault']): Promise<boolean> {
  for (let tried = 0; tried < selfTestTries; tried += 1) {
    const { violations } = await part(name, isPower, selfTestRounds, { seed: seed + tried * selfTestRounds, fault });
    if (violations.count('lost') > 0) return true;
  }
  return false;
}

async function main(): Promise<number> {
  let given: CrashArguments;
  try {
    given = crashArguments(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${usage}\n`);
    return 2;
  }
  return (await (given.selfTest ? selfTest(given.seed) : play(given))) ? 0 : 1;
}

process.exitCode = await main();
