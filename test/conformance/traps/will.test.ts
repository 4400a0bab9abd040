/** Traps 17 to 20: wills. */
import { describe, expect, test } from '@jest/globals';
import type { WireClient, WireConnect, WireProperties } from '../../../src/testing/index.js';
import { House, waysDown } from '../../wire/house.js';
import { openRig, payloads, publishes, Questions, short, type Rig } from '../../wire/rig.js';
import { never } from '../v5/support.js';
import { expectBroken, expectRefusedWith, named, versions } from './support.js';

type Will = NonNullable<WireConnect['will']>;

interface Terms {
  readonly delay?: number;
  readonly expiry?: number;
  readonly clean?: boolean;
  readonly will?: Partial<Will>;
}

/** A 5.0 client `a` with a will on `w`. */
const willed = (rig: Rig, { delay = 0, expiry = 0, clean = false, will = {} }: Terms = {}): WireClient =>
  rig.client('a', {
    clean,
    will: { topic: 'w', payload: 'will', ...will, properties: { ...will.properties, willDelayInterval: delay } },
    properties: { sessionExpiryInterval: expiry },
  });

/** The same client without a will. */
const back = (rig: Rig, clean: boolean, sessionExpiryInterval = 60): WireClient => rig.client('a', { clean, properties: { sessionExpiryInterval } });

describe('when it fires', () => {
  // Delay, expiry, and after how many seconds the will comes.
  test.each([[5, 60, 5], [60, 5, 5], [10, 10, 10], [60, 0, 0], [0, 60, 0], [0, 0, 0], [5, never, 5], [never, 5, 5], [3_000_000, never, 3_000_000]])(
    'trap 17: at the earlier of will delay and session end: delay %i, expiry %i, after %i seconds',
    (delay, expiry, seconds) => {
      const rig = openRig();
      const watcher = rig.subscriber('watcher', 'w');
      const sent = willed(rig, { delay, expiry });
      rig.clock.advance(1e9);
      sent.drop();
      if (seconds > 0) {
        rig.clock.advance(seconds * 1000 - 1);
        expect(payloads(watcher)).toEqual([]);
        rig.clock.advance(1);
      }
      expect(payloads(watcher)).toEqual(['will']);
      rig.clock.advance(1e13);
      expect([payloads(watcher), rig.stats.willsPublished]).toEqual([[], 1]);
    },
  );

  test('trap 17: coming back within the delay: Clean Start 0 cancels it, Clean Start 1 fires it at once', () => {
    for (const clean of [false, true]) {
      const rig = openRig();
      const watcher = rig.subscriber('watcher', 'w');
      willed(rig, { delay: 10, expiry: 60 }).drop();
      rig.clock.advance(9999);
      const again = back(rig, clean);
      expect(payloads(watcher)).toEqual(clean ? ['will'] : []);
      again.drop();
      rig.clock.advance(1e9);
      expect(payloads(watcher)).toEqual([]);
    }
  });

  test('trap 17: coming back after the session has ended cancels nothing: the will came with that end', () => {
    const rig = openRig();
    const watcher = rig.subscriber('watcher', 'w');
    willed(rig, { delay: 60, expiry: 10 }).drop();
    rig.clock.advance(10_000);
    back(rig, false);
    expect(payloads(watcher)).toEqual(['will']);
  });

  test.each([0, 5].flatMap((delay) => [0, 60].flatMap((expiry) => [false, true].map((clean) => [delay, expiry, clean] as const))))(
    'trap 17: on take-over it fires unless there is delay, expiry and Clean Start 0: delay %i, expiry %i, Clean Start %s',
    (delay, expiry, clean) => {
      const rig = openRig();
      const watcher = rig.subscriber('watcher', 'w');
      willed(rig, { delay, expiry });
      const next = back(rig, clean);
      const fires = delay === 0 || expiry === 0 || clean;
      expect(payloads(watcher)).toEqual(fires ? ['will'] : []);
      next.drop();
      rig.clock.advance(1e9);
      expect([payloads(watcher), rig.stats.willsPublished]).toEqual([[], fires ? 1 : 0]);
    },
  );

  test.each([3, 4] as const)('trap 17: version %i knows no delay: it fires at the close and on take-over', (protocolVersion) => {
    const rig = openRig();
    const watcher = rig.subscriber('watcher', 'w');
    for (const clean of [false, true]) {
      rig.client('a', { protocolVersion, clean: false, will: { topic: 'w', payload: 'will' } });
      const next = rig.client('a', { protocolVersion, clean, will: { topic: 'w', payload: 'next' } });
      expect(payloads(watcher)).toEqual(['will']);
      next.drop();
      expect(payloads(watcher)).toEqual(['next']);
    }
  });
});

describe('how the connection ends', () => {
  test('trap 18: of all reason codes of DISCONNECT only 0x00 drops the will', () => {
    for (const code of [0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99]) {
      const rig = openRig();
      const watcher = rig.subscriber('watcher', 'w');
      const sent = willed(rig).disconnect(code);
      expect([sent.received(), sent.closed, payloads(watcher)]).toEqual([[], true, code === 0 ? [] : ['will']]);
    }
    // The short form says 0x00 too, and a code that is none of a client's is an error.
    const rig = openRig();
    const watcher = rig.subscriber('watcher', 'w');
    willed(rig).sendsHex('e0 00');
    expect(payloads(watcher)).toEqual([]);
    expectBroken(willed(rig).sendsHex('e0 01 8e'), 0x82);
    expect(payloads(watcher)).toEqual(['will']);
  });

  test.each([3, 4] as const)('trap 18: version %i: any DISCONNECT drops the will', (protocolVersion) => {
    const rig = openRig();
    const watcher = rig.subscriber('watcher', '#');
    for (const clean of [true, false]) rig.client('a', { protocolVersion, clean, will: { topic: 'w', payload: 'x' } }).disconnect();
    expect([watcher.received(), rig.stats.willsPublished]).toEqual([[], 0]);
  });

  test.each(named)('trap 18: every other end publishes it, those by the broker too (%s)', async (_name, protocolVersion) => {
    const ends: Readonly<Record<string, (rig: Rig, sent: WireClient) => unknown>> = {
      'a lost connection': (_rig, sent) => sent.drop(),
      'a half-close without DISCONNECT': (_rig, sent) => sent.end(),
      'a malformed packet': (_rig, sent) => sent.sendsHex('36 00'),
      'a second CONNECT': (_rig, sent) => sent.connect({ clientId: 'a' }),
      'a kick': (rig) => rig.broker.clients.get('a')?.close(),
      'keep alive': (rig) => rig.clock.advance(15_000),
      'a login that expires': (rig) => rig.clock.advance(20_000),
    };
    for (const [end, happen] of Object.entries(ends)) {
      const rig = openRig({ authenticate: () => ({ action: 'allow', ...(end === 'a login that expires' && { expiresAtMs: rig.clock.wall() + 20_000 }) }) });
      const watcher = rig.client('watcher').subscribe('w').skip();
      const sent = rig.client('a', { protocolVersion, keepalive: end === 'keep alive' ? 10 : 0, will: { topic: 'w', payload: 'will' } });
      happen(rig, sent);
      await rig.settle();
      // The watcher's login ends in the same moment.
      if (end !== 'a login that expires') expect([end, payloads(watcher)]).toEqual([end, ['will']]);
      expect([end, rig.stats.willsPublished]).toEqual([end, 1]);
    }
    const house = new House();
    house.rig.resumable('watcher').subscribe('w', { qos: 1 }).disconnect();
    house.rig.client('a', { protocolVersion, will: { topic: 'w', payload: 'shutdown', qos: 1 } });
    expect(payloads((await house.restart()).resumable('watcher'))).toEqual(['shutdown']);
  });
});

describe.each(waysDown)('after a %s', (down) => {
  const watch = (house: House): void => void house.rig.resumable('watcher').subscribe('w', { qos: 1 }).disconnect();
  const wills = (rig: Rig): (string | undefined)[] => {
    const watcher = rig.resumable('watcher');
    const got = publishes(watcher);
    for (const { packetId = 0 } of got) watcher.puback(packetId);
    watcher.disconnect();
    return got.map(({ payload }) => payload);
  };
  const will = { qos: 1 } as const;

  test('trap 19: a pending will fires at its own moment in the next broker, or when that opens, and once', async () => {
    for (const downSeconds of [20, 3000]) {
      const house = new House();
      watch(house);
      willed(house.rig, { delay: 60, expiry: 6000, will }).drop();
      house.rig.clock.advance(10_000);
      const rig = await house[down](downSeconds);
      rig.clock.advance(downSeconds === 20 ? 29_999 : 0);
      expect(wills(rig)).toEqual(downSeconds === 20 ? [] : ['will']);
      rig.clock.advance(1);
      expect(wills(rig)).toEqual(downSeconds === 20 ? ['will'] : []);
      const next = await house[down]();
      next.clock.advance(1e9);
      expect([wills(next), next.stats.willsPublished]).toEqual([[], 0]);
    }
  });

  test('trap 19: the client that comes back to its session still cancels it, Clean Start 1 still fires it', async () => {
    for (const clean of [false, true]) {
      const house = new House();
      watch(house);
      willed(house.rig, { delay: 60, expiry: 6000, will }).drop();
      const rig = await house[down](30);
      back(rig, clean).disconnect();
      expect(wills(rig)).toEqual(clean ? ['will'] : []);
      rig.clock.advance(1e9);
      expect(wills(rig)).toEqual([]);
    }
  });

  test('trap 19: one that was published before is not published again; that of a client that was connected counts from here', async () => {
    const house = new House();
    watch(house);
    willed(house.rig, { delay: 5, expiry: 6000, will }).drop();
    house.rig.clock.advance(5000);
    willed(house.rig, { delay: 10, expiry: 6000, will: { ...will, payload: 'second' } });
    const rig = await house[down]();
    rig.clock.advance(9999);
    expect(wills(rig)).toEqual(['will']);
    rig.clock.advance(1);
    expect(wills(rig)).toEqual(['second']);
  });
});

describe('it is a publish like any other', () => {
  test.each(named)('trap 20: it is authorized when the client connects and again when it fires (%s)', async (_name, protocolVersion) => {
    const refused = openRig({ authorize: (_client, { type }) => type !== 'will' });
    const sent = refused.open({ protocolVersion }).connect({ clientId: 'a', will: { topic: 'w', payload: 'x' } });
    expectRefusedWith(sent, protocolVersion === 5 ? 'connack 0x87' : 'connack 0x05');
    const questions = new Questions('will');
    const rig = openRig({ authorize: questions.authorize });
    const watcher = rig.subscriber('watcher', '#');
    rig.open({ protocolVersion }).connect({ clientId: 'a', will: { topic: 'w', payload: 'x' } });
    questions.answer(true);
    await rig.settle();
    rig.broker.clients.get('a')?.close();
    expect(questions.open.map(({ action }) => [action.type, action.topic])).toEqual([['will', 'w']]);
    questions.answer(false);
    await rig.settle();
    expect([watcher.received(), rig.stats.willsPublished]).toEqual([[], 0]);
    expect(rig.dropped).toEqual(['publishDenied w a']);
  });

  test('trap 20: its properties and the order of its user properties are those it was given', () => {
    const rig = openRig();
    const watcher = rig.subscriber('watcher', 'w', 2);
    const properties: WireProperties = {
      payloadFormatIndicator: true,
      messageExpiryInterval: 60,
      contentType: 'c',
      responseTopic: 'r',
      correlationData: 'd',
      userProperties: [['b', '1'], ['a', '2'], ['b', '1'], ['B', '']],
    };
    willed(rig, { will: { qos: 2, properties } }).drop();
    expect(publishes(watcher)).toEqual([{ type: 'publish', topic: 'w', payload: 'will', qos: 2, retain: false, dup: false, packetId: 1, properties }]);
  });

  test('trap 20: its message expiry counts from its publication, not from CONNECT or the delay', () => {
    const rig = openRig();
    const absent = rig.resumable('sub').subscribe('w', { qos: 1 }).skip();
    const watcher = rig.subscriber('watcher', 'w', 1);
    willed(rig, { delay: 100, expiry: 1000, will: { qos: 1, properties: { messageExpiryInterval: 10 } } }).drop();
    absent.drop();
    rig.clock.advance(100_000);
    expect(publishes(watcher)).toMatchObject([{ properties: { messageExpiryInterval: 10 } }]);
    rig.clock.advance(4000);
    expect(publishes(rig.resumable('sub'))).toMatchObject([{ properties: { messageExpiryInterval: 6 } }]);
  });

  test.each(named)('trap 20: retained it is kept, empty and retained it clears, and it goes out at the QoS of each subscriber (%s)', (_name, protocolVersion) => {
    const rig = openRig();
    const subs = ([0, 1, 2] as const).map((qos) => rig.subscriber(`sub${qos}`, 'w', qos));
    rig.client('a', { protocolVersion, will: { topic: 'w', payload: 'kept', qos: 1, retain: true } }).drop();
    expect(subs.flatMap(publishes)).toMatchObject([0, 1, 1].map((qos) => ({ payload: 'kept', qos, retain: false })));
    expect(publishes(rig.client('late').subscribe('w'))).toMatchObject([{ payload: 'kept', retain: true }]);
    rig.client('a', { protocolVersion, will: { topic: 'w', payload: '', retain: true } }).drop();
    expect([rig.stats.retainedMessages, publishes(rig.client('late').subscribe('w'))]).toEqual([0, []]);
    expect(subs.flatMap(payloads)).toEqual(['', '', '']);
  });

  test('trap 20: above Maximum QoS it refuses the CONNECT with 0x9B, retained without Retain Available with 0x9A; 3.x is closed', () => {
    const rig = openRig({ maximumQoS: 1, retainAvailable: false });
    for (const protocolVersion of versions) {
      const connect = (will: Partial<Will>): WireClient => rig.open({ protocolVersion }).connect({ clientId: 'a', will: { topic: 'w', ...will } });
      expectRefusedWith(connect({ qos: 2 }), ...(protocolVersion === 5 ? ['connack 0x9b'] : []));
      expectRefusedWith(connect({ retain: true }), ...(protocolVersion === 5 ? ['connack 0x9a'] : []));
      const fine = connect({ qos: 1 });
      expect([short(fine.received()), fine.closed]).toEqual([['connack'], false]);
      fine.disconnect();
    }
    const own = openRig({ authenticate: () => ({ action: 'allow', limits: { maximumQoS: 0 } }) });
    expectRefusedWith(own.open().connect({ clientId: 'a', will: { topic: 'w', qos: 1 } }), 'connack 0x9b');
  });

  test('trap 20: No Local withholds it from its own client, limits of retained messages hold for it', () => {
    const rig = openRig({ retainedMessagesMax: 0 });
    rig.client('a', { clean: false, will: { topic: 'w', payload: 'x', qos: 1, retain: true }, properties: { sessionExpiryInterval: 60 } })
      .subscribe([{ topic: 'w', nl: true, qos: 1 }]).drop(); // prettier-ignore
    expect(publishes(rig.client('a', { clean: false, properties: { sessionExpiryInterval: 60 } }))).toEqual([]);
    expect(rig.stats.retainedMessages).toBe(0);
  });
});
