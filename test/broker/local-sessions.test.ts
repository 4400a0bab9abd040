/** Sessions of in-process clients: kept and resumed, taken over in both directions, ended by whom, and their wills. */
import { describe, expect, test } from '@jest/globals';
import { memoryStorage, type Broker, type ConnectOptions, type LocalClient } from '../../src/index.js';
import { virtualClock } from '../../src/testing/index.js';
import { failureOf, settled, testBroker } from '../support/broker.js';

const persistent = { clientId: 'a', cleanStart: false, sessionExpirySeconds: 100 };
const wirePersistent = { clientId: 'a', clean: false, properties: { sessionExpiryInterval: 100 } };

/** Everything that happens to sessions and clients, in order. */
function eventsOf(broker: Broker): string[] {
  const events: string[] = [];
  broker.on('client', ({ id }, { sessionPresent }) => events.push(`client ${id} ${sessionPresent}`));
  broker.on('clientReady', ({ id }) => events.push(`ready ${id}`));
  broker.on('clientDisconnected', ({ id }, { reasonCode, why }) => events.push(`gone ${id} ${reasonCode} ${why}`));
  for (const event of ['sessionCreated', 'sessionResumed', 'sessionTakenOver'] as const) broker.on(event, (id) => events.push(`${event} ${id}`));
  broker.on('sessionEnded', (id, why) => events.push(`sessionEnded ${id} ${why}`));
  broker.on('will', (message, id) => events.push(`will ${id} ${message.text()}`));
  return events;
}

async function next(client: LocalClient): Promise<string | undefined> {
  const { value } = await client[Symbol.asyncIterator]().next();
  return value?.text();
}

const will = { topic: 'w', payload: 'bye' };

describe('a session that is kept', () => {
  test('is resumed with its subscriptions, what waits and what was not acknowledged', async () => {
    const { broker, clock } = testBroker();
    const first = await settled(clock, broker.connect({ ...persistent, receiveMaximum: 1 }));
    expect(first.sessionPresent).toBe(false);
    await settled(clock, first.subscribe('t'));
    for (const payload of ['1', '2']) await settled(clock, broker.publish('t', payload, { qos: 1 }));
    expect(await next(first)).toBe('1');
    await first.disconnect();
    await settled(clock, broker.publish('t', '3', { qos: 2 }));
    const second = await settled(clock, broker.connect(persistent));
    expect(second.sessionPresent).toBe(true);
    await clock.settle();
    expect([await next(second), await next(second), await next(second)]).toEqual(['1', '2', '3']);
    await second.disconnect();
  });

  test('survives the broker in its storage', async () => {
    const storage = memoryStorage();
    const clock = virtualClock();
    const before = testBroker({ storage }, clock);
    const first = await settled(clock, before.broker.connect(persistent));
    await settled(clock, first.subscribe('t'));
    await first.disconnect();
    await settled(clock, before.broker.publish('t', 'kept', { qos: 1 }));
    await settled(clock, before.broker.close());
    const after = testBroker({ storage }, clock);
    const second = await settled(clock, after.broker.connect(persistent));
    expect(second.sessionPresent).toBe(true);
    expect(await next(second)).toBe('kept');
    await settled(clock, after.broker.close());
  });

  test('expires, is capped by sessionExpirySecondsMax, and is thrown away by cleanStart', async () => {
    const { broker, clock } = testBroker({ sessionExpirySecondsMax: 50 });
    const first = await settled(clock, broker.connect(persistent));
    await first.disconnect();
    clock.advance(49_999);
    expect(broker.stats().sessions).toBe(1);
    clock.advance(1);
    expect(broker.stats()).toMatchObject({ sessions: 0, sessionsExpired: 1 });
    const events = eventsOf(broker);
    await (await settled(clock, broker.connect(persistent))).disconnect();
    const clean = await settled(clock, broker.connect({ clientId: 'a' }));
    expect(clean.sessionPresent).toBe(false);
    await clean.disconnect();
    expect(events.filter((event) => event.startsWith('session'))).toEqual([
      'sessionCreated a',
      'sessionEnded a cleanStart',
      'sessionCreated a',
      'sessionEnded a disconnected',
    ]);
    expect(broker.stats().sessions).toBe(0);
  });
});

describe('v5 [MQTT-3.1.4-3] take-over', () => {
  test('of an in-process client by a network client: it is told, and its session goes on', async () => {
    const { broker, client, clock } = testBroker();
    const local = await settled(clock, broker.connect(persistent));
    await settled(clock, local.subscribe('t', { qos: 1 }));
    const events = eventsOf(broker);
    const failure = failureOf(next(local));
    const network = client().connect(wirePersistent);
    expect(network.received()).toMatchObject([{ type: 'connack', reasonCode: 0, sessionPresent: true }]);
    expect(await failure).toMatchObject({ code: 'ODN_ERR_REFUSED', message: expect.stringContaining('0x8e') });
    expect(local.connected).toBe(false);
    await settled(clock, broker.publish('t', 'x', { qos: 1 }));
    expect(network.received()).toMatchObject([{ payload: 'x' }]);
    expect(events).toEqual([
      'gone a 142 another connection has this Client Identifier now',
      'sessionTakenOver a',
      'sessionResumed a',
      'client a true',
      'ready a',
    ]);
  });

  test('of a network client by an in-process client', async () => {
    const { broker, client, clock } = testBroker();
    const network = client().connected(wirePersistent).subscribe('t', { qos: 2 }).skip();
    const local = await settled(clock, broker.connect(persistent));
    expect(local.sessionPresent).toBe(true);
    expect(network.received()).toMatchObject([{ type: 'disconnect', reasonCode: 0x8e }]);
    expect(network.closed).toBe(true);
    await settled(clock, broker.publish('t', 'x', { qos: 2 }));
    expect(await next(local)).toBe('x');
    expect(broker.stats()).toMatchObject({ clients: 1, sessions: 1, sessionsTakenOver: 1 });
  });

  test('by another principal is asked of the takeover hook, and denied without one', async () => {
    const { broker, clock } = testBroker();
    await settled(clock, broker.connect({ ...persistent, principal: 'owner' }));
    const failure = failureOf(broker.connect({ ...persistent, principal: 'thief' }));
    expect(await failure).toMatchObject({ code: 'ODN_ERR_REFUSED', message: expect.stringContaining('0x87') });
    const asked: unknown[] = [];
    const open = testBroker({
      takeover: ({ principal }, holder) => {
        asked.push([principal, holder]);
        return true;
      },
    });
    await settled(open.clock, open.broker.connect({ ...persistent, principal: 'owner' }));
    await settled(open.clock, open.broker.connect({ ...persistent, principal: 'heir' }));
    expect(asked).toEqual([['heir', { principal: 'owner', connected: true }]]);
  });

  test('many at once leave exactly one client', async () => {
    const { broker, client, clock } = testBroker();
    const connecting = Array.from({ length: 10 }, () => broker.connect(persistent).then((local) => local));
    const networks = Array.from({ length: 10 }, () => client().connect(wirePersistent));
    const locals = await settled(clock, Promise.all(connecting));
    const connected = locals.filter((local) => local.connected).length + networks.filter((network) => !network.closed).length;
    expect(connected).toBe(1);
    expect(broker.stats()).toMatchObject({ clients: 1, sessions: 1, connectsAccepted: 20, sessionsTakenOver: 19 });
    expect(broker.clients.size).toBe(1);
  });
});

describe('the end of a connection', () => {
  const ends: readonly (readonly [string, (local: LocalClient, broker: Broker) => unknown, string[]])[] = [
    ['disconnect() discards the will', (local) => local.disconnect(), ['gone a 0 DISCONNECT', 'sessionEnded a disconnected']],
    ['disconnect(0x04) publishes it', (local) => local.disconnect(0x04), ['gone a 4 DISCONNECT', 'will a bye', 'sessionEnded a disconnected']],
    ['await using discards it', (local) => local[Symbol.asyncDispose](), ['gone a 0 DISCONNECT', 'sessionEnded a disconnected']],
    [
      'client.close() publishes it',
      (_local, broker) => broker.clients.get('a')?.close(0x98, 'go'),
      ['gone a 152 go', 'will a bye', 'sessionEnded a disconnected'],
    ],
    [
      'broker.close() publishes it',
      (_local, broker) => broker.close(),
      ['gone a 139 the broker is closing', 'will a bye', 'sessionEnded a disconnected'],
    ],
  ];

  test.each(ends)('%s', async (_, end, expected) => {
    const { broker, clock } = testBroker();
    const local = await settled(clock, broker.connect({ clientId: 'a', will }));
    const events = eventsOf(broker);
    const { signal } = broker.clients.get('a') ?? {};
    await end(local, broker);
    expect(events).toEqual(expected);
    expect(local.connected).toBe(false);
    expect(signal?.aborted).toBe(true);
    await clock.settle();
  });

  test.each([
    ['disconnect()', (local: LocalClient) => local.disconnect(), undefined],
    ['broker.close()', (_local: LocalClient, broker: Broker) => broker.close(), undefined],
    ['a kick', (_local: LocalClient, broker: Broker) => broker.clients.get('a')?.close(), 'ODN_ERR_REFUSED'],
  ] as const)('%s ends a pending loop, with an error only where the client did not ask for it', async (_, end, code) => {
    const { broker, clock } = testBroker();
    const local = await settled(clock, broker.connect({ clientId: 'a' }));
    const loop = (async () => {
      for await (const _message of local);
    })();
    const outcome = loop.then(() => undefined, (error: { code: string }) => error.code);
    await end(local, broker);
    expect(await outcome).toBe(code);
    await clock.settle();
  });

  test.each([0x05, 0x7f, -1, 256, 'x'])('disconnect(%j): ODN_ERR_ARGUMENT, and it stays connected', async (reasonCode) => {
    const { broker, clock } = testBroker();
    const local = await settled(clock, broker.connect({ clientId: 'a' }));
    expect(await failureOf(local.disconnect(reasonCode as number))).toMatchObject({ code: 'ODN_ERR_ARGUMENT' });
    expect(local.connected).toBe(true);
  });
});

describe('a will', () => {
  const connect: ConnectOptions = { ...persistent, will: { ...will, qos: 1, retain: true, willDelaySeconds: 10, contentType: 'x' } };

  test('v5 [MQTT-3.1.3-9] waits for its delay, and is cancelled by a resume within it', async () => {
    const { broker, clock } = testBroker();
    const events = eventsOf(broker);
    await (await settled(clock, broker.connect(connect))).disconnect(0x04);
    clock.advance(9_999);
    await (await settled(clock, broker.connect(persistent))).disconnect(0x04);
    clock.advance(50_000);
    expect(events.filter((event) => event.startsWith('will'))).toEqual([]);
    await (await settled(clock, broker.connect(connect))).disconnect(0x04);
    clock.advance(10_000);
    await clock.settle();
    expect(events.filter((event) => event.startsWith('will'))).toEqual(['will a bye']);
    expect(await settled(clock, broker.retained.get('w'))).toMatchObject({ qos: 1, properties: { contentType: 'x' } });
  });
});
