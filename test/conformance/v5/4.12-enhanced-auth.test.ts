/** MQTT 5.0, chapter 4.12: enhanced authentication before CONNACK. */
import { expect, test } from '@jest/globals';
import type { AuthenticateAnswer } from '../../../src/index.js';
import type { WireClient } from '../../../src/testing/index.js';
import { openRig, short } from '../../wire/rig.js';
import { authenticated, authPacket, begin, challenging, connectWithMethod, data, method, reauthenticating, reply } from './auth-support.js';
import { client, expectDisconnected, expectOpen, expectRefused, open } from './support.js';

const challenged = (): WireClient => connectWithMethod(openRig({ authenticate: challenging(['one', 'two']) })).skip();

test('v5 [MQTT-4.12.0-1] an Authentication Method that is not supported is refused, and the connection closed', () => {
  for (const authenticationMethod of [method, 'OTHER', '']) {
    const rig = openRig();
    expectRefused(open(rig).connect({ clientId: 'a', username: 'u', properties: { authenticationMethod } }), 0x8c);
    expect(rig.stats).toMatchObject({ clients: 0, sessions: 0 });
  }
  // With a hook it is the hook that knows them.
  const rig = openRig({
    authenticate: ({ authenticationMethod }) => authenticationMethod === method || { action: 'deny', reasonCode: authenticationMethod === 'OTHER' ? 0x8c : 0x87 },
  });
  expectRefused(open(rig).connect({ clientId: 'a', properties: { authenticationMethod: 'OTHER' } }), 0x8c);
  expectRefused(open(rig).connect({ clientId: 'a', properties: { authenticationMethod: 'X' } }), 0x87);
  expect(connectWithMethod(rig).received()).toMatchObject([{ type: 'connack', reasonCode: 0 }]);
  expect(client(openRig(), 'a', { username: 'u' }).closed).toBe(false); // without a method there is nothing to know
});

test('v5 [MQTT-4.12.0-2] an AUTH that asks for more data has reason code 0x18', () => {
  const heard: string[] = [];
  const sent = connectWithMethod(openRig({ authenticate: challenging(['one', 'two'], true, heard) }));
  expect(sent.received()).toEqual([authPacket(0x18, 'one')]);
  expect(reply(sent, '1').received()).toEqual([authPacket(0x18, 'two')]);
  expect(reply(sent, '2').received()).toMatchObject([{ type: 'connack', reasonCode: 0 }]);
  expect(heard).toEqual([`${method} first`, '1', '2']);
  const without = connectWithMethod(openRig({ authenticate: () => ({ action: 'challenge', next: () => true }) }));
  expect(without.received()).toEqual([authPacket(0x18)]);
  expect(begin(authenticated(openRig(reauthenticating(challenging(['again']))))).received()).toEqual([authPacket(0x18, 'again')]);
});

test('v5 [MQTT-4.12.0-3] the client answers with reason code 0x18: anything else is refused with 0x82', () => {
  for (const code of [0x00, 0x19]) {
    for (const steps of [0, 1]) {
      const sent = challenged();
      for (let step = 0; step < steps; step += 1) reply(sent).skip();
      expectRefused(sent.auth(code, { authenticationMethod: method, authenticationData: 'x' }), 0x82);
    }
    const again = begin(authenticated(openRig(reauthenticating(challenging(['one']))))).skip();
    expectDisconnected(again.auth(code, { authenticationMethod: method, authenticationData: 'x' }), 0x82);
  }
  expect(short(reply(reply(challenged()).skip()).received())).toEqual(['connack']);
});

test.each([0, 1, 2])('v5 [MQTT-4.12.0-4] refused behind %i challenges: CONNACK with the reason, and the connection is closed', (count) => {
  const steps = ['one', 'two'].slice(0, count);
  const refusals: readonly (readonly [AuthenticateAnswer, number])[] = [
    [false, 0x87],
    [{ action: 'deny', reasonCode: 0x86 }, 0x86],
    [{ action: 'deny', reasonCode: 0x8c }, 0x8c],
    ['yes' as unknown as AuthenticateAnswer, 0x83],
  ];
  for (const [last, reasonCode] of refusals) {
    const rig = openRig({ authenticate: challenging(steps, last) });
    rig.broker.on('hookError', () => undefined);
    const sent = connectWithMethod(rig, { clean: false, properties: { sessionExpiryInterval: 100 }, will: { topic: 'w' } });
    for (const step of steps) {
      expect([sent.received(), sent.closed]).toEqual([[authPacket(0x18, step)], false]);
      reply(sent);
    }
    expectRefused(sent, reasonCode);
    expect(rig.stats).toMatchObject({ clients: 0, sessions: 0, willsPublished: 0 });
  }
});

test('v5 [MQTT-4.12.0-5] every AUTH and the accepting CONNACK have the method of CONNECT', () => {
  for (const name of [method, 'SCRAM-SHA-256', 'é', '']) {
    const properties = { authenticationMethod: name };
    const sent = open(openRig({ authenticate: challenging(['one'], { action: 'allow', authenticationData: data('end') }) })).connect({ clientId: 'a', properties });
    expect(sent.received()).toEqual([{ type: 'auth', reasonCode: 0x18, properties: { ...properties, authenticationData: 'one' } }]);
    expect(sent.auth(0x18, properties).received()).toMatchObject([{ type: 'connack', properties: { ...properties, authenticationData: 'end' } }]);
    expect(sent.auth(0x19, properties).received()).toMatchObject([{ type: 'auth', reasonCode: 0x18, properties }]);
    expect(sent.auth(0x18, properties).received()).toMatchObject([{ type: 'auth', reasonCode: 0, properties }]);
  }
  expect(connectWithMethod(openRig({ authenticate: () => true })).received()[0]?.properties?.authenticationMethod).toBe(method);
});

test('v5 [MQTT-4.12.0-5] a client’s AUTH with another method, or none, is refused with 0x82', () => {
  for (const authenticationMethod of ['OTHER', 'token', 'TOKEN ', '']) {
    expectRefused(challenged().auth(0x18, { authenticationMethod, authenticationData: 'x' }), 0x82);
    expectRefused(reply(challenged()).skip().auth(0x18, { authenticationMethod }), 0x82);
    const again = begin(authenticated(openRig(reauthenticating(challenging(['one']))))).skip();
    expectDisconnected(again.auth(0x18, { authenticationMethod }), 0x82);
  }
  expectRefused(challenged().auth(0x18, { authenticationData: 'x' }), 0x82);
  expect(short(reply(challenged()).received())).toEqual(['auth 0x18']);
});

test('v5 [MQTT-4.12.0-6] without a method in CONNECT the broker sends no AUTH, and no method in CONNACK', () => {
  const allowing = openRig({ authenticate: () => ({ action: 'allow', authenticationData: data('x') }) });
  for (const rig of [openRig(), allowing]) {
    const connack = open(rig).connect({ clientId: 'a', username: 'u' }).received();
    expect(connack).toMatchObject([{ type: 'connack', reasonCode: 0 }]);
    expect(Object.keys(connack[0]?.properties ?? {}).filter((name) => name.startsWith('authentication'))).toEqual([]);
  }
  // A hook that challenges all the same has made a mistake; the client is refused.
  const rig = openRig({ authenticate: challenging(['one']) });
  const errors: string[] = [];
  rig.broker.on('hookError', (_, hook) => errors.push(hook));
  expectRefused(open(rig).connect({ clientId: 'a' }), 0x83);
  expect(errors).toEqual(['authenticate']);
});

test('v5 [MQTT-4.12.0-7] a client that connected without a method must not send AUTH: 0x82', () => {
  for (const options of [{}, { authenticate: () => true }]) {
    for (const code of [0x18, 0x19]) {
      const sent = client(openRig(options), 'a');
      expectOpen(sent);
      expectDisconnected(sent.auth(code, { authenticationMethod: method, authenticationData: 'x' }), 0x82);
    }
  }
  // In the segment of its CONNECT, it comes behind the CONNACK.
  const early = open(openRig()).sendsHex('10 0e 0004 4d515454 05 02 0000 00 0001 61 f0 06 18 04 15 0001 53');
  expect([short(early.received()), early.closed]).toEqual([['connack', 'disconnect 0x82'], true]);
});
