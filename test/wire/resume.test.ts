/** A resumed session: what was unacknowledged is sent again, in order and under its identifiers, before anything new. */
import { expect, test } from '@jest/globals';
import type { WireClient } from '../../src/testing/index.js';
import { both, numbered, openRig, payloads, publishes, short } from './rig.js';
import type { ClientOptions, Rig } from './rig.js';

/** `qoses[i]` is that of payload i + 1; all go to the resumable client `sub`, which has not acknowledged anything. */
function inFlight(rig: Rig, qoses: readonly (1 | 2)[], options: ClientOptions): WireClient {
  const subscriber = rig.resumable('sub', options).subscribe('#', { qos: 2 }).skip();
  const publisher = rig.client('pub');
  qoses.forEach((qos, index) => publisher.publish({ topic: 'a', payload: String(index + 1), qos }));
  expect(short(subscriber.received())).toEqual(qoses.map((_, index) => `publish ${index + 1} ${index + 1}`));
  return subscriber;
}

test.each(both)('v5 [MQTT-4.4.0-1] [MQTT-4.6.0-1] v3.1.1 [MQTT-4.4.0-1] [MQTT-4.6.0-1] the order, the identifiers, and DUP ($name)', ({ protocolVersion }) => {
  const rig = openRig();
  inFlight(rig, [1, 2, 2, 1, 2, 1], { protocolVersion }).puback(4).drop();
  const again = rig.resumable('sub', { protocolVersion });
  const sent = again.received();
  expect(short(sent)).toEqual([1, 2, 3, 5, 6].map((id) => `publish ${id} ${id}`));
  expect(sent.map(({ qos }) => qos)).toEqual([1, 2, 2, 2, 1]);
  expect(sent.every(({ dup }) => dup === true)).toBe(true); // v5 [MQTT-3.3.1-1]
  again.puback(1).puback(6);
  for (const id of [2, 3, 5]) again.pubrec(id).pubcomp(id);
  expect(rig.stats).toMatchObject({ inflightMessages: 0, memoryBytes: 0 });
  again.drop();
  expect(rig.resumable('sub', { protocolVersion }).received()).toEqual([]);
});

test.each(both)('v5 [MQTT-4.3.3-6] [MQTT-4.3.3-5] v3.1.1 [MQTT-4.3.3-1] after PUBREC only PUBREL is sent again ($name)', ({ protocolVersion }) => {
  const rig = openRig();
  inFlight(rig, [2, 2, 2, 1], { protocolVersion }).pubrec(1).pubrec(3).drop();
  for (let round = 0; round < 3; round += 1) {
    const again = rig.resumable('sub', { protocolVersion });
    const sent = short(again.received());
    expect(sent.filter((packet) => packet.startsWith('publish'))).toEqual(['publish 2 2', 'publish 4 4']);
    expect(sent.filter((packet) => packet.startsWith('pubrel'))).toEqual(['pubrel 1', 'pubrel 3']);
    expect(sent).toHaveLength(4);
    again.drop();
  }
  const last = rig.resumable('sub', { protocolVersion }).skip();
  last.pubcomp(1).pubcomp(3).puback(4).pubrec(2).pubcomp(2);
  expect(short(last.received())).toEqual(['pubrel 2']);
  expect(rig.stats.inflightMessages).toBe(0);
});

test('v5 [MQTT-3.6.1-1] a PUBREL that is sent again has flags 0010', () => {
  const rig = openRig();
  inFlight(rig, [2], {}).pubrec(1).drop();
  expect(rig.resumable('sub').receivedHex()).toBe('62 02 00 01');
});

test.each(both)('v5 [MQTT-3.2.0-1] first CONNACK, then what is sent again, then what was queued, then what is new ($name)', ({ protocolVersion }) => {
  const rig = openRig();
  inFlight(rig, [1, 2], { protocolVersion }).drop();
  const publisher = rig.client('pub');
  for (const payload of ['3', '4']) publisher.publish({ topic: 'a', payload, qos: 1 });
  const properties = protocolVersion === 5 ? { properties: { sessionExpiryInterval: 60 } } : {};
  const again = rig.open({ protocolVersion }).connect({ clientId: 'sub', clean: false, ...properties });
  publisher.publish({ topic: 'a', payload: '5', qos: 1 });
  const sent = again.received();
  expect(short(sent)).toEqual(['connack', 'publish 1 1', 'publish 2 2', 'publish 3 3', 'publish 4 4', 'publish 5 5']);
  expect(sent.map(({ dup }) => dup)).toEqual([undefined, true, true, false, false, false]);
});

test.each(both)('taking over from a connection that stands resends as well ($name)', ({ protocolVersion }) => {
  const rig = openRig();
  const old = inFlight(rig, [1, 2, 2], { protocolVersion }).pubrec(2).skip();
  const again = rig.resumable('sub', { protocolVersion });
  expect(old.closed).toBe(true);
  expect(short(again.received())).toEqual(['pubrel 2', 'publish 1 1', 'publish 3 3']);
  again.puback(1).pubcomp(2);
  const third = rig.resumable('sub', { protocolVersion });
  expect(short(third.received())).toEqual(['publish 3 3']);
  expect(rig.stats.inflightMessages).toBe(1);
});

test.each(both)('v5 [MQTT-3.1.2-4] a clean start sends nothing again, and its identifiers begin at 1 ($name)', ({ protocolVersion }) => {
  const rig = openRig();
  inFlight(rig, [1, 2], { protocolVersion }).drop();
  const fresh = rig.client('sub', { protocolVersion }).subscribe('a', { qos: 1 });
  expect(short(fresh.received())).toEqual(['suback 1 0x01']);
  rig.client('pub').publish({ topic: 'a', payload: 'new', qos: 1 });
  expect(short(fresh.received())).toEqual(['publish 1 new']);
  expect(rig.stats).toMatchObject({ inflightMessages: 1, sessions: 2 });
});

test('a session that ends with its connection holds nothing once it is gone', () => {
  const rig = openRig();
  const subscriber = rig.subscriber('sub', 'a', 2);
  rig.client('pub').publish({ topic: 'a', qos: 1 }).publish({ topic: 'a', qos: 2 });
  expect(rig.stats.inflightMessages).toBe(2);
  subscriber.drop();
  expect(rig.stats).toMatchObject({ inflightMessages: 0, queuedMessages: 0, memoryBytes: 0, sessions: 1 });
});

test('v5 [MQTT-4.3.3-7] what was sent is sent again even if it has expired since; what was not is gone', () => {
  const rig = openRig();
  const subscriber = rig.resumable('sub', { properties: { receiveMaximum: 2 } }).subscribe('a', { qos: 2 }).skip();
  const publisher = rig.client('pub');
  for (const [index, qos] of ([1, 2, 1] as const).entries()) {
    publisher.publish({ topic: 'a', payload: String(index), qos, properties: { messageExpiryInterval: 10 } });
  }
  expect(payloads(subscriber)).toEqual(['0', '1']);
  subscriber.drop();
  rig.clock.advance(11_000);
  const again = rig.resumable('sub');
  expect(short(again.received())).toEqual(['publish 1 0', 'publish 2 1']);
  expect(rig.dropped).toEqual(['expired a sub']);
});

test('v5 [MQTT-3.10.4-3] v3.1.1 [MQTT-3.10.4-3] what was sent before an UNSUBSCRIBE is sent again', () => {
  const rig = openRig();
  inFlight(rig, [1, 2, 2], {}).pubrec(2).unsubscribe('#').drop();
  const again = rig.resumable('sub');
  expect(short(again.received())).toEqual(['pubrel 2', 'publish 1 1', 'publish 3 3']);
});

test.each(both)('v5 [MQTT-4.6.0-1] v3.1.1 [MQTT-4.6.0-1] retained messages among the others: sent again in the order in which they were sent ($name)', ({ protocolVersion }) => {
  const rig = openRig({ inflightMax: 3 });
  for (const payload of ['r1', 'r2', 'r3']) void rig.broker.publish(`r/${payload}`, payload, { qos: 1, retain: true });
  const subscriber = rig.resumable('sub', { protocolVersion }).subscribe('a', { qos: 1 }).skip();
  const publisher = rig.client('pub');
  for (const payload of numbered(3)) publisher.publish({ topic: 'a', payload, qos: 1 });
  subscriber.subscribe('r/#', { qos: 1 });
  for (const payload of ['4', '5']) publisher.publish({ topic: 'a', payload, qos: 1 });
  const seen = publishes(subscriber);
  for (let step = 0; step < 4; step += 1) {
    subscriber.puback(seen[step]?.packetId as number);
    seen.push(...publishes(subscriber));
  }
  expect(seen).toHaveLength(7);
  subscriber.drop();
  const again = publishes(rig.resumable('sub', { protocolVersion }));
  expect(again.map(({ packetId, payload }) => [packetId, payload])).toEqual(seen.slice(4).map(({ packetId, payload }) => [packetId, payload]));
});

test('v5 [MQTT-4.6.0-1] QoS 2 of a shared subscription among the others: sent again in the order in which it was sent', () => {
  const rig = openRig();
  const lasting = { receiveMaximum: 4 };
  const subscriber = rig.resumable('sub', { properties: lasting }).subscribe(['a', '$share/g/s'], { qos: 2 }).skip();
  const publisher = rig.client('pub');
  for (const [index, topic] of ['a', 's', 'a', 's', 's', 'a'].entries()) publisher.publish({ topic, payload: String(index), qos: 2 });
  const seen = publishes(subscriber).map(({ payload }) => payload);
  expect(seen).toHaveLength(4);
  subscriber.drop();
  expect(publishes(rig.resumable('sub', { properties: lasting })).map(({ payload }) => payload)).toEqual(seen);
});

test('a long queue comes in order and once, over many resumes that acknowledge part of it', () => {
  const rig = openRig();
  rig.resumable('sub').subscribe('a', { qos: 2 }).drop();
  const publisher = rig.client('pub');
  for (const payload of numbered(300)) publisher.publish({ topic: 'a', payload, qos: 1 });
  const seen: (string | undefined)[] = [];
  let resumes = 0;
  while (seen.length < 300 && resumes < 100) {
    const subscriber = rig.resumable('sub', { properties: { receiveMaximum: 10 } });
    const sent = publishes(subscriber);
    expect(sent).toHaveLength(Math.min(10, 300 - seen.length));
    for (const { packetId, payload } of sent.slice(0, 7)) {
      subscriber.puback(packetId as number);
      seen.push(payload);
    }
    subscriber.drop();
    resumes += 1;
  }
  expect(seen).toEqual(numbered(300));
  expect(resumes).toBe(43);
  expect(rig.stats).toMatchObject({ queuedMessages: 0, inflightMessages: 0, memoryBytes: 0 });
});

test.each(both)('a session goes on in another version of the protocol ($name first)', ({ protocolVersion }) => {
  const rig = openRig();
  const other = protocolVersion === 5 ? 4 : 5;
  rig.resumable('sub', { protocolVersion }).subscribe('a', { qos: 2 }).skip();
  const publisher = rig.client('pub');
  const properties = { contentType: 'text/plain', userProperties: [['k', 'v']] } as const;
  for (const [payload, qos] of [['1', 2], ['2', 2], ['3', 1]] as const) publisher.publish({ topic: 'a', payload, qos, properties });
  rig.resumable('sub', { protocolVersion }).pubrec(1).drop();
  const sent = rig.resumable('sub', { protocolVersion: other }).received();
  expect(short(sent)).toEqual(['pubrel 1', 'publish 2 2', 'publish 3 3']);
  expect(sent.at(-1)?.properties).toEqual(other === 5 ? properties : undefined);
});
