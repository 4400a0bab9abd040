/** v5 4.12: enhanced authentication before CONNACK, step by step, and everything that can go wrong with it. */
import { describe, expect, test } from '@jest/globals';
import type { AuthenticateAnswer, AuthenticateRequest, BrokerOptions } from '../../src/index.js';
import type { WireClient } from '../../src/testing/index.js';
import { Asked } from './asked.js';
import { openRig, short } from './rig.js';
import type { Rig } from './rig.js';

const method = 'SCRAM';
const withMethod = { clientId: 'a', properties: { authenticationMethod: method, authenticationData: 'client-first' } };
const data = (text: string): Uint8Array => Buffer.from(text);
const textOf = (bytes: Uint8Array | undefined): string => (bytes === undefined ? '-' : Buffer.from(bytes).toString());

/** Challenges with each of `steps` in turn and then answers `last`; notes what the client sent. */
function challenging(steps: readonly string[], last: AuthenticateAnswer, heard: string[] = []): BrokerOptions {
  const step = (index: number): AuthenticateAnswer => {
    const challenge = steps[index];
    if (challenge === undefined) return last;
    const next = (answer: Uint8Array | undefined): AuthenticateAnswer => {
      heard.push(textOf(answer));
      return step(index + 1);
    };
    return { action: 'challenge', data: data(challenge), next };
  };
  return {
    authenticate: ({ authenticationMethod, authenticationData }) => {
      heard.push(`${authenticationMethod} ${textOf(authenticationData)}`);
      return step(0);
    },
  };
}

const reply = (client: WireClient, text: string): WireClient =>
  client.auth(0x18, { authenticationMethod: method, authenticationData: text });

describe('success', () => {
  test('in one step: [MQTT-4.12.0-5] the CONNACK has the method and the last data', () => {
    const rig = openRig(challenging([], { action: 'allow', authenticationData: data('server-final') }));
    const client = rig.open().connect(withMethod);
    expect(client.received()).toMatchObject([
      { type: 'connack', reasonCode: 0, properties: { authenticationMethod: method, authenticationData: 'server-final' } },
    ]);
  });
  test('through challenges: [MQTT-4.12.0-2] [MQTT-4.12.0-5] each AUTH has 0x18, the method and its data', () => {
    const heard: string[] = [];
    const rig = openRig(challenging(['one', 'two'], { action: 'allow', authenticationData: data('done') }, heard));
    const client = rig.open().connect(withMethod);
    const auth = (text: string) => ({ type: 'auth', reasonCode: 0x18, properties: { authenticationMethod: method, authenticationData: text } });
    expect(client.received()).toEqual([auth('one')]);
    expect(reply(client, 'answer 1').received()).toEqual([auth('two')]);
    expect(reply(client, 'answer 2').received()).toMatchObject([
      { type: 'connack', reasonCode: 0, properties: { authenticationMethod: method, authenticationData: 'done' } },
    ]);
    expect(heard).toEqual(['SCRAM client-first', 'answer 1', 'answer 2']);
    expect(short(client.pingreq().received())).toEqual(['pingresp']);
  });
  test('data may be left out on both sides, and may be empty', () => {
    const heard: string[] = [];
    const rig = openRig({
      authenticate: () => ({
        action: 'challenge',
        next: (first) => {
          heard.push(textOf(first));
          return { action: 'challenge', data: data(''), next: (second) => heard.push(textOf(second)) > 0 };
        },
      }),
    });
    const client = rig.open().connect({ clientId: 'a', properties: { authenticationMethod: method } });
    expect(client.received()).toEqual([{ type: 'auth', reasonCode: 0x18, properties: { authenticationMethod: method } }]);
    expect(client.auth(0x18, { authenticationMethod: method }).received()[0]?.properties?.authenticationData).toBe('');
    expect(short(reply(client, '').received())).toEqual(['connack']);
    expect(heard).toEqual(['-', '']);
  });
  test('without data there is none in CONNACK', () => {
    const rig = openRig({ authenticate: () => true });
    expect(rig.open().connect(withMethod).received()[0]?.properties).toMatchObject({ authenticationMethod: method });
    expect(rig.open().connect({ ...withMethod, clientId: 'b' }).received()[0]?.properties?.authenticationData).toBeUndefined();
  });
  test('[MQTT-4.12.0-6] without a method in CONNECT there is none in CONNACK, and no data', () => {
    const rig = openRig({ authenticate: () => ({ action: 'allow', authenticationData: data('x') }) });
    const properties = rig.open().connect({ clientId: 'a' }).received()[0]?.properties;
    expect(properties?.authenticationMethod).toBeUndefined();
    expect(properties?.authenticationData).toBeUndefined();
  });
  test('what the client pipelines behind its answer is handled after CONNACK', () => {
    const rig = openRig(challenging(['one'], true));
    const client = rig.open().connect(withMethod);
    // In one chunk: AUTH, SUBSCRIBE, PINGREQ.
    client.sendsHex('f0 0a 18 08 15 0005 53 43 52 41 4d 82 07 0001 00 0001 74 00 c0 00');
    expect(short(client.received())).toEqual(['auth 0x18', 'connack', 'suback 1 0x00', 'pingresp']);
  });
  test('hooks may answer late at each step', async () => {
    const asked = new Asked<string, AuthenticateAnswer>(() => rig);
    const rig: Rig = openRig({ authenticate: () => asked.ask('connect') });
    const client = rig.open().connect(withMethod);
    const challenge = (name: string): AuthenticateAnswer => ({ action: 'challenge', data: data(name), next: (answer) => asked.ask(textOf(answer)) });
    await asked.answer(challenge('one'));
    expect(short(client.received())).toEqual(['auth 0x18']);
    expect(reply(client, '1').received()).toEqual([]);
    await asked.answer(challenge('two'));
    expect(short(client.received())).toEqual(['auth 0x18']);
    reply(client, '2');
    expect(asked.questions).toEqual(['2']);
    await asked.answer(true);
    expect(short(client.received())).toEqual(['connack']);
  });
  test('limits and principal of the last answer count', () => {
    const rig = openRig(challenging(['one'], { action: 'allow', principal: 'p', limits: { receiveMaximum: 3 } }));
    const client = reply(rig.open().connect(withMethod).skip(), 'x');
    expect(client.received()[0]?.properties?.receiveMaximum).toBe(3);
    expect(rig.broker.clients.get('a')?.principal).toBe('p');
  });
});

describe('[MQTT-4.12.0-4] refusal', () => {
  test.each([0, 1, 2])('after %i challenges: CONNACK with the code, and a close', (count) => {
    const steps = ['one', 'two'].slice(0, count);
    const rig = openRig(challenging(steps, { action: 'deny', reasonCode: 0x86, reasonString: 'wrong' }));
    const client = rig.open().connect(withMethod);
    for (const step of steps) reply(client, step);
    expect(client.received().slice(count)).toMatchObject([{ type: 'connack', reasonCode: 0x86, properties: { reasonString: 'wrong' } }]);
    expect(client.closed).toBe(true);
    expect(rig.stats.sessions).toBe(0);
  });
  test('the refusing CONNACK has no method: only a successful one must', () => {
    const rig = openRig(challenging([], false));
    expect(rig.open().connect(withMethod).received()[0]?.properties).toBeUndefined();
  });
  test('false is 0x87, without a user name as with one at a later step', () => {
    const first = openRig(challenging([], false)).open().connect(withMethod);
    expect(short(first.received())).toEqual(['connack 0x87']);
    const later = reply(openRig(challenging(['one'], false)).open().connect(withMethod).skip(), 'x');
    expect(short(later.received())).toEqual(['connack 0x87']);
  });
  test.each([
    ['throws', (): AuthenticateAnswer => { throw new Error('x'); }],
    ['answers nonsense', () => 'yes' as unknown as AuthenticateAnswer],
  ])('a step that %s: 0x83 and hookError', (_, next) => {
    const rig = openRig({ authenticate: () => ({ action: 'challenge', next }) });
    const errors: string[] = [];
    rig.broker.on('hookError', (__, hook) => errors.push(hook));
    const client = reply(rig.open().connect(withMethod).skip(), 'x');
    expect(short(client.received())).toEqual(['connack 0x83']);
    expect(errors).toEqual(['authenticate']);
  });
  test('a step beyond hookTimeoutSeconds: 0x83, its signal fires', async () => {
    const signals: AbortSignal[] = [];
    const rig = openRig({
      authenticate: () => ({ action: 'challenge', next: (_, signal) => new Promise(() => signals.push(signal)) }),
    });
    const client = reply(rig.open().connect(withMethod).skip(), 'x');
    rig.clock.advance(10_000);
    await rig.settle();
    expect(short(client.received())).toEqual(['connack 0x83']);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  });
  test('a client that goes away between two steps leaves nothing behind', async () => {
    const asked = new Asked<string, AuthenticateAnswer>(() => rig);
    const rig: Rig = openRig({ authenticate: () => ({ action: 'challenge', next: () => asked.ask('next') }) });
    const client = reply(rig.open().connect({ ...withMethod, will: { topic: 'w', payload: 'x' } }), 'x');
    client.drop();
    await asked.answer(true);
    expect(rig.stats).toMatchObject({ sessions: 0, clients: 0, connections: 0, willsPublished: 0 });
  });
  test('[MQTT-4.12.0-1] no hook at all: 0x8C', () => {
    const client = openRig().open().connect(withMethod);
    expect(short(client.received())).toEqual(['connack 0x8c']);
    expect(client.closed).toBe(true);
  });
  test('[MQTT-4.12.0-1] a method the hook does not know: what it says, 0x8C', () => {
    const client = openRig({ authenticate: () => ({ action: 'deny', reasonCode: 0x8c }) }).open().connect(withMethod);
    expect(short(client.received())).toEqual(['connack 0x8c']);
  });
  test('[MQTT-4.12.0-6] a challenge for a client that did not ask for one is the hook’s mistake, and no AUTH is sent', () => {
    const rig = openRig(challenging(['one'], true));
    const errors: string[] = [];
    rig.broker.on('hookError', (_, hook) => errors.push(hook));
    expect(short(rig.open().connect({ clientId: 'a' }).received())).toEqual(['connack 0x83']);
    expect(rig.open({ protocolVersion: 4 }).connect({ clientId: 'a' }).receivedHex()).toBe('');
    expect(errors).toEqual(['authenticate', 'authenticate']);
  });
});

describe('an AUTH that breaks the rules before CONNACK', () => {
  const challenged = (): WireClient => openRig(challenging(['one'], true)).open().connect(withMethod).skip();
  const expectRefused = (client: WireClient, reasonCode: number): void => {
    expect(client.received()).toMatchObject([{ type: 'connack', reasonCode, sessionPresent: false }]);
    expect(client.closed).toBe(true);
  };

  test('[MQTT-4.12.0-5] another method: 0x82', () => {
    expectRefused(challenged().auth(0x18, { authenticationMethod: 'PLAIN', authenticationData: 'x' }), 0x82);
  });
  test('[MQTT-4.12.0-5] the method in another case is another one', () => {
    expectRefused(challenged().auth(0x18, { authenticationMethod: 'scram' }), 0x82);
  });
  test('X5-3.15.2.2.2-1 no method: 0x82', () => expectRefused(challenged().auth(0x18, {}), 0x82));
  test('no properties at all, nor a reason code: 0x82', () => expectRefused(challenged().sendsHex('f0 00'), 0x82));
  test('[MQTT-4.12.0-3] 0x19 instead of 0x18: 0x82', () => {
    expectRefused(challenged().auth(0x19, { authenticationMethod: method }), 0x82);
  });
  test('[MQTT-3.15.2-1] 0x00, which only the broker sends: 0x82', () => {
    expectRefused(challenged().auth(0, { authenticationMethod: method }), 0x82);
  });
  test('[MQTT-3.15.2-1] any other code: 0x82', () => {
    for (const code of [0x01, 0x04, 0x17, 0x1a, 0x80, 0xff]) {
      expectRefused(challenged().sendsBytes(Buffer.from([0xf0, 10, code, 8, 0x15, 0, 5, ...Buffer.from(method)])), 0x82);
    }
  });
  test('[MQTT-3.15.1-1] reserved flags: 0x81', () => expectRefused(challenged().sendsHex('f1 00'), 0x81));
  test('X5-2.2.2.2-3 the method twice: 0x82', () => {
    expectRefused(challenged().sendsHex('f0 0a 18 08 15 0001 53 15 0001 53'), 0x82);
  });
  test('X5-2.2.2.2-1 a property that is not for AUTH: 0x81', () => {
    expectRefused(challenged().sendsHex('f0 07 18 05 11 00000001'), 0x81);
  });
  test('[MQTT-4.12.0-7] AUTH without a method in CONNECT, while a hook decides: refused when its turn comes', async () => {
    const asked = new Asked<AuthenticateRequest, AuthenticateAnswer>(() => rig);
    const rig: Rig = openRig({ authenticate: asked.ask });
    const client = rig.open().connect({ clientId: 'a' }).auth(0x18, { authenticationMethod: method });
    await asked.answer(true);
    expect(short(client.received())).toEqual(['connack', 'disconnect 0x82']);
  });
  test('an AUTH that answers no challenge: 0x82 after CONNACK', async () => {
    const asked = new Asked<AuthenticateRequest, AuthenticateAnswer>(() => rig);
    const rig: Rig = openRig({ authenticate: asked.ask });
    const client = reply(rig.open().connect(withMethod), 'too early');
    await asked.answer(true);
    expect(short(client.received())).toEqual(['connack', 'disconnect 0x82']);
  });
  test.each<[string, (client: WireClient) => WireClient]>([
    ['PUBLISH', (client) => client.publish({ topic: 't' })],
    ['SUBSCRIBE', (client) => client.subscribe('t')],
    ['PINGREQ', (client) => client.pingreq()],
    ['a second CONNECT', (client) => client.connect(withMethod)],
  ])('[MQTT-3.1.2-30] %s instead of AUTH: 0x82', (_, send) => expectRefused(send(challenged()), 0x82));
  test('[MQTT-3.1.2-30] DISCONNECT instead of AUTH ends it without a word', () => {
    const client = challenged().disconnect();
    expect(client.received()).toEqual([]);
    expect(client.closed).toBe(true);
  });
});

test('AUTH does not exist in 3.1.1: closed', () => {
  const client = openRig({ authenticate: () => true }).client('a', { protocolVersion: 4 }).sendsHex('f0 00');
  expect(client.receivedHex()).toBe('');
  expect(client.closed).toBe(true);
});
