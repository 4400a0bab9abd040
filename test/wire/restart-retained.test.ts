/** Retained messages across brokers on one store. */
import { describe, expect, test } from '@jest/globals';
import { House, waysDown } from './house.js';
import { payloads, publishes } from './rig.js';

describe.each(waysDown)('after a %s', (down) => {
  test('[MQTT-3.3.1-5] each topic has its last message, with QoS and payload', async () => {
    const house = new House();
    const pub = house.rig.client('pub');
    for (const [topic, payload, qos] of [['a', 'old', 0], ['a', 'new', 2], ['b/c', '\u00fc', 1], ['$x', 'd', 0], ['/', 'e', 1]] as const) {
      pub.publish({ topic, payload, qos, retain: true });
    }
    const rig = await house[down]();
    expect(rig.stats.retainedMessages).toBe(4);
    const received = publishes(rig.client('sub').subscribe(['#', '$x'], { qos: 2 }));
    expect(Object.fromEntries(received.map(({ topic = '', payload, qos, retain }) => [topic, [payload, qos, retain]]))).toEqual({
      a: ['new', 2, true],
      'b/c': ['\u00fc', 1, true],
      $x: ['d', 0, true],
      '/': ['e', 1, true],
    });
  });
  test('[MQTT-3.3.1-6] what was cleared stays cleared', async () => {
    const house = new House();
    house.rig.client('pub').publish({ topic: 't', payload: 'x', retain: true }).publish({ topic: 't', payload: '', retain: true });
    const rig = await house[down]();
    expect(rig.stats).toMatchObject({ retainedMessages: 0, retainedBytes: 0 });
    expect(publishes(rig.client('sub').subscribe('t'))).toEqual([]);
  });
  test('v5 properties are kept, and expiry counts the time down', async () => {
    const house = new House();
    const properties = { contentType: 'c', userProperties: [['b', '1'], ['a', '2']] } as const;
    const pub = house.rig.client('pub');
    pub.publish({ topic: 'long', payload: 'x', retain: true, properties: { ...properties, messageExpiryInterval: 100 } });
    pub.publish({ topic: 'short', payload: 'x', retain: true, properties: { messageExpiryInterval: 30 } });
    house.rig.clock.advance(10_000);
    const rig = await house[down](25);
    rig.clock.advance(5000);
    expect(publishes(rig.client('sub').subscribe('#'))).toMatchObject([{ topic: 'long', properties: { ...properties, messageExpiryInterval: 60 } }]);
    expect(rig.stats.retainedMessages).toBe(1);
    rig.clock.advance(60_000);
    expect(rig.stats.retainedMessages).toBe(0);
  });
  test('the publisher is remembered: No Local withholds its own', async () => {
    const house = new House();
    house.rig.client('a').publish({ topic: 't', payload: 'own', retain: true });
    const rig = await house[down]();
    expect(publishes(rig.client('a').subscribe([{ topic: 't', nl: true }]))).toEqual([]);
    expect(payloads(rig.client('b').subscribe([{ topic: 't', nl: true }]))).toEqual(['own']);
  });
  test('limits count what is there', async () => {
    const house = new House({ retainedMessagesMax: 2 });
    house.rig.client('pub').publish({ topic: '1', payload: 'x', retain: true }).publish({ topic: '2', payload: 'x', retain: true });
    const { retainedBytes } = house.rig.stats;
    const rig = await house[down]();
    expect(rig.stats.retainedBytes).toBe(retainedBytes);
    const pub = rig.client('pub').publish({ topic: '3', payload: 'x', qos: 1, retain: true });
    expect(pub.received()).toMatchObject([{ type: 'puback', reasonCode: 0x97 }]);
    expect(pub.publish({ topic: '2', payload: 'y', qos: 1, retain: true }).received()).toMatchObject([{ reasonCode: 0x10 }]);
  });
  test('they are of no session: v3.1.1 [MQTT-3.1.2-7] that of their publisher may be gone', async () => {
    const house = new House();
    house.rig.resumable('a').publish({ topic: 't', payload: 'x', retain: true });
    house.rig.client('a', { clean: true }).disconnect();
    const rig = await house[down]();
    expect(payloads(rig.client('b', { protocolVersion: 4 }).subscribe('t'))).toEqual(['x']);
  });
  test('those that were being handed to a subscription are handed on again, from the beginning, and then no more', async () => {
    const house = new House();
    const pub = house.rig.client('pub');
    for (const topic of ['1', '2', '3']) pub.publish({ topic, payload: topic, qos: 1, retain: true });
    const properties = { receiveMaximum: 1 };
    house.rig.resumable('a', { properties }).subscribe('#', { qos: 1 });
    const rig = await house[down]();
    const again = rig.resumable('a', { properties });
    const seen: (string | undefined)[] = [];
    for (;;) {
      const [publish] = publishes(again);
      if (publish === undefined) break;
      seen.push(`${publish.payload ?? ''}${publish.dup === true ? ' again' : ''}`);
      again.puback(publish.packetId ?? 0);
    }
    expect(seen).toEqual(['1 again', '1', '2', '3']);
    const after = await house[down]();
    expect(publishes(after.resumable('a'))).toEqual([]);
  });
  test('thousands of them, page by page', async () => {
    const house = new House();
    const pub = house.rig.client('pub');
    for (let index = 0; index < 1234; index += 1) pub.publish({ topic: `t/${index}`, payload: String(index), retain: true });
    const rig = await house[down]();
    expect(rig.stats.retainedMessages).toBe(1234);
    expect(new Set(payloads(rig.client('sub').subscribe('t/+'))).size).toBe(1234);
  });
});
