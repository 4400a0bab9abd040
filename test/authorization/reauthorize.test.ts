/** The authorization matrix: `client.reauthorize()` after a revocation. What it refuses goes, now and in the store. */
import type { Reauthorized } from '../../src/index.js';
import { payloads } from '../wire/rig.js';
import { suback } from './bytes.js';
import { matrix } from './matrix.js';
import type { Row } from './matrix.js';
import type { Stage } from './stage.js';

/** Asks again about the client, and waits for the answers. */
async function again(stage: Stage): Promise<Reauthorized | undefined> {
  stage.arm();
  const result = stage.rig.broker.clients.get('me')?.reauthorize();
  await stage.answered();
  stage.disarm();
  return result;
}

const gone = { removedSubscriptions: ['t'], willDropped: false };
const nothing = { removedSubscriptions: [], willDropped: false };

const subscription: Row = {
  path: 'client.reauthorize(), a subscription, over a restart',
  everyAnswer: true,
  async play(stage) {
    const me = stage.resumable('me').subscribe(['t', 'other'], { qos: 1 }).skip();
    stage.arm('t');
    const asking = stage.rig.broker.clients.get('me')?.reauthorize();
    await stage.answered();
    const result = await asking;
    for (const topic of ['t', 'other']) void stage.rig.broker.publish(topic, topic, { qos: 0 });
    await stage.rig.settle();
    const live = payloads(me);
    await stage.next('restart');
    for (const topic of ['t', 'other']) void stage.rig.broker.publish(topic, topic, { qos: 1 });
    await stage.rig.settle();
    return { result, live, later: payloads(stage.resumable('me')) };
  },
  allowed: () => ({ result: nothing, live: ['t', 'other'], later: ['t', 'other'] }),
  refused: () => ({ result: gone, live: ['other'], later: ['other'] }),
};

const shared: Row = {
  path: 'client.reauthorize(), a place in a shared subscription',
  async play(stage) {
    const member = stage.subscriber('member', '$share/g/t', 1);
    const me = stage.subscriber('me', '$share/g/t', 1);
    const result = await again(stage);
    for (let round = 0; round < 4; round += 1) void stage.rig.broker.publish('t', 'x', { qos: 1 });
    await stage.rig.settle();
    return { result, member: payloads(member).length, me: payloads(me).length };
  },
  allowed: () => ({ result: nothing, member: 2, me: 2 }),
  refused: () => ({ result: { removedSubscriptions: ['$share/g/t'], willDropped: false }, member: 4, me: 0 }),
};

/** What the client sends meanwhile waits for it. */
const pipelined: Row = {
  path: 'client.reauthorize(), with packets behind it',
  async play(stage) {
    const me = stage.client('me').subscribe('t').skip();
    stage.arm();
    const asking = stage.rig.broker.clients.get('me')?.reauthorize();
    me.publish({ topic: 't', payload: 'x' }).pingreq();
    await stage.answered();
    await asking;
    stage.disarm();
    return { me: me.received().map(({ type }) => type) };
  },
  allowed: () => ({ me: ['publish', 'pingresp'] }),
  refused: () => ({ me: ['pingresp'] }),
};

const inProcess: Row = {
  path: 'client.reauthorize() of broker.connect()',
  versions: [5],
  async play(stage) {
    const got: string[] = [];
    const me = await stage.rig.broker.connect({ clientId: 'me', principal: 'p', onMessage: (message) => void got.push(message.text()) });
    await me.subscribe('t');
    const result = await again(stage);
    void stage.rig.broker.publish('t', 'x');
    await stage.rig.settle();
    return { result, got };
  },
  allowed: () => ({ result: nothing, got: ['x'] }),
  refused: () => ({ result: gone, got: [] }),
  question: 'p subscribe t',
};

/** It may come back, if it is allowed again. */
const back: Row = {
  path: 'client.reauthorize(), and SUBSCRIBE once it is allowed again',
  async play(stage) {
    const me = stage.client('me').subscribe('t').skip();
    await again(stage);
    const answer = me.subscribe('t', { packetId: 2 }).receivedHex();
    void stage.rig.broker.publish('t', 'x');
    await stage.rig.settle();
    return { answer, got: payloads(me) };
  },
  allowed: ({ protocolVersion }) => ({ answer: suback(protocolVersion, [0], 2), got: ['x'] }),
  refused: ({ protocolVersion }) => ({ answer: suback(protocolVersion, [0], 2), got: ['x'] }),
};

matrix('subscribe', [subscription, shared, pipelined, inProcess, back]);

const will = (how: 'lost' | 'in a crash'): Row => ({
  path: `client.reauthorize(), then the connection is ${how}`,
  async play(stage) {
    stage.resumable('watcher').subscribe('t', { qos: 1 }).disconnect();
    const me = stage.resumable('me', { will: { topic: 't', payload: 'will', qos: 1 } });
    const result = await again(stage);
    if (how === 'lost') me.drop();
    else await stage.next('crash');
    stage.rig.clock.advance(60_000);
    await stage.rig.settle();
    return { result, watcher: payloads(stage.rig.open(stage.version).connect({ clientId: 'watcher', clean: false })) };
  },
  allowed: () => ({ result: nothing, watcher: ['will'] }),
  refused: () => ({ result: { removedSubscriptions: [], willDropped: true }, watcher: [] }),
});

matrix('will', [will('lost'), will('in a crash')]);
