/** The limits of a broker, one by one: the default, what is still within, and what happens above. */
import { expect, test } from '@jest/globals';
import type { BrokerOptions } from '../../src/index.js';
import { memoryTransportPair } from '../../src/transport/memory-transport.js';
import { encodePacket } from '../../src/testing/wire-codec.js';
import { numbered, openRig, payloads, Questions, short, three } from './rig.js';
import type { Rig } from './rig.js';

test('the defaults are those of the design', () => {
  const { options } = openRig().broker;
  expect(options).toMatchObject({
    packetBytesMax: 2 ** 20,
    connectBytesMax: 384 * 1024,
    connectionsMax: Infinity,
    connectRateMax: Infinity,
    outboundBytesMax: 8 * 2 ** 20,
    slowConsumer: 'drop',
    topicLevelsMax: 201,
    topicBytesMax: 65_535,
    subscriptionsMax: 100_000,
    sessionsMax: 1_000_000,
    sessionExpirySecondsMax: Infinity,
    userPropertiesMax: 64,
    pauseSecondsMax: 30,
    pendingBytesMax: 64 * 1024,
  });
  expect(options.memoryBytesMax).toBeGreaterThan(2 ** 26);
});

// ---- packetBytesMax ----

test('v5 [MQTT-3.2.2-15] packetBytesMax: exact is taken, one byte more gets 0x95 at its header, before the body', () => {
  const rig = openRig({ packetBytesMax: 100 });
  const subscriber = rig.subscriber('sub', 'a');
  const exact = rig.client('exact').publish({ topic: 'a', payload: 'x'.repeat(100 - 6), qos: 0 });
  expect(exact.closed).toBe(false);
  const above = rig.client('above').sendsHex('30 63');
  expect(above.received()).toMatchObject([{ type: 'disconnect', reasonCode: 0x95 }]);
  expect([payloads(subscriber), above.closed]).toEqual([['x'.repeat(94)], true]);
});

test('packetBytesMax is 1 MiB by default and announced; every packet type counts; 3.x is closed', () => {
  const rig = openRig();
  expect(rig.open().connect({ clientId: 'c' }).received()[0]?.properties?.maximumPacketSize).toBe(2 ** 20);
  // Remaining Length 1,048,573 with four bytes of header makes one byte more than 1 MiB.
  for (const first of ['30', '82', 'a2']) {
    expect(rig.client('c').sendsHex(`${first} fd ff 3f`).received()).toMatchObject([{ type: 'disconnect', reasonCode: 0x95 }]);
    const old = rig.client('o', { protocolVersion: 4 }).sendsHex(`${first} fd ff 3f`);
    expect([old.received(), old.closed]).toEqual([[], true]);
  }
  expect(rig.client('c').sendsHex('30 fc ff 3f').closed).toBe(false);
});

// ---- connectionsMax, connectRateMax, sessionsMax ----

const refusals = [
  ['connectionsMax', { connectionsMax: 2 }, 0x97],
  ['sessionsMax', { sessionsMax: 2 }, 0x97],
  ['connectRateMax', { connectRateMax: 2 }, 0x9f],
] as const satisfies readonly (readonly [string, BrokerOptions, number])[];

test.each(refusals)('%s: one more is refused in CONNACK and closed; those that are there go on', (_name, options, code) => {
  for (const { protocolVersion } of three) {
    const rig = openRig(options);
    const first = rig.client('1', { protocolVersion });
    rig.client('2', { protocolVersion });
    const third = rig.open({ protocolVersion }).connect({ clientId: '3' });
    expect(third.received()).toMatchObject([{ type: 'connack', reasonCode: protocolVersion === 5 ? code : 3, sessionPresent: false }]);
    expect(third.closed).toBe(true);
    expect(short(first.pingreq().received())).toEqual(['pingresp']);
    expect(rig.stats).toMatchObject({ connectsAccepted: 2, connectsRefused: 1, sessions: 2 });
    if (code === 0x9f) rig.clock.advance(1000);
    else first.disconnect();
    rig.client('3', { protocolVersion });
  }
});

test('sessionsMax: sessions of absent clients count; resuming and taking over are always possible', () => {
  const rig = openRig({ sessionsMax: 2 });
  rig.resumable('a').drop();
  const b = rig.resumable('b');
  expect(rig.open().connect({ clientId: 'c' }).received()).toMatchObject([{ reasonCode: 0x97 }]);
  rig.resumable('a');
  rig.resumable('b');
  expect(b.closed).toBe(true);
  rig.client('b'); // a clean start takes the place of what it ends
  rig.client('b').disconnect();
  rig.client('c');
  expect(rig.stats.sessions).toBe(2);
});

test('connectRateMax counts anew each second', () => {
  const rig = openRig({ connectRateMax: 3 });
  const accepted: number[] = [];
  for (let second = 0; second < 4; second += 1) {
    const before = rig.stats.connectsAccepted;
    for (const id of numbered(5)) rig.open().connect({ clientId: `${second}/${id}` });
    accepted.push(rig.stats.connectsAccepted - before);
    rig.clock.advance(1000);
  }
  expect(accepted).toEqual([3, 3, 3, 3]);
});

test('v5 X5-3.2.2.3.2-1 sessionExpirySecondsMax: a longer one is lowered and the client told; 3.x too is kept no longer', () => {
  const rig = openRig({ sessionExpirySecondsMax: 100 });
  const expiry = (sessionExpiryInterval: number): unknown =>
    rig.open().connect({ clientId: 'c', properties: { sessionExpiryInterval } }).received()[0]?.properties?.sessionExpiryInterval;
  expect([expiry(99), expiry(100), expiry(101), expiry(0xffff_ffff)]).toEqual([undefined, undefined, 100, 100]);
  rig.client('old', { protocolVersion: 4, clean: false }).drop();
  rig.clock.advance(99_000);
  expect(rig.stats.sessions).toBe(2);
  rig.clock.advance(1000);
  expect(rig.stats.sessions).toBe(1); // `c` is connected
});

// ---- topics ----

test.each(['topicLevelsMax', 'topicBytesMax'] as const)('%s: a name or filter above it is malformed and closes', (name) => {
  const rig = openRig({ [name]: 5 });
  const [within, above] = name === 'topicLevelsMax' ? ['a/b/c/d/e', 'a/b/c/d/e/f'] : ['a/bcd', 'a/bcde'];
  const subscriber = rig.subscriber('sub', within);
  rig.client('pub').publish({ topic: within, payload: 'x' });
  expect(payloads(subscriber)).toEqual(['x']);
  expect(rig.client('c').publish({ topic: above, qos: 1 }).received()).toMatchObject([{ type: 'disconnect', reasonCode: 0x81 }]);
  expect(rig.client('c').subscribe(['fine', above]).received()).toMatchObject([{ type: 'disconnect', reasonCode: 0x81 }]);
  expect(rig.client('c').unsubscribe(above).received()).toMatchObject([{ type: 'disconnect', reasonCode: 0x81 }]);
  for (const act of ['publish', 'subscribe'] as const) {
    const old = rig.client('o', { protocolVersion: 4 });
    if (act === 'publish') old.publish({ topic: above });
    else old.subscribe(above);
    expect([old.received(), old.closed]).toEqual([[], true]);
  }
  expect(rig.stats.subscriptions).toBe(1);
});

test('topicLevelsMax is 201 by default: 200 separators; levels of a shared filter are counted in its filter part', () => {
  const rig = openRig();
  const levels = (count: number): string => Array(count).fill('l').join('/');
  expect(rig.client('c').publish({ topic: levels(201) }).closed).toBe(false);
  expect(rig.client('c').publish({ topic: levels(202) }).received()).toMatchObject([{ reasonCode: 0x81 }]);
  expect(short(rig.client('c').subscribe(`$share/g/${levels(201)}`).received())).toEqual(['suback 1 0x00']);
  expect(rig.client('c').subscribe(`$share/g/${levels(202)}`).received()).toMatchObject([{ reasonCode: 0x81 }]);
});

// ---- subscriptionsMax ----

test.each(three)('subscriptionsMax: one more is refused with 0x97, 3.x with 0x80; replacing is not one more ($name)', ({ protocolVersion }) => {
  const rig = openRig({ subscriptionsMax: 3 });
  const refused = protocolVersion === 5 ? 0x97 : 0x80;
  const client = rig.client('c', { protocolVersion }).subscribe(['a', '$share/g/a', 'b', 'c', 'a'], { qos: 1 });
  expect(client.last()?.reasonCodes).toEqual([1, 1, 1, refused, 1]);
  expect(client.unsubscribe('b').subscribe(['c', 'd'], { qos: 1 }).last()?.reasonCodes).toEqual([1, refused]);
  expect(rig.client('other', { protocolVersion }).subscribe(['a', 'b', 'c']).last()?.reasonCodes).toEqual([0, 0, 0]);
  rig.client('pub').publish({ topic: 'd' });
  expect(payloads(client)).toEqual([]);
});

test('subscriptionsMax may be 0, and less for one client; a resumed session counts what it has', () => {
  const rig = openRig({ authenticate: ({ clientId }) => ({ action: 'allow', limits: { subscriptionsMax: clientId === 'none' ? 0 : 2 } }) });
  expect(rig.client('none').subscribe('a').last()?.reasonCodes).toEqual([0x97]);
  rig.resumable('two').subscribe(['a', 'b']).drop();
  expect(rig.resumable('two').subscribe(['c', 'a']).last()?.reasonCodes).toEqual([0x97, 0]);
});

// ---- userPropertiesMax ----

const properties = (count: number): { readonly userProperties: readonly (readonly [string, string])[] } => ({
  userProperties: numbered(count).map((number) => ['k', number] as const),
});

test.each([
  ['PUBLISH', (rig: Rig, count: number) => rig.client('c').publish({ topic: 'a', properties: properties(count) })],
  ['SUBSCRIBE', (rig: Rig, count: number) => rig.client('c').subscribe('a', { properties: properties(count) })],
  ['UNSUBSCRIBE', (rig: Rig, count: number) => rig.client('c').unsubscribe('a', { properties: properties(count) })],
  ['PUBACK', (rig: Rig, count: number) => rig.client('c').puback(1, 0, properties(count))],
  ['PUBREL', (rig: Rig, count: number) => rig.client('c').pubrel(1, 0, properties(count))],
] as const)('userPropertiesMax: more in a %s get 0x97 and a close', (_packet, send) => {
  const rig = openRig();
  expect(send(rig, 64).closed).toBe(false);
  const above = send(rig, 65);
  expect(above.received()).toMatchObject([{ type: 'disconnect', reasonCode: 0x97 }]);
  const none = openRig({ userPropertiesMax: 0 });
  expect(send(none, 0).closed).toBe(false);
  expect(send(none, 1).received()).toMatchObject([{ type: 'disconnect', reasonCode: 0x97 }]);
});

// ---- pendingBytesMax ----

test('pendingBytesMax: while a publish is being decided the peer is read up to it, then its socket is paused', async () => {
  const questions = new Questions('publish');
  const rig = openRig({ authorize: questions.authorize, pendingBytesMax: 1000 });
  const subscriber = rig.subscriber('sub', 'a');
  const [mine, theirs] = memoryTransportPair();
  mine.start({ onBytes: () => undefined, onDrain: () => undefined, onEnd: () => undefined, onClose: () => undefined });
  rig.broker.accept(theirs);
  const send = (packet: Parameters<typeof encodePacket>[0]): void => {
    mine.write(encodePacket(packet, 5));
    rig.clock.flush();
  };
  send({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 5, clean: true, keepalive: 0, clientId: 'raw' });
  for (let sent = 0; sent < 40; sent += 1) send({ cmd: 'publish', topic: 'a', payload: 'x'.repeat(94), qos: 0, dup: false, retain: false });
  // 40 publishes of 100 bytes: one is being decided, ten wait in memory, one made it too much.
  expect(mine.unsentBytes).toBe(4000 - 1200);
  expect(await questions.answerAll(rig)).toBe(40);
  expect(mine.unsentBytes).toBe(0);
  expect(payloads(subscriber)).toHaveLength(40);
  mine.destroy();
});
