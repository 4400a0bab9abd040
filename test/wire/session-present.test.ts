/** Session Present and Clean Start: when a session is resumed, what of it is there again, and what a new one forgets. */
import { describe, expect, test } from '@jest/globals';
import { both, openRig, payloads, publishes, short } from './rig.js';
import type { ClientOptions, Rig } from './rig.js';

/** Connects as `a` and says whether a session was there. */
function present(rig: Rig, { protocolVersion, ...connect }: ClientOptions): boolean {
  const client = rig.open(protocolVersion === undefined ? {} : { protocolVersion }).connect({ clientId: 'a', ...connect });
  const [connack] = client.received();
  expect(connack).toMatchObject({ type: 'connack', reasonCode: 0 });
  client.disconnect();
  return connack?.sessionPresent === true;
}

const lasting = { clean: false, properties: { sessionExpiryInterval: 60 } };
const lasting4 = { clean: false, protocolVersion: 4 } as const;

describe('v5', () => {
  test('[MQTT-3.1.2-6] [MQTT-3.2.2-3] Clean Start 0 without a session makes one: Session Present 0', () => {
    expect(present(openRig(), lasting)).toBe(false);
  });
  test('[MQTT-3.1.2-5] [MQTT-3.2.2-3] Clean Start 0 with a session resumes it: Session Present 1, each time', () => {
    const rig = openRig();
    expect([1, 2, 3].map(() => present(rig, lasting))).toEqual([false, true, true]);
  });
  test('[MQTT-3.1.2-4] [MQTT-3.2.2-2] Clean Start 1 makes a new session, Session Present 0 even though one was found', () => {
    const rig = openRig();
    present(rig, lasting);
    expect(present(rig, { ...lasting, clean: true })).toBe(false);
  });
  test('a session that began with Clean Start 1 and a Session Expiry Interval is kept', () => {
    const rig = openRig();
    present(rig, { ...lasting, clean: true });
    expect(present(rig, lasting)).toBe(true);
  });
  test('[X5-3.1.2.11.2-1] Clean Start 0 alone keeps nothing: without Session Expiry Interval it is 0', () => {
    const rig = openRig();
    present(rig, { clean: false });
    expect(rig.stats.sessions).toBe(0);
    expect(present(rig, { clean: false })).toBe(false);
  });
  test('the interval of the latest CONNECT counts: 0 ends with its connection what lasted before', () => {
    const rig = openRig();
    present(rig, lasting);
    expect(present(rig, { clean: false, properties: { sessionExpiryInterval: 0 } })).toBe(true);
    expect(present(rig, lasting)).toBe(false);
  });
  test('[MQTT-3.2.2-6] a refused CONNECT has Session Present 0 and leaves the session', () => {
    let allow = true;
    const rig = openRig({ authenticate: () => allow });
    present(rig, lasting);
    allow = false;
    const refused = rig.open().connect({ clientId: 'a', ...lasting });
    expect(refused.received()).toMatchObject([{ type: 'connack', reasonCode: 0x87, sessionPresent: false }]);
    const cleanRefused = rig.open().connect({ clientId: 'a', clean: true });
    expect(cleanRefused.received()).toMatchObject([{ reasonCode: 0x87, sessionPresent: false }]);
    allow = true;
    expect(present(rig, lasting)).toBe(true);
  });
  test('[MQTT-3.2.2-1] bits 7 to 1 of the acknowledge flags are 0', () => {
    const rig = openRig();
    present(rig, lasting);
    expect(rig.open().connect({ clientId: 'a', ...lasting }).receivedHex().split(' ')[2]).toBe('01');
  });
  test('[MQTT-3.1.3-2] each client identifier has a session of its own', () => {
    const rig = openRig();
    rig.resumable('b').disconnect();
    expect(present(rig, lasting)).toBe(false);
  });
});

describe('v3.1.1', () => {
  test('[MQTT-3.1.2-4] [MQTT-3.2.2-2] [MQTT-3.2.2-3] Clean Session 0 is resumed, for ever', () => {
    const rig = openRig();
    expect(present(rig, lasting4)).toBe(false);
    rig.clock.advance(365 * 86_400_000);
    expect(present(rig, lasting4)).toBe(true);
  });
  test('[MQTT-3.1.2-6] [MQTT-3.2.2-1] Clean Session 1 discards it, and keeps none itself', () => {
    const rig = openRig();
    present(rig, lasting4);
    expect(present(rig, { clean: true, protocolVersion: 4 })).toBe(false);
    expect(present(rig, lasting4)).toBe(false);
  });
  test('a session of 5.0 becomes one that lasts for ever, and one of 3.1.1 one that expires', () => {
    const rig = openRig();
    present(rig, lasting);
    present(rig, lasting4);
    rig.clock.advance(365 * 86_400_000);
    expect(present(rig, lasting)).toBe(true);
    rig.clock.advance(60_000);
    expect(present(rig, lasting4)).toBe(false);
  });
});

describe.each(both)('$name a resumed session', ({ protocolVersion }) => {
  const resume = (rig: Rig): ReturnType<Rig['open']> => rig.resumable('a', { protocolVersion });

  test('has its subscriptions, at their QoS', () => {
    const rig = openRig();
    resume(rig).subscribe([{ topic: 'a', qos: 0 }, { topic: 'b/+', qos: 1 }, { topic: 'c/#', qos: 2 }]).disconnect();
    const client = resume(rig);
    const pub = rig.client('pub');
    for (const topic of ['a', 'b/x', 'c', 'd']) pub.publish({ topic, qos: 2 });
    expect(publishes(client).map(({ topic, qos }) => `${topic} ${qos}`)).toEqual(['a 0', 'b/x 1', 'c 2']);
  });
  test('gets what was published meanwhile at QoS 1 and 2, in order, and no QoS 0', () => {
    const rig = openRig();
    resume(rig).subscribe('#', { qos: 2 }).drop();
    const pub = rig.client('pub');
    for (const qos of [1, 0, 2, 1, 0, 2] as const) pub.publish({ topic: 't', payload: `q${qos}`, qos });
    const received = publishes(resume(rig));
    expect(received.every(({ dup }) => dup === false)).toBe(true);
    const atQos = (wanted: number) => received.filter(({ qos }) => qos === wanted).map(({ packetId, payload }) => [packetId, payload]);
    expect(atQos(1)).toEqual([[1, 'q1'], [3, 'q1']]);
    expect(atQos(2)).toEqual([[2, 'q2'], [4, 'q2']]);
    expect(received).toHaveLength(4);
  });
  test('with queueQos0 gets QoS 0 as well', () => {
    const rig = openRig({ queueQos0: true });
    resume(rig).subscribe('#', { qos: 2 }).drop();
    const pub = rig.client('pub');
    for (const qos of [0, 1, 0] as const) pub.publish({ topic: 't', payload: `q${qos}`, qos });
    expect(payloads(resume(rig))).toEqual(['q0', 'q1', 'q0']);
  });
  test('gets again what it had not acknowledged: PUBLISH with DUP, PUBREL', () => {
    const rig = openRig();
    const first = resume(rig).subscribe('#', { qos: 2 });
    const pub = rig.client('pub');
    for (const qos of [1, 2, 2] as const) pub.publish({ topic: 't', payload: `q${qos}`, qos });
    first.pubrec(2).drop();
    const packets = resume(rig).received();
    expect(short(packets).toSorted()).toEqual(['publish 1 q1', 'publish 3 q2', 'pubrel 2']);
    expect(packets.filter(({ type }) => type === 'publish').every(({ dup }) => dup)).toBe(true);
  });
  test('knows the QoS 2 packets it has received: a repeated PUBLISH is not routed again', () => {
    const rig = openRig();
    const watcher = rig.subscriber('watcher', 't', 2);
    resume(rig).publish({ topic: 't', payload: 'x', qos: 2, packetId: 5 }).drop();
    const again = resume(rig).publish({ topic: 't', payload: 'x', qos: 2, packetId: 5, dup: true }).pubrel(5);
    expect(short(again.received())).toEqual(['pubrec 5', 'pubcomp 5']);
    expect(payloads(watcher)).toEqual(['x']);
  });
  test('[MQTT-3.1.2-4] Clean Start 1 forgets all of that', () => {
    const rig = openRig();
    const watcher = rig.subscriber('watcher', '#', 2);
    const first = resume(rig).subscribe('#', { qos: 2 }).publish({ topic: 'own', payload: 'own', qos: 2, packetId: 5 });
    rig.client('pub').publish({ topic: 't', payload: 'in flight', qos: 1 });
    first.drop();
    rig.client('pub').publish({ topic: 't', payload: 'queued', qos: 1 });
    const ended: unknown[] = [];
    rig.broker.on('sessionEnded', (clientId, why) => ended.push([clientId, why]));
    const fresh = rig.client('a', { protocolVersion, clean: true });
    expect(ended).toContainEqual(['a', 'cleanStart']);
    expect(fresh.received()).toEqual([]);
    rig.client('pub').publish({ topic: 't', payload: 'new', qos: 1 });
    expect(fresh.received()).toEqual([]);
    watcher.skip();
    // The identifier is free, so this is a new message; and PUBREL for the old one would find nothing.
    fresh.publish({ topic: 'own', payload: 'again', qos: 2, packetId: 5 });
    expect(payloads(watcher)).toEqual(['again']);
  });
});

test('v5 subscription options and identifiers are kept', () => {
  const rig = openRig();
  const first = rig.resumable('a');
  first.subscribe([{ topic: 'x', qos: 1, nl: true, rap: true }], { properties: { subscriptionIdentifier: 7 } }).disconnect();
  const again = rig.resumable('a');
  again.publish({ topic: 'x', payload: 'own', qos: 1 });
  rig.client('pub').publish({ topic: 'x', payload: 'other', retain: true });
  expect(publishes(again)).toMatchObject([{ payload: 'other', retain: true, properties: { subscriptionIdentifier: 7 } }]);
});

describe('sessionsMax', () => {
  test('v5 one more session gets 0x97 (v3.1.1: 3); those that exist are resumed and renewed', () => {
    const rig = openRig({ sessionsMax: 1 });
    rig.resumable('a').disconnect();
    const refused = rig.open().connect({ clientId: 'b' });
    expect(refused.received()).toMatchObject([{ type: 'connack', reasonCode: 0x97, sessionPresent: false }]);
    expect(refused.closed).toBe(true);
    expect(rig.open({ protocolVersion: 4 }).connect({ clientId: 'b' }).receivedHex()).toBe('20 02 00 03');
    expect(present(rig, lasting)).toBe(true);
    expect(present(rig, { ...lasting, clean: true })).toBe(false);
  });
  test('a place is free again when a session ends', () => {
    const rig = openRig({ sessionsMax: 1 });
    rig.client('a').disconnect();
    expect(rig.open().connect({ clientId: 'b' }).received()).toMatchObject([{ reasonCode: 0 }]);
  });
});

test('the events tell: created, resumed, ended', () => {
  const rig = openRig();
  const heard: string[] = [];
  rig.broker.on('sessionCreated', (id) => heard.push(`created ${id}`));
  rig.broker.on('sessionResumed', (id) => heard.push(`resumed ${id}`));
  rig.broker.on('sessionEnded', (id, why) => heard.push(`ended ${id} ${why}`));
  present(rig, lasting);
  present(rig, lasting);
  present(rig, { clean: true });
  present(rig, lasting);
  rig.clock.advance(60_000);
  expect(heard).toEqual(['created a', 'resumed a', 'ended a cleanStart', 'created a', 'ended a disconnected', 'created a', 'ended a expired']);
});
