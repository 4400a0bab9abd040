/** `authenticate` at CONNECT: what it is asked, and what each form of its answer comes to in each version. */
import { describe, expect, test } from '@jest/globals';
import type { AuthenticateAnswer, AuthenticateRequest } from '../../src/index.js';
import { Asked } from './asked.js';
import { openRig, three } from './rig.js';
import type { ClientOptions, Rig } from './rig.js';

const answering = (answer: AuthenticateAnswer | (() => AuthenticateAnswer), options = {}): Rig =>
  openRig({ authenticate: () => (typeof answer === 'function' ? answer() : answer), ...options });

/** What a 5.0 client gets. */
function connackOf(answer: AuthenticateAnswer, { protocolVersion: _, ...connect }: ClientOptions = {}) {
  const client = answering(answer).open().connect({ clientId: 'a', ...connect });
  const [connack, ...more] = client.received();
  expect(more).toEqual([]);
  expect(client.closed).toBe((connack?.reasonCode ?? 0x80) !== 0);
  return connack;
}

/** What a 3.1.1 client gets, as bytes. */
function connack4(answer: AuthenticateAnswer, connect: ClientOptions = {}): string {
  const client = answering(answer).open({ protocolVersion: 4 }).connect({ clientId: 'a', ...connect });
  const hex = client.receivedHex();
  expect(client.closed).toBe(hex !== '20 02 00 00');
  return hex;
}

test('it is asked once, with everything the client sent', () => {
  const asked: AuthenticateRequest[] = [];
  const rig = openRig({ authenticate: (request) => asked.push(request) > 0 });
  const properties = { sessionExpiryInterval: 9, receiveMaximum: 7, userProperties: [['k', 'v'], ['k', 'w']] } as const;
  rig.open().connect({ clientId: 'a', username: 'u', password: 'p', clean: false, keepalive: 60, properties });
  expect(asked).toHaveLength(1);
  expect(asked[0]).toMatchObject({
    type: 'connect',
    clientId: 'a',
    username: 'u',
    protocolVersion: 5,
    cleanStart: false,
    keepAliveSeconds: 60,
    properties: { sessionExpirySeconds: 9, receiveMaximum: 7, userProperties: [['k', 'v'], ['k', 'w']] },
    authenticationMethod: undefined,
    authenticationData: undefined,
    connection: { transport: 'memory' },
  });
  expect(Buffer.from(asked[0]?.password ?? []).toString()).toBe('p');
  expect(asked[0]?.signal.aborted).toBe(false);
});

test.each([3, 4] as const)('version %i has no properties, and Clean Session for Clean Start', (protocolVersion) => {
  const asked: AuthenticateRequest[] = [];
  const rig = openRig({ authenticate: (request) => asked.push(request) > 0 });
  rig.open({ protocolVersion }).connect({ clientId: 'a', clean: true });
  expect(asked[0]).toMatchObject({ protocolVersion, cleanStart: true, properties: {}, username: undefined, password: undefined });
});

describe('true and false', () => {
  test.each(three)('$name true lets the client in', ({ protocolVersion }) => {
    const client = answering(true).open({ protocolVersion }).connect({ clientId: 'a' });
    expect(client.received()).toMatchObject([{ type: 'connack', reasonCode: 0 }]);
    expect(client.closed).toBe(false);
  });
  test('v5 [MQTT-3.1.4-2] false is 0x86 when a user name or password was given, else 0x87', () => {
    expect(connackOf(false)).toMatchObject({ reasonCode: 0x87, sessionPresent: false });
    expect(connackOf(false, { username: 'u' })).toMatchObject({ reasonCode: 0x86 });
    // A password without a user name, which 5.0 allows.
    const client = answering(false).open().sendsHex('10 11 0004 4d515454 05 42 0000 00 0001 61 0001 70');
    expect(client.received()).toMatchObject([{ reasonCode: 0x86 }]);
  });
  test.each([3, 4] as const)('version %i: return code 4 when a user name was given, else 5', (protocolVersion) => {
    const rig = answering(false);
    expect(rig.open({ protocolVersion }).connect({ clientId: 'a' }).receivedHex()).toBe('20 02 00 05');
    expect(rig.open({ protocolVersion }).connect({ clientId: 'a', username: 'u' }).receivedHex()).toBe('20 02 00 04');
  });
});

describe('deny', () => {
  const legal = [0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90, 0x95, 0x97, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9f];
  const returnCodes: Readonly<Record<number, number>> = {
    0x84: 1, 0x85: 2, 0x86: 4, 0x87: 5, 0x88: 3, 0x89: 3, 0x8a: 5, 0x97: 3, 0x9c: 3, 0x9d: 3, 0x9f: 3,
  }; // prettier-ignore

  // Goal: [MQTT-3.2.2-8] only codes of a CONNACK go out. Method: all 256 codes.
  test('v5 [MQTT-3.2.2-8] a reason code of CONNACK is sent as it is, any other one as 0x87', () => {
    let sent = 0;
    for (let reasonCode = 0; reasonCode < 256; reasonCode += 1) {
      const expected = legal.includes(reasonCode) ? reasonCode : 0x87;
      expect(connackOf({ action: 'deny', reasonCode })?.reasonCode).toBe(expected);
      sent += 1;
    }
    expect(sent).toBe(256);
  });
  test('v3.1.1 [MQTT-3.2.2-6] the return code nearest to it, or no CONNACK where there is none', () => {
    for (const reasonCode of legal) {
      const code = returnCodes[reasonCode];
      expect([reasonCode, connack4({ action: 'deny', reasonCode })]).toEqual([reasonCode, code === undefined ? '' : `20 02 00 0${code}`]);
    }
  });
  test('without a code it is 0x87, or 0x86 beside credentials', () => {
    expect(connackOf({ action: 'deny' })?.reasonCode).toBe(0x87);
    expect(connackOf({ action: 'deny' }, { username: 'u' })?.reasonCode).toBe(0x86);
    expect(connack4({ action: 'deny' }, { username: 'u' })).toBe('20 02 00 04');
  });
  test('v5 reason string and user properties are sent, in their order', () => {
    const userProperties = [['b', '1'], ['a', '2']] as const;
    const connack = connackOf({ action: 'deny', reasonCode: 0x8a, reasonString: 'no', userProperties });
    expect(connack).toMatchObject({ reasonCode: 0x8a, sessionPresent: false, properties: { reasonString: 'no', userProperties } });
  });
  test('v5 without a reason string nothing is said', () => {
    expect(connackOf({ action: 'deny', reasonCode: 0x8a })).toEqual({ type: 'connack', reasonCode: 0x8a, sessionPresent: false });
  });
  test('v5 [MQTT-3.1.2-29] CONNACK is exempt from Request Problem Information 0', () => {
    const properties = { requestProblemInformation: false };
    expect(connackOf({ action: 'deny', reasonString: 'no' }, { properties })?.properties?.reasonString).toBe('no');
  });
  test('v5 [MQTT-3.2.2-19] [MQTT-3.2.2-20] what is too large for the client is left out: user properties first', () => {
    const answer: AuthenticateAnswer = { action: 'deny', reasonString: 'r'.repeat(10), userProperties: [['k'.repeat(20), 'v']] };
    const sent = (maximumPacketSize: number) => connackOf(answer, { properties: { maximumPacketSize } })?.properties ?? {};
    expect(Object.keys(sent(60))).toEqual(['reasonString', 'userProperties']);
    expect(Object.keys(sent(30))).toEqual(['reasonString']);
    expect(sent(10)).toEqual({});
  });
  test('v5 [X5-3.2.2.3.16-1] a server reference goes with 0x9C and 0x9D', () => {
    for (const reasonCode of [0x9c, 0x9d]) {
      expect(connackOf({ action: 'deny', reasonCode, serverReference: 'b:1883' })?.properties).toEqual({ serverReference: 'b:1883' });
    }
  });
  test('v5 [X5-3.2.2.3.16-1] and with no other code', () => {
    expect(connackOf({ action: 'deny', reasonCode: 0x88, serverReference: 'b:1883' })?.properties).toBeUndefined();
  });
});

describe('an answer that is none', () => {
  test.each([
    ['undefined', undefined],
    ['a string', 'yes'],
    ['an unknown action', { action: 'maybe' }],
    ['an unknown limit', { action: 'allow', limits: { inflightmax: 1 } }],
    ['a limit out of range', { action: 'allow', limits: { receiveMaximum: 0 } }],
    ['a principal that is no string', { action: 'allow', principal: 1 }],
    ['a challenge without a method', { action: 'challenge', next: () => true }],
  ])('%s refuses: 0x83 in 5.0, a bare close in 3.1.1, and hookError', (_, answer) => {
    const rig = answering(answer as AuthenticateAnswer);
    const errors: string[] = [];
    rig.broker.on('hookError', (error, hook) => errors.push(`${hook} ${error.code}`));
    expect(rig.open().connect({ clientId: 'a' }).received()).toMatchObject([{ type: 'connack', reasonCode: 0x83 }]);
    const old = rig.open({ protocolVersion: 4 }).connect({ clientId: 'a' });
    expect(old.receivedHex()).toBe('');
    expect(old.closed).toBe(true);
    expect(errors).toEqual(['authenticate ODN_ERR_HOOK', 'authenticate ODN_ERR_HOOK']);
    expect(rig.stats).toMatchObject({ clients: 0, sessions: 0 });
  });
  test('a throw refuses too', () => {
    const rig = answering(() => {
      throw new Error('database down');
    });
    const [connack] = rig.open().connect({ clientId: 'a' }).received();
    expect(connack?.reasonCode).toBe(0x83);
    // What the host's error says is for the host.
    expect(JSON.stringify(connack)).not.toContain('database');
  });
});

describe('an answer that comes later', () => {
  test.each(three)('$name the CONNACK waits for it', async ({ protocolVersion }) => {
    const asked = new Asked<AuthenticateRequest, AuthenticateAnswer>(() => rig);
    const rig: Rig = openRig({ authenticate: asked.ask });
    const client = rig.open({ protocolVersion }).connect({ clientId: 'a' });
    await rig.settle();
    expect(client.receivedHex()).toBe('');
    await asked.answer(true);
    expect(client.received()).toMatchObject([{ type: 'connack', reasonCode: 0 }]);
  });
  test('a rejection refuses: 0x83 and hookError', async () => {
    const asked = new Asked<AuthenticateRequest, AuthenticateAnswer>(() => rig);
    const rig: Rig = openRig({ authenticate: asked.ask });
    const errors: string[] = [];
    rig.broker.on('hookError', (error) => errors.push(error.message));
    const client = rig.open().connect({ clientId: 'a' });
    await asked.fail(new Error('down'));
    expect(client.received()).toMatchObject([{ type: 'connack', reasonCode: 0x83 }]);
    expect(client.closed).toBe(true);
    expect(errors).toEqual([expect.stringContaining('down')]);
  });
  test('after hookTimeoutSeconds it is a refusal, the signal fires, and what comes later changes nothing', async () => {
    const asked = new Asked<AuthenticateRequest, AuthenticateAnswer>(() => rig);
    const rig: Rig = openRig({ authenticate: asked.ask, hookTimeoutSeconds: 3 });
    const client = rig.open().connect({ clientId: 'a' });
    const signal = asked.questions[0]?.signal;
    rig.clock.advance(2999);
    await rig.settle();
    expect(client.received()).toEqual([]);
    rig.clock.advance(1);
    await rig.settle();
    expect(client.received()).toMatchObject([{ type: 'connack', reasonCode: 0x83 }]);
    expect(client.closed).toBe(true);
    expect(signal?.aborted).toBe(true);
    await asked.answer(true);
    expect(rig.stats).toMatchObject({ clients: 0, sessions: 0, hookErrors: 1 });
  });
  test('the signal fires when the client goes away, and no session is made', async () => {
    const asked = new Asked<AuthenticateRequest, AuthenticateAnswer>(() => rig);
    const rig: Rig = openRig({ authenticate: asked.ask });
    const client = rig.open().connect({ clientId: 'a', will: { topic: 'w', payload: 'x' } });
    const signal = asked.questions[0]?.signal;
    expect(signal?.aborted).toBe(false);
    client.drop();
    expect(signal?.aborted).toBe(true);
    await asked.answer(true);
    expect(rig.stats).toMatchObject({ clients: 0, sessions: 0, willsPublished: 0, hookErrors: 0 });
  });
});

describe('the principal', () => {
  test('is what the hook says, else the user name, else nobody', () => {
    const rig = openRig({ authenticate: ({ clientId }) => (clientId === 'a' ? { action: 'allow', principal: 'p' } : true) });
    rig.client('a', { username: 'u' });
    rig.client('b', { username: 'u' });
    rig.client('c');
    expect([...rig.broker.clients.values()].map(({ principal, username }) => [principal, username])).toEqual([
      ['p', 'u'],
      ['u', 'u'],
      [undefined, undefined],
    ]);
  });
});

test('[MQTT-3.1.4-2] the events tell who was refused, and why', () => {
  const rig = answering({ action: 'deny', reasonCode: 0x8a, reasonString: 'banned' });
  const heard: unknown[] = [];
  rig.broker.on('connectRefused', ({ clientId, reasonCode, why }) => heard.push([clientId, reasonCode, why]));
  rig.broker.on('client', () => heard.push('client'));
  rig.broker.on('clientDisconnected', () => heard.push('clientDisconnected'));
  rig.open().connect({ clientId: 'a' });
  expect(heard).toEqual([['a', 0x8a, 'banned']]);
});
