/**
 * Goal: QoS 1 at least once, QoS 2 exactly once, in order, within the window, whatever the client does.
 * Method: seeded runs in which a subscriber acknowledges late and partly, vanishes, is taken over and comes back with
 * other windows, while two clients publish; a model of a correct client keeps the books.
 */
import { expect, test } from '@jest/globals';
import type { BrokerOptions } from '../../src/index.js';
import { createPrng } from '../../src/util/prng.js';
import { ModelSubscriber } from './model-subscriber.js';
import { openRig } from './rig.js';

/** Each publisher's payloads are `name:number`, in order at first sight. */
function expectOrder(seen: readonly { readonly payload: string; readonly qos: number }[]): void {
  const last = new Map<string, number>();
  const known = new Set<string>();
  for (const { payload, qos } of seen) {
    if (known.has(payload)) continue;
    known.add(payload);
    const [name = '', number = ''] = payload.split(':');
    const stream = `${name} at QoS ${qos}`;
    if (Number(number) < (last.get(stream) ?? -1)) throw new Error(`${payload} of ${stream} came late`);
    last.set(stream, Number(number));
  }
}

async function run(seed: number, version: 4 | 5, options: BrokerOptions): Promise<void> {
  const random = createPrng(seed);
  const rig = openRig(options);
  const publishers = ['p', 'q'].map((id) => rig.client(id));
  const subscriber = new ModelSubscriber(rig, 'sub', version);
  subscriber.connect(5).subscribe('t/#', { qos: 2 });
  await rig.settle();
  const sent: string[][] = [[], [], []];
  for (let step = 0; step < 400; step += 1) {
    const dice = random.below(100);
    if (dice < 45) {
      const [index, qos] = [random.below(2), random.below(3) as 0 | 1 | 2];
      const payload = `${index}:${step}`;
      sent[qos]?.push(payload);
      publishers[index]?.publish({ topic: 't/x', payload, qos, packetId: 1 });
      if (qos === 2) publishers[index]?.pubrel(1);
    } else if (dice < 65) subscriber.read();
    else if (dice < 88) subscriber.acknowledge(1 + random.below(4));
    else if (dice < 92) subscriber.vanish();
    else if (dice < 98 || !subscriber.connected) subscriber.connect(1 + random.below(8)); // takes over if it stands
    if (dice % 7 === 0) await rig.settle();
  }
  subscriber.connect(7);
  for (let round = 0; round < 2000 && (round < 5 || rig.stats.memoryBytes + rig.stats.inflightMessages > 0); round += 1) {
    await rig.settle();
    subscriber.read();
    subscriber.acknowledge(100);
  }
  await rig.settle();
  subscriber.read();
  const got = (qos: number): string[] => subscriber.seen.filter((message) => message.qos === qos).map(({ payload }) => payload);
  expect(got(2)).toHaveLength(new Set(got(2)).size);
  expect(new Set(got(2))).toEqual(new Set(sent[2]));
  expect(new Set(got(1))).toEqual(new Set(sent[1]));
  expect(got(0)).toHaveLength(new Set(got(0)).size);
  expectOrder(subscriber.seen);
  expect(rig.stats).toMatchObject({ queuedMessages: 0, queuedBytes: 0, inflightMessages: 0, memoryBytes: 0 });
  expect((sent[1]?.length ?? 0) + (sent[2]?.length ?? 0)).toBeGreaterThan(80);
}

const seeds = Array.from({ length: 12 }, (_, index) => index + 1);

test.each(seeds)('seed %i: 5.0', (seed) => run(seed, 5, {}));

test.each(seeds)('seed %i: 3.1.1, with a small window and QoS 0 queued', (seed) => run(seed + 100, 4, { inflightMax: 3, queueQos0: true }));

test.each(seeds)('seed %i: 5.0, hooks that answer at once or late', (seed) => {
  const random = createPrng(seed);
  return run(seed + 200, 5, {
    authorize: () => (random.below(2) === 0 ? true : Promise.resolve(true)),
    queueQos0: seed % 2 === 0,
  });
});

// ---- Shared ----

/** Members of one group come, vanish and acknowledge as they like; none of their sessions ends. */
async function runShared(seed: number, options: BrokerOptions): Promise<void> {
  const random = createPrng(seed);
  const rig = openRig(options);
  const publisher = rig.client('pub');
  const members = ['a', 'b', 'c'].map((id, index) => new ModelSubscriber(rig, id, index === 2 ? 4 : 5));
  for (const member of members) member.connect(3).subscribe('$share/g/t/#', { qos: 2 });
  await rig.settle();
  const sent: string[][] = [[], [], []];
  for (let step = 0; step < 400; step += 1) {
    const dice = random.below(100);
    const member = random.pick(members);
    if (dice < 40) {
      const qos = (1 + random.below(2)) as 1 | 2;
      sent[qos]?.push(`0:${step}`);
      publisher.publish({ topic: `t/${random.below(5)}`, payload: `0:${step}`, qos, packetId: 1 });
      if (qos === 2) publisher.pubrel(1);
    } else if (dice < 62) member.read();
    else if (dice < 84) member.acknowledge(1 + random.below(4));
    else if (dice < 91) member.vanish();
    else if (!member.connected || dice < 94) member.connect(1 + random.below(5));
    if (dice % 7 === 0) await rig.settle();
  }
  for (const member of members) member.connect(5);
  for (let round = 0; round < 2000 && (round < 5 || rig.stats.memoryBytes + rig.stats.inflightMessages > 0); round += 1) {
    await rig.settle();
    for (const member of members) {
      member.read();
      member.acknowledge(100);
    }
  }
  const got = (qos: number): string[] =>
    members.flatMap(({ seen }) => seen.filter((message) => message.qos === qos).map(({ payload }) => payload));
  expect(got(2)).toHaveLength(new Set(got(2)).size);
  expect(new Set(got(2))).toEqual(new Set(sent[2]));
  expect(new Set(got(1))).toEqual(new Set(sent[1]));
  expect(rig.stats).toMatchObject({ queuedMessages: 0, queuedBytes: 0, inflightMessages: 0, memoryBytes: 0 });
  expect((sent[1]?.length ?? 0) + (sent[2]?.length ?? 0)).toBeGreaterThan(80);
}

test.each(seeds)('seed %i: a shared group', (seed) => runShared(seed + 300, {}));

test.each(seeds)('seed %i: a shared group, sticky, hooks that answer at once or late', (seed) => {
  const random = createPrng(seed);
  return runShared(seed + 400, {
    sharedSelection: seed % 2 === 0 ? 'stickyByTopic' : 'leastInflight',
    authorize: () => (random.below(2) === 0 ? true : Promise.resolve(true)),
  });
});
