/** MQTT 5.0, chapter 2.2.2: properties. */
import { expect, test } from '@jest/globals';
import type { Properties } from '../../../src/index.js';
import { packet, text } from '../../unit/packet/wire.js';
import { openRig, payloads, publishes } from '../../wire/rig.js';
import { connectOf, homeNames, homeOf, listed, openFieldRig, propertyIds, propertyOf, refusalOf, sendProperties, valueOf } from './fields.js';
import { brokenOf, client, connecting, expectDisconnected, expectRefused, open, resumable, subscriber } from './support.js';

const t = text('t');

test('v5 [MQTT-2.2.2-1] where the broker has no properties to send it says so with Property Length zero', () => {
  const rig = openRig({ authenticate: ({ clientId }) => clientId !== 'refused' });
  const sub = client(rig, 'sub');
  expect(sub.subscribe('a', { qos: 1 }).unsubscribe('b').receivedHex()).toBe('90 04 00 01 00 01 b0 04 00 02 00 11');
  const publisher = client(rig, 'pub').publish({ topic: 'a', qos: 0 }).publish({ topic: 'a', qos: 1 });
  expect(sub.receivedHex()).toBe('30 04 00 01 61 00 32 06 00 01 61 00 01 00');
  expect(publisher.receivedHex()).toBe('40 02 00 01'); // here the field may be left out
  expect(publisher.publish({ topic: 'nobody', qos: 1 }).pubrec(9).receivedHex()).toBe('40 03 00 02 10 62 03 00 09 92');
  client(rig, 'old', { protocolVersion: 4 }).publish({ topic: 'a', payload: 'x' });
  expect(sub.receivedHex()).toBe('30 05 00 01 61 00 78');
  // A CONNACK that accepts always has some.
  const small = openRig({ authenticate: () => ({ action: 'deny' }) });
  expect(open(small).connect({ clientId: 'a' }).receivedHex()).toBe('20 03 00 87 00');
});

test('v5 [MQTT-2.2.2-1] nor may a client leave Property Length out', () => {
  const connected = (hex: string) => client(openRig(), 'c').sendsHex(hex);
  expect(refusalOf(connected('30 04 0001 74 00'))).toBe(0);
  for (const hex of ['30 03 0001 74', '32 05 0001 74 0001', '82 02 0001', '82 06 0001 0001 74 00', 'a2 02 0001', 'a2 05 0001 0001 74']) {
    expectDisconnected(connected(hex), 0x81);
  }
  const connect = (body: string) => open(openRig()).sendsBytes(packet(0x10, `${text('MQTT')} 05 ${body}`));
  expect(refusalOf(connect(`06 0000 00 ${t} 00 ${t} ${t}`))).toBe(0);
  expectRefused(connect('02 0000'), 0x81);
  expectRefused(connect(`02 0000 ${t}`), 0x81);
  expectRefused(connect(`06 0000 00 ${t} ${t} ${t}`), 0x81);
});

test.each(homeNames)('v5 [X5-2.2.2.2-1] of all properties only those of table 2-4 may stand in %s; the others are malformed, 0x81', (name) => {
  const rig = openFieldRig();
  const broken = brokenOf(rig);
  const { legal, send } = homeOf(name);
  let taken = 0;
  for (let id = 0; id < 256; id += 1) {
    if (legal.includes(id)) {
      expect([id, refusalOf(sendProperties(rig, name, propertyOf(id), id))]).toEqual([id, 0]);
      taken += 1;
      continue;
    }
    // Of a client's PUBLISH the specification calls this one a Protocol Error: MQTT-3.3.4-6.
    const code = name === 'PUBLISH' && id === 0x0b ? 0x82 : 0x81;
    broken.length = 0;
    const { beside } = homeOf(name);
    expect([id, refusalOf(send(rig, listed(`${beside?.(id) ?? ''} ${propertyOf(id, valueOf[id] ?? '01')}`)))]).toEqual([id, code]);
    expect([id, broken]).toEqual([id, [code === 0x81 ? 'X5-2.2.2.2-1' : 'MQTT-3.3.4-6']]);
  }
  expect([taken, propertyIds.length, homeNames.length]).toEqual([legal.length, 27, 11]);
});

test.each(homeNames)('v5 [X5-2.2.2.2-1] so is a property that ends before its value does: %s', (name) => {
  const rig = openFieldRig();
  const { legal, beside } = homeOf(name);
  for (const id of legal) {
    const whole = propertyOf(id).replaceAll(' ', '');
    for (let digits = 2; digits < whole.length; digits += 2) {
      const cut = `${beside?.(id) ?? ''} ${whole.slice(0, digits)}`;
      expect([cut, refusalOf(homeOf(name).send(rig, listed(cut)))]).toEqual([cut, 0x81]);
    }
  }
});

test.each(homeNames)('v5 [X5-2.2.2.2-3] a property given twice is a Protocol Error, 0x82, a User Property is not: %s', (name) => {
  const rig = openFieldRig();
  const broken = brokenOf(rig);
  for (const id of homeOf(name).legal) {
    broken.length = 0;
    const once = propertyOf(id);
    const other = propertyOf(0x26);
    for (const twice of [`${once} ${once}`, `${once} ${other} ${once}`, `${other} ${once} ${other} ${once}`]) {
      expect([twice, refusalOf(sendProperties(rig, name, twice, id))]).toEqual([twice, id === 0x26 ? 0 : 0x82]);
    }
    expect([id, broken]).toEqual([id, id === 0x26 ? [] : Array(3).fill('X5-2.2.2.2-3')]);
    // Twice it is too when the values differ.
    if (id === 0x11) expect(refusalOf(sendProperties(rig, name, '11 0000000a 11 0000000b', id))).toBe(0x82);
  }
});

test('v5 [X5-2.2.2.2-3] the same one may stand in CONNECT and in the will, and once in each of two packets', () => {
  const pair = listed(propertyOf(0x26));
  expect(refusalOf(open(openRig()).sendsBytes(connectOf({ list: pair, willList: pair })))).toBe(0);
  const rig = openRig();
  const sent = client(rig, 'c');
  const publish = packet(0x30, `${t} ${listed(propertyOf(0x03))} 78`);
  expect(refusalOf(sent.sendsBytes(Buffer.concat([publish, publish])))).toBe(0);
  expect(rig.stats.publishReceived).toBe(2);
});

test('v5 [X5-2.2.2.2-3] the Subscription Identifiers of a PUBLISH from the broker are as many as match', () => {
  const rig = openRig();
  const sub = client(rig, 'sub');
  for (const [index, filter] of ['a/b', 'a/+', '#'].entries()) sub.subscribe(filter, { qos: 1, properties: { subscriptionIdentifier: index + 7 } });
  sub.skip();
  client(rig, 'pub').publish({ topic: 'a/b', payload: 'x', qos: 1 });
  const received = publishes(sub).flatMap(({ properties }) => properties?.subscriptionIdentifier ?? []);
  expect(received.toSorted((one, other) => one - other)).toEqual([7, 8, 9]);
});

// ---- order ----

/** The list as it is, turned around, and begun at each of its members. */
const orders = <T>(list: readonly T[]): T[][] => [
  [...list],
  list.toReversed(),
  ...list.map((_, start) => [...list.slice(start), ...list.slice(0, start)]),
  ...list.map((_, start) => [...list.slice(start), ...list.slice(0, start)].toReversed()),
];

const joined = (ids: readonly number[]): string => ids.map((id) => propertyOf(id)).join(' ');

test('v5 [X5-2.2.2.2-2] the order of the properties of a PUBLISH means nothing, whether it leaves at once, later, or again and again', () => {
  const expected = {
    payloadFormatIndicator: true,
    contentType: 'text/plain',
    responseTopic: 'reply',
    correlationData: 'data',
    userProperties: [['k', 'v']],
  };
  let sent = 0;
  for (const order of orders([0x01, 0x02, 0x03, 0x08, 0x09, 0x23, 0x26])) {
    const rig = openRig();
    const live = ([0, 1] as const).map((qos) => subscriber(rig, `live${qos}`, 't', qos));
    const aliased = subscriber(rig, 'aliased', 't', 1, { properties: { topicAliasMaximum: 5 } });
    resumable(rig, 'absent').subscribe('t', { qos: 1 }).drop();
    for (const first of [0x31, 0x33]) {
      client(rig, 'pub').sendsBytes(packet(first, `${t} ${first === 0x33 ? '0001' : ''} ${listed(joined(order))} 78`));
      for (const sub of live) expect(publishes(sub).map(({ properties }) => properties)).toEqual([{ ...expected, messageExpiryInterval: 10 }]);
      expect(publishes(aliased).map(({ properties }) => properties)).toEqual([{ ...expected, messageExpiryInterval: 10, topicAlias: 1 }]);
    }
    rig.clock.advance(3000);
    for (const sub of [resumable(rig, 'absent'), client(rig, 'late').subscribe('t')]) {
      const received = publishes(sub);
      expect(received.map(({ properties }) => properties)).toEqual([{ ...expected, messageExpiryInterval: 7 }]);
      expect(received).toMatchObject([{ topic: 't', payload: 'x' }]);
    }
    sent += 1;
  }
  expect(sent).toBe(16);
});

test('v5 [X5-2.2.2.2-2] nor does the order of those of a will', () => {
  for (const order of orders([0x01, 0x02, 0x03, 0x08, 0x09, 0x18, 0x26])) {
    const rig = openRig();
    const watcher = subscriber(rig, 'watcher', 'w');
    open(rig).sendsBytes(connectOf({ list: listed(propertyOf(0x11)), willList: listed(joined(order)) })).drop();
    rig.clock.advance(9_999);
    expect(payloads(watcher)).toEqual([]);
    rig.clock.advance(1);
    const [will] = publishes(watcher);
    expect(will?.properties).toEqual({
      payloadFormatIndicator: true,
      messageExpiryInterval: 10,
      contentType: 'text/plain',
      responseTopic: 'reply',
      correlationData: 'data',
      userProperties: [['k', 'v']],
    });
  }
});

test('v5 [X5-2.2.2.2-2] nor of those of CONNECT, SUBSCRIBE and AUTH: hooks are told the same', () => {
  const told: Properties[] = [];
  const rig = openRig({
    authenticate: ({ properties }) => told.push(properties) > 0,
    authorize: (_client, action) => told.push(action.properties) > 0,
  });
  const same = (count: number): void => {
    expect(told).toHaveLength(count);
    for (const properties of told) expect(properties).toEqual(told[0]);
    told.length = 0;
  };
  const ofConnect = orders(homeOf('CONNECT').legal);
  for (const order of ofConnect) expect(connecting(rig, { properties: joined(order) }).received()).toMatchObject([{ type: 'connack', reasonCode: 0 }]);
  expect(Object.keys(told[0] ?? {})).toHaveLength(9);
  same(ofConnect.length);
  const sent = client(rig, 'c', { properties: { authenticationMethod: 'm' } });
  told.length = 0;
  for (const order of orders([0x0b, 0x26])) sent.sendsBytes(packet(0x82, `0001 ${listed(joined(order))} ${t} 00`));
  expect(Object.keys(told[0] ?? {})).toHaveLength(2);
  same(6);
  sent.unsubscribe('t'); // a re-authentication asks about subscriptions again
  for (const order of orders([0x15, 0x16, 0x1f, 0x26])) sent.sendsBytes(packet(0xf0, `19 ${listed(joined(order))}`));
  expect(Object.keys(told[0] ?? {})).toHaveLength(4);
  same(10);
  expect(sent.closed).toBe(false);
});

test('v5 [X5-2.2.2.2-2] but the order of User Properties is kept, whatever stands between them', () => {
  const rig = openRig();
  const sub = subscriber(rig, 'sub', 't', 1);
  const pair = (name: string, value: string): string => `26 ${text(name)} ${text(value)}`;
  const list = listed(`${pair('b', '1')} ${propertyOf(0x02)} ${pair('a', '2')} ${propertyOf(0x23)} ${pair('b', '3')} ${propertyOf(0x03)} ${pair('b', '1')}`);
  client(rig, 'pub').sendsBytes(packet(0x32, `${t} 0001 ${list}`));
  expect(publishes(sub)).toMatchObject([{ properties: { userProperties: [['b', '1'], ['a', '2'], ['b', '3'], ['b', '1']] } }]); // prettier-ignore
});
