/** QoS 0 and QoS 1 in both directions: who acknowledges what, with which identifier and which DUP. */
import { expect, test } from '@jest/globals';
import { numbered, openRig, payloads, publishes, short } from './rig.js';

test('v5 [MQTT-4.3.1-1] [MQTT-2.2.1-2] QoS 0 goes out without identifier, without DUP and unacknowledged', () => {
  const rig = openRig();
  const [subscriber, publisher] = [rig.subscriber('sub', 'a'), rig.client('pub')];
  publisher.publish({ topic: 'a', payload: 'x' });
  expect(subscriber.received()).toEqual([
    { type: 'publish', topic: 'a', payload: 'x', qos: 0, retain: false, dup: false },
  ]);
  expect(publisher.received()).toEqual([]);
  expect(rig.stats).toMatchObject({ inflightMessages: 0, queuedMessages: 0 });
});

test('v5 [MQTT-4.3.2-1] [MQTT-4.3.2-4] QoS 1 is acknowledged and delivered under identifiers of either side', () => {
  const rig = openRig();
  const [subscriber, publisher] = [rig.subscriber('sub', 'a', 1), rig.client('pub')];
  publisher.publish({ topic: 'a', payload: 'x', qos: 1, packetId: 700 });
  expect(publisher.received()).toEqual([{ type: 'puback', packetId: 700, reasonCode: 0 }]);
  expect(subscriber.received()).toEqual([
    { type: 'publish', topic: 'a', payload: 'x', qos: 1, retain: false, dup: false, packetId: 1 },
  ]);
  expect(rig.stats.inflightMessages).toBe(1);
  subscriber.puback(1);
  expect(rig.stats.inflightMessages).toBe(0);
  expect(subscriber.received()).toEqual([]);
});

test('v3.1.1 [MQTT-4.3.2-2] PUBACK has two bytes of body in 3.1 and 3.1.1', () => {
  const rig = openRig();
  for (const protocolVersion of [3, 4] as const) {
    const publisher = rig.client(`pub${protocolVersion}`, { protocolVersion });
    publisher.publish({ topic: 'a', qos: 1, packetId: 0x0102 });
    expect(publisher.receivedHex()).toBe('40 02 01 02');
  }
});

test('v5 X5-3.4.2.1-1 PUBACK 0x00 leaves in its short form', () => {
  const rig = openRig();
  rig.subscriber('sub', 'a');
  expect(rig.client('pub').publish({ topic: 'a', qos: 1, packetId: 9 }).receivedHex()).toBe('40 02 00 09');
});

test('v5 PUBACK 0x10 says that nobody matches, and is no refusal: a retained message is kept', () => {
  const rig = openRig();
  const publisher = rig.client('pub');
  publisher.publish({ topic: 'a', payload: 'kept', qos: 1, retain: true, packetId: 1 });
  expect(publisher.received()).toEqual([{ type: 'puback', packetId: 1, reasonCode: 0x10 }]);
  expect(payloads(rig.client('sub').subscribe('a'))).toEqual(['kept']);
});

test('v5 [MQTT-4.3.2-5] v3.1.1 [MQTT-4.3.2-2] after PUBACK the same identifier is a new message, whatever DUP says', () => {
  const rig = openRig();
  const subscriber = rig.subscriber('sub', 'a', 1);
  for (const protocolVersion of [4, 5] as const) {
    const publisher = rig.client('pub', { protocolVersion });
    for (const dup of [false, true, true]) publisher.publish({ topic: 'a', payload: String(dup), qos: 1, packetId: 5, dup });
    expect(short(publisher.received())).toEqual(['puback 5', 'puback 5', 'puback 5']);
    // v5 [MQTT-3.3.1-3]: the DUP of the publisher is never passed on.
    expect(publishes(subscriber).map(({ payload, dup }) => [payload, dup])).toEqual([
      ['false', false],
      ['true', false],
      ['true', false],
    ]);
  }
});

test.each([0, 1, 2] as const)('v5 [MQTT-3.8.4-8] [MQTT-3.8.4-7] published at QoS %i, delivered at the lower of it and the granted one', (qos) => {
  const rig = openRig();
  const subscribers = ([0, 1, 2] as const).map((granted) => {
    const subscriber = rig.client(`s${granted}`).subscribe('a', { qos: granted });
    expect(subscriber.received()).toEqual([{ type: 'suback', packetId: 1, reasonCodes: [granted] }]);
    return subscriber;
  });
  rig.client('pub').publish({ topic: 'a', qos });
  const delivered = subscribers.map((subscriber) => publishes(subscriber)[0]?.qos);
  expect(delivered).toEqual([0, Math.min(1, qos), Math.min(2, qos)]);
});

test('v5 X5-4.13.2-1 a PUBACK with an error settles the message: its identifier is free, it is not sent again', () => {
  const rig = openRig();
  const subscriber = rig.resumable('sub').subscribe('a', { qos: 1 }).skip();
  rig.client('pub').publish({ topic: 'a', payload: 'x', qos: 1 });
  expect(short(subscriber.received())).toEqual(['publish 1 x']);
  subscriber.puback(1, 0x97);
  expect(rig.stats.inflightMessages).toBe(0);
  subscriber.drop();
  expect(rig.resumable('sub').received()).toEqual([]);
});

test('v5 [MQTT-4.4.0-1] nothing is sent again on a connection that stands, however long an acknowledgement takes', () => {
  const rig = openRig();
  for (const protocolVersion of [4, 5] as const) {
    const subscriber = rig.resumable(`sub${protocolVersion}`, { protocolVersion }).subscribe('a', { qos: 2 }).skip();
    rig.client('pub').publish({ topic: 'a', payload: '1', qos: 1 }).publish({ topic: 'a', payload: '2', qos: 2 });
    subscriber.skip();
    rig.clock.advance(24 * 3600 * 1000);
    expect(subscriber.received()).toEqual([]);
    subscriber.drop();
  }
});

test('any chunking of a run of publishes gives the same packets', () => {
  const rig = openRig();
  const [subscriber, publisher] = [rig.subscriber('sub', 'a', 1), rig.client('pub')];
  let runs = 0;
  for (const bytes of [1, 2, 3, 7, 64]) {
    publisher.cutInto(bytes);
    for (const payload of numbered(10)) publisher.publish({ topic: 'a', payload, qos: 1, packetId: Number(payload) });
    expect(short(publisher.received())).toEqual(numbered(10).map((id) => `puback ${id}`));
    const sent = publishes(subscriber);
    expect(sent.map(({ payload }) => payload)).toEqual(numbered(10));
    for (const { packetId } of sent) subscriber.puback(packetId as number);
    runs += 1;
  }
  expect(runs).toBe(5);
});
