/** MQTT 5.0, chapter 3.3: the flags DUP and QoS of PUBLISH, and its Topic Name. */
import { describe, expect, test } from '@jest/globals';
import { PeerProtocolError } from '../../../src/index.js';
import { packet, text } from '../../unit/packet/wire.js';
import { openRig, publishes } from '../../wire/rig.js';
import type { Rig } from '../../wire/rig.js';
import { illFormed } from '../v3.1.1/support.js';
import { client, expectDisconnected, expectOpen, qoses, resumable, subscriber } from './support.js';

/** Statements that clients of this rig break from now on, as the host is told of them. */
function brokenOf(rig: Rig): readonly string[] {
  const broken: string[] = [];
  rig.broker.on('clientError', (error) => void broken.push(error instanceof PeerProtocolError ? error.statement : String(error)));
  return broken;
}

describe('DUP', () => {
  test.each([1, 2] as const)('v5 [MQTT-3.3.1-1] is 1 when a PUBLISH of QoS %i is delivered again, under the same identifier', (qos) => {
    const rig = openRig();
    const first = resumable(rig, 'sub').subscribe('t', { qos: 2 }).skip();
    const publisher = client(rig, 'pub');
    for (const payload of ['x', 'y']) publisher.publish({ topic: 't', payload, qos });
    expect(publishes(first)).toMatchObject([{ payload: 'x', dup: false, packetId: 1 }, { payload: 'y', dup: false, packetId: 2 }]);
    first.drop();
    for (let round = 0; round < 3; round += 1) {
      const again = resumable(rig, 'sub');
      expect(again.received()).toMatchObject([
        { type: 'publish', payload: 'x', qos, dup: true, packetId: 1 },
        { type: 'publish', payload: 'y', qos, dup: true, packetId: 2 },
      ]);
      again.drop();
    }
  });

  test.each(qoses)('v5 [MQTT-3.3.1-2] is 0 at QoS 0, from the broker: published at QoS %i', (qos) => {
    const rig = openRig();
    const subs = ['t', '$share/g/t'].map((filter) => subscriber(rig, `on ${filter}`, filter, 0));
    client(rig, 'pub').publish({ topic: 't', payload: 'x', qos, dup: qos > 0, retain: true });
    for (const sub of subs) expect(sub.receivedHex()).toBe('30 05 00 01 74 00 78');
    expect(client(rig, 'late').subscribe('t').receivedHex()).toBe('90 04 00 01 00 00 31 05 00 01 74 00 78');
  });

  test('v5 [MQTT-3.3.1-2] is 0 at QoS 0, from a client: with 1 it is disconnected with 0x81', () => {
    const rig = openRig();
    const watcher = subscriber(rig, 'watcher', '#');
    for (const first of [0x38, 0x39]) expectDisconnected(client(rig, 'c').sendsBytes(packet(first, `${text('t')} 00 78`)), 0x81);
    expect([watcher.received(), rig.stats.retainedMessages]).toEqual([[], 0]);
    expectOpen(client(rig, 'c').sendsBytes(packet(0x30, `${text('t')} 00 78`)));
    for (const first of [0x3a, 0x3c]) expectOpen(client(rig, 'c').sendsBytes(packet(first, `${text('t')} 0001 00 78`)));
    expect(publishes(watcher)).toHaveLength(3);
  });

  test.each([1, 2] as const)('v5 [MQTT-3.3.1-3] of a publisher is not passed on, live, queued, shared or retained: QoS %i', (qos) => {
    const rig = openRig();
    const subs = qoses.map((granted) => subscriber(rig, `sub${granted}`, 't', granted));
    const shared = subscriber(rig, 'shared', '$share/g/t', 2);
    const lasting = resumable(rig, 'lasting').subscribe('t', { qos: 2 }).skip();
    resumable(rig, 'away').subscribe('t', { qos: 2 }).drop();
    const publisher = subscriber(rig, 'pub', 't', 2).publish({ topic: 't', payload: 'x', qos, dup: true, retain: true });
    const late = client(rig, 'late').subscribe('t', { qos: 2 });
    for (const sub of [...subs, shared, lasting, publisher, resumable(rig, 'away'), late]) {
      expect(publishes(sub)).toMatchObject([{ payload: 'x', dup: false }]);
    }
  });

  test('v5 [MQTT-3.3.1-3] of a publisher that sent 0 is 1 all the same where the broker sends again', () => {
    const rig = openRig();
    const sub = resumable(rig, 'sub').subscribe('t', { qos: 1 }).skip();
    client(rig, 'pub').publish({ topic: 't', payload: '0', qos: 1 }).publish({ topic: 't', payload: '1', qos: 1, dup: true });
    expect(publishes(sub)).toMatchObject([{ payload: '0', dup: false }, { payload: '1', dup: false }]);
    sub.drop();
    expect(publishes(resumable(rig, 'sub'))).toMatchObject([{ payload: '0', dup: true }, { payload: '1', dup: true }]);
  });
});

test.each([0x36, 0x37, 0x3e, 0x3f])('v5 [MQTT-3.3.1-4] QoS 3 is disconnected with 0x81: first byte %i', (first) => {
  const rig = openRig();
  const watcher = subscriber(rig, 'watcher', '#', 2);
  expectDisconnected(client(rig, 'c').sendsBytes(packet(first, `${text('t')} 0001 00 78`)), 0x81);
  expectDisconnected(client(rig, 'c').sendsBytes(Buffer.of(first)), 0x81); // at its first byte
  expect([watcher.received(), rig.stats.retainedMessages]).toEqual([[], 0]);
  for (const allowed of [0x32, 0x34]) client(rig, 'c').sendsBytes(packet(allowed, `${text('t')} 0001 00 78`));
  expect(publishes(watcher)).toMatchObject([{ qos: 1 }, { qos: 2 }]);
});

describe('the Topic Name', () => {
  test('v5 [MQTT-3.3.2-1] comes first: one that the packet ends before, or within, is malformed', () => {
    for (const hex of ['30 00', '30 01 00', '30 02 0001', '30 03 0002 61', '32 04 0003 6161', '30 05 ffff 61 00 78']) {
      const rig = openRig();
      const broken = brokenOf(rig);
      expectDisconnected(client(rig, 'c').sendsHex(hex), 0x81);
      expect(broken).toEqual(['MQTT-3.3.2-1']);
    }
    const rig = openRig();
    const broken = brokenOf(rig);
    expectDisconnected(client(rig, 'c').sendsHex('30 03 0001 61'), 0x81);
    expect(broken).toEqual(['MQTT-4.13.1-1']); // the name is whole; what is missing is the Property Length behind it
  });

  test('v5 [MQTT-3.3.2-1] is UTF-8: what is ill-formed is disconnected with 0x81 and goes nowhere', () => {
    for (const value of illFormed) {
      const rig = openRig();
      const watcher = subscriber(rig, 'watcher', '#');
      expectDisconnected(client(rig, 'c').sendsBytes(packet(0x31, `${text(value)} 00 78`)), 0x81);
      expect([watcher.received(), rig.stats.retainedMessages]).toEqual([[], 0]);
    }
    const rig = openRig();
    const watcher = subscriber(rig, 'watcher', '#');
    for (const topic of ['t', 'é€😀', '\u{feff}t']) expectOpen(client(rig, 'c').sendsBytes(packet(0x30, `${text(topic)} 00 78`)));
    expect(publishes(watcher).map(({ topic }) => topic)).toEqual(['t', 'é€😀', '\u{feff}t']);
  });

  test.each(['a/#', '#', '+', 'a/+/b', 'a+', 'a#b', '/+', '$x/#'])('v5 [MQTT-3.3.2-2] has no wildcards: "%s" is disconnected with 0x90, and nothing is routed', (topic) => {
    for (const qos of qoses) {
      const rig = openRig();
      const watchers = ['#', '$x/#'].map((filter) => subscriber(rig, `on ${filter.length}`, filter, 2));
      const broken = brokenOf(rig);
      expectDisconnected(client(rig, 'pub').publish({ topic, payload: 'x', qos, retain: true }), 0x90);
      expectDisconnected(client(rig, 'pub').publish({ topic, payload: 'x', qos, properties: { topicAlias: 1 } }), 0x90);
      expect(broken).toEqual(['MQTT-3.3.2-2', 'MQTT-3.3.2-2']);
      expect(watchers.map((watcher) => watcher.received())).toEqual([[], []]);
      expect(rig.stats.retainedMessages).toBe(0);
    }
  });

  // Method: which filters a topic reaches, live, retained and shared, for every pair of the two lists.
  test('v5 [MQTT-3.3.2-3] that a subscriber is sent matches its filter', () => {
    const topics = ['a', 'a/b', 'a/b/c', '/a', 'a/', '/', 'b', 'A', 'a//b', '$x', '$x/a'];
    const plain = topics.slice(0, -2);
    const matching: Readonly<Record<string, readonly string[]>> = {
      '#': plain,
      '+': ['a', 'b', 'A'],
      'a': ['a'],
      'a/#': ['a', 'a/b', 'a/b/c', 'a/', 'a//b'],
      'a/+': ['a/b', 'a/'],
      '+/+': ['a/b', '/a', 'a/', '/'],
      '/+': ['/a', '/'],
      '+/a': ['/a'],
      '+/b/#': ['a/b', 'a/b/c'],
      'a/+/c': ['a/b/c'],
      'a/+/b': ['a//b'],
      '+/+/+': ['a/b/c', 'a//b'],
      '/#': ['/a', '/'],
      '$x/#': ['$x', '$x/a'],
      '$x/+': ['$x/a'],
      'c': [],
    };
    for (const [filter, expected] of Object.entries(matching)) {
      const rig = openRig();
      const sub = subscriber(rig, 'sub', filter);
      const shared = subscriber(rig, 'shared', `$share/g/${filter}`, 1);
      const publisher = client(rig, 'pub');
      for (const topic of topics) publisher.publish({ topic, payload: 'x', qos: 1, retain: true });
      for (const each of [sub, shared]) expect([filter, publishes(each).map(({ topic }) => topic)]).toEqual([filter, expected]);
      const late = publishes(client(rig, 'late').subscribe(filter)).map(({ topic }) => String(topic));
      expect([filter, late.toSorted()]).toEqual([filter, expected.toSorted()]);
    }
    expect(Object.keys(matching)).toHaveLength(16);
  });

  test.each(['30 03 0000 00', '32 05 0000 0001 00', '34 05 0000 0001 00', '31 05 0000 02 0101', '30 04 0000 00 78'])('v5 [X5-3.3.2.1-1] may not be empty without a Topic Alias: %s is disconnected with 0x82', (hex) => {
    const rig = openRig();
    const watcher = subscriber(rig, 'watcher', '#', 2);
    expectDisconnected(client(rig, 'c').sendsHex(hex), 0x82);
    expect([watcher.received(), rig.stats.retainedMessages]).toEqual([[], 0]);
  });

  test('v5 [X5-3.3.2.1-1] may be empty with a Topic Alias that was set, not with one that was not', () => {
    const rig = openRig();
    const watcher = subscriber(rig, 'watcher', '#');
    const publisher = client(rig, 'c').publish({ topic: 't', properties: { topicAlias: 2 } }).sendsHex('30 07 0000 03 230002 78');
    expect(publishes(watcher)).toMatchObject([{ topic: 't', payload: '' }, { topic: 't', payload: 'x' }]);
    expectDisconnected(publisher.sendsHex('30 07 0000 03 230001 78'), 0x82);
    expect(watcher.received()).toEqual([]);
  });
});
