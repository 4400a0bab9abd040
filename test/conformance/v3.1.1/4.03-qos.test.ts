/** MQTT 3.1.1, chapter 4.3: the three protocols of delivery. */
import { describe, expect, test } from '@jest/globals';
import { openRig, payloads, publishes, short } from '../../wire/rig.js';
import { client, qoses, resumable, subscriber } from './support.js';

test.each(qoses)('v3.1.1 [MQTT-4.3.1-1] what is granted QoS 0 leaves with QoS 0 and DUP 0, once: published at QoS %i', (qos) => {
  const rig = openRig();
  const sub = resumable(rig, 'sub').subscribe('t').skip();
  client(rig, 'pub').publish({ topic: 't', payload: 'x', qos, dup: qos > 0 });
  expect(publishes(sub)).toEqual([{ type: 'publish', topic: 't', payload: 'x', qos: 0, retain: false, dup: false }]);
  expect(rig.stats.inflightMessages).toBe(0);
  sub.drop();
  expect(payloads(resumable(rig, 'sub'))).toEqual([]);
});

describe('QoS 1', () => {
  test('v3.1.1 [MQTT-4.3.2-1] the sender: an unused identifier, DUP 0, unacknowledged until PUBACK', () => {
    const rig = openRig();
    const sub = resumable(rig, 'sub').subscribe('t', { qos: 1 }).skip();
    const publisher = client(rig, 'pub');
    for (const payload of ['1', '2', '3']) publisher.publish({ topic: 't', payload, qos: 1, dup: true });
    const sent = publishes(sub);
    expect(sent).toMatchObject([1, 2, 3].map((id) => ({ payload: String(id), qos: 1, dup: false, packetId: id })));
    // PUBACK settles its own and no other; other acknowledgements settle nothing.
    sub.puback(2).pubcomp(1).puback(77);
    expect(rig.stats.inflightMessages).toBe(2);
    rig.clock.advance(365 * 86_400_000);
    expect(sub.received()).toEqual([]);
    sub.drop();
    const again = resumable(rig, 'sub');
    expect(publishes(again)).toMatchObject([{ payload: '1', dup: true, packetId: 1 }, { payload: '3', dup: true, packetId: 3 }]);
    again.puback(1).puback(3);
    expect(rig.stats.inflightMessages).toBe(0);
    again.drop();
    expect(payloads(resumable(rig, 'sub'))).toEqual([]);
  });

  test('v3.1.1 [MQTT-4.3.2-2] the receiver: PUBACK, and behind it the same identifier is a new message whatever its DUP', () => {
    const rig = openRig();
    const sub = subscriber(rig, 'sub', 't', 2);
    resumable(rig, 'away').subscribe('t', { qos: 1 }).drop();
    const publisher = client(rig, 'pub');
    for (const [payload, dup] of [['1', false], ['2', true], ['3', true]] as const) {
      expect(short(publisher.publish({ topic: 't', payload, qos: 1, packetId: 5, dup }).received())).toEqual(['puback 5']);
    }
    expect(payloads(sub)).toEqual(['1', '2', '3']);
    expect(payloads(resumable(rig, 'away'))).toEqual(['1', '2', '3']);
  });
});

describe('QoS 2', () => {
  test('v3.1.1 [MQTT-4.3.3-1] the sender: PUBLISH until PUBREC, PUBREL until PUBCOMP, dropped and resumed at each step', () => {
    const rig = openRig();
    let sub = resumable(rig, 'sub').subscribe('t', { qos: 2 }).skip();
    const publisher = client(rig, 'pub').publish({ topic: 't', payload: '1', qos: 2 });
    expect(publishes(sub)).toMatchObject([{ payload: '1', qos: 2, dup: false, packetId: 1 }]);
    const resumed = (): string[] => {
      sub.drop();
      sub = resumable(rig, 'sub');
      return short(sub.received());
    };
    for (let round = 0; round < 2; round += 1) expect(resumed()).toEqual(['publish 1 1']);
    // What is no PUBREC moves nothing.
    expect(short(sub.puback(1).pubcomp(1).received())).toEqual([]);
    expect(resumed()).toEqual(['publish 1 1']);
    expect(short(sub.pubrec(1).received())).toEqual(['pubrel 1']);
    for (let round = 0; round < 2; round += 1) expect(resumed()).toEqual(['pubrel 1']);
    expect(short(sub.pubrec(1).received())).toEqual(['pubrel 1']);
    // Its identifier is in use until PUBCOMP.
    publisher.publish({ topic: 't', payload: '2', qos: 1 });
    expect(short(sub.received())).toEqual(['publish 2 2']);
    sub.puback(2).puback(1);
    expect(resumed()).toEqual(['pubrel 1']);
    sub.pubcomp(1);
    expect(resumed()).toEqual([]);
    expect(rig.stats).toMatchObject({ inflightMessages: 0, queuedMessages: 0 });
  });

  test('v3.1.1 [MQTT-4.3.3-1] the sender repeats nothing by itself while the connection stands', () => {
    const rig = openRig();
    const sub = resumable(rig, 'sub').subscribe('t', { qos: 2 }).skip();
    client(rig, 'pub').publish({ topic: 't', payload: '1', qos: 2 }).publish({ topic: 't', payload: '2', qos: 2 });
    sub.skip().pubrec(1).skip();
    rig.clock.advance(365 * 86_400_000);
    expect(sub.received()).toEqual([]);
  });

  test('v3.1.1 [MQTT-4.3.3-2] the receiver: until PUBREL the same identifier gets PUBREC again and is delivered once', () => {
    const rig = openRig();
    const sub = subscriber(rig, 'sub', '#', 2);
    let publisher = resumable(rig, 'pub');
    const send = (payload: string, dup: boolean): string[] => short(publisher.publish({ topic: 't', payload, qos: 2, packetId: 5, dup }).received());
    expect(send('1', false)).toEqual(['pubrec 5']);
    expect(send('1', true)).toEqual(['pubrec 5']);
    expect(send('another', false)).toEqual(['pubrec 5']); // the identifier decides, not DUP
    publisher.drop();
    publisher = resumable(rig, 'pub'); // also across a reconnect
    expect(send('1', true)).toEqual(['pubrec 5']);
    expect(payloads(sub)).toEqual(['1']);
    for (let round = 0; round < 3; round += 1) expect(short(publisher.pubrel(5).received())).toEqual(['pubcomp 5']);
    // Then it is a new message, whatever its DUP.
    expect(send('2', true)).toEqual(['pubrec 5']);
    expect(payloads(sub)).toEqual(['2']);
    publisher.drop();
    publisher = resumable(rig, 'pub');
    expect(short(publisher.pubrel(5).received())).toEqual(['pubcomp 5']);
    publisher.drop();
    publisher = resumable(rig, 'pub'); // the release is remembered too
    expect(send('3', false)).toEqual(['pubrec 5']);
    expect(payloads(sub)).toEqual(['3']);
  });

  test('v3.1.1 [MQTT-4.3.3-2] identifiers are each publisher’s own', () => {
    const rig = openRig();
    const sub = subscriber(rig, 'sub', '#', 2);
    for (const clientId of ['one', 'two']) client(rig, clientId).publish({ topic: 't', payload: clientId, qos: 2, packetId: 5 });
    expect(payloads(sub)).toEqual(['one', 'two']);
  });
});
