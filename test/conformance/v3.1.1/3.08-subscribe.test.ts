/** MQTT 3.1.1, chapter 3.8: SUBSCRIBE. */
import { expect, test } from '@jest/globals';
import type { AuthorizeAnswer } from '../../../src/index.js';
import { packet, text } from '../../unit/packet/wire.js';
import { numbered, openRig, payloads, publishes, Questions, short } from '../../wire/rig.js';
import { a, client, expectClosed, expectOpen, expectUtf8, qoses } from './support.js';

test('v3.1.1 [MQTT-3.8.1-1] SUBSCRIBE with flags other than 0010 is malformed and closes', () => {
  for (let flags = 0; flags < 16; flags += 1) {
    const rig = openRig();
    const sent = client(rig, 'c').sendsBytes(packet(0x80 | flags, `0001 ${a} 00`));
    if (flags === 2) expect(sent.receivedHex()).toBe('90 03 00 01 00');
    else expectClosed(sent);
    expect(rig.stats.subscriptions).toBe(flags === 2 ? 1 : 0);
  }
  expectClosed(client(openRig(), 'c').sendsHex('80')); // at its first byte
});

test('v3.1.1 [MQTT-3.8.3-1] Topic Filters must be UTF-8, each of them', () => {
  expectUtf8('Topic Filter of SUBSCRIBE');
  const rig = openRig();
  expectClosed(client(rig, 'c').sendsBytes(packet(0x82, `0001 ${text('good')} 00 0001 ff 00`)));
  expect(rig.stats.subscriptions).toBe(0);
});

test('v3.1.1 [MQTT-3.8.3-2] without wildcard subscriptions, filters with wildcards are refused, others are not', () => {
  const rig = openRig({ wildcardSubscriptionAvailable: false });
  const sub = client(rig, 'c').subscribe(['a', '#', 'a/+', 'b', '+/a'], { qos: 1 });
  expect(sub.receivedHex()).toBe('90 07 00 01 01 80 80 01 80');
  client(rig, 'pub').publish({ topic: 'a/x', payload: 'x' }).publish({ topic: 'b', payload: 'y' });
  expect(payloads(sub)).toEqual(['y']);
  expectOpen(sub);
});

test('v3.1.1 [MQTT-3.8.3-3] SUBSCRIBE without a filter is a violation and closes', () => {
  expectClosed(client(openRig(), 'c').sendsHex('82 02 0001'));
});

// Method: every value of the byte behind a filter.
test('v3.1.1 [MQTT-3.8.3-4] reserved bits of the Requested QoS, or QoS 3, close; no filter of the packet takes effect', () => {
  for (let options = 0; options < 256; options += 1) {
    const rig = openRig();
    const hex = options.toString(16).padStart(2, '0');
    const sent = client(rig, 'c').sendsBytes(packet(0x82, `0001 ${text('good')} 01 ${text('b')} ${hex}`));
    if (options < 3) expect(sent.receivedHex()).toBe(`90 04 00 01 01 ${hex}`);
    else expectClosed(sent);
    expect(rig.stats.subscriptions).toBe(options < 3 ? 2 : 0);
  }
});

test('v3.1.1 [MQTT-3.8.3-4] a filter without its byte closes', () => {
  for (const body of [`0001 ${a}`, `0001 ${a} 00 ${a}`]) expectClosed(client(openRig(), 'c').sendsBytes(packet(0x82, body)));
});

test('v3.1.1 [MQTT-3.8.4-1] every SUBSCRIBE gets a SUBACK, also when all of it is refused', async () => {
  const rig = openRig({ authorize: (_client, action): AuthorizeAnswer | Promise<AuthorizeAnswer> => (action.topic === 'later' ? Promise.resolve(false) : action.topic !== 'no') });
  const sub = client(rig, 'c').subscribe('yes').subscribe('no').subscribe(['no', 'yes', 'no']).subscribe('later').subscribe('yes');
  await rig.settle();
  expect(short(sub.received())).toEqual(['suback 1 0x00', 'suback 2 0x80', 'suback 3 0x80 0x00 0x80', 'suback 4 0x80', 'suback 5 0x00']);
});

test('v3.1.1 [MQTT-3.8.4-2] SUBACK has the identifier of its SUBSCRIBE', () => {
  const sub = client(openRig({ authorize: (_client, { topic }) => topic !== 'no' }), 'c');
  for (const packetId of [1, 2, 256, 65_535, 300]) {
    expect(short(sub.subscribe('t', { packetId }).received())).toEqual([`suback ${packetId} 0x00`]);
    expect(short(sub.subscribe('no', { packetId }).received())).toEqual([`suback ${packetId} 0x80`]);
  }
});

test('v3.1.1 [MQTT-3.8.4-3] the same filter again replaces the subscription: retained again, one live copy, the new QoS', () => {
  const rig = openRig();
  const publisher = client(rig, 'pub').publish({ topic: 'a/b', payload: 'kept', qos: 2, retain: true });
  const sub = client(rig, 'sub').skip();
  for (const qos of [1, 0, 2, 2] as const) {
    expect(publishes(sub.subscribe('a/+', { qos }))).toMatchObject([{ payload: 'kept', qos, retain: true }]);
    publisher.publish({ topic: 'a/b', payload: 'live', qos: 2 });
    expect(publishes(sub)).toMatchObject([{ payload: 'live', qos, retain: false }]);
    expect(rig.stats.subscriptions).toBe(1);
  }
});

// Method: the SUBSCRIBE comes in between of sixty messages; a slow hook is asked about it meanwhile.
test('v3.1.1 [MQTT-3.8.4-3] replacing interrupts nothing: every message arrives once', async () => {
  const questions = new Questions('subscribe');
  let slow = false;
  const rig = openRig({ authorize: (asking, action): AuthorizeAnswer | Promise<AuthorizeAnswer> => !slow || questions.authorize(asking, action) });
  const sub = client(rig, 'sub').subscribe('t', { qos: 1 }).skip();
  slow = true;
  const publisher = client(rig, 'pub');
  const seen: (string | undefined)[] = [];
  for (const payload of numbered(60)) {
    if (Number(payload) % 3 === 0) sub.subscribe('t', { qos: 1 });
    publisher.publish({ topic: 't', payload, qos: 1 });
    await questions.answerAll(rig);
    for (const message of publishes(sub)) {
      seen.push(message.payload);
      sub.puback(message.packetId ?? 0);
    }
  }
  await questions.answerAll(rig);
  expect(seen).toEqual(numbered(60));
});

test('v3.1.1 [MQTT-3.8.4-4] several filters are taken one after the other and answered by one SUBACK', () => {
  const rig = openRig({ authorize: (_client, { topic }) => topic !== 'no' });
  const publisher = client(rig, 'pub').publish({ topic: 'a', payload: 'kept', qos: 2, retain: true });
  const sub = client(rig, 'sub');
  sub.subscribe([{ topic: 'a', qos: 2 }, { topic: 'no', qos: 1 }, { topic: 'b', qos: 1 }, { topic: 'a', qos: 1 }]);
  const [suback, ...retained] = sub.received();
  expect(suback).toEqual({ type: 'suback', packetId: 1, reasonCodes: [2, 0x80, 1, 1] });
  expect(new Set(retained.map(({ payload }) => payload))).toEqual(new Set(['kept']));
  publisher.publish({ topic: 'a', payload: '1', qos: 2 }).publish({ topic: 'b', payload: '2', qos: 2 });
  // The second `a` replaced the first.
  expect(publishes(sub)).toMatchObject([{ payload: '1', qos: 1 }, { payload: '2', qos: 1 }]);
  expect(rig.stats.subscriptions).toBe(2);
});

test('v3.1.1 [MQTT-3.8.4-5] SUBACK has a return code for each filter: the maximum QoS granted, or failure', () => {
  const rig = openRig({ subscriptionsMax: 4, authenticate: ({ clientId }) => ({ action: 'allow', ...(clientId === 'one' && { limits: { maximumQoS: 1 } }) }) });
  const topics = ['a', 'b', 'c', 'd', 'e', 'f'];
  for (let count = 1; count <= 6; count += 1) {
    const filters = topics.slice(0, count).map((topic, index) => ({ topic, qos: (index % 3) as 0 | 1 | 2 }));
    const [suback] = client(rig, `c${count}`).subscribe(filters).received();
    expect(suback?.reasonCodes).toEqual([0, 1, 2, 0, 0x80, 0x80].slice(0, count));
    const [lower] = client(rig, 'one').subscribe(filters).received();
    expect(lower?.reasonCodes).toEqual([0, 1, 1, 0, 0x80, 0x80].slice(0, count));
  }
});

test.each(qoses)('v3.1.1 [MQTT-3.8.4-6] a message published at QoS %i arrives at the lower of that and the QoS granted', (qos) => {
  for (const granted of qoses) {
    const rig = openRig();
    const sub = client(rig, 'sub').subscribe('t', { qos: granted });
    expect(sub.receivedHex()).toBe(`90 03 00 01 0${granted}`);
    client(rig, 'pub').publish({ topic: 't', payload: 'x', qos });
    expect(publishes(sub)).toMatchObject([{ payload: 'x', qos: Math.min(qos, granted) }]);
  }
});
