/** MQTT 5.0, chapter 3.3.4: what PUBLISH is answered with, overlapping subscriptions and their identifiers. */
import { describe, expect, test } from '@jest/globals';
import type { WireClient } from '../../../src/testing/index.js';
import { packet, text } from '../../unit/packet/wire.js';
import { identifiersOf, openRig, publishes } from '../../wire/rig.js';
import type { Qos } from './support.js';
import { client, expectDisconnected, expectOpen, propertiesBytes, qoses, resumable, subscriber } from './support.js';

test('v5 [MQTT-3.3.4-1] a PUBLISH is answered as its QoS asks: not at all, by PUBACK, by PUBREC', () => {
  const rig = openRig();
  subscriber(rig, 'sub', 't');
  const publisher = client(rig, 'pub');
  expect(publisher.publish({ topic: 't', qos: 0 }).receivedHex()).toBe('');
  expect(publisher.publish({ topic: 't', qos: 1, packetId: 0x0102 }).receivedHex()).toBe('40 02 01 02');
  expect(publisher.publish({ topic: 't', qos: 2, packetId: 0x0304 }).receivedHex()).toBe('50 02 03 04');
});

test('v5 [MQTT-3.3.4-1] so is one that nobody subscribed to, or that is refused', () => {
  const rig = openRig({ authorize: (_client, { type, topic }) => type !== 'publish' || topic !== 'denied' });
  const publisher = client(rig, 'pub');
  const answers = (topic: string): unknown[] => qoses.map((qos) => publisher.publish({ topic, qos, packetId: 5 + qos }).received());
  expect(answers('nobody')).toEqual([[], [{ type: 'puback', packetId: 6, reasonCode: 0x10 }], [{ type: 'pubrec', packetId: 7, reasonCode: 0x10 }]]);
  publisher.pubrel(7).skip();
  expect(answers('denied')).toEqual([[], [{ type: 'puback', packetId: 6, reasonCode: 0x87 }], [{ type: 'pubrec', packetId: 7, reasonCode: 0x87 }]]);
});

describe('overlapping subscriptions', () => {
  /** Subscribes one filter after the other, each with its identifier if it has one. */
  function subscribing(sub: WireClient, filters: readonly (readonly [filter: string, qos: Qos, subscriptionIdentifier?: number])[]): WireClient {
    for (const [filter, qos, subscriptionIdentifier] of filters) {
      sub.subscribe(filter, { qos, ...(subscriptionIdentifier !== undefined && { properties: { subscriptionIdentifier } }) });
    }
    return sub.skip();
  }

  test.each([[0, 2], [2, 0], [1, 2], [2, 1], [0, 1], [1, 0]] as const)('v5 [MQTT-3.3.4-2] bring a message once, at the highest QoS of those that match: %i and %i', (wide, narrow) => {
    for (const published of qoses) {
      const rig = openRig();
      const sub = subscribing(client(rig, 'sub'), [['a/#', wide], ['a/b', narrow], ['b', 2]]);
      const publisher = client(rig, 'pub').publish({ topic: 'a/b', payload: 'both', qos: published });
      expect(publishes(sub)).toMatchObject([{ payload: 'both', qos: Math.min(published, Math.max(wide, narrow)) }]);
      publisher.publish({ topic: 'a/c', payload: 'one', qos: published });
      expect(publishes(sub)).toMatchObject([{ payload: 'one', qos: Math.min(published, wide) }]);
    }
  });

  test.each(qoses)('v5 [MQTT-3.3.4-3] have their Subscription Identifiers in the PUBLISH, at QoS %i', (qos) => {
    const rig = openRig();
    const sub = subscribing(client(rig, 'sub'), [['a/#', qos, 1], ['a/b', qos, 2]]);
    const publisher = client(rig, 'pub').publish({ topic: 'a/b', qos: 2 });
    expect(publishes(sub).map(identifiersOf)).toEqual([[1, 2]]);
    publisher.publish({ topic: 'a', qos: 2 });
    expect(publishes(sub).map(identifiersOf)).toEqual([[1]]);
  });

  test.each(qoses)('v5 [MQTT-3.3.4-4] one copy has the identifiers of all that match and have one, live, queued and sent again: QoS %i', (qos) => {
    const rig = openRig();
    const filters = [['a/b', qos, 7], ['a/#', qos, 268_435_455], ['#', qos, 7], ['+/+', qos], ['a/c', qos, 99]] as const;
    const expected = [[7, 7, 268_435_455]];
    const [live, lasting] = [subscribing(client(rig, 'live'), filters), subscribing(resumable(rig, 'lasting'), filters)];
    subscribing(resumable(rig, 'away'), filters).drop();
    client(rig, 'pub').publish({ topic: 'a/b', qos: 2 });
    for (const sub of [live, lasting]) expect(publishes(sub).map(identifiersOf)).toEqual(expected);
    lasting.drop();
    for (const clientId of ['away', 'lasting']) expect(publishes(resumable(rig, clientId)).map(identifiersOf)).toEqual(qos === 0 ? [] : expected);
  });

  test.each(qoses)('v5 [MQTT-3.3.4-5] where a shared one makes another copy, each has the identifier of its own: QoS %i', (qos) => {
    const rig = openRig();
    const sub = subscribing(client(rig, 'sub'), [['a/b', qos, 1], ['$share/g/a/b', qos, 2], ['$share/h/a/#', qos, 3], ['$share/i/#', qos], ['#', qos]]);
    client(rig, 'pub').publish({ topic: 'a/b', qos: 2 });
    const copies = publishes(sub).map(identifiersOf);
    expect(copies.toSorted((a, b) => (a[0] ?? 0) - (b[0] ?? 0))).toEqual([[], [1], [2], [3]]);
  });

  test.each(qoses)('v5 [X5-3.3.4-1] have no identifier there of one that did not cause it: QoS %i', (qos) => {
    const rig = openRig();
    const sub = subscribing(client(rig, 'sub'), [['a', qos, 1], ['+', qos, 1], ['b', qos, 2], ['c', qos]]);
    const publisher = client(rig, 'pub');
    const sent = (topic: string): unknown => publishes((publisher.publish({ topic, qos: 2 }), sub)).map(identifiersOf);
    expect([sent('a'), sent('b'), sent('c')]).toEqual([[[1, 1]], [[1, 2]], [[1]]]);
    subscribing(sub, [['a', qos, 5], ['b', qos]]); // replaced by one with another, and by one without
    expect([sent('a'), sent('b')]).toEqual([[[1, 5]], [[1]]]);
    sub.unsubscribe('+').skip();
    expect([sent('a'), sent('b'), sent('c'), sent('d')]).toEqual([[[5]], [[]], [[]], []]);
  });

  test('v5 [X5-3.3.4-1] of a shared one it is the receiver’s own, of a retained message that of the new one alone', () => {
    const rig = openRig();
    const members = [1, 2].map((id) => subscribing(client(rig, `member ${id}`), [['$share/g/t', 1, id]]));
    const publisher = client(rig, 'pub');
    for (let count = 0; count < 4; count += 1) publisher.publish({ topic: 't', qos: 1 });
    expect(members.map((member) => publishes(member).map(identifiersOf))).toEqual([[[1], [1]], [[2], [2]]]);
    publisher.publish({ topic: 'kept', payload: 'x', retain: true });
    const sub = subscribing(client(rig, 'sub'), [['kept', 0, 3]]);
    expect(publishes(sub.subscribe('+', { properties: { subscriptionIdentifier: 4 } })).map(identifiersOf)).toEqual([[4]]);
    expect(publishes(sub.subscribe('#')).map(identifiersOf)).toEqual([[]]);
  });

  test('v5 [X5-3.3.4-1] a subscription that No Local keeps out adds none', () => {
    const rig = openRig();
    const own = client(rig, 'own').subscribe([{ topic: 't', qos: 1, nl: true }], { properties: { subscriptionIdentifier: 1 } });
    subscribing(own, [['#', 1, 2]]);
    for (const qos of qoses) expect(publishes(own.publish({ topic: 't', qos })).map(identifiersOf)).toEqual([[2]]);
    client(rig, 'pub').publish({ topic: 't' });
    expect(publishes(own).map(identifiersOf)).toEqual([[1, 2]]);
  });
});

test.each(qoses)('v5 [MQTT-3.3.4-6] a client’s PUBLISH with a Subscription Identifier is disconnected with 0x82 and goes nowhere: QoS %i', (qos) => {
  for (const identifier of ['0b 01', '0b 00', '0b ffffff7f', `03 ${text('c')} 0b 01`, '0b 01 0b 02']) {
    const rig = openRig();
    const watcher = subscriber(rig, 'watcher', '#', 2);
    const publish = packet(0x31 | (qos << 1), `${text('t')} ${qos === 0 ? '' : '0001'} ${propertiesBytes(identifier)} 78`);
    expectDisconnected(client(rig, 'pub').sendsBytes(publish), 0x82);
    expect([watcher.received(), rig.stats.retainedMessages]).toEqual([[], 0]);
  }
  const rig = openRig();
  const sub = client(rig, 'sub').subscribe('#', { properties: { subscriptionIdentifier: 9 } }).skip();
  expectOpen(client(rig, 'pub').publish({ topic: 't', qos }));
  expect(publishes(sub).map(identifiersOf)).toEqual([[9]]);
});
