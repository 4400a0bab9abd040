/** MQTT 5.0, chapters 3.8.3.1 and 3.8.4: what the options of a subscription do to delivery. */
import { describe, expect, test } from '@jest/globals';
import { identifiersOf, openRig, payloads, publishes } from '../../wire/rig.js';
import { client, expectOpen, never, qoses, resumable, subscriber } from './support.js';

const sorted = (texts: readonly (string | undefined)[]): unknown[] => texts.toSorted((a = '', b = '') => a.localeCompare(b));

describe('No Local', () => {
  test.each(qoses)('v5 [MQTT-3.8.3-3] a client is not sent its own messages of QoS %i; it is sent all others, and others are sent its', async (qos) => {
    const rig = openRig();
    const filter = [{ topic: 't', qos, nl: true }];
    const one = client(rig, 'one').subscribe(filter).skip();
    const two = client(rig, 'two').subscribe(filter).skip();
    const plain = subscriber(rig, 'plain', 't', qos);
    one.publish({ topic: 't', payload: 'one', qos });
    two.publish({ topic: 't', payload: 'two', qos });
    plain.publish({ topic: 't', payload: 'plain', qos });
    await Promise.all([rig.broker.publish('t', 'broker', { qos }), rig.settle()]);
    expect(payloads(one)).toEqual(['two', 'plain', 'broker']);
    expect(payloads(two)).toEqual(['one', 'plain', 'broker']);
    expect(payloads(plain)).toEqual(['one', 'two', 'plain', 'broker']);
  });

  test('v5 [MQTT-3.8.3-3] it is looked at for each subscription: another one that matches still delivers, as if alone', () => {
    const rig = openRig();
    const sub = client(rig, 'c').subscribe([{ topic: 'a/#', qos: 2, nl: true, rap: true }], { properties: { subscriptionIdentifier: 1 } });
    sub.subscribe([{ topic: 'a/+', qos: 1 }], { properties: { subscriptionIdentifier: 2 } }).skip();
    const taken = (): unknown[] => publishes(sub).map((message) => [message.qos, message.retain, identifiersOf(message)]);
    sub.publish({ topic: 'a/b', qos: 2, retain: true, payload: 'x' });
    expect(taken()).toEqual([[1, false, [2]]]);
    sub.publish({ topic: 'a/b/c', qos: 2, payload: 'x' });
    expect(taken()).toEqual([]);
    client(rig, 'other').publish({ topic: 'a/b', qos: 2, retain: true, payload: 'x' });
    expect(taken()).toEqual([[2, true, [1, 2]]]);
  });

  test('v5 [MQTT-3.8.3-3] nothing is queued either: the connection after, with the same Client Identifier, is not sent it', () => {
    const rig = openRig();
    const will = { topic: 't', payload: 'will', qos: 1 } as const;
    const sub = resumable(rig, 'c', { will, properties: { receiveMaximum: 1, sessionExpiryInterval: never } });
    sub.subscribe([{ topic: 't', qos: 1, nl: true }, { topic: 'full', qos: 1 }]).skip();
    const other = subscriber(rig, 'other', 't', 1);
    client(rig, 'pub').publish({ topic: 'full', payload: 'full', qos: 1 });
    sub.publish({ topic: 't', payload: 'own', qos: 1 }).drop(); // and its will, on its behalf
    expect(payloads(other)).toEqual(['own', 'will']);
    expect(payloads(resumable(rig, 'c'))).toEqual(['full']);
  });

  test('v5 [MQTT-3.8.3-3] a new subscription is not sent the client’s own retained messages, of whichever connection', () => {
    const rig = openRig();
    client(rig, 'c').publish({ topic: 'r/own', payload: 'own', qos: 1, retain: true }).drop();
    client(rig, 'other').publish({ topic: 'r/other', payload: 'other', qos: 1, retain: true });
    const sub = client(rig, 'c').publish({ topic: 'r/now', payload: 'now', retain: true });
    expect(payloads(sub.subscribe([{ topic: 'r/+', qos: 1, nl: true }]))).toEqual(['other']);
    // Without No Local it is sent them, and so is any other client with it.
    expect(sorted(payloads(sub.subscribe('r/+', { qos: 1 })))).toEqual(['now', 'other', 'own']);
    expect(sorted(payloads(client(rig, 'third').subscribe([{ topic: 'r/+', nl: true }])))).toEqual(['now', 'other', 'own']);
  });
});

describe.each(qoses)('published at QoS %i', (published) => {
  test.each(qoses)('v5 [MQTT-3.8.4-8] a message arrives at the lower of its QoS and the QoS granted: %i', (granted) => {
    const rig = openRig({ queueQos0: true });
    const qos = Math.min(published, granted);
    const publisher = client(rig, 'pub');
    const message = { topic: 't', payload: 'x', qos: published } as const;

    const sub = client(rig, 'sub').subscribe('t', { qos: granted });
    expect(sub.receivedHex()).toBe(`90 04 00 01 00 0${granted}`);
    const away = resumable(rig, 'away').subscribe('t', { qos: granted });
    away.drop();
    publisher.publish(message);
    expect(publishes(sub)).toMatchObject([{ payload: 'x', qos, retain: false }]); // live
    expect(publishes(resumable(rig, 'away'))).toMatchObject([{ payload: 'x', qos }]); // queued
    expect(publishes(sub.publish(message))).toMatchObject([{ payload: 'x', qos }]); // its own

    publisher.publish({ ...message, topic: 'r', retain: true });
    expect(publishes(sub.subscribe('r', { qos: granted }))).toMatchObject([{ payload: 'x', qos, retain: true }]);
  });

  test.each(qoses)('v5 [MQTT-3.8.4-8] so it does through a Shared Subscription granted QoS %i', (granted) => {
    const rig = openRig();
    const qos = Math.min(published, granted);
    const publisher = client(rig, 'pub');
    const member = resumable(rig, 'member').subscribe('$share/g/t', { qos: granted }).skip();
    publisher.publish({ topic: 't', payload: 'live', qos: published });
    expect(publishes(member)).toMatchObject([{ payload: 'live', qos }]);
    expect(publishes(member.publish({ topic: 't', payload: 'own', qos: published }))).toMatchObject([{ payload: 'own', qos }]);
    // What waits for its member waits if its QoS is not 0.
    resumable(rig, 'late').subscribe('$share/g/u', { qos: granted }).drop();
    publisher.publish({ topic: 'u', payload: 'queued', qos: published });
    expect(publishes(resumable(rig, 'late'))).toMatchObject(qos === 0 ? [] : [{ payload: 'queued', qos }]);
  });
});

test('v5 [X5-3.8.4-2] a Shared Subscription is sent no retained messages, whatever Retain Handling says', () => {
  const rig = openRig();
  const publisher = client(rig, 'pub').publish({ topic: 'a', payload: 'kept', qos: 1, retain: true });
  for (const rh of [0, 1, 2] as const) {
    for (const rap of [false, true]) {
      const member = client(rig, 'c').subscribe([{ topic: '$share/g/a', qos: 1, rh, rap }, { topic: '$share/h/#', qos: 1, rh, rap }]);
      expect(publishes(member.subscribe([{ topic: '$share/g/a', qos: 1, rh, rap }]))).toEqual([]); // nor the second time
      // A subscription that is not shared is, in the same packet.
      expect(payloads(member.subscribe([{ topic: '$share/i/a', qos: 1, rh }, { topic: 'a', qos: 1, rh }]))).toEqual(rh === 2 ? [] : ['kept']);
      expectOpen(member);
    }
  }
  const member = client(rig, 'c').subscribe('$share/g/a', { qos: 1 }).skip();
  publisher.publish({ topic: 'a', payload: 'live', qos: 1 });
  expect(payloads(member)).toEqual(['live']);
});
