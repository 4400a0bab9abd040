/** MQTT 5.0, chapter 3.3: Topic Alias, from a client and to a client. */
import { describe, expect, test } from '@jest/globals';
import type { WireClient, WireProperties } from '../../../src/testing/index.js';
import { packet, text } from '../../unit/packet/wire.js';
import { openRig, publishes, short } from '../../wire/rig.js';
import type { Rig } from '../../wire/rig.js';
import { client, expectDisconnected, expectOpen, never, qoses, resumable, subscriber } from './support.js';

const alias = (topicAlias: number): { readonly properties: WireProperties } => ({ properties: { topicAlias } });

/** PUBLISH with this alias, `x` as its payload, as bytes: mqtt-packet does not write each of them. */
const aliasBytes = (topic: string, topicAlias: number): Buffer =>
  packet(0x30, `${text(topic)} 03 23 ${topicAlias.toString(16).padStart(4, '0')} 78`);

/** Topic Name and alias of what arrived. */
const sentTo = (sub: WireClient): (readonly [string | undefined, number | undefined])[] =>
  publishes(sub).map(({ topic, properties }) => [topic, properties?.topicAlias]);

const topicsOf = (sub: WireClient): (string | undefined)[] => publishes(sub).map(({ topic }) => topic);

describe('from a client', () => {
  test('v5 [MQTT-3.3.2-7] is not carried over: the next connection of the session has none', () => {
    const rig = openRig();
    const watcher = subscriber(rig, 'watcher', '#');
    resumable(rig, 'pub').publish({ topic: 't', ...alias(1) }).drop();
    expect(topicsOf(watcher)).toEqual(['t']);
    expectDisconnected(resumable(rig, 'pub').publish({ topic: '', ...alias(1) }), 0x82);
    const again = resumable(rig, 'pub').publish({ topic: 'u', ...alias(1) }).publish({ topic: '', ...alias(1) });
    expect(topicsOf(watcher)).toEqual(['u', 'u']);
    expectOpen(again);
  });

  test('v5 [MQTT-3.3.2-7] is its own connection’s: another client’s alias 1 is another topic, or none', () => {
    const rig = openRig();
    const watcher = subscriber(rig, 'watcher', '#');
    const [left, right] = [client(rig, 'left'), client(rig, 'right')];
    left.publish({ topic: 'l', ...alias(1) });
    right.publish({ topic: 'r', ...alias(1) });
    for (const publisher of [left, right]) publisher.publish({ topic: '', ...alias(1) });
    expect(topicsOf(watcher)).toEqual(['l', 'r', 'l', 'r']);
    expectDisconnected(client(rig, 'third').publish({ topic: '', ...alias(1) }), 0x82);
  });

  test('v5 [MQTT-3.3.2-8] is never 0: disconnected with 0x94, with a Topic Name and without', () => {
    for (const topic of ['t', '']) {
      const rig = openRig();
      const watcher = subscriber(rig, 'watcher', '#');
      expectDisconnected(client(rig, 'pub').sendsBytes(aliasBytes(topic, 0)), 0x94);
      expect(watcher.received()).toEqual([]);
      expectOpen(client(rig, 'pub').sendsBytes(aliasBytes('t', 1)));
      expect(topicsOf(watcher)).toEqual(['t']);
    }
  });

  test.each([
    [32, {}],
    [5, { topicAliasMaximum: 5 }],
    [1, { topicAliasMaximum: 1 }],
    [0, { topicAliasMaximum: 0 }],
    [65_534, { topicAliasMaximum: 65_534 }],
  ])('v5 [MQTT-3.3.2-9] is not above the maximum of %i that CONNACK said: disconnected with 0x94', (maximum, options) => {
    const rig = openRig(options);
    const [connack] = rig.open().connect({ clientId: 'c' }).received();
    expect(connack?.properties?.topicAliasMaximum ?? 0).toBe(maximum);
    const watcher = subscriber(rig, 'watcher', '#');
    for (const topic of ['t', '']) {
      for (const over of [maximum + 1, 65_535]) expectDisconnected(client(rig, 'pub').sendsBytes(aliasBytes(topic, over)), 0x94);
    }
    expect(watcher.received()).toEqual([]);
    if (maximum > 0) expectOpen(client(rig, 'pub').sendsBytes(aliasBytes('t', maximum)));
  });

  test.each([32, 1, 300, 65_535])('v5 [MQTT-3.3.2-12] may be every number from 1 to the maximum of %i, and each be set anew', (topicAliasMaximum) => {
    const rig = openRig({ topicAliasMaximum });
    const watcher = subscriber(rig, 'watcher', '#');
    const publisher = client(rig, 'pub');
    const step = Math.max(1, Math.floor(topicAliasMaximum / 300));
    const numbers = [...new Set([...Array.from({ length: 300 }, (_, index) => 1 + index * step), topicAliasMaximum])].filter((number) => number <= topicAliasMaximum);
    const all = numbers.toReversed();
    for (const round of ['first', 'second']) {
      for (const number of numbers) publisher.sendsBytes(aliasBytes(`${round}/${number}`, number));
      expect(topicsOf(watcher)).toEqual(numbers.map((number) => `${round}/${number}`));
      for (const number of all) publisher.sendsBytes(aliasBytes('', number));
      expect(topicsOf(watcher)).toEqual(all.map((number) => `${round}/${number}`));
    }
    expect([numbers[0], numbers.at(-1)]).toEqual([1, topicAliasMaximum]);
    expectOpen(publisher);
  });

  test.each(qoses)('v5 [X5-3.3.2.3.4-1] is set, used, set anew and used, at QoS %i, and is not passed on', (qos) => {
    const rig = openRig();
    const watcher = subscriber(rig, 'watcher', '#', 2);
    const publisher = client(rig, 'pub');
    const steps = [['a', 1], ['', 1], ['b', 2], ['', 1], ['', 2], ['b', 1], ['', 1], ['', 2], ['a', 2], ['', 2], ['a', 1], ['', 1]] as const;
    for (const [topic, number] of steps) publisher.publish({ topic, qos, ...alias(number) });
    const sent = publishes(watcher);
    expect(sent.map(({ topic }) => topic)).toEqual(['a', 'a', 'b', 'a', 'b', 'b', 'b', 'b', 'a', 'a', 'a', 'a']);
    expect(sent.every(({ properties }) => properties === undefined)).toBe(true);
  });

  test.each([
    ['authorization', 0x87, { authorize: (_client: unknown, { type, retain }: { readonly type: string; readonly retain?: boolean }) => type !== 'publish' || retain !== true }],
    ['a full store', 0x97, { retainedMessagesMax: 0 }],
  ])('v5 [X5-3.3.2.3.4-2] is set also by a PUBLISH that is refused by %s', (_why, reasonCode, options) => {
    const rig = openRig(options);
    const watcher = subscriber(rig, 'watcher', '#');
    const publisher = client(rig, 'pub').publish({ topic: 'old', ...alias(1) });
    for (const topic of ['t', '']) publisher.publish({ topic, payload: 'refused', qos: 1, packetId: 1, retain: true, ...alias(1) });
    expect(short(publisher.received())).toEqual([1, 1].map((id) => `puback ${id} 0x${reasonCode.toString(16)}`));
    publisher.publish({ topic: '', payload: 'x', ...alias(1) });
    expect(topicsOf(watcher)).toEqual(['old', 't']);
    expectOpen(publisher);
  });
});

describe('to a client', () => {
  const reader = (rig: Rig, topicAliasMaximum: number): WireClient => subscriber(rig, 'sub', '#', 2, { properties: { topicAliasMaximum } });

  test('v5 [MQTT-3.3.2-7] is not carried over: on a new connection the Topic Name is sent again first', () => {
    const rig = openRig();
    const lasting = { sessionExpiryInterval: never, topicAliasMaximum: 5, receiveMaximum: 2 };
    const sub = resumable(rig, 'sub', { properties: lasting }).subscribe('t', { qos: 1 }).skip();
    const publisher = client(rig, 'pub');
    for (let count = 0; count < 4; count += 1) publisher.publish({ topic: 't', qos: 1, ...alias(7) });
    expect(sentTo(sub)).toEqual([['t', 1], ['', 1]]);
    sub.drop();
    const again = resumable(rig, 'sub', { properties: { ...lasting, receiveMaximum: 10 } });
    expect(sentTo(again)).toEqual([['t', 1], ['', 1], ['', 1], ['', 1]]);
    again.drop();
    expect(sentTo(resumable(rig, 'sub'))).toEqual(Array(4).fill(['t', undefined]));
  });

  test.each([[1, ['a', 1]], [2, ['b', 2]]] as const)('v5 [MQTT-3.3.2-8] is never 0: where all %i are in use there is none', (maximum, last) => {
    const rig = openRig();
    const sub = reader(rig, maximum);
    const publisher = client(rig, 'pub');
    for (const topic of ['a', 'b', 'c', 'd']) publisher.publish({ topic, payload: 'x' });
    const sent = sentTo(sub);
    expect(sent[maximum - 1]).toEqual(last);
    expect(sent.slice(maximum).map(([, number]) => number)).toEqual(Array(4 - maximum).fill(undefined));
  });

  test.each(qoses)('v5 [MQTT-3.3.2-11] is not above the maximum that CONNECT said, at QoS %i', (qos) => {
    for (const maximum of [0, 1, 2, 3, 31, 32, 65_535]) {
      const rig = openRig();
      const sub = reader(rig, maximum);
      const publisher = client(rig, 'pub');
      const topics = Array.from({ length: 40 }, (_, index) => `t${index}`);
      const used = Math.min(maximum, 32); // the broker’s own bound, topicAliasMaximumOutbound
      for (const topic of topics) publisher.publish({ topic, qos });
      expect(sentTo(sub)).toEqual(topics.map((topic, index) => [topic, index < used ? index + 1 : undefined]));
      for (const topic of topics) publisher.publish({ topic, qos });
      expect(sentTo(sub)).toEqual(topics.map((topic, index) => (index < used ? ['', index + 1] : [topic, undefined])));
    }
  });

  test('v5 [MQTT-3.3.2-11] is not there at all for a client that said no maximum', () => {
    const rig = openRig();
    const sub = subscriber(rig, 'sub', '#', 1);
    const publisher = client(rig, 'pub');
    for (let count = 0; count < 2; count += 1) publisher.publish({ topic: 't', qos: 1, ...alias(7) });
    expect(sentTo(sub)).toEqual([['t', undefined], ['t', undefined]]);
  });

  test('v5 [X5-3.3.2.3.4-1] is of the broker’s own choice: each direction has its own alias 1', () => {
    const rig = openRig();
    const both = reader(rig, 5);
    client(rig, 'pub').publish({ topic: 'other' });
    both.publish({ topic: 'own', ...alias(1) });
    client(rig, 'pub').publish({ topic: 'other' });
    both.publish({ topic: '', ...alias(1) });
    expect(sentTo(both)).toEqual([['other', 1], ['own', 2], ['', 1], ['', 2]]);
  });
});
