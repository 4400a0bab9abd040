/** MQTT 5.0, chapter 3.1.4: what the server makes of a CONNECT. */
import { describe, expect, test } from '@jest/globals';
import type { AuthenticateAnswer, AuthenticateRequest, BrokerOptions } from '../../../src/index.js';
import { packet, text } from '../../unit/packet/wire.js';
import { Asked } from '../../wire/asked.js';
import { openRig, payloads, short } from '../../wire/rig.js';
import type { Rig } from '../../wire/rig.js';
import { a, brokenOf, flagsOf, sessionPresent } from './3.01-support.js';
import { client, connectBytes, connecting, expectDisconnected, expectOpen, expectRefused, open, propertiesBytes, resumable, subscriber } from './support.js';

const [u, p, w, x] = [text('u'), text('p'), text('w'), text('x')];

/** The payload that these Connect Flags ask for. */
const payloadOf = (flags: number): string =>
  [a, (flags & 4) > 0 ? `00 ${w} ${x}` : '', (flags & 0x80) > 0 ? u : '', (flags & 0x40) > 0 ? p : ''].join(' ');

/** Never accepted: closed, with a CONNACK that refuses or with none. */
function expectNotAccepted(rig: Rig, bytes: Buffer): void {
  const sent = open(rig).sendsBytes(bytes);
  expect(sent.closed).toBe(true);
  for (const { type, reasonCode = 0 } of sent.received()) expect([type, reasonCode >= 0x80]).toEqual(['connack', true]);
  expect(rig.stats).toMatchObject({ clients: 0, sessions: 0, connectsAccepted: 0 });
}

describe('the format of a CONNECT', () => {
  const properties = `11 0000000a 15 ${text('M')} 17 00 19 01 21 0005 22 0003 26 ${u} ${p} 27 00001000`;
  const willProperties = propertiesBytes(`01 01 02 00000005 03 ${u} 08 ${u} 09 ${u} 18 00000002 26 ${u} ${p}`);
  const body = `${text('MQTT')} 05 ee 003c ${propertiesBytes(properties)} ${a} ${willProperties} ${w} ${x} ${u} ${p}`;
  const whole = packet(0x10, body);

  test('v5 [MQTT-3.1.4-1] one that ends at any byte, or goes on by one, is not accepted', () => {
    const rig = openRig({ authenticate: () => true });
    const content = whole.subarray(2);
    expect(content.length).toBeLessThan(128);
    for (let length = 0; length < content.length; length += 1) expectNotAccepted(rig, packet(0x10, content.subarray(0, length)));
    expectNotAccepted(rig, packet(0x10, Buffer.concat([content, Buffer.of(0)])));
    expect(open(rig).sendsBytes(whole).received()).toMatchObject([{ type: 'connack', reasonCode: 0 }]);
  });

  test('v5 [MQTT-3.1.4-1] of all Connect Flags only the legal ones are', () => {
    for (let flags = 0; flags < 0x100; flags += 1) {
      const hasWill = (flags & 4) > 0;
      const isLegal = (flags & 1) === 0 && (flags & 0x18) !== 0x18 && (hasWill || (flags & 0x38) === 0);
      const bytes = connectBytes({ flags: flagsOf(flags), payload: payloadOf(flags) });
      if (isLegal) expect(open(openRig()).sendsBytes(bytes).received()).toMatchObject([{ type: 'connack', reasonCode: 0 }]);
      else expectNotAccepted(openRig(), bytes);
    }
  });

  const malformed: readonly (readonly [name: string, bytes: Buffer, statement: string])[] = [
    ['nothing behind the fixed header', packet(0x10, ''), 'MQTT-3.1.4-1'],
    ['a Protocol Name that is cut', packet(0x10, "0004 'MQ'"), 'MQTT-3.1.4-1'],
    ['no Protocol Version', packet(0x10, text('MQTT')), 'MQTT-3.1.4-1'],
    ['no Connect Flags', packet(0x10, `${text('MQTT')} 05`), 'MQTT-3.1.4-1'],
    ['no Keep Alive', packet(0x10, `${text('MQTT')} 05 02 00`), 'MQTT-3.1.4-1'],
    ['no properties', packet(0x10, `${text('MQTT')} 05 02 0000`), 'MQTT-4.13.1-1'],
    ['a byte too many', connectBytes({ payload: `${a} 00` }), 'MQTT-3.1.4-1'],
    ['properties beyond its end', packet(0x10, `${text('MQTT')} 05 02 0000 7f ${a}`), 'MQTT-4.13.1-1'],
    ['a property of CONNACK', connectBytes({ properties: '24 01' }), 'X5-2.2.2.2-1'],
    ['a property that is not defined', connectBytes({ properties: '7f 00' }), 'X5-2.2.2.2-1'],
    ['a property twice', connectBytes({ properties: '22 0001 22 0001' }), 'X5-2.2.2.2-3'],
    ['a wildcard in the Will Topic', connectBytes({ flags: '06', payload: `${a} 00 ${text('w/#')} ${x}` }), 'MQTT-4.7.0-1'],
    ['an empty Will Topic', connectBytes({ flags: '06', payload: `${a} 00 0000 ${x}` }), 'MQTT-4.7.3-1'],
    ['U+0000 in the User Name', connectBytes({ flags: '82', payload: `${a} 0001 00` }), 'MQTT-1.5.4-2'],
    ['flags in its first byte', Buffer.concat([Buffer.of(0x12), connectBytes().subarray(1)]), 'MQTT-2.1.3-1'],
    ['a Remaining Length of five bytes', Buffer.from('10ffffffff01', 'hex'), 'X5-1.5.5-1'],
  ];

  test.each(malformed)('v5 [MQTT-3.1.4-1] with %s it is not accepted, and no hook is asked', (_name, bytes, statement) => {
    let asked = 0;
    const rig = openRig({ authenticate: () => (asked += 1) > 0 });
    const broken = brokenOf(rig);
    expectNotAccepted(rig, bytes);
    expect(asked).toBe(0);
    expect(broken).toEqual([statement]);
  });
});

describe('further restrictions', () => {
  const refused: readonly (readonly [why: string, reasonCode: number, options: BrokerOptions])[] = [
    ['the hook says no', 0x87, { authenticate: () => false }],
    ['the hook says why', 0x8a, { authenticate: () => ({ action: 'deny', reasonCode: 0x8a }) }],
    ['the hook throws', 0x83, { authenticate: () => Promise.reject(new Error('down')) }],
    ['the hook says no later', 0x87, { authenticate: () => Promise.resolve(false) }],
    ['the will is refused', 0x87, { authorize: (_client, { type }) => type !== 'will' }],
    ['there is no place for its connection', 0x97, { connectionsMax: 1 }],
    ['there is no place for its session', 0x97, { sessionsMax: 1 }],
    ['too many connect at a time', 0x9f, { connectRateMax: 1 }],
    ['its version is switched off', 0x84, { protocolVersions: [4] }],
  ];

  test.each(refused)('v5 [MQTT-3.1.4-2] %s: CONNACK %i and a close', async (_why, reasonCode, { authenticate, ...options }) => {
    const only = (request: AuthenticateRequest): ReturnType<NonNullable<BrokerOptions['authenticate']>> =>
      request.clientId === 'first' || authenticate === undefined || authenticate(request);
    const rig = openRig({ ...options, authenticate: only });
    const first = open(rig, { protocolVersion: 4 }).connect({ clientId: 'first' });
    const sent = open(rig).connect({ clientId: 'a', will: { topic: 'w', payload: 'x' } });
    await rig.settle();
    expectRefused(sent, reasonCode);
    expect(first.closed).toBe(false);
    expect([...rig.broker.clients.keys()]).toEqual(['first']);
    expect(rig.stats).toMatchObject({ sessions: 1, willsPublished: 0 });
  });

  test('v5 [MQTT-3.1.4-2] a wrong user name or password: 0x86', () => {
    const rig = openRig({ authenticate: ({ username }) => username === 'right' });
    expectRefused(open(rig).connect({ clientId: 'a', username: 'wrong' }), 0x86);
    expectRefused(open(rig).connect({ clientId: 'a' }), 0x87);
    expect(open(rig).connect({ clientId: 'a', username: 'right' }).received()).toMatchObject([{ reasonCode: 0 }]);
  });

  test('v5 [MQTT-3.1.4-2] the session of somebody else: 0x87, and its holder stays', () => {
    const rig = openRig();
    const holder = resumable(rig, 'a', { username: 'alice' });
    expectRefused(open(rig).connect({ clientId: 'a', username: 'mallory' }), 0x87);
    expectOpen(holder);
  });
});

describe('a Client Identifier that is connected already', () => {
  test.each([[true, 0], [true, 100], [false, 0], [false, 100]])('v5 [MQTT-3.1.4-3] the first gets DISCONNECT 0x8E and a close, the second works (Clean Start %s, expiry %i)', (clean, sessionExpiryInterval) => {
    const rig = openRig();
    const properties = { sessionExpiryInterval };
    const first = client(rig, 'a', { clean, properties });
    const other = client(rig, 'b');
    const second = client(rig, 'a', { clean, properties });
    expectDisconnected(first, 0x8e);
    expectOpen(second);
    expectOpen(other);
    second.subscribe('t').skip();
    first.publish({ topic: 't', payload: 'from the first' });
    expect(payloads(second)).toEqual([]);
    expect([rig.stats.clients, rig.stats.connections]).toEqual([2, 2]);
  });

  test('v5 [MQTT-3.1.4-3] no message is lost or doubled between the two', () => {
    const rig = openRig();
    const first = resumable(rig, 'a').subscribe('t', { qos: 1 }).skip();
    const publisher = client(rig, 'pub').publish({ topic: 't', payload: '1', qos: 1 });
    const [message] = first.received();
    first.puback(message?.packetId ?? 0);
    const second = resumable(rig, 'a');
    publisher.publish({ topic: 't', payload: '2', qos: 1 });
    expectDisconnected(first, 0x8e);
    expect(payloads(second)).toEqual(['2']);
  });

  test('v5 [MQTT-3.1.4-3] of two that connect at the same time one is left', async () => {
    const asked = new Asked<AuthenticateRequest, AuthenticateAnswer>(() => rig);
    const rig: Rig = openRig({ authenticate: asked.ask });
    const both = [0, 1].map(() => open(rig).connect({ clientId: 'a' }));
    await asked.answer(true, 1);
    await asked.answer(true);
    expect(both.map(({ closed }) => closed)).toEqual([false, true]);
    expect(both.map((sent) => short(sent.received()))).toEqual([['connack'], ['connack', 'disconnect 0x8e']]);
    expect(rig.stats).toMatchObject({ clients: 1, sessions: 1 });
  });
});

describe('then', () => {
  test('v5 [MQTT-3.1.4-4] does what Clean Start asks for, whatever the session was before', () => {
    const kept = [true, false].flatMap((stored) =>
      [true, false].map((clean) => {
        const rig = openRig();
        if (stored) resumable(rig, 'a').subscribe('t', { qos: 1 }).disconnect();
        const present = sessionPresent(rig, 'a', { clean });
        expect(rig.stats.subscriptions).toBe(present === true ? 1 : 0);
        return [stored, clean, present];
      }),
    );
    expect(kept).toEqual([[true, true, false], [true, false, true], [false, true, false], [false, false, false]]);
  });

  test('v5 [MQTT-3.1.4-4] a CONNECT that is refused changes no session', () => {
    let allow = true;
    const rig = openRig({ authenticate: () => allow });
    resumable(rig, 'a').subscribe('t', { qos: 1 }).disconnect();
    allow = false;
    expectRefused(open(rig).connect({ clientId: 'a', clean: true }), 0x87);
    expectRefused(connecting(rig, { flags: '03' }), 0x81);
    allow = true;
    expect(sessionPresent(rig, 'a')).toBe(true);
    expect(rig.stats.subscriptions).toBe(1);
  });

  test('v5 [MQTT-3.1.4-5] sends CONNACK 0x00, once', () => {
    for (const flags of [0x00, 0x02, 0x80, 0xc2, 0x42, 0x06, 0x2e, 0x36, 0xc6, 0xf4]) {
      const sent = connecting(openRig(), { flags: flagsOf(flags), payload: payloadOf(flags) });
      expect(sent.received()).toMatchObject([{ type: 'connack', reasonCode: 0, sessionPresent: false }]);
      expectOpen(sent);
    }
  });

  test.each(['malformed', 'refused', 'refused later', 'without a place'])('v5 [MQTT-3.1.4-6] what follows a CONNECT that is rejected (%s) in the same segment is not processed', async (why) => {
    const rig = openRig({
      ...(why === 'without a place' && { connectionsMax: 1 }),
      authenticate: ({ clientId }) => clientId !== 'a' || (why === 'refused later' ? Promise.resolve(false) : why !== 'refused'),
    });
    const watcher = subscriber(rig, 'watcher', '#', 1);
    const behind = [packet(0x31, `${text('t')} 00 78`), packet(0x32, `${text('t')} 0001 00 78`), packet(0x82, `0002 00 ${text('t')} 00`)];
    const sent = open(rig, { halfOpen: true }).sendsBytes(Buffer.concat([connectBytes(why === 'malformed' ? { flags: '03' } : {}), ...behind]));
    await rig.settle();
    expect(sent.received()).toMatchObject([{ type: 'connack', reasonCode: why === 'malformed' ? 0x81 : why === 'without a place' ? 0x97 : 0x87 }]);
    sent.sendsBytes(Buffer.concat([connectBytes({ payload: text('b') }), ...behind]));
    expect([sent.ended, sent.receivedHex(), payloads(watcher)]).toEqual([true, '', []]);
    expect(rig.stats).toMatchObject({ clients: 1, subscriptions: 1, retainedMessages: 0, publishReceived: 0 });
  });
});

describe('time', () => {
  const connect = connectBytes();

  test.each([0, 1, 8, connect.length - 1])('v5 [X5-3.1.4-1] %i bytes of a CONNECT: closed after connectTimeoutSeconds, not before', (bytes) => {
    for (const [options, ms] of [[{}, 10_000], [{ connectTimeoutSeconds: 2.5 }, 2500]] as const) {
      const rig = openRig(options);
      const silent = open(rig).sendsBytes(connect.subarray(0, bytes));
      rig.clock.advance(ms - 1);
      expect(silent.closed).toBe(false);
      rig.clock.advance(1);
      expect([silent.receivedHex(), silent.closed, rig.stats.connections]).toEqual(['', true, 0]);
    }
  });

  test('v5 [X5-3.1.4-1] in the last moment is in time, and then there is no limit', () => {
    const rig = openRig();
    const sent = open(rig);
    rig.clock.advance(9999);
    expect(short(sent.sendsBytes(connect).received())).toEqual(['connack']);
    rig.clock.advance(86_400_000);
    expectOpen(sent);
  });

  test('v5 [X5-3.1.4-1] bytes that trickle in do not prolong it, and a hook that thinks does not shorten it', async () => {
    const asked = new Asked<AuthenticateRequest, AuthenticateAnswer>(() => rig);
    const rig: Rig = openRig({ authenticate: asked.ask, hookTimeoutSeconds: 100 });
    const slow = open(rig);
    for (const byte of connect.subarray(0, 10)) {
      slow.sendsBytes(Buffer.of(byte));
      rig.clock.advance(1000);
    }
    expect(slow.closed).toBe(true);
    const waiting = open(rig).sendsBytes(connect);
    rig.clock.advance(60_000);
    expect(waiting.closed).toBe(false);
    await asked.answer(true);
    expect(short(waiting.received())).toEqual(['connack']);
  });

  const pipelined = Buffer.concat([connect, packet(0x82, `0001 00 ${text('t')} 01`), packet(0x32, `${text('t')} 0002 00 78`), packet(0xc0, '')]);
  const answers = ['connack', 'suback 1 0x01', 'puback 2', 'publish 1 x', 'pingresp'];

  test('v5 [X5-3.1.4-2] CONNECT, SUBSCRIBE and PUBLISH in one write work, in order', () => {
    for (const cut of [pipelined.length, 1, 7]) {
      const sent = open(openRig()).cutInto(cut).sendsBytes(pipelined);
      expect(short(sent.received())).toEqual(answers);
    }
  });

  test('v5 [X5-3.1.4-2] so they do while the authenticate hook takes its time', async () => {
    const asked = new Asked<AuthenticateRequest, AuthenticateAnswer>(() => rig);
    const rig: Rig = openRig({ authenticate: asked.ask });
    const sent = open(rig).sendsBytes(pipelined);
    await rig.settle();
    expect([sent.receivedHex(), rig.stats.publishReceived]).toEqual(['', 0]);
    await asked.answer(true);
    expect(short(sent.received())).toEqual(answers);
  });
});
