/** Shared subscriptions: QoS, what becomes of unacknowledged messages, and of those no member can take. */
import { expect, test } from '@jest/globals';
import type { WireClient } from '../../src/testing/index.js';
import { both, byQos, numbered, openRig, payloads, publishes, short } from './rig.js';
import type { Rig } from './rig.js';

const filter = '$share/g/a';

function publishNumbered(rig: Rig, count: number, qos: 0 | 1 | 2, from = 1): void {
  const publisher = rig.client('pub');
  for (const payload of numbered(count, from)) publisher.publish({ topic: 'a', payload, qos });
}

test('v5 [MQTT-4.8.2-3] each member gets at most the QoS it was granted, under identifiers of its own', () => {
  const rig = openRig();
  const members = ([0, 1, 2] as const).map((qos) => rig.subscriber(`m${qos}`, filter, qos, { properties: { receiveMaximum: 2 } }));
  publishNumbered(rig, 6, 2);
  const sent = members.map(publishes);
  for (const [qos, packets] of sent.entries()) {
    expect(new Set(packets.map((packet) => packet.qos))).toEqual(new Set([qos]));
    expect(packets.map(({ packetId }) => packetId)).toEqual(qos === 0 ? packets.map(() => undefined) : [1, 2].slice(0, packets.length));
  }
  expect(sent.flat().map(({ payload }) => payload).toSorted((a = '', b = '') => a.localeCompare(b))).toEqual(numbered(6));
});

test.each(both)('v5 X5-4.8.2-3 QoS 1 that a member leaves unacknowledged goes to another, in order ($name)', ({ protocolVersion }) => {
  for (const lasting of [false, true]) {
    const rig = openRig();
    const open = (id: string): WireClient => (lasting ? rig.resumable(id, { protocolVersion }) : rig.client(id, { protocolVersion }));
    const [x, y] = ['x', 'y'].map((id) => open(id).subscribe(filter, { qos: 1 }).skip()) as [WireClient, WireClient];
    publishNumbered(rig, 6, 1);
    expect([payloads(x), payloads(y)]).toEqual([['1', '3', '5'], ['2', '4', '6']]);
    x.puback(2).drop();
    expect(payloads(y)).toEqual(['1', '5']);
    for (let id = 1; id <= 5; id += 1) y.puback(id);
    expect(rig.stats).toMatchObject({ inflightMessages: 0, queuedMessages: 0, memoryBytes: 0 });
    if (lasting) expect(rig.resumable('x', { protocolVersion }).received()).toEqual([]); // it is not its own any more
  }
});

test.each(both)('v5 [MQTT-4.8.2-4] QoS 2 stays with its member: nobody else gets it, and a resume completes it ($name)', ({ protocolVersion }) => {
  const rig = openRig();
  const [x, y] = ['x', 'y'].map((id) => rig.resumable(id, { protocolVersion }).subscribe(filter, { qos: 2 }).skip()) as [WireClient, WireClient];
  publishNumbered(rig, 4, 2);
  expect([short(x.received()), payloads(y)]).toEqual([['publish 1 1', 'publish 2 3'], ['2', '4']]);
  x.pubrec(2).drop();
  expect(y.received()).toEqual([]);
  publishNumbered(rig, 1, 2, 5);
  expect(payloads(y)).toEqual(['5']);
  const again = rig.resumable('x', { protocolVersion });
  const sent = again.received();
  expect(short(sent)).toEqual(['pubrel 2', 'publish 1 1']);
  expect(sent[1]?.dup).toBe(true);
  again.pubcomp(2).pubrec(1).pubcomp(1);
  expect(short(again.received())).toEqual(['pubrel 1']);
  again.drop();
  expect(rig.resumable('x', { protocolVersion }).received()).toEqual([]);
});

test('v5 [MQTT-4.8.2-5] QoS 2 dies with the session of its member, whether that ends at once or expires', () => {
  for (const lasting of [false, true]) {
    const rig = openRig();
    const x = (lasting ? rig.resumable('x') : rig.client('x')).subscribe(filter, { qos: 2 }).skip();
    const y = rig.subscriber('y', filter, 2);
    publishNumbered(rig, 2, 2);
    expect([payloads(x), payloads(y)]).toEqual([['1'], ['2']]);
    x.drop();
    rig.clock.advance(3601 * 1000);
    expect(y.received()).toEqual([]);
    expect(rig.stats).toMatchObject({ queuedMessages: 0, inflightMessages: 1, sessions: 2 });
  }
});

test('v5 [MQTT-4.8.2-6] a message that its member refuses with an error is dropped, not offered to another', () => {
  const rig = openRig();
  const [x, y] = ['x', 'y'].map((id) => rig.subscriber(id, filter, 2)) as [WireClient, WireClient];
  publishNumbered(rig, 2, 1);
  publishNumbered(rig, 2, 2, 3);
  expect([short(x.received()), short(y.received())]).toEqual([['publish 1 1', 'publish 2 3'], ['publish 1 2', 'publish 2 4']]);
  x.puback(1, 0x83).pubrec(2, 0x97);
  x.drop();
  expect(y.received()).toEqual([]);
  expect(rig.stats.inflightMessages).toBe(2);
});

test.each(both)('with nobody online the group keeps one copy, at the highest QoS that a lasting session was granted ($name)', ({ protocolVersion }) => {
  const rig = openRig();
  rig.resumable('x', { protocolVersion }).subscribe(filter, { qos: 1 }).drop();
  rig.resumable('y', { protocolVersion }).subscribe(filter, { qos: 2 }).drop();
  const publisher = rig.client('pub');
  for (const [payload, qos] of [['0', 0], ['1', 1], ['2', 2], ['3', 2], ['4', 1]] as const) publisher.publish({ topic: 'a', payload, qos });
  expect(rig.stats.queuedMessages).toBe(4);
  const y = rig.resumable('y', { protocolVersion });
  expect(byQos(publishes(y))).toEqual({ 1: ['1', '4'], 2: ['2', '3'] });
  expect(rig.stats).toMatchObject({ queuedMessages: 0, inflightMessages: 4 });
  expect(rig.resumable('x', { protocolVersion }).received()).toEqual([]);
});

test('the member that comes back gets what waits at its own QoS and with its own identifier', () => {
  const rig = openRig();
  rig.resumable('x').subscribe(filter, { qos: 1, properties: { subscriptionIdentifier: 5 } }).drop();
  rig.resumable('y').subscribe(filter, { qos: 2, properties: { subscriptionIdentifier: 6 } }).drop();
  publishNumbered(rig, 2, 2);
  const x = rig.resumable('x', { properties: { receiveMaximum: 1 } });
  expect(publishes(x)).toMatchObject([{ payload: '1', qos: 1, dup: false, properties: { subscriptionIdentifier: 5 } }]);
  const y = rig.resumable('y');
  expect(publishes(y)).toMatchObject([{ payload: '2', qos: 2, properties: { subscriptionIdentifier: 6 } }]);
});

test('a group of sessions that end with their connections keeps nothing', () => {
  const rig = openRig();
  const x = rig.subscriber('x', filter, 1);
  x.drop();
  publishNumbered(rig, 3, 1);
  expect(rig.stats).toMatchObject({ queuedMessages: 0, subscriptions: 0 });
  rig.resumable('y').subscribe(filter, { qos: 0 }).drop(); // granted QoS 0: nothing to keep
  publishNumbered(rig, 3, 2);
  expect(rig.stats.queuedMessages).toBe(0);
});

test('v5 X5-4.8.2-5 the group’s queue is deleted with its last member, by UNSUBSCRIBE or by the end of its session', () => {
  for (const how of ['unsubscribe', 'expiry', 'clean start'] as const) {
    const rig = openRig();
    const blocked = rig.resumable('x', { properties: { receiveMaximum: 1 } }).subscribe(filter, { qos: 1 }).skip();
    publishNumbered(rig, 5, 1);
    expect(payloads(blocked)).toEqual(['1']);
    if (how === 'unsubscribe') blocked.unsubscribe(filter);
    blocked.drop();
    if (how === 'expiry') rig.clock.advance(3601 * 1000);
    if (how === 'clean start') rig.client('x');
    // What was in flight goes back to the queue with the connection, unless the group is gone by then.
    expect(rig.stats.dropped.sessionEnded).toBe(how === 'unsubscribe' ? 4 : 5);
    const fresh = rig.client('fresh').subscribe(filter, { qos: 1 });
    expect(short(fresh.received())).toEqual(['suback 1 0x01']);
    expect(rig.stats).toMatchObject({ queuedMessages: 0, queuedBytes: 0 });
  }
});

test('v5 [MQTT-3.10.4-3] a delivery that was started is completed after the UNSUBSCRIBE', () => {
  const rig = openRig();
  const client = rig.resumable('x').subscribe(filter, { qos: 2 }).skip();
  publishNumbered(rig, 2, 2);
  client.unsubscribe(filter).skip().pubrec(1).pubcomp(1).drop();
  const again = rig.resumable('x');
  expect(short(again.received())).toEqual(['publish 2 2']);
});

test('the group’s queue is bounded like any other', () => {
  const rig = openRig({ queueMessagesMax: 3 });
  rig.resumable('x').subscribe(filter, { qos: 1 }).drop();
  publishNumbered(rig, 5, 1);
  expect(rig.dropped).toEqual(Array(2).fill('queueFull a undefined'));
  expect(payloads(rig.resumable('x'))).toEqual(numbered(3));
});

test('with oldest, what has waited longest in the group’s queue gives way', () => {
  const rig = openRig({ queueMessagesMax: 3, queueOverflow: 'oldest' });
  rig.resumable('x').subscribe(filter, { qos: 1 }).drop();
  publishNumbered(rig, 5, 1);
  expect(rig.dropped).toEqual(Array(2).fill('queueFull a undefined'));
  expect(payloads(rig.resumable('x'))).toEqual(['3', '4', '5']);
});

test('what expires in the group’s queue is dropped and counted', () => {
  const rig = openRig();
  rig.resumable('x').subscribe(filter, { qos: 1 }).drop();
  const publisher = rig.client('pub');
  publisher.publish({ topic: 'a', payload: 'short', qos: 1, properties: { messageExpiryInterval: 5 } });
  publisher.publish({ topic: 'a', payload: 'long', qos: 1, properties: { messageExpiryInterval: 50 } });
  rig.clock.advance(10_000);
  expect(publishes(rig.resumable('x'))).toMatchObject([{ payload: 'long', properties: { messageExpiryInterval: 40 } }]);
  expect(rig.dropped).toEqual(['expired a undefined']);
});

test('a long queue of a group comes whole to several members that come back', () => {
  const rig = openRig();
  for (const id of ['x', 'y']) rig.resumable(id).subscribe(filter, { qos: 1 }).drop();
  for (const payload of numbered(2500)) void rig.broker.publish('a', payload, { qos: 1 });
  rig.clock.flush();
  expect(rig.stats.queuedMessages).toBe(2500);
  const members = ['x', 'y'].map((id) => rig.resumable(id, { properties: { receiveMaximum: 100 } }));
  const seen: string[] = [];
  for (let more = true; more; ) {
    more = false;
    for (const client of members) {
      for (const { payload = '', packetId = 0 } of publishes(client)) {
        seen.push(payload);
        client.puback(packetId);
        more = true;
      }
    }
  }
  expect(seen.toSorted((a, b) => Number(a) - Number(b))).toEqual(numbered(2500));
  expect(rig.stats).toMatchObject({ queuedMessages: 0, queuedBytes: 0, inflightMessages: 0, memoryBytes: 0 });
});
