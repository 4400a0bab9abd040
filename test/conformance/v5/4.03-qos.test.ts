/** MQTT 5.0, chapters 4.3.1 and 4.3.2: QoS 0 and QoS 1. */
import { describe, expect, test } from '@jest/globals';
import { lateBroker } from '../../support/late-broker.js';
import { openRig, payloads, publishes, Questions, short } from '../../wire/rig.js';
import { client, expectDisconnected, expectOpen, qoses, resumable, subscriber } from './support.js';

test.each(qoses)('v5 [MQTT-4.3.1-1] what is granted QoS 0 leaves with QoS 0 and DUP 0, once: published at QoS %i', (qos) => {
  const rig = openRig({ queueQos0: true });
  const first = { type: 'publish', topic: 't', payload: 'x', qos: 0, retain: false, dup: false };
  const sub = resumable(rig, 'sub').subscribe('t').skip();
  const publisher = client(rig, 'pub').publish({ topic: 't', payload: 'x', qos, dup: qos > 0, retain: true });
  expect(publishes(sub)).toEqual([first]);
  expect(rig.stats.inflightMessages).toBe(0);
  sub.drop();
  publisher.publish({ topic: 't', payload: 'queued', qos, dup: qos > 0 });
  expect(publishes(resumable(rig, 'sub'))).toEqual([{ ...first, payload: 'queued' }]);
  expect(publishes(client(rig, 'late').subscribe('t'))).toEqual([{ ...first, retain: true }]);
});

/** Packet identifiers of QoS 1 and 2 PUBLISHes to `t` without payload. */
const idsOf = (hex: string): number[] => hex.replaceAll(' ', '').match(/.{16}/g)?.map((publish) => Number.parseInt(publish.slice(10, 14), 16)) ?? [];

// Method: as many messages as there are identifiers and some more, while one of each kind stays unacknowledged.
test('v5 [MQTT-4.3.2-1] [MQTT-4.3.3-1] each new message gets an identifier that is not in use, also when they have all been used', () => {
  const rig = openRig();
  const sub = subscriber(rig, 'sub', 't', 2);
  const publish = (count: number, qos: 1 | 2): number[] => {
    for (let sent = 0; sent < count; sent += 1) void rig.broker.publish('t', '', { qos });
    rig.clock.flush();
    return idsOf(sub.receivedHex());
  };
  expect(publish(1, 1)).toEqual([1]); // waits for PUBACK
  expect(publish(1, 2)).toEqual([2]); // for PUBREC
  expect(publish(1, 2)).toEqual([3]); // for PUBCOMP
  expect(sub.pubrec(3).receivedHex()).toBe('62 02 00 03');
  const seen: number[] = [];
  while (seen.length < 65_540) {
    const ids = publish(900, 1);
    expect(new Set(ids).size).toBe(900);
    seen.push(...ids);
    sub.sendsBytes(Buffer.from(ids.flatMap((id) => [0x40, 2, id >> 8, id & 0xff])));
  }
  expect([0, 1, 2, 3].some((id) => seen.includes(id))).toBe(false);
  expect(Math.max(...new Set(seen))).toBe(65_535);
  expect(new Set(seen).size).toBe(65_532);
  sub.puback(1).pubrec(2).pubcomp(2).pubcomp(3);
  expect(rig.stats.inflightMessages).toBe(0);
});

test('v5 [MQTT-4.3.2-1] identifiers that a resumed session has in flight are in use', () => {
  const rig = openRig();
  resumable(rig, 'sub').subscribe('t', { qos: 1 }).drop();
  const publisher = client(rig, 'pub');
  for (const payload of ['1', '2', '3']) publisher.publish({ topic: 't', payload, qos: 1 });
  resumable(rig, 'sub').puback(1).drop();
  const again = resumable(rig, 'sub').skip();
  publisher.publish({ topic: 't', payload: '4', qos: 1 });
  const [{ packetId } = {}] = publishes(again);
  expect([2, 3, 0, undefined]).not.toContain(packetId);
});

test.each([1, 2] as const)('v5 [MQTT-4.3.2-2] what leaves first at QoS 1 has QoS 1, an identifier and DUP 0: published at QoS %i', (qos) => {
  const rig = openRig();
  const first = { type: 'publish', topic: 't', qos: 1, retain: false, dup: false };
  const publisher = client(rig, 'pub').publish({ topic: 't', payload: 'retained', qos, dup: true, retain: true });
  const sub = resumable(rig, 'sub', { properties: { receiveMaximum: 2 } }).subscribe('t', { qos: 1 });
  expect(publishes(sub)).toEqual([{ ...first, payload: 'retained', retain: true, packetId: 1 }]);
  for (const payload of ['live', 'behind the window']) publisher.publish({ topic: 't', payload, qos, dup: true });
  expect(publishes(sub)).toEqual([{ ...first, payload: 'live', packetId: 2 }]);
  expect(publishes(sub.puback(1))).toEqual([{ ...first, payload: 'behind the window', packetId: 3 }]);
  sub.puback(2).puback(3).drop();
  publisher.publish({ topic: 't', payload: 'queued', qos, dup: true });
  expect(publishes(resumable(rig, 'sub'))).toEqual([{ ...first, payload: 'queued', packetId: 1 }]);
  const brief = client(rig, 'brief').subscribe('t', { qos: 1, rh: 2 }).skip(); // its session ends with its connection
  publisher.publish({ topic: 't', payload: 'live', qos, dup: true });
  expect(publishes(brief)).toEqual([{ ...first, payload: 'live', packetId: 1 }]);
});

test('v5 [MQTT-4.3.2-3] a PUBLISH is unacknowledged until its own PUBACK has come', () => {
  const rig = openRig();
  let sub = resumable(rig, 'sub', { properties: { receiveMaximum: 3 } }).subscribe('t', { qos: 1 }).skip();
  const publisher = client(rig, 'pub');
  for (const payload of ['1', '2', '3', '4']) publisher.publish({ topic: 't', payload, qos: 1 });
  expect(payloads(sub)).toEqual(['1', '2', '3']);
  // Neither another acknowledgement, nor that of another, nor time.
  sub.pubcomp(1).puback(77).pubrec(2, 0x80);
  rig.clock.advance(365 * 86_400_000);
  expect([payloads(sub), rig.stats.inflightMessages]).toEqual([[], 3]);
  expect(payloads(sub.puback(2))).toEqual(['4']);
  for (let round = 0; round < 2; round += 1) {
    sub.drop();
    sub = resumable(rig, 'sub');
    expect(publishes(sub)).toMatchObject([1, 3, 4].map((id) => ({ payload: String(id), dup: true, packetId: id })));
  }
  sub.puback(1).puback(3).puback(4);
  expect(rig.stats).toMatchObject({ inflightMessages: 0, queuedMessages: 0 });
  sub.drop();
  expect(payloads(resumable(rig, 'sub'))).toEqual([]);
});

describe('the receiver', () => {
  test('v5 [MQTT-4.3.2-4] PUBACK has the identifier of the PUBLISH', () => {
    const rig = openRig();
    const sub = subscriber(rig, 'sub', 't', 1);
    const publisher = client(rig, 'pub');
    for (const packetId of [1, 0x1234, 65_535]) expect(short(publisher.publish({ topic: 't', qos: 1, packetId }).received())).toEqual([`puback ${packetId}`]);
    expect(publishes(sub)).toHaveLength(3);
    // Refused, it is answered all the same.
    const refusing = openRig({ authorize: (_client, { type }) => type !== 'publish' });
    expect(short(client(refusing, 'pub').publish({ topic: 't', qos: 1, packetId: 7 }).received())).toEqual(['puback 7 0x87']);
  });

  test('v5 [MQTT-4.3.2-4] PUBACK waits for the answer of a hook', async () => {
    const questions = new Questions('publish');
    const rig = openRig({ authorize: questions.authorize });
    const sub = subscriber(rig, 'sub', 't', 1);
    const publisher = client(rig, 'pub').publish({ topic: 't', qos: 1, packetId: 7 });
    await rig.settle();
    expect([publisher.received(), sub.received()]).toEqual([[], []]);
    await questions.answerAll(rig);
    expect([short(publisher.received()), publishes(sub).length]).toEqual([['puback 7'], 1]);
  });

  test('v5 [MQTT-4.3.2-4] PUBACK waits for the store, and never comes when that fails', () => {
    const late = lateBroker();
    late.broker.on('error', () => undefined);
    const away = late.client().connect({ clientId: 'away', clean: false, properties: { sessionExpiryInterval: 100 } });
    late.commit();
    away.subscribe('t', { qos: 1 });
    late.commit();
    away.drop();
    late.commit();
    const publisher = late.client().connected({ clientId: 'pub' }).publish({ topic: 't', qos: 1, packetId: 7 });
    expect(publisher.received()).toEqual([]);
    late.commit();
    expect(short(publisher.received())).toEqual(['puback 7']);
    late.storage.failNext();
    publisher.publish({ topic: 't', qos: 1, packetId: 8 });
    late.commit();
    expectDisconnected(publisher, 0x83);
  });

  test('v5 [MQTT-4.3.2-5] behind PUBACK the same identifier is a new message, whatever its DUP', () => {
    const rig = openRig();
    const sub = subscriber(rig, 'sub', 't', 2);
    resumable(rig, 'away').subscribe('t', { qos: 1 }).drop();
    const publisher = client(rig, 'pub');
    for (const [payload, dup] of [['1', false], ['2', true], ['2', true], ['3', false]] as const) {
      expect(short(publisher.publish({ topic: 't', payload, qos: 1, packetId: 5, dup }).received())).toEqual(['puback 5']);
    }
    expect(payloads(sub)).toEqual(['1', '2', '2', '3']);
    expect(payloads(resumable(rig, 'away'))).toEqual(['1', '2', '2', '3']);
    expectOpen(publisher);
  });
});
