/**
 * Goal: however much waits for a client, the broker holds a window of it and reads the rest at the client's pace, and
 * no more than its own. Method: a durable store over a key-value store in memory, on which what is read is counted.
 */
import { expect, test } from '@jest/globals';
import { durableStorage, type Broker, type KeyRange, type Storage } from 'odonata';
import { VirtualClock, type WireClient, type WirePacket } from 'odonata/testing';
import { PlainStore } from '../compliance/plain-store.js';
import { testBroker } from '../support/broker.js';

/** What the broker reads of a queue at a time, and so holds at most beside what is in flight. */
const windowMax = 1000;
const receiveMaximum = 250;

class CountingStore extends PlainStore {
  readBytes = 0;

  override async *read(range: KeyRange): AsyncGenerator<[Uint8Array, Uint8Array]> {
    for await (const [key, value] of super.read(range)) {
      this.readBytes += key.length + value.length;
      yield [key, value];
    }
  }
}

/** A broker that is open, what it has loaded of queues, and clients whose sessions last. */
class House {
  readonly clock = new VirtualClock();
  readonly broker: Broker;
  loadedEntries = 0;
  private readonly newClient: () => WireClient<Broker>;

  constructor(disk: PlainStore, checkpointBytes: number) {
    const storage = this.counting(durableStorage(disk, { checkpointBytes }));
    const { broker, client } = testBroker({ storage }, this.clock);
    this.broker = broker;
    this.newClient = client;
  }

  async client(clientId: string): Promise<WireClient<Broker>> {
    const client = this.newClient();
    client.connect({ clientId, cleanStart: false, properties: { sessionExpiryInterval: 3600, receiveMaximum } });
    await client.settled();
    return client;
  }

  /** Sessions `s0`, `s1` …, each subscribed to its own topic `q/0`, `q/1` …, and away. */
  async subscribe(count: number): Promise<void> {
    const clients = await Promise.all(Array.from({ length: count }, (_, index) => this.client(`s${index}`)));
    clients.forEach((client, index) => client.subscribe(`q/${index}`, { qos: 1 }));
    await this.clock.settle();
    for (const client of clients) client.drop();
    await this.clock.settle();
  }

  async publish(count: number, message: (index: number) => readonly [topic: string, payload: string]): Promise<void> {
    for (let from = 0; from < count; from += 2000) {
      const stored = Array.from({ length: Math.min(2000, count - from) }, (_, index) => this.broker.publish(...message(from + index), { qos: 1 }));
      await this.clock.settle();
      await Promise.all(stored);
    }
  }

  async close(): Promise<void> {
    const closed = this.broker.close();
    await this.clock.settle();
    await closed;
  }

  private counting(storage: Storage): Storage {
    const load: Storage['load'] = storage.load.bind(storage);
    storage.load = (query, done) =>
      load(query, (answer) => {
        if (query.type === 'queue' && 'entries' in answer) this.loadedEntries += answer.entries.length;
        done(answer);
      });
    return storage;
  }
}

const publishesOf = (client: WireClient): WirePacket[] => client.received().filter(({ type }) => type === 'publish');

async function acknowledge(client: WireClient, packets: readonly WirePacket[]): Promise<void> {
  client.sendsBytes(Buffer.from(packets.flatMap(({ packetId = 0 }) => [0x40, 2, packetId >> 8, packetId & 0xff])));
  await client.settled();
}

test('a session with 20,000 queued messages gets them in order after a restart, read at its own pace', async () => {
  const messages = 20_000;
  const disk = new PlainStore();
  const before = new House(disk, 256 * 1024);
  await before.clock.settle();
  await before.subscribe(1);
  await before.publish(messages, (index) => ['q/0', String(index)]);
  expect(before.broker.stats().queuedMessages).toBe(messages);
  await before.close();

  const house = new House(disk, 256 * 1024);
  await house.clock.settle();
  expect(house.broker.stats()).toMatchObject({ queuedMessages: messages, memoryBytes: 0 });
  expect(house.loadedEntries).toBe(0);
  const client = await house.client('s0');
  let acknowledged = 0;
  for (let packets = publishesOf(client); packets.length > 0; packets = publishesOf(client)) {
    expect(packets.map(({ payload }) => payload)).toEqual(packets.map((_, index) => String(acknowledged + index)));
    expect(packets.length).toBeLessThanOrEqual(receiveMaximum);
    expect(house.loadedEntries - acknowledged).toBeLessThanOrEqual(windowMax + receiveMaximum);
    if (acknowledged === 0) {
      const { loadedEntries } = house;
      house.clock.advance(60_000);
      await house.clock.settle();
      expect(publishesOf(client)).toEqual([]);
      expect(house.loadedEntries).toBe(loadedEntries); // nothing is read for a client that does not acknowledge
    }
    await acknowledge(client, packets);
    acknowledged += packets.length;
  }
  expect(acknowledged).toBe(messages);
  expect(house.loadedEntries).toBe(messages); // each once
  expect(house.broker.stats()).toMatchObject({ queuedMessages: 0, inflightMessages: 0 });
  await house.close();
}, 30_000);

test('draining one of 1,000 sessions reads at most twice its own bytes', async () => {
  const sessions = 1000;
  const perSession = 20;
  const disk = new CountingStore();
  // Small enough for many checkpoints, so that what waits for each session lies in many places.
  const before = new House(disk, 256 * 1024);
  await before.clock.settle();
  await before.subscribe(sessions);
  await before.publish(sessions * perSession, (index) => [`q/${index % sessions}`, `${index} ${'x'.repeat(100)}`]);
  await before.close();

  const house = new House(disk, 256 * 1024);
  await house.clock.settle();
  disk.readBytes = 0;
  const client = await house.client('s500');
  const packets = publishesOf(client);
  const ownBytes = packets.reduce((bytes, { topic = '', payload = '' }) => bytes + topic.length + payload.length, 0);
  await acknowledge(client, packets);
  expect(packets.length).toBe(perSession);
  expect(disk.readBytes).toBeGreaterThan(ownBytes);
  await house.close(); // a checkpoint, which may have to read too
  expect(disk.readBytes).toBeLessThanOrEqual(2 * ownBytes);
}, 30_000);
