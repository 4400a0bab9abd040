/** What was in flight goes on in the next broker: QoS 1, both halves of QoS 2 on both sides, and message expiry. */
import { describe, expect, test } from '@jest/globals';
import { House, waysDown } from './house.js';
import { both, payloads, publishes, short } from './rig.js';

describe.each(waysDown)('after a %s', (down) => {
  describe.each(both)('$name from the broker', ({ protocolVersion }) => {
    const options = { protocolVersion };

    test('QoS 1: PUBLISH again with DUP and its own identifier, then what waited', async () => {
      const house = new House({ inflightMax: 2 });
      house.rig.resumable('a', options).subscribe('t', { qos: 1 });
      const pub = house.rig.client('pub');
      for (const payload of ['1', '2', '3']) pub.publish({ topic: 't', payload, qos: 1 });
      const rig = await house[down]();
      expect(rig.stats.queuedMessages).toBe(1);
      const a = rig.resumable('a', options);
      expect(publishes(a).map(({ packetId, payload, dup }) => [packetId, payload, dup])).toEqual([[1, '1', true], [2, '2', true]]);
      expect(publishes(a.puback(1).puback(2)).map(({ payload, dup }) => [payload, dup])).toEqual([['3', false]]);
    });
    test('QoS 1: what was acknowledged is not sent again', async () => {
      const house = new House();
      const a = house.rig.resumable('a', options).subscribe('t', { qos: 1 });
      const pub = house.rig.client('pub');
      for (const payload of ['1', '2', '3']) pub.publish({ topic: 't', payload, qos: 1 });
      a.puback(2);
      const rig = await house[down]();
      expect(short(publishes(rig.resumable('a', options)))).toEqual(['publish 1 1', 'publish 3 3']);
    });
    test('QoS 2 before PUBREC: PUBLISH again with DUP', async () => {
      const house = new House();
      house.rig.resumable('a', options).subscribe('t', { qos: 2 });
      house.rig.client('pub').publish({ topic: 't', payload: 'x', qos: 2 });
      const rig = await house[down]();
      const a = rig.resumable('a', options);
      expect(a.received()).toMatchObject([{ type: 'publish', packetId: 1, payload: 'x', qos: 2, dup: true }]);
      expect(short(a.pubrec(1).received())).toEqual(['pubrel 1']);
      expect(a.pubcomp(1).received()).toEqual([]);
      expect(rig.stats.inflightMessages).toBe(0);
    });
    test('[MQTT-4.3.3-6] QoS 2 after PUBREC: PUBREL again, never PUBLISH', async () => {
      const house = new House();
      const first = house.rig.resumable('a', options).subscribe('t', { qos: 2 });
      house.rig.client('pub').publish({ topic: 't', payload: 'x', qos: 2 });
      expect(short(first.skip().pubrec(1).received())).toEqual(['pubrel 1']);
      for (let round = 0; round < 3; round += 1) {
        const a = (await house[down]()).resumable('a', options);
        expect(short(a.received())).toEqual(['pubrel 1']);
        if (round === 2) a.pubcomp(1);
      }
      expect(short((await house[down]()).resumable('a', options).received())).toEqual([]);
    });
    test('[MQTT-2.2.1-4] identifiers in flight are not given away again', async () => {
      const house = new House();
      const a = house.rig.resumable('a', options).subscribe('t', { qos: 2 });
      const pub = house.rig.client('pub');
      for (const [payload, qos] of [['1', 2], ['2', 1], ['3', 1]] as const) pub.publish({ topic: 't', payload, qos });
      a.pubrec(1).puback(2);
      const rig = await house[down]();
      const again = rig.resumable('a', options);
      rig.client('pub').publish({ topic: 't', payload: '4', qos: 1 }).publish({ topic: 't', payload: '5', qos: 1 });
      expect(short(again.received()).toSorted()).toEqual(['publish 3 3', 'publish 4 4', 'publish 5 5', 'pubrel 1']);
    });
  });

  describe.each(both)('$name to the broker', ({ protocolVersion }) => {
    const options = { protocolVersion };

    test('[MQTT-4.3.3-10] a QoS 2 PUBLISH before PUBREL is known: PUBREC again, and nobody gets it again', async () => {
      const house = new House();
      house.rig.resumable('sub').subscribe('t', { qos: 2 });
      house.rig.resumable('a', options).publish({ topic: 't', payload: 'once', qos: 2, packetId: 7 });
      const rig = await house[down]();
      const sub = rig.resumable('sub');
      expect(payloads(sub)).toEqual(['once']); // its own resend
      const a = rig.resumable('a', options).publish({ topic: 't', payload: 'once', qos: 2, packetId: 7, dup: true });
      expect(short(a.received())).toEqual(['pubrec 7']);
      expect(publishes(sub)).toEqual([]);
      expect(short(a.pubrel(7).received())).toEqual(['pubcomp 7']);
    });
    test('PUBREL is known for what it was: PUBCOMP, and the identifier is free for a new message', async () => {
      const house = new House();
      house.rig.resumable('a', options).publish({ topic: 't', payload: '1', qos: 2, packetId: 7 });
      const rig = await house[down]();
      const watcher = rig.subscriber('watcher', 't', 2);
      const a = rig.resumable('a', options).pubrel(7);
      expect(short(a.received())).toEqual(['pubcomp 7']);
      a.publish({ topic: 't', payload: '2', qos: 2, packetId: 7 });
      expect(payloads(watcher)).toEqual(['2']);
    });
    test('an identifier that was released before is new in the next broker', async () => {
      const house = new House();
      house.rig.resumable('a', options).publish({ topic: 't', payload: '1', qos: 2, packetId: 7 }).pubrel(7);
      const rig = await house[down]();
      const watcher = rig.subscriber('watcher', 't', 2);
      rig.resumable('a', options).publish({ topic: 't', payload: '2', qos: 2, packetId: 7 });
      expect(payloads(watcher)).toEqual(['2']);
    });
  });

  test('[MQTT-4.6.0-1] a long run of both QoS comes again in order, each with its own identifier', async () => {
    const house = new House();
    house.rig.resumable('a').subscribe('t', { qos: 2 });
    const pub = house.rig.client('pub');
    for (let index = 1; index <= 60; index += 1) pub.publish({ topic: 't', payload: String(index), qos: index % 3 === 0 ? 2 : 1 });
    const rig = await house[down]();
    const received = publishes(rig.resumable('a'));
    expect(received.map(({ packetId, payload }) => [packetId, payload])).toEqual(
      Array.from({ length: 60 }, (_, index) => [index + 1, String(index + 1)]),
    );
    expect(received.every(({ dup }) => dup)).toBe(true);
  });

  test('v5 messages keep their properties, and expiry counts the time down', async () => {
    const house = new House();
    house.rig.resumable('a').subscribe('t', { qos: 1 }).disconnect();
    const properties = {
      payloadFormatIndicator: true,
      contentType: 'c',
      responseTopic: 'r',
      correlationData: 'd',
      userProperties: [['b', '1'], ['a', '2'], ['b', '1']],
    } as const;
    const pub = house.rig.client('pub');
    pub.publish({ topic: 't', payload: 'long', qos: 1, properties: { ...properties, messageExpiryInterval: 100 } });
    pub.publish({ topic: 't', payload: 'short', qos: 1, properties: { messageExpiryInterval: 30 } });
    house.rig.clock.advance(10_000);
    const rig = await house[down](20);
    rig.clock.advance(5000);
    expect(publishes(rig.resumable('a'))).toMatchObject([{ payload: 'long', properties: { ...properties, messageExpiryInterval: 65 } }]);
    expect(rig.dropped).toEqual(['expired t a']);
  });

  test('v5 [MQTT-4.3.3-7] what was sent before it expired is sent again all the same', async () => {
    const house = new House();
    house.rig.resumable('a').subscribe('t', { qos: 2 });
    house.rig.client('pub').publish({ topic: 't', payload: 'x', qos: 2, properties: { messageExpiryInterval: 5 } });
    const rig = await house[down](60);
    expect(publishes(rig.resumable('a'))).toMatchObject([{ payload: 'x', dup: true }]);
  });
});
