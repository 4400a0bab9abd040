/**
 * Calls of one kind of hook: at most `hookConcurrencyMax` of them unanswered, further questions wait in order. Each call
 * has its deadline; a throw, a rejection, a passed deadline or nonsense comes to a refusal that is reported. What a hook
 * says after its deadline is ignored.
 */
import { BrokerError } from '../errors/errors.js';
import { RingQueue } from '../util/ring-queue.js';
import type { HookSignal } from './hook-signal.js';
import type { HookName } from './hooks.js';

/** Whom a question is about, as `hookContext()` tells it. */
export interface Subject {
  readonly clientId: string;
  readonly principal: string | undefined;
}

export interface HookRunnerOptions {
  /** Deadline of one call; `Infinity` for none. */
  readonly hookTimeoutSeconds: number;
  /** Calls of one kind of hook that may be unanswered at a time. */
  readonly hookConcurrencyMax: number;
  /** How long a client that is not connected yet may wait for its question to be put. */
  readonly connectTimeoutSeconds: number;
  /** A hook failed and its question was answered with a refusal. Must not throw. */
  onHookError(hook: HookName, error: BrokerError): void;
  /** One question more (1) or less (-1) has no answer yet. */
  onPending(change: 1 | -1): void;
  /** Calls `run` once after `afterMs`, never in the same call; the answer calls it off. */
  schedule(afterMs: number, run: () => void): () => void;
  /** Calls every hook inside a context that tells whom it is about; `undefined` when nobody asked for that. */
  readonly inContext: (<T>(subject: Subject, run: () => T) => T) | undefined;
}

/** One hook of a kind, and the plugin that brought it. */
export interface Registered<Hook> {
  readonly hook: Hook;
  /** `undefined`: an option of the broker. */
  readonly plugin: string | undefined;
}

export interface Question<T> {
  /** Calls the hook. */
  readonly ask: () => unknown;
  /** What its answer comes to; `undefined` when it is nonsense. */
  readonly read: (answer: unknown) => T | undefined;
  /** What a failure comes to. */
  readonly refusal: T;
  readonly client: { readonly signal: AbortSignal };
  readonly about: Subject;
  readonly plugin: string | undefined;
  readonly signal?: HookSignal;
  /** What it comes to when its client may not wait any longer to be asked about; without it, it may. */
  readonly busy?: T;
  /** Whether it is asked about a client that is gone: its will is due. Giving up because of that is a failure. */
  readonly outlives?: boolean;
}

export class HookCalls {
  private readonly kind: HookName;
  private readonly options: HookRunnerOptions;
  private unanswered = 0;
  private readonly waiting = new RingQueue<() => void>();
  private draining = false;

  constructor(kind: HookName, options: HookRunnerOptions) {
    this.kind = kind;
    this.options = options;
  }

  /** Nothing may be asked now, or somebody is before. */
  get isFull(): boolean {
    return this.unanswered >= this.options.hookConcurrencyMax || this.waiting.length > 0;
  }

  /** Asks, and answers in the same call when the hook does. */
  ask<T>(question: Question<T>): T | Promise<T> {
    return this.isFull ? this.askLater(question) : this.askNow(question);
  }

  askNow<T>(question: Question<T>): T | Promise<T> {
    const { ask, about, signal } = question;
    const { inContext } = this.options;
    let answer: unknown;
    try {
      answer = inContext === undefined ? ask() : inContext(about, ask);
      if (isThenable(answer)) return this.wait(answer, question);
    } catch (error) {
      signal?.end();
      return this.fail(error, question);
    }
    signal?.end();
    return this.readSafely(answer, question);
  }

  /** Settles with what `answer` comes to before the deadline, else with the refusal. Never rejects. */
  wait<T>(answer: PromiseLike<unknown>, question: Omit<Question<T>, 'ask' | 'about'>): Promise<T> {
    const { hookTimeoutSeconds } = this.options;
    const { refusal, client, signal, plugin, outlives } = question;
    this.count(1);
    return new Promise((resolve) => {
      let isPending = true;
      const onDeadline = (): void => {
        if (!isPending) return;
        isPending = false;
        const error = this.error(plugin, `did not answer within hookTimeoutSeconds (${hookTimeoutSeconds})`);
        signal?.expire(error);
        this.options.onHookError(this.kind, error);
        resolve(refusal);
        this.count(-1);
      };
      const cancel =
        hookTimeoutSeconds === Infinity ? undefined : this.options.schedule(hookTimeoutSeconds * 1000, onDeadline);
      const settle = (decide: () => T): void => {
        if (!isPending) return;
        isPending = false;
        cancel?.();
        signal?.end();
        resolve(decide());
        this.count(-1);
      };
      // Both ways are handled from here on, so that nothing late is ever an unhandled rejection.
      Promise.resolve(answer).then(
        (value) => settle(() => this.readSafely(value, question)),
        // A hook that gives up because the client went away has not failed.
        (error: unknown) => settle(() => (outlives !== true && client.signal.aborted ? refusal : this.fail(error, question))),
      );
    });
  }

  /** The hook threw or rejected. */
  fail<T>(cause: unknown, { plugin, refusal }: Pick<Question<T>, 'plugin' | 'refusal'>): T {
    const why = cause instanceof Error ? cause.message : String(cause);
    this.options.onHookError(this.kind, this.error(plugin, `failed: ${why}`, cause));
    return refusal;
  }

  readSafely<T>(value: unknown, question: Pick<Question<T>, 'read' | 'plugin' | 'refusal'>): T {
    let made: T | undefined;
    try {
      made = question.read(value);
    } catch (error) {
      return this.fail(error, question); // the answer is not legal, or a getter of it threw
    }
    if (made !== undefined) return made;
    const error = this.error(question.plugin, `answered ${describe(value)}, which is no legal answer`);
    this.options.onHookError(this.kind, error);
    return question.refusal;
  }

  /** In order, once there is room. Whoever waits for it is bounded by its own timeouts: nothing is lost by waiting. */
  private askLater<T>(question: Question<T>): Promise<T> {
    const { busy, client, outlives, plugin } = question;
    this.options.onPending(1);
    return new Promise((resolve) => {
      let isWaiting = true;
      const leave = (): void => {
        isWaiting = false;
        this.options.onPending(-1);
      };
      const { connectTimeoutSeconds: seconds, hookConcurrencyMax: max } = this.options;
      const giveUp = (): void => {
        if (!isWaiting || busy === undefined) return;
        leave();
        const why = `was not asked within connectTimeoutSeconds (${seconds}): hookConcurrencyMax (${max}) answers are out`;
        this.options.onHookError(this.kind, this.error(plugin, why));
        resolve(busy);
      };
      const cancel = busy === undefined ? undefined : this.options.schedule(seconds * 1000, giveUp);
      this.waiting.push(() => {
        if (!isWaiting) return;
        cancel?.();
        leave();
        // Nobody waits for the answer any more.
        if (outlives !== true && client.signal.aborted) resolve(question.refusal);
        else resolve(this.askNow(question));
      });
    });
  }

  private count(change: 1 | -1): void {
    this.unanswered += change;
    this.options.onPending(change);
    if (change < 0) this.drain();
  }

  /** A loop, as hooks that answer at once make room in that very call. */
  private drain(): void {
    if (this.draining) return;
    this.draining = true;
    try {
      while (this.unanswered < this.options.hookConcurrencyMax && this.waiting.length > 0) this.waiting.shift()?.();
    } finally {
      this.draining = false;
    }
  }

  private error(plugin: string | undefined, what: string, cause?: unknown): BrokerError {
    const hook = plugin === undefined ? this.kind : `${this.kind} of plugin ${plugin}`;
    return new BrokerError('ODN_ERR_HOOK', `hook ${hook} ${what}`, cause === undefined ? undefined : { cause });
  }
}

export const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';

/** Names fields, never their values: a hook that returned its user's row must not put it into a log. */
function describe(answer: unknown): string {
  if (answer === undefined || answer === null || typeof answer === 'boolean') return String(answer);
  if (typeof answer !== 'object') return `a ${typeof answer}`;
  return `an object with the fields ${Object.keys(answer).join(', ').slice(0, 200) || '(none)'}`;
}
