/** v5 Will Delay Interval: the will fires at the earlier of its delay and the end of the session, and once. */
import { describe, expect, test } from '@jest/globals';
import { openRig, payloads } from './rig.js';
import type { Rig } from './rig.js';

type Client = ReturnType<Rig['open']>;

interface Scene {
  readonly rig: Rig;
  /** Connects `a` with a will of `delay` seconds and a session of `expiry` seconds. */
  readonly connect: (delay: number, expiry: number, options?: { readonly clean?: boolean; readonly payload?: string }) => Client;
  readonly wills: () => (string | undefined)[];
  /** Expects the will `ms` from now, and not a moment before. */
  readonly expectWillAfter: (ms: number) => void;
}

function scene(options = {}): Scene {
  const rig = openRig(options);
  const watcher = rig.subscriber('watcher', 'w');
  const wills = (): (string | undefined)[] => payloads(watcher);
  return {
    rig,
    wills,
    connect: (delay, expiry, { clean = false, payload = 'will' } = {}) =>
      rig.client('a', {
        clean,
        will: { topic: 'w', payload, properties: { willDelayInterval: delay } },
        properties: { sessionExpiryInterval: expiry },
      }),
    expectWillAfter: (ms) => {
      rig.clock.advance(ms - 1);
      expect(wills()).toEqual([]);
      rig.clock.advance(1);
      expect(wills()).toEqual(['will']);
      rig.clock.advance(10_000_000_000);
      expect(wills()).toEqual([]);
      expect(rig.stats.willsPublished).toBe(1);
    },
  };
}

describe('X5-3.1.3.2.2-1 the earlier of delay and session end', () => {
  test.each([
    [5, 60, 5],
    [60, 5, 5],
    [10, 10, 10],
    [5, 0xffff_ffff, 5],
    [0xffff_ffff, 7, 7],
  ])('delay %i, expiry %i: after %i seconds, counted from the close', (delay, expiry, seconds) => {
    const { rig, connect, expectWillAfter } = scene();
    const client = connect(delay, expiry);
    rig.clock.advance(3_600_000);
    client.drop();
    expectWillAfter(seconds * 1000);
  });
  test.each([
    [0, 60],
    [60, 0],
    [0, 0],
  ])('delay %i, expiry %i: at once', (delay, expiry) => {
    const { connect, wills } = scene();
    connect(delay, expiry).drop();
    expect(wills()).toEqual(['will']);
  });
  test('a delay beyond 2^31 ms is kept', () => {
    const { connect, expectWillAfter } = scene();
    connect(3_000_000, 0xffff_ffff).drop();
    expectWillAfter(3_000_000_000);
  });
  test('an expiry that was capped ends the delay', () => {
    const { connect, expectWillAfter } = scene({ sessionExpirySecondsMax: 3 });
    connect(60, 600).drop();
    expectWillAfter(3000);
  });
  test('after DISCONNECT 0x04 the delay runs as well', () => {
    const { connect, expectWillAfter } = scene();
    connect(5, 60).disconnect(4);
    expectWillAfter(5000);
  });
  test('an expiry lowered by DISCONNECT 0x04 below the delay ends it then; lowered to 0, at once', () => {
    const first = scene();
    first.connect(50, 60).disconnect(4, { sessionExpiryInterval: 2 });
    first.expectWillAfter(2000);
    const second = scene();
    second.connect(50, 60).disconnect(4, { sessionExpiryInterval: 0 });
    expect(second.wills()).toEqual(['will']);
  });
  test('DISCONNECT 0x00 discards it whatever the delay', () => {
    const { rig, connect, wills } = scene();
    connect(5, 60).disconnect();
    rig.clock.advance(120_000);
    expect(wills()).toEqual([]);
  });
  test.each(['protocol error', 'keep alive', 'kick'] as const)('%s begins the delay like a lost connection', (how) => {
    const { rig, connect, expectWillAfter } = scene(how === 'keep alive' ? { keepAliveSecondsMax: 10 } : {});
    const client = connect(5, 60);
    if (how === 'protocol error') client.sendsHex('f0 00');
    else if (how === 'kick') rig.broker.clients.get('a')?.close();
    // The watcher must not be late itself.
    else rig.clock.advance(15_000);
    if (how !== 'keep alive') return expectWillAfter(5000);
    rig.clock.advance(5000);
    expect(rig.stats.willsPublished).toBe(1);
  });
});

describe('[MQTT-3.1.3-9] a connection in time', () => {
  test('with Clean Start 0 cancels it, also a moment before', () => {
    const { rig, connect, wills } = scene();
    connect(5, 60).drop();
    rig.clock.advance(4999);
    const again = rig.client('a', { clean: false, properties: { sessionExpiryInterval: 60 } });
    rig.clock.advance(60_000);
    again.drop();
    rig.clock.advance(120_000);
    expect(wills()).toEqual([]);
  });
  test('with Clean Start 1 ends the session, so it fires at once', () => {
    const { rig, connect, wills } = scene();
    connect(5, 60).drop();
    rig.clock.advance(1000);
    rig.client('a', { clean: true });
    expect(wills()).toEqual(['will']);
    rig.clock.advance(60_000);
    expect(wills()).toEqual([]);
  });
  test('too late does not call it back, and does not send it twice', () => {
    const { rig, connect, wills } = scene();
    connect(5, 60).drop();
    rig.clock.advance(5000);
    expect(wills()).toEqual(['will']);
    rig.client('a', { clean: false, properties: { sessionExpiryInterval: 60 } }).drop();
    rig.clock.advance(120_000);
    expect(wills()).toEqual([]);
  });
  test('begins a delay of its own when it is lost', () => {
    const { rig, connect, wills } = scene();
    connect(5, 60, { payload: 'first' }).drop();
    rig.clock.advance(4000);
    connect(10, 60, { payload: 'second' }).drop();
    rig.clock.advance(9999);
    expect(wills()).toEqual([]);
    rig.clock.advance(1);
    expect(wills()).toEqual(['second']);
    rig.clock.advance(120_000);
    expect(wills()).toEqual([]);
  });
  test('that is refused cancels nothing', () => {
    let allow = true;
    const { rig, connect, expectWillAfter } = scene({ authenticate: () => allow });
    connect(5, 60).drop();
    allow = false;
    rig.open().connect({ clientId: 'a', clean: false });
    rig.open().connect({ clientId: 'a', clean: true });
    allow = true;
    expectWillAfter(5000);
  });
  test('by another principal, refused, cancels nothing', () => {
    const { rig, connect, expectWillAfter } = scene({ authenticate: () => true });
    connect(5, 60).drop();
    expect(rig.open().connect({ clientId: 'a', clean: true, username: 'q' }).received()).toMatchObject([{ reasonCode: 0x87 }]);
    expectWillAfter(5000);
  });
  test('to an ended session is none: its will was sent at its end', () => {
    const { rig, connect, wills } = scene();
    connect(60, 5).drop();
    rig.clock.advance(5000);
    expect(wills()).toEqual(['will']);
    const again = rig.open().connect({ clientId: 'a', clean: false, properties: { sessionExpiryInterval: 60 } });
    expect(again.received()).toMatchObject([{ sessionPresent: false }]);
    rig.clock.advance(120_000);
    expect(wills()).toEqual([]);
  });
});

test('delay and expiry fall on the same moment: once, and the session is gone', () => {
  const { rig, connect, wills } = scene();
  connect(10, 10).drop();
  rig.clock.advance(10_000);
  expect(wills()).toEqual(['will']);
  expect(rig.broker.stats().sessions).toBe(1); // the watcher's
});

test('many delayed wills fire each at its own time', () => {
  const rig = openRig();
  const watcher = rig.subscriber('watcher', 'w');
  for (let delay = 1; delay <= 50; delay += 1) {
    const will = { topic: 'w', payload: String(delay), properties: { willDelayInterval: delay } };
    rig.client(`c${delay}`, { will, properties: { sessionExpiryInterval: 3600 } }).drop();
  }
  for (let delay = 1; delay <= 50; delay += 1) {
    rig.clock.advance(1000);
    expect(payloads(watcher)).toEqual([String(delay)]);
  }
});

test('wall-clock corrections do not move a will', () => {
  const { rig, connect, expectWillAfter } = scene();
  connect(5, 60).drop();
  rig.clock.shiftWall(86_400_000);
  expectWillAfter(5000);
});
