/** MQTT 3.1.1, chapters 3.1.0 to 3.1.2: CONNECT, its protocol, its flags without the will, Keep Alive. */
import { describe, expect, test } from '@jest/globals';
import { packet, text } from '../../unit/packet/wire.js';
import { numbered, openRig, payloads, short } from '../../wire/rig.js';
import {
  a, accepted, client, connecting, connectBytes, expectClosed, expectConnack, expectNoConnack, expectOpen, open, resumable, sessionPresent, subscriber,
} from './support.js'; // prettier-ignore

describe('the first packet, and no other', () => {
  test.each([
    ['PUBLISH', packet(0x30, `${text('t')} 78`)],
    ['PUBACK', packet(0x40, '0001')],
    ['PUBREC', packet(0x50, '0001')],
    ['PUBREL', packet(0x62, '0001')],
    ['PUBCOMP', packet(0x70, '0001')],
    ['SUBSCRIBE', packet(0x82, `0001 ${text('t')} 00`)],
    ['UNSUBSCRIBE', packet(0xa2, `0001 ${text('t')}`)],
    ['PINGREQ', packet(0xc0, '')],
    ['DISCONNECT', packet(0xe0, '')],
    ['CONNACK', packet(0x20, '0000')],
    ['SUBACK', packet(0x90, '0001 00')],
    ['UNSUBACK', packet(0xb0, '0001')],
    ['PINGRESP', packet(0xd0, '')],
    ['a reserved type', packet(0x00, '')],
    ['the other reserved type', packet(0xf0, '')],
  ])('v3.1.1 [MQTT-3.1.0-1] %s before CONNECT closes the connection, at its first byte', (_name, bytes) => {
    const rig = openRig();
    const watcher = subscriber(rig, 'watcher', '#');
    expectClosed(open(rig).sendsBytes(bytes));
    expectClosed(open(rig).sendsBytes(Buffer.concat([bytes, connectBytes()])));
    expectClosed(open(rig).sendsBytes(bytes.subarray(0, 1)));
    expect([watcher.received(), rig.stats.clients, rig.stats.subscriptions]).toEqual([[], 1, 1]);
  });

  test('v3.1.1 [MQTT-3.1.0-2] a second CONNECT closes the connection as a violation: the will is published', () => {
    const second = connectBytes({ payload: text('b') });
    for (const bytes of [connectBytes(), second, second.subarray(0, 1), Buffer.concat([second, packet(0x30, `${text('t')} 78`)])]) {
      const rig = openRig();
      const watcher = subscriber(rig, 'watcher', '#');
      expectClosed(client(rig, 'a', { will: { topic: 'w', payload: 'bye' } }).sendsBytes(bytes));
      expect(payloads(watcher)).toEqual(['bye']);
      expect([...rig.broker.clients.keys()]).toEqual(['watcher']);
    }
  });

  test('v3.1.1 [MQTT-3.1.0-2] also when both CONNECTs come in one segment', () => {
    const twice = open(openRig()).sendsBytes(Buffer.concat([connectBytes(), connectBytes()]));
    expect([twice.receivedHex(), twice.closed]).toEqual([accepted, true]);
  });
});

describe('Protocol Name and Protocol Level', () => {
  test.each(['MQTX', 'mqtt', 'MQT', 'MQTTX', 'MQIsdx', 'HTTP', ''])('v3.1.1 [MQTT-3.1.2-1] Protocol Name "%s" is closed without CONNACK', (name) => {
    for (const level of ['03', '04', '05']) expectNoConnack({ protocol: `${text(name)} ${level}` });
  });

  test('v3.1.1 [MQTT-3.1.2-1] MQIsdp with level 3 is MQTT 3.1, and nothing else: its CONNACK has no Session Present', () => {
    const rig = openRig();
    const protocol = `${text('MQIsdp')} 03`;
    for (let round = 0; round < 2; round += 1) {
      const old = connecting(rig, { protocol, flags: '00' });
      expect(old.receivedHex()).toBe(accepted);
      old.drop();
    }
    for (const [name, level] of [['MQIsdp', '04'], ['MQTT', '03']] as const) {
      const refused = connecting(rig, { protocol: `${text(name)} ${level}` });
      expect([refused.receivedHex(), refused.closed]).toEqual(['20 02 00 01', true]);
    }
  });

  test.each([0, 1, 2, 3, 128, 0x83, 0x84, 255])('v3.1.1 [MQTT-3.1.2-2] Protocol Level %i gets return code 0x01 and a close', (level) => {
    const rig = openRig();
    const refused = connecting(rig, { protocol: `${text('MQTT')} ${level.toString(16).padStart(2, '0')}` });
    expect([refused.receivedHex(), refused.closed]).toEqual(['20 02 00 01', true]);
    expect(rig.stats.clients).toBe(0);
  });

  test.each([6, 7, 127])('v3.1.1 [MQTT-3.1.2-2] Protocol Level %i, which is newer, gets 0x84 in the shape of 5.0 and a close', (level) => {
    const refused = connecting(openRig(), { protocol: `${text('MQTT')} ${level.toString(16).padStart(2, '0')}` });
    expect(refused.receivedHex()).toMatch(/^20 .. 00 84 /);
    expect(refused.closed).toBe(true);
  });

  test('v3.1.1 [MQTT-3.1.2-2] level 4 itself, where it is switched off', () => {
    const refused = connecting(openRig({ protocolVersions: [5] }), {});
    expect([refused.receivedHex(), refused.closed]).toEqual(['20 02 00 01', true]);
  });
});

test.each(['03', '01', '83', 'c3', '07'])('v3.1.1 [MQTT-3.1.2-3] the reserved flag must be 0: Connect Flags 0x%s close', (flags) => {
  const payload = `${a} ${text('u')} ${text('p')}`;
  const fields = flags === '07' || flags === 'c3' ? payload : flags === '83' ? `${a} ${text('u')}` : a;
  expectNoConnack({ flags, payload: fields }, 'MQTT-3.1.2-3');
  const legal = (Number.parseInt(flags, 16) & 0xfe).toString(16).padStart(2, '0');
  expectConnack({ flags: legal, payload: fields });
});

describe('CleanSession', () => {
  test.each(['DISCONNECT', 'a lost connection'])('v3.1.1 [MQTT-3.1.2-4] 0 makes a session or resumes it; it is kept after %s', (how) => {
    const rig = openRig();
    const first = open(rig).connect({ clientId: 'a', clean: false });
    expect(first.receivedHex()).toBe(accepted);
    first.subscribe('t', { qos: 1 });
    const publisher = client(rig, 'pub');
    let last = first;
    for (const payload of numbered(3)) {
      if (how === 'DISCONNECT') last.disconnect();
      else last.drop();
      rig.clock.advance(86_400_000);
      last = open(rig).connect({ clientId: 'a', clean: false });
      expect(last.receivedHex()).toBe('20 02 01 00');
      publisher.publish({ topic: 't', payload, qos: 1 });
      const [message] = last.received();
      expect(message).toMatchObject({ payload, qos: 1 });
      last.puback(message?.packetId ?? 0);
    }
  });

  test('v3.1.1 [MQTT-3.1.2-5] what comes at QoS 1 and 2 while the client is away is kept for it', () => {
    const rig = openRig();
    resumable(rig, 'a').subscribe('t', { qos: 2 }).disconnect();
    const publisher = client(rig, 'pub');
    publisher.publish({ topic: 't', payload: '1', qos: 1 }).publish({ topic: 't', payload: '2', qos: 2 }).publish({ topic: 'other', payload: '3', qos: 1 });
    publisher.disconnect();
    rig.clock.advance(86_400_000);
    const sent = resumable(rig, 'a').received();
    expect(sent).toMatchObject([{ payload: '1', qos: 1, dup: false }, { payload: '2', qos: 2, dup: false }]);
  });

  test('v3.1.1 [MQTT-3.1.2-6] 1 throws the stored session away and leaves none', () => {
    const rig = openRig();
    const old = resumable(rig, 'a').subscribe(['t', 'u'], { qos: 2 }).skip();
    const publisher = client(rig, 'pub');
    publisher.publish({ topic: 't', payload: 'in flight', qos: 2 });
    expect(payloads(old)).toEqual(['in flight']);
    old.drop();
    publisher.publish({ topic: 't', payload: 'waiting', qos: 1 });
    const fresh = open(rig).connect({ clientId: 'a', clean: true });
    expect(fresh.receivedHex()).toBe(accepted);
    publisher.publish({ topic: 't', payload: 'new', qos: 1 });
    expect(fresh.received()).toEqual([]);
    fresh.subscribe('t', { qos: 1 }).drop();
    publisher.publish({ topic: 't', payload: 'missed', qos: 1 });
    const third = open(rig).connect({ clientId: 'a', clean: false });
    expect(third.receivedHex()).toBe(accepted);
    publisher.publish({ topic: 't', payload: 'newer', qos: 1 });
    expect(third.received()).toEqual([]);
    expect(rig.stats.subscriptions).toBe(0);
  });

  test('v3.1.1 [MQTT-3.1.2-6] so it does while the holder of the session is connected', () => {
    const rig = openRig();
    resumable(rig, 'a').subscribe('t', { qos: 1 });
    expect(sessionPresent(rig, 'a', true)).toBe(false);
    expect(rig.stats.subscriptions).toBe(0);
    expect(sessionPresent(rig, 'a')).toBe(false);
  });

  test('v3.1.1 [MQTT-3.1.2-7] retained messages outlive the session of whoever published them', () => {
    const rig = openRig();
    for (const [clientId, clean] of [['short', true], ['long', false]] as const) {
      client(rig, clientId, { clean }).publish({ topic: `from/${clientId}`, payload: clientId, qos: 1, retain: true }).drop();
    }
    client(rig, 'long').disconnect(); // its session is gone too
    expect(payloads(client(rig, 'sub').subscribe('from/+')).map(String).toSorted()).toEqual(['long', 'short']);
  });
});

describe('User Name and Password', () => {
  const [u, p] = [text('u'), text('p')];

  test('v3.1.1 [MQTT-3.1.2-18] without User Name Flag there is no User Name', () => {
    expectConnack({ flags: '02', payload: a });
    for (const payload of [`${a} ${u}`, `${a} 0000`, `${a} ${u} ${p}`]) expectNoConnack({ flags: '02', payload });
  });

  test('v3.1.1 [MQTT-3.1.2-19] with User Name Flag there is one', () => {
    expectConnack({ flags: '82', payload: `${a} ${u}` });
    expectConnack({ flags: '82', payload: `${a} 0000` });
    for (const payload of [a, `${a} 00`, `${a} 0001`, `${a} 0002 75`]) expectNoConnack({ flags: '82', payload }, 'MQTT-3.1.2-19');
  });

  test('v3.1.1 [MQTT-3.1.2-20] without Password Flag there is no Password', () => {
    for (const payload of [`${a} ${u} ${p}`, `${a} ${u} 0000`]) {
      expectNoConnack({ flags: '82', payload });
      expectConnack({ flags: 'c2', payload });
    }
  });

  test('v3.1.1 [MQTT-3.1.2-21] with Password Flag there is one', () => {
    for (const payload of [`${a} ${u}`, `${a} ${u} 00`, `${a} ${u} 0001`]) expectNoConnack({ flags: 'c2', payload }, 'MQTT-3.1.2-21');
    expectConnack({ flags: 'c2', payload: `${a} ${u} ${p}` });
  });

  test('v3.1.1 [MQTT-3.1.2-22] without User Name Flag the Password Flag is 0', () => {
    for (const payload of [a, `${a} ${p}`, `${a} ${u} ${p}`]) expectNoConnack({ flags: '42', payload }, 'MQTT-3.1.2-22');
    // The same is legal in version 5.
    expect(openRig().open().sendsBytes(packet(0x10, `${text('MQTT')} 05 42 0000 00 ${a} ${p}`)).received()).toMatchObject([{ reasonCode: 0 }]);
  });
});

describe('Keep Alive', () => {
  const will = { topic: 'w', payload: 'bye' };

  test('v3.1.1 [MQTT-3.1.2-24] after one and a half times Keep Alive the client is disconnected as if the network had failed', () => {
    const rig = openRig();
    const watcher = subscriber(rig, 'watcher', 'w');
    const silent = client(rig, 'silent', { keepalive: 1, will });
    rig.clock.advance(1499);
    expect([silent.closed, payloads(watcher)]).toEqual([false, []]);
    rig.clock.advance(1);
    expectClosed(silent);
    expect(payloads(watcher)).toEqual(['bye']);
  });

  test('v3.1.1 [MQTT-3.1.2-24] every packet counts, a part of one does not', () => {
    const rig = openRig();
    const busy = client(rig, 'busy', { keepalive: 10, will });
    const packets = [
      () => busy.pingreq(),
      () => busy.publish({ topic: 't', payload: 'x' }),
      () => busy.subscribe('t'),
      () => busy.unsubscribe('t'),
      () => busy.puback(9),
      () => busy.pubrel(9),
    ];
    for (const send of packets) {
      rig.clock.advance(14_999);
      send();
      expect(busy.skip().closed).toBe(false);
    }
    rig.clock.advance(14_999);
    busy.sendsHex('c0');
    rig.clock.advance(1);
    expectClosed(busy);
  });

  test('v3.1.1 [MQTT-3.1.2-24] what the broker sends does not count', () => {
    const rig = openRig();
    const listening = subscriber(rig, 'listening', 't', 0, { keepalive: 2 });
    const publisher = client(rig, 'pub');
    for (const payload of ['1', '2']) {
      rig.clock.advance(1400);
      publisher.publish({ topic: 't', payload });
    }
    expect(payloads(listening)).toEqual(['1', '2']);
    rig.clock.advance(200);
    expectClosed(listening);
  });

  test('v3.1.1 [MQTT-3.1.2-24] 0 turns it off; 65,535 seconds are the most', () => {
    const rig = openRig();
    const [never, longest] = [client(rig, 'never', { keepalive: 0 }), client(rig, 'longest', { keepalive: 65_535 })];
    rig.clock.advance(65_535 * 1500 - 1);
    expect([never.closed, longest.closed]).toEqual([false, false]);
    rig.clock.advance(1);
    expectClosed(longest);
    rig.clock.advance(365 * 86_400_000);
    expectOpen(never);
    expect(short(never.received())).toEqual([]);
  });
});
