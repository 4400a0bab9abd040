/** MQTT 3.1.1, chapters 3.1.3 and 3.1.4: payload of CONNECT, Client Identifiers, and what the server makes of it. */
import { describe, expect, test } from '@jest/globals';
import type { AuthenticateAnswer } from '../../../src/index.js';
import { packet, text } from '../../unit/packet/wire.js';
import { openRig, payloads, publishes } from '../../wire/rig.js';
import {
  a, accepted, brokenOf, client, connecting, connectBytes, expectClosed, expectConnack, expectNoConnack, expectOpen, expectUtf8, open, resumable, sessionPresent, subscriber,
} from './support.js'; // prettier-ignore

const identifierRejected = '20 02 00 02';

test('v3.1.1 [MQTT-3.1.3-1] Client Identifier, Will Topic, Will Message, User Name, Password, in this order', () => {
  const seen: unknown[] = [];
  const rig = openRig({
    authenticate: ({ clientId, username, password, keepAliveSeconds, cleanStart }) =>
      seen.push([clientId, username, Buffer.from(password ?? []).toString(), keepAliveSeconds, cleanStart]) > 0,
  });
  const watcher = subscriber(rig, 'watcher', '#', 2);
  seen.length = 0;
  const payload = ['first', 'second', 'third', 'fourth', 'fifth'].map((field) => text(field)).join(' ');
  const sent = connecting(rig, { flags: 'ee', keepAlive: '003c', payload });
  expect(sent.receivedHex()).toBe(accepted);
  expect(seen).toEqual([['first', 'fourth', 'fifth', 60, true]]);
  sent.drop();
  expect(publishes(watcher)).toMatchObject([{ topic: 'second', payload: 'third', qos: 1 }]);
});

describe('the Client Identifier', () => {
  test('v3.1.1 [MQTT-3.1.3-2] identifies the session: two of them share nothing', () => {
    const rig = openRig();
    resumable(rig, 'one').subscribe('t', { qos: 1 }).drop();
    for (const other of ['two', 'One', 'one ', 'on', 'onee']) {
      const stranger = open(rig).connect({ clientId: other, clean: false });
      expect(stranger.receivedHex()).toBe(accepted);
      client(rig, 'pub').publish({ topic: 't', payload: other, qos: 1 });
      expect(stranger.received()).toEqual([]);
    }
    expect(sessionPresent(rig, 'one', true)).toBe(false);
    for (const other of ['two', 'One', 'one ', 'on', 'onee']) expect(sessionPresent(rig, other)).toBe(true);
  });

  test('v3.1.1 [MQTT-3.1.3-3] must be there, as the first field of the payload', () => {
    for (const payload of ['', '00', '0001', '0003 6161']) expectNoConnack({ payload }, 'MQTT-3.1.3-3');
    expectNoConnack({ flags: '82', payload: text('u') });
    expectConnack({ payload: a });
  });

  test('v3.1.1 [MQTT-3.1.3-4] must be UTF-8', () => {
    expectUtf8('Client Identifier');
  });

  test('v3.1.1 [MQTT-3.1.3-5] may have 1 to 23 bytes of 0-9, a-z and A-Z', () => {
    const rig = openRig();
    const letters = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
    const ids = [...Array.from(letters), letters.slice(0, 22), letters.slice(0, 23), letters.slice(-22), letters.slice(-23), letters.slice(20, 43)];
    for (const clientId of ids) {
      const sent = open(rig).connect({ clientId });
      expect(sent.receivedHex()).toBe(accepted);
      expect(rig.broker.clients.has(clientId)).toBe(true);
    }
    expect(rig.stats.clients).toBe(67);
  });

  test('v3.1.1 [MQTT-3.1.3-6] of no bytes gets one that is unique: two such clients live side by side', () => {
    const asked: string[] = [];
    const rig = openRig({ authenticate: ({ clientId }) => asked.push(clientId) > 0 });
    const both = [0, 1].map(() => connecting(rig, { payload: '0000' }));
    for (const sent of both) {
      expect(sent.receivedHex()).toBe(accepted);
      sent.subscribe('t', { qos: 1 }).skip();
    }
    const ids = [...rig.broker.clients.keys()];
    expect(new Set([...ids, '']).size).toBe(3);
    expect(asked).toEqual(ids); // as if the client had supplied it
    client(rig, 'pub').publish({ topic: 't', payload: 'x', qos: 1 });
    expect(both.map(payloads)).toEqual([['x'], ['x']]);
  });

  // With a seed the identifiers of two brokers are the same, so one that is tried first can be taken beforehand.
  test('v3.1.1 [MQTT-3.1.3-6] of no bytes never gets one that a session has', () => {
    const assigned = (taken: readonly string[]): string => {
      const rig = openRig({ seed: 7 });
      for (const clientId of taken) resumable(rig, clientId).disconnect();
      connecting(rig, { payload: '0000' });
      return [...rig.broker.clients.keys()].join();
    };
    const first = assigned([]);
    expect(assigned([])).toBe(first);
    expect(assigned([first])).not.toBe(first);
  });

  test('v3.1.1 [MQTT-3.1.3-7] of no bytes needs CleanSession 1', () => {
    const rig = openRig();
    expect(connecting(rig, { flags: '02', payload: '0000' }).receivedHex()).toBe(accepted);
    expect(connecting(rig, { flags: '00', payload: '0000' }).receivedHex()).not.toBe(accepted);
    expect(rig.stats).toMatchObject({ clients: 1, sessions: 1 });
  });

  test('v3.1.1 [MQTT-3.1.3-8] of no bytes with CleanSession 0 gets return code 0x02 and a close', () => {
    const rig = openRig();
    const refused = connecting(rig, { flags: '00', payload: '0000' });
    expect([refused.receivedHex(), refused.closed]).toEqual([identifierRejected, true]);
    expect(rig.stats).toMatchObject({ clients: 0, sessions: 0 });
  });

  test.each(['by the hook', 'by the hook, later', 'for a wildcard'])('v3.1.1 [MQTT-3.1.3-9] that is refused %s gets return code 0x02 and a close', async (how) => {
    const answer: AuthenticateAnswer = { action: 'deny', reasonCode: 0x85 };
    const rig = openRig(how === 'for a wildcard' ? {} : { authenticate: () => (how === 'by the hook' ? answer : Promise.resolve(answer)) });
    const refused = open(rig).connect({ clientId: how === 'for a wildcard' ? 'a/#' : 'a' });
    await rig.settle();
    expect([refused.receivedHex(), refused.closed]).toEqual([identifierRejected, true]);
    expect(rig.stats).toMatchObject({ clients: 0, sessions: 0 });
  });
});

test('v3.1.1 [MQTT-3.1.3-10] the Will Topic must be UTF-8', () => {
  expectUtf8('Will Topic');
});

test('v3.1.1 [MQTT-3.1.3-11] the User Name must be UTF-8', () => {
  expectUtf8('User Name');
});

describe('the server', () => {
  const malformed: readonly (readonly [name: string, bytes: Buffer])[] = [
    ['nothing behind the fixed header', packet(0x10, '')],
    ['a Protocol Name that is cut', packet(0x10, "0004 'MQ'")],
    ['no Protocol Level', packet(0x10, text('MQTT'))],
    ['no Connect Flags', packet(0x10, `${text('MQTT')} 04`)],
    ['no Keep Alive', packet(0x10, `${text('MQTT')} 04 02 00`)],
    ['no Client Identifier', connectBytes({ payload: '' })],
    ['a Client Identifier that is cut', connectBytes({ payload: '0002 61' })],
    ['an ill-formed Client Identifier', connectBytes({ payload: '0001 ff' })],
    ['the reserved flag', connectBytes({ flags: '03' })],
    ['Will QoS without will', connectBytes({ flags: '0a' })],
    ['Will QoS 3', connectBytes({ flags: '1e', payload: `${a} ${a} ${a}` })],
    ['no Will Topic', connectBytes({ flags: '06' })],
    ['an empty Will Topic', connectBytes({ flags: '06', payload: `${a} 0000 ${a}` })],
    ['no Will Message', connectBytes({ flags: '06', payload: `${a} ${a}` })],
    ['no User Name', connectBytes({ flags: '82' })],
    ['no Password', connectBytes({ flags: 'c2', payload: `${a} ${a}` })],
    ['a Password alone', connectBytes({ flags: '42', payload: `${a} ${a}` })],
    ['a byte too many', connectBytes({ payload: `${a} 00` })],
    ['flags in its first byte', Buffer.concat([Buffer.of(0x12), connectBytes().subarray(1)])],
    ['a Remaining Length of five bytes', Buffer.from('10ffffffff01', 'hex')],
  ];

  test.each(malformed)('v3.1.1 [MQTT-3.1.4-1] a CONNECT with %s is closed, and not a byte sent', (name, bytes) => {
    const rig = openRig();
    const broken = brokenOf(rig);
    expectClosed(open(rig).sendsBytes(bytes));
    expect(rig.stats).toMatchObject({ clients: 0, sessions: 0 });
    const unnamed = ['no Protocol Level', 'no Connect Flags', 'no Keep Alive', 'a byte too many'];
    if (unnamed.includes(name)) expect(broken).toEqual(['MQTT-3.1.4-1']);
  });

  test.each([true, false])('v3.1.1 [MQTT-3.1.4-2] a second client with the identifier disconnects the first, whose will is published (CleanSession %s)', (clean) => {
    const rig = openRig();
    const watcher = subscriber(rig, 'watcher', 'w');
    const first = client(rig, 'a', { clean, will: { topic: 'w', payload: 'first' } });
    const second = client(rig, 'a', { clean, will: { topic: 'w', payload: 'second' } });
    expectClosed(first);
    expect(payloads(watcher)).toEqual(['first']);
    expectOpen(second);
    expect(rig.stats.clients).toBe(2);
  });

  test('v3.1.1 [MQTT-3.1.4-3] then does what CleanSession asks for, whatever the session was before', () => {
    const kept = [true, false].flatMap((stored) =>
      [true, false].map((clean) => {
        const rig = openRig();
        if (stored) resumable(rig, 'a').subscribe('t', { qos: 1 }).disconnect();
        const present = sessionPresent(rig, 'a', clean);
        expect(rig.stats.subscriptions).toBe(present === true ? 1 : 0);
        return [stored, clean, present];
      }),
    );
    expect(kept).toEqual([[true, true, false], [true, false, true], [false, true, false], [false, false, false]]);
  });

  test('v3.1.1 [MQTT-3.1.4-3] a CONNECT that is refused changes no session', () => {
    let allow = true;
    const rig = openRig({ authenticate: () => allow });
    resumable(rig, 'a').subscribe('t', { qos: 1 }).disconnect();
    allow = false;
    expect(open(rig).connect({ clientId: 'a', clean: true }).receivedHex()).toBe('20 02 00 05');
    expectClosed(connecting(rig, { flags: '03' }));
    allow = true;
    expect(sessionPresent(rig, 'a')).toBe(true);
    expect(rig.stats.subscriptions).toBe(1);
  });

  test('v3.1.1 [MQTT-3.1.4-4] then sends CONNACK with return code 0', () => {
    for (const flags of ['00', '02', '82', 'c2', '06', '3e', 'c6']) {
      const fields = Number.parseInt(flags, 16);
      if ((fields & 0x18) === 0x18) continue;
      const payload = [a, ...((fields & 4) > 0 ? [text('w'), text('x')] : []), ...((fields & 0x80) > 0 ? [text('u')] : []), ...((fields & 0x40) > 0 ? [text('p')] : [])];
      const sent = connecting(openRig(), { flags, payload: payload.join(' ') });
      expect([sent.receivedHex(), sent.closed]).toEqual([accepted, false]);
    }
  });

  test.each(['malformed', 'refused', 'refused later', 'without a place'])('v3.1.1 [MQTT-3.1.4-5] what follows a CONNECT that is rejected (%s) in the same segment is not processed', async (why) => {
    const rig = openRig({
      ...(why === 'without a place' && { connectionsMax: 1 }),
      authenticate: ({ clientId }) => clientId !== 'a' || (why === 'refused later' ? Promise.resolve(false) : why !== 'refused'),
    });
    const watcher = subscriber(rig, 'watcher', '#', 1);
    const behind = [packet(0x31, `${text('t')} 78`), packet(0x32, `${text('t')} 0001 78`), packet(0x82, `0002 ${text('t')} 00`)];
    const sent = open(rig).sendsBytes(Buffer.concat([connectBytes(why === 'malformed' ? { flags: '03' } : {}), ...behind]));
    await rig.settle();
    expect([sent.closed, sent.receivedHex()]).toEqual([true, why === 'malformed' ? '' : why === 'without a place' ? '20 02 00 03' : '20 02 00 05']);
    expect(watcher.received()).toEqual([]);
    expect(rig.stats).toMatchObject({ clients: 1, subscriptions: 1, retainedMessages: 0, publishReceived: 0 });
  });
});
