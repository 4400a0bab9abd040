/**
 * The authorization matrix: a will that was allowed when it was registered, and is asked about again when it fires,
 * under the principal that left it.
 */
import { matrix } from './matrix.js';
import type { Row, Seen } from './matrix.js';
import { payloads } from '../wire/rig.js';
import type { ClientOptions } from '../wire/rig.js';
import type { WireClient } from '../../src/testing/index.js';
import type { Stage } from './stage.js';

const will = { topic: 't', payload: 'will', qos: 1 } as const;
const delayed = (seconds: number): ClientOptions => ({ will: { ...will, properties: { willDelayInterval: seconds } } });
const day = 86_400_000;

/** Once it has been decided, nothing brings it back: no time, no answer that is different now, no connection of the client. */
async function seen(stage: Stage, watcher: WireClient): Promise<Seen> {
  await stage.answered();
  const got = payloads(watcher);
  stage.disarm();
  stage.client('me', { username: 'p' }).disconnect();
  stage.rig.clock.advance(day);
  await stage.rig.settle();
  const retained = payloads(stage.client('later').subscribe('t'));
  return { got, later: payloads(watcher), retained, published: stage.count((stats) => stats.willsPublished) };
}

const fires = (path: string, act: (me: WireClient, stage: Stage) => unknown, row: Partial<Row> = {}, options: ClientOptions = { will }): Row => ({
  path: `fired: ${path}`,
  async play(stage) {
    const watcher = stage.subscriber('watcher', 't', 1);
    const me = stage.resumable('me', { username: 'p', ...options });
    stage.arm();
    await act(me, stage);
    return seen(stage, watcher);
  },
  allowed: () => ({ got: ['will'], later: [], retained: [], published: 1 }),
  refused: () => ({ got: [], later: [], retained: [], published: 0 }),
  question: 'p will t',
  dropped: ['publishDenied t me'],
  ...row,
});

const retained: Row = fires('retained', (me) => me.drop(), {
  allowed: () => ({ got: ['will'], later: [], retained: ['will'], published: 1 }),
}, { will: { ...will, retain: true } });

/** What clears a retained message does not, when it is refused. */
const clearing: Row = {
  ...fires('retained and empty, over a message that is kept', (me) => me.drop()),
  async play(stage) {
    void stage.rig.broker.publish('t', 'kept', { retain: true });
    const me = stage.client('me', { username: 'p', will: { topic: 't', payload: '', retain: true } });
    stage.arm();
    me.drop();
    await stage.answered();
    return { retainedMessages: stage.rig.stats.retainedMessages };
  },
  allowed: () => ({ retainedMessages: 0 }),
  refused: () => ({ retainedMessages: 1 }),
};

/** The question is about the one that left the will, never about the one that comes. */
const takenOver = (by: 'p' | 'q', clean: boolean): Row =>
  fires(
    `taken over by ${by === 'p' ? 'the same' : 'another'} principal, Clean Start ${clean}`,
    (_, stage) => {
      stage.client('me', { username: by, clean });
    },
    { options: { takeover: () => true } },
  );

/** A will that fires in the next broker is asked about for the principal that the store has. */
const afterRestart = (how: 'restart' | 'crash'): Row => ({
  ...fires(`delayed, and after a ${how}`, () => undefined),
  versions: [5],
  async play(stage) {
    stage.resumable('watcher').subscribe('t', { qos: 1 }).disconnect();
    stage.resumable('me', { username: 'p', ...delayed(60) }).drop();
    await stage.next(how, 10);
    const watcher = stage.resumable('watcher');
    stage.arm();
    stage.rig.clock.advance(50_000);
    return seen(stage, watcher);
  },
});

/** Due while no broker ran: it fires when the next one opens. */
const whileDown: Row = {
  ...fires('delayed, due while the broker was down', () => undefined),
  versions: [5],
  async play(stage) {
    stage.resumable('watcher').subscribe('t', { qos: 1 }).disconnect();
    stage.resumable('me', { username: 'p', ...delayed(60) }).drop();
    stage.arm();
    await stage.next('restart', 100);
    await stage.answered();
    return seen(stage, stage.resumable('watcher'));
  },
};

/** close() waits for the answer, and the deadline if there is none. */
const atClose: Row = {
  ...fires('broker.close()', () => undefined),
  options: { hookTimeoutSeconds: 1 },
  async play(stage) {
    stage.resumable('watcher').subscribe('t', { qos: 1 }).disconnect();
    stage.client('me', { username: 'p', will });
    stage.arm();
    await stage.next('restart');
    return seen(stage, stage.resumable('watcher'));
  },
};

/** A crash is no DISCONNECT either. */
const atCrash: Row = {
  ...fires('of a client that was connected at a crash', () => undefined),
  async play(stage) {
    stage.resumable('watcher').subscribe('t', { qos: 1 }).disconnect();
    stage.client('me', { username: 'p', will });
    stage.arm();
    await stage.next('crash');
    await stage.answered();
    return seen(stage, stage.resumable('watcher'));
  },
};

const inProcess = (how: 'disconnect(0x04)' | 'broker.close()'): Row => ({
  ...fires(`of broker.connect(), by ${how}`, () => undefined),
  versions: [5],
  options: { hookTimeoutSeconds: 1 },
  async play(stage) {
    stage.resumable('watcher').subscribe('t', { qos: 1 }).disconnect();
    const me = await stage.rig.broker.connect({ clientId: 'me', principal: 'p', will });
    stage.arm();
    if (how === 'broker.close()') await stage.next('restart');
    else await me.disconnect(0x04);
    await stage.answered();
    return seen(stage, stage.resumable('watcher'));
  },
});

/** A normal DISCONNECT discards it: nothing is asked. */
const discarded = fires('not at all, after DISCONNECT', (me) => me.disconnect(), {
  allowed: () => ({ got: [], later: [], retained: [], published: 0 }),
  asked: 0,
});

const { refused: _, ...neverAsked } = discarded;

matrix('will', [
  fires('the connection is lost', (me) => me.drop(), { everyAnswer: true }),
  fires('the client half-closes', (me) => me.end()),
  fires('a malformed packet', (me) => me.sendsHex('00 00')),
  fires('Keep Alive', (_me, { rig }) => rig.clock.advance(3000), {}, { will, keepalive: 2 }),
  fires('client.close()', (_me, { rig }) => rig.broker.clients.get('me')?.close()),
  fires('DISCONNECT 0x04', (me) => me.disconnect(0x04), { versions: [5] }),
  retained,
  clearing,
  takenOver('p', false),
  takenOver('p', true),
  takenOver('q', false),
  takenOver('q', true),
  fires('delayed', (me, { rig }) => [me.drop(), rig.clock.advance(5000)], { versions: [5] }, delayed(5)),
  fires('delayed beyond the end of its session', (me, { rig }) => [me.drop(), rig.clock.advance(3_600_000)], { versions: [5] }, delayed(day)),
  afterRestart('restart'),
  afterRestart('crash'),
  whileDown,
  atClose,
  atCrash,
  inProcess('disconnect(0x04)'),
  inProcess('broker.close()'),
  neverAsked,
]);
