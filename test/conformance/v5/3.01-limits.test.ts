/** MQTT 5.0, chapters 3.1.2.11.3 and 3.1.2.11.4: Receive Maximum and Maximum Packet Size of the client. */
import { describe, expect, test } from '@jest/globals';
import type { WireClient } from '../../../src/testing/index.js';
import { numbered, openRig, payloads, publishes, short } from '../../wire/rig.js';
import type { Rig } from '../../wire/rig.js';
import { expectAccepted, expectBroken, sizesOf } from './3.01-support.js';
import { client, connecting, expectRefused, never, open, qoses, resumable, subscriber } from './support.js';

describe('Receive Maximum', () => {
  test('v5 [X5-3.1.2.11.3-1] 0 is a Protocol Error, and so are two of them', () => {
    expectBroken({ properties: '21 0000' }, 0x82, 'X5-3.1.2.11.3-1');
    expectBroken({ properties: '21 0001 21 0001' }, 0x82);
    for (const properties of ['21 0001', '21 0100', '21 ffff']) expectAccepted({ properties });
  });

  test('v5 [X5-3.1.2.11.3-1] it holds for its connection only', () => {
    const rig = openRig();
    resumable(rig, 'a').subscribe('t', { qos: 1 }).disconnect();
    const publisher = client(rig, 'pub');
    for (const payload of numbered(5)) publisher.publish({ topic: 't', payload, qos: 1 });
    for (const [receiveMaximum, count] of [[2, 2], [1, 1], [3, 3], [undefined, 5]] as const) {
      const reader = resumable(rig, 'a', { properties: receiveMaximum === undefined ? {} : { receiveMaximum } });
      expect(payloads(reader)).toEqual(numbered(count));
      reader.drop();
    }
  });

  test('v5 [X5-3.1.2.11.3-1] absent means 65,535', async () => {
    const rig = openRig({ inflightMax: 65_535 });
    subscriber(rig, 'a', 't', 1);
    const sent: Promise<unknown>[] = [];
    for (let count = 0; count < 65_537; count += 1) sent.push(rig.broker.publish('t', 'x', { qos: 1 }));
    rig.clock.flush();
    await Promise.all(sent);
    expect(rig.stats).toMatchObject({ inflightMessages: 65_535, queuedMessages: 2 });
  });
});

const limited = (rig: Rig, maximumPacketSize: number, qos: 0 | 1 | 2 = 2): WireClient =>
  subscriber(rig, 'a', 't', qos, { properties: { maximumPacketSize } });

describe('Maximum Packet Size', () => {
  test('v5 [X5-3.1.2.11.4-1] 0 is a Protocol Error, and so are two of them', () => {
    expectBroken({ properties: '27 00000000' }, 0x82, 'X5-3.1.2.11.4-1');
    expectBroken({ properties: '27 00001000 27 00001000' }, 0x82);
    for (const properties of ['27 00001000', '27 ffffffff']) expectAccepted({ properties });
  });

  test.each(qoses)('v5 [X5-3.1.2.11.4-1] the whole packet counts, its fixed header too: exact is sent, one byte more is not, at QoS %i', (qos) => {
    for (const size of [50, 129, 130, 131, 300]) {
      const rig = openRig();
      const reader = limited(rig, size);
      const publisher = client(rig, 'pub');
      // First byte, Remaining Length, Topic Name, Packet Identifier, Property Length.
      const fits = size - 1 - (size > 129 ? 2 : 1) - 3 - (qos > 0 ? 2 : 0) - 1;
      const isCut = size === 130; // 128 would take a second byte of Remaining Length, which is one too many
      publisher.publish({ topic: 't', payload: 'x'.repeat(fits), qos }).publish({ topic: 't', payload: 'y'.repeat(fits + (isCut ? 2 : 1)), qos });
      expect(sizesOf(reader)).toEqual([isCut ? 129 : size]);
      expect(rig.dropped).toEqual(['tooLarge t a']);
    }
  });

  test.each(qoses)('v5 [MQTT-3.1.2-24] no PUBLISH over 64 bytes arrives, at QoS %i: live, retained, queued', (qos) => {
    const rig = openRig();
    const publisher = client(rig, 'pub');
    const properties = { maximumPacketSize: 64, sessionExpiryInterval: never };
    const reader = client(rig, 'a', { properties }).subscribe('t', { qos: 2 }).skip();
    for (let size = 40; size < 80; size += 1) publisher.publish({ topic: 't', payload: 'x'.repeat(size), qos });
    const most = 64 - 6 - (qos > 0 ? 2 : 0);
    expect(sizesOf(reader).toSorted((x, y) => x - y)).toEqual(Array.from({ length: most - 39 }, (_, index) => 40 + index + 64 - most));
    reader.drop();
    for (const payload of ['x'.repeat(100), 'fits']) publisher.publish({ topic: 't', payload, qos: qos || 1 });
    publisher.publish({ topic: 'r/1', payload: 'x'.repeat(100), qos, retain: true }).publish({ topic: 'r/2', payload: 'fits', qos, retain: true });
    const again = client(rig, 'a', { clean: true, properties });
    expect(payloads(again.subscribe('r/+', { qos: 2 }))).toEqual(['fits']);
  });

  test('v5 [MQTT-3.1.2-24] what is added for this client counts: Subscription Identifiers, and a Topic Alias', () => {
    const rig = openRig();
    const properties = { maximumPacketSize: 64, topicAliasMaximum: 5 };
    const reader = client(rig, 'a', { properties }).subscribe('t', { properties: { subscriptionIdentifier: 268_435_455 } }).skip();
    const publisher = client(rig, 'pub');
    // 6 bytes and 5 of the identifier; the alias takes 3 more, and later leaves out the 1 of the topic.
    for (const [count, letter] of [[54, 'a'], [53, 'b'], [50, 'c'], [52, 'd'], [51, 'e']] as const) publisher.publish({ topic: 't', payload: letter.repeat(count) });
    const sent = publishes(reader).map(({ topic, payload, properties: got }) => [topic, payload?.[0], got?.topicAlias]);
    expect(sent).toEqual([['t', 'b', undefined], ['t', 'c', 1], ['t', 'd', undefined], ['', 'e', 1]]);
  });

  test('v5 [MQTT-3.1.2-24] so do SUBACK, UNSUBACK, PUBACK, PUBREC, AUTH and DISCONNECT', () => {
    const long = 'because '.repeat(20);
    const rig = openRig({
      authenticate: ({ clientId }) => clientId !== 'auth' || { action: 'challenge', data: Buffer.alloc(100), next: () => true },
      authorize: (_client, { topic }) => topic === 'ok' || { action: 'deny', reasonString: long },
    });
    const properties = { maximumPacketSize: 64 };
    const sent = client(rig, 'a', { properties });
    sent.publish({ topic: 'no', qos: 1, packetId: 1 }).publish({ topic: 'no', qos: 2, packetId: 2 }).subscribe('no', { packetId: 3 });
    sent.subscribe(Array.from({ length: 100 }, () => 'ok'), { packetId: 4 }).unsubscribe(Array.from({ length: 100 }, (_, index) => `t/${index}`), { packetId: 5 });
    expect(short(sent.pingreq().received())).toEqual(['puback 1 0x87', 'pubrec 2 0x87', 'suback 3 0x87', 'pingresp']);
    rig.broker.clients.get('a')?.close(0x98, long);
    rig.clock.flush();
    expect(sent.receivedHex()).toBe('e0 01 98');
    const authenticating = open(rig).connect({ clientId: 'auth', properties: { ...properties, authenticationMethod: 'M' } });
    expect(authenticating.receivedHex()).toBe('');
    // Without the limit all of them are larger.
    const other = client(rig, 'b');
    other.publish({ topic: 'no', qos: 1, packetId: 1 }).publish({ topic: 'no', qos: 2, packetId: 2 });
    other.subscribe(Array.from({ length: 100 }, () => 'ok'), { packetId: 4 }).unsubscribe(Array.from({ length: 100 }, (_, index) => `t/${index}`), { packetId: 5 });
    expect(sizesOf(other).map((size) => size > 64)).toEqual([true, true, true, true]);
  });

  test('v5 [MQTT-3.1.2-24] and CONNACK: where it does not fit, the client is refused with one that does, or closed', () => {
    const size = sizesOf(connecting(openRig(), { properties: '27 00001000' }))[0] ?? 0;
    const connect = (maximumPacketSize: number): WireClient => open(openRig()).connect({ clientId: 'a', properties: { maximumPacketSize } });
    const exact = connect(size);
    expect([sizesOf(exact), exact.closed]).toEqual([[size], false]);
    const refused = connect(size - 1);
    expectRefused(refused, 0x95);
    for (const bytes of [5, 4, 1]) {
      const small = connect(bytes);
      expect([sizesOf(small), small.closed]).toEqual([bytes === 5 ? [5] : [], true]);
    }
  });

  test.each([1, 2] as const)('v5 [MQTT-3.1.2-25] too large counts as delivered, at QoS %i: no place is lost, nothing stays, it is not tried again', (qos) => {
    const rig = openRig();
    const properties = { maximumPacketSize: 64, receiveMaximum: 1 };
    const reader = resumable(rig, 'a', { properties }).subscribe('t', { qos: 2 }).skip();
    const publisher = client(rig, 'pub');
    for (let round = 0; round < 5; round += 1) publisher.publish({ topic: 't', payload: 'x'.repeat(100), qos });
    for (let round = 0; round < 5; round += 1) publisher.pubrel(round + 1);
    const told = publisher.received();
    expect(told.length).toBeGreaterThan(0);
    expect(told.filter(({ type, reasonCode }) => type !== 'pubcomp' && reasonCode !== 0)).toEqual([]);
    publisher.publish({ topic: 't', payload: 'fits', qos: 1 });
    expect(short(reader.received())).toEqual(['publish 1 fits']);
    expect(rig.stats).toMatchObject({ queuedMessages: 0, inflightMessages: 1, dropped: { tooLarge: 5 } });
    reader.puback(1);
    expect(reader.closed).toBe(false);
    reader.drop();
    expect(resumable(rig, 'a').received()).toEqual([]);
  });

  test.each([1, 2] as const)('v5 [MQTT-3.1.2-25] what was sent before and is too large for the new connection is not sent again, at QoS %i', (qos) => {
    const rig = openRig();
    const first = resumable(rig, 'a').subscribe('t', { qos: 2 }).skip();
    const publisher = client(rig, 'pub');
    publisher.publish({ topic: 't', payload: 'x'.repeat(100), qos }).publish({ topic: 't', payload: 'fits', qos });
    expect(payloads(first)).toHaveLength(2);
    first.drop();
    const second = resumable(rig, 'a', { properties: { maximumPacketSize: 64, receiveMaximum: 1 } });
    expect(payloads(second)).toEqual(['fits']);
    expect(rig.stats).toMatchObject({ inflightMessages: 1, dropped: { tooLarge: 1 } });
    second.drop();
    expect(payloads(resumable(rig, 'a'))).toEqual(['fits']);
  });
});

describe('a shared subscription', () => {
  test.each(qoses)('v5 [X5-3.1.2.11.4-2] what is too large for one member goes to one that can take it, at QoS %i', (qos) => {
    const rig = openRig();
    const members = [64, 64, undefined].map((maximumPacketSize, index) =>
      subscriber(rig, `m${index}`, '$share/g/t', 2, { properties: maximumPacketSize === undefined ? {} : { maximumPacketSize } }),
    );
    const publisher = client(rig, 'pub');
    for (let round = 0; round < 9; round += 1) publisher.publish({ topic: 't', payload: 'x'.repeat(100), qos });
    expect(members.map((member) => payloads(member).length)).toEqual([0, 0, 9]);
    expect(rig.dropped).toEqual([]);
  });

  test.each([1, 2] as const)('v5 [X5-3.1.2.11.4-2] a member whose window is full cannot take it either, at QoS %i', (qos) => {
    const rig = openRig();
    const terms = [{ maximumPacketSize: 64 }, { receiveMaximum: 1 }, { receiveMaximum: 9 }];
    const members = terms.map((properties, index) => subscriber(rig, `m${index}`, '$share/g/t', 2, { properties }));
    const publisher = client(rig, 'pub');
    for (let round = 0; round < 6; round += 1) publisher.publish({ topic: 't', payload: 'x'.repeat(100), qos });
    expect(members.map((member) => payloads(member).length)).toEqual([0, 1, 5]);
  });

  test('v5 [X5-3.1.2.11.4-2] where the only one that can has a full window, it waits for that', () => {
    const rig = openRig();
    const [, large] = [{ maximumPacketSize: 64 }, { receiveMaximum: 1 }].map((properties, index) => subscriber(rig, `m${index}`, '$share/g/t', 1, { properties }));
    const publisher = client(rig, 'pub');
    for (const first of ['1', '2']) publisher.publish({ topic: 't', payload: first.repeat(100), qos: 1 });
    const [message] = large === undefined ? [] : publishes(large);
    expect(message).toMatchObject({ payload: '1'.repeat(100) });
    expect(large?.puback(message?.packetId ?? 0).received()).toMatchObject([{ payload: '2'.repeat(100) }]);
    expect(rig.dropped).toEqual([]);
  });

  test.each(qoses)('v5 [X5-3.1.2.11.4-2] where no member can it is dropped, and what follows goes on, at QoS %i', (qos) => {
    const rig = openRig();
    const members = ['m1', 'm2'].map((clientId) => subscriber(rig, clientId, '$share/g/t', 2, { properties: { maximumPacketSize: 64 } }));
    const publisher = client(rig, 'pub');
    publisher.publish({ topic: 't', payload: 'x'.repeat(100), qos }).publish({ topic: 't', payload: 'fits', qos });
    expect(members.flatMap(payloads)).toEqual(['fits']);
    expect(rig.stats.dropped.tooLarge).toBe(1);
  });
});
