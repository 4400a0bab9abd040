/** When the login of one connection ends (`expiresAtMs` of `authenticate`): a deadline that can be moved. */
import { calls } from './deadlines.js';
import type { Deadline } from './deadlines.js';
import type { Environment } from './environment.js';

export class LoginExpiry {
  private readonly engine: Environment;
  private readonly onExpired: () => void;
  private deadline: Deadline | undefined = undefined;

  constructor(engine: Environment, onExpired: () => void) {
    this.engine = engine;
    this.onExpired = onExpired;
  }

  /** It ends at this wall-clock time; `undefined` = never. */
  set(expiresAtWallMs: number | undefined): void {
    const { engine } = this;
    if (this.deadline !== undefined) engine.deadlines.cancel(this.deadline);
    this.deadline = undefined;
    if (expiresAtWallMs === undefined) return;
    this.deadline = engine.deadlines.set(calls(this.onExpired), engine.now() + expiresAtWallMs - engine.wall());
  }
}
