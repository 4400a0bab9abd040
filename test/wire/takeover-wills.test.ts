/**
 * What becomes of the holder's will at a take-over (X5-3.1.3.2.2-2): it is sent, unless its delay and the old Session
 * Expiry Interval are above zero and the new connection has Clean Start 0. All eight combinations, in both ways to come.
 */
import { describe, expect, test } from '@jest/globals';
import { openRig, payloads } from './rig.js';
import type { Rig } from './rig.js';

interface Combination {
  readonly delay: number;
  readonly expiry: number;
  readonly clean: boolean;
  readonly sent: boolean;
}

const combinations: readonly Combination[] = [0, 5].flatMap((delay) =>
  [0, 60].flatMap((expiry) => [true, false].map((clean) => ({ delay, expiry, clean, sent: !(delay > 0 && expiry > 0 && !clean) }))),
);

function holder(rig: Rig, { delay, expiry }: Combination): ReturnType<Rig['open']> {
  const will = { topic: 'w', payload: 'old', ...(delay > 0 && { properties: { willDelayInterval: delay } }) };
  return rig.client('a', { clean: false, will, properties: { sessionExpiryInterval: expiry } });
}

test('there are eight, and one keeps the will from being sent', () => {
  expect(combinations).toHaveLength(8);
  expect(combinations.filter(({ sent }) => !sent)).toEqual([{ delay: 5, expiry: 60, clean: false, sent: false }]);
});

describe.each(combinations)('v5 will delay $delay, session expiry $expiry, Clean Start $clean', (combination) => {
  const { clean, sent } = combination;

  test(`take-over: the will is ${sent ? 'sent at once, and once' : 'not sent'}`, () => {
    const rig = openRig();
    const watcher = rig.subscriber('watcher', 'w');
    holder(rig, combination);
    const next = rig.client('a', { clean, properties: { sessionExpiryInterval: 60 } });
    expect(payloads(watcher)).toEqual(sent ? ['old'] : []);
    rig.clock.advance(60_000);
    expect(payloads(watcher)).toEqual([]);
    // Nor does it come back with the new connection's end, which has no will.
    next.drop();
    rig.clock.advance(120_000);
    expect(payloads(watcher)).toEqual([]);
    expect(rig.stats.willsPublished).toBe(sent ? 1 : 0);
  });

  test('take-over by a client with a will of its own: the new will is the new connection’s', () => {
    const rig = openRig();
    const watcher = rig.subscriber('watcher', 'w');
    holder(rig, combination);
    const next = rig.client('a', { clean, will: { topic: 'w', payload: 'new' }, properties: { sessionExpiryInterval: 60 } });
    expect(payloads(watcher)).toEqual(sent ? ['old'] : []);
    next.drop();
    expect(payloads(watcher)).toEqual(['new']);
    rig.clock.advance(120_000);
    expect(payloads(watcher)).toEqual([]);
  });

  test('back one second after the connection was lost: cancelled in the same one case', () => {
    const rig = openRig();
    const watcher = rig.subscriber('watcher', 'w');
    holder(rig, combination).drop();
    rig.clock.advance(1000);
    rig.client('a', { clean, properties: { sessionExpiryInterval: 60 } });
    rig.clock.advance(120_000);
    expect(payloads(watcher)).toEqual(sent ? ['old'] : []);
  });
});

describe.each([3, 4] as const)('version %i has no delay', (protocolVersion) => {
  test.each([true, false])('so the will of a holder is sent, taken over with Clean Session %s', (clean) => {
    const rig = openRig();
    const watcher = rig.subscriber('watcher', 'w');
    rig.resumable('a', { protocolVersion, will: { topic: 'w', payload: 'old' } });
    rig.client('a', { protocolVersion, clean });
    expect(payloads(watcher)).toEqual(['old']);
    expect(rig.stats.willsPublished).toBe(1);
  });
});

test('v5 a delayed will, cancelled by a 3.1.1 client with Clean Session 0', () => {
  const rig = openRig();
  const watcher = rig.subscriber('watcher', 'w');
  holder(rig, { delay: 5, expiry: 60, clean: false, sent: false });
  rig.resumable('a', { protocolVersion: 4 });
  rig.clock.advance(10_000);
  expect(payloads(watcher)).toEqual([]);
});

test('the will of the holder reaches the new connection when it is subscribed to it', () => {
  const rig = openRig();
  rig.resumable('a', { will: { topic: 'w', payload: 'old', qos: 1 } }).subscribe('w', { qos: 1 });
  const next = rig.resumable('a');
  expect(payloads(next)).toEqual(['old']);
});
