/** MQTT 5.0, chapter 4.8: subscriptions, and who gets what of a shared one. */
import { describe, expect, test } from '@jest/globals';
import type { WireClient } from '../../../src/testing/index.js';
import { numbered, openRig, payloads, publishes, short } from '../../wire/rig.js';
import type { Rig } from '../../wire/rig.js';
import { client, expectDisconnected, qoses, resumable, subscriber } from './support.js';
import type { Qos } from './support.js';

const filter = '$share/g/t';

function publishNumbered(rig: Rig, count: number, qos: Qos, from = 1): void {
  const publisher = client(rig, 'pub');
  for (const payload of numbered(count, from)) publisher.publish({ topic: 't', payload, qos });
  publisher.drop();
}

/** Two members of the group, of which the first gets what is odd. */
function members(rig: Rig, qos: Qos, open: typeof client = client): [WireClient, WireClient] {
  return [open(rig, 'x').subscribe(filter, { qos }).skip(), open(rig, 'y').subscribe(filter, { qos }).skip()];
}

const ascending = (values: readonly (string | undefined)[]): (string | undefined)[] => values.toSorted((a, b) => Number(a) - Number(b));

/** DISCONNECT 0x81 in SUBSCRIBE and in UNSUBSCRIBE, and none of the packet's filters is taken. */
function expectIllFormed(illFormed: string): void {
  const rig = openRig();
  expectDisconnected(client(rig, 'c').subscribe(['good', illFormed]), 0x81);
  expectDisconnected(client(rig, 'c').unsubscribe(['good', illFormed]), 0x81);
  expect(rig.stats.subscriptions).toBe(0);
}

/** Whether the filter makes one group of several subscribers. */
function isShared(candidate: string, topic: string): boolean {
  const rig = openRig();
  const subs = ['x', 'y'].map((clientId) => client(rig, clientId).subscribe(candidate));
  for (const sub of subs) expect(sub.receivedHex()).toBe('90 04 00 01 00 00');
  client(rig, 'pub').publish({ topic, payload: 'p' });
  const copies = subs.flatMap(payloads).length;
  expect(copies).toBeGreaterThan(0);
  return copies === 1;
}

test.each(['$share/', '$share//t', '$share//', '$share//#'])('v5 [MQTT-4.8.2-1] a ShareName has a character at least: "%s" closes', (illFormed) => {
  expectIllFormed(illFormed);
});

test('v5 [MQTT-4.8.2-1] what begins with $share/ is shared, and nothing else is', () => {
  for (const name of ['g', 'a group', '$share', '😀']) expect(isShared(`$share/${name}/t`, 't')).toBe(true);
  for (const plain of ['$share', '$shared/g/t', '$SHARE/g/t', 'share/g/t', '/$share/g/t']) expect(isShared(plain, plain)).toBe(false);
});

test.each(['$share/g', '$share/g/', '$share/+/t', '$share/#/t', '$share/g#/t', '$share/g+/t', '$share/+g/t', '$share/#', '$share/+'])('v5 [MQTT-4.8.2-2] "$share/", a name without wildcards, "/" and a filter: "%s" closes', (illFormed) => {
  expectIllFormed(illFormed);
});

test('v5 [MQTT-4.8.2-2] the name ends at its "/", and any filter may follow', () => {
  for (const [shared, topic] of [['$share/g/t', 't'], ['$share/g//t', '/t'], ['$share/g//', '/'], ['$share/g/t/u', 't/u'], ['$share/g/#', 'g/t'], ['$share/g/+/u', 't/u']] as const) {
    expect([shared, isShared(shared, topic)]).toEqual([shared, true]);
  }
});

test.each(qoses)('v5 [MQTT-4.8.2-3] each member gets at most the QoS it was granted: published at QoS %i', (qos) => {
  const rig = openRig();
  const granted = qoses.map((own) => subscriber(rig, `m${own}`, filter, own));
  publishNumbered(rig, 9, qos);
  const sent = granted.map(publishes);
  expect(ascending(sent.flat().map(({ payload }) => payload))).toEqual(numbered(9));
  for (const [own, packets] of sent.entries()) {
    expect(packets.length).toBeGreaterThan(0);
    expect(new Set(packets.map((packet) => packet.qos))).toEqual(new Set([Math.min(own, qos)]));
  }
});

test('v5 [MQTT-4.8.2-3] also of what has waited in the group', () => {
  const rig = openRig();
  for (const own of [1, 2] as const) resumable(rig, `m${own}`).subscribe(filter, { qos: own }).drop();
  publishNumbered(rig, 2, 2);
  const one = resumable(rig, 'm1', { properties: { receiveMaximum: 1 } });
  expect([publishes(one), publishes(resumable(rig, 'm2'))]).toMatchObject([[{ qos: 1 }], [{ qos: 2 }]]);
});

describe('QoS 2', () => {
  test.each(['PUBLISH', 'PUBREC'] as const)('v5 [MQTT-4.8.2-4] when its client drops behind %s nobody else gets it, and the resume completes it', (step) => {
    const rig = openRig();
    const [x, y] = members(rig, 2, resumable);
    publishNumbered(rig, 2, 2);
    expect([short(x.received()), short(y.received())]).toEqual([['publish 1 1'], ['publish 1 2']]);
    if (step === 'PUBREC') expect(short(x.pubrec(1).received())).toEqual(['pubrel 1']);
    x.drop();
    expect(y.pubrec(1).pubcomp(1).skip().received()).toEqual([]);
    publishNumbered(rig, 1, 2, 3);
    expect(short(y.received())).toEqual(['publish 1 3']);
    for (let round = 0; round < 2; round += 1) {
      const again = resumable(rig, 'x');
      expect(short(again.received())).toEqual([step === 'PUBREC' ? 'pubrel 1' : 'publish 1 1']);
      again.drop();
    }
    const last = resumable(rig, 'x').skip();
    if (step === 'PUBLISH') expect(short(last.pubrec(1).received())).toEqual(['pubrel 1']);
    last.pubcomp(1).drop();
    expect([resumable(rig, 'x').received(), y.received()]).toEqual([[], []]);
  });

  test.each(['PUBLISH', 'PUBREC'] as const)('v5 [MQTT-4.8.2-5] when the session of its client ends behind %s nobody else gets it', (step) => {
    for (const how of ['at once', 'expires', 'clean start'] as const) {
      const rig = openRig();
      const sessionExpiryInterval = how === 'at once' ? 0 : 60;
      const [x, y] = members(rig, 2, (own, clientId) => client(own, clientId, { clean: false, properties: { sessionExpiryInterval } }));
      publishNumbered(rig, 2, 2);
      expect([payloads(x), payloads(y)]).toEqual([['1'], ['2']]);
      if (step === 'PUBREC') x.pubrec(1);
      x.drop();
      rig.clock.advance(60_000);
      if (how === 'clean start') expect(client(rig, 'x').subscribe(filter, { qos: 2 }).skip().received()).toEqual([]);
      y.pubrec(1).pubcomp(1).skip();
      expect([how, y.received(), rig.stats.queuedMessages]).toEqual([how, [], 0]);
    }
  });
});

test.each([0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99])('v5 [MQTT-4.8.2-6] what its client answers with %i is given to nobody else', (reasonCode) => {
  for (const qos of [1, 2] as const) {
    const rig = openRig();
    const [x, y] = members(rig, qos, resumable);
    publishNumbered(rig, 2, qos);
    expect([short(x.received()), short(y.received())]).toEqual([['publish 1 1'], ['publish 1 2']]);
    if (qos === 1) x.puback(1, reasonCode);
    else x.pubrec(1, reasonCode);
    expect([x.received(), y.received(), rig.stats.inflightMessages]).toEqual([[], [], 1]);
    x.drop();
    expect([resumable(rig, 'x').received(), y.received(), rig.stats.queuedMessages]).toEqual([[], [], 0]);
  }
});

describe('one group over all sessions', () => {
  test.each(qoses)('v5 [X5-4.8.2-1] each message goes to one member exactly, at QoS %i', (qos) => {
    const rig = openRig();
    const subs = numbered(5).map((clientId) => subscriber(rig, clientId, filter, qos));
    publishNumbered(rig, 20, qos);
    const sent = subs.map(payloads);
    expect(ascending(sent.flat())).toEqual(numbered(20));
    for (const own of sent) expect(own.length).toBeGreaterThan(0);
  });

  test('v5 [X5-4.8.2-1] the whole filter makes the group: another name, or another filter, is another one', () => {
    const rig = openRig();
    const filters = ['$share/g/t', '$share/h/t', '$share/G/t', '$share/g/+', '$share/g/#'];
    const subs = filters.map((own, index) => subscriber(rig, `c${index}`, own, 1));
    publishNumbered(rig, 3, 1);
    expect(subs.map(payloads)).toEqual(filters.map(() => numbered(3)));
  });

  test('v5 [X5-4.8.2-2] subscribing again is no second membership', () => {
    const rig = openRig();
    const [x, y] = members(rig, 1);
    for (const qos of [0, 1, 1] as const) x.subscribe(filter, { qos }).skip();
    expect(rig.stats.subscriptions).toBe(2);
    publishNumbered(rig, 6, 0);
    expect([payloads(x).length, payloads(y).length]).toEqual([3, 3]);
    // It replaces the first one, options and all.
    x.subscribe(filter, { qos: 0, properties: { subscriptionIdentifier: 7 } }).skip();
    publishNumbered(rig, 6, 1);
    expect(publishes(y).map(({ qos }) => qos)).not.toContain(0);
    const replaced = publishes(x);
    expect(replaced.length).toBeGreaterThan(0);
    for (const packet of replaced) expect(packet).toMatchObject({ qos: 0, properties: { subscriptionIdentifier: 7 } });
    expect(x.unsubscribe(filter).last()?.reasonCodes).toEqual([0]);
    publishNumbered(rig, 4, 1);
    expect([payloads(x), payloads(y)]).toEqual([[], numbered(4)]);
    expect(x.unsubscribe(filter).last()?.reasonCodes).toEqual([0x11]);
  });

  test.each([0, 60])('v5 [X5-4.8.2-3] QoS 1 that a client leaves unacknowledged goes to another member (session of %i seconds)', (sessionExpiryInterval) => {
    const rig = openRig();
    const [x, y] = members(rig, 1, (own, clientId) => client(own, clientId, { clean: false, properties: { sessionExpiryInterval } }));
    publishNumbered(rig, 6, 1);
    expect([payloads(x), payloads(y)]).toEqual([['1', '3', '5'], ['2', '4', '6']]);
    x.puback(2).drop();
    rig.clock.advance(61_000);
    const moved = publishes(y);
    expect(moved.map(({ payload, qos, dup }) => [payload, qos, dup])).toEqual([['1', 1, false], ['5', 1, false]]);
    expect(client(rig, 'x', { clean: false }).received()).toEqual([]);
  });

  test.each(qoses)('v5 [X5-4.8.2-4] who subscribes shared and not shared gets a copy for each, at QoS %i', (qos) => {
    const rig = openRig();
    const [x, y] = members(rig, qos);
    x.subscribe('t', { qos }).skip();
    publishNumbered(rig, 8, qos);
    const [both, shared] = [payloads(x), payloads(y)];
    // The copy that is not shared is always its own; of the others each goes to one of the two.
    expect(ascending([...both, ...shared])).toEqual(numbered(8).flatMap((payload) => [payload, payload]));
    expect(new Set(both)).toEqual(new Set(numbered(8)));
    expect(shared.length).toBeGreaterThan(0);
    y.drop();
    x.skip();
    publishNumbered(rig, 1, qos, 9);
    expect(payloads(x)).toEqual(['9', '9']);
    x.unsubscribe(filter).skip();
    publishNumbered(rig, 1, qos, 10);
    expect(payloads(x)).toEqual(['10']);
  });

  test.each(['unsubscribe', 'expiry', 'clean start'] as const)('v5 [X5-4.8.2-5] with its last member the group ends, and with it what it had not delivered (%s)', (how) => {
    const rig = openRig();
    const options = { clean: false, properties: { sessionExpiryInterval: 60, receiveMaximum: 1 } };
    const last = client(rig, 'x', options).subscribe(filter, { qos: 1 }).skip();
    publishNumbered(rig, 5, 1);
    expect(payloads(last)).toEqual(['1']);
    if (how === 'unsubscribe') last.unsubscribe(filter).skip();
    else last.drop();
    rig.clock.advance(59_999);
    if (how !== 'unsubscribe') expect(rig.stats).toMatchObject({ subscriptions: 1, queuedMessages: 5 });
    if (how === 'expiry') rig.clock.advance(1);
    if (how === 'clean start') client(rig, 'x');
    expect(rig.stats).toMatchObject({ subscriptions: 0, queuedMessages: 0 });
    const fresh = client(rig, 'fresh').subscribe(filter, { qos: 1 });
    publishNumbered(rig, 1, 1, 6);
    expect(short(fresh.received())).toEqual(['suback 1 0x01', 'publish 1 6']);
  });
});
