/** Limits that `authenticate` sets for one client: each narrows the broker's own and never widens it. */
import { describe, expect, test } from '@jest/globals';
import type { BrokerOptions, ClientLimits } from '../../src/index.js';
import { both, openRig, payloads, short } from './rig.js';
import type { Rig } from './rig.js';

/** A broker where only client `a` is limited. */
const limiting = (limits: ClientLimits, options: BrokerOptions = {}): Rig =>
  openRig({ ...options, authenticate: ({ clientId }) => (clientId === 'a' ? { action: 'allow', limits } : true) });

const connackProperties = (rig: Rig, clientId: string, connect = {}) =>
  rig.open().connect({ clientId, ...connect }).received()[0]?.properties;

test.each([
  ['receiveMaximum', { receiveMaximum: 5 }, { receiveMaximum: 1000 }, 'receiveMaximum', 5, 1000],
  ['maximumQoS', { maximumQoS: 0 }, { maximumQoS: 1 }, 'maximumQoS', 0, 1],
  ['retainAvailable', { retainAvailable: false }, {}, 'retainAvailable', false, undefined],
  ['keepAliveSecondsMax', { keepAliveSecondsMax: 5 }, { keepAliveSecondsMax: 50 }, 'serverKeepAlive', 5, 50],
  ['sessionExpirySecondsMax', { sessionExpirySecondsMax: 5 }, { sessionExpirySecondsMax: 50 }, 'sessionExpiryInterval', 5, 50],
] as const)('v5 %s narrows, is told in CONNACK, and touches nobody else', (_, limits, options, property, own, others) => {
  const rig = limiting(limits, options);
  const connect = { keepalive: 100, properties: { sessionExpiryInterval: 100 } };
  expect(connackProperties(rig, 'a', connect)?.[property]).toBe(own);
  expect(connackProperties(rig, 'b', connect)?.[property]).toBe(others);
});

test('v5 a limit above the broker’s own changes nothing', () => {
  const wide: ClientLimits = { receiveMaximum: 65_535, maximumQoS: 2, retainAvailable: true, keepAliveSecondsMax: Infinity, sessionExpirySecondsMax: Infinity };
  const rig = limiting(wide, { receiveMaximum: 7, maximumQoS: 0, retainAvailable: false, keepAliveSecondsMax: 9, sessionExpirySecondsMax: 8 });
  const connect = { keepalive: 100, properties: { sessionExpiryInterval: 100 } };
  const told = connackProperties(rig, 'a', connect);
  expect(told).toMatchObject({ receiveMaximum: 7, maximumQoS: 0, retainAvailable: false, serverKeepAlive: 9, sessionExpiryInterval: 8 });
  expect(connackProperties(rig, 'b', connect)).toEqual(told);
});

test('v5 [MQTT-3.3.4-7] receiveMaximum is enforced: one above it gets 0x93', () => {
  const client = limiting({ receiveMaximum: 2 }).client('a');
  client.publish({ topic: 't', qos: 2 }).publish({ topic: 't', qos: 2 });
  expect(short(client.received())).toEqual(['pubrec 1 0x10', 'pubrec 2 0x10']);
  expect(client.publish({ topic: 't', qos: 1 }).received()).toMatchObject([{ type: 'disconnect', reasonCode: 0x93 }]);
});

test.each(both)('$name inflightMax bounds what is sent and not acknowledged', ({ protocolVersion }) => {
  const rig = limiting({ inflightMax: 2 });
  const sub = rig.subscriber('a', 't', 1, { protocolVersion });
  const pub = rig.client('pub');
  for (const payload of ['1', '2', '3']) pub.publish({ topic: 't', payload, qos: 1 });
  expect(payloads(sub)).toEqual(['1', '2']);
  expect(payloads(sub.puback(1))).toEqual(['3']);
});

test('v5 inflightMax does not raise the client’s own Receive Maximum', () => {
  const rig = limiting({ inflightMax: 5 });
  const sub = rig.subscriber('a', 't', 1, { properties: { receiveMaximum: 1 } });
  for (const payload of ['1', '2']) rig.client('pub').publish({ topic: 't', payload, qos: 1 });
  expect(payloads(sub)).toEqual(['1']);
});

describe.each(both)('$name the queue of an absent client', ({ protocolVersion }) => {
  test.each([
    ['queueMessagesMax', { queueMessagesMax: 2 }, ['1', '2']],
    ['queueMessagesMax 0', { queueMessagesMax: 0 }, []],
    ['queueBytesMax', { queueBytesMax: 20 }, ['1']],
  ] as const)('%s bounds it', (_, limits, kept) => {
    const rig = limiting(limits);
    rig.resumable('a', { protocolVersion }).subscribe('t', { qos: 1 }).drop();
    rig.resumable('b').subscribe('t', { qos: 1 }).drop();
    for (const payload of ['1', '2', '3']) rig.client('pub').publish({ topic: 't', payload: payload.padEnd(10), qos: 1 });
    expect(payloads(rig.resumable('a', { protocolVersion })).map((payload) => payload?.trim())).toEqual(kept);
    expect(payloads(rig.resumable('b'))).toHaveLength(3);
    expect(rig.dropped).toEqual(Array.from({ length: 3 - kept.length }, () => 'queueFull t a'));
  });
});

test('subscriptionsMax: a further filter gets 0x97, replacing one does not (v3.1.1: 0x80)', () => {
  const rig = limiting({ subscriptionsMax: 2 });
  const client = rig.client('a').subscribe(['a', 'b', 'c', 'a']);
  expect(client.received()).toMatchObject([{ type: 'suback', reasonCodes: [0, 0, 0x97, 0] }]);
  expect(client.unsubscribe('a').subscribe('c').received()).toMatchObject([{}, { type: 'suback', reasonCodes: [0] }]);
  client.disconnect();
  const old = rig.client('a', { protocolVersion: 4 }).subscribe(['a', 'b', 'c']);
  expect(old.received()).toMatchObject([{ type: 'suback', reasonCodes: [0, 0, 0x80] }]);
});

test('subscriptionsMax 0 allows none', () => {
  expect(limiting({ subscriptionsMax: 0 }).client('a').subscribe('a').received()).toMatchObject([{ reasonCodes: [0x97] }]);
});

test('outboundBytesMax: QoS 0 beyond it is dropped for a client that does not read', () => {
  const rig = limiting({ outboundBytesMax: 100 });
  const slow = rig.subscriber('a', 't').pause();
  const pub = rig.client('pub');
  for (let index = 0; index < 5; index += 1) pub.publish({ topic: 't', payload: String(index).repeat(60) });
  expect(rig.dropped).toEqual(['slowConsumer t a', 'slowConsumer t a', 'slowConsumer t a']);
  expect(payloads(slow.resume()).map((payload) => payload?.[0])).toEqual(['0', '1']);
});

test.each(both)('$name keepAliveSecondsMax is timed: also for a client that asked for none', ({ protocolVersion }) => {
  const rig = limiting({ keepAliveSecondsMax: 10 });
  const client = rig.client('a', { protocolVersion, keepalive: 0 });
  rig.clock.advance(14_999);
  expect(client.closed).toBe(false);
  rig.clock.advance(1);
  expect(client.closed).toBe(true);
});

test('sessionExpirySecondsMax is timed: v3.1.1 Clean Session 0 ends after it', () => {
  const rig = limiting({ sessionExpirySecondsMax: 10 });
  rig.resumable('a', { protocolVersion: 4 }).disconnect();
  rig.clock.advance(9_999);
  expect(rig.stats.sessions).toBe(1);
  rig.clock.advance(1);
  expect(rig.stats.sessions).toBe(0);
});

test('v5 sessionExpirySecondsMax caps what DISCONNECT asks for as well', () => {
  const rig = limiting({ sessionExpirySecondsMax: 10 });
  rig.resumable('a').disconnect(0, { sessionExpiryInterval: 1000 });
  rig.clock.advance(9_999);
  expect(rig.stats.sessions).toBe(1);
  rig.clock.advance(1);
  expect(rig.stats.sessions).toBe(0);
});

test('sessionExpirySecondsMax 0: no session outlives its connection, in any version', () => {
  const rig = limiting({ sessionExpirySecondsMax: 0 });
  rig.resumable('a').drop();
  expect(rig.stats.sessions).toBe(0);
  rig.resumable('a', { protocolVersion: 4 }).drop();
  expect(rig.stats.sessions).toBe(0);
});

test('v5 [MQTT-3.2.2-12] [MQTT-3.2.2-13] maximumQoS and retainAvailable hold for the will', () => {
  const rig = limiting({ maximumQoS: 1, retainAvailable: false });
  const connack = (clientId: string, will: object) =>
    rig.open().connect({ clientId, will: { topic: 'w', payload: 'x', ...will } }).received()[0]?.reasonCode;
  expect([connack('a', { qos: 2 }), connack('a', { retain: true }), connack('a', { qos: 1 }), connack('b', { qos: 2, retain: true })]).toEqual([0x9b, 0x9a, 0, 0]);
});

test('a narrowed limit is that of the connection: the next CONNECT of the client may have another', () => {
  let maximumQoS: 0 | 2 = 0;
  const rig = openRig({ authenticate: () => ({ action: 'allow', limits: { maximumQoS } }) });
  const first = rig.resumable('a').subscribe('t', { qos: 2 });
  expect(first.received()).toMatchObject([{ reasonCodes: [0] }]);
  maximumQoS = 2;
  const second = rig.resumable('a').subscribe('t', { qos: 2 });
  expect(second.received()).toMatchObject([{ reasonCodes: [2] }]);
});
