#!/usr/bin/env node
/** The `odonata` command: lends the process to `main`, whose answer is the exit code. */
import { main } from './cli/main.js';

const signals = ['SIGINT', 'SIGTERM'] as const;

// A reader that goes away, as in `odonata | head -1`, does not end the broker.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

/** Ends the process when all that was printed has left; what a config keeps running does not hold it. */
const exit = (code: number): void => void process.stdout.write('', () => process.exit(code));

main(process.argv.slice(2), {
  out: (line) => void process.stdout.write(`${line}\n`),
  err: (line) => void process.stderr.write(`${line}\n`),
  onSignal: (listener) => {
    for (const signal of signals) process.on(signal, listener);
  },
  exit: (code) => process.exit(code),
  load: (url) => import(url),
}).then(exit, (error: unknown) => {
  process.stderr.write(`odonata: ${error instanceof Error ? error.stack : String(error)}\n`);
  exit(1);
});
