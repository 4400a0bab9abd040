/** MQTT 5.0, chapter 3.3: RETAIN, Retain Handling and Retain As Published. */
import { describe, expect, test } from '@jest/globals';
import type { WireClient } from '../../../src/testing/index.js';
import { numbered, openRig, payloads, publishes } from '../../wire/rig.js';
import type { Rig } from '../../wire/rig.js';
import { client, expectOpen, qoses, resumable, subscriber } from './support.js';

/** What someone who subscribes now is sent. */
const retained = (rig: Rig, filter = '#') => publishes(client(rig, 'late').subscribe(filter, { qos: 2 }));

describe('RETAIN 1', () => {
  test.each(qoses)('v5 [MQTT-3.3.1-5] replaces the retained message of that topic, at QoS %i, and of no other', (qos) => {
    for (const before of qoses) {
      const rig = openRig();
      client(rig, 'first').publish({ topic: 't', payload: 'old', qos: before, retain: true, properties: { contentType: 'old' } });
      client(rig, 'other').publish({ topic: 't/u', payload: 'other', retain: true });
      expect(retained(rig, 't')).toMatchObject([{ topic: 't', payload: 'old', qos: before, retain: true, properties: { contentType: 'old' } }]);
      client(rig, 'pub').publish({ topic: 't', payload: 'new', qos, retain: true });
      const [message, ...more] = retained(rig, 't');
      expect([message, more]).toMatchObject([{ topic: 't', payload: 'new', qos }, []]);
      expect(message).not.toHaveProperty('properties');
      expect(retained(rig, 't/u')).toMatchObject([{ payload: 'other' }]);
    }
  });

  test.each(qoses)('v5 [MQTT-3.3.1-6] with no payload is delivered as any other and removes what was retained, at QoS %i', (qos) => {
    const rig = openRig();
    const publisher = client(rig, 'pub').publish({ topic: 't', payload: 'x', qos: 1, retain: true }).publish({ topic: 'u', payload: 'y', retain: true });
    const live = subscriber(rig, 'live', 't', 2);
    publisher.publish({ topic: 't', qos, retain: true });
    expect(publishes(live)).toMatchObject([{ topic: 't', payload: '', qos, retain: false }]);
    expect(retained(rig)).toMatchObject([{ topic: 'u', payload: 'y' }]);
    expect(rig.stats.retainedMessages).toBe(1);
  });

  test('v5 [MQTT-3.3.1-7] with no payload is not kept itself, whatever its QoS and properties', () => {
    const rig = openRig();
    const publisher = client(rig, 'pub');
    for (const qos of qoses) {
      publisher.publish({ topic: `t${qos}`, qos, retain: true });
      publisher.publish({ topic: `u${qos}`, qos, retain: true, properties: { contentType: 'c', userProperties: [['a', 'b']] } });
    }
    expect(rig.stats.retainedMessages).toBe(0);
    expect(retained(rig)).toEqual([]);
    publisher.publish({ topic: 't', payload: '0', retain: true });
    expect(retained(rig)).toMatchObject([{ topic: 't', payload: '0' }]);
  });
});

test('v5 [MQTT-3.3.1-8] RETAIN 0 keeps nothing, replaces nothing and removes nothing, with a payload and without', () => {
  const rig = openRig();
  const publisher = client(rig, 'pub').publish({ topic: 't', payload: 'kept', qos: 1, retain: true });
  for (const qos of qoses) publisher.publish({ topic: 't', payload: 'plain', qos }).publish({ topic: 't', qos }).publish({ topic: 'u', payload: 'plain', qos });
  expect(retained(rig)).toMatchObject([{ topic: 't', payload: 'kept', qos: 1 }]);
  for (const payload of numbered(9)) publisher.publish({ topic: 'v', payload, retain: payload === '4' });
  expect(retained(rig, 'v')).toMatchObject([{ payload: '4' }]);
});

describe('Retain Handling', () => {
  /** A broker with one retained message, and what SUBSCRIBE with `rh` brings a client. */
  function handling(rh: 0 | 1 | 2): { readonly rig: Rig; readonly got: (sub: WireClient, qos?: 0 | 1 | 2) => (string | undefined)[] } {
    const rig = openRig();
    client(rig, 'pub').publish({ topic: 't', payload: 'kept', retain: true });
    return { rig, got: (sub, qos = 0) => payloads(sub.subscribe('t', { rh, qos })) };
  }

  test('v5 [MQTT-3.3.1-9] 0 brings retained messages with every SUBSCRIBE, new or repeated, also in a resumed session', () => {
    const { rig, got } = handling(0);
    const sub = resumable(rig, 'sub');
    for (const qos of [0, 0, 1, 2, 0] as const) expect(got(sub, qos)).toEqual(['kept']);
    sub.drop();
    const again = resumable(rig, 'sub');
    expect(payloads(again)).toEqual([]);
    expect(got(again)).toEqual(['kept']);
  });

  test('v5 [MQTT-3.3.1-10] 1 brings retained messages only where the subscription did not exist, also in a resumed session', () => {
    const { rig, got } = handling(1);
    const sub = resumable(rig, 'sub');
    expect(got(sub)).toEqual(['kept']);
    for (const qos of [0, 1] as const) expect(got(sub, qos)).toEqual([]);
    sub.drop();
    const again = resumable(rig, 'sub');
    expect(got(again)).toEqual([]);
    expect(payloads(again.subscribe('+', { rh: 1 }))).toEqual(['kept']); // another filter
    expect(got(again.unsubscribe('t'))).toEqual(['kept']);
    again.drop();
    expect(got(client(rig, 'sub'))).toEqual(['kept']); // a session of its own
  });

  test('v5 [MQTT-3.3.1-11] 2 brings no retained message, and what is published later all the same', () => {
    const { rig, got } = handling(2);
    const sub = resumable(rig, 'sub');
    for (const qos of qoses) expect(got(sub, qos)).toEqual([]);
    expect(got(client(rig, 'other'))).toEqual([]);
    client(rig, 'pub').publish({ topic: 't', payload: 'live', retain: true });
    expect(payloads(sub)).toEqual(['live']);
    expect(payloads(sub.subscribe('t', { rh: 0 }))).toEqual(['live']);
  });

  test('v5 [MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11] is each filter’s own within one SUBSCRIBE', () => {
    const rig = openRig();
    const publisher = client(rig, 'pub');
    for (const topic of ['0', '1', '2']) publisher.publish({ topic, payload: `kept ${topic}`, retain: true });
    const sub = client(rig, 'sub');
    const all = ([0, 1, 2] as const).map((rh) => ({ topic: String(rh), rh }));
    expect(payloads(sub.subscribe(all))).toEqual(['kept 0', 'kept 1']);
    expect(payloads(sub.subscribe(all))).toEqual(['kept 0']);
    expectOpen(sub);
  });
});

describe('Retain As Published', () => {
  /** RETAIN as each kind of subscriber, and the publisher itself, sees a retained and a plain message. */
  function flags(rap: boolean, qos: 0 | 1 | 2): Readonly<Record<string, readonly (boolean | undefined)[]>> {
    const rig = openRig();
    const subs = qoses.map((granted) => client(rig, `live ${granted}`).subscribe('t', { qos: granted, rap }));
    const shared = qoses.map((granted) => client(rig, `shared ${granted}`).subscribe(`$share/${granted}/t`, { qos: granted, rap }));
    const lasting = resumable(rig, 'lasting').subscribe('t', { qos: 2, rap });
    resumable(rig, 'away').subscribe('t', { qos: 2, rap }).drop();
    const publishers = qoses.map((granted) => client(rig, `pub ${granted}`).subscribe(`${granted}`, { qos: granted, rap }));
    publishers[0]?.publish({ topic: 't', payload: 'retained', qos, retain: true }).publish({ topic: 't', payload: 'plain', qos });
    publishers[0]?.publish({ topic: 't', qos, retain: true });
    for (const [granted, own] of publishers.entries()) {
      const topic = String(granted);
      own.publish({ topic, payload: 'retained', qos, retain: true }).publish({ topic, payload: 'plain', qos }).publish({ topic, qos, retain: true });
    }
    const seen = (sub: WireClient): (boolean | undefined)[] => publishes(sub).map(({ retain }) => retain);
    return {
      live: subs.flatMap(seen),
      shared: shared.flatMap(seen),
      own: publishers.flatMap(seen),
      lasting: seen(lasting),
      away: qos === 0 ? [] : seen(resumable(rig, 'away')),
    };
  }

  const times = (count: number, each: readonly boolean[]): readonly boolean[] => Array.from({ length: count }, () => each).flat();

  test.each(qoses)('v5 [MQTT-3.3.1-12] 0: what is forwarded has RETAIN 0, published at QoS %i', (qos) => {
    const none = [false, false, false];
    expect(flags(false, qos)).toEqual({
      live: times(3, none), shared: times(3, none), own: times(3, none), lasting: none, away: qos === 0 ? [] : none,
    }); // prettier-ignore
  });

  test.each(qoses)('v5 [MQTT-3.3.1-13] 1: what is forwarded has RETAIN as it was received, published at QoS %i', (qos) => {
    const same = [true, false, true];
    expect(flags(true, qos)).toEqual({
      live: times(3, same), shared: times(3, same), own: times(3, same), lasting: same, away: qos === 0 ? [] : same,
    }); // prettier-ignore
  });
});

describe('retained messages', () => {
  test('v5 [X5-3.3.1.3-1] that have expired are gone: none is left for the topic', () => {
    const rig = openRig();
    const keep = (messageExpiryInterval?: number): void =>
      void client(rig, 'pub').publish({ topic: 't', payload: 'x', retain: true, properties: messageExpiryInterval === undefined ? {} : { messageExpiryInterval } });
    keep(1);
    rig.clock.advance(999);
    expect([retained(rig).length, rig.stats.retainedMessages]).toEqual([1, 1]);
    rig.clock.advance(1001);
    expect([retained(rig), rig.stats.retainedMessages, rig.stats.retainedBytes]).toEqual([[], 0, 0]);
    keep(1);
    keep(); // the deadline of the one before is not its own
    rig.clock.advance(2000);
    expect([retained(rig).length, rig.stats.retainedMessages]).toEqual([1, 1]);
  });

  test.each(qoses)('v5 [X5-3.3.1.3-2] come with RETAIN 1 to a new subscription, whatever Retain As Published is, at QoS %i', (qos) => {
    const rig = openRig();
    const publisher = client(rig, 'pub').publish({ topic: 't', payload: 'kept', qos: 2, retain: true });
    for (const rap of [false, true]) {
      for (const rh of [0, 1] as const) {
        const sub = client(rig, 'sub').subscribe('t', { qos, rap, rh });
        expect(publishes(sub)).toMatchObject([{ payload: 'kept', qos, retain: true }]);
        publisher.publish({ topic: 't', payload: 'plain', qos: 2 }); // what follows it has its own
        expect(publishes(sub)).toMatchObject([{ payload: 'plain', retain: false }]);
      }
    }
  });
});
