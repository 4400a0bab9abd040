/** MQTT 5.0, chapter 3.8.4: how SUBSCRIBE is answered. */
import { expect, test } from '@jest/globals';
import type { AuthorizeAnswer } from '../../../src/index.js';
import { numbered, openRig, payloads, publishes, Questions, short } from '../../wire/rig.js';
import { client, expectOpen, qoses } from './support.js';

test('v5 [MQTT-3.8.4-1] every SUBSCRIBE gets a SUBACK, also when all of it is refused', async () => {
  const rig = openRig({
    authorize: (_client, { topic }): AuthorizeAnswer | Promise<AuthorizeAnswer> => {
      if (topic === 'throws') throw new Error('broken rule');
      return topic === 'later' ? Promise.resolve(false) : topic !== 'no';
    },
  });
  rig.broker.on('hookError', () => undefined);
  const sub = client(rig, 'c').publish({ topic: 'yes', qos: 2, packetId: 9 }).skip();
  sub.subscribe('yes').subscribe('no').subscribe(['no', 'yes', 'no']).subscribe('later').subscribe('yes').subscribe('throws');
  sub.subscribe(['yes', 'yes'], { packetId: 9 });
  await rig.settle();
  expect(short(sub.received())).toEqual([
    'suback 1 0x00',
    'suback 2 0x87',
    'suback 3 0x87 0x00 0x87',
    'suback 4 0x87',
    'suback 5 0x00',
    'suback 6 0x87',
    'suback 9 0x91 0x91', // the identifier is in use
  ]);
  expectOpen(sub);
});

test('v5 [MQTT-3.8.4-2] SUBACK has the identifier of its SUBSCRIBE', async () => {
  const questions = new Questions('subscribe');
  const rig = openRig({
    authorize: (asking, action): AuthorizeAnswer | Promise<AuthorizeAnswer> => (action.topic === 'slow' ? questions.authorize(asking, action) : action.topic !== 'no'),
  });
  const sub = client(rig, 'c');
  for (const packetId of [1, 2, 256, 65_535, 300]) {
    expect(short(sub.subscribe('t', { packetId }).received())).toEqual([`suback ${packetId} 0x00`]);
    expect(short(sub.subscribe('no', { packetId }).received())).toEqual([`suback ${packetId} 0x87`]);
  }
  sub.subscribe('slow', { packetId: 700 }).subscribe('t', { packetId: 3 });
  await questions.answerAll(rig);
  expect(short(sub.received())).toEqual(['suback 700 0x00', 'suback 3 0x00']);
});

test('v5 [MQTT-3.8.4-5] several filters are taken one after the other and answered by one SUBACK', () => {
  const rig = openRig({ authorize: (_client, { topic }) => topic !== 'no' });
  const publisher = client(rig, 'pub').publish({ topic: 'a', payload: 'kept', qos: 2, retain: true });
  const sub = client(rig, 'sub').subscribe([{ topic: 'a', qos: 2, rh: 1 }, { topic: 'no', qos: 1 }, { topic: 'b', qos: 1 }, { topic: 'a', qos: 1, rh: 1 }]);
  const [suback, ...retained] = sub.received();
  expect(suback).toEqual({ type: 'suback', packetId: 1, reasonCodes: [2, 0x87, 1, 1] });
  // The second `a` found a subscription: with Retain Handling 1 it is sent nothing.
  expect(retained.map(({ payload }) => payload)).toEqual(['kept']);
  publisher.publish({ topic: 'a', payload: '1', qos: 2 }).publish({ topic: 'b', payload: '2', qos: 2 });
  // The second `a` replaced the first.
  expect(publishes(sub)).toMatchObject([{ payload: '1', qos: 1 }, { payload: '2', qos: 1 }]);
  expect(rig.stats.subscriptions).toBe(2);
});

test('v5 [MQTT-3.8.4-5] one SUBACK, too, when a hook takes its time over each; a quota ends within the packet', async () => {
  const questions = new Questions('subscribe');
  const rig = openRig({ authorize: questions.authorize, subscriptionsMax: 2 });
  const sub = client(rig, 'sub').subscribe(['a', 'no', 'b', 'c', 'a'], { qos: 1 }).pingreq();
  const asked: string[] = [];
  await questions.answerAll(rig, ({ action }) => {
    asked.push(action.topic);
    expect(sub.received()).toEqual([]);
    return action.topic !== 'no';
  });
  expect(asked).toEqual(['a', 'no', 'b', 'c', 'a']);
  expect(short(sub.received())).toEqual(['suback 1 0x01 0x87 0x01 0x97 0x01', 'pingresp']);
  const publisher = client(rig, 'pub');
  for (const topic of ['a', 'no', 'b', 'c']) publisher.publish({ topic, payload: topic });
  expect(payloads(sub)).toEqual(['a', 'b']);
});

test('v5 [MQTT-3.8.4-6] SUBACK has a Reason Code for each filter', () => {
  const rig = openRig({ subscriptionsMax: 4 });
  const topics = numbered(300);
  for (const count of [1, 2, 3, 4, 5, 6, 127, 300]) {
    const [suback] = client(rig, `c${count}`).subscribe(topics.slice(0, count)).received();
    expect(suback?.reasonCodes).toEqual(Array.from({ length: count }, (_, index) => (index < 4 ? 0 : 0x97)));
    // One that is there already, and one twice in the packet, have theirs as well.
    expect(client(rig, `d${count}`).subscribe(Array(count).fill('same')).last()?.reasonCodes).toEqual(Array(count).fill(0));
  }
});

test.each(qoses)('v5 [MQTT-3.8.4-7] each Reason Code is the QoS granted, and that is what is delivered: at most QoS %i for this client', (maximumQoS) => {
  const rig = openRig({
    authenticate: ({ clientId }) => ({ action: 'allow', ...(clientId === 'sub' && { limits: { maximumQoS } }) }),
    authorize: (_client, { type, topic }) => type !== 'subscribe' || topic !== 'no',
    subscriptionsMax: 3,
  });
  const sub = client(rig, 'sub').subscribe([{ topic: '0', qos: 0 }, { topic: '1', qos: 1 }, { topic: 'no', qos: 2 }, { topic: '2', qos: 2 }, { topic: 'many', qos: 2 }]);
  const granted = qoses.map((qos) => Math.min(qos, maximumQoS));
  expect(sub.received()).toMatchObject([{ reasonCodes: [granted[0], granted[1], 0x87, granted[2], 0x97] }]);
  const publisher = client(rig, 'pub');
  for (const topic of ['0', '1', '2', 'no', 'many']) publisher.publish({ topic, payload: topic, qos: 2 });
  const delivered = publishes(sub).toSorted((a, b) => (a.payload ?? '').localeCompare(b.payload ?? ''));
  // Nothing for those that failed.
  expect(delivered.map(({ payload, qos }) => [payload, qos])).toEqual(granted.map((qos, index) => [String(index), qos]));
});
