/** Shared subscriptions: a member that may not have a message, or cannot take it. */
import { expect, test } from '@jest/globals';
import type { AuthorizeAnswer, BrokerOptions } from '../../src/index.js';
import type { WireClient } from '../../src/testing/index.js';
import { numbered, openRig, payloads, publishes, Questions, short } from './rig.js';
import type { Rig } from './rig.js';

const filter = '$share/g/#';

/** Clients whose name begins with `no` are refused what is below `secret`. */
const refuseSome: BrokerOptions = {
  authorize: ({ id }, { type, topic }) => type !== 'deliver' || !id.startsWith('no') || !topic.startsWith('secret'),
};

function members(rig: Rig, ids: readonly string[], qos: 0 | 1 | 2): WireClient[] {
  return ids.map((id) => rig.subscriber(id, filter, qos));
}

test.each([0, 1, 2] as const)('a refused member means the next one, at QoS %i', (qos) => {
  const rig = openRig(refuseSome);
  const [no1, no2, yes] = members(rig, ['no1', 'no2', 'yes'], 2) as [WireClient, WireClient, WireClient];
  const publisher = rig.client('pub');
  for (const payload of numbered(6)) publisher.publish({ topic: 'secret', payload, qos });
  expect([payloads(no1), payloads(no2), payloads(yes)]).toEqual([[], [], numbered(6)]);
  for (const payload of numbered(3)) publisher.publish({ topic: 'open', payload, qos: 0 });
  expect([no1, no2, yes].map((client) => payloads(client).length)).toEqual(qos === 0 ? [1, 1, 1] : [2, 1, 0]);
  expect(rig.dropped).toEqual([]);
});

test.each([0, 1, 2] as const)('refused to all who are online it is dropped and counted once; what follows is not held up, at QoS %i', (qos) => {
  const rig = openRig(refuseSome);
  rig.resumable('yes').subscribe(filter, { qos: 2 }).drop(); // away
  const [no1, no2] = members(rig, ['no1', 'no2'], 2) as [WireClient, WireClient];
  const publisher = rig.client('pub');
  for (const topic of ['secret', 'a', 'secret', 'b']) publisher.publish({ topic, qos });
  const seen = [...publishes(no1), ...publishes(no2)].map(({ topic }) => topic);
  expect(seen.toSorted((a = '', b = '') => a.localeCompare(b))).toEqual(['a', 'b']);
  expect(rig.dropped).toEqual(Array(2).fill('deliverDenied secret undefined'));
  expect(rig.stats.queuedMessages).toBe(0);
});

test.each([0, 1, 2] as const)('slow answers: each message still reaches a member that may have it, at QoS %i', async (qos) => {
  const questions = new Questions('deliver');
  const rig = openRig({ authorize: questions.authorize });
  const [no, yes] = members(rig, ['no', 'yes'], 2) as [WireClient, WireClient];
  const publisher = rig.client('pub');
  for (const payload of numbered(4)) publisher.publish({ topic: 'a', payload, qos });
  await questions.answerAll(rig, ({ clientId }) => clientId === 'yes');
  const seen = payloads(yes).toSorted((a = '', b = '') => a.localeCompare(b));
  expect(seen).toEqual(qos === 0 ? expect.arrayContaining(['1', '2']) : numbered(4));
  expect(no.received()).toEqual([]);
  // At QoS 0 what stood in line behind a question was that member's, for better or worse: counted.
  expect(seen.length + rig.dropped.length).toBe(4);
  expect(rig.stats.queuedMessages).toBe(0);
});

test('QoS 0 waits for the only member’s slow answer instead of being lost', async () => {
  const questions = new Questions('deliver');
  const rig = openRig({ authorize: questions.authorize });
  const only = rig.subscriber('only', filter, 0);
  const publisher = rig.client('pub');
  for (const payload of numbered(5)) publisher.publish({ topic: 'a', payload });
  expect(only.received()).toEqual([]);
  expect(await questions.answerAll(rig)).toBe(5);
  expect(payloads(only)).toEqual(numbered(5));
});

test('a member that leaves while a question about it is open: QoS 1 and 2 go to another', async () => {
  for (const qos of [1, 2] as const) {
    const questions = new Questions('deliver', ['slow']);
    const rig = openRig({ authorize: (client, action): AuthorizeAnswer | Promise<AuthorizeAnswer> => questions.authorize(client, action) });
    const slow = rig.subscriber('slow', filter, 2);
    rig.client('pub').publish({ topic: 'a', payload: 'x', qos });
    expect(questions.open).toHaveLength(1);
    const other = rig.subscriber('other', filter, 2);
    slow.drop();
    questions.answer(true);
    await rig.settle();
    expect(payloads(other)).toEqual(['x']);
  }
});

test.each([0, 1, 2] as const)('v5 X5-3.1.2.11.4-2 what is too large for one member goes to another, at QoS %i', (qos) => {
  const rig = openRig();
  const small = rig.subscriber('small', filter, 2, { properties: { maximumPacketSize: 60 } });
  const large = rig.subscriber('large', filter, 2);
  const publisher = rig.client('pub');
  for (const payload of numbered(3)) publisher.publish({ topic: 'a', payload: payload.repeat(80), qos });
  expect([payloads(small), payloads(large)]).toEqual([[], ['1', '2', '3'].map((digit) => digit.repeat(80))]);
  expect(rig.dropped).toEqual([]);
});

test.each([0, 1, 2] as const)('too large for all who are online it is dropped and counted; what follows is not held up, at QoS %i', (qos) => {
  const rig = openRig();
  rig.resumable('large').subscribe(filter, { qos: 2 }).drop(); // away
  const small = rig.subscriber('small', filter, 2, { properties: { maximumPacketSize: 60 } });
  const publisher = rig.client('pub');
  publisher.publish({ topic: 'a', payload: 'x'.repeat(80), qos }).publish({ topic: 'a', payload: 'fits', qos });
  expect(payloads(small)).toEqual(['fits']);
  expect(rig.dropped).toEqual([qos === 0 ? 'tooLarge a small' : 'tooLarge a undefined']);
});

test('the size that counts is that of the packet the member would get: QoS 0 has no identifier', () => {
  const rig = openRig();
  // 2 + 3 + 1 + payload at QoS 0, two bytes more at QoS 1.
  const member = rig.subscriber('m', filter, 1, { properties: { maximumPacketSize: 26 } });
  const publisher = rig.client('pub');
  publisher.publish({ topic: 'a', payload: 'z'.repeat(20), qos: 0 }).publish({ topic: 'a', payload: 'y'.repeat(19), qos: 1 });
  publisher.publish({ topic: 'a', payload: 'x'.repeat(18), qos: 1 });
  expect(payloads(member)).toEqual(['z'.repeat(20), 'x'.repeat(18)]);
  expect(rig.stats.dropped.tooLarge).toBe(1);
});

test('refused and too large together leave nobody: dropped', () => {
  const rig = openRig(refuseSome);
  rig.subscriber('no', filter, 1);
  const small = rig.subscriber('small', filter, 1, { properties: { maximumPacketSize: 60 } });
  const publisher = rig.client('pub').publish({ topic: 'secret', payload: 'x'.repeat(80), qos: 1 });
  publisher.publish({ topic: 'secret', payload: 'small', qos: 1 });
  expect(payloads(small)).toEqual(['small']);
  expect(rig.dropped).toEqual(['deliverDenied secret undefined']);
});

test('a frozen member gets no more than it can take; the others get the rest', () => {
  const rig = openRig({ outboundBytesMax: 1000 });
  const frozen = rig.subscriber('frozen', filter, 1).pause();
  const other = rig.subscriber('other', filter, 1);
  const publisher = rig.client('pub');
  for (let sent = 0; sent < 40; sent += 1) publisher.publish({ topic: 'a', payload: 'x'.repeat(200), qos: 1 });
  const got = publishes(other).length;
  expect(got).toBeGreaterThan(30);
  frozen.resume();
  expect(publishes(frozen).length + got).toBe(40);
});

test('with nobody able to take it, QoS 0 is dropped and counted as the member’s own', () => {
  const rig = openRig({ outboundBytesMax: 100 });
  rig.subscriber('frozen', filter, 0).pause();
  const publisher = rig.client('pub');
  for (let sent = 0; sent < 5; sent += 1) publisher.publish({ topic: 'a', payload: 'x'.repeat(200) });
  expect(rig.stats.dropped.slowConsumer).toBe(4);
  expect(short(publisher.pingreq().received())).toEqual(['pingresp']);
});
