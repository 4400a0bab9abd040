/**
 * Brokers and other people's programs for one test: everything started here is ended by `closeAll`.
 * Nothing sleeps: a test waits for a broker event, a line of output, or the end of a program.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { createBroker, type Broker, type BrokerEvents, type BrokerOptions, type ListenOptions } from 'odonata';
import { Lines } from '../support/lines.js';

/** No program runs longer, whatever happens. */
const deadlineMs = 30_000;

const brokers: Broker[] = [];
const programs: Program[] = [];

/** A broker on a free port of 127.0.0.1, and the port. */
export async function serve(options: BrokerOptions = {}, listen: ListenOptions = {}): Promise<{ broker: Broker; port: number }> {
  const broker = createBroker({ closeGraceSeconds: 0.5, ...options });
  brokers.push(broker);
  const { port } = await broker.listen({ port: 0, ...listen });
  return { broker, port };
}

/** The arguments of the next such event; ask before what causes it. */
export function next<E extends keyof BrokerEvents>(broker: Broker, event: E): Promise<Parameters<BrokerEvents[E]>> {
  return new Promise((resolve) => {
    broker.once(event, ((...args: Parameters<BrokerEvents[E]>) => resolve(args)) as BrokerEvents[E]);
  });
}

/** How a program ended. */
export interface Ending {
  readonly code: number | null;
  readonly out: readonly string[];
  readonly err: readonly string[];
}

export class Program {
  readonly out = new Lines();
  readonly err = new Lines();
  readonly ended: Promise<Ending>;
  private readonly child: ChildProcess;

  constructor(command: string, args: readonly string[], options: { readonly cwd?: string } = {}) {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'], timeout: deadlineMs, killSignal: 'SIGKILL' });
    this.child = child;
    createInterface(child.stdout).on('line', (line) => this.out.add(line));
    createInterface(child.stderr).on('line', (line) => this.err.add(line));
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject); // the program is not installed
      child.once('close', (code) => resolve({ code, out: this.out.all, err: this.err.all }));
    });
    this.ended.catch(() => undefined); // whoever waits for it is told
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.child.kill(signal);
  }
}

export function start(command: string, ...args: readonly string[]): Program {
  const program = new Program(command, args);
  programs.push(program);
  return program;
}

/** Runs a program to its end. */
export function run(command: string, ...args: readonly string[]): Promise<Ending> {
  return start(command, ...args).ended;
}

/** For `afterEach`. */
export async function closeAll(): Promise<void> {
  for (const program of programs.splice(0)) {
    program.kill();
    await program.ended.catch(() => undefined);
  }
  await Promise.all(brokers.splice(0).map((broker) => broker.close()));
}
