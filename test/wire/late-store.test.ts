/**
 * What waits for the store, and for how long: nothing is acknowledged before it is durable, acknowledgements leave
 * in the order of receipt, and what need not wait does not.
 */
import { describe, expect, test } from '@jest/globals';
import { answerMs, commitMs, lateBroker, type LateBroker } from '../support/late-broker.js';
import type { Broker } from '../../src/index.js';
import type { WireClient, WireConnect, WireVersion } from '../../src/testing/index.js';

const persistent = { clean: false, properties: { sessionExpiryInterval: 100 } };

/** A client with a session that outlives its connection. */
function member(late: LateBroker, clientId: string, fields: WireConnect = {}, protocolVersion: WireVersion = 5): WireClient<Broker> {
  const client = late.client({ protocolVersion }).connect({ clientId, ...persistent, ...fields });
  late.clock.advance(answerMs + commitMs);
  expect(client.received()).toMatchObject([{ type: 'connack', reasonCode: 0 }]);
  return client;
}

/** One that is away, with a subscription at QoS 2 to `#`. */
function absentee(late: LateBroker, clientId: string): void {
  const client = member(late, clientId).subscribe('#', { qos: 2 });
  late.commit();
  client.disconnect();
  late.commit();
}

const typesOf = (client: WireClient): string[] => client.received().map(({ type }) => type);

describe('acknowledgements', () => {
  test.each([4, 5] as const)('version %i: PUBACK and PUBREC wait for the commit of the message', (protocolVersion) => {
    const late = lateBroker();
    absentee(late, 'sub');
    const pub = late.client({ protocolVersion }).connected({ clientId: 'pub' });
    pub.publish({ topic: 't', qos: 1 }).publish({ topic: 't', qos: 2 });
    late.clock.advance(commitMs - 1);
    expect(pub.received()).toEqual([]);
    late.commit();
    expect(pub.received()).toMatchObject([
      { type: 'puback', packetId: 1 },
      { type: 'pubrec', packetId: 2 },
    ]);
  });

  test('a message that nothing is stored for is acknowledged at once', () => {
    const late = lateBroker();
    const client = late.client().connected({ clientId: 'a' });
    const sub = late.client().connected({ clientId: 'b' }).subscribe('t', { qos: 2 });
    client.publish({ topic: 't', qos: 1 }).publish({ topic: 't', qos: 2 });
    expect(typesOf(client)).toEqual(['puback', 'pubrec']);
    expect(typesOf(sub)).toEqual(['suback', 'publish', 'publish']);
  });

  test('v5 [MQTT-4.6.0-2] [MQTT-4.6.0-3] one that stores nothing never overtakes one that does', () => {
    const late = lateBroker({ authorize: (_client, { topic }) => topic !== 'denied' });
    const absent = member(late, 'sub').subscribe('kept', { qos: 2 });
    late.commit();
    absent.disconnect();
    const pub = late.client().connected({ clientId: 'pub' });
    pub.publish({ topic: 'kept', qos: 1 }); // 1
    pub.publish({ topic: 'nobody', qos: 1 }); // 2
    pub.publish({ topic: 'denied', qos: 1 }); // 3
    pub.publish({ topic: 'nobody', qos: 2 }); // 4
    pub.subscribe('x'); // 5
    pub.unsubscribe('x'); // 6
    pub.pubrel(4);
    pub.pingreq();
    expect(typesOf(pub)).toEqual(['pingresp']);
    late.commit();
    expect(pub.received()).toMatchObject([
      { type: 'puback', packetId: 1, reasonCode: 0 },
      { type: 'puback', packetId: 2, reasonCode: 0x10 },
      { type: 'puback', packetId: 3, reasonCode: 0x87 },
      { type: 'pubrec', packetId: 4, reasonCode: 0x10 },
      { type: 'suback', packetId: 5 },
      { type: 'unsuback', packetId: 6 },
      { type: 'pubcomp', packetId: 4 },
    ]);
  });

  test('SUBACK, UNSUBACK, PUBREC and PUBCOMP of a session that is kept wait for its state', () => {
    const late = lateBroker();
    const client = member(late, 'a');
    for (const [send, type] of [
      [() => client.subscribe('t', { qos: 1 }), 'suback'],
      [() => client.unsubscribe('t'), 'unsuback'],
      [() => client.publish({ topic: 'u', qos: 2, packetId: 9 }), 'pubrec'],
      [() => client.pubrel(9), 'pubcomp'],
    ] as const) {
      send();
      late.clock.advance(commitMs - 1);
      expect(client.received()).toEqual([]);
      late.commit();
      expect(typesOf(client)).toEqual([type]);
    }
  });

  test('PUBREL waits until PUBREC is stored', () => {
    const late = lateBroker();
    const sub = member(late, 'sub').subscribe('t', { qos: 2 });
    late.commit();
    late.client().connected({ clientId: 'pub' }).publish({ topic: 't', qos: 2 });
    late.commit();
    expect(typesOf(sub)).toEqual(['suback', 'publish']);
    sub.pubrec(1);
    late.clock.advance(commitMs - 1);
    expect(sub.received()).toEqual([]);
    late.commit();
    expect(sub.received()).toMatchObject([{ type: 'pubrel', packetId: 1 }]);
  });

  test('a retained message is acknowledged when it is kept', () => {
    const late = lateBroker();
    const pub = late.client().connected({ clientId: 'pub' }).publish({ topic: 't', payload: 'x', qos: 1, retain: true });
    expect(pub.received()).toEqual([]);
    late.commit();
    expect(typesOf(pub)).toEqual(['puback']);
  });

  test('3.x is not read from while the broker owes as many acknowledgements as Receive Maximum allows', () => {
    const late = lateBroker({ receiveMaximum: 2 });
    absentee(late, 'sub');
    const pub = late.client({ protocolVersion: 4 }).connected({ clientId: 'pub' });
    for (let count = 0; count < 5; count += 1) pub.publish({ topic: 't', qos: 1 });
    expect(late.broker.stats().publishReceived).toBe(2);
    late.clock.advance(10 * commitMs);
    expect(pub.received().map(({ packetId }) => packetId)).toEqual([1, 2, 3, 4, 5]);
    expect(late.broker.stats().publishReceived).toBe(5);
  });
});

describe('messages', () => {
  test('QoS 0 and QoS 1 leave at once; QoS 2 to a session that is kept waits until its packet identifier is stored', () => {
    const late = lateBroker();
    const sub = member(late, 'sub').subscribe('t', { qos: 2 });
    late.commit();
    sub.skip();
    const pub = late.client().connected({ clientId: 'pub' });
    pub.publish({ topic: 't', payload: '2', qos: 2 });
    pub.publish({ topic: 't', payload: '1', qos: 1 });
    pub.publish({ topic: 't', payload: '0', qos: 0 });
    expect(sub.received().map(({ payload }) => payload)).toEqual(['1', '0']);
    late.commit();
    expect(sub.received()).toMatchObject([{ payload: '2', qos: 2, packetId: 1 }]);
  });

  test.each([1, 2] as const)('a client’s copy of its own QoS %i publish comes after the acknowledgement', (qos) => {
    const late = lateBroker();
    const client = member(late, 'a').subscribe('t', { qos });
    late.commit();
    client.skip().publish({ topic: 't', payload: 'own', qos });
    expect(client.received()).toEqual([]);
    late.clock.advance(10 * commitMs);
    expect(client.received()).toMatchObject([
      { type: qos === 1 ? 'puback' : 'pubrec' },
      { type: 'publish', payload: 'own', qos },
    ]);
  });

  test('many QoS 2 messages keep their order through the store', () => {
    const late = lateBroker();
    const sub = member(late, 'sub').subscribe('t', { qos: 2 });
    late.commit();
    sub.skip();
    const pub = late.client().connected({ clientId: 'pub' });
    const payloads = Array.from({ length: 50 }, (_, index) => `m${index}`);
    for (const payload of payloads) {
      pub.publish({ topic: 't', payload, qos: 2 });
      late.clock.advance(7);
    }
    late.commit();
    expect(sub.received().map(({ payload }) => payload)).toEqual(payloads);
  });
});

describe('sessions', () => {
  test('CONNACK waits for the session record, and for the load of a session that is resumed', () => {
    const late = lateBroker();
    const first = late.client().connect({ clientId: 'a', ...persistent });
    late.clock.advance(commitMs - 1);
    expect(first.received()).toEqual([]);
    late.clock.advance(1);
    expect(first.received()).toMatchObject([{ type: 'connack', sessionPresent: false }]);
    first.disconnect();
    late.commit();
    const second = late.client().connect({ clientId: 'a', ...persistent });
    late.clock.advance(answerMs + commitMs - 1);
    expect(second.received()).toEqual([]);
    late.clock.advance(1);
    expect(second.received()).toMatchObject([{ type: 'connack', sessionPresent: true }]);
  });

  test('a session that ends with its connection does not wait, unless it has a will', () => {
    const late = lateBroker();
    expect(typesOf(late.client().connect({ clientId: 'a' }))).toEqual(['connack']);
    const willing = late.client().connect({ clientId: 'b', will: { topic: 'w' } });
    expect(willing.received()).toEqual([]);
    late.commit();
    expect(typesOf(willing)).toEqual(['connack']);
  });

  test.each([4, 5] as const)('version %i: CONNACK of a clean start waits until the session before is gone from the store', (protocolVersion) => {
    const late = lateBroker();
    absentee(late, 'a');
    const client = late.client({ protocolVersion }).connect({ clientId: 'a', clean: true });
    late.clock.advance(commitMs - 1);
    expect(client.received()).toEqual([]); // a crash now would bring it back
    late.commit();
    expect(client.received()).toMatchObject([{ type: 'connack', reasonCode: 0, sessionPresent: false }]);
  });

  test('what a client sends behind its CONNECT waits for the CONNACK', () => {
    const late = lateBroker();
    const client = late.client().connect({ clientId: 'a', ...persistent }).subscribe('t').pingreq();
    expect(client.received()).toEqual([]);
    late.clock.advance(10 * commitMs);
    expect(typesOf(client)).toEqual(['connack', 'pingresp', 'suback']);
  });

  test('v5 [MQTT-4.4.0-1] a late resume sends again what was in flight, then what waited, in order', () => {
    const late = lateBroker();
    const sub = member(late, 'sub', { properties: { sessionExpiryInterval: 100, receiveMaximum: 2 } });
    sub.subscribe('t', { qos: 2 });
    late.commit();
    const pub = late.client().connected({ clientId: 'pub' });
    for (const payload of ['1', '2', '3', '4']) pub.publish({ topic: 't', payload, qos: 2 });
    late.commit();
    expect(sub.received().map(({ payload }) => payload)).toEqual([undefined, '1', '2']);
    sub.pubrec(1).drop();
    late.commit();
    const again = late.client().connect({ clientId: 'sub', ...persistent });
    late.clock.advance(10 * commitMs);
    expect(again.received()).toMatchObject([
      { type: 'connack', sessionPresent: true },
      { type: 'pubrel', packetId: 1 },
      { type: 'publish', payload: '2', dup: true, packetId: 2 },
      { type: 'publish', payload: '3', dup: false, packetId: 3 },
      { type: 'publish', payload: '4', dup: false, packetId: 4 },
    ]);
  });

  test('a long queue is read back page by page, complete and in order, while more comes', () => {
    const late = lateBroker({ receiveMaximum: 10_000 });
    absentee(late, 'sub');
    const pub = late.client().connected({ clientId: 'pub' });
    const payloads = Array.from({ length: 2500 }, (_, index) => `m${index}`);
    for (const payload of payloads.slice(0, 2300)) pub.publish({ topic: 't', payload, qos: 1 });
    late.commit();
    const sub = late.client().connect({ clientId: 'sub', ...persistent });
    const seen: (string | undefined)[] = [];
    let sent = 2300;
    for (let step = 0; step < 400; step += 1) {
      late.clock.advance(answerMs / 2);
      const next = payloads[sent];
      if (next !== undefined) {
        pub.publish({ topic: 't', payload: next, qos: 1 });
        sent += 1;
      }
      for (const { type, payload, packetId } of sub.received()) {
        if (type !== 'publish') continue;
        seen.push(payload);
        sub.puback(packetId ?? 0);
      }
    }
    expect(seen.join(' ')).toBe(payloads.join(' '));
    late.commit();
    expect(late.broker.stats()).toMatchObject({ queuedMessages: 0, queuedBytes: 0, inflightMessages: 0, memoryBytes: 0 });
  });

  test('v5 [MQTT-3.1.4-3] of two CONNECTs with one identifier that wait for the store, the later one has the session', () => {
    const late = lateBroker();
    member(late, 'a').subscribe('t', { qos: 1 }).disconnect();
    late.commit();
    const first = late.client().connect({ clientId: 'a', ...persistent });
    const second = late.client().connect({ clientId: 'a', ...persistent });
    late.clock.advance(10 * commitMs);
    expect(first.received()).toMatchObject([{ type: 'connack', sessionPresent: true }, { type: 'disconnect', reasonCode: 0x8e }]);
    expect(second.received()).toMatchObject([{ type: 'connack', sessionPresent: true }]);
    expect(first.closed).toBe(true);
    expect(late.broker.stats()).toMatchObject({ clients: 1, sessions: 1 });
  });

  test.each([
    ['its session is loaded', answerMs / 2],
    ['its session is stored', answerMs + commitMs / 2],
  ])('a connection that goes away while %s leaves a session that can be resumed', (_, afterMs) => {
    const late = lateBroker();
    const old = member(late, 'a').subscribe('t', { qos: 1 });
    late.commit();
    old.disconnect();
    late.commit();
    late.client().connected({ clientId: 'pub' }).publish({ topic: 't', payload: 'kept', qos: 1 });
    late.commit();
    const gone = late.client().connect({ clientId: 'a', ...persistent });
    late.clock.advance(afterMs);
    gone.drop();
    late.clock.advance(10 * commitMs);
    expect(gone.received()).toEqual([]);
    expect(late.broker.stats()).toMatchObject({ clients: 1, sessions: 2, connections: 1 });
    const again = late.client().connect({ clientId: 'a', ...persistent });
    late.clock.advance(10 * commitMs);
    expect(again.received()).toMatchObject([{ type: 'connack', sessionPresent: true }, { type: 'publish', payload: 'kept' }]);
    again.drop();
    late.clock.advance(200_000);
    expect(late.broker.stats()).toMatchObject({ sessions: 1, sessionsExpired: 1, queuedMessages: 0, inflightMessages: 0 });
  });

  test('a connection that goes away while its new session is stored leaves it as after any close', () => {
    const late = lateBroker();
    const events: string[] = [];
    late.broker.on('client', ({ id }) => events.push(`client ${id}`));
    const gone = late.client().connect({ clientId: 'a', ...persistent, will: { topic: 'w', payload: 'bye' } });
    late.clock.advance(commitMs / 2);
    gone.drop();
    late.clock.advance(10 * commitMs);
    expect(late.broker.stats()).toMatchObject({ sessions: 1, clients: 0, willsPublished: 1 });
    late.clock.advance(100_000);
    expect(late.broker.stats()).toMatchObject({ sessions: 0, sessionsExpired: 1 });
    expect(events).toEqual([]);
  });

  test('a publisher that goes away before its acknowledgement has published all the same', () => {
    const late = lateBroker();
    absentee(late, 'sub');
    late.client().connected({ clientId: 'pub' }).publish({ topic: 't', payload: 'x', qos: 1 }).drop();
    late.commit();
    const sub = late.client().connect({ clientId: 'sub', ...persistent });
    late.clock.advance(10 * commitMs);
    expect(sub.received()).toMatchObject([{ type: 'connack' }, { type: 'publish', payload: 'x' }]);
  });
});
