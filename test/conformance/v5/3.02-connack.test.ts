/** MQTT 5.0, chapter 3.2: CONNACK, its flags and its reason codes. */
import { expect, test } from '@jest/globals';
import { memoryStorage } from '../../../src/index.js';
import type { AuthenticateAnswer, BrokerOptions } from '../../../src/index.js';
import type { WireClient, WireConnect } from '../../../src/testing/index.js';
import { text } from '../../unit/packet/wire.js';
import { openRig, short } from '../../wire/rig.js';
import type { Rig } from '../../wire/rig.js';
import { client, connecting, expectDisconnected, expectRefused, never, open, resumable } from './support.js';

/** Clean Start 0 and a session that never expires. */
const lasting = (clientId: string, cleanStart = false): WireConnect => ({ clientId, cleanStart, properties: { sessionExpiryInterval: never } });

/** Session Present of an accepting CONNACK. */
function present(rig: Rig, connect: WireConnect): boolean | undefined {
  const [connack, ...rest] = open(rig).connect(connect).received();
  expect([connack?.type, connack?.reasonCode, rest]).toEqual(['connack', 0, []]);
  return connack?.sessionPresent;
}

test('v5 [MQTT-3.2.0-1] CONNACK is the first packet, whatever a resumed session has to say', () => {
  const rig = openRig();
  const sub = resumable(rig, 'a').subscribe('t', { qos: 2 }).skip();
  const publisher = client(rig, 'pub');
  publisher.publish({ topic: 't', payload: 'in flight', qos: 1 }).publish({ topic: 't', payload: 'released', qos: 2 });
  sub.skip().pubrec(2).drop();
  publisher.publish({ topic: 't', payload: 'queued', qos: 1 });
  const again = open(rig).connect(lasting('a'));
  const [first, ...rest] = short(again.received());
  expect(first).toBe('connack');
  expect(rest.toSorted()).toEqual(['publish 1 in flight', 'publish 3 queued', 'pubrel 2']);
  // The same at a take-over, with requests already behind the CONNECT.
  const third = open(rig).connect(lasting('a')).pingreq();
  expect(short(third.received())[0]).toBe('connack');
});

test('v5 [MQTT-3.2.0-1] so it is when listeners publish while the session is being resumed', () => {
  for (const qos of [0, 1] as const) {
    const rig = openRig();
    resumable(rig, 'a').subscribe('t', { qos }).drop();
    for (const event of ['sessionResumed', 'client'] as const) rig.broker.on(event, () => void rig.broker.publish('t', event, { qos }));
    const again = open(rig).connect(lasting('a'));
    expect(short(again.received()).map((packet) => packet.split(' ').at(-1))).toEqual(['connack', 'sessionResumed', 'client']);
  }
});

test('v5 [MQTT-3.2.0-1] of all packets only AUTH comes before it', () => {
  const rig = openRig({
    authenticate: ({ authenticationMethod }) => authenticationMethod === undefined || { action: 'challenge', next: () => true },
  });
  resumable(rig, 'a').subscribe('t', { qos: 1 }).drop();
  client(rig, 'pub').publish({ topic: 't', payload: 'queued', qos: 1 });
  const again = open(rig).connect({ clientId: 'a', clean: false, properties: { authenticationMethod: 'm', sessionExpiryInterval: never } });
  expect(short(again.received())).toEqual(['auth 0x18']);
  again.auth(0x18, { authenticationMethod: 'm' }).pingreq();
  expect(short(again.received())).toEqual(['connack', 'publish 1 queued', 'pingresp']);
});

test('v5 [MQTT-3.2.0-2] there is one CONNACK on a connection, also after it has authenticated again', () => {
  let allows = true;
  const rig = openRig({ authenticate: () => allows || { action: 'deny', reasonCode: 0x87 } });
  const sent = open(rig).connect({ clientId: 'a', properties: { authenticationMethod: 'm' } });
  for (let count = 0; count < 3; count += 1) sent.auth(0x19, { authenticationMethod: 'm' });
  sent.subscribe('a').pingreq();
  expect(short(sent.received())).toEqual(['connack', 'auth', 'auth', 'auth', 'suback 1 0x00', 'pingresp']);
  allows = false;
  expectDisconnected(sent.auth(0x19, { authenticationMethod: 'm' }), 0x87);
});

test('v5 [MQTT-3.2.0-2] whatever goes wrong after it is told by DISCONNECT; a second CONNECT gets none', () => {
  const wrong: readonly ((sent: WireClient) => WireClient)[] = [
    (sent) => sent.connect({ clientId: 'a' }),
    (sent) => sent.connect({ clientId: 'b' }),
    (sent) => sent.sendsHex('00 00'),
    (sent) => sent.sendsHex('30 01 00'),
    (sent) => sent.auth(0x19, { authenticationMethod: 'm' }),
  ];
  for (const act of wrong) {
    const sent = act(open(openRig()).connect({ clientId: 'a' }));
    expect(sent.received().map(({ type }) => type)).toEqual(['connack', 'disconnect']);
    expect(sent.closed).toBe(true);
  }
  // A refused connection gets one as well, whatever is behind the CONNECT.
  const refused = open(openRig({ authenticate: () => false })).connect({ clientId: 'a' }).connect({ clientId: 'a' });
  expect(short(refused.received())).toEqual(['connack 0x87']);
});

test('v5 [MQTT-3.2.2-1] bits 7 to 1 of the acknowledge flags are 0', () => {
  const rig = openRig({ authenticate: ({ username }) => username === undefined });
  resumable(rig, 'a').disconnect();
  const flagsOf = (sent: WireClient): string | undefined => sent.receivedHex().split(' ')[2];
  expect(flagsOf(open(rig).connect(lasting('new')))).toBe('00');
  expect(flagsOf(open(rig).connect(lasting('a')))).toBe('01');
  expect(flagsOf(open(rig).connect(lasting('a', true)))).toBe('00');
  expect(flagsOf(open(rig).connect({ ...lasting('a'), username: 'u' }))).toBe('00');
  expect(flagsOf(connecting(rig, { flags: '01' }))).toBe('00');
  expect(flagsOf(connecting(rig, { protocol: `${text('MQTT')} 07` }))).toBe('00');
});

test('v5 [MQTT-3.2.2-2] Clean Start 1: Session Present 0 and reason code 0x00, even if a session was stored', async () => {
  const storage = memoryStorage();
  const rig = openRig({ storage });
  expect(present(rig, lasting('a', true))).toBe(false);
  expect(present(rig, lasting('a', true))).toBe(false); // at a take-over
  resumable(rig, 'a').disconnect();
  expect(present(rig, lasting('a', true))).toBe(false);
  expect(present(rig, lasting('a'))).toBe(true);
  await rig.close();
  const later = openRig({ storage });
  expect(present(later, lasting('a', true))).toBe(false);
});

test('v5 [MQTT-3.2.2-3] Clean Start 0: Session Present 1 if there is a session, also after a restart', async () => {
  const storage = memoryStorage();
  const rig = openRig({ storage });
  expect(present(rig, lasting('a'))).toBe(false);
  expect(present(rig, lasting('a'))).toBe(true); // at a take-over
  resumable(rig, 'b').disconnect();
  resumable(rig, 'c').drop();
  for (const clientId of ['b', 'c']) expect(present(rig, lasting(clientId))).toBe(true);
  expect(present(rig, { clientId: 'a', clean: false })).toBe(true); // whatever it wants from now on
  await rig.close();
  const later = openRig({ storage });
  for (const clientId of ['b', 'c']) expect(present(later, lasting(clientId))).toBe(true);
  for (const clientId of ['a', 'd']) expect(present(later, lasting(clientId))).toBe(false);
});

test('v5 [MQTT-3.2.2-3] Clean Start 0: Session Present 0 if there is none, or none any more', () => {
  const rig = openRig();
  expect(present(rig, lasting('a'))).toBe(false);
  client(rig, 'b').disconnect(); // no Session Expiry Interval: it ends with its connection
  expect(present(rig, lasting('b'))).toBe(false);
  client(rig, 'c', { clean: false, properties: { sessionExpiryInterval: 10 } }).drop();
  rig.clock.advance(9_999);
  expect(present(rig, { clientId: 'c', clean: false, properties: { sessionExpiryInterval: 10 } })).toBe(true);
  client(rig, 'c', { clean: false, properties: { sessionExpiryInterval: 10 } }).drop();
  rig.clock.advance(10_000);
  expect(present(rig, { clientId: 'c', clean: false })).toBe(false);
});

/** Every reason code from 0x80 that a CONNACK has: table 3-1. */
const refusals = [
  0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90, 0x95, 0x97, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9f,
]; // prettier-ignore

test.each(refusals)('v5 [MQTT-3.2.2-6] a refusal (%i) has Session Present 0, also while a session exists', (reasonCode) => {
  let allows = true;
  const rig = openRig({ authenticate: () => allows || { action: 'deny', reasonCode } });
  resumable(rig, 'a').disconnect();
  allows = false;
  const hex = `20 03 00 ${reasonCode.toString(16)} 00`;
  for (const cleanStart of [false, true]) expect(open(rig).connect(lasting('a', cleanStart)).receivedHex()).toBe(hex);
  allows = true;
  expect(present(rig, lasting('a'))).toBe(true);
});

test.each(refusals)('v5 [MQTT-3.2.2-7] after a refusal (%i) the connection is closed', (reasonCode) => {
  const rig = openRig({ authenticate: () => ({ action: 'deny', reasonCode }) });
  const refused = open(rig, { halfOpen: true }).connect({ clientId: 'a' });
  expect([refused.receivedHex(), refused.ended]).toEqual([`20 03 00 ${reasonCode.toString(16)} 00`, true]);
  refused.publish({ topic: 't', payload: 'x', retain: true }).pingreq();
  rig.clock.advance(rig.broker.options.closeGraceSeconds * 1000);
  expect([refused.receivedHex(), refused.closed]).toEqual(['', true]);
  expect(rig.stats).toMatchObject({ connections: 0, retainedMessages: 0 });
});

test('v5 [MQTT-3.2.2-7] so it is when the broker itself finds fault with the CONNECT', () => {
  for (const connect of [{ flags: '03' }, { payload: text('a+') }, { properties: '21 0000' }, { protocol: `${text('MQTT')} 06` }]) {
    const sent = connecting(openRig(), connect);
    expect([sent.received().map(({ type }) => type), sent.closed]).toEqual([['connack'], true]);
  }
});

test('v5 [MQTT-3.2.2-8] a hook refuses with a code that CONNACK has, or it is Not authorized', () => {
  let reasonCode = -1;
  const deny = (): AuthenticateAnswer => ({ action: 'deny', reasonCode });
  const rig = openRig({
    authenticate: ({ authenticationMethod }) => (authenticationMethod === undefined ? deny() : { action: 'challenge', next: deny }),
  });
  for (; reasonCode <= 300; reasonCode += 1) {
    const expected = refusals.includes(reasonCode) ? reasonCode : 0x87;
    expectRefused(open(rig).connect({ clientId: 'a' }), expected);
    const second = open(rig).connect({ clientId: 'a', properties: { authenticationMethod: 'm' } }).skip();
    expectRefused(second.auth(0x18, { authenticationMethod: 'm' }), expected);
  }
  expect(rig.stats.connectsRefused).toBe(604);
});

// Method: a listener closes the client before its CONNACK, with every code that its DISCONNECT could have.
test('v5 [MQTT-3.2.2-8] a code that only DISCONNECT has is said in CONNACK by one that CONNACK has', () => {
  const codes = [
    0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8b, 0x8d, 0x8e, 0x8f, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0x9b, 0x9c,
    0x9d, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2,
  ]; // prettier-ignore
  for (const code of codes) {
    const rig = openRig();
    rig.broker.on('sessionCreated', (clientId) => rig.broker.clients.get(clientId)?.close(code));
    const expected = code === 0x8b ? 0x88 : refusals.includes(code) ? code : 0x80;
    expectRefused(open(rig).connect({ clientId: 'a' }), expected);
    expect(rig.stats).toMatchObject({ clients: 0, sessions: 0 });
  }
});

test('v5 [MQTT-3.2.2-8] a CONNECT that waits while the broker closes gets Server unavailable', async () => {
  const rig = openRig({ authenticate: () => new Promise(() => undefined) });
  const sent = open(rig).connect({ clientId: 'a' });
  await rig.close();
  expectRefused(sent, 0x88);
});

const will = { topic: 'w', payload: 'x' } as const;
/** Every other way to be refused. */
const ways: readonly (readonly [why: string, code: number, options: BrokerOptions, connect: WireConnect, isSecond: boolean])[] = [
  ['a user name and password that are wrong', 0x86, { authenticate: () => false }, { username: 'u' }, false],
  ['nobody is allowed', 0x87, { authenticate: () => false }, {}, false],
  ['a hook that throws', 0x83, { authenticate: () => { throw new Error('broken'); } }, {}, false], // prettier-ignore
  ['an identifier that is not accepted', 0x85, {}, { clientId: 'a#' }, false],
  ['a version that is switched off', 0x84, { protocolVersions: [4] }, {}, false],
  ['a method that no hook knows', 0x8c, {}, { properties: { authenticationMethod: 'm' } }, false],
  ['a will with a wildcard in its topic', 0x90, {}, { will: { ...will, topic: 'a/#' } }, false],
  ['a will that is refused', 0x97, { authorize: () => ({ action: 'deny', reasonCode: 0x97 }) }, { will }, false],
  ['a will at a QoS that is not supported', 0x9b, { maximumQoS: 1 }, { will: { ...will, qos: 2 } }, false],
  ['a will to be retained where nothing is', 0x9a, { retainAvailable: false }, { will: { ...will, retain: true } }, false],
  ['too many connections', 0x97, { connectionsMax: 1 }, {}, true],
  ['too many sessions', 0x97, { sessionsMax: 1 }, {}, true],
  ['too many a second', 0x9f, { connectRateMax: 1 }, {}, true],
  ['a session of somebody else', 0x87, {}, { clientId: 'b', username: 'u' }, true],
  ['a CONNECT that is too large', 0x95, { connectBytesMax: 40 }, { clientId: 'x'.repeat(40) }, false],
  ['a redirection', 0x9d, { authenticate: () => ({ action: 'deny', reasonCode: 0x9d, serverReference: 's' }) }, {}, false],
];

test.each(ways)('v5 [MQTT-3.2.2-8] %s: %i', (_why, code, options, connect, isSecond) => {
  expect(refusals).toContain(code);
  const rig = openRig(options);
  if (isSecond) resumable(rig, 'b');
  expectRefused(open(rig).connect({ clientId: 'a', ...connect }), code);
});

test('v5 [X5-3.2.2.2-1] the broker closes without CONNACK only what has not shown that it speaks 5.0, or cannot take one', () => {
  const silent = (sent: WireClient): void => expect([sent.receivedHex(), sent.closed]).toEqual(['', true]);
  silent(open(openRig()).sendsHex('c0 00'));
  silent(open(openRig()).sendsHex('10 ff ff ff ff'));
  silent(connecting(openRig(), { protocol: `${text('HTTP')} 05` }));
  silent(connecting(openRig({ authenticate: () => false }), { properties: '27 00000004' }));
  silent(open(openRig(), { protocolVersion: 4 }).sendsHex('10 0d 0004 4d515454 04 03 0000 0001 61'));
  // In all other cases it is told: the first of these is the smallest there is.
  expectRefused(connecting(openRig({ authenticate: () => false }), { properties: '27 00000005' }), 0x87);
  expectRefused(connecting(openRig(), { flags: '03' }), 0x81);
  expectRefused(connecting(openRig(), { properties: '21 0000' }), 0x82);
  expectRefused(connecting(openRig(), { properties: '0b 01' }), 0x81);
  expectRefused(connecting(openRig(), { payload: `${text('a')} 00` }), 0x81);
});

test('v5 [X5-3.2.2.2-1] so is one whose CONNECT does not come, also when the broker closes: it has shown nothing', async () => {
  const rig = openRig({ connectTimeoutSeconds: 5 });
  const late = open(rig).sendsHex('10 0e 0004 4d515454');
  rig.clock.advance(5_000);
  const silent = open(rig);
  await rig.close();
  for (const sent of [late, silent]) expect([sent.receivedHex(), sent.closed]).toEqual(['', true]);
});
