/** Traps 51 to 53, and 55: shared delivery, UNSUBSCRIBE, authorization, what is unavailable. */
import { describe, expect, test } from '@jest/globals';
import type { Action } from '../../../src/index.js';
import type { WireClient, WireVersion } from '../../../src/testing/index.js';
import { numbered, openRig, payloads, publishes, short, type Rig } from '../../wire/rig.js';
import { resumable } from '../v5/support.js';
import { expectBroken, expectRefusedWith, expectServed, lasting, named, publishOf } from './support.js';

const modern = named.slice(1);
const publish = (rig: Rig, topic: string, payload: string, qos: 0 | 1 | 2 = 1, retain = false): void =>
  void rig.client('pub').publish({ topic, payload, qos, retain }).disconnect();

describe('shared delivery', () => {
  const filter = '$share/g/t';
  const member = (rig: Rig, clientId: string, protocolVersion: WireVersion = 5, qos: 0 | 1 | 2 = 2): WireClient =>
    rig.client(clientId, lasting(protocolVersion, 60)).subscribe(filter, { qos }).skip();

  test.each(modern)('trap 51: QoS 2 in flight stays with its member and is completed there; with its session it is dropped (%s)', (_name, protocolVersion) => {
    const rig = openRig();
    const [x, y] = [member(rig, 'x', protocolVersion), member(rig, 'y', protocolVersion)];
    for (const payload of numbered(4)) publish(rig, 't', payload, 2);
    expect([payloads(x), payloads(y)]).toEqual([['1', '3'], ['2', '4']]);
    x.pubrec(1).drop();
    expect(y.received()).toEqual([]);
    const again = rig.client('x', lasting(protocolVersion, 60));
    expect(short(again.received()).toSorted()).toEqual(['publish 2 3', 'pubrel 1']);
    again.drop();
    if (protocolVersion === 5) rig.clock.advance(60_000);
    else rig.client('x', { protocolVersion, clean: true }).drop();
    expect([y.received(), rig.client('x', lasting(protocolVersion)).received()]).toEqual([[], []]);
  });

  test.each(modern)('trap 51: QoS 1 that a member leaves unacknowledged goes to another (%s)', (_name, protocolVersion) => {
    const rig = openRig();
    const [x, y] = [member(rig, 'x', protocolVersion, 1), member(rig, 'y', protocolVersion, 1)];
    for (const payload of numbered(4)) publish(rig, 't', payload);
    expect([payloads(x), payloads(y)]).toEqual([['1', '3'], ['2', '4']]);
    x.puback(1).drop();
    expect(publishes(y)).toMatchObject([{ payload: '3', packetId: 3, dup: false }]);
    expect(rig.client('x', lasting(protocolVersion)).received()).toEqual([]);
  });

  test('trap 51: a refusal of 0x80 and above drops it: nobody else is sent it', () => {
    const rig = openRig();
    const [x, y] = [member(rig, 'x'), member(rig, 'y')];
    for (const qos of [1, 1, 2, 2] as const) publish(rig, 't', `${qos}`, qos);
    expect([x, y].map((each) => short(each.received()))).toEqual([['publish 1 1', 'publish 2 2'], ['publish 1 1', 'publish 2 2']]);
    x.puback(1, 0x80).pubrec(2, 0x83).drop();
    expect([y.received(), rig.client('x', lasting(5)).received()]).toEqual([[], []]);
    expect(rig.stats.inflightMessages).toBe(2);
  });

  test.each(modern)('trap 51: connected members come first; with none the group keeps one copy, which one gets (%s)', (_name, protocolVersion) => {
    const rig = openRig();
    const [x, y] = [member(rig, 'x', protocolVersion), member(rig, 'y', protocolVersion)];
    x.drop();
    for (const payload of numbered(3)) publish(rig, 't', payload);
    expect(payloads(y)).toEqual(numbered(3));
    for (const id of [1, 2, 3]) y.puback(id);
    y.drop();
    for (const payload of ['4', '5']) publish(rig, 't', payload);
    expect(rig.stats.queuedMessages).toBe(2);
    expect(payloads(rig.client('x', lasting(protocolVersion)))).toEqual(['4', '5']);
    expect(rig.client('y', lasting(protocolVersion)).received()).toEqual([]);
  });

  test('trap 51: each member has its own QoS, identifier and packet ids', () => {
    const rig = openRig();
    const members = ([0, 1, 2] as const).map((qos) => rig.client(`m${qos}`).subscribe(filter, { qos, properties: { subscriptionIdentifier: qos + 1 } }).skip());
    for (const payload of numbered(9)) publish(rig, 't', payload, 2);
    const got = members.map(publishes);
    expect(got.flat()).toHaveLength(9);
    for (const [qos, own] of got.entries()) {
      expect(own.length).toBeGreaterThan(0);
      expect(own.every((each) => each.qos === qos && each.properties?.subscriptionIdentifier === qos + 1)).toBe(true);
      expect(own.map(({ packetId }) => packetId)).toEqual(own.map((_, index) => (qos === 0 ? undefined : index + 1)));
    }
  });
});

describe('UNSUBSCRIBE', () => {
  test.each(named)('trap 52: filters are compared exactly, each is answered, and the answer comes even if none existed (%s)', (_name, protocolVersion) => {
    const rig = openRig();
    const a = rig.subscriber('a', 't/a', 0, { protocolVersion }).unsubscribe(['t/+', 'T/a', 't/a/', '#', 't'], { packetId: 5 });
    expect(short(a.received())).toEqual([protocolVersion === 5 ? 'unsuback 5 0x11 0x11 0x11 0x11 0x11' : 'unsuback 5']);
    publish(rig, 't/a', 'x');
    expect(payloads(a)).toEqual(['x']);
    expect(short(a.unsubscribe(['t/b', 't/a', 't/a'], { packetId: 6 }).received())).toEqual([protocolVersion === 5 ? 'unsuback 6 0x11 0x00 0x11' : 'unsuback 6']);
    publish(rig, 't/a', 'y');
    expect(a.received()).toEqual([]);
  });

  test.each(modern)('trap 52: deliveries that were started are finished, at QoS 1 and 2, over a reconnect too; new ones stop at once (%s)', (_name, protocolVersion) => {
    const rig = openRig();
    const a = rig.client('a', lasting(protocolVersion)).subscribe('t', { qos: 2 }).skip();
    publish(rig, 't', '1', 1);
    publish(rig, 't', '2', 2);
    publish(rig, 't', '3', 2);
    expect(publishes(a)).toHaveLength(3);
    a.pubrec(3).unsubscribe('t').skip();
    publish(rig, 't', '4', 2);
    expect(a.received()).toEqual([]);
    a.drop();
    const again = rig.client('a', lasting(protocolVersion));
    expect(short(again.received()).toSorted()).toEqual(['publish 1 1', 'publish 2 2', 'pubrel 3']);
    again.puback(1).pubrec(2).pubcomp(2).pubcomp(3);
    expect([short(again.received()), rig.stats.inflightMessages]).toEqual([['pubrel 2'], 0]);
  });
});

describe('authorization', () => {
  const authorize = (client: { readonly id: string }, { type, topic }: Action): boolean => client.id !== 'a' || type !== 'deliver' || topic !== 't/secret';

  test.each(named)('trap 53: decided: messages are asked about again at delivery, so that a filter t/+ leaks no t/secret: live, retained, shared (%s)', (_name, protocolVersion) => {
    const rig = openRig({ authorize });
    publish(rig, 't/secret', 'kept', 1, true);
    publish(rig, 't/open', 'kept', 1, true);
    const a = rig.client('a', { protocolVersion }).subscribe(['t/+', '#'], { qos: 2 });
    const [mine, other] = [rig.client('a2').subscribe('$share/g/t/+', { qos: 1 }).skip(), rig.client('b').subscribe('t/secret')];
    expect(publishes(a).map(({ topic }) => topic)).toEqual(['t/open', 't/open']); // each filter has its own retained messages
    for (const qos of [0, 1, 2] as const) for (const topic of ['t/secret', 't/open']) publish(rig, topic, 'live', qos);
    expect(publishes(a).map(({ topic, qos }) => `${topic} ${qos}`)).toEqual(['t/open 0', 't/open 1', 't/open 2']);
    expect([publishes(mine).length, publishes(other).length]).toEqual([6, 4]);
  });

  test('trap 53: so are those that were queued, or are sent again, by the rules of then; a shared one goes to the next member', () => {
    let isSecret = false;
    const rig = openRig({ authorize: (client, { type }) => client.id !== 'a' || type !== 'deliver' || !isSecret });
    const a = resumable(rig, 'a').subscribe('t/+', { qos: 1 }).skip();
    publish(rig, 't/secret', 'in flight');
    expect(payloads(a)).toEqual(['in flight']);
    a.drop();
    publish(rig, 't/secret', 'queued');
    isSecret = true;
    expect(resumable(rig, 'a').received()).toEqual([]);
    expect(rig.stats).toMatchObject({ inflightMessages: 0, queuedMessages: 0, dropped: { deliverDenied: 2 } });
    const b = rig.client('b').subscribe('$share/g/t/+', { qos: 1 }).skip();
    rig.client('a').subscribe('$share/g/t/+', { qos: 1 });
    for (const payload of ['1', '2']) publish(rig, 't/secret', payload);
    expect(payloads(b)).toEqual(['1', '2']);
  });

  test('trap 53: a will topic and a topic behind an alias are checked as any other', () => {
    const asked: string[] = [];
    const rig = openRig({ authorize: (client, { type, topic }) => client.id !== 'a' || (asked.push(`${type} ${topic}`) > 0 && topic !== 't/secret') });
    const watcher = rig.subscriber('watcher', '#');
    expectRefusedWith(rig.open().connect({ clientId: 'a', will: { topic: 't/secret', payload: 'x' } }), 'connack 0x87');
    const a = rig.client('a').sendsBytes(Buffer.concat([publishOf(5, 't/secret', '78', '23 0001'), publishOf(5, '', '78', '23 0001'), publishOf(5, 't/open', '78', '23 0001'), publishOf(5, '', '78', '23 0001')]));
    expectServed(a);
    expect(asked).toEqual(['will t/secret', 'publish t/secret', 'publish t/secret', 'publish t/open', 'publish t/open']);
    expect(publishes(watcher).map(({ topic }) => topic)).toEqual(['t/open', 't/open']);
  });
});

describe('what is declared unavailable', () => {
  const features = [
    ['wildcardSubscriptionAvailable', 'a/+', {}, 0xa2, 'wildcardSubscriptionAvailable'],
    ['sharedSubscriptionAvailable', '$share/g/a', {}, 0x9e, 'sharedSubscriptionAvailable'],
    ['subscriptionIdentifierAvailable', 'a', { subscriptionIdentifier: 1 }, 0xa1, 'subscriptionIdentifiersAvailable'],
  ] as const;

  test.each(features)('trap 55: %s false is told, and its use closes a 5.0 client; without the option it is available and not named', (option, filter, properties, code, told) => {
    const off = openRig({ [option]: false });
    expect(off.open().connect({ clientId: 'a' }).received()[0]?.properties).toMatchObject({ [told]: false });
    expectBroken(off.client('a').subscribe(['plain', filter], { properties }), code);
    expect(off.stats.subscriptions).toBe(0);
    expectServed(off.client('a').subscribe('plain'));
    const on = openRig();
    expect(on.open().connect({ clientId: 'a' }).received()[0]?.properties).not.toHaveProperty(told);
    expect(short(on.client('a').subscribe(filter, { properties }).received())).toEqual(['suback 1 0x00']);
  });

  test('trap 55: a wildcard in a shared filter is one too; 3.x, which was not told, gets 0x80', () => {
    const off = openRig({ wildcardSubscriptionAvailable: false });
    expectBroken(off.client('a').subscribe('$share/g/a/#'), 0xa2);
    const none = openRig({ wildcardSubscriptionAvailable: false, sharedSubscriptionAvailable: false });
    for (const protocolVersion of [3, 4] as const) {
      expect(short(none.client('a', { protocolVersion }).subscribe(['a', '#', '$share/g/a']).received())).toEqual(['suback 1 0x00 0x80 0x80']);
    }
  });
});
