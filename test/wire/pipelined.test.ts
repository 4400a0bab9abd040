/**
 * X5-3.1.4-2: what a client sends behind its CONNECT without waiting for CONNACK. It waits for the hooks, keeps its
 * order, is thrown away when the CONNECT is refused, and is bounded.
 */
import { describe, expect, test } from '@jest/globals';
import type { AuthenticateAnswer, AuthenticateRequest, BrokerOptions } from '../../src/index.js';
import { Asked } from './asked.js';
import { both, openRig, payloads, publishes, Questions, short, three } from './rig.js';
import type { Rig } from './rig.js';

interface Waiting {
  readonly rig: Rig;
  readonly asked: Asked<AuthenticateRequest, AuthenticateAnswer>;
}

/** A broker that is asked about every client but those named `ok…`. */
function waiting(options: BrokerOptions = {}): Waiting {
  const asked = new Asked<AuthenticateRequest, AuthenticateAnswer>(() => rig);
  const rig: Rig = openRig({ authenticate: (request) => request.clientId.startsWith('ok') || asked.ask(request), ...options });
  return { rig, asked };
}

describe.each(three)('$name', ({ protocolVersion }) => {
  test('with synchronous hooks everything is answered in one turn, in order', () => {
    const rig = openRig();
    const client = rig.open({ protocolVersion }).connect({ clientId: 'a' });
    client.subscribe('t', { qos: 1 }).publish({ topic: 't', payload: 'x', qos: 1, packetId: 7 }).pingreq();
    expect(short(client.received())).toEqual(['connack', 'suback 1 0x01', 'puback 7', 'publish 1 x', 'pingresp']);
  });

  test('nothing is handled before authenticate has answered, and then all of it in order', async () => {
    const { rig, asked } = waiting();
    const watcher = rig.subscriber('ok', 't', 2);
    const client = rig.open({ protocolVersion }).connect({ clientId: 'a' });
    client.subscribe('t', { qos: 1 }).publish({ topic: 't', payload: '1', qos: 2, packetId: 7 });
    client.pubrel(7).publish({ topic: 't', payload: '2', qos: 1, packetId: 8 }).publish({ topic: 't', payload: '3' });
    client.unsubscribe('t', { packetId: 9 }).pingreq();
    await rig.settle();
    expect(client.received()).toEqual([]);
    expect(watcher.received()).toEqual([]);
    await asked.answer(true);
    const seen = short(client.received());
    expect(seen[0]).toBe('connack');
    expect(seen.filter((line) => !line.startsWith('publish'))).toEqual(
      protocolVersion === 5
        ? ['connack', 'suback 1 0x01', 'pubrec 7', 'pubcomp 7', 'puback 8', 'unsuback 9 0x00', 'pingresp']
        : ['connack', 'suback 1 0x01', 'pubrec 7', 'pubcomp 7', 'puback 8', 'unsuback 9', 'pingresp'],
    );
    expect(payloads(watcher)).toEqual(['1', '2', '3']);
  });

  test('a refusal throws it away: v5 [MQTT-3.1.4-6], v3.1.1 [MQTT-3.1.4-5]', async () => {
    const { rig, asked } = waiting();
    const watcher = rig.subscriber('ok', '#', 2);
    const client = rig.open({ protocolVersion }).connect({ clientId: 'a', will: { topic: 'w', payload: 'will' } });
    client.publish({ topic: 't', payload: 'x', qos: 1 }).publish({ topic: 't', payload: 'kept', retain: true }).subscribe('t');
    await asked.answer(false);
    expect(client.received()).toMatchObject([{ type: 'connack', reasonCode: protocolVersion === 5 ? 0x87 : 5 }]);
    expect(client.closed).toBe(true);
    expect(watcher.received()).toEqual([]);
    expect(rig.stats).toMatchObject({ retainedMessages: 0, publishReceived: 0, subscriptions: 1, sessions: 1 });
  });

  test('what comes while the refusal is on its way is thrown away too', async () => {
    const { rig, asked } = waiting();
    const watcher = rig.subscriber('ok', '#', 2);
    const client = rig.open({ protocolVersion, halfOpen: true }).connect({ clientId: 'a' });
    await asked.answer(false);
    client.publish({ topic: 't', payload: 'x', qos: 1 }).connect({ clientId: 'a' });
    expect(client.received()).toHaveLength(1);
    expect(watcher.received()).toEqual([]);
  });

  test('DISCONNECT behind CONNECT: the client was there, and its will is not published', async () => {
    const { rig, asked } = waiting();
    const client = rig.open({ protocolVersion }).connect({ clientId: 'a', will: { topic: 'w', payload: 'x' } });
    client.publish({ topic: 't', payload: 'x', retain: true }).disconnect();
    await asked.answer(true);
    expect(client.received()).toMatchObject([{ type: 'connack', reasonCode: 0 }]);
    expect(client.closed).toBe(true);
    expect(rig.stats).toMatchObject({ connectsAccepted: 1, willsPublished: 0, retainedMessages: 1, clients: 0 });
  });

  test('whatever the chunks are, the answers are the same', async () => {
    let cuts = 0;
    for (const bytes of [1, 2, 3, 5, 7, 11, 1000]) {
      const { rig, asked } = waiting();
      const client = rig.open({ protocolVersion }).cutInto(bytes).connect({ clientId: 'a' });
      client.subscribe('t').publish({ topic: 't', payload: 'x', qos: 1, packetId: 7 }).pingreq();
      await asked.answer(true);
      expect(short(client.received())).toEqual(['connack', 'suback 1 0x00', 'puback 7', 'publish x', 'pingresp']);
      cuts += 1;
    }
    expect(cuts).toBe(7);
  });
});

test.each(both)('$name a malformed packet behind CONNECT is answered only after CONNACK: v5 [MQTT-3.14.0-1]', async ({ protocolVersion }) => {
  const { rig, asked } = waiting();
  const client = rig.open({ protocolVersion }).connect({ clientId: 'a' }).sendsHex('36 02 00 00');
  await rig.settle();
  expect(client.receivedHex()).toBe('');
  expect(client.closed).toBe(false);
  await asked.answer(true);
  const types = client.received().map(({ type, reasonCode }) => `${type} ${reasonCode?.toString(16)}`);
  expect(types).toEqual(protocolVersion === 5 ? ['connack 0', 'disconnect 81'] : ['connack 0']);
  expect(client.closed).toBe(true);
});

test('the authorize hook of the will holds what follows as well', async () => {
  const wills = new Questions('will');
  const rig = openRig({ authorize: wills.authorize });
  const watcher = rig.subscriber('watcher', '#', 0);
  const client = rig.open().connect({ clientId: 'a', will: { topic: 'w', payload: 'x' } }).publish({ topic: 't', payload: '1' });
  await rig.settle();
  expect(client.received()).toEqual([]);
  wills.answer(true);
  await rig.settle();
  expect(client.received()).toMatchObject([{ type: 'connack', reasonCode: 0 }]);
  expect(payloads(watcher)).toEqual(['1']);
  // And a refusal throws it away.
  const other = rig.open().connect({ clientId: 'b', will: { topic: 'w', payload: 'x' } }).publish({ topic: 't', payload: '2' });
  wills.answer(false);
  await rig.settle();
  expect(other.received()).toMatchObject([{ type: 'connack', reasonCode: 0x87 }]);
  expect(publishes(watcher)).toEqual([]);
  client.disconnect();
});

test('a slow publish hook keeps the order of everything behind CONNECT', async () => {
  const questions = new Questions('publish');
  const rig = openRig({ authorize: questions.authorize });
  const watcher = rig.subscriber('watcher', '#', 1);
  const client = rig.open().connect({ clientId: 'a' });
  for (const packetId of [1, 2, 3]) client.publish({ topic: 't', payload: String(packetId), qos: 1, packetId });
  client.pingreq();
  await rig.settle();
  expect(short(client.received())).toEqual(['connack']);
  expect(questions.open).toHaveLength(1);
  await questions.answerAll(rig);
  expect(short(client.received())).toEqual(['puback 1', 'puback 2', 'puback 3', 'pingresp']);
  expect(payloads(watcher)).toEqual(['1', '2', '3']);
});

describe('pendingBytesMax', () => {
  test('above it the socket is paused; when the hook has answered everything is read', async () => {
    const { rig, asked } = waiting({ pendingBytesMax: 1000 });
    const client = rig.open().connect({ clientId: 'a' });
    const received = (): number => rig.stats.bytesReceived;
    const before = received();
    for (let index = 0; index < 50; index += 1) client.publish({ topic: 't', payload: 'x'.repeat(100), qos: 1 });
    await rig.settle();
    const held = received() - before;
    expect(held).toBeGreaterThan(1000);
    expect(held).toBeLessThan(1000 + 2 * 110); // one more packet than fits, then silence
    await asked.answer(true);
    expect(client.received().map(({ type }) => type)).toEqual(['connack', ...Array.from({ length: 50 }, () => 'puback')]);
  });
  test('up to it the socket is read on, so that a peer that goes away is seen', async () => {
    const { rig, asked } = waiting({ pendingBytesMax: 1000 });
    const client = rig.open().connect({ clientId: 'a' }).publish({ topic: 't', payload: 'x'.repeat(900), qos: 1 });
    const signal = asked.questions[0]?.signal;
    client.drop();
    expect(signal?.aborted).toBe(true);
    await asked.answer(true);
    expect(rig.stats).toMatchObject({ sessions: 0, publishReceived: 0 });
  });
  test('a peer that goes away while paused leaves nothing behind either', async () => {
    const { rig, asked } = waiting({ pendingBytesMax: 100 });
    const client = rig.open().connect({ clientId: 'a' }).publish({ topic: 't', payload: 'x'.repeat(200), qos: 1 });
    client.drop();
    await asked.answer(true);
    expect(rig.stats).toMatchObject({ sessions: 0, publishReceived: 0, connections: 0 });
  });
  test('one packet larger than it still gets through', async () => {
    const { rig, asked } = waiting({ pendingBytesMax: 100 });
    const client = rig.open().cutInto(64).connect({ clientId: 'a' }).publish({ topic: 't', payload: 'x'.repeat(5000), qos: 1 });
    await asked.answer(true);
    expect(short(client.received())).toEqual(['connack', 'puback 1 0x10']);
  });
  test('while it is paused the connect timeout stands still: not the peer is late', async () => {
    const { rig, asked } = waiting({ pendingBytesMax: 100, connectTimeoutSeconds: 1, hookTimeoutSeconds: Infinity });
    const client = rig.open().connect({ clientId: 'a' }).publish({ topic: 't', payload: 'x'.repeat(200), qos: 1 });
    rig.clock.advance(60_000);
    expect(client.closed).toBe(false);
    await asked.answer(true);
    expect(client.received()).toHaveLength(2);
  });
});
