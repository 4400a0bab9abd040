/** Options: defaults, ranges, and errors that say what is wrong. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { nearestName } from '../../../src/broker/options-names.js';
import { numberRules, optionNames, resolveOptions } from '../../../src/broker/options-check.js';
import type { BrokerOptions } from '../../../src/broker/options.js';
import { isBrokerError } from '../../../src/errors/errors.js';
import { silentLogger } from '../../../src/observe/logger.js';
import { memoryStorage } from '../../../src/storage/memory.js';
import type { Storage } from '../../../src/storage/storage.js';

const environment = { heapBytesLimit: 4 * 2 ** 30 };
const resolve = (options: object = {}) => resolveOptions(options as BrokerOptions, environment);

/** The message of the ODN_ERR_OPTION that `options` give. */
function faultOf(options: unknown): string {
  try {
    resolveOptions(options as BrokerOptions, environment);
  } catch (error) {
    if (isBrokerError(error) && error.code === 'ODN_ERR_OPTION') return error.message;
    throw error;
  }
  throw new Error('no fault was found');
}

const durableStorage = (): Storage =>
  Object.defineProperty(memoryStorage(), 'supports', { value: { durability: 'power' } });

describe('defaults', () => {
  test('are those of the design', () => {
    const { storage, clock, hooks, ...rest } = resolve();
    expect(storage.supports).toEqual({ durability: 'none' });
    expect(typeof clock.now()).toBe('number');
    expect(hooks).toEqual({});
    expect(rest).toEqual({
      logger: undefined,
      seed: undefined,
      connectTimeoutSeconds: 10,
      packetBytesMax: 1_048_576,
      connectBytesMax: 393_216,
      connectionsMax: Infinity,
      connectRateMax: Infinity,
      receiveMaximum: 1000,
      inflightMax: 1000,
      queueMessagesMax: 10_000,
      queueBytesMax: 16 * 2 ** 20,
      queueOverflow: 'newest',
      queueQos0: false,
      outboundBytesMax: 8 * 2 ** 20,
      slowConsumer: 'drop',
      topicLevelsMax: 201,
      topicBytesMax: 65_535,
      subscriptionsMax: 100_000,
      retainedMessagesMax: 1_000_000,
      retainedBytesMax: 256 * 2 ** 20,
      sessionsMax: 1_000_000,
      sessionExpirySecondsMax: Infinity,
      topicAliasMaximum: 32,
      topicAliasMaximumOutbound: 32,
      userPropertiesMax: 64,
      memoryBytesMax: 2 ** 30,
      pauseSecondsMax: 30,
      pendingBytesMax: 65_536,
      storageStallSeconds: 30,
      hookTimeoutSeconds: 10,
      hookConcurrencyMax: 1000,
      hookContext: false,
      closeGraceSeconds: 2,
      keepAliveSecondsMax: Infinity,
      maximumQoS: 2,
      retainAvailable: true,
      wildcardSubscriptionAvailable: true,
      subscriptionIdentifierAvailable: true,
      sharedSubscriptionAvailable: true,
      sharedSelection: 'leastInflight',
      protocolVersions: [3, 4, 5],
      strictText: true,
      clientIdWildcards: false,
      mqtt31ClientIdLimit: false,
      refusedPublish: 'acknowledge',
      sysIntervalSeconds: 0,
      trustedProxies: [],
    });
  });

  test('of queues are larger for a storage that keeps its data', () => {
    expect(resolve({ storage: durableStorage() })).toMatchObject({ queueMessagesMax: 1_000_000, queueBytesMax: 2 ** 30 });
    expect(resolve({ storage: durableStorage(), queueMessagesMax: 5 }).queueMessagesMax).toBe(5);
  });

  test('stand in for an option that is undefined', () => {
    const left = Object.fromEntries(optionNames.map((name) => [name, undefined]));
    const { storage: _storage, clock: _clock, ...rest } = resolve(left);
    const { storage: _otherStorage, clock: _otherClock, ...defaults } = resolve();
    expect(rest).toEqual(defaults);
  });

  test('the result is frozen, and what was given is not held on to', () => {
    const trustedProxies = ['10.0.0.0/8'];
    const options = { trustedProxies, receiveMaximum: 5 };
    const resolved = resolve(options);
    trustedProxies.push('0.0.0.0/0');
    options.receiveMaximum = 6;
    expect(resolved).toMatchObject({ trustedProxies: ['10.0.0.0/8'], receiveMaximum: 5 });
    for (const part of [resolved, resolved.hooks, resolved.trustedProxies, resolved.protocolVersions]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });
});

describe('numbers', () => {
  const rules = Object.entries({ ...numberRules, memoryBytesMax: { ...numberRules.queueBytesMax } });

  test.each(rules)('%s takes its whole range and nothing beside it', (name, rule) => {
    const legal = [rule.max, rule.above ? Number.MIN_VALUE : rule.min, ...(rule.unlimited ? [Infinity] : [])];
    for (const value of legal) expect(resolve({ [name]: value })).toMatchObject({ [name]: value });
    const illegal: unknown[] = [Number.NaN, -1, -Infinity, '10', 10n, null, {}, [10], true, rule.max * 2];
    if (rule.above) illegal.push(rule.min);
    else illegal.push(rule.min - 1);
    if (rule.integer) illegal.push(rule.min + 0.5);
    if (!rule.unlimited) illegal.push(Infinity);
    for (const value of illegal) expect(faultOf({ [name]: value })).toMatch(new RegExp(`^${name} is .+; it must be an? `));
  });

  test('a fault states option, value and range', () => {
    expect(faultOf({ receiveMaximum: 70_000 })).toBe('receiveMaximum is 70000; it must be an integer from 1 to 65535');
    expect(faultOf({ connectTimeoutSeconds: '5' })).toBe(
      "connectTimeoutSeconds is '5'; it must be a number above 0 to 86400",
    );
    expect(faultOf({ keepAliveSecondsMax: 0 })).toBe(
      'keepAliveSecondsMax is 0; it must be an integer from 1 to 65535, or Infinity',
    );
    expect(faultOf({ seed: -1 })).toBe('seed is -1; it must be an integer from 0 to 4294967295');
    expect(resolve({ seed: 0 }).seed).toBe(0);
  });
});

describe('choices, flags and lists', () => {
  test.each([
    ['queueOverflow', ['newest', 'oldest']],
    ['slowConsumer', ['drop', 'disconnect']],
    ['sharedSelection', ['leastInflight', 'stickyByTopic']],
    ['refusedPublish', ['acknowledge', 'close']],
    ['maximumQoS', [0, 1, 2]],
    ['queueQos0', [true, false]],
    ['strictText', [true, false]],
    ['retainAvailable', [true, false]],
  ])('%s', (name, legal) => {
    for (const value of legal) expect(resolve({ [name]: value })).toMatchObject({ [name]: value });
    for (const value of ['other', 3, null, 'true', {}]) {
      expect(faultOf({ [name]: value })).toMatch(new RegExp(`^${name} is .+; it must be .+ or `));
    }
  });

  test('protocolVersions is a list of known versions, each once', () => {
    expect(resolve({ protocolVersions: [5, 4, 5] }).protocolVersions).toEqual([5, 4]);
    for (const value of [[], [6], ['5'], 5, [5, undefined], null, new Set([5])]) {
      expect(faultOf({ protocolVersions: value })).toMatch(/^protocolVersions is /);
    }
  });

  test.each(['192.0.2.1', '10.0.0.0/8', '0.0.0.0/0', '::1', '2001:db8::/32', '::ffff:10.0.0.1', 'FD00::/128'])(
    'trustedProxies takes %s',
    (range) => {
      expect(resolve({ trustedProxies: [range] }).trustedProxies).toEqual([range]);
    },
  );

  test.each(['', 'localhost', '10.0.0', '10.0.0.256', '010.0.0.1', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/08', '::/129', '1::2::3', '::1%eth0', '[::1]', '10.0.0.0/8/8', '1.2.3.4:80'])(
    'trustedProxies refuses %p',
    (range) => {
      expect(faultOf({ trustedProxies: ['127.0.0.1', range] })).toMatch(/^trustedProxies is \['127\.0\.0\.1', '/);
    },
  );

  test('trustedProxies is a list', () => {
    expect(faultOf({ trustedProxies: '10.0.0.1' })).toMatch(/^trustedProxies is '10\.0\.0\.1'/);
  });
});

describe('what the host plugs in', () => {
  test('is passed on as it is', () => {
    const storage = memoryStorage();
    const authenticate = () => true;
    const resolved = resolve({ storage, logger: silentLogger, authenticate });
    expect(resolved.storage).toBe(storage);
    expect(resolved.logger).toBe(silentLogger);
    expect(resolved.hooks).toEqual({ authenticate });
  });

  test('is checked for what it must have', () => {
    expect(faultOf({ authorize: true })).toBe('authorize is true; it must be a function');
    expect(faultOf({ logger: { error: () => {} } })).toBe(
      'logger is an object; it must be an object with the methods debug, info, warn, error',
    );
    expect(faultOf({ storage: './data' })).toMatch(/^storage is '\.\/data'; it must be an object with the methods open/);
    expect(faultOf({ clock: null })).toMatch(/^clock is null/);
    const storage = memoryStorage();
    Object.defineProperty(storage, 'supports', { value: undefined });
    expect(faultOf({ storage })).toMatch(/^storage is an object/);
  });
});

describe('names', () => {
  test('an unknown option is an error that names the nearest', () => {
    expect(faultOf({ queueMessageMax: 5 })).toBe('there is no option queueMessageMax; the nearest is queueMessagesMax');
    expect(faultOf({ hooks: {} })).toMatch(/^there is no option hooks; /);
    expect(faultOf({ __proto__: null, constructor: 1 })).toMatch(/^there is no option constructor; /);
  });

  test.each([
    ['maxConnections', 'connectionsMax'],
    ['maxQueueMessages', 'queueMessagesMax'],
    ['connectTimeout', 'connectTimeoutSeconds'],
    ['maximumQos', 'maximumQoS'],
    ['receive_maximum', 'receiveMaximum'],
    ['authorise', 'authorize'],
    ['sysInterval', 'sysIntervalSeconds'],
  ])('%s is nearest to %s', (name, nearest) => {
    expect(nearestName(name, optionNames)).toBe(nearest);
  });

  test.each([null, 5, 'memory', [], () => {}])('options that are no object: %p', (options) => {
    expect(faultOf(options)).toMatch(/^the options are .+; they must be an object$/);
  });
});

// Goal: the documentation tells the truth. Method: read every default from the comments and compare.
describe('documentation', () => {
  const source = readFileSync(new URL('../../../src/broker/options.ts', import.meta.url), 'utf8');
  const body = source.slice(source.indexOf('interface BrokerOptions'), source.indexOf('type Hook ='));
  const documented = new Map(
    [...body.matchAll(/\/\*\*((?:(?!\*\/).)*)\*\/\s+readonly (\w+)\?:/gs)].map(([, comment = '', name = '']) => [name, comment]),
  );

  test('every option has a comment with its default', () => {
    expect([...documented.keys()].toSorted()).toEqual([...optionNames].toSorted());
    for (const comment of documented.values()) expect(comment).toContain('@defaultValue');
  });

  test('every number states its default and its range as they are checked', () => {
    for (const [name, rule] of Object.entries(numberRules)) {
      const comment = documented.get(name)?.replace(/\s*\n\s*\* /g, ' ') ?? '';
      const [, stated = ''] = /@defaultValue `([\d_]+|Infinity)`/.exec(comment) ?? [];
      expect({ name, default: Number(stated.replaceAll('_', '')) }).toEqual({ name, default: rule.default });
      const bounded = rule.max === Number.MAX_SAFE_INTEGER;
      const from = rule.above ? `above ${rule.min}` : `${rule.min}`;
      const to = bounded ? (rule.above ? '' : ' or more') : ` to ${rule.max.toLocaleString('en-US')}`;
      expect({ name, comment }).toEqual({
        name,
        comment: expect.stringContaining(`Range: ${from}${to}${rule.unlimited ? ', or `Infinity`' : ''}.`),
      });
    }
  });
});
