/** MQTT 5.0, chapter 4.6: message ordering. */
import { expect, test } from '@jest/globals';
import type { AuthorizeAnswer } from '../../../src/index.js';
import type { WireClient, WirePacket } from '../../../src/testing/index.js';
import { lateBroker } from '../../support/late-broker.js';
import { byQos, numbered, openRig, payloads, publishes, Questions, short } from '../../wire/rig.js';
import { client, resumable, subscriber } from './support.js';

/** `count` messages whose QoS is 1, 2, 0 in turn and whose payloads count up. */
function publishMixed(publisher: WireClient, topic: string, from: number, count: number): void {
  for (let number = from; number < from + count; number += 1) {
    const qos = (number % 3) as 0 | 1 | 2;
    publisher.publish({ topic, payload: String(number), qos, packetId: number });
    if (qos === 2) publisher.pubrel(number);
  }
}

/** Everything that comes until nothing more does, acknowledged as it comes. */
function drain(sub: WireClient): WirePacket[] {
  const all: WirePacket[] = [];
  for (let sent = publishes(sub); sent.length > 0; sent = publishes(sub)) {
    all.push(...sent);
    for (const { qos, packetId = 0 } of sent) {
      if (qos === 1) sub.puback(packetId);
      if (qos === 2) sub.pubrec(packetId).pubcomp(packetId);
    }
  }
  return all;
}

/** Of each topic and QoS the payloads count up, and none is missing. */
function expectOrder(packets: readonly WirePacket[], topics: readonly string[], expected: readonly string[]): void {
  for (const topic of topics) {
    const own = packets.filter((packet) => packet.topic === topic);
    expect(own.map(({ payload }) => payload).toSorted((a, b) => Number(a) - Number(b))).toEqual(expected);
    for (const seen of Object.values(byQos(own))) expect(seen).toEqual(seen.toSorted((a, b) => Number(a) - Number(b)));
  }
}

test('v5 [MQTT-4.6.0-1] PUBLISHes that are sent again come in their original order, before anything new', () => {
  const rig = openRig();
  const old = resumable(rig, 'sub').subscribe('t', { qos: 2 }).skip();
  const publisher = client(rig, 'pub');
  for (const payload of numbered(40)) publisher.publish({ topic: 't', payload, qos: Number(payload) % 3 === 0 ? 2 : 1 });
  expect(payloads(old)).toEqual(numbered(40));
  // Acknowledged out of turn, so that identifiers of what comes later are lower than some of what waits.
  for (const id of [1, 2, 5, 40]) old.puback(id);
  for (const payload of numbered(5, 41)) publisher.publish({ topic: 't', payload, qos: 1 });
  old.skip().drop();
  publisher.publish({ topic: 't', payload: '46', qos: 1 });
  const again = resumable(rig, 'sub');
  publisher.publish({ topic: 't', payload: '47', qos: 1 });
  const kept = numbered(47).filter((payload) => !['1', '2', '5', '40'].includes(payload));
  expect(payloads(again)).toEqual(kept);
});

test('v5 [MQTT-4.6.0-1] however the identifiers in flight lie', () => {
  const rig = openRig({ inflightMax: 4 });
  resumable(rig, 'sub').subscribe('t', { qos: 2 }).drop();
  const publisher = client(rig, 'pub');
  for (const payload of numbered(18)) publisher.publish({ topic: 't', payload, qos: 2 });
  for (let first = 1; first <= 15; first += 1) {
    const again = resumable(rig, 'sub');
    expect(payloads(again)).toEqual(numbered(4, first));
    again.pubrec(first).pubcomp(first).drop();
  }
});

test('v5 [MQTT-4.6.0-1] nothing overtakes them that is published while the session is being resumed', () => {
  const rig = openRig();
  const old = resumable(rig, 'sub').subscribe('t', { qos: 1 }).skip();
  for (const payload of ['1', '2']) client(rig, 'pub').publish({ topic: 't', payload, qos: 1 });
  expect(payloads(old)).toEqual(['1', '2']);
  old.drop();
  rig.broker.on('sessionResumed', () => void rig.broker.publish('t', 'new', { qos: 1 }));
  expect(payloads(resumable(rig, 'sub'))).toEqual(['1', '2', 'new']);
});

// Method: a queue of two pages on a store that is late, and retained messages that are there while the second one is not.
test('v5 [MQTT-4.6.0-1] the original order is kept beside retained messages for a new subscription', () => {
  const late = lateBroker({ inflightMax: 5000, queueMessagesMax: 5000 });
  const session = { clientId: 'sub', clean: false, properties: { sessionExpiryInterval: 1000 } };
  const old = late.client().connect(session);
  late.commit();
  old.subscribe('t', { qos: 1 });
  late.commit();
  old.drop();
  late.commit();
  for (const payload of numbered(1500)) void late.broker.publish('t', payload, { qos: 1 });
  void late.broker.publish('kept', 'kept', { qos: 1, retain: true });
  late.commit();
  const resumed = (subscribe: boolean): (string | undefined)[] => {
    const again = late.client().connect(session);
    if (subscribe) again.subscribe('kept', { qos: 1 });
    late.clock.advance(5000);
    const seen = payloads(again);
    again.drop();
    late.commit();
    return seen;
  };
  expect(resumed(true)).toEqual([...numbered(1500), 'kept']);
  expect(resumed(false)).toEqual([...numbered(1500), 'kept']);
});

/** Every other message is asked about by a hook that is slow; the identifiers do not count up. */
async function acknowledged(qos: 1 | 2): Promise<readonly [sent: readonly number[], received: readonly (number | undefined)[]]> {
  const questions = new Questions('publish');
  const rig = openRig({ authorize: (asking, action): AuthorizeAnswer | Promise<AuthorizeAnswer> => action.topic === 'fast' || questions.authorize(asking, action) });
  // Some of them are stored for a client that is away, so that the store is waited for, and some not.
  resumable(rig, 'away').subscribe('slow', { qos: 2 }).drop();
  const publisher = client(rig, 'pub');
  const sent = [7, 3, 9, 1, 8, 2, 6, 4];
  for (const [index, packetId] of sent.entries()) publisher.publish({ topic: index % 2 === 0 ? 'slow' : 'fast', qos, packetId });
  expect(publisher.received()).toEqual([]);
  expect(await questions.answerAll(rig)).toBe(4);
  const received = publisher.received();
  expect(new Set(received.map(({ type }) => type))).toEqual(new Set([qos === 1 ? 'puback' : 'pubrec']));
  return [sent, received.map(({ packetId }) => packetId)];
}

test('v5 [MQTT-4.6.0-2] PUBACKs leave in the order of the PUBLISHes, with slow hooks and fast ones', async () => {
  const [sent, received] = await acknowledged(1);
  expect(received).toEqual(sent);
});

test('v5 [MQTT-4.6.0-3] PUBRECs leave in the order of the PUBLISHes, with slow hooks and fast ones', async () => {
  const [sent, received] = await acknowledged(2);
  expect(received).toEqual(sent);
});

// What waits for the store must not be passed by what does not.
test('v5 [MQTT-4.6.0-2] [MQTT-4.6.0-3] acknowledgements that wait for the store are not overtaken by those that do not', () => {
  const late = lateBroker();
  const away = late.client().connect({ clientId: 'away', clean: false, properties: { sessionExpiryInterval: 100 } });
  late.commit();
  away.subscribe('stored', { qos: 2 });
  late.commit();
  away.disconnect();
  late.commit();
  const publisher = late.client().connected({ clientId: 'pub' });
  publisher.publish({ topic: 'stored', qos: 1, packetId: 4 }).publish({ topic: 'unstored', qos: 1, packetId: 3 });
  publisher.publish({ topic: 'stored', qos: 2, packetId: 2 }).publish({ topic: 'unstored', qos: 2, packetId: 1 });
  expect(publisher.received()).toEqual([]);
  late.commit();
  expect(short(publisher.received())).toEqual(['puback 4', 'puback 3 0x10', 'pubrec 2', 'pubrec 1 0x10']);
});

test('v5 [MQTT-4.6.0-4] PUBRELs leave in the order of the PUBRECs', () => {
  const rig = openRig();
  for (const lasting of [true, false]) {
    const clientId = lasting ? 'lasting' : 'short';
    const sub = (lasting ? resumable : client)(rig, clientId).subscribe('t', { qos: 2 }).skip();
    const publisher = client(rig, 'pub');
    for (const payload of numbered(6)) publisher.publish({ topic: 't', payload, qos: 2 });
    expect(payloads(sub)).toEqual(numbered(6));
    for (const id of [4, 1, 6, 2, 5, 3]) sub.pubrec(id);
    expect(short(sub.received())).toEqual([4, 1, 6, 2, 5, 3].map((id) => `pubrel ${id}`));
    sub.drop();
  }
});

test('v5 [MQTT-4.6.0-6] every topic is an Ordered Topic for Non-shared Subscriptions, and nothing else can be said', () => {
  const topics = ['t', 'a/b/c', '/', '$x/y', 'T'];
  const rig = openRig({ inflightMax: 3 });
  const sub = client(rig, 'sub').subscribe(['#', '$x/#'], { qos: 2 }).skip();
  const publisher = client(rig, 'pub');
  for (let number = 1; number <= 30; number += 1) for (const topic of topics) publishMixed(publisher, topic, number, 1);
  expectOrder(drain(sub), topics, numbered(30));
});

test('v5 [MQTT-4.6.0-5] live, through any window, from several publishers', () => {
  for (const inflightMax of [1, 2, 7, 1000]) {
    const rig = openRig({ inflightMax });
    const sub = subscriber(rig, 'sub', '#', 2);
    const publishers = ['one', 'two', 'three'].map((name) => [name, client(rig, name)] as const);
    for (let number = 1; number <= 40; number += 1) for (const [name, publisher] of publishers) publishMixed(publisher, name, number, 1);
    expectOrder(drain(sub), ['one', 'two', 'three'], numbered(40));
  }
});

test('v5 [MQTT-4.6.0-5] through the queue of a client that is away, and live behind it', () => {
  for (const inflightMax of [1, 3, 1000]) {
    const rig = openRig({ inflightMax, queueQos0: true });
    resumable(rig, 'sub').subscribe('#', { qos: 2 }).drop();
    const publisher = client(rig, 'pub');
    publishMixed(publisher, 't', 1, 30);
    const sub = resumable(rig, 'sub');
    publishMixed(publisher, 't', 31, 30);
    expectOrder(drain(sub), ['t'], numbered(60));
  }
});

test.each(['publish', 'deliver'] as const)('v5 [MQTT-4.6.0-5] through a slow %s hook', async (type) => {
  const questions = new Questions(type);
  const rig = openRig({ authorize: questions.authorize, inflightMax: 5 });
  const sub = subscriber(rig, 'sub', '#', 2);
  publishMixed(client(rig, 'pub'), 't', 1, 24);
  const seen: WirePacket[] = [];
  for (let round = 0; round < 30; round += 1) {
    await questions.answerAll(rig);
    seen.push(...drain(sub));
  }
  expectOrder(seen, ['t'], numbered(24));
});
