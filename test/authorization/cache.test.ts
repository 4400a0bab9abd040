/** An answer that may be kept is kept for one connection, one kind of action and one topic: it never serves another. */
import { describe, expect, test } from '@jest/globals';
import type { Action, AuthorizeAnswer, BrokerOptions, HookClient } from '../../src/index.js';
import type { WireClient, WireVersion } from '../../src/testing/index.js';
import { createPrng } from '../../src/util/prng.js';
import { openRig, payloads } from '../wire/rig.js';
import type { Rig } from '../wire/rig.js';

const kept = { action: 'allow', cache: true } satisfies AuthorizeAnswer;
const never = { action: 'deny', cache: true } satisfies AuthorizeAnswer;

/** Who comes second: what a careless cache would take for the same. */
const others = [
  { who: 'another client of the same principal', clientId: 'b', username: 'p', leaves: false },
  { who: 'a client of another principal', clientId: 'b', username: 'q', leaves: false },
  { who: 'the same client after a reconnect', clientId: 'a', username: 'p', leaves: true },
  { who: 'the same client that takes over', clientId: 'a', username: 'p', leaves: false },
  { who: 'another principal that takes over', clientId: 'a', username: 'q', leaves: false },
] as const;
const kinds = ['publish', 'deliver'] as const;
const answers = ['at once', 'by and by'] as const;
const versions = [4, 5] as const;
const cells = others.flatMap((other) =>
  kinds.flatMap((kind) => answers.flatMap((when) => versions.map((version) => ({ ...other, kind, when, version })))),
);

/** What the hook says now; everything that is asked of the kind is noted. */
class Keeper {
  readonly asked: string[] = [];
  answer: AuthorizeAnswer = kept;
  readonly #kind: Action['type'];
  readonly #isSlow: boolean;

  constructor(kind: Action['type'], isSlow = false) {
    this.#kind = kind;
    this.#isSlow = isSlow;
  }

  readonly authorize = ({ id, principal }: HookClient, { type, topic }: Action): AuthorizeAnswer | Promise<AuthorizeAnswer> => {
    if (type !== this.#kind || id === 'watcher') return true;
    this.asked.push(`${id} ${String(principal)} ${topic}`);
    const { answer } = this;
    return this.#isSlow ? Promise.resolve(answer) : answer;
  };
}

const options = (keeper: Keeper): BrokerOptions => ({ authorize: keeper.authorize, takeover: () => true });

/** The client publishes to `t`, or is sent what the host publishes there. */
async function happens(rig: Rig, kind: 'publish' | 'deliver', client: WireClient): Promise<void> {
  if (kind === 'publish') client.publish({ topic: 't', payload: 'x' });
  else void rig.broker.publish('t', 'x');
  await rig.settle();
}

test.each(cells)('$kind, v$version, answered $when: an allow that is kept does not serve $who', async ({ kind, when, version, clientId, username, leaves }) => {
  const keeper = new Keeper(kind, when === 'by and by');
  const rig = openRig(options(keeper));
  const connect = (id: string, user: string): WireClient => {
    const client = rig.client(id, { protocolVersion: version as WireVersion, username: user });
    return kind === 'deliver' ? client.subscribe('t').skip() : client;
  };
  const watcher = rig.subscriber('watcher', 't');
  const first = connect('a', 'p');
  for (let round = 0; round < 3; round += 1) await happens(rig, kind, first);
  expect(keeper.asked).toEqual(['a p t']);
  if (leaves) first.drop();
  keeper.answer = never;
  const second = connect(clientId, username);
  watcher.skip();
  first.skip();
  for (let round = 0; round < 3; round += 1) await happens(rig, kind, second);
  expect(keeper.asked).toEqual(['a p t', `${clientId} ${username} t`]);
  expect(kind === 'publish' ? payloads(watcher) : payloads(second)).toEqual([]);
  expect(rig.dropped).toEqual(Array(3).fill(`${kind}Denied t ${clientId}`));
  // Nor does the refusal, which is kept too, serve the first one.
  if (clientId !== 'b') return;
  await happens(rig, kind, first);
  expect(kind === 'publish' ? payloads(watcher) : payloads(first).slice(0, 1)).toEqual(['x']);
  expect(keeper.asked).toHaveLength(2);
});

describe('it stands for its own kind of action alone', () => {
  test.each(['publish', 'subscribe', 'deliver', 'will'] as const)('each of the others is still asked: %s is kept', async (first) => {
    const asked: string[] = [];
    const rig = openRig({
      authorize: (_, { type }) => {
        asked.push(type);
        return type === first ? kept : true;
      },
    });
    const me = rig.client('me', { will: { topic: 't' } }).subscribe('t');
    for (let round = 0; round < 2; round += 1) me.publish({ topic: 't', payload: 'x' });
    me.subscribe('t', { qos: 1 }).drop();
    await rig.settle();
    const twice = { publish: 2, subscribe: 2, deliver: 2, will: 2, ...((first === 'publish' || first === 'deliver') && { [first]: 1 }) };
    for (const [type, times] of Object.entries(twice)) expect([type, asked.filter((name) => name === type).length]).toEqual([type, times]);
  });
  test('and for its own topic, by name or by alias', () => {
    const keeper = new Keeper('publish');
    const rig = openRig(options(keeper));
    const me = rig.client('me').publish({ topic: 'a', properties: { topicAlias: 1 } }).publish({ topic: 'b', properties: { topicAlias: 2 } });
    for (const topicAlias of [1, 2, 1, 2]) me.publish({ topic: '', properties: { topicAlias } });
    me.publish({ topic: 'b', properties: { topicAlias: 1 } }).publish({ topic: '', properties: { topicAlias: 1 } });
    me.publish({ topic: 'c', properties: { topicAlias: 1 } }).publish({ topic: '', properties: { topicAlias: 1 } });
    expect(keeper.asked.map((line) => line.at(-1))).toEqual(['a', 'b', 'c']);
  });
  test('a client in the process has its own', async () => {
    const keeper = new Keeper('publish');
    const rig = openRig(options(keeper));
    const first = await rig.broker.connect({ clientId: 'a', principal: 'p' });
    for (let round = 0; round < 3; round += 1) await first.publish('t', 'x');
    keeper.answer = never;
    const second = await rig.broker.connect({ clientId: 'b', principal: 'p' });
    await expect(second.publish('t', 'x')).rejects.toMatchObject({ code: 'ODN_ERR_REFUSED' });
    await first.publish('t', 'x');
    expect(keeper.asked).toEqual(['a p t', 'b p t']);
  });
});

describe('it is void', () => {
  test.each(kinds)('after client.reauthorize(), and after no other client’s: %s', async (kind) => {
    const keeper = new Keeper(kind);
    const rig = openRig(options(keeper));
    const clients = ['a', 'b'].map((id) => rig.client(id, { username: 'p' }).subscribe(id).skip());
    const round = async (): Promise<void> => {
      for (const client of clients) client.publish({ topic: 'a' }).publish({ topic: 'b' });
      await rig.settle();
    };
    await round();
    await round();
    const before = keeper.asked.splice(0).toSorted();
    await rig.broker.clients.get('a')?.reauthorize();
    await round();
    expect(before).toEqual(kind === 'publish' ? ['a p a', 'a p b', 'b p a', 'b p b'] : ['a p a', 'b p b']);
    expect(keeper.asked).toEqual(kind === 'publish' ? ['a p a', 'a p b'] : ['a p a']);
  });
  test('when another hook comes, and when it goes: a client that was never asked about is asked from then on', () => {
    const rig = openRig();
    const watcher = rig.subscriber('watcher', 't');
    const me = rig.client('me').publish({ topic: 't', payload: 'free' });
    const asked: string[] = [];
    const plugin = (name: string, answer: AuthorizeAnswer): (() => void) =>
      rig.broker.use({ name, authorize: (_, { type }) => (type === 'publish' && asked.push(name), answer) });
    plugin('allows', kept);
    for (const payload of ['1', '2']) me.publish({ topic: 't', payload });
    const remove = plugin('denies', never);
    for (const payload of ['3', '4']) me.publish({ topic: 't', payload });
    remove();
    for (const payload of ['5', '6']) me.publish({ topic: 't', payload });
    expect(asked).toEqual(['allows', 'allows', 'denies', 'allows']);
    expect(payloads(watcher)).toEqual(['free', '1', '2', '5', '6']);
  });
});

test('an answer that comes when its connection has gone is not kept for the next one of the client', async () => {
  const open: ((answer: AuthorizeAnswer) => void)[] = [];
  let isLate = true;
  const asked: string[] = [];
  const rig = openRig({
    authorize: ({ id }, { type }) => {
      if (type !== 'publish' || id !== 'me') return true;
      asked.push(id);
      return isLate ? new Promise((answer) => open.push(answer)) : false;
    },
  });
  const watcher = rig.subscriber('watcher', 't');
  rig.resumable('me').publish({ topic: 't', payload: 'first', qos: 1 });
  isLate = false;
  const again = rig.resumable('me');
  for (const answer of open) answer(kept);
  await rig.settle();
  again.publish({ topic: 't', payload: 'second', qos: 1 });
  expect(asked).toEqual(['me', 'me']);
  expect(payloads(watcher)).toEqual([]);
});

// Method: connections of few clients and principals come, go and publish at random to few topics; the hook decides by
// (connection, topic) and lets everything be kept. Nothing gets through that this connection was not allowed.
test.each([1, 2, 3, 4, 5])('by chance, seed %i: every message that came through was allowed to its own connection', (seed) => {
  const random = createPrng(seed);
  const pick = (below: number): number => random.uint32() % below;
  let connection = 0;
  const numbers = new Map<string, number>();
  const allows = (of: number, topic: string): boolean => (of * 7 + topic.charCodeAt(0)) % 3 === 0;
  const rig = openRig({
    authorize: ({ id }, { type, topic }) => (type === 'publish' ? { action: allows(numbers.get(id) ?? -1, topic) ? 'allow' : 'deny', cache: true } : true),
    takeover: () => true,
  });
  const watcher = rig.subscriber('watcher', '#');
  const clients = new Map<string, WireClient>();
  let sent = 0;
  const expected: string[] = [];
  for (let step = 0; step < 600; step += 1) {
    const id = `c${pick(3)}`;
    if (pick(5) === 0 || !clients.has(id)) {
      connection += 1;
      numbers.set(id, connection);
      clients.set(id, rig.client(id, { username: `p${pick(2)}`, protocolVersion: pick(2) === 0 ? 4 : 5 }));
      continue;
    }
    const topic = 'abcd'[pick(4)] as string;
    const payload = `${numbers.get(id)} ${topic} ${(sent += 1)}`;
    clients.get(id)?.publish({ topic, payload });
    if (allows(numbers.get(id) as number, topic)) expected.push(payload);
  }
  expect(payloads(watcher)).toEqual(expected);
  expect(expected.length).toBeGreaterThan(50);
});
