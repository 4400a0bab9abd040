/** Traps 44 to 50, and 54: SUBSCRIBE, and how filters match. */
import { describe, expect, test } from '@jest/globals';
import type { Action } from '../../../src/index.js';
import type { WireClient } from '../../../src/testing/index.js';
import { text } from '../../unit/packet/wire.js';
import { numbered, openRig, payloads, publishes, Questions, short, type Rig } from '../../wire/rig.js';
import { resumable } from '../v5/support.js';
import { expectBroken, expectRefusedWith, expectServed, named, subscribeOf, unsubscribeOf } from './support.js';

const modern = named.slice(1);
const publish = (rig: Rig, topic: string, payload: string, qos: 0 | 1 | 2 = 1, retain = false): void =>
  void rig.client('pub').publish({ topic, payload, qos, retain }).disconnect();

describe('SUBACK', () => {
  test.each(named)('trap 44: one code for each filter, in order; a refused one is 0x80 in 3.x, and the rest is granted (%s)', (_name, protocolVersion) => {
    const codes: Readonly<Record<string, number>> = { no: 0x87, full: 0x97, odd: 0x10, why: 0x83 };
    const authorize = (_client: unknown, { type, topic }: Action) => {
      const reasonCode = type === 'subscribe' ? codes[topic] : undefined;
      return reasonCode === undefined || { action: 'deny' as const, reasonCode };
    };
    const rig = openRig({ authorize, maximumQoS: 1, subscriptionsMax: 4 });
    const sent = rig.client('a', { protocolVersion });
    sent.subscribe([{ topic: 'a', qos: 0 }, { topic: 'no', qos: 1 }, { topic: 'b', qos: 2 }, { topic: 'full' }, { topic: 'odd' }, { topic: 'why' }, { topic: 'c', qos: 1 }, { topic: 'd' }, { topic: 'e' }]);
    const refused = (code: number): number => (protocolVersion === 5 ? code : 0x80);
    expect(sent.received()).toMatchObject([{ type: 'suback', reasonCodes: [0, refused(0x87), 1, refused(0x97), refused(0x87), refused(0x83), 1, 0, refused(0x97)] }]);
    expect(rig.stats.subscriptions).toBe(4);
    expectServed(sent);
  });

  test.each(named)('trap 44: a SUBSCRIBE of which everything is refused does not close either, and no feature that 3.x cannot be told of (%s)', (_name, protocolVersion) => {
    const rig = openRig({ authorize: (_client, { type }) => type !== 'subscribe', wildcardSubscriptionAvailable: protocolVersion === 5, sharedSubscriptionAvailable: protocolVersion === 5 });
    const sent = rig.client('a', { protocolVersion }).subscribe(['a/#', 'b', '$share/g/c']);
    const code = protocolVersion === 5 ? 0x87 : 0x80;
    expect(sent.received()).toMatchObject([{ type: 'suback', reasonCodes: [code, code, code] }]);
    expectServed(sent);
  });

  test.each(named)('trap 45: decided: an ill-formed filter closes, 0x81 in 5.0, in SUBSCRIBE and UNSUBSCRIBE, and no filter of the packet takes effect (%s)', (_name, protocolVersion) => {
    for (const filter of ['a#', 'a/#/b', '#/a', '##', 'a+', '+a', 'a/b+/c', '++', 'a/+#', '']) {
      const rig = openRig();
      const kept = resumable(rig, 'kept').subscribe('ok', { qos: 1 }).skip();
      expectBroken(rig.client('a', { protocolVersion }).sendsBytes(subscribeOf(protocolVersion, 'ok', `00 ${text(filter)} 00`)), 0x81);
      expectBroken(rig.client('a', { protocolVersion }).sendsBytes(subscribeOf(protocolVersion, filter, `00 ${text('ok')} 00`)), 0x81);
      expect(rig.stats.subscriptions).toBe(1);
      expectBroken(rig.client('a', { protocolVersion }).sendsBytes(unsubscribeOf(protocolVersion, filter)), 0x81);
      expectServed(kept);
    }
  });
});

describe('subscription options', () => {
  test('trap 46: QoS 3 and Retain Handling 3 are 0x82, reserved bits 0x81; none of the filters takes effect', () => {
    for (let options = 0; options < 256; options += 1) {
      const code = options >= 0x40 ? 0x81 : (options & 3) === 3 || (options & 0x30) === 0x30 ? 0x82 : 0;
      const rig = openRig();
      const other = options.toString(16).padStart(2, '0');
      const sent = rig.client('a').sendsBytes(subscribeOf(5, 'first', `00 ${text('t')} ${other}`));
      if (code > 0) expectBroken(sent, code);
      else expect(short(sent.received())).toEqual([`suback 1 0x00 0x0${options & 3}`]);
      expect(rig.stats.subscriptions).toBe(code > 0 ? 0 : 2);
    }
  });

  test('trap 46: in 3.1.1 any of bits 2 to 7 closes; 3.1 does not name them, so there it is QoS 3 alone', () => {
    for (let options = 0; options < 256; options += 1) {
      for (const protocolVersion of [3, 4] as const) {
        const rig = openRig();
        const isLegal = (options & 3) !== 3 && (protocolVersion === 3 || options < 4);
        const sent = rig.client('a', { protocolVersion }).sendsBytes(subscribeOf(protocolVersion, 'first', `00 ${text('t')} ${options.toString(16).padStart(2, '0')}`));
        if (isLegal) expect(short(sent.received())).toEqual([`suback 1 0x00 0x0${options & 3}`]);
        else expectBroken(sent, 0x81);
        expect(rig.stats.subscriptions).toBe(isLegal ? 2 : 0);
      }
    }
  });
});

describe('replacing a subscription', () => {
  test.each(modern)('trap 47: nothing is lost or doubled while it is replaced again and again, also by one that a hook decides late (%s)', async (_name, protocolVersion) => {
    const questions = new Questions('subscribe', ['late']);
    const rig = openRig({ authorize: questions.authorize });
    const at = (clientId: string): WireClient => rig.client(clientId, { protocolVersion });
    const [plain, late, member] = [at('plain').subscribe('t', { qos: 1 }), at('late').subscribe('t', { qos: 1 }), at('member').subscribe('$share/g/t', { qos: 1 })];
    await questions.answerAll(rig);
    for (const sent of [plain, late, member]) sent.skip();
    // Published from within the change as well, when the host hears of it.
    let heard = 0;
    rig.broker.on('subscribe', () => void rig.broker.publish('t', `heard ${(heard += 1)}`, { qos: 1 }));
    const wanted: string[] = [];
    for (const payload of numbered(20)) {
      plain.subscribe('t', { qos: payload.length === 1 ? 2 : 1 });
      member.subscribe('$share/g/t', { qos: 2 });
      late.subscribe('t', { qos: 2 });
      await rig.broker.publish('t', payload, { qos: 1 });
      wanted.push(payload);
      await questions.answerAll(rig);
    }
    rig.clock.flush();
    expect(heard).toBe(60);
    for (const sent of [plain, late, member]) {
      const got = payloads(sent);
      expect(got.filter((payload) => !payload?.startsWith('heard'))).toEqual(wanted);
      expect(new Set(got).size).toBe(80);
      expect(got).toHaveLength(80);
    }
  });

  test('trap 47: the new options count from the SUBACK on, and retained messages are sent again', () => {
    const rig = openRig();
    publish(rig, 't', 'kept', 1, true);
    const a = rig.client('a').subscribe('t', { qos: 2 });
    expect(short(a.received())).toEqual(['suback 1 0x02', 'publish 1 kept']);
    a.subscribe('t', { qos: 0 });
    expect(short(a.received())).toEqual(['suback 2 0x00', 'publish kept']);
    publish(rig, 't', 'live', 2);
    expect(publishes(a)).toMatchObject([{ payload: 'live', qos: 0 }]);
    expect(rig.stats.subscriptions).toBe(1);
  });
});

// ---- matching ----

/** Filter, topic, and whether they match; the same for live, retained and shared. */
const matching: readonly (readonly [string, string, boolean])[] = [
  ['a/#', 'a', true], ['a/#', 'a/', true], ['a/#', 'a/b/c', true], ['a/#', 'ab', false], ['#', 'a', true], ['#', '/', true],
  ['a/+', 'a/', true], ['a/+', 'a', false], ['a/+', 'a/b', true], ['a/+', 'a/b/c', false], ['a/+/#', 'a', false], ['a/+/#', 'a/', true], ['a/+/#', 'a/b/c', true],
  ['+', 'a', true], ['+', '/a', false], ['+/+', '/a', true], ['/+', '/a', true], ['+/+', '/', true], ['+', '/', false], ['+/', 'a/', true], ['+/', 'a', false],
  ['a//b', 'a//b', true], ['a/+/b', 'a//b', true], ['a//b', 'a/b', false], ['A', 'a', false], ['a ', 'a', false], ['+/#', '/', true],
  ['#', '$a', false], ['+', '$a', false], ['+/b', '$a/b', false], ['#', '$', false], ['$a/#', '$a', true], ['$a/+', '$a/b', true], ['a/#', 'a/$b', true], ['a/+', 'a/$b', true], ['$SYS/#', '$SYS/x', true], ['+/x', '$SYS/x', false],
]; // prettier-ignore

/** Which of `matching` come out otherwise than they should. */
async function mismatches(got: (rig: Rig, filter: string, topic: string) => Promise<boolean>): Promise<string[]> {
  const wrong: string[] = [];
  for (const [filter, topic, expected] of matching) {
    if ((await got(openRig(), filter, topic)) !== expected) wrong.push(`${filter} ${topic}`);
  }
  return wrong;
}

test('trap 48: # matches its parent level, + an empty one, and neither anything else', async () => {
  const wrong = await mismatches(async (rig, filter, topic) => {
    const a = rig.subscriber('a', filter);
    await rig.broker.publish(topic, 'x');
    rig.clock.flush();
    return publishes(a).length === 1;
  });
  expect(wrong).toEqual([]);
  expectBroken(openRig().client('a').sendsBytes(subscribeOf(5, '$+')), 0x81);
});

test('trap 49: a filter that begins with a wildcard sees no $ topic, also through $share', async () => {
  const wrong = await mismatches(async (rig, filter, topic) => {
    const a = rig.subscriber('a', `$share/g/${filter}`);
    await rig.broker.publish(topic, 'x');
    rig.clock.flush();
    return publishes(a).length === 1;
  });
  expect(wrong).toEqual([]);
});

test('trap 54: retained messages match as live ones do, $ topics and empty levels too', async () => {
  const wrong = await mismatches(async (rig, filter, topic) => {
    await rig.broker.publish(topic, 'x', { retain: true });
    for (const decoy of ['b', 'a/b/c/d', '//', '$z/y']) await rig.broker.publish(decoy, 'decoy', { retain: true });
    const a = rig.client('a').subscribe(filter);
    return publishes(a).some(({ payload }) => payload === 'x');
  });
  expect(wrong).toEqual([]);
  const rig = openRig();
  for (const topic of ['a', 'a/', '/a', 'a//b', '$a/b', '/']) await rig.broker.publish(topic, topic, { retain: true });
  const sees = (filter: string): (string | undefined)[] => payloads(rig.client('c').subscribe(filter)).map(String).toSorted();
  expect([sees('#'), sees('+/+'), sees('a/#'), sees('+'), sees('$a/#'), sees('/+')]).toEqual([['/', '/a', 'a', 'a/', 'a//b'], ['/', '/a', 'a/'], ['a', 'a/', 'a//b'], ['a'], ['$a/b'], ['/', '/a']]);
});

test('trap 49: decided: a PUBLISH to $share/… is to a topic of that name, of which no shared subscription hears', () => {
  const rig = openRig();
  const sees = ['#', '$share/g/t', '$share/h/#'].map((filter, index) => rig.subscriber(`c${index}`, filter));
  const named49 = rig.subscriber('named', '$share/x/$share/g/t');
  const pub = rig.client('p').publish({ topic: '$share/g/t', payload: 'x', qos: 1, retain: true });
  expect([short(pub.received()), sees.flatMap(publishes), payloads(named49)]).toEqual([['puback 1'], [], ['x']]);
});

test.each(named)('trap 49: nobody but the host publishes below $SYS/, as a will neither, whatever authorize says (%s)', (_name, protocolVersion) => {
  const rig = openRig({ authorize: () => true });
  const watcher = rig.subscriber('watcher', '$SYS/#');
  const sent = rig.client('a', { protocolVersion });
  for (const qos of [0, 1, 2] as const) sent.publish({ topic: '$SYS/x', payload: 'x', qos, packetId: qos, retain: true });
  expect(short(sent.received())).toEqual(protocolVersion === 5 ? ['puback 1 0x87', 'pubrec 2 0x87'] : ['puback 1', 'pubrec 2']);
  expectRefusedWith(rig.open({ protocolVersion }).connect({ clientId: 'b', will: { topic: '$SYS/w' } }), protocolVersion === 5 ? 'connack 0x87' : 'connack 0x05');
  void rig.broker.publish('$SYS/x', 'host');
  rig.clock.flush();
  expect([payloads(watcher), rig.stats.retainedMessages]).toEqual([['host'], 0]);
});

test.each(named)('trap 50: $share needs a name without wildcards and a filter; one that is ill-formed closes (%s)', (_name, protocolVersion) => {
  for (const filter of ['$share/', '$share/g', '$share//a', '$share/g/', '$share/+/a', '$share/#/a', '$share/g+/a', '$share/g#/a', '$share/g/a#', '$share/g/#/a']) {
    const rig = openRig();
    expectBroken(rig.client('a', { protocolVersion }).sendsBytes(subscribeOf(protocolVersion, filter)), 0x81);
    expectBroken(rig.client('a', { protocolVersion }).sendsBytes(unsubscribeOf(protocolVersion, filter)), 0x81);
  }
});

test.each(named)('trap 50: $share/g//a is for /a, $share alone and $shared/a are ordinary, the filter may be $SYS/…, and a is another subscription (%s)', (_name, protocolVersion) => {
  const rig = openRig();
  const filters = ['$share/g//a', '$share/g/$SYS/#', '$share', '$shared/a', '$share/g/a', 'a'];
  const clients = filters.map((filter) => rig.client(`c ${filter.replaceAll(/[#+]/g, '')}`, { protocolVersion }).subscribe(filter).skip());
  for (const topic of ['/a', '$SYS/x', '$share', '$shared/a', 'a']) void rig.broker.publish(topic, topic);
  rig.clock.flush();
  expect(clients.map(payloads)).toEqual([['/a'], ['$SYS/x'], ['$share'], ['$shared/a'], ['a'], ['a']]);
  const both = rig.client('both', { protocolVersion }).subscribe('a').skip();
  both.subscribe('$share/g/a').unsubscribe(['a', '$share/h/a', 'g/a']).skip();
  expect(rig.stats.subscriptions).toBe(6 + 1);
  if (protocolVersion === 5) expect(short(both.unsubscribe(['a', '$share/g/a'], { packetId: 9 }).received())).toEqual(['unsuback 9 0x11 0x00']);
});
