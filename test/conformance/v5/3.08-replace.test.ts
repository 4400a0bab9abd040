/** MQTT 5.0, chapter 3.8.4: SUBSCRIBE with a filter that is subscribed already, and Subscription Identifiers. */
import { describe, expect, test } from '@jest/globals';
import type { AuthorizeAnswer } from '../../../src/index.js';
import type { WireClient } from '../../../src/testing/index.js';
import { identifiersOf, numbered, openRig, payloads, publishes, Questions } from '../../wire/rig.js';
import { client, qoses, resumable, subscriber } from './support.js';

/** Each PUBLISH that arrived: payload, QoS, RETAIN, identifiers. */
const copies = (sub: WireClient): unknown[] =>
  publishes(sub).map((message) => [message.payload, message.qos, message.retain, identifiersOf(message)]);

describe('the same filter replaces the subscription', () => {
  const with5 = { properties: { subscriptionIdentifier: 5 } };
  const with6 = { properties: { subscriptionIdentifier: 6 } };

  test('v5 [MQTT-3.8.4-3] one copy, with the new QoS, No Local, Retain As Published and identifier; nothing of the old', () => {
    const rig = openRig();
    const sub = client(rig, 'sub');
    const other = client(rig, 'other');
    const rounds = [
      [{ qos: 2, rap: true, nl: false }, with5, [['own', 2, true, [5]], ['other', 2, true, [5]]]],
      [{ qos: 1, rap: false, nl: false }, with6, [['own', 1, false, [6]], ['other', 1, false, [6]]]],
      [{ qos: 0, rap: true, nl: true }, {}, [['other', 0, true, []]]],
      [{ qos: 2, rap: false, nl: true }, with5, [['other', 2, false, [5]]]],
      [{ qos: 1, rap: false, nl: false }, {}, [['own', 1, false, []], ['other', 1, false, []]]],
    ] as const; // prettier-ignore
    for (const [options, properties, expected] of rounds) {
      sub.subscribe([{ topic: 'a/+', rh: 2, ...options }], properties).skip();
      expect(rig.stats.subscriptions).toBe(1);
      sub.publish({ topic: 'a/b', payload: 'own', qos: 2, retain: true });
      other.publish({ topic: 'a/b', payload: 'other', qos: 2, retain: true });
      expect(copies(sub)).toEqual(expected);
    }
  });

  test('v5 [MQTT-3.8.4-3] in the session as well: after a reconnect it is the new one', () => {
    const rig = openRig();
    const sub = resumable(rig, 'sub').subscribe([{ topic: 't', qos: 2, rap: true }], with5).subscribe('t', { qos: 1, ...with6 });
    sub.drop();
    const publisher = client(rig, 'pub').publish({ topic: 't', payload: 'queued', qos: 2, retain: true });
    const again = resumable(rig, 'sub');
    publisher.publish({ topic: 't', payload: 'live', qos: 2, retain: true });
    expect(copies(again)).toEqual([['queued', 1, false, [6]], ['live', 1, false, [6]]]); // prettier-ignore
    expect(rig.stats.subscriptions).toBe(1);
    again.unsubscribe('t').skip();
    publisher.publish({ topic: 't', payload: 'gone', qos: 2 });
    expect(copies(again)).toEqual([]);
  });

  test('v5 [MQTT-3.8.4-3] only the same filter of the same session: neither one that matches the same, nor a shared one', () => {
    const rig = openRig();
    const other = subscriber(rig, 'other', 'a/b', 2);
    const sub = client(rig, 'sub').subscribe('a/b', { qos: 2, ...with5 }).skip();
    for (const filter of ['a/+', 'A/b', 'a/b/', '$share/g/a/b']) sub.subscribe(filter, { qos: 0 }).skip();
    expect(rig.stats.subscriptions).toBe(6);
    client(rig, 'pub').publish({ topic: 'a/b', payload: 'x', qos: 2 });
    expect(copies(other)).toEqual([['x', 2, false, []]]);
    expect(copies(sub)).toContainEqual(['x', 2, false, [5]]);
  });
});

describe('replacing and retained messages', () => {
  test.each(qoses)('v5 [MQTT-3.8.4-4] with Retain Handling 0 retained messages are sent again, each time: QoS %i', (qos) => {
    const rig = openRig();
    const publisher = client(rig, 'pub').publish({ topic: 'a/1', payload: '1', qos: 2, retain: true });
    publisher.publish({ topic: 'a/2', payload: '2', qos: 2, retain: true });
    const sub = client(rig, 'sub').subscribe('a/+', { qos: 2 }).skip();
    for (const rh of [0, 0, 2, 1, 0] as const) {
      const sent = publishes(sub.subscribe('a/+', { qos, rh }));
      expect(sent.map(({ topic, payload }) => `${topic} ${payload}`)).toEqual(rh === 0 ? expect.arrayContaining(['a/1 1', 'a/2 2']) : []);
      expect(sent).toHaveLength(rh === 0 ? 2 : 0);
      for (const message of sent) expect(message).toMatchObject({ qos, retain: true });
    }
  });

  // Method: one message at a time may be in flight, and the SUBSCRIBE comes after every third.
  test('v5 [MQTT-3.8.4-4] replaced while they are sent, none of them is lost', () => {
    const rig = openRig();
    const publisher = client(rig, 'pub');
    for (const name of numbered(200)) publisher.publish({ topic: `r/${name}`, payload: name, retain: true, qos: 1 });
    const sub = client(rig, 'sub', { properties: { receiveMaximum: 1 } }).subscribe('r/#', { qos: 1 });
    const seen = new Set<string | undefined>();
    let received = 0;
    for (let sent = publishes(sub); sent.length > 0; sent = publishes(sub)) {
      for (const { payload, packetId = 0 } of sent) {
        seen.add(payload);
        received += 1;
        if (received % 3 === 0 && received < 60) sub.subscribe('r/#', { qos: 1 });
        sub.puback(packetId);
      }
    }
    expect(seen.size).toBe(200);
  });
});

describe('replacing and live messages', () => {
  // Method: the SUBSCRIBE comes in between of sixty messages; a slow hook is asked about it meanwhile.
  test('v5 [MQTT-3.8.4-4] replacing interrupts nothing: every message arrives once', async () => {
    const questions = new Questions('subscribe');
    let slow = false;
    const rig = openRig({ authorize: (asking, action): AuthorizeAnswer | Promise<AuthorizeAnswer> => !slow || questions.authorize(asking, action) });
    const sub = subscriber(rig, 'sub', 't', 1);
    slow = true;
    const publisher = client(rig, 'pub');
    const seen: (string | undefined)[] = [];
    for (const payload of numbered(60)) {
      if (Number(payload) % 3 === 0) sub.subscribe('t', { qos: Number(payload) % 2 === 0 ? 1 : 2 });
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

  test('v5 [MQTT-3.8.4-4] what waits in the queue is sent all the same, and in its order', () => {
    const rig = openRig();
    const sub = resumable(rig, 'sub', { properties: { receiveMaximum: 1 } }).subscribe('t', { qos: 1 }).skip();
    const publisher = client(rig, 'pub');
    for (const payload of numbered(9)) {
      publisher.publish({ topic: 't', payload, qos: 1 });
      if (Number(payload) % 3 === 0) sub.subscribe('t', { qos: 1, nl: payload === '6' });
    }
    const seen: (string | undefined)[] = [];
    for (let sent = publishes(sub); sent.length > 0; sent = publishes(sub)) {
      for (const { payload, packetId = 0 } of sent) {
        seen.push(payload);
        sub.puback(packetId);
      }
    }
    expect(seen).toEqual(numbered(9));
  });
});

describe('Subscription Identifier', () => {
  const identified = (id: number): { readonly properties: { readonly subscriptionIdentifier: number } } => ({ properties: { subscriptionIdentifier: id } });

  test('v5 [X5-3.8.2.1.2-1] it is that of each filter of its SUBSCRIBE, live, queued, retained and shared', () => {
    const rig = openRig();
    const publisher = client(rig, 'pub').publish({ topic: 'a', payload: 'kept', qos: 1, retain: true });
    const sub = resumable(rig, 'sub').subscribe(['a', 'b', '$share/g/c'], { qos: 1, ...identified(268_435_455) });
    expect(publishes(sub).map(identifiersOf)).toEqual([[268_435_455]]);
    for (const topic of ['a', 'b', 'c']) publisher.publish({ topic, qos: 1 });
    for (const topic of ['a', 'b', 'c']) publisher.publish({ topic, qos: 0 });
    const live = publishes(sub);
    expect(live.map(identifiersOf)).toEqual(Array(6).fill([268_435_455]));
    for (const { packetId } of live) if (packetId !== undefined) sub.puback(packetId);
    sub.drop();
    for (const topic of ['a', 'b', 'c']) publisher.publish({ topic, payload: 'queued', qos: 1 });
    const queued = publishes(resumable(rig, 'sub')).filter(({ payload }) => payload === 'queued');
    expect(queued.map(identifiersOf)).toEqual(Array(3).fill([268_435_455]));
  });

  test('v5 [X5-3.8.2.1.2-1] a later SUBSCRIBE without one removes it, with another changes it: of its own filters only', () => {
    const rig = openRig();
    const sub = client(rig, 'sub').subscribe(['a', 'b', 'c'], identified(7)).skip();
    const publisher = client(rig, 'pub');
    const found = (): number[][] => {
      for (const topic of ['a', 'b', 'c']) publisher.publish({ topic });
      return publishes(sub).map(identifiersOf);
    };
    expect(found()).toEqual([[7], [7], [7]]);
    sub.subscribe('a').subscribe('b', identified(8)).skip();
    expect(found()).toEqual([[], [8], [7]]);
    sub.subscribe(['c', 'a'], identified(1)).subscribe('b').skip();
    expect(found()).toEqual([[1], [], [1]]);
    sub.subscribe('#').skip(); // a match without an identifier adds none
    expect(found()).toEqual([[1], [], [1]]);
    expect(payloads(sub)).toEqual([]);
  });
});
