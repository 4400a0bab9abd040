/** What a peer that means harm, or many at once, can make the broker hold or do. */
import { expect, test } from '@jest/globals';
import { memoryTransportPair } from '../../src/transport/memory-transport.js';
import { encodePacket } from '../../src/testing/wire-codec.js';
import { lateBroker } from '../support/late-broker.js';
import { numbered, openRig, payloads, short } from './rig.js';
import type { Rig } from './rig.js';

const pingreq = Buffer.from([0xc0, 0]);
const connectBytes = (fields: object): Buffer =>
  encodePacket({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 5, clean: true, keepalive: 0, clientId: 'raw', ...fields }, 5);

/** A connection whose sending side can be watched. */
function raw(rig: Rig): { send(bytes: Uint8Array): void; readonly unread: number; pause(): void; resume(): void; readonly closed: boolean } {
  const [mine, theirs] = memoryTransportPair();
  let closed = false;
  mine.start({ onBytes: () => undefined, onDrain: () => undefined, onEnd: () => mine.end(), onClose: () => void (closed = true) });
  rig.broker.accept(theirs);
  const flush = (): void => rig.clock.flush();
  return {
    send: (bytes) => (mine.write(bytes), flush()),
    get unread() {
      return mine.unsentBytes;
    },
    pause: () => mine.pause(),
    resume: () => (mine.resume(), flush()),
    get closed() {
      return closed;
    },
  };
}

test('a client that asks and never reads is no longer read from: its answers are bounded', () => {
  const rig = openRig({ outboundBytesMax: 10_000 });
  const client = raw(rig);
  client.send(connectBytes({}));
  client.pause();
  const pings = Buffer.concat(Array.from({ length: 1000 }, () => pingreq));
  for (let sent = 0; sent < 100; sent += 1) client.send(pings);
  expect(client.unread).toBeGreaterThan(100_000);
  client.resume();
  expect(client.unread).toBe(0);
  expect(rig.stats.packetsReceived).toBe(100_001);
  expect(rig.stats.clients).toBe(1);
});

test('a client that asks and does not read for pauseSecondsMax is closed', () => {
  const rig = openRig({ outboundBytesMax: 10_000 });
  const client = raw(rig);
  client.send(connectBytes({}));
  client.pause();
  for (let sent = 0; sent < 20; sent += 1) client.send(Buffer.concat(Array.from({ length: 1000 }, () => pingreq)));
  rig.clock.advance(29_000);
  expect(rig.stats.clients).toBe(1);
  rig.clock.advance(2000);
  expect(rig.stats.clients).toBe(0);
});

test('while the store commits, acknowledgements that wait for it are bounded: the client is read from later', () => {
  const late = lateBroker();
  const [mine, theirs] = memoryTransportPair();
  const types: number[] = [];
  mine.start({ onBytes: (chunk) => types.push(...chunk), onDrain: () => undefined, onEnd: () => mine.end(), onClose: () => undefined });
  late.broker.accept(theirs);
  const send = (bytes: Uint8Array): void => (mine.write(bytes), late.clock.flush());
  send(connectBytes({ properties: { sessionExpiryInterval: 100 } }));
  late.commit();
  send(encodePacket({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 1 }] }, 5));
  const pubrels = Buffer.concat(Array.from({ length: 1000 }, () => Buffer.from([0x62, 2, 0, 9])));
  for (let sent = 0; sent < 20; sent += 1) send(pubrels);
  expect(mine.unsentBytes).toBeGreaterThan(0);
  for (let commits = 0; commits < 20; commits += 1) late.commit();
  expect(mine.unsentBytes).toBe(0);
  expect(late.broker.stats().packetsReceived).toBe(20_002);
  return late.broker.close();
});

test('many publishers that waited for memory go on together: the stack does not grow with their number', () => {
  const rig = openRig({ memoryBytesMax: 20_000 });
  rig.resumable('sub').subscribe('keep', { qos: 1 }).drop();
  const filler = rig.client('filler');
  for (let sent = 0; rig.stats.memoryBytes <= 20_000; sent += 1) filler.publish({ topic: 'keep', payload: Buffer.alloc(1000), qos: 1 });
  const publishers = numbered(5000).map((name) => rig.client(`p${name}`, { protocolVersion: 4 }));
  for (const publisher of publishers) publisher.publish({ topic: 'other', qos: 1 });
  expect(publishers[0]?.received()).toEqual([]);
  rig.client('sub', { clean: true }).drop();
  const pinged = rig.client('last').pingreq();
  expect(short(pinged.received())).toEqual(['pingresp']);
  expect(publishers.filter((publisher) => publisher.last()?.type === 'puback')).toHaveLength(5000);
});

test('a publisher that waits for memory which only its own acknowledgement can free goes on', () => {
  const rig = openRig({ memoryBytesMax: 1000 });
  rig.resumable('sub').subscribe('keep', { qos: 1 }).drop();
  const filler = rig.client('filler');
  while (rig.stats.memoryBytes <= 1000) filler.publish({ topic: 'keep', payload: Buffer.alloc(200), qos: 1 });
  const client = rig.resumable('a').subscribe('mine', { qos: 1 }).skip();
  client.publish({ topic: 'other', qos: 1, packetId: 7 }); // waits
  void rig.broker.publish('mine', 'x'.repeat(950), { qos: 1 });
  rig.clock.flush();
  expect(client.received()).toMatchObject([{ type: 'publish', packetId: 1 }]);
  client.puback(1);
  rig.client('sub', { clean: true }).drop();
  expect(short(client.received())).toEqual(['puback 7 0x10']);
  expect(rig.stats.memoryBytes).toBe(0);
});

test('thousands of CONNECTs that wait for one identifier are all answered, and the identifier is free again', async () => {
  const answers: ((allowed: boolean) => void)[] = [];
  const rig = openRig({ authenticate: ({ username }) => ({ action: 'allow', principal: username ?? '' }), takeover: () => new Promise((answer) => answers.push(answer)) });
  rig.client('x', { username: 'holder' });
  const waiting = numbered(3000).map(() => rig.open({ protocolVersion: 5 }).connect({ clientId: 'x', username: 'other' }));
  for (const client of waiting.slice(0, -1)) client.drop();
  expect(answers).toHaveLength(1000); // hookConcurrencyMax: the hook is asked before anybody stands in line
  while (answers.length > 0) {
    for (const answer of answers.splice(0)) answer(true);
    await rig.settle();
  }
  expect(short(waiting.at(-1)?.received() ?? [])).toEqual(['connack']);
  expect(rig.stats).toMatchObject({ clients: 1, sessions: 1, connections: 1 });
});

test('SUBSCRIBE again and again while its retained messages are on their way: no more than one further walk, on the terms of the last', () => {
  const rig = openRig();
  const publisher = rig.client('pub');
  for (const name of numbered(10)) publisher.publish({ topic: `t/${name}`, payload: name, qos: 1, retain: true });
  const subscriber = rig.client('sub', { properties: { receiveMaximum: 1 } });
  for (let id = 1; id <= 50; id += 1) subscriber.subscribe('t/#', { qos: 1, packetId: id, properties: { subscriptionIdentifier: id } });
  expect(payloads(subscriber)).toEqual(['1']);
  const seen: unknown[] = [];
  for (let turns = 0; turns < 600; turns += 1) {
    const [publish] = subscriber.puback(1).received();
    if (publish === undefined) break;
    seen.push(publish.properties?.subscriptionIdentifier);
  }
  expect(seen).toEqual(numbered(9 + 10).map(() => 50));
});

test('v5 [MQTT-3.10.4-2] retained messages of a filter that was unsubscribed and subscribed again are those of the new subscription', () => {
  const rig = openRig();
  const publisher = rig.client('pub');
  for (const name of numbered(5)) publisher.publish({ topic: `t/${name}`, payload: name, qos: 1, retain: true });
  const subscriber = rig.client('sub', { properties: { receiveMaximum: 1 } }).subscribe('t/#', { qos: 1 }).skip();
  subscriber.sendsBytes(Buffer.concat([
    encodePacket({ cmd: 'unsubscribe', messageId: 8, unsubscriptions: ['t/#'] }, 5),
    encodePacket({ cmd: 'subscribe', messageId: 9, subscriptions: [{ topic: 't/#', qos: 1, rh: 2 }] }, 5),
  ]));
  expect(short(subscriber.received())).toEqual(['unsuback 8 0x00', 'suback 9 0x01']);
  expect(short(subscriber.puback(1).received())).toEqual([]);
});

test('v5 [MQTT-3.1.2-24] no packet is over the client’s Maximum Packet Size for a topic alias that is longer than the topic', () => {
  const rig = openRig();
  const subscriber = rig.client('sub', { properties: { maximumPacketSize: 40, topicAliasMaximum: 5 } }).subscribe('a').skip();
  const publisher = rig.client('pub').publish({ topic: 'a', payload: 'first' });
  expect(payloads(subscriber)).toEqual(['first']);
  for (let length = 30; length <= 40; length += 1) publisher.publish({ topic: 'a', payload: Buffer.alloc(length, 120) });
  subscriber.receivedHex();
  publisher.publish({ topic: 'a', payload: Buffer.alloc(34, 120) });
  const bytes = subscriber.receivedHex().split(' ').length;
  expect(bytes).toBe(40);
});

test('a transport that fails in write costs its own connection alone, also of those that write in the same turn', () => {
  const rig = openRig();
  rig.subscriber('before', 't');
  const [mine, theirs] = memoryTransportPair();
  mine.start({ onBytes: () => undefined, onDrain: () => undefined, onEnd: () => mine.end(), onClose: () => undefined });
  let fails = false;
  const write = theirs.write.bind(theirs);
  theirs.write = (bytes) => {
    if (fails) throw new Error('broken pipe');
    write(bytes);
  };
  rig.broker.accept(theirs);
  mine.write(connectBytes({}));
  mine.write(encodePacket({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 't', qos: 0 }] }, 5));
  rig.clock.flush();
  const after = rig.subscriber('after', 't');
  fails = true;
  const publisher = rig.client('pub').publish({ topic: 't', payload: '1', qos: 1 });
  expect(short(publisher.received())).toEqual(['puback 1']);
  expect(payloads(after)).toEqual(['1']);
  publisher.publish({ topic: 't', payload: '2' });
  expect(payloads(after)).toEqual(['2']);
  expect(rig.stats.clients).toBe(3);
  rig.errors.splice(0);
});

test('a session on which the store once threw goes on', () => {
  const rig = openRig();
  const { storage } = rig.broker.options;
  const subscriber = rig.resumable('sub').subscribe('t', { qos: 1 }).skip();
  const markSent = storage.markSent.bind(storage);
  storage.markSent = () => {
    storage.markSent = markSent;
    throw new Error('a bug of a store');
  };
  rig.client('pub').publish({ topic: 't', payload: '1', qos: 1 });
  rig.client('pub').publish({ topic: 't', payload: '2', qos: 1 });
  expect(payloads(subscriber)).toContain('2');
  rig.errors.splice(0);
});

test('$SYS topics that are over topicLevelsMax are told once, and the broker works', () => {
  const rig = openRig({ topicLevelsMax: 3, sysIntervalSeconds: 10 });
  rig.clock.advance(30_000);
  expect(short(rig.client('a').pingreq().received())).toEqual(['pingresp']);
  expect(rig.errors.splice(0).map(String)).toEqual([expect.stringContaining('over the limit of 3')]);
});

test('a CONNECT on which the store once threw does not lock its identifier', () => {
  const rig = openRig();
  const { storage } = rig.broker.options;
  const putSession = storage.putSession.bind(storage);
  storage.putSession = () => {
    storage.putSession = putSession;
    throw new Error('a bug of a store');
  };
  const properties = { sessionExpiryInterval: 10 };
  expect(short(rig.open().connect({ clientId: 'a', properties }).received())).toEqual(['connack 0x83']);
  expect(short(rig.open().connect({ clientId: 'a', properties }).received())).toEqual(['connack']);
  expect(rig.errors.splice(0)).toHaveLength(1);
});

test('an error in a deadline stops no other deadline, and is reported', () => {
  const rig = openRig();
  const { storage } = rig.broker.options;
  const endSession = storage.endSession.bind(storage);
  rig.client('a', { clean: false, properties: { sessionExpiryInterval: 10 } }).drop();
  const silent = rig.client('b', { keepalive: 10 });
  storage.endSession = () => {
    throw new Error('a bug of a store');
  };
  rig.clock.advance(16_000);
  storage.endSession = endSession;
  expect(silent.closed).toBe(true);
  expect(rig.errors.splice(0).map(String)).toEqual([expect.stringContaining('a bug of a store')]);
});

test('connectRateMax below one a second lets that many in', () => {
  const rig = openRig({ connectRateMax: 0.5 });
  expect(short(rig.open().connect({ clientId: 'a' }).received())).toEqual(['connack']);
  expect(short(rig.open().connect({ clientId: 'b' }).received())).toEqual(['connack 0x9f']);
  rig.clock.advance(1000);
  expect(short(rig.open().connect({ clientId: 'c' }).received())).toEqual(['connack 0x9f']);
  rig.clock.advance(1000);
  expect(short(rig.open().connect({ clientId: 'd' }).received())).toEqual(['connack']);
});

interface Cached {
  readonly route?: { readonly deliveries: readonly unknown[] };
  readonly next?: Cached;
}

test('routes that are remembered hold a bounded number of deliveries, however many topics and subscribers there are', () => {
  const rig = openRig();
  for (const name of numbered(300)) void rig.broker.subscribe('#', { qos: 0 }, () => name);
  const publisher = rig.client('pub');
  for (const name of numbered(2000)) publisher.publish({ topic: `t/${name}` });
  const { engine } = rig.broker as unknown as { engine: { router: { topics: { buckets: readonly (Cached | undefined)[] } } } };
  let held = 0;
  for (let entry of engine.router.topics.buckets) {
    for (; entry !== undefined; entry = entry.next) held += entry.route?.deliveries.length ?? 0;
  }
  expect(rig.stats.publishSent).toBe(300 * 2000);
  expect(held).toBeLessThanOrEqual(2 ** 18 + 300);
});

test.each([0, 1] as const)('a Message Expiry Interval of 0 means the same on every path: QoS %i, lasting session or not, hook or not', (qos) => {
  const seen = [false, true].flatMap((isHooked) => {
    const rig = openRig(isHooked ? { authorize: () => true } : {});
    const lasting = rig.resumable('lasting').subscribe('t', { qos }).skip();
    const passing = rig.client('passing').subscribe('t', { qos }).skip();
    rig.client('pub').publish({ topic: 't', payload: 'x', qos, properties: { messageExpiryInterval: 0 } });
    return [payloads(lasting).length, payloads(passing).length];
  });
  expect(new Set(seen).size).toBe(1);
});
