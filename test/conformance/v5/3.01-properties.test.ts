/** MQTT 5.0, chapter 3.1.2.11: properties of CONNECT, without those that limit what is sent. */
import { describe, expect, test } from '@jest/globals';
import { text } from '../../unit/packet/wire.js';
import { openRig, payloads, publishes, short } from '../../wire/rig.js';
import type { Rig } from '../../wire/rig.js';
import { brokenOf, expectAccepted, expectBroken, sessionPresent } from './3.01-support.js';
import { client, connecting, expectRefused, never, open, subscriber } from './support.js';

describe('Session Expiry Interval', () => {
  /** Connects for a session of so many seconds, leaves, and comes back `ms` later. */
  function resumes(expiry: number | undefined, ms: number): boolean | undefined {
    const rig = openRig();
    const properties = expiry === undefined ? {} : { sessionExpiryInterval: expiry };
    client(rig, 'a', { properties }).subscribe('t', { qos: 1 }).skip().drop();
    rig.clock.advance(ms);
    expect(rig.stats.subscriptions).toBe(rig.stats.sessions);
    return sessionPresent(rig, 'a');
  }

  test('v5 [MQTT-3.1.2-23] above 0 keeps the session after the connection has closed, for so long', () => {
    expect([resumes(10, 0), resumes(10, 9999), resumes(10, 10_000)]).toEqual([true, true, false]);
    expect([resumes(1, 999), resumes(1, 1000), resumes(0, 0), resumes(undefined, 0)]).toEqual([true, false, false, false]);
  });

  test('v5 [MQTT-3.1.2-23] with its queue, and counted anew from each close', () => {
    const rig = openRig();
    const properties = { sessionExpiryInterval: 10 };
    client(rig, 'a', { properties }).subscribe('t', { qos: 1 }).drop();
    for (const payload of ['1', '2']) {
      rig.clock.advance(9000);
      client(rig, 'pub').publish({ topic: 't', payload, qos: 1 });
      const again = client(rig, 'a', { clean: false, properties });
      const [message] = publishes(again);
      expect(message).toMatchObject({ payload });
      again.puback(message?.packetId ?? 0).drop();
    }
    rig.clock.advance(10_000);
    expect(sessionPresent(rig, 'a')).toBe(false);
  });

  test('v5 [X5-3.1.2.11.2-1] absent means 0, which ends with the connection', () => {
    for (const expiry of [undefined, 0]) {
      const rig = openRig();
      client(rig, 'a', { clean: false, ...(expiry === 0 && { properties: { sessionExpiryInterval: 0 } }) }).subscribe('t', { qos: 1 }).disconnect();
      expect(rig.stats).toMatchObject({ sessions: 0, subscriptions: 0 });
      expect(sessionPresent(rig, 'a')).toBe(false);
    }
  });

  test('v5 [X5-3.1.2.11.2-1] 0xFFFFFFFF means never; one less is so many seconds', () => {
    const longest = (never - 1) * 1000;
    expect([resumes(never - 1, longest - 1), resumes(never - 1, longest)]).toEqual([true, false]);
    expect([resumes(never, longest), resumes(never, 10 * longest)]).toEqual([true, true]);
  });

  test('v5 [X5-3.1.2.11.2-1] a resumed session has the new connection’s: absent means 0 then', () => {
    const rig = openRig();
    client(rig, 'a', { properties: { sessionExpiryInterval: never } }).drop();
    client(rig, 'a', { clean: false }).drop();
    expect(sessionPresent(rig, 'a')).toBe(false);
  });
});

describe('Topic Alias Maximum', () => {
  const topics = ['a', 'b', 'c', 'a', 'b', 'c', 'd', 'a'];
  const aliases = (rig: Rig, topicAliasMaximum: number | undefined, qos: 0 | 1 | 2): (readonly [string | undefined, number | undefined])[] => {
    const properties = topicAliasMaximum === undefined ? {} : { topicAliasMaximum };
    const reader = subscriber(rig, 'reader', '#', 2, { properties });
    const publisher = client(rig, 'pub');
    for (const topic of topics) publisher.publish({ topic, qos, properties: { topicAlias: 9 } });
    return publishes(reader).map(({ topic, properties: got }) => [topic, got?.topicAlias]);
  };

  test.each([0, 1, 2] as const)('v5 [MQTT-3.1.2-26] no alias is above it, at QoS %i: with 2 they are 1 and 2', (qos) => {
    const sent = aliases(openRig(), 2, qos);
    expect(sent).toEqual([['a', 1], ['b', 2], ['c', undefined], ['', 1], ['', 2], ['c', undefined], ['d', undefined], ['', 1]]);
    expect(new Set(aliases(openRig(), 1, qos).map(([, alias]) => alias))).toEqual(new Set([1, undefined]));
    expect(new Set(aliases(openRig(), 3, qos).map(([, alias]) => alias))).toEqual(new Set([1, 2, 3, undefined]));
  });

  test.each([0, undefined])('v5 [MQTT-3.1.2-27] %s: there are no aliases', (topicAliasMaximum) => {
    for (const qos of [0, 1, 2] as const) {
      expect(aliases(openRig(), topicAliasMaximum, qos)).toEqual(topics.map((topic) => [topic, undefined]));
    }
  });
});

describe('Request Response Information', () => {
  const rigWith = (): Rig => openRig({ authenticate: () => ({ action: 'allow', responseInformation: 'replies/a' }) });

  test('v5 [MQTT-3.1.2-28] 0 or absent: no Response Information; 1: what the host says', () => {
    const told = (properties: string): unknown => connecting(rigWith(), { properties }).received()[0]?.properties?.responseInformation;
    expect([told(''), told('19 00'), told('19 01')]).toEqual([undefined, undefined, 'replies/a']);
  });

  test('v5 [X5-3.1.2.11.6-1] is 0 or 1, once; absent means 0', () => {
    for (const properties of ['19 00', '19 01']) expectAccepted({ properties });
    for (const value of ['02', '03', '80', 'ff']) expectBroken({ properties: `19 ${value}` }, 0x82, 'X5-3.1.2.11.6-1');
    for (const properties of ['19 00 19 00', '19 01 19 01', '19 00 19 01']) expectBroken({ properties }, 0x82);
    expect(connecting(rigWith(), {}).received()[0]?.properties?.responseInformation).toBeUndefined();
  });
});

describe('Request Problem Information', () => {
  const reason = 'because';
  const rigWith = (): Rig =>
    openRig({ authorize: (_client, { type, topic }) => topic === 'ok' || type === 'deliver' || { action: 'deny', reasonString: reason } });
  const told = (properties: string): readonly string[] => {
    const sent = connecting(rigWith(), { properties }).skip();
    sent.subscribe('no').publish({ topic: 'no', qos: 1, packetId: 2 }).publish({ topic: 'no', qos: 2, packetId: 3 });
    return sent.received().map(({ type, reasonCode, reasonCodes, properties: said }) => `${type} ${reasonCodes?.[0] ?? reasonCode} ${said?.reasonString}`);
  };

  test('v5 [MQTT-3.1.2-29] 0: no Reason String and no User Property in acknowledgements', () => {
    expect(told('17 00')).toEqual(['suback 135 undefined', 'puback 135 undefined', 'pubrec 135 undefined']);
    const sent = connecting(openRig(), { properties: '17 00' }).skip().pubrel(9).pubrec(9).unsubscribe('none', { packetId: 1 });
    expect(sent.receivedHex()).toBe('70 03 00 09 92 62 03 00 09 92 b0 04 00 01 00 11');
  });

  test('v5 [MQTT-3.1.2-29] 0: no Reason String in AUTH, where a refusal is told by DISCONNECT', () => {
    const rig = openRig({ authenticate: () => ({ action: 'challenge', next: () => true }) });
    const sent = connecting(rig, { properties: `17 00 15 ${text('M')}` });
    expect(sent.received()).toEqual([{ type: 'auth', reasonCode: 0x18, properties: { authenticationMethod: 'M' } }]);
  });

  test('v5 [MQTT-3.1.2-29] PUBLISH, CONNACK and DISCONNECT are exempt', () => {
    const rig = openRig({
      authenticate: ({ clientId }) =>
        clientId === 'refused' ? { action: 'deny', reasonString: reason, userProperties: [['k', 'v']] } : { action: 'allow', userProperties: [['k', 'v']] },
    });
    const options = { properties: { requestProblemInformation: false } };
    const refused = open(rig).connect({ clientId: 'refused', ...options });
    expect(refused.received()).toMatchObject([{ reasonCode: 0x87, properties: { reasonString: reason, userProperties: [['k', 'v']] } }]);
    const sent = open(rig).connect({ clientId: 'a', ...options });
    expect(sent.received()).toMatchObject([{ reasonCode: 0, properties: { userProperties: [['k', 'v']] } }]);
    sent.subscribe('t').skip();
    client(rig, 'pub').publish({ topic: 't', properties: { userProperties: [['x', 'y']] } });
    expect(sent.received()).toMatchObject([{ properties: { userProperties: [['x', 'y']] } }]);
    rig.broker.clients.get('a')?.close(0x98, reason);
    rig.clock.flush();
    expect(sent.received()).toMatchObject([{ type: 'disconnect', reasonCode: 0x98, properties: { reasonString: reason } }]);
  });

  test('v5 [X5-3.1.2.11.7-1] is 0 or 1, once; absent means 1', () => {
    for (const properties of ['17 00', '17 01']) expectAccepted({ properties });
    for (const value of ['02', '03', '80', 'ff']) expectBroken({ properties: `17 ${value}` }, 0x82, 'X5-3.1.2.11.7-1');
    for (const properties of ['17 00 17 00', '17 01 17 01', '17 01 17 00']) expectBroken({ properties }, 0x82);
    const whole = ['suback 135 undefined', 'puback 135 because', 'pubrec 135 because']; // SUBACK never has one here
    expect([told(''), told('17 01')]).toEqual([whole, whole]);
  });
});

describe('Authentication Method and Data', () => {
  const during: readonly (readonly [name: string, hex: string])[] = [
    ['PUBLISH', '30 05 0001 74 00 78'],
    ['a retained PUBLISH of QoS 1', '33 07 0001 74 0001 00 78'],
    ['PUBACK', '40 02 0001'],
    ['PUBREC', '50 02 0001'],
    ['PUBREL', '62 02 0001'],
    ['PUBCOMP', '70 02 0001'],
    ['SUBSCRIBE', '82 07 0001 00 0001 74 00'],
    ['UNSUBSCRIBE', 'a2 06 0001 00 0001 74'],
    ['PINGREQ', 'c0 00'],
    ['CONNECT', '10 0e 0004 4d515454 05 02 0000 00 0001 61'],
  ];
  const challenging = (): Rig =>
    openRig({ authenticate: ({ clientId }) => clientId === 'watcher' || { action: 'challenge', next: () => true } });

  test.each(during)('v5 [MQTT-3.1.2-30] %s before CONNACK gets 0x82 and a close, and is not processed', (_name, hex) => {
    const rig = challenging();
    const watcher = subscriber(rig, 'watcher', '#');
    const broken = brokenOf(rig);
    const sent = open(rig).connect({ clientId: 'a', properties: { authenticationMethod: 'M' } });
    expect(short(sent.received())).toEqual(['auth 0x18']);
    expectRefused(sent.sendsHex(hex), 0x82);
    expect(payloads(watcher)).toEqual([]);
    expect(rig.stats).toMatchObject({ clients: 1, subscriptions: 1, retainedMessages: 0, publishReceived: 0 });
    expect(broken).toEqual(['MQTT-3.1.2-30']);
  });

  test('v5 [MQTT-3.1.2-30] AUTH goes on, and DISCONNECT ends it', () => {
    const rig = challenging();
    const properties = { authenticationMethod: 'M' };
    const [one, two] = ['one', 'two'].map((clientId) => open(rig).connect({ clientId, properties }).skip());
    expect(short(one?.auth(0x18, properties).received() ?? [])).toEqual(['connack']);
    expect(two?.disconnect().receivedHex()).toBe('');
    expect(two?.closed).toBe(true);
    expect([...rig.broker.clients.keys()]).toEqual(['one']);
  });

  test('v5 [X5-3.1.2.11.10-1] data without a method is a Protocol Error', () => {
    const data = `16 ${text('d')}`;
    const method = `15 ${text('M')}`;
    for (const properties of [data, '16 0000', `${data} 21 0001`]) expectBroken({ properties }, 0x82, 'X5-3.1.2.11.10-1');
    for (const properties of [`${method} ${data}`, `${data} ${method}`, method]) {
      const rig = openRig({ authenticate: () => true });
      expect(connecting(rig, { properties }).received()).toMatchObject([{ type: 'connack', reasonCode: 0 }]);
    }
  });
});
