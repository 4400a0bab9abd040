/** A hook runner without a broker: its deadlines pass when a test says so, its failures are noted. */
import type { AuthenticateRequest, HookClient, HookName, Hooks } from '../../src/hooks/hooks.js';
import type { HookRunnerOptions } from '../../src/hooks/hook-calls.js';
import { createHookRunner } from '../../src/hooks/runner.js';
import type { PluggableHooks } from '../../src/hooks/runner.js';
import type { TransformChecks } from '../../src/hooks/transforms.js';

export interface Harness {
  readonly runner: PluggableHooks;
  /** Every failure as `hook: message`. */
  readonly failures: string[];
  /** Questions that have no answer yet. */
  readonly pending: () => number;
  readonly deadlines: Set<{ readonly afterMs: number; readonly run: () => void }>;
  readonly client: (id?: string, controller?: AbortController) => HookClient;
  readonly request: (fields?: Partial<AuthenticateRequest>) => AuthenticateRequest;
}

const checks: TransformChecks = {
  rewritten: (message) => message,
  subscription: ({ topicFilter, qos = 2 }) => ({ topicFilter, qos, noLocal: false, retainAsPublished: false, retainHandling: 0 }),
};

export function harness(hooks: Hooks = {}, options: Partial<HookRunnerOptions> = {}): Harness {
  const failures: string[] = [];
  const deadlines: Harness['deadlines'] = new Set();
  let pending = 0;
  const runner = createHookRunner(
    hooks,
    {
      hookTimeoutSeconds: 10,
      hookConcurrencyMax: 1000,
      connectTimeoutSeconds: 7,
      inContext: undefined,
      onHookError: (hook: HookName, error) => failures.push(`${hook}: ${error.message}`),
      onPending: (change) => void (pending += change),
      schedule: (afterMs, run) => {
        const deadline = { afterMs, run };
        deadlines.add(deadline);
        return () => deadlines.delete(deadline);
      },
      ...options,
    },
    checks,
  );
  const client = (id = 'c', controller = new AbortController()): HookClient => ({
    id,
    principal: `p-${id}`,
    username: undefined,
    protocolVersion: 5,
    connection: {},
    signal: controller.signal,
  });
  const request = (fields: Partial<AuthenticateRequest> = {}): AuthenticateRequest => requestOf(new AbortController().signal, fields);
  return { runner, failures, pending: () => pending, deadlines, client, request };
}

/** What a 5.0 client `c` shows that has neither user name nor password. */
export const requestOf = (signal: AbortSignal, fields: Partial<AuthenticateRequest> = {}): AuthenticateRequest => ({
  type: 'connect',
  clientId: 'c',
  username: undefined,
  password: undefined,
  protocolVersion: 5,
  cleanStart: true,
  keepAliveSeconds: 60,
  properties: {},
  authenticationMethod: undefined,
  authenticationData: undefined,
  connection: {},
  signal,
  ...fields,
});

/** Lets promises that have settled be heard. */
export const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
