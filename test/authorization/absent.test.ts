/**
 * What a message costs where no hook is: nothing is made for it, no promise and no object. Counted, not timed. A hook that
 * answers with a plain value costs no promise either.
 */
import { createHook } from 'node:async_hooks';
import { getHeapSpaceStatistics } from 'node:v8';
import { describe, expect, test } from '@jest/globals';
import type { BrokerOptions } from '../../src/index.js';
import { authorizeDelivery, authorizePublish, authorizeSubscribe } from '../../src/protocol/authorization.js';
import type { HookRunner } from '../../src/hooks/hooks.js';
import type { Client } from '../../src/protocol/client.js';
import type { Environment } from '../../src/protocol/environment.js';
import type { Publication } from '../../src/packet/publication.js';
import { both, numbered, openRig, publishes } from '../wire/rig.js';

/** How many promises `run` makes, in whichever hands. */
function promisesIn(run: () => void): number {
  let promises = 0;
  const counter = createHook({ init: (_id, type) => void (promises += Number(type === 'PROMISE')) });
  counter.enable();
  try {
    run();
  } finally {
    counter.disable();
  }
  return promises;
}

/** Promises of a hundred messages from a client to a client, with SUBSCRIBE, at one QoS. */
function promisesOf(options: BrokerOptions, qos: 0 | 1 | 2, protocolVersion: 4 | 5): number {
  const rig = openRig(options);
  const publisher = rig.client('publisher', { protocolVersion });
  const subscriber = rig.client('subscriber', { protocolVersion });
  let delivered = 0;
  const promises = promisesIn(() => {
    subscriber.subscribe('t', { qos }).skip();
    for (const payload of numbered(100)) {
      publisher.publish({ topic: 't', payload, qos });
      for (const { packetId = 0 } of publishes(subscriber)) {
        delivered += 1;
        if (qos === 1) subscriber.puback(packetId);
        if (qos === 2) subscriber.pubrec(packetId).pubcomp(packetId);
      }
      for (const { type, packetId = 0 } of publisher.received()) if (type === 'pubrec') publisher.pubrel(packetId);
    }
    publisher.skip();
  });
  // With a hook that is asynchronous nothing comes within the turn.
  expect([0, 100]).toContain(delivered);
  return promises;
}

test('the count counts: three promises are three', () => {
  expect(promisesIn(() => [Promise.resolve(), new Promise(() => undefined), (async () => undefined)()])).toBe(3);
});

describe.each(both)('$name promises of a hundred messages', ({ protocolVersion }) => {
  test.each([0, 1, 2] as const)('QoS %i without a hook: none', (qos) => {
    expect(promisesOf({}, qos, protocolVersion)).toBe(0);
  });
  test.each([0, 1, 2] as const)('QoS %i with one that answers plainly: none', (qos) => {
    expect(promisesOf({ authorize: () => true }, qos, protocolVersion)).toBe(0);
    expect(promisesOf({ authorize: () => ({ action: 'allow', cache: true }) }, qos, protocolVersion)).toBe(0);
    expect(promisesOf({ authorize: (_, { type }) => type !== 'deliver' }, 0, protocolVersion)).toBe(0);
  });
  test('with one that answers by and by: some, or this proves nothing', () => {
    expect(promisesOf({ authorize: async () => true }, 0, protocolVersion)).toBeGreaterThan(0);
  });
});

/** The chokepoint, where nothing but the one flag may be looked at. */
describe('without a hook the chokepoint answers from one flag', () => {
  const untouchable = <T extends object>(what: string, known: Partial<T>): T =>
    new Proxy(known as T, {
      get(target, name) {
        if (!(name in target)) throw new Error(`${what}.${String(name)} was looked at`);
        return target[name as keyof T];
      },
    });
  const engine = untouchable<Environment>('engine', { hooks: untouchable<HookRunner>('hooks', { hasAuthorize: false }) });
  const client = untouchable<Client>('client', { trusted: false });
  const publication = untouchable<Publication>('publication', { topic: 'a/b' });
  const questions = {
    publish: () => authorizePublish(engine, client, publication, 'publish'),
    will: () => authorizePublish(engine, client, publication, 'will'),
    deliver: () => authorizeDelivery(engine, client, publication, 1, false),
    subscribe: () => authorizeSubscribe(engine, client, { topicFilter: 'a/b', qos: 1 }, {}),
  };

  test.each(Object.keys(questions) as (keyof typeof questions)[])('%s: always the same frozen answer, and nobody is looked at', (type) => {
    const answer = questions[type]();
    expect(answer).toEqual({ reasonCode: 0, reasonString: undefined, cache: false });
    expect(Object.isFrozen(answer)).toBe(true);
    for (const question of Object.values(questions)) expect(question()).toBe(answer);
  });
});

/**
 * Bytes by which `run`, called so often, grows the space where everything new begins; the least of some rounds, as a
 * collection or somebody else's garbage may fall into one.
 */
function newBytesOf(times: number, run: () => unknown): number {
  const used = (): number => getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space')?.space_used_size ?? 0;
  const rounds = numbered(5).map(() => {
    const before = used();
    for (let time = 0; time < times; time += 1) run();
    return used() - before;
  });
  return Math.min(...rounds.filter((bytes) => bytes >= 0));
}

test('it allocates nothing: 20,000 questions leave less than a byte each', () => {
  const engine = { hooks: { hasAuthorize: false } } as Environment;
  const client = { trusted: false } as Client;
  const publication = { topic: 'a/b' } as Publication;
  const kept: unknown[] = [undefined];
  const ask = (): void => {
    kept[0] = authorizePublish(engine, client, publication, 'publish');
    kept[0] = authorizeDelivery(engine, client, publication, 1, false);
  };
  newBytesOf(20_000, ask); // until it is compiled
  expect(newBytesOf(20_000, ask)).toBeLessThan(20_000);
  // The smallest object has three words; one for each question would be seen.
  expect(newBytesOf(20_000, () => (kept[0] = { topic: 'a/b' }))).toBeGreaterThan(100_000);
});
