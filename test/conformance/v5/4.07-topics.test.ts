/** MQTT 5.0, chapter 4.7: Topic Names and Topic Filters. */
import { describe, expect, test } from '@jest/globals';
import { PeerProtocolError } from '../../../src/index.js';
import type { WireClient } from '../../../src/testing/index.js';
import { packet, text } from '../../unit/packet/wire.js';
import { failureOf } from '../../support/broker.js';
import { openRig, payloads, publishes } from '../../wire/rig.js';
import type { Rig } from '../../wire/rig.js';
import { client, connecting, expectDisconnected, expectOpen, expectRefused, propertiesBytes, subscriber } from './support.js';

const a = text('a');
const wildcards = ['#', '+', 'a/#', 'a/+/b', 'a+', '+a', 'a#', '#/a', '/+', '$x/#'];

/** Sends a CONNECT with this Will Topic. */
const will = (rig: Rig, topic: string | Buffer): WireClient => connecting(rig, { flags: '06', payload: `${a} 00 ${text(topic)} ${text('w')}` });

test.each(wildcards)('v5 [MQTT-4.7.0-1] "%s" is no Topic Name: not of a PUBLISH, not of a will, and no Response Topic', (topic) => {
  const rig = openRig();
  const watcher = subscriber(rig, 'watcher', '#');
  expectDisconnected(client(rig, 'pub').publish({ topic, payload: 'x', retain: true }), 0x90);
  expectDisconnected(client(rig, 'pub').publish({ topic, payload: 'x', properties: { topicAlias: 1 } }), 0x90);
  expectRefused(will(rig, topic), 0x90);
  const response = `08 ${text(topic)}`;
  expectDisconnected(client(rig, 'pub').sendsBytes(packet(0x30, `${a} ${propertiesBytes(response)} 78`)), 0x82);
  expectRefused(connecting(rig, { flags: '06', payload: `${a} ${propertiesBytes(response)} ${a} ${text('w')}` }), 0x82);
  expect([watcher.received(), rig.stats.retainedMessages, rig.stats.willsPublished]).toEqual([[], 0, 0]);
});

test('v5 [MQTT-4.7.0-1] Topic Filters may have wildcards', () => {
  const sub = client(openRig(), 'c').subscribe(['#', '+', 'a/#', 'a/+/b', '/+', '$x/#']);
  expect(sub.receivedHex()).toBe('90 09 00 01 00 00 00 00 00 00 00');
});

/** What is refused as ill-formed closes, in SUBSCRIBE and in UNSUBSCRIBE, and no filter of the packet is taken. */
function expectIllFormed(filter: string): void {
  const rig = openRig();
  for (const full of [filter, `$share/g/${filter}`]) {
    expectDisconnected(client(rig, 'c').subscribe(['good', full]), 0x81);
    expectDisconnected(client(rig, 'c').unsubscribe(full), 0x81);
  }
  expect(rig.stats.subscriptions).toBe(0);
}

/** Subscribes, and says which of the topics arrive, live and then retained. */
function reached(filter: string, topics: readonly string[]): (string | undefined)[] {
  const rig = openRig();
  const subs = [filter, `$share/g/${filter}`].map((full, index) => client(rig, `sub${index}`).subscribe(full));
  for (const sub of subs) expect(sub.receivedHex()).toBe('90 04 00 01 00 00');
  const publisher = client(rig, 'pub');
  for (const topic of topics) publisher.publish({ topic, payload: 'x', retain: true });
  const [live, shared] = subs.map((sub) => publishes(sub).map(({ topic }) => topic)) as [string[], string[]];
  const retained = publishes(client(rig, 'late').subscribe(filter)).map(({ topic }) => topic);
  expect([shared, new Set(retained), retained.length]).toEqual([live, new Set(live), live.length]);
  return live;
}

test.each(['a#', 'a/#/b', '#/', '#/a', '##', '#a', 'a/b#', '/#/', '+#', 'a/#b'])('v5 [MQTT-4.7.1-1] "#" stands alone or behind "/", and last: "%s" closes', (filter) => {
  expectIllFormed(filter);
});

test('v5 [MQTT-4.7.1-1] "#", "/#", "a/#" and "+/#" are filters, and match their parent too', () => {
  const topics = ['a', 'a/', 'a/b', 'a/b/c', '/', '/a', 'b'];
  expect(reached('#', topics)).toEqual(topics);
  expect(reached('a/#', topics)).toEqual(['a', 'a/', 'a/b', 'a/b/c']);
  expect(reached('/#', topics)).toEqual(['/', '/a']);
  expect(reached('+/#', topics)).toEqual(topics);
});

test.each(['a+', '+a', 'a/+b', 'a/b+', '++', '+a/b', 'a/b+/c', '/a+'])('v5 [MQTT-4.7.1-2] "+" is a whole level: "%s" closes', (filter) => {
  expectIllFormed(filter);
});

test('v5 [MQTT-4.7.1-2] "+" may stand at any level', () => {
  const topics = ['a', '/a', 'a/', 'b/a', 'b/a/c', 'a/b/c', 'b/a/c/d', '/'];
  expect(reached('+', topics)).toEqual(['a']);
  expect(reached('/+', topics)).toEqual(['/a', '/']);
  expect(reached('+/a/#', topics)).toEqual(['/a', 'b/a', 'b/a/c', 'b/a/c/d']);
  expect(reached('a/+', topics)).toEqual(['a/']);
  expect(reached('+/+/c', topics)).toEqual(['b/a/c', 'a/b/c']);
  expect(reached('a/+/c', topics)).toEqual(['a/b/c']);
  expect(reached('+/+', topics)).toEqual(['/a', 'a/', 'b/a', '/']);
});

test('v5 [MQTT-4.7.2-1] filters that begin with a wildcard do not match topics that begin with "$", live, retained or shared', async () => {
  const rig = openRig();
  const wide = ['#', '+', '+/x', '+/#', '+/+', '/#'].flatMap((filter) => [filter, `$share/g/${filter}`]);
  const exact = ['$SYS/x', '$SYS/#', '$SYS/+'].flatMap((filter) => [filter, `$share/g/${filter}`]);
  const subs = wide.map((filter, index) => subscriber(rig, `wide${index}`, filter));
  const owns = exact.map((filter, index) => subscriber(rig, `exact${index}`, filter));
  const published = rig.broker.publish('$SYS/x', 'live', { retain: true });
  await rig.settle();
  await published;
  client(rig, 'pub').publish({ topic: '$other/x', payload: 'live', retain: true }).publish({ topic: '$', payload: 'live', retain: true });
  expect(subs.map(payloads)).toEqual(wide.map(() => []));
  expect(owns.map(payloads)).toEqual(exact.map(() => ['live']));
  for (const filter of wide) expect(payloads(client(rig, 'late').subscribe(filter))).toEqual([]);
  for (const filter of ['$SYS/x', '$SYS/#', '$SYS/+']) expect(payloads(client(rig, 'late').subscribe(filter))).toEqual(['live']);
  // A "$" further behind is a character like any other.
  expect(reached('+/$x', ['a/$x', '$a/$x'])).toEqual(['a/$x']);
});

test('v5 [MQTT-4.7.3-1] an empty Topic Filter closes, and so does an empty Topic Name without a known alias', () => {
  for (const first of [0x30, 0x31, 0x32, 0x34]) {
    const rig = openRig();
    const watcher = subscriber(rig, 'watcher', '#');
    const packetId = first > 0x31 ? '0001' : '';
    expectDisconnected(client(rig, 'c').sendsBytes(packet(first, `0000 ${packetId} 00 78`)), 0x82);
    expectDisconnected(client(rig, 'c').sendsBytes(packet(first, `0000 ${packetId} 03 23 0001 78`)), 0x82);
    expect([watcher.received(), rig.stats.retainedMessages]).toEqual([[], 0]);
    const known = client(rig, 'c').sendsBytes(packet(first, `${a} ${packetId} 03 23 0001 78`)).sendsBytes(packet(first, `0000 ${packetId && '0002'} 03 23 0001 79`));
    expectOpen(known);
    expect(publishes(watcher).map(({ topic, payload }) => [topic, payload])).toEqual([['a', 'x'], ['a', 'y']]);
  }
  const rig = openRig();
  const broken: unknown[] = [];
  rig.broker.on('clientError', (error) => void broken.push(error instanceof PeerProtocolError && error.statement));
  expectDisconnected(client(rig, 'c').subscribe(''), 0x81);
  expectDisconnected(client(rig, 'c').unsubscribe(''), 0x81);
  expect(broken).toEqual(['MQTT-4.7.3-1', 'MQTT-4.7.3-1']);
  for (const [first, body] of [[0x82, '0001 00 0000 00'], [0x82, `0001 00 ${a} 00 0000 00`], [0xa2, '0001 00 0000'], [0xa2, `0001 00 ${a} 0000`]] as const) {
    const rig = openRig();
    expectDisconnected(client(rig, 'c').sendsBytes(packet(first, body)), 0x81);
    expect(rig.stats.subscriptions).toBe(0);
  }
  expectRefused(will(openRig(), ''), 0x81);
  expect(reached('/', ['/', 'a'])).toEqual(['/']);
});

test('v5 [MQTT-4.7.3-1] [MQTT-4.7.3-2] the host is bound as well', async () => {
  const rig = openRig();
  for (const topic of ['', '\0', 'a/\0']) {
    expect(await failureOf(rig.broker.publish(topic, 'x'))).toMatchObject({ code: 'ODN_ERR_ARGUMENT' });
    expect(() => rig.broker.subscribe(topic)).toThrow(expect.objectContaining({ code: 'ODN_ERR_ARGUMENT' }));
  }
});

/** Every field that is a Topic Name or a Topic Filter. */
const fields: Readonly<Record<string, (rig: Rig, value: Buffer) => WireClient>> = {
  'Will Topic': will,
  'Topic Name': (rig, value) => client(rig, 'a').sendsBytes(packet(0x30, `${text(value)} 00 78`)),
  'Topic Filter of SUBSCRIBE': (rig, value) => client(rig, 'a').sendsBytes(packet(0x82, `0001 00 ${text(value)} 00`)),
  'Topic Filter of UNSUBSCRIBE': (rig, value) => client(rig, 'a').sendsBytes(packet(0xa2, `0001 00 ${text(value)}`)),
  'Response Topic': (rig, value) => client(rig, 'a').sendsBytes(packet(0x30, `${a} ${propertiesBytes(`08 ${text(value)}`)} 78`)),
};

test.each(Object.keys(fields))('v5 [MQTT-4.7.3-2] U+0000 is malformed: %s', (name) => {
  const send = fields[name] as (typeof fields)[string];
  const expectMalformed = name === 'Will Topic' ? expectRefused : expectDisconnected;
  for (const value of ['\0', 'a/\0', '\0/b', 'a/\0/b', `${'long/'.repeat(20)}\0`]) {
    for (const strictText of [true, false]) expectMalformed(send(openRig({ strictText }), Buffer.from(value)), 0x81);
  }
  expect(send(openRig(), Buffer.from('a/b')).closed).toBe(false);
});

describe('the longest topic', () => {
  const longest = `${'x'.repeat(65_533)}/y`;

  test('v5 [MQTT-4.7.3-3] 65,535 bytes work end to end: live, retained, as a filter and as a will topic', () => {
    const rig = openRig({ topicBytesMax: 65_535 });
    const sub = subscriber(rig, 'sub', longest, 1);
    const wild = subscriber(rig, 'wild', `${longest.slice(0, -1)}+`, 1);
    client(rig, 'pub').publish({ topic: longest, payload: 'p', qos: 1, retain: true });
    will(rig, longest).drop();
    for (const watcher of [sub, wild]) {
      expect(publishes(watcher).map(({ topic, payload }) => [topic?.length, payload])).toEqual([[65_535, 'p'], [65_535, 'w']]);
    }
    expect(payloads(client(rig, 'late').subscribe(longest))).toEqual(['p']);
    sub.unsubscribe(longest).skip();
    expect(rig.stats.subscriptions).toBe(2);
  });

  test('v5 [MQTT-4.7.3-3] and not one more: the host, who could say more, is refused', async () => {
    const rig = openRig();
    // 65,536 bytes of UTF-8, though half as many characters.
    for (const topic of [`${longest}z`, 'é'.repeat(32_768)]) {
      expect(await failureOf(rig.broker.publish(topic, 'x'))).toMatchObject({ code: 'ODN_ERR_ARGUMENT' });
      expect(() => rig.broker.subscribe(topic)).toThrow(expect.objectContaining({ code: 'ODN_ERR_ARGUMENT' }));
    }
  });

  test('v5 [MQTT-4.7.3-3] a smaller topicBytesMax closes above it', () => {
    const rig = openRig({ topicBytesMax: 10 });
    expectOpen(client(rig, 'c').publish({ topic: 'x'.repeat(10) }).subscribe('x'.repeat(10)).unsubscribe('x'.repeat(10)));
    expectDisconnected(client(rig, 'c').publish({ topic: 'x'.repeat(11) }), 0x81);
    expectDisconnected(client(rig, 'c').subscribe('é'.repeat(6)), 0x81);
    expectDisconnected(client(rig, 'c').unsubscribe('x'.repeat(11)), 0x81);
    expectRefused(will(rig, 'x'.repeat(11)), 0x81);
    expect(will(rig, 'x'.repeat(10)).received()).toMatchObject([{ type: 'connack', reasonCode: 0 }]);
  });
});

// Method: names that some normalisation would make equal; each reaches its own subscriber and no other, live and retained.
test('v5 [MQTT-4.7.3-4] characters are compared as they are: nothing is normalised, modified or replaced', () => {
  const names = [
    'accounts', 'ACCOUNTS', 'Accounts', 'accounts ', ' accounts', 'acc ounts', 'accounts/', '/accounts', 'accounts//', 'a//b', 'a/b', 'a/ /b', 'a/./b', 'a/../b',
    '\u00e9', 'e\u0301', '\u212b', '\u00c5', 'A\u030a', '\ufb01', 'fi', '\uff21', 'A', '%61', 'a', '\u0131', 'i', 'I', '\u200bi', '\ufeffi', 'ß', 'ss', '\\', '😀',
  ]; // prettier-ignore
  const rig = openRig();
  const subs = names.map((name, index) => subscriber(rig, `sub${index}`, name));
  const publisher = client(rig, 'pub');
  for (const [index, topic] of names.entries()) publisher.publish({ topic, payload: String(index), retain: true });
  expect(subs.map((sub) => publishes(sub).map(({ topic, payload }) => [topic, payload]))).toEqual(names.map((name, index) => [[name, String(index)]]));
  for (const [index, name] of names.entries()) expect(payloads(client(rig, 'late').subscribe(name))).toEqual([String(index)]);
  expect(new Set(names).size).toBe(names.length);
  // UNSUBSCRIBE and the names of shared groups, too.
  expect(client(rig, 'c').subscribe(['A', '$share/g/A']).skip().unsubscribe(['a', '$share/G/A', '$share/g/a', '$share/g/A', 'A']).last()?.reasonCodes).toEqual([0x11, 0x11, 0x11, 0, 0]);
});
