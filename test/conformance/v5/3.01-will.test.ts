/** MQTT 5.0, chapters 3.1.2.5 to 3.1.2.7 and 3.1.3.2: the will, without its delay. */
import { describe, expect, test } from '@jest/globals';
import type { WireClient } from '../../../src/testing/index.js';
import { text } from '../../unit/packet/wire.js';
import { House, waysDown } from '../../wire/house.js';
import { openRig, payloads, publishes } from '../../wire/rig.js';
import type { Rig } from '../../wire/rig.js';
import { a, expectAccepted, expectMalformed, flagsOf } from './3.01-support.js';
import { client, connecting, expectRefused, open, qoses, resumable, subscriber } from './support.js';

const will = { topic: 'w', payload: 'bye' };
const fields = `${a} 00 ${text('w')} ${text('x')}`;

describe('a will', () => {
  test('v5 [MQTT-3.1.2-7] is kept with its session as it was given, each client’s for itself', () => {
    const rig = openRig();
    const watcher = subscriber(rig, 'watcher', '#', 2);
    const properties = { payloadFormatIndicator: true, contentType: 'text', responseTopic: 'r', correlationData: 'c' };
    const first = client(rig, 'first', { will: { topic: 'w/1', payload: 'one', qos: 2, properties } });
    const second = client(rig, 'second', { will: { topic: 'w/2', payload: 'two', qos: 1 } });
    const third = client(rig, 'third');
    for (const each of [third, second, first]) each.drop();
    expect(publishes(watcher)).toMatchObject([{ topic: 'w/2', payload: 'two', qos: 1 }, { topic: 'w/1', payload: 'one', qos: 2, properties }]);
    client(rig, 'first').drop(); // it was that connection's
    expect(publishes(watcher)).toEqual([]);
  });

  test.each(waysDown)('v5 [MQTT-3.1.2-7] is stored: it fires after a %s', async (down) => {
    const house = new House();
    resumable(house.rig, 'watcher').subscribe('w', { qos: 1 }).disconnect();
    resumable(house.rig, 'a', { will: { ...will, qos: 1, properties: { willDelayInterval: 30 } } }).drop();
    const rig = await house[down](29);
    const watcher = resumable(rig, 'watcher');
    expect(payloads(watcher)).toEqual([]);
    rig.clock.advance(1000);
    expect(payloads(watcher)).toEqual(['bye']);
  });

  const endings: readonly (readonly [name: string, end: (rig: Rig, gone: WireClient) => void])[] = [
    ['the socket is lost', (_rig, gone) => gone.drop()],
    ['the client half-closes without DISCONNECT', (_rig, gone) => gone.end()],
    ['Keep Alive runs out', (rig) => rig.clock.advance(15_000)],
    ['the client sends a malformed packet', (_rig, gone) => gone.sendsHex('82 00')],
    ['the client breaks the protocol', (_rig, gone) => gone.connect({ clientId: 'a' })],
    ['the client says DISCONNECT 0x04', (_rig, gone) => gone.disconnect(0x04)],
    ['another connection takes over', (rig) => client(rig, 'a', { clean: false }).skip()],
    ['another connection takes over with Clean Start 1', (rig) => client(rig, 'a').skip()],
    ['the host closes it', (rig) => rig.broker.clients.get('a')?.close()],
  ];

  test.each(endings)('v5 [MQTT-3.1.2-8] is published when %s, once', (_name, end) => {
    for (const sessionExpiryInterval of [0, 1000]) {
      const rig = openRig();
      const watcher = subscriber(rig, 'watcher', 'w');
      const gone = client(rig, 'a', { will, keepalive: 10, properties: { sessionExpiryInterval } });
      expect(payloads(watcher)).toEqual([]);
      end(rig, gone);
      rig.clock.flush();
      expect([gone.closed, payloads(watcher)]).toEqual([true, ['bye']]);
      rig.clock.advance(2_000_000);
      expect(payloads(watcher)).toEqual([]);
    }
  });

  test('v5 [MQTT-3.1.2-8] with a delay is published when that has elapsed, or the session has ended', () => {
    const rig = openRig();
    const watcher = subscriber(rig, 'watcher', 'w');
    for (const [willDelayInterval, sessionExpiryInterval] of [[3, 1000], [1000, 3]] as const) {
      client(rig, 'a', { will: { ...will, properties: { willDelayInterval } }, properties: { sessionExpiryInterval } }).drop();
      rig.clock.advance(2999);
      expect(payloads(watcher)).toEqual([]);
      rig.clock.advance(1);
      expect(payloads(watcher)).toEqual(['bye']);
    }
  });

  test('v5 [MQTT-3.1.2-8] is not published after DISCONNECT 0x00, a return in time, or a CONNECT that was refused', () => {
    const rig = openRig({ authenticate: ({ clientId }) => clientId !== 'refused' });
    const watcher = subscriber(rig, 'watcher', 'w');
    for (const willDelayInterval of [0, 5]) resumable(rig, 'a', { will: { ...will, properties: { willDelayInterval } } }).disconnect().drop();
    resumable(rig, 'b', { will: { ...will, properties: { willDelayInterval: 5 } } }).drop();
    resumable(rig, 'b');
    open(rig).connect({ clientId: 'refused', will }).drop();
    rig.clock.advance(86_400_000);
    expect(payloads(watcher)).toEqual([]);
  });

  test('v5 [MQTT-3.1.2-9] has Will Properties, a Will Topic and a Will Payload', () => {
    const [w, x] = [text('w'), text('x')];
    for (const payload of [`${a} 00 ${w} ${x}`, `${a} 00 ${w} 0000`]) expectAccepted({ flags: '06', payload });
    for (const payload of [a, `${a} 05 18 0000`, `${a} ${w} ${x}`]) expectMalformed({ flags: '06', payload });
    for (const payload of [`${a} 00`, `${a} 00 00`, `${a} 00 0002 77`, `${a} 00 ${w}`, `${a} 00 ${w} 00`, `${a} 00 ${w} 0002 78`]) {
      expectMalformed({ flags: '06', payload }, 'MQTT-3.1.2-9');
    }
  });
});

describe('a will that is done with', () => {
  test.each(['published', 'discarded', 'published after its delay', 'cancelled'])('v5 [MQTT-3.1.2-10] %s: it does not come again', (how) => {
    const rig = openRig();
    const watcher = subscriber(rig, 'watcher', 'w');
    const properties = how === 'published after its delay' || how === 'cancelled' ? { willDelayInterval: 5 } : {};
    const gone = resumable(rig, 'a', { will: { ...will, properties } });
    if (how === 'discarded') gone.disconnect();
    else gone.drop();
    if (how === 'published after its delay') rig.clock.advance(5000);
    expect(payloads(watcher)).toEqual(how.startsWith('published') ? ['bye'] : []);
    for (let round = 0; round < 2; round += 1) {
      resumable(rig, 'a').drop();
      rig.clock.advance(60_000);
    }
    client(rig, 'a').drop();
    expect(payloads(watcher)).toEqual([]);
  });

  test.each(waysDown)('v5 [MQTT-3.1.2-10] does not come back with the broker after a %s', async (down) => {
    const house = new House();
    resumable(house.rig, 'watcher').subscribe('w', { qos: 1 }).disconnect();
    resumable(house.rig, 'published', { will }).drop();
    resumable(house.rig, 'discarded', { will }).disconnect();
    resumable(house.rig, 'delayed', { will: { ...will, properties: { willDelayInterval: 5 } } }).drop();
    house.rig.clock.advance(5000);
    client(house.rig, 'short', { will }).drop();
    expect(house.rig.stats.willsPublished).toBe(3);
    const rig = await house[down](60);
    rig.clock.advance(60_000);
    for (const clientId of ['published', 'discarded', 'delayed']) resumable(rig, clientId).drop();
    expect(rig.stats.willsPublished).toBe(0);
  });
});

describe('Connect Flags of the will', () => {
  test.each([0x0a, 0x12, 0x1a])('v5 [MQTT-3.1.2-11] without Will Flag the Will QoS is 0: flags %i get 0x81', (flags) => {
    for (const payload of [a, fields]) expectMalformed({ flags: flagsOf(flags), payload }, 'MQTT-3.1.2-11');
    expectAccepted({ flags: '02', payload: a });
  });

  test('v5 [MQTT-3.1.2-12] Will QoS 3 gets 0x81; 0, 1 and 2 are used', () => {
    for (const flags of ['1e', '3e', '1c']) expectMalformed({ flags, payload: fields }, 'MQTT-3.1.2-12');
    for (const qos of qoses) {
      const rig = openRig();
      const watcher = subscriber(rig, 'watcher', 'w', 2);
      connecting(rig, { flags: flagsOf(0x06 | (qos << 3)), payload: fields }).drop();
      expect(publishes(watcher)).toMatchObject([{ payload: 'x', qos, dup: false }]);
    }
  });

  test('v5 [MQTT-3.1.2-13] without Will Flag Will Retain is 0', () => {
    for (const payload of [a, fields]) expectMalformed({ flags: '22', payload }, 'MQTT-3.1.2-13');
    expectAccepted({ flags: '26', payload: fields });
  });

  test.each(qoses)('v5 [MQTT-3.1.2-14] Will Retain 0: published at QoS %i and not kept, what was kept before stays', (qos) => {
    const rig = openRig();
    const watcher = subscriber(rig, 'watcher', 'w', 2);
    client(rig, 'first', { will: { ...will, qos } }).drop();
    expect(publishes(watcher)).toMatchObject([{ payload: 'bye', qos, retain: false }]);
    expect(payloads(client(rig, 'late').subscribe('w'))).toEqual([]);
    client(rig, 'pub').publish({ topic: 'w', payload: 'before', retain: true });
    client(rig, 'second', { will: { ...will, qos } }).drop();
    expect(payloads(client(rig, 'later').subscribe('w'))).toEqual(['before']);
  });

  test.each(qoses)('v5 [MQTT-3.1.2-15] Will Retain 1: a later subscriber gets the will of QoS %i with RETAIN 1', (qos) => {
    const rig = openRig();
    const asPublished = client(rig, 'watcher').subscribe('w', { qos: 2, rap: true }).skip();
    client(rig, 'a', { will: { ...will, qos, retain: true } }).drop();
    expect(publishes(asPublished)).toMatchObject([{ payload: 'bye', qos, retain: true }]);
    expect(publishes(client(rig, 'late').subscribe('w', { qos: 2 }))).toMatchObject([{ payload: 'bye', qos, retain: true }]);
  });

  test('v5 [MQTT-3.1.2-15] a retained will without payload clears what was kept', () => {
    const rig = openRig();
    client(rig, 'pub').publish({ topic: 'w', payload: 'before', retain: true });
    client(rig, 'a', { will: { topic: 'w', payload: '', retain: true } }).drop();
    expect(payloads(client(rig, 'late').subscribe('w'))).toEqual([]);
  });
});

describe('how the connection ends', () => {
  test.each([0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99])('v5 [X5-3.1.2.5-1] DISCONNECT %i from the client leaves the will to be published', (reasonCode) => {
    const rig = openRig();
    const watcher = subscriber(rig, 'watcher', 'w');
    client(rig, 'a', { will }).disconnect(reasonCode);
    expect(payloads(watcher)).toEqual(['bye']);
  });

  test('v5 [X5-3.1.2.5-1] DISCONNECT 0x00 does not, with and without its reason code', () => {
    const rig = openRig();
    const watcher = subscriber(rig, 'watcher', 'w');
    for (const bytes of ['e0 00', 'e0 01 00', 'e0 02 00 00']) client(rig, 'a', { will }).sendsHex(bytes);
    expect(payloads(watcher)).toEqual([]);
    expect(rig.stats).toMatchObject({ clients: 1, willsPublished: 0 });
  });

  test('v5 [X5-3.1.2.5-2] the host closes it: the will is published', () => {
    const rig = openRig();
    const watcher = subscriber(rig, 'watcher', 'w');
    const kicked = client(rig, 'a', { will });
    rig.broker.clients.get('a')?.close();
    rig.clock.flush();
    expect(kicked.closed).toBe(true);
    expect(payloads(watcher)).toEqual(['bye']);
  });

  test.each([...waysDown])('v5 [X5-3.1.2.5-2] a %s of the broker publishes the wills of all who were connected, once', async (down) => {
    const house = new House();
    resumable(house.rig, 'watcher').subscribe('w', { qos: 1 }).disconnect();
    client(house.rig, 'short', { will: { topic: 'w', payload: 'short', qos: 1 } });
    resumable(house.rig, 'long', { will: { topic: 'w', payload: 'long', qos: 1 } });
    const rig = await house[down]();
    rig.clock.flush();
    const watcher = resumable(rig, 'watcher');
    const received = publishes(watcher);
    expect(received.map(({ payload }) => payload).map(String).toSorted()).toEqual(['long', 'short']);
    for (const { packetId = 0 } of received) watcher.puback(packetId);
    const next = await house[down]();
    next.clock.advance(60_000);
    expect(payloads(resumable(next, 'watcher'))).toEqual([]);
  });
});

test('v5 [MQTT-3.1.3-10] the User Properties of a will keep their order', () => {
  const rig = openRig();
  const watcher = subscriber(rig, 'watcher', 'w', 1);
  const userProperties = [['b', '1'], ['a', '2'], ['b', '0'], ['', ''], ['a', '2'], ['10', 'x'], ['9', 'y']] as const;
  for (const properties of [{ userProperties }, { userProperties, contentType: 'c', willDelayInterval: 0 }]) {
    client(rig, 'a', { will: { ...will, qos: 1, properties } }).drop();
    expect(publishes(watcher)[0]?.properties?.userProperties).toEqual(userProperties);
  }
});

// The broker does not look into payloads: whoever wants that checked says so in `authorize`.
test('v5 [X5-3.1.3.2.3-1] a will that the host refuses for its payload format gets CONNACK 0x99; without that it is published as it is', () => {
  const asText = { topic: 'w', payload: Buffer.of(0xff), properties: { payloadFormatIndicator: true } };
  const checking = openRig({
    authorize: (_client, action) =>
      action.type !== 'will' || action.properties.payloadFormatIndicator !== 1 || { action: 'deny', reasonCode: 0x99 },
  });
  expectRefused(open(checking).connect({ clientId: 'a', will: asText }), 0x99);
  expect(checking.stats).toMatchObject({ clients: 0, sessions: 0, willsPublished: 0 });
  expect(open(checking).connect({ clientId: 'b', will: { topic: 'w', payload: Buffer.of(0xff) } }).received()).toMatchObject([{ reasonCode: 0 }]);
  const rig = openRig();
  const watcher = subscriber(rig, 'watcher', 'w');
  client(rig, 'a', { will: asText }).drop();
  expect(publishes(watcher)).toMatchObject([{ payload: '0xff', properties: { payloadFormatIndicator: true } }]);
});
