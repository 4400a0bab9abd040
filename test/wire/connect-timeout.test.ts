/** X5-3.1.4-1: a connection has `connectTimeoutSeconds` until its CONNECT is there; then it is closed. */
import { describe, expect, test } from '@jest/globals';
import type { AuthenticateAnswer, AuthenticateRequest } from '../../src/index.js';
import { Asked } from './asked.js';
import { openRig, short } from './rig.js';
import type { Rig } from './rig.js';

const connect = '10 0e 0004 4d515454 05 02 0000 00 0001 61';

test.each([
  ['nothing', ''],
  ['one byte', '10'],
  ['half a CONNECT', connect.slice(0, 23)],
  ['all but its last byte', connect.slice(0, -3)],
])('%s was sent: closed without a word after 10 seconds, not before', (_, hex) => {
  const rig = openRig();
  const client = rig.open().sendsHex(hex);
  rig.clock.advance(9_999);
  expect(client.closed).toBe(false);
  rig.clock.advance(1);
  expect(client.receivedHex()).toBe('');
  expect(client.closed).toBe(true);
  expect(rig.stats.connections).toBe(0);
});

test('bytes that trickle in do not prolong it', () => {
  const rig = openRig();
  const client = rig.open();
  for (const byte of connect.replaceAll(' ', '').match(/../g)?.slice(0, 10) ?? []) {
    client.sendsHex(byte);
    rig.clock.advance(999);
  }
  expect(client.closed).toBe(false);
  rig.clock.advance(10);
  expect(client.closed).toBe(true);
});

test('a CONNECT in the last moment is in time, and then there is no limit', () => {
  const rig = openRig();
  const client = rig.open();
  rig.clock.advance(9_999);
  expect(short(client.sendsHex(connect).received())).toEqual(['connack']);
  rig.clock.advance(1e9);
  expect(client.closed).toBe(false);
});

test('the option sets it, fractions too', () => {
  const rig = openRig({ connectTimeoutSeconds: 0.25 });
  const client = rig.open();
  rig.clock.advance(249);
  expect(client.closed).toBe(false);
  rig.clock.advance(1);
  expect(client.closed).toBe(true);
});

test('the event tells', () => {
  const rig = openRig();
  const heard: unknown[] = [];
  rig.broker.on('connectRefused', ({ clientId, why }) => heard.push([clientId, why]));
  rig.open();
  rig.clock.advance(10_000);
  expect(heard).toEqual([[undefined, expect.stringContaining('CONNECT')]]);
});

describe('while a hook is asked it stands still', () => {
  test('the hook has a deadline of its own', async () => {
    const asked = new Asked<AuthenticateRequest, AuthenticateAnswer>(() => rig);
    const rig: Rig = openRig({ authenticate: asked.ask, hookTimeoutSeconds: 100 });
    const client = rig.open().connect({ clientId: 'a' });
    rig.clock.advance(99_999);
    expect(client.closed).toBe(false);
    await asked.answer(true);
    expect(short(client.received())).toEqual(['connack']);
  });
});

describe('v5 a client that owes an AUTH', () => {
  const challenge: AuthenticateAnswer = { action: 'challenge', next: () => challenge };
  const withMethod = { clientId: 'a', properties: { authenticationMethod: 'm' } };

  test('has that time for each answer; then CONNACK 0x80 and a close', () => {
    const rig = openRig({ authenticate: () => challenge });
    const client = rig.open().connect(withMethod);
    for (let step = 0; step < 3; step += 1) {
      rig.clock.advance(9_999);
      expect(short(client.received())).toEqual(['auth 0x18']);
      client.auth(0x18, { authenticationMethod: 'm' });
    }
    rig.clock.advance(10_000);
    expect(short(client.received())).toEqual(['auth 0x18', 'connack 0x80']);
    expect(client.closed).toBe(true);
    expect(rig.stats.sessions).toBe(0);
  });
});
