/** Listeners and hooks that act on the broker from within its own call: nothing may come out of turn or stay behind. */
import { expect, test } from '@jest/globals';
import { openRig, short } from './rig.js';

test('v5 [MQTT-3.2.0-1] what a sessionResumed listener publishes comes after the CONNACK', () => {
  const rig = openRig();
  rig.resumable('a').subscribe('hello', { qos: 1 }).drop();
  rig.broker.on('sessionResumed', () => void rig.broker.publish('hello', 'x', { qos: 1 }));
  rig.broker.on('sessionResumed', () => void rig.broker.publish('hello', 'y'));
  const again = rig.open().connect({ clientId: 'a', clean: false, properties: { sessionExpiryInterval: 3600 } });
  expect(again.received().map(({ type, payload }) => payload ?? type)).toEqual(['connack', 'x', 'y']);
});

test.each(['client', 'sessionResumed'] as const)('v5 [MQTT-4.4.0-1] [MQTT-4.6.0-1] what a %s listener publishes comes after what is sent again, and once', (event) => {
  const rig = openRig();
  const first = rig.resumable('a').subscribe('#', { qos: 2 }).skip();
  const publisher = rig.client('pub').publish({ topic: 't', payload: 'old', qos: 1 });
  first.drop();
  publisher.publish({ topic: 't', payload: 'queued', qos: 1 });
  rig.broker.on(event, () => void rig.broker.publish('t', 'new', { qos: 1 }));
  const again = rig.resumable('a');
  expect(again.received().map(({ payload, dup }) => `${payload} ${dup}`)).toEqual(['old true', 'queued false', 'new false']);
  expect(rig.stats.inflightMessages).toBe(3);
});

test.each([
  ['kicked', 0x98],
  ['taken over', 0x8e],
  ['a protocol error', 0x82],
] as const)('v5 [MQTT-3.14.4-1] nothing follows DISCONNECT, whatever a clientDisconnected listener publishes: %s', (how, reasonCode) => {
  const rig = openRig();
  const client = rig.client('a').subscribe('gone/#', { qos: 1 }).skip();
  rig.broker.on('clientDisconnected', ({ id }) => {
    void rig.broker.publish(`gone/${id}`, '0');
    void rig.broker.publish(`gone/${id}`, '1', { qos: 1 });
  });
  if (how === 'kicked') rig.broker.clients.get('a')?.close();
  else if (how === 'taken over') rig.client('a').drop();
  else client.sendsHex('d1 00');
  rig.clock.flush();
  expect(client.received()).toMatchObject([{ type: 'disconnect', reasonCode }]);
  expect(rig.stats).toMatchObject({ inflightMessages: 0, queuedMessages: 0 });
});

test('v5 [MQTT-3.3.1-1] what a clientDisconnected listener publishes to the session that stays is not sent with DUP later', () => {
  const rig = openRig();
  const client = rig.resumable('a').subscribe('t', { qos: 1 }).skip();
  rig.broker.on('clientDisconnected', () => void rig.broker.publish('t', 'x', { qos: 1 }));
  client.drop();
  expect(rig.resumable('a').received()).toMatchObject([{ type: 'publish', payload: 'x', dup: false }]);
});

test.each(['subscribe', 'authorize'] as const)('a client that is closed from within its SUBSCRIBE leaves no subscription behind: by %s', (who) => {
  const rig = openRig({
    authorize: ({ id }, { type }) => {
      if (who === 'authorize' && type === 'subscribe') rig.broker.clients.get(id)?.close();
      return true;
    },
  });
  if (who === 'subscribe') rig.broker.on('subscribe', (_subscription, client) => client.close());
  const client = rig.client('a').subscribe(['x', 'y', '$share/g/z']);
  expect(client.closed).toBe(true);
  expect(rig.stats).toMatchObject({ sessions: 0, subscriptions: 0 });
  rig.client('b').publish({ topic: 'y', qos: 1 });
  expect(short(rig.client('c').publish({ topic: 'y', qos: 1 }).received())).toEqual(['puback 1 0x10']);
});

test('a publisher that is closed by a listener in the middle of its own fan-out leaves nothing behind', () => {
  const rig = openRig();
  rig.subscriber('sub', 't', 2);
  rig.broker.on('delivered', () => rig.broker.clients.get('pub')?.close());
  rig.subscriber('zero', 't', 0);
  const publisher = rig.resumable('pub').publish({ topic: 't', qos: 2, packetId: 7 });
  expect(publisher.closed).toBe(true);
  const again = rig.resumable('pub');
  expect(short(again.publish({ topic: 't', qos: 2, packetId: 7, dup: true }).received())).toEqual(['pubrec 7']);
  expect(short(again.pubrel(7).received())).toEqual(['pubcomp 7']);
  expect(rig.stats.publishReceived).toBe(1);
});

test('a subscriber whose session ends in the middle of a fan-out gets no queue any more', () => {
  const rig = openRig();
  rig.subscriber('first', 't', 0);
  // Its session was kept once, and ends with this connection.
  rig.resumable('second').subscribe('t', { qos: 1 }).drop();
  rig.client('second', { clean: false });
  rig.broker.once('delivered', () => rig.broker.clients.get('second')?.close());
  rig.client('pub').publish({ topic: 't', payload: '1', qos: 1 });
  expect(rig.stats).toMatchObject({ queuedMessages: 0, inflightMessages: 0, memoryBytes: 0, sessions: 2 });
  const again = rig.resumable('second').subscribe('t', { qos: 1 }).skip();
  const publisher = rig.client('pub').publish({ topic: 't', payload: '2', qos: 1 });
  expect(short(again.received())).toEqual(['publish 1 2']);
  expect(short(publisher.received())).toEqual(['puback 1']);
});

test('v5 [MQTT-3.2.2-8] a CONNECT that waits while the broker closes gets a code of CONNACK: 0x88', async () => {
  const rig = openRig({ authenticate: () => new Promise(() => undefined) });
  const client = rig.open().connect({ clientId: 'a' });
  const old = rig.open({ protocolVersion: 4 }).connect({ clientId: 'b' });
  void rig.broker.close();
  await rig.settle();
  expect(client.received()).toMatchObject([{ type: 'connack', reasonCode: 0x88 }]);
  expect(old.received()).toMatchObject([{ type: 'connack', reasonCode: 3 }]);
});
