/** The hook runner of a broker: its deadlines on the broker's clock, its failures counted and reported, its calls traced. */
import { createHookRunner } from '../hooks/runner.js';
import type { PluggableHooks } from '../hooks/runner.js';
import type { HookName, HookRunner, Plugin } from '../hooks/hooks.js';
import { diagnostics } from '../observe/diagnostics.js';
import { inHookContext } from '../observe/hook-context.js';
import { ReasonCode } from '../packet/reason-code.js';
import type { Counters } from '../protocol/counters.js';
import { calls } from '../protocol/deadlines.js';
import type { Deadlines } from '../protocol/deadlines.js';
import type { Engine } from '../protocol/ports.js';
import type { EventHub } from './events.js';
import { hookChecks } from './hook-checks.js';
import type { ResolvedOptions } from './options.js';

/** @param engine - a function, as the engine is made after its hooks. */
export function makeHooks(
  options: ResolvedOptions,
  hub: EventHub,
  engine: () => Engine,
  deadlines: Deadlines,
  counters: Counters,
): PluggableHooks {
  const now = (): number => options.clock.now();
  const { hookTimeoutSeconds, hookConcurrencyMax, connectTimeoutSeconds } = options;
  const runner = createHookRunner(
    options.hooks,
    {
      hookTimeoutSeconds,
      hookConcurrencyMax,
      connectTimeoutSeconds,
      inContext: options.hookContext ? inHookContext : undefined,
      onHookError: (hook, error) => {
        counters.hookErrors += 1;
        hub.emit('hookError', error, hook);
      },
      onPending: (change) => void (counters.hooksPending += change),
      schedule: (afterMs, run) => {
        const deadline = deadlines.set(calls(run), now() + afterMs);
        return () => deadlines.cancel(deadline);
      },
    },
    hookChecks(engine),
  );
  return new TracedHooks(runner, now);
}

type Answer<K extends HookName> = Awaited<ReturnType<HookRunner[K]>>;
const failed = ReasonCode.implementationSpecificError;

/** Publishes each answer on `odonata:hook` while somebody listens there. */
class TracedHooks implements PluggableHooks {
  private readonly runner: PluggableHooks;
  private readonly now: () => number;

  constructor(runner: PluggableHooks, now: () => number) {
    this.runner = runner;
    this.now = now;
  }

  get hasAuthenticate(): boolean {
    return this.runner.hasAuthenticate;
  }
  get hasAuthorize(): boolean {
    return this.runner.hasAuthorize;
  }
  get hasOnConnect(): boolean {
    return this.runner.hasOnConnect;
  }
  get hasOnPublish(): boolean {
    return this.runner.hasOnPublish;
  }
  get hasOnSubscribe(): boolean {
    return this.runner.hasOnSubscribe;
  }
  get generation(): number {
    return this.runner.generation;
  }

  use(plugin: Plugin): () => void {
    return this.runner.use(plugin);
  }

  readonly authenticate: HookRunner['authenticate'] = (request) =>
    this.traced<'authenticate'>('authenticate', request.clientId, codeOfLogin, () => this.runner.authenticate(request));

  readonly continueAuthentication: HookRunner['continueAuthentication'] = (challenge, data, signal) =>
    this.runner.continueAuthentication(challenge, data, signal);

  readonly authorize: HookRunner['authorize'] = (client, action) =>
    diagnostics.hook.hasSubscribers
      ? this.traced<'authorize'>('authorize', client.id, ({ reasonCode }) => reasonCode, () => this.runner.authorize(client, action))
      : this.runner.authorize(client, action);

  readonly takeover: HookRunner['takeover'] = (client, holder) =>
    this.traced<'takeover'>('takeover', client.id, (allows) => (allows ? 0 : ReasonCode.notAuthorized), () => this.runner.takeover(client, holder));

  readonly onConnect: HookRunner['onConnect'] = (client) =>
    this.traced<'onConnect'>('onConnect', client.id, codeOfMade, () => this.runner.onConnect(client));

  readonly onPublish: HookRunner['onPublish'] = (client, publication) =>
    this.traced<'onPublish'>('onPublish', client.id, codeOfMade, () => this.runner.onPublish(client, publication));

  readonly onSubscribe: HookRunner['onSubscribe'] = (client, request) =>
    this.traced<'onSubscribe'>('onSubscribe', client.id, codeOfMade, () => this.runner.onSubscribe(client, request));

  private traced<K extends HookName>(
    hook: K,
    clientId: string,
    codeOf: (answer: Answer<K>) => number,
    run: () => Answer<K> | Promise<Answer<K>>,
  ): Answer<K> | Promise<Answer<K>> {
    if (!diagnostics.hook.hasSubscribers) return run();
    const startedMs = this.now();
    const tell = (answer: Answer<K>): Answer<K> => {
      diagnostics.hook.publish({ hook, clientId, reasonCode: codeOf(answer), durationMs: this.now() - startedMs });
      return answer;
    };
    const answer = run();
    return answer instanceof Promise ? answer.then(tell) : tell(answer);
  }
}

const codeOfLogin = (verdict: Answer<'authenticate'>): number =>
  verdict.action === 'deny' ? (verdict.reasonCode ?? ReasonCode.notAuthorized) : 0;
const codeOfMade = (made: unknown): number => (made === undefined ? failed : 0);
