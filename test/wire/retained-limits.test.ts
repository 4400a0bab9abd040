/** Limits and expiry of retained messages. */
import { expect, test } from '@jest/globals';
import { openRig, payloads, publishes, short, three } from './rig.js';

test('v5 retainedMessagesMax: one topic more gets 0x97 and reaches nobody; a topic that has one may be replaced', () => {
  const rig = openRig({ retainedMessagesMax: 2 });
  const [subscriber, publisher] = [rig.subscriber('sub', '#', 2), rig.client('pub')];
  for (const topic of ['a', 'b', 'c']) publisher.publish({ topic, payload: topic, qos: 1, retain: true });
  publisher.publish({ topic: 'd', payload: 'd', qos: 2, retain: true, packetId: 4 });
  publisher.publish({ topic: 'a', payload: 'A', qos: 1, retain: true, packetId: 5 });
  publisher.publish({ topic: 'e', payload: 'e', qos: 1, packetId: 6 }); // not retained
  expect(short(publisher.received())).toEqual(['puback 1', 'puback 2', 'puback 3 0x97', 'pubrec 4 0x97', 'puback 5', 'puback 6']);
  expect(payloads(subscriber)).toEqual(['a', 'b', 'A', 'e']);
  expect(rig.dropped).toEqual(['quota c pub', 'quota d pub']);
  expect(rig.stats.retainedMessages).toBe(2);
});

test('a clear is never refused, and makes room', () => {
  const rig = openRig({ retainedMessagesMax: 1 });
  const publisher = rig.client('pub').publish({ topic: 'a', payload: 'a', qos: 1, retain: true, packetId: 1 });
  publisher.publish({ topic: 'nothing here', payload: '', qos: 1, retain: true, packetId: 2 });
  publisher.publish({ topic: 'a', payload: '', qos: 1, retain: true, packetId: 3 });
  publisher.publish({ topic: 'b', payload: 'b', qos: 1, retain: true, packetId: 4 });
  expect(publisher.received().map(({ reasonCode }) => reasonCode)).toEqual([0x10, 0x10, 0x10, 0x10]);
  expect(payloads(rig.client('sub').subscribe('#'))).toEqual(['b']);
});

test('retainedBytesMax counts topic, properties and payload; a replacement counts in place of the old one', () => {
  const rig = openRig({ retainedBytesMax: 100 });
  const publisher = rig.client('pub');
  const put = (topic: string, bytes: number, contentType?: string): number | undefined => {
    const properties = contentType === undefined ? {} : { properties: { contentType } };
    return publisher.publish({ topic, payload: 'x'.repeat(bytes), qos: 1, retain: true, ...properties }).last()?.reasonCode;
  };
  expect(put('a', 49)).toBe(0x10); // 50
  expect(put('bb', 49)).toBe(0x97); // 51
  expect(put('b', 39, 'text/html')).toBe(0x97); // 1 + 12 + 39
  expect(put('b', 37, 'text/html')).toBe(0x10);
  expect(rig.stats.retainedBytes).toBe(100);
  expect(put('c', 1)).toBe(0x97);
  expect(put('a', 49)).toBe(0x10);
  expect(put('a', 50)).toBe(0x97);
  expect(put('a', 10)).toBe(0x10);
  expect(rig.stats.retainedBytes).toBe(61);
});

test('v5 a QoS 0 message there is no room for is delivered live, not kept, and the old one goes', () => {
  const rig = openRig({ retainedBytesMax: 10 });
  const subscriber = rig.subscriber('sub', '#');
  const publisher = rig.client('pub').publish({ topic: 'a', payload: 'old', retain: true });
  publisher.publish({ topic: 'a', payload: 'far too large', retain: true });
  expect(payloads(subscriber)).toEqual(['old', 'far too large']);
  expect(rig.stats).toMatchObject({ retainedMessages: 0, retainedBytes: 0 });
  expect(payloads(rig.client('late').subscribe('#'))).toEqual([]);
});

test.each(three.slice(0, 2))('v3.1.1 [MQTT-4.8.0-2] 3.x is closed at QoS 1 and 2; at QoS 0 as 5.0 ($name)', ({ protocolVersion }) => {
  const rig = openRig({ retainedMessagesMax: 0 });
  const subscriber = rig.subscriber('sub', '#');
  for (const qos of [1, 2] as const) {
    const publisher = rig.client('pub', { protocolVersion }).publish({ topic: 'a', payload: 'x', qos, retain: true });
    expect([publisher.received(), publisher.closed]).toEqual([[], true]);
  }
  expect(payloads(subscriber)).toEqual([]);
  const publisher = rig.client('pub', { protocolVersion }).publish({ topic: 'a', payload: 'live', retain: true });
  expect([publisher.closed, payloads(subscriber), rig.stats.retainedMessages]).toEqual([false, ['live'], 0]);
});

test('the host is told: ODN_ERR_QUOTA, and nothing was published', async () => {
  const rig = openRig({ retainedMessagesMax: 0 });
  const subscriber = rig.subscriber('sub', '#', 1);
  await expect(rig.broker.publish('a', 'x', { qos: 1, retain: true })).rejects.toMatchObject({ code: 'ODN_ERR_QUOTA' });
  rig.clock.flush();
  expect(subscriber.received()).toEqual([]);
  await rig.broker.publish('a', 'live', { retain: true });
  rig.clock.flush();
  expect(payloads(subscriber)).toEqual(['live']);
});

test('v5 [MQTT-3.2.2-14] with retainAvailable false, RETAIN gets 0x9A and a close; 3.x a close', () => {
  const rig = openRig({ retainAvailable: false });
  const connack = rig.open().connect({ clientId: 'x' }).received()[0];
  expect(connack?.properties?.retainAvailable).toBe(false);
  const fifth = rig.client('five').publish({ topic: 'a', payload: 'x', retain: true });
  expect(fifth.received()).toMatchObject([{ type: 'disconnect', reasonCode: 0x9a }]);
  const fourth = rig.client('four', { protocolVersion: 4 }).publish({ topic: 'a', payload: 'x', retain: true });
  expect([fourth.received(), fourth.closed, rig.stats.retainedMessages]).toEqual([[], true, 0]);
});

// ---- Expiry ----

test('v5 X5-3.3.1.3-1 an expired retained message is gone: not sent, not counted, no deadline left', () => {
  const rig = openRig();
  const publisher = rig.client('pub');
  publisher.publish({ topic: 'a', payload: 'short', retain: true, properties: { messageExpiryInterval: 10 } });
  publisher.publish({ topic: 'b', payload: 'ever', retain: true });
  rig.clock.advance(9999);
  expect(publishes(rig.client('s').subscribe('a'))).toMatchObject([{ payload: 'short', properties: { messageExpiryInterval: 1 } }]);
  rig.clock.advance(1);
  expect(rig.stats).toMatchObject({ retainedMessages: 1, retainedBytes: 5 });
  expect(payloads(rig.client('s').subscribe('#'))).toEqual(['ever']);
});

test('v5 what replaces it has its own life; what is cleared leaves none', () => {
  const rig = openRig();
  const publisher = rig.client('pub');
  const put = (payload: string, messageExpiryInterval?: number): void =>
    void publisher.publish({ topic: 'a', payload, retain: true, properties: messageExpiryInterval === undefined ? {} : { messageExpiryInterval } });
  put('first', 10);
  rig.clock.advance(5000);
  put('second', 10);
  rig.clock.advance(6000);
  expect(publishes(rig.client('s').subscribe('a'))).toMatchObject([{ payload: 'second', properties: { messageExpiryInterval: 4 } }]);
  put('third');
  rig.clock.advance(60_000);
  expect(payloads(rig.client('s').subscribe('a'))).toEqual(['third']);
  put('fourth', 10);
  put('');
  put('fifth');
  rig.clock.advance(60_000);
  expect(payloads(rig.client('s').subscribe('a'))).toEqual(['fifth']);
});

test('an expiry beyond what a timer can hold is kept', () => {
  const rig = openRig();
  rig.client('pub').publish({ topic: 'a', payload: 'x', retain: true, properties: { messageExpiryInterval: 4_294_967_295 } });
  rig.clock.advance(30 * 24 * 3600 * 1000);
  const [message] = publishes(rig.client('s').subscribe('a'));
  expect(message?.properties?.messageExpiryInterval).toBe(4_294_967_295 - 30 * 24 * 3600);
});
