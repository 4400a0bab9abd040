/** MQTT 5.0, chapters 3.10 and 3.11: UNSUBSCRIBE and UNSUBACK. */
import { expect, test } from '@jest/globals';
import { packet, text } from '../../unit/packet/wire.js';
import { identifiersOf, numbered, openRig, payloads, publishes, short } from '../../wire/rig.js';
import { client, expectDisconnected, expectOpen, qoses, resumable, subscriber } from './support.js';

const a = text('a');

test('v5 [MQTT-3.10.1-1] UNSUBSCRIBE with flags other than 0010 is malformed and closes', () => {
  for (let flags = 0; flags < 16; flags += 1) {
    const sent = subscriber(openRig(), 'c', 'a').sendsBytes(packet(0xa0 | flags, `0001 00 ${a}`));
    if (flags === 2) expect([sent.receivedHex(), sent.closed]).toEqual(['b0 04 00 01 00 00', false]);
    else expectDisconnected(sent, 0x81);
  }
  expectDisconnected(client(openRig(), 'c').sendsHex('a0'), 0x81); // at its first byte
});

test('v5 [MQTT-3.10.3-1] Topic Filters must be UTF-8 and packed without a gap', () => {
  const good = client(openRig(), 'c').sendsBytes(packet(0xa2, `0001 00 ${text('é€😀')} ${a}`));
  expect(good.receivedHex()).toBe('b0 05 00 01 00 11 11');
  const illFormed = ['80', 'ff', '61c3', 'c328', 'c080', 'e08080', 'f0808080', 'eda080', 'edbfbf', 'f4908080', '00', '6100'];
  for (const hex of illFormed) {
    const rig = openRig();
    const sent = subscriber(rig, 'c', 'a', 0, { properties: { sessionExpiryInterval: 60 } });
    expectDisconnected(sent.sendsBytes(packet(0xa2, `0001 00 ${a} ${text(Buffer.from(hex, 'hex'))}`)), 0x81);
    expect(rig.stats.subscriptions).toBe(1); // none of its filters took effect
  }
  for (const body of [`${a} 00`, `${a} 0002 61`, `${a} 0001`, `${a} 00 ${a}`]) {
    expectDisconnected(client(openRig(), 'c').sendsBytes(packet(0xa2, `0001 00 ${body}`)), 0x81);
  }
});

test('v5 [MQTT-3.10.3-2] UNSUBSCRIBE without a filter is a Protocol Error', () => {
  expectDisconnected(client(openRig(), 'c').sendsHex('a2 03 0001 00'), 0x82);
  expectDisconnected(client(openRig(), 'c').sendsBytes(packet(0xa2, `0001 07 26 ${text('k')} ${text('v')}`)), 0x82);
  expect(client(openRig(), 'c').sendsBytes(packet(0xa2, `0001 07 26 ${text('k')} ${text('v')} ${a}`)).receivedHex()).toBe('b0 04 00 01 00 11');
});

test('v5 [MQTT-3.10.4-1] filters are compared character by character; nothing but the exact one is deleted', () => {
  const rig = openRig();
  const sub = client(rig, 'sub');
  const filters = ['a/#', 'a/b', 'a/+'];
  for (const [index, filter] of filters.entries()) sub.subscribe(filter, { properties: { subscriptionIdentifier: index + 1 } }).skip();
  const publisher = client(rig, 'pub');
  const left = (): number[] => {
    publisher.publish({ topic: 'a/b', payload: 'x' });
    return publishes(sub).flatMap(identifiersOf).toSorted((one, two) => one - two);
  };
  for (const other of ['#', 'A/b', 'a/B', 'a/b/', '/a/b', 'a/c', '+/b', 'a', 'a/b/#', '+/+', 'a/b ', 'a/b/+', '$share/g/a/b']) {
    expect([other, short(sub.unsubscribe(other, { packetId: 9 }).received())]).toEqual([other, ['unsuback 9 0x11']]);
    expect(left()).toEqual([1, 2, 3]);
  }
  expect(short(sub.unsubscribe('a/#', { packetId: 9 }).received())).toEqual(['unsuback 9 0x00']);
  expect(left()).toEqual([2, 3]);
  expect(short(sub.unsubscribe('a/+', { packetId: 9 }).received())).toEqual(['unsuback 9 0x00']);
  expect(left()).toEqual([2]);
  expect(short(sub.unsubscribe('a/+', { packetId: 9 }).received())).toEqual(['unsuback 9 0x11']); // deleted, it is unknown
  expect(left()).toEqual([2]);
  expect(short(sub.unsubscribe('a/b', { packetId: 9 }).received())).toEqual(['unsuback 9 0x00']);
  expect([left(), rig.stats.subscriptions]).toEqual([[], 0]);
});

test('v5 [MQTT-3.10.4-2] behind UNSUBACK nothing new comes, neither now nor for a session that is away', () => {
  const rig = openRig();
  const sub = resumable(rig, 'sub').subscribe('t', { qos: 2 }).skip();
  const publisher = client(rig, 'pub').publish({ topic: 't', payload: 'before' });
  expect(payloads(sub)).toEqual(['before']);
  expect(short(sub.unsubscribe('t', { packetId: 5 }).received())).toEqual(['unsuback 5 0x00']);
  for (const qos of qoses) publisher.publish({ topic: 't', payload: 'x', qos });
  expect(sub.received()).toEqual([]);
  sub.drop();
  publisher.publish({ topic: 't', payload: 'x', qos: 1 });
  expect(resumable(rig, 'sub').received()).toEqual([]);
});

test('v5 [MQTT-3.10.4-2] retained messages that the window has held back are not added either', () => {
  const rig = openRig();
  const publisher = client(rig, 'pub');
  for (const topic of ['a', 'b', 'c']) publisher.publish({ topic, payload: topic, qos: 1, retain: true });
  const sub = client(rig, 'sub', { properties: { receiveMaximum: 1 } }).subscribe('+', { qos: 1 });
  const [started, ...more] = publishes(sub);
  expect([started?.retain, more]).toEqual([true, []]);
  expect(short(sub.unsubscribe('+', { packetId: 5 }).received())).toEqual(['unsuback 5 0x00']);
  expect(sub.puback(started?.packetId ?? 0).received()).toEqual([]);
  // Subscribed again, each comes once.
  const seen: (string | undefined)[] = [];
  for (let sent = publishes(sub.subscribe('+', { qos: 1 })); sent.length > 0; sent = publishes(sub)) {
    for (const { packetId = 0, payload } of sent) {
      seen.push(payload);
      sub.puback(packetId);
    }
  }
  expect(seen.map(String).toSorted()).toEqual(['a', 'b', 'c']);
  // Not even when a new subscription, which wants none, comes while they are held back.
  const [again] = publishes(sub.unsubscribe('+').skip().subscribe('+', { qos: 1 }));
  sub.unsubscribe('+').subscribe('+', { qos: 1, rh: 2 }).skip();
  expect(sub.puback(again?.packetId ?? 0).received()).toEqual([]);
});

test.each([0, 1, 2] as const)('v5 [MQTT-3.10.4-3] deliveries that have begun are completed, %i packets into the exchange, also after a reconnect', (step) => {
  for (const reconnects of [false, true]) {
    const rig = openRig();
    let sub = resumable(rig, 'sub').subscribe('t', { qos: 2 }).skip();
    client(rig, 'pub').publish({ topic: 't', payload: '1', qos: 1 }).publish({ topic: 't', payload: '2', qos: 2 });
    expect(short(sub.received())).toEqual(['publish 1 1', 'publish 2 2']);
    if (step > 0) sub.puback(1);
    if (step > 1) expect(short(sub.pubrec(2).received())).toEqual(['pubrel 2']);
    expect(short(sub.unsubscribe('t', { packetId: 5 }).received())).toEqual(['unsuback 5 0x00']);
    if (reconnects) {
      sub.drop();
      sub = resumable(rig, 'sub');
      expect(short(sub.received())).toEqual([['publish 1 1', 'publish 2 2'], ['publish 2 2'], ['pubrel 2']][step]);
    }
    if (step < 1) sub.puback(1);
    if (step < 2) expect(short(sub.pubrec(2).received())).toEqual(['pubrel 2']);
    expect(rig.stats.inflightMessages).toBe(1);
    sub.pubcomp(2);
    expect([rig.stats.inflightMessages, sub.received(), sub.closed]).toEqual([0, [], false]);
  }
});

test('v5 [MQTT-3.10.4-4] each UNSUBSCRIBE is answered with one UNSUBACK', () => {
  const sub = subscriber(openRig(), 'c', 't');
  expect(short(sub.unsubscribe('t', { packetId: 1 }).received())).toEqual(['unsuback 1 0x00']);
  expect(short(sub.unsubscribe('t', { packetId: 1 }).received())).toEqual(['unsuback 1 0x11']);
  expect(short(sub.unsubscribe('$share/g/t', { packetId: 2 }).received())).toEqual(['unsuback 2 0x11']);
  const one = packet(0xa2, `0003 00 ${a}`);
  expect(short(sub.sendsBytes(Buffer.concat([one, one, one])).received())).toEqual(Array.from({ length: 3 }, () => 'unsuback 3 0x11'));
});

test('v5 [MQTT-3.10.4-5] UNSUBACK has the identifier of its UNSUBSCRIBE, and comes even if nothing was deleted', () => {
  const sub = client(openRig(), 'c');
  for (const packetId of [1, 2, 256, 65_535, 300]) {
    const hex = packetId.toString(16).padStart(4, '0').replace(/(..)(..)/, '$1 $2');
    expect(sub.unsubscribe('unknown', { packetId }).receivedHex()).toBe(`b0 04 ${hex} 00 11`);
    expect(sub.subscribe('t').skip().unsubscribe('t', { packetId }).receivedHex()).toBe(`b0 04 ${hex} 00 00`);
  }
});

test('v5 [MQTT-3.10.4-6] several filters are taken one after the other and answered by one UNSUBACK', () => {
  const rig = openRig();
  const topics = numbered(5);
  const sub = client(rig, 'sub').subscribe(topics).skip();
  expect(short(sub.unsubscribe(['1', 'unknown', '3', '3', '5'], { packetId: 7 }).received())).toEqual(['unsuback 7 0x00 0x11 0x00 0x11 0x00']);
  const publisher = client(rig, 'pub');
  for (const topic of topics) publisher.publish({ topic, payload: topic });
  expect(payloads(sub)).toEqual(['2', '4']);
});

// Method: 16 bytes are the least that leave room for the CONNACK, and just what an UNSUBACK for eleven filters takes.
test('v5 [MQTT-3.11.2-1] [MQTT-3.11.2-2] UNSUBACK fits: there is no Reason String and no User Property in it', () => {
  const rig = openRig();
  const sub = client(rig, 'c', { properties: { maximumPacketSize: 16 } }).subscribe('1').skip();
  const answer = sub.unsubscribe(numbered(11), { packetId: 7 }).receivedHex();
  expect(answer).toBe(`b0 0e 00 07 00 00${' 11'.repeat(10)}`);
  expect(answer.split(' ')).toHaveLength(16);
  sub.publish({ topic: 't', qos: 2, packetId: 8 }).skip();
  expect(sub.unsubscribe('1', { packetId: 8 }).receivedHex()).toBe('b0 04 00 08 00 91'); // refused, and not told in words
  expectOpen(sub);
});

test('v5 [MQTT-3.11.3-1] the reason codes are in the order of the filters', () => {
  const sub = client(openRig(), 'c');
  for (const known of [['a', 'b'], ['b'], ['c', 'a'], [], ['a', 'b', 'c']]) {
    for (const filters of [['a', 'b', 'c'], ['c', 'b', 'a'], ['b', 'a', 'c']]) {
      if (known.length > 0) sub.subscribe(known).skip();
      const expected = filters.map((filter) => (known.includes(filter) ? 0 : 0x11));
      expect(sub.unsubscribe(filters, { packetId: 3 }).last()?.reasonCodes).toEqual(expected);
    }
  }
});

test('v5 [MQTT-3.11.3-2] each filter gets a reason code of the list: 0x00, 0x11, and 0x91 while the identifier is in use', () => {
  const rig = openRig();
  const sub = subscriber(rig, 'c', 't');
  const codes = (packetId: number): readonly number[] | undefined => sub.unsubscribe(['t', 'u'], { packetId }).last()?.reasonCodes;
  sub.publish({ topic: 'x', qos: 2, packetId: 7 }).skip();
  expect([codes(7), rig.stats.subscriptions]).toEqual([[0x91, 0x91], 1]);
  expect([codes(8), rig.stats.subscriptions]).toEqual([[0x00, 0x11], 0]);
  sub.pubrel(7).skip();
  expect(codes(7)).toEqual([0x11, 0x11]);
});

test('v5 [X5-3.10.4-1] UNSUBSCRIBE of a shared filter takes out that session alone; with the last one the shared subscription is gone', () => {
  const rig = openRig();
  const shared = '$share/g/t';
  const [one, two] = [subscriber(rig, 'one', shared, 1), subscriber(rig, 'two', shared, 1, { properties: { receiveMaximum: 6 } })];
  const publisher = client(rig, 'pub');
  const publish = (count: number): void => {
    for (const payload of numbered(count)) publisher.publish({ topic: 't', payload, qos: 1, packetId: 1 });
  };
  const taken = (sub: typeof one): number => {
    const sent = publishes(sub);
    for (const { packetId = 0 } of sent) sub.puback(packetId);
    return sent.length;
  };
  publish(4);
  expect([taken(one), taken(two)]).toEqual([2, 2]);
  expect(short(one.unsubscribe('t', { packetId: 5 }).received())).toEqual(['unsuback 5 0x11']); // it is the full filter that counts
  publish(4);
  expect([taken(one), taken(two)]).toEqual([2, 2]);
  expect(short(one.unsubscribe(shared, { packetId: 5 }).received())).toEqual(['unsuback 5 0x00']);
  expect(short(one.unsubscribe(shared, { packetId: 6 }).received())).toEqual(['unsuback 6 0x11']);
  publish(4);
  expect([taken(one), taken(two), rig.stats.subscriptions]).toEqual([0, 4, 1]);
  // What waits in it while the window of the last member is full goes with it.
  publish(9);
  expect(publishes(two)).toHaveLength(6);
  expect(short(two.unsubscribe(shared, { packetId: 5 }).received())).toEqual(['unsuback 5 0x00']);
  expect(rig.stats.subscriptions).toBe(0);
  expect(short(publisher.skip().publish({ topic: 't', qos: 1, packetId: 1 }).received())).toEqual(['puback 1 0x10']);
  expect(publishes(one.subscribe(shared, { qos: 1 }))).toEqual([]);
});
