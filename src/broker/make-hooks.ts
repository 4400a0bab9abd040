/** The hook runner of a broker: its deadlines on the broker's clock, its failures counted and reported, its calls traced. */
import { createHookRunner } from '../hooks/runner.js';
import type { HookRunner, Hooks } from '../hooks/hooks.js';
import { diagnostics } from '../observe/diagnostics.js';
import type { Counters } from '../protocol/counters.js';
import { calls } from '../protocol/deadlines.js';
import type { Deadlines } from '../protocol/deadlines.js';
import type { EventHub } from './events.js';

export function makeHooks(
  hooks: Hooks,
  hub: EventHub,
  now: () => number,
  hookTimeoutSeconds: number,
  deadlines: Deadlines,
  counters: Counters,
): HookRunner {
  const runner = createHookRunner(hooks, {
    hookTimeoutSeconds,
    onHookError: (hook, error) => {
      counters.hookErrors += 1;
      hub.emit('hookError', error, hook);
    },
    schedule: (afterMs, run) => {
      const deadline = deadlines.set(calls(run), now() + afterMs);
      return () => deadlines.cancel(deadline);
    },
  });
  return traced(runner, now);
}

/** Publishes each answer on `odonata:hook` while somebody listens there. */
function traced(runner: HookRunner, now: () => number): HookRunner {
  const trace = <A>(hook: 'authenticate' | 'authorize' | 'takeover', clientId: string, codeOf: (answer: A) => number, run: () => A | Promise<A>): A | Promise<A> => {
    if (!diagnostics.hook.hasSubscribers) return run();
    const startedMs = now();
    const tell = (answer: A): A => {
      diagnostics.hook.publish({ hook, clientId, reasonCode: codeOf(answer), durationMs: now() - startedMs });
      return answer;
    };
    const answer = run();
    return answer instanceof Promise ? answer.then(tell) : tell(answer);
  };
  return {
    hasAuthenticate: runner.hasAuthenticate,
    hasAuthorize: runner.hasAuthorize,
    authenticate: (request) =>
      trace('authenticate', request.clientId, (verdict) => (verdict.action === 'deny' ? (verdict.reasonCode ?? 0x87) : 0), () =>
        runner.authenticate(request),
      ),
    continueAuthentication: (challenge, data, signal) => runner.continueAuthentication(challenge, data, signal),
    authorize: (client, action) =>
      diagnostics.hook.hasSubscribers
        ? trace('authorize', client.id, (verdict) => verdict.reasonCode, () => runner.authorize(client, action))
        : runner.authorize(client, action),
    takeover: (client, holder) => trace('takeover', client.id, (allowed) => (allowed ? 0 : 0x87), () => runner.takeover(client, holder)),
  };
}
