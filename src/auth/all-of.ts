/** `allOf` and `authorizeAllOf`: several hooks as one, of which each must allow. */
import { BrokerError } from '../errors/errors.js';
import type {
  Action,
  Authenticate,
  AuthenticateAnswer,
  AuthenticateRequest,
  Authorize,
  AuthorizeAnswer,
  ClientLimits,
  HookClient,
} from '../hooks/hooks.js';

type Allow = Extract<AuthenticateAnswer, { action: 'allow' }>;
type Answer = AuthenticateAnswer | Promise<AuthenticateAnswer>;

/**
 * Several `authenticate` hooks as one. They are asked in order; the first that denies decides, and the rest are not
 * asked. When all allow, the client gets the narrowest of each limit, the earliest end of the login, all user
 * properties, and the one principal they name: hooks that name different ones deny. A challenge is brought to its end
 * before the next hook is asked.
 * @throws BrokerError ODN_ERR_ARGUMENT without hooks, or for one that is no function
 * @public
 */
export function allOf(...hooks: readonly Authenticate[]): Authenticate {
  checkHooks('allOf', hooks);
  return (request) => askFrom(hooks, 0, request, { action: 'allow' });
}

/**
 * Several `authorize` hooks as one, asked in order: the first that denies decides. That an action is allowed may be
 * cached when all of them say so.
 * @throws BrokerError ODN_ERR_ARGUMENT without hooks, or for one that is no function
 * @public
 */
export function authorizeAllOf(...hooks: readonly Authorize[]): Authorize {
  checkHooks('authorizeAllOf', hooks);
  return (client, action) => authorizeFrom(hooks, 0, client, action, true);
}

function checkHooks(of: string, hooks: readonly unknown[]): void {
  if (hooks.length === 0) throw new BrokerError('ODN_ERR_ARGUMENT', `${of}: no hooks are given; nobody would decide`);
  const wrong = hooks.findIndex((hook) => typeof hook !== 'function');
  if (wrong >= 0) throw new BrokerError('ODN_ERR_ARGUMENT', `${of}: hook ${wrong + 1} is a ${typeof hooks[wrong]}; it must be a function`);
}

// ---- authorize: once a message, so without closures unless a hook is late ----

function authorizeFrom(
  hooks: readonly Authorize[],
  from: number,
  client: HookClient,
  action: Action,
  cacheBefore: boolean,
): AuthorizeAnswer | Promise<AuthorizeAnswer> {
  let cache = cacheBefore;
  for (let index = from; index < hooks.length; index += 1) {
    const answer = (hooks[index] as Authorize)(client, action);
    if (answer === true) cache = false;
    else if (isThenable(answer)) return authorizeLate(answer, hooks, index + 1, client, action, cache);
    else if (isAllow(answer)) cache &&= answer.cache === true;
    else return answer; // a refusal, or nonsense, which the broker refuses and reports
  }
  return cache ? { action: 'allow', cache } : true;
}

async function authorizeLate(
  pending: PromiseLike<AuthorizeAnswer>,
  hooks: readonly Authorize[],
  from: number,
  client: HookClient,
  action: Action,
  cache: boolean,
): Promise<AuthorizeAnswer> {
  const answer = await pending;
  if (answer !== true && !isAllow(answer)) return answer;
  return authorizeFrom(hooks, from, client, action, cache && answer !== true && answer.cache === true);
}

// ---- authenticate ----

function askFrom(hooks: readonly Authenticate[], index: number, request: AuthenticateRequest, soFar: Allow): Answer {
  const hook = hooks[index];
  if (hook === undefined) return soFar;
  return settle(hook(request), hooks, index, request, soFar);
}

function settle(answer: Answer, hooks: readonly Authenticate[], index: number, request: AuthenticateRequest, soFar: Allow): Answer {
  if (isThenable(answer)) return Promise.resolve(answer).then((late) => settle(late, hooks, index, request, soFar));
  if (answer === true) return askFrom(hooks, index + 1, request, soFar);
  if (isAllow(answer)) {
    const both = merged(soFar, answer);
    return both === undefined ? false : askFrom(hooks, index + 1, request, both);
  }
  if (typeof answer !== 'object' || answer?.action !== 'challenge' || typeof answer.next !== 'function') return answer;
  const challenge = answer;
  return {
    ...challenge,
    next: (data, signal) => settle(challenge.next(data, signal), hooks, index, { ...request, signal }, soFar),
  };
}

/** `undefined` when they speak of different principals. */
function merged(a: Allow, b: Allow): Allow | undefined {
  if (a.principal !== undefined && b.principal !== undefined && a.principal !== b.principal) return undefined;
  const { limits: limitsA, expiresAtMs: endA, userProperties: propertiesA } = a;
  const { limits: limitsB, expiresAtMs: endB, userProperties: propertiesB } = b;
  return {
    ...a,
    ...definedOf(b),
    ...(limitsA !== undefined && limitsB !== undefined && { limits: narrowest(limitsA, limitsB) }),
    ...(endA !== undefined && endB !== undefined && { expiresAtMs: Math.min(endA, endB) }),
    ...(propertiesA && propertiesB && { userProperties: [...propertiesA, ...propertiesB] }),
  };
}

const definedOf = (allow: Allow): Allow =>
  Object.fromEntries(Object.entries(allow).filter(([, value]) => value !== undefined)) as unknown as Allow;

/** What is nonsense in one of them is nonsense in the result, for the broker to refuse. */
function narrowest(a: ClientLimits, b: ClientLimits): ClientLimits {
  if (typeof a !== 'object' || a === null) return a;
  if (typeof b !== 'object' || b === null) return b;
  const limits: Record<string, unknown> = { ...a };
  for (const [name, value] of Object.entries(b) as [string, unknown][]) {
    const other = limits[name];
    if (other === undefined) limits[name] = value;
    else if (typeof value === 'number' && typeof other === 'number') limits[name] = Math.min(value, other);
    else if (typeof value === 'boolean' && typeof other === 'boolean') limits[name] = value && other;
    else if (value !== undefined) limits[name] = Number.NaN;
  }
  return limits;
}

const isAllow = <T>(answer: T): answer is Extract<T, { action: 'allow' }> =>
  typeof answer === 'object' && answer !== null && 'action' in answer && answer.action === 'allow';

const isThenable = <T>(value: T | PromiseLike<T>): value is PromiseLike<T> =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
