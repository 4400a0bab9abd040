/** Topic aliases, from a client and to a client: two tables for each connection, and none beyond it. */
import { expect, test } from '@jest/globals';
import type { WireClient } from '../../src/testing/index.js';
import { both, numbered, openRig, payloads, publishes, short } from './rig.js';
import type { Rig } from './rig.js';

const alias = (topicAlias: number): { readonly properties: { readonly topicAlias: number } } => ({ properties: { topicAlias } });

// ---- From a client ----

test.each([0, 1, 2] as const)('v5 X5-3.3.2.3.4-1 an alias is set, used, set anew and used, at QoS %i', (qos) => {
  const rig = openRig();
  const subscriber = rig.subscriber('sub', '#', 2);
  const publisher = rig.client('pub');
  const say = (topic: string, payload: string): void => void publisher.publish({ topic, payload, qos, ...alias(1) });
  for (const [topic, payload] of [['a', '1'], ['', '2'], ['', '3'], ['b', '4'], ['', '5'], ['a', '6'], ['', '7']] as const) say(topic, payload);
  const sent = publishes(subscriber);
  expect(sent.map(({ topic, payload }) => `${topic}${payload}`)).toEqual(['a1', 'a2', 'a3', 'b4', 'b5', 'a6', 'a7']);
  expect(sent.every(({ properties }) => properties === undefined)).toBe(true); // it is not passed on
});

test('v5 [MQTT-3.3.2-12] every alias up to the announced maximum is taken, each for itself', () => {
  const rig = openRig();
  const subscriber = rig.subscriber('sub', '#');
  const publisher = rig.client('pub');
  for (let index = 1; index <= 32; index += 1) publisher.publish({ topic: `t/${index}`, ...alias(index) });
  for (let index = 32; index >= 1; index -= 1) publisher.publish({ topic: '', payload: String(index), ...alias(index) });
  const used = publishes(subscriber).slice(32);
  expect(used.map(({ topic }) => topic)).toEqual(used.map(({ payload }) => `t/${payload}`));
  expect(used).toHaveLength(32);
});

test('v5 the maximum is announced: 32, or what the option says, or nothing for 0', () => {
  const announced = (topicAliasMaximum?: number): unknown =>
    openRig(topicAliasMaximum === undefined ? {} : { topicAliasMaximum }).open().connect({ clientId: 'c' }).received()[0]?.properties?.topicAliasMaximum;
  expect([announced(), announced(5), announced(0), announced(65_535)]).toEqual([32, 5, undefined, 65_535]);
});

test.each([
  ['0', 32, 0, 0x94],
  ['one above the maximum', 32, 33, 0x94],
  ['1 where none are allowed', 0, 1, 0x94],
  ['65,535', 32, 65_535, 0x94],
])('v5 [MQTT-3.3.2-8] [MQTT-3.3.2-9] [MQTT-3.2.2-17] [MQTT-3.2.2-18] alias %s gets 0x94 and a close', (_what, topicAliasMaximum, topicAlias, reasonCode) => {
  const rig = openRig({ topicAliasMaximum });
  const subscriber = rig.subscriber('sub', '#');
  const publisher = rig.client('pub');
  // Written by hand: topic `a`, one property.
  publisher.sendsHex(`30 07 0001 61 03 23 ${topicAlias.toString(16).padStart(4, '0')}`);
  expect(publisher.received()).toMatchObject([{ type: 'disconnect', reasonCode }]);
  expect(publisher.closed).toBe(true);
  expect(subscriber.received()).toEqual([]);
});

test('v5 X5-3.3.2.1-1 an alias that was not set, and an empty topic without one, get 0x82 and a close', () => {
  const rig = openRig();
  const unknown = rig.client('unknown').publish({ topic: 'a', ...alias(1) }).publish({ topic: '', ...alias(2) });
  expect(unknown.received()).toMatchObject([{ type: 'disconnect', reasonCode: 0x82 }]);
  const empty = rig.client('empty').sendsHex('30 03 0000 00');
  expect(empty.received()).toMatchObject([{ type: 'disconnect', reasonCode: 0x82 }]);
});

test('v5 [MQTT-3.3.2-7] it dies with its connection, even where the session goes on', () => {
  const rig = openRig();
  rig.resumable('pub').publish({ topic: 'a', ...alias(1) }).drop();
  const again = rig.resumable('pub').publish({ topic: '', ...alias(1) });
  expect(again.received()).toMatchObject([{ type: 'disconnect', reasonCode: 0x82 }]);
});

test('v5 it belongs to its connection: another client’s alias 1 is another topic', () => {
  const rig = openRig();
  const subscriber = rig.subscriber('sub', '#');
  const [left, right] = [rig.client('left'), rig.client('right')];
  left.publish({ topic: 'l', ...alias(1) });
  right.publish({ topic: 'r', ...alias(1) });
  left.publish({ topic: '', ...alias(1) });
  right.publish({ topic: '', ...alias(1) });
  expect(publishes(subscriber).map(({ topic }) => topic)).toEqual(['l', 'r', 'l', 'r']);
});

test('v5 X5-3.3.2.3.4-2 it is resolved before authorization, and stays set when the publish is refused', () => {
  const asked: string[] = [];
  const rig = openRig({
    authorize: (_client, { type, topic }) => {
      if (type === 'publish') asked.push(topic);
      return type !== 'publish' || topic !== 'secret';
    },
  });
  const publisher = rig.client('pub').publish({ topic: 'secret', qos: 1, ...alias(1) }).publish({ topic: '', qos: 1, ...alias(1) });
  expect(short(publisher.received())).toEqual(['puback 1 0x87', 'puback 2 0x87']);
  expect(asked).toEqual(['secret', 'secret']);
});

test('v5 a refused topic sets nothing: a wildcard under an alias closes', () => {
  const rig = openRig();
  const publisher = rig.client('pub').publish({ topic: 'a/#', ...alias(1) });
  expect(publisher.received()).toMatchObject([{ type: 'disconnect', reasonCode: 0x90 }]);
});

test('v5 messages that came with an alias are queued, retained and sent again whole', () => {
  const rig = openRig();
  rig.resumable('sub').subscribe('a', { qos: 1 }).drop();
  const publisher = rig.client('pub').publish({ topic: 'a', payload: '1', qos: 1, ...alias(3) });
  publisher.publish({ topic: '', payload: '2', qos: 1, retain: true, properties: { topicAlias: 3, contentType: 'text/plain', messageExpiryInterval: 60 } });
  const again = rig.resumable('sub');
  const expected = [{ topic: 'a', payload: '1' }, { topic: 'a', payload: '2', properties: { contentType: 'text/plain', messageExpiryInterval: 60 } }];
  expect(publishes(again)).toMatchObject(expected);
  again.drop();
  expect(publishes(rig.resumable('sub'))).toMatchObject(expected);
  expect(publishes(rig.client('late').subscribe('a'))).toMatchObject(expected.slice(1));
});

// ---- To a client ----

const reader = (rig: Rig, topicAliasMaximum: number, clientId = 'sub'): WireClient =>
  rig.subscriber(clientId, '#', 2, { properties: { topicAliasMaximum } });

const aliasesOf = (client: WireClient): (readonly [string | undefined, number | undefined])[] =>
  publishes(client).map(({ topic, properties }) => [topic, properties?.topicAlias]);

test.each([0, 1, 2] as const)('v5 [MQTT-3.1.2-26] [MQTT-3.3.2-11] the first topics sent get aliases, from the first message on, at QoS %i', (qos) => {
  const rig = openRig();
  const subscriber = reader(rig, 2);
  const publisher = rig.client('pub');
  for (const topic of ['a', 'a', 'b', 'c', 'a', 'b', 'c']) publisher.publish({ topic, qos });
  expect(aliasesOf(subscriber)).toEqual([['a', 1], ['', 1], ['b', 2], ['c', undefined], ['', 1], ['', 2], ['c', undefined]]);
});

test.each(both)('v5 [MQTT-3.1.2-27] none for a client that allows none ($name)', ({ protocolVersion }) => {
  const rig = openRig();
  const subscriber = rig.subscriber('sub', '#', 1, { protocolVersion });
  const publisher = rig.client('pub');
  for (let time = 0; time < 2; time += 1) publisher.publish({ topic: 'a', qos: 1, ...alias(7) });
  expect(aliasesOf(subscriber)).toEqual([['a', undefined], ['a', undefined]]);
});

test('v5 the smaller of the client’s maximum and topicAliasMaximumOutbound holds: 32 by default', () => {
  const used = (topicAliasMaximumOutbound: number | undefined, topicAliasMaximum: number): number => {
    const rig = openRig(topicAliasMaximumOutbound === undefined ? {} : { topicAliasMaximumOutbound });
    const subscriber = reader(rig, topicAliasMaximum);
    const publisher = rig.client('pub');
    for (const topic of numbered(50)) publisher.publish({ topic });
    return new Set(aliasesOf(subscriber).map(([, number]) => number).filter((number) => number !== undefined)).size;
  };
  expect([used(undefined, 65_535), used(undefined, 3), used(5, 40), used(0, 40)]).toEqual([32, 3, 5, 0]);
});

test('v5 the broker’s aliases and the client’s are independent', () => {
  const rig = openRig();
  const client = reader(rig, 5).publish({ topic: 'own', ...alias(1) });
  rig.client('pub').publish({ topic: 'other' });
  client.publish({ topic: '', payload: 'again', ...alias(1) });
  expect(aliasesOf(client)).toEqual([['own', 1], ['other', 2], ['', 1]]);
});

test('v5 [MQTT-3.3.2-7] a new connection begins with none: what is sent again and what was queued has its topic', () => {
  const rig = openRig();
  const lasting = { sessionExpiryInterval: 100, topicAliasMaximum: 5, receiveMaximum: 2 };
  const subscriber = rig.client('sub', { clean: false, properties: lasting }).subscribe('a', { qos: 1 }).skip();
  const publisher = rig.client('pub');
  for (let time = 0; time < 4; time += 1) publisher.publish({ topic: 'a', payload: 'x', qos: 1 });
  expect(aliasesOf(subscriber)).toEqual([['a', 1], ['', 1]]);
  subscriber.drop();
  const again = rig.client('sub', { clean: false, properties: { ...lasting, receiveMaximum: 10 } });
  expect(aliasesOf(again)).toEqual([['a', 1], ['', 1], ['', 1], ['', 1]]);
  again.drop();
  const without = rig.client('sub', { clean: false, properties: { sessionExpiryInterval: 100 } });
  expect(aliasesOf(without)).toEqual(Array(4).fill(['a', undefined]));
});

test('v5 an alias counts as set only with the PUBLISH that sets it: one that is dropped sets none', () => {
  const rig = openRig();
  const subscriber = rig.subscriber('sub', '#', 0, { properties: { topicAliasMaximum: 5, maximumPacketSize: 60 } });
  const publisher = rig.client('pub').publish({ topic: 'a', payload: 'x'.repeat(100) });
  publisher.publish({ topic: 'b' }).publish({ topic: 'a' }).publish({ topic: 'a' });
  expect(aliasesOf(subscriber)).toEqual([['b', 1], ['a', 2], ['', 2]]);
});

test('v5 retained messages use them as well', () => {
  const rig = openRig();
  rig.client('pub').publish({ topic: 'a', payload: 'x', retain: true });
  const subscriber = rig.client('sub', { properties: { topicAliasMaximum: 5 } });
  expect(aliasesOf(subscriber.subscribe('a'))).toEqual([['a', 1]]);
  expect(aliasesOf(subscriber.subscribe('a'))).toEqual([['', 1]]);
});

test('v5 subscribers with and without aliases, of both versions, get the same messages', () => {
  const rig = openRig();
  const clients = [reader(rig, 3, 'few'), reader(rig, 10, 'many'), reader(rig, 0, 'none'), rig.subscriber('old', '#', 2, { protocolVersion: 4 })];
  const publisher = rig.client('pub');
  for (const payload of numbered(20)) publisher.publish({ topic: `t${Number(payload) % 5}`, payload, qos: 1, ...(Number(payload) % 2 === 0 && alias((Number(payload) % 5) + 1)) });
  for (const client of clients) expect(payloads(client)).toEqual(numbered(20));
});
