/**
 * Which Protocol Name and Version are served, and what an unknown one is told: 5.0 shapes from level 6 to 127,
 * 3.1.1 shapes for every other level, silence for another name.
 */
import { describe, expect, test } from '@jest/globals';
import type { ProtocolVersion } from '../../src/index.js';
import { bytes, packet, text } from '../unit/packet/wire.js';
import { openRig, payloads, three } from './rig.js';

/** A CONNECT with Clean Start, no keep alive and client id `a`; whoever reads it by another level finds an error. */
function connectWith(name: string, level: number, version: ProtocolVersion): Buffer {
  const body = `${text(name)} ${level.toString(16).padStart(2, '0')} 02 0000 ${version === 5 ? '00' : ''} ${text('a')}`;
  return packet(0x10, body);
}

const accepted = '20 02 00 00';
/** 3.1.1: unacceptable protocol version. */
const refusedAs3 = '20 02 00 01';

test.each([
  ['MQIsdp', 3, accepted],
  ['MQTT', 4, accepted],
  // Receive Maximum 1000, Topic Alias Maximum 32, Maximum Packet Size 1 MiB.
  ['MQTT', 5, '20 0e 00 00 0b 21 03 e8 22 00 20 27 00 10 00 00'],
] as const)('%s level %i is accepted, and answered in its own shape', (name, level, connack) => {
  const client = openRig().open({ protocolVersion: level });
  client.sendsBytes(connectWith(name, level, level));
  expect(client.receivedHex()).toBe(connack);
  expect(client.closed).toBe(false);
});

// Goal: every other level is refused in the right shape. Method: all 256 levels under both names.
test('[MQTT-3.1.2-2] of all levels of both names, three are accepted and each other one is refused in its shape', () => {
  const rig = openRig();
  const seen = { accepted: 0, as5: 0, as3: 0 };
  for (const name of ['MQTT', 'MQIsdp']) {
    for (let level = 0; level < 256; level += 1) {
      const version = name === 'MQTT' && level === 5 ? 5 : 4;
      const client = rig.open({ protocolVersion: 5 }).sendsBytes(connectWith(name, level, version));
      const hex = client.receivedHex();
      if (hex.slice(6, 11) === '00 00') {
        seen.accepted += 1;
        expect([name, level]).toEqual(name === 'MQIsdp' ? [name, 3] : [name, level === 4 ? 4 : 5]);
        client.drop();
        continue;
      }
      if (name === 'MQTT' && level >= 6 && level <= 127) {
        expect({ level, kind: hex.slice(0, 2), code: hex.slice(6, 11) }).toEqual({ level, kind: '20', code: '00 84' });
        seen.as5 += 1;
      } else {
        expect({ name, level, hex }).toEqual({ name, level, hex: refusedAs3 });
        seen.as3 += 1;
      }
      expect(client.closed).toBe(true);
    }
  }
  expect(seen).toEqual({ accepted: 3, as5: 122, as3: 512 - 3 - 122 });
  expect(rig.stats).toMatchObject({ clients: 0, sessions: 0, connections: 0 });
});

test('v5 [MQTT-3.1.2-2] a newer level is told in words too, as 5.0 would read it', () => {
  const client = openRig().open().sendsBytes(connectWith('MQTT', 6, 4));
  const [connack] = client.received();
  expect(connack).toMatchObject({ type: 'connack', reasonCode: 0x84, sessionPresent: false });
  expect(connack?.properties?.reasonString).toContain('0x06');
  expect(client.closed).toBe(true);
});

test('the bridge bit of 0x83 and 0x84 is no version of ours: 3.1.1-shaped 0x01', () => {
  const rig = openRig();
  for (const [name, level] of [['MQIsdp', 0x83], ['MQTT', 0x84]] as const) {
    const client = rig.open({ protocolVersion: 4 }).sendsBytes(connectWith(name, level, 4));
    expect(client.receivedHex()).toBe(refusedAs3);
    expect(client.closed).toBe(true);
  }
});

test.each(['MQTX', 'mqtt', 'MQISDP', 'MQIsdq', 'MQTTT', 'MQT', 'HTTP', ''])(
  '[MQTT-3.1.2-1] the Protocol Name %j is closed without a word: nobody knows what its owner would understand',
  (name) => {
    const client = openRig().open().sendsBytes(connectWith(name, 5, 5));
    expect(client.receivedHex()).toBe('');
    expect(client.closed).toBe(true);
  },
);

test.each([
  ['ends within the name', packet(0x10, "0004 'MQ'")],
  ['ends within the length of the name', packet(0x10, '00')],
  ['is empty', packet(0x10, '')],
  ['ends before the level', packet(0x10, "0004 'MQTT'")],
])('[MQTT-3.1.4-1] a CONNECT that %s is closed without a word', (_, connect) => {
  const client = openRig().open().sendsBytes(connect);
  expect(client.receivedHex()).toBe('');
  expect(client.closed).toBe(true);
});

test('[MQTT-3.1.2-2] the level is judged before anything behind it', () => {
  const rig = openRig();
  for (const [level, reply] of [['07', '00 84'], ['02', '00 01']] as const) {
    // Reserved flag set, and then nothing more.
    const client = rig.open().sendsBytes(packet(0x10, `${text('MQTT')} ${level} ff`));
    expect(client.receivedHex().slice(6, 11)).toBe(reply);
  }
});

describe('protocolVersions', () => {
  test('v5 a version that is switched off gets CONNACK 0x84', () => {
    const client = openRig({ protocolVersions: [3, 4] }).open().connect({ clientId: 'a' });
    expect(client.received()).toMatchObject([{ type: 'connack', reasonCode: 0x84, sessionPresent: false }]);
    expect(client.closed).toBe(true);
  });

  test.each([3, 4] as const)('version %i switched off gets return code 1', (protocolVersion) => {
    const client = openRig({ protocolVersions: [5] }).open({ protocolVersion }).connect({ clientId: 'a' });
    expect(client.receivedHex()).toBe(refusedAs3);
    expect(client.closed).toBe(true);
  });

  test('those that are left are served', () => {
    const rig = openRig({ protocolVersions: [4] });
    expect(rig.open({ protocolVersion: 4 }).connect({ clientId: 'a' }).receivedHex()).toBe(accepted);
  });

  test('a version that is switched off is refused before the authenticate hook is asked', () => {
    let asked = 0;
    const rig = openRig({ protocolVersions: [4], authenticate: () => (asked += 1) > 0 });
    rig.open().connect({ clientId: 'a' });
    expect(asked).toBe(0);
  });
});

describe('the first byte of CONNECT', () => {
  const withFlags = (first: number, name: string, version: ProtocolVersion): Buffer =>
    Buffer.concat([Buffer.of(first), connectWith(name, version, version).subarray(1)]);

  test('v5 [MQTT-2.1.3-1] reserved flags get CONNACK 0x81', () => {
    const client = openRig().open().sendsBytes(withFlags(0x11, 'MQTT', 5));
    expect(client.received()).toMatchObject([{ type: 'connack', reasonCode: 0x81 }]);
    expect(client.closed).toBe(true);
  });

  test('v3.1.1 [MQTT-2.2.2-2] [MQTT-3.1.4-1] reserved flags are closed without CONNACK', () => {
    const client = openRig().open({ protocolVersion: 4 }).sendsBytes(withFlags(0x18, 'MQTT', 4));
    expect(client.receivedHex()).toBe('');
    expect(client.closed).toBe(true);
  });

  test('v3.1 does not look at the flags', () => {
    const client = openRig().open({ protocolVersion: 3 }).sendsBytes(withFlags(0x1f, 'MQIsdp', 3));
    expect(client.receivedHex()).toBe(accepted);
  });

  test('v5 [MQTT-2.1.3-1] [MQTT-3.1.2-2] an unknown level comes before its flags', () => {
    const client = openRig().open().sendsBytes(Buffer.concat([bytes('1f'), connectWith('MQTT', 9, 4).subarray(1)]));
    expect(client.received()).toMatchObject([{ type: 'connack', reasonCode: 0x84 }]);
  });
});

test('all versions meet on one broker, at every QoS', () => {
  const rig = openRig();
  const subscribers = three.map(({ name, protocolVersion }) => rig.subscriber(`sub ${name}`, 't', 2, { protocolVersion }));
  const publishers = three.map(({ name, protocolVersion }) => rig.client(`pub ${name}`, { protocolVersion }));
  let id = 1;
  for (const publisher of publishers) {
    for (const qos of [0, 1, 2] as const) publisher.publish({ topic: 't', payload: `${publisher.protocolVersion}.${qos}`, qos, packetId: id++ });
  }
  for (const subscriber of subscribers) {
    expect(payloads(subscriber)).toEqual(['3.0', '3.1', '3.2', '4.0', '4.1', '4.2', '5.0', '5.1', '5.2']);
  }
});

test('a session moves between versions: Clean Session 0 of 3.1.1 is found by 5.0 and the other way round', () => {
  const rig = openRig();
  const old = rig.resumable('a', { protocolVersion: 4 }).subscribe('t', { qos: 1 }).skip();
  old.disconnect();
  rig.client('pub').publish({ topic: 't', payload: 'x', qos: 1 });
  const young = rig.open().connect({ clientId: 'a', clean: false, properties: { sessionExpiryInterval: 60 } });
  expect(young.received()).toMatchObject([{ type: 'connack', sessionPresent: true }, { type: 'publish', payload: 'x' }]);
  young.puback(1).disconnect();
  const oldest = rig.open({ protocolVersion: 3 }).connect({ clientId: 'a', clean: false });
  // v3.1: the byte is reserved, so 0 even though the session is there.
  expect(oldest.receivedHex()).toBe(accepted);
  rig.client('pub').publish({ topic: 't', payload: 'y', qos: 1 });
  expect(payloads(oldest)).toEqual(['y']);
});
