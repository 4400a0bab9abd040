/** MQTT 5.0, chapters 3.1.2.3 to 3.1.2.9: the Connect Flags without those of the will. */
import { describe, expect, test } from '@jest/globals';
import { text } from '../../unit/packet/wire.js';
import { numbered, openRig, payloads, publishes } from '../../wire/rig.js';
import { a, expectAccepted, expectMalformed, flagsOf, sessionPresent } from './3.01-support.js';
import { client, connecting, expectDisconnected, open, resumable } from './support.js';

const [u, p, w, x] = [text('u'), text('p'), text('w'), text('x')];

test.each([
  ['03', a],
  ['01', a],
  ['83', `${a} ${u}`],
  ['43', `${a} ${p}`],
  ['c1', `${a} ${u} ${p}`],
  ['07', `${a} 00 ${w} ${x}`],
])('v5 [MQTT-3.1.2-3] the reserved flag must be 0: Connect Flags 0x%s get CONNACK 0x81 and a close', (flags, payload) => {
  expectMalformed({ flags, payload }, 'MQTT-3.1.2-3');
  expectAccepted({ flags: flagsOf(Number.parseInt(flags, 16) & 0xfe), payload });
});

describe('Clean Start', () => {
  test('v5 [MQTT-3.1.2-4] 1 throws the stored session away: no queue, nothing in flight, no subscription', () => {
    const rig = openRig();
    const old = resumable(rig, 'a').subscribe(['t', 'u'], { qos: 2 }).skip();
    const publisher = client(rig, 'pub');
    publisher.publish({ topic: 't', payload: 'in flight', qos: 2 });
    expect(payloads(old)).toEqual(['in flight']);
    old.publish({ topic: 'x', qos: 2, packetId: 7 }).drop(); // between PUBREC and PUBREL
    publisher.publish({ topic: 't', payload: 'waiting', qos: 1 });
    const fresh = open(rig).connect({ clientId: 'a', clean: true, properties: { sessionExpiryInterval: 100 } });
    expect(fresh.received()).toMatchObject([{ type: 'connack', sessionPresent: false }]);
    expect(rig.stats.subscriptions).toBe(0);
    publisher.publish({ topic: 't', payload: 'new', qos: 1 });
    expect(fresh.received()).toEqual([]);
    expect(fresh.pubrel(7).received()).toMatchObject([{ type: 'pubcomp', reasonCode: 0x92 }]);
    // The session that began is a session like any other, and can be resumed.
    fresh.subscribe('t', { qos: 1 }).skip().drop();
    publisher.publish({ topic: 't', payload: 'kept', qos: 1 });
    const again = open(rig).connect({ clientId: 'a', clean: false });
    expect(again.received()).toMatchObject([{ type: 'connack', sessionPresent: true }, { payload: 'kept' }]);
  });

  test('v5 [MQTT-3.1.2-4] so it does while the holder of the session is connected', () => {
    const rig = openRig();
    const holder = resumable(rig, 'a').subscribe('t', { qos: 1 }).skip();
    expect(sessionPresent(rig, 'a', { clean: true })).toBe(false);
    expectDisconnected(holder, 0x8e);
    expect(rig.stats).toMatchObject({ subscriptions: 0, sessions: 1 });
    expect(sessionPresent(rig, 'a')).toBe(false);
  });

  test.each(['DISCONNECT', 'a lost connection', 'a take-over'])('v5 [MQTT-3.1.2-5] 0 resumes the session after %s: subscriptions, queue, what is in flight', (how) => {
    const rig = openRig();
    const publisher = client(rig, 'pub');
    let last = resumable(rig, 'a').subscribe('t', { qos: 2 }).skip();
    for (const payload of numbered(3)) {
      publisher.publish({ topic: 't', payload: `${payload} in flight`, qos: 1 });
      expect(payloads(last)).toEqual([`${payload} in flight`]);
      if (how === 'DISCONNECT') last.disconnect();
      if (how === 'a lost connection') last.drop();
      if (how !== 'a take-over') rig.clock.advance(86_400_000);
      publisher.publish({ topic: 't', payload: `${payload} waiting`, qos: 2 });
      const old = last;
      last = open(rig).connect({ clientId: 'a', clean: false, properties: { sessionExpiryInterval: 0xffff_ffff } });
      if (how === 'a take-over') expect(payloads(old)).toEqual([`${payload} waiting`]);
      const [connack, ...messages] = last.received();
      expect(connack).toMatchObject({ type: 'connack', reasonCode: 0, sessionPresent: true });
      const dup = how === 'a take-over';
      expect(messages).toMatchObject([{ payload: `${payload} in flight`, qos: 1, dup: true }, { payload: `${payload} waiting`, qos: 2, dup }]);
      last.puback(messages[0]?.packetId ?? 0).pubrec(messages[1]?.packetId ?? 0).pubcomp(messages[1]?.packetId ?? 0).skip();
    }
    expect(rig.stats.subscriptions).toBe(1);
  });

  test('v5 [MQTT-3.1.2-6] 0 makes a session where there is none, and it works', () => {
    const rig = openRig();
    const first = open(rig).connect({ clientId: 'a', clean: false, properties: { sessionExpiryInterval: 10 } });
    expect(first.received()).toMatchObject([{ type: 'connack', reasonCode: 0, sessionPresent: false }]);
    first.subscribe('t', { qos: 1 }).skip();
    client(rig, 'pub').publish({ topic: 't', payload: 'x', qos: 1 });
    expect(publishes(first)).toMatchObject([{ payload: 'x' }]);
    expect(rig.stats.sessions).toBe(2);
    first.puback(1).drop();
    // One that has expired is none.
    rig.clock.advance(10_000);
    const second = open(rig).connect({ clientId: 'a', clean: false });
    expect(second.received()).toMatchObject([{ type: 'connack', reasonCode: 0, sessionPresent: false }]);
    expect(rig.stats.subscriptions).toBe(0);
    second.subscribe('t').skip();
    client(rig, 'pub').publish({ topic: 't', payload: 'y' });
    expect(payloads(second)).toEqual(['y']);
  });
});

describe('User Name and Password', () => {
  test('v5 [MQTT-3.1.2-16] without User Name Flag there is no User Name', () => {
    expectAccepted({ flags: '02', payload: a });
    for (const payload of [`${a} ${u}`, `${a} 0000`, `${a} ${u} ${p}`]) expectMalformed({ flags: '02', payload });
    // What follows the Client Identifier is the Password then, and a User Name before it is one field too many.
    expectAccepted({ flags: '42', payload: `${a} ${p}` });
    expectMalformed({ flags: '42', payload: `${a} ${u} ${p}` });
  });

  test('v5 [MQTT-3.1.2-17] with User Name Flag there is one', () => {
    expectAccepted({ flags: '82', payload: `${a} ${u}` });
    expectAccepted({ flags: '82', payload: `${a} 0000` });
    for (const payload of [a, `${a} 00`, `${a} 0001`, `${a} 0002 75`]) expectMalformed({ flags: '82', payload }, 'MQTT-3.1.2-17');
  });

  test('v5 [MQTT-3.1.2-18] without Password Flag there is no Password', () => {
    for (const payload of [`${a} ${u} ${p}`, `${a} ${u} 0000`]) {
      expectMalformed({ flags: '82', payload });
      expectAccepted({ flags: 'c2', payload });
    }
    expectMalformed({ flags: '02', payload: `${a} ${p}` });
  });

  test('v5 [MQTT-3.1.2-19] with Password Flag there is one, with or without User Name', () => {
    for (const payload of [`${a} ${u}`, `${a} ${u} 00`, `${a} ${u} 0001`, `${a} ${u} 0002 70`]) expectMalformed({ flags: 'c2', payload }, 'MQTT-3.1.2-19');
    for (const payload of [a, `${a} 00`, `${a} 0002 70`]) expectMalformed({ flags: '42', payload }, 'MQTT-3.1.2-19');
    expectAccepted({ flags: 'c2', payload: `${a} ${u} ${p}` });
    const seen: unknown[] = [];
    const rig = openRig({ authenticate: ({ username, password }) => seen.push([username, Buffer.from(password ?? []).toString('hex')]) > 0 });
    const sent = connecting(rig, { flags: '42', payload: `${a} 0003 00ff80` });
    expect(sent.received()).toMatchObject([{ type: 'connack', reasonCode: 0 }]);
    expect(seen).toEqual([[undefined, '00ff80']]);
  });
});
