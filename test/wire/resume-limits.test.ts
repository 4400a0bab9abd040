/** Sending again under other conditions than before: a smaller window, smaller packets, a refusal. */
import { expect, test } from '@jest/globals';
import type { AuthorizeAnswer } from '../../src/index.js';
import { numbered, openRig, payloads, Questions, short } from './rig.js';
import type { Rig } from './rig.js';

/** Messages of QoS `qoses[i]` with payload i + 1 on topic `t<i + 1>`, unacknowledged at a resumable client that left. */
function leftInFlight(rig: Rig, qoses: readonly (1 | 2)[], pubrecs: readonly number[] = []): void {
  const subscriber = rig.resumable('sub').subscribe('#', { qos: 2 }).skip();
  const publisher = rig.client('pub');
  qoses.forEach((qos, index) => publisher.publish({ topic: `t${index + 1}`, payload: String(index + 1), qos }));
  for (const id of pubrecs) subscriber.pubrec(id);
  subscriber.drop();
}

test('v5 [MQTT-4.9.0-2] a Receive Maximum below what is in flight holds the rest back until there is room', () => {
  const rig = openRig();
  leftInFlight(rig, [1, 1, 2, 1, 1]);
  rig.client('pub').publish({ topic: 'new', payload: 'new', qos: 1 });
  const again = rig.resumable('sub', { properties: { receiveMaximum: 2 } });
  expect(short(again.received())).toEqual(['publish 1 1', 'publish 2 2']);
  expect(short(again.puback(2).received())).toEqual(['publish 3 3']);
  expect(short(again.pubrec(3).received())).toEqual(['pubrel 3']);
  expect(short(again.puback(1).received())).toEqual(['publish 4 4']);
  expect(short(again.pubcomp(3).received())).toEqual(['publish 5 5']);
  expect(short(again.puback(4).received())).toEqual(['publish 6 new']);
  again.puback(5).puback(6);
  expect(rig.stats).toMatchObject({ inflightMessages: 0, queuedMessages: 0 });
});

test('v5 X5-4.9-1 PUBRELs are not held back, and hold places', () => {
  const rig = openRig();
  leftInFlight(rig, [2, 2, 2, 1], [1, 2]);
  const again = rig.resumable('sub', { properties: { receiveMaximum: 1 } });
  expect(short(again.received())).toEqual(['pubrel 1', 'pubrel 2']);
  expect(again.pubcomp(1).received()).toEqual([]);
  expect(short(again.pubcomp(2).received())).toEqual(['publish 3 3']);
  expect(short(again.pubrec(3).pubcomp(3).received())).toEqual(['pubrel 3', 'publish 4 4']);
});

test('v5 [MQTT-4.9.0-2] acknowledging what is not sent again yet settles it and makes no room', () => {
  const rig = openRig();
  leftInFlight(rig, [1, 1, 1, 2, 1]);
  const again = rig.resumable('sub', { properties: { receiveMaximum: 1 } });
  expect(short(again.received())).toEqual(['publish 1 1']);
  // The client has 3 from the connection before; 4 it has refused.
  expect(again.puback(3).pubrec(4, 0x80).received()).toEqual([]);
  expect(short(again.puback(1).received())).toEqual(['publish 2 2']);
  expect(short(again.puback(2).received())).toEqual(['publish 5 5']);
  again.puback(5);
  expect(rig.stats.inflightMessages).toBe(0);
});

test('v5 [MQTT-4.3.3-6] PUBREC for what is not sent again yet moves it on to PUBREL, and its PUBLISH is not sent', () => {
  const rig = openRig();
  leftInFlight(rig, [1, 2, 1]);
  const again = rig.resumable('sub', { properties: { receiveMaximum: 1 } }).skip();
  expect(short(again.pubrec(2).received())).toEqual(['pubrel 2']);
  // 1 and 2 hold a place each now: the window is more than full, through no fault of the broker's.
  expect(again.puback(1).received()).toEqual([]);
  expect(short(again.pubcomp(2).received())).toEqual(['publish 3 3']);
});

test('v3.1.1 inflightMax of the new connection holds back likewise', () => {
  let inflightMax = 100;
  const rig = openRig({ authenticate: () => ({ action: 'allow', limits: { inflightMax } }) });
  leftInFlight(rig, [1, 1, 1]);
  inflightMax = 1;
  const again = rig.resumable('sub', { protocolVersion: 4 });
  expect(short(again.received())).toEqual(['publish 1 1']);
  expect(short(again.puback(1).puback(2).puback(3).received())).toEqual(['publish 2 2', 'publish 3 3']);
});

test('v5 [MQTT-3.1.2-24] [MQTT-3.1.2-25] what is too large for the new connection counts as delivered: dropped, its place free', () => {
  const rig = openRig();
  const subscriber = rig.resumable('sub').subscribe('#', { qos: 2 }).skip();
  const publisher = rig.client('pub');
  const large = 'x'.repeat(200);
  for (const [topic, payload, qos] of [['a', large, 1], ['b', 'small', 1], ['c', large, 2], ['d', large, 2], ['e', 'last', 2]] as const) {
    publisher.publish({ topic, payload, qos });
  }
  subscriber.pubrec(4).drop();
  const again = rig.resumable('sub', { properties: { maximumPacketSize: 100, receiveMaximum: 2 } });
  expect(short(again.received())).toEqual(['pubrel 4', 'publish 2 small']);
  expect(short(again.puback(2).received())).toEqual(['publish 5 last']);
  expect(rig.dropped).toEqual(['tooLarge a sub', 'tooLarge c sub']);
  expect(again.closed).toBe(false);
  // Not tried again where it would fit.
  again.drop();
  expect(short(rig.resumable('sub').received())).toEqual(['pubrel 4', 'publish 5 last']);
});

test('a denial withholds a PUBLISH as if it had been delivered; a PUBREL is sent always', () => {
  let allowed = true;
  const rig = openRig({ authorize: (_client, { type, topic }) => type !== 'deliver' || allowed || topic === 't3' });
  leftInFlight(rig, [1, 2, 1, 2], [2]);
  allowed = false;
  const again = rig.resumable('sub');
  expect(short(again.received())).toEqual(['pubrel 2', 'publish 3 3']);
  expect(rig.dropped).toEqual(['deliverDenied t1 sub', 'deliverDenied t4 sub']);
  expect(rig.stats.inflightMessages).toBe(2);
  allowed = true;
  again.pubcomp(2).drop();
  expect(short(rig.resumable('sub').received())).toEqual(['publish 3 3']);
});

test('a slow answer on replay holds what follows, of this client only; denied ones leave no gap', async () => {
  const questions = new Questions('deliver', ['sub']);
  let slow = false;
  const rig = openRig({ authorize: (client, action): AuthorizeAnswer | Promise<AuthorizeAnswer> => !slow || questions.authorize(client, action) });
  leftInFlight(rig, [1, 2, 1, 2], [4]);
  slow = true;
  const other = rig.subscriber('other', '#', 1);
  const publisher = rig.client('pub').publish({ topic: 't5', payload: '5', qos: 1 });
  const again = rig.resumable('sub');
  publisher.publish({ topic: 't6', payload: '6', qos: 1 });
  expect(payloads(other)).toEqual(['5', '6']);
  expect(short(again.received())).toEqual(['pubrel 4']);
  expect(short(again.pingreq().received())).toEqual(['pingresp']);
  const asked = await questions.answerAll(rig, ({ action }) => action.topic !== 't2');
  expect(asked).toBe(5);
  expect(short(again.received())).toEqual(['publish 1 1', 'publish 3 3', 'publish 5 5', 'publish 6 6']);
});

test('an answer for a connection that is gone changes nothing for the next one', async () => {
  const questions = new Questions('deliver', ['sub']);
  let slow = false;
  const rig = openRig({ authorize: (client, action): AuthorizeAnswer | Promise<AuthorizeAnswer> => !slow || questions.authorize(client, action) });
  leftInFlight(rig, [1, 1]);
  slow = true;
  const second = rig.resumable('sub');
  const third = rig.resumable('sub');
  questions.answer(false); // asked for the second
  await rig.settle();
  expect(second.received()).toMatchObject([{ type: 'disconnect', reasonCode: 0x8e }]);
  expect(await questions.answerAll(rig)).toBe(2);
  expect(short(third.received())).toEqual(['publish 1 1', 'publish 2 2']);
  expect(rig.dropped).toEqual([]);
});

test('a resume with many in flight keeps the order under any small window', () => {
  for (const receiveMaximum of [1, 3, 50]) {
    const rig = openRig();
    leftInFlight(rig, Array<1>(120).fill(1));
    const again = rig.resumable('sub', { properties: { receiveMaximum } });
    const seen: (string | undefined)[] = [];
    for (let sent = payloads(again); sent.length > 0; sent = payloads(again)) {
      expect(sent.length).toBeLessThanOrEqual(receiveMaximum);
      for (const payload of sent) again.puback(Number(payload));
      seen.push(...sent);
    }
    expect(seen).toEqual(numbered(120));
  }
});
