/**
 * Checks what the host gave to `createBroker()` and fills in the defaults. Every fault is an `ODN_ERR_OPTION` that
 * names the option, its value and what is legal.
 */
import { BrokerError } from '../errors/errors.js';
import type { Hooks } from '../hooks/hooks.js';
import type { Logger } from '../observe/logger.js';
import type { ProtocolVersion } from '../packet/protocol.js';
import { memoryStorage } from '../storage/memory.js';
import type { Storage } from '../storage/storage.js';
import { systemClock } from './clock.js';
import type { Clock } from './clock.js';
import { isAddressRange } from './options-address.js';
import { nearestName } from './options-names.js';
import type { BrokerOptions, ResolvedOptions } from './options.js';

const mebibyte = 2 ** 20;
const secondsMax = 86_400;
const packetBytesEver = 268_435_460; // Remaining Length 268,435,455 and its header
const integerMax = Number.MAX_SAFE_INTEGER;

interface NumberRule {
  readonly default: number;
  readonly min: number;
  readonly max: number;
  readonly integer: boolean;
  /** `min` itself is not legal. */
  readonly above: boolean;
  /** `Infinity` is legal: no limit. */
  readonly unlimited: boolean;
}

/** Whole numbers from `min` to `max`, and `Infinity` when that is the default. */
const whole = (value: number, min: number, max = integerMax): NumberRule => ({
  default: value,
  min,
  max,
  integer: true,
  above: false,
  unlimited: value === Infinity,
});
/** Numbers up to `max`, fractions too: from above 0, unless `more` says otherwise. */
const fraction = (value: number, max: number, more: Partial<NumberRule> = {}): NumberRule => ({
  default: value,
  min: 0,
  max,
  integer: false,
  above: true,
  unlimited: value === Infinity,
  ...more,
});

type NamesOf<T> = { [K in keyof ResolvedOptions]: ResolvedOptions[K] extends T ? K : never }[keyof ResolvedOptions];
type BooleanName = NamesOf<boolean>;
type NumberName = Exclude<NamesOf<number>, 'maximumQoS'>;
type ChoiceName = 'queueOverflow' | 'slowConsumer' | 'maximumQoS' | 'sharedSelection' | 'refusedPublish';

/** @internal */
export const numberRules: Readonly<Record<Exclude<NumberName, 'memoryBytesMax'>, NumberRule>> = {
  connectTimeoutSeconds: fraction(10, secondsMax),
  packetBytesMax: whole(mebibyte, 32, packetBytesEver),
  connectBytesMax: whole(384 * 1024, 32, packetBytesEver),
  connectionsMax: whole(Infinity, 1),
  connectRateMax: fraction(Infinity, integerMax),
  receiveMaximum: whole(1000, 1, 65_535),
  inflightMax: whole(1000, 1, 65_535),
  queueMessagesMax: whole(10_000, 1),
  queueBytesMax: whole(16 * mebibyte, 1),
  outboundBytesMax: whole(8 * mebibyte, 1),
  topicLevelsMax: whole(201, 1, 65_536),
  topicBytesMax: whole(65_535, 1, 65_535),
  subscriptionsMax: whole(100_000, 0),
  retainedMessagesMax: whole(1_000_000, 0),
  retainedBytesMax: whole(256 * mebibyte, 0),
  sessionsMax: whole(1_000_000, 1),
  sessionExpirySecondsMax: whole(Infinity, 0, 0xffff_fffe),
  topicAliasMaximum: whole(32, 0, 65_535),
  topicAliasMaximumOutbound: whole(32, 0, 65_535),
  userPropertiesMax: whole(64, 0),
  pauseSecondsMax: fraction(30, secondsMax),
  pendingBytesMax: whole(65_536, 1),
  storageStallSeconds: fraction(30, secondsMax),
  hookTimeoutSeconds: fraction(10, secondsMax, { unlimited: true }),
  hookConcurrencyMax: whole(1000, 1),
  closeGraceSeconds: fraction(2, 3600, { above: false }),
  keepAliveSecondsMax: whole(Infinity, 1, 65_535),
  sysIntervalSeconds: fraction(0, secondsMax, { above: false }),
};
/** Queue limits of a storage that keeps what it is given on disk. */
const durableDefaults = { queueMessagesMax: 1_000_000, queueBytesMax: 1024 * mebibyte };
const memoryRule = whole(0, 1);
const seedRule = whole(0, 0, 0xffff_ffff);

const booleanDefaults: Readonly<Record<BooleanName, boolean>> = {
  queueQos0: false,
  hookContext: false,
  retainAvailable: true,
  wildcardSubscriptionAvailable: true,
  subscriptionIdentifierAvailable: true,
  sharedSubscriptionAvailable: true,
  strictText: true,
  clientIdWildcards: false,
  mqtt31ClientIdLimit: false,
};

/** The first choice is the default. */
const choices: { readonly [K in ChoiceName]: readonly [ResolvedOptions[K], ...ResolvedOptions[K][]] } = {
  queueOverflow: ['newest', 'oldest'],
  slowConsumer: ['drop', 'disconnect'],
  maximumQoS: [2, 1, 0],
  sharedSelection: ['leastInflight', 'stickyByTopic'],
  refusedPublish: ['acknowledge', 'close'],
};

const hookNames = ['authenticate', 'authorize', 'takeover'] as const;
const protocolVersions = [3, 4, 5] as const;
/** Methods that show that a value is what it should be, and not something else by mistake. */
const portMethods = {
  storage: ['open', 'close', 'load', 'enqueue', 'putSession'],
  clock: ['now', 'wall', 'wakeAt', 'endOfTurn'],
  logger: ['debug', 'info', 'warn', 'error'],
} as const;

/** The name of every option. @internal */
export const optionNames: readonly string[] = [
  ...Object.keys(portMethods),
  ...hookNames,
  'seed',
  ...Object.keys(numberRules),
  'memoryBytesMax',
  ...Object.keys(choices),
  ...Object.keys(booleanDefaults),
  'protocolVersions',
  'trustedProxies',
];

/** What the process tells about itself. */
export interface Environment {
  /** Limit of the V8 heap, in bytes. */
  readonly heapBytesLimit: number;
}

type Given = Readonly<Record<string, unknown>>;

/**
 * The options in force, frozen. An option that is `undefined` counts as left out.
 * @throws BrokerError ODN_ERR_OPTION
 */
export function resolveOptions(given: BrokerOptions, { heapBytesLimit }: Environment): ResolvedOptions {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new BrokerError('ODN_ERR_OPTION', `the options are ${shown(given)}; they must be an object`);
  }
  const options: Given = { ...given };
  for (const name of Object.keys(options)) if (!optionNames.includes(name)) throw unknownOption(name);
  const storage = (portOf(options, 'storage') as Storage | undefined) ?? memoryStorage();
  if (typeof storage.supports?.durability !== 'string') throw illegal('storage', storage, 'a Storage, with supports');
  const isDurable = storage.supports.durability !== 'none';
  const defaults: Readonly<Record<string, number>> = {
    memoryBytesMax: Math.floor(heapBytesLimit / 4),
    ...(isDurable ? durableDefaults : {}),
  };
  const rules = Object.entries({ ...numberRules, memoryBytesMax: memoryRule });
  const numbers = rules.map(([name, rule]) => [name, numberOf(options, name, rule) ?? defaults[name] ?? rule.default]);
  const booleans = Object.entries(booleanDefaults).map(([name, value]) => [name, choiceOf(options, name, [value, !value])]);
  const chosen = Object.entries(choices).map(([name, legal]) => [name, choiceOf(options, name, legal)]);
  return Object.freeze({
    storage,
    clock: (portOf(options, 'clock') as Clock | undefined) ?? systemClock(),
    logger: portOf(options, 'logger') as Logger | undefined,
    hooks: hooksOf(options),
    seed: numberOf(options, 'seed', seedRule),
    ...(Object.fromEntries(numbers) as Readonly<Record<NumberName, number>>),
    ...(Object.fromEntries(booleans) as Readonly<Record<BooleanName, boolean>>),
    ...(Object.fromEntries(chosen) as Pick<ResolvedOptions, ChoiceName>),
    protocolVersions: protocolVersionsOf(options),
    trustedProxies: trustedProxiesOf(options),
  });
}

function numberOf(options: Given, name: string, rule: NumberRule): number | undefined {
  const value = options[name];
  if (value === undefined) return undefined;
  const isLegal =
    typeof value === 'number' &&
    ((rule.unlimited && value === Infinity) ||
      ((rule.integer ? Number.isInteger(value) : true) &&
        (rule.above ? value > rule.min : value >= rule.min) &&
        value <= rule.max));
  if (isLegal) return value;
  const kind = rule.integer ? 'an integer' : 'a number';
  const from = rule.above ? `above ${rule.min}` : `from ${rule.min}`;
  throw illegal(name, value, `${kind} ${from} to ${rule.max}${rule.unlimited ? ', or Infinity' : ''}`);
}

/** One of `legal`, whose first is the default. */
function choiceOf(options: Given, name: string, legal: readonly unknown[]): unknown {
  const value = options[name];
  if (value === undefined) return legal[0];
  const found = legal.find((choice) => choice === value);
  if (found === undefined) throw illegal(name, value, legal.map(shown).join(' or '));
  return found;
}

function portOf(options: Given, name: keyof typeof portMethods): object | undefined {
  const value = options[name];
  if (value === undefined) return undefined;
  const missing = portMethods[name].find((method) => typeof (value as Given | null)?.[method] !== 'function');
  if (missing !== undefined) throw illegal(name, value, `an object with the methods ${portMethods[name].join(', ')}`);
  return value as object;
}

function hooksOf(options: Given): Hooks {
  const hooks: Record<string, unknown> = {};
  for (const name of hookNames) {
    const value = options[name];
    if (value === undefined) continue;
    if (typeof value !== 'function') throw illegal(name, value, 'a function');
    hooks[name] = value;
  }
  return Object.freeze(hooks) as Hooks;
}

function protocolVersionsOf(options: Given): readonly ProtocolVersion[] {
  const { protocolVersions: value = protocolVersions } = options;
  const isLegal =
    Array.isArray(value) && value.length > 0 && value.every((version) => protocolVersions.includes(version as 3));
  if (!isLegal) throw illegal('protocolVersions', value, 'a list of one or more of 3, 4 and 5');
  return Object.freeze([...new Set(value as ProtocolVersion[])]);
}

function trustedProxiesOf(options: Given): readonly string[] {
  const { trustedProxies: value = [] } = options;
  const isLegal =
    Array.isArray(value) && value.every((range) => typeof range === 'string' && isAddressRange(range));
  if (!isLegal) throw illegal('trustedProxies', value, 'a list of IP addresses or networks such as 10.0.0.0/8');
  return Object.freeze([...(value as string[])]);
}

const illegal = (name: string, value: unknown, legal: string): BrokerError =>
  new BrokerError('ODN_ERR_OPTION', `${name} is ${shown(value)}; it must be ${legal}`);

const unknownOption = (name: string): BrokerError =>
  new BrokerError('ODN_ERR_OPTION', `there is no option ${name}; the nearest is ${nearestName(name, optionNames)}`);

/** A value as a message shows it: short, and never the inside of an object. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return `[${value.slice(0, 10).map(shownItem).join(', ')}]`;
  return shownItem(value);
}

function shownItem(value: unknown): string {
  if (typeof value === 'string') return `'${value.slice(0, 100)}'`;
  if (typeof value === 'function') return 'a function';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
