/** MQTT 5.0, chapters 3.1.0 to 3.1.2.2 and 3.1.2.10: CONNECT comes first and once, its protocol, Keep Alive. */
import { describe, expect, test } from '@jest/globals';
import { packet, text } from '../../unit/packet/wire.js';
import { openRig, payloads } from '../../wire/rig.js';
import { brokenOf } from './3.01-support.js';
import { client, connectBytes, connecting, expectDisconnected, expectOpen, expectRefused, open, subscriber } from './support.js';

describe('the first packet, and no other', () => {
  test.each([
    ['PUBLISH', packet(0x30, `${text('t')} 00 78`)],
    ['PUBACK', packet(0x40, '0001')],
    ['PUBREC', packet(0x50, '0001')],
    ['PUBREL', packet(0x62, '0001')],
    ['PUBCOMP', packet(0x70, '0001')],
    ['SUBSCRIBE', packet(0x82, `0001 00 ${text('t')} 00`)],
    ['UNSUBSCRIBE', packet(0xa2, `0001 00 ${text('t')}`)],
    ['PINGREQ', packet(0xc0, '')],
    ['DISCONNECT', packet(0xe0, '')],
    ['AUTH', packet(0xf0, '')],
    ['CONNACK', packet(0x20, '0000 00')],
    ['SUBACK', packet(0x90, '0001 00 00')],
    ['UNSUBACK', packet(0xb0, '0001 00 00')],
    ['PINGRESP', packet(0xd0, '')],
    ['a reserved type', packet(0x00, '')],
  ])('v5 [MQTT-3.1.0-1] %s before CONNECT closes the connection without a reply, at its first byte', (_name, bytes) => {
    const rig = openRig();
    const watcher = subscriber(rig, 'watcher', '#');
    const broken = brokenOf(rig);
    for (const sent of [bytes, Buffer.concat([bytes, connectBytes()]), bytes.subarray(0, 1)]) {
      const first = open(rig).sendsBytes(sent);
      expect([first.receivedHex(), first.closed]).toEqual(['', true]);
    }
    expect([watcher.received(), rig.stats.clients, rig.stats.subscriptions]).toEqual([[], 1, 1]);
    expect(broken).toHaveLength(3);
  });

  test('v5 [MQTT-3.1.0-2] a second CONNECT gets DISCONNECT 0x82 and a close: the will is published', () => {
    const second = connectBytes({ payload: text('b') });
    for (const bytes of [connectBytes(), second, second.subarray(0, 1), Buffer.concat([second, packet(0x30, `${text('t')} 00 78`)])]) {
      const rig = openRig();
      const watcher = subscriber(rig, 'watcher', '#');
      const broken = brokenOf(rig);
      expectDisconnected(client(rig, 'a', { will: { topic: 'w', payload: 'bye' } }).sendsBytes(bytes), 0x82);
      expect(payloads(watcher)).toEqual(['bye']);
      expect([...rig.broker.clients.keys()]).toEqual(['watcher']);
      expect(broken).toEqual(['MQTT-3.1.0-2']);
    }
  });

  test('v5 [MQTT-3.1.0-2] also when both CONNECTs come in one segment', () => {
    const twice = open(openRig()).sendsBytes(Buffer.concat([connectBytes(), connectBytes()]));
    expect(twice.received()).toMatchObject([{ type: 'connack', reasonCode: 0 }, { type: 'disconnect', reasonCode: 0x82 }]);
    expect(twice.closed).toBe(true);
  });
});

describe('Protocol Name and Protocol Version', () => {
  test.each(['MQTt', '', 'mqtt', 'MQT', 'MQTTX', 'MQTX', 'HTTP', 'MQIsdx', '\uFEFFMQTT'])('v5 [MQTT-3.1.2-1] Protocol Name "%s" is closed', (name) => {
    for (const level of ['05', '04', '03']) {
      const rig = openRig();
      const broken = brokenOf(rig);
      const refused = connecting(rig, { protocol: `${text(name)} ${level}` });
      expect([refused.receivedHex(), refused.closed]).toEqual(['', true]);
      expect([rig.stats.connectsAccepted, broken]).toEqual([0, ['MQTT-3.1.2-1']]);
    }
  });

  test('v5 [MQTT-3.1.2-1] MQIsdp is not the name of version 5, MQTT is', () => {
    const refused = connecting(openRig(), { protocol: `${text('MQIsdp')} 05` });
    expect([refused.receivedHex(), refused.closed]).toEqual(['20 02 00 01', true]);
    expect(connecting(openRig(), {}).received()).toMatchObject([{ type: 'connack', reasonCode: 0 }]);
  });

  test.each([0, 1, 2, 3, 128, 0x83, 0x84, 0x85, 255])('v5 [MQTT-3.1.2-2] Protocol Version %i gets the refusal of 3.1.1 and a close', (level) => {
    const rig = openRig();
    const refused = connecting(rig, { protocol: `${text('MQTT')} ${level.toString(16).padStart(2, '0')}` });
    expect([refused.receivedHex(), refused.closed, rig.stats.clients]).toEqual(['20 02 00 01', true, 0]);
  });

  test.each([6, 7, 127])('v5 [MQTT-3.1.2-2] Protocol Version %i, which is newer, gets CONNACK 0x84 and a close', (level) => {
    const rig = openRig();
    const broken = brokenOf(rig);
    expectRefused(connecting(rig, { protocol: `${text('MQTT')} ${level.toString(16).padStart(2, '0')}` }), 0x84);
    expect([rig.stats.clients, broken]).toEqual([0, ['MQTT-3.1.2-2']]);
  });

  test('v5 [MQTT-3.1.2-2] so does 5 itself where it is switched off, and 4 where only 5 is on', () => {
    const without = openRig({ protocolVersions: [3, 4] });
    expectRefused(connecting(without, {}), 0x84);
    expect(without.stats.clients).toBe(0);
    const only = openRig({ protocolVersions: [5] });
    const old = open(only, { protocolVersion: 4 }).connect({ clientId: 'a' });
    expect([old.receivedHex(), old.closed]).toEqual(['20 02 00 01', true]);
    expect(connecting(only, {}).received()).toMatchObject([{ reasonCode: 0 }]);
  });
});

describe('Keep Alive', () => {
  const will = { topic: 'w', payload: 'bye' };

  test('v5 [MQTT-3.1.2-22] after one and a half times Keep Alive: DISCONNECT 0x8D, a close, and the will', () => {
    const rig = openRig();
    const watcher = subscriber(rig, 'watcher', 'w');
    const silent = client(rig, 'silent', { keepalive: 1, will });
    rig.clock.advance(1499);
    expect([silent.receivedHex(), silent.closed, payloads(watcher)]).toEqual(['', false, []]);
    rig.clock.advance(1);
    expectDisconnected(silent, 0x8d);
    expect(payloads(watcher)).toEqual(['bye']);
  });

  test('v5 [MQTT-3.1.2-22] every packet counts, a part of one does not', () => {
    const rig = openRig({ authenticate: () => true });
    const properties = { authenticationMethod: 'M' };
    const busy = client(rig, 'busy', { keepalive: 10, will, properties });
    const packets = [
      () => busy.pingreq(),
      () => busy.publish({ topic: 't', payload: 'x' }),
      () => busy.subscribe('t'),
      () => busy.unsubscribe('t'),
      () => busy.puback(9),
      () => busy.pubrec(9),
      () => busy.pubrel(9),
      () => busy.pubcomp(9),
      () => busy.auth(0x19, properties),
    ];
    for (const send of packets) {
      rig.clock.advance(14_999);
      send();
      expect(busy.skip().closed).toBe(false);
    }
    rig.clock.advance(14_999);
    busy.sendsHex('c0');
    rig.clock.advance(1);
    expectDisconnected(busy, 0x8d);
  });

  test('v5 [MQTT-3.1.2-22] what the broker sends does not count', () => {
    const rig = openRig();
    const listening = subscriber(rig, 'listening', 't', 0, { keepalive: 2 });
    const publisher = client(rig, 'pub');
    for (const payload of ['1', '2']) {
      rig.clock.advance(1400);
      publisher.publish({ topic: 't', payload });
    }
    expect(payloads(listening)).toEqual(['1', '2']);
    rig.clock.advance(200);
    expectDisconnected(listening, 0x8d);
  });

  test('v5 [MQTT-3.1.2-22] 0 turns it off; 65,535 seconds are the most', () => {
    const rig = openRig();
    const [off, longest] = [client(rig, 'off', { keepalive: 0 }), client(rig, 'longest', { keepalive: 65_535 })];
    rig.clock.advance(65_535 * 1500 - 1);
    expect([off.closed, longest.closed]).toEqual([false, false]);
    rig.clock.advance(1);
    expectDisconnected(longest, 0x8d);
    rig.clock.advance(365 * 86_400_000);
    expectOpen(off);
  });
});
