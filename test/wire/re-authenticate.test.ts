/** v5 4.12.1: re-authentication of a connected client, while its other packets go on. */
import { describe, expect, test } from '@jest/globals';
import type { AuthenticateAnswer, AuthenticateRequest } from '../../src/index.js';
import type { WireClient } from '../../src/testing/index.js';
import { Asked } from './asked.js';
import { openRig, payloads, short } from './rig.js';
import type { ClientOptions, Rig } from './rig.js';

const method = 'TOKEN';
const data = (text: string): Uint8Array => Buffer.from(text);

type Answer = AuthenticateAnswer | Promise<AuthenticateAnswer>;

/** Lets everyone in; `again` answers re-authentications. */
const rigWith = (again: (request: AuthenticateRequest) => Answer): Rig =>
  openRig({ authenticate: (request) => (request.type === 'connect' ? true : again(request)) });
const connected = (rig: Rig, options: ClientOptions = {}): WireClient =>
  rig.client('a', { ...options, properties: { authenticationMethod: method, ...options.properties } });
const begin = (client: WireClient, text = 'token'): WireClient =>
  client.auth(0x19, { authenticationMethod: method, authenticationData: text });
const reply = (client: WireClient, text: string): WireClient =>
  client.auth(0x18, { authenticationMethod: method, authenticationData: text });

describe('success', () => {
  test('AUTH 0x00 with the method and the last data; no second CONNACK: [MQTT-3.2.0-2] [MQTT-4.12.0-5]', () => {
    const client = begin(connected(rigWith(() => ({ action: 'allow', authenticationData: data('final') }))));
    expect(client.received()).toEqual([
      { type: 'auth', reasonCode: 0, properties: { authenticationMethod: method, authenticationData: 'final' } },
    ]);
    expect(client.closed).toBe(false);
  });
  test('the hook is told it is one, with the new data and the facts of CONNECT', () => {
    const asked: AuthenticateRequest[] = [];
    const client = connected(rigWith((request) => asked.push(request) > 0), { username: 'u', keepalive: 60 });
    client.auth(0x19, { authenticationMethod: method, authenticationData: 'fresh', userProperties: [['k', 'v']] });
    expect(asked).toMatchObject([
      { type: 'reauthenticate', clientId: 'a', username: 'u', protocolVersion: 5, keepAliveSeconds: 60, authenticationMethod: method, properties: { userProperties: [['k', 'v']] } },
    ]);
    expect(Buffer.from(asked[0]?.authenticationData ?? []).toString()).toBe('fresh');
  });
  test('through challenges, each with 0x18: [MQTT-4.12.0-2]', () => {
    const heard: string[] = [];
    const client = begin(
      connected(
        rigWith(() => ({
          action: 'challenge',
          data: data('one'),
          next: (first) => {
            heard.push(Buffer.from(first ?? []).toString());
            return { action: 'challenge', data: data('two'), next: (second) => heard.push(Buffer.from(second ?? []).toString()) > 0 };
          },
        })),
      ),
    );
    expect(client.received()).toMatchObject([{ type: 'auth', reasonCode: 0x18, properties: { authenticationData: 'one' } }]);
    expect(reply(client, '1').received()).toMatchObject([{ type: 'auth', reasonCode: 0x18, properties: { authenticationData: 'two' } }]);
    expect(short(reply(client, '2').received())).toEqual(['auth']);
    expect(heard).toEqual(['1', '2']);
  });
  test('as the same principal; as another one it is refused with 0x87 and nothing is renewed', () => {
    const client = connected(rigWith(() => ({ action: 'allow', principal: 'ann' })), { username: 'ann' });
    expect(short(begin(client).received())).toEqual(['auth']);
    const other = connected(rigWith(() => ({ action: 'allow', principal: 'bob', expiresAtMs: Number.MAX_SAFE_INTEGER })), { username: 'ann' });
    expect(short(begin(other).received())).toEqual(['disconnect 0x87']);
    expect(other.ended).toBe(true);
  });
  test('as often as the client likes', () => {
    const client = connected(rigWith(() => true));
    for (let round = 0; round < 10; round += 1) expect(short(begin(client).received())).toEqual(['auth']);
  });
});

describe('X5-4.12.1-1 traffic goes on meanwhile', () => {
  test('while a hook decides', async () => {
    const asked = new Asked<AuthenticateRequest, AuthenticateAnswer>(() => rig);
    const rig: Rig = rigWith(asked.ask);
    const client = begin(connected(rig).subscribe('t', { qos: 1 }).skip());
    client.pingreq().publish({ topic: 't', payload: 'own', qos: 1, packetId: 9 }).subscribe('u', { packetId: 10 });
    rig.client('pub').publish({ topic: 't', payload: 'other' });
    expect(short(client.received())).toEqual(['pingresp', 'puback 9', 'publish 1 own', 'suback 10 0x00', 'publish other']);
    await asked.answer(true);
    expect(short(client.received())).toEqual(['auth']);
  });
  test('while the client owes an answer to a challenge', () => {
    const rig = rigWith(() => ({ action: 'challenge', next: () => true }));
    const client = begin(connected(rig)).skip();
    client.publish({ topic: 't', qos: 1 }).pingreq();
    rig.clock.advance(3_600_000);
    expect(short(client.received())).toEqual(['puback 1 0x10', 'pingresp']);
    expect(short(reply(client, 'x').received())).toEqual(['auth']);
  });
  test('DISCONNECT meanwhile is a normal one, and a late answer changes nothing', async () => {
    const asked = new Asked<AuthenticateRequest, AuthenticateAnswer>(() => rig);
    const rig: Rig = rigWith(asked.ask);
    const client = begin(connected(rig, { will: { topic: 'w', payload: 'x' } }));
    const signal = asked.questions[0]?.signal;
    client.disconnect();
    expect(signal?.aborted).toBe(true);
    await asked.answer(false);
    expect(client.received()).toEqual([]);
    expect(rig.stats).toMatchObject({ willsPublished: 0, clients: 0 });
  });
  test('a late refusal does not reach the connection that has taken over since', async () => {
    const asked = new Asked<AuthenticateRequest, AuthenticateAnswer>(() => rig);
    const rig: Rig = rigWith(asked.ask);
    begin(connected(rig));
    const next = connected(rig);
    await asked.answer(false);
    expect(short(next.pingreq().received())).toEqual(['pingresp']);
  });
});

describe('[MQTT-4.12.1-2] failure', () => {
  test.each([
    ['false', false, 0x87],
    ['a code of DISCONNECT', { action: 'deny', reasonCode: 0x97 }, 0x97],
    ['a code of CONNACK only', { action: 'deny', reasonCode: 0x86 }, 0x87],
    ['no code', { action: 'deny' }, 0x87],
  ] as const)('%s: DISCONNECT with a code it may have, and a close', (_, answer, reasonCode) => {
    const client = begin(connected(rigWith(() => answer)));
    expect(client.received()).toMatchObject([{ type: 'disconnect', reasonCode }]);
    expect(client.closed).toBe(true);
  });
  test('reason string, user properties and server reference are told', () => {
    const answer = { action: 'deny', reasonCode: 0x9d, reasonString: 'moved', serverReference: 'b', userProperties: [['k', 'v']] } as const;
    expect(begin(connected(rigWith(() => answer))).received()).toMatchObject([
      { type: 'disconnect', reasonCode: 0x9d, properties: { reasonString: 'moved', serverReference: 'b', userProperties: [['k', 'v']] } },
    ]);
  });
  test('at a later step as at the first', () => {
    const client = begin(connected(rigWith(() => ({ action: 'challenge', next: () => ({ action: 'deny', reasonCode: 0x86 }) }))));
    expect(short(reply(client, 'x').received())).toEqual(['auth 0x18', 'disconnect 0x87']);
  });
  test('a hook that throws: 0x83 and hookError', () => {
    const rig = rigWith(() => {
      throw new Error('x');
    });
    const errors: string[] = [];
    rig.broker.on('hookError', (_, hook) => errors.push(hook));
    expect(short(begin(connected(rig)).received())).toEqual(['disconnect 0x83']);
    expect(errors).toEqual(['authenticate']);
  });
  test('a hook beyond its deadline: 0x83', async () => {
    const rig = rigWith(() => new Promise(() => undefined));
    const client = begin(connected(rig));
    rig.clock.advance(10_000);
    await rig.settle();
    expect(short(client.received())).toEqual(['disconnect 0x83']);
  });
  test('the will is published and the session kept, as after any close by the broker', () => {
    const rig = rigWith(() => false);
    const watcher = rig.subscriber('watcher', 'w');
    begin(connected(rig, { will: { topic: 'w', payload: 'x' }, properties: { sessionExpiryInterval: 60 } }));
    expect(payloads(watcher)).toEqual(['x']);
    expect(rig.stats.sessions).toBe(2);
  });
});

describe('an AUTH that breaks the rules', () => {
  const expectClosed = (client: WireClient, reasonCode: number): void => {
    expect(client.last()).toMatchObject({ type: 'disconnect', reasonCode });
    expect(client.closed).toBe(true);
  };
  const pending = (): WireClient => begin(connected(rigWith(() => new Promise(() => undefined))));

  test('[MQTT-4.12.0-7] X5-3.15-1 of a client that connected without a method: 0x82', () => {
    expectClosed(begin(rigWith(() => true).client('a')), 0x82);
  });
  test('[MQTT-4.12.1-1] with another method: 0x82', () => {
    expectClosed(connected(rigWith(() => true)).auth(0x19, { authenticationMethod: 'OTHER' }), 0x82);
  });
  test('X5-3.15.2.2.2-1 without a method: 0x82', () => expectClosed(connected(rigWith(() => true)).auth(0x19, {}), 0x82));
  test('[MQTT-4.12.1-1] 0x18 that nobody asked for: 0x82', () => expectClosed(reply(connected(rigWith(() => true)), 'x'), 0x82));
  test('[MQTT-3.15.2-1] 0x00, which only the broker sends: 0x82', () => {
    expectClosed(connected(rigWith(() => true)).auth(0, { authenticationMethod: method }), 0x82);
  });
  test('0x19 while one is under way: 0x82', () => expectClosed(begin(pending()), 0x82));
  test('0x18 while the hook decides: 0x82', () => expectClosed(reply(pending(), 'x'), 0x82));
  test('0x19 instead of the answer to a challenge: 0x82', () => {
    expectClosed(begin(begin(connected(rigWith(() => ({ action: 'challenge', next: () => true }))))), 0x82);
  });
  test('[MQTT-4.12.0-3] another method in the answer to a challenge: 0x82', () => {
    const client = begin(connected(rigWith(() => ({ action: 'challenge', next: () => true }))));
    expectClosed(client.auth(0x18, { authenticationMethod: 'OTHER' }), 0x82);
  });
});

describe('the login', () => {
  /** The first login lasts 5 s, a renewed one `seconds`. */
  function expiring(seconds: number | undefined): { readonly rig: Rig; readonly client: WireClient } {
    const rig: Rig = openRig({
      authenticate: ({ type }) => {
        const lasts = type === 'connect' ? 5 : seconds;
        return { action: 'allow', ...(lasts !== undefined && { expiresAtMs: rig.clock.wall() + lasts * 1000 }) };
      },
    });
    return { rig, client: connected(rig) };
  }

  test('is renewed by a re-authentication', () => {
    const { rig, client } = expiring(60);
    rig.clock.advance(4000);
    begin(client);
    rig.clock.advance(59_999);
    expect(client.closed).toBe(false);
    rig.clock.advance(1);
    expect(short(client.received())).toEqual(['auth', 'disconnect 0x87']);
  });
  test('may become shorter', () => {
    const { rig, client } = expiring(1);
    begin(client);
    rig.clock.advance(1000);
    expect(client.closed).toBe(true);
  });
  test('lasts for ever when the answer names no end', () => {
    const { rig, client } = expiring(undefined);
    begin(client);
    rig.clock.advance(1e9);
    expect(client.closed).toBe(false);
  });
  test('ends in time while a re-authentication is under way', () => {
    const rig: Rig = openRig({
      authenticate: ({ type }) =>
        type === 'connect' ? { action: 'allow', expiresAtMs: rig.clock.wall() + 5000 } : { action: 'challenge', next: () => true },
    });
    const client = begin(connected(rig));
    rig.clock.advance(5000);
    expect(short(client.received())).toEqual(['auth 0x18', 'disconnect 0x87']);
  });
});
