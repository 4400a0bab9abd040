/** MQTT 3.1.1, chapter 4.7: Topic Names and Topic Filters. */
import { describe, expect, test } from '@jest/globals';
import { packet, text } from '../../unit/packet/wire.js';
import { failureOf } from '../../support/broker.js';
import { openRig, payloads, publishes } from '../../wire/rig.js';
import { a, brokenOf, client, connecting, expectClosed, expectNoConnack, expectOpen, sendString, subscriber } from './support.js';

const wildcards = ['#', '+', 'a/#', 'a/+/b', 'a+', '+a', 'a#', '#/a', '/+', '$x/#'];

test.each(wildcards)('v3.1.1 [MQTT-4.7.1-1] "%s" is no Topic Name, neither of a PUBLISH nor of a will', (topic) => {
  const rig = openRig();
  const watcher = subscriber(rig, 'watcher', '#');
  expectClosed(client(rig, 'pub').publish({ topic, payload: 'x', retain: true }));
  expect([watcher.received(), rig.stats.retainedMessages]).toEqual([[], 0]);
  expectNoConnack({ flags: '06', payload: `${a} ${text(topic)} ${text('x')}` }, 'MQTT-4.7.1-1');
});

test('v3.1.1 [MQTT-4.7.1-1] Topic Filters may have them', () => {
  const sub = client(openRig(), 'c').subscribe(['#', '+', 'a/#', 'a/+/b', '/+', '$x/#']);
  expect(sub.receivedHex()).toBe('90 08 00 01 00 00 00 00 00 00');
});

/** What is refused as ill-formed closes, in SUBSCRIBE and in UNSUBSCRIBE, and no filter of the packet is taken. */
function expectIllFormed(filter: string): void {
  const rig = openRig();
  expectClosed(client(rig, 'c').subscribe(['good', filter]));
  expectClosed(client(rig, 'c').unsubscribe(filter));
  expect(rig.stats.subscriptions).toBe(0);
}

/** Subscribes, and says which of the topics arrive. */
function reached(filter: string, topics: readonly string[]): (string | undefined)[] {
  const rig = openRig();
  const sub = client(rig, 'sub').subscribe(filter);
  expect(sub.receivedHex()).toBe('90 03 00 01 00');
  const publisher = client(rig, 'pub');
  for (const topic of topics) publisher.publish({ topic });
  return publishes(sub).map(({ topic }) => topic);
}

test.each(['a#', 'a/#/b', '#/', '#/a', '##', '#a', 'a/b#', '/#/', '+#', 'a/#b'])('v3.1.1 [MQTT-4.7.1-2] "#" stands alone or behind "/", and last: "%s" closes', (filter) => {
  expectIllFormed(filter);
});

test('v3.1.1 [MQTT-4.7.1-2] "#", "/#", "a/#" and "+/#" are filters, and match their parent too', () => {
  const topics = ['a', 'a/', 'a/b', 'a/b/c', '/', '/a', 'b'];
  expect(reached('#', topics)).toEqual(topics);
  expect(reached('a/#', topics)).toEqual(['a', 'a/', 'a/b', 'a/b/c']);
  expect(reached('/#', topics)).toEqual(['/', '/a']);
  expect(reached('+/#', topics)).toEqual(topics);
});

test.each(['a+', '+a', 'a/+b', 'a/b+', '++', '+a/b', 'a/b+/c', '/a+'])('v3.1.1 [MQTT-4.7.1-3] "+" is a whole level: "%s" closes', (filter) => {
  expectIllFormed(filter);
});

test('v3.1.1 [MQTT-4.7.1-3] "+" may stand at any level', () => {
  const topics = ['a', '/a', 'a/', 'b/a', 'b/a/c', 'a/b/c', 'b/a/c/d', '/'];
  expect(reached('+', topics)).toEqual(['a']);
  expect(reached('/+', topics)).toEqual(['/a', '/']);
  expect(reached('+/a/#', topics)).toEqual(['/a', 'b/a', 'b/a/c', 'b/a/c/d']);
  expect(reached('a/+', topics)).toEqual(['a/']);
  expect(reached('+/+/c', topics)).toEqual(['b/a/c', 'a/b/c']);
  expect(reached('+/+', topics)).toEqual(['/a', 'a/', 'b/a', '/']);
});

test('v3.1.1 [MQTT-4.7.2-1] filters that begin with a wildcard do not match topics that begin with "$", live or retained', async () => {
  const rig = openRig();
  const wide = ['#', '+', '+/x', '+/#', '+/+', '/#'];
  const exact = ['$SYS/x', '$SYS/#', '$SYS/+'];
  const subs = wide.map((filter, index) => subscriber(rig, `wide${index}`, filter));
  const owns = exact.map((filter, index) => subscriber(rig, `exact${index}`, filter));
  const published = rig.broker.publish('$SYS/x', 'live', { retain: true });
  await rig.settle();
  await published;
  client(rig, 'pub').publish({ topic: '$other/x', payload: 'live', retain: true }).publish({ topic: '$', payload: 'live', retain: true });
  expect(subs.map(payloads)).toEqual(wide.map(() => []));
  expect(owns.map(payloads)).toEqual([['live'], ['live'], ['live']]);
  for (const filter of wide) expect(payloads(client(rig, 'late').subscribe(filter))).toEqual([]);
  for (const filter of exact) expect(payloads(client(rig, 'late').subscribe(filter))).toEqual(['live']);
  // A "$" further behind is a character like any other.
  expect(reached('+/$x', ['a/$x', '$a/$x'])).toEqual(['a/$x']);
});

test('v3.1.1 [MQTT-4.7.3-1] an empty Topic Name or Topic Filter closes; a single separator is long enough', () => {
  for (const first of ['30', '31', '32', '34']) {
    const rig = openRig();
    const broken = brokenOf(rig);
    const watcher = subscriber(rig, 'watcher', '#');
    expectClosed(client(rig, 'c').sendsBytes(packet(Number.parseInt(first, 16), `0000 ${first > '31' ? '0001' : ''} 78`)));
    expect([watcher.received(), rig.stats.retainedMessages, broken]).toEqual([[], 0, ['MQTT-4.7.3-1']]);
  }
  for (const [first, body] of [[0x82, '0001 0000 00'], [0x82, `0001 ${a} 00 0000 00`], [0xa2, '0001 0000']] as const) {
    const rig = openRig();
    const broken = brokenOf(rig);
    expectClosed(client(rig, 'c').sendsBytes(packet(first, body)));
    expect([rig.stats.subscriptions, broken]).toEqual([0, ['MQTT-4.7.3-1']]);
  }
  expectNoConnack({ flags: '06', payload: `${a} 0000 ${text('x')}` }, 'MQTT-4.7.3-1');
  expect(reached('/', ['/', 'a'])).toEqual(['/']);
});

test.each(['Will Topic', 'Topic Name', 'Topic Filter of SUBSCRIBE', 'Topic Filter of UNSUBSCRIBE'])('v3.1.1 [MQTT-4.7.3-2] U+0000 closes: %s', (field) => {
  for (const value of ['\0', 'a/\0', '\0/b', 'a/\0/b', `${'long/'.repeat(20)}\0`]) {
    for (const strictText of [true, false]) expectClosed(sendString(openRig({ strictText }), field, Buffer.from(value)));
  }
  expect(sendString(openRig(), field, Buffer.from('a/b')).closed).toBe(false);
});

describe('the longest topic', () => {
  const longest = `${'x'.repeat(65_533)}/y`;

  test('v3.1.1 [MQTT-4.7.3-3] has 65,535 bytes: as name, filter and will topic', () => {
    const rig = openRig({ topicBytesMax: 65_535 });
    const sub = subscriber(rig, 'sub', longest, 1);
    const wild = subscriber(rig, 'wild', `${longest.slice(0, -1)}+`, 1);
    client(rig, 'pub').publish({ topic: longest, payload: 'p', qos: 1, retain: true });
    connecting(rig, { flags: '06', payload: `${a} ${text(longest)} ${text('w')}` }).drop();
    for (const watcher of [sub, wild]) {
      expect(publishes(watcher).map(({ topic, payload }) => [topic?.length, payload])).toEqual([[65_535, 'p'], [65_535, 'w']]);
    }
    expect(payloads(client(rig, 'late').subscribe(longest))).toEqual(['p']);
    sub.unsubscribe(longest).skip();
    expect(rig.stats.subscriptions).toBe(2);
  });

  test('v3.1.1 [MQTT-4.7.3-3] and not one more: the host, who could say more, is refused', async () => {
    const rig = openRig();
    // 65,536 bytes of UTF-8, though half as many characters.
    for (const topic of [`${longest}z`, 'é'.repeat(32_768)]) {
      expect(await failureOf(rig.broker.publish(topic, 'x'))).toMatchObject({ code: 'ODN_ERR_ARGUMENT' });
      expect(() => rig.broker.subscribe(topic)).toThrow(expect.objectContaining({ code: 'ODN_ERR_ARGUMENT' }));
    }
  });

  test('v3.1.1 [MQTT-4.7.3-3] a smaller topicBytesMax closes above it', () => {
    const rig = openRig({ topicBytesMax: 10 });
    expectOpen(client(rig, 'c').publish({ topic: 'x'.repeat(10) }).subscribe('x'.repeat(10)));
    expectClosed(client(rig, 'c').publish({ topic: 'x'.repeat(11) }));
    expectClosed(client(rig, 'c').subscribe('é'.repeat(6)));
    expectClosed(connecting(rig, { flags: '06', payload: `${a} ${text('x'.repeat(11))} ${text('w')}` }));
  });
});

// Method: names that some normalisation would make equal; each reaches its own subscriber and no other, live and retained.
test('v3.1.1 [MQTT-4.7.3-4] characters are compared as they are: nothing is normalised, modified or replaced', () => {
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
});
