/** A client's Maximum Packet Size: what is larger is not sent to it, and that is all that happens. */
import { expect, test } from '@jest/globals';
import type { WireClient } from '../../src/testing/index.js';
import { openRig, payloads, publishes, short } from './rig.js';
import type { Rig } from './rig.js';

/** A 5.0 PUBLISH to topic `a`: 2 + 3 + (2) + 1 bytes and its payload. */
const limited = (rig: Rig, maximumPacketSize: number, qos: 0 | 1 | 2 = 2): WireClient =>
  rig.subscriber('sub', 'a', qos, { properties: { maximumPacketSize } });

test.each([0, 1, 2] as const)('v5 [MQTT-3.1.2-24] X5-3.1.2.11.4-1 the whole packet counts: exact is sent, one byte more is not, at QoS %i', (qos) => {
  const rig = openRig();
  const subscriber = limited(rig, 50);
  const publisher = rig.client('pub');
  const fits = 50 - 6 - (qos > 0 ? 2 : 0);
  publisher.publish({ topic: 'a', payload: 'x'.repeat(fits), qos }).publish({ topic: 'a', payload: 'y'.repeat(fits + 1), qos });
  const hex = subscriber.receivedHex();
  expect(hex.split(' ')).toHaveLength(50);
  expect(rig.dropped).toEqual(['tooLarge a sub']);
  expect([rig.errors, subscriber.closed]).toEqual([[], false]);
});

test('v5 [MQTT-3.1.2-25] it counts as delivered: no place of the window is lost, the publisher is not told, nothing stays', () => {
  const rig = openRig();
  const subscriber = rig.resumable('sub', { properties: { maximumPacketSize: 50, receiveMaximum: 1 } }).subscribe('a', { qos: 2 }).skip();
  const publisher = rig.client('pub');
  for (let round = 0; round < 5; round += 1) publisher.publish({ topic: 'a', payload: 'x'.repeat(100), qos: 2 });
  publisher.publish({ topic: 'a', payload: 'fits', qos: 1 });
  expect(publisher.received().every(({ reasonCode }) => reasonCode === 0)).toBe(true);
  expect(short(subscriber.received())).toEqual(['publish 1 fits']);
  expect(rig.stats).toMatchObject({ queuedMessages: 0, inflightMessages: 1, dropped: { tooLarge: 5 } });
  subscriber.puback(1).drop();
  expect(rig.resumable('sub').received()).toEqual([]); // no second try with a larger limit
  expect(rig.stats.memoryBytes).toBe(0);
});

test('v5 [MQTT-3.1.2-24] what the subscription adds counts: identifiers', () => {
  const rig = openRig();
  const subscriber = rig.client('sub', { properties: { maximumPacketSize: 50 } });
  subscriber.subscribe('a', { properties: { subscriptionIdentifier: 268_435_455 } }).skip(); // 5 bytes
  const publisher = rig.client('pub');
  publisher.publish({ topic: 'a', payload: 'x'.repeat(39) }).publish({ topic: 'a', payload: 'y'.repeat(40) });
  expect(payloads(subscriber)).toEqual(['x'.repeat(39)]);
});

test('v5 [MQTT-3.1.2-24] a topic alias is left out where it would be too much, and used where it makes room', () => {
  const rig = openRig();
  const subscriber = rig.subscriber('sub', '#', 0, { properties: { maximumPacketSize: 50, topicAliasMaximum: 5 } });
  const publisher = rig.client('pub');
  publisher.publish({ topic: 'a', payload: 'x'.repeat(44) }); // 50 bytes without the 3 of an alias
  publisher.publish({ topic: 'a', payload: 'y'.repeat(41) }); // 50 with
  publisher.publish({ topic: 'a', payload: 'z'.repeat(42) }); // 50 with the alias alone
  const sent = publishes(subscriber);
  expect(sent.map(({ topic, properties }) => [topic, properties?.topicAlias])).toEqual([['a', undefined], ['a', 1], ['', 1]]);
});

test('v5 queued and retained messages are measured when they would be sent', () => {
  const rig = openRig();
  rig.resumable('sub').subscribe('a', { qos: 1 }).drop();
  const publisher = rig.client('pub');
  publisher.publish({ topic: 'a', payload: 'x'.repeat(100), qos: 1 }).publish({ topic: 'a', payload: 'fits', qos: 1 });
  publisher.publish({ topic: 'r', payload: 'x'.repeat(100), retain: true });
  const again = rig.resumable('sub', { properties: { maximumPacketSize: 50 } });
  expect(payloads(again)).toEqual(['fits']);
  expect(payloads(again.subscribe('r'))).toEqual([]);
  expect(rig.dropped).toEqual(['tooLarge a sub', 'tooLarge r sub']);
  expect(payloads(rig.client('other').subscribe('r'))).toEqual(['x'.repeat(100)]);
});

test('v5 one client’s limit is nobody else’s', () => {
  const rig = openRig();
  const small = limited(rig, 20);
  const large = rig.subscriber('large', 'a', 2);
  const old = rig.subscriber('old', 'a', 2, { protocolVersion: 4 });
  rig.client('pub').publish({ topic: 'a', payload: 'x'.repeat(5000), qos: 2 });
  expect([small, large, old].map((client) => payloads(client).length)).toEqual([0, 1, 1]);
});

test('v5 [MQTT-3.3.2-17] user properties of a message are never left out to make it fit', () => {
  const rig = openRig();
  const subscriber = limited(rig, 50);
  rig.client('pub').publish({ topic: 'a', payload: 'x', properties: { userProperties: [['k'.repeat(30), 'v'.repeat(30)]] } });
  expect(subscriber.received()).toEqual([]);
  expect(rig.stats.dropped.tooLarge).toBe(1);
});

test('v5 [MQTT-3.1.2-24] acknowledgements, SUBACK and PINGRESP fit into any limit that a client can live with', () => {
  const rig = openRig();
  const client = rig.client('c', { properties: { maximumPacketSize: 40 } });
  client.subscribe(['a', 'b', 'c'], { packetId: 1 }).publish({ topic: 'x', qos: 1, packetId: 2 }).unsubscribe('a', { packetId: 3 }).pingreq();
  expect(short(client.received())).toEqual(['suback 1 0x00 0x00 0x00', 'puback 2 0x10', 'unsuback 3 0x00', 'pingresp']);
});

test('v5 a PUBLISH at the largest size that the broker takes reaches those without a limit', () => {
  const rig = openRig({ packetBytesMax: 2 ** 20 });
  const subscriber = rig.subscriber('sub', 'a', 1);
  const payload = 'x'.repeat(2 ** 20 - 1 - 3 - 3 - 2 - 1);
  rig.client('pub').publish({ topic: 'a', payload, qos: 1 });
  expect(payloads(subscriber)).toEqual([payload]);
});

test('payloads of every size around the copying limits arrive unaltered', () => {
  const rig = openRig();
  const clients = [rig.subscriber('five', '#', 1), rig.subscriber('four', '#', 1, { protocolVersion: 4 }), rig.subscriber('zero', '#', 0)];
  const publisher = rig.client('pub');
  const sizes = [0, 1, 2, 63, 64, 65, 127, 128, 2047, 2048, 2049, 16_383, 16_384, 16_385, 70_000, 300_000];
  for (const size of sizes) publisher.publish({ topic: 'a', payload: String(size).repeat(size).slice(0, size), qos: 1, packetId: 1 });
  for (const client of clients) {
    expect(payloads(client)).toEqual(sizes.map((size) => String(size).repeat(size).slice(0, size)));
  }
});
