/** MQTT 5.0, chapters 1.5.5 and 1.5.6: Variable Byte Integers and Binary Data. */
import { expect, test } from '@jest/globals';
import { packet, text } from '../../unit/packet/wire.js';
import { openRig, publishes } from '../../wire/rig.js';
import { connectOf, homeNames, homeOf, listed, openFieldRig, refusalOf, sendFrom, sendProperties } from './fields.js';
import { brokenOf, client, expectOpen, expectRefused, open, subscriber } from './support.js';

/** The three ways to write `value`, below 128, with more bytes than it needs. */
const overlong = (value: number): string[] => ['00', '80 00', '80 80 00'].map((rest) => `${(value | 0x80).toString(16)} ${rest}`);

const packets: readonly (readonly [name: string, bytes: Buffer])[] = [
  ['CONNECT', connectOf({})],
  ['PUBLISH', packet(0x30, `${text('t')} 00 78`)],
  ['PUBACK', packet(0x40, '0001')],
  ['PUBREC', packet(0x50, '0001')],
  ['PUBREL', packet(0x62, '0001')],
  ['PUBCOMP', packet(0x70, '0001')],
  ['SUBSCRIBE', packet(0x82, `0001 00 ${text('t')} 00`)],
  ['UNSUBSCRIBE', packet(0xa2, `0001 00 ${text('t')}`)],
  ['PINGREQ', packet(0xc0, '')],
  ['DISCONNECT', packet(0xe0, '')],
  ['AUTH', packet(0xf0, `19 ${listed(`15 ${text('m')}`)}`)],
];

test.each(packets)('v5 [MQTT-1.5.5-1] a Remaining Length with more bytes than it needs is malformed, 0x81: %s', (name, bytes) => {
  const send = (changed: Buffer, cutInto = Infinity): [number, string[]] => {
    const rig = openFieldRig();
    const broken = brokenOf(rig);
    const sent = name === 'CONNECT' ? open(rig).cutInto(cutInto).sendsBytes(changed) : sendFrom(rig, Buffer.alloc(0)).cutInto(cutInto).sendsBytes(changed);
    return [refusalOf(sent), broken];
  };
  for (const cutInto of [Infinity, 1]) expect(send(bytes, cutInto)).toEqual([0, []]);
  for (const length of overlong(bytes[1] as number)) {
    const changed = Buffer.concat([bytes.subarray(0, 1), Buffer.from(length.replaceAll(' ', ''), 'hex'), bytes.subarray(2)]);
    for (const cutInto of [Infinity, 1]) expect([length, ...send(changed, cutInto)]).toEqual([length, 0x81, ['MQTT-1.5.5-1']]);
  }
});

test.each(homeNames)('v5 [MQTT-1.5.5-1] so is such a Property Length: %s', (name) => {
  const rig = openFieldRig();
  const broken = brokenOf(rig);
  const { send, beside } = homeOf(name);
  const list = listed(`26 ${text('k')} ${text('v')} ${beside?.(0x26) ?? ''}`);
  expect(refusalOf(send(rig, list))).toBe(0);
  for (const length of overlong(Number.parseInt(list.slice(0, 2), 16))) {
    expect([length, refusalOf(send(rig, `${length} ${list.slice(2)}`))]).toEqual([length, 0x81]);
  }
  expect(broken).toEqual(['MQTT-1.5.5-1', 'MQTT-1.5.5-1', 'MQTT-1.5.5-1']);
  for (const length of overlong(0)) expect([length, refusalOf(send(rig, length))]).toEqual([length, 0x81]);
});

test('v5 [MQTT-1.5.5-1] so is such a Subscription Identifier', () => {
  const rig = openFieldRig();
  const broken = brokenOf(rig);
  for (const id of ['05', '7f', '80 01']) expect(refusalOf(sendProperties(rig, 'SUBSCRIBE', `0b ${id}`))).toBe(0);
  const long = [...overlong(5), ...overlong(0), 'ff 80 00', 'ff ff 80 00'];
  for (const id of long) expect([id, refusalOf(sendProperties(rig, 'SUBSCRIBE', `0b ${id}`))]).toEqual([id, 0x81]);
  expect(broken).toEqual(long.map(() => 'MQTT-1.5.5-1'));
});

/** The largest of each length and the smallest of the next. */
const boundaries: readonly (readonly [value: number, hex: string])[] = [
  [127, '7f'],
  [128, '80 01'],
  [16_383, 'ff 7f'],
  [16_384, '80 80 01'],
  [2_097_151, 'ff ff 7f'],
  [2_097_152, '80 80 80 01'],
];

// The wire client refuses a Remaining Length that is not in its shortest form; the smaller packets are looked at here too.
test('v5 [MQTT-1.5.5-1] the broker writes Remaining Length in as few bytes as there are', () => {
  const rig = openRig();
  for (const qos of [0, 1] as const) {
    const sub = subscriber(rig, 'sub', 'a', qos);
    for (const [value, hex] of boundaries) {
      // Topic Name and Property Length are four bytes, a Packet Identifier two.
      const payloadBytes = value - 4 - 2 * qos;
      const publish = (): void => {
        void rig.broker.publish('a', new Uint8Array(payloadBytes), { qos });
        rig.clock.flush();
      };
      publish();
      expect(sub.received().map(({ type, payload }) => [type, payload?.length])).toEqual([['publish', payloadBytes]]);
      if (value > 100_000) continue;
      publish();
      expect(sub.receivedHex().slice(0, 3 + hex.length)).toBe(`3${2 * qos} ${hex}`);
    }
  }
});

test('v5 [MQTT-1.5.5-1] the broker writes Property Length in as few bytes as there are', () => {
  const rig = openRig();
  const sub = subscriber(rig, 'sub', 'a', 1);
  for (const [value, hex] of boundaries.slice(0, 4)) {
    // With its identifier and length the property is three bytes longer than its text.
    void rig.broker.publish('a', '', { qos: 1, contentType: 'x'.repeat(value - 3) });
    rig.clock.flush();
    const received = sub.receivedHex();
    expect(received.slice(received.indexOf('61') + 9).startsWith(`${hex} 03 `)).toBe(true);
  }
  for (const [value, hex] of boundaries.slice(0, 4)) {
    // A CONNACK has eleven bytes of other properties, and five beside the text of this one.
    const told = openRig({ authenticate: () => ({ action: 'allow', userProperties: [['', 'x'.repeat(value - 16)]] }) });
    const connack = open(told).connect({ clientId: 'a' }).receivedHex();
    expect(connack.slice(connack.indexOf('00 00 ') + 6).startsWith(`${hex} 21 `)).toBe(true);
  }
});

test('v5 [MQTT-1.5.5-1] the broker writes Subscription Identifiers in as few bytes as there are', () => {
  for (const [value, hex] of [[1, '01'], ...boundaries, [268_435_455, 'ff ff ff 7f']] as const) {
    const rig = openRig();
    const sub = client(rig, 'sub').subscribe('a', { properties: { subscriptionIdentifier: value } }).skip();
    client(rig, 'pub').publish({ topic: 'a', payload: 'x' });
    const bytes = 1 + hex.split(' ').length;
    expect(sub.receivedHex()).toBe(`30 0${(5 + bytes).toString(16)} 00 01 61 0${bytes} 0b ${hex} 78`);
  }
});

// ---- four bytes at most ----

test('v5 [X5-1.5.5-1] a Remaining Length of more than four bytes is malformed, and told at the fourth', () => {
  const rig = openRig({ packetBytesMax: 268_435_460, connectBytesMax: 268_435_460 });
  const broken = brokenOf(rig);
  for (const first of ['30', '40', '82', 'c0']) {
    const sent = client(rig, 'a').sendsHex(`${first} ff ff ff`);
    expect([sent.receivedHex(), sent.closed]).toEqual(['', false]);
    expect(refusalOf(sent.sendsHex('ff'))).toBe(0x81);
    expect(refusalOf(client(rig, 'a').sendsHex(`${first} ff ff ff ff 01`))).toBe(0x81);
    const largest = client(rig, 'a').sendsHex(`${first} ff ff ff 7f 00`);
    expect([largest.receivedHex(), largest.closed]).toEqual(['', false]);
  }
  const connect = open(rig).sendsHex('10 ff ff ff ff');
  expect([connect.receivedHex(), connect.closed]).toEqual(['', true]);
  expect(open(rig).sendsHex('10 ff ff ff 7f').closed).toBe(false);
  expect(broken).toEqual(Array(9).fill('X5-1.5.5-1'));
});

test('v5 [X5-1.5.5-1] so is such a Property Length', () => {
  for (const name of homeNames) {
    const rig = openFieldRig();
    const broken = brokenOf(rig);
    for (const length of ['ff ff ff ff 01', '80 80 80 80 00', 'ff ff ff 7f']) {
      expect([name, refusalOf(homeOf(name).send(rig, length))]).toEqual([name, 0x81]);
    }
    // The last is a length as they may be, only too much for the packet.
    expect(broken).toEqual(['X5-1.5.5-1', 'X5-1.5.5-1', 'MQTT-4.13.1-1']);
  }
});

test('v5 [X5-1.5.5-1] so is such a Subscription Identifier; the largest has four bytes', () => {
  const rig = openFieldRig();
  const broken = brokenOf(rig);
  for (const id of ['ff ff ff ff 01', '80 80 80 80 01', 'ff ff ff ff 7f']) {
    expect([id, refusalOf(sendProperties(rig, 'SUBSCRIBE', `0b ${id}`))]).toEqual([id, 0x81]);
  }
  expect(broken).toEqual(Array(3).fill('X5-1.5.5-1'));
  const largest = sendProperties(rig, 'SUBSCRIBE', '0b ff ff ff 7f').skip();
  client(rig, 'pub').publish({ topic: 't' });
  expect(publishes(largest)).toMatchObject([{ properties: { subscriptionIdentifier: 268_435_455 } }]);
});

// ---- Binary Data ----

const sizes = [0, 1, 255, 256, 65_535];
/** Bytes that are no text. */
const binary = (size: number): Buffer => Buffer.alloc(size, Buffer.of(0xff, 0x00, 0x80));

test.each(sizes)('v5 [X5-1.5.6-1] Binary Data of %i bytes arrives whole, to the broker and from it', (size) => {
  const value = binary(size);
  const seen: (Uint8Array | undefined)[] = [];
  const rig = openRig({
    authenticate: ({ clientId, password, authenticationData }) => {
      if (clientId === 'a') seen.push(password, authenticationData);
      return { action: 'allow', ...(clientId === 'a' && { authenticationData: value }) };
    },
  });
  const watcher = subscriber(rig, 'watcher', '#', 1);
  const properties = listed(`15 ${text('m')} 16 ${text(value)}`);
  const will = `${listed(`09 ${text(value)}`)} ${text('w')} ${text(value)}`;
  const sent = open(rig).sendsBytes(packet(0x10, `${text('MQTT')} 05 46 0000 ${properties} ${text('a')} ${will} ${text(value)}`));
  const hex = size === 0 ? '' : `0x${value.toString('hex')}`;
  expect(sent.received()).toMatchObject([{ type: 'connack', reasonCode: 0, properties: { authenticationData: hex } }]);
  expect(seen.map((each) => each && Buffer.from(each).equals(value))).toEqual([true, true]);
  for (const first of [0x30, 0x32]) {
    sent.sendsBytes(packet(first, `${text('t')} ${first === 0x32 ? '0001' : ''} ${listed(`09 ${text(value)}`)}`));
    expect(publishes(watcher)).toMatchObject([{ topic: 't', properties: { correlationData: hex } }]);
  }
  sent.skip().sendsBytes(packet(0xf0, `19 ${listed(`15 ${text('m')} 16 ${text(value)}`)}`));
  expect(sent.received()).toMatchObject([{ type: 'auth', reasonCode: 0, properties: { authenticationData: hex } }]);
  expect(Buffer.from(seen[3] as Uint8Array).equals(value)).toBe(true);
  sent.drop();
  expect(publishes(watcher)).toMatchObject([{ topic: 'w', payload: hex, properties: { correlationData: hex } }]);
});

test('v5 [X5-1.5.6-1] Binary Data that ends before its length says so, or within its length, is malformed', () => {
  const short = ['', '00', '0001', '0003 ff00', 'ffff ff'];
  for (const value of short) {
    const rig = openFieldRig();
    const broken = brokenOf(rig);
    for (const home of ['PUBLISH', 'the will']) {
      expect([value, refusalOf(homeOf(home).send(rig, listed(`09 ${value}`)))]).toEqual([value, 0x81]);
    }
    for (const home of ['CONNECT', 'AUTH']) {
      expect([value, refusalOf(homeOf(home).send(rig, listed(`15 ${text('m')} 16 ${value}`)))]).toEqual([value, 0x81]);
    }
    const connect = (payload: string, flags: string) => open(rig).sendsBytes(packet(0x10, `${text('MQTT')} 05 ${flags} 0000 00 ${text('a')} ${payload}`));
    expectRefused(connect(value, '42'), 0x81);
    expectRefused(connect(`00 ${text('w')} ${value}`, '06'), 0x81);
    // Seen at the field itself: a Password, a Will Payload.
    expect(broken.slice(-2)).toEqual(['MQTT-3.1.2-19', 'MQTT-3.1.2-9']);
  }
});

test('v5 [X5-1.5.6-1] the payload of a PUBLISH is none: it has no length of its own', () => {
  const rig = openRig();
  const watcher = subscriber(rig, 'watcher', 't');
  for (const payload of [Buffer.alloc(0), Buffer.of(0, 5, 1), binary(70_000)]) {
    expectOpen(client(rig, 'pub').publish({ topic: 't', payload }));
    expect(publishes(watcher).map((each) => each.payload)).toEqual([payload.length === 3 ? '\0\u0005\u0001' : payload.length === 0 ? '' : `0x${payload.toString('hex')}`]);
  }
});
