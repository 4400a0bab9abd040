/**
 * The authorization matrix: wills, at registration and when they fire. A refused registration is a refused CONNECT;
 * a will that is refused when it fires reaches nobody, is not kept, and is not tried again.
 */
import { refusedConnack } from './bytes.js';
import { matrix } from './matrix.js';
import type { Row, Seen } from './matrix.js';
import { payloads } from '../wire/rig.js';
import type { WireClient } from '../../src/testing/index.js';
import type { Stage } from './stage.js';

const will = { topic: 't', payload: 'will', qos: 1 } as const;

// ---- At registration ---------------------------------------------------------------------------------------------

/** CONNECT with a will, in the cell's version. */
const connects = (stage: Stage, options: object = {}): WireClient =>
  stage.rig.open(stage.version).connect({ clientId: 'me', will, ...options });
const connack = ({ protocolVersion, column }: Stage): string =>
  refusedConnack(protocolVersion, column.reasonCode, column.reasonString ?? 'the will was refused');
/** CONNACK's bytes are looked at where it refuses; what it says when it accepts is no matter of the will. */
function answerOf(me: WireClient, { column }: Stage): string {
  const bytes = me.receivedHex();
  return column.allows ? bytes.slice(0, 2) : bytes;
}

const registered = (retain: boolean): Row => ({
  path: `registered for a new session, retain ${retain}`,
  everyAnswer: !retain,
  async play(stage) {
    const watcher = stage.subscriber('watcher', 't', 1);
    stage.arm();
    const me = connects(stage, { will: { ...will, retain } });
    await stage.answered();
    const answer = answerOf(me, stage);
    const { closed } = me;
    const isThere = stage.rig.broker.clients.has('me');
    stage.disarm();
    me.drop();
    await stage.rig.settle();
    return { answer, closed, isThere, watcher: payloads(watcher), retainedMessages: stage.rig.stats.retainedMessages };
  },
  allowed: () => ({ answer: '20', closed: false, isThere: true, watcher: ['will'], retainedMessages: retain ? 1 : 0 }),
  refused: (stage) => ({ answer: connack(stage), closed: true, isThere: false, watcher: [], retainedMessages: 0 }),
});

/** What was sent behind a CONNECT that is refused is never looked at. */
const pipelined: Row = {
  path: 'registered with packets behind the CONNECT',
  async play(stage) {
    const watcher = stage.subscriber('watcher', '#', 1);
    stage.arm();
    const me = connects(stage).publish({ topic: 'behind', payload: 'behind' });
    await stage.answered();
    return { answer: answerOf(me, stage), watcher: payloads(watcher) };
  },
  allowed: () => ({ answer: '20', watcher: ['behind'] }),
  refused: (stage) => ({ answer: connack(stage), watcher: [] }),
};

/** The session that a refused CONNECT would have resumed or ended is as it was: its queue, and the will that waits. */
const ofAbsent = (clean: boolean): Row => ({
  path: `registered for a session that is away, Clean Start ${clean}`,
  async play(stage) {
    stage.resumable('me').subscribe('q', { qos: 1 }).drop();
    void stage.rig.broker.publish('q', 'queued', { qos: 1 });
    stage.arm();
    const me = connects(stage, { clean });
    await stage.answered();
    const answer = answerOf(me, stage);
    stage.disarm();
    me.disconnect().end();
    await stage.rig.settle();
    const { sessionPresent, payload } = Object.assign({}, ...stage.rig.open(stage.version).connect({ clientId: 'me', clean: false }).received()) as Seen;
    return { answer, sessionPresent, payload };
  },
  allowed: ({ protocolVersion }) => {
    // A 5.0 session without an expiry, and a 3.x one with Clean Session, ended with that connection.
    const stays = !clean && protocolVersion === 4;
    return { answer: '20', sessionPresent: stays, payload: stays ? 'queued' : undefined };
  },
  refused: (stage) => ({ answer: connack(stage), sessionPresent: true, payload: 'queued' }),
});

/** Who holds the session stays connected, with the will it has. */
const ofHolder = (by: 'the same principal' | 'another principal'): Row => ({
  path: `registered while ${by} is connected`,
  options: { takeover: () => true },
  async play(stage) {
    const watcher = stage.subscriber('watcher', '#', 1);
    const holder = stage.resumable('me', { username: 'p', will: { topic: 'h', payload: 'holder' } });
    stage.arm('t');
    const me = connects(stage, { username: by === 'another principal' ? 'q' : 'p' });
    await stage.answered();
    stage.disarm();
    const { closed } = holder;
    const before = payloads(watcher);
    holder.drop();
    await stage.rig.settle();
    return { answer: answerOf(me, stage), closed, before, after: payloads(watcher) };
  },
  allowed: () => ({ answer: '20', closed: true, before: ['holder'], after: [] }),
  refused: (stage) => ({ answer: connack(stage), closed: false, before: [], after: ['holder'] }),
  question: `${by === 'another principal' ? 'q' : 'p'} will t`,
});

const sys = (topic: string): Row => ({
  path: `registered for ${topic}`,
  async play(stage) {
    const watcher = stage.subscriber('watcher', '$SYS/#', 1);
    stage.arm();
    const me = connects(stage, { will: { ...will, topic } });
    await stage.answered();
    const { reasonCode } = me.received()[0] ?? {};
    return { reasonCode, closed: me.closed, watcher: payloads(watcher) };
  },
  refused: ({ protocolVersion }) => ({ reasonCode: protocolVersion === 5 ? 0x87 : 5, closed: true, watcher: [] }),
});

const inProcess: Row = {
  path: 'registered by broker.connect()',
  versions: [5],
  async play(stage) {
    stage.arm();
    const connecting = stage.rig.broker.connect({ clientId: 'me', principal: 'p', will }).then(
      () => 'connected',
      (error: Error & { code?: string }) => `${error.code}: ${error.message}`,
    );
    await stage.answered();
    stage.disarm();
    return { result: await connecting, isThere: stage.rig.broker.clients.has('me') };
  },
  allowed: () => ({ result: 'connected', isThere: true }),
  refused: ({ column: { reasonCode, reasonString } }) => ({
    result: `ODN_ERR_REFUSED: the will was refused with reason code 0x${reasonCode.toString(16)}${reasonString === undefined ? '' : `: ${reasonString}`}`,
    isThere: false,
  }),
  question: 'p will t',
};

matrix('will', [
  registered(false),
  registered(true),
  pipelined,
  ofAbsent(false),
  ofAbsent(true),
  ofHolder('the same principal'),
  ofHolder('another principal'),
  sys('$SYS/x'),
  sys('$SYS/'),
  inProcess,
]);
