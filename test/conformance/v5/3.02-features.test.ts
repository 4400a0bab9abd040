/** MQTT 5.0, chapter 3.2.2.3: what CONNACK declares unavailable, Server Keep Alive and Server Reference. */
import { expect, test } from '@jest/globals';
import type { AuthenticateAnswer, BrokerOptions } from '../../../src/index.js';
import type { WireClient, WireProperties } from '../../../src/testing/index.js';
import { openRig, payloads, short } from '../../wire/rig.js';
import { brokenOf, client, expectDisconnected, expectOpen, open, subscriber } from './support.js';

/** Properties of the CONNACK of a client that is accepted. */
function told(options: BrokerOptions, keepalive = 0): WireProperties {
  const [connack] = open(openRig(options)).connect({ clientId: 'a', keepalive }).received();
  expect(connack).toMatchObject({ type: 'connack', reasonCode: 0 });
  return connack?.properties ?? {};
}

/** Refused where it was declared unavailable, and nothing of the packet took effect; taken where it was not. */
function expectUnavailable(options: BrokerOptions, reasonCode: number, statement: string, subscribe: (sent: WireClient) => WireClient): void {
  const rig = openRig(options);
  const broken = brokenOf(rig);
  expectDisconnected(subscribe(client(rig, 'c')), reasonCode);
  expect([broken, rig.stats.subscriptions, rig.stats.sessions]).toEqual([[statement], 0, 0]);
  const available = subscribe(client(openRig(), 'c'));
  expect(available.received()).toMatchObject([{ type: 'suback' }]);
  expectOpen(available);
}

test('v5 [X5-3.2.2.3.11-1] wildcards that are not available: DISCONNECT 0xA2', () => {
  const options = { wildcardSubscriptionAvailable: false };
  expect(told(options).wildcardSubscriptionAvailable).toBe(false);
  expect(told({})).not.toHaveProperty('wildcardSubscriptionAvailable');
  for (const filter of ['#', '+', 'a/+', 'a/#', '+/a', '$share/g/#', '$share/g/a/+']) {
    expectUnavailable(options, 0xa2, 'X5-3.2.2.3.11-1', (sent) => sent.subscribe(filter));
    expectUnavailable(options, 0xa2, 'X5-3.2.2.3.11-1', (sent) => sent.subscribe(['plain', filter, 'other']));
  }
  const plain = client(openRig(options), 'c').subscribe(['a', 'a/b', '$share/g/a'], { properties: { subscriptionIdentifier: 1 } });
  expect(short(plain.received())).toEqual(['suback 1 0x00 0x00 0x00']);
  expect(short(plain.unsubscribe('#').received())).toEqual(['unsuback 2 0x11']); // to give one back is no error
});

test('v5 [X5-3.2.2.3.12-1] Subscription Identifiers that are not available: DISCONNECT 0xA1', () => {
  const options = { subscriptionIdentifierAvailable: false };
  expect(told(options).subscriptionIdentifiersAvailable).toBe(false);
  expect(told({})).not.toHaveProperty('subscriptionIdentifiersAvailable');
  for (const subscriptionIdentifier of [1, 268_435_455]) {
    expectUnavailable(options, 0xa1, 'X5-3.2.2.3.12-1', (sent) => sent.subscribe(['a', 'b'], { properties: { subscriptionIdentifier } }));
  }
  const plain = client(openRig(options), 'c').subscribe(['a', '#', '$share/g/a'], { properties: { userProperties: [['k', 'v']] } });
  expect(short(plain.received())).toEqual(['suback 1 0x00 0x00 0x00']);
});

test('v5 [X5-3.2.2.3.13-1] Shared Subscriptions that are not available: DISCONNECT 0x9E', () => {
  const options = { sharedSubscriptionAvailable: false };
  expect(told(options).sharedSubscriptionAvailable).toBe(false);
  expect(told({})).not.toHaveProperty('sharedSubscriptionAvailable');
  for (const filter of ['$share/g/a', '$share/g/#', '$share/g//']) {
    expectUnavailable(options, 0x9e, 'X5-3.2.2.3.13-1', (sent) => sent.subscribe(filter));
    expectUnavailable(options, 0x9e, 'X5-3.2.2.3.13-1', (sent) => sent.subscribe(['plain', filter]));
  }
  const plain = client(openRig(options), 'c').subscribe(['a', '#', '$shared/g/a', 'a/$share/g'], { properties: { subscriptionIdentifier: 1 } });
  expect(short(plain.received())).toEqual(['suback 1 0x00 0x00 0x00 0x00']);
});

// ---- keep alive ----

/** Seconds after which a client that says nothing is closed; its last packet was CONNECT. */
function silentFor(options: BrokerOptions, keepalive: number): number {
  const rig = openRig(options);
  const sent = client(rig, 'c', { keepalive });
  for (let halfSeconds = 1; halfSeconds <= 200; halfSeconds += 1) {
    rig.clock.advance(499);
    expect(sent.closed).toBe(false);
    rig.clock.advance(1);
    if (!sent.closed) continue;
    expectDisconnected(sent, 0x8d);
    return halfSeconds / 2;
  }
  return Infinity;
}

const keepAliveOptions = (keepAliveSecondsMax: number): BrokerOptions[] => [
  { keepAliveSecondsMax },
  { authenticate: () => ({ action: 'allow', limits: { keepAliveSecondsMax } }) },
];

test.each([[100, 15], [11, 15], [0, 15]])('v5 [MQTT-3.2.2-21] a Server Keep Alive of 10 holds instead of the %i that was asked for: closed after %i s', (asked, seconds) => {
  for (const options of keepAliveOptions(10)) {
    expect(told(options, asked).serverKeepAlive).toBe(10);
    expect(silentFor(options, asked)).toBe(seconds);
  }
});

test('v5 [MQTT-3.2.2-21] a client that keeps to it stays', () => {
  const rig = openRig({ keepAliveSecondsMax: 10 });
  const watcher = subscriber(rig, 'watcher', 'w', 0, { keepalive: 10 });
  const sent = client(rig, 'c', { keepalive: 1000, will: { topic: 'w', payload: 'gone' } });
  for (let count = 0; count < 20; count += 1) {
    rig.clock.advance(10_000);
    expectOpen(sent);
    expectOpen(watcher);
  }
  rig.clock.advance(14_999);
  expectOpen(watcher);
  expect(sent.closed).toBe(false);
  rig.clock.advance(1);
  expect([payloads(watcher), sent.closed]).toEqual([['gone'], true]);
});

test.each([[1, 1.5], [5, 7.5], [10, 15], [0, Infinity]])('v5 [MQTT-3.2.2-22] without Server Keep Alive the Keep Alive of %i of CONNECT holds: closed after %d s', (asked, seconds) => {
  for (const options of [{}, ...(asked === 0 ? [] : keepAliveOptions(10))]) {
    expect(told(options, asked)).not.toHaveProperty('serverKeepAlive');
    expect(silentFor(options, asked)).toBe(seconds);
  }
});

// ---- Server Reference ----

const redirected = (reasonCode: number, serverReference?: string): AuthenticateAnswer => ({
  action: 'deny',
  reasonCode,
  ...(serverReference !== undefined && { serverReference }),
});
const inBoth = [0x80, 0x87, 0x88, 0x89, 0x97, 0x9b, 0x9f];

test('v5 [X5-3.2.2.3.16-1] CONNACK has a Server Reference with 0x9C and 0x9D, and with no other code', () => {
  const refused = (answer: AuthenticateAnswer) => open(openRig({ authenticate: () => answer })).connect({ clientId: 'a' }).received();
  for (const reasonCode of [0x9c, 0x9d]) {
    const connack = { type: 'connack', reasonCode, sessionPresent: false };
    expect(refused(redirected(reasonCode, 'other:1883'))).toEqual([{ ...connack, properties: { serverReference: 'other:1883' } }]);
    expect(refused(redirected(reasonCode))).toEqual([connack]);
  }
  for (const reasonCode of [...inBoth, 0x9a, 0x9e]) {
    const [connack] = refused(redirected(reasonCode, 'other:1883'));
    expect(connack).toMatchObject({ type: 'connack', reasonCode: reasonCode === 0x9e ? 0x87 : reasonCode });
    expect(connack).not.toHaveProperty('properties.serverReference');
  }
});

test('v5 [X5-3.2.2.3.16-1] so has DISCONNECT, for a client that authenticates again', () => {
  const again = (answer: AuthenticateAnswer): WireClient => {
    const rig = openRig({ authenticate: ({ type }) => type === 'connect' || answer });
    return client(rig, 'a', { properties: { authenticationMethod: 'm' } }).auth(0x19, { authenticationMethod: 'm' });
  };
  for (const reasonCode of [0x9c, 0x9d]) {
    expect(again(redirected(reasonCode, 'other:1883')).received()).toEqual([{ type: 'disconnect', reasonCode, properties: { serverReference: 'other:1883' } }]);
    expect(again(redirected(reasonCode)).received()).toEqual([{ type: 'disconnect', reasonCode }]);
  }
  for (const reasonCode of inBoth) {
    const [disconnect] = again(redirected(reasonCode, 'other:1883')).received();
    expect(disconnect).toMatchObject({ type: 'disconnect', reasonCode: reasonCode === 0x88 ? 0x87 : reasonCode });
    expect(disconnect).not.toHaveProperty('properties.serverReference');
  }
});
