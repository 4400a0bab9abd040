/** A store that fails to write or to read: nothing that was not stored is acknowledged, and the host is told. */
import { describe, expect, test } from '@jest/globals';
import { BrokerError } from '../../src/index.js';
import { failureOf } from '../support/broker.js';
import { commitMs, lateBroker, type LateBroker } from '../support/late-broker.js';

const persistent = { clean: false, properties: { sessionExpiryInterval: 100 } };

interface Heard {
  readonly errors: string[];
  readonly states: string[];
}

function failingBroker(): LateBroker & Heard {
  const late = lateBroker();
  const heard: Heard = { errors: [], states: [] };
  late.broker.on('error', (error) => heard.errors.push(error instanceof BrokerError ? error.code : String(error)));
  late.broker.on('storageState', (state, error) => heard.states.push(`${state} ${error?.code ?? ''}`.trim()));
  return { ...late, ...heard };
}

/** A client whose session is kept, connected and subscribed to `t` at QoS 2. */
function member(late: LateBroker, clientId: string): ReturnType<LateBroker['client']> {
  const client = late.client().connect({ clientId, ...persistent });
  late.commit();
  client.subscribe('t', { qos: 2 });
  late.commit();
  return client.skip();
}

describe('a commit that fails', () => {
  test.each([1, 2] as const)('5.0: a QoS %i PUBLISH is not acknowledged; DISCONNECT 0x83, close, error', (qos) => {
    const late = failingBroker();
    member(late, 'sub').disconnect();
    late.commit();
    const pub = late.client().connected({ clientId: 'pub' });
    late.storage.failNext();
    pub.publish({ topic: 't', qos });
    late.commit();
    expect(pub.received()).toMatchObject([{ type: 'disconnect', reasonCode: 0x83 }]);
    expect(pub.closed).toBe(true);
    expect(late.errors).toEqual(['ODN_ERR_STORAGE_WRITE']);
    expect(late.states).toEqual(['failed ODN_ERR_STORAGE_WRITE']);
  });

  test.each([1, 2] as const)('v3.1.1 [MQTT-4.8.0-2] a QoS %i PUBLISH is not acknowledged and the connection closed', (qos) => {
    const late = failingBroker();
    member(late, 'sub').disconnect();
    late.commit();
    const pub = late.client({ protocolVersion: 4 }).connected({ clientId: 'pub' });
    late.storage.failNext();
    pub.publish({ topic: 't', qos });
    late.commit();
    expect(pub.received()).toEqual([]);
    expect(pub.closed).toBe(true);
  });

  test('closes whose packets were in it and nobody else', () => {
    const late = failingBroker();
    const sub = member(late, 'sub');
    const pub = late.client().connected({ clientId: 'pub' });
    const later = late.client().connected({ clientId: 'later' });
    const quiet = late.client().connected({ clientId: 'quiet' });
    late.storage.failNext();
    pub.publish({ topic: 't', payload: 'a', qos: 1 });
    late.clock.advance(commitMs / 2);
    later.publish({ topic: 't', payload: 'b', qos: 1 });
    quiet.publish({ topic: 't', payload: 'c' });
    late.commit();
    expect(pub.closed).toBe(true);
    expect(later.received()).toMatchObject([{ type: 'puback', packetId: 1, reasonCode: 0 }]);
    expect([later.closed, quiet.closed, sub.closed]).toEqual([false, false, false]);
    expect(sub.received().map(({ payload }) => payload)).toEqual(['a', 'b', 'c']);
  });

  test('when the store works again it is told, and publishing goes on', () => {
    const late = failingBroker();
    member(late, 'sub').disconnect();
    late.commit();
    late.storage.failNext();
    late.client().connected({ clientId: 'pub' }).publish({ topic: 't', qos: 1 });
    late.commit();
    const again = late.client().connected({ clientId: 'pub' }).publish({ topic: 't', qos: 1, packetId: 9 });
    late.commit();
    expect(again.received()).toMatchObject([{ type: 'puback', packetId: 9 }]);
    expect(late.states).toEqual(['failed ODN_ERR_STORAGE_WRITE', 'ok']);
  });

  test.each(['subscribe', 'unsubscribe'] as const)('%s is not acknowledged', (request) => {
    const late = failingBroker();
    const client = member(late, 'a');
    late.storage.failNext();
    client[request]('t');
    late.commit();
    expect(client.received()).toMatchObject([{ type: 'disconnect', reasonCode: 0x83 }]);
  });

  test('a QoS 2 message whose packet identifier was not stored is not sent', () => {
    const late = failingBroker();
    const sub = member(late, 'sub');
    late.storage.failNext();
    late.client().connected({ clientId: 'pub' }).publish({ topic: 't', qos: 2 });
    late.commit();
    expect(sub.received()).toMatchObject([{ type: 'disconnect', reasonCode: 0x83 }]);
  });

  test.each([
    ['5.0', 5, 0x88],
    ['3.1.1', 4, 3],
  ] as const)('%s: CONNECT of a session that is kept is refused as Server unavailable, and leaves nothing', (_, protocolVersion, reasonCode) => {
    const late = failingBroker();
    const ended: string[] = [];
    late.broker.on('sessionEnded', (clientId) => ended.push(clientId));
    late.storage.failNext();
    const client = late.client({ protocolVersion }).connect({ clientId: 'a', ...persistent, will: { topic: 'w' } });
    late.commit();
    expect(client.received()).toMatchObject([{ type: 'connack', reasonCode, sessionPresent: false }]);
    expect(client.closed).toBe(true);
    expect(late.broker.stats()).toMatchObject({ sessions: 0, clients: 0, connections: 0, willsPublished: 0, connectsRefused: 1 });
    expect(ended).toEqual([]);
    expect(late.errors).toEqual(['ODN_ERR_STORAGE_WRITE']);
  });

  test('a resume that fails leaves the session as it was: in flight, queue, will and expiry', () => {
    const late = failingBroker();
    const will = { topic: 'w', payload: 'bye', properties: { willDelayInterval: 50 } };
    const first = late.client().connect({ clientId: 'a', ...persistent, will });
    late.commit();
    first.subscribe('t', { qos: 1 });
    const pub = late.client().connected({ clientId: 'pub' });
    pub.publish({ topic: 't', payload: '1', qos: 1 });
    late.commit();
    first.drop();
    pub.publish({ topic: 't', payload: '2', qos: 1 });
    late.commit();
    for (let attempt = 0; attempt < 3; attempt += 1) {
      late.storage.failNext();
      const refused = late.client().connect({ clientId: 'a', ...persistent });
      late.commit();
      late.commit();
      expect(refused.received()).toMatchObject([{ type: 'connack', reasonCode: 0x88 }]);
    }
    expect(late.broker.stats()).toMatchObject({ sessions: 2, inflightMessages: 0, willsPublished: 0 });
    late.clock.advance(50_000);
    expect(late.broker.stats()).toMatchObject({ sessions: 2, willsPublished: 1 });
    const again = late.client().connect({ clientId: 'a', ...persistent });
    late.commit();
    expect(again.received()).toMatchObject([
      { type: 'connack', sessionPresent: true },
      { type: 'publish', payload: '1', dup: true, packetId: 1 },
      { type: 'publish', payload: '2', dup: false, packetId: 2 },
    ]);
    again.drop();
    late.clock.advance(100_000);
    expect(late.broker.stats()).toMatchObject({ sessions: 1, sessionsExpired: 1 });
  });

  test('a session that cannot be resumed for a failed commit expires all the same', () => {
    const late = failingBroker();
    member(late, 'a').drop();
    late.commit();
    late.storage.failNext();
    late.client().connect({ clientId: 'a', ...persistent });
    late.clock.advance(100_000);
    expect(late.broker.stats()).toMatchObject({ sessions: 0, sessionsExpired: 1, subscriptions: 0 });
  });

  test('broker.publish and the calls of an in-process client reject', async () => {
    const late = failingBroker();
    member(late, 'sub').disconnect();
    late.commit();
    const connecting = late.broker.connect({ clientId: 'local', sessionExpirySeconds: 100 });
    await late.clock.settle();
    late.commit();
    const local = await connecting;
    for (const call of [
      () => late.broker.publish('t', 'x', { qos: 1 }),
      () => late.broker.publish('r', 'x', { qos: 1, retain: true }),
      () => late.broker.retained.delete('r'),
      () => local.publish('t', 'x', { qos: 2 }),
      () => local.subscribe('u'),
      () => local.unsubscribe('u'),
    ]) {
      late.storage.failNext();
      const failure = failureOf(call());
      await late.clock.settle();
      late.commit();
      expect(await failure).toMatchObject({ code: 'ODN_ERR_STORAGE_WRITE' });
    }
    expect(late.errors).toHaveLength(6);
  });

  test('an in-process client whose message could not be sent is disconnected with 0x83', async () => {
    const late = failingBroker();
    const connecting = late.broker.connect({ clientId: 'local', sessionExpirySeconds: 100 });
    await late.clock.settle();
    late.commit();
    const local = await connecting;
    const subscribing = local.subscribe('t', { qos: 2 });
    await late.clock.settle();
    late.commit();
    await subscribing;
    const failure = failureOf(local[Symbol.asyncIterator]().next());
    late.storage.failNext();
    void late.broker.publish('t', 'x', { qos: 2 }).catch(() => undefined);
    await late.clock.settle();
    late.commit();
    expect(await failure).toMatchObject({ code: 'ODN_ERR_REFUSED' });
    expect(local.connected).toBe(false);
  });
});

describe('a read that fails', () => {
  test('of the session on resume: 0x88, and the session stays', () => {
    const late = failingBroker();
    member(late, 'a').disconnect();
    late.commit();
    late.storage.failNextLoad();
    const refused = late.client().connect({ clientId: 'a', ...persistent });
    late.commit();
    expect(refused.received()).toMatchObject([{ type: 'connack', reasonCode: 0x88 }]);
    const again = late.client().connect({ clientId: 'a', ...persistent });
    late.commit();
    expect(again.received()).toMatchObject([{ type: 'connack', sessionPresent: true }]);
    expect(late.errors).toEqual(['ODN_ERR_STORAGE_READ']);
  });

  test('of a queue: the client is disconnected with 0x83, and gets its messages at the next connection', () => {
    const late = failingBroker();
    const properties = { sessionExpiryInterval: 100, receiveMaximum: 1 };
    const gone = late.client().connect({ clientId: 'a', clean: false, properties });
    late.commit();
    gone.subscribe('t', { qos: 1 });
    const pub = late.client().connected({ clientId: 'pub' });
    for (const payload of ['sent', 'waits']) pub.publish({ topic: 't', payload, qos: 1 });
    late.commit();
    gone.drop(); // what waits is now in the store alone
    late.commit();
    const first = late.client().connect({ clientId: 'a', ...persistent });
    late.clock.advance(commitMs);
    late.storage.failNextLoad();
    late.commit();
    const sentAgain = { type: 'publish', payload: 'sent', packetId: 1, dup: true };
    expect(first.received()).toMatchObject([{ type: 'connack' }, sentAgain, { type: 'disconnect', reasonCode: 0x83 }]);
    const second = late.client().connect({ clientId: 'a', ...persistent });
    late.commit();
    expect(second.received()).toMatchObject([{ type: 'connack', sessionPresent: true }, sentAgain, { payload: 'waits' }]);
    expect(late.errors).toEqual(['ODN_ERR_STORAGE_READ']);
  });
});
