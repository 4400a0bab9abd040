/** Traps 21 to 29: RETAIN, subscriptions and their identifiers, expiry, topic aliases. */
import { describe, expect, test } from '@jest/globals';
import type { WireClient, WireProperties } from '../../../src/testing/index.js';
import { House, waysDown } from '../../wire/house.js';
import { identifiersOf, openRig, payloads, publishes, Questions, short, type Rig } from '../../wire/rig.js';
import { qoses, resumable } from '../v5/support.js';
import { expectBroken, expectServed, lasting, named, publishOf } from './support.js';

/** Publishes at QoS 1 from a client of its own, which leaves again; says what it was answered. */
function publish(rig: Rig, topic: string, payload: string, properties: WireProperties = {}, options: { qos?: 0 | 1 | 2; retain?: boolean } = {}): string[] {
  const pub = rig.client('pub').publish({ topic, payload, qos: 1, packetId: 1, properties, ...options });
  const answers = short(pub.received());
  pub.disconnect();
  return answers;
}
const retained = (rig: Rig, topic: string, payload: string, properties: WireProperties = {}): string[] => publish(rig, topic, payload, properties, { retain: true });

describe('RETAIN', () => {
  test.each(qoses)('trap 21: a live copy has 0 unless Retain As Published, a retained one at subscribe always 1, at QoS %i', (qos) => {
    const rig = openRig();
    for (const rap of [false, true]) {
      const topic = `t/${rap}`;
      const live = rig.client(`live ${rap}`).subscribe([{ topic, qos, rap }]).skip();
      resumable(rig, `away ${rap}`).subscribe([{ topic, qos, rap }]).drop();
      publish(rig, topic, 'plain', {}, { qos });
      publish(rig, topic, 'kept', {}, { qos, retain: true });
      expect(publishes(live).map(({ retain }) => retain)).toEqual([false, rap]);
      expect(publishes(resumable(rig, `away ${rap}`)).map(({ payload, retain }) => [payload, retain])).toEqual(qos === 0 ? [] : [['plain', false], ['kept', rap]]);
      expect(publishes(rig.client('new').subscribe([{ topic, qos, rap }]))).toMatchObject([{ payload: 'kept', retain: true }]);
    }
  });

  test('trap 21: 3.x has no such option: live 0, at subscribe 1', () => {
    const rig = openRig();
    for (const protocolVersion of [3, 4] as const) {
      const live = rig.client('live', { protocolVersion }).subscribe('t').skip();
      retained(rig, 't', 'kept');
      expect(publishes(live)).toMatchObject([{ retain: false }]);
      expect(publishes(live.subscribe('t'))).toMatchObject([{ retain: true }]);
    }
  });

  test.each(qoses)('trap 22: an empty retained PUBLISH clears, is delivered live, and is never kept, at QoS %i', (qos) => {
    const rig = openRig();
    const [plain, rap] = [rig.subscriber('plain', 't', 2), rig.client('rap').subscribe([{ topic: 't', qos: 2, rap: true }]).skip()];
    retained(rig, 't', 'kept');
    publish(rig, 't', '', {}, { qos, retain: true });
    expect(publishes(plain).map(({ payload, retain }) => [payload, retain])).toEqual([['kept', false], ['', false]]);
    expect(publishes(rap).map(({ payload, retain }) => [payload, retain])).toEqual([['kept', true], ['', true]]);
    expect([rig.stats.retainedMessages, publishes(rig.client('new').subscribe('t'))]).toEqual([0, []]);
    publish(rig, 't', '', {}, { qos, retain: true }); // nothing to clear
    expect([payloads(plain), rig.stats.retainedMessages]).toEqual([[''], 0]);
  });

  test('trap 22: so does one of a will, of 3.x and of the host', async () => {
    const rig = openRig();
    const watcher = rig.subscriber('watcher', 't');
    const clears: (() => unknown)[] = [
      () => rig.client('a', { will: { topic: 't', payload: '', retain: true } }).drop(),
      () => rig.client('a', { protocolVersion: 4 }).publish({ topic: 't', payload: '', retain: true }),
      () => rig.broker.publish('t', '', { retain: true }),
    ];
    for (const clear of clears) {
      retained(rig, 't', 'kept');
      await clear();
      rig.clock.flush();
      expect([payloads(watcher), rig.stats.retainedMessages]).toEqual([['kept', ''], 0]);
    }
  });
});

describe('Retain Handling', () => {
  const got = (rig: Rig, rh: 0 | 1 | 2, topic = 't'): (string | undefined)[] => payloads(resumable(rig, 'a').subscribe([{ topic, rh }]));

  test('trap 23: 1 asks whether this session had this very filter, also before it was resumed; 0 sends every time, 2 never', () => {
    const rig = openRig();
    retained(rig, 't', 'kept');
    expect([got(rig, 1), got(rig, 1), got(rig, 0), got(rig, 0), got(rig, 2)]).toEqual([['kept'], [], ['kept'], ['kept'], []]);
    expect([got(rig, 1, '+'), got(rig, 1, '+')]).toEqual([['kept'], []]); // another filter, though it matches the same
    resumable(rig, 'a').unsubscribe('t');
    expect(got(rig, 1)).toEqual(['kept']);
    rig.client('a', { clean: true }).disconnect();
    expect(got(rig, 1)).toEqual(['kept']);
  });

  test.each(waysDown)('trap 23: it knows so after a %s, and within one SUBSCRIBE', async (down) => {
    const house = new House();
    retained(house.rig, 't', 'kept');
    expect(got(house.rig, 1)).toEqual(['kept']);
    const rig = await house[down]();
    expect([got(rig, 1), got(rig, 0)]).toEqual([[], ['kept']]);
    const twice = rig.client('b').subscribe([{ topic: 't', rh: 1 }, { topic: 't', rh: 1 }]);
    expect(payloads(twice)).toEqual(['kept']);
    const second = rig.client('c').subscribe([{ topic: 't', rh: 2 }, { topic: 't', rh: 1 }]);
    expect(payloads(second)).toEqual([]);
  });

  test.each(named)('trap 24: a shared subscription gets no retained message, on the first SUBSCRIBE or a later one (%s)', (_name, protocolVersion) => {
    const rig = openRig();
    retained(rig, 't', 'kept');
    const member = rig.client('a', { protocolVersion });
    for (const filter of ['$share/g/t', '$share/g/t', '$share/h/#']) expect(short(member.subscribe([{ topic: filter, rh: 0 }]).received())).toHaveLength(1);
    retained(rig, 't', 'live');
    expect(publishes(member)).toMatchObject([{ payload: 'live', retain: false }, { payload: 'live', retain: false }]); // of each group one
  });
});

describe('No Local', () => {
  test('trap 25: it goes by client id and by subscription: other clients get it, and an overlapping subscription without it', () => {
    const rig = openRig();
    const subscribed = (clientId: string): WireClient => rig.client(clientId).subscribe([{ topic: 't', qos: 1, nl: true }], { packetId: 9 }).skip();
    const [a, b] = [subscribed('a'), subscribed('b')];
    a.publish({ topic: 't', payload: 'from a', qos: 1 });
    expect([short(a.received()), payloads(b)]).toEqual([['puback 1'], ['from a']]);
    a.subscribe([{ topic: '#', qos: 0 }]).skip().publish({ topic: 't', payload: 'again', qos: 1 });
    expect(publishes(a)).toMatchObject([{ payload: 'again', qos: 0 }]);
  });

  test('trap 25: the client id counts, not the connection: what was queued from before is withheld too', () => {
    const rig = openRig();
    const a = resumable(rig, 'a').subscribe([{ topic: 't', qos: 1, nl: true }]);
    a.publish({ topic: 't', payload: 'own', qos: 1 }).drop();
    publish(rig, 't', 'other');
    expect(payloads(resumable(rig, 'a'))).toEqual(['other']);
    const next = resumable(rig, 'a').skip();
    next.publish({ topic: 't', payload: 'own', qos: 1 });
    expect(short(next.received())).toEqual(['puback 1 0x10']);
  });

  test.each(waysDown)('trap 25: decided: a client’s own retained messages are withheld from it, also after a %s', async (down) => {
    const house = new House();
    for (const clientId of ['a', 'b']) house.rig.client(clientId).publish({ topic: `t/${clientId}`, payload: clientId, qos: 1, retain: true });
    const look = (rig: Rig): void => {
      expect(payloads(rig.client('a').subscribe([{ topic: 't/+', nl: true }]))).toEqual(['b']);
      expect(payloads(rig.client('a').subscribe([{ topic: 't/+' }])).map(String).toSorted()).toEqual(['a', 'b']);
    };
    look(house.rig);
    look(await house[down]());
  });

  test('trap 25: on a shared subscription it closes with 0x82, and none of the filters takes effect', () => {
    const rig = openRig();
    expectBroken(rig.client('a').subscribe([{ topic: 't' }, { topic: '$share/g/t', nl: true }]), 0x82);
    expect(rig.stats.subscriptions).toBe(0);
  });
});

describe('overlapping subscriptions', () => {
  test('trap 26: one copy with the highest QoS, all identifiers, one given twice twice; RETAIN if any has Retain As Published', () => {
    const rig = openRig();
    const a = rig.client('a');
    const subscribe = (topic: string, qos: 0 | 1 | 2, id: number | undefined, rap = false): void =>
      void a.subscribe([{ topic, qos, rap }], id === undefined ? {} : { properties: { subscriptionIdentifier: id } }).skip();
    subscribe('t/#', 0, 7);
    subscribe('t/+', 2, 7);
    subscribe('+/a', 1, 268_435_455);
    subscribe('#', 1, undefined);
    publish(rig, 't/a', 'x', {}, { qos: 2, retain: true });
    let [copy, ...more] = publishes(a);
    expect([copy && identifiersOf(copy), copy?.qos, copy?.retain, more]).toEqual([[7, 7, 268_435_455], 2, false, []]);
    subscribe('t/a', 0, 9, true);
    a.skip();
    publish(rig, 't/a', 'x', {}, { qos: 2, retain: true });
    [copy, ...more] = publishes(a);
    expect([copy && identifiersOf(copy), copy?.qos, copy?.retain, more]).toEqual([[7, 7, 9, 268_435_455], 2, true, []]);
    publish(rig, 'b', 'y'); // only # matches, which has none
    expect(publishes(a)[0]).not.toHaveProperty('properties.subscriptionIdentifier');
  });

  test.each(named)('trap 26: one copy in 3.x too, and through the queue of an absent client (%s)', (_name, protocolVersion) => {
    const rig = openRig();
    const filters = [{ topic: '#', qos: 0 }, { topic: 't/+', qos: 2 }, { topic: '+/a', qos: 1 }] as const;
    rig.client('a', lasting(protocolVersion)).subscribe(filters).drop();
    const live = rig.client('b', { protocolVersion }).subscribe(filters).skip();
    publish(rig, 't/a', 'x', {}, { qos: 2 });
    for (const sent of [live, rig.client('a', lasting(protocolVersion))]) expect(publishes(sent)).toMatchObject([{ payload: 'x', qos: 2 }]);
  });

  test('trap 26: No Local filters before the merge: neither its QoS nor its identifier nor its Retain As Published counts', () => {
    const rig = openRig();
    const a = rig.client('a');
    a.subscribe([{ topic: 't', qos: 2, nl: true, rap: true }], { properties: { subscriptionIdentifier: 1 } });
    a.subscribe([{ topic: '+', qos: 0 }], { properties: { subscriptionIdentifier: 2 } }).skip();
    a.publish({ topic: 't', payload: 'x', qos: 2, retain: true });
    expect(publishes(a)).toMatchObject([{ qos: 0, retain: false, properties: { subscriptionIdentifier: 2 } }]);
  });
});

describe('Subscription Identifier', () => {
  const of = (sent: WireClient): number[][] => publishes(sent).map(identifiersOf);

  test.each(waysDown)('trap 27: it holds for all filters of its SUBSCRIBE, is kept over a %s, and goes when they are subscribed to without', async (down) => {
    const house = new House();
    resumable(house.rig, 'a').subscribe(['t', 'u'], { qos: 1, properties: { subscriptionIdentifier: 5 } });
    const rig = await house[down]();
    const a = resumable(rig, 'a');
    for (const topic of ['t', 'u']) publish(rig, topic, 'x');
    expect(of(a)).toEqual([[5], [5]]);
    a.subscribe('t', { qos: 1 }).skip().subscribe('u', { qos: 1, properties: { subscriptionIdentifier: 6 } }).skip();
    for (const topic of ['t', 'u']) publish(rig, topic, 'x');
    expect(of(a)).toEqual([[], [6]]);
    retained(rig, 'u', 'kept');
    expect(of(a.skip().subscribe('u', { properties: { subscriptionIdentifier: 8 } }))).toEqual([[8]]);
  });

  test('trap 27: that of a shared subscription is the receiving client’s own', () => {
    const rig = openRig();
    const members = [1, 2].map((id) => rig.client(`m${id}`).subscribe('$share/g/t', { qos: 1, properties: { subscriptionIdentifier: id } }).skip());
    for (let round = 0; round < 4; round += 1) publish(rig, 't', 'x');
    expect(members.map(of)).toEqual([[[1], [1]], [[2], [2]]]);
  });

  test('trap 27: a client’s PUBLISH with one is 0x82, and goes nowhere', () => {
    const rig = openRig();
    const watcher = rig.subscriber('watcher', '#');
    expectBroken(rig.client('a').sendsBytes(publishOf(5, 't', '78', '0b 01')), 0x82);
    expect(watcher.received()).toEqual([]);
  });
});

describe('message expiry', () => {
  const interval = (sent: WireClient): unknown[] => publishes(sent).map(({ properties }) => properties?.messageExpiryInterval);
  const short60 = { messageExpiryInterval: 60 };

  test('trap 28: it counts down on every forward, from queue and retained store, up to whole seconds so that it is never 0 alive', () => {
    const rig = openRig();
    resumable(rig, 'a').subscribe('t', { qos: 1 }).drop();
    const live = rig.subscriber('live', 't', 1);
    retained(rig, 't', 'x', short60);
    expect(interval(live)).toEqual([60]);
    for (const [afterMs, left] of [[1, 60], [10_998, 50], [48_001, 1], [999, 1]] as const) {
      rig.clock.advance(afterMs);
      expect(interval(rig.client('new').subscribe('t'))).toEqual([left]);
    }
    expect(interval(resumable(rig, 'a'))).toEqual([1]);
  });

  test.each([...waysDown])('trap 28: what has expired is gone, per copy, also over a %s, where the wall clock counts', async (down) => {
    const house = new House();
    resumable(house.rig, 'a').subscribe('t', { qos: 1 }).drop();
    resumable(house.rig, 'b').subscribe('t', { qos: 1 }).drop();
    retained(house.rig, 't', 'x', short60);
    retained(house.rig, 'u', 'y', short60);
    house.rig.clock.advance(20_000);
    const rig = await house[down](30);
    expect([interval(resumable(rig, 'a')), interval(rig.client('new').subscribe('u'))]).toEqual([[10], [10]]);
    rig.clock.advance(10_000);
    expect([publishes(resumable(rig, 'b')), publishes(rig.client('new').subscribe('u'))]).toEqual([[], []]);
    expect(rig.dropped).toContain('expired t b');
  });

  test('trap 28: once a QoS 1 or 2 PUBLISH was sent it does not expire any more', () => {
    const rig = openRig();
    for (const qos of [1, 2] as const) {
      resumable(rig, 'a').subscribe('t', { qos }).skip();
      const sent = resumable(rig, 'a').skip();
      publish(rig, 't', 'x', { messageExpiryInterval: 1 }, { qos });
      const [{ packetId = 0 } = {}] = publishes(sent);
      sent.drop();
      rig.clock.advance(3_600_000);
      const again = resumable(rig, 'a');
      expect(publishes(again)).toMatchObject([{ payload: 'x', dup: true, packetId, properties: { messageExpiryInterval: 1 } }]);
      if (qos === 1) again.puback(packetId);
      else again.pubrec(packetId).pubcomp(packetId);
    }
  });

  test('trap 28: 3.x subscribers see no interval, and do not get what has expired', () => {
    const rig = openRig();
    for (const [clientId, expiry] of [['a', 60], ['b', 5]] as const) {
      rig.client(clientId, lasting(4)).subscribe(clientId, { qos: 1 }).drop();
      publish(rig, clientId, 'x', { messageExpiryInterval: expiry });
    }
    rig.clock.advance(10_000);
    expect(rig.client('a', lasting(4)).receivedHex()).toBe('32 06 00 01 61 00 01 78');
    expect(rig.client('b', lasting(4)).receivedHex()).toBe('');
  });
});

describe('topic alias', () => {
  const alias = (topic: string, number: number): Buffer => publishOf(5, topic, '78', `23 ${number.toString(16).padStart(4, '0')}`);

  test('trap 29: 0 and one above the maximum are 0x94; an unknown one, or no topic at all, is 0x82', () => {
    const rig = openRig({ topicAliasMaximum: 5 });
    for (const [bytes, code] of [[alias('t', 0), 0x94], [alias('', 0), 0x94], [alias('t', 6), 0x94], [alias('', 6), 0x94], [alias('', 5), 0x82], [publishOf(5, ''), 0x82]] as const) {
      expectBroken(rig.client('a').sendsBytes(bytes), code);
    }
    expectServed(rig.client('a').sendsBytes(alias('t', 5)));
    expectBroken(openRig({ topicAliasMaximum: 0 }).client('a').sendsBytes(alias('t', 1)), 0x94);
  });

  test('trap 29: a mapping may be replaced, is this connection’s and this direction’s alone', () => {
    const rig = openRig();
    const watcher = rig.subscriber('watcher', '#');
    const a = resumable(rig, 'a', { properties: { topicAliasMaximum: 1 } }).sendsBytes(Buffer.concat([alias('t', 1), alias('', 1), alias('u', 1), alias('', 1), alias('t', 2), alias('', 1)]));
    expect(publishes(watcher).map(({ topic }) => topic)).toEqual(['t', 't', 'u', 'u', 't', 'u']);
    expectBroken(rig.client('b').sendsBytes(alias('', 1)), 0x82); // another connection
    a.subscribe('own').skip();
    publish(rig, 'own', 'x');
    expect(publishes(a)).toMatchObject([{ topic: 'own', properties: { topicAlias: 1 } }]);
    expect(publishes(watcher.skip())).toEqual([]);
    a.sendsBytes(alias('', 1)); // still what the client set
    expect(publishes(watcher).map(({ topic }) => topic)).toEqual(['u']);
    expectBroken(resumable(rig, 'a').sendsBytes(alias('', 1)), 0x82); // the next connection
  });

  test('trap 29: it is resolved before authorization, and stays set when that refuses', async () => {
    const asked: string[] = [];
    const rig = openRig({ authorize: (_client, { type, topic }) => type !== 'publish' || (asked.push(topic) > 0 && asked.length > 2) });
    const watcher = rig.subscriber('watcher', '#');
    const a = rig.client('a').sendsBytes(Buffer.concat([alias('t', 1), alias('', 1), alias('', 1)]));
    expect([asked, publishes(watcher).map(({ topic }) => topic), a.closed]).toEqual([['t', 't', 't'], ['t'], false]);
    const questions = new Questions('publish');
    const late = openRig({ authorize: questions.authorize });
    late.client('a').sendsBytes(Buffer.concat([alias('t', 1), alias('', 1)]));
    expect(await questions.answerAll(late, ({ action }) => action.topic === 't')).toBe(2);
    expect(late.stats.publishReceived).toBe(2);
  });

  test('trap 29: towards the client: at most its maximum, each set before it is used; queued and re-sent packets carry their topic', () => {
    const rig = openRig();
    const connect = (topicAliasMaximum: number): WireClient => resumable(rig, 'a', { properties: { topicAliasMaximum } });
    const seen = (sent: WireClient): unknown[] => publishes(sent).map(({ topic, properties }) => [topic, properties?.topicAlias]);
    const a = connect(2).subscribe('#', { qos: 1 }).skip();
    for (const topic of ['t', 'u', 'v', 't', 'u', 'v']) publish(rig, topic, 'x');
    expect(seen(a)).toEqual([['t', 1], ['u', 2], ['v', undefined], ['', 1], ['', 2], ['v', undefined]]);
    a.drop();
    publish(rig, 't', 'queued');
    const again = seen(connect(1));
    expect(again).toEqual([['t', 1], ['u', undefined], ['v', undefined], ['', 1], ['u', undefined], ['v', undefined], ['', 1]]);
    expect(seen(connect(0)).map((each) => (each as unknown[])[0])).toEqual(['t', 'u', 'v', 't', 'u', 'v', 't']);
  });
});
