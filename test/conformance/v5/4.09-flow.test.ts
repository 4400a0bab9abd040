/** MQTT 5.0, chapter 4.9: flow control. */
import { expect, test } from '@jest/globals';
import type { WireClient } from '../../../src/testing/index.js';
import { numbered, openRig, payloads, publishes, short } from '../../wire/rig.js';
import type { Rig } from '../../wire/rig.js';
import { client, resumable, subscriber } from './support.js';

function publishNumbered(rig: Rig, count: number, qos: 0 | 1 | 2, from = 1): void {
  const publisher = client(rig, 'pub');
  for (const payload of numbered(count, from)) publisher.publish({ topic: 't', payload, qos });
  publisher.drop();
}

const quota = (receiveMaximum: number): { readonly properties: { readonly receiveMaximum: number } } => ({ properties: { receiveMaximum } });

test('v5 [MQTT-4.9.0-1] the first quota is the Receive Maximum of the client, on each connection anew', () => {
  const rig = openRig();
  resumable(rig, 'sub').subscribe('t', { qos: 1 }).drop();
  publishNumbered(rig, 10, 1);
  for (const receiveMaximum of [2, 5, 1, 3]) {
    const sub = resumable(rig, 'sub', quota(receiveMaximum));
    expect(publishes(sub)).toHaveLength(receiveMaximum);
    sub.drop();
  }
});

test('v5 [MQTT-4.9.0-1] no inflightMax lifts it, and without a Receive Maximum it is not zero', () => {
  for (const [receiveMaximum, inflightMax, expected] of [[3, 1, 1], [3, 100, 3], [65_535, 100, 100], [undefined, 100, 100], [1, 65_535, 1]] as const) {
    const rig = openRig({ inflightMax });
    const sub = subscriber(rig, 'sub', 't', 1, receiveMaximum === undefined ? {} : quota(receiveMaximum));
    for (let sent = 0; sent < 120; sent += 1) void rig.broker.publish('t', '', { qos: 1 });
    rig.clock.flush();
    expect([receiveMaximum, publishes(sub).length]).toEqual([receiveMaximum, expected]);
  }
});

test.each([client, resumable])('v5 [MQTT-4.9.0-2] at zero no further PUBLISH of QoS 1 or 2 leaves, and one for each that is acknowledged', (open) => {
  const rig = openRig();
  const sub = open(rig, 'sub', quota(3)).subscribe('#', { qos: 2 }).skip();
  const publisher = client(rig, 'pub');
  for (const [index, qos] of ([1, 2, 1, 2, 1, 2] as const).entries()) publisher.publish({ topic: 't', payload: String(index + 1), qos });
  expect(payloads(sub)).toEqual(['1', '2', '3']);
  publisher.publish({ topic: 't', payload: 'zero' });
  expect(payloads(sub)).toEqual(['zero']); // QoS 0 takes none of it
  expect(payloads(sub.puback(3))).toEqual(['4']);
  expect(payloads(sub.puback(3).puback(77))).toEqual([]); // what is not in flight gives nothing
  expect(payloads(sub.puback(1).pubrec(2).pubcomp(2))).toEqual(['5', '6']);
  publisher.publish({ topic: 't', payload: '7', qos: 1 });
  expect(payloads(sub)).toEqual([]);
});

test('v5 [MQTT-4.9.0-2] what is sent again counts, and so does a PUBREL', () => {
  const rig = openRig();
  const old = resumable(rig, 'sub', quota(4)).subscribe('t', { qos: 2 }).skip();
  publishNumbered(rig, 6, 2);
  expect(payloads(old)).toEqual(numbered(4));
  old.pubrec(4).drop();
  const sub = resumable(rig, 'sub', quota(3));
  expect(short(sub.received())).toEqual(['pubrel 4', 'publish 1 1', 'publish 2 2']);
  publishNumbered(rig, 1, 1, 7);
  expect(sub.received()).toEqual([]);
  expect(short(sub.pubcomp(4).received())).toEqual(['publish 3 3']);
  expect(short(sub.pubrec(1).pubcomp(1).received())).toEqual(['pubrel 1', expect.stringMatching(/^publish \d 5$/)]);
});

test.each([1, 2] as const)('v5 [MQTT-4.9.0-3] at zero every other packet is still taken and answered: QoS %i in flight', (qos) => {
  const rig = openRig();
  const other = subscriber(rig, 'other', 'u', 2);
  const sub = subscriber(rig, 'sub', 't', 2, quota(1));
  publishNumbered(rig, 5, qos);
  expect(short(sub.received())).toEqual(['publish 1 1']);
  const answer = (send: WireClient): string[] => short(send.received());
  expect(answer(sub.pingreq())).toEqual(['pingresp']);
  expect(answer(sub.publish({ topic: 'u', payload: 'a' }))).toEqual([]);
  expect(answer(sub.publish({ topic: 'u', payload: 'b', qos: 1, packetId: 50 }))).toEqual(['puback 50']);
  expect(answer(sub.publish({ topic: 'u', payload: 'c', qos: 2, packetId: 51 }))).toEqual(['pubrec 51']);
  expect(answer(sub.pubrel(51))).toEqual(['pubcomp 51']);
  expect(payloads(other)).toEqual(['a', 'b', 'c']);
  expect(answer(sub.subscribe('v', { packetId: 52 }))).toEqual(['suback 52 0x00']);
  client(rig, 'v').publish({ topic: 'v', payload: 'zero' });
  expect(payloads(sub)).toEqual(['zero']);
  expect(answer(sub.unsubscribe('v', { packetId: 53 }))).toEqual(['unsuback 53 0x00']);
  if (qos === 2) expect(answer(sub.pubrec(1))).toEqual(['pubrel 1']);
  expect(sub.disconnect().closed || sub.ended).toBe(true);
  expect(rig.stats.clients).toBe(2);
});

test('v5 [X5-4.9-1] PUBREC frees no place; PUBCOMP, PUBACK and PUBREC with an error do', () => {
  const rig = openRig();
  const sub = subscriber(rig, 'sub', 't', 2, quota(1));
  publishNumbered(rig, 4, 2);
  publishNumbered(rig, 2, 1, 5);
  expect(short(sub.received())).toEqual(['publish 1 1']);
  for (let round = 0; round < 3; round += 1) expect(short(sub.pubrec(1).received())).toEqual(['pubrel 1']);
  expect(short(sub.pubcomp(1).received())).toEqual(['publish 1 2']);
  expect(short(sub.pubrec(1, 0x80).received())).toEqual(['publish 1 3']);
  expect(short(sub.pubrec(1, 0x10).received())).toEqual(['pubrel 1']);
  expect(short(sub.pubcomp(1, 0x92).received())).toEqual(['publish 1 4']);
  expect(short(sub.pubrec(1).pubcomp(1).received())).toEqual(['pubrel 1', 'publish 1 5']);
  expect(short(sub.puback(1, 0x97).received())).toEqual(['publish 1 6']);
});

test('v5 [X5-4.9-1] acknowledgements of what is not in flight do not lift the quota over its first value', () => {
  const rig = openRig();
  const sub = subscriber(rig, 'sub', 't', 2, quota(2));
  publishNumbered(rig, 2, 2);
  sub.skip().pubrec(1).pubcomp(1).pubrec(2, 0x80).skip();
  for (let round = 0; round < 5; round += 1) sub.pubcomp(1).pubcomp(2).puback(1).pubrec(2, 0x80).pubcomp(77).puback(77);
  expect(rig.stats.inflightMessages).toBe(0);
  publishNumbered(rig, 5, 1);
  expect(publishes(sub)).toHaveLength(2);
  for (let round = 0; round < 5; round += 1) sub.pubcomp(1).pubcomp(2).pubrec(1, 0x80);
  expect(publishes(sub)).toEqual([]);
});
