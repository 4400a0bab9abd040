/** A whole broker on a durable store whose disk fails on demand, raw clients, virtual time. */
import { deepEqual, equal } from 'node:assert/strict';
import { durableStorage, isBrokerError, type Broker, type BrokerOptions, type DurableStorageOptions } from 'odonata';
import { faultyStore, VirtualClock, wire, type FaultyStore, type WireClient, type WireClientOptions } from 'odonata/testing';
import { brokerOnClock } from '../../src/testing/wire-broker.js';
import { PlainStore } from '../compliance/plain-store.js';
import { everything } from '../property/storage-model.js';
import { hears, timeOf } from './house.js';

export const stallSeconds = 30;
export const lasting = { clean: false, properties: { sessionExpiryInterval: 100_000 } };
const codeOf = (error: unknown): string => (isBrokerError(error) ? error.code.replace('ODN_ERR_', '') : String(error));

interface OnDisk {
  readonly waiting: readonly { readonly queue: string; readonly message: { readonly content: string } }[];
  readonly sessions: readonly object[];
}

export class BrokerHouse {
  readonly disk: PlainStore;
  readonly store: FaultyStore;
  readonly clock: VirtualClock;
  readonly broker: Broker;
  /** `storageState` and `error` events in short. */
  readonly heard: string[] = [];

  constructor(options: BrokerOptions = {}, durable: DurableStorageOptions = {}, disk = new PlainStore(), clock = new VirtualClock(), begin?: (store: FaultyStore) => void) {
    this.disk = disk;
    this.clock = clock;
    this.store = faultyStore(disk);
    begin?.(this.store);
    this.broker = brokerOnClock(clock, { storageStallSeconds: stallSeconds, ...options, storage: durableStorage(this.store, durable) });
    this.broker.on('storageState', (state, error) => void this.heard.push(error === undefined ? state : `${state} ${codeOf(error)}`));
    this.broker.on('error', (error) => void this.heard.push(`error ${codeOf(error)}`));
  }

  static async open(...of: ConstructorParameters<typeof BrokerHouse>): Promise<BrokerHouse> {
    const house = new BrokerHouse(...of);
    await house.rest();
    await house.broker.ready();
    return house;
  }

  async rest(): Promise<void> {
    for (let turns = 0; turns < 4; turns += 1) await this.clock.settle();
  }

  /** Lets time go by in steps, and between them everything that needs none. */
  async pass(seconds: number, step = 1): Promise<void> {
    for (let left = seconds; left > 0; left -= step) {
      this.clock.advance(Math.min(left, step) * 1000);
      await this.rest();
    }
  }

  /** What was heard since the last look. */
  async told(): Promise<string[]> {
    await this.rest();
    return this.heard.splice(0);
  }

  client(options: WireClientOptions = {}): WireClient<Broker> {
    return wire({ broker: this.broker, clock: this.clock, ...options });
  }

  /** A connected client with a session of its own that is not kept. */
  plain(clientId: string, options: WireClientOptions = {}): WireClient<Broker> {
    return this.client(options).connected({ clientId });
  }

  /** One whose session is kept, and its CONNACK taken. */
  async kept(clientId: string, options: WireClientOptions = {}): Promise<WireClient<Broker>> {
    const client = this.client(options).connect({ clientId, ...lasting });
    await this.rest();
    deepEqual(client.received().map(({ type, reasonCode }) => [type, reasonCode]), [['connack', 0]]);
    return client;
  }

  /** An absent client whose session waits for messages of `t`. */
  async absent(clientId = 'a', qos: 1 | 2 = 1): Promise<void> {
    const client = (await this.kept(clientId)).subscribe('t', { qos });
    await this.rest();
    client.disconnect();
    await this.rest();
  }

  async close(): Promise<void> {
    this.store.heal();
    const closed = this.broker.close();
    await this.rest();
    await closed;
    equal(this.clock.pending, 0);
  }

  /** All that a process finds that is started on a copy of the disk now. */
  async onDisk(): Promise<OnDisk> {
    const storage = durableStorage(this.disk.copy());
    await storage.open(hears([]), timeOf(this.clock));
    const all = await everything(storage, 100);
    await storage.close();
    return all as OnDisk;
  }

  /** Payloads that wait for a client, by what is on the disk. */
  async payloadsOnDisk(clientId = 'a'): Promise<string[]> {
    const { waiting } = await this.onDisk();
    return waiting.filter(({ queue }) => queue === `s:${clientId}`).map(({ message }) => message.content);
  }

  /** The next broker on this disk. */
  next(): Promise<BrokerHouse> {
    return BrokerHouse.open({}, {}, this.disk, this.clock);
  }
}

/** Connects the absent client again, and gives what it is sent, acknowledged one by one. */
export async function drained(house: BrokerHouse, clientId = 'a'): Promise<string[]> {
  const client = house.client().connect({ clientId, ...lasting });
  const payloads: string[] = [];
  for (let quiet = 0; quiet < 2; quiet += 1) {
    await house.rest();
    for (const { type, packetId, payload, qos } of client.received()) {
      if (type === 'pubrel') client.pubcomp(packetId as number);
      if (type !== 'publish') continue;
      quiet = 0;
      payloads.push(payload ?? '');
      if (qos === 1) client.puback(packetId as number);
      if (qos === 2) client.pubrec(packetId as number);
    }
  }
  client.disconnect();
  await house.rest();
  return payloads;
}
