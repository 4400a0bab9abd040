/**
 * A store that hangs: acknowledgements and publishers are held, QoS 0 goes on; after `storageStallSeconds` those that
 * wait are closed, and nothing that must be stored begins until it works again.
 */
import { describe, expect, test } from '@jest/globals';
import { failureOf } from '../support/broker.js';
import { lateBroker, type LateBroker } from '../support/late-broker.js';
import type { BrokerOptions } from '../../src/index.js';

const persistent = { clean: false, properties: { sessionExpiryInterval: 1000 } };
const stallMs = 30_000;

interface Stalling extends LateBroker {
  readonly heard: string[];
}

/** A broker with one absent subscriber to `t`, whose store begins to hang. */
function stalledBroker(options: BrokerOptions = {}): Stalling {
  const late = lateBroker(options);
  const heard: string[] = [];
  late.broker.on('storageState', (state) => heard.push(state));
  late.broker.on('error', (error) => heard.push(`error ${'code' in error ? String(error.code) : ''}`));
  const absent = late.client().connect({ clientId: 'absent', ...persistent });
  late.commit();
  absent.subscribe('t', { qos: 1 });
  late.commit();
  absent.disconnect();
  late.commit();
  late.storage.stall();
  return { ...late, heard };
}

describe('before storageStallSeconds', () => {
  test('acknowledgements are held, and leave when the store goes on', () => {
    const late = stalledBroker();
    const pub = late.client().connected({ clientId: 'pub' }).publish({ topic: 't', qos: 1 });
    late.clock.advance(stallMs - 1);
    expect(pub.received()).toEqual([]);
    late.storage.resume();
    late.commit();
    expect(pub.received()).toMatchObject([{ type: 'puback', reasonCode: 0 }]);
    expect(late.heard).toEqual(['stalled', 'ok']);
  });

  test('QoS 0, pings and clients whose sessions are not kept go on', () => {
    const late = stalledBroker();
    const sub = late.client().connected({ clientId: 'sub' }).subscribe('t', { qos: 1 });
    const pub = late.client().connected({ clientId: 'pub' }).publish({ topic: 't', qos: 1 });
    pub.publish({ topic: 't', payload: 'now' }).pingreq();
    expect(sub.received().map(({ type }) => type)).toEqual(['suback', 'publish', 'publish']);
    expect(pub.received()).toEqual([{ type: 'pingresp' }]);
  });
});

describe('after storageStallSeconds', () => {
  test('5.0: publishers that wait get DISCONNECT 0x83, and the host an error', () => {
    const late = stalledBroker();
    const pub = late.client().connected({ clientId: 'pub' }).publish({ topic: 't', qos: 1 });
    const idle = late.client().connected({ clientId: 'idle' });
    late.clock.advance(stallMs);
    expect(pub.received()).toMatchObject([{ type: 'disconnect', reasonCode: 0x83 }]);
    expect([pub.closed, idle.closed]).toEqual([true, false]);
    expect(late.heard).toEqual(['stalled', 'error ODN_ERR_STORAGE_WRITE']);
  });

  test('3.1.1: publishers that wait are closed', () => {
    const late = stalledBroker({ storageStallSeconds: 5 });
    const pub = late.client({ protocolVersion: 4 }).connected({ clientId: 'pub' }).publish({ topic: 't', qos: 1 });
    late.clock.advance(4999);
    expect(pub.closed).toBe(false);
    late.clock.advance(1);
    expect(pub.received()).toEqual([]);
    expect(pub.closed).toBe(true);
  });

  test.each([
    ['a new session that is kept', { clientId: 'new', ...persistent }],
    ['a session to be resumed', { clientId: 'absent', ...persistent }],
    ['a will', { clientId: 'will', will: { topic: 'w' } }],
  ])('CONNECT with %s that waits gets 0x88, and leaves things as they were', (_, connect) => {
    const late = stalledBroker();
    const client = late.client().connect(connect);
    late.clock.advance(stallMs);
    expect(client.received()).toMatchObject([{ type: 'connack', reasonCode: 0x88, sessionPresent: false }]);
    expect(late.broker.stats()).toMatchObject({ sessions: 1, clients: 0, connections: 0, willsPublished: 0 });
  });

  test('a CONNECT that must be stored is refused at once, one that need not be is not', () => {
    const late = stalledBroker();
    late.client().connected({ clientId: 'pub' }).publish({ topic: 't', qos: 1 });
    late.clock.advance(stallMs);
    expect(late.client().connect({ clientId: 'new', ...persistent }).received()).toMatchObject([{ reasonCode: 0x88 }]);
    expect(late.client().connect({ clientId: 'absent', ...persistent }).received()).toMatchObject([{ reasonCode: 0x88 }]);
    const plain = late.client().connected({ clientId: 'plain' }).subscribe('t');
    late.client().connected({ clientId: 'other' }).publish({ topic: 't', payload: 'goes on' });
    expect(plain.received()).toMatchObject([{ type: 'suback' }, { type: 'publish', payload: 'goes on' }]);
  });

  test('broker.publish rejects', async () => {
    const late = stalledBroker();
    const failure = failureOf(late.broker.publish('t', 'x', { qos: 1 }));
    late.clock.advance(stallMs);
    expect(await failure).toMatchObject({ code: 'ODN_ERR_STORAGE_WRITE' });
  });

  test('when the store works again, so does everything, and what was not acknowledged may have been kept', () => {
    const late = stalledBroker();
    late.client().connected({ clientId: 'pub' }).publish({ topic: 't', payload: 'unacknowledged', qos: 1 });
    late.clock.advance(stallMs);
    late.storage.resume();
    late.commit();
    const sub = late.client().connect({ clientId: 'absent', ...persistent });
    late.client().connected({ clientId: 'pub' }).publish({ topic: 't', payload: 'next', qos: 1 });
    late.commit();
    late.commit();
    expect(sub.received()).toMatchObject([
      { type: 'connack', sessionPresent: true },
      { type: 'publish', payload: 'unacknowledged' },
      { type: 'publish', payload: 'next' },
    ]);
    expect(late.heard).toEqual(['stalled', 'error ODN_ERR_STORAGE_WRITE', 'ok']);
  });
});

test('closing writes what waits, even then', async () => {
  const late = stalledBroker();
  const published = late.broker.publish('t', 'x', { qos: 1 });
  const closed = late.broker.close();
  await late.clock.settle();
  await Promise.all([published, closed]);
});
