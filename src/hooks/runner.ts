/**
 * Runs the host's hooks and answers for them: normalises what they return, applies the deadline, and turns a
 * throw, a rejection, a passed deadline or nonsense into a refusal that is reported. A hook that answers with a
 * plain value costs no promise and no closure. What comes after the deadline is ignored.
 */
import { BrokerError } from '../errors/errors.js';
import { ReasonCode } from '../packet/reason-code.js';
import {
  allowed,
  allowedIn,
  connectDeny,
  credentialsDeny,
  denied,
  failedIn,
  readAuthenticateAnswer,
  readAuthorizeAnswer,
  reauthenticateDeny,
} from './answers.js';
import type { DenyCodes } from './answers.js';
import { HookSignal } from './hook-signal.js';
import type {
  Action,
  AuthenticateRequest,
  AuthenticateVerdict,
  HookClient,
  HookRunner,
  Hooks,
  Takeover,
  Verdict,
} from './hooks.js';

/** @public */
export type HookName = 'authenticate' | 'authorize' | 'takeover';

export interface HookRunnerOptions {
  /** Deadline of one call; `Infinity` for none. */
  readonly hookTimeoutSeconds: number;
  /** A hook failed and its question was answered with a refusal. Must not throw. */
  onHookError(hook: HookName, error: BrokerError): void;
  /** Calls `run` once after `afterMs`, never in the same call; the answer calls it off. */
  schedule(afterMs: number, run: () => void): () => void;
}

/** Topics of the broker's own that clients never publish to, whatever a hook says. */
const reservedPrefix = '$SYS/';

/**
 * The rule that holds with and without an `authorize` hook: clients do not publish below `$SYS/`, which speaks
 * for the broker, nor leave a will there. Returns 0 or the reason code of the refusal. When the runner's
 * `hasAuthorize` is false this is all there is to ask.
 */
export function defaultAuthorize(type: Action['type'], topic: string): 0 | typeof ReasonCode.notAuthorized {
  const publishes = type === 'publish' || type === 'will';
  return publishes && topic.startsWith(reservedPrefix) ? ReasonCode.notAuthorized : 0;
}

export function createHookRunner(hooks: Hooks, options: HookRunnerOptions): HookRunner {
  return new Runner(hooks, options);
}

type Challenge = Parameters<HookRunner['continueAuthentication']>[0];

class Runner implements HookRunner {
  readonly hasAuthenticate: boolean;
  readonly hasAuthorize: boolean;
  private readonly hooks: Hooks;
  private readonly options: HookRunnerOptions;
  /** What a refusal may say at the end of a challenge that is under way. */
  private readonly challenges = new WeakMap<Challenge, DenyCodes>();

  constructor(hooks: Hooks, options: HookRunnerOptions) {
    this.hooks = hooks;
    this.options = options;
    this.hasAuthenticate = hooks.authenticate !== undefined;
    this.hasAuthorize = hooks.authorize !== undefined;
  }

  authenticate(request: AuthenticateRequest): AuthenticateVerdict | Promise<AuthenticateVerdict> {
    const { authenticate } = this.hooks;
    if (authenticate === undefined) return allowedIn;
    const signal = new HookSignal(request);
    const hasCredentials = request.username !== undefined || request.password !== undefined;
    const connectCodes = hasCredentials ? credentialsDeny : connectDeny;
    const codes = request.type === 'connect' ? connectCodes : reauthenticateDeny;
    const read = (answer: unknown): AuthenticateVerdict | undefined => {
      const verdict = this.readAuthentication(answer, codes);
      // v5 [MQTT-4.12.0-1]: without an Authentication Method in CONNECT there is no AUTH.
      return verdict?.action === 'challenge' && request.authenticationMethod === undefined ? undefined : verdict;
    };
    return this.settle('authenticate', () => authenticate(withSignal(request, signal)), read, failedIn, request, signal);
  }

  continueAuthentication(
    challenge: Challenge,
    data: Uint8Array | undefined,
    clientSignal: AbortSignal,
  ): AuthenticateVerdict | Promise<AuthenticateVerdict> {
    const client = { signal: clientSignal };
    const signal = new HookSignal(client);
    const codes = this.challenges.get(challenge) ?? connectDeny;
    const read = (answer: unknown): AuthenticateVerdict | undefined => this.readAuthentication(answer, codes);
    return this.settle('authenticate', () => challenge.next(data, signal.signal), read, failedIn, client, signal);
  }

  authorize(client: HookClient, action: Action): Verdict | Promise<Verdict> {
    if (defaultAuthorize(action.type, action.topic) !== 0) return denied;
    const { authorize } = this.hooks;
    if (authorize === undefined) return allowed;
    // Once per message, so without the closures of `settle`.
    let answer: unknown;
    try {
      answer = authorize(client, action);
      if (answer === true) return allowed;
      if (!isThenable(answer)) return readAuthorizeAnswer(answer) ?? this.refuse('authorize', answer, denied);
    } catch (error) {
      return this.fail('authorize', error, denied);
    }
    return this.wait('authorize', answer, readAuthorizeAnswer, denied, client);
  }

  takeover(client: HookClient, holder: Parameters<Takeover>[1]): boolean | Promise<boolean> {
    const { takeover } = this.hooks;
    if (takeover === undefined) return false;
    return this.settle('takeover', () => takeover(client, holder), readBoolean, false, client);
  }

  private readAuthentication(answer: unknown, codes: DenyCodes): AuthenticateVerdict | undefined {
    const verdict = readAuthenticateAnswer(answer, codes);
    if (verdict?.action === 'challenge') this.challenges.set(verdict, codes);
    return verdict;
  }

  /** Asks, and answers in the same call when the hook does. */
  private settle<T>(
    hook: HookName,
    ask: () => unknown,
    read: (answer: unknown) => T | undefined,
    refusal: T,
    client: { readonly signal: AbortSignal },
    signal?: HookSignal,
  ): T | Promise<T> {
    let answer: unknown;
    try {
      answer = ask();
      if (isThenable(answer)) return this.wait(hook, answer, read, refusal, client, signal);
    } catch (error) {
      signal?.end();
      return this.fail(hook, error, refusal);
    }
    signal?.end();
    return this.readSafely(hook, answer, read, refusal);
  }

  /** Settles with what `answer` comes to before the deadline, else with `refusal`. Never rejects. */
  private wait<T>(
    hook: HookName,
    answer: PromiseLike<unknown>,
    read: (answer: unknown) => T | undefined,
    refusal: T,
    client: { readonly signal: AbortSignal },
    signal?: HookSignal,
  ): Promise<T> {
    const { hookTimeoutSeconds } = this.options;
    return new Promise((resolve) => {
      let isPending = true;
      const onDeadline = (): void => {
        if (!isPending) return;
        isPending = false;
        const error = hookError(hook, `did not answer within hookTimeoutSeconds (${hookTimeoutSeconds})`);
        signal?.expire(error);
        this.options.onHookError(hook, error);
        resolve(refusal);
      };
      const cancel =
        hookTimeoutSeconds === Infinity ? undefined : this.options.schedule(hookTimeoutSeconds * 1000, onDeadline);
      const settle = (decide: () => T): void => {
        if (!isPending) return;
        isPending = false;
        cancel?.();
        signal?.end();
        resolve(decide());
      };
      // Both ways are handled from here on, so that nothing late is ever an unhandled rejection.
      Promise.resolve(answer).then(
        (value) => settle(() => this.readSafely(hook, value, read, refusal)),
        // A hook that gives up because the client went away has not failed.
        (error: unknown) => settle(() => (client.signal.aborted ? refusal : this.fail(hook, error, refusal))),
      );
    });
  }

  private readSafely<T>(hook: HookName, value: unknown, read: (answer: unknown) => T | undefined, refusal: T): T {
    try {
      return read(value) ?? this.refuse(hook, value, refusal);
    } catch (error) {
      return this.fail(hook, error, refusal); // a getter of the answer threw
    }
  }

  private fail<T>(hook: HookName, cause: unknown, refusal: T): T {
    const why = cause instanceof Error ? cause.message : String(cause);
    this.options.onHookError(hook, hookError(hook, `failed: ${why}`, cause));
    return refusal;
  }

  private refuse<T>(hook: HookName, answer: unknown, refusal: T): T {
    this.options.onHookError(hook, hookError(hook, `answered ${describe(answer)}, which is no legal answer`));
    return refusal;
  }
}

/** The same request with a signal that also fires at the deadline, made when the hook first reads it. */
function withSignal(request: AuthenticateRequest, signal: HookSignal): AuthenticateRequest {
  const { type, clientId, username, password, protocolVersion, cleanStart, keepAliveSeconds, properties } = request;
  const { authenticationMethod, authenticationData, connection } = request;
  return {
    type,
    clientId,
    username,
    password,
    protocolVersion,
    cleanStart,
    keepAliveSeconds,
    properties,
    authenticationMethod,
    authenticationData,
    connection,
    get signal() {
      return signal.signal;
    },
  };
}

const hookError = (hook: HookName, what: string, cause?: unknown): BrokerError =>
  new BrokerError('ODN_ERR_HOOK', `hook ${hook} ${what}`, cause === undefined ? undefined : { cause });

const readBoolean = (answer: unknown): boolean | undefined => (typeof answer === 'boolean' ? answer : undefined);

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';

/** Names fields, never their values: a hook that returned its user's row must not put it into a log. */
function describe(answer: unknown): string {
  if (answer === undefined || answer === null || typeof answer === 'boolean') return String(answer);
  if (typeof answer !== 'object') return `a ${typeof answer}`;
  return `an object with the fields ${Object.keys(answer).join(', ').slice(0, 200) || '(none)'}`;
}
