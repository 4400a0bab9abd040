/** CONNECT by bytes, in all three versions. */
import { describe, expect, test } from '@jest/globals';
import { PacketReader, type ReaderLimits } from '../../../src/packet/packet-reader.js';
import type { ConnectPacket } from '../../../src/packet/packets.js';
import { bytes, connectOf, defaultLimits, outcomeOf, packet, show, text } from './wire.js';

function read(body: string, limits: Partial<ReaderLimits> = {}) {
  const reader = new PacketReader({ ...defaultLimits, ...limits });
  return { outcome: outcomeOf(reader, [packet(0x10, body)]), version: reader.version };
}
/** `0x81 MQTT-x-y, version v`, or `undefined` when read. */
function fault(body: string, limits: Partial<ReaderLimits> = {}): string | undefined {
  const { outcome, version } = read(body, limits);
  const shown = show(outcome);
  return shown === undefined ? undefined : `${shown}, version ${version}`;
}
const v5 = "0004 'MQTT' 05";
const v4 = "0004 'MQTT' 04";
const v3 = "0006 'MQIsdp' 03";

describe('Protocol Name and Version', () => {
  test.each([
    ['another name', "0004 'MQTX' 05 02 003c 00 0001 'a'", '0x84 MQTT-3.1.2-1, version 0'],
    ['a name in lower case', "0004 'mqtt' 04 02 003c 0001 'a'", '0x84 MQTT-3.1.2-1, version 0'],
    ['an empty name', '0000 05', '0x84 MQTT-3.1.2-1, version 0'],
    ['another first letter', "0004 'XQTT' 05 02 003c 00 0001 'a'", '0x84 MQTT-3.1.2-1, version 0'],
    ['another name and nothing else', "0004 'MQTX'", '0x84 MQTT-3.1.2-1, version 0'],
    ['a longer name', "0005 'MQTTX' 05 02 003c 00 0001 'a'", '0x84 MQTT-3.1.2-1, version 0'],
  ])('v5 [MQTT-3.1.2-1], v3.1.1 [MQTT-3.1.2-1] %s cannot be answered', (_, body, expected) => {
    expect(fault(body)).toBe(expected);
  });

  // Goal: the shape of the answer to every level. Method: all 256 of both names.
  test('v5 [MQTT-3.1.2-2], v3.1.1 [MQTT-3.1.2-2] an unknown level: 6 to 127 is answered as 5.0, others as 3.1.1', () => {
    for (let level = 0; level < 0x100; level += 1) {
      const rest = `${level.toString(16).padStart(2, '0')} 02 003c`;
      const newer = level >= 6 && level <= 127;
      if (level !== 4 && level !== 5) {
        expect(fault(`0004 'MQTT' ${rest}`)).toBe(`0x84 MQTT-3.1.2-2, version ${newer ? 5 : 4}`);
      }
      if (level !== 3) expect(fault(`0006 'MQIsdp' ${rest}`)).toBe('0x84 MQTT-3.1.2-2, version 4');
    }
  });

  test.each(['', '00', '0004', "0004 'MQT'", "0004 'MQTT'"])(
    'v5 [MQTT-3.1.4-1], v3.1.1 [MQTT-3.1.4-1] cut in %j',
    (body) => {
      expect(fault(body)).toBe('0x81 MQTT-3.1.4-1, version 0');
    },
  );

  test('the version is known before anything behind the level is judged', () => {
    expect(fault(`${v5} 01 003c`)).toBe('0x81 MQTT-3.1.2-3, version 5');
    expect(fault(`${v4} 01 003c`)).toBe('0x81 MQTT-3.1.2-3, version 4');
    expect(fault(`${v3} 02`)).toBe('0x81 MQTT-3.1.4-1, version 3');
  });
});

describe('Connect Flags', () => {
  test('v5 [MQTT-3.1.2-3], v3.1.1 [MQTT-3.1.2-3] reserved flag; not looked at in MQTT 3.1', () => {
    expect(fault(`${v5} 03 003c 00 0001 'a'`)).toBe('0x81 MQTT-3.1.2-3, version 5');
    expect(fault(`${v4} 03 003c 0001 'a'`)).toBe('0x81 MQTT-3.1.2-3, version 4');
    expect(fault(`${v3} 03 003c 0001 'a'`)).toBeUndefined();
  });

  // Goal: each flag is its own bit. Method: MQTT 3.1, where the reserved one may be set beside nothing else.
  test('MQTT 3.1: the reserved flag means nothing else', () => {
    const [connect] = read(`${v3} 01 003c 0001 'a'`).outcome.packets;
    expect(connect).toMatchObject({ cleanStart: false, clientId: 'a' });
    const [withWill] = read(`${v3} 05 003c 0001 'a' 0001 'w' 0000`).outcome.packets;
    expect(withWill).toMatchObject({ cleanStart: false, will: { topic: 'w', qos: 0, retain: false } });
  });

  test('v5 [MQTT-3.1.2-12], v3.1.1 [MQTT-3.1.2-14] Will QoS 3', () => {
    expect(fault(`${v5} 1e 003c 00 0001 'a' 00 0001 'w' 0000`)).toBe('0x81 MQTT-3.1.2-12, version 5');
    expect(fault(`${v4} 1e 003c 0001 'a' 0001 'w' 0000`)).toBe('0x81 MQTT-3.1.2-14, version 4');
    expect(fault(`${v3} 1e 003c 0001 'a' 0001 'w' 0000`)).toBe('0x81 MQTT-3.1.2-14, version 3');
  });

  test('v5 [MQTT-3.1.2-11], v3.1.1 [MQTT-3.1.2-13] Will QoS without a will; MQTT 3.1 disregards it', () => {
    for (const flags of ['0a', '12', '1a']) {
      expect(fault(`${v5} ${flags} 003c 00 0001 'a'`)).toBe('0x81 MQTT-3.1.2-11, version 5');
      expect(fault(`${v4} ${flags} 003c 0001 'a'`)).toBe('0x81 MQTT-3.1.2-13, version 4');
      expect(fault(`${v3} ${flags} 003c 0001 'a'`)).toBeUndefined();
    }
  });

  test('v5 [MQTT-3.1.2-13], v3.1.1 [MQTT-3.1.2-15] Will Retain without a will; MQTT 3.1 disregards it', () => {
    expect(fault(`${v5} 22 003c 00 0001 'a'`)).toBe('0x81 MQTT-3.1.2-13, version 5');
    expect(fault(`${v4} 22 003c 0001 'a'`)).toBe('0x81 MQTT-3.1.2-15, version 4');
    expect(fault(`${v3} 22 003c 0001 'a'`)).toBeUndefined();
  });

  test('v3.1.1 [MQTT-3.1.2-22] a password without a user name is malformed in 3.x and fine in 5.0', () => {
    expect(fault(`${v4} 42 003c 0001 'a' 0001 'p'`)).toBe('0x81 MQTT-3.1.2-22, version 4');
    expect(fault(`${v3} 42 003c 0001 'a' 0001 'p'`)).toBe('0x81 MQTT-3.1.2-22, version 3');
    const { packets } = read(`${v5} 42 003c 00 0001 'a' 0001 'p'`).outcome;
    expect(packets).toMatchObject([{ password: '70' }]);
    expect(packets[0]).not.toHaveProperty('username');
  });
});

describe('fields', () => {
  test('5.0: all of them', () => {
    const will = `05 18 0000000a ${text('w/t')} 0002 beef`;
    const body = `${v5} ee 0e10 05 11 00000e10 0004 'dev1' ${will} ${text('Jürg')} 0003 000102`;
    expect(read(body)).toEqual({
      outcome: {
        packets: [
          {
            type: 1,
            protocolVersion: 5,
            cleanStart: true,
            keepAliveSeconds: 3600,
            clientId: 'dev1',
            will: { topic: 'w/t', payload: 'beef', qos: 1, retain: true, properties: { willDelaySeconds: 10 } },
            username: 'Jürg',
            password: '000102',
            properties: { sessionExpirySeconds: 3600 },
          },
        ],
        error: undefined,
      },
      version: 5,
    });
  });

  test.each([
    [4 as const, v4],
    [3 as const, v3],
  ])('version %i: all of them', (version, start) => {
    const { packets } = read(`${start} f4 003c ${text('')} ${text('w')} 0000 ${text('u')} 0000`).outcome;
    expect(packets).toEqual([
      {
        type: 1,
        protocolVersion: version,
        cleanStart: false,
        keepAliveSeconds: 60,
        clientId: '',
        will: { topic: 'w', payload: '', qos: 2, retain: true, properties: {} },
        username: 'u',
        password: '',
        properties: {},
      },
    ]);
  });

  // Goal: each missing field is told with its own statement. Method: a full CONNECT cut at every byte.
  test('cut anywhere behind the level it is malformed', () => {
    const full5 = bytes(`${v5} ee 003c 00 0001 'a' 00 0001 'w' 0001 'm' 0001 'u' 0001 'p'`);
    const full4 = bytes(`${v4} ee 003c 0001 'a' 0001 'w' 0001 'm' 0001 'u' 0001 'p'`);
    const seen5 = cuts(full5);
    const seen4 = cuts(full4);
    expect(seen5).toEqual([
      '0x81 MQTT-3.1.4-1', // Connect Flags, Keep Alive
      '0x81 MQTT-4.13.1-1', // Property Length
      '0x81 MQTT-3.1.3-3', // Client Identifier
      '0x81 MQTT-4.13.1-1', // Will Property Length
      '0x81 MQTT-3.1.2-9', // will
      '0x81 MQTT-3.1.2-17', // user name
      '0x81 MQTT-3.1.2-19', // password
    ]);
    expect(seen4).toEqual([
      '0x81 MQTT-3.1.4-1',
      '0x81 MQTT-3.1.3-3',
      '0x81 MQTT-3.1.2-9',
      '0x81 MQTT-3.1.2-19',
      '0x81 MQTT-3.1.2-21',
    ]);
  });

  /** The different errors, in order, when the body ends after 7, 8, … bytes. */
  function cuts(full: Buffer): string[] {
    const seen: string[] = [];
    for (let length = 7; length < full.length; length += 1) {
      const shown =
        show(outcomeOf(new PacketReader(defaultLimits), [packet(0x10, full.subarray(0, length))])) ?? 'read';
      if (shown !== seen.at(-1)) seen.push(shown);
    }
    return seen;
  }

  test('v5 [MQTT-3.1.2-16] [MQTT-3.1.2-18] a field without its flag is trailing bytes', () => {
    expect(fault(`${v5} 02 003c 00 0001 'a' 0001 'u'`)).toBe('0x81 MQTT-3.1.4-1, version 5');
    expect(fault(`${v4} 82 003c 0001 'a' 0001 'u' 0001 'p'`)).toBe('0x81 MQTT-3.1.4-1, version 4');
    expect(fault(`${v3} 82 003c 0001 'a' 0001 'u' 00`)).toBe('0x81 MQTT-3.1.4-1, version 3');
  });

  test('MQTT 3.1: user name and password may be missing at the end, but not cut', () => {
    const [bare] = read(`${v3} c2 003c 0001 'a'`).outcome.packets;
    expect(bare).toMatchObject({ clientId: 'a' });
    expect(bare).not.toHaveProperty('username');
    expect(bare).not.toHaveProperty('password');
    const [named] = read(`${v3} c2 003c 0001 'a' 0001 'u'`).outcome.packets;
    expect(named).toMatchObject({ username: 'u' });
    expect(named).not.toHaveProperty('password');
    expect(fault(`${v3} c2 003c 0001 'a' 00`)).toBe('0x81 MQTT-3.1.2-19, version 3');
    expect(fault(`${v3} c2 003c 0001 'a' 0001 'u' 0001`)).toBe('0x81 MQTT-3.1.2-21, version 3');
  });

  test('v5 [X5-3.1.2.11.10-1] Authentication Data without Authentication Method', () => {
    expect(fault(`${v5} 02 003c 04 16 0001 ff 0001 'a'`)).toBe('0x82 X5-3.1.2.11.10-1, version 5');
    expect(fault(`${v5} 02 003c 08 16 0001 ff 15 0001 'm' 0001 'a'`)).toBeUndefined();
  });
});

describe('text', () => {
  const bad: readonly (readonly [string, string, string, string])[] = [
    ['ill-formed UTF-8', 'ff', 'MQTT-1.5.4-1', 'MQTT-1.5.3-1'],
    ['a surrogate', 'eda080', 'MQTT-1.5.4-1', 'MQTT-1.5.3-1'],
    ['an overlong form', 'c080', 'MQTT-1.5.4-1', 'MQTT-1.5.3-1'],
    ['U+0000', '6100', 'MQTT-1.5.4-2', 'MQTT-1.5.3-2'],
    ['a control character', '07', 'X5-1.5.4-1', 'X5-1.5.4-1'],
    ['a non-character', 'efbfbf', 'X5-1.5.4-1', 'X5-1.5.4-1'],
  ];
  const places: readonly (readonly [string, (value: string) => string, (value: string) => string])[] = [
    ['Client Identifier', (value) => `02 003c 00 ${value}`, (value) => `02 003c ${value}`],
    ['Will Topic', (value) => `06 003c 00 0001 'a' 00 ${value} 0000`, (value) => `06 003c 0001 'a' ${value} 0000`],
    ['User Name', (value) => `82 003c 00 0001 'a' ${value}`, (value) => `82 003c 0001 'a' ${value}`],
  ];
  for (const [place, in5, in4] of places) {
    test.each(bad)(
      `v5 [MQTT-1.5.4-1] [MQTT-1.5.4-2] [X5-1.5.4-1], v3.1.1 [MQTT-1.5.3-1] [MQTT-1.5.3-2] %s in ${place}`,
      (_, hex, s5, s4) => {
        const value = text(Buffer.from(hex, 'hex'));
        expect(fault(`${v5} ${in5(value)}`)).toBe(`0x81 ${s5}, version 5`);
        expect(fault(`${v4} ${in4(value)}`)).toBe(`0x81 ${s4}, version 4`);
        expect(fault(`${v3} ${in4(value)}`)).toBe(`0x81 ${s4}, version 3`);
      },
    );
  }

  test('strictText: false lets control characters and non-characters pass, never U+0000', () => {
    const limits = { strictText: false };
    expect(fault(`${v5} 02 003c 00 ${text(Buffer.from('07efbfbf', 'hex'))}`, limits)).toBeUndefined();
    expect(fault(`${v5} 02 003c 00 ${text(Buffer.from('00', 'hex'))}`, limits)).toBe('0x81 MQTT-1.5.4-2, version 5');
  });

  test('v5 [MQTT-1.5.4-3], v3.1.1 [MQTT-1.5.3-3] a leading U+FEFF is kept', () => {
    const [connect] = read(`${v5} 02 003c 00 ${text(Buffer.from('efbbbf61', 'hex'))}`).outcome.packets;
    expect(connect).toMatchObject({ clientId: '\uFEFFa' });
  });
});

describe('Will Topic', () => {
  test('v5 [MQTT-4.7.3-1], v3.1.1 [MQTT-4.7.3-1] is not empty', () => {
    expect(fault(`${v5} 06 003c 00 0001 'a' 00 0000 0000`)).toBe('0x81 MQTT-4.7.3-1, version 5');
    expect(fault(`${v4} 06 003c 0001 'a' 0000 0000`)).toBe('0x81 MQTT-4.7.3-1, version 4');
  });

  test('v5 [MQTT-4.7.0-1], v3.1.1 [MQTT-4.7.1-1] has no wildcards', () => {
    for (const topic of ['#', '+', 'a/#', 'a+b', 'a/+/b']) {
      expect(fault(`${v5} 06 003c 00 0001 'a' 00 ${text(topic)} 0000`)).toBe('0x90 MQTT-4.7.0-1, version 5');
      expect(fault(`${v4} 06 003c 0001 'a' ${text(topic)} 0000`)).toBe('0x90 MQTT-4.7.1-1, version 4');
    }
  });

  test('keeps to topicLevelsMax and topicBytesMax', () => {
    const will = (topic: string): string => `${v5} 06 003c 00 0001 'a' 00 ${text(topic)} 0000`;
    expect(fault(will('/'.repeat(200)))).toBeUndefined();
    expect(fault(will('/'.repeat(201)))).toBe('0x81 MQTT-4.13.1-1, version 5');
    expect(fault(will('12345'), { topicBytesMax: 5 })).toBeUndefined();
    expect(fault(will('12345ü'.slice(1)), { topicBytesMax: 5 })).toBe('0x81 MQTT-4.7.3-3, version 5');
  });
});

describe('after CONNECT', () => {
  // Goal: nothing else may fail first. Method: second CONNECTs that break every other rule.
  test.each(['10', '1f', '10 ff ff ff ff', '10 ff ff ff 7f', '10 00', "10 0c 0004 'MQTT' 04 02 003c 0000"])(
    'v5 [MQTT-3.1.0-2], v3.1.1 [MQTT-3.1.0-2] a second one is reported undecoded: %s',
    (second) => {
      for (const version of [3, 4, 5] as const) {
        const reader = new PacketReader(defaultLimits);
        const { packets, error } = outcomeOf(reader, [connectOf(version), bytes(second), bytes('c000')]);
        expect(packets).toEqual([expect.objectContaining({ clientId: 'a' }), { type: 1, decoded: false }]);
        expect(error).toBeUndefined();
        expect(reader.pendingBytes).toBe(0);
      }
    },
  );

  test('will payload and password do not point into the received chunk', () => {
    const reader = new PacketReader(defaultLimits);
    const chunk = packet(
      0x10,
      `${v5} c6 003c 04 15 0001 'm' 0001 'a' 04 09 0001 'c' 0001 'w' 0002 beef 0000 0002 cafe`,
    );
    reader.push(chunk);
    reader.next();
    const { will, password } = reader.packet as ConnectPacket;
    chunk.fill(0);
    expect(Buffer.from(will?.payload ?? []).toString('hex')).toBe('beef');
    expect(will?.properties.correlationData?.toString()).toBe('c');
    expect(Buffer.from(password ?? []).toString('hex')).toBe('cafe');
    expect(password?.buffer.byteLength).toBe(2);
  });
});
