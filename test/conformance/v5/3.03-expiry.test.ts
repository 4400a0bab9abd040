/** MQTT 5.0, chapter 3.3: Message Expiry Interval. */
import { expect, test } from '@jest/globals';
import type { WireClient } from '../../../src/testing/index.js';
import { packet, text } from '../../unit/packet/wire.js';
import { openRig, payloads, publishes, Questions } from '../../wire/rig.js';
import type { Rig } from '../../wire/rig.js';
import { client, propertiesBytes, qoses, resumable, subscriber } from './support.js';

const send = (rig: Rig, messageExpiryInterval: number, qos: 0 | 1 | 2 = 1, retain = false): WireClient =>
  client(rig, 'pub').publish({ topic: 't', payload: String(messageExpiryInterval), qos, retain, properties: { messageExpiryInterval } });

const intervals = (sub: WireClient): (number | undefined)[] => publishes(sub).map(({ properties }) => properties?.messageExpiryInterval);

/** Where a message waits in the broker: what begins it, and who gets what is left of it. */
const places: Readonly<Record<string, (rig: Rig) => () => WireClient>> = {
  'a queue': (rig) => {
    resumable(rig, 'sub').subscribe('t', { qos: 2 }).drop();
    return () => resumable(rig, 'sub');
  },
  'the queue of a shared group': (rig) => {
    resumable(rig, 'sub').subscribe('$share/g/t', { qos: 1 }).drop();
    return () => resumable(rig, 'sub');
  },
  'the queue of a shared group whose member is busy': (rig) => {
    const sub = subscriber(rig, 'sub', '$share/g/#', 1, { properties: { receiveMaximum: 1 } });
    client(rig, 'other').publish({ topic: 'x', qos: 1 });
    sub.skip();
    return () => sub.puback(1);
  },
  'a full window': (rig) => {
    const sub = subscriber(rig, 'sub', '#', 1, { properties: { receiveMaximum: 1 } });
    client(rig, 'other').publish({ topic: 'x', qos: 1 });
    sub.skip();
    return () => sub.puback(1);
  },
};

test.each(Object.entries(places))('v5 [MQTT-3.3.2-5] what has expired in %s is not delivered, what has not is', (_where, wait) => {
  const left = (waitMs: number): (string | undefined)[] => {
    const rig = openRig();
    const end = wait(rig);
    send(rig, 1);
    send(rig, 100);
    rig.clock.advance(waitMs);
    const sub = end();
    const [first, ...more] = payloads(sub);
    return first === undefined ? [] : [first, ...more, ...payloads(sub.puback(1)), ...payloads(sub.puback(2))];
  };
  expect(left(999)).toEqual(['1', '100']);
  expect(left(1000)).toEqual(['100']);
  expect(left(2000)).toEqual(['100']);
});

test('v5 [MQTT-3.3.2-5] what is retained and has expired is not delivered to a new subscriber', () => {
  const rig = openRig();
  send(rig, 1, 1, true);
  rig.clock.advance(999);
  expect(payloads(client(rig, 'early').subscribe('t'))).toEqual(['1']);
  rig.clock.advance(1);
  expect(payloads(client(rig, 'late').subscribe('t'))).toEqual([]);
});

test('v5 [MQTT-3.3.2-5] it is each subscriber’s own copy that is deleted', () => {
  const rig = openRig();
  resumable(rig, 'away').subscribe('t', { qos: 1 }).drop();
  const quick = subscriber(rig, 'quick', 't', 1);
  send(rig, 1);
  rig.clock.advance(2000);
  expect(payloads(quick)).toEqual(['1']);
  expect(payloads(resumable(rig, 'away'))).toEqual([]);
  expect(rig.dropped).toEqual(['expired t away']);
});

test.each(qoses)('v5 [MQTT-3.3.2-5] what expires while its delivery at QoS %i is being decided is not delivered', async (qos) => {
  for (const [waitMs, expected] of [[999, ['1']], [1000, []]] as const) {
    const questions = new Questions('deliver');
    const rig = openRig({ authorize: questions.authorize });
    const sub = subscriber(rig, 'sub', 't', 2);
    send(rig, 1, qos);
    rig.clock.advance(waitMs);
    questions.answer();
    await rig.settle();
    expect(payloads(sub)).toEqual(expected);
  }
});

test.each(qoses)('v5 [MQTT-3.3.2-6] what waits for nothing has the interval it came with, at QoS %i', (qos) => {
  const rig = openRig();
  const subs = [subscriber(rig, 'sub', 't', 2), subscriber(rig, 'low', 't', 0), resumable(rig, 'lasting').subscribe('t', { qos: 2 }).skip()];
  const values = [0, 1, 10, 0x1020304, 0xffffffff];
  for (const value of values) send(rig, value, qos);
  for (const sub of subs) expect(intervals(sub)).toEqual(values);
});

test.each(Object.entries(places))('v5 [MQTT-3.3.2-6] what waited in %s has what is left of its interval', (_where, wait) => {
  const left = (waitMs: number, interval = 10): (number | undefined)[] => {
    const rig = openRig();
    const end = wait(rig);
    send(rig, interval);
    rig.clock.advance(waitMs);
    return intervals(end());
  };
  expect([left(3000), left(9000), left(9999)]).toEqual([[7], [1], [1]]);
  expect([left(1), left(999), left(1001)]).toEqual([[10], [10], [9]]); // whole seconds: 0 would say that it has expired
  expect(left(1000, 0x1020304)).toEqual([0x1020303]);
});

test('v5 [MQTT-3.3.2-6] what was retained has what is left of its interval', () => {
  const rig = openRig();
  send(rig, 60, 1, true);
  for (const left of [60, 40, 20]) {
    expect(intervals(client(rig, 'sub').subscribe('t'))).toEqual([left]);
    rig.clock.advance(20_000);
  }
});

test('v5 [MQTT-3.3.2-6] wherever it stands among the properties, before the publisher’s alias and behind it', () => {
  const [expiry, alias, type] = ['02 0000000a', '23 0001', `03 ${text('c')}`];
  for (const properties of [`${expiry} ${alias} ${type}`, `${alias} ${expiry} ${type}`, `${type} ${alias} ${expiry}`, `${type} ${expiry}`]) {
    const rig = openRig();
    const end = (places['a full window'] as (rig: Rig) => () => WireClient)(rig);
    const live = subscriber(rig, 'live', 't');
    client(rig, 'pub').sendsBytes(packet(0x32, `${text('t')} 0001 ${propertiesBytes(properties)} 78`));
    rig.clock.advance(3000);
    expect(publishes(live).map((message) => message.properties)).toEqual([{ messageExpiryInterval: 10, contentType: 'c' }]);
    expect(publishes(end()).map((message) => message.properties)).toEqual([{ messageExpiryInterval: 7, contentType: 'c' }]);
  }
});
