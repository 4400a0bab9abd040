/** When a session ends: Session Expiry Interval from the close of the connection, in CONNECT and changed by DISCONNECT. */
import { describe, expect, test } from '@jest/globals';
import { openRig, payloads } from './rig.js';
import type { Rig } from './rig.js';

const never = 0xffff_ffff;

/** A 5.0 client `a` with this Session Expiry Interval. */
const client = (rig: Rig, sessionExpiryInterval: number, clean = false) =>
  rig.client('a', { clean, properties: { sessionExpiryInterval } });

/** Advances to just before `ms`, expects the session, and lets it end. */
function expectEndsAfter(rig: Rig, ms: number): void {
  rig.clock.advance(ms - 1);
  expect(rig.stats.sessions).toBe(1);
  rig.clock.advance(1);
  expect(rig.stats.sessions).toBe(0);
}

describe('v5 the interval of CONNECT', () => {
  test.each(['disconnect', 'drop', 'end'] as const)('[MQTT-3.1.2-23] [MQTT-4.1.0-2] counts from the close of the connection: %s', (how) => {
    const rig = openRig();
    const a = client(rig, 60);
    rig.clock.advance(3_600_000);
    a[how]();
    expectEndsAfter(rig, 60_000);
    expect(rig.stats.sessionsExpired).toBe(1);
  });
  test('[MQTT-4.1.0-1] does not run while the connection is open', () => {
    const rig = openRig();
    client(rig, 1);
    rig.clock.advance(1e9);
    expect(rig.stats.sessions).toBe(1);
  });
  test('starts again with each close', () => {
    const rig = openRig();
    for (let round = 0; round < 3; round += 1) {
      client(rig, 60).drop();
      rig.clock.advance(59_000);
    }
    expect(rig.stats.sessions).toBe(1);
    rig.clock.advance(1000);
    expect(rig.stats.sessions).toBe(0);
  });
  test('0 ends the session with the connection', () => {
    const rig = openRig();
    client(rig, 0).drop();
    expect(rig.stats.sessions).toBe(0);
  });
  test('[X5-3.1.2.11.2-1] 0xFFFFFFFF never ends it', () => {
    const rig = openRig();
    client(rig, never).drop();
    rig.clock.advance(200 * 365 * 86_400_000);
    expect(rig.stats.sessions).toBe(1);
  });
  test('0xFFFFFFFE is a time like any other, 136 years', () => {
    const rig = openRig();
    client(rig, never - 1).drop();
    expectEndsAfter(rig, (never - 1) * 1000);
  });
  test.each([2 ** 31 / 1000, 2 ** 32 / 1000].map(Math.ceil))('%i seconds are more milliseconds than a timer takes: the session ends then, not at once', (seconds) => {
    const rig = openRig();
    client(rig, seconds).drop();
    expectEndsAfter(rig, seconds * 1000);
  });
  test('of the latest connection counts, shorter or longer', () => {
    const rig = openRig();
    client(rig, 1000).drop();
    client(rig, 10).drop();
    expectEndsAfter(rig, 10_000);
    client(rig, 10).drop();
    client(rig, 1000).drop();
    expectEndsAfter(rig, 1_000_000);
  });
  test('at its end the session takes its subscriptions and messages along', () => {
    const rig = openRig();
    client(rig, 60).subscribe('t', { qos: 1 }).drop();
    rig.client('pub').publish({ topic: 't', qos: 1 });
    expect(rig.stats).toMatchObject({ subscriptions: 1, queuedMessages: 1 });
    rig.clock.advance(60_000);
    expect(rig.stats).toMatchObject({ subscriptions: 0, queuedMessages: 0, queuedBytes: 0 });
    expect(payloads(client(rig, 60))).toEqual([]);
  });
  test('a client that is back a moment before keeps everything', () => {
    const rig = openRig();
    client(rig, 60).subscribe('t', { qos: 1 }).drop();
    rig.client('pub').publish({ topic: 't', payload: 'x', qos: 1 });
    rig.clock.advance(59_999);
    const a = client(rig, 60);
    rig.clock.advance(120_000);
    expect(payloads(a)).toEqual(['x']);
  });
  test('many sessions end each at its own time', () => {
    const rig = openRig();
    for (let seconds = 1; seconds <= 50; seconds += 1) {
      rig.client(`c${seconds}`, { properties: { sessionExpiryInterval: seconds } }).drop();
    }
    for (let seconds = 1; seconds <= 50; seconds += 1) {
      rig.clock.advance(1000);
      expect(rig.stats.sessions).toBe(50 - seconds);
    }
  });
});

describe('v5 [X5-3.14.2.2.2-2] the interval of DISCONNECT replaces it', () => {
  test.each([
    ['shorter', 1000, 10],
    ['longer', 10, 1000],
    ['the same', 10, 10],
  ])('%s', (_, first, second) => {
    const rig = openRig();
    client(rig, first).disconnect(0, { sessionExpiryInterval: second });
    expectEndsAfter(rig, second * 1000);
  });
  test('0 ends the session at once', () => {
    const rig = openRig();
    client(rig, 1000).disconnect(0, { sessionExpiryInterval: 0 });
    expect(rig.stats.sessions).toBe(0);
  });
  test('0xFFFFFFFF keeps it for ever, and from there it can be made to end', () => {
    const rig = openRig();
    client(rig, 10).disconnect(0, { sessionExpiryInterval: never });
    rig.clock.advance(1e12);
    client(rig, never).disconnect(0, { sessionExpiryInterval: 10 });
    expectEndsAfter(rig, 10_000);
  });
  test('left out, that of CONNECT stays', () => {
    const rig = openRig();
    client(rig, 10).disconnect();
    expectEndsAfter(rig, 10_000);
  });
  test('it lasts for that connection: the next CONNECT has its own', () => {
    const rig = openRig();
    client(rig, 1000).disconnect(0, { sessionExpiryInterval: 10 });
    client(rig, 500).disconnect();
    expectEndsAfter(rig, 500_000);
  });
  test('with 0x04 it holds as well', () => {
    const rig = openRig();
    client(rig, 1000).disconnect(4, { sessionExpiryInterval: 10 });
    expectEndsAfter(rig, 10_000);
  });
  test.each([undefined, 0])('[X5-3.14.2.2.2-1] may not raise %s: 0x82, the DISCONNECT is void and the will is published', (sessionExpiryInterval) => {
    const rig = openRig();
    const watcher = rig.subscriber('watcher', 'w');
    const will = { topic: 'w', payload: 'x' };
    const a = rig.client('a', { will, ...(sessionExpiryInterval !== undefined && { properties: { sessionExpiryInterval } }) });
    a.disconnect(0, { sessionExpiryInterval: 5 });
    expect(a.received()).toMatchObject([{ type: 'disconnect', reasonCode: 0x82 }]);
    expect(a.closed).toBe(true);
    expect(payloads(watcher)).toEqual(['x']);
    expect(rig.stats.sessions).toBe(1); // the watcher's
  });
  test('0 where it was 0 is no change and no error', () => {
    const rig = openRig();
    const a = client(rig, 0).disconnect(0, { sessionExpiryInterval: 0 });
    expect(a.received()).toEqual([]);
  });
});

describe('sessionExpirySecondsMax', () => {
  test('v5 caps CONNECT, also where never is asked for', () => {
    for (const asked of [61, never]) {
      const rig = openRig({ sessionExpirySecondsMax: 60 });
      client(rig, asked).drop();
      expectEndsAfter(rig, 60_000);
    }
  });
  test('v5 caps DISCONNECT', () => {
    const rig = openRig({ sessionExpirySecondsMax: 60 });
    client(rig, 10).disconnect(0, { sessionExpiryInterval: never });
    expectEndsAfter(rig, 60_000);
  });
  test('v5 a CONNECT that was capped to 0 may not be raised by DISCONNECT', () => {
    const rig = openRig({ sessionExpirySecondsMax: 0 });
    const a = client(rig, 60).disconnect(0, { sessionExpiryInterval: 60 });
    expect(a.last()).toMatchObject({ type: 'disconnect', reasonCode: 0x82 });
  });
  test('v3.1.1 and v3.1 caps Clean Session 0', () => {
    for (const protocolVersion of [3, 4] as const) {
      const rig = openRig({ sessionExpirySecondsMax: 60 });
      rig.resumable('a', { protocolVersion }).drop();
      expectEndsAfter(rig, 60_000);
    }
  });
});

test('wall-clock corrections do not touch a countdown', () => {
  const rig = openRig();
  client(rig, 60).drop();
  rig.clock.shiftWall(86_400_000);
  rig.clock.advance(30_000);
  rig.clock.shiftWall(-2 * 86_400_000);
  rig.clock.advance(29_999);
  expect(rig.stats.sessions).toBe(1);
  rig.clock.advance(1);
  expect(rig.stats.sessions).toBe(0);
});

test('v5 [MQTT-3.14.2-2] no DISCONNECT of the broker has a Session Expiry Interval', () => {
  const rig = openRig();
  const a = client(rig, 60);
  const again = client(rig, 60);
  rig.broker.clients.get('a')?.close();
  for (const { properties } of [...a.received(), ...again.received()]) expect(properties?.sessionExpiryInterval).toBeUndefined();
});
