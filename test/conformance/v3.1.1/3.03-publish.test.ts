/** MQTT 3.1.1, chapter 3.3: PUBLISH. */
import { describe, expect, test } from '@jest/globals';
import { packet, text } from '../../unit/packet/wire.js';
import { numbered, openRig, payloads, publishes, short } from '../../wire/rig.js';
import { brokenOf, client, expectClosed, expectOpen, expectUtf8, qoses, resumable, subscriber } from './support.js';

describe('DUP', () => {
  test.each([1, 2] as const)('v3.1.1 [MQTT-3.3.1-1] is 1 when a PUBLISH of QoS %i is delivered again', (qos) => {
    const rig = openRig();
    const first = resumable(rig, 'a').subscribe('t', { qos: 2 }).skip();
    client(rig, 'pub').publish({ topic: 't', payload: 'x', qos });
    expect(publishes(first)).toMatchObject([{ dup: false, packetId: 1 }]);
    first.drop();
    for (let round = 0; round < 3; round += 1) {
      const again = resumable(rig, 'a');
      expect(again.received()).toMatchObject([{ type: 'publish', payload: 'x', qos, dup: true, packetId: 1 }]);
      again.drop();
    }
  });

  test.each(qoses)('v3.1.1 [MQTT-3.3.1-2] is 0 at QoS 0, from the broker: published at QoS %i', (qos) => {
    const rig = openRig();
    const sub = subscriber(rig, 'sub', 't', 0);
    client(rig, 'pub').publish({ topic: 't', payload: 'x', qos, dup: qos > 0 });
    expect(sub.receivedHex()).toBe('30 04 00 01 74 78');
  });

  test('v3.1.1 [MQTT-3.3.1-2] is 0 at QoS 0, from a client: with 1 it is closed', () => {
    const rig = openRig();
    const watcher = subscriber(rig, 'watcher', '#');
    for (const first of [0x38, 0x39]) expectClosed(client(rig, 'c').sendsBytes(packet(first, `${text('t')} 78`)));
    expect([watcher.received(), rig.stats.retainedMessages]).toEqual([[], 0]);
    expectOpen(client(rig, 'c').sendsBytes(packet(0x30, `${text('t')} 78`)));
  });

  test.each([1, 2] as const)('v3.1.1 [MQTT-3.3.1-3] of a publisher is not passed on: QoS %i', (qos) => {
    const rig = openRig();
    const subs = qoses.map((granted) => subscriber(rig, `sub${granted}`, 't', granted));
    resumable(rig, 'away').subscribe('t', { qos: 2 }).drop();
    client(rig, 'pub').publish({ topic: 't', payload: 'x', qos, dup: true, retain: true });
    for (const sub of [...subs, resumable(rig, 'away'), client(rig, 'late').subscribe('t', { qos: 2 })]) {
      expect(publishes(sub)).toMatchObject([{ payload: 'x', dup: false }]);
    }
  });
});

test.each([0x36, 0x37, 0x3e, 0x3f])('v3.1.1 [MQTT-3.3.1-4] QoS 3 closes the connection: first byte %i', (first) => {
  const rig = openRig();
  const watcher = subscriber(rig, 'watcher', '#', 2);
  expectClosed(client(rig, 'c').sendsBytes(packet(first, `${text('t')} 0001 78`)));
  expectClosed(client(rig, 'c').sendsBytes(Buffer.of(first))); // at its first byte
  expect([watcher.received(), rig.stats.retainedMessages]).toEqual([[], 0]);
});

describe('RETAIN', () => {
  test.each(qoses)('v3.1.1 [MQTT-3.3.1-5] 1 keeps the message and its QoS %i for later subscribers', (qos) => {
    const rig = openRig();
    const publisher = client(rig, 'pub').publish({ topic: 't', payload: 'x', qos, retain: true });
    publisher.disconnect();
    for (const granted of qoses) {
      const late = publishes(client(rig, `late${granted}`).subscribe('t', { qos: granted }));
      expect(late).toMatchObject([{ topic: 't', payload: 'x', qos: Math.min(qos, granted) }]);
    }
  });

  test('v3.1.1 [MQTT-3.3.1-6] a new subscription gets the last message of each topic that matches', () => {
    const rig = openRig();
    const publisher = client(rig, 'pub');
    for (const topic of ['a/b', 'a/c', 'a', 'b', 'a/b/c']) {
      for (const payload of ['old', `last of ${topic}`]) publisher.publish({ topic, payload, retain: true });
    }
    const got = (filter: string): string[] => payloads(client(rig, 'late').subscribe(filter)).map(String).toSorted();
    expect(got('a/+')).toEqual(['last of a/b', 'last of a/c']);
    expect(got('a/#')).toEqual(['last of a', 'last of a/b', 'last of a/b/c', 'last of a/c']);
    expect(got('b')).toEqual(['last of b']);
    expect(got('#')).toHaveLength(5);
    expect(got('c/#')).toEqual([]);
  });

  test('v3.1.1 [MQTT-3.3.1-7] at QoS 0 it replaces what was kept, at whatever QoS that was', () => {
    const rig = openRig();
    for (const qos of qoses) {
      client(rig, 'pub').publish({ topic: `t${qos}`, payload: 'old', qos, retain: true }).publish({ topic: `t${qos}`, payload: 'new', retain: true });
      expect(publishes(client(rig, 'late').subscribe(`t${qos}`, { qos: 2 }))).toMatchObject([{ payload: 'new', qos: 0 }]);
    }
  });

  test('v3.1.1 [MQTT-3.3.1-7] at QoS 0 it discards what was kept even where there is no room for it', () => {
    const rig = openRig({ retainedBytesMax: 20 });
    client(rig, 'pub').publish({ topic: 't', payload: 'old', qos: 1, retain: true }).publish({ topic: 't', payload: 'x'.repeat(100), retain: true });
    expect(payloads(client(rig, 'late').subscribe('t'))).toEqual([]);
  });

  test.each(qoses)('v3.1.1 [MQTT-3.3.1-8] is 1 on what a new subscription gets at QoS %i', (qos) => {
    const rig = openRig();
    client(rig, 'pub').publish({ topic: 't', payload: 'x', qos: 2, retain: true });
    const late = client(rig, 'late').subscribe('t', { qos });
    expect(publishes(late)).toMatchObject([{ payload: 'x', qos, retain: true }]);
    expect(publishes(late.subscribe('+', { qos }))).toMatchObject([{ payload: 'x', retain: true }]);
  });

  test.each(qoses)('v3.1.1 [MQTT-3.3.1-9] is 0 on what an established subscription gets, published at QoS %i', (qos) => {
    const rig = openRig();
    const subs = qoses.map((granted) => subscriber(rig, `sub${granted}`, 't', granted));
    resumable(rig, 'away').subscribe('t', { qos: 2 }).drop();
    client(rig, 'pub').publish({ topic: 't', payload: 'x', qos, retain: true });
    for (const sub of subs) expect(publishes(sub)).toMatchObject([{ payload: 'x', retain: false }]);
    const away = publishes(resumable(rig, 'away'));
    expect(away.map(({ retain }) => retain)).toEqual(qos === 0 ? [] : [false]);
  });

  test.each(qoses)('v3.1.1 [MQTT-3.3.1-10] 1 without payload is delivered and removes what was kept, at QoS %i', (qos) => {
    const rig = openRig();
    const publisher = client(rig, 'pub').publish({ topic: 't', payload: 'x', qos: 1, retain: true }).publish({ topic: 'other', payload: 'y', retain: true });
    const live = subscriber(rig, 'live', 't', 2);
    publisher.publish({ topic: 't', qos, retain: true });
    expect(publishes(live)).toMatchObject([{ topic: 't', payload: '', qos, retain: false }]);
    expect(payloads(client(rig, 'late').subscribe('#'))).toEqual(['y']);
  });

  test('v3.1.1 [MQTT-3.3.1-11] a message without payload is not kept itself', () => {
    const rig = openRig();
    for (const qos of qoses) client(rig, 'pub').publish({ topic: `t${qos}`, qos, retain: true });
    expect(rig.stats.retainedMessages).toBe(0);
    expect(publishes(client(rig, 'late').subscribe('#', { qos: 2 }))).toEqual([]);
  });

  test('v3.1.1 [MQTT-3.3.1-12] 0 keeps nothing and leaves what is kept, with a payload and without', () => {
    const rig = openRig();
    const publisher = client(rig, 'pub').publish({ topic: 't', payload: 'kept', qos: 1, retain: true });
    for (const qos of qoses) publisher.publish({ topic: 't', payload: 'plain', qos }).publish({ topic: 't', qos }).publish({ topic: 'u', payload: 'plain', qos });
    expect(publishes(client(rig, 'late').subscribe('#', { qos: 2 }))).toMatchObject([{ topic: 't', payload: 'kept', qos: 1 }]);
  });
});

describe('the Topic Name', () => {
  test('v3.1.1 [MQTT-3.3.2-1] comes first and is UTF-8', () => {
    expectUtf8('Topic Name');
    for (const hex of ['30 00', '30 01 00', '30 02 0001', '30 03 0002 61', '32 04 0003 6161']) expectClosed(client(openRig(), 'c').sendsHex(hex));
  });

  test.each(['a/#', '#', '+', 'a/+/b', 'a+', 'a#b', '/+', '$x/#'])('v3.1.1 [MQTT-3.3.2-2] has no wildcards: "%s" closes, and nothing is routed', (topic) => {
    for (const qos of qoses) {
      const rig = openRig();
      const watchers = ['#', '$x/#'].map((filter) => subscriber(rig, `on ${filter.length}`, filter, 2));
      const broken = brokenOf(rig);
      expectClosed(client(rig, 'pub').publish({ topic, payload: 'x', qos, retain: true }));
      expect(broken).toEqual(['MQTT-3.3.2-2']);
      expect(watchers.map((watcher) => watcher.received())).toEqual([[], []]);
      expect(rig.stats.retainedMessages).toBe(0);
    }
  });

  // Method: which filters a topic reaches, live and retained, for every pair of the two lists.
  test('v3.1.1 [MQTT-3.3.2-3] that a subscriber is sent matches its filter', () => {
    const topics = ['a', 'a/b', 'a/b/c', '/a', 'a/', '/', 'b', 'A', 'a//b'];
    const matching: Readonly<Record<string, readonly string[]>> = {
      '#': topics,
      '+': ['a', 'b', 'A'],
      'a': ['a'],
      'a/#': ['a', 'a/b', 'a/b/c', 'a/', 'a//b'],
      'a/+': ['a/b', 'a/'],
      '+/+': ['a/b', '/a', 'a/', '/'],
      '/+': ['/a', '/'],
      '+/b/#': ['a/b', 'a/b/c'],
      'a/+/c': ['a/b/c'],
      'a/+/b': ['a//b'],
      '+/+/+': ['a/b/c', 'a//b'],
      '/#': ['/a', '/'],
      'c': [],
    };
    for (const [filter, expected] of Object.entries(matching)) {
      const rig = openRig();
      const sub = subscriber(rig, 'sub', filter);
      const publisher = client(rig, 'pub');
      for (const topic of topics) publisher.publish({ topic, payload: 'x', retain: true });
      expect([filter, publishes(sub).map(({ topic }) => topic)]).toEqual([filter, expected]);
      const late = publishes(client(rig, 'late').subscribe(filter)).map(({ topic }) => String(topic));
      expect([filter, late.toSorted()]).toEqual([filter, expected.toSorted()]);
    }
    expect(Object.keys(matching)).toHaveLength(13);
  });
});

test('v3.1.1 [MQTT-3.3.4-1] a PUBLISH is answered as its QoS asks: not at all, by PUBACK, by PUBREC', () => {
  const publisher = client(openRig(), 'pub');
  expect(publisher.publish({ topic: 't', qos: 0 }).receivedHex()).toBe('');
  expect(publisher.publish({ topic: 't', qos: 1, packetId: 0x0102 }).receivedHex()).toBe('40 02 01 02');
  expect(publisher.publish({ topic: 't', qos: 2, packetId: 0x0304 }).receivedHex()).toBe('50 02 03 04');
});

test('v3.1.1 [MQTT-3.3.5-1] overlapping subscriptions deliver at the highest QoS of those that match', () => {
  for (const [wide, narrow] of [[0, 2], [2, 0], [1, 2], [0, 1]] as const) {
    const rig = openRig();
    const sub = client(rig, 'sub').subscribe([{ topic: 'a/#', qos: wide }, { topic: 'a/b', qos: narrow }, { topic: 'b', qos: 2 }]).skip();
    const publisher = client(rig, 'pub');
    publisher.publish({ topic: 'a/b', payload: 'both', qos: 2 });
    expect(publishes(sub)).toMatchObject([{ payload: 'both', qos: Math.max(wide, narrow) }]);
    publisher.publish({ topic: 'a/c', payload: 'one', qos: 2 });
    expect(publishes(sub)).toMatchObject([{ payload: 'one', qos: wide }]);
  }
});

const denying = { authorize: (_client: unknown, { type }: { readonly type: string }) => type !== 'publish' };

test('v3.1.1 [MQTT-3.3.5-2] a PUBLISH that is not allowed is acknowledged as any other, and goes to nobody', () => {
  const rig = openRig(denying);
  const watcher = subscriber(rig, 'watcher', '#', 2);
  const publisher = client(rig, 'pub');
  for (const qos of qoses) publisher.publish({ topic: 't', payload: 'x', qos, retain: true, packetId: qos });
  publisher.pubrel(2);
  expect(short(publisher.received())).toEqual(['puback 1', 'pubrec 2', 'pubcomp 2']);
  expect([watcher.received(), rig.stats.retainedMessages]).toEqual([[], 0]);
  expectOpen(publisher);
});

test.each(qoses)('v3.1.1 [MQTT-3.3.5-2] or the connection is closed, where refusedPublish says so: QoS %i', (qos) => {
  const rig = openRig({ ...denying, refusedPublish: 'close' });
  const watcher = subscriber(rig, 'watcher', '#', 2);
  expectClosed(client(rig, 'pub').publish({ topic: 't', payload: 'x', qos, retain: true }));
  expect([watcher.received(), rig.stats.retainedMessages]).toEqual([[], 0]);
});

test('v3.1.1 [MQTT-3.3.1-12] numbered messages in a row: the retained one among them stays', () => {
  const rig = openRig();
  const publisher = client(rig, 'pub');
  for (const payload of numbered(9)) publisher.publish({ topic: 't', payload, retain: payload === '4' });
  expect(payloads(client(rig, 'late').subscribe('t'))).toEqual(['4']);
});
