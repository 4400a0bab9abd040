/** `aedesStore` beyond the abstract suite: the next process, names that look alike, calls at once, faults, and no keys left. */
import { describe, expect, test } from '@jest/globals';
import { aedesStore, type AedesPacketLike, type AedesStore } from '../../src/aedes.js';
import { PlainStore } from '../compliance/plain-store.js';

const broker = { id: 'one' };
const packet = (brokerCounter: number, payload = `m${brokerCounter}`): AedesPacketLike => ({
  cmd: 'publish', brokerId: 'one', brokerCounter, topic: 't', payload: Buffer.from(payload), qos: 1, retain: false, dup: false,
});

async function opened(plain = new PlainStore()): Promise<AedesStore> {
  const store = aedesStore(plain);
  await store.setup(broker);
  return store;
}

async function all(stream: AsyncIterable<unknown>): Promise<AedesPacketLike[]> {
  const found: AedesPacketLike[] = [];
  for await (const each of stream) found.push(each as AedesPacketLike);
  return found;
}

const payloads = async (store: AedesStore, id: string): Promise<string[]> =>
  (await all(store.outgoingStream({ id }))).map(({ payload }) => String(payload));

describe('the next process finds', () => {
  test('queues in the order in which they came, whatever the counters of the broker', async () => {
    const plain = new PlainStore();
    const first = await opened(plain);
    for (const counter of [9, 10, 2]) await first.outgoingEnqueueCombi([{ clientId: 'a' }, { clientId: 'b' }], packet(counter));
    const second = await opened(plain.copy());
    await second.outgoingEnqueue({ clientId: 'a' }, packet(1));
    expect(await payloads(second, 'a')).toEqual(['m9', 'm10', 'm2', 'm1']);
    expect(await payloads(second, 'b')).toEqual(['m9', 'm10', 'm2']);
  });

  test('subscriptions by client and topic, properties, and wills of other brokers', async () => {
    const plain = new PlainStore();
    const first = await opened(plain);
    const subscriptions = [{ topic: 'a/#', qos: 1, rh: 1, rap: true, nl: true, subscriptionIdentifier: 7 }, { topic: 'b', qos: 0 }];
    await first.addSubscriptions({ id: 'c' }, subscriptions);
    await first.outgoingEnqueue({ clientId: 'c' }, { ...packet(1), properties: { userProperties: { k: ['1', '2'] } }, messageExpiry: 5 });
    await first.putWill({ id: 'c' }, { topic: 'w', payload: Buffer.from('x'), qos: 1, retain: false });
    const second = await opened(plain.copy());
    expect(new Set(await second.subscriptionsByClient({ id: 'c' }))).toEqual(new Set(subscriptions));
    expect(await second.subscriptionsByTopic('a/b')).toEqual([{ clientId: 'c', topic: 'a/#', qos: 1, rh: 1, rap: true, nl: true }]);
    expect(await second.subscriptionsByTopic('b')).toEqual([]);
    expect(await all(second.outgoingStream({ id: 'c' }))).toMatchObject([{ properties: { userProperties: { k: ['1', '2'] } }, messageExpiry: 5 }]);
    expect(await all(second.streamWill({ one: {} }))).toEqual([]);
    expect(await all(second.streamWill({ other: {} }))).toMatchObject([{ topic: 'w', clientId: 'c', brokerId: 'one' }]);
  });
});

test('clients whose names look alike do not reach into each other', async () => {
  const names = ['', 'a', 'ab', 'a:', 'a/b', '\u0001a', 'x'.repeat(254), 'x'.repeat(255), 'x'.repeat(65_535), `${'x'.repeat(65_534)}y`];
  const store = await opened();
  for (const [index, id] of names.entries()) {
    await store.outgoingEnqueue({ clientId: id }, packet(index));
    await store.incomingStorePacket({ id }, { ...packet(index), messageId: 1 });
    await store.addSubscriptions({ id }, [{ topic: 'x'.repeat(65_535), qos: 1 }]);
  }
  await store.cleanIncoming({ id: 'a' });
  for (const [index, id] of names.entries()) {
    expect(await payloads(store, id)).toEqual([`m${index}`]);
    const found = store.incomingGetPacket({ id }, { messageId: 1 });
    if (id === 'a') await expect(found).rejects.toThrow('no such packet');
    else expect((await found).brokerCounter).toBe(index);
  }
});

test('calls of one client at once do not undo each other', async () => {
  const store = await opened();
  for (let counter = 1; counter <= 50; counter += 1) await store.outgoingEnqueue({ clientId: 'a' }, packet(counter));
  const client = { id: 'a' };
  const calls: Promise<unknown>[] = [];
  for (let counter = 1; counter <= 50; counter += 1) {
    calls.push(store.outgoingUpdate(client, { ...packet(counter), messageId: counter }));
    if (counter % 2 === 0) calls.push(store.outgoingUpdate(client, { cmd: 'pubrel', messageId: counter }));
    if (counter % 5 === 0) calls.push(store.outgoingClearMessageId(client, { messageId: counter }));
  }
  await Promise.all(calls);
  const left = await all(store.outgoingStream(client));
  expect(left).toHaveLength(40);
  expect(left.every(({ cmd, messageId }) => (Number(messageId) % 2 === 0 ? cmd === 'pubrel' : cmd === 'publish'))).toBe(true);
});

test('a packet for one client under two filters comes once', async () => {
  const store = await opened();
  await store.outgoingEnqueueCombi([{ clientId: 'a' }, { clientId: 'a' }, { clientId: 'b' }], packet(1));
  expect([await payloads(store, 'a'), await payloads(store, 'b')]).toEqual([['m1'], ['m1']]);
});

test.each([
  ['#', ['a', 'a/b', 'a/b/c', 'ab']],
  ['a/#', ['a', 'a/b', 'a/b/c']],
  ['a/+', ['a/b']],
  ['+', ['a', 'ab']],
  ['+/b/#', ['a/b', 'a/b/c']],
  ['$SYS/#', ['$SYS/x']],
  ['ab', ['ab']],
])('retained packets of %s', async (pattern, expected) => {
  const store = await opened();
  for (const topic of ['a', 'a/b', 'a/b/c', 'ab', '$SYS/x']) await store.storeRetained({ ...packet(1), topic });
  const topics = async (...patterns: string[]): Promise<unknown[]> => (await all(store.createRetainedStreamCombi(patterns))).map(({ topic }) => topic);
  expect(await topics(pattern)).toEqual(expected);
  expect(await topics(pattern, pattern, 'nothing/#')).toEqual(expected);
});

test('what came and went leaves no keys', async () => {
  const plain = new PlainStore();
  const store = await opened(plain);
  const before = plain.data.size;
  const client = { id: 'a' };
  await store.addSubscriptions(client, [{ topic: 'x', qos: 1 }, { topic: 'y', qos: 0 }]);
  await store.outgoingEnqueue({ clientId: 'a' }, packet(1));
  await store.outgoingUpdate(client, { ...packet(1), messageId: 5 });
  await store.outgoingUpdate(client, { ...packet(1), messageId: 6 });
  await store.outgoingUpdate(client, { cmd: 'pubrel', messageId: 6 });
  await store.incomingStorePacket(client, { ...packet(1), messageId: 1 });
  await store.putWill(client, packet(2));
  await store.storeRetained(packet(3));
  expect(plain.data.size).toBeGreaterThan(before);
  expect(await store.outgoingClearMessageId(client, { messageId: 5 })).toBeUndefined();
  expect(await store.outgoingClearMessageId(client, { messageId: 6 })).toEqual({ cmd: 'pubrel', messageId: 6 });
  await store.cleanSubscriptions(client);
  await store.cleanIncoming(client);
  await store.delWill(client);
  await store.storeRetained({ ...packet(3), payload: Buffer.alloc(0) });
  expect(plain.data.size).toBe(before);
});

describe('faults', () => {
  class FailingStore extends PlainStore {
    failures = 0;
    readonly calls: string[] = [];
    override async open(): Promise<void> {
      this.calls.push('open');
    }
    override async close(): Promise<void> {
      this.calls.push('close');
    }
    override async write(batch: Parameters<PlainStore['write']>[0]): Promise<void> {
      if ((this.failures -= 1) >= 0) throw new Error('disk full');
      await super.write(batch);
    }
  }

  test('a write that fails rejects its calls and no others; before the next one the store is opened anew', async () => {
    const plain = new FailingStore();
    const store = await opened(plain);
    plain.failures = 1;
    const together = [store.storeRetained(packet(1)), store.addSubscriptions({ id: 'a' }, [{ topic: 'x', qos: 1 }])];
    for (const { status } of await Promise.allSettled(together)) expect(status).toBe('rejected');
    expect(await store.subscriptionsByClient({ id: 'a' })).toEqual([]);
    await store.storeRetained(packet(2));
    expect(plain.calls).toEqual(['open', 'close', 'open']);
  });

  test('a damaged packet, one of a newer version, and a newer format are said', async () => {
    const damage = async (change: (value: Uint8Array) => void, key: string): Promise<PlainStore> => {
      const plain = new PlainStore();
      await (await opened(plain)).storeRetained(packet(1));
      change(plain.data.get(Buffer.from(key).toString('hex')) as Uint8Array);
      return plain;
    };
    const flipped = await opened(await damage((value) => (value[value.length - 1] = (value.at(-1) as number) ^ 1), 'Art'));
    await expect(all(flipped.createRetainedStream('t'))).rejects.toMatchObject({ code: 'ODN_ERR_STORAGE_CORRUPT' });
    const newer = await opened(await damage((value) => (value[0] = 2), 'Art'));
    await expect(all(newer.createRetainedStream('#'))).rejects.toMatchObject({ code: 'ODN_ERR_STORAGE_FORMAT' });
    await expect(opened(await damage((value) => (value[0] = 2), 'Am'))).rejects.toMatchObject({ code: 'ODN_ERR_STORAGE_FORMAT' });
  });

  test.each([[''], [undefined], [{}], [5]])('%p is no place to store in', (target) => {
    expect(() => aedesStore(target as never)).toThrow(expect.objectContaining({ code: 'ODN_ERR_OPTION' }));
  });
});
