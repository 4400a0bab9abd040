/**
 * The authorization matrix: messages of shared subscriptions, where a refused member means the next one, and those of
 * clients inside the process.
 */
import type { BrokerMessage } from '../../src/index.js';
import { publish } from './bytes.js';
import { matrix } from './matrix.js';
import type { Row } from './matrix.js';
import { payloads, publishes } from '../wire/rig.js';
import type { Stage } from './stage.js';

type QoS = 0 | 1 | 2;

const filter = '$share/g/t';
const fromHost = (stage: Stage, payload: string, qos: QoS): void => void stage.rig.broker.publish('t', payload, { qos });
const left = ({ rig: { stats } }: Stage): readonly number[] => [stats.queuedMessages, stats.inflightMessages];

const nextMember = (qos: QoS): Row => ({
  path: `a member of a group with another at QoS ${qos}`,
  everyAnswer: qos === 1,
  async play(stage) {
    const me = stage.subscriber('me', filter, 2);
    const other = stage.subscriber('other', filter, 2);
    stage.arm();
    fromHost(stage, 'x', qos);
    await stage.answered();
    return { me: me.receivedHex(), other: other.receivedHex(), left: left(stage) };
  },
  allowed: ({ protocolVersion }) => ({ me: publish(protocolVersion, { qos }), other: '', left: [0, qos > 0 ? 1 : 0] }),
  refused: ({ protocolVersion }) => ({ me: '', other: publish(protocolVersion, { qos }), left: [0, qos > 0 ? 1 : 0] }),
});

const nobody = (qos: QoS): Row => ({
  path: `every member of a group at QoS ${qos}`,
  async play(stage) {
    stage.resumable('away').subscribe(filter, { qos: 2 }).drop();
    const members = ['me', 'me too'].map((id) => stage.subscriber(id, filter, 2));
    stage.arm();
    fromHost(stage, 'x', qos);
    await stage.answered();
    const got = members.map((member) => payloads(member));
    stage.disarm();
    await stage.rig.broker.publish('other', 'x');
    const open = stage.subscriber('fresh', filter, 2);
    stage.rig.clock.flush();
    return { got, later: publishes(open), left: left(stage) };
  },
  allowed: () => ({ got: [['x'], []], later: [], left: [0, qos > 0 ? 1 : 0] }),
  refused: () => ({ got: [[], []], later: [], left: [0, 0] }),
  asked: ({ column }) => (column.allows ? 1 : 2),
  dropped: ['deliverDenied t undefined'],
});

/** What waited for the group goes to the first member that may have it. */
const waited = (qos: 1 | 2, how: 'a reconnect' | 'a restart'): Row => ({
  path: `queued for a group at QoS ${qos}, then ${how}`,
  async play(stage) {
    stage.resumable('other').subscribe(filter, { qos }).drop();
    stage.resumable('me').subscribe(filter, { qos }).drop();
    fromHost(stage, 'x', qos);
    await stage.rig.settle();
    if (how === 'a restart') await stage.next('restart');
    stage.arm();
    const me = stage.resumable('me');
    await stage.answered();
    return { me: me.receivedHex(), left: left(stage), other: payloads(stage.resumable('other')) };
  },
  allowed: ({ protocolVersion }) => ({ me: publish(protocolVersion, { qos }), left: [0, 1], other: [] }),
  // Refused to all who are online: it would hold up everything behind it.
  refused: () => ({ me: '', left: [0, 0], other: [] }),
  dropped: ['deliverDenied t undefined'],
});

/** QoS 1 that its member did not acknowledge goes back to the group, and who comes next is asked about itself. */
const returned: Row = {
  path: 'in flight to another member, whose connection ends, at QoS 1',
  async play(stage) {
    const other = stage.subscriber('other', filter, 1);
    fromHost(stage, 'x', 1);
    await stage.rig.settle();
    const first = payloads(other);
    const me = stage.subscriber('me', filter, 1);
    stage.arm();
    other.drop();
    await stage.answered();
    return { first, me: payloads(me), left: left(stage) };
  },
  allowed: () => ({ first: ['x'], me: ['x'], left: [0, 1] }),
  refused: () => ({ first: ['x'], me: [], left: [0, 0] }),
  dropped: ['deliverDenied t undefined'],
};

/** QoS 2 stays with its member: sent again to it alone, or to nobody. */
const stays: Row = {
  path: 'of a group, in flight to a member that comes back, at QoS 2',
  async play(stage) {
    const first = stage.resumable('me').subscribe(filter, { qos: 2 });
    const other = stage.subscriber('other', 'elsewhere', 0);
    fromHost(stage, 'x', 2);
    await stage.rig.settle();
    first.drop();
    other.subscribe(filter, { qos: 2 }).skip();
    stage.arm();
    const me = stage.resumable('me');
    await stage.answered();
    return { me: me.receivedHex(), other: payloads(other), left: left(stage) };
  },
  allowed: ({ protocolVersion }) => ({ me: publish(protocolVersion, { qos: 2, dup: true }), other: [], left: [0, 1] }),
  refused: () => ({ me: '', other: [], left: [0, 0] }),
  dropped: ['deliverDenied t me'],
};

/** Its own acknowledgement is not held up by the question that its message raises. */
const ownMember: Row = {
  path: 'a member’s own message at QoS 1',
  async play(stage) {
    const me = stage.subscriber('me', filter, 1);
    stage.arm();
    me.publish({ topic: 't', payload: 'x', qos: 1, packetId: 5 });
    const got = me.received();
    const [{ type: atOnce } = {}] = got;
    await stage.answered();
    return { atOnce, messages: [...got, ...me.received()].filter(({ type }) => type === 'publish').length, left: left(stage) };
  },
  allowed: () => ({ atOnce: 'puback', messages: 1, left: [0, 1] }),
  refused: () => ({ atOnce: 'puback', messages: 0, left: [0, 0] }),
  dropped: ['deliverDenied t undefined'],
};

const inProcess = (what: 'live' | 'retained' | 'queued', qos: QoS): Row => ({
  path: `to broker.connect(), ${what} at QoS ${qos}`,
  versions: [5],
  async play(stage) {
    const { broker } = stage.rig;
    const got: string[] = [];
    const onMessage = (message: BrokerMessage): void => void got.push(`${message.retain} ${message.qos}`);
    const options = { clientId: 'me', principal: 'p', cleanStart: false, sessionExpirySeconds: 60, onMessage };
    const first = await broker.connect(options);
    if (what === 'retained') await broker.publish('t', 'x', { qos, retain: true });
    else await first.subscribe('t', { qos });
    if (what === 'queued') {
      await first.disconnect();
      fromHost(stage, 'x', qos);
    }
    await stage.rig.settle();
    stage.arm();
    const me = what === 'queued' ? await broker.connect(options) : first;
    if (what === 'live') fromHost(stage, 'x', qos);
    if (what === 'retained') await me.subscribe('t', { qos });
    await stage.answered();
    return { got, left: left(stage) };
  },
  allowed: () => ({ got: [`${what === 'retained'} ${qos}`], left: [0, 0] }),
  refused: () => ({ got: [], left: [0, 0] }),
  question: 'p deliver t',
  dropped: ['deliverDenied t me'],
});

/** A subscription of the host is trusted, and does not wait for anybody's answer. */
const host: Row = {
  path: 'to the host itself, beside a client that is asked about',
  async play(stage) {
    const got: string[] = [];
    stage.rig.broker.subscribe('t', (message) => void got.push(message.text()));
    const me = stage.subscriber('me', 't', 0);
    stage.arm();
    fromHost(stage, 'x', 1);
    await stage.rig.settle();
    const before = [...got];
    await stage.answered();
    return { before, got, me: payloads(me) };
  },
  allowed: () => ({ before: ['x'], got: ['x'], me: ['x'] }),
  refused: () => ({ before: ['x'], got: ['x'], me: [] }),
  dropped: ['deliverDenied t me'],
};

matrix('deliver', [
  ...([0, 1, 2] as const).map(nextMember),
  ...([0, 1, 2] as const).map(nobody),
  waited(1, 'a reconnect'),
  waited(2, 'a reconnect'),
  waited(1, 'a restart'),
  waited(2, 'a restart'),
  returned,
  stays,
  ownMember,
  ...([0, 1, 2] as const).map((qos) => inProcess('live', qos)),
  ...([0, 1, 2] as const).map((qos) => inProcess('retained', qos)),
  inProcess('queued', 1),
  inProcess('queued', 2),
  host,
]);
