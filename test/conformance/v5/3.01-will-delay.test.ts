/** MQTT 5.0, chapter 3.1.3.2.2: Will Delay Interval, and the will's Message Expiry Interval. */
import { describe, expect, test } from '@jest/globals';
import type { WireClient } from '../../../src/testing/index.js';
import { House, waysDown } from '../../wire/house.js';
import { openRig, payloads, publishes } from '../../wire/rig.js';
import type { Rig } from '../../wire/rig.js';
import { client, never, resumable, subscriber } from './support.js';

/** A client `a` with a will of `delay` seconds and a session of `expiry` seconds. */
const withWill = (rig: Rig, delay: number, expiry: number): WireClient =>
  client(rig, 'a', {
    clean: false,
    will: { topic: 'w', payload: 'bye', properties: { willDelayInterval: delay } },
    properties: { sessionExpiryInterval: expiry },
  });

const back = (rig: Rig, clean = false): WireClient => client(rig, 'a', { clean, properties: { sessionExpiryInterval: 60 } });

describe('a connection within the delay', () => {
  test.each([0, 1000, 4999])('v5 [MQTT-3.1.3-9] after %i of 5,000 ms, with Clean Start 0: the will is not sent', (ms) => {
    const rig = openRig();
    const watcher = subscriber(rig, 'watcher', 'w');
    withWill(rig, 5, 60).drop();
    rig.clock.advance(ms);
    const again = back(rig);
    rig.clock.advance(60_000);
    again.drop();
    rig.clock.advance(120_000);
    expect([payloads(watcher), rig.stats.willsPublished]).toEqual([[], 0]);
  });

  test('v5 [MQTT-3.1.3-9] a connection at the end of the delay is too late', () => {
    const rig = openRig();
    const watcher = subscriber(rig, 'watcher', 'w');
    withWill(rig, 5, 60).drop();
    rig.clock.advance(5000);
    back(rig).drop();
    expect(payloads(watcher)).toEqual(['bye']);
    rig.clock.advance(120_000);
    expect(payloads(watcher)).toEqual([]);
  });

  test('v5 [MQTT-3.1.3-9] one that is refused, or another client’s, cancels nothing', () => {
    let allow = true;
    const rig = openRig({ authenticate: () => allow });
    const watcher = subscriber(rig, 'watcher', 'w');
    withWill(rig, 5, 60).drop();
    resumable(rig, 'b').drop();
    allow = false;
    rig.open().connect({ clientId: 'a', clean: false });
    rig.clock.advance(4999);
    expect(payloads(watcher)).toEqual([]);
    rig.clock.advance(1);
    expect(payloads(watcher)).toEqual(['bye']);
  });
});

test('v5 [MQTT-3.1.3-9] the will of the new connection has a delay of its own', () => {
  const rig = openRig();
  const watcher = subscriber(rig, 'watcher', 'w');
  withWill(rig, 5, 60).drop();
  rig.clock.advance(4000);
  const again = withWill(rig, 10, 60);
  rig.clock.advance(50_000);
  expect(payloads(watcher)).toEqual([]);
  again.drop();
  rig.clock.advance(9999);
  expect(payloads(watcher)).toEqual([]);
  rig.clock.advance(1);
  expect(payloads(watcher)).toEqual(['bye']);
});

test.each(waysDown)('v5 [MQTT-3.1.3-9] a will that a connection in time has cancelled does not come back after a %s', async (down) => {
  const house = new House();
  withWill(house.rig, 5, 60).drop();
  house.rig.clock.advance(1000);
  back(house.rig);
  const rig = await house[down](10);
  rig.clock.advance(120_000);
  expect(rig.stats.willsPublished).toBe(0);
});

describe('the earlier of will delay and session end', () => {
  test.each([
    [60, 1, 1],
    [1, 60, 1],
    [10, 10, 10],
    [5, never, 5],
    [never, 7, 7],
    [3_000_000, never, 3_000_000],
  ])('v5 [X5-3.1.3.2.2-1] delay %i, expiry %i: after %i seconds, counted from the close, and once', (delay, expiry, seconds) => {
    const rig = openRig();
    const watcher = subscriber(rig, 'watcher', 'w');
    const gone = withWill(rig, delay, expiry);
    rig.clock.advance(3_600_000);
    gone.drop();
    rig.clock.advance(seconds * 1000 - 1);
    expect(payloads(watcher)).toEqual([]);
    rig.clock.advance(1);
    expect(payloads(watcher)).toEqual(['bye']);
    rig.clock.advance(10_000_000_000);
    expect(payloads(watcher)).toEqual([]);
  });

  test.each([[0, 60], [60, 0], [0, 0]])('v5 [X5-3.1.3.2.2-1] delay %i, expiry %i: at once', (delay, expiry) => {
    const rig = openRig();
    const watcher = subscriber(rig, 'watcher', 'w');
    withWill(rig, delay, expiry).drop();
    expect(payloads(watcher)).toEqual(['bye']);
  });

  test('v5 [X5-3.1.3.2.2-1] Clean Start 1 ends the session, so the will is sent at once', () => {
    const rig = openRig();
    const watcher = subscriber(rig, 'watcher', 'w');
    withWill(rig, 60, 600).drop();
    rig.clock.advance(1000);
    expect(payloads(watcher)).toEqual([]);
    back(rig, true);
    expect(payloads(watcher)).toEqual(['bye']);
    rig.clock.advance(600_000);
    expect(payloads(watcher)).toEqual([]);
  });

  test('v5 [X5-3.1.3.2.2-1] an expiry that DISCONNECT lowers below the delay ends it then', () => {
    const rig = openRig();
    const watcher = subscriber(rig, 'watcher', 'w');
    withWill(rig, 50, 60).disconnect(0x04, { sessionExpiryInterval: 2 });
    rig.clock.advance(1999);
    expect(payloads(watcher)).toEqual([]);
    rig.clock.advance(1);
    expect(payloads(watcher)).toEqual(['bye']);
  });
});

describe('take-over', () => {
  test.each(
    [0, 5].flatMap((delay) => [0, 60].flatMap((expiry) => [true, false].map((clean) => [delay, expiry, clean] as const))),
  )('v5 [X5-3.1.3.2.2-2] delay %i, expiry %i, Clean Start %s: the will is sent at once unless both are above 0 and Clean Start is 0', (delay, expiry, clean) => {
    const rig = openRig();
    const watcher = subscriber(rig, 'watcher', 'w');
    withWill(rig, delay, expiry);
    const next = rig.open().connect({ clientId: 'a', clean, properties: { sessionExpiryInterval: 60 } });
    expect(next.received()).toMatchObject([{ type: 'connack', sessionPresent: expiry > 0 && !clean }]);
    const kept = delay > 0 && expiry > 0 && !clean;
    expect(payloads(watcher)).toEqual(kept ? [] : ['bye']);
    rig.clock.advance(60_000);
    next.drop();
    rig.clock.advance(120_000);
    expect(payloads(watcher)).toEqual([]);
  });

  test('v5 [X5-3.1.3.2.2-2] the will of the new connection is the new connection’s', () => {
    const rig = openRig();
    const watcher = subscriber(rig, 'watcher', 'w');
    withWill(rig, 5, 60);
    const next = client(rig, 'a', { clean: false, will: { topic: 'w', payload: 'new' }, properties: { sessionExpiryInterval: 60 } });
    expect(payloads(watcher)).toEqual([]);
    next.drop();
    expect(payloads(watcher)).toEqual(['new']);
  });
});

describe('the Message Expiry Interval of a will', () => {
  const expiring = (rig: Rig, messageExpiryInterval: number | undefined, willDelayInterval = 0, retain = false): WireClient => {
    const properties = { willDelayInterval, ...(messageExpiryInterval !== undefined && { messageExpiryInterval }) };
    return resumable(rig, 'a', { will: { topic: 'w', payload: 'bye', qos: 1, retain, properties } });
  };

  test('v5 [X5-3.1.3.2.4-1] is sent whole when the will is published, however long connection and delay were', () => {
    const rig = openRig();
    const watcher = subscriber(rig, 'watcher', 'w');
    for (const [delay, expiry] of [[2, 10], [20, 10], [0, 3]] as const) {
      const gone = expiring(rig, expiry, delay);
      rig.clock.advance(3_600_000);
      gone.drop();
      rig.clock.advance(delay * 1000);
      expect(publishes(watcher)).toMatchObject([{ payload: 'bye', properties: { messageExpiryInterval: expiry } }]);
    }
    expiring(rig, undefined).drop();
    expect(publishes(watcher)[0]?.properties).toBeUndefined();
  });

  test('v5 [X5-3.1.3.2.4-1] runs from there: less what it has waited, and then it is gone', () => {
    const rig = openRig();
    const watch = (clientId: string): WireClient => resumable(rig, clientId);
    for (const clientId of ['early', 'late']) watch(clientId).subscribe('w', { qos: 1 }).disconnect();
    expiring(rig, 10, 2, true).drop();
    rig.clock.advance(2000 + 9000);
    expect(publishes(watch('early'))).toMatchObject([{ payload: 'bye', properties: { messageExpiryInterval: 1 } }]);
    expect(payloads(client(rig, 'now').subscribe('w'))).toEqual(['bye']);
    rig.clock.advance(1000);
    expect(publishes(watch('late'))).toEqual([]);
    expect(payloads(client(rig, 'then').subscribe('w'))).toEqual([]);
  });
});
