/** `expiresAtMs` of `authenticate`: the login ends at that wall-clock time, and the connection with it. */
import { expect, test } from '@jest/globals';
import type { AuthenticateAnswer } from '../../src/index.js';
import { openRig, payloads } from './rig.js';
import type { ClientOptions, Rig } from './rig.js';

/** A broker whose logins end `ms` after the CONNECT. */
function expiring(ms: number, answer: object = {}): Rig {
  const rig: Rig = openRig({ authenticate: (): AuthenticateAnswer => ({ action: 'allow', expiresAtMs: rig.clock.wall() + ms, ...answer }) });
  return rig;
}

test('v5 the client gets DISCONNECT 0x87 when its login ends, not before', () => {
  const rig = expiring(5000);
  const client = rig.client('a');
  rig.clock.advance(4999);
  expect(client.pingreq().received()).toEqual([{ type: 'pingresp' }]);
  rig.clock.advance(1);
  expect(client.received()).toMatchObject([{ type: 'disconnect', reasonCode: 0x87 }]);
  expect(client.closed).toBe(true);
});

test.each([3, 4] as const)('version %i is closed', (protocolVersion) => {
  const rig = expiring(5000);
  const client = rig.client('a', { protocolVersion });
  rig.clock.advance(5000);
  expect(client.receivedHex()).toBe('');
  expect(client.closed).toBe(true);
});

test('X5-3.1.2.5-2 the broker closed it, so the will is published', () => {
  const rig = expiring(5000);
  const watcher = rig.broker.subscribe('w');
  rig.client('a', { will: { topic: 'w', payload: 'gone' } });
  rig.clock.advance(5000);
  expect(rig.stats.willsPublished).toBe(1);
  watcher.unsubscribe();
});

test('traffic does not prolong it', () => {
  const rig = expiring(5000);
  const client = rig.client('a');
  for (let second = 0; second < 5; second += 1) {
    client.pingreq();
    rig.clock.advance(1000);
  }
  expect(client.last()).toMatchObject({ type: 'disconnect', reasonCode: 0x87 });
});

test('a login that has ended already lets the client in for no packet', () => {
  for (const ms of [0, -1, -1e12]) {
    const rig = expiring(ms);
    const client = rig.open().connect({ clientId: 'a' }).publish({ topic: 't', qos: 1 });
    expect(client.received().map(({ type }) => type)).not.toContain('puback');
    expect(client.closed).toBe(true);
  }
});

test('the time is that of the wall clock at CONNECT; later corrections of the clock do not move it', () => {
  const rig = expiring(5000);
  rig.clock.shiftWall(-3_600_000);
  const client = rig.client('a');
  rig.clock.shiftWall(86_400_000);
  rig.clock.advance(4999);
  expect(client.closed).toBe(false);
  rig.clock.advance(1);
  expect(client.closed).toBe(true);
});

test('one beyond 2^31 ms is no raw timer: it ends then and not at once', () => {
  const farMs = 2 ** 31 + 1000;
  const rig = expiring(farMs);
  const client = rig.client('a');
  rig.clock.advance(farMs - 1);
  expect(client.closed).toBe(false);
  rig.clock.advance(1);
  expect(client.closed).toBe(true);
});

test('Infinity means never, like none at all', () => {
  const rig = openRig({ authenticate: () => ({ action: 'allow', expiresAtMs: Infinity }) });
  const client = rig.client('a');
  rig.clock.advance(1e12);
  expect(client.closed).toBe(false);
});

test('a client that leaves before takes its deadline along', () => {
  const rig = expiring(5000);
  rig.client('a').disconnect();
  rig.clock.advance(10_000);
  expect(rig.clock.pending).toBe(0);
});

test('each connection has its own: a take-over does not inherit it, nor does a session that is resumed', () => {
  let ms: number | undefined = 5000;
  const rig: Rig = openRig({
    authenticate: () => ({ action: 'allow', ...(ms !== undefined && { expiresAtMs: rig.clock.wall() + ms }) }),
  });
  const connect = (): ReturnType<Rig['open']> => rig.resumable('a', {} satisfies ClientOptions);
  connect().subscribe('t', { qos: 1 });
  ms = undefined;
  const second = connect();
  rig.clock.advance(60_000);
  rig.client('pub').publish({ topic: 't', payload: 'x', qos: 1 });
  expect(payloads(second)).toEqual(['x']);
});
