/**
 * Order: per publisher, topic and QoS to each subscriber, however the messages get there. QoS 0 may overtake QoS 1
 * and 2, never another QoS 0.
 */
import { expect, test } from '@jest/globals';
import type { AuthorizeAnswer } from '../../src/index.js';
import type { WireClient } from '../../src/testing/index.js';
import { both, byQos, numbered, openRig, payloads, publishes, Questions } from './rig.js';

const qosOf = (index: number): 0 | 1 | 2 => [0, 1, 2, 1, 2, 0][index % 6] as 0 | 1 | 2;

/** `count` messages with QoS 0, 1, 2 … in turn; their payloads count up. */
function publishMixed(publisher: WireClient, from: number, count: number, topic = 'a'): void {
  for (let number = from; number < from + count; number += 1) {
    publisher.publish({ topic, payload: String(number), qos: qosOf(number), packetId: (number % 60_000) + 1 });
    if (qosOf(number) === 2) publisher.pubrel((number % 60_000) + 1);
  }
}

/** Everything `client` is sent until nothing more comes, acknowledged as it goes. */
function drain(client: WireClient): ReturnType<typeof publishes> {
  const all: ReturnType<typeof publishes> = [];
  for (let sent = publishes(client); sent.length > 0; sent = publishes(client)) {
    all.push(...sent);
    for (const { qos, packetId = 0 } of sent) {
      if (qos === 1) client.puback(packetId);
      if (qos === 2) client.pubrec(packetId).pubcomp(packetId);
    }
  }
  return all;
}

/** The payloads of each QoS must count up. */
function expectOrder(packets: ReturnType<typeof publishes>): void {
  for (const [, seen] of Object.entries(byQos(packets))) {
    expect(seen).toEqual(seen.toSorted((a, b) => Number(a) - Number(b)));
  }
}

test.each(both)('v5 [MQTT-4.6.0-5] [MQTT-4.6.0-6] v3.1.1 [MQTT-4.6.0-6] live, through any window ($name)', ({ protocolVersion }) => {
  for (const inflightMax of [1, 3, 100]) {
    const rig = openRig({ inflightMax });
    const subscriber = rig.subscriber('sub', 'a', 2, { protocolVersion });
    publishMixed(rig.client('pub'), 0, 120);
    const seen = drain(subscriber);
    expect(seen).toHaveLength(120);
    expectOrder(seen);
  }
});

test.each(both)('v5 [MQTT-4.6.0-5] v3.1.1 [MQTT-4.6.0-6] through the queue of a client that is away, the live stream behind it ($name)', ({ protocolVersion }) => {
  for (const inflightMax of [1, 2, 100]) {
    const rig = openRig({ inflightMax, queueQos0: true });
    rig.resumable('sub', { protocolVersion }).subscribe('a', { qos: 2 }).drop();
    const publisher = rig.client('pub');
    publishMixed(publisher, 0, 30);
    const first = rig.resumable('sub', { protocolVersion });
    publishMixed(publisher, 30, 30);
    const seen = publishes(first);
    first.drop();
    publishMixed(publisher, 60, 30);
    const second = rig.resumable('sub', { protocolVersion });
    publishMixed(publisher, 90, 30);
    const resent = drain(second);
    expectOrder(seen);
    expectOrder(resent.filter(({ dup }) => dup !== true));
    expectOrder(resent);
    const all = new Set([...seen, ...resent].map(({ payload }) => payload));
    expect(all).toEqual(new Set(numbered(120, 0)));
  }
});

test('v5 [MQTT-4.6.0-5] through a slow publish hook: one after the other, as received', async () => {
  const questions = new Questions('publish');
  const rig = openRig({ authorize: questions.authorize });
  const subscriber = rig.subscriber('sub', 'a', 2);
  const publisher = rig.client('pub');
  publishMixed(publisher, 0, 24);
  expect(await questions.answerAll(rig)).toBe(24);
  expect(payloads(subscriber)).toEqual(numbered(24, 0));
});

test('v5 [MQTT-4.6.0-5] through a slow deliver hook, for this subscriber only', async () => {
  const questions = new Questions('deliver', ['slow']);
  const rig = openRig({ authorize: questions.authorize });
  const slow = rig.subscriber('slow', 'a', 2);
  const quick = rig.subscriber('quick', 'a', 2);
  publishMixed(rig.client('pub'), 0, 24);
  expect(payloads(quick)).toEqual(numbered(24, 0));
  expect(slow.received()).toEqual([]);
  expect(questions.open).toHaveLength(1); // one question at a time
  expect(await questions.answerAll(rig)).toBe(24);
  expect(payloads(slow)).toEqual(numbered(24, 0));
});

test('v5 [MQTT-4.6.0-5] a slow deliver hook and a small window together', async () => {
  const questions = new Questions('deliver', ['sub']);
  const rig = openRig({ authorize: questions.authorize, inflightMax: 1 });
  const subscriber = rig.subscriber('sub', 'a', 2);
  const publisher = rig.client('pub');
  publishMixed(publisher, 0, 12);
  const seen = [];
  for (let round = 0; round < 40; round += 1) {
    await questions.answerAll(rig);
    if (round === 2) publishMixed(publisher, 12, 12); // while the queue waits for the window
    const sent = publishes(subscriber);
    seen.push(...sent);
    for (const { qos, packetId = 0 } of sent) {
      if (qos === 1) subscriber.puback(packetId);
      if (qos === 2) subscriber.pubrec(packetId).pubcomp(packetId);
    }
  }
  expect(seen).toHaveLength(24);
  expectOrder(seen);
});

test('a denial in the middle leaves the order of the rest', async () => {
  const questions = new Questions('deliver', ['sub']);
  const rig = openRig({ authorize: questions.authorize });
  const subscriber = rig.subscriber('sub', '#', 1);
  const publisher = rig.client('pub');
  for (const payload of numbered(9)) publisher.publish({ topic: Number(payload) % 3 === 0 ? 'secret' : 'a', payload, qos: 1 });
  await questions.answerAll(rig, ({ action }) => action.topic !== 'secret');
  expect(payloads(subscriber)).toEqual(['1', '2', '4', '5', '7', '8']);
  expect(rig.dropped).toEqual(Array(3).fill('deliverDenied secret sub'));
});

test('a question that is open when the client reconnects is asked again; order and messages are kept', async () => {
  const questions = new Questions('deliver', ['sub']);
  let slow = true;
  const rig = openRig({ authorize: (client, action): AuthorizeAnswer | Promise<AuthorizeAnswer> => !slow || questions.authorize(client, action) });
  const subscriber = rig.resumable('sub').subscribe('a', { qos: 1 }).skip();
  const publisher = rig.client('pub');
  for (const payload of numbered(3)) publisher.publish({ topic: 'a', payload, qos: 1 });
  subscriber.drop();
  slow = false;
  const again = rig.resumable('sub');
  questions.answer(false);
  await rig.settle();
  expect(payloads(again)).toEqual(numbered(3));
  expect(rig.dropped).toEqual([]);
});

test('v5 [MQTT-3.8.4-4] replacing a subscription under load loses and doubles nothing', () => {
  const rig = openRig();
  const subscriber = rig.subscriber('sub', 'a', 1);
  const publisher = rig.client('pub');
  const seen: (string | undefined)[] = [];
  for (const payload of numbered(60)) {
    publisher.publish({ topic: 'a', payload, qos: 1 });
    if (Number(payload) % 3 === 0) subscriber.subscribe('a', { qos: 1, rh: 2 });
    for (const { payload: got, packetId = 0 } of publishes(subscriber)) {
      seen.push(got);
      subscriber.puback(packetId);
    }
  }
  expect(seen).toEqual(numbered(60));
});

test('two publishers: each one’s order is kept', () => {
  const rig = openRig();
  rig.resumable('sub').subscribe('#', { qos: 1 }).drop();
  const [left, right] = [rig.client('left'), rig.client('right')];
  for (const payload of numbered(20)) {
    left.publish({ topic: 'l', payload, qos: 1 });
    right.publish({ topic: 'r', payload, qos: 1 });
  }
  const seen = drain(rig.resumable('sub', { properties: { receiveMaximum: 3 } }));
  for (const topic of ['l', 'r']) {
    expect(seen.filter((packet) => packet.topic === topic).map(({ payload }) => payload)).toEqual(numbered(20));
  }
});

test('QoS 0 behind a queue that holds QoS 0 waits its turn', () => {
  const rig = openRig({ queueQos0: true });
  rig.resumable('sub').subscribe('a', { qos: 1 }).drop();
  const publisher = rig.client('pub');
  publisher.publish({ topic: 'a', payload: '1', qos: 1 }).publish({ topic: 'a', payload: '2', qos: 1 }).publish({ topic: 'a', payload: 'first' });
  const again = rig.resumable('sub', { properties: { receiveMaximum: 1 } });
  publisher.publish({ topic: 'a', payload: 'second' });
  expect(drain(again).map(({ payload }) => payload)).toEqual(['1', '2', 'first', 'second']);
  publisher.publish({ topic: 'a', payload: 'third' });
  expect(payloads(again)).toEqual(['third']);
});
