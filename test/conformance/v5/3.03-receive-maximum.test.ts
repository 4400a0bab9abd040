/** MQTT 5.0, chapter 3.3.4: Receive Maximum of the broker and of the client. */
import { describe, expect, test } from '@jest/globals';
import type { WireClient } from '../../../src/testing/index.js';
import { lateBroker } from '../../support/late-broker.js';
import { numbered, openRig, payloads, publishes, short } from '../../wire/rig.js';
import type { Rig } from '../../wire/rig.js';
import { client, expectDisconnected, expectOpen, qoses, resumable, subscriber } from './support.js';

describe('of the broker', () => {
  const denying = { authorize: (_client: unknown, { type, topic }: { readonly type: string; readonly topic: string }) => type !== 'publish' || topic !== 'denied' };

  test.each([1, 2, 3, 1000])('v5 [MQTT-3.3.4-7] a client keeps %i unacknowledged, PUBREC does not free a place; one more is not taken', (receiveMaximum) => {
    for (const qos of [1, 2] as const) {
      const rig = openRig({ receiveMaximum });
      const watcher = subscriber(rig, 'watcher', 't');
      const publisher = client(rig, 'pub');
      for (const payload of numbered(receiveMaximum)) publisher.publish({ topic: 't', payload, qos: 2 });
      expect(short(publisher.received())).toEqual(numbered(receiveMaximum).map((id) => `pubrec ${id}`));
      expect(publisher.publish({ topic: 't', payload: 'QoS 0' }).received()).toEqual([]);
      expectDisconnected(publisher.publish({ topic: 't', payload: 'over', qos }), 0x93);
      expect(payloads(watcher)).toEqual([...numbered(receiveMaximum), 'QoS 0']);
    }
  });

  test('v5 [MQTT-3.3.4-7] PUBACK, PUBCOMP and a PUBREC of 0x80 and above free a place', () => {
    const rig = openRig({ receiveMaximum: 1, ...denying });
    const publisher = client(rig, 'pub');
    for (let round = 0; round < 3; round += 1) {
      publisher.publish({ topic: 't', qos: 1, packetId: 1 }).publish({ topic: 'denied', qos: 2, packetId: 2 }).publish({ topic: 'denied', qos: 1, packetId: 3 });
      publisher.publish({ topic: 't', qos: 2, packetId: 4 }).pubrel(4);
      expect(short(publisher.received())).toEqual(['puback 1 0x10', 'pubrec 2 0x87', 'puback 3 0x87', 'pubrec 4 0x10', 'pubcomp 4']);
    }
    expectOpen(publisher);
  });

  test('v5 [MQTT-3.3.4-7] what is sent again takes no further place, and what a new connection has not sent takes none', () => {
    const rig = openRig({ receiveMaximum: 2 });
    const send = (publisher: WireClient, packetId: number, dup = false): WireClient => publisher.publish({ topic: 't', qos: 2, packetId, dup });
    const first = resumable(rig, 'pub');
    for (const packetId of [1, 2, 2, 1]) send(first, packetId, true);
    expect(first.received()).toHaveLength(4);
    first.drop();
    const again = send(send(resumable(rig, 'pub'), 3), 1, true);
    expect(short(again.received())).toEqual(['pubrec 3 0x10', 'pubrec 1']);
    expectDisconnected(send(again, 2, true), 0x93);
  });

  test('v5 [X5-3.3.4-2] one QoS 2 flow too many that is held open is disconnected with 0x93', () => {
    for (const receiveMaximum of [1, 5]) {
      const rig = openRig({ receiveMaximum });
      const publisher = client(rig, 'pub');
      expect(rig.open().connect({ clientId: 'c' }).received()).toMatchObject([{ properties: { receiveMaximum } }]);
      for (let packetId = 1; packetId <= receiveMaximum; packetId += 1) publisher.publish({ topic: 't', qos: 2, packetId });
      publisher.pubrel(1).publish({ topic: 't', qos: 2, packetId: 100 }); // one ended, so there is room for one
      expectOpen(publisher);
      expectDisconnected(publisher.publish({ topic: 't', qos: 2, packetId: 101 }), 0x93);
    }
  });

  test('v5 [X5-3.3.4-2] so is one QoS 1 PUBLISH more than PUBACKs are due for, while the store makes them wait', () => {
    const late = lateBroker({ receiveMaximum: 2 });
    const away = late.client().connect({ clientId: 'away', clean: false, properties: { sessionExpiryInterval: 100 } });
    late.commit();
    away.subscribe('t', { qos: 1 });
    late.commit();
    away.drop();
    late.commit();
    const publisher = late.client().connected({ clientId: 'pub' });
    for (const packetId of [1, 2]) publisher.publish({ topic: 't', qos: 1, packetId });
    expect(publisher.received()).toEqual([]);
    late.commit();
    expect(short(publisher.received())).toEqual(['puback 1', 'puback 2']);
    for (const packetId of [3, 4, 5]) publisher.publish({ topic: 't', qos: 1, packetId });
    expect(publisher.received()).toMatchObject([{ type: 'disconnect', reasonCode: 0x93 }]);
  });
});

describe('of the client', () => {
  /** Five messages for a client with this Receive Maximum, which has no session or one that lasts. */
  function filled(receiveMaximum: number, lasting: boolean, qos: 1 | 2, filter = 't'): { readonly rig: Rig; readonly sub: WireClient } {
    const rig = openRig();
    const sub = (lasting ? resumable : client)(rig, 'sub', { properties: { receiveMaximum } }).subscribe(filter, { qos }).skip();
    const publisher = client(rig, 'pub');
    for (const payload of numbered(5)) publisher.publish({ topic: 't', payload, qos });
    return { rig, sub };
  }

  const kinds = [false, true].flatMap((lasting) => ['t', '$share/g/t'].flatMap((filter) => [1, 2].map((receiveMaximum) => ({ lasting, filter, receiveMaximum }))));

  test.each(kinds)('v5 [MQTT-3.3.4-9] the broker keeps to $receiveMaximum unacknowledged at QoS 1: filter $filter, session lasts: $lasting', ({ lasting, filter, receiveMaximum }) => {
    const { sub } = filled(receiveMaximum, lasting, 1, filter);
    const sent = publishes(sub);
    for (let acknowledged = 0; acknowledged < 5; acknowledged += 1) {
      expect(sent.map(({ payload }) => payload)).toEqual(numbered(Math.min(5, receiveMaximum + acknowledged)));
      expect(publishes(sub.pingreq())).toEqual([]);
      sent.push(...publishes(sub.puback(sent[acknowledged]?.packetId ?? 0)));
    }
  });

  test.each(kinds)('v5 [MQTT-3.3.4-9] and at QoS 2, where PUBREC frees nothing and PUBCOMP does: $receiveMaximum, filter $filter, session lasts: $lasting', ({ lasting, filter, receiveMaximum }) => {
    const { sub } = filled(receiveMaximum, lasting, 2, filter);
    expect(payloads(sub)).toEqual(numbered(receiveMaximum));
    expect(short(sub.pubrec(1).received())).toEqual(['pubrel 1']);
    expect(payloads(sub.pubcomp(1))).toEqual([String(receiveMaximum + 1)]);
  });

  test.each(kinds)('v5 [MQTT-3.3.4-9] a PUBREC of 0x80 and above frees a place, one below does not: $receiveMaximum, filter $filter, session lasts: $lasting', ({ lasting, filter, receiveMaximum }) => {
    const { sub } = filled(receiveMaximum, lasting, 2, filter);
    expect(payloads(sub)).toEqual(numbered(receiveMaximum));
    const [next, ...more] = publishes(sub.pubrec(1, 0x80));
    expect([next, more]).toMatchObject([{ payload: String(receiveMaximum + 1) }, []]);
    const packetId = next?.packetId ?? 0;
    expect(short(sub.pubrec(packetId, 0x10).received())).toEqual([`pubrel ${packetId}`]);
  });

  test('v5 [MQTT-3.3.4-9] QoS 1 and QoS 2 count together, retained messages and what is sent again too', () => {
    const rig = openRig();
    const publisher = client(rig, 'pub');
    for (const topic of ['a', 'b', 'c']) publisher.publish({ topic, payload: topic, qos: 1, retain: true });
    const sub = resumable(rig, 'sub', { properties: { receiveMaximum: 2 } }).subscribe('#', { qos: 2 });
    expect(publishes(sub)).toHaveLength(2);
    for (const qos of [1, 2] as const) publisher.publish({ topic: 'd', payload: `d${qos}`, qos });
    expect(publishes(sub)).toEqual([]);
    sub.drop();
    for (const receiveMaximum of [1, 2]) {
      const again = resumable(rig, 'sub', { properties: { receiveMaximum } });
      expect(publishes(again)).toHaveLength(receiveMaximum);
      again.drop();
    }
    const all = resumable(rig, 'sub', { properties: { receiveMaximum: 2 } });
    for (const id of [1, 2]) all.puback(id);
    expect(publishes(all)).toHaveLength(4);
  });

  test('v5 [MQTT-3.3.4-9] QoS 0 does not count, and passes a window that is full, retained messages too', () => {
    const { rig, sub } = filled(1, true, 1);
    expect(payloads(sub)).toEqual(['1']);
    const publisher = client(rig, 'pub').publish({ topic: 'kept', payload: 'kept', retain: true });
    expect(payloads(sub.subscribe('+', { qos: 0 }))).toEqual(['kept']);
    publisher.publish({ topic: 'live', payload: 'live' });
    expect(payloads(sub)).toEqual(['live']);
  });

  test.each(qoses)('v5 [MQTT-3.3.4-10] a full window delays nothing but PUBLISH: own PUBLISHes at QoS %i, SUBSCRIBE, UNSUBSCRIBE and PINGREQ are answered', (qos) => {
    const { rig, sub } = filled(1, true, 2);
    const watcher = subscriber(rig, 'watcher', 'own', 2);
    expect(short(sub.received())).toEqual(['publish 1 1']);
    sub.publish({ topic: 'own', payload: 'x', qos, packetId: 9 });
    expect(short(sub.received())).toEqual([[], ['puback 9'], ['pubrec 9']][qos]);
    expect(payloads(watcher)).toEqual(['x']);
    if (qos === 2) expect(short(sub.pubrel(9).received())).toEqual(['pubcomp 9']);
    expect(short(sub.subscribe('s', { packetId: 10 }).received())).toEqual(['suback 10 0x00']);
    expect(short(sub.unsubscribe('s', { packetId: 11 }).received())).toEqual(['unsuback 11 0x00']);
    expect(short(sub.pingreq().received())).toEqual(['pingresp']);
    expect(short(sub.pubrec(1).received())).toEqual(['pubrel 1']);
    expect(short(sub.pubrec(1).received())).toEqual(['pubrel 1']); // and again
  });

  test('v5 [MQTT-3.3.4-10] PUBREL that is sent again on a new connection does not wait for a window that is full', () => {
    const { rig, sub } = filled(3, true, 2);
    for (const id of [1, 2, 3]) sub.pubrec(id);
    sub.drop();
    const again = resumable(rig, 'sub', { properties: { receiveMaximum: 1 } });
    expect(short(again.received())).toEqual(['pubrel 1', 'pubrel 2', 'pubrel 3']);
    expect(payloads(again.pubcomp(1).pubcomp(2))).toEqual([]);
    expect(payloads(again.pubcomp(3))).toEqual(['4']);
  });

  test('v5 [MQTT-3.3.4-10] DISCONNECT does not wait either', () => {
    const { rig, sub } = filled(1, false, 1);
    sub.skip();
    const taker = client(rig, 'sub');
    expectDisconnected(sub, 0x8e);
    expectOpen(taker);
  });
});
