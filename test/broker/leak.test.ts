/**
 * Goal: ten thousand connections with a subscription each, opened and closed in every way, leave nothing.
 * Method: in batches over the in-memory transport, one round to warm up and two that are measured: what the broker
 * counts, what it holds inside, and the heap after a full garbage collection.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from '@jest/globals';
import type { Broker } from '../../src/index.js';
import type { BrokerEngine } from '../../src/broker/engine.js';
import { encodePacket } from '../../src/testing/wire-codec.js';
import { memoryTransportPair } from '../../src/testing/index.js';
import { testBroker } from '../support/broker.js';

const connections = 10_000;
const batch = 500;
/** One measured round may leave this much: 50 bytes a connection, where an idle connection costs 4 KiB. */
const heapBytesMax = 500_000;

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

/** Collects until the heap no longer shrinks, and tells what is left. */
function heapBytes(): number {
  let bytes = Infinity;
  for (let round = 0; round < 10; round += 1) {
    gc();
    const now = process.memoryUsage().heapUsed;
    if (now >= bytes) break;
    bytes = now;
  }
  return bytes;
}

interface Peer {
  readonly send: (packet: Parameters<typeof encodePacket>[0]) => void;
  readonly drop: () => void;
}

function dial(broker: Broker, protocolVersion: 4 | 5): Peer {
  const [mine, theirs] = memoryTransportPair();
  mine.start({ onBytes: () => undefined, onDrain: () => undefined, onEnd: () => mine.end(), onClose: () => undefined });
  broker.accept(theirs);
  return { send: (packet) => mine.write(encodePacket(packet, protocolVersion)), drop: () => mine.destroy() };
}

/** What connections may hold: everything that is counted now rather than ever. */
function gauges(broker: Broker): object {
  const { connections: open, clients, sessions, subscriptions, queuedMessages, queuedBytes, inflightMessages, memoryBytes, retainedMessages } = broker.stats();
  const { engine } = broker as unknown as { readonly engine: BrokerEngine };
  return {
    counted: { open, clients, sessions, subscriptions, queuedMessages, queuedBytes, inflightMessages, memoryBytes, retainedMessages },
    deadlines: engine.deadlines.size,
    sessionMap: engine.sessions.sessions.size,
    opening: privateSize(engine.sessions, 'opening'),
    groups: engine.router.groups.size,
    waiters: privateSize(engine.durability, 'waiters'),
    parked: privateSize(engine.memory, 'parked'),
    drivers: privateSize(broker, 'drivers'),
    listeners: broker.listenerCount('client'),
    routes: routesOf(engine) < connections / 10,
  };
}

/** Size of a private set or map: a field that was renamed fails the test, as NaN is no size. */
function privateSize(owner: object, field: string): number {
  const value: unknown = Reflect.get(owner, field);
  return value instanceof Set || value instanceof Map ? value.size : Number.NaN;
}

/** Topics whose remembered route still leads to a session. */
function routesOf(engine: BrokerEngine): number {
  let count = 0;
  for (let index = 0; index < connections; index += 1) {
    const { route } = engine.router.lookupTopic(`devices/${index}/state`);
    if (route !== undefined && route.deliveries.length > 0) count += 1;
  }
  return count;
}

test(`${connections} connections with a subscription each leave no session, timer, listener or byte, and no heap`, async () => {
  const { broker, clock } = testBroker();
  const connect = { cmd: 'connect', protocolId: 'MQTT', keepalive: 60 };
  const disconnectWith = { cmd: 'disconnect', reasonCode: 0x04 };

  /** Opens a batch, uses it, and closes each connection in another way. */
  const runBatch = (from: number): void => {
    const peers: Peer[] = [];
    for (let index = from; index < from + batch; index += 1) {
      const five = index % 2 === 0;
      const protocolVersion = five ? 5 : 4;
      const peer = dial(broker, protocolVersion);
      const keeps = five && index % 4 === 0 ? { clean: false, properties: { sessionExpiryInterval: 30 } } : { clean: true };
      const will = index % 3 === 0 ? { will: { topic: `wills/${index % 10}`, payload: 'gone', qos: 1 } } : {};
      peer.send({ ...connect, protocolVersion, clientId: `c${index}`, ...keeps, ...will });
      const topic = index % 5 === 0 ? `$share/g/devices/${index}/+` : `devices/${index}/+`;
      peer.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos: 2 }] });
      peer.send({ cmd: 'publish', topic: `devices/${index}/state`, payload: 'x', qos: 1, messageId: 2, retain: false, dup: false });
      peers.push(peer);
    }
    clock.flush();
    expect(broker.stats().subscriptions).toBeGreaterThanOrEqual(batch);
    for (const [index, peer] of peers.entries()) {
      if (index % 5 === 0) peer.send({ cmd: 'disconnect' });
      else if (index % 5 === 1) peer.drop();
      else if (index % 5 === 2) broker.clients.get(`c${from + index}`)?.close();
      else if (index % 5 === 3) peer.send(disconnectWith);
      else peer.send({ ...connect, protocolVersion: 5, clientId: 'again', clean: true }); // a second CONNECT: closed for it
    }
    clock.flush();
  };
  const runRound = async (): Promise<void> => {
    for (let from = 0; from < connections; from += batch) runBatch(from);
    clock.advance(120_000); // sessions that were kept expire
    await clock.settle();
  };

  const empty = gauges(broker);
  await runRound();
  expect(broker.stats()).toMatchObject({ connectionsOpened: connections, connectionsClosed: connections, connectsAccepted: connections });
  expect(gauges(broker)).toEqual(empty);
  const pending = clock.pending;
  const heapBefore = heapBytes();
  await runRound();
  await runRound();
  const grown = heapBytes() - heapBefore;
  expect(gauges(broker)).toEqual(empty);
  expect(clock.pending).toBe(pending);
  expect(grown).toBeLessThan(2 * heapBytesMax);
  expect(broker.stats()).toMatchObject({ connectionsOpened: 3 * connections, connectionsClosed: 3 * connections, protocolErrors: 3 * 2000 });
}, 60_000);
