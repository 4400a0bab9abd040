/**
 * Runs the host's hooks and answers for them: asks those of one kind in order, normalises what they return, and turns
 * every failure into a refusal that is reported (see hook-calls.ts). Deny wins and ends the asking; all that are there
 * must allow. A hook that answers with a plain value costs no promise and no closure.
 */
import { ReasonCode } from '../packet/reason-code.js';
import type { Publication } from '../packet/publication.js';
import {
  allowed,
  allowedCached,
  allowedIn,
  busyIn,
  connectDeny,
  credentialsDeny,
  denied,
  failedIn,
  readAuthenticateAnswer,
  readAuthorizeAnswer,
  reauthenticateDeny,
} from './answers.js';
import type { DenyCodes } from './answers.js';
import { HookCalls, isThenable } from './hook-calls.js';
import type { HookRunnerOptions, Registered, Subject } from './hook-calls.js';
import { HookSignal } from './hook-signal.js';
import type {
  Action,
  Authenticate,
  AuthenticateRequest,
  AuthenticateVerdict,
  Authorize,
  Failed,
  HookClient,
  HookName,
  HookRunner,
  Hooks,
  Plugin,
  SessionHolder,
  SubscribeRequest,
  Takeover,
  Verdict,
} from './hooks.js';
import { mergeAllowed } from './merge.js';
import { hookNames, Plugins } from './plugins.js';
import { runOnConnect, runOnPublish, runOnSubscribe } from './transforms.js';
import type { TransformChecks } from './transforms.js';

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

/** A runner whose hooks come and go. */
export interface PluggableHooks extends HookRunner {
  /** @returns what removes it again; @throws BrokerError `ODN_ERR_ARGUMENT` */
  use(plugin: Plugin): () => void;
}

/** @param hooks - those of the options: the first in line. */
export function createHookRunner(hooks: Hooks, options: HookRunnerOptions, checks: TransformChecks): PluggableHooks {
  return new Runner(hooks, options, checks);
}

type Challenge = Parameters<HookRunner['continueAuthentication']>[0];
type Allowed = Extract<AuthenticateVerdict, { action: 'allow' }>;

/** One CONNECT or re-authentication on its way through the hooks there were when it came. */
interface Login {
  readonly request: AuthenticateRequest;
  readonly hooks: readonly Registered<Authenticate>[];
  readonly codes: DenyCodes;
  readonly about: Subject;
}

/** A challenge that is under way: which hook made it, and what those before it said. */
interface Challenged {
  readonly login: Login;
  readonly index: number;
  readonly before: Allowed | undefined;
}

class Runner implements PluggableHooks {
  hasAuthenticate = false;
  hasAuthorize = false;
  hasOnConnect = false;
  hasOnPublish = false;
  hasOnSubscribe = false;
  private readonly plugins: Plugins;
  private readonly options: HookRunnerOptions;
  private readonly checks: TransformChecks;
  private readonly calls: { readonly [K in HookName]: HookCalls };
  private readonly challenges = new WeakMap<Challenge, Challenged>();

  constructor(hooks: Hooks, options: HookRunnerOptions, checks: TransformChecks) {
    this.plugins = new Plugins(hooks);
    this.options = options;
    this.checks = checks;
    this.calls = Object.fromEntries(hookNames.map((kind) => [kind, new HookCalls(kind, options)])) as Runner['calls'];
    this.changed();
  }

  get generation(): number {
    return this.plugins.generation;
  }

  use(plugin: Plugin): () => void {
    const remove = this.plugins.add(plugin);
    this.changed();
    return () => {
      remove();
      this.changed();
    };
  }

  private changed(): void {
    const { chains } = this.plugins;
    this.hasAuthenticate = chains.authenticate.length > 0;
    this.hasAuthorize = chains.authorize.length > 0;
    this.hasOnConnect = chains.onConnect.length > 0;
    this.hasOnPublish = chains.onPublish.length > 0;
    this.hasOnSubscribe = chains.onSubscribe.length > 0;
  }

  // ---- authenticate ------------------------------------------------------------------------------------------

  authenticate(request: AuthenticateRequest): AuthenticateVerdict | Promise<AuthenticateVerdict> {
    const { authenticate: hooks } = this.plugins.chains;
    if (hooks.length === 0) return allowedIn;
    const hasCredentials = request.username !== undefined || request.password !== undefined;
    const connectCodes = hasCredentials ? credentialsDeny : connectDeny;
    const codes = request.type === 'connect' ? connectCodes : reauthenticateDeny;
    return this.authenticateFrom({ request, hooks, codes, about: { clientId: request.clientId, principal: undefined } }, 0, undefined);
  }

  continueAuthentication(
    challenge: Challenge,
    data: Uint8Array | undefined,
    clientSignal: AbortSignal,
  ): AuthenticateVerdict | Promise<AuthenticateVerdict> {
    const challenged = this.challenges.get(challenge);
    if (challenged === undefined) return failedIn; // not one of ours
    const { login, index, before } = challenged;
    const client = { signal: clientSignal };
    const signal = new HookSignal(client);
    const answer = this.calls.authenticate.ask({
      ask: () => challenge.next(data, signal.signal),
      read: (given) => readAuthenticateAnswer(given, login.codes),
      refusal: failedIn,
      busy: busyIn,
      client,
      about: login.about,
      plugin: login.hooks[index]?.plugin,
      signal,
    });
    return whenThere(answer, (verdict) => this.authenticated(login, index, before, verdict));
  }

  private authenticateFrom(login: Login, index: number, before: Allowed | undefined): AuthenticateVerdict | Promise<AuthenticateVerdict> {
    const registered = login.hooks[index];
    if (registered === undefined) return before ?? allowedIn;
    const { request, codes, about } = login;
    const { hook, plugin } = registered;
    const signal = new HookSignal(request);
    const read = (answer: unknown): AuthenticateVerdict | undefined => {
      const verdict = readAuthenticateAnswer(answer, codes);
      // v5 [MQTT-4.12.0-6]: without an Authentication Method in CONNECT there is no AUTH.
      return verdict?.action === 'challenge' && request.authenticationMethod === undefined ? undefined : verdict;
    };
    const ask = (): unknown => hook(withSignal(request, signal));
    const answer = this.calls.authenticate.ask({ ask, read, refusal: failedIn, busy: busyIn, client: request, about, plugin, signal });
    return whenThere(answer, (verdict) => this.authenticated(login, index, before, verdict));
  }

  /** One hook has answered: a deny ends it, a challenge goes on with that hook, an allow with the next in line. */
  private authenticated(
    login: Login,
    index: number,
    before: Allowed | undefined,
    verdict: AuthenticateVerdict,
  ): AuthenticateVerdict | Promise<AuthenticateVerdict> {
    if (verdict.action === 'allow') return this.authenticateFrom(login, index + 1, mergeAllowed(before, verdict));
    if (verdict.action === 'challenge') this.challenges.set(verdict, { login, index, before });
    return verdict;
  }

  // ---- authorize and takeover --------------------------------------------------------------------------------

  authorize(client: HookClient, action: Action): Verdict | Promise<Verdict> {
    if (defaultAuthorize(action.type, action.topic) !== 0) return denied;
    const { authorize: hooks } = this.plugins.chains;
    return hooks.length === 0 ? allowed : this.authorizeFrom(hooks, 0, true, client, action);
  }

  /** @param cache - whether all hooks before said that their answer may be kept. */
  private authorizeFrom(
    hooks: readonly Registered<Authorize>[],
    from: number,
    cache: boolean,
    client: HookClient,
    action: Action,
  ): Verdict | Promise<Verdict> {
    let keeps = cache;
    for (let index = from; index < hooks.length; index += 1) {
      const verdict = this.askAuthorize(hooks[index] as Registered<Authorize>, client, action);
      if (verdict instanceof Promise) {
        const keptSoFar = keeps;
        return verdict.then((later) =>
          later.reasonCode === 0
            ? this.authorizeFrom(hooks, index + 1, keptSoFar && later.cache, client, action)
            : keeping(later, keptSoFar),
        );
      }
      if (verdict.reasonCode !== 0) return keeping(verdict, keeps);
      keeps &&= verdict.cache;
    }
    return keeps ? allowedCached : allowed;
  }

  /** Once per message and hook, so without the closures of `ask`. */
  private askAuthorize({ hook, plugin }: Registered<Authorize>, client: HookClient, action: Action): Verdict | Promise<Verdict> {
    const { authorize: calls } = this.calls;
    const outlives = action.type === 'will' && client.signal.aborted; // it is due, and its client is gone
    if (calls.isFull || this.options.inContext !== undefined) {
      const about = { clientId: client.id, principal: client.principal };
      const ask = (): unknown => hook(client, action);
      return calls.ask({ ask, read: readAuthorizeAnswer, refusal: denied, client, about, plugin, outlives });
    }
    let answer: unknown;
    try {
      answer = hook(client, action);
      if (answer === true) return allowed;
      if (isThenable(answer)) return calls.wait(answer, { read: readAuthorizeAnswer, refusal: denied, client, plugin, outlives });
    } catch (error) {
      return calls.fail(error, { refusal: denied, plugin });
    }
    return calls.readSafely(answer, { read: readAuthorizeAnswer, refusal: denied, plugin });
  }

  takeover(client: HookClient, holder: SessionHolder): boolean | Promise<boolean> {
    const { takeover: hooks } = this.plugins.chains;
    return hooks.length > 0 && this.takeoverFrom(hooks, client, holder);
  }

  private takeoverFrom(hooks: readonly Registered<Takeover>[], client: HookClient, holder: SessionHolder): boolean | Promise<boolean> {
    const [first, ...others] = hooks;
    if (first === undefined) return true;
    const { hook, plugin } = first;
    const about = { clientId: client.id, principal: client.principal };
    const ask = (): unknown => hook(client, holder);
    const answer = this.calls.takeover.ask({ ask, read: readBoolean, refusal: false, busy: false, client, about, plugin });
    return whenThere(answer, (allows) => allows && this.takeoverFrom(others, client, holder));
  }

  // ---- transforms --------------------------------------------------------------------------------------------

  onConnect(client: HookClient): ReturnType<HookRunner['onConnect']> {
    return runOnConnect(this.calls.onConnect, this.plugins.chains.onConnect, client, this.checks);
  }

  onPublish(client: HookClient, publication: Publication): Publication | Failed | Promise<Publication | Failed> {
    return runOnPublish(this.calls.onPublish, this.plugins.chains.onPublish, client, publication, this.checks);
  }

  onSubscribe(client: HookClient, request: SubscribeRequest): SubscribeRequest | Failed | Promise<SubscribeRequest | Failed> {
    return runOnSubscribe(this.calls.onSubscribe, this.plugins.chains.onSubscribe, client, request);
  }
}

const whenThere = <T, U>(answer: T | Promise<T>, then: (answer: T) => U | Promise<U>): U | Promise<U> =>
  answer instanceof Promise ? answer.then(then) : then(answer);

/** A refusal as it may be kept: only if those who were asked before said so too. */
const keeping = (verdict: Verdict, cache: boolean): Verdict =>
  cache || !verdict.cache ? verdict : Object.freeze({ ...verdict, cache: false });

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

const readBoolean = (answer: unknown): boolean | undefined => (typeof answer === 'boolean' ? answer : undefined);
