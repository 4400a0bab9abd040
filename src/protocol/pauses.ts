/**
 * Why a connection is not read from at the moment. No pause for want of memory or of the store lasts longer than
 * `pauseSecondsMax`: the publisher is closed then.
 */
import { ReasonCode } from '../packet/reason-code.js';
import type { Connection } from './connection.js';
import type { Deadline } from './deadlines.js';

export type PauseReason = 'pending' | 'memory' | 'owed' | 'storage';

export class Pauses {
  private readonly reasons = new Set<PauseReason>();
  private deadline: Deadline | undefined = undefined;
  private readonly connection: Connection;

  constructor(connection: Connection) {
    this.connection = connection;
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
    if (before === 0 && on) this.connection.output.pause();
    if (before > 0 && this.reasons.size === 0) this.connection.output.resume();
    if (on && reason !== 'pending') this.arm();
    if (this.reasons.size === 0) this.disarm();
  }

  clear(): void {
    if (this.reasons.size > 0) this.connection.output.resume();
    this.reasons.clear();
    this.disarm();
  }

  onDeadline(): void {
    this.deadline = undefined;
    this.connection.shut(ReasonCode.quotaExceeded, 'no room for this publisher within pauseSecondsMax');
  }

  private arm(): void {
    const { engine } = this.connection;
    this.deadline ??= engine.deadlines.set(this, engine.now() + engine.options.pauseSecondsMax * 1000);
  }

  private disarm(): void {
    if (this.deadline !== undefined) this.connection.engine.deadlines.cancel(this.deadline);
    this.deadline = undefined;
  }
}
