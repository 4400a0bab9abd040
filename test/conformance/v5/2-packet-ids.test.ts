/** MQTT 5.0, chapter 2.2.1: Packet Identifiers. */
import { expect, test } from '@jest/globals';
import type { WireClient } from '../../../src/testing/index.js';
import { packet, text } from '../../unit/packet/wire.js';
import { openRig, payloads, publishes, short } from '../../wire/rig.js';
import { brokenOf, client, expectDisconnected, expectOpen, qoses, resumable, subscriber } from './support.js';

const a = text('a');
const hexOf = (id: number): string => `${(id >> 8).toString(16).padStart(2, '0')} ${(id & 0xff).toString(16).padStart(2, '0')}`;

test.each(qoses)('v5 [MQTT-2.2.1-2] a PUBLISH that leaves at QoS 0 has no Packet Identifier: published at QoS %i', (qos) => {
  const rig = openRig();
  const sub = subscriber(rig, 'sub', 'a');
  const aliased = subscriber(rig, 'aliased', 'a', 0, { properties: { topicAliasMaximum: 1 } });
  client(rig, 'pub').publish({ topic: 'a', payload: 'x', qos, retain: true });
  expect(sub.receivedHex()).toBe('30 05 00 01 61 00 78');
  expect(aliased.receivedHex()).toBe('30 08 00 01 61 03 23 00 01 78');
  const late = client(rig, 'late').subscribe('a');
  expect(late.receivedHex()).toBe('90 04 00 01 00 00 31 05 00 01 61 00 78');
});

test('v5 [MQTT-2.2.1-2] only there is none: at QoS 1 and 2 it stands behind the Topic Name', () => {
  const rig = openRig();
  const subs = qoses.map((qos) => subscriber(rig, `sub${qos}`, 'a', qos));
  client(rig, 'pub').publish({ topic: 'a', payload: 'x', qos: 2 });
  expect(subs.map((sub) => sub.receivedHex())).toEqual([
    '30 05 00 01 61 00 78',
    '32 07 00 01 61 00 01 00 78',
    '34 07 00 01 61 00 01 00 78',
  ]);
});

test('v5 [MQTT-2.2.1-2] of a PUBLISH at QoS 0 what follows the Topic Name is properties and payload', () => {
  const rig = openRig();
  const watcher = subscriber(rig, 'watcher', 'a');
  expectOpen(client(rig, 'c').sendsBytes(packet(0x30, `${a} 00 0001`)));
  expect(payloads(watcher)).toEqual(['\0\u0001']);
});

const numberedPackets: readonly (readonly [name: string, answer: string, packet: (id: string) => Buffer])[] = [
  ['SUBSCRIBE', 'suback 9 0x91', (id) => packet(0x82, `${id} 00 ${a} 00`)],
  ['UNSUBSCRIBE', 'unsuback 9 0x91', (id) => packet(0xa2, `${id} 00 ${a}`)],
  ['PUBLISH at QoS 1', 'puback 9 0x91', (id) => packet(0x32, `${a} ${id} 00 78`)],
  ['PUBLISH at QoS 2', 'pubrec 9', (id) => packet(0x34, `${a} ${id} 00 78`)],
];

test.each(numberedPackets)('v5 [MQTT-2.2.1-3] %s with Packet Identifier 0 is a Protocol Error, 0x82', (_name, _answer, bytes) => {
  expectOpen(client(openRig(), 'c').sendsBytes(bytes('0001')));
  const rig = openRig();
  const broken = brokenOf(rig);
  const watcher = subscriber(rig, 'watcher', '#');
  expectDisconnected(client(rig, 'c').sendsBytes(bytes('0000')), 0x82);
  expect([watcher.received(), rig.stats.subscriptions, broken]).toEqual([[], 1, ['MQTT-2.2.1-3']]);
});

test.each([
  ['SUBSCRIBE', '82 00'],
  ['SUBSCRIBE', '82 01 00'],
  ['UNSUBSCRIBE', 'a2 00'],
  ['UNSUBSCRIBE', 'a2 01 00'],
  ['PUBLISH at QoS 1', '32 03 0001 61'],
  ['PUBLISH at QoS 1', '32 04 0001 61 00'],
  ['PUBLISH at QoS 2', '34 03 0001 61'],
  ['PUBLISH at QoS 2', '34 04 0001 61 00'],
])('v5 [MQTT-2.2.1-3] %s that ends before or within its Packet Identifier is malformed, 0x81: %s', (_name, hex) => {
  const rig = openRig();
  const broken = brokenOf(rig);
  expectDisconnected(client(rig, 'c').sendsHex(hex), 0x81);
  expect(broken).toEqual([hex.startsWith('3') ? 'MQTT-2.2.1-3' : 'MQTT-4.13.1-1']);
});

test.each(numberedPackets)('v5 [MQTT-2.2.1-3] %s under an identifier that is in use is told so in its answer, and has no effect', (name, answer, bytes) => {
  const rig = openRig();
  const watcher = subscriber(rig, 'watcher', '#');
  const sent = resumable(rig, 'c').publish({ topic: 'b', payload: 'first', qos: 2, packetId: 9 });
  if (name === 'UNSUBSCRIBE') sent.subscribe('a', { packetId: 1 });
  expect(payloads(watcher)).toEqual(['first']);
  sent.skip().sendsBytes(bytes('0009'));
  expect([short(sent.received()), sent.closed]).toEqual([[answer], false]);
  expect([payloads(watcher), rig.stats.subscriptions]).toEqual([[], name === 'UNSUBSCRIBE' ? 2 : 1]);
  // So it is on the next connection, until PUBREL: from then on it is free.
  const again = resumable(rig, 'c').sendsBytes(bytes('0009'));
  expect(short(again.received())).toEqual([answer]);
  expect(short(again.pubrel(9).received())).toEqual(['pubcomp 9']);
  again.sendsBytes(bytes('0009'));
  expect(short(again.received())).toEqual([name === 'SUBSCRIBE' || name === 'UNSUBSCRIBE' ? answer.replace('0x91', '0x00') : answer.replace(' 0x91', '')]);
});

test('v5 [MQTT-2.2.1-3] a SUBSCRIBE or UNSUBSCRIBE under an identifier in use is refused filter by filter', () => {
  const sent = client(openRig(), 'c').publish({ topic: 'b', qos: 2, packetId: 9 }).skip();
  sent.subscribe(['a', 'b', 'c'], { packetId: 9 }).unsubscribe(['a', 'b'], { packetId: 9 });
  expect(short(sent.received())).toEqual(['suback 9 0x91 0x91 0x91', 'unsuback 9 0x91 0x91']);
});

// ---- the broker's own ----

test('v5 [MQTT-2.2.1-4] identifiers that wait for an acknowledgement are distinct, not 0, and kept when sent again', () => {
  const rig = openRig();
  const sub = resumable(rig, 'sub').subscribe('a', { qos: 2 }).skip();
  const publisher = client(rig, 'pub');
  for (let count = 0; count < 20; count += 1) publisher.publish({ topic: 'a', payload: String(count), qos: count % 2 === 0 ? 1 : 2 });
  const ids = publishes(sub).map(({ packetId, payload }) => [packetId, payload]);
  expect(new Set(ids.map(([id]) => id)).size).toBe(20);
  expect(ids.map(([id]) => id)).not.toContain(0);
  sub.drop();
  const again = resumable(rig, 'sub');
  expect(publishes(again).map(({ packetId, payload }) => [packetId, payload])).toEqual(ids);
  publisher.publish({ topic: 'a', payload: 'new', qos: 1 });
  const [added] = publishes(again);
  expect(ids.map(([id]) => id)).not.toContain(added?.packetId);
});

// Method: some stay unacknowledged while all other identifiers are used up, and then a few more than there are; twice, so
// that the last one, 65,535, is among those that wait.
test('v5 [MQTT-2.2.1-4] behind 65,535 come those that are free, never one that waits, never 0', () => {
  const rig = openRig({ inflightMax: 1000 });
  const sub = subscriber(rig, 'sub', 'a', 1);
  const taken = (count: number): number[] => {
    for (let sent = 0; sent < count; sent += 1) void rig.broker.publish('a', '', { qos: 1 });
    rig.clock.flush();
    const bytes = Buffer.from(sub.receivedHex().replaceAll(' ', ''), 'hex');
    return Array.from({ length: bytes.length / 8 }, (_, index) => bytes.readUInt16BE(index * 8 + 5));
  };
  const acknowledge = (ids: readonly number[]): void => void sub.sendsBytes(Buffer.concat(ids.map((id) => Buffer.of(0x40, 2, id >> 8, id & 0xff))));
  const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index);
  /** All from `from` to `to` in steps, of which `kept` are not acknowledged. */
  const useUp = (from: number, to: number, kept: readonly number[]): void => {
    for (let next = from; next <= to; next += 900) {
      const ids = range(next, Math.min(next + 899, to));
      expect(taken(ids.length)).toEqual(ids);
      acknowledge(ids.filter((id) => !kept.includes(id)));
    }
  };
  const kept = [3, 5, 65_534, 65_535];
  useUp(1, 65_535, kept);
  expect(taken(4)).toEqual([1, 2, 4, 6]);
  acknowledge([1, 4, 6]);
  useUp(7, 65_533, []);
  expect(taken(3)).toEqual([1, 4, 6]);
}, 60_000);

test('v5 [MQTT-2.2.1-4] each session has its own', () => {
  const rig = openRig();
  const subs = ['x', 'y'].map((id) => subscriber(rig, id, 'a', 2));
  client(rig, 'pub').publish({ topic: 'a', qos: 1 }).publish({ topic: 'a', qos: 2 });
  expect(subs.map((sub) => publishes(sub).map(({ packetId }) => packetId))).toEqual([[1, 2], [1, 2]]);
});

// ---- answers ----

test('v5 [MQTT-2.2.1-5] PUBACK, PUBREC, PUBREL and PUBCOMP carry the identifier of their PUBLISH, to the broker and from it', () => {
  const rig = openRig({ authorize: (_client, { topic }) => topic !== 'denied' });
  const sub = subscriber(rig, 'sub', 'a', 2);
  const publisher = client(rig, 'pub');
  for (const id of [1, 255, 256, 0x0102, 65_535]) {
    publisher.publish({ topic: 'a', qos: 1, packetId: id }).publish({ topic: 'a', qos: 2, packetId: id }).pubrel(id);
    expect(publisher.receivedHex()).toBe(`40 02 ${hexOf(id)} 50 02 ${hexOf(id)} 70 02 ${hexOf(id)}`);
    // With a Reason Code.
    publisher.publish({ topic: 'denied', qos: 1, packetId: id }).publish({ topic: 'denied', qos: 2, packetId: id }).pubrel(id);
    expect(publisher.receivedHex()).toBe(`40 03 ${hexOf(id)} 87 50 03 ${hexOf(id)} 87 70 03 ${hexOf(id)} 92`);
  }
  expect(publishes(sub).map(({ packetId }) => packetId)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  expect(short(sub.pubrec(4).pubrec(2).pubrec(0x0102).received())).toEqual(['pubrel 4', 'pubrel 2', 'pubrel 258 0x92']);
  // Each acknowledgement settles its own PUBLISH: ten were sent, three are done with.
  sub.puback(3).pubcomp(2).pubcomp(4);
  expect(rig.stats.inflightMessages).toBe(7);
});

test.each([['PUBACK', '40'], ['PUBREC', '50'], ['PUBREL', '62'], ['PUBCOMP', '70']])('v5 [MQTT-2.2.1-5] %s with an identifier of 0, or cut, closes the connection', (_name, first) => {
  expectOpen(client(openRig(), 'c').sendsHex(`${first} 02 0001`));
  expectDisconnected(client(openRig(), 'c').sendsHex(`${first} 02 0000`), 0x82);
  expectDisconnected(client(openRig(), 'c').sendsHex(`${first} 01 00`), 0x81);
  expectDisconnected(client(openRig(), 'c').sendsHex(`${first} 00`), 0x81);
});

test('v5 [MQTT-2.2.1-6] SUBACK and UNSUBACK carry the identifier of the request, also of many in one segment', () => {
  const sub = client(openRig(), 'c');
  const ids = [7, 3, 65_535, 256, 1];
  sub.sendsBytes(
    Buffer.concat(
      ids.flatMap((id) => {
        const hex = id.toString(16).padStart(4, '0');
        return [packet(0x82, `${hex} 00 ${text(`t${id}`)} 01`), packet(0xa2, `${hex} 00 ${text(`t${id}`)} ${text('no')}`)];
      }),
    ),
  );
  expect(short(sub.received())).toEqual(ids.flatMap((id) => [`suback ${id} 0x01`, `unsuback ${id} 0x00 0x11`]));
});

// ---- one set for each side ----

test('v5 [X5-2.2.1-1] the same identifier may be in use in both directions at once', () => {
  const rig = openRig();
  const sent = subscriber(rig, 'c', 'a', 2);
  client(rig, 'pub').publish({ topic: 'a', payload: 'down', qos: 2, packetId: 1 });
  expect(short(sent.received())).toEqual(['publish 1 down']);
  const watcher = subscriber(rig, 'watcher', 'b', 2);
  expect(short(sent.publish({ topic: 'b', payload: 'up', qos: 2, packetId: 1 }).received())).toEqual(['pubrec 1']);
  expect(short(sent.pubrec(1).received())).toEqual(['pubrel 1']);
  expect(short(sent.pubrel(1).received())).toEqual(['pubcomp 1']);
  expect(rig.stats.inflightMessages).toBe(2); // PUBREL of the client is none of the broker's PUBCOMP
  sent.pubcomp(1);
  expect([rig.stats.inflightMessages, payloads(watcher)]).toEqual([1, ['up']]);
  // Nor is a SUBSCRIBE under an identifier that the broker uses in any way in conflict.
  client(rig, 'pub').publish({ topic: 'a', payload: 'again', qos: 1 });
  expect(short(sent.received())).toEqual(['publish 1 again']);
  expect(short(sent.subscribe('c', { packetId: 1 }).unsubscribe('c', { packetId: 1 }).received())).toEqual(['suback 1 0x00', 'unsuback 1 0x00']);
});

test('v5 [X5-2.2.1-1] PUBLISH, SUBSCRIBE and UNSUBSCRIBE of one client share a set', () => {
  const rig = openRig();
  const sent = client(rig, 'c').publish({ topic: 'a', qos: 2, packetId: 5 }).skip();
  sent.subscribe('x', { packetId: 5 }).unsubscribe('x', { packetId: 5 }).publish({ topic: 'a', qos: 1, packetId: 5 });
  expect(short(sent.received())).toEqual(['suback 5 0x91', 'unsuback 5 0x91', 'puback 5 0x91']);
  sent.subscribe('x', { packetId: 6 }).unsubscribe('x', { packetId: 6 }).publish({ topic: 'a', qos: 1, packetId: 6 });
  expect(short(sent.received())).toEqual(['suback 6 0x00', 'unsuback 6 0x00', 'puback 6 0x10']);
  // Another client has its own.
  expect(short(client(rig, 'other').subscribe('x', { packetId: 5 }).received())).toEqual(['suback 5 0x00']);
});

test('v5 [X5-2.2.1-2] an identifier of the client is free again after PUBACK, PUBCOMP, PUBREC from 0x80, SUBACK and UNSUBACK', () => {
  const rig = openRig({ authorize: (_client, { topic }) => topic !== 'denied' });
  const watcher = subscriber(rig, 'watcher', '#', 2);
  const sent = client(rig, 'c');
  const uses: readonly (readonly [answers: string[], use: (payload: string) => WireClient])[] = [
    [['puback 9'], (payload) => sent.publish({ topic: 'a', payload, qos: 1, packetId: 9 })],
    [['pubrec 9', 'pubcomp 9'], (payload) => sent.publish({ topic: 'a', payload, qos: 2, packetId: 9 }).pubrel(9)],
    [['pubrec 9 0x87'], (payload) => sent.publish({ topic: 'denied', payload, qos: 2, packetId: 9 })],
    [['suback 9 0x00'], () => sent.subscribe('c', { packetId: 9 })],
    [['unsuback 9 0x00'], () => sent.subscribe('c', { packetId: 8 }).skip().unsubscribe('c', { packetId: 9 })],
  ];
  let count = 0;
  for (const [before, first] of uses) {
    for (const [after, second] of uses) {
      count += 2;
      expect(short(first(`${count}`).received())).toEqual(before);
      expect(short(second(`${count + 1}`).received())).toEqual(after);
      const expected = [before, after].flatMap(([answer], index) => (answer === 'puback 9' || answer === 'pubrec 9' ? [`${count + index}`] : []));
      expect(payloads(watcher)).toEqual(expected);
    }
  }
  expect(count).toBe(50);
});

test('v5 [X5-2.2.1-2] one of the broker is free again after PUBACK, PUBCOMP and PUBREC from 0x80, not after PUBREC', () => {
  const rig = openRig();
  const sub = subscriber(rig, 'sub', 'a', 2);
  const publisher = client(rig, 'pub');
  /** The identifier of the next message, one that waits beside it being acknowledged. */
  const next = (qos: 1 | 2): number | undefined => {
    publisher.publish({ topic: 'a', qos });
    return publishes(sub)[0]?.packetId;
  };
  expect([next(1), rig.stats.inflightMessages]).toEqual([1, 1]);
  sub.puback(1);
  expect([next(2), rig.stats.inflightMessages]).toEqual([1, 1]);
  sub.pubrec(1);
  expect([next(2), rig.stats.inflightMessages]).toEqual([2, 2]);
  sub.pubcomp(1).pubrec(2, 0x97);
  expect(rig.stats.inflightMessages).toBe(0);
  expect([next(1), rig.stats.inflightMessages]).toEqual([1, 1]);
});
