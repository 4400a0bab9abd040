/** `client.reauthorize()`, `broker.reauthorize()`: rights that changed while clients are connected. */
import { describe, expect, test } from '@jest/globals';
import type { Action, Authorize, Client, Reauthorized } from '../../src/index.js';
import { House } from './house.js';
import { openRig, payloads, Questions, short, three } from './rig.js';
import type { Rig } from './rig.js';

const nothing = { removedSubscriptions: [], willDropped: false };

/** Allows everything but what is in the set, as `type topic`. */
function revocable(cache = false): { readonly revoked: Set<string>; readonly authorize: Authorize } {
  const revoked = new Set<string>();
  return {
    revoked,
    authorize: (_, { type, topic }) => ({ action: revoked.has(`${type} ${topic}`) ? 'deny' : 'allow', cache }),
  };
}

const clientOf = (rig: Rig, id: string): Client => {
  const client = rig.broker.clients.get(id);
  if (client === undefined) throw new Error(`${id} is not connected`);
  return client;
};

async function reauthorized(rig: Rig, id: string): Promise<Reauthorized> {
  const result = clientOf(rig, id).reauthorize();
  await rig.settle();
  return result;
}

describe.each(three)('$name', ({ protocolVersion }) => {
  test('subscriptions that are no longer allowed end, the others go on, and that is told', async () => {
    const { revoked, authorize } = revocable();
    const rig = openRig({ authorize });
    const client = rig.client('a', { protocolVersion }).subscribe(['a', 'b', '$share/g/c']).skip();
    const told: string[] = [];
    rig.broker.on('unsubscribe', (topicFilter, { id }) => told.push(`${id} ${topicFilter}`));
    revoked.add('subscribe a').add('subscribe c');
    expect(await reauthorized(rig, 'a')).toEqual({ removedSubscriptions: ['a', '$share/g/c'], willDropped: false });
    expect(told).toEqual(['a a', 'a $share/g/c']);
    for (const topic of ['a', 'b', 'c']) rig.client('pub').publish({ topic, payload: topic });
    expect(payloads(client)).toEqual(['b']);
    expect(client.closed).toBe(false);
  });
  test('a will that is no longer allowed is discarded for good', async () => {
    const { revoked, authorize } = revocable();
    const rig = openRig({ authorize });
    const watcher = rig.subscriber('watcher', '#');
    const client = rig.client('a', { protocolVersion, will: { topic: 'w' } });
    revoked.add('will w');
    expect(await reauthorized(rig, 'a')).toEqual({ removedSubscriptions: [], willDropped: true });
    revoked.clear();
    client.drop();
    expect(payloads(watcher)).toEqual([]);
  });
});

test('without a change of rights nothing happens; without a hook nobody is asked', async () => {
  for (const rig of [openRig(), openRig({ authorize: () => true })]) {
    rig.client('a', { will: { topic: 'w' } }).subscribe('t');
    expect(await reauthorized(rig, 'a')).toEqual(nothing);
    expect(rig.stats.subscriptions).toBe(1);
  }
});

test('cached answers are forgotten at the call', () => {
  const { revoked, authorize } = revocable(true);
  const rig = openRig({ authorize });
  const subscriber = rig.subscriber('sub', '#');
  const publisher = rig.client('pub').publish({ topic: 'a', payload: '1' });
  revoked.add('publish a').add('deliver b');
  publisher.publish({ topic: 'a', payload: '2' });
  expect(payloads(subscriber)).toEqual(['1', '2']); // as the hook asked for
  for (const id of ['sub', 'pub']) void clientOf(rig, id).reauthorize();
  publisher.publish({ topic: 'a', payload: '3' }).publish({ topic: 'b', payload: '4' });
  expect(payloads(subscriber)).toEqual([]);
});

test('an answer that was under way at the call is not cached', async () => {
  const questions = new Questions('publish', ['pub']);
  const rig = openRig({ authorize: questions.authorize });
  const publisher = rig.client('pub').publish({ topic: 't' });
  const result = clientOf(rig, 'pub').reauthorize();
  questions.answer({ action: 'allow', cache: true });
  await rig.settle();
  expect(await result).toEqual(nothing);
  publisher.publish({ topic: 't', qos: 1, packetId: 1 });
  questions.answer(false);
  await rig.settle();
  expect(short(publisher.received())).toEqual(['puback 1 0x87']);
});

describe('in order with the packets of the client', () => {
  test('a SUBSCRIBE that is being decided comes first, and what is sent behind waits', async () => {
    const order: string[] = [];
    const answers: (() => void)[] = [];
    const rig = openRig({
      authorize: (_, { type, topic }: Action) => {
        order.push(`${type} ${topic}`);
        return new Promise((answer) => answers.push(() => answer(true)));
      },
    });
    const client = rig.client('a').subscribe('s');
    const result = clientOf(rig, 'a').reauthorize();
    client.publish({ topic: 't' });
    while (answers.length > 0) {
      answers.shift()?.();
      await rig.settle();
    }
    expect(await result).toEqual(nothing);
    expect(order).toEqual(['subscribe s', 'subscribe s', 'publish t']);
  });
  test('a late answer removes it', async () => {
    const questions = new Questions('subscribe');
    const rig = openRig({ authorize: questions.authorize });
    const client = rig.client('a').subscribe(['a', 'b']);
    expect(await questions.answerAll(rig)).toBe(2);
    const result = clientOf(rig, 'a').reauthorize();
    expect(await questions.answerAll(rig, ({ action }) => action.topic === 'b')).toBe(2);
    expect(await result).toEqual({ removedSubscriptions: ['a'], willDropped: false });
    expect(short(client.pingreq().received()).at(-1)).toBe('pingresp');
  });
  test('two calls are two rounds', async () => {
    const questions = new Questions('subscribe');
    const rig = openRig({ authorize: questions.authorize });
    rig.client('a').subscribe('a');
    await questions.answerAll(rig);
    const results = [clientOf(rig, 'a').reauthorize(), clientOf(rig, 'a').reauthorize()];
    expect(await questions.answerAll(rig, () => false)).toBe(1);
    expect(await Promise.all(results)).toEqual([{ ...nothing, removedSubscriptions: ['a'] }, nothing]);
  });
});

describe('a client that goes away', () => {
  test('before the answers: it resolves with what was done', async () => {
    const questions = new Questions('subscribe');
    const rig = openRig({ authorize: questions.authorize });
    const wire = rig.client('a').subscribe(['a', 'b']);
    await questions.answerAll(rig);
    const client = clientOf(rig, 'a');
    const results = [client.reauthorize(), client.reauthorize()];
    questions.answer(false);
    await rig.settle();
    wire.drop();
    questions.answer(false);
    await rig.settle();
    expect(await Promise.all(results)).toEqual([{ ...nothing, removedSubscriptions: ['a'] }, nothing]);
    expect(await client.reauthorize()).toEqual(nothing);
    expect(rig.stats.subscriptions).toBe(0);
  });
  test('a half-close behind packets that wait still has them handled', async () => {
    const questions = new Questions('publish', ['a']);
    const rig = openRig({ authorize: questions.authorize });
    const watcher = rig.subscriber('watcher', '#');
    const wire = rig.client('a', { will: { topic: 'w', payload: 'will' } }).publish({ topic: 't', payload: '1' });
    void clientOf(rig, 'a').reauthorize();
    wire.publish({ topic: 't', payload: '2' }).disconnect().end();
    expect(await questions.answerAll(rig)).toBe(2);
    expect(payloads(watcher)).toEqual(['1', '2']);
  });
});

test('what was removed stays so after a restart, and queued messages are asked about when they are sent', async () => {
  const { revoked, authorize } = revocable();
  const house = new House({ authorize });
  house.rig.resumable('a').subscribe(['a', 'b'], { qos: 1 });
  revoked.add('subscribe a').add('deliver b');
  expect((await reauthorized(house.rig, 'a')).removedSubscriptions).toEqual(['a']);
  const rig = await house.crash();
  for (const topic of ['a', 'b', 'b/c']) rig.client('pub').publish({ topic, payload: topic, qos: 1 });
  const client = rig.resumable('a').subscribe('b/#', { qos: 1 });
  expect(payloads(client)).toEqual([]);
  expect(rig.dropped).toContain('deliverDenied b a');
});

test('what is in flight is asked about again when it is sent again', () => {
  const { revoked, authorize } = revocable();
  const rig = openRig({ authorize });
  rig.resumable('a').subscribe('#', { qos: 1 });
  for (const topic of ['a', 'b']) rig.client('pub').publish({ topic, payload: topic, qos: 1 });
  revoked.add('deliver a');
  expect(payloads(rig.resumable('a'))).toEqual(['b']);
});

test('a session that resumes with fewer rights keeps its subscriptions, and gets nothing by them', () => {
  const rig = openRig({
    authenticate: ({ username }) => ({ action: 'allow', principal: 'p', ...(username === 'less' && { limits: { subscriptionsMax: 0 } }) }),
    authorize: ({ username }, { type }) => username !== 'less' || type === 'publish',
  });
  rig.resumable('a').subscribe('t', { qos: 1 }).drop();
  const less = rig.resumable('a', { username: 'less' });
  rig.client('pub').publish({ topic: 't', payload: 'x', qos: 1 });
  expect(payloads(less)).toEqual([]);
  expect(rig.stats.subscriptions).toBe(1);
});

describe('broker.reauthorize()', () => {
  test('asks about every client that is connected', async () => {
    const { revoked, authorize } = revocable();
    const rig = openRig({ authorize });
    rig.resumable('away').subscribe('no').drop();
    for (let id = 0; id < 50; id += 1) rig.client(`c${id}`, { will: { topic: id < 10 ? 'no' : 'yes' } }).subscribe(['no', 'yes']);
    revoked.add('subscribe no').add('will no');
    const result = rig.broker.reauthorize();
    await rig.settle();
    expect(await result).toEqual({ clients: 50, removedSubscriptions: 50, willsDropped: 10 });
    expect(rig.stats.subscriptions).toBe(51);
  });
  test('a bounded number in one turn of the event loop', async () => {
    let asked = 0;
    const rig = openRig({ authorize: (_, { type }) => type !== 'subscribe' || (asked += 1) > 0 });
    const filters = Array.from({ length: 1000 }, (_, index) => `t/${index}`);
    for (const id of ['a', 'b']) rig.client(id).subscribe(filters);
    asked = 0;
    const result = rig.broker.reauthorize();
    expect(asked).toBeLessThanOrEqual(512);
    await rig.settle();
    expect(await result).toMatchObject({ clients: 2, removedSubscriptions: 0 });
    expect(asked).toBe(2000);
  });
  test('a client whose hook hangs holds up nobody but itself', async () => {
    let slow = false;
    const rig = openRig({
      authorize: ({ id }, { type }) => (slow && type === 'subscribe' && id === 'slow' ? new Promise(() => undefined) : !slow),
    });
    for (const id of ['slow', 'a']) rig.client(id).subscribe('t');
    slow = true;
    const result = rig.broker.reauthorize();
    await rig.settle();
    expect(rig.stats.subscriptions).toBe(1);
    rig.clock.advance(10_000); // the deadline refuses
    await rig.settle();
    expect(await result).toMatchObject({ clients: 2, removedSubscriptions: 2 });
  });
});

describe('authenticating again', () => {
  const method = 'M';
  const again = (principal: string | undefined, authorize: Authorize) => {
    const rig = openRig({
      authenticate: ({ type }) => ({ action: 'allow', ...(type === 'connect' ? { principal: 'p' } : principal !== undefined && { principal }) }),
      authorize,
    });
    return { rig, client: rig.client('a', { properties: { authenticationMethod: method } }) };
  };

  test.each(['p', undefined])('as %s: cached answers and subscriptions are gone through', async (principal) => {
    const { revoked, authorize } = revocable(true);
    const { rig, client } = again(principal, authorize);
    client.subscribe(['a', 'b']).publish({ topic: 't', qos: 1, packetId: 1 }).skip();
    revoked.add('subscribe a').add('publish t');
    client.auth(0x19, { authenticationMethod: method }).publish({ topic: 't', qos: 1, packetId: 2 });
    await rig.settle();
    expect(short(client.received())).toEqual(['auth', 'puback 2 0x87']);
    expect(rig.stats.subscriptions).toBe(1);
  });
  test('as another principal: DISCONNECT 0x87, as a session belongs to its principal', () => {
    const { client } = again('q', () => true);
    expect(short(client.auth(0x19, { authenticationMethod: method }).received())).toEqual(['disconnect 0x87']);
    expect(client.closed).toBe(true);
  });
});
