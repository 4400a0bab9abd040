/** Broker processes as the test holds them. One is always loaded ahead, so that a restart costs no start of Node. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { OpenOrder, Order, Report } from './orders.js';

/** Nothing that the test waits for takes this long on a machine that is not broken. */
const patienceMs = 20_000;

export class BrokerProcess {
  port = 0;
  /** Told of every error of the broker. */
  onError: (message: string) => void = () => undefined;
  /** Told when the process is gone without having been killed or closed. */
  onDied: (how: string) => void = () => undefined;
  private readonly child: ChildProcess;
  private readonly exited: Promise<unknown>;
  private readonly loaded: Promise<unknown>;
  private isEnding = false;
  private text = '';

  constructor() {
    this.child = fork(join(import.meta.dirname, 'broker-child.ts'), { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    for (const stream of [this.child.stdout, this.child.stderr]) stream?.on('data', (chunk: Buffer) => (this.text += chunk.toString()));
    this.exited = once(this.child, 'exit').then(([code, signal]) => {
      if (!this.isEnding) this.onDied(`exit code ${code}, signal ${signal}: ${this.text}`);
    });
    this.loaded = this.report('loaded');
    this.loaded.catch(() => undefined); // told to whoever opens it
  }

  /** Resolves when the broker listens; rejects when the store did not open. */
  async open(order: OpenOrder): Promise<void> {
    await this.loaded;
    const listening = this.report('listening');
    this.tell(order);
    const { port } = await listening;
    this.port = port;
    this.child.on('message', (report: Report) => report.type === 'error' && this.onError(report.message));
  }

  /** SIGKILL; resolves when the process is gone. */
  async kill(): Promise<void> {
    this.isEnding = true;
    this.child.kill('SIGKILL');
    await this.exited;
  }

  /** `broker.close()`; resolves with what went wrong. */
  async close(): Promise<string | undefined> {
    this.isEnding = true;
    this.tell({ type: 'close' });
    const timer = setTimeout(() => this.child.kill('SIGKILL'), patienceMs);
    await this.exited;
    clearTimeout(timer);
    const { exitCode, signalCode } = this.child;
    return exitCode === 0 ? undefined : `broker.close() ended with exit code ${exitCode}, signal ${signalCode}: ${this.text}`;
  }

  private tell(order: Order): void {
    this.child.send(order, () => undefined);
  }

  private report<T extends Report['type']>(type: T): Promise<Extract<Report, { type: T }>> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`the broker process did not say '${type}' for ${patienceMs / 1000} s: ${this.text}`)), patienceMs);
      const done = (): void => {
        clearTimeout(timer);
        this.child.off('message', onMessage);
        this.child.off('exit', onExit);
      };
      const onMessage = (report: Report): void => {
        if (report.type !== type && report.type !== 'error') return;
        done();
        if (report.type === 'error') reject(new Error(report.message));
        else resolve(report as Extract<Report, { type: T }>);
      };
      const onExit = (): void => {
        done();
        reject(new Error(`the broker process ended before it said '${type}': ${this.text}`));
      };
      this.child.on('message', onMessage);
      this.child.on('exit', onExit);
    });
  }
}

/** Hands out loaded processes. */
export class BrokerProcesses {
  private spare: BrokerProcess | undefined = new BrokerProcess();

  take(): BrokerProcess {
    const taken = this.spare ?? new BrokerProcess();
    this.spare = new BrokerProcess();
    return taken;
  }

  async end(): Promise<void> {
    await this.spare?.kill();
    this.spare = undefined;
  }
}
