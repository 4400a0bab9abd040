/** MQTT 5.0, chapter 3.2.2.3: the properties of CONNACK, and what a client must keep to that was told them. */
import { expect, test } from '@jest/globals';
import { memoryStorage } from '../../../src/index.js';
import type { BrokerOptions } from '../../../src/index.js';
import type { WireClient, WireConnect, WireProperties } from '../../../src/testing/index.js';
import { openRig, publishes, short } from '../../wire/rig.js';
import type { Rig } from '../../wire/rig.js';
import { brokenOf, client, connecting, expectDisconnected, expectOpen, expectRefused, never, open, qoses, resumable } from './support.js';

/** Properties of the CONNACK of a client that is accepted. */
function told(rig: Rig, connect: WireConnect = {}): WireProperties {
  const [connack] = open(rig).connect({ clientId: 'a', ...connect }).received();
  expect(connack).toMatchObject({ type: 'connack', reasonCode: 0 });
  return connack?.properties ?? {};
}

const limited = (limits: object): BrokerOptions => ({ authenticate: () => ({ action: 'allow', limits }) });

test('v5 [X5-3.2.2.3.2-1] a Session Expiry Interval that is not the one asked for is told, and in force', () => {
  for (const options of [{ sessionExpirySecondsMax: 60 }, limited({ sessionExpirySecondsMax: 60 })]) {
    const rig = openRig(options);
    const asked = (sessionExpiryInterval: number): number | undefined => told(rig, { properties: { sessionExpiryInterval } }).sessionExpiryInterval;
    expect([0, 59, 60, 61, never - 1, never].map(asked)).toEqual([undefined, undefined, undefined, 60, 60, 60]);
    expect(told(rig)).not.toHaveProperty('sessionExpiryInterval');
    resumable(rig, 'b').drop();
    rig.clock.advance(59_999);
    expect(rig.stats.sessions).toBe(2);
    rig.clock.advance(1);
    expect(rig.stats.sessions).toBe(1); // `a` is connected
  }
  expect(told(openRig({ sessionExpirySecondsMax: 0 }), { properties: { sessionExpiryInterval: 5 } }).sessionExpiryInterval).toBe(0);
  expect(told(openRig(), { properties: { sessionExpiryInterval: never } })).not.toHaveProperty('sessionExpiryInterval');
});

// ---- Maximum QoS ----

const limits = [0, 1] as const;
/** The broker's own limit, and one of this client alone. */
const qosOptions = (maximumQoS: 0 | 1 | 2): BrokerOptions[] => [{ maximumQoS }, limited({ maximumQoS })];

test.each(limits)('v5 [MQTT-3.2.2-9] a broker that takes no more than QoS %i says so', (maximumQoS) => {
  for (const options of qosOptions(maximumQoS)) expect(told(openRig(options)).maximumQoS).toBe(maximumQoS);
  for (const options of qosOptions(2)) expect(told(openRig(options))).not.toHaveProperty('maximumQoS');
  expect(open(openRig({ maximumQoS })).connect({ clientId: 'a' }).receivedHex()).toContain(` 24 0${maximumQoS}`);
});

test.each(limits)('v5 [MQTT-3.2.2-10] SUBSCRIBE may ask for any QoS where Maximum QoS is %i: it is granted that at most', (maximumQoS) => {
  for (const options of qosOptions(maximumQoS)) {
    const rig = openRig(options);
    const sub = client(rig, 'sub').subscribe(qoses.map((qos) => ({ topic: `t${qos}`, qos })), { packetId: 1 });
    expect(short(sub.received())).toEqual([maximumQoS === 0 ? 'suback 1 0x00 0x00 0x00' : 'suback 1 0x00 0x01 0x01']);
    for (const qos of qoses) void rig.broker.publish(`t${qos}`, 'x', { qos: 2 });
    rig.clock.flush();
    expect(publishes(sub).map(({ topic, qos }) => [topic, qos])).toEqual([['t0', 0], ['t1', maximumQoS], ['t2', maximumQoS]]); // prettier-ignore
  }
});

/** A PUBLISH at each QoS up to `maximumQoS` is taken; one at a higher one is refused with 0x9B. */
function expectLimited(options: BrokerOptions, maximumQoS: number, broken?: string): void {
  for (const qos of qoses) {
    const rig = openRig(options);
    const watcher = rig.broker.subscribe('#');
    const statements = brokenOf(rig);
    const sent = client(rig, 'c').publish({ topic: 't', payload: 'x', qos, packetId: 1 });
    if (qos <= maximumQoS) {
      expect(short(sent.received())).toEqual(qos === 0 ? [] : [qos === 1 ? 'puback 1' : 'pubrec 1']);
      expectOpen(sent);
    } else {
      expectDisconnected(sent, 0x9b);
      if (broken !== undefined) expect(statements).toEqual([broken]);
    }
    expect(rig.stats.publishReceived).toBe(qos <= maximumQoS ? 1 : 0);
    void watcher.return?.();
  }
}

test.each(limits)('v5 [MQTT-3.2.2-11] a PUBLISH above a Maximum QoS of %i is refused with DISCONNECT 0x9B, one at it is taken', (maximumQoS) => {
  for (const options of qosOptions(maximumQoS)) expectLimited(options, maximumQoS, 'MQTT-3.2.2-11');
});

test.each(limits)('v5 [X5-3.2.2.3.4-1] a PUBLISH above the advertised Maximum QoS of %i is a Protocol Error: DISCONNECT 0x9B', (maximumQoS) => {
  for (const options of qosOptions(maximumQoS)) {
    expect(told(openRig(options)).maximumQoS).toBe(maximumQoS);
    expectLimited(options, maximumQoS);
  }
  for (const options of qosOptions(2)) expectLimited(options, 2);
});

test.each(limits)('v5 [MQTT-3.2.2-12] a CONNECT whose Will QoS is above %i is refused with 0x9B and closed', (maximumQoS) => {
  for (const options of qosOptions(maximumQoS)) {
    for (const qos of qoses) {
      const rig = openRig(options);
      const sent = open(rig).connect({ clientId: 'a', will: { topic: 'w', payload: 'x', qos } });
      if (qos > maximumQoS) expectRefused(sent, 0x9b);
      else expectOpen(sent);
      expect(rig.stats.sessions).toBe(qos > maximumQoS ? 0 : 1);
    }
  }
});

// ---- Retain Available ----

const retainOptions = (retainAvailable: boolean): BrokerOptions[] => [{ retainAvailable }, limited({ retainAvailable })];

test('v5 [MQTT-3.2.2-13] a CONNECT with Will Retain where nothing is retained is refused with 0x9A and closed', () => {
  for (const retainAvailable of [false, true]) {
    for (const options of retainOptions(retainAvailable)) {
      const connect = (retain: boolean): WireClient => open(openRig(options)).connect({ clientId: 'a', will: { topic: 'w', payload: 'x', retain } });
      expectOpen(connect(false));
      if (retainAvailable) expectOpen(connect(true));
      else expectRefused(connect(true), 0x9a);
    }
  }
});

test('v5 [MQTT-3.2.2-14] RETAIN 1 after Retain Available 0 is refused with DISCONNECT 0x9A', () => {
  for (const options of retainOptions(false)) {
    expect(told(openRig(options)).retainAvailable).toBe(false);
    for (const qos of qoses) {
      const rig = openRig(options);
      const sent = client(rig, 'c').publish({ topic: 't', payload: 'x', qos });
      expectOpen(sent);
      expectDisconnected(sent.publish({ topic: 't', payload: 'x', qos, retain: true }), 0x9a);
      expectDisconnected(client(rig, 'c').publish({ topic: 't', qos, retain: true }), 0x9a); // an empty one as well
      expect(rig.stats).toMatchObject({ retainedMessages: 0, publishReceived: 1 });
    }
  }
  for (const options of retainOptions(true)) {
    const rig = openRig(options);
    expect(told(rig)).not.toHaveProperty('retainAvailable');
    expectOpen(client(rig, 'c').publish({ topic: 't', payload: 'x', retain: true }));
    expect(rig.stats.retainedMessages).toBe(1);
  }
});

// ---- Assigned Client Identifier ----

/** The identifier that is assigned to a client without one; its session lasts a minute with Clean Start 0. */
function assigned(rig: Rig, flags = '02'): string {
  const [connack] = connecting(rig, { flags, properties: flags === '00' ? '11 0000003c' : '', payload: '0000' }).received();
  expect(connack).toMatchObject({ type: 'connack', reasonCode: 0, sessionPresent: false });
  const { assignedClientIdentifier = '' } = connack?.properties ?? {};
  expect(assignedClientIdentifier).not.toBe('');
  return assignedClientIdentifier;
}

test('v5 [MQTT-3.2.2-16] a client without an identifier is told the one it has; others are told none', () => {
  const rig = openRig();
  const ids = Array.from({ length: 50 }, (_, count) => assigned(rig, count % 2 === 0 ? '02' : '00'));
  expect(new Set(ids).size).toBe(50);
  expect([...rig.broker.clients.keys()].toSorted()).toEqual(ids.toSorted());
  expect(told(rig)).not.toHaveProperty('assignedClientIdentifier');
  // It is a name like any other: under it the session is found again.
  const lasting = { clean: false, properties: { sessionExpiryInterval: 60 } };
  const id = assigned(rig, '00');
  expect(told(rig, { clientId: id, ...lasting })).not.toHaveProperty('assignedClientIdentifier');
  expect(open(rig).connect({ clientId: id, ...lasting }).received()).toMatchObject([{ sessionPresent: true }]);
});

// Method: with a seed the identifiers are the same in every run, so that one can be in use before it is assigned.
test('v5 [MQTT-3.2.2-16] an identifier that a live or stored session has is not assigned', async () => {
  const seed = 7;
  const [first, second, third] = Array.from({ length: 3 }, ((rig) => () => assigned(rig))(openRig({ seed }))) as [string, string, string];
  const storage = memoryStorage();
  const rig = openRig({ seed, storage });
  const live = client(rig, first);
  resumable(rig, second).subscribe('t', { qos: 1 }).drop();
  expect(assigned(rig)).toBe(third);
  expectOpen(live);
  expect(rig.stats).toMatchObject({ sessions: 3, sessionsTakenOver: 0 });
  await rig.close();
  const later = openRig({ seed, storage });
  expect([assigned(later), assigned(later)]).toEqual([first, third]);
  expect(resumable(later, second).publish({ topic: 't', qos: 1, packetId: 5 }).received()).toMatchObject([{ type: 'puback' }, { type: 'publish' }]);
});

test('v5 [MQTT-3.2.2-16] nor one under which a client is about to be connected', async () => {
  const seed = 7;
  const first = assigned(openRig({ seed }));
  const answers: ((answer: boolean) => void)[] = [];
  const rig = openRig({ seed, takeover: () => new Promise((answer) => void answers.push(answer)) });
  client(rig, first, { clean: false, username: 'one', properties: { sessionExpiryInterval: 5 } }).drop();
  const waiting = open(rig).connect({ clientId: first, username: 'two' });
  rig.clock.advance(6_000); // the session ends, the question stays
  expect([rig.stats.sessions, answers.length]).toEqual([0, 1]);
  expect(assigned(rig)).not.toBe(first);
  answers[0]?.(true);
  await rig.settle();
  expect(waiting.received()).toMatchObject([{ type: 'connack', reasonCode: 0 }]);
});

// ---- Topic Alias Maximum ----

const aliased = (rig: Rig, topicAlias: number): WireClient => client(rig, 'c').publish({ topic: 't', payload: 'x', qos: 1, packetId: 1, properties: { topicAlias } });

test.each([1, 5, 300, 65_535])('v5 [MQTT-3.2.2-17] with a Topic Alias Maximum of %i that alias is taken, the next one gets 0x94', (topicAliasMaximum) => {
  const rig = openRig({ topicAliasMaximum });
  expect(told(rig).topicAliasMaximum).toBe(topicAliasMaximum);
  for (const alias of [1, topicAliasMaximum]) {
    const sent = aliased(rig, alias);
    expect(short(sent.received())).toEqual(['puback 1 0x10']);
    expect(short(sent.publish({ topic: '', qos: 1, packetId: 2, properties: { topicAlias: alias } }).received())).toEqual(['puback 2 0x10']);
  }
  if (topicAliasMaximum === 65_535) return;
  expectDisconnected(aliased(rig, topicAliasMaximum + 1), 0x94);
  expectDisconnected(aliased(rig, 65_535), 0x94);
  expectDisconnected(client(rig, 'c').publish({ topic: '', properties: { topicAlias: topicAliasMaximum + 1 } }), 0x94);
});

test('v5 [MQTT-3.2.2-18] without a Topic Alias Maximum every Topic Alias gets 0x94', () => {
  const rig = openRig({ topicAliasMaximum: 0 });
  expect(told(rig)).not.toHaveProperty('topicAliasMaximum');
  for (const alias of [1, 2, 65_535]) {
    expectDisconnected(aliased(rig, alias), 0x94);
    expectDisconnected(client(rig, 'c').publish({ topic: '', properties: { topicAlias: alias } }), 0x94);
  }
  expect(rig.stats.publishReceived).toBe(0);
  expectOpen(client(rig, 'c').publish({ topic: 't' }));
  // With the smallest there is one more is told, and taken.
  const one = openRig({ topicAliasMaximum: 1 });
  expect(told(one).topicAliasMaximum).toBe(1);
  expectOpen(aliased(one, 1));
});
