/** `broker.retained`: the host's view of retained messages. */
import { describe, expect, test } from '@jest/globals';
import { memoryStorage, type Broker, type BrokerMessage } from '../../src/index.js';
import { virtualClock } from '../../src/testing/index.js';
import { lateBroker } from '../support/late-broker.js';
import { failureOf, settled, testBroker } from '../support/broker.js';

async function topicsOf(broker: Broker, filter?: string): Promise<string[]> {
  const topics: string[] = [];
  for await (const { topic } of broker.retained.list(filter)) topics.push(topic);
  return topics.toSorted((a, b) => (a < b ? -1 : 1));
}

describe('get', () => {
  test('the message with payload, QoS and properties; undefined where there is none', async () => {
    const { broker, client } = testBroker();
    client()
      .connected({ clientId: 'pub' })
      .publish({ topic: 'a', payload: 'x', qos: 1, retain: true, properties: { contentType: 'text/plain' } });
    expect(await broker.retained.get('a')).toMatchObject({
      topic: 'a',
      payload: Buffer.from('x'),
      qos: 1,
      retain: true,
      publisherId: 'pub',
      properties: { contentType: 'text/plain' },
    });
    expect(await broker.retained.get('b')).toBeUndefined();
    expect(await broker.retained.get('')).toBeUndefined();
    expect(broker.retained.size).toBe(1);
  });

  test('the last one, and none once it has expired', async () => {
    const { broker, clock } = testBroker();
    await settled(clock, broker.publish('a', '1', { retain: true }));
    await settled(clock, broker.publish('a', '2', { retain: true, messageExpirySeconds: 10 }));
    expect((await broker.retained.get('a'))?.text()).toBe('2');
    clock.advance(10_000);
    expect(await broker.retained.get('a')).toBeUndefined();
    expect(broker.stats()).toMatchObject({ retainedMessages: 0, retainedBytes: 0 });
  });
});

describe('list', () => {
  test.each([
    [undefined, ['a', 'a/b', 'a/b/c', 'b/b']],
    ['#', ['a', 'a/b', 'a/b/c', 'b/b']],
    ['a/#', ['a', 'a/b', 'a/b/c']],
    ['+/b', ['a/b', 'b/b']],
    ['a/b', ['a/b']],
    ['$SYS/#', ['$SYS/x']],
    ['none', []],
  ] as const)('%s', async (filter, expected) => {
    const { broker, clock } = testBroker();
    for (const topic of ['a', 'a/b', 'a/b/c', 'b/b', '$SYS/x']) await settled(clock, broker.publish(topic, 'x', { retain: true }));
    expect(await topicsOf(broker, filter)).toEqual(expected);
  });

  test('thousands, page by page, and a loop may stop early', async () => {
    const { broker } = testBroker();
    const topics = Array.from({ length: 3000 }, (_, index) => `t/${String(index).padStart(4, '0')}`);
    for (const topic of topics) void broker.publish(topic, topic, { retain: true });
    expect(await topicsOf(broker)).toEqual(topics);
    const first: BrokerMessage[] = [];
    for await (const message of broker.retained.list()) {
      first.push(message);
      if (first.length === 3) break;
    }
    expect(first).toHaveLength(3);
  });

  test('what is deleted meanwhile is left out', async () => {
    const { broker } = testBroker();
    for (let index = 0; index < 200; index += 1) void broker.publish(`t/${index}`, 'x', { retain: true });
    const seen = new Set<string>();
    for await (const { topic } of broker.retained.list('t/+')) {
      if (seen.size === 0) for (let index = 100; index < 200; index += 1) await broker.retained.delete(`t/${index}`);
      seen.add(topic);
    }
    expect(seen.size).toBeLessThan(200);
    expect(seen.size).toBeGreaterThanOrEqual(100);
  });

  test('an illegal filter: ODN_ERR_ARGUMENT', async () => {
    const { broker } = testBroker();
    expect(await failureOf(topicsOf(broker, 'a#'))).toMatchObject({ code: 'ODN_ERR_ARGUMENT' });
  });
});

describe('delete', () => {
  test('tells whether there was one; nothing is published', async () => {
    const { broker, clock } = testBroker();
    await settled(clock, broker.publish('a', 'x', { retain: true }));
    const heard: string[] = [];
    broker.subscribe('#', { retainHandling: 2 }, ({ topic }) => heard.push(topic));
    expect([await broker.retained.delete('a'), await broker.retained.delete('a')]).toEqual([true, false]);
    expect(broker.stats()).toMatchObject({ retainedMessages: 0, retainedBytes: 0 });
    expect(heard).toEqual([]);
  });

  test('resolves when that is stored', async () => {
    const late = lateBroker();
    await late.broker.publish('a', 'x', { retain: true });
    late.commit();
    let done = false;
    const deleting = late.broker.retained.delete('a').then(() => (done = true));
    await late.clock.settle();
    expect(done).toBe(false);
    late.commit();
    await deleting;
  });
});

test('before the store is open it waits for it, and a closed broker rejects', async () => {
  const storage = memoryStorage();
  const clock = virtualClock();
  const before = testBroker({ storage }, clock).broker;
  await settled(clock, before.publish('a', 'x', { retain: true }));
  const listing = before.retained.list();
  await listing.next();
  await settled(clock, before.close());
  expect(await failureOf(before.retained.get('a'))).toMatchObject({ code: 'ODN_ERR_CLOSED' });
  expect(await failureOf(before.retained.delete('a'))).toMatchObject({ code: 'ODN_ERR_CLOSED' });
  expect(await failureOf(topicsOf(before))).toMatchObject({ code: 'ODN_ERR_CLOSED' });

  const late = lateBroker({}, { answerMs: 1000 });
  const getting = late.broker.retained.get('a');
  late.clock.advance(100_000);
  expect(await getting).toBeUndefined();
});

test('a store that cannot read: the error is the caller’s', async () => {
  const late = lateBroker();
  await late.broker.publish('a', 'x', { retain: true });
  late.storage.failNextLoad();
  const failure = failureOf(late.broker.retained.get('a'));
  await late.clock.settle();
  late.commit();
  expect(await failure).toMatchObject({ code: 'ODN_ERR_STORAGE_READ' });
});
