/**
 * Everything at once, hooks and listeners that kick, publish and close from within included: whatever happens, in the
 * end no session, subscription, message, byte or deadline is left, and no error was reported.
 */
import { expect, test } from '@jest/globals';
import type { HostSubscription } from '../../src/index.js';
import type { WireClient } from '../../src/testing/index.js';
import { createPrng } from '../../src/util/prng.js';
import { openRig } from './rig.js';

const names = ['a', 'b', 'c', 'd'];
const filters = ['t/#', 't/x', '$share/g/t/#', '$share/h/t/x', '+/x', 'will/#'];

// Method: 600 random steps of clients that keep no rules of their own beyond well-formed packets.
test.each(Array.from({ length: 12 }, (_, seed) => seed))('seed %i: nothing is left', async (seed) => {
  const random = createPrng(1000 + seed);
  const chance = (of: number): boolean => random.below(of) === 0;
  let isWild = true;
  const kick = (): void => {
    const clients = [...rig.broker.clients.values()];
    if (clients.length > 0) random.pick(clients).close();
  };
  const rig = openRig({
    memoryBytesMax: chance(2) ? 20_000 : 1_000_000,
    queueMessagesMax: 1 + random.below(50),
    queueOverflow: chance(2) ? 'oldest' : 'newest',
    queueQos0: chance(2),
    sharedSelection: chance(2) ? 'stickyByTopic' : 'leastInflight',
    retainedMessagesMax: 5,
    sessionExpirySecondsMax: 60,
    takeover: () => (chance(2) ? Promise.resolve(chance(2)) : chance(2)),
    authenticate: () => (chance(3) ? Promise.resolve(true) : true),
    authorize: () => {
      if (isWild && chance(60)) kick();
      return chance(5) ? Promise.resolve(!chance(5)) : !chance(20);
    },
  });
  const { broker } = rig;
  const own: HostSubscription[] = [];
  const act = (): void => {
    if (!isWild || !chance(30)) return;
    const dice = random.below(5);
    if (dice < 2) kick();
    else if (dice === 2) void broker.publish('t/x', 'from a listener', { qos: random.pick([0, 1, 2]) });
    else if (dice === 3 && own.length < 5) own.push(broker.subscribe(random.pick(filters), act));
    else own.pop()?.unsubscribe();
  };
  for (const event of ['client', 'clientReady', 'clientDisconnected', 'publish', 'delivered', 'dropped', 'subscribe', 'unsubscribe', 'sessionCreated', 'sessionResumed', 'sessionEnded', 'sessionTakenOver', 'will'] as const) {
    broker.on(event, act);
  }
  let wires: WireClient[] = [];
  const connect = (): void => {
    const wire = rig.open({ protocolVersion: random.pick([3, 4, 5]), halfOpen: chance(4) });
    const will = chance(2) ? { topic: random.pick(['will/x', 't/x']), payload: 'will', qos: random.pick([0, 1, 2] as const), retain: chance(3) } : undefined;
    const isVersion5 = wire.protocolVersion === 5;
    wire.connect({
      clientId: random.pick(names),
      clean: chance(3),
      keepalive: random.pick([0, 5, 60]),
      ...(chance(3) && { username: random.pick(['one', 'two']), password: 'x' }),
      ...(will !== undefined && { will: { ...will, ...(isVersion5 && { properties: { willDelayInterval: random.below(20) } }) } }),
      ...(isVersion5 && { properties: { sessionExpiryInterval: random.pick([0, 10, 30]), receiveMaximum: random.pick([1, 3, 100]), topicAliasMaximum: random.below(3) } }),
    });
    wires.push(wire);
  };
  for (let step = 0; step < 600; step += 1) {
    if (wires.length < 4) connect();
    const wire = random.pick(wires);
    switch (random.below(16)) {
      case 0:
        connect();
        break;
      case 1:
        wire.subscribe(filters.filter(() => chance(2)).concat('t/y'), { qos: random.pick([0, 1, 2]), packetId: 500 });
        break;
      case 2:
        wire.unsubscribe([random.pick(filters), random.pick(filters)], { packetId: 501 });
        break;
      case 3:
      case 4:
      case 5:
      case 6:
        wire.publish({ topic: random.pick(['t/x', 't/y', 't']), payload: Buffer.alloc(random.below(400)), qos: random.pick([0, 1, 2]), retain: chance(5), packetId: 1 + random.below(5) });
        break;
      case 7:
      case 8:
      case 9:
        for (const { type, packetId = 0, qos } of wire.closed ? [] : wire.received()) {
          if (type === 'publish' && qos === 1 && !chance(4)) wire.puback(packetId);
          else if (type === 'publish' && qos === 2 && !chance(4)) wire.pubrec(packetId, wire.protocolVersion === 5 && chance(5) ? 0x80 : 0);
          else if (type === 'pubrel') wire.pubcomp(packetId);
          else if (type === 'pubrec') wire.pubrel(packetId);
        }
        break;
      case 10:
        wire.disconnect();
        break;
      case 11:
        if (chance(2)) wire.drop();
        else wire.end();
        break;
      case 12:
        if (chance(2)) wire.pause();
        else wire.resume();
        break;
      case 13:
        rig.clock.advance(random.below(4000));
        break;
      case 14:
        void broker.connect({ clientId: random.pick(names), cleanStart: chance(2), sessionExpirySeconds: random.pick([0, 10]) }).then(
          async (client) => {
            await client.subscribe(random.pick(filters), { qos: 1 });
            await client.publish('t/x', 'local', { qos: 2 });
            if (chance(2)) await client.disconnect();
          },
        ).catch(() => undefined);
        break;
      default:
        await rig.settle();
    }
    wires = wires.filter(({ closed }) => !closed);
  }
  isWild = false;
  for (const subscription of own) subscription.unsubscribe();
  await rig.settle();
  for (const wire of wires) wire.drop();
  for (let rounds = 0; rounds < 20; rounds += 1) {
    await rig.settle();
    for (const client of broker.clients.values()) client.close();
    rig.clock.advance(10_000);
  }
  const left = rig.stats;
  expect(left).toMatchObject({ connections: 0, clients: 0, sessions: 0, subscriptions: 0, queuedMessages: 0, queuedBytes: 0, inflightMessages: 0, memoryBytes: 0 });
  expect(left.connectionsOpened).toBe(left.connectionsClosed);
  expect(rig.errors.map(String)).toEqual([]);
  const { engine } = broker as unknown as { engine: { memory: { transientBytes: number; parked: Set<unknown> }; durability: { waiters: Set<unknown> }; sessions: { opening: Map<string, unknown> }; router: { groups: Map<string, unknown> } } };
  expect({
    transientBytes: engine.memory.transientBytes,
    parked: engine.memory.parked.size,
    waiters: engine.durability.waiters.size,
    opening: engine.sessions.opening.size,
    groups: engine.router.groups.size,
    deadlines: rig.clock.pending,
  }).toEqual({ transientBytes: 0, parked: 0, waiters: 0, opening: 0, groups: 0, deadlines: 0 });
  expect(left.connectsAccepted).toBeGreaterThan(10);
});
