/** Traps 8 to 16: CONNECT, sessions, take-over, keep alive. */
import { describe, expect, test } from '@jest/globals';
import type { AuthenticateAnswer, AuthenticateRequest } from '../../../src/index.js';
import { memoryTransportPair, type WireClient } from '../../../src/testing/index.js';
import { text } from '../../unit/packet/wire.js';
import { Asked } from '../../wire/asked.js';
import { House, waysDown } from '../../wire/house.js';
import { numbered, openRig, payloads, Questions, short, type Rig } from '../../wire/rig.js';
import { never, resumable } from '../v5/support.js';
import { connectOf, expectBroken, expectRefusedWith, expectServed, hexByte, lasting, named, publishOf, subscribeOf, versions } from './support.js';

/** Session Present of a CONNECT that is accepted; the client leaves again. */
function present(rig: Rig, clientId: string, options = lasting(5)): boolean | undefined {
  const { protocolVersion = 5, ...connect } = options;
  const sent = rig.open({ protocolVersion }).connect({ clientId, ...connect });
  const [connack] = sent.received();
  expect(connack).toMatchObject({ type: 'connack', reasonCode: 0 });
  sent.drop();
  return connack?.sessionPresent;
}

describe('what comes behind CONNECT', () => {
  test.each(named)('trap 8: it waits for an authenticate that answers late, and is handled in order then (%s)', async (_name, protocolVersion) => {
    const asked = new Asked<AuthenticateRequest, AuthenticateAnswer>(() => rig);
    const rig: Rig = openRig({ authenticate: asked.ask });
    const sent = rig.open({ protocolVersion });
    sent.sendsBytes(Buffer.concat([connectOf(protocolVersion), subscribeOf(protocolVersion, 't'), publishOf(protocolVersion, 't'), Buffer.of(0xc0, 0)]));
    await rig.settle();
    expect([sent.receivedHex(), rig.stats.subscriptions]).toEqual(['', 0]);
    await asked.answer(true);
    expect(short(sent.received())).toEqual(['connack', 'suback 1 0x00', 'publish x', 'pingresp']);
  });

  test.each(named)('trap 8: a refusal throws all of it away, also what is still on its way (%s)', async (_name, protocolVersion) => {
    const asked = new Asked<AuthenticateRequest, AuthenticateAnswer>(() => rig);
    const rig: Rig = openRig({ authenticate: (request) => request.clientId === 'watcher' || asked.ask(request) });
    const watcher = rig.subscriber('watcher', '#');
    const sent = rig.open({ protocolVersion, halfOpen: true }).connect({ clientId: 'a', will: { topic: 'w', payload: 'will' } });
    sent.publish({ topic: 't', retain: true, payload: 'x' }).publish({ topic: 't', qos: 2 }).subscribe('t').disconnect();
    await asked.answer(false);
    sent.publish({ topic: 't' }).connect({ clientId: 'b' });
    expect(short(sent.received())).toEqual([protocolVersion === 5 ? 'connack 0x87' : 'connack 0x05']);
    expect(watcher.received()).toEqual([]);
    expect(rig.stats).toMatchObject({ clients: 1, sessions: 1, subscriptions: 1, publishReceived: 0, retainedMessages: 0, willsPublished: 0 });
  });

  test('trap 8: what waits is bounded: above pendingBytesMax the socket is not read from', async () => {
    const asked = new Asked<AuthenticateRequest, AuthenticateAnswer>(() => rig);
    const rig: Rig = openRig({ authenticate: asked.ask, pendingBytesMax: 1000 });
    const [mine, theirs] = memoryTransportPair();
    mine.start({ onBytes: () => undefined, onDrain: () => undefined, onEnd: () => undefined, onClose: () => undefined });
    rig.broker.accept(theirs);
    mine.write(connectOf(5));
    for (let sent = 0; sent < 100; sent += 1) {
      mine.write(publishOf(5, 't', '78'.repeat(94)));
      rig.clock.flush();
    }
    // 100 of 100 bytes: ten wait in memory, and the one that made it too much.
    expect(mine.unsentBytes).toBe(8900);
    await asked.answer(true);
    expect([mine.unsentBytes, rig.stats.publishReceived]).toEqual([0, 100]);
    mine.destroy();
  });
});

describe('Session Present', () => {
  test.each(named.slice(1))('trap 9: it is 0 for Clean Start 1 though a session was found, else what the store has, after each way to the next broker (%s)', async (_name, protocolVersion) => {
    for (const down of waysDown) {
      const house = new House();
      const options = lasting(protocolVersion);
      expect([present(house.rig, 'a', options), present(house.rig, 'a', options)]).toEqual([false, true]);
      const rig = await house[down]();
      expect(present(rig, 'a', options)).toBe(true);
      expect([present(rig, 'a', { ...options, clean: true }), present(rig, 'b', options)]).toEqual([false, false]);
      // Of 3.1.1 that clean session has ended; in 5.0 it has an expiry, and lasts.
      expect(present(rig, 'a', options)).toBe(protocolVersion === 5);
      await house[down]();
    }
  });

  test('trap 9: it is 0 in every refusal, though the session is there', () => {
    const rig = openRig({ authenticate: ({ username }) => username === 'ann' || (username === 'bob' && { action: 'allow', limits: { retainAvailable: false } }) });
    rig.resumable('a', { username: 'ann' }).drop();
    const refusals = [
      { username: 'eve' },
      { username: 'bob' }, // the session is Ann's
      { username: 'bob', will: { topic: 'w', retain: true } },
      { username: 'ann', will: { topic: '$SYS/w' } },
      { username: 'ann', properties: { authenticationData: 'x' } },
    ];
    for (const refusal of refusals) {
      const sent = rig.open().connect({ clientId: 'a', clean: false, ...refusal });
      expect(sent.received()).toMatchObject([{ type: 'connack', sessionPresent: false, reasonCode: expect.any(Number) }]);
      expect(sent.closed).toBe(true);
    }
    expect(rig.open({ protocolVersion: 4 }).connect({ clientId: 'a', clean: false, username: 'eve', password: 'x' }).receivedHex()).toBe('20 02 00 04');
    expect(present(rig, 'a', { ...lasting(5), username: 'ann' })).toBe(true);
  });
});

test('trap 10: in 5.0 no Session Expiry means 0: Clean Start 0 alone keeps nothing', () => {
  const rig = openRig();
  for (const properties of [undefined, { sessionExpiryInterval: 0 }]) {
    const sent = rig.client('a', { clean: false, ...(properties && { properties }) }).subscribe('t', { qos: 1 });
    expect(rig.stats.sessions).toBe(1);
    sent.drop();
    expect(rig.stats).toMatchObject({ sessions: 0, subscriptions: 0 });
    expect(present(rig, 'a', { clean: false })).toBe(false);
  }
});

test('trap 10: a clean start with an expiry drops the old session and keeps the new one', () => {
  const rig = openRig();
  resumable(rig, 'a').subscribe('old', { qos: 1 }).drop();
  rig.client('a', { clean: true, properties: { sessionExpiryInterval: never } }).subscribe('new', { qos: 1 }).drop();
  rig.clock.advance(1e12);
  rig.client('pub').publish({ topic: 'old', payload: '1', qos: 1 }).publish({ topic: 'new', payload: '2', qos: 1 });
  const sent = rig.open().connect({ clientId: 'a', clean: false });
  expect(sent.received()).toMatchObject([{ type: 'connack', sessionPresent: true }, { payload: '2' }]);
});

describe('Session Expiry Interval', () => {
  test.each(['disconnect', 'drop', 'end'] as const)('trap 11: it counts from the close, not from CONNECT, and anew from each close: %s', (how) => {
    const rig = openRig();
    for (let round = 0; round < 3; round += 1) {
      const sent = rig.client('a', lasting(5, 60));
      rig.clock.advance(1e9);
      sent[how]();
      rig.clock.advance(59_999);
      expect(rig.stats.sessions).toBe(1);
    }
    rig.clock.advance(1);
    expect(rig.stats.sessions).toBe(0);
  });

  test.each([2 ** 31 / 1000, 2 ** 32 / 1000, 0xfffffffe].map(Math.ceil))('trap 11: %i seconds are more milliseconds than a timer takes, and 0xFFFFFFFF never ends', (seconds) => {
    const rig = openRig();
    for (const [clientId, expiry] of [['a', seconds], ['b', never]] as const) rig.client(clientId, lasting(5, expiry)).drop();
    rig.clock.advance(seconds * 1000 - 1);
    expect(rig.stats.sessions).toBe(2);
    rig.clock.advance(1);
    expect(rig.stats.sessions).toBe(1);
    rig.clock.advance(1e13);
    expect(rig.stats.sessions).toBe(1);
  });

  test.each(waysDown)('trap 11: it runs on while the broker is down: %s', async (down) => {
    const house = new House();
    house.rig.client('a', lasting(5, 100)).drop();
    house.rig.client('b', lasting(5, 100)).drop();
    house.rig.clock.advance(40_000);
    let rig = await house[down](50);
    expect(present(rig, 'a', lasting(5, 1000))).toBe(true); // counts anew from here
    rig.clock.advance(9_999);
    expect(rig.stats.sessions).toBe(2);
    rig.clock.advance(1);
    expect(rig.stats.sessions).toBe(1);
    rig = await house[down](2000); // over while it was down
    rig.clock.advance(0);
    expect(present(rig, 'a', { clean: false })).toBe(false);
  });

  test('trap 12: DISCONNECT makes it shorter, longer, 0 or endless, and leaves it when it names none', () => {
    for (const [first, second, seconds] of [[100, 10, 10], [10, 100, 100], [10, undefined, 10], [10, 0, 0], [never, 5, 5]] as const) {
      const rig = openRig();
      rig.client('a', lasting(5, first)).disconnect(0, second === undefined ? undefined : { sessionExpiryInterval: second });
      if (seconds > 0) rig.clock.advance(seconds * 1000 - 1);
      expect(rig.stats.sessions).toBe(seconds > 0 ? 1 : 0);
      rig.clock.advance(1);
      expect(rig.stats.sessions).toBe(0);
    }
    const endless = openRig();
    endless.client('a', lasting(5, 10)).disconnect(4, { sessionExpiryInterval: never });
    endless.clock.advance(1e13);
    expect(endless.stats.sessions).toBe(1);
  });

  test('trap 12: raising it from 0 is 0x82, the DISCONNECT is void and the will is published; the broker never sends one', () => {
    for (const properties of [{}, { sessionExpiryInterval: 0 }]) {
      const rig = openRig();
      const watcher = rig.subscriber('watcher', 'w');
      const sent = rig.client('a', { clean: false, properties, will: { topic: 'w', payload: 'will' } }).disconnect(0, { sessionExpiryInterval: 1 });
      expectBroken(sent, 0x82);
      expect([payloads(watcher), present(rig, 'a', { clean: false })]).toEqual([['will'], false]);
    }
    const rig = openRig({ keepAliveSecondsMax: 10 });
    const ended = [rig.client('a', lasting(5, 60)), rig.client('a', lasting(5, 60)), rig.client('b', lasting(5, 60)).sendsHex('36 00'), rig.client('c', lasting(5, 60))];
    rig.clock.advance(15_000);
    for (const told of ended.map((each) => each.received())) {
      expect(told).toMatchObject([{ type: 'disconnect' }]);
      expect(told[0]?.properties).not.toHaveProperty('sessionExpiryInterval');
    }
  });

  test('trap 13: one that the broker caps is told in CONNACK, and counts; one it grants is not told', () => {
    for (const [asked, told] of [[61, 60], [never, 60], [60, undefined], [0, undefined], [undefined, undefined]] as const) {
      const rig = openRig({ sessionExpirySecondsMax: 60 });
      const sent = rig.open().connect({ clientId: 'a', ...(asked !== undefined && { properties: { sessionExpiryInterval: asked } }) });
      expect(sent.received()[0]?.properties?.sessionExpiryInterval).toBe(told);
      sent.drop();
      rig.clock.advance(60_000);
      expect(rig.stats.sessions).toBe(0);
    }
    const own = openRig({ authenticate: () => ({ action: 'allow', limits: { sessionExpirySecondsMax: 5 } }) });
    expect(own.open().connect({ clientId: 'a', properties: { sessionExpiryInterval: 6 } }).received()[0]?.properties?.sessionExpiryInterval).toBe(5);
  });
});

describe('take-over', () => {
  /** A connection whose packets are noted in the order in which they leave, whoever they are for. */
  function noted(rig: Rig, name: string, log: string[], connect: Buffer): (bytes: Buffer) => void {
    const [mine, theirs] = memoryTransportPair();
    const note = (what: string): void => void log.push(`${name} ${what}`);
    mine.start({ onBytes: (chunk) => note(hexByte(chunk[0] ?? 0)), onDrain: () => undefined, onEnd: () => (note('end'), mine.end()), onClose: () => note('close') });
    rig.broker.accept(theirs);
    const send = (bytes: Buffer): void => {
      mine.write(bytes);
      rig.clock.flush();
    };
    send(connect);
    return send;
  }

  test('trap 14: the order is 0x8E and close, the old will, the new CONNACK', () => {
    const rig = openRig();
    const log: string[] = [];
    noted(rig, 'watcher', log, connectOf(5, text('watcher')))(subscribeOf(5, 'w'));
    noted(rig, 'old', log, connectOf(5, `${text('a')} 00 ${text('w')} ${text('will')}`, '06'));
    log.length = 0;
    noted(rig, 'new', log, connectOf(5));
    const kept = log.filter((line) => line !== 'old close');
    expect(kept.slice(0, 2).toSorted()).toEqual(['old e0', 'old end']);
    expect(kept.slice(2)).toEqual(['watcher 30', 'new 20']);
  });

  test.each(named)('trap 14: the old connection gets 0x8E and a close, in 3.x the close alone, whatever takes it over (%s)', (_name, protocolVersion) => {
    for (const taker of versions) {
      const rig = openRig();
      const old = rig.client('a', { protocolVersion, will: { topic: 'w', payload: 'will' } });
      const watcher = rig.subscriber('watcher', 'w');
      const next = rig.client('a', { protocolVersion: taker });
      expectBroken(old, 0x8e);
      expect([payloads(watcher), rig.stats.willsPublished]).toEqual([['will'], 1]);
      expectServed(next);
    }
  });

  test.each(named.slice(1))('trap 14: no message is lost or doubled from one connection to the next (%s)', (_name, protocolVersion) => {
    const rig = openRig();
    const connect = (): WireClient => rig.client('a', lasting(protocolVersion));
    let sent = connect().subscribe('t', { qos: 2 }).skip();
    const pub = rig.client('pub');
    const got: Record<number, string[]> = { 1: [], 2: [] };
    const unreleased = new Set<number>();
    const handle = (): void => {
      for (const { type, packetId = 0, payload = '', qos = 0, dup } of sent.received()) {
        if (type === 'pubrel') unreleased.delete(packetId);
        if (type === 'pubrel') sent.pubcomp(packetId);
        if (type !== 'publish') continue;
        if (qos === 1 ? !(dup === true && got[1]?.includes(payload)) : !unreleased.has(packetId)) got[qos]?.push(payload);
        if (qos === 2) unreleased.add(packetId);
        if (qos === 1) sent.puback(packetId);
        else sent.pubrec(packetId);
      }
    };
    for (const round of numbered(30).map(Number)) {
      for (const qos of [1, 2] as const) pub.publish({ topic: 't', payload: String(round), qos });
      if (round % 3 !== 0) handle();
      if (round % 2 === 0) sent = connect();
    }
    for (let rest = 0; rest < 4; rest += 1) handle();
    expect(got).toEqual({ 1: numbered(30), 2: numbered(30) });
    expect(rig.stats).toMatchObject({ inflightMessages: 0, queuedMessages: 0, sessions: 2 });
  });

  test('trap 14: of CONNECTs at the same time exactly one is left, in whatever order they are let in', async () => {
    for (const order of [[0, 0, 0, 0], [3, 2, 1, 0], [1, 2, 0, 0]]) {
      const asked = new Asked<AuthenticateRequest, AuthenticateAnswer>(() => rig);
      const rig: Rig = openRig({ authenticate: asked.ask });
      const all = order.map(() => rig.open().connect({ clientId: 'a', ...lasting(5) }));
      for (const index of order) await asked.answer(true, index);
      const told = all.map((each) => short(each.received()).join());
      expect(told.toSorted()).toEqual(['connack', ...Array(3).fill('connack,disconnect 0x8e')]);
      expect(rig.stats).toMatchObject({ clients: 1, sessions: 1, connections: 1 });
    }
  });
});

describe('assigned client identifiers', () => {
  const assigned = (rig: Rig, properties = {}): string => rig.open().connect({ clientId: '', properties }).received()[0]?.properties?.assignedClientIdentifier ?? '';

  test.each(waysDown)('trap 15: they avoid those of stored sessions, also after a %s; the seed makes them the same each time', async (down) => {
    const house = new House({ seed: 11 });
    const first = assigned(house.rig, { sessionExpiryInterval: never });
    const second = assigned(await house[down](), { sessionExpiryInterval: never });
    const rig = await house[down]();
    const third = assigned(rig);
    expect(new Set([first, second, third, '']).size).toBe(4);
    const live = openRig({ seed: 11 });
    expect(assigned(live)).toBe(first);
    expect(assigned(live)).not.toBe(first);
  });

  test('trap 15: an empty one: 5.0 is told what it got; 3.1.1 gets one in silence with Clean Session 1 and 0x02 without; 3.1 gets 0x02', () => {
    const rig = openRig();
    for (const flags of ['02', '00']) {
      const [connack] = rig.open().sendsBytes(connectOf(5, '0000', flags)).received();
      expect(connack).toMatchObject({ reasonCode: 0, sessionPresent: false, properties: { assignedClientIdentifier: expect.any(String) } });
      const old = rig.open({ protocolVersion: 4 }).sendsBytes(connectOf(4, '0000', flags));
      expect([old.receivedHex(), old.closed]).toEqual(flags === '02' ? ['20 02 00 00', false] : ['20 02 00 02', true]);
      expectRefusedWith(rig.open({ protocolVersion: 3 }).sendsBytes(connectOf(3, '0000', flags)), 'connack 0x02');
    }
    expect(new Set(rig.broker.clients.keys()).size).toBe(3);
  });
});

describe('keep alive', () => {
  test.each(named)('trap 16: it closes at 1.5 times; any whole packet counts, bytes of a partial one do not (%s)', (_name, protocolVersion) => {
    const rig = openRig();
    const sent = rig.client('a', { protocolVersion, keepalive: 10 });
    for (const send of [() => sent.pingreq(), () => sent.publish({ topic: 't' }), () => sent.puback(1), () => sent.subscribe('t'), () => sent.pubrel(7)]) {
      rig.clock.advance(14_999);
      expect(send().skip().closed).toBe(false);
    }
    sent.sendsHex('30 7f 00');
    for (let second = 0; second < 14; second += 1) {
      rig.clock.advance(1000);
      sent.sendsHex('01');
    }
    rig.clock.advance(999);
    expect(sent.closed).toBe(false);
    rig.clock.advance(1);
    expectBroken(sent, 0x8d);
  });

  test.each(named)('trap 16: what is timed is the Server Keep Alive, told to 5.0 alone; a shorter one of the client stays (%s)', (_name, protocolVersion) => {
    for (const [asked, seconds] of [[100, 20], [0, 20], [10, 10]] as const) {
      const rig = openRig({ keepAliveSecondsMax: 20 });
      const sent = rig.open({ protocolVersion }).connect({ clientId: 'a', keepalive: asked });
      expect(sent.received()[0]?.properties?.serverKeepAlive).toBe(protocolVersion === 5 && seconds !== asked ? seconds : undefined);
      rig.clock.advance(seconds * 1500 - 1);
      expect(sent.closed).toBe(false);
      rig.clock.advance(1);
      expectBroken(sent, 0x8d);
    }
  });

  test('trap 16: a client that the broker does not read from, for a hook or for memory, is not closed; then it has its whole interval', async () => {
    const questions = new Questions('publish');
    const rig = openRig({ authorize: questions.authorize, hookTimeoutSeconds: Infinity, pendingBytesMax: 10 });
    const sent = rig.client('a', { keepalive: 10 }).publish({ topic: 't', payload: 'x'.repeat(100) }).publish({ topic: 't', payload: 'y'.repeat(100) });
    rig.clock.advance(1e7);
    expect(sent.closed).toBe(false);
    await questions.answerAll(rig);
    rig.clock.advance(14_999);
    expectServed(sent);
    const full = openRig({ memoryBytesMax: 1000, pauseSecondsMax: 3600 });
    full.resumable('sub').subscribe('t', { qos: 1 }).drop();
    const paused = full.client('a', { keepalive: 10 });
    for (const payload of ['x'.repeat(2000), 'held']) paused.publish({ topic: 't', payload, qos: 1 });
    full.clock.advance(600_000);
    expect(paused.closed).toBe(false);
    full.resumable('sub').puback(1);
    expect(short(paused.received())).toEqual(['puback 1', 'puback 2']);
    full.clock.advance(14_999);
    expectServed(paused);
  });
});
