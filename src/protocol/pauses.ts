/**
 * Why a connection is not read from at the moment. No pause for want of memory or of the store lasts longer than
 * `pauseSecondsMax`: the publisher is closed then.
 */
import type { Deadline } from './deadlines.js';
import type { Environment } from './environment.js';
import type { Output } from './output.js';

export type PauseReason = 'pending' | 'memory' | 'owed' | 'storage' | 'unsent';

export class Pauses {
  private readonly reasons = new Set<PauseReason>();
  private deadline: Deadline | undefined = undefined;
  private readonly engine: Environment;
  private readonly output: Output;
  private readonly onTooLong: () => void;

  constructor(engine: Environment, output: Output, onTooLong: () => void) {
    this.engine = engine;
    this.output = output;
    this.onTooLong = onTooLong;
  }

  get any(): boolean {
    return this.reasons.size > 0;
  }

  has(reason: PauseReason): boolean {
    return this.reasons.has(reason);
  }

  set(reason: PauseReason, on: boolean): void {
    const before = this.reasons.size;
    if (on) this.reasons.add(reason);
    else this.reasons.delete(reason);
    if (before === 0 && on) this.output.pause();
    if (before > 0 && this.reasons.size === 0) this.output.resume();
    if (on && reason !== 'pending') this.arm();
    if (this.reasons.size === 0) this.disarm();
  }

  clear(): void {
    if (this.reasons.size > 0) this.output.resume();
    this.reasons.clear();
    this.disarm();
  }

  onDeadline(): void {
    this.deadline = undefined;
    this.onTooLong();
  }

  private arm(): void {
    const { engine } = this;
    this.deadline ??= engine.deadlines.set(this, engine.now() + engine.options.pauseSecondsMax * 1000);
  }

  private disarm(): void {
    if (this.deadline !== undefined) this.engine.deadlines.cancel(this.deadline);
    this.deadline = undefined;
  }
}
