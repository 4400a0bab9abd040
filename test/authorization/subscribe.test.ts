/** The authorization matrix: every way to subscribe. A filter that is refused gets nothing, live, retained or later. */
import { publish, suback } from './bytes.js';
import { matrix } from './matrix.js';
import type { Row } from './matrix.js';
import { payloads, publishes } from '../wire/rig.js';
import type { Stage } from './stage.js';

const code = ({ column }: Stage): number => column.reasonCode;

/** From the host, which nobody is asked about. */
const sent = async ({ rig }: Stage, ...topics: readonly string[]): Promise<void> => {
  for (const topic of topics) void rig.broker.publish(topic, topic, { qos: 2 });
  await rig.settle();
};

const live = (qos: 0 | 1 | 2): Row => ({
  path: `live at QoS ${qos}`,
  everyAnswer: qos === 1,
  async play(stage) {
    const me = stage.client('me');
    stage.arm();
    me.subscribe('t', { qos });
    await stage.answered();
    const answer = me.receivedHex();
    await sent(stage, 't');
    return { answer, got: me.receivedHex() };
  },
  allowed: ({ protocolVersion }) => ({ answer: suback(protocolVersion, [qos]), got: publish(protocolVersion, { payload: 't', qos }) }),
  refused: (stage) => ({ answer: suback(stage.protocolVersion, [code(stage)]), got: '' }),
});

/** One filter of three: the others stand, each answer has its place. */
const several: Row = {
  path: 'three times in one packet',
  async play(stage) {
    const me = stage.client('me').subscribe('a', { qos: 1 }).skip();
    stage.arm();
    me.subscribe([{ topic: 't' }, { topic: 't', qos: 1 }, { topic: 't', qos: 2 }], { packetId: 3 });
    await stage.answered();
    const answer = me.receivedHex();
    await sent(stage, 'a', 't');
    return { answer, got: payloads(me) };
  },
  allowed: ({ protocolVersion }) => ({ answer: suback(protocolVersion, [0, 1, 2], 3), got: ['a', 't'] }),
  refused: (stage) => ({ answer: suback(stage.protocolVersion, Array<number>(3).fill(code(stage)), 3), got: ['a'] }),
  asked: 3, // `cache` is of no account here
};

const retained = (filter: string): Row => ({
  path: `where a retained message matches ${filter}`,
  async play(stage) {
    await stage.rig.broker.publish('t', 'kept', { retain: true });
    const me = stage.client('me');
    stage.arm();
    me.subscribe(filter, { qos: 1 });
    await stage.answered();
    return { me: me.receivedHex() };
  },
  allowed: ({ protocolVersion: version }) => ({ me: `${suback(version, [1])} ${publish(version, { payload: 'kept', retain: true })}` }),
  refused: (stage) => ({ me: suback(stage.protocolVersion, [code(stage)]) }),
  question: `undefined subscribe ${filter}`,
});

const shared: Row = {
  path: 'to a shared subscription',
  async play(stage) {
    const me = stage.client('me');
    stage.arm();
    me.subscribe('$share/g/t', { qos: 1 });
    await stage.answered();
    const answer = me.receivedHex();
    await sent(stage, 't');
    return { answer, got: payloads(me), queued: stage.rig.stats.queuedMessages };
  },
  allowed: ({ protocolVersion }) => ({ answer: suback(protocolVersion, [1]), got: ['t'], queued: 0 }),
  refused: (stage) => ({ answer: suback(stage.protocolVersion, [code(stage)]), got: [], queued: 0 }),
};

/** Refused a member's place, it takes nothing from those who have one. */
const sharedWithOthers: Row = {
  path: 'to a shared subscription with another member',
  async play(stage) {
    const member = stage.subscriber('member', '$share/g/t', 1);
    const me = stage.client('me');
    stage.arm();
    me.subscribe('$share/g/t', { qos: 1 }).publish({ topic: 'elsewhere' });
    await stage.answered();
    me.skip();
    await sent(stage, 't', 't', 't', 't');
    return { member: payloads(member).length, me: payloads(me).length };
  },
  allowed: () => ({ member: 2, me: 2 }),
  refused: () => ({ member: 4, me: 0 }),
};

const dollar = (filter: string, topic: string): Row => ({
  path: `to ${filter}`,
  async play(stage) {
    const me = stage.client('me');
    stage.arm();
    me.subscribe(filter);
    await stage.answered();
    const answer = me.receivedHex();
    await sent(stage, topic);
    return { answer, got: payloads(me) };
  },
  allowed: ({ protocolVersion }) => ({ answer: suback(protocolVersion, [0]), got: [topic] }),
  refused: (stage) => ({ answer: suback(stage.protocolVersion, [code(stage)]), got: [] }),
  question: `undefined subscribe ${filter}`,
});

/** A refusal leaves what was granted before as it was. */
const again: Row = {
  path: 'after a revocation, to what it has at a lower QoS',
  async play(stage) {
    await stage.rig.broker.publish('t', 'kept', { retain: true });
    const me = stage.client('me').subscribe('t', { qos: 0 }).skip();
    stage.arm();
    me.subscribe('t', { qos: 1, packetId: 2 });
    await stage.answered();
    const answer = me.receivedHex();
    await sent(stage, 't');
    return { answer, got: me.receivedHex() };
  },
  allowed: ({ protocolVersion: version }) => ({
    answer: `${suback(version, [1], 2)} ${publish(version, { payload: 'kept', retain: true })}`,
    got: publish(version, { payload: 't', qos: 1 }),
  }),
  refused: (stage) => ({ answer: suback(stage.protocolVersion, [code(stage)], 2), got: publish(stage.protocolVersion, { payload: 't' }) }),
};

const back: Row = {
  path: 'after a revocation, to what it had before UNSUBSCRIBE',
  async play(stage) {
    const me = stage.client('me').subscribe('t').unsubscribe('t').skip();
    stage.arm();
    me.subscribe('t', { packetId: 3 });
    await stage.answered();
    const answer = me.receivedHex();
    await sent(stage, 't');
    return { answer, got: payloads(me) };
  },
  allowed: ({ protocolVersion }) => ({ answer: suback(protocolVersion, [0], 3), got: ['t'] }),
  refused: (stage) => ({ answer: suback(stage.protocolVersion, [code(stage)], 3), got: [] }),
};

/** What is refused is no part of the session: not after a reconnect, a take-over or a restart. */
const kept = (how: 'a reconnect' | 'a take-over' | 'a restart' | 'a crash'): Row => ({
  path: `in a session that lasts, then ${how}`,
  async play(stage) {
    const first = stage.resumable('me');
    stage.arm();
    first.subscribe('t', { qos: 1 });
    await stage.answered();
    if (how === 'a reconnect') first.drop();
    if (how === 'a restart') await stage.next('restart');
    if (how === 'a crash') await stage.next('crash');
    const me = stage.resumable('me');
    await sent(stage, 't');
    return { got: publishes(me).map(({ payload, qos }) => [payload, qos]) };
  },
  allowed: () => ({ got: [['t', 1]] }),
  refused: () => ({ got: [] }),
});

/** Subscriptions were allowed when they were made; what comes of them is asked about message by message. */
const resumed = (by: 'the same principal' | 'another principal'): Row => ({
  path: `by taking over the session as ${by}`,
  options: { takeover: () => true },
  async play(stage) {
    stage.resumable('me', { username: 'p' }).subscribe('t', { qos: 1 });
    stage.arm();
    const me = stage.resumable('me', { username: by === 'another principal' ? 'q' : 'p' });
    await sent(stage, 't');
    return { got: payloads(me) };
  },
  allowed: () => ({ got: ['t'] }),
});

/** The next packets wait for the answer, and then go on, in order. */
const pipelined: Row = {
  path: 'with packets behind it',
  async play(stage) {
    const me = stage.client('me');
    stage.arm();
    me.subscribe('t', { qos: 1 }).publish({ topic: 't', payload: 'own', qos: 1, packetId: 8 }).pingreq();
    await stage.answered();
    return { me: me.received().map(({ type }) => type) };
  },
  allowed: () => ({ me: ['suback', 'puback', 'publish', 'pingresp'] }),
  refused: () => ({ me: ['suback', 'puback', 'pingresp'] }),
};

const inProcess: Row = {
  path: 'broker.connect()',
  versions: [5],
  async play(stage) {
    const got: string[] = [];
    await stage.rig.broker.publish('t', 'kept', { retain: true });
    const me = await stage.rig.broker.connect({ clientId: 'me', principal: 'p', onMessage: (message) => void got.push(message.text()) });
    stage.arm();
    const result = me.subscribe('t', { qos: 1 }).then(
      (qos) => `granted ${qos}`,
      (error: Error & { code?: string }) => `${error.code}: ${error.message}`,
    );
    await stage.answered();
    await sent(stage, 't');
    return { result: await result, got };
  },
  allowed: () => ({ result: 'granted 1', got: ['kept', 't'] }),
  refused: ({ column: { reasonCode, reasonString } }) => ({
    result: `ODN_ERR_REFUSED: subscribe was refused with reason code 0x${reasonCode.toString(16)}${reasonString === undefined ? '' : `: ${reasonString}`}`,
    got: [],
  }),
  question: 'p subscribe t',
};

const host: Row = {
  path: 'by the host itself',
  async play(stage) {
    const got: string[] = [];
    stage.arm();
    await stage.rig.broker.publish('t', 'kept', { retain: true });
    stage.rig.broker.subscribe('t', (message) => void got.push(message.text()));
    await stage.answered();
    await sent(stage, 't');
    return { got };
  },
  allowed: () => ({ got: ['kept', 't'] }),
};

matrix('subscribe', [
  ...([0, 1, 2] as const).map(live),
  several,
  retained('t'),
  retained('#'),
  retained('+'),
  shared,
  sharedWithOthers,
  dollar('$apps/#', '$apps/x'),
  dollar('$SYS/#', '$SYS/x'),
  again,
  back,
  kept('a reconnect'),
  kept('a take-over'),
  kept('a restart'),
  kept('a crash'),
  resumed('the same principal'),
  resumed('another principal'),
  pipelined,
  inProcess,
  host,
]);
