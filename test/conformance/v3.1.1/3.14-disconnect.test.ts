/** MQTT 3.1.1, chapter 3.14: DISCONNECT. */
import { expect, test } from '@jest/globals';
import { packet, text } from '../../unit/packet/wire.js';
import { openRig, payloads } from '../../wire/rig.js';
import { client, expectClosed, resumable, subscriber } from './support.js';

const will = { topic: 'w', payload: 'bye', retain: true };

// Method: all sixteen values of the flags; what is no DISCONNECT is known by its will.
test('v3.1.1 [MQTT-3.14.1-1] reserved bits of DISCONNECT must be zero: else the client is disconnected and its will published', () => {
  for (let flags = 0; flags < 16; flags += 1) {
    const rig = openRig();
    const watcher = subscriber(rig, 'watcher', 'w');
    expectClosed(client(rig, 'c', { will }).sendsBytes(Buffer.of(0xe0 | flags, 0)));
    expect([flags, payloads(watcher)]).toEqual([flags, flags === 0 ? [] : ['bye']]);
  }
});

test('v3.1.1 [MQTT-3.14.1-1] nor has it a body', () => {
  const rig = openRig();
  const watcher = subscriber(rig, 'watcher', 'w');
  expectClosed(client(rig, 'c', { will }).sendsHex('e0 01 00'));
  expect(payloads(watcher)).toEqual(['bye']);
});

test('v3.1.1 [MQTT-3.14.4-1] the client closes the connection; if it does not, the broker does', () => {
  const rig = openRig();
  const lazy = client(rig, 'lazy', { halfOpen: true }).disconnect();
  expect([lazy.ended, lazy.closed, lazy.receivedHex()]).toEqual([true, false, '']);
  rig.clock.advance(rig.broker.options.closeGraceSeconds * 1000);
  expect(lazy.closed).toBe(true);
  expectClosed(client(rig, 'prompt').disconnect());
  expect(rig.stats).toMatchObject({ connections: 0, clients: 0 });
});

test('v3.1.1 [MQTT-3.14.4-2] what comes behind DISCONNECT is not processed, in the same segment or later', () => {
  const rig = openRig();
  const watcher = subscriber(rig, 'watcher', '#', 1);
  const behind = Buffer.concat([packet(0x31, `${text('t')} 78`), packet(0x32, `${text('t')} 0001 78`), packet(0x82, `0002 ${text('t')} 00`), packet(0xc0, '')]);
  const sent = resumable(rig, 'c', { halfOpen: true }).sendsBytes(Buffer.concat([packet(0xe0, ''), behind])).sendsBytes(behind);
  expect(sent.receivedHex()).toBe('');
  expect(watcher.received()).toEqual([]);
  expect(rig.stats).toMatchObject({ retainedMessages: 0, subscriptions: 1, publishReceived: 0 });
});

test('v3.1.1 [MQTT-3.14.4-3] the will is discarded and never published', () => {
  for (const clean of [true, false]) {
    const rig = openRig();
    const watcher = subscriber(rig, 'watcher', 'w');
    client(rig, 'c', { clean, will }).disconnect().drop();
    rig.clock.advance(365 * 86_400_000);
    client(rig, 'c', { clean }).drop();
    expect(payloads(watcher)).toEqual([]);
    expect(rig.stats).toMatchObject({ willsPublished: 0, retainedMessages: 0 });
  }
});
