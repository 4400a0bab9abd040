/**
 * Order, however long each hook takes. Method: the same conversation twice, with a hook that answers in the same call and
 * with one whose answers come in an order drawn from the seed; every connection must see the same packets in the same order.
 */
import { expect, test } from '@jest/globals';
import type { Action, AuthorizeAnswer, HookClient } from '../../src/index.js';
import type { WireClient, WirePacket } from '../../src/testing/index.js';
import { createPrng } from '../../src/util/prng.js';
import { both, byQos, openRig, publishes, short } from '../wire/rig.js';
import type { Rig } from '../wire/rig.js';

type Pick = (below: number) => number;

const pickFrom = (seed: number): Pick => {
  const random = createPrng(seed);
  return (below) => random.uint32() % below;
};

/** By what was asked alone, so that both runs decide alike. */
const decides = ({ id }: HookClient, { type, topic, qos }: Action): boolean =>
  Buffer.from(`${id}${type}${topic}${qos}`).reduce((sum, byte) => (sum * 31 + byte) % 997, 7) % 4 !== 0;

/** Answers are drawn one by one; some questions are answered in the same call all the same. */
class Shuffled {
  readonly #open: (() => void)[] = [];
  readonly #pick: Pick;

  constructor(pick: Pick) {
    this.#pick = pick;
  }

  readonly authorize = (client: HookClient, action: Action): AuthorizeAnswer | Promise<AuthorizeAnswer> => {
    const answer = decides(client, action);
    if (this.#pick(4) === 0) return answer;
    return new Promise((resolve) => this.#open.push(() => resolve(answer)));
  };

  /** Answers one question after the other, whichever comes. */
  async end(rig: Rig): Promise<number> {
    let answered = 0;
    for (await rig.settle(); this.#open.length > 0; await rig.settle()) {
      for (const answer of this.#open.splice(this.#pick(this.#open.length), 1)) answer();
      answered += 1;
    }
    return answered;
  }
}

/** What two publishers say; which of them is next is part of it, but each waits for its own answers only. */
function says(publisher: WireClient, pick: Pick, index: number): void {
  const topic = 'abcdef'[pick(6)] as string;
  const what = pick(10);
  const packetId = index + 1;
  if (what < 7) publisher.publish({ topic, payload: `${index}`, qos: pick(3) as 0 | 1 | 2, packetId });
  else if (what === 7) publisher.subscribe([`own/${topic}`, `own/${index}`], { packetId, qos: 1 });
  else if (what === 8) publisher.unsubscribe(`own/${topic}`, { packetId });
  else publisher.pingreq();
}

interface Heard {
  readonly publishers: readonly (readonly string[])[];
  /** What each subscriber got of each publisher: between two publishers there is no order. */
  readonly subscribers: unknown;
  readonly dropped: readonly string[];
}

async function converse(seed: number, protocolVersion: 4 | 5, rig: Rig, end: () => Promise<unknown>): Promise<Heard> {
  const ids = ['one', 'two', 'three'];
  const subscribers = ids.map((id) => rig.client(id, { protocolVersion }).subscribe('#', { qos: 2 }));
  const publishers = ['p', 'q'].map((id) => rig.client(id, { protocolVersion }));
  await end();
  for (const client of subscribers) client.skip();
  for (const [which, publisher] of publishers.entries()) {
    const pick = pickFrom(seed * 2 + which);
    for (let index = 0; index < 60; index += 1) says(publisher, pick, index + 1000 * which);
  }
  await end();
  const perPublisher = (packets: readonly WirePacket[]): unknown =>
    [(index: number) => index < 1000, (index: number) => index >= 1000].map((isIts) => byQos(packets.filter(({ payload }) => isIts(Number(payload)))));
  return {
    publishers: publishers.map((publisher) => short(publisher.received())),
    subscribers: subscribers.map((subscriber) => perPublisher(publishes(subscriber))),
    dropped: rig.dropped.toSorted((a, b) => (a < b ? -1 : 1)),
  };
}

const seeds = Array.from({ length: 12 }, (_, index) => index + 1);
const runs = both.flatMap((version) => seeds.map((seed) => ({ ...version, seed })));

test.each(runs)('$name, seed $seed: late answers change nothing', async ({ protocolVersion, seed }) => {
  const plain = openRig({ authorize: decides });
  const expected = await converse(seed, protocolVersion, plain, () => plain.settle());
  const shuffled = new Shuffled(pickFrom(seed + 1000));
  const rig = openRig({ authorize: shuffled.authorize });
  let answered = 0;
  const heard = await converse(seed, protocolVersion, rig, async () => (answered += await shuffled.end(rig)));
  expect(heard).toEqual(expected);
  expect(answered).toBeGreaterThan(50);
  expect(heard.publishers.every((packets) => packets.length > 20)).toBe(true);
});

test('a client in the process: its calls are settled in their order', async () => {
  const open: (() => void)[] = [];
  const rig = openRig({ authorize: (_, { type }) => type === 'deliver' || new Promise((answer) => open.push(() => answer(true))) });
  const me = await rig.broker.connect({ clientId: 'me' });
  const settled: number[] = [];
  const calls = Array.from({ length: 8 }, async (_, index) => {
    if (index % 3 === 2) await me.subscribe(`f/${index}`);
    else await me.publish('t', String(index), { qos: 1 });
    settled.push(index);
  });
  // Never more than one question is open: the next call waits for the one before.
  for (await rig.settle(); open.length > 0; await rig.settle()) {
    expect(open).toHaveLength(1);
    open.shift()?.();
  }
  await Promise.all(calls);
  expect(settled).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});
