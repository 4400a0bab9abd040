/** MQTT 5.0, chapter 4.12.1: re-authentication. */
import { expect, test } from '@jest/globals';
import type { AuthenticateAnswer, AuthenticateRequest } from '../../../src/index.js';
import { Asked } from '../../wire/asked.js';
import { openRig, payloads, short } from '../../wire/rig.js';
import type { Rig } from '../../wire/rig.js';
import { authenticated, authPacket, begin, challenging, data, method, reauthenticating, reply } from './auth-support.js';
import { client, expectDisconnected, expectOpen, subscriber } from './support.js';

const refused = (why: AuthenticateAnswer): AuthenticateAnswer => why;

test('v5 [MQTT-4.12.1-1] AUTH 0x19 with the method of CONNECT begins it, as often as the client likes', () => {
  const heard: string[] = [];
  const rig = openRig(reauthenticating(challenging(['one'], { action: 'allow', authenticationData: data('end') }, heard)));
  const sent = authenticated(rig);
  for (let round = 0; round < 3; round += 1) {
    expect(begin(sent).received()).toEqual([authPacket(0x18, 'one')]);
    expect(reply(sent, 'yes').received()).toEqual([authPacket(0, 'end')]);
    expectOpen(sent);
  }
  expect(heard).toEqual(Array.from({ length: 3 }, () => [`${method} again`, 'yes']).flat());
});

test('v5 [MQTT-4.12.1-1] begun with another method, with 0x18, or while one is under way: 0x82', () => {
  const rig = (): Rig => openRig(reauthenticating(() => true));
  for (const authenticationMethod of ['OTHER', 'token', '']) {
    expectDisconnected(begin(authenticated(rig()), { authenticationMethod, authenticationData: 'again' }), 0x82);
  }
  expectDisconnected(reply(authenticated(rig())), 0x82);
  expectDisconnected(reply(begin(authenticated(rig())).skip()), 0x82); // it is over
  const deciding = (): Rig => openRig(reauthenticating(() => new Promise(() => undefined)));
  expectDisconnected(begin(begin(authenticated(deciding()))), 0x82);
  expectDisconnected(reply(begin(authenticated(deciding()))), 0x82);
  expectDisconnected(begin(begin(authenticated(openRig(reauthenticating(challenging(['one']))))).skip()), 0x82);
});

test.each([0, 1, 2])('v5 [MQTT-4.12.1-2] it fails behind %i challenges: DISCONNECT with the reason, and the connection is closed', async (count) => {
  const steps = ['one', 'two'].slice(0, count);
  const refusals: readonly (readonly [AuthenticateAnswer, number])[] = [
    [refused(false), 0x87],
    [refused({ action: 'deny', reasonCode: 0x97 }), 0x97],
    [refused({ action: 'deny', reasonCode: 0x8c }), 0x87], // which DISCONNECT has not
    [refused('yes' as unknown as AuthenticateAnswer), 0x83],
  ];
  for (const [last, reasonCode] of refusals) {
    const rig = openRig(reauthenticating(challenging(steps, last)));
    rig.broker.on('hookError', () => undefined);
    const watcher = subscriber(rig, 'watcher', 'w');
    const sent = begin(authenticated(rig, { will: { topic: 'w', payload: 'bye' } }));
    for (const step of steps) {
      expect([sent.received(), sent.closed]).toEqual([[authPacket(0x18, step)], false]);
      reply(sent);
    }
    expectDisconnected(sent, reasonCode);
    expect([payloads(watcher), rig.stats.clients]).toEqual([['bye'], 1]);
  }
  // A hook that never answers.
  const rig = openRig(reauthenticating(() => new Promise(() => undefined)));
  rig.broker.on('hookError', () => undefined);
  const sent = begin(authenticated(rig));
  rig.clock.advance(rig.broker.options.hookTimeoutSeconds * 1000);
  await rig.settle();
  expectDisconnected(sent, 0x83);
});

test('v5 [X5-4.12.1-1] other packets go on under the old authentication while a hook decides', async () => {
  const asked = new Asked<AuthenticateRequest, AuthenticateAnswer>(() => rig);
  const rig: Rig = openRig(reauthenticating(asked.ask));
  const sent = begin(authenticated(rig).subscribe('t', { qos: 1 }).skip());
  sent.pingreq().publish({ topic: 't', payload: 'own', qos: 1, packetId: 9 }).subscribe('u', { packetId: 10 });
  client(rig, 'pub').publish({ topic: 't', payload: 'other' });
  expect(short(sent.received())).toEqual(['pingresp', 'puback 9', 'publish 1 own', 'suback 10 0x00', 'publish other']);
  await asked.answer(true);
  expect(sent.received()).toEqual([authPacket(0)]);
});

test('v5 [X5-4.12.1-1] and between one AUTH and the next, however long the client takes', () => {
  const rig = openRig(reauthenticating(challenging(['one', 'two'])));
  const watcher = subscriber(rig, 'watcher', 't');
  const sent = authenticated(rig).subscribe('t', { qos: 1 }).skip();
  const goesOn = (): void => {
    sent.publish({ topic: 't', payload: 'x', qos: 1, packetId: 9 });
    expect([payloads(watcher), short(sent.received())]).toEqual([['x'], ['puback 9', expect.stringMatching(/^publish \d x$/)]]);
    rig.clock.advance(3_600_000);
    expectOpen(sent);
  };
  expect(begin(sent).received()).toEqual([authPacket(0x18, 'one')]);
  goesOn();
  expect(reply(sent).received()).toEqual([authPacket(0x18, 'two')]);
  goesOn();
  expect(reply(sent).received()).toEqual([authPacket(0)]);
  goesOn();
});
