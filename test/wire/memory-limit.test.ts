/**
 * `memoryBytesMax`, over all queues together: QoS 0 is shed; publishers that have nothing in flight towards them are
 * not read from until there is room, at most `pauseSecondsMax`; the others are refused, as their acknowledgements
 * may be what frees memory.
 */
import { expect, test } from '@jest/globals';
import type { BrokerOptions } from '../../src/index.js';
import type { WireClient } from '../../src/testing/index.js';
import { both, openRig, payloads, publishes, short, three } from './rig.js';
import type { ClientOptions, Rig } from './rig.js';

const body = 'x'.repeat(99); // with its topic 100 bytes

/** A broker whose queues are full: `away` is absent and holds 11 messages of 100 bytes, where 1000 are allowed. */
function fullRig(options: BrokerOptions = {}): Rig {
  const rig = openRig({ memoryBytesMax: 1000, ...options });
  rig.resumable('away').subscribe('a', { qos: 1 }).drop();
  fill(rig, 11);
  expect(rig.stats.memoryBytes).toBe(1100);
  return rig;
}

function fill(rig: Rig, count: number): void {
  for (let sent = 0; sent < count; sent += 1) void rig.broker.publish('a', body, { qos: 1 });
  rig.clock.flush();
}

/** Reads and acknowledges all that `away` has. */
function drainAway(rig: Rig): number {
  const client = rig.resumable('away');
  let seen = 0;
  for (let sent = publishes(client); sent.length > 0; sent = publishes(client)) {
    for (const { packetId = 0 } of sent) client.puback(packetId);
    seen += sent.length;
  }
  return seen;
}

test.each(three)('a publisher is not read from while there is no room, and goes on when there is: nothing is lost ($name)', ({ protocolVersion }) => {
  const rig = fullRig();
  const publisher = rig.client('pub', { protocolVersion });
  for (let packetId = 1; packetId <= 5; packetId += 1) publisher.publish({ topic: 'a', payload: body, qos: packetId % 2 === 0 ? 2 : 1, packetId });
  publisher.pingreq();
  expect(publisher.received()).toEqual([]);
  expect(rig.stats.memoryBytes).toBe(1100);
  expect(drainAway(rig)).toBe(16);
  const answers = short(publisher.received());
  expect(answers.filter((answer) => answer !== 'pingresp')).toEqual(['puback 1', 'pubrec 2', 'puback 3', 'pubrec 4', 'puback 5']);
  expect(answers).toHaveLength(6);
  expect(rig.stats).toMatchObject({ memoryBytes: 0, queuedMessages: 0 });
});

test('it goes on at nine tenths, not at the edge', () => {
  const rig = fullRig();
  const publisher = rig.client('pub').publish({ topic: 'a', payload: body, qos: 1 });
  const away = rig.resumable('away', { properties: { receiveMaximum: 1 } });
  const memory: number[] = [];
  while (publisher.received().length === 0 && memory.length < 20) {
    memory.push(rig.stats.memoryBytes);
    for (const { packetId = 0 } of publishes(away)) away.puback(packetId);
  }
  expect(memory.at(-1)).toBeLessThanOrEqual(1000);
  expect(memory.length).toBeGreaterThan(1);
});

test.each(both)('another publisher of QoS 0 goes on: what can be sent now is, what would be queued is shed and counted ($name)', ({ protocolVersion }) => {
  const rig = fullRig({ queueQos0: true });
  const live = rig.subscriber('live', 'a', 1);
  const publisher = rig.client('pub', { protocolVersion });
  for (let sent = 0; sent < 3; sent += 1) publisher.publish({ topic: 'a', payload: 'zero' });
  publisher.pingreq();
  expect(short(publisher.received())).toEqual(['pingresp']);
  expect(payloads(live)).toEqual(['zero', 'zero', 'zero']);
  expect(rig.dropped).toEqual(Array(3).fill('memory a away'));
  expect(rig.stats.memoryBytes).toBe(1100);
});

test('v5 a publisher with something in flight towards it is read on: its PUBLISH gets 0x97, its PUBACK counts', () => {
  const rig = openRig({ memoryBytesMax: 1000 });
  const client = rig.resumable('both', { properties: { receiveMaximum: 1 } }).subscribe('a', { qos: 1 }).skip();
  fill(rig, 12);
  expect(short(client.received())).toEqual([`publish 1 ${body}`]);
  client.publish({ topic: 'a', payload: body, qos: 1, packetId: 50 }).publish({ topic: 'a', payload: body, qos: 2, packetId: 51 });
  expect(short(client.received())).toEqual(['puback 50 0x97', 'pubrec 51 0x97']);
  expect(rig.dropped).toEqual(['quota a both', 'quota a both']);
  for (let seen = 1; seen < 5; seen += 1) expect(payloads(client.puback(1))).toEqual([body]);
  expect(short(client.publish({ topic: 'other', qos: 1, packetId: 52 }).received())).toEqual(['puback 52 0x10']);
});

test.each(three.slice(0, 2))('v3.1.1 [MQTT-4.8.0-2] 3.x with something in flight is closed: it cannot be told ($name)', ({ protocolVersion }) => {
  const rig = openRig({ memoryBytesMax: 1000, inflightMax: 1 });
  const client = rig.resumable('both', { protocolVersion }).subscribe('a', { qos: 1 }).skip();
  fill(rig, 12);
  client.skip().publish({ topic: 'a', payload: body, qos: 1, packetId: 50 });
  expect([client.received(), client.closed]).toEqual([[], true]);
});

const ends: readonly (readonly [string, (rig: Rig) => void])[] = [
  ['expires', (rig) => rig.clock.advance(3600 * 1000)],
  ['is begun anew by a clean start', (rig) => rig.client('away').disconnect()],
];

test.each(ends)('room that is made when a session %s lets the publisher go on at once', (_how, end) => {
  const rig = fullRig({ pauseSecondsMax: 86_400 });
  const publisher = rig.client('pub').publish({ topic: 'a', payload: body, qos: 1 });
  expect(publisher.received()).toEqual([]);
  end(rig);
  rig.clock.flush();
  expect(short(publisher.received())).toEqual(['puback 1 0x10']);
});

test('room that is made when a subscriber with a full queue goes away does too', () => {
  const rig = openRig({ memoryBytesMax: 1000 });
  const slow = rig.subscriber('slow', 'a', 1, { properties: { receiveMaximum: 1 } });
  fill(rig, 13);
  const publisher = rig.client('pub').publish({ topic: 'a', payload: body, qos: 1 });
  expect(publisher.received()).toEqual([]);
  slow.drop();
  expect(short(publisher.received())).toEqual(['puback 1 0x10']);
});

test('so does room that an in-process client makes', async () => {
  const rig = openRig({ memoryBytesMax: 1000 });
  const local = await rig.broker.connect({ clientId: 'local', receiveMaximum: 1 });
  await local.subscribe('a', { qos: 1 });
  fill(rig, 13);
  const publisher = rig.client('pub').publish({ topic: 'a', payload: body, qos: 1 });
  expect(publisher.received()).toEqual([]);
  const messages = local[Symbol.asyncIterator]();
  for (let taken = 0; taken < 6; taken += 1) {
    expect((await messages.next()).value?.text()).toBe(body);
    await rig.settle();
  }
  expect(short(publisher.received())).toEqual(['puback 1']);
  await local.disconnect();
});

test.each(three)('no pause lasts longer than pauseSecondsMax: 5.0 gets 0x97, all are closed ($name)', ({ protocolVersion }) => {
  const rig = fullRig();
  const publisher = rig.client('pub', { protocolVersion }).publish({ topic: 'a', payload: body, qos: 1 });
  rig.clock.advance(29_999);
  expect(publisher.closed).toBe(false);
  rig.clock.advance(1);
  if (protocolVersion === 5) expect(publisher.received()).toMatchObject([{ type: 'disconnect', reasonCode: 0x97 }]);
  else expect(publisher.received()).toEqual([]);
  expect(publisher.closed).toBe(true);
  expect(drainAway(rig)).toBe(11); // what was never acknowledged was never taken
});

test('pauseSecondsMax counts each pause for itself', () => {
  const rig = fullRig({ pauseSecondsMax: 10 });
  const publisher = rig.client('pub');
  for (let round = 1; round <= 3; round += 1) {
    publisher.publish({ topic: 'a', payload: body, qos: 1, packetId: round });
    rig.clock.advance(9000);
    drainAway(rig);
    expect(short(publisher.received())).toEqual([`puback ${round}`]);
    rig.resumable('away').drop();
    fill(rig, 11);
  }
  expect(publisher.closed).toBe(false);
});

test.each(both)('v5 [MQTT-3.1.2-22] Keep Alive stands still while the broker does not read ($name)', ({ protocolVersion }) => {
  const rig = fullRig();
  const options: ClientOptions = { protocolVersion, keepalive: 4 };
  const publisher: WireClient = rig.client('pub', options).publish({ topic: 'a', payload: body, qos: 1 });
  rig.clock.advance(20_000);
  expect(publisher.closed).toBe(false);
  drainAway(rig);
  expect(short(publisher.received())).toEqual(['puback 1']);
  rig.clock.advance(5999);
  expect(publisher.closed).toBe(false);
  rig.clock.advance(1);
  expect(publisher.closed).toBe(true);
});

test('a publisher that goes away while it waits has published nothing', () => {
  const rig = fullRig();
  rig.client('pub').publish({ topic: 'a', payload: 'never', qos: 1 }).drop();
  expect(rig.stats).toMatchObject({ connections: 0, clients: 0 });
  expect(drainAway(rig)).toBe(11);
});

test('several publishers that wait all go on', () => {
  const rig = fullRig();
  const publishers = ['1', '2', '3', '4'].map((id) => rig.client(id).publish({ topic: 'b', payload: body, qos: 1 }));
  expect(publishers.map((client) => client.received().length)).toEqual([0, 0, 0, 0]);
  drainAway(rig);
  expect(publishers.map((client) => short(client.received()))).toEqual(Array(4).fill(['puback 1 0x10']));
});

test('one message in many queues counts once', () => {
  const rig = openRig({ memoryBytesMax: 1000 });
  for (const id of ['1', '2', '3', '4', '5']) rig.resumable(id).subscribe('a', { qos: 1 }).drop();
  fill(rig, 5);
  expect(rig.stats).toMatchObject({ memoryBytes: 500, queuedMessages: 25, queuedBytes: 2500 });
});
