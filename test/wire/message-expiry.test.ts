/** Message Expiry Interval: what is left of it goes out with the message; what has passed it does not go out. */
import { expect, test } from '@jest/globals';
import type { WireClient } from '../../src/testing/index.js';
import { openRig, payloads, publishes } from './rig.js';
import type { Rig } from './rig.js';

const intervals = (client: WireClient): (number | undefined)[] =>
  publishes(client).map(({ properties }) => properties?.messageExpiryInterval);

function send(rig: Rig, messageExpiryInterval: number, qos: 0 | 1 | 2, payload = 'x'): WireClient {
  return rig.client('pub').publish({ topic: 'a', payload, qos, properties: { messageExpiryInterval } });
}

test.each([0, 1, 2] as const)('v5 [MQTT-3.3.2-6] a live message goes out with the interval it came with, at QoS %i', (qos) => {
  const rig = openRig();
  const subscriber = rig.subscriber('sub', 'a', 2);
  const lasting = rig.resumable('lasting').subscribe('a', { qos: 2 }).skip();
  const values = [1, 10, 3600, 4_294_967_295];
  for (const value of values) send(rig, value, qos);
  expect(intervals(subscriber)).toEqual(values);
  expect(intervals(lasting)).toEqual(values);
});

test.each([1, 2] as const)('v5 [MQTT-3.3.2-6] a queued message goes out with what is left, at QoS %i', (qos) => {
  const rig = openRig();
  rig.resumable('sub').subscribe('a', { qos: 2 }).drop();
  send(rig, 10, qos);
  rig.clock.advance(3000);
  send(rig, 100, qos);
  rig.clock.advance(1000);
  expect(intervals(rig.resumable('sub'))).toEqual([6, 99]);
});

test('v5 [MQTT-3.3.2-6] parts of a second count up, so that it is never 0 while the message lives', () => {
  const rig = openRig();
  rig.resumable('sub').subscribe('a', { qos: 1 }).drop();
  send(rig, 2, 1);
  rig.clock.advance(1);
  const expected: readonly (readonly [number, number])[] = [[0, 2], [998, 2], [1, 1], [500, 1], [499, 1]];
  for (const [waitMs, left] of expected) {
    rig.clock.advance(waitMs);
    const subscriber = rig.resumable('sub');
    expect(intervals(subscriber)).toEqual([left]);
    subscriber.drop();
  }
});

test.each([1, 2] as const)('v5 [MQTT-3.3.2-5] what has expired in a queue is dropped, counted, and holds nothing, at QoS %i', (qos) => {
  const rig = openRig();
  rig.resumable('sub').subscribe('a', { qos: 2 }).drop();
  send(rig, 5, qos, 'short');
  send(rig, 500, qos, 'long');
  rig.clock.advance(5000);
  expect(payloads(rig.resumable('sub'))).toEqual(['long']);
  expect(rig.dropped).toEqual(['expired a sub']);
  expect(rig.stats).toMatchObject({ queuedMessages: 0, inflightMessages: 1, dropped: { expired: 1 } });
});

test('v5 [MQTT-3.3.2-5] it is per copy: one subscriber may have had it when it expires for another', () => {
  const rig = openRig();
  rig.resumable('away').subscribe('a', { qos: 1 }).drop();
  const slow = rig.subscriber('slow', 'a', 1, { properties: { receiveMaximum: 1 } });
  const quick = rig.subscriber('quick', 'a', 1);
  send(rig, 5, 1, '1');
  send(rig, 5, 1, '2');
  rig.clock.advance(6000);
  expect([payloads(quick), payloads(slow)]).toEqual([['1', '2'], ['1']]);
  expect(payloads(slow.puback(1))).toEqual([]);
  expect(payloads(rig.resumable('away'))).toEqual([]);
  expect(rig.stats.dropped.expired).toBe(3);
});

test('v5 [MQTT-3.3.2-6] in a window that was full the time of waiting counts', () => {
  const rig = openRig();
  const subscriber = rig.subscriber('sub', 'a', 1, { properties: { receiveMaximum: 1 } });
  send(rig, 100, 1);
  send(rig, 100, 1);
  expect(intervals(subscriber)).toEqual([100]);
  rig.clock.advance(40_000);
  expect(intervals(subscriber.puback(1))).toEqual([60]);
});

test('v5 [MQTT-4.3.3-7] what was sent does not expire: it is sent again with the second that is always left', () => {
  const rig = openRig();
  const subscriber = rig.resumable('sub').subscribe('a', { qos: 2 }).skip();
  send(rig, 5, 2);
  send(rig, 50, 1);
  expect(intervals(subscriber)).toEqual([5, 50]);
  subscriber.drop();
  rig.clock.advance(10_000);
  expect(intervals(rig.resumable('sub'))).toEqual([1, 40]);
  expect(rig.dropped).toEqual([]);
});

test('v5 [MQTT-3.3.2-6] retained messages go out with what is left', () => {
  const rig = openRig();
  rig.client('pub').publish({ topic: 'a', payload: 'x', retain: true, properties: { messageExpiryInterval: 60 } });
  for (const left of [60, 40, 20]) {
    expect(intervals(rig.client('sub').subscribe('a'))).toEqual([left]);
    rig.clock.advance(20_000);
  }
  expect(intervals(rig.client('sub').subscribe('a'))).toEqual([]);
});

test('v3.1.1 a 3.x subscriber sees no interval, and does not get what has expired', () => {
  const rig = openRig();
  rig.resumable('sub', { protocolVersion: 4 }).subscribe('a', { qos: 1 }).drop();
  send(rig, 5, 1, 'short');
  send(rig, 50, 1, 'long');
  rig.clock.advance(6000);
  const [message, ...more] = publishes(rig.resumable('sub', { protocolVersion: 4 }));
  expect([message, ...more]).toEqual([{ type: 'publish', topic: 'a', payload: 'long', qos: 1, retain: false, dup: false, packetId: 1 }]);
});

test.each([0, 1, 2] as const)('v5 [MQTT-3.3.2-6] an interval of 0 is for those who can be sent it at once, with 0, at QoS %i', (qos) => {
  const rig = openRig();
  const subscriber = rig.subscriber('sub', 'a', 2);
  const lasting = rig.resumable('lasting').subscribe('a', { qos: 2 }).skip();
  rig.resumable('away').subscribe('a', { qos: 2 }).drop();
  send(rig, 0, qos);
  expect([intervals(subscriber), intervals(lasting)]).toEqual([[0], [0]]);
  rig.clock.advance(1);
  expect(intervals(rig.resumable('away'))).toEqual([]);
});

test('the host’s own messages expire likewise', async () => {
  const rig = openRig();
  rig.resumable('sub').subscribe('a', { qos: 1 }).drop();
  void rig.broker.publish('a', 'short', { qos: 1, messageExpirySeconds: 5 });
  void rig.broker.publish('a', 'long', { qos: 1, messageExpirySeconds: 50 });
  rig.clock.advance(6000);
  expect(publishes(rig.resumable('sub'))).toMatchObject([{ payload: 'long', properties: { messageExpiryInterval: 44 } }]);
});

test('v5 time spent in a hook counts', async () => {
  let answer: (allowed: boolean) => void = () => undefined;
  const rig = openRig({ authorize: (_client, { type }) => type !== 'publish' || new Promise<boolean>((resolve) => (answer = resolve)) });
  const subscriber = rig.subscriber('sub', 'a', 1);
  send(rig, 20, 1);
  rig.clock.advance(5000);
  answer(true);
  await rig.settle();
  expect(intervals(subscriber)).toEqual([15]);
});

test('a message that expires while its delivery is being decided is not sent', async () => {
  let answer: (allowed: boolean) => void = () => undefined;
  const rig = openRig({ authorize: (_client, { type }) => type !== 'deliver' || new Promise<boolean>((resolve) => (answer = resolve)) });
  const subscriber = rig.subscriber('sub', 'a', 1);
  send(rig, 2, 1);
  rig.clock.advance(3000);
  answer(true);
  await rig.settle();
  expect(subscriber.received()).toEqual([]);
  expect(rig.dropped).toEqual(['expired a sub']);
});
