/** MQTT 5.0, chapter 4.3.3: QoS 2. */
import { describe, expect, test } from '@jest/globals';
import { lateBroker } from '../../support/late-broker.js';
import { House, waysDown } from '../../wire/house.js';
import { openRig, payloads, publishes, Questions, short } from '../../wire/rig.js';
import type { Rig } from '../../wire/rig.js';
import { client, expectDisconnected, expectOpen, resumable, subscriber } from './support.js';

describe('the sender', () => {
  /** A session to which one message of QoS 2 has been sent, and what a new connection of it gets. */
  function sent(rig: Rig): { readonly sub: ReturnType<typeof client>; readonly resumed: () => string[] } {
    const sub = resumable(rig, 'sub').subscribe('t', { qos: 2 }).skip();
    client(rig, 'pub').publish({ topic: 't', payload: 'x', qos: 2 });
    expect(short(sub.received())).toEqual(['publish 1 x']);
    const resumed = (): string[] => {
      const again = resumable(rig, 'sub');
      const received = short(again.received());
      again.drop();
      return received;
    };
    return { sub, resumed };
  }

  test('v5 [MQTT-4.3.3-1] an identifier is in use until PUBCOMP, or PUBREC with an error', () => {
    const rig = openRig();
    const sub = subscriber(rig, 'sub', 't', 2);
    const publisher = client(rig, 'pub');
    const next = (): number | undefined => publishes(publisher.publish({ topic: 't', qos: 2 }) && sub)[0]?.packetId;
    expect([next(), next(), next()]).toEqual([1, 2, 3]);
    sub.pubrec(1).pubrec(2, 0x80).pubrec(3).pubcomp(3);
    expect(next()).toBe(4);
    sub.puback(1).pubrec(4).pubcomp(4); // PUBACK is nothing to QoS 2
    expect([next(), rig.stats.inflightMessages]).toEqual([5, 2]);
    sub.pubcomp(1).pubrec(5).pubcomp(5);
    expect(next()).toBe(1);
  });

  test('v5 [MQTT-4.3.3-2] what leaves first at QoS 2 has QoS 2, an identifier and DUP 0', () => {
    const rig = openRig();
    const first = { type: 'publish', topic: 't', qos: 2, retain: false, dup: false };
    const publisher = client(rig, 'pub').publish({ topic: 't', payload: 'retained', qos: 2, dup: true, retain: true });
    const sub = resumable(rig, 'sub', { properties: { receiveMaximum: 2 } }).subscribe('t', { qos: 2 });
    expect(publishes(sub)).toEqual([{ ...first, payload: 'retained', retain: true, packetId: 1 }]);
    for (const payload of ['live', 'behind the window']) publisher.publish({ topic: 't', payload, qos: 2, dup: true });
    expect(publishes(sub)).toEqual([{ ...first, payload: 'live', packetId: 2 }]);
    expect(publishes(sub.pubrec(1).pubcomp(1))).toEqual([{ ...first, payload: 'behind the window', packetId: 3 }]);
    sub.pubrec(2).pubcomp(2).pubrec(3).pubcomp(3).drop();
    publisher.publish({ topic: 't', payload: 'queued', qos: 2, dup: true });
    expect(publishes(resumable(rig, 'sub'))).toEqual([{ ...first, payload: 'queued', packetId: 1 }]);
    const brief = client(rig, 'brief').subscribe('t', { qos: 2, rh: 2 }).skip(); // its session ends with its connection
    publisher.publish({ topic: 't', payload: 'live', qos: 2, dup: true });
    expect(publishes(brief)).toEqual([{ ...first, payload: 'live', packetId: 1 }]);
  });

  test('v5 [MQTT-4.3.3-3] a PUBLISH is unacknowledged until PUBREC has come', () => {
    const rig = openRig();
    const { sub, resumed } = sent(rig);
    rig.clock.advance(365 * 86_400_000);
    expect(short(sub.puback(1).pubcomp(1).received())).toEqual([]);
    sub.drop();
    for (let round = 0; round < 2; round += 1) expect(resumed()).toEqual(['publish 1 x']);
    const again = resumable(rig, 'sub');
    expect(publishes(again)).toMatchObject([{ dup: true, qos: 2, packetId: 1 }]);
    again.pubrec(1).drop();
    expect(resumed()).toEqual(['pubrel 1']);
  });

  test('v5 [MQTT-4.3.3-4] PUBREC is answered with PUBREL of its identifier; PUBREC with an error is not', () => {
    const rig = openRig();
    const sub = subscriber(rig, 'sub', 't', 2);
    const publisher = client(rig, 'pub');
    for (const reasonCode of [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]) {
      publisher.publish({ topic: 't', qos: 2 });
      const [{ packetId = 0 } = {}] = publishes(sub);
      expect([reasonCode, short(sub.pubrec(packetId, reasonCode).received())]).toEqual([reasonCode, reasonCode < 0x80 ? [`pubrel ${packetId}`] : []]);
      // The flags are those of PUBREL.
      if (reasonCode < 0x80) expect(sub.pubrec(packetId).receivedHex()).toBe(`62 02 00 0${packetId}`);
      sub.pubcomp(packetId);
      expect(rig.stats.inflightMessages).toBe(0);
    }
  });

  test('v5 [MQTT-4.3.3-5] a PUBREL is unacknowledged until PUBCOMP has come', () => {
    const rig = openRig();
    const { sub, resumed } = sent(rig);
    expect(short(sub.pubrec(1).puback(1).pubcomp(2).received())).toEqual(['pubrel 1']);
    expect(rig.stats.inflightMessages).toBe(1);
    sub.drop();
    for (let round = 0; round < 2; round += 1) expect(resumed()).toEqual(['pubrel 1']);
    resumable(rig, 'sub').pubcomp(1).drop();
    expect(resumed()).toEqual([]);
    expect(rig.stats).toMatchObject({ inflightMessages: 0, queuedMessages: 0 });
  });

  test.each([...waysDown, 'reconnect'] as const)('v5 [MQTT-4.3.3-6] once PUBREL was sent the PUBLISH is not sent again (%s)', async (how) => {
    const house = new House();
    const sub = resumable(house.rig, 'sub').subscribe('t', { qos: 2 }).skip();
    const publisher = client(house.rig, 'pub');
    for (const payload of ['1', '2', '3']) publisher.publish({ topic: 't', payload, qos: 2 });
    expect(short(sub.skip().pubrec(2).pubrec(3).received())).toEqual(['pubrel 2', 'pubrel 3']);
    sub.drop();
    const rig = how === 'reconnect' ? house.rig : await house[how]();
    for (let round = 0; round < 2; round += 1) {
      const again = resumable(rig, 'sub');
      expect(short(again.received()).toSorted()).toEqual(['publish 1 1', 'pubrel 2', 'pubrel 3']);
      again.drop();
    }
    // Also if PUBREC comes behind the reconnect and before the PUBLISH can go out again: the window is full.
    const narrow = resumable(rig, 'sub', { properties: { receiveMaximum: 2 } });
    expect(short(narrow.received())).toEqual(['pubrel 2', 'pubrel 3']);
    expect(short(narrow.pubrec(1).received())).toEqual(['pubrel 1']);
    expect(short(narrow.pubcomp(2).pubcomp(3).pubcomp(1).received())).toEqual([]);
    expect(rig.stats.inflightMessages).toBe(0);
  });

  test('v5 [MQTT-4.3.3-7] what was sent does not expire; what was not does', () => {
    const rig = openRig();
    const sub = resumable(rig, 'sub', { properties: { receiveMaximum: 1 } }).subscribe('t', { qos: 2 }).skip();
    const publisher = client(rig, 'pub');
    for (const payload of ['sent', 'waits']) publisher.publish({ topic: 't', payload, qos: 2, properties: { messageExpiryInterval: 5 } });
    expect(payloads(sub)).toEqual(['sent']);
    rig.clock.advance(3_600_000);
    sub.drop();
    rig.clock.advance(3_600_000);
    let again = resumable(rig, 'sub', { properties: { receiveMaximum: 1 } });
    expect(publishes(again)).toMatchObject([{ payload: 'sent', dup: true, packetId: 1 }]);
    expect(short(again.pubrec(1).received())).toEqual(['pubrel 1']);
    again.drop();
    again = resumable(rig, 'sub', { properties: { receiveMaximum: 1 } });
    expect(short(again.received())).toEqual(['pubrel 1']);
    expect(payloads(again.pubcomp(1))).toEqual([]);
    expect(rig.dropped).toEqual(['expired t sub']);
  });
});

describe('the receiver', () => {
  const denyingSome = (): Rig => openRig({ authorize: (_client, { type, topic }) => type !== 'publish' || topic !== 'denied' });
  const publish = (sender: ReturnType<typeof client>, packetId: number, payload: string, topic = 't', dup = false): string[] =>
    short(sender.publish({ topic, payload, qos: 2, packetId, dup }).received());

  test('v5 [MQTT-4.3.3-8] PUBREC has the identifier of the PUBLISH, accepted or refused', () => {
    const rig = denyingSome();
    const sub = subscriber(rig, 'sub', '#', 2);
    const publisher = client(rig, 'pub');
    for (const packetId of [1, 0x1234, 65_535]) expect(publish(publisher, packetId, 'x')).toEqual([`pubrec ${packetId}`]);
    expect(publish(publisher, 2, 'no', 'denied')).toEqual(['pubrec 2 0x87']);
    expect(payloads(sub)).toEqual(['x', 'x', 'x']);
    expectOpen(publisher);
  });

  test('v5 [MQTT-4.3.3-8] PUBREC waits for the store, and never comes when that fails', () => {
    const late = lateBroker();
    late.broker.on('error', () => undefined);
    const publisher = late.client().connect({ clientId: 'pub', clean: false, properties: { sessionExpiryInterval: 100 } });
    late.commit();
    expect(publish(publisher.skip(), 7, 'x')).toEqual([]);
    late.commit();
    expect(short(publisher.received())).toEqual(['pubrec 7 0x10']);
    late.storage.failNext();
    expect(publish(publisher, 8, 'x')).toEqual([]);
    late.commit();
    expectDisconnected(publisher, 0x83);
  });

  test('v5 [MQTT-4.3.3-9] behind PUBREC with an error the same identifier is a new message', () => {
    const rig = denyingSome();
    const sub = subscriber(rig, 'sub', '#', 2);
    const publisher = resumable(rig, 'pub');
    expect(publish(publisher, 5, 'no', 'denied')).toEqual(['pubrec 5 0x87']);
    expect(publish(publisher, 5, 'no', 'denied', true)).toEqual(['pubrec 5 0x87']);
    expect(publish(publisher, 5, 'yes', 't', true)).toEqual(['pubrec 5']);
    expect(publish(publisher, 5, 'yes', 't', true)).toEqual(['pubrec 5']);
    expect(payloads(sub)).toEqual(['yes']);
    expect(short(publisher.pubrel(5).received())).toEqual(['pubcomp 5']);
    // Nor is there anything to release behind the refusal.
    publish(publisher, 6, 'no', 'denied');
    expect(short(publisher.pubrel(6).received())).toEqual(['pubcomp 6 0x92']);
  });

  test.each([...waysDown, 'reconnect'] as const)('v5 [MQTT-4.3.3-10] until PUBREL the same identifier gets PUBREC again and is delivered once (%s)', async (how) => {
    const house = new House();
    resumable(house.rig, 'sub').subscribe('#', { qos: 2 }).drop();
    const publisher = resumable(house.rig, 'pub');
    expect(publish(publisher, 5, '1')).toEqual(['pubrec 5']);
    expect(publish(publisher, 5, '1', 't', true)).toEqual(['pubrec 5']);
    expect(publish(publisher, 5, 'another')).toEqual(['pubrec 5']); // the identifier decides, not DUP
    publisher.drop();
    const rig = how === 'reconnect' ? house.rig : await house[how]();
    const again = resumable(rig, 'pub');
    expect(publish(again, 5, '1', 't', true)).toEqual(['pubrec 5']);
    // Identifiers are each publisher's own.
    expect(publish(client(rig, 'other'), 5, 'of the other')).toEqual(['pubrec 5']);
    expect(payloads(resumable(rig, 'sub'))).toEqual(['1', 'of the other']);
  });

  test('v5 [MQTT-4.3.3-11] every PUBREL gets PUBCOMP of its identifier', () => {
    const rig = openRig();
    let publisher = resumable(rig, 'pub');
    publish(publisher, 5, 'x');
    publish(publisher, 0xabcd, 'x');
    expect(short(publisher.pubrel(0xabcd).received())).toEqual(['pubcomp 43981']);
    expect(short(publisher.pubrel(5).received())).toEqual(['pubcomp 5']);
    expect(short(publisher.pubrel(5).received())).toEqual(['pubcomp 5 0x92']);
    publish(publisher, 6, 'x');
    publisher.drop();
    publisher = resumable(rig, 'pub');
    expect(short(publisher.pubrel(6).received())).toEqual(['pubcomp 6']);
    expect(short(publisher.pubrel(6).pubrel(7).received())).toEqual(['pubcomp 6 0x92', 'pubcomp 7 0x92']);
    expectOpen(publisher);
  });

  test('v5 [MQTT-4.3.3-12] behind PUBCOMP the same identifier is a new message, whatever its DUP, also when resumed', () => {
    const rig = openRig();
    const sub = subscriber(rig, 'sub', '#', 2);
    let publisher = resumable(rig, 'pub');
    for (const [payload, dup] of [['1', false], ['2', true], ['3', false]] as const) {
      expect(publish(publisher, 5, payload, 't', dup)).toEqual(['pubrec 5']);
      expect(short(publisher.pubrel(5).received())).toEqual(['pubcomp 5']);
    }
    publisher.drop();
    publisher = resumable(rig, 'pub');
    expect(publish(publisher, 5, '4', 't', true)).toEqual(['pubrec 5']);
    expect(payloads(sub)).toEqual(['1', '2', '3', '4']);
  });

  test('v5 [MQTT-4.3.3-13] the flow goes on though the message has expired', () => {
    const rig = openRig();
    resumable(rig, 'sub').subscribe('t', { qos: 2 }).drop();
    let publisher = resumable(rig, 'pub');
    const send = (dup: boolean): string[] =>
      short(publisher.publish({ topic: 't', payload: 'x', qos: 2, packetId: 5, dup, properties: { messageExpiryInterval: 1 } }).received());
    expect(send(false)).toEqual(['pubrec 5']);
    rig.clock.advance(3_600_000);
    expect(payloads(resumable(rig, 'sub'))).toEqual([]); // it was applied
    expect(rig.dropped).toEqual(['expired t sub']);
    expect(send(true)).toEqual(['pubrec 5']);
    publisher.drop();
    publisher = resumable(rig, 'pub');
    expect(send(true)).toEqual(['pubrec 5']);
    expect(short(publisher.pubrel(5).received())).toEqual(['pubcomp 5']);
    expect(rig.stats.publishReceived).toBe(1);
  });

  test('v5 [X5-4.3.3-1] every refusal is decided before PUBREC, and never later', async () => {
    const questions = new Questions('publish');
    const rig = openRig({ authorize: questions.authorize });
    const publisher = client(rig, 'pub').publish({ topic: 't', qos: 2, packetId: 5 }).pubrel(5);
    await rig.settle();
    expect(publisher.received()).toEqual([]);
    expect(await questions.answerAll(rig, () => false)).toBe(1);
    expect(short(publisher.received())).toEqual(['pubrec 5 0x87', 'pubcomp 5 0x92']);
    publisher.publish({ topic: 't', qos: 2, packetId: 6 }).pubrel(6);
    expect(await questions.answerAll(rig)).toBe(1); // asked once, and not at PUBREL
    expect(short(publisher.received())).toEqual(['pubrec 6 0x10', 'pubcomp 6']);
  });

  test('v5 [X5-4.3.3-1] so it is with limits: a retained message without room is refused by PUBREC', () => {
    const rig = openRig({ retainedMessagesMax: 1 });
    const watcher = subscriber(rig, 'watcher', '#');
    const publisher = client(rig, 'pub').publish({ topic: 't', payload: 'x', qos: 2, packetId: 5, retain: true });
    publisher.publish({ topic: 'u', payload: 'y', qos: 2, packetId: 6, retain: true });
    expect(short(publisher.received())).toEqual(['pubrec 5', 'pubrec 6 0x97']);
    expect(payloads(watcher)).toEqual(['x']);
  });
});
