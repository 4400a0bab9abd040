/** Acknowledgements leave in the order of receipt, however slow a hook is, and before the sender's own copy. */
import { expect, test } from '@jest/globals';
import type { AuthorizeAnswer } from '../../src/index.js';
import { encodePacket } from '../../src/testing/wire-codec.js';
import { both, numbered, openRig, payloads, publishes, Questions, short } from './rig.js';

const publishBytes = (topic: string, protocolVersion: 4 | 5): Buffer =>
  encodePacket({ cmd: 'publish', topic, payload: 'y', qos: 1, messageId: 10, dup: false, retain: false }, protocolVersion);

test.each(both)('v5 [MQTT-4.6.0-2] [MQTT-4.6.0-3] v3.1.1 [MQTT-4.6.0-2] [MQTT-4.6.0-3] slow answers keep acknowledgements in order ($name)', async ({ protocolVersion }) => {
  const questions = new Questions('publish');
  // Every other topic is answered at once.
  const rig = openRig({
    authorize: (client, action): AuthorizeAnswer | Promise<AuthorizeAnswer> => action.topic === 'fast' || questions.authorize(client, action),
  });
  const subscriber = rig.subscriber('sub', '#', 2);
  const publisher = rig.client('pub', { protocolVersion });
  for (let packetId = 1; packetId <= 6; packetId += 1) {
    publisher.publish({ topic: packetId % 2 === 0 ? 'fast' : 'slow', payload: String(packetId), qos: packetId < 4 ? 1 : 2, packetId });
  }
  publisher.pingreq();
  expect([publisher.received(), subscriber.received()]).toEqual([[], []]);
  expect(await questions.answerAll(rig)).toBe(3);
  expect(short(publisher.received())).toEqual(['puback 1', 'puback 2', 'puback 3', 'pubrec 4', 'pubrec 5', 'pubrec 6', 'pingresp']);
  expect(payloads(subscriber)).toEqual(numbered(6));
});

test('v5 refusals stand in line with what is accepted', async () => {
  const questions = new Questions('publish');
  const rig = openRig({ authorize: questions.authorize });
  const publisher = rig.client('pub');
  for (const qos of [1, 2, 1] as const) publisher.publish({ topic: 'a', qos });
  await questions.answerAll(rig, ({ action }) => action.qos === 1);
  expect(short(publisher.received())).toEqual(['puback 1 0x10', 'pubrec 2 0x87', 'puback 3 0x10']);
});

test('v5 SUBACK and UNSUBACK stand in line too, and filters are asked about in order', async () => {
  const questions = new Questions('subscribe');
  const rig = openRig({ authorize: questions.authorize });
  const client = rig.client('c').subscribe(['a', 'b', 'c'], { qos: 1, packetId: 1 }).publish({ topic: 'x', qos: 1, packetId: 2 });
  client.unsubscribe('a', { packetId: 3 }).pingreq();
  const asked: string[] = [];
  await questions.answerAll(rig, ({ action }) => {
    asked.push(action.topic);
    return action.topic !== 'b';
  });
  expect(asked).toEqual(['a', 'b', 'c']);
  expect(short(client.received())).toEqual(['suback 1 0x01 0x87 0x01', 'puback 2 0x10', 'unsuback 3 0x00', 'pingresp']);
});

test('one connection waits for its answer; no other does', async () => {
  const questions = new Questions('publish', ['slow']);
  const rig = openRig({ authorize: questions.authorize });
  const subscriber = rig.subscriber('sub', 'a', 1);
  const slow = rig.client('slow').publish({ topic: 'a', payload: 'slow', qos: 1 });
  const quick = rig.client('quick').publish({ topic: 'a', payload: 'quick', qos: 1 });
  expect(short(quick.received())).toEqual(['puback 1']);
  expect(payloads(subscriber)).toEqual(['quick']);
  await questions.answerAll(rig);
  expect(short(slow.received())).toEqual(['puback 1']);
  expect(payloads(subscriber)).toEqual(['slow']);
});

test('what a client acknowledges waits behind its own slow publish, and counts then', async () => {
  const questions = new Questions('publish', ['sub']);
  const rig = openRig({ authorize: questions.authorize });
  const subscriber = rig.subscriber('sub', 'a', 1, { properties: { receiveMaximum: 1 } });
  const publisher = rig.client('pub');
  for (const payload of ['1', '2']) publisher.publish({ topic: 'a', payload, qos: 1 });
  expect(payloads(subscriber)).toEqual(['1']);
  subscriber.publish({ topic: 'x', qos: 1 }).puback(1);
  expect(subscriber.received()).toEqual([]);
  await questions.answerAll(rig);
  expect(short(subscriber.received())).toEqual(['puback 2 0x10', 'publish 1 2']);
});

test.each(both)('an acknowledgement leaves before the sender’s own copy, at any QoS granted ($name)', ({ protocolVersion }) => {
  for (const granted of [0, 1, 2] as const) {
    const rig = openRig();
    const client = rig.subscriber('c', 'a', granted, { protocolVersion });
    const id = granted === 0 ? '' : '1 ';
    expect(short(client.publish({ topic: 'a', payload: 'x', qos: 1, packetId: 9 }).received())).toEqual(['puback 9', `publish ${id}x`]);
    const second = granted === 0 ? '' : '2 ';
    expect(short(client.publish({ topic: 'a', payload: 'y', qos: 2, packetId: 9 }).received())).toEqual(['pubrec 9', `publish ${second}y`]);
  }
});

test.each(both)('so it does when the copy comes back through a shared subscription ($name)', ({ protocolVersion }) => {
  for (const granted of [0, 1, 2] as const) {
    for (const clean of [true, false]) {
      const rig = openRig();
      const options = { protocolVersion, clean };
      const client = (clean ? rig.client('c', options) : rig.resumable('c', options)).subscribe('$share/g/a', { qos: granted }).skip();
      client.publish({ topic: 'a', payload: 'x', qos: 1, packetId: 9 });
      client.publish({ topic: 'a', payload: 'y', qos: 2, packetId: 9 });
      const first = client.received();
      expect(first.map(({ type }) => type)).toEqual(['puback', 'publish', 'pubrec', 'publish']);
      expect(first.map(({ payload }) => payload)).toEqual([undefined, 'x', undefined, 'y']);
    }
  }
});

test.each(both)('so it does when the acknowledgement has to wait for the store, for this message or for one before it ($name)', ({ protocolVersion }) => {
  for (const granted of [0, 1, 2] as const) {
    for (const filter of ['a', '$share/g/a']) {
      const rig = openRig();
      rig.resumable('away').subscribe(['a', 'stored'], { qos: 1 }).drop();
      const client = rig.subscriber('c', filter, granted, { protocolVersion });
      client.publish({ topic: 'a', payload: 'x', qos: 1, packetId: 9 });
      expect(client.received().map(({ type }) => type)).toEqual(['puback', 'publish']);
      rig.resumable('away').unsubscribe('a').drop();
      // The first one is stored, the second is not; both in one write.
      client.sendsBytes(Buffer.concat(['stored', 'a'].map((topic) => publishBytes(topic, protocolVersion))));
      expect(client.received().map(({ type }) => type)).toEqual(['puback', 'puback', 'publish']);
    }
  }
});

test('with several copies of its own, plain and shared, the acknowledgement is still first', () => {
  for (const order of [['a', 'x', 'y', 'z'], ['z', 'y', 'x', 'a']]) {
    const rig = openRig();
    const filters: Readonly<Record<string, string>> = { a: 'a', x: '$share/x/a', y: '$share/y/#', z: '$share/z/a' };
    const other = rig.client('other');
    const client = rig.client('c');
    // z is the other's alone; in y both are, so that the other asks for more when it has sent something.
    for (const name of order) {
      const filter = filters[name] as string;
      if (name === 'y' || name === 'z') other.subscribe(filter, { qos: 1 }).skip();
      if (name !== 'z') client.subscribe(filter, { qos: 1 }).skip();
    }
    client.publish({ topic: 'a', payload: 'p', qos: 1, packetId: 5 });
    const [first, ...rest] = client.received();
    expect(first).toMatchObject({ type: 'puback', packetId: 5 });
    expect(rest.length + publishes(other).length).toBe(4);
  }
});

test('own copies keep their order through a full window', () => {
  const rig = openRig();
  const client = rig.subscriber('c', 'a', 1, { properties: { receiveMaximum: 1 } });
  for (const payload of numbered(3)) client.publish({ topic: 'a', payload, qos: 1, packetId: 10 });
  expect(short(client.received())).toEqual(['puback 10', 'publish 1 1', 'puback 10', 'puback 10']);
  expect(short(client.puback(1).received())).toEqual(['publish 1 2']);
  expect(short(client.puback(1).received())).toEqual(['publish 1 3']);
});

test('a hook that is slow about the delivery of an own copy holds back no acknowledgement', async () => {
  const questions = new Questions('deliver');
  const rig = openRig({ authorize: questions.authorize });
  const client = rig.subscriber('c', 'a', 1);
  for (const payload of numbered(3)) client.publish({ topic: 'a', payload, qos: 1, packetId: Number(payload) });
  expect(short(client.received())).toEqual(['puback 1', 'puback 2', 'puback 3']);
  expect(await questions.answerAll(rig)).toBe(3);
  expect(payloads(client)).toEqual(numbered(3));
});
