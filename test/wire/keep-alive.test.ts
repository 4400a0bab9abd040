/** Keep Alive: a client that sends no packet for one and a half times its interval is closed; what counts and what does not. */
import { describe, expect, test } from '@jest/globals';
import type { WireClient } from '../../src/testing/index.js';
import { openRig, publishes, Questions, short, three } from './rig.js';
import type { Rig } from './rig.js';

/** Expects that `client` is closed `ms` from now, and not a moment before. */
function expectClosesAfter(rig: Rig, client: WireClient, ms: number): void {
  rig.clock.advance(ms - 1);
  expect(client.closed).toBe(false);
  rig.clock.advance(1);
  expect(client.closed).toBe(true);
}

describe.each(three)('$name', ({ name, protocolVersion }) => {
  test.each([1, 10, 60, 65_535])('[MQTT-3.1.2-22], v3.1.1 [MQTT-3.1.2-24] %i seconds: closed after 1.5 times that', (keepalive) => {
    const rig = openRig();
    const client = rig.client('a', { protocolVersion, keepalive });
    expectClosesAfter(rig, client, keepalive * 1500);
    expect(short(client.received())).toEqual(name === 'v5' ? ['disconnect 0x8d'] : []);
  });

  test('0 turns it off', () => {
    const rig = openRig();
    const client = rig.client('a', { protocolVersion, keepalive: 0 });
    rig.clock.advance(1e10);
    expect(client.closed).toBe(false);
  });

  test('it counts from the last packet, however many there were', () => {
    const rig = openRig();
    const client = rig.client('a', { protocolVersion, keepalive: 10 });
    for (let round = 0; round < 20; round += 1) {
      rig.clock.advance(14_999);
      expect(short(client.pingreq().received())).toEqual(['pingresp']);
    }
    expectClosesAfter(rig, client, 15_000);
  });

  test.each<[string, (client: WireClient) => WireClient]>([
    ['PINGREQ', (client) => client.pingreq()],
    ['PUBLISH at QoS 0', (client) => client.publish({ topic: 't' })],
    ['PUBLISH at QoS 1', (client) => client.publish({ topic: 't', qos: 1 })],
    ['PUBLISH at QoS 2', (client) => client.publish({ topic: 't', qos: 2 })],
    ['PUBACK, even an unsolicited one', (client) => client.puback(9)],
    ['PUBREC', (client) => client.pubrec(9)],
    ['PUBREL', (client) => client.pubrel(9)],
    ['PUBCOMP', (client) => client.pubcomp(9)],
    ['SUBSCRIBE', (client) => client.subscribe('t')],
    ['UNSUBSCRIBE', (client) => client.unsubscribe('t')],
  ])('%s counts', (_, send) => {
    const rig = openRig();
    const client = rig.client('a', { protocolVersion, keepalive: 10 });
    rig.clock.advance(14_000);
    send(client);
    expectClosesAfter(rig, client, 15_000);
  });

  test('bytes of a packet that is not whole do not', () => {
    const rig = openRig();
    const client = rig.client('a', { protocolVersion, keepalive: 10 }).sendsHex('30 7f 00 01 74');
    for (let second = 0; second < 14; second += 1) {
      rig.clock.advance(1000);
      client.sendsHex('00');
    }
    expectClosesAfter(rig, client, 1000);
  });

  test('a packet counts when its last byte is here', () => {
    const rig = openRig();
    const client = rig.client('a', { protocolVersion, keepalive: 10 }).sendsHex('c0');
    rig.clock.advance(14_000);
    expect(short(client.sendsHex('00').received())).toEqual(['pingresp']);
    expectClosesAfter(rig, client, 15_000);
  });

  test('what the broker sends does not count', () => {
    const rig = openRig();
    const client = rig.subscriber('a', 't', 0, { protocolVersion, keepalive: 10 });
    const pub = rig.client('pub');
    for (let second = 0; second < 14; second += 1) {
      rig.clock.advance(1000);
      pub.publish({ topic: 't' });
    }
    expect(publishes(client)).toHaveLength(14);
    expectClosesAfter(rig, client, 1000);
  });

  test('a client that reads nothing but sends is alive', () => {
    const rig = openRig();
    const client = rig.client('a', { protocolVersion, keepalive: 10 }).pause();
    for (let round = 0; round < 5; round += 1) {
      rig.clock.advance(14_000);
      client.pingreq();
    }
    expect(client.closed).toBe(false);
  });

  test('each connection has its own interval', () => {
    const rig = openRig();
    const clients = [3, 1, 2].map((keepalive) => rig.client(`c${keepalive}`, { protocolVersion, keepalive }));
    const closed = (): boolean[] => clients.map((client) => client.closed);
    rig.clock.advance(1500);
    expect(closed()).toEqual([false, true, false]);
    rig.clock.advance(1500);
    expect(closed()).toEqual([false, true, true]);
    rig.clock.advance(1500);
    expect(closed()).toEqual([true, true, true]);
  });
});

test('v5 AUTH counts', () => {
  const rig = openRig({ authenticate: () => true });
  const client = rig.client('a', { keepalive: 10, properties: { authenticationMethod: 'm' } });
  rig.clock.advance(14_000);
  client.auth(0x19, { authenticationMethod: 'm' });
  expectClosesAfter(rig, client, 15_000);
});

describe('Server Keep Alive', () => {
  test('[MQTT-3.2.2-21] is what is timed, not what the client asked for', () => {
    const rig = openRig({ keepAliveSecondsMax: 20 });
    expectClosesAfter(rig, rig.client('a', { keepalive: 100 }), 30_000);
  });
  test('[MQTT-3.2.2-22] a shorter interval of the client stays', () => {
    const rig = openRig({ keepAliveSecondsMax: 20 });
    expectClosesAfter(rig, rig.client('a', { keepalive: 10 }), 15_000);
  });
  test('holds for a client without keep alive, also one of 3.1.1 that cannot be told', () => {
    for (const protocolVersion of [3, 4, 5] as const) {
      const rig = openRig({ keepAliveSecondsMax: 20 });
      expectClosesAfter(rig, rig.client('a', { protocolVersion, keepalive: 0 }), 30_000);
    }
  });
  test('the client object shows the one in force', () => {
    const rig = openRig({ keepAliveSecondsMax: 20 });
    rig.client('a', { keepalive: 0 });
    expect(rig.broker.clients.get('a')?.keepAliveSeconds).toBe(20);
  });
});

describe('it stands still while the broker does not read', () => {
  test('because a hook decides: afterwards the client has its whole interval again', async () => {
    const questions = new Questions('publish');
    const rig = openRig({ authorize: questions.authorize, hookTimeoutSeconds: Infinity });
    const client = rig.client('a', { keepalive: 10 }).publish({ topic: 't', qos: 1 });
    rig.clock.advance(3_600_000);
    expect(client.closed).toBe(false);
    questions.answer();
    await rig.settle();
    expect(short(client.received())).toEqual(['puback 1 0x10']);
    expectClosesAfter(rig, client, 15_000);
  });

  test('because more waits than pendingBytesMax: what the client sent meanwhile is heard then', async () => {
    const questions = new Questions('publish');
    const rig = openRig({ authorize: questions.authorize, hookTimeoutSeconds: Infinity, pendingBytesMax: 10 });
    const client = rig.client('a', { keepalive: 10 });
    for (const payload of ['1', '2']) client.publish({ topic: 't', payload: payload.repeat(100) });
    client.pingreq();
    rig.clock.advance(3_600_000);
    expect(client.closed).toBe(false);
    await questions.answerAll(rig);
    expect(short(client.received())).toEqual(['pingresp']);
    expectClosesAfter(rig, client, 15_000);
  });

  test('for want of memory', () => {
    const rig = openRig({ memoryBytesMax: 1000, pauseSecondsMax: 3600 });
    rig.resumable('sub').subscribe('t', { qos: 1 }).drop();
    const client = rig.client('a', { keepalive: 10 });
    client.publish({ topic: 't', payload: 'x'.repeat(2000), qos: 1 }).publish({ topic: 't', payload: 'held', qos: 1 }).pingreq();
    expect(short(client.received())).toEqual(['puback 1']);
    rig.clock.advance(600_000);
    expect(client.closed).toBe(false);
    // The subscriber comes back and frees memory; the publisher goes on.
    rig.resumable('sub').puback(1);
    expect(short(client.received()).toSorted()).toEqual(['pingresp', 'puback 2']); // a late store holds PUBACK alone
    expectClosesAfter(rig, client, 15_000);
  });

  test('while a subscriber’s delivery is decided, its own packets are read on, so it is timed', () => {
    const questions = new Questions('deliver');
    const rig = openRig({ authorize: questions.authorize, hookTimeoutSeconds: Infinity });
    const client = rig.subscriber('a', 't', 1, { keepalive: 10 });
    rig.client('pub').publish({ topic: 't', qos: 1 });
    expectClosesAfter(rig, client, 15_000);
  });
});

test('a client that went away leaves no timer behind', () => {
  const rig = openRig();
  rig.client('a', { keepalive: 10 }).disconnect();
  rig.clock.advance(60_000);
  expect(rig.clock.pending).toBe(0);
});
