/** The broker's own packet identifiers: 1, 2, 3 … in each session, never one that is in flight. */
import { expect, test } from '@jest/globals';
import type { WireClient } from '../../src/testing/index.js';
import { both, numbered, openRig, publishes, short } from './rig.js';
import type { Rig } from './rig.js';

const packetIdMax = 65_535;

const idsOf = (client: WireClient): (number | undefined)[] => publishes(client).map(({ packetId }) => packetId);

/** Publishes from the host, all in one turn: `count` messages without payload at QoS 1. */
function publishMany(rig: Rig, count: number): void {
  for (let sent = 0; sent < count; sent += 1) void rig.broker.publish('a', '', { qos: 1 });
  rig.clock.flush();
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index);

/** QoS 1 PUBLISHes of 3.1.1 with topic `a` and no payload, in hexadecimal. */
const publishHex = (ids: readonly number[], first = 0x32): string =>
  Buffer.from(ids.flatMap((id) => [first, 5, 0, 1, 0x61, id >> 8, id & 0xff])).toString('hex');

const receivedHex = (client: WireClient): string => client.receivedHex().replaceAll(' ', '');

const pubacks = (ids: readonly number[]): Buffer => Buffer.from(ids.flatMap((id) => [0x40, 2, id >> 8, id & 0xff]));

test.each(both)('count 1, 2, 3 … for QoS 1 and 2 together, and again from 1 when nothing is in flight ($name)', ({ protocolVersion }) => {
  const rig = openRig();
  const subscriber = rig.subscriber('sub', 'a', 2, { protocolVersion });
  const publisher = rig.client('pub');
  for (const qos of [1, 2, 0, 1] as const) publisher.publish({ topic: 'a', qos });
  expect(idsOf(subscriber)).toEqual([1, 2, undefined, 3]);
  subscriber.puback(1).puback(3);
  publisher.publish({ topic: 'a', qos: 1 });
  expect(idsOf(subscriber)).toEqual([4]);
  subscriber.puback(4).pubrec(2).skip();
  publisher.publish({ topic: 'a', qos: 1 });
  expect(idsOf(subscriber)).toEqual([5]); // 2 is in flight until PUBCOMP
  subscriber.puback(5).pubcomp(2);
  publisher.publish({ topic: 'a', qos: 2 });
  expect(idsOf(subscriber)).toEqual([1]);
});

test('are each session’s own', () => {
  const rig = openRig();
  const subscribers = ['x', 'y', 'z'].map((id) => rig.subscriber(id, 'a', 1));
  rig.client('pub').publish({ topic: 'a', qos: 1 }).publish({ topic: 'a', qos: 1 });
  expect(subscribers.map(idsOf)).toEqual([[1, 2], [1, 2], [1, 2]]);
});

test.each(both)('v5 [MQTT-2.2.1-4] those of a resumed session count as in use; new ones go on behind them ($name)', ({ protocolVersion }) => {
  const rig = openRig();
  const subscriber = rig.resumable('sub', { protocolVersion }).subscribe('a', { qos: 2 }).skip();
  const publisher = rig.client('pub');
  for (const payload of numbered(4)) publisher.publish({ topic: 'a', payload, qos: 2 });
  subscriber.skip().pubrec(1).pubcomp(1).pubrec(3).drop();
  publisher.publish({ topic: 'a', payload: '5', qos: 1 });
  const again = rig.resumable('sub', { protocolVersion });
  expect(short(again.received())).toEqual(['pubrel 3', 'publish 2 2', 'publish 4 4', 'publish 5 5']);
  again.pubcomp(3).pubrec(2).pubcomp(2).pubrec(4).pubcomp(4).puback(5).skip();
  publisher.publish({ topic: 'a', payload: '6', qos: 1 });
  expect(short(again.received())).toEqual(['publish 1 6']);
});

test.each([
  ['that ends with its connection', true],
  ['that is resumable', false],
])('v5 [MQTT-2.2.1-4] v3.1.1 [MQTT-2.3.1-4] behind 65,535 comes the first one that is free, in a session %s', (_what, clean) => {
  const rig = openRig({ inflightMax: 1000 });
  const subscriber = rig.subscriber('sub', 'a', 1, { protocolVersion: 4, clean });
  publishMany(rig, 4);
  expect(receivedHex(subscriber)).toBe(publishHex([1, 2, 3, 4]));
  subscriber.puback(3); // 1, 2 and 4 stay in flight all along
  let last = 4;
  while (last < packetIdMax) {
    const count = Math.min(900, packetIdMax - last);
    publishMany(rig, count);
    const ids = range(last + 1, last + count);
    expect(receivedHex(subscriber)).toBe(publishHex(ids));
    subscriber.sendsBytes(pubacks(ids));
    last += count;
  }
  publishMany(rig, 3);
  expect(receivedHex(subscriber)).toBe(publishHex([3, 5, 6]));
  expect(rig.stats.inflightMessages).toBe(6);
});

test.each([
  ['that ends with its connection', true],
  ['that is resumable', false],
])('when all 65,535 are in flight, messages wait for one, in a session %s', (_what, clean) => {
  const rig = openRig({ inflightMax: packetIdMax, queueMessagesMax: 100_000 });
  const subscriber = rig.subscriber('sub', 'a', 1, { protocolVersion: 4, clean });
  publishMany(rig, packetIdMax + 3);
  expect(receivedHex(subscriber)).toBe(publishHex(range(1, packetIdMax)));
  expect(rig.stats).toMatchObject({ inflightMessages: packetIdMax, queuedMessages: 3 });
  subscriber.puback(40_000);
  expect(receivedHex(subscriber)).toBe(publishHex([40_000]));
  subscriber.puback(packetIdMax).puback(1);
  expect(receivedHex(subscriber)).toBe(publishHex([packetIdMax, 1]));
  expect(rig.stats).toMatchObject({ inflightMessages: packetIdMax, queuedMessages: 0 });
  subscriber.sendsBytes(pubacks(range(1, packetIdMax)));
  expect(rig.stats.inflightMessages).toBe(0);
  publishMany(rig, 2);
  expect(receivedHex(subscriber)).toBe(publishHex([1, 2]));
});

test('a full identifier space of a resumed session is sent again whole, in order', () => {
  const rig = openRig({ inflightMax: packetIdMax, queueMessagesMax: 100_000 });
  rig.subscriber('sub', 'a', 1, { protocolVersion: 4, clean: false }).drop();
  publishMany(rig, packetIdMax + 1);
  const first = rig.client('sub', { protocolVersion: 4, clean: false });
  expect(receivedHex(first)).toBe(publishHex(range(1, packetIdMax)));
  first.drop();
  const again = rig.client('sub', { protocolVersion: 4, clean: false });
  expect(receivedHex(again)).toBe(publishHex(range(1, packetIdMax), 0x3a)); // with DUP
  again.puback(7);
  expect(receivedHex(again)).toBe(publishHex([7]));
});
