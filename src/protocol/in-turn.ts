/**
 * One question to `authorize` after the other: in the same call as long as answers are plain values, and a bounded number
 * of them before other work gets its turn.
 */
import type { Verdict } from '../hooks/hooks.js';
import type { Environment } from './environment.js';

const askedPerTurnMax = 256;

export interface Steps<T> {
  /** Whether it still matters; asked before each question and after each answer. */
  isCurrent(): boolean;
  ask(item: T): Verdict | Promise<Verdict>;
  settle(item: T, verdict: Verdict): void;
  /** Called once, also when it no longer matters. */
  done(): void;
}

export function askInTurn<T>(engine: Environment, items: readonly T[], steps: Steps<T>): void {
  let next = 0;
  const answered = (item: T, verdict: Verdict): void => {
    if (steps.isCurrent()) steps.settle(item, verdict);
  };
  /** False when it goes on later. */
  const proceed = (): boolean => {
    for (let left = askedPerTurnMax; next < items.length && steps.isCurrent(); left -= 1) {
      if (left === 0) {
        engine.later(run);
        return false;
      }
      const item = items[next++] as T;
      const verdict = steps.ask(item);
      if (verdict instanceof Promise) {
        void verdict.then((later) => {
          answered(item, later);
          run();
        }).catch(fail);
        return false;
      }
      answered(item, verdict);
    }
    return true;
  };
  const fail = (error: unknown): void => {
    engine.failed(error);
    steps.done();
  };
  const run = (): void => {
    let isDone = false;
    try {
      isDone = proceed();
    } catch (error) {
      return fail(error);
    }
    if (isDone) steps.done();
  };
  run();
}
