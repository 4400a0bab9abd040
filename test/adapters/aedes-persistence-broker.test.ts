/** A broker on an aedes-persistence: what is there again in the next broker, what waits for the store, and what is told. */
import { describe, expect, test } from '@jest/globals';
import { aedesPersistence, type AedesPersistenceLike } from '../../src/aedes.js';
import { memoryPersistence, promisePersistence } from '../support/aedes.js';
import { openHouse, present } from '../support/aedes-house.js';

const again = (persistence: AedesPersistenceLike): AedesPersistenceLike => Object.create(persistence) as AedesPersistenceLike;
const lasting = { clean: false, properties: { sessionExpiryInterval: 3600 } };

describe.each([
  { name: 'the same persistence', next: (persistence: AedesPersistenceLike) => persistence },
  { name: 'another one on the same data', next: again },
])('the next broker, on $name, has', ({ next }) => {
  test('retained messages with their properties, and not those that were cleared', async () => {
    const house = await openHouse(memoryPersistence());
    const pub = await house.client('pub');
    pub.publish({ topic: 'a/b', payload: 'kept', qos: 1, retain: true, properties: { contentType: 'text', userProperties: [['k', '1'], ['k', '2']] } });
    pub.publish({ topic: 'a/c', payload: 'cleared', qos: 1, retain: true });
    pub.publish({ topic: 'a/c', payload: '', qos: 1, retain: true });
    pub.publish({ topic: '/a//', payload: 'empty levels', qos: 1, retain: true });
    await house.restart(next);
    const sub = await house.client('sub');
    sub.subscribe('#', { qos: 1 });
    await house.settle();
    const found = sub.received().filter(({ type }) => type === 'publish');
    expect(Object.fromEntries(found.map(({ topic, payload }) => [topic, payload]))).toEqual({ '/a//': 'empty levels', 'a/b': 'kept' });
    expect(found.find(({ topic }) => topic === 'a/b')?.properties).toMatchObject({ contentType: 'text', userProperties: [['k', '1'], ['k', '2']] });
  });

  test('sessions, subscriptions with options, and queues of QoS 1 and 2 in order', async () => {
    const house = await openHouse(memoryPersistence());
    const a = await house.client('a', lasting);
    a.subscribe([{ topic: 't/1', qos: 1 }, { topic: 't/2', qos: 2, rap: true }], { properties: { subscriptionIdentifier: 7 } });
    await house.settle();
    a.disconnect();
    const pub = await house.client('pub');
    for (const payload of ['1', '2', '3']) {
      pub.publish({ topic: 't/1', payload, qos: 1 });
      pub.publish({ topic: 't/2', payload, qos: 2, retain: true });
    }
    await house.restart(next);
    expect(house.broker.stats()).toMatchObject({ sessions: 1, subscriptions: 2, queuedMessages: 6 });
    const back = await house.open('a', lasting);
    const received = back.received();
    expect(received[0]).toMatchObject(present);
    const publishes = received.filter(({ type }) => type === 'publish');
    for (const [qos, retain] of [[1, false], [2, true]] as const) {
      const found = publishes.filter((each) => each.qos === qos);
      expect(found.map(({ payload }) => payload)).toEqual(['1', '2', '3']);
      expect(found.every((each) => each.dup === false && each.retain === retain)).toBe(true);
      expect(found.every(({ properties }) => properties?.subscriptionIdentifier === 7)).toBe(true);
    }
  });

  test('what was in flight under its identifiers: PUBLISH again with DUP, or PUBREL alone', async () => {
    const house = await openHouse(memoryPersistence());
    const a = await house.client('a', lasting);
    a.subscribe([{ topic: 'q1', qos: 1 }, { topic: 'q2', qos: 2 }]);
    await house.settle();
    const pub = await house.client('pub');
    for (const [topic, payload] of [['q1', 'acked'], ['q1', 'sent'], ['q2', 'released'], ['q2', 'sent']] as const) {
      pub.publish({ topic, payload, qos: 2 });
      await house.settle();
    }
    a.received();
    a.puback(1).pubrec(3);
    await house.settle();
    for (let round = 0; round < 2; round += 1) {
      await house.restart(next);
      const back = (await house.open('a', lasting)).received();
      expect(back.slice(1).map(({ type, packetId, payload, dup }) => [type, packetId, payload, dup])).toEqual(
        expect.arrayContaining([['publish', 2, 'sent', true], ['pubrel', 3, undefined, undefined], ['publish', 4, 'sent', true]]),
      );
      expect(back).toHaveLength(4);
    }
  });

  test('identifiers of QoS 2 messages that it has routed: they are not routed again', async () => {
    const house = await openHouse(memoryPersistence());
    const sub = await house.client('sub', lasting);
    sub.subscribe('t', { qos: 1 });
    await house.settle();
    sub.disconnect();
    const pub = await house.client('pub', lasting);
    pub.publish({ topic: 't', payload: 'once', qos: 2, packetId: 5 });
    await house.restart(next);
    const back = await house.client('pub', lasting);
    back.publish({ topic: 't', payload: 'once', qos: 2, packetId: 5, dup: true });
    await house.settle();
    expect(back.received()).toMatchObject([{ type: 'pubrec', packetId: 5 }]);
    back.pubrel(5);
    await house.settle();
    expect(back.received()).toMatchObject([{ type: 'pubcomp', packetId: 5 }]);
    expect(house.broker.stats().queuedMessages).toBe(1);
  });

  test('wills, published when their delay is over', async () => {
    const house = await openHouse(memoryPersistence());
    const will = { topic: 'gone', payload: 'a', qos: 1, retain: true, properties: { willDelayInterval: 60 } } as const;
    await house.client('a', { ...lasting, will });
    await house.restart(next);
    expect(house.broker.stats()).toMatchObject({ retainedMessages: 0 });
    house.clock.advance(60_000);
    await house.settle();
    expect(house.broker.stats()).toMatchObject({ retainedMessages: 1, willsPublished: 1 });
    await house.restart(next);
    house.clock.advance(60_000);
    await house.settle();
    expect(house.broker.stats()).toMatchObject({ retainedMessages: 1, willsPublished: 0 });
  });

  test('nothing of a session that has ended', async () => {
    const house = await openHouse(memoryPersistence());
    const a = await house.client('a', lasting);
    a.subscribe('t', { qos: 1 });
    await house.settle();
    a.disconnect();
    (await house.client('pub')).publish({ topic: 't', payload: 'x', qos: 1 });
    await house.settle();
    (await house.client('a', { clean: true })).disconnect();
    await house.restart(next);
    expect(house.broker.stats()).toMatchObject({ sessions: 0, subscriptions: 0, queuedMessages: 0 });
    expect((await house.open('a', lasting)).received()[0]).toMatchObject({ type: 'connack', sessionPresent: false });
  });
});

test('a persistence that waits for its own messages, and one of promises alone, do as well', async () => {
  for (const persistence of [memoryPersistence({ broadcastSubscriptions: true }), promisePersistence()]) {
    const house = await openHouse(persistence);
    const a = await house.client('a', lasting);
    a.subscribe('t', { qos: 1 });
    await house.settle();
    expect(a.received()).toMatchObject([{ type: 'suback' }]);
    a.unsubscribe('t');
    await house.settle();
    expect(a.received()).toMatchObject([{ type: 'unsuback' }]);
    a.subscribe('u', { qos: 1 });
    await house.restart();
    expect(house.broker.stats()).toMatchObject({ sessions: 1, subscriptions: 1 });
  }
});

test('what Aedes has retained, and left in a queue of ours, is there', async () => {
  const persistence = memoryPersistence();
  const house = await openHouse(persistence);
  const a = await house.client('a', lasting);
  a.subscribe('t', { qos: 1 });
  await house.settle();
  a.disconnect();
  (await house.client('pub')).publish({ topic: 't', payload: 'ours', qos: 1 });
  await house.settle();
  const packet = { cmd: 'publish', brokerId: 'aedes', topic: 't', qos: 1, dup: false };
  await persistence.storeRetained({ ...packet, topic: 'r', payload: Buffer.from('kept'), retain: true });
  await persistence.outgoingEnqueue({ clientId: 'a' }, { ...packet, brokerCounter: 9, payload: Buffer.from('theirs'), retain: false });
  await house.restart();
  expect(house.broker.stats()).toMatchObject({ retainedMessages: 1, queuedMessages: 2 });
  const back = await house.open('a', lasting);
  const received = back.received().filter(({ type }) => type === 'publish');
  expect(new Set(received.map(({ payload }) => payload))).toEqual(new Set(['ours', 'theirs']));
  for (const { packetId } of received) back.puback(packetId as number);
  await house.restart();
  expect(house.broker.stats()).toMatchObject({ queuedMessages: 0, inflightMessages: 0 });
});

test('a client cannot write records of ours', async () => {
  const house = await openHouse(memoryPersistence());
  const payload = JSON.stringify({ version: 1, protocolVersion: 5, sessionExpirySeconds: 3600 });
  (await house.client('pub')).publish({ topic: '$odonata/session/forged', payload, qos: 1, retain: true });
  await house.restart();
  expect(house.broker.stats()).toMatchObject({ sessions: 0 });
});

test('the warning is given once for each persistence', async () => {
  const warnings: string[] = [];
  const storage = aedesPersistence(memoryPersistence(), { warn: (message) => warnings.push(message) });
  const listener = { onDurable() {}, onFailed() {}, onState() {}, onDamaged() {} };
  const clock = { now: () => 0, wall: () => 0, endOfTurn() {}, after() {} };
  for (let opening = 0; opening < 2; opening += 1) {
    await storage.open(listener, clock);
    await storage.close();
  }
  expect(warnings).toEqual([expect.stringContaining('docs/guides/aedes-persistence.md')]);
});

test.each([
  ['something else', {}, {}],
  ['a persistence without cleanSubscriptions', { ...promisePersistence() }, {}],
  ['a durability it cannot have', memoryPersistence(), { durability: 'power' }],
  ['a name that would reach into keys', memoryPersistence(), { brokerId: 'a:b' }],
])('%s is ODN_ERR_OPTION', (_what, persistence, options) => {
  expect(() => aedesPersistence(persistence as never, options as never)).toThrow(expect.objectContaining({ code: 'ODN_ERR_OPTION' }));
});
