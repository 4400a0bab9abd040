/** MQTT 3.1, PUBLISH to UNSUBACK: the flows, and where they differ from 3.1.1. */
import { describe, expect, test } from '@jest/globals';
import { packet, text } from '../../unit/packet/wire.js';
import { numbered, openRig, payloads, publishes, short, three } from '../../wire/rig.js';
import { a, client, expectAnswer, expectClosed, expectOpen, resumable, subscriber } from './support.js';

const t = text('t');

describe('a whole round trip, byte by byte', () => {
  test('v3.1 at QoS 0', () => {
    const rig = openRig();
    const sub = client(rig, 'sub').sendsBytes(packet(0x82, `0001 ${t} 00`));
    expectAnswer(sub, '90 03 00 01 00');
    expectAnswer(client(rig, 'pub').sendsBytes(packet(0x30, `${t} 78`)), '');
    expectAnswer(sub, '30 04 00 01 74 78');
  });

  test('v3.1 at QoS 1', () => {
    const rig = openRig();
    const sub = client(rig, 'sub').sendsBytes(packet(0x82, `0001 ${t} 01`));
    expectAnswer(sub, '90 03 00 01 01');
    expectAnswer(client(rig, 'pub').sendsBytes(packet(0x32, `${t} 0007 78`)), '40 02 00 07');
    expectAnswer(sub, '32 06 00 01 74 00 01 78');
    expectAnswer(sub.sendsBytes(packet(0x40, '0001')), '');
    expect(rig.stats.inflightMessages).toBe(0);
  });

  test('v3.1 at QoS 2', () => {
    const rig = openRig();
    const sub = client(rig, 'sub').sendsBytes(packet(0x82, `0001 ${t} 02`));
    expectAnswer(sub, '90 03 00 01 02');
    const pub = client(rig, 'pub').sendsBytes(packet(0x34, `${t} 0007 78`));
    expectAnswer(pub, '50 02 00 07');
    expectAnswer(pub.sendsBytes(packet(0x62, '0007')), '70 02 00 07');
    expectAnswer(sub, '34 06 00 01 74 00 01 78');
    expectAnswer(sub.sendsBytes(packet(0x50, '0001')), '62 02 00 01');
    expectAnswer(sub.sendsBytes(packet(0x70, '0001')), '');
    expect(rig.stats.inflightMessages).toBe(0);
  });

  test.each(three)('v3.1 to and from $name, at each QoS published and granted', ({ protocolVersion }) => {
    for (const granted of [0, 1, 2] as const) {
      const rig = openRig();
      const other = rig.subscriber('other', '#', granted, { protocolVersion });
      const own = subscriber(rig, 'own', '#', granted);
      for (const qos of [0, 1, 2] as const) {
        client(rig, 'pub').publish({ topic: 't/1', payload: `old ${qos}`, qos });
        rig.client('new', { protocolVersion }).publish({ topic: 't/1', payload: `new ${qos}`, qos });
      }
      for (const sub of [other, own]) {
        expect(publishes(sub).map(({ payload, qos }) => `${payload} ${qos}`).toSorted()).toEqual(
          ['new', 'old'].flatMap((who) => [0, 1, 2].map((qos) => `${who} ${qos} ${Math.min(qos, granted)}`)),
        );
      }
    }
  });
});

describe('flags of the first byte', () => {
  test('v3.1 PUBREL, SUBSCRIBE and UNSUBSCRIBE may carry DUP when they are sent again', () => {
    const rig = openRig();
    const sent = client(rig, 'a').publish({ topic: 't', qos: 2, packetId: 7 }).skip();
    expectAnswer(sent.sendsHex('6a 02 00 07'), '70 02 00 07');
    expectAnswer(sent.sendsBytes(packet(0x8a, `0008 ${t} 01`)), '90 03 00 08 01');
    expectAnswer(sent.sendsBytes(packet(0xaa, `0009 ${t}`)), 'b0 02 00 09');
    expect(rig.stats.subscriptions).toBe(0);
    // 3.1.1 has no such DUP.
    for (const first of [0x6a, 0x8a, 0xaa]) expectClosed(rig.client('b', { protocolVersion: 4 }).sendsBytes(Buffer.of(first)));
  });

  test('v3.1 any other flags on them close, and flags on what has none', () => {
    for (const type of [0x60, 0x80, 0xa0]) {
      for (let flags = 0; flags < 16; flags += 1) {
        if (flags !== 2 && flags !== 10) expectClosed(client(openRig(), 'a').sendsBytes(Buffer.of(type | flags)));
      }
    }
    for (const type of [0x40, 0x50, 0x70, 0xc0, 0xe0]) expectClosed(client(openRig(), 'a').sendsBytes(Buffer.of(type | 1)));
  });

  test('v3.1 DUP of a PUBLISH is not forbidden at QoS 0, and is never passed on', () => {
    const rig = openRig();
    const subs = ([0, 1, 2] as const).map((qos) => subscriber(rig, `sub${qos}`, 't', qos));
    const pub = client(rig, 'pub').sendsBytes(packet(0x38, `${t} 78`)).publish({ topic: 't', payload: 'y', qos: 1, dup: true });
    expectAnswer(pub, '40 02 00 01');
    for (const sub of subs) expect(publishes(sub).map(({ payload, dup }) => [payload, dup])).toEqual([['x', false], ['y', false]]);
    expectClosed(client(rig, 'c').sendsBytes(Buffer.of(0x36))); // QoS 3
  });

  test('v3.1 AUTH, and what only a broker sends, closes', () => {
    for (const first of [0x00, 0x10, 0x20, 0x90, 0xb0, 0xd0, 0xf0]) expectClosed(client(openRig(), 'a').sendsBytes(Buffer.of(first)));
  });
});

describe('retransmission', () => {
  test('v3.1 a QoS 2 PUBLISH that a client sends again on its timer is one message; at QoS 1 it is another', () => {
    const rig = openRig();
    const watcher = subscriber(rig, 'watcher', 't', 2);
    const pub = client(rig, 'pub');
    for (const dup of [false, true, true]) pub.publish({ topic: 't', payload: 'two', qos: 2, packetId: 7, dup });
    pub.sendsHex('62 02 00 07 6a 02 00 07');
    expectAnswer(pub, '50 02 00 07 50 02 00 07 50 02 00 07 70 02 00 07 70 02 00 07');
    for (const dup of [false, true]) pub.publish({ topic: 't', payload: 'one', qos: 1, packetId: 8, dup });
    expectAnswer(pub, '40 02 00 08 40 02 00 08');
    expect(payloads(watcher)).toEqual(['two', 'one', 'one']);
  });

  test('v3.1 decided: the broker has no timer: it sends again when the session is resumed, with DUP, and PUBREL without', () => {
    const rig = openRig();
    const first = resumable(rig, 'a').subscribe('t', { qos: 2 }).skip();
    for (const [payload, qos] of [['1', 1], ['2', 2], ['3', 2]] as const) rig.client('pub').publish({ topic: 't', payload, qos });
    first.skip().pubrec(3).skip();
    rig.clock.advance(1e9);
    expectOpen(first);
    first.drop();
    const again = resumable(rig, 'a').received();
    expect(short(again).toSorted()).toEqual(['publish 1 1', 'publish 2 2', 'pubrel 3']);
    expect(again.filter(({ type }) => type === 'publish').every(({ dup }) => dup === true)).toBe(true);
    expect(resumable(rig, 'a').receivedHex()).toContain('62 02 00 03');
  });
});

describe('a refused PUBLISH', () => {
  const authorize = (_client: unknown, { type, topic }: { type: string; topic: string }): boolean => type !== 'publish' || topic !== 'no';

  test('v3.1 is acknowledged and dropped, as the whole flow of each QoS goes on', () => {
    const rig = openRig({ authorize });
    const watcher = subscriber(rig, 'watcher', '#', 2);
    const pub = client(rig, 'pub');
    for (const qos of [0, 1, 2] as const) pub.publish({ topic: 'no', payload: 'x', qos, packetId: qos, retain: true });
    pub.pubrel(2);
    expectAnswer(pub, '40 02 00 01 50 02 00 02 70 02 00 02');
    expect([watcher.received(), rig.stats.retainedMessages]).toEqual([[], 0]);
    pub.publish({ topic: 'yes', payload: 'y', qos: 2, packetId: 2 });
    expect(payloads(watcher)).toEqual(['y']);
  });

  test('v3.1 or closes, if the host says so', () => {
    for (const qos of [0, 1, 2] as const) {
      const rig = openRig({ authorize, refusedPublish: 'close' });
      const watcher = subscriber(rig, 'watcher', '#', 2);
      expectClosed(client(rig, 'pub').publish({ topic: 'no', qos }));
      expect(watcher.received()).toEqual([]);
    }
  });
});

describe('SUBSCRIBE and UNSUBSCRIBE', () => {
  test('v3.1 decided: a filter that is refused gets 0x80 in SUBACK, as in 3.1.1; the others are granted', () => {
    const rig = openRig({ authorize: (_client, { type, topic }) => type !== 'subscribe' || topic !== 'no', maximumQoS: 1 });
    const sent = client(rig, 'a').subscribe([{ topic: 'x', qos: 1 }, { topic: 'no', qos: 2 }, { topic: 'y', qos: 2 }, { topic: 'z' }]);
    expectAnswer(sent, '90 06 00 01 01 80 01 00');
    expect(rig.stats.subscriptions).toBe(3);
    expectOpen(sent);
  });

  test('v3.1 only the two bits of the QoS are looked at; 3 closes, and none of the filters takes effect', () => {
    const rig = openRig();
    for (const options of ['fc', '04', '40']) expectAnswer(client(rig, 'a').sendsBytes(packet(0x82, `0001 ${t} ${options}`)), '90 03 00 01 00');
    expectAnswer(client(rig, 'a').sendsBytes(packet(0x82, `0001 ${t} fe`)), '90 03 00 01 02');
    for (const options of ['03', 'ff']) expectClosed(client(rig, 'a').sendsBytes(packet(0x82, `0001 ${a} 00 ${t} ${options}`)));
    expect(rig.stats.subscriptions).toBe(0);
  });

  test('v3.1 UNSUBACK has no payload, whether the filter was there or not', () => {
    const sent = client(openRig(), 'a').subscribe('t').skip().unsubscribe(['t', 'nothing'], { packetId: 9 });
    expectAnswer(sent, 'b0 02 00 09');
  });

  test('v3.1 retained messages come with RETAIN on every SUBSCRIBE, live ones without', () => {
    const rig = openRig();
    const sub = subscriber(rig, 'sub', 't/#', 1);
    client(rig, 'pub').publish({ topic: 't/1', payload: 'kept', qos: 1, retain: true });
    expect(publishes(sub)).toMatchObject([{ payload: 'kept', retain: false }]);
    for (let round = 0; round < 2; round += 1) expect(publishes(sub.subscribe('t/#', { qos: 1 }))).toMatchObject([{ payload: 'kept', retain: true }]);
    client(rig, 'pub').publish({ topic: 't/1', payload: '', qos: 1, retain: true });
    expect([payloads(sub), payloads(client(rig, 'new').subscribe('#'))]).toEqual([[''], []]);
  });

  test('v3.1 ill-formed filters, wildcards in topics and empty ones close', () => {
    for (const filter of ['a#', '#/a', '+a', '']) {
      expectClosed(client(openRig(), 'a').sendsBytes(packet(0x82, `0001 ${text(filter)} 00`)));
      expectClosed(client(openRig(), 'a').sendsBytes(packet(0xa2, `0001 ${text(filter)}`)));
    }
    for (const topic of ['a/+', '#', '']) expectClosed(client(openRig(), 'a').sendsBytes(packet(0x30, `${text(topic)} 78`)));
  });

  test('v3.1 a shared subscription is served too, and properties of 5.0 never reach it', () => {
    const rig = openRig();
    const members = ['x', 'y'].map((id) => subscriber(rig, id, '$share/g/t', 1));
    for (const payload of numbered(4)) rig.client('pub').publish({ topic: 't', payload, qos: 1, properties: { contentType: 'c', userProperties: [['n', 'v']] } });
    expect(members.map((each) => publishes(each).map(({ payload, properties }) => [payload, properties]))).toEqual([[['1', undefined], ['3', undefined]], [['2', undefined], ['4', undefined]]]);
  });
});
