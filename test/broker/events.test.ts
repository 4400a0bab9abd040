/** Every event of `BrokerEvents`: when it comes, in which order, and what its listeners are given. */
import { once } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import type { Broker, BrokerEvents, BrokerMessage } from '../../src/index.js';
import { testBroker, settled } from '../support/broker.js';

type Row = readonly [event: keyof BrokerEvents, ...args: unknown[]];

/** What a listener was given, made short: clients by identifier, messages by topic and text. */
const short = (arg: unknown): unknown => {
  if (typeof arg !== 'object' || arg === null) return arg;
  if ('decisions' in arg && 'id' in arg) return `client ${String(arg.id)}`;
  if ('payload' in arg && 'topic' in arg) return `${(arg as BrokerMessage).topic}=${(arg as BrokerMessage).text()}`;
  if (arg instanceof Error) return 'code' in arg ? String(arg.code) : arg.name;
  return arg;
};

/** Every event of these names, in order. */
function record(broker: Broker, ...events: (keyof BrokerEvents)[]): Row[] {
  const rows: Row[] = [];
  for (const event of events) {
    const listener = (...args: unknown[]): void => void rows.push([event, ...args.map(short)]);
    broker.on(event, listener as BrokerEvents[typeof event]);
  }
  return rows;
}

const persistent = { clientId: 'a', clean: false, properties: { sessionExpiryInterval: 10 } };
const life = ['client', 'clientReady', 'clientDisconnected', 'clientError', 'connectRefused'] as const;
const sessions = ['sessionCreated', 'sessionResumed', 'sessionEnded', 'sessionTakenOver'] as const;

describe('a client’s life', () => {
  test('client, clientReady, clientDisconnected with what ended it', () => {
    const { broker, client } = testBroker();
    const rows = record(broker, ...life);
    client().connected({ clientId: 'a' }).disconnect();
    client().connected({ clientId: 'b' }).disconnect(4);
    client().connected({ clientId: 'c' }).drop();
    client().connected({ clientId: 'd' }).end();
    expect(rows.filter(([event]) => event === 'clientDisconnected')).toEqual([
      ['clientDisconnected', 'client a', { reasonCode: 0, why: 'DISCONNECT', error: undefined }],
      ['clientDisconnected', 'client b', { reasonCode: 4, why: 'DISCONNECT', error: undefined }],
      ['clientDisconnected', 'client c', { reasonCode: 0, why: expect.stringContaining('without DISCONNECT'), error: undefined }],
      ['clientDisconnected', 'client d', { reasonCode: 0, why: expect.stringContaining('without DISCONNECT'), error: undefined }],
    ]);
    expect(rows.slice(0, 3).map(([event]) => event)).toEqual(['client', 'clientReady', 'clientDisconnected']);
    expect(rows[0]).toEqual(['client', 'client a', { sessionPresent: false }]);
  });

  test('a client that breaks a rule: clientError first, then clientDisconnected with the same error', () => {
    const { broker, client } = testBroker();
    const errors: unknown[] = [];
    broker.on('clientError', (error, who) => errors.push([error, who?.id]));
    broker.on('clientDisconnected', ({ id }, info) => errors.push([info.error, id, info.reasonCode]));
    client().connected({ clientId: 'a' }).connect({ clientId: 'a' });
    const error = expect.objectContaining({ code: 'ODN_ERR_PEER_PROTOCOL', statement: 'MQTT-3.1.0-2', reasonCode: 0x82 });
    expect(errors).toEqual([
      [error, 'a'],
      [error, 'a', 0x82],
    ]);
    expect(broker.stats().protocolErrors).toBe(1);
  });

  test('a CONNECT that is refused, or never comes: connectRefused', () => {
    const { broker, client, clock } = testBroker({ authenticate: ({ clientId }) => clientId !== 'no' });
    const rows = record(broker, ...life);
    client({ meta: { transport: 'tcp', remoteAddress: '192.0.2.1' } }).connect({ clientId: 'no' });
    client().sendsHex('00 00');
    client().drop();
    client();
    clock.advance(10_000);
    const refusals = rows.filter(([event]) => event === 'connectRefused').map(([, info]) => info);
    expect(refusals).toMatchObject([
      { clientId: 'no', reasonCode: 0x87, error: undefined, connection: { remoteAddress: '192.0.2.1' } },
      { clientId: undefined, reasonCode: 0x82, error: { code: 'ODN_ERR_PEER_PROTOCOL' } },
      { clientId: undefined, reasonCode: 0, error: undefined },
      { clientId: undefined, reasonCode: 0x80, why: 'no CONNECT in time' },
    ]);
    expect(rows.filter(([event]) => event === 'clientError')).toEqual([['clientError', 'ODN_ERR_PEER_PROTOCOL', undefined]]);
    expect(broker.stats()).toMatchObject({ connectsRefused: 4, connectsAccepted: 0, clients: 0 });
  });

  test('sessions: created, resumed, taken over, ended by expiry, Clean Start or with the connection', () => {
    const { broker, client, clock } = testBroker();
    const rows = record(broker, ...sessions);
    client().connected(persistent).disconnect();
    client().connected(persistent);
    client().connected(persistent).disconnect();
    clock.advance(10_000);
    client().connected(persistent).disconnect();
    client().connected({ clientId: 'a' }).disconnect();
    expect(rows).toEqual([
      ['sessionCreated', 'a'],
      ['sessionResumed', 'a'],
      ['sessionTakenOver', 'a'],
      ['sessionResumed', 'a'],
      ['sessionEnded', 'a', 'expired'],
      ['sessionCreated', 'a'],
      ['sessionEnded', 'a', 'cleanStart'],
      ['sessionCreated', 'a'],
      ['sessionEnded', 'a', 'disconnected'],
    ]);
  });
});

describe('messages', () => {
  test('publish: accepted ones, with their client', () => {
    const { broker, client } = testBroker({ authorize: (_client, { topic }) => topic !== 'no' });
    const messages: unknown[] = [];
    broker.on('publish', (message, who) => messages.push([message.topic, message.qos, message.retain, message.text(), who?.id]));
    const pub = client().connected({ clientId: 'pub' });
    pub.publish({ topic: 't', payload: 'x', qos: 2, retain: true }).publish({ topic: 'no' }).publish({ topic: 'u' });
    pub.publish({ topic: 't', payload: 'x', qos: 2, packetId: 1, dup: true }); // the same again: it is no new message
    expect(messages).toEqual([
      ['t', 2, true, 'x', 'pub'],
      ['u', 0, false, '', 'pub'],
    ]);
  });

  test('delivered: QoS 0 when it was handed to the connection, QoS 1 and 2 when the client has acknowledged', () => {
    const { broker, client, clock } = testBroker();
    const rows: string[] = [];
    broker.on('delivered', (message, who) => rows.push(`${who.id} ${message.qos} ${message.text()}`));
    const sub = client().connected({ clientId: 'sub' }).subscribe('t', { qos: 2 });
    const pub = client().connected({ clientId: 'pub' });
    for (const qos of [0, 1, 2] as const) pub.publish({ topic: 't', payload: `p${qos}`, qos });
    clock.flush();
    expect(rows).toEqual(['sub 0 p0']);
    sub.puback(1).pubrec(2);
    expect(rows).toEqual(['sub 0 p0', 'sub 1 p1']);
    sub.pubcomp(2);
    expect(rows).toEqual(['sub 0 p0', 'sub 1 p1', 'sub 2 p2']);
  });

  test('dropped: why, what, and for whom', async () => {
    const { broker, client, clock } = testBroker({ queueMessagesMax: 1, authorize: (_who, { topic, type }) => topic !== type });
    const rows = record(broker, 'dropped');
    const pub = client().connected({ clientId: 'pub' }).publish({ topic: 'publish' });
    client().connected(persistent).subscribe(['q', 'deliver'], { qos: 1 }).disconnect();
    client().connected({ ...persistent, clientId: 'b' }).subscribe('$share/g/s', { qos: 1 }).disconnect();
    pub.publish({ topic: 'q', payload: '1', qos: 1 }).publish({ topic: 'q', payload: '2', qos: 1 });
    for (const payload of ['1', '2']) pub.publish({ topic: 's', payload, qos: 1 });
    client().connected({ clientId: 'sub' }).subscribe('deliver');
    await settled(clock, broker.publish('deliver', 'x'));
    expect(rows).toEqual([
      ['dropped', 'publishDenied', 'publish=', 'pub'],
      ['dropped', 'queueFull', 'q=2', 'a'],
      ['dropped', 'queueFull', 's=2', undefined],
      ['dropped', 'deliverDenied', 'deliver=x', 'sub'],
    ]);
    expect(broker.stats().dropped).toMatchObject({ publishDenied: 1, queueFull: 2, deliverDenied: 1 });
  });

  test('will: published ones, with the identifier they came from; a publish like any other', () => {
    const { broker, client, clock } = testBroker();
    const rows = record(broker, 'will', 'publish');
    client().connected({ clientId: 'a', will: { topic: 'w', payload: 'bye' } }).drop();
    client().connected({ clientId: 'b', will: { topic: 'w', payload: 'never' } }).disconnect();
    clock.flush();
    expect(rows).toEqual([
      ['will', 'w=bye', 'a'],
      ['publish', 'w=bye', undefined],
    ]);
  });
});

test('subscribe and unsubscribe: as granted, and only what existed', () => {
  const { broker, client } = testBroker({ maximumQoS: 1, authorize: (_client, { topic }) => topic !== 'no' });
  const rows = record(broker, 'subscribe', 'unsubscribe');
  client()
    .connected({ clientId: 'a' })
    .subscribe(['t', '$share/g/u', 'no'], { qos: 2, rap: true, properties: { subscriptionIdentifier: 7 } })
    .unsubscribe(['t', 'unknown']);
  const granted = { qos: 1, noLocal: false, retainAsPublished: true, subscriptionIdentifier: 7 };
  expect(rows).toEqual([
    ['subscribe', { topicFilter: 't', ...granted }, 'client a'],
    ['subscribe', { topicFilter: '$share/g/u', ...granted }, 'client a'],
    ['unsubscribe', 't', 'client a'],
  ]);
});

test('hookError: a hook that throws, rejects or answers nonsense, with the hook’s name', async () => {
  let answer: () => unknown = () => true;
  const { broker, client, clock } = testBroker({ authorize: () => answer() as boolean });
  const rows = record(broker, 'hookError');
  const pub = client().connected();
  for (const next of [
    () => {
      throw new Error('broken');
    },
    () => Promise.reject(new Error('broken')),
    () => 'yes',
  ]) {
    answer = next;
    pub.publish({ topic: 't', qos: 1 });
    await clock.settle();
  }
  expect(rows).toEqual([1, 2, 3].map(() => ['hookError', 'ODN_ERR_HOOK', 'authorize']));
  expect(pub.received().map(({ reasonCode }) => reasonCode)).toEqual([0x87, 0x87, 0x87]);
  expect(broker.stats().hookErrors).toBe(3);
});

test('closed comes last, once, and nothing after it', async () => {
  const { broker, client, clock } = testBroker();
  client().connected({ clientId: 'a', will: { topic: 'w' } });
  const rows = record(broker, ...life, ...sessions, 'will', 'closed');
  await settled(clock, broker.close());
  await broker.close();
  expect(rows.map(([event]) => event)).toEqual(['clientDisconnected', 'will', 'sessionEnded', 'closed']);
  expect(broker.listenerCount('closed')).toBe(0);
});

test('events.once of Node waits for an event and leaves no listener behind', async () => {
  const { broker, client } = testBroker();
  const connected = once(broker as unknown as NodeJS.EventEmitter, 'client');
  client().connected({ clientId: 'a' });
  expect((await connected).map(short)).toEqual(['client a', { sessionPresent: false }]);
  expect([broker.listenerCount('client'), broker.listenerCount('error')]).toEqual([0, 0]);
});
