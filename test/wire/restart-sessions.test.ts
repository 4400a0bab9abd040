/** Sessions across brokers on one store: subscriptions, queues, owners, expiry deadlines; after a close and after a crash. */
import { describe, expect, test } from '@jest/globals';
import { House, waysDown } from './house.js';
import { both, payloads, publishes, short } from './rig.js';
import type { Rig } from './rig.js';

/** A session of 60 seconds. */
const minute = { clean: false, properties: { sessionExpiryInterval: 60 } };
const present = (rig: Rig, clientId: string, connect: object = minute): boolean | undefined => {
  const client = rig.open().connect({ clientId, ...connect });
  const [connack] = client.received();
  expect(connack).toMatchObject({ type: 'connack', reasonCode: 0 });
  client.disconnect();
  return connack?.sessionPresent;
};

describe.each(waysDown)('after a %s', (down) => {
  describe.each(both)('$name', ({ protocolVersion }) => {
    test('[MQTT-3.2.2-3], v3.1.1 [MQTT-3.2.2-2] a session that was connected is there again', async () => {
      const house = new House();
      house.rig.resumable('a', { protocolVersion });
      const rig = await house[down]();
      const client = rig.open({ protocolVersion }).connect({ clientId: 'a', clean: false });
      expect(client.received()).toMatchObject([{ type: 'connack', reasonCode: 0, sessionPresent: true }]);
      client.disconnect();
    });
    test('and one that was not, with its subscriptions and its queue in order', async () => {
      const house = new House();
      house.rig.resumable('a', { protocolVersion }).subscribe([{ topic: 'x', qos: 1 }, { topic: 'y/#', qos: 2 }]).disconnect();
      const pub = house.rig.client('pub');
      for (const [topic, qos] of [['x', 1], ['y/1', 2], ['z', 2], ['y', 1], ['x', 2]] as const) pub.publish({ topic, payload: topic, qos });
      const rig = await house[down]();
      expect(rig.stats).toMatchObject({ sessions: 1, subscriptions: 2, queuedMessages: 4 });
      rig.client('pub').publish({ topic: 'x', payload: 'later', qos: 1 });
      const received = publishes(rig.resumable('a', { protocolVersion }));
      const atQos = (wanted: number) => received.filter(({ qos }) => qos === wanted).map(({ payload }) => payload);
      expect(atQos(1)).toEqual(['x', 'y', 'x', 'later']);
      expect(atQos(2)).toEqual(['y/1']);
      expect(received.every(({ dup }) => dup === false)).toBe(true);
    });
  });

  test('a session that ends with its connection is not there, nor what it subscribed to', async () => {
    const house = new House();
    house.rig.subscriber('a', 't', 1);
    house.rig.subscriber('b', 't', 1, { protocolVersion: 4 });
    const rig = await house[down]();
    expect(rig.stats).toMatchObject({ sessions: 0, subscriptions: 0 });
    expect(present(rig, 'a')).toBe(false);
  });
  test('v5 subscription options and identifiers', async () => {
    const house = new House();
    const a = house.rig.resumable('a');
    a.subscribe([{ topic: 'x', qos: 1, nl: true, rap: true }], { properties: { subscriptionIdentifier: 7 } });
    a.subscribe([{ topic: '+', qos: 2 }], { properties: { subscriptionIdentifier: 300 } });
    const rig = await house[down]();
    rig.client('pub').publish({ topic: 'x', payload: 'p', qos: 2, retain: true });
    expect(publishes(rig.resumable('a'))).toMatchObject([{ qos: 2, retain: true, properties: { subscriptionIdentifier: [7, 300] } }]);
  });
  test('what was unsubscribed, replaced or cleaned is not back', async () => {
    const house = new House();
    house.rig.resumable('a').subscribe(['gone', 'kept'], { qos: 2 }).unsubscribe('gone').subscribe('kept', { qos: 1 }).disconnect();
    house.rig.resumable('b').subscribe('kept', { qos: 1 }).disconnect();
    house.rig.client('b', { clean: true }).disconnect();
    const rig = await house[down]();
    expect(rig.stats).toMatchObject({ sessions: 1, subscriptions: 1 });
    rig.client('pub').publish({ topic: 'gone', payload: 'x', qos: 2 }).publish({ topic: 'kept', payload: 'y', qos: 2 });
    expect(publishes(rig.resumable('a'))).toMatchObject([{ payload: 'y', qos: 1 }]);
  });
  test('v5 Retain Handling 1 knows that the subscription existed', async () => {
    const house = new House();
    house.rig.client('pub').publish({ topic: 't', payload: 'kept', retain: true });
    house.rig.resumable('a').subscribe([{ topic: 't', rh: 1 }]);
    const rig = await house[down]();
    expect(publishes(rig.resumable('a').subscribe([{ topic: 't', rh: 1 }]))).toEqual([]);
  });
  test('the owner: another principal is refused, the same one is not', async () => {
    const house = new House({ authenticate: () => true });
    house.rig.resumable('a', { username: 'p' }).disconnect();
    house.rig.resumable('b').disconnect();
    const rig = await house[down]();
    expect(short(rig.open().connect({ clientId: 'a', username: 'q', ...minute }).received())).toEqual(['connack 0x87']);
    expect(short(rig.open().connect({ clientId: 'b', username: 'q', ...minute }).received())).toEqual(['connack 0x87']);
    expect(present(rig, 'a', { ...minute, username: 'p' })).toBe(true);
    expect(present(rig, 'b')).toBe(true);
  });
  test('the owner is the one who took it over last', async () => {
    const house = new House({ authenticate: () => true, takeover: (client) => client.principal === 'q' });
    house.rig.resumable('a', { username: 'p' });
    house.rig.resumable('a', { username: 'q' }).disconnect();
    const rig = await house[down]();
    expect(short(rig.open().connect({ clientId: 'a', username: 'p', ...minute }).received())).toEqual(['connack 0x87']);
    expect(present(rig, 'a', { ...minute, username: 'q' })).toBe(true);
  });
  test('[MQTT-3.2.2-16] an identifier that was assigned before is not assigned again', async () => {
    const house = new House({ seed: 3 });
    const first = house.rig.open().connect({ properties: { sessionExpiryInterval: 60 } }).received()[0]?.properties?.assignedClientIdentifier;
    const rig = await house[down]();
    const second = rig.open().connect().received()[0]?.properties?.assignedClientIdentifier;
    expect(second).not.toBe(first);
  });
  test('a shared group’s queue', async () => {
    const house = new House();
    house.rig.resumable('a').subscribe('$share/g/t', { qos: 1 }).disconnect();
    const pub = house.rig.client('pub');
    for (const payload of ['1', '2', '3']) pub.publish({ topic: 't', payload, qos: 1 });
    const rig = await house[down]();
    expect(payloads(rig.resumable('a'))).toEqual(['1', '2', '3']);
  });
  test('limits go on counting: queueMessagesMax over both brokers', async () => {
    const house = new House({ queueMessagesMax: 3 });
    house.rig.resumable('a').subscribe('t', { qos: 1 }).disconnect();
    house.rig.client('pub').publish({ topic: 't', payload: '1', qos: 1 }).publish({ topic: 't', payload: '2', qos: 1 });
    const rig = await house[down]();
    const pub = rig.client('pub');
    for (const payload of ['3', '4']) pub.publish({ topic: 't', payload, qos: 1 });
    expect(rig.dropped).toEqual(['queueFull t a']);
    expect(payloads(rig.resumable('a'))).toEqual(['1', '2', '3']);
  });
  test('a third broker finds what the second one added and what it left', async () => {
    const house = new House();
    house.rig.resumable('a').subscribe('t', { qos: 1 }).disconnect();
    house.rig.client('pub').publish({ topic: 't', payload: '1', qos: 1 }).publish({ topic: 't', payload: '2', qos: 1 });
    const second = await house[down]();
    const a = second.resumable('a').puback(1);
    second.client('pub').publish({ topic: 't', payload: '3', qos: 1 });
    a.puback(3).subscribe('u', { qos: 1 });
    const third = await house[down]();
    third.client('pub').publish({ topic: 'u', payload: '4', qos: 1 });
    expect(publishes(third.resumable('a')).map(({ payload, packetId, dup }) => [payload, packetId, dup])).toEqual([
      ['2', 2, true],
      ['4', 3, false],
    ]);
  });
});

describe('expiry deadlines', () => {
  test.each(waysDown)('after a %s the time down counts for a session that was closed', async (down) => {
    const house = new House();
    house.rig.client('a', minute).disconnect();
    house.rig.clock.advance(20_000);
    const rig = await house[down](25);
    rig.clock.advance(14_999);
    expect(rig.stats.sessions).toBe(1);
    rig.clock.advance(1);
    expect(rig.stats).toMatchObject({ sessions: 0, sessionsExpired: 1 });
  });
  test.each(waysDown)('after a %s a session whose time ran out meanwhile is gone, with what it had', async (down) => {
    const house = new House();
    house.rig.client('a', minute).subscribe('t', { qos: 1 }).disconnect();
    house.rig.client('pub').publish({ topic: 't', qos: 1 });
    const rig = await house[down](60);
    rig.clock.advance(0);
    expect(rig.stats).toMatchObject({ sessions: 0, subscriptions: 0, queuedMessages: 0 });
    expect(present(rig, 'a')).toBe(false);
  });
  test('a close counts as the end of the connections it closes', async () => {
    const house = new House();
    house.rig.client('a', minute);
    house.rig.clock.advance(3_600_000);
    const rig = await house.restart(59);
    expect(rig.stats.sessions).toBe(1);
    rig.clock.advance(1000);
    expect(rig.stats.sessions).toBe(0);
  });
  test('after a crash sessions that were connected count as closed when the store opens', async () => {
    const house = new House();
    house.rig.client('a', minute);
    const rig = await house.crash(3600);
    rig.clock.advance(59_999);
    expect(rig.stats.sessions).toBe(1);
    rig.clock.advance(1);
    expect(rig.stats.sessions).toBe(0);
  });
  test.each(waysDown)('after a %s what DISCONNECT asked for is in force', async (down) => {
    const house = new House();
    house.rig.client('a', minute).disconnect(0, { sessionExpiryInterval: 7200 });
    house.rig.client('b', minute).disconnect(0, { sessionExpiryInterval: 5 });
    house.rig.client('c', minute).disconnect(0, { sessionExpiryInterval: 0 });
    const rig = await house[down](10);
    rig.clock.advance(0);
    expect(rig.stats.sessions).toBe(1);
    rig.clock.advance(7_189_999);
    expect(rig.stats.sessions).toBe(1);
    rig.clock.advance(1);
    expect(rig.stats.sessions).toBe(0);
  });
  test.each(waysDown)('after a %s never is never, and far is far', async (down) => {
    const house = new House();
    house.rig.client('never', { properties: { sessionExpiryInterval: 0xffff_ffff } }).disconnect();
    house.rig.client('far', { properties: { sessionExpiryInterval: 3_000_000 } }).disconnect();
    const rig = await house[down](1_000_000);
    rig.clock.advance(1_999_999_999);
    expect(rig.stats.sessions).toBe(2);
    rig.clock.advance(1);
    expect(rig.stats.sessions).toBe(1);
  });
  test('the countdown starts anew with each connection, also in the next broker', async () => {
    const house = new House();
    house.rig.client('a', minute).disconnect();
    const rig = await house.restart(50);
    rig.client('a', minute).disconnect();
    rig.clock.advance(59_999);
    expect(rig.stats.sessions).toBe(1);
  });
});
