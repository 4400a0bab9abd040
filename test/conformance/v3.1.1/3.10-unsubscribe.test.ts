/** MQTT 3.1.1, chapters 3.10 and 3.11: UNSUBSCRIBE and UNSUBACK. */
import { expect, test } from '@jest/globals';
import { packet, text } from '../../unit/packet/wire.js';
import { numbered, openRig, payloads, publishes, short } from '../../wire/rig.js';
import { a, client, expectClosed, expectUtf8, resumable } from './support.js';

test('v3.1.1 [MQTT-3.10.1-1] UNSUBSCRIBE with flags other than 0010 is malformed and closes', () => {
  for (let flags = 0; flags < 16; flags += 1) {
    const sent = client(openRig(), 'c').subscribe('a').skip().sendsBytes(packet(0xa0 | flags, `0001 ${a}`));
    if (flags === 2) expect(sent.receivedHex()).toBe('b0 02 00 01');
    else expectClosed(sent);
  }
  expectClosed(client(openRig(), 'c').sendsHex('a0')); // at its first byte
});

test('v3.1.1 [MQTT-3.10.3-1] Topic Filters must be UTF-8 and packed without a gap', () => {
  expectUtf8('Topic Filter of UNSUBSCRIBE');
  for (const body of [`0001 ${a} 00`, `0001 ${a} 0002 61`, `0001 ${a} 00 ${a}`, `0001 ${text('good')} 0001 ff`]) {
    expectClosed(client(openRig(), 'c').sendsBytes(packet(0xa2, body)));
  }
});

test('v3.1.1 [MQTT-3.10.3-2] UNSUBSCRIBE without a filter is a violation and closes', () => {
  expectClosed(client(openRig(), 'c').sendsHex('a2 02 0001'));
});

test('v3.1.1 [MQTT-3.10.4-1] filters are compared character by character; nothing but the exact one is deleted', () => {
  const rig = openRig();
  const sub = client(rig, 'sub').subscribe(['a/#', 'a/b', 'a/+']).skip();
  const publisher = client(rig, 'pub');
  const still = (): number => {
    publisher.publish({ topic: 'a/b', payload: 'x' });
    expect(publishes(sub).length).toBe(rig.stats.subscriptions > 0 ? 1 : 0);
    return rig.stats.subscriptions;
  };
  for (const other of ['#', 'A/b', 'a/b/', '/a/b', 'a/c', '+/b', 'a', 'a/b/#', '+/+', 'a/b ']) {
    sub.unsubscribe(other).skip();
    expect(still()).toBe(3);
  }
  sub.unsubscribe('a/#').skip();
  expect(still()).toBe(2);
  sub.unsubscribe('a/+').skip();
  expect(still()).toBe(1);
  sub.unsubscribe('a/b').skip();
  expect(still()).toBe(0);
});

test('v3.1.1 [MQTT-3.10.4-2] behind UNSUBACK nothing new comes, neither now nor for a session that is away', () => {
  const rig = openRig();
  const sub = resumable(rig, 'sub').subscribe('t', { qos: 1 }).skip();
  const publisher = client(rig, 'pub');
  expect(short(sub.unsubscribe('t', { packetId: 5 }).received())).toEqual(['unsuback 5']);
  for (const qos of [0, 1, 2] as const) publisher.publish({ topic: 't', payload: 'x', qos });
  expect(sub.received()).toEqual([]);
  sub.drop();
  publisher.publish({ topic: 't', payload: 'x', qos: 1 });
  expect(payloads(resumable(rig, 'sub'))).toEqual([]);
});

test('v3.1.1 [MQTT-3.10.4-2] retained messages that the window has held back are not added either', () => {
  const rig = openRig({ inflightMax: 1 });
  const publisher = client(rig, 'pub');
  for (const topic of ['a', 'b', 'c']) publisher.publish({ topic, payload: topic, qos: 1, retain: true });
  const sub = client(rig, 'sub').subscribe('+', { qos: 1 });
  const [started, ...more] = publishes(sub);
  expect([started?.retain, more]).toEqual([true, []]);
  expect(short(sub.unsubscribe('+', { packetId: 5 }).received())).toEqual(['unsuback 5']);
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
});

test.each([0, 1, 2] as const)('v3.1.1 [MQTT-3.10.4-3] deliveries that have begun are completed, %i packets into the exchange', (step) => {
  const rig = openRig();
  const sub = resumable(rig, 'sub').subscribe('t', { qos: 2 }).skip();
  client(rig, 'pub').publish({ topic: 't', payload: '1', qos: 1 }).publish({ topic: 't', payload: '2', qos: 2 });
  expect(short(sub.received())).toEqual(['publish 1 1', 'publish 2 2']);
  if (step > 0) sub.pubrec(2).skip();
  if (step > 1) sub.puback(1);
  expect(short(sub.unsubscribe('t', { packetId: 5 }).received())).toEqual(['unsuback 5']);
  if (step === 0) {
    // Lost in between, they are sent again.
    sub.drop();
    const again = resumable(rig, 'sub');
    expect(short(again.received())).toEqual(['publish 1 1', 'publish 2 2']);
    expect(short(again.puback(1).pubrec(2).received())).toEqual(['pubrel 2']);
    again.pubcomp(2);
  } else {
    expect(short(sub.puback(1).pubrec(2).received())).toEqual(['pubrel 2']);
    sub.pubcomp(2);
  }
  expect(rig.stats.inflightMessages).toBe(0);
});

test('v3.1.1 [MQTT-3.10.4-4] UNSUBACK has the identifier of its UNSUBSCRIBE', () => {
  const sub = client(openRig(), 'c').subscribe('t').skip();
  for (const packetId of [1, 2, 256, 65_535, 300]) {
    const hex = packetId.toString(16).padStart(4, '0').replace(/(..)(..)/, '$1 $2');
    expect(sub.unsubscribe('t', { packetId }).receivedHex()).toBe(`b0 02 ${hex}`);
  }
});

test('v3.1.1 [MQTT-3.10.4-5] UNSUBACK comes even if no filter matched', () => {
  const sub = client(openRig(), 'c');
  expect(sub.unsubscribe('unknown', { packetId: 1 }).receivedHex()).toBe('b0 02 00 01');
  expect(sub.unsubscribe(['unknown', 'other/#'], { packetId: 2 }).receivedHex()).toBe('b0 02 00 02');
});

test('v3.1.1 [MQTT-3.10.4-6] several filters are taken one after the other and answered by one UNSUBACK without payload', () => {
  const rig = openRig();
  const topics = numbered(5);
  const sub = client(rig, 'sub').subscribe(topics).skip();
  expect(sub.unsubscribe(['1', 'unknown', '3', '3', '5'], { packetId: 7 }).receivedHex()).toBe('b0 02 00 07');
  const publisher = client(rig, 'pub');
  for (const topic of topics) publisher.publish({ topic, payload: topic });
  expect(payloads(sub)).toEqual(['2', '4']);
});
