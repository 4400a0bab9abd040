/** The authorization matrix: every way to publish. Nothing is routed, kept or acknowledged as accepted before the hook has allowed it. */
import { ack, all, refusedAck } from './bytes.js';
import { matrix } from './matrix.js';
import type { Row, Seen } from './matrix.js';
import { payloads, publishes } from '../wire/rig.js';
import type { Stage } from './stage.js';

/** PUBACK or PUBREC as the column has it. */
const refusal = ({ protocolVersion, column }: Stage, name: 'puback' | 'pubrec', packetId = 1): string =>
  refusedAck(protocolVersion, name, packetId, column.reasonCode, column.reasonString);

const denied = 'publishDenied t me';
/** Two of the same topic: a kept answer is asked for once. */
const twice = ({ column }: Stage): number => (column.kept ? 1 : 2);

/** Publishes once. */
const live = (qos: 0 | 1 | 2): Row => ({
  path: `live at QoS ${qos}`,
  everyAnswer: qos === 1,
  async play(stage) {
    const watcher = stage.subscriber('watcher', 't', 2);
    const me = stage.client('me');
    stage.arm();
    me.publish({ topic: 't', payload: 'x', qos });
    await stage.answered();
    return { me: me.receivedHex(), watcher: payloads(watcher) };
  },
  allowed: () => ({ me: ['', ack('puback'), ack('pubrec')][qos], watcher: ['x'] }),
  refused: (stage) => ({ me: ['', refusal(stage, 'puback'), refusal(stage, 'pubrec')][qos], watcher: [] }),
  dropped: [denied],
});

/** Once more after the first was allowed and answered: what was known of the topic does not allow it. */
const afterRevocation: Row = {
  path: 'after a revocation',
  everyAnswer: true,
  async play(stage) {
    const watcher = stage.subscriber('watcher', 't', 2);
    const me = stage.client('me').publish({ topic: 't', payload: 'before', qos: 1 }).skip();
    stage.arm();
    me.publish({ topic: 't', payload: 'x', qos: 1 }).publish({ topic: 't', payload: 'y', qos: 1 });
    await stage.answered();
    return { me: me.receivedHex(), watcher: payloads(watcher) };
  },
  allowed: () => ({ me: all(ack('puback', 2), ack('puback', 3)), watcher: ['before', 'x', 'y'] }),
  refused: (stage) => ({ me: all(refusal(stage, 'puback', 2), refusal(stage, 'puback', 3)), watcher: ['before'] }),
  asked: twice,
  dropped: [denied, denied],
};

const alias: Row = {
  path: 'by topic alias',
  versions: [5],
  async play(stage) {
    const watcher = stage.subscriber('watcher', 't', 2);
    const me = stage.client('me');
    stage.arm();
    me.publish({ topic: 't', payload: 'x', qos: 1, properties: { topicAlias: 5 } });
    me.publish({ topic: '', payload: 'y', qos: 1, properties: { topicAlias: 5 } });
    await stage.answered();
    return { me: me.receivedHex(), watcher: payloads(watcher) };
  },
  allowed: () => ({ me: all(ack('puback'), ack('puback', 2)), watcher: ['x', 'y'] }),
  refused: (stage) => ({ me: all(refusal(stage, 'puback'), refusal(stage, 'puback', 2)), watcher: [] }),
  asked: twice,
  dropped: [denied, denied],
};

const qos2: Row = {
  path: 'a whole QoS 2 flow',
  async play(stage) {
    const watcher = stage.subscriber('watcher', 't', 0);
    const me = stage.client('me');
    stage.arm();
    me.publish({ topic: 't', payload: 'x', qos: 2 });
    await stage.answered();
    const first = me.receivedHex();
    return { first, second: me.pubrel(1).receivedHex(), watcher: payloads(watcher) };
  },
  allowed: () => ({ first: ack('pubrec'), second: ack('pubcomp'), watcher: ['x'] }),
  // A refused identifier is free at once: v5 4.3.3. 3.x is not told that it was refused.
  refused: (stage) => ({
    first: refusal(stage, 'pubrec'),
    second: stage.protocolVersion === 5 ? '70 03 00 01 92' : ack('pubcomp'),
    watcher: [],
  }),
  dropped: [denied],
};

/** QoS 2 once more on the next connection, as no PUBREC has come: it is not published twice, and a refusal is no acceptance. */
const repeated: Row = {
  path: 'QoS 2 sent again after a reconnect',
  async play(stage) {
    const watcher = stage.subscriber('watcher', 't', 0);
    const first = stage.resumable('me');
    stage.arm();
    first.publish({ topic: 't', payload: 'x', qos: 2, packetId: 7 });
    await stage.answered();
    first.drop();
    const me = stage.resumable('me').publish({ topic: 't', payload: 'x', qos: 2, packetId: 7, dup: true });
    await stage.answered();
    return { me: me.receivedHex(), watcher: payloads(watcher) };
  },
  allowed: () => ({ me: ack('pubrec', 7), watcher: ['x'] }),
  refused: (stage) => ({ me: refusal(stage, 'pubrec', 7), watcher: [] }),
  asked: ({ column }) => (column.allows ? 1 : 2),
  dropped: [denied, denied],
};

const retained = (what: 'set' | 'cleared', qos: 0 | 1): Row => {
  const [before, after] = what === 'set' ? [[], ['x']] : [['old'], []];
  return {
    path: `a retained message ${what} at QoS ${qos}`,
    async play(stage) {
      for (const payload of before) void stage.rig.broker.publish('t', payload, { retain: true });
      const watcher = stage.subscriber('watcher', 't', 1);
      const me = stage.client('me');
      stage.arm();
      me.publish({ topic: 't', payload: after[0] ?? '', qos, retain: true });
      await stage.answered();
      const { retainedMessages } = stage.rig.stats;
      const later = payloads(stage.client('later').subscribe('t'));
      return { me: me.receivedHex(), live: payloads(watcher), retainedMessages, later };
    },
    allowed: () => ({ me: qos === 0 ? '' : ack('puback'), live: [after[0] ?? ''], retainedMessages: after.length, later: after }),
    refused: (stage) => ({ me: qos === 0 ? '' : refusal(stage, 'puback'), live: [], retainedMessages: before.length, later: before }),
    dropped: [denied],
  };
};

const dollar: Row = {
  path: 'to a $ topic that is not the broker’s own',
  async play(stage) {
    const watcher = stage.subscriber('watcher', '$apps/#', 1);
    const me = stage.client('me');
    stage.arm();
    me.publish({ topic: '$apps/x', payload: 'x', qos: 1 });
    await stage.answered();
    return { me: me.receivedHex(), watcher: payloads(watcher) };
  },
  allowed: () => ({ me: ack('puback'), watcher: ['x'] }),
  refused: (stage) => ({ me: refusal(stage, 'puback'), watcher: [] }),
  question: 'undefined publish $apps/x',
  dropped: ['publishDenied $apps/x me'],
};

const sys = (qos: 0 | 1 | 2, retain: boolean): Row => ({
  path: `below $SYS/ at QoS ${qos}, retain ${retain}`,
  async play(stage) {
    const watcher = stage.subscriber('watcher', '$SYS/#', 2);
    const me = stage.client('me');
    stage.arm();
    me.publish({ topic: '$SYS/x', payload: 'x', qos, retain });
    await stage.answered();
    const { retainedMessages } = stage.rig.stats;
    return { me: me.received().map(({ reasonCode }) => reasonCode), watcher: publishes(watcher), retainedMessages };
  },
  refused: ({ protocolVersion }) => ({ me: qos === 0 ? [] : [protocolVersion === 5 ? 0x87 : undefined], watcher: [], retainedMessages: 0 }),
  dropped: ['publishDenied $SYS/x me'],
});

/** 3.x cannot be told, so a host may have it closed. */
const closed = (qos: 0 | 1 | 2): Row => ({
  path: `refusedPublish 'close' at QoS ${qos}`,
  versions: [4],
  options: { refusedPublish: 'close' },
  async play(stage) {
    const watcher = stage.subscriber('watcher', 't', 2);
    const me = stage.client('me');
    stage.arm();
    me.publish({ topic: 't', payload: 'x', qos });
    await stage.answered();
    return { me: me.receivedHex(), closed: me.closed, watcher: payloads(watcher) };
  },
  allowed: () => ({ me: ['', ack('puback'), ack('pubrec')][qos], closed: false, watcher: ['x'] }),
  refused: () => ({ me: '', closed: true, watcher: [] }),
  dropped: [denied],
});

/** The new connection is asked about itself, whatever the old one was allowed. */
const takeover = (by: 'the same principal' | 'another principal'): Row => ({
  path: `after a take-over by ${by}`,
  options: { takeover: () => true },
  async play(stage) {
    const watcher = stage.subscriber('watcher', 't', 1);
    const old = stage.resumable('me', { username: 'p' }).publish({ topic: 't', payload: 'before', qos: 1 });
    const me = stage.resumable('me', { username: by === 'another principal' ? 'q' : 'p' });
    stage.arm();
    me.publish({ topic: 't', payload: 'x', qos: 1 });
    await stage.answered();
    return { old: old.closed, me: me.receivedHex(), watcher: payloads(watcher) };
  },
  allowed: () => ({ old: true, me: ack('puback'), watcher: ['before', 'x'] }),
  refused: (stage) => ({ old: true, me: refusal(stage, 'puback'), watcher: ['before'] }),
  question: `${by === 'another principal' ? 'q' : 'p'} publish t`,
  dropped: [denied],
});

/** It has been asked in its turn, however slow the answer, before the end counts. */
const leaving: Row = {
  path: 'with DISCONNECT behind it',
  async play(stage) {
    const watcher = stage.subscriber('watcher', 't', 1);
    const me = stage.client('me', { will: { topic: 't', payload: 'will' } });
    stage.arm();
    me.publish({ topic: 't', payload: 'x', qos: 1 }).disconnect().end();
    await stage.answered();
    return { me: me.receivedHex(), closed: me.closed, watcher: payloads(watcher) };
  },
  allowed: () => ({ me: ack('puback'), closed: true, watcher: ['x'] }),
  refused: (stage) => ({ me: refusal(stage, 'puback'), closed: true, watcher: [] }),
  dropped: [denied],
};

const shared: Row = {
  path: 'to a shared subscription, and to its publisher itself',
  async play(stage) {
    const member = stage.subscriber('member', '$share/g/t', 1);
    const me = stage.subscriber('me', 't', 1);
    stage.arm();
    me.publish({ topic: 't', payload: 'x', qos: 1, packetId: 9 });
    await stage.answered();
    const own = me.received().map(({ type, packetId, reasonCode = 0 }) => [type, packetId, reasonCode]);
    return { own, member: payloads(member), queued: stage.rig.stats.queuedMessages };
  },
  allowed: () => ({ own: [['puback', 9, 0], ['publish', 1, 0]], member: ['x'], queued: 0 }),
  refused: ({ protocolVersion, column }) => ({ own: [['puback', 9, protocolVersion === 5 ? column.reasonCode : 0]], member: [], queued: 0 }),
  dropped: [denied],
};

/** What absent clients would have got: nothing is queued of what is refused, nor stored. */
const offline: Row = {
  path: 'for a session that is away, over a restart',
  async play(stage) {
    stage.resumable('watcher').subscribe('t', { qos: 1 }).drop();
    const me = stage.client('me');
    stage.arm();
    me.publish({ topic: 't', payload: 'x', qos: 1 });
    await stage.answered();
    const { queuedMessages } = stage.rig.stats;
    await stage.next('restart');
    return { me: me.received()[0]?.type, queuedMessages, watcher: payloads(stage.resumable('watcher')) };
  },
  allowed: () => ({ me: 'puback', queuedMessages: 1, watcher: ['x'] }),
  refused: () => ({ me: 'puback', queuedMessages: 0, watcher: [] }),
  dropped: [denied],
};

const inProcess = (qos: 0 | 1 | 2): Row => ({
  path: `broker.connect() at QoS ${qos}`,
  versions: [5],
  async play(stage) {
    const watcher = stage.subscriber('watcher', 't', 2);
    const me = await stage.rig.broker.connect({ clientId: 'me', principal: 'p' });
    stage.arm();
    const result = me.publish('t', 'x', { qos }).then(
      () => 'published',
      (error: Error & { code?: string }) => `${error.code}: ${error.message}`,
    );
    await stage.answered();
    return { result: await result, connected: me.connected, watcher: payloads(watcher) };
  },
  allowed: () => ({ result: 'published', connected: true, watcher: ['x'] }),
  refused: (stage) => ({ result: refusedCall('publish', stage), connected: true, watcher: [] }),
  question: 'p publish t',
  dropped: [denied],
});

/** The host is not asked, even while a client that is waits for its answer. */
const host: Row = {
  path: 'by the host itself',
  async play(stage): Promise<Seen> {
    const watcher = stage.subscriber('watcher', 't', 1);
    stage.arm();
    await stage.rig.broker.publish('t', 'x', { qos: 1, retain: true });
    await stage.answered();
    return { watcher: payloads(watcher), retainedMessages: stage.rig.stats.retainedMessages };
  },
  allowed: () => ({ watcher: ['x'], retainedMessages: 1 }),
};

function refusedCall(what: string, { column }: Stage): string {
  const why = column.reasonString === undefined ? '' : `: ${column.reasonString}`;
  return `ODN_ERR_REFUSED: ${what} was refused with reason code 0x${column.reasonCode.toString(16)}${why}`;
}

matrix('publish', [
  ...([0, 1, 2] as const).map(live),
  qos2,
  repeated,
  afterRevocation,
  alias,
  retained('set', 0),
  retained('set', 1),
  retained('cleared', 0),
  retained('cleared', 1),
  dollar,
  sys(0, false),
  sys(1, true),
  sys(2, false),
  closed(0),
  closed(1),
  closed(2),
  takeover('the same principal'),
  takeover('another principal'),
  leaving,
  shared,
  offline,
  ...([0, 1, 2] as const).map(inProcess),
  host,
]);
