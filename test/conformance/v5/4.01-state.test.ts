/** MQTT 5.0, chapter 4.1: how long the state of a session is kept, and what belongs to it. */
import { expect, test } from '@jest/globals';
import { House, waysDown } from '../../wire/house.js';
import { numbered, openRig, payloads, publishes, short } from '../../wire/rig.js';
import type { Rig } from '../../wire/rig.js';
import { client, expectDisconnected, expectOpen, never, open, resumable } from './support.js';

const year = 365 * 86_400_000;

/** A session of so many seconds. */
const lasting = (sessionExpiryInterval: number): { readonly clean: false; readonly properties: { readonly sessionExpiryInterval: number } } => ({
  clean: false,
  properties: { sessionExpiryInterval },
});

/** Connects with Clean Start 0 and tells Session Present. */
const present = (rig: Rig, clientId: string): boolean | undefined =>
  open(rig).connect({ clientId, ...lasting(never) }).received()[0]?.sessionPresent;

// Method: one of everything that a session holds, and then a year in which nothing is said.
test.each([0, 1, 60])('v5 [MQTT-4.1.0-1] a session of %i seconds lasts as long as its connection', (seconds) => {
  const rig = openRig();
  const sub = client(rig, 'sub', lasting(seconds)).subscribe([{ topic: 't', qos: 2 }]).skip();
  const publisher = client(rig, 'pub');
  publisher.publish({ topic: 't', payload: '1', qos: 1 }).publish({ topic: 't', payload: '2', qos: 2 }).publish({ topic: 't', payload: '3', qos: 2 });
  expect(payloads(sub)).toEqual(numbered(3));
  sub.pubrec(3).publish({ topic: 't', payload: 'own', qos: 2, packetId: 9 }).skip();
  rig.clock.advance(year);
  expectOpen(sub);
  // What was received and not released is known, what is in flight goes on, and the subscription stands.
  expect(short(sub.publish({ topic: 't', payload: 'own', qos: 2, packetId: 9, dup: true }).received())).toEqual(['pubrec 9']);
  expect(short(sub.pubcomp(3).pubrec(2).received())).toEqual(['pubrel 2']);
  sub.puback(1).pubcomp(2);
  expect(rig.stats).toMatchObject({ inflightMessages: 1, sessions: 2, sessionsExpired: 0 });
  publisher.publish({ topic: 't', payload: '4', qos: 1 });
  expect(payloads(sub)).toEqual(['4']);
});

test('v5 [MQTT-4.1.0-1] a session that was taken up again in time does not expire under its new connection', () => {
  const rig = openRig();
  client(rig, 'sub', lasting(10)).subscribe('t', { qos: 1 }).skip().drop();
  rig.clock.advance(9999);
  const sub = client(rig, 'sub', lasting(10));
  rig.clock.advance(year);
  client(rig, 'pub').publish({ topic: 't', payload: 'x', qos: 1 });
  expect([payloads(sub), rig.stats.sessionsExpired]).toEqual([['x'], 0]);
});

test.each(['drop', 'disconnect'] as const)('v5 [MQTT-4.1.0-2] when its interval has passed since the connection closed the session is gone, with all it had (%s)', (close) => {
  for (const [seconds, passedMs, isThere] of [[0, 0, false], [1, 999, true], [1, 1000, false], [1, 2000, false], [never, year, true]] as const) {
    const rig = openRig();
    const sub = client(rig, 'sub', lasting(seconds)).subscribe('t', { qos: 1 }).skip();
    rig.clock.advance(5000); // the interval begins at the close
    sub[close]();
    client(rig, 'pub').publish({ topic: 't', payload: 'kept', qos: 1 });
    rig.clock.advance(passedMs);
    expect([seconds, passedMs, rig.stats.subscriptions]).toEqual([seconds, passedMs, isThere ? 1 : 0]);
    const again = open(rig).connect({ clientId: 'sub', ...lasting(never) });
    const [connack, ...sent] = again.received();
    expect(connack?.sessionPresent).toBe(isThere);
    expect(sent.map(({ payload }) => payload)).toEqual(isThere ? ['kept'] : []);
  }
});

test.each(waysDown)('v5 [MQTT-4.1.0-2] also when the broker was down meanwhile (%s)', async (down) => {
  const house = new House();
  for (const seconds of [1, 30, never]) client(house.rig, `for ${seconds}`, lasting(seconds)).subscribe('t', { qos: 1 }).drop();
  client(house.rig, 'pub').publish({ topic: 't', payload: 'kept', qos: 1 });
  const rig = await house[down](20);
  rig.clock.advance(0);
  expect(rig.stats).toMatchObject({ sessions: 2, subscriptions: 2 });
  rig.clock.advance(9999);
  expect(rig.stats).toMatchObject({ sessions: 2, subscriptions: 2 });
  rig.clock.advance(1);
  expect(rig.stats).toMatchObject({ sessions: 1, subscriptions: 1 });
  expect([1, 30, never].map((seconds) => present(rig, `for ${seconds}`))).toEqual([false, false, true]);
});

test.each(waysDown)('v5 [X5-4.1-1] the will with its delay, QoS 2 identifiers that wait for PUBREL and the end of the session outlast the broker (%s)', async (down) => {
  const house = new House();
  resumable(house.rig, 'watcher').subscribe('#', { qos: 2 }).skip().drop();
  client(house.rig, 'dead', { ...lasting(600), will: { topic: 'will', payload: 'bye', qos: 1, properties: { willDelayInterval: 60 } } }).drop();
  resumable(house.rig, 'sender').publish({ topic: 't', payload: 'once', qos: 2, packetId: 9 }).drop();
  house.rig.clock.advance(10_000);
  const rig = await house[down](20);

  const watcher = resumable(rig, 'watcher');
  expect(payloads(watcher)).toEqual(['once']);
  const sender = resumable(rig, 'sender').publish({ topic: 't', payload: 'once', qos: 2, packetId: 9, dup: true });
  expect(short(sender.received())).toEqual(['pubrec 9']);
  expect(watcher.received()).toEqual([]);
  expect(short(sender.pubrel(9).received())).toEqual(['pubcomp 9']); // known: not 0x92
  rig.clock.advance(29_999);
  expect([payloads(watcher), rig.stats.sessions]).toEqual([[], 3]);
  rig.clock.advance(1);
  expect(payloads(watcher)).toEqual(['bye']);
  rig.clock.advance(539_999);
  expect(rig.stats.sessions).toBe(3);
  rig.clock.advance(1);
  expect([rig.stats.sessions, payloads(watcher)]).toEqual([2, []]);
});

test('v5 [X5-4.1-2] Receive Maximum and Maximum Packet Size of the client are those of its present connection', () => {
  const rig = openRig();
  resumable(rig, 'sub').subscribe('t', { qos: 1 }).drop();
  const publisher = client(rig, 'pub');
  for (const payload of numbered(9)) publisher.publish({ topic: 't', payload, qos: 1 });
  for (const [receiveMaximum, sent] of [[2, 2], [5, 5], [1, 1], [undefined, 9]] as const) {
    const sub = resumable(rig, 'sub', { properties: { ...(receiveMaximum && { receiveMaximum }) } });
    expect(payloads(sub)).toEqual(numbered(sent));
    sub.drop();
  }
  const large = 'x'.repeat(200);
  for (const [maximumPacketSize, expected] of [[100, []], [undefined, [large]], [100, []]] as const) {
    const sub = client(rig, 'sub', { clean: false, properties: { sessionExpiryInterval: never, ...(maximumPacketSize && { maximumPacketSize }) } }).skip();
    publisher.publish({ topic: 't', payload: large });
    expect(payloads(sub)).toEqual(expected);
    sub.drop();
  }
});

test('v5 [X5-4.1-2] the quota that a client has towards the broker is that of its present connection', () => {
  const rig = openRig({ receiveMaximum: 2 });
  const publish = (sender: ReturnType<typeof client>, packetId: number, dup = false): typeof sender => sender.publish({ topic: 't', qos: 2, packetId, dup });
  let sender = resumable(rig, 'pub');
  publish(publish(sender, 1), 2).drop();
  sender = resumable(rig, 'pub');
  publish(publish(sender, 3), 1, true);
  expect(short(sender.received())).toEqual(['pubrec 3 0x10', 'pubrec 1']);
  expectDisconnected(publish(sender, 2, true), 0x93);
});

test('v5 [X5-4.1-2] Topic Aliases do not outlive the connection, in neither direction', () => {
  const rig = openRig();
  const sub = resumable(rig, 'sub', { properties: { topicAliasMaximum: 5 } }).subscribe('#', { qos: 1 }).skip();
  const aliased = { topic: 't', qos: 1, properties: { topicAlias: 1 } } as const;
  const publisher = resumable(rig, 'pub').publish({ ...aliased, payload: '1' }).publish({ ...aliased, topic: '', payload: '2' });
  expect(publishes(sub).map(({ topic, properties }) => [topic, properties?.topicAlias])).toEqual([['t', 1], ['', 1]]);
  publisher.drop();
  expectDisconnected(resumable(rig, 'pub').publish({ ...aliased, topic: '', payload: '3' }), 0x82);
  sub.drop();
  // Sent again under the alias maximum of the new connection, and with its name first.
  const again = resumable(rig, 'sub', { properties: { topicAliasMaximum: 5 } });
  expect(publishes(again).map(({ topic, properties }) => [topic, properties?.topicAlias])).toEqual([['t', 1], ['', 1]]);
  again.drop();
  expect(publishes(resumable(rig, 'sub')).map(({ topic, properties }) => [topic, properties?.topicAlias])).toEqual([['t', undefined], ['t', undefined]]);
});

test('v5 [X5-4.1-2] Keep Alive is that of the present connection', () => {
  const rig = openRig();
  resumable(rig, 'c', { keepalive: 10 }).drop();
  const silent = resumable(rig, 'c', { keepalive: 0 });
  rig.clock.advance(year);
  expectOpen(silent);
  silent.drop();
  const watched = resumable(rig, 'c', { keepalive: 20 });
  rig.clock.advance(29_999);
  expect(watched.closed).toBe(false);
  rig.clock.advance(1);
  expectDisconnected(watched, 0x8d);
});
