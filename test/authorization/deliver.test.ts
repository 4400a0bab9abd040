/**
 * The authorization matrix: every way a message comes to a client of its own: live, retained, from the queue, again
 * after a reconnect. Shared subscriptions and in-process clients are in deliver-shared.test.ts.
 */
import { ack, all, publish, suback } from './bytes.js';
import { matrix } from './matrix.js';
import type { Row, Seen } from './matrix.js';
import { payloads } from '../wire/rig.js';
import type { WireClient } from '../../src/testing/index.js';
import type { Stage } from './stage.js';

type QoS = 0 | 1 | 2;

const denied = 'deliverDenied t me';
const fromHost = (stage: Stage, payload: string, qos: QoS, topic = 't'): void =>
  void stage.rig.broker.publish(topic, payload, { qos });

/**
 * What the client got, and then a message that it may have: at QoS 1 and 2 its identifier shows that what was refused
 * has left none behind.
 */
async function seen(stage: Stage, me: WireClient): Promise<Seen> {
  await stage.answered();
  const got = me.receivedHex();
  stage.disarm();
  me.subscribe('next', { qos: 1, packetId: 99 }).skip();
  fromHost(stage, 'next', 1, 'next');
  await stage.rig.settle();
  const { queuedMessages, inflightMessages } = stage.rig.stats;
  return { got, next: me.receivedHex(), queuedMessages, inflightMessages };
}

const next = ({ protocolVersion }: Stage, packetId: number): string =>
  publish(protocolVersion, { topic: 'next', payload: 'next', qos: 1, packetId });
/** `got`, one identifier taken by it or none. */
const took = (stage: Stage, got: string, identifiers: number): Seen => ({
  got,
  next: next(stage, identifiers + 1),
  queuedMessages: 0,
  inflightMessages: identifiers + 1,
});

const live = (qos: QoS): Row => ({
  path: `live at QoS ${qos}`,
  everyAnswer: qos === 0,
  async play(stage) {
    const me = stage.subscriber('me', 't', 2);
    const publisher = stage.client('publisher');
    stage.arm();
    publisher.publish({ topic: 't', payload: 'x', qos });
    return seen(stage, me);
  },
  allowed: (stage) => took(stage, publish(stage.protocolVersion, { qos }), qos > 0 ? 1 : 0),
  refused: (stage) => took(stage, '', 0),
  dropped: [denied],
});

/** The publisher is acknowledged at once, however slow the subscriber's answer, and another subscriber has it at once. */
const others: Row = {
  path: 'live, to its publisher and another subscriber unharmed',
  async play(stage) {
    const me = stage.subscriber('me', 't', 1);
    const watcher = stage.subscriber('watcher', 't', 1);
    const publisher = stage.client('publisher');
    stage.arm();
    publisher.publish({ topic: 't', payload: 'x', qos: 1 });
    const atOnce = { publisher: publisher.receivedHex(), watcher: payloads(watcher) };
    await stage.answered();
    return { atOnce, me: payloads(me) };
  },
  allowed: () => ({ atOnce: { publisher: ack('puback'), watcher: ['x'] }, me: ['x'] }),
  refused: () => ({ atOnce: { publisher: ack('puback'), watcher: ['x'] }, me: [] }),
  dropped: [denied],
};

const several = (qos: QoS): Row => ({
  path: `three in a row at QoS ${qos}`,
  everyAnswer: qos === 1,
  async play(stage) {
    const me = stage.subscriber('me', 't', 2);
    stage.arm();
    for (const payload of ['1', '2', '3']) fromHost(stage, payload, qos);
    return seen(stage, me);
  },
  allowed: (stage) => {
    const packets = ['1', '2', '3'].map((payload, index) => publish(stage.protocolVersion, { payload, qos, packetId: index + 1 }));
    return took(stage, all(...packets), qos > 0 ? 3 : 0);
  },
  refused: (stage) => took(stage, '', 0),
  asked: ({ column }) => (column.kept ? 1 : 3),
  dropped: [denied, denied, denied],
});

const own = (qos: QoS): Row => ({
  path: `its own message at QoS ${qos}`,
  async play(stage) {
    const me = stage.subscriber('me', 't', 2);
    stage.arm();
    me.publish({ topic: 't', payload: 'x', qos, packetId: 5 });
    return seen(stage, me);
  },
  allowed: (stage) => took(stage, all(['', ack('puback', 5), ack('pubrec', 5)][qos] ?? '', publish(stage.protocolVersion, { qos })), qos > 0 ? 1 : 0),
  refused: (stage) => took(stage, ['', ack('puback', 5), ack('pubrec', 5)][qos] ?? '', 0),
  dropped: [denied],
});

const will: Row = {
  path: 'a will',
  async play(stage) {
    const me = stage.subscriber('me', 't', 1);
    const other = stage.client('other', { will: { topic: 't', payload: 'x', qos: 1 } });
    stage.arm();
    other.drop();
    return seen(stage, me);
  },
  allowed: (stage) => took(stage, publish(stage.protocolVersion, { qos: 1 }), 1),
  refused: (stage) => took(stage, '', 0),
  dropped: [denied],
};

const retained = (qos: QoS): Row => ({
  path: `retained replay at QoS ${qos}, of one topic among others`,
  async play(stage) {
    for (const topic of ['a', 't', 'z']) void stage.rig.broker.publish(topic, topic, { qos: 2, retain: true });
    await stage.rig.settle();
    const me = stage.client('me');
    stage.arm('t');
    me.subscribe('#', { qos });
    await stage.answered();
    return { me: me.receivedHex(), inflightMessages: stage.rig.stats.inflightMessages };
  },
  allowed: ({ protocolVersion: version }) => ({
    me: all(suback(version, [qos]), ...['a', 't', 'z'].map((topic, index) => publish(version, { topic, payload: topic, qos, retain: true, packetId: index + 1 }))),
    inflightMessages: qos > 0 ? 3 : 0,
  }),
  refused: ({ protocolVersion: version }) => ({
    me: all(suback(version, [qos]), ...['a', 'z'].map((topic, index) => publish(version, { topic, payload: topic, qos, retain: true, packetId: index + 1 }))),
    inflightMessages: qos > 0 ? 2 : 0,
  }),
  dropped: [denied],
});

const away = (qos: QoS, how: 'a reconnect' | 'a restart' | 'a crash'): Row => ({
  path: `queued while away at QoS ${qos}, then ${how}`,
  options: { queueQos0: true },
  async play(stage) {
    stage.resumable('me').subscribe('t', { qos: 2 }).drop();
    fromHost(stage, 'x', qos);
    await stage.rig.settle();
    if (how !== 'a reconnect') await stage.next(how === 'a restart' ? 'restart' : 'crash');
    stage.arm();
    return seen(stage, stage.resumable('me'));
  },
  allowed: (stage) => took(stage, publish(stage.protocolVersion, { qos }), qos > 0 ? 1 : 0),
  refused: (stage) => took(stage, '', 0),
  dropped: [denied],
});

/** Each question is about the client that is there: whoever took the session over, under its own principal. */
const takenOver = (by: 'p' | 'q', what: 'queued' | 'in flight'): Row => ({
  path: `${what}, then a take-over by ${by === 'p' ? 'the same' : 'another'} principal`,
  options: { takeover: () => true },
  async play(stage) {
    const first = stage.resumable('me', { username: 'p' }).subscribe('t', { qos: 1 });
    if (what === 'queued') {
      stage.resumable('me', { username: 'p' }).drop();
      fromHost(stage, 'x', 1);
    } else first.publish({ topic: 't', payload: 'x', qos: 1 });
    await stage.rig.settle();
    stage.arm();
    const me = stage.resumable('me', { username: by });
    await stage.answered();
    const { queuedMessages, inflightMessages } = stage.rig.stats;
    return { me: me.receivedHex(), queuedMessages, inflightMessages };
  },
  allowed: ({ protocolVersion }) => ({
    me: publish(protocolVersion, { qos: 1, dup: what === 'in flight' }),
    queuedMessages: 0,
    inflightMessages: 1,
  }),
  refused: () => ({ me: '', queuedMessages: 0, inflightMessages: 0 }),
  question: `${by} deliver t`,
  dropped: [denied],
});

type Phase = 'QoS 1' | 'QoS 2 before PUBREC';

const resend = (phase: Phase, how: 'a reconnect' | 'a restart' | 'a crash'): Row => {
  const qos = phase === 'QoS 1' ? 1 : 2;
  return {
    path: `in flight, ${phase}, then ${how}`,
    everyAnswer: qos === 1 && how === 'a reconnect',
    async play(stage) {
      const first = stage.resumable('me').subscribe('t', { qos });
      fromHost(stage, 'x', qos);
      await stage.rig.settle();
      first.drop();
      if (how !== 'a reconnect') await stage.next(how === 'a restart' ? 'restart' : 'crash');
      stage.arm();
      const me = stage.resumable('me');
      await stage.answered();
      const got = me.receivedHex();
      const { inflightMessages } = stage.rig.stats;
      stage.disarm();
      // Withheld once is withheld for ever: it counts as delivered.
      me.drop();
      const again = stage.resumable('me').receivedHex();
      return { got, inflightMessages, again };
    },
    allowed: ({ protocolVersion }) => {
      const packet = publish(protocolVersion, { qos, dup: true });
      return { got: packet, inflightMessages: 1, again: packet };
    },
    refused: () => ({ got: '', inflightMessages: 0, again: '' }),
    dropped: [denied],
  };
};

/** The message is the client's already: PUBREL is no delivery, and is not asked about. */
const released = (how: 'a reconnect' | 'a restart' | 'a crash'): Row => ({
  path: `in flight, QoS 2 after PUBREC, then ${how}`,
  async play(stage) {
    const first = stage.resumable('me').subscribe('t', { qos: 2 });
    fromHost(stage, 'x', 2);
    await stage.rig.settle();
    first.pubrec(1).drop();
    if (how !== 'a reconnect') await stage.next(how === 'a restart' ? 'restart' : 'crash');
    stage.arm();
    const me = stage.resumable('me');
    await stage.answered();
    return { got: me.receivedHex(), after: me.pubcomp(1).receivedHex(), inflightMessages: stage.rig.stats.inflightMessages };
  },
  allowed: () => ({ got: ack('pubrel'), after: '', inflightMessages: 0 }),
});

/** Each is asked about in its turn. */
const twoInFlight: Row = {
  path: 'in flight, two of a topic',
  async play(stage) {
    const first = stage.resumable('me').subscribe('#', { qos: 1 });
    fromHost(stage, 'x', 1);
    fromHost(stage, 'y', 1);
    await stage.rig.settle();
    first.drop();
    stage.arm();
    const me = stage.resumable('me');
    await stage.answered();
    return { me: me.receivedHex(), after: me.puback(1).puback(2).receivedHex(), inflightMessages: stage.rig.stats.inflightMessages };
  },
  allowed: ({ protocolVersion: version }) => ({
    me: all(publish(version, { qos: 1, dup: true }), publish(version, { payload: 'y', qos: 1, dup: true, packetId: 2 })),
    after: '',
    inflightMessages: 0,
  }),
  refused: () => ({ me: '', after: '', inflightMessages: 0 }),
  asked: ({ column }) => (column.kept ? 1 : 2),
  dropped: [denied, denied],
};

const dollar = (topic: string): Row => ({
  path: `of ${topic}`,
  async play(stage) {
    const me = stage.subscriber('me', topic, 1);
    stage.arm();
    fromHost(stage, 'x', 1, topic);
    return seen(stage, me);
  },
  allowed: (stage) => took(stage, publish(stage.protocolVersion, { topic, qos: 1 }), 1),
  refused: (stage) => took(stage, '', 0),
  question: `undefined deliver ${topic}`,
  dropped: [`deliverDenied ${topic} me`],
});

/** The client learns an alias from a PUBLISH that it gets, never from one that it does not. */
const alias: Row = {
  path: 'where the broker uses topic aliases',
  versions: [5],
  async play(stage) {
    const me = stage.client('me', { properties: { topicAliasMaximum: 1 } }).subscribe(['t', 'n']).skip();
    stage.arm();
    fromHost(stage, 'x', 0);
    await stage.answered();
    stage.disarm();
    for (const payload of ['1', '2']) fromHost(stage, payload, 0, 'n');
    await stage.rig.settle();
    return { me: me.receivedHex() };
  },
  allowed: () => ({
    me: all(publish(5, { properties: [0x23, 0, 1] }), publish(5, { topic: 'n', payload: '1' }), publish(5, { topic: 'n', payload: '2' })),
  }),
  refused: () => ({
    me: all(publish(5, { topic: 'n', payload: '1', properties: [0x23, 0, 1] }), publish(5, { topic: '', payload: '2', properties: [0x23, 0, 1] })),
  }),
  dropped: [denied],
};

const reconnects = ['a reconnect', 'a restart', 'a crash'] as const;

matrix('deliver', [
  ...([0, 1, 2] as const).map(live),
  others,
  several(0),
  several(1),
  several(2),
  own(0),
  own(1),
  own(2),
  will,
  ...([0, 1, 2] as const).map(retained),
  away(0, 'a reconnect'),
  ...reconnects.flatMap((how) => [away(1, how), away(2, how)]),
  takenOver('p', 'queued'),
  takenOver('q', 'queued'),
  takenOver('p', 'in flight'),
  takenOver('q', 'in flight'),
  ...reconnects.flatMap((how) => [resend('QoS 1', how), resend('QoS 2 before PUBREC', how), released(how)]),
  twoInFlight,
  dollar('$apps/x'),
  dollar('$SYS/x'),
  alias,
]);
