/** MQTT 3.1.1, chapter 2: fixed header flags and Packet Identifiers. */
import { expect, test } from '@jest/globals';
import type { WireClient } from '../../../src/testing/index.js';
import { packet, text } from '../../unit/packet/wire.js';
import { openRig, payloads, publishes, short } from '../../wire/rig.js';
import { a, accepted, brokenOf, client, connectBytes, expectClosed, expectOpen, open, qoses, resumable, subscriber } from './support.js';

const firstByte = (sent: WireClient): string => sent.receivedHex().slice(0, 2);

test('v3.1.1 [MQTT-2.2.2-1] every packet of the broker has the flags of table 2.2', () => {
  const rig = openRig();
  const sub = open(rig).connect({ clientId: 'sub', clean: false });
  expect(firstByte(sub)).toBe('20');
  expect(firstByte(sub.subscribe('a', { qos: 2 }))).toBe('90');
  const publisher = client(rig, 'pub');
  expect(firstByte(publisher.publish({ topic: 'a', qos: 1 }))).toBe('40');
  expect(firstByte(publisher.publish({ topic: 'a', qos: 2, packetId: 7 }))).toBe('50');
  expect(firstByte(publisher.pubrel(7))).toBe('70');
  expect(firstByte(publisher.pubrel(8))).toBe('70');
  expect(firstByte(publisher.pingreq())).toBe('d0');
  sub.skip();
  expect(firstByte(sub.pubrec(2))).toBe('62');
  expect(firstByte(sub.pubrec(99))).toBe('62');
  expect(firstByte(sub.unsubscribe('a'))).toBe('b0');
  sub.puback(1).drop();
  expect(resumable(rig, 'sub').receivedHex()).toBe('62 02 00 02'); // sent again
});

const flagged: readonly (readonly [name: string, legal: number, body: string])[] = [
  ['PUBACK', 0x40, '0001'],
  ['PUBREC', 0x50, '0001'],
  ['PUBREL', 0x62, '0001'],
  ['PUBCOMP', 0x70, '0001'],
  ['SUBSCRIBE', 0x82, `0001 ${a} 00`],
  ['UNSUBSCRIBE', 0xa2, `0001 ${a}`],
  ['PINGREQ', 0xc0, ''],
];
const wrongFlags = (legal: number): number[] => Array.from({ length: 16 }, (_, flags) => (legal & 0xf0) | flags).filter((first) => first !== legal);

test.each(flagged)('v3.1.1 [MQTT-2.2.2-2] %s with other flags closes the connection', (_name, legal, body) => {
  expectOpen(client(openRig(), 'c').sendsBytes(packet(legal, body)));
  const wrong = wrongFlags(legal);
  expect(wrong).toHaveLength(15);
  for (const first of wrong) {
    const rig = openRig();
    expectClosed(client(rig, 'c').sendsBytes(packet(first, body)));
    expect(rig.stats.subscriptions).toBe(0);
  }
});

test('v3.1.1 [MQTT-2.2.2-2] CONNECT with other flags is closed without CONNACK', () => {
  const connect = connectBytes();
  expect(open(openRig()).sendsBytes(connect).receivedHex()).toBe(accepted);
  for (const first of wrongFlags(0x10)) expectClosed(open(openRig()).sendsBytes(Buffer.concat([Buffer.of(first), connect.subarray(1)])));
});

test('v3.1.1 [MQTT-2.2.2-2] DISCONNECT with other flags is none: the connection is closed and the will published', () => {
  for (const first of [0xe0, ...wrongFlags(0xe0)]) {
    const rig = openRig();
    const watcher = subscriber(rig, 'watcher', 'w');
    expectClosed(client(rig, 'c', { will: { topic: 'w', payload: 'bye' } }).sendsBytes(packet(first, '')));
    expect(payloads(watcher)).toEqual(first === 0xe0 ? [] : ['bye']);
  }
});

const numberedPackets: readonly (readonly [name: string, packet: (id: string) => Buffer])[] = [
  ['SUBSCRIBE', (id) => packet(0x82, `${id} ${a} 00`)],
  ['UNSUBSCRIBE', (id) => packet(0xa2, `${id} ${a}`)],
  ['PUBLISH at QoS 1', (id) => packet(0x32, `${a} ${id} 78`)],
  ['PUBLISH at QoS 2', (id) => packet(0x34, `${a} ${id} 78`)],
];

test.each(numberedPackets)('v3.1.1 [MQTT-2.3.1-1] %s with Packet Identifier 0, or without one, closes the connection', (_name, bytes) => {
  expectOpen(client(openRig(), 'c').sendsBytes(bytes('0001')));
  const rig = openRig();
  const broken = brokenOf(rig);
  const watcher = subscriber(rig, 'watcher', '#');
  expectClosed(client(rig, 'c').sendsBytes(bytes('0000')));
  expect([watcher.received(), rig.stats.subscriptions, broken]).toEqual([[], 1, ['MQTT-2.3.1-1']]);
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
])('v3.1.1 [MQTT-2.3.1-1] %s that ends before or within its Packet Identifier closes the connection: %s', (_name, hex) => {
  const rig = openRig();
  const broken = brokenOf(rig);
  expectClosed(client(rig, 'c').sendsHex(hex));
  expect(broken).toEqual([hex.startsWith('3') ? 'MQTT-2.3.1-1' : expect.anything()]);
});

test('v3.1.1 [MQTT-2.3.1-1] the broker sends no identifier 0', () => {
  const rig = openRig();
  const sub = subscriber(rig, 'sub', 'a', 2);
  const publisher = client(rig, 'pub');
  for (let count = 0; count < 10; count += 1) publisher.publish({ topic: 'a', qos: count % 2 === 0 ? 1 : 2 });
  const ids = publishes(sub).map(({ packetId }) => packetId);
  expect(ids).toHaveLength(10);
  expect(ids).not.toContain(0);
});

test('v3.1.1 [MQTT-2.3.1-3] once its packet is acknowledged, an identifier is free: under it comes something new', () => {
  const rig = openRig();
  const sub = subscriber(rig, 'sub', '#', 2);
  const publisher = client(rig, 'pub');
  for (const round of ['1', '2', '3']) {
    publisher.publish({ topic: 'a', payload: `a${round}`, qos: 1, packetId: 9 });
    publisher.publish({ topic: 'b', payload: `b${round}`, qos: 2, packetId: 9 }).pubrel(9);
    publisher.subscribe(`c${round}`, { packetId: 9 }).unsubscribe(`c${round}`, { packetId: 9 });
    expect(short(publisher.received())).toEqual(['puback 9', 'pubrec 9', 'pubcomp 9', 'suback 9 0x00', 'unsuback 9']);
    expect(payloads(sub)).toEqual([`a${round}`, `b${round}`]);
  }
});

test('v3.1.1 [MQTT-2.3.1-4] identifiers that wait for an acknowledgement are distinct, and kept when sent again', () => {
  const rig = openRig();
  const sub = resumable(rig, 'sub').subscribe('a', { qos: 2 }).skip();
  const publisher = client(rig, 'pub');
  for (let count = 0; count < 20; count += 1) publisher.publish({ topic: 'a', payload: String(count), qos: count % 2 === 0 ? 1 : 2 });
  const ids = publishes(sub).map(({ packetId, payload }) => [packetId, payload]);
  expect(new Set(ids.map(([id]) => id)).size).toBe(20);
  sub.drop();
  const again = resumable(rig, 'sub');
  expect(publishes(again).map(({ packetId, payload }) => [packetId, payload])).toEqual(ids);
  publisher.publish({ topic: 'a', payload: 'new', qos: 1 });
  const [added] = publishes(again);
  expect(ids.map(([id]) => id)).not.toContain(added?.packetId);
});

// Method: three stay unacknowledged while all other identifiers are used up, and then two more than there are.
test('v3.1.1 [MQTT-2.3.1-4] behind 65,535 come those that are free, never one that waits, never 0', () => {
  const rig = openRig({ inflightMax: 1000 });
  const sub = subscriber(rig, 'sub', 'a', 1);
  const taken = (count: number): number[] => {
    for (let sent = 0; sent < count; sent += 1) void rig.broker.publish('a', '', { qos: 1 });
    rig.clock.flush();
    const bytes = Buffer.from(sub.receivedHex().replaceAll(' ', ''), 'hex');
    return Array.from({ length: bytes.length / 7 }, (_, index) => bytes.readUInt16BE(index * 7 + 5));
  };
  expect(taken(5)).toEqual([1, 2, 3, 4, 5]);
  sub.puback(2).puback(4); // 1, 3 and 5 stay
  let used = 5;
  while (used < 65_535) {
    const ids = taken(Math.min(900, 65_535 - used));
    expect(ids[0]).toBe(used + 1);
    used += ids.length;
    expect(ids.at(-1)).toBe(used);
    sub.sendsBytes(Buffer.concat(ids.map((id) => Buffer.of(0x40, 2, id >> 8, id & 0xff))));
  }
  expect(taken(4)).toEqual([2, 4, 6, 7]);
});

test.each(qoses)('v3.1.1 [MQTT-2.3.1-5] a PUBLISH that leaves at QoS 0 has no Packet Identifier: published at QoS %i', (qos) => {
  const rig = openRig();
  const sub = subscriber(rig, 'sub', 'a');
  client(rig, 'pub').publish({ topic: 'a', payload: 'x', qos, retain: true });
  expect(sub.receivedHex()).toBe('30 04 00 01 61 78');
  const late = client(rig, 'late').subscribe('a');
  expect(late.receivedHex()).toBe('90 03 00 01 00 31 04 00 01 61 78');
});

test('v3.1.1 [MQTT-2.3.1-6] PUBACK, PUBREC and PUBREL carry the identifier of their PUBLISH, to the broker and from it', () => {
  const rig = openRig();
  const sub = subscriber(rig, 'sub', 'a', 2);
  const publisher = client(rig, 'pub');
  for (const id of [1, 255, 256, 0x0102, 65_535]) {
    publisher.publish({ topic: 'a', qos: 1, packetId: id }).publish({ topic: 'a', qos: 2, packetId: id }).pubrel(id);
    const hex = `${(id >> 8).toString(16).padStart(2, '0')} ${(id & 0xff).toString(16).padStart(2, '0')}`;
    expect(publisher.receivedHex()).toBe(`40 02 ${hex} 50 02 ${hex} 70 02 ${hex}`);
  }
  const [one, two, three, four] = publishes(sub).map(({ packetId }) => packetId ?? 0);
  expect([one, two, three, four]).toEqual([1, 2, 3, 4]);
  expect(short(sub.pubrec(4).pubrec(2).received())).toEqual(['pubrel 4', 'pubrel 2']);
  // Each acknowledgement settles its own PUBLISH: ten were sent, three are done with.
  sub.puback(3).pubcomp(2).pubcomp(4);
  expect(rig.stats.inflightMessages).toBe(7);
});

test('v3.1.1 [MQTT-2.3.1-7] SUBACK and UNSUBACK carry the identifier of the request, also of many in one segment', () => {
  const sub = client(openRig(), 'c');
  const ids = [7, 3, 65_535, 256, 1];
  sub.sendsBytes(
    Buffer.concat(
      ids.flatMap((id) => {
        const hex = id.toString(16).padStart(4, '0');
        return [packet(0x82, `${hex} ${text(`t${id}`)} 01`), packet(0xa2, `${hex} ${text(`t${id}`)}`)];
      }),
    ),
  );
  expect(short(sub.received())).toEqual(ids.flatMap((id) => [`suback ${id} 0x01`, `unsuback ${id}`]));
});
