/** `rateLimit`: how often an address may connect, and how much a client may publish. */
import type { Action, Authenticate, AuthenticateAnswer, Authorize, AuthorizeAnswer, HookClient } from '../hooks/hooks.js';
import { ReasonCode } from '../packet/reason-code.js';
import { addressKey } from './address-key.js';
import { LruMap } from './lru-map.js';
import { checkFunction, checkNames, checkNumber } from './option-checks.js';
import { steadyNow } from './time.js';
import { TokenBucket } from './token-bucket.js';

/**
 * Options of {@link rateLimit}. A rate is what goes on for ever, a burst what may come at once; rates may be fractions,
 * above 0.001 a second. What is left out is not limited.
 * @public
 */
export interface RateLimitOptions {
  /**
   * CONNECTs of one address each second; an IPv6 address counts with its /64. Connections without an address, as of
   * the in-memory transport, count as one.
   * @defaultValue no limit
   */
  readonly connectsPerSecond?: number;
  /**
   * CONNECTs of one address at once, 1 or more.
   * @defaultValue `connectsPerSecond`, at least 1: a second's worth
   */
  readonly connectsBurst?: number;
  /**
   * Messages that one client may publish each second.
   * @defaultValue no limit
   */
  readonly publishesPerSecond?: number;
  /**
   * Messages that one client may publish at once, 1 or more.
   * @defaultValue `publishesPerSecond`, at least 1: a second's worth
   */
  readonly publishesBurst?: number;
  /**
   * Bytes of topic names and payloads that one client may publish each second.
   * @defaultValue no limit
   */
  readonly publishBytesPerSecond?: number;
  /**
   * Such bytes at once, 1 or more. A message that is larger can be published when nothing was for long enough, and
   * costs what it has.
   * @defaultValue `publishBytesPerSecond`, at least 1: a second's worth
   */
  readonly publishBytesBurst?: number;
  /**
   * Addresses that are remembered, 1 to 10,000,000, about 200 bytes each; then the one not seen for longest is forgotten.
   * @defaultValue 100000
   */
  readonly addressesMax?: number;
  /**
   * Clients, by Client Identifier, that are remembered, as for addresses; coming back does not fill a client's bucket.
   * @defaultValue 100000
   */
  readonly clientsMax?: number;
  /**
   * Milliseconds that only go forward.
   * @defaultValue the process's monotonic clock
   */
  readonly now?: () => number;
}

/** Two hooks. Made by {@link rateLimit}. @public */
export interface RateLimit {
  /**
   * Refuses with 0x9F Connection rate exceeded; lets all others in, so put it in front of the hook that knows who they
   * are, which `broker.use` adds. Re-authentications do not count.
   */
  readonly authenticate: Authenticate;
  /** Refuses a publish with 0x97 Quota exceeded; allows all else. Must be asked each time: its answers are never cached. */
  readonly authorize: Authorize;
}

interface ClientBuckets {
  readonly publishes: TokenBucket | undefined;
  readonly bytes: TokenBucket | undefined;
}

interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

const connectionRateExceeded: AuthenticateAnswer = { action: 'deny', reasonCode: ReasonCode.connectionRateExceeded };
const quotaExceeded: AuthorizeAnswer = { action: 'deny', reasonCode: ReasonCode.quotaExceeded };
const names = [
  'connectsPerSecond', 'connectsBurst', 'publishesPerSecond', 'publishesBurst', 'publishBytesPerSecond', 'publishBytesBurst',
  'addressesMax', 'clientsMax', 'now',
];

/**
 * Limits by token buckets: CONNECTs by address, publishes and their bytes by client. What is refused costs nothing.
 * @throws BrokerError ODN_ERR_OPTION
 * @public
 */
export function rateLimit(options: RateLimitOptions): RateLimit {
  const of = 'rateLimit';
  checkNames(of, options, names);
  const { addressesMax = 100_000, clientsMax = 100_000, now = steadyNow } = options;
  checkFunction(of, 'now', now);
  const connects = rateOf(options, 'connectsPerSecond', 'connectsBurst');
  const publishes = rateOf(options, 'publishesPerSecond', 'publishesBurst');
  const bytes = rateOf(options, 'publishBytesPerSecond', 'publishBytesBurst');
  const addresses = new LruMap<string, TokenBucket>(checkNumber(of, 'addressesMax', addressesMax, { min: 1, max: 10_000_000 }));
  const clients = new LruMap<string, ClientBuckets>(checkNumber(of, 'clientsMax', clientsMax, { min: 1, max: 10_000_000 }));

  const authenticate: Authenticate = ({ type, connection }) => {
    if (connects === undefined || type !== 'connect') return true;
    const nowMs = now();
    const key = addressKey(connection.remoteAddress);
    const bucket = bucketIn(addresses, key, () => bucketOf(connects, nowMs) as TokenBucket);
    if (!bucket.has(1, nowMs)) return connectionRateExceeded;
    bucket.take(1);
    return true;
  };

  const authorize = (client: HookClient, action: Action): AuthorizeAnswer => {
    if (action.type !== 'publish' || (publishes === undefined && bytes === undefined)) return true;
    const nowMs = now();
    const of = bucketIn(clients, client.id, () => ({ publishes: bucketOf(publishes, nowMs), bytes: bucketOf(bytes, nowMs) }));
    const size = of.bytes === undefined ? 0 : action.payloadBytes + Buffer.byteLength(action.topic);
    // Both are looked at before either is taken from.
    const isWithin = of.publishes?.has(1, nowMs) !== false && of.bytes?.has(size, nowMs) !== false;
    if (!isWithin) return quotaExceeded;
    of.publishes?.take(1);
    of.bytes?.take(size);
    return true;
  };

  return { authenticate, authorize };
}

type NumberNames = Exclude<keyof RateLimitOptions, 'now'>;

function rateOf(options: RateLimitOptions, rateName: NumberNames, burstName: NumberNames): Rate | undefined {
  const of = 'rateLimit';
  const range = { min: 0.001, max: Number.MAX_SAFE_INTEGER, fraction: true };
  const { [rateName]: perSecond, [burstName]: burst } = options;
  if (burst !== undefined) checkNumber(of, burstName, burst, { ...range, min: 1 });
  if (perSecond === undefined) {
    // A burst without a rate would limit nothing.
    if (burst !== undefined) checkNumber(of, rateName, Number.NaN, range);
    return undefined;
  }
  checkNumber(of, rateName, perSecond, range);
  return { perSecond, burst: burst ?? Math.max(1, perSecond) };
}

const bucketOf = (rate: Rate | undefined, nowMs: number): TokenBucket | undefined =>
  rate && new TokenBucket(rate.perSecond, rate.burst, nowMs);

function bucketIn<T>(map: LruMap<string, T>, key: string, make: () => T): T {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}
