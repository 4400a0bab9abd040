/** The broker's own Receive Maximum: QoS 1 and 2 that a client may have unacknowledged towards it. */
import { expect, test } from '@jest/globals';
import { openRig, payloads, short, three } from './rig.js';

const exceeded = [{ type: 'disconnect', reasonCode: 0x93 }];

test('v5 is announced in CONNACK: 1000, or what the option says, or less for one client', () => {
  const announced = (rig = openRig(), clientId = 'c'): unknown =>
    rig.open().connect({ clientId }).received()[0]?.properties?.receiveMaximum;
  expect(announced()).toBe(1000);
  expect(announced(openRig({ receiveMaximum: 7 }))).toBe(7);
  const rig = openRig({
    receiveMaximum: 7,
    authenticate: ({ clientId }) => ({ action: 'allow', limits: { receiveMaximum: clientId === 'few' ? 2 : 100 } }),
  });
  expect(announced(rig, 'few')).toBe(2);
  expect(announced(rig, 'many')).toBe(7);
  const few = rig.client('few');
  for (let packetId = 1; packetId <= 3; packetId += 1) few.publish({ topic: 'a', qos: 2, packetId });
  expect(few.received().at(-1)).toMatchObject({ type: 'disconnect', reasonCode: 0x93 });
});

test('v5 [MQTT-3.3.4-7] X5-3.3.4-2 one QoS 2 PUBLISH too many gets 0x93 and a close, and is not delivered', () => {
  const rig = openRig({ receiveMaximum: 3 });
  const [subscriber, publisher] = [rig.subscriber('sub', 'a'), rig.client('pub')];
  for (const payload of ['1', '2', '3']) publisher.publish({ topic: 'a', payload, qos: 2 });
  expect(short(publisher.received())).toEqual(['pubrec 1', 'pubrec 2', 'pubrec 3']);
  publisher.publish({ topic: 'a', payload: '4', qos: 2 });
  expect(publisher.received()).toMatchObject(exceeded);
  expect(publisher.closed).toBe(true);
  expect(payloads(subscriber)).toEqual(['1', '2', '3']);
});

test('v5 QoS 1 counts beside QoS 2; QoS 0 does not count', () => {
  const rig = openRig({ receiveMaximum: 2 });
  const publisher = rig.client('pub').publish({ topic: 'a', qos: 2 });
  for (let sent = 0; sent < 5; sent += 1) publisher.publish({ topic: 'a', qos: 1 }).publish({ topic: 'a' });
  publisher.publish({ topic: 'a', qos: 2 }).skip().publish({ topic: 'a' });
  expect(publisher.received()).toEqual([]);
  expect(publisher.publish({ topic: 'a', qos: 1 }).received()).toMatchObject(exceeded);
});

test('v5 a QoS 1 message that is acknowledged gives its place back, and so do PUBREL and PUBREC with an error', () => {
  const rig = openRig({ receiveMaximum: 1, authorize: (_client, { type, topic }) => type !== 'publish' || topic === 'a' });
  const publisher = rig.client('pub');
  for (let round = 0; round < 3; round += 1) {
    publisher.publish({ topic: 'a', qos: 1, packetId: 1 }).publish({ topic: 'denied', qos: 2, packetId: 2 });
    publisher.publish({ topic: 'a', qos: 2, packetId: 3 }).pubrel(3);
    expect(short(publisher.received())).toEqual(['puback 1 0x10', 'pubrec 2 0x87', 'pubrec 3 0x10', 'pubcomp 3']);
  }
});

test('v5 a repeated QoS 2 PUBLISH takes no further place', () => {
  const rig = openRig({ receiveMaximum: 2 });
  const publisher = rig.client('pub');
  for (const packetId of [1, 2, 1, 2, 2, 1]) publisher.publish({ topic: 'a', qos: 2, packetId, dup: true });
  expect(short(publisher.received())).toEqual([1, 2, 1, 2, 2, 1].map((id, at) => `pubrec ${id}${at < 2 ? ' 0x10' : ''}`));
  expect(publisher.publish({ topic: 'a', qos: 2, packetId: 3 }).received()).toMatchObject(exceeded);
});

test('v5 X5-4.1-2 is counted on each connection: what the last one left open counts once it is sent again', () => {
  const rig = openRig({ receiveMaximum: 2 });
  rig.resumable('pub').publish({ topic: 'a', qos: 2, packetId: 1 }).publish({ topic: 'a', qos: 2, packetId: 2 }).drop();
  const again = rig.resumable('pub').publish({ topic: 'a', qos: 2, packetId: 3 });
  again.publish({ topic: 'a', qos: 2, packetId: 1, dup: true });
  expect(short(again.received())).toEqual(['pubrec 3 0x10', 'pubrec 1']);
  expect(again.publish({ topic: 'a', qos: 2, packetId: 2, dup: true }).received()).toMatchObject(exceeded);
});

test('v5 the maximum is exact at its default', () => {
  const rig = openRig();
  const publisher = rig.client('pub');
  for (let packetId = 1; packetId <= 1000; packetId += 1) publisher.publish({ topic: 'a', qos: 2, packetId });
  expect(publisher.received()).toHaveLength(1000);
  expect(publisher.publish({ topic: 'a', qos: 2, packetId: 1001 }).received()).toMatchObject(exceeded);
});

test.each(three.slice(0, 2))('3.x knows no Receive Maximum: identifiers that wait for PUBREL never stop the reading ($name)', ({ protocolVersion }) => {
  const rig = openRig({ receiveMaximum: 2 });
  const publisher = rig.client('pub', { protocolVersion });
  for (let packetId = 1; packetId <= 20; packetId += 1) publisher.publish({ topic: 'a', qos: 2, packetId });
  for (let packetId = 1; packetId <= 20; packetId += 1) publisher.pubrel(packetId);
  const types = publisher.received().map(({ type }) => type);
  expect(types).toEqual([...Array<string>(20).fill('pubrec'), ...Array<string>(20).fill('pubcomp')]);
});

test('v5 the excess publish ends the connection only: the will is sent, the session stays, others go on', () => {
  const rig = openRig({ receiveMaximum: 1 });
  const subscriber = rig.subscriber('sub', '#', 0);
  const publisher = rig.resumable('pub', { will: { topic: 'will', payload: 'gone' } });
  publisher.publish({ topic: 'a', payload: '1', qos: 2, packetId: 1 }).publish({ topic: 'a', payload: '2', qos: 2, packetId: 2 });
  expect(payloads(subscriber)).toEqual(['1', 'gone']);
  const again = rig.open().connect({ clientId: 'pub', clean: false, properties: { sessionExpiryInterval: 1 } });
  expect(again.received()).toMatchObject([{ type: 'connack', sessionPresent: true }]);
  expect(short(again.pubrel(1).received())).toEqual(['pubcomp 1']);
});
