/** MQTT 5.0, chapter 3.14: DISCONNECT from a client. */
import { expect, test } from '@jest/globals';
import type { WireClient, WireProperties } from '../../../src/testing/index.js';
import { packet, text } from '../../unit/packet/wire.js';
import { openRig, payloads } from '../../wire/rig.js';
import type { Rig } from '../../wire/rig.js';
import { client, expectDisconnected, never, open, resumable, subscriber } from './support.js';

const will = { topic: 'w', payload: 'bye', retain: true };

/** It was a DISCONNECT: no answer, closed. */
const expectGone = (sent: WireClient): void => expect([sent.receivedHex(), sent.closed]).toEqual(['', true]);

// Method: all sixteen values of the flags; what is no DISCONNECT is known by its will.
test('v5 [MQTT-3.14.1-1] reserved bits of DISCONNECT must be zero: else 0x81, and the will is published', () => {
  for (let flags = 0; flags < 16; flags += 1) {
    const rig = openRig();
    const watcher = subscriber(rig, 'watcher', 'w');
    const sent = client(rig, 'c', { will }).sendsBytes(Buffer.of(0xe0 | flags, 0));
    if (flags === 0) expectGone(sent);
    else expectDisconnected(sent, 0x81);
    expect([flags, payloads(watcher)]).toEqual([flags, flags === 0 ? [] : ['bye']]);
  }
});

// Method: all 256 codes; table 3-10 less what only a server sends.
test('v5 [MQTT-3.14.2-1] a client’s DISCONNECT has a reason code that a client may send: else 0x82, and the will is published', () => {
  const ofClients = new Set([0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99]);
  const rig = openRig();
  const watcher = subscriber(rig, 'watcher', 'w');
  for (let code = 0; code < 256; code += 1) {
    const sent = client(rig, 'c', { will }).sendsBytes(Buffer.of(0xe0, 1, code));
    if (ofClients.has(code)) expectGone(sent);
    else expectDisconnected(sent, 0x82);
    expect([code, payloads(watcher)]).toEqual([code, code === 0 ? [] : ['bye']]);
  }
});

test('v5 [MQTT-3.14.4-1] what comes behind a client’s DISCONNECT is not processed, in the same segment or later', () => {
  const rig = openRig();
  const watcher = subscriber(rig, 'watcher', '#', 1);
  const behind = Buffer.concat([
    packet(0x31, `${text('t')} 00 78`),
    packet(0x32, `${text('t')} 0001 00 78`),
    packet(0x82, `0002 00 ${text('t')} 00`),
    packet(0xc0, ''),
    packet(0xe0, '04'),
  ]);
  const sent = resumable(rig, 'c', { halfOpen: true, will }).sendsBytes(Buffer.concat([packet(0xe0, ''), behind])).sendsBytes(behind);
  expect(sent.receivedHex()).toBe('');
  expect(watcher.received()).toEqual([]);
  expect(rig.stats).toMatchObject({ retainedMessages: 0, subscriptions: 1, publishReceived: 0, protocolErrors: 0 });
  // The same bytes do all of that on a connection that has not said DISCONNECT.
  client(rig, 'other').sendsBytes(behind);
  expect(payloads(watcher)).toEqual(['x', 'x']);
});

// Method: every mixture of will delay and session expiry; a year later nothing can be to come any more.
test('v5 [MQTT-3.14.4-3] DISCONNECT 0x00 discards the will, which is never published; any other reason leaves it', () => {
  for (const sessionExpiryInterval of [0, 5, 100, never]) {
    for (const willDelayInterval of [0, 10]) {
      for (const code of [0x00, 0x04, 0x80, 0x98]) {
        const rig = openRig();
        const watcher = subscriber(rig, 'watcher', 'w');
        const delayed = { ...will, properties: { willDelayInterval } };
        client(rig, 'c', { clean: false, will: delayed, properties: { sessionExpiryInterval } }).disconnect(code).drop();
        const delay = Math.min(willDelayInterval, sessionExpiryInterval);
        if (delay > 0) rig.clock.advance(delay * 1000 - 1);
        expect(payloads(watcher)).toEqual(delay > 0 || code === 0 ? [] : ['bye']);
        rig.clock.advance(365 * 86_400_000);
        client(rig, 'c', { clean: false }).drop();
        expect(payloads(watcher)).toEqual(delay > 0 && code !== 0 ? ['bye'] : []);
        expect(rig.stats).toMatchObject({ willsPublished: code === 0 ? 0 : 1, retainedMessages: code === 0 ? 0 : 1 });
      }
    }
  }
});

test('v5 [X5-3.14.2.1-1] of length 0 it means 0x00, of length 1 it is a reason without properties', () => {
  const forms: readonly (readonly [hex: string, leavesWill: boolean])[] = [
    ['e0 00', false],
    ['e0 01 00', false],
    ['e0 02 00 00', false],
    ['e0 01 04', true],
    ['e0 02 04 00', true],
    ['e0 01 98', true],
  ];
  for (const [hex, leavesWill] of forms) {
    const rig = openRig();
    const watcher = subscriber(rig, 'watcher', 'w');
    expectGone(client(rig, 'c', { will }).sendsHex(hex));
    expect([hex, payloads(watcher), rig.stats.protocolErrors]).toEqual([hex, leavesWill ? ['bye'] : [], 0]);
  }
  // The broker's own is as short.
  const rig = openRig();
  const kicked = client(rig, 'c');
  rig.broker.clients.get('c')?.close();
  rig.clock.flush();
  expect(kicked.receivedHex()).toBe('e0 01 98');
});

test('v5 [X5-3.14.2.2.2-1] a session that ends with its connection cannot be given more time: 0x82, and the will is published', () => {
  const connects: readonly WireProperties[] = [{}, { sessionExpiryInterval: 0 }];
  for (const properties of connects) {
    for (const sessionExpiryInterval of [1, 100, never]) {
      const rig = openRig();
      const watcher = subscriber(rig, 'watcher', 'w');
      expectDisconnected(client(rig, 'c', { will, properties }).disconnect(0, { sessionExpiryInterval }), 0x82);
      expect([payloads(watcher), rig.stats.sessions]).toEqual([['bye'], 1]);
    }
    const rig = openRig();
    expectGone(client(rig, 'c', { will, properties }).disconnect(0, { sessionExpiryInterval: 0 }));
    expect(rig.stats).toMatchObject({ willsPublished: 0, sessions: 0 });
  }
  expectGone(client(openRig(), 'c', { properties: { sessionExpiryInterval: 1 } }).disconnect(0, { sessionExpiryInterval: 2 }));
});

test('v5 [X5-3.14.2.2.2-2] a Session Expiry Interval on DISCONNECT replaces the one of CONNECT', () => {
  const properties = { sessionExpiryInterval: 100 };
  const present = (rig: Rig): boolean | undefined => open(rig).connect({ clientId: 'c', clean: false }).received()[0]?.sessionPresent;
  for (const [told, seconds] of [[0, 0], [1, 1], [99, 99], [undefined, 100], [100, 100], [5000, 5000]] as const) {
    for (const away of [seconds * 1000 - 1, seconds * 1000]) {
      const rig = openRig();
      client(rig, 'c', { properties }).disconnect(0, told === undefined ? undefined : { sessionExpiryInterval: told }).drop();
      if (away > 0) rig.clock.advance(away);
      expect([told, away, present(rig)]).toEqual([told, away, away >= 0 && away < seconds * 1000]);
    }
  }
  const rig = openRig();
  client(rig, 'c', { properties }).disconnect(0x04, { sessionExpiryInterval: never }).drop();
  rig.clock.advance(10 * 365 * 86_400_000);
  expect(present(rig)).toBe(true);
});

test('v5 [X5-3.14.4-1] the client should close the connection; if it does not, the broker does', () => {
  const rig = openRig();
  const lazy = client(rig, 'lazy', { halfOpen: true }).disconnect();
  expect([lazy.ended, lazy.closed, lazy.receivedHex()]).toEqual([true, false, '']);
  rig.clock.advance(rig.broker.options.closeGraceSeconds * 1000 - 1);
  expect(lazy.closed).toBe(false);
  rig.clock.advance(1);
  expect(lazy.closed).toBe(true);
  expectGone(client(rig, 'prompt').disconnect());
  expect(rig.stats).toMatchObject({ connections: 0, clients: 0 });
});
