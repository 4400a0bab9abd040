/**
 * `aedesStore`: LevelDB, or any ordered store of bytes, behind the `aedes-persistence` interface of version 11, to put
 * under an Aedes broker. Each call is one atomic batch, or shares one with others; it resolves when that is stored.
 */
import { Readable } from 'node:stream';
import { BrokerError } from '../../errors/errors.js';
import type { KeyValueChange, KeyValueStore } from '../../storage/key-value-store.js';
import { hasWildcard, matches } from '../../topic/topic-rules.js';
import type { AedesClientLike, AedesPacketLike, AedesSubscriptionLike } from './aedes-persistence.js';
import { GroupWriter } from './group-writer.js';
import { brokerKey, clientRange, incomingKey, kindRange, metaKey, queuedKey, readUint48, retainedKey, retainedRange, sentKey, subscriptionKey, uint48, willKey } from './store-keys.js';
import { fromValue, toValue } from './store-values.js';
import { type AedesClientSubscription, SubscriptionIndex } from './subscription-index.js';

const format = 1;
/** Packets that one opening can put into order: orders of the next are above all of it. */
const ordersPerOpening = 2 ** 32;

/** A packet of a queue, and what the broker called it when it came. */
interface Queued {
  readonly packet: AedesPacketLike;
  readonly brokerId: string | undefined;
  readonly brokerCounter: number | undefined;
}

/** What {@link aedesStore} makes: give it to Aedes as `persistence`. @public */
export class AedesStore {
  private readonly store: KeyValueStore;
  private readonly writer: GroupWriter;
  private readonly subscriptions = new SubscriptionIndex();
  /** The last call of each client that reads before it writes. */
  private readonly turns = new Map<string, Promise<unknown>>();
  private order = 0;
  private isDestroyed = false;
  private brokerOf: { readonly id: string } | undefined = undefined;

  /** @internal */
  constructor(store: KeyValueStore) {
    this.store = store;
    this.writer = new GroupWriter(store);
  }

  /** The broker it was set up for. */
  get broker(): { readonly id: string } | undefined {
    return this.brokerOf;
  }

  /** Opens the store; Aedes calls it. */
  async setup(broker: { readonly id: string }): Promise<void> {
    this.brokerOf = broker;
    await this.store.open();
    const stored = await this.get<{ readonly format: number; readonly openings: number }>(metaKey);
    if (stored !== undefined && stored.format !== format) {
      throw new BrokerError('ODN_ERR_STORAGE_FORMAT', `the store has format ${stored.format}, this release reads ${format}`);
    }
    const openings = (stored?.openings ?? 0) + 1;
    await this.writer.write([{ key: metaKey, value: toValue({ format, openings }) }]);
    this.order = openings * ordersPerOpening;
    for await (const [, value] of this.store.read(kindRange('s'))) {
      const { clientId, ...subscription } = fromValue<AedesClientSubscription>(value);
      this.subscriptions.add(clientId, subscription);
    }
  }

  // ---- retained packets --------------------------------------------------------------------------------------

  /** Keeps a packet in place of the one before; without a payload none. */
  async storeRetained(packet: AedesPacketLike): Promise<void> {
    const { topic = '', payload } = packet;
    const isClear = (payload as { readonly length?: number } | undefined)?.length === 0;
    await this.writer.write([{ key: retainedKey(topic), value: isClear ? undefined : toValue({ ...packet }) }]);
  }

  /** Retained packets that match. */
  createRetainedStream(pattern: string): Readable {
    return this.createRetainedStreamCombi([pattern]);
  }

  /** Each packet once, however many of the patterns match it. */
  createRetainedStreamCombi(patterns: readonly string[]): Readable {
    return Readable.from(this.retained(patterns));
  }

  // ---- subscriptions -----------------------------------------------------------------------------------------

  /** Adds subscriptions, or replaces those with the same filters. */
  async addSubscriptions(client: AedesClientLike, subscriptions: readonly AedesSubscriptionLike[]): Promise<void> {
    const added = subscriptions.map((subscription) => ({ ...subscription }));
    await this.writer.write(added.map((each) => ({ key: subscriptionKey(client.id, each.topic), value: toValue({ ...each, clientId: client.id }) })));
    for (const subscription of added) this.subscriptions.add(client.id, subscription);
  }

  /** Removes subscriptions by their filters. */
  async removeSubscriptions(client: AedesClientLike, topics: readonly string[]): Promise<void> {
    await this.writer.write(topics.map((topic) => ({ key: subscriptionKey(client.id, topic), value: undefined })));
    for (const topic of topics) this.subscriptions.remove(client.id, topic);
  }

  /** Removes all subscriptions of one client. */
  async cleanSubscriptions(client: AedesClientLike): Promise<void> {
    await this.removeSubscriptions(client, this.subscriptions.ofClient(client.id).map(({ topic }) => topic));
  }

  /** Subscriptions of one client. */
  async subscriptionsByClient(client: AedesClientLike): Promise<AedesSubscriptionLike[]> {
    return this.subscriptions.ofClient(client.id);
  }

  /** Those above QoS 0 that match the topic. */
  async subscriptionsByTopic(topic: string): Promise<AedesClientSubscription[]> {
    return this.subscriptions.ofTopic(topic);
  }

  /** How many subscriptions above QoS 0 there are, and how many clients with any. */
  async countOffline(): Promise<{ readonly subsCount: number; readonly clientsCount: number }> {
    return this.subscriptions.counts;
  }

  /** Identifiers of the clients with exactly this filter. */
  getClientList(topic: string): Readable {
    return Readable.from(this.subscriptions.clientsOf(topic));
  }

  // ---- outgoing packets --------------------------------------------------------------------------------------

  /** A packet for one queue. */
  async outgoingEnqueue(subscription: { readonly clientId: string }, packet: AedesPacketLike): Promise<void> {
    await this.outgoingEnqueueCombi([subscription], packet);
  }

  /** A packet for several queues, in all of them or in none; once in each, however many filters matched. */
  async outgoingEnqueueCombi(subscriptions: readonly { readonly clientId: string }[], packet: AedesPacketLike): Promise<void> {
    const { brokerId, brokerCounter } = packet;
    const value = toValue({ packet: keptPacket(packet), brokerId, brokerCounter } satisfies Queued);
    const changes: KeyValueChange[] = [];
    for (const clientId of new Set(subscriptions.map((each) => each.clientId))) {
      const order = (this.order += 1);
      changes.push({ key: queuedKey(clientId, order), value });
      if (brokerId) changes.push({ key: brokerKey(clientId, brokerId, brokerCounter), value: uint48(order) });
    }
    if (changes.length > 0) await this.writer.write(changes);
  }

  /** Gives a packet the identifier it is sent with; or puts a PUBREL in the place of the packet with its identifier. */
  async outgoingUpdate(client: AedesClientLike, packet: AedesPacketLike): Promise<void> {
    await this.inTurn(client.id, async () => {
      const { id } = client;
      const { brokerId, brokerCounter, messageId } = packet;
      const named = brokerId ? await this.orderAt(brokerKey(id, brokerId, brokerCounter)) : undefined;
      const order = named ?? (await this.orderAt(sentKey(id, messageId)));
      const queued = order === undefined ? undefined : await this.get<Queued>(queuedKey(id, order));
      if (order === undefined || queued === undefined) throw new Error('no such packet');
      const isNamed = named !== undefined && packet.cmd !== 'pubrel';
      const updated = isNamed ? { ...queued.packet, messageId } : { ...packet };
      const before = queued.packet.messageId;
      const changes: KeyValueChange[] = [];
      if (before !== undefined && before !== messageId && (await this.orderAt(sentKey(id, before))) === order) {
        changes.push({ key: sentKey(id, before), value: undefined });
      }
      changes.push({ key: sentKey(id, messageId), value: uint48(order) }, { key: queuedKey(id, order), value: toValue({ ...queued, packet: updated }) });
      await this.writer.write(changes);
    });
  }

  /** Deletes the packet with this identifier, and returns it; `undefined` when there is none. */
  async outgoingClearMessageId(client: AedesClientLike, { messageId }: AedesPacketLike): Promise<AedesPacketLike | undefined> {
    if (messageId === undefined) return undefined;
    return this.inTurn(client.id, async () => {
      const { id } = client;
      const order = await this.orderAt(sentKey(id, messageId));
      const queued = order === undefined ? undefined : await this.get<Queued>(queuedKey(id, order));
      if (order === undefined || queued === undefined) return undefined;
      const { packet, brokerId, brokerCounter } = queued;
      const gone = [sentKey(id, messageId), queuedKey(id, order), ...(brokerId ? [brokerKey(id, brokerId, brokerCounter)] : [])];
      await this.writer.write(gone.map((key) => ({ key, value: undefined })));
      return packet;
    });
  }

  /** In the order in which they came. */
  outgoingStream(client: AedesClientLike): Readable {
    return Readable.from(this.packetsOf(client.id));
  }

  // ---- incoming QoS 2 packets --------------------------------------------------------------------------------

  /** Keeps a packet until it is released. */
  async incomingStorePacket(client: AedesClientLike, packet: AedesPacketLike): Promise<void> {
    const { messageId } = packet;
    await this.writer.write([{ key: incomingKey(client.id, messageId), value: toValue({ ...keptPacket(packet), messageId }) }]);
  }

  /** The packet with this identifier; rejects when there is none. */
  async incomingGetPacket(client: AedesClientLike, { messageId }: AedesPacketLike): Promise<AedesPacketLike> {
    const packet = await this.get<AedesPacketLike>(incomingKey(client.id, messageId));
    if (packet === undefined) throw new Error('no such packet');
    return packet;
  }

  /** Deletes the packet with this identifier. */
  async incomingDelPacket(client: AedesClientLike, { messageId }: AedesPacketLike): Promise<void> {
    await this.writer.write([{ key: incomingKey(client.id, messageId), value: undefined }]);
  }

  /** Deletes all incoming packets of one client. */
  async cleanIncoming(client: AedesClientLike): Promise<void> {
    const changes: KeyValueChange[] = [];
    for await (const [key] of this.store.read(clientRange('c', client.id))) changes.push({ key, value: undefined });
    if (changes.length > 0) await this.writer.write(changes);
  }

  // ---- wills -------------------------------------------------------------------------------------------------

  /** Marks the will with its client and its broker, as every persistence does. */
  async putWill(client: AedesClientLike, packet: AedesPacketLike): Promise<void> {
    packet.brokerId = this.brokerOf?.id;
    packet.clientId = client.id;
    await this.writer.write([{ key: willKey(client.id), value: toValue({ ...packet }) }]);
  }

  /** The will of one client. */
  async getWill(client: AedesClientLike): Promise<AedesPacketLike | undefined> {
    return this.get(willKey(client.id));
  }

  /** Returns the will that was deleted. */
  async delWill(client: AedesClientLike): Promise<AedesPacketLike | undefined> {
    return this.inTurn(client.id, async () => {
      const will = await this.getWill(client);
      if (will !== undefined) await this.writer.write([{ key: willKey(client.id), value: undefined }]);
      return will;
    });
  }

  /** Wills of brokers that are not among `brokers`. */
  streamWill(brokers: Readonly<Record<string, unknown>> = {}): Readable {
    return Readable.from(this.willsBeside(brokers));
  }

  /** Writes what was asked for and closes the store. */
  async destroy(): Promise<void> {
    if (this.isDestroyed) throw new Error('destroyed called twice!');
    this.isDestroyed = true;
    await Promise.allSettled(this.turns.values());
    await this.writer.idle();
    await this.store.close();
  }

  // ------------------------------------------------------------------------------------------------------------

  private async *retained(patterns: readonly string[]): AsyncGenerator<AedesPacketLike> {
    const seen = new Set<string>();
    for (const pattern of patterns) {
      const wildcard = pattern.search(/[+#]/);
      if (!hasWildcard(pattern)) {
        const packet = seen.has(pattern) ? undefined : await this.get<AedesPacketLike>(retainedKey(pattern));
        seen.add(pattern);
        if (packet !== undefined) yield packet;
        continue;
      }
      // `a/#` matches `a` too.
      for await (const [, value] of this.store.read(retainedRange(pattern.slice(0, Math.max(0, wildcard - 1))))) {
        const packet = fromValue<AedesPacketLike>(value);
        const topic = String(packet.topic);
        if (!matches(pattern, topic) || seen.has(topic)) continue;
        seen.add(topic);
        yield packet;
      }
    }
  }

  private async *packetsOf(clientId: string): AsyncGenerator<AedesPacketLike> {
    for await (const [, value] of this.store.read(clientRange('o', clientId))) yield fromValue<Queued>(value).packet;
  }

  private async *willsBeside(brokers: Readonly<Record<string, unknown>>): AsyncGenerator<AedesPacketLike> {
    for await (const [, value] of this.store.read(kindRange('w'))) {
      const will = fromValue<AedesPacketLike>(value);
      if (!brokers[String(will.brokerId)]) yield will;
    }
  }

  private async get<T>(key: Buffer): Promise<T | undefined> {
    const value = await this.valueAt(key);
    return value === undefined ? undefined : fromValue<T>(value);
  }

  private async orderAt(key: Buffer): Promise<number | undefined> {
    const value = await this.valueAt(key);
    return value === undefined ? undefined : readUint48(value);
  }

  private async valueAt(key: Buffer): Promise<Uint8Array | undefined> {
    if (this.store.readMany !== undefined) return (await this.store.readMany([key]))[0];
    for await (const [, value] of this.store.read({ gte: key, lt: Buffer.concat([key, Buffer.of(0)]) })) return value;
    return undefined;
  }

  /** What reads before it writes would undo what another call of the same client wrote in between. */
  private inTurn<T>(clientId: string, run: () => Promise<T>): Promise<T> {
    const before = this.turns.get(clientId) ?? Promise.resolve();
    const turn = before.then(run, run);
    this.turns.set(clientId, turn);
    const forget = (): void => {
      if (this.turns.get(clientId) === turn) this.turns.delete(clientId);
    };
    void turn.then(forget, forget);
    return turn;
  }
}

/** What Aedes's own `Packet` takes over of a packet; it has no identifier until it is sent. */
function keptPacket(packet: AedesPacketLike): AedesPacketLike {
  const kept: AedesPacketLike = {};
  for (const name of ['clientId', 'nl', 'properties', 'messageExpiry']) if (Object.hasOwn(packet, name)) kept[name] = packet[name];
  return {
    ...kept,
    cmd: packet.cmd ?? 'publish',
    brokerId: packet.brokerId,
    brokerCounter: packet.brokerCounter ?? 0,
    topic: packet.topic ?? '',
    payload: packet.payload ?? Buffer.alloc(0),
    qos: packet.qos ?? 0,
    retain: packet.retain ?? false,
    dup: packet.dup ?? false,
    messageId: undefined,
  };
}
