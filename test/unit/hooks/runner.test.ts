/** The hook runner: what each kind of answer comes to, and that no failure of a hook escapes it. */
import { describe, expect, test } from '@jest/globals';
import type { BrokerError } from '../../../src/errors/errors.js';
import { createHookRunner, defaultAuthorize } from '../../../src/hooks/runner.js';
import type {
  Action,
  Authenticate,
  AuthenticateAnswer,
  AuthenticateRequest,
  AuthorizeAnswer,
  HookClient,
  HookName,
  HookRunner,
  Hooks,
  SubscribeRequest,
} from '../../../src/hooks/hooks.js';
import { requestOf } from '../../hooks/harness.js';

const publish = (topic = 'a'): Action => ({
  type: 'publish',
  topic,
  qos: 1,
  retain: false,
  payloadBytes: 0,
  properties: {},
});

/** A client whose signal `leave` fires, a runner whose deadline `pass` lets pass, and what it reported. */
function harness(hooks: Hooks, hookTimeoutSeconds = 10) {
  const reports: { hook: HookName; error: BrokerError }[] = [];
  const deadlines = new Set<{ readonly afterMs: number; readonly run: () => void }>();
  const runner: HookRunner = createHookRunner(hooks, {
    hookTimeoutSeconds,
    hookConcurrencyMax: 1000,
    connectTimeoutSeconds: 10,
    inContext: undefined,
    onPending: () => undefined,
    onHookError: (hook, error) => reports.push({ hook, error }),
    schedule: (afterMs, run) => {
      const deadline = { afterMs, run };
      deadlines.add(deadline);
      return () => deadlines.delete(deadline);
    },
  }, { rewritten: (message) => message, subscription: (given) => given as SubscribeRequest });
  const controller = new AbortController();
  const client: HookClient = {
    id: 'c',
    principal: undefined,
    username: undefined,
    protocolVersion: 5,
    connection: {},
    signal: controller.signal,
  };
  const request = (fields: Partial<AuthenticateRequest> = {}): AuthenticateRequest => requestOf(controller.signal, fields);
  return {
    runner,
    client,
    request,
    reports,
    deadlines,
    leave: () => controller.abort(),
    pass: () => {
      for (const { run } of deadlines) run();
    },
  };
}

const never = (): Promise<never> => new Promise(() => {});
/** Values of every type that no hook may answer. */
const nonsense: readonly unknown[] = [undefined, null, 0, 1, 'allow', 'yes', Symbol('yes'), {}, [], { action: 'maybe' }, () => true];

describe('authorize', () => {
  test('a plain value is answered in the same call, with shared verdicts', () => {
    const { runner, client } = harness({ authorize: (_client, { topic }) => topic === 'yes' });
    expect(runner.hasAuthorize).toBe(true);
    expect(runner.authorize(client, publish('yes'))).toEqual({ reasonCode: 0, reasonString: undefined, cache: false });
    expect(runner.authorize(client, publish('no'))).toEqual({ reasonCode: 0x87, reasonString: undefined, cache: false });
    expect(runner.authorize(client, publish('yes'))).toBe(runner.authorize(client, publish('yes')));
    expect(runner.authorize(client, publish('no'))).toBe(runner.authorize(client, publish('no')));
  });

  test.each<[AuthorizeAnswer, { reasonCode: number; reasonString?: string; cache?: boolean }]>([
    [{ action: 'allow' }, { reasonCode: 0 }],
    [{ action: 'allow', cache: true }, { reasonCode: 0, cache: true }],
    [{ action: 'deny' }, { reasonCode: 0x87 }],
    [{ action: 'deny', cache: true }, { reasonCode: 0x87, cache: true }],
    [{ action: 'deny', reasonString: 'no' }, { reasonCode: 0x87, reasonString: 'no' }],
    ...[0x80, 0x83, 0x87, 0x90, 0x97, 0x99].map(
      (reasonCode) => [{ action: 'deny', reasonCode }, { reasonCode }] as [AuthorizeAnswer, { reasonCode: number }],
    ),
    [{ action: 'deny', reasonCode: 0 }, { reasonCode: 0x87 }],
    [{ action: 'deny', reasonCode: 0x10 }, { reasonCode: 0x87 }],
    [{ action: 'deny', reasonCode: 0x9d }, { reasonCode: 0x87 }],
  ])('%j comes to %j, at once and later', async (answer, verdict) => {
    const expected = { reasonString: undefined, cache: false, ...verdict };
    const now = harness({ authorize: () => answer });
    expect(now.runner.authorize(now.client, publish())).toEqual(expected);
    const later = harness({ authorize: async () => answer });
    expect(await later.runner.authorize(later.client, publish())).toEqual(expected);
    expect([...now.reports, ...later.reports]).toEqual([]);
    expect(later.deadlines.size).toBe(0);
  });

  test.each([...nonsense, { action: 'allow', cache: 'yes' }, { action: 'deny', reasonCode: '0x87' }])(
    'nonsense denies and is reported: %p',
    async (answer) => {
      const now = harness({ authorize: () => answer as boolean });
      expect(now.runner.authorize(now.client, publish())).toMatchObject({ reasonCode: 0x87 });
      const later = harness({ authorize: async () => answer as boolean });
      expect(await later.runner.authorize(later.client, publish())).toMatchObject({ reasonCode: 0x87 });
      for (const { reports } of [now, later]) {
        expect(reports).toMatchObject([{ hook: 'authorize', error: { code: 'ODN_ERR_HOOK' } }]);
      }
    },
  );

  test('a throw and a rejection deny, and are reported with their cause', async () => {
    const cause = new Error('database is down');
    const hooks: Hooks[] = [
      {
        authorize: () => {
          throw cause;
        },
      },
      { authorize: () => Promise.reject(cause) },
      {
        authorize: () =>
          Object.defineProperty({} as { action: 'allow' }, 'action', {
            get: () => {
              throw cause;
            },
          }),
      },
    ];
    for (const each of hooks) {
      const { runner, client, reports } = harness(each);
      expect(await runner.authorize(client, publish())).toMatchObject({ reasonCode: 0x87, cache: false });
      expect(reports).toMatchObject([{ hook: 'authorize', error: { code: 'ODN_ERR_HOOK', cause } }]);
      expect(reports[0]?.error.message).toContain('database is down');
    }
  });

  test('a report names fields, never what is in them', () => {
    const row = { user: 'ann', passwordHash: 'secret' };
    const { runner, client, reports } = harness({ authorize: () => row as never });
    void runner.authorize(client, publish());
    expect(reports[0]?.error.message).toBe(
      'hook authorize answered an object with the fields user, passwordHash, which is no legal answer',
    );
  });

  test('clients never publish below $SYS/, nor leave a will there, whatever the hook says', () => {
    const asked: string[] = [];
    const open = harness({
      authorize: (_client, { type }) => {
        asked.push(type);
        return true;
      },
    });
    const without = harness({});
    for (const { runner, client } of [open, without]) {
      for (const type of ['publish', 'will'] as const) {
        expect(runner.authorize(client, { ...publish('$SYS/x'), type } as Action)).toMatchObject({ reasonCode: 0x87 });
      }
      for (const topic of ['$SYS', '$SYSTEM/x', 'a/$SYS/x', '$other/x']) {
        expect(runner.authorize(client, publish(topic))).toMatchObject({ reasonCode: 0 });
      }
      const watch: Action = { type: 'subscribe', topic: '$SYS/#', qos: 0, shareName: undefined, properties: {} };
      expect(runner.authorize(client, watch)).toMatchObject({ reasonCode: 0 });
    }
    expect(without.runner.hasAuthorize).toBe(false);
    expect(asked).toEqual(['publish', 'publish', 'publish', 'publish', 'subscribe']);
    expect(defaultAuthorize('deliver', '$SYS/x')).toBe(0);
    expect(defaultAuthorize('publish', '$SYS/x')).toBe(0x87);
  });
});

describe('the deadline', () => {
  // Jest fails a test that leaves a rejection unhandled.
  test.each(['answer', 'rejection'])('denies and is reported; a late %s is ignored', async (kind) => {
    const late = makeResolvers();
    const { runner, client, reports, deadlines, pass } = harness({ authorize: () => late.promise as Promise<boolean> }, 3);
    const verdict = runner.authorize(client, publish());
    expect([...deadlines]).toMatchObject([{ afterMs: 3000 }]);
    pass();
    expect(await verdict).toMatchObject({ reasonCode: 0x87 });
    expect(reports).toMatchObject([{ hook: 'authorize', error: { code: 'ODN_ERR_HOOK' } }]);
    if (kind === 'answer') late.resolve(true);
    else late.reject(new Error('too late'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(reports).toHaveLength(1);
  });

  test('is called off by an answer, and does not exist without a limit', async () => {
    const timed = harness({ authorize: async () => true });
    await timed.runner.authorize(timed.client, publish());
    expect(timed.deadlines.size).toBe(0);
    const unlimited = harness({ takeover: never }, Infinity);
    void unlimited.runner.takeover(unlimited.client, { principal: 'p', connected: true });
    expect(unlimited.deadlines.size).toBe(0);
  });

  test('fires the signal that authenticate was given, also one it reads only afterwards', async () => {
    const seen: AuthenticateRequest[] = [];
    const { runner, request, reports, pass } = harness({
      authenticate: (given) => {
        seen.push(given);
        return never();
      },
    });
    const early = runner.authenticate(request());
    const { signal } = seen[0] as AuthenticateRequest;
    expect(signal.aborted).toBe(false);
    const late = runner.authenticate(request());
    pass();
    expect([await early, await late]).toMatchObject([{ reasonCode: 0x83 }, { reasonCode: 0x83 }]);
    expect(signal.aborted).toBe(true);
    expect(signal.reason).toMatchObject({ code: 'ODN_ERR_HOOK' });
    expect(seen[1]?.signal.aborted).toBe(true);
    expect(reports).toHaveLength(2);
  });

  test('a hook that rejects because its client went away has not failed', async () => {
    const { runner, request, client, reports, leave, deadlines } = harness({
      authenticate: ({ signal }) => untilAborted(signal),
      authorize: ({ signal }) => untilAborted(signal),
    });
    const answers = [runner.authenticate(request()), runner.authorize(client, publish())];
    leave();
    expect(await Promise.all(answers)).toMatchObject([{ reasonCode: 0x83 }, { reasonCode: 0x87 }]);
    expect(reports).toEqual([]);
    expect(deadlines.size).toBe(0);
  });

  test('the client signal forgets a hook that has answered', async () => {
    const listeners = new Set<unknown>();
    const signal = new AbortController().signal;
    signal.addEventListener = (_type: string, listener: unknown) => void listeners.add(listener);
    signal.removeEventListener = (_type: string, listener: unknown) => void listeners.delete(listener);
    const readsSignal: Authenticate = (given) => !given.signal.aborted;
    const readsLater: Authenticate = async (given) => !given.signal.aborted;
    for (const authenticate of [readsSignal, readsLater]) {
      const { runner, request } = harness({ authenticate });
      expect(await runner.authenticate(request({ signal }))).toEqual({ action: 'allow' });
      expect(listeners.size).toBe(0);
    }
  });
});

describe('authenticate', () => {
  const settle = async (answer: unknown, fields: Partial<AuthenticateRequest> = {}) => {
    const { runner, request, reports } = harness({ authenticate: () => answer as AuthenticateAnswer });
    return { verdict: await runner.authenticate(request(fields)), reports };
  };

  test('without the hook everyone is let in', () => {
    const { runner, request } = harness({});
    expect(runner.hasAuthenticate).toBe(false);
    expect(runner.authenticate(request())).toEqual({ action: 'allow' });
  });

  test('a plain value is answered in the same call', () => {
    const { runner, request } = harness({ authenticate: ({ username }) => username === 'ann' });
    expect(runner.authenticate(request({ username: 'ann' }))).toEqual({ action: 'allow' });
    expect(runner.authenticate(request({ username: 'bob' }))).toEqual({ action: 'deny', reasonCode: 0x86 });
  });

  test('gets everything the request has', () => {
    const seen: AuthenticateRequest[] = [];
    const { runner, request } = harness({ authenticate: (given) => seen.push(given) > 0 });
    const asked = request({ username: 'ann', password: new Uint8Array(1), authenticationMethod: 'm' });
    void runner.authenticate(asked);
    const { signal: givenSignal, ...given } = seen[0] as AuthenticateRequest;
    const { signal: askedSignal, ...rest } = asked;
    expect(given).toEqual(rest);
    expect([givenSignal.aborted, askedSignal.aborted]).toEqual([false, false]);
  });

  test.each<[Partial<AuthenticateRequest>, number | undefined, number]>([
    [{}, undefined, 0x87],
    [{ username: 'ann' }, undefined, 0x86],
    [{ password: new Uint8Array(0) }, undefined, 0x86],
    [{ type: 'reauthenticate', username: 'ann' }, undefined, 0x87],
    [{}, 0x8a, 0x8a],
    [{}, 0x9d, 0x9d],
    [{}, 0x8b, 0x87], // CONNACK has no Server shutting down
    [{}, 0x00, 0x87],
    [{}, 1000, 0x87],
    [{ type: 'reauthenticate' }, 0x98, 0x98],
    [{ type: 'reauthenticate' }, 0x86, 0x87], // DISCONNECT has no Bad User Name or Password
  ])('a deny to %j with reason code %p leaves with %i', async (fields, reasonCode, expected) => {
    const answer = reasonCode === undefined ? { action: 'deny' } : { action: 'deny', reasonCode };
    expect(await settle(answer, fields)).toEqual({ verdict: { action: 'deny', reasonCode: expected }, reports: [] });
  });

  test('the details of an answer are passed on', async () => {
    const allow: AuthenticateAnswer = {
      action: 'allow',
      principal: 'p',
      limits: { inflightMax: 10, maximumQoS: 1 },
      expiresAtMs: 5,
      authenticationData: new Uint8Array([1]),
      userProperties: [['a', 'b']],
      responseInformation: 'r',
    };
    const deny: AuthenticateAnswer = { action: 'deny', reasonCode: 0x9c, reasonString: 'moved', serverReference: 'other' };
    expect(await settle(allow)).toEqual({ verdict: allow, reports: [] });
    expect(await settle(deny)).toEqual({ verdict: deny, reports: [] });
  });

  test.each([
    ...nonsense,
    { action: 'allow', principal: 7 },
    { action: 'allow', limits: { inflightMax: 0 } },
    { action: 'allow', limits: { inflightMaximum: 5 } },
    { action: 'allow', limits: { queueBytesMax: Number.NaN } },
    { action: 'allow', expiresAtMs: new Date(0) },
    { action: 'allow', userProperties: { a: 'b' } },
    { action: 'deny', reasonCode: '0x87' },
    { action: 'challenge' },
    { action: 'challenge', next: () => true }, // the client named no method
  ])('nonsense denies with 0x83 and is reported: %p', async (answer) => {
    const { verdict, reports } = await settle(answer);
    expect(verdict).toEqual({ action: 'deny', reasonCode: 0x83 });
    expect(reports).toMatchObject([{ hook: 'authenticate', error: { code: 'ODN_ERR_HOOK' } }]);
  });

  test('a challenge is asked as a method of the object that the hook answered', async () => {
    class Exchange {
      readonly action = 'challenge';
      private readonly secret = 7;
      next(data: Uint8Array | undefined): boolean {
        return data?.[0] === this.secret;
      }
    }
    const { runner, request, client } = harness({ authenticate: () => new Exchange() });
    const challenge = runner.authenticate(request({ authenticationMethod: 'm' }));
    if (!('action' in challenge) || challenge.action !== 'challenge') throw new Error('no challenge');
    expect(runner.continueAuthentication(challenge, new Uint8Array([7]), client.signal)).toEqual({ action: 'allow' });
  });

  test('a challenge goes on until its next step settles, under the same rules', async () => {
    const data = new Uint8Array([1]);
    const steps: (Uint8Array | undefined)[] = [];
    const next = async (answer: Uint8Array | undefined): Promise<AuthenticateAnswer> => {
      steps.push(answer);
      if (steps.length === 1) return { action: 'challenge', data, next };
      if (steps.length === 2) return { action: 'deny', reasonCode: 0x86 };
      throw new Error('asked too often');
    };
    const { runner, request, client, reports } = harness({ authenticate: () => ({ action: 'challenge', data, next }) });
    const first = await runner.authenticate(request({ authenticationMethod: 'm', type: 'reauthenticate' }));
    if (first.action !== 'challenge') throw new Error('no challenge');
    expect(first.data).toBe(data);
    const second = await runner.continueAuthentication(first, new Uint8Array([2]), client.signal);
    if (second.action !== 'challenge') throw new Error('no second challenge');
    // 0x86 is no DISCONNECT code, and this began as a re-authentication.
    expect(await runner.continueAuthentication(second, undefined, client.signal)).toEqual({ action: 'deny', reasonCode: 0x87 });
    expect(steps).toEqual([new Uint8Array([2]), undefined]);
    expect(reports).toEqual([]);
    expect(await runner.continueAuthentication(second, undefined, client.signal)).toEqual({ action: 'deny', reasonCode: 0x83 });
    expect(reports).toHaveLength(1);
  });
});

describe('takeover', () => {
  const holder = { principal: 'p', connected: true };

  test('without the hook another principal never gets the session', () => {
    const { runner, client } = harness({});
    expect(runner.takeover(client, holder)).toBe(false);
  });

  test('answers at once or later; anything but a boolean denies', async () => {
    for (const answer of [true, false]) {
      const now = harness({ takeover: () => answer });
      expect(now.runner.takeover(now.client, holder)).toBe(answer);
      const later = harness({ takeover: async () => answer });
      expect(await later.runner.takeover(later.client, holder)).toBe(answer);
    }
    for (const answer of nonsense) {
      const { runner, client, reports } = harness({ takeover: () => answer as boolean });
      expect(runner.takeover(client, holder)).toBe(false);
      expect(reports).toMatchObject([{ hook: 'takeover' }]);
    }
  });

  test('a throw, a rejection and the deadline deny', async () => {
    const thrower = harness({
      takeover: () => {
        throw new Error('down');
      },
    });
    expect(thrower.runner.takeover(thrower.client, holder)).toBe(false);
    const rejecter = harness({ takeover: () => Promise.reject(new Error('down')) });
    expect(await rejecter.runner.takeover(rejecter.client, holder)).toBe(false);
    const sleeper = harness({ takeover: never });
    const answer = sleeper.runner.takeover(sleeper.client, holder);
    sleeper.pass();
    expect(await answer).toBe(false);
    for (const { reports } of [thrower, rejecter, sleeper]) expect(reports).toHaveLength(1);
  });
});

function makeResolvers() {
  let resolve: (value: unknown) => void = () => {};
  let reject: (reason: Error) => void = () => {};
  const promise = new Promise<unknown>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error));
  });
}
