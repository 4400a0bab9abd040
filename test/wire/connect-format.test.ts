/** CONNECTs that do not have the format of one: what each version is told, and that nothing of them takes effect. */
import { describe, expect, test } from '@jest/globals';
import { packet, text } from '../unit/packet/wire.js';
import { openRig } from './rig.js';
import type { Rig } from './rig.js';

interface Case {
  /** Connect Flags. */
  readonly flags?: string;
  /** Property Length and properties, 5.0 only. */
  readonly properties?: string;
  /** What follows the properties. */
  readonly payload?: string;
}

const a = text('a');

const connect5 = ({ flags = '02', properties = '00', payload = a }: Case): Buffer =>
  packet(0x10, `${text('MQTT')} 05 ${flags} 0000 ${properties} ${payload}`);
const connect4 = ({ flags = '02', payload = a }: Case): Buffer =>
  packet(0x10, `${text('MQTT')} 04 ${flags} 0000 ${payload}`);
const connect3 = ({ flags = '02', payload = a }: Case): Buffer =>
  packet(0x10, `${text('MQIsdp')} 03 ${flags} 0000 ${payload}`);

function expectRefused5(rig: Rig, connect: Buffer, reasonCode: number): void {
  const client = rig.open().sendsBytes(connect);
  expect(client.received()).toMatchObject([{ type: 'connack', reasonCode, sessionPresent: false }]);
  expect(client.closed).toBe(true);
  expect(rig.stats).toMatchObject({ clients: 0, sessions: 0, connectsRefused: 1 });
}

/** v3.1.1 [MQTT-3.1.4-1]: no CONNACK for what does not conform. */
function expectClosed(rig: Rig, protocolVersion: 3 | 4, connect: Buffer): void {
  const client = rig.open({ protocolVersion }).sendsBytes(connect);
  expect(client.receivedHex()).toBe('');
  expect(client.closed).toBe(true);
  expect(rig.stats).toMatchObject({ clients: 0, sessions: 0, connectsRefused: 1 });
}

/** Wrong in 3.1.1 and in 5.0 alike. */
const wrong: readonly (readonly [name: string, v5: string, v4: string, at: Case])[] = [
  ['the reserved flag is set', '3.1.2-3', '3.1.2-3', { flags: '03' }],
  ['Will QoS without Will Flag', '3.1.2-11', '3.1.2-13', { flags: '0a' }],
  ['Will Retain without Will Flag', '3.1.2-13', '3.1.2-15', { flags: '22' }],
  ['Will QoS is 3', '3.1.2-12', '3.1.2-14', { flags: '1e', payload: `${a} 00 ${text('w')} ${text('x')}` }],
  ['User Name Flag without User Name', '3.1.2-17', '3.1.2-19', { flags: '82' }],
  ['a User Name without its flag', '3.1.2-16', '3.1.2-18', { payload: `${a} ${text('u')}` }],
  ['Password Flag without Password', '3.1.2-19', '3.1.2-21', { flags: 'c2', payload: `${a} ${text('u')}` }],
  ['a Password without its flag', '3.1.2-18', '3.1.2-20', { flags: '82', payload: `${a} ${text('u')} ${text('p')}` }],
  ['no Client Identifier', '3.1.3-3', '3.1.3-3', { payload: '' }],
  ['a Client Identifier that is cut', '3.1.3-3', '3.1.3-3', { payload: '0005 61' }],
  ['Will Flag without a will', '3.1.2-9', '3.1.2-9', { flags: '06' }],
];

describe.each(wrong)('%s', (_, v5, v4, at) => {
  test(`v5 [MQTT-${v5}] gets CONNACK 0x81`, () => expectRefused5(openRig(), connect5(at), 0x81));
  test(`v3.1.1 [MQTT-${v4}] [MQTT-3.1.4-1] is closed without CONNACK`, () => expectClosed(openRig(), 4, connect4(at)));
});

describe('wills', () => {
  const will5 = (topic: string, properties = '00'): Buffer =>
    connect5({ flags: '06', payload: `${a} ${properties} ${text(topic)} ${text('x')}` });
  const will4 = (topic: string): Buffer => connect4({ flags: '06', payload: `${a} ${text(topic)} ${text('x')}` });

  test('v5 [MQTT-3.1.2-9] a Will Topic without Will Payload gets 0x81', () => {
    expectRefused5(openRig(), connect5({ flags: '06', payload: `${a} 00 ${text('w')}` }), 0x81);
  });
  test('v3.1.1 [MQTT-3.1.2-9] a Will Topic without Will Message is closed', () => {
    expectClosed(openRig(), 4, connect4({ flags: '06', payload: `${a} ${text('w')}` }));
  });
  test.each(['w/#', '+', 'a/+/b'])('v5 [MQTT-4.7.0-1] a wildcard in the Will Topic %j gets 0x90', (topic) => {
    expectRefused5(openRig(), will5(topic), 0x90);
  });
  test('v3.1.1 [MQTT-4.7.1-1] a wildcard in the Will Topic is closed', () => expectClosed(openRig(), 4, will4('w/#')));
  test('v5 [MQTT-4.7.3-1] an empty Will Topic gets 0x81', () => expectRefused5(openRig(), will5(''), 0x81));
  test('v3.1.1 [MQTT-4.7.3-1] an empty Will Topic is closed', () => expectClosed(openRig(), 4, will4('')));
  test('v5 a Will Topic of more than topicLevelsMax levels gets 0x81, one of as many is accepted', () => {
    expectRefused5(openRig({ topicLevelsMax: 3 }), will5('a/b/c/d'), 0x81);
    const client = openRig({ topicLevelsMax: 3 }).open().sendsBytes(will5('a/b/c'));
    expect(client.received()).toMatchObject([{ type: 'connack', reasonCode: 0 }]);
  });
  test('v5 [X5-2.2.2.2-1] a property of PUBLISH alone in the Will Properties gets 0x81', () => {
    expectRefused5(openRig(), will5('w', '03 23 0001'), 0x81);
  });
  test('v5 [X5-2.2.2.2-3] a Will Delay given twice gets 0x82', () => {
    expectRefused5(openRig(), will5('w', '0a 18 00000001 18 00000001'), 0x82);
  });
});

describe('v5 properties of CONNECT', () => {
  test.each([
    ['Receive Maximum 0', 'X5-3.1.2.11.3-1', '03 21 0000', 0x82],
    ['Maximum Packet Size 0', 'X5-3.1.2.11.4-1', '05 27 00000000', 0x82],
    ['Request Response Information 2', 'X5-3.1.2.11.6-1', '02 19 02', 0x82],
    ['Request Problem Information 2', 'X5-3.1.2.11.7-1', '02 17 02', 0x82],
    ['Request Problem Information twice', 'X5-3.1.2.11.7-1', '04 17 01 17 01', 0x82],
    ['Session Expiry Interval twice', 'X5-2.2.2.2-3', '0a 11 00000001 11 00000001', 0x82],
    ['Authentication Data without a method', 'X5-3.1.2.11.10-1', '04 16 0001 00', 0x82],
    ['a property of CONNACK', 'X5-2.2.2.2-1', '03 13 0001', 0x81],
    ['a property of the will', 'X5-2.2.2.2-1', '05 18 00000001', 0x81],
    ['an undefined property', 'X5-2.2.2.2-1', '02 7f 00', 0x81],
    ['a property that is cut', 'MQTT-4.13.1-1', '03 11 0000', 0x81],
    ['a Property Length beyond the packet', 'MQTT-4.13.1-1', '7f', 0x81],
    ['a Property Length of five bytes', 'X5-1.5.5-1', '80 80 80 80 00', 0x81],
    ['a Property Length that is not minimal', 'MQTT-1.5.5-1', '80 00', 0x81],
  ])('%s [%s] gets CONNACK 0x8x', (_, _statement, properties, reasonCode) => {
    expectRefused5(openRig(), connect5({ properties }), reasonCode);
  });

  test('[X5-2.2.2.2-2] their order has no meaning, and all of them together are accepted', () => {
    const ascending = ['11 0000000a', '17 00', '19 01', '21 0005', '22 0003', `26 ${text('k')} ${text('v')}`, '27 00001000'];
    for (const list of [ascending, ascending.toReversed()]) {
      const properties = packet(0, list.join(' ')).subarray(1).toString('hex');
      const client = openRig().open().sendsBytes(connect5({ properties }));
      expect(client.received()).toMatchObject([{ type: 'connack', reasonCode: 0 }]);
    }
  });

  test('more than userPropertiesMax user properties get 0x97, as many are accepted', () => {
    const pairs = (count: number): string =>
      packet(0, Array.from({ length: count }, () => `26 ${text('k')} ${text('v')}`).join('')).subarray(1).toString('hex');
    expectRefused5(openRig({ userPropertiesMax: 2 }), connect5({ properties: pairs(3) }), 0x97);
    const client = openRig({ userPropertiesMax: 2 }).open().sendsBytes(connect5({ properties: pairs(2) }));
    expect(client.received()).toMatchObject([{ reasonCode: 0 }]);
  });
});

describe('user name and password', () => {
  test('v5 [MQTT-3.1.2-19] a Password without User Name is legal', () => {
    const client = openRig().open().sendsBytes(connect5({ flags: '42', payload: `${a} ${text('p')}` }));
    expect(client.received()).toMatchObject([{ type: 'connack', reasonCode: 0 }]);
  });
  test('v3.1.1 [MQTT-3.1.2-22] a Password without User Name is closed', () => {
    expectClosed(openRig(), 4, connect4({ flags: '42', payload: `${a} ${text('p')}` }));
  });
  test('v3.1 a User Name or Password that is flagged and not there is taken as not given', () => {
    const seen: unknown[] = [];
    const rig = openRig({ authenticate: ({ username, password }) => seen.push([username, password && Buffer.from(password).toString()]) > 0 });
    for (const payload of [a, `${a} ${text('u')}`, `${a} ${text('u')} ${text('p')}`]) {
      const client = rig.open({ protocolVersion: 3 }).sendsBytes(connect3({ flags: 'c2', payload }));
      expect(client.receivedHex()).toBe('20 02 00 00');
      client.disconnect();
    }
    expect(seen).toEqual([[undefined, undefined], ['u', undefined], ['u', 'p']]);
  });
  test('an empty User Name and an empty Password are given, not missing', () => {
    const seen: unknown[] = [];
    const rig = openRig({ authenticate: ({ username, password }) => seen.push([username, password?.length]) > 0 });
    rig.open({ protocolVersion: 4 }).sendsBytes(connect4({ flags: 'c2', payload: `${a} 0000 0000` }));
    rig.open().sendsBytes(connect5({ flags: 'c2', payload: `${a} 0000 0000` }));
    expect(seen).toEqual([['', 0], ['', 0]]);
  });
  test('a Password is bytes: any of them, 65,535 at most', () => {
    const seen: string[] = [];
    const rig = openRig({ authenticate: ({ password }) => seen.push(Buffer.from(password ?? []).toString('hex')) > 0 });
    rig.open().sendsBytes(connect5({ flags: 'c2', payload: `${a} ${text('u')} 0004 00ff fe80` }));
    rig.client('b', { username: 'u', password: Buffer.alloc(65_535, 1) });
    expect(seen[0]).toBe('00fffe80');
    expect(seen[1]?.length).toBe(2 * 65_535);
  });
});

describe('the rest of the packet', () => {
  test('v5 [MQTT-3.1.4-1] trailing bytes get 0x81', () => expectRefused5(openRig(), connect5({ payload: `${a} 00` }), 0x81));
  test('v3.1.1 trailing bytes are closed', () => expectClosed(openRig(), 4, connect4({ payload: `${a} 00` })));
  test('v3.1 trailing bytes are closed', () => expectClosed(openRig(), 3, connect3({ payload: `${a} 00` })));
  test('v5 [MQTT-1.5.5-1] a Remaining Length that is not minimal gets 0x81; 3.1.1 takes it', () => {
    const long = (connect: Buffer): Buffer => Buffer.concat([Buffer.of(0x10, (connect[1] as number) | 0x80, 0), connect.subarray(2)]);
    expectRefused5(openRig(), long(connect5({})), 0x81);
    expect(openRig().open({ protocolVersion: 4 }).sendsBytes(long(connect4({}))).receivedHex()).toBe('20 02 00 00');
  });
  test('[X5-1.5.5-1] a Remaining Length of five bytes is closed at the fourth, before a version is known', () => {
    const client = openRig().open().sendsHex('10 ff ff ff');
    expect(client.closed).toBe(false);
    client.sendsHex('ff');
    expect(client.receivedHex()).toBe('');
    expect(client.closed).toBe(true);
  });
  test('[MQTT-3.1.4-1] what does not conform is refused before the authenticate hook is asked', () => {
    let asked = 0;
    const rig = openRig({ authenticate: () => (asked += 1) > 0 });
    rig.open().sendsBytes(connect5({ flags: '03' }));
    rig.open({ protocolVersion: 4 }).sendsBytes(connect4({ flags: '03' }));
    expect(asked).toBe(0);
  });
});

describe('connectBytesMax', () => {
  test('v5 a CONNECT above it gets 0x95 as soon as its level is known, before it is buffered', () => {
    const rig = openRig({ connectBytesMax: 64 });
    const client = rig.open().sendsHex('10 3f 0004 4d515454 05 0200'); // 2 + 63 bytes
    expect(client.received()).toMatchObject([{ type: 'connack', reasonCode: 0x95 }]);
    expect(client.closed).toBe(true);
  });
  test('v3.1.1 a CONNECT above it is closed without a word', () => {
    const rig = openRig({ connectBytesMax: 64 });
    const client = rig.open({ protocolVersion: 4 }).sendsHex('10 3f 0004 4d515454 04 0200');
    expect(client.receivedHex()).toBe('');
    expect(client.closed).toBe(true);
  });
  test('a CONNECT of as many bytes is accepted, and packetBytesMax holds for what follows', () => {
    const rig = openRig({ connectBytesMax: 64, packetBytesMax: 100 });
    const connect = connect5({ payload: text('a'.repeat(64 - connect5({ payload: '0000' }).length)) });
    expect(connect.length).toBe(64);
    const client = rig.open().sendsBytes(connect);
    expect(client.received()).toMatchObject([{ type: 'connack', reasonCode: 0, properties: { maximumPacketSize: 100 } }]);
    client.publish({ topic: 't', payload: 'x'.repeat(70) });
    expect(client.closed).toBe(false);
    client.publish({ topic: 't', payload: 'x'.repeat(100) });
    expect(client.received()).toMatchObject([{ type: 'disconnect', reasonCode: 0x95 }]); // v5 [MQTT-3.2.2-15]
  });
  test('the default has room for the longest legal identifier, user name, password and will topic', () => {
    const long = 'x'.repeat(65_535);
    const client = openRig().open().connect({ clientId: long, username: long, password: long, will: { topic: long, payload: long } });
    expect(client.received()).toMatchObject([{ type: 'connack', reasonCode: 0 }]);
  });
});

// Goal: the chunks in which a CONNECT comes change nothing. Method: every cut of one with all fields, in two and byte by byte.
test('a CONNECT may come in any pieces', () => {
  const rig = openRig();
  const will = { topic: 'w', payload: 'x', qos: 1 as const, properties: { willDelayInterval: 5 } };
  const fields = { clientId: 'a', username: 'u', password: 'p', will, properties: { sessionExpiryInterval: 9, receiveMaximum: 7 } };
  const whole = rig.open().connect(fields).received();
  let cuts = 0;
  for (let bytes = 1; bytes < 60; bytes += 1) {
    expect(rig.open().cutInto(bytes).connect(fields).received()).toEqual(whole);
    cuts += 1;
  }
  expect(cuts).toBe(59);
});
