/** QoS 2 from a client: one message for each identifier between its first PUBLISH and its PUBREL. */
import { expect, test } from '@jest/globals';
import { both, numbered, openRig, payloads, short, three } from './rig.js';

test.each(both)('v5 [MQTT-4.3.3-8] [MQTT-4.3.3-11] v3.1.1 [MQTT-4.3.3-2] PUBLISH, PUBREC, PUBREL, PUBCOMP; delivered at PUBLISH ($name)', ({ protocolVersion }) => {
  const rig = openRig();
  const [subscriber, publisher] = [rig.subscriber('sub', 'a', 2), rig.client('pub', { protocolVersion })];
  publisher.publish({ topic: 'a', payload: 'x', qos: 2, packetId: 300 });
  expect(short(publisher.received())).toEqual(['pubrec 300']);
  expect(short(subscriber.received())).toEqual(['publish 1 x']);
  expect(publisher.pubrel(300).receivedHex()).toBe('70 02 01 2c');
  expect(subscriber.received()).toEqual([]);
});

test.each(both)('v5 [MQTT-4.3.3-10] v3.1.1 [MQTT-4.3.3-2] a repeated PUBLISH gets PUBREC again and is delivered once, whatever DUP says ($name)', ({ protocolVersion }) => {
  const rig = openRig();
  const [subscriber, publisher] = [rig.subscriber('sub', 'a', 2), rig.client('pub', { protocolVersion })];
  publisher.publish({ topic: 'a', payload: 'x', qos: 2, packetId: 1 });
  for (const dup of [true, false, true]) publisher.publish({ topic: 'a', payload: 'x', qos: 2, packetId: 1, dup });
  expect(short(publisher.received())).toEqual(['pubrec 1', 'pubrec 1', 'pubrec 1', 'pubrec 1']);
  expect(payloads(subscriber)).toEqual(['x']);
  expect(short(publisher.pubrel(1).received())).toEqual(['pubcomp 1']);
});

test.each(both)('v5 [MQTT-4.3.3-12] v3.1.1 [MQTT-4.3.3-2] after PUBREL the identifier stands for a new message ($name)', ({ protocolVersion }) => {
  const rig = openRig();
  const [subscriber, publisher] = [rig.subscriber('sub', 'a', 0), rig.client('pub', { protocolVersion })];
  for (const payload of numbered(3)) {
    publisher.publish({ topic: 'a', payload, qos: 2, packetId: 1, dup: true }).pubrel(1);
    expect(short(publisher.received())).toEqual(['pubrec 1', 'pubcomp 1']);
  }
  expect(payloads(subscriber)).toEqual(numbered(3));
});

test('v5 X5-3.6.2.1-1 a PUBREL for an unknown identifier gets PUBCOMP 0x92, and the connection stays', () => {
  const rig = openRig();
  const publisher = rig.client('pub');
  expect(publisher.pubrel(77).received()).toEqual([{ type: 'pubcomp', packetId: 77, reasonCode: 0x92 }]);
  publisher.publish({ topic: 'a', qos: 2, packetId: 1 }).pubrel(1).pubrel(1).pingreq();
  expect(short(publisher.received())).toEqual(['pubrec 1 0x10', 'pubcomp 1', 'pubcomp 1 0x92', 'pingresp']);
});

test.each(three.slice(0, 2))('v3.1.1 [MQTT-4.3.3-2] a PUBREL for an unknown identifier gets PUBCOMP ($name)', ({ protocolVersion }) => {
  const rig = openRig();
  const publisher = rig.client('pub', { protocolVersion });
  expect(publisher.pubrel(77).receivedHex()).toBe('70 02 00 4d');
  expect(short(publisher.pingreq().received())).toEqual(['pingresp']);
});

test('v5 PUBREL with an error code releases the identifier all the same', () => {
  const rig = openRig();
  const [subscriber, publisher] = [rig.subscriber('sub', 'a'), rig.client('pub')];
  publisher.publish({ topic: 'a', payload: '1', qos: 2, packetId: 1 }).pubrel(1, 0x92);
  publisher.publish({ topic: 'a', payload: '2', qos: 2, packetId: 1 });
  expect(short(publisher.received())).toEqual(['pubrec 1', 'pubcomp 1', 'pubrec 1']);
  expect(payloads(subscriber)).toEqual(['1', '2']);
});

test.each(both)('v5 [MQTT-4.3.3-10] v3.1.1 [MQTT-4.3.3-2] the identifier is remembered over connections of a session that lasts ($name)', ({ protocolVersion }) => {
  const rig = openRig();
  const subscriber = rig.subscriber('sub', 'a', 2);
  rig.resumable('pub', { protocolVersion }).publish({ topic: 'a', payload: 'x', qos: 2, packetId: 8 }).drop();
  const again = rig.resumable('pub', { protocolVersion });
  again.publish({ topic: 'a', payload: 'x', qos: 2, packetId: 8, dup: true });
  expect(short(again.received())).toEqual(['pubrec 8']);
  // Nor is it forgotten by a connection that did not mention it, or that took over from one that stands.
  const third = rig.resumable('pub', { protocolVersion });
  third.publish({ topic: 'a', payload: 'x', qos: 2, packetId: 8, dup: true }).pubrel(8);
  expect(short(third.received())).toEqual(['pubrec 8', 'pubcomp 8']);
  third.publish({ topic: 'a', payload: 'new', qos: 2, packetId: 8 });
  expect(payloads(subscriber)).toEqual(['x', 'new']);
});

test.each(both)('a session that ends forgets its identifiers ($name)', ({ protocolVersion }) => {
  const rig = openRig();
  const subscriber = rig.subscriber('sub', 'a', 2);
  for (const payload of ['1', '2']) {
    rig.client('pub', { protocolVersion }).publish({ topic: 'a', payload, qos: 2, packetId: 8, dup: true }).drop();
  }
  expect(payloads(subscriber)).toEqual(['1', '2']);
});

test('v5 [MQTT-4.3.3-9] after PUBREC with an error the identifier is free: the next PUBLISH is a new message', () => {
  const rig = openRig({ authorize: (_client, { type, topic }) => type !== 'publish' || topic === 'a' });
  const [subscriber, publisher] = [rig.subscriber('sub', '#', 2), rig.client('pub')];
  publisher.publish({ topic: 'denied', payload: 'x', qos: 2, packetId: 4 });
  publisher.publish({ topic: 'a', payload: 'y', qos: 2, packetId: 4 }).pubrel(4);
  expect(short(publisher.received())).toEqual(['pubrec 4 0x87', 'pubrec 4', 'pubcomp 4']);
  expect(payloads(subscriber)).toEqual(['y']);
});

test('v5 [MQTT-4.3.3-13] the exchange is completed after the message has expired', () => {
  const rig = openRig();
  const publisher = rig.client('pub').publish({ topic: 'a', qos: 2, packetId: 1, properties: { messageExpiryInterval: 1 } });
  rig.clock.advance(60_000);
  expect(short(publisher.pubrel(1).received())).toEqual(['pubrec 1 0x10', 'pubcomp 1']);
});

test('identifiers of the two directions are independent: v5 X5-2.2.1-1', () => {
  const rig = openRig();
  const client = rig.subscriber('a', 't', 2);
  client.publish({ topic: 't', payload: 'x', qos: 2, packetId: 1 });
  expect(short(client.received())).toEqual(['pubrec 1', 'publish 1 x']);
  expect(short(client.pubrec(1).pubrel(1).pubcomp(1).received())).toEqual(['pubrel 1', 'pubcomp 1']);
  expect(rig.stats.inflightMessages).toBe(0);
});
