/** The will as it is published: topic, payload, QoS, RETAIN and every property, to each version. */
import { describe, expect, test } from '@jest/globals';
import type { WireConnect } from '../../src/testing/index.js';
import { openRig, payloads, publishes, three } from './rig.js';
import type { Rig } from './rig.js';

type Will = NonNullable<WireConnect['will']>;

/** A client with this will that is gone again. */
const leave = (rig: Rig, will: Will, options = {}): void => void rig.client('dying', { will, ...options }).drop();

describe.each(three)('$name', ({ protocolVersion }) => {
  test('[MQTT-3.1.2-8] is published when the connection closes, and not before', () => {
    const rig = openRig();
    const watcher = rig.subscriber('watcher', 'w/+', 2);
    const client = rig.client('a', { protocolVersion, will: { topic: 'w/a', payload: 'gone' } });
    rig.clock.advance(60_000);
    expect(watcher.received()).toEqual([]);
    client.drop();
    expect(watcher.received()).toEqual([{ type: 'publish', topic: 'w/a', payload: 'gone', qos: 0, retain: false, dup: false }]);
    expect(rig.stats.willsPublished).toBe(1);
  });

  test.each([0, 1, 2] as const)('QoS %i is that of the publish', (qos) => {
    const rig = openRig();
    const watcher = rig.subscriber('watcher', 'w', 2);
    leave(rig, { topic: 'w', payload: 'x', qos }, { protocolVersion });
    expect(publishes(watcher)).toMatchObject([{ qos }]);
  });

  test('[MQTT-3.1.2-14] [MQTT-3.1.2-15], v3.1.1 [MQTT-3.1.2-16] [MQTT-3.1.2-17] is retained as its flag says', () => {
    for (const retain of [false, true]) {
      const rig = openRig();
      const live = rig.client('live').subscribe([{ topic: 'w', rap: true }]).skip();
      leave(rig, { topic: 'w', payload: 'x', retain }, { protocolVersion });
      expect(publishes(live)).toMatchObject([{ retain }]);
      const late = rig.client('late').subscribe('w');
      expect(publishes(late).map((packet) => packet.retain)).toEqual(retain ? [true] : []);
    }
  });

  test('[MQTT-3.1.2-10] is published once: the next connection of the client has none', () => {
    const rig = openRig();
    const watcher = rig.subscriber('watcher', 'w');
    leave(rig, { topic: 'w', payload: 'x' }, { protocolVersion });
    rig.client('dying', { protocolVersion }).drop();
    expect(payloads(watcher)).toEqual(['x']);
  });

  test('may be empty, of any bytes, and 65,535 of them', () => {
    const rig = openRig();
    const watcher = rig.subscriber('watcher', 'w');
    leave(rig, { topic: 'w', payload: '' }, { protocolVersion });
    leave(rig, { topic: 'w', payload: Buffer.from('00ff80', 'hex') }, { protocolVersion });
    leave(rig, { topic: 'w', payload: 'x'.repeat(65_535) }, { protocolVersion });
    expect(payloads(watcher).map((payload) => payload?.slice(0, 8))).toEqual(['', '0x00ff80', 'xxxxxxxx']);
  });

  test('[MQTT-3.3.1-6] an empty one with RETAIN clears the retained message, and is delivered', () => {
    const rig = openRig();
    rig.client('pub').publish({ topic: 'w', payload: 'old', retain: true });
    const watcher = rig.subscriber('watcher', 'w');
    leave(rig, { topic: 'w', payload: '', retain: true }, { protocolVersion });
    expect(payloads(watcher)).toEqual(['']);
    expect(rig.stats.retainedMessages).toBe(0);
  });

  test('waits in the queue of an absent subscriber', () => {
    const rig = openRig();
    rig.resumable('watcher').subscribe('w', { qos: 1 }).drop();
    leave(rig, { topic: 'w', payload: 'x', qos: 1 }, { protocolVersion });
    expect(payloads(rig.resumable('watcher'))).toEqual(['x']);
  });

  test('reaches all three versions', () => {
    const rig = openRig();
    const watchers = three.map(({ name, protocolVersion: version }) => rig.subscriber(name, 'w', 1, { protocolVersion: version }));
    leave(rig, { topic: 'w', payload: 'x', qos: 1 }, { protocolVersion });
    for (const watcher of watchers) expect(payloads(watcher)).toEqual(['x']);
  });
});

describe('v5 properties', () => {
  const properties = {
    payloadFormatIndicator: true,
    messageExpiryInterval: 60,
    contentType: 'text/plain',
    responseTopic: 'reply/to',
    correlationData: 'c1',
    userProperties: [['b', '1'], ['a', '2'], ['b', '1'], ['', '']],
  } as const;

  test('[MQTT-3.1.3-10] all of them are published, user properties in their order; Will Delay is not', () => {
    const rig = openRig();
    const watcher = rig.subscriber('watcher', 'w');
    const will = { topic: 'w', payload: 'x', properties: { ...properties, willDelayInterval: 5 } };
    rig.resumable('a', { will }).drop();
    rig.clock.advance(5000);
    expect(publishes(watcher)).toMatchObject([{ payload: 'x' }]);
    rig.resumable('a', { will }).drop();
    rig.clock.advance(5000);
    const [packet] = publishes(watcher);
    expect(packet?.properties).toEqual(properties);
  });
  test('[MQTT-3.3.2-4] Payload Format Indicator 0 is forwarded as sent', () => {
    const rig = openRig();
    const watcher = rig.subscriber('watcher', 'w');
    leave(rig, { topic: 'w', payload: 'x', properties: { payloadFormatIndicator: false } });
    expect(publishes(watcher)[0]?.properties).toEqual({ payloadFormatIndicator: false });
  });
  test('[X5-3.1.3.2.4-1] message expiry begins with the publish, not with CONNECT or the close', () => {
    const rig = openRig();
    const watcher = rig.subscriber('watcher', 'w');
    rig.resumable('absent').subscribe('w', { qos: 1 }).drop();
    const will = { topic: 'w', payload: 'x', qos: 1, properties: { messageExpiryInterval: 10, willDelayInterval: 100 } } as const;
    const client = rig.resumable('a', { will });
    rig.clock.advance(1_000_000);
    client.drop();
    rig.clock.advance(100_000);
    expect(publishes(watcher)).toMatchObject([{ properties: { messageExpiryInterval: 10 } }]);
    rig.clock.advance(4000);
    expect(publishes(rig.resumable('absent'))).toMatchObject([{ properties: { messageExpiryInterval: 6 } }]);
  });
  test('[X5-3.3.1.3-1] a retained will expires like any retained message', () => {
    const rig = openRig();
    leave(rig, { topic: 'w', payload: 'x', retain: true, properties: { messageExpiryInterval: 10 } });
    rig.clock.advance(9_999);
    expect(rig.stats.retainedMessages).toBe(1);
    rig.clock.advance(1);
    expect(rig.stats.retainedMessages).toBe(0);
  });
  test('towards 3.1.1 they are left out', () => {
    const rig = openRig();
    const watcher = rig.subscriber('watcher', 'w', 0, { protocolVersion: 4 });
    leave(rig, { topic: 'w', payload: 'x', properties });
    expect(watcher.receivedHex()).toBe('30 04 00 01 77 78');
  });
});

test('a retained will beyond the limits of the retained store is delivered, not kept; the old one goes', () => {
  const rig = openRig({ retainedBytesMax: 10 });
  rig.client('pub').publish({ topic: 'w', payload: 'old', retain: true });
  const watcher = rig.subscriber('watcher', 'w').skip();
  leave(rig, { topic: 'w', payload: 'x'.repeat(50), retain: true });
  expect(publishes(watcher)).toHaveLength(1);
  expect(rig.stats.retainedMessages).toBe(0);
});

test('topic aliases towards subscribers go on through wills', () => {
  const rig = openRig();
  const watcher = rig.subscriber('watcher', '#', 0, { properties: { topicAliasMaximum: 5 } });
  leave(rig, { topic: 'w', payload: '1' });
  leave(rig, { topic: 'w', payload: '2' });
  expect(publishes(watcher)).toMatchObject([
    { topic: 'w', properties: { topicAlias: 1 } },
    { topic: '', properties: { topicAlias: 1 } },
  ]);
});

test('the event tells message and client; the publish event has no client', () => {
  const rig = openRig();
  const heard: unknown[] = [];
  rig.broker.on('will', ({ topic, qos, retain }, clientId) => heard.push(['will', topic, qos, retain, clientId]));
  rig.broker.on('publish', ({ topic }, client) => heard.push(['publish', topic, client]));
  leave(rig, { topic: 'w', payload: 'x', qos: 1, retain: true });
  expect(heard).toEqual([['will', 'w', 1, true, 'dying'], ['publish', 'w', undefined]]);
});
