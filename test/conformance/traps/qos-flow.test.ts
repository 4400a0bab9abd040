/** Traps 34 to 43: QoS and flow control. */
import { describe, expect, test } from '@jest/globals';
import type { WireClient } from '../../../src/testing/index.js';
import { commitMs, lateBroker } from '../../support/late-broker.js';
import { House, waysDown } from '../../wire/house.js';
import { numbered, openRig, payloads, publishes, Questions, short, type Rig } from '../../wire/rig.js';
import { resumable } from '../v5/support.js';
import { expectBroken, expectServed, lasting, named } from './support.js';

const modern = named.slice(1);

/** `qoses[i]` is that of payload i + 1, all to topic `t`. */
function publishAll(rig: Rig, qoses: readonly (0 | 1 | 2)[]): void {
  const pub = rig.client('publisher');
  qoses.forEach((qos, index) => pub.publish({ topic: 't', payload: String(index + 1), qos }));
}
const idsOf = (sent: WireClient): (number | undefined)[] => publishes(sent).map(({ packetId }) => packetId);

describe('when PUBACK and PUBREC leave', () => {
  test.each(named)('trap 34: after authorization, however late, and then in order (%s)', async (_name, protocolVersion) => {
    const questions = new Questions('publish');
    const rig = openRig({ authorize: questions.authorize });
    const watcher = rig.subscriber('watcher', '#', 2);
    const sent = rig.client('a', { protocolVersion }).publish({ topic: 't', payload: '1', qos: 1 }).publish({ topic: 't', payload: '2', qos: 2 });
    await rig.settle();
    expect([sent.receivedHex(), watcher.received()]).toEqual(['', []]);
    await questions.answerAll(rig);
    expect([short(sent.received()), payloads(watcher)]).toEqual([['puback 1', 'pubrec 2'], ['1', '2']]);
  });

  test('trap 34: after the quota: a message that the retained store has no room for is refused whole', () => {
    const rig = openRig({ retainedMessagesMax: 1 });
    const watcher = rig.subscriber('watcher', '#', 2);
    const sent = rig.client('a').publish({ topic: 't', payload: 'x', qos: 1, retain: true });
    for (const qos of [1, 2] as const) sent.publish({ topic: 'u', payload: 'x', qos, packetId: qos + 1, retain: true });
    expect([short(sent.received()), publishes(watcher).map(({ topic }) => topic)]).toEqual([['puback 1', 'puback 2 0x97', 'pubrec 3 0x97'], ['t']]);
  });

  test.each(named)('trap 34: after the store has the message, and not at all when the store fails (%s)', (_name, protocolVersion) => {
    for (const qos of [1, 2] as const) {
      const late = lateBroker();
      const sub = late.client().connect({ clientId: 'sub', clean: false, properties: { sessionExpiryInterval: 100 } });
      late.commit();
      sub.subscribe('#', { qos: 2 }).disconnect();
      late.commit();
      const sent = late.client({ protocolVersion }).connected({ clientId: 'a' }).publish({ topic: 't', qos, packetId: 1 });
      late.clock.advance(commitMs - 1);
      expect(sent.receivedHex()).toBe('');
      late.clock.advance(1);
      expect(short(sent.received())).toEqual([qos === 1 ? 'puback 1' : 'pubrec 1']);
      late.broker.on('error', () => undefined);
      late.storage.failNext();
      sent.publish({ topic: 't', qos, packetId: 2 });
      late.commit();
      expectBroken(sent, 0x83);
      void late.broker.close();
      late.commit();
    }
  });
});

describe('the QoS 2 receiver', () => {
  test.each(named)('trap 35: one id is one message until PUBREL, DUP or not, on this connection and the next (%s)', (_name, protocolVersion) => {
    const rig = openRig();
    const watcher = rig.subscriber('watcher', 't', 2);
    let sent = rig.client('a', lasting(protocolVersion));
    const publish = (payload: string, dup: boolean): string[] => short(sent.publish({ topic: 't', payload, qos: 2, packetId: 7, dup }).received());
    for (const dup of [false, true, false, true]) expect(publish('once', dup)).toEqual(['pubrec 7']);
    sent.drop();
    sent = rig.client('a', lasting(protocolVersion));
    expect(publish('again', false)).toEqual(['pubrec 7']);
    expect(short(sent.pubrel(7).received())).toEqual(['pubcomp 7']);
    expect(publish('new', true)).toEqual(['pubrec 7']); // after PUBCOMP, whatever DUP says
    expect(payloads(watcher)).toEqual(['once', 'new']);
  });

  test.each(waysDown)('trap 35: and after a %s', async (down) => {
    for (const [, protocolVersion] of modern) {
      const house = new House();
      resumable(house.rig, 'watcher').subscribe('t', { qos: 1 }).drop();
      house.rig.client('a', lasting(protocolVersion)).publish({ topic: 't', payload: 'once', qos: 2, packetId: 7 }).publish({ topic: 't', payload: 'done', qos: 2, packetId: 8 }).pubrel(8);
      const rig = await house[down]();
      const sent = rig.client('a', lasting(protocolVersion));
      for (const [packetId, payload] of [[7, 'again'], [8, 'new']] as const) sent.publish({ topic: 't', payload, qos: 2, packetId, dup: true });
      expect(short(sent.received())).toEqual(['pubrec 7', 'pubrec 8']);
      expect(payloads(resumable(rig, 'watcher'))).toEqual(['once', 'done', 'new']);
    }
  });

  test('trap 35: after PUBREC with an error the id is new: a repeat is judged again', () => {
    let isAllowed = false;
    const rig = openRig({ authorize: (_client, { type }) => type !== 'publish' || isAllowed });
    const watcher = rig.subscriber('watcher', 't', 2);
    const sent = rig.client('a').publish({ topic: 't', payload: 'x', qos: 2, packetId: 7 });
    isAllowed = true;
    sent.publish({ topic: 't', payload: 'y', qos: 2, packetId: 7, dup: true }).pubrel(7);
    expect([short(sent.received()), payloads(watcher)]).toEqual([['pubrec 7 0x87', 'pubrec 7', 'pubcomp 7'], ['y']]);
  });

  test.each(named)('trap 35: PUBREL for an unknown id is answered with PUBCOMP, 0x92 in 5.0, and closes nothing (%s)', (_name, protocolVersion) => {
    const sent = openRig().client('a', { protocolVersion });
    const told = protocolVersion === 5 ? 'pubcomp 9 0x92' : 'pubcomp 9';
    expect(short(sent.pubrel(9).pubrel(9).received())).toEqual([told, told]);
    sent.publish({ topic: 't', qos: 2, packetId: 9 }).pubrel(9).pubrel(9);
    expect(short(sent.received().slice(1))).toEqual(['pubcomp 9', told]);
    expectServed(sent);
  });
});

test.each(named)('trap 36: the QoS 1 receiver takes an id that it has acknowledged as a new message, DUP or not (%s)', async (_name, protocolVersion) => {
  const rig = openRig();
  const watcher = rig.subscriber('watcher', 't', 1);
  const sent = rig.client('a', lasting(protocolVersion));
  for (const [payload, dup] of [['1', false], ['2', true], ['2', true], ['3', false]] as const) sent.publish({ topic: 't', payload, qos: 1, packetId: 7, dup });
  expect([short(sent.received()), payloads(watcher)]).toEqual([Array(4).fill('puback 7'), ['1', '2', '2', '3']]);
  rig.client('a', lasting(protocolVersion)).publish({ topic: 't', payload: '3', qos: 1, packetId: 7, dup: true });
  expect(payloads(watcher)).toEqual(['3']);
});

describe('the QoS 2 sender', () => {
  test.each(waysDown)('trap 37: after PUBREC it sends PUBREL again and PUBLISH never, on each connection and after a %s', async (down) => {
    for (const [, protocolVersion] of modern) {
      const house = new House();
      const first = house.rig.client('a', lasting(protocolVersion)).subscribe('t', { qos: 2 }).skip();
      publishAll(house.rig, [2, 2]);
      expect(short(first.skip().pubrec(2).received())).toEqual(['pubrel 2']);
      first.drop();
      let rig = house.rig;
      for (let round = 0; round < 3; round += 1) {
        const again = rig.client('a', lasting(protocolVersion));
        expect(short(again.received()).toSorted()).toEqual(['publish 1 1', 'pubrel 2']);
        expect(short(again.pubrec(2).received())).toEqual(['pubrel 2']); // a repeated PUBREC
        if (round === 0) again.drop();
        else rig = await house[down]();
      }
      const last = rig.client('a', lasting(protocolVersion)).skip().pubcomp(2).pubrec(1).pubcomp(1);
      expect([short(last.received()), rig.stats.inflightMessages]).toEqual([['pubrel 1'], 0]);
    }
  });

  test('trap 37: PUBREC with an error ends the flow: no PUBREL, no repeat, its id and place are free', () => {
    const rig = openRig();
    for (const code of [0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]) {
      const a = resumable(rig, 'a', { properties: { receiveMaximum: 1 } }).subscribe('t', { qos: 2 }).skip();
      publishAll(rig, [2, 2]);
      expect(short(a.received())).toEqual(['publish 1 1']);
      expect(short(a.pubrec(1, code).received())).toEqual(['publish 1 2']);
      a.pubrec(1, code).drop();
      expect(resumable(rig, 'a').received()).toEqual([]);
    }
    const fine = rig.subscriber('b', 't', 2);
    publishAll(rig, [2]);
    expect(short(fine.skip().pubrec(1, 0x10).received())).toEqual(['pubrel 1']); // below 0x80 is success
  });
});

test.each(modern)('trap 38: what is unacknowledged is sent again on resume, in order, with its ids and DUP 1, before anything new (%s)', (_name, protocolVersion) => {
  const rig = openRig();
  const first = rig.client('a', lasting(protocolVersion)).subscribe('t', { qos: 2 }).skip();
  publishAll(rig, [1, 2, 2, 1, 2]);
  expect(publishes(first).every(({ dup }) => dup === false)).toBe(true);
  first.pubrec(3).puback(4).drop();
  rig.client('pub').publish({ topic: 't', payload: 'queued', qos: 1 });
  const again = rig.client('a', lasting(protocolVersion));
  rig.client('pub').publish({ topic: 't', payload: 'new', qos: 1 });
  const seen = again.received();
  expect(short(seen).filter((line) => line !== 'pubrel 3')).toEqual(['publish 1 1', 'publish 2 2', 'publish 5 5', 'publish 6 queued', 'publish 7 new']);
  expect(short(seen).filter((line) => line === 'pubrel 3')).toHaveLength(1);
  expect(publishes(again)).toEqual([]);
  expect(seen.filter(({ type }) => type === 'publish').map(({ dup }) => dup)).toEqual([true, true, true, false, false]);
});

test.each(named)('trap 38: there is no retry while the connection stands, however long the client is silent (%s)', (_name, protocolVersion) => {
  const rig = openRig();
  const a = rig.client('a', lasting(protocolVersion)).subscribe('t', { qos: 2 }).skip();
  publishAll(rig, [1, 2]);
  expect(publishes(a)).toHaveLength(2);
  a.pubrec(2).skip();
  rig.clock.advance(1e9);
  expectServed(a.pingreq());
  expect(a.received()).toEqual([]);
});

describe('packet identifiers', () => {
  const burst = (rig: Rig, count: number): void => {
    for (let sent = 0; sent < count; sent += 1) void rig.broker.publish('t', '', { qos: 1 });
    rig.clock.flush();
  };
  const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index);
  /** Those of QoS 1 PUBLISHes of 3.1.1 with topic `t` and no payload, seven bytes each, in one string: it compares faster. */
  function idsIn(sent: WireClient): string {
    const bytes = Buffer.from(sent.receivedHex().replaceAll(' ', ''), 'hex');
    return Array.from({ length: bytes.length / 7 }, (_, nth) => bytes.readUInt16BE(nth * 7 + 5)).join();
  }
  const pubacks = (ids: readonly number[]): Buffer => Buffer.from(ids.flatMap((id) => [0x40, 2, id >> 8, id & 0xff]));

  test('trap 39: they go on behind 65,535 with the first that is free, and are never 0 or in flight', () => {
    const rig = openRig({ inflightMax: 10_000 });
    const sub = rig.subscriber('sub', 't', 1, { protocolVersion: 4 });
    burst(rig, 4);
    expect(idsIn(sub)).toBe('1,2,3,4');
    sub.puback(2);
    for (let last = 4; last < 65_535; ) {
      const ids = range(last + 1, Math.min(last + 9000, 65_535));
      burst(rig, ids.length);
      expect(idsIn(sub)).toBe(ids.join());
      sub.sendsBytes(pubacks(ids));
      last += ids.length;
    }
    burst(rig, 3);
    expect(idsIn(sub)).toBe('2,5,6');
  });

  test('trap 39: when all are in flight the next message waits for one, and nothing fails', () => {
    const rig = openRig({ inflightMax: 65_535, queueMessagesMax: 100_000 });
    const sub = rig.subscriber('sub', 't', 1, { protocolVersion: 4 });
    burst(rig, 65_537);
    expect(idsIn(sub)).toBe(range(1, 65_535).join());
    expect(rig.stats).toMatchObject({ inflightMessages: 65_535, queuedMessages: 2 });
    expect(idsIn(sub.puback(40_000))).toBe('40000');
    expect(idsIn(sub.puback(65_535))).toBe('65535');
    sub.drop();
  });

  test.each(waysDown)('trap 39: those of a stored session count as in flight when it is resumed, also after a %s', async (down) => {
    for (const [, protocolVersion] of modern) {
      const house = new House();
      const a = house.rig.client('a', lasting(protocolVersion)).subscribe('t', { qos: 2 }).skip();
      publishAll(house.rig, [2, 1, 1, 2]);
      a.skip().pubrec(1).puback(2).puback(3).drop();
      const rig = await house[down]();
      const again = rig.client('a', lasting(protocolVersion)).skip();
      publishAll(rig, [1, 1, 2]);
      const ids = idsOf(again);
      expect([ids.length, new Set([0, 1, 4, ...ids]).size]).toEqual([3, 6]);
    }
  });
});

describe('the window of the client', () => {
  const window2 = { properties: { receiveMaximum: 2 } };

  test('trap 40: QoS 1 and 2 together fill it; PUBACK, PUBCOMP and PUBREC with an error free a place, PUBREC alone does not', () => {
    const rig = openRig();
    const a = rig.subscriber('a', 't', 2, window2);
    publishAll(rig, [1, 2, 1, 2, 1, 2]);
    expect(short(a.received())).toEqual(['publish 1 1', 'publish 2 2']);
    expect(short(a.pubrec(2).received())).toEqual(['pubrel 2']);
    expect(short(a.puback(1).received())).toEqual(['publish 3 3']);
    expect(short(a.pubcomp(2).received())).toEqual(['publish 4 4']);
    expect(short(a.pubrec(4, 0x97).received())).toEqual(['publish 5 5']);
    expect(short(a.puback(9).pubcomp(3).pubcomp(9).received())).toEqual([]); // nothing of this is in flight
    expect(rig.stats).toMatchObject({ inflightMessages: 2, queuedMessages: 1 });
  });

  test('trap 40: what is sent again counts, PUBREL too; each connection has its own value', () => {
    const rig = openRig();
    const first = resumable(rig, 'a').subscribe('t', { qos: 2 }).skip();
    publishAll(rig, [2, 1, 1]);
    first.skip().pubrec(1).drop();
    publishAll(rig, [1]);
    const again = resumable(rig, 'a', window2);
    expect(short(again.received()).toSorted()).toEqual(['publish 2 2', 'pubrel 1']); // two, and 3 has to wait
    expect(short(again.pubcomp(1).received())).toEqual(['publish 3 3']);
    expect(short(again.puback(2).received())).toEqual(['publish 4 1']);
    again.drop();
    publishAll(rig, [1, 1]);
    expect(publishes(resumable(rig, 'a'))).toHaveLength(4);
  });

  test('trap 40: QoS 0 passes a full window', () => {
    const rig = openRig();
    const a = rig.subscriber('a', 't', 2, window2);
    publishAll(rig, [1, 2, 1, 0, 0]);
    expect(payloads(a)).toEqual(['1', '2', '4', '5']);
    expect(payloads(a.puback(1))).toEqual(['3']);
  });

  test.each(named)('trap 41: a full window holds no acknowledgement, no PINGRESP, no SUBACK and no reading (%s)', (_name, protocolVersion) => {
    const rig = openRig({ inflightMax: 1 });
    const watcher = rig.subscriber('watcher', 'other');
    const a = rig.subscriber('a', 't', 2, { protocolVersion });
    publishAll(rig, [2, 1, 2]);
    expect(short(a.received())).toEqual(['publish 1 1']);
    a.publish({ topic: 'other', payload: 'x', qos: 1, packetId: 50 }).publish({ topic: 'other', payload: 'y', qos: 2, packetId: 51 }).pubrel(51).subscribe('u', { packetId: 52 });
    a.unsubscribe('u', { packetId: 53 }).pingreq().pubrec(1);
    const unsuback = protocolVersion === 5 ? 'unsuback 53 0x00' : 'unsuback 53';
    expect(short(a.received())).toEqual(['puback 50', 'pubrec 51', 'pubcomp 51', 'suback 52 0x00', unsuback, 'pingresp', 'pubrel 1']);
    expect(payloads(watcher)).toEqual(['x', 'y']);
  });
});

describe('the broker’s own Receive Maximum', () => {
  test('trap 42: one QoS 1 or 2 too many gets 0x93 and goes nowhere; QoS 2 counts until PUBCOMP, a repeat is not one more', async () => {
    for (const qos of [1, 2] as const) {
      const rig = openRig({ receiveMaximum: 2 });
      const watcher = rig.subscriber('watcher', 't');
      const a = rig.client('a').publish({ topic: 't', payload: '1', qos: 2, packetId: 1 }).publish({ topic: 't', payload: '2', qos: 2, packetId: 2 });
      a.publish({ topic: 't', qos: 2, packetId: 1, dup: true }).publish({ topic: 't', payload: '0' }).skip();
      a.pubrel(1).publish({ topic: 't', payload: '3', qos: 2, packetId: 3 }).skip();
      expectBroken(a.publish({ topic: 't', payload: '4', qos, packetId: 4 }), 0x93);
      expect(payloads(watcher)).toEqual(['1', '2', '0', '3']);
    }
    const questions = new Questions('publish');
    const rig = openRig({ receiveMaximum: 2, authorize: questions.authorize });
    const a = rig.client('a');
    for (const packetId of [1, 2, 3]) a.publish({ topic: 't', qos: 1, packetId });
    await questions.answerAll(rig); // answered one by one, so never more than one is unacknowledged
    expect(short(a.received())).toEqual(['puback 1 0x10', 'puback 2 0x10', 'puback 3 0x10']);
  });

  test('trap 42: it counts what the store still keeps from its PUBACK, and anew on each connection', () => {
    const late = lateBroker({ receiveMaximum: 2 });
    const sub = late.client().connect({ clientId: 'sub', clean: false, properties: { sessionExpiryInterval: 100 } });
    late.commit();
    sub.subscribe('#', { qos: 2 });
    late.commit();
    const a = late.client().connected({ clientId: 'a' });
    for (const packetId of [1, 2, 3]) a.publish({ topic: 't', qos: 1, packetId });
    expectBroken(a, 0x93);
    const next = late.client().connected({ clientId: 'a' }).publish({ topic: 't', qos: 1 }).publish({ topic: 't', qos: 1 });
    late.commit();
    expect(short(next.received())).toEqual(['puback 1', 'puback 2']);
    void late.broker.close();
    late.commit();
  });
});

describe('order', () => {
  test.each(named)('trap 43: with hooks that answer late a publisher’s messages keep theirs, and so do its acknowledgements (%s)', async (_name, protocolVersion) => {
    const questions = new Questions('publish');
    const rig = openRig({ authorize: questions.authorize });
    const watcher = rig.subscriber('watcher', 't', 2);
    const a = rig.client('a', { protocolVersion });
    const qoses = [1, 2, 0, 2, 1, 0, 1, 2] as const;
    qoses.forEach((qos, index) => a.publish({ topic: 't', payload: String(index), qos, packetId: index + 1 }));
    // Questions come one by one: a parallel hook could not answer out of order.
    expect(questions.open).toHaveLength(1);
    expect(await questions.answerAll(rig, ({ action }) => action.qos !== 0)).toBe(8);
    expect(short(a.received())).toEqual(['puback 1', 'pubrec 2', 'pubrec 4', 'puback 5', 'puback 7', 'pubrec 8']);
    expect(payloads(watcher)).toEqual(['0', '1', '3', '4', '6', '7']);
  });

  test.each(named)('trap 43: a deliver hook that answers late keeps it for each subscriber, and holds no other (%s)', async (_name, protocolVersion) => {
    const questions = new Questions('deliver', ['slow']);
    const rig = openRig({ authorize: questions.authorize });
    const [slow, quick] = ['slow', 'quick'].map((clientId) => rig.subscriber(clientId, 't', 2, { protocolVersion })) as [WireClient, WireClient];
    publishAll(rig, [1, 2, 0, 1, 2, 0, 1]);
    expect(payloads(quick)).toEqual(numbered(7));
    expect(payloads(slow)).toEqual([]);
    await questions.answerAll(rig);
    const got = publishes(slow);
    for (const qos of [0, 1, 2]) {
      const own = got.filter((each) => each.qos === qos).map(({ payload }) => Number(payload));
      expect(own).toEqual(own.toSorted((one, other) => one - other));
    }
    expect(got).toHaveLength(7);
  });

  test.each(modern)('trap 43: on resume the live stream does not overtake the queue of the absent client (%s)', (_name, protocolVersion) => {
    const rig = openRig();
    rig.client('a', lasting(protocolVersion)).subscribe('t', { qos: 1 }).drop();
    publishAll(rig, Array<1>(20).fill(1));
    const options = lasting(protocolVersion);
    const again = rig.client('a', { ...options, ...(protocolVersion === 5 && { properties: { ...options.properties, receiveMaximum: 3 } }) });
    const pub = rig.client('pub');
    const got: (string | undefined)[] = [];
    for (let next = 21; got.length < 40 && next < 100; next += 1) {
      if (next <= 40) pub.publish({ topic: 't', payload: String(next), qos: 1 });
      for (const { payload, packetId = 0 } of publishes(again)) {
        got.push(payload);
        again.puback(packetId);
      }
    }
    expect(got).toEqual(numbered(40));
  });
});
