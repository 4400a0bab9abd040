/**
 * Clients that come, go, take over and acknowledge when they like, with hooks that answer late and a broker that is
 * closed and opened again on its store. Sessions last, so
 * nothing that was acknowledged may be lost, QoS 2 may not come twice, and in the end nothing may be counted any more.
 */
import { expect, test } from '@jest/globals';
import { memoryStorage } from '../../src/index.js';
import type { BrokerOptions } from '../../src/index.js';
import type { WireClient, WirePacket } from '../../src/testing/index.js';
import { createPrng, type Prng } from '../../src/util/prng.js';
import { openRig } from './rig.js';
import type { Rig } from './rig.js';

interface Sent {
  readonly packetId: number;
  readonly topic: string;
  readonly payload: string;
  readonly qos: 1 | 2;
  isReceived: boolean;
}

/** A client that keeps its side of the session over connections. */
class Peer {
  readonly got: string[] = [];
  readonly acknowledged: string[] = [];
  wire: WireClient | undefined = undefined;
  readonly id: string;
  /** The broker at hand: it is closed and opened again now and then. */
  readonly #world: { readonly rig: Rig };
  readonly #random: Prng;
  readonly #version: 4 | 5;
  readonly #filters: readonly (readonly [filter: string, qos: 0 | 1 | 2])[];
  readonly #unreleased = new Set<number>();
  #sent: Sent[] = [];
  #nextId = 1;
  /** What it has yet to answer, on this connection. */
  #todo: WirePacket[] = [];
  #isKnown = false;

  constructor(world: { readonly rig: Rig }, random: Prng, id: string, filters: readonly (readonly [filter: string, qos: 0 | 1 | 2])[]) {
    this.#world = world;
    this.#random = random;
    this.id = id;
    this.#filters = filters;
    this.#version = random.below(2) === 0 ? 4 : 5;
  }

  /** Also takes over from the connection before, if that stands. */
  async connect(): Promise<void> {
    const properties = { sessionExpiryInterval: 100_000, receiveMaximum: 1 + this.#random.below(20) };
    this.#todo = [];
    const { rig } = this.#world;
    const wire = rig.open({ protocolVersion: this.#version });
    wire.connect({ clientId: this.id, clean: false, ...(this.#version === 5 && { properties }) });
    this.wire = wire;
    await rig.settle();
    const [connack, ...others] = wire.received();
    if (connack?.type !== 'connack' || connack.sessionPresent !== this.#isKnown) throw new Error(`${this.id}: ${JSON.stringify(connack)}`);
    this.#todo.push(...others);
    if (!this.#isKnown) for (const [topic, qos] of this.#filters) wire.subscribe(topic, { qos, packetId: 65_000 });
    this.#isKnown = true;
    // Again, in order: what may have been lost.
    for (const { packetId, topic, payload, qos, isReceived } of this.#sent) {
      if (isReceived) wire.pubrel(packetId);
      else wire.publish({ topic, payload, qos, packetId, dup: true });
    }
  }

  drop(): void {
    this.wire?.drop();
    this.wire = undefined;
  }

  publish(topic: string, payload: string, qos: 1 | 2): void {
    if (this.wire === undefined || this.#sent.length >= 20) return;
    const packetId = this.#nextId;
    this.#nextId = (this.#nextId % 60_000) + 1;
    this.#sent.push({ packetId, topic, payload, qos, isReceived: false });
    this.wire.publish({ topic, payload, qos, packetId });
  }

  /** Deals with up to `most` packets; says whether there were any. */
  work(most: number): boolean {
    if (this.wire === undefined) return false;
    this.#todo.push(...this.wire.received());
    const now = this.#todo.splice(0, most);
    for (const packet of now) this.#answer(this.wire, packet);
    return now.length > 0;
  }

  get isIdle(): boolean {
    return this.#sent.length === 0 && this.#todo.length === 0;
  }

  #answer(wire: WireClient, { type, packetId = 0, qos, payload = '' }: WirePacket): void {
    const sent = this.#sent.find((each) => each.packetId === packetId);
    if (type === 'publish') {
      if (qos !== 2 || !this.#unreleased.has(packetId)) this.got.push(payload);
      if (qos === 1) wire.puback(packetId);
      if (qos !== 2) return;
      this.#unreleased.add(packetId);
      wire.pubrec(packetId);
    } else if (type === 'pubrel') {
      this.#unreleased.delete(packetId);
      wire.pubcomp(packetId);
    } else if (type === 'pubrec' && sent !== undefined) {
      sent.isReceived = true;
      wire.pubrel(packetId);
    } else if ((type === 'puback' || type === 'pubcomp') && sent !== undefined) {
      this.#sent = this.#sent.filter((each) => each !== sent);
      this.acknowledged.push(sent.payload);
    } else if (type === 'disconnect') throw new Error(`${this.id} was disconnected`);
  }
}

/** How often each was received. */
function counted(payloads: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const payload of payloads) counts.set(payload, (counts.get(payload) ?? 0) + 1);
  return counts;
}

// Method: 400 random steps; then everybody comes back and answers all. A payload is publisher, number, QoS.
test.each(Array.from({ length: 12 }, (_, seed) => seed))('seed %i: nothing is lost or doubled, and all counters come back to zero', async (seed) => {
  const random = createPrng(seed);
  const isSlow = seed % 3 !== 0;
  const options: BrokerOptions = {
    storage: memoryStorage(),
    authorize: (_client, { type }) => (isSlow && type !== 'subscribe' && random.below(4) === 0 ? Promise.resolve().then(() => true) : true),
  };
  const world = { rig: openRig(options) };
  const shared = Array.from({ length: 3 }, (_, index) => new Peer(world, random, `shared${index}`, [['$share/g/t/#', index === 0 ? 1 : 2]]));
  const plain = Array.from({ length: 3 }, (_, index) => new Peer(world, random, `plain${index}`, [['t/#', index === 0 ? 1 : 2], ['t/+', index === 2 ? 2 : 0]]));
  const publishers = Array.from({ length: 2 }, (_, index) => new Peer(world, random, `pub${index}`, index === 0 ? [['t/own', 2]] : []));
  const peers = [...shared, ...plain, ...publishers];
  for (const peer of peers) await peer.connect();
  let number = 0;
  for (let step = 0; step < 400; step += 1) {
    const peer = random.pick(peers);
    const dice = random.below(20);
    if (dice < 9) {
      const qos = random.below(2) === 0 ? 1 : 2;
      const publisher = random.pick(publishers);
      publisher.publish(random.below(3) === 0 ? 't/own' : 't/x', `${publisher.id}.${number++}.${qos}`, qos);
    } else if (dice < 16) peer.work(1 + random.below(6));
    else if (dice === 16) peer.drop();
    else if (dice === 17) await peer.connect();
    else if (random.below(20) > 0) await world.rig.settle();
    else {
      for (const each of peers) each.wire = undefined;
      await world.rig.close();
      world.rig = openRig(options);
    }
  }
  for (const peer of peers) await peer.connect();
  const { rig } = world;
  for (let rounds = 0; rounds < 500; rounds += 1) {
    await rig.settle();
    const worked = peers.map((peer) => peer.work(1000));
    if (!worked.includes(true)) break;
  }
  expect(peers.every(({ isIdle }) => isIdle)).toBe(true);
  const published = publishers.flatMap(({ acknowledged }) => acknowledged);
  expect(published.length).toBeGreaterThan(10);
  const check = (got: readonly string[], expected: readonly string[], granted: number): void => {
    const counts = counted(got);
    const lost = expected.filter((payload) => !counts.has(payload));
    const doubled = [...counts].filter(([payload, count]) => count > 1 && payload.endsWith('2') && granted === 2);
    expect({ lost, doubled }).toEqual({ lost: [], doubled: [] });
  };
  plain.forEach(({ got }, index) => check(got, published, index === 0 ? 1 : 2));
  check(shared.flatMap(({ got }) => got), published, 1);
  // v5 [MQTT-4.6.0-6]: first copies of one publisher at one QoS are in order, here on a topic of its own.
  for (const { got } of plain) {
    for (const { id } of publishers) {
      for (const qos of ['1', '2']) {
        const numbers = [...new Set(got)].map((payload) => payload.split('.')).filter((parts) => parts[0] === id && parts[2] === qos).map((parts) => Number(parts[1]));
        expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
      }
    }
  }
  expect(rig.stats).toMatchObject({ queuedMessages: 0, queuedBytes: 0, inflightMessages: 0, memoryBytes: 0, clients: peers.length, sessions: peers.length });
  expect(rig.dropped).toEqual([]);
});
