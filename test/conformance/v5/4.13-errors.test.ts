/** MQTT 5.0, chapter 4.13: handling errors. */
import { expect, test } from '@jest/globals';
import { packet, text } from '../../unit/packet/wire.js';
import { openRig, payloads, short } from '../../wire/rig.js';
import { authenticated, begin, reauthenticating } from './auth-support.js';
import { brokenOf, client, connectBytes, connecting, expectDisconnected, expectOpen, expectRefused, open, subscriber } from './support.js';
import type { ConnectBytes } from './support.js';

const a = text('a');
const k = text('k');

/** With the statement that is broken, where it is this one that says so. */
type Violation = readonly [name: string, bytes: Uint8Array, reasonCode: number, statement?: 'MQTT-4.13.1-1'];

const violations: readonly Violation[] = [
  ['a second CONNECT', connectBytes(), 0x82],
  ['packet type 0', packet(0x00, ''), 0x81],
  ['CONNACK', packet(0x20, '0000 00'), 0x82],
  ['SUBACK', packet(0x90, '0001 00 00'), 0x82],
  ['UNSUBACK', packet(0xb0, '0001 00 00'), 0x82],
  ['PINGRESP', packet(0xd0, ''), 0x82],
  ['AUTH that nobody asked for', packet(0xf0, `18 04 15 ${k}`), 0x82],
  ['a Remaining Length of five bytes', Buffer.from('30ffffffff01', 'hex'), 0x81],
  ['a Remaining Length that is not the shortest', Buffer.from('c08000', 'hex'), 0x81],
  ['PUBLISH of QoS 3', packet(0x36, `${a} 0001 00`), 0x81],
  ['PUBLISH with DUP at QoS 0', packet(0x38, `${a} 00`), 0x81],
  ['PUBLISH without topic', packet(0x30, ''), 0x81],
  ['PUBLISH with neither topic nor alias', packet(0x30, '0000 00'), 0x82],
  ['PUBLISH with a wildcard', packet(0x30, `${text('a/+')} 00`), 0x90],
  ['PUBLISH with a topic that is cut', packet(0x30, '0005 61'), 0x81],
  ['PUBLISH with identifier 0', packet(0x32, `${a} 0000 00`), 0x82],
  ['PUBLISH without Property Length', packet(0x30, a), 0x81, 'MQTT-4.13.1-1'],
  ['PUBLISH with a Property Length beyond its end', packet(0x30, `${a} 05 01`), 0x81, 'MQTT-4.13.1-1'],
  ['PUBLISH with a property that is cut', packet(0x30, `${a} 03 02 0000`), 0x81, 'MQTT-4.13.1-1'],
  ['PUBLISH with too many User Properties', packet(0x30, Buffer.concat([Buffer.from(a, 'hex'), packet(0, `26 ${k} ${k} `.repeat(65)).subarray(1)])), 0x97, 'MQTT-4.13.1-1'],
  ['PUBLISH with a property of CONNECT', packet(0x30, `${a} 03 21 0001`), 0x81],
  ['PUBLISH with a property twice', packet(0x30, `${a} 04 01 00 01 00`), 0x82],
  ['PUBLISH with a Payload Format Indicator of 2', packet(0x30, `${a} 02 01 02`), 0x82],
  ['PUBLISH with a Topic Alias of 0', packet(0x30, `${a} 03 23 0000`), 0x94],
  ['PUBACK without identifier', packet(0x40, ''), 0x81, 'MQTT-4.13.1-1'],
  ['PUBACK with half an identifier', packet(0x40, '00'), 0x81, 'MQTT-4.13.1-1'],
  ['PUBACK with identifier 0', packet(0x40, '0000'), 0x82],
  ['PUBACK with a byte too many', packet(0x40, '0001 00 00 00'), 0x81, 'MQTT-4.13.1-1'],
  ['PUBREC with a byte too many', packet(0x50, '0001 00 00 00'), 0x81, 'MQTT-4.13.1-1'],
  ['PUBREL with wrong flags', packet(0x60, '0001'), 0x81],
  ['PUBCOMP without identifier', packet(0x70, ''), 0x81, 'MQTT-4.13.1-1'],
  ['SUBSCRIBE without filter', packet(0x82, '0001 00'), 0x82],
  ['SUBSCRIBE with an empty filter', packet(0x82, '0001 00 0000 00'), 0x81],
  ['SUBSCRIBE without options', packet(0x82, `0001 00 ${a}`), 0x81, 'MQTT-4.13.1-1'],
  ['SUBSCRIBE of QoS 3', packet(0x82, `0001 00 ${a} 03`), 0x82],
  ['SUBSCRIBE with reserved bits', packet(0x82, `0001 00 ${a} 40`), 0x81],
  ['UNSUBSCRIBE with a filter that is cut', packet(0xa2, '0001 00 0002 61'), 0x81, 'MQTT-4.13.1-1'],
  ['PINGREQ with a body', packet(0xc0, '00'), 0x81, 'MQTT-4.13.1-1'],
  ['DISCONNECT with a byte too many', packet(0xe0, '00 00 00'), 0x81, 'MQTT-4.13.1-1'],
  ['DISCONNECT with a code of no client', packet(0xe0, '8b'), 0x82],
  ['ill-formed UTF-8', packet(0x30, '0001 ff 00'), 0x81],
  ['U+0000', packet(0x30, '0001 00 00'), 0x81],
];

test.each(violations.map(([name, bytes, code, statement]) => [name, bytes, code, statement] as const))('v5 [MQTT-4.13.1-1] an error closes the connection on which it came, and no other: %s', (_name, bytes, reasonCode, statement) => {
  const rig = openRig();
  const broken = brokenOf(rig);
  const watcher = subscriber(rig, 'watcher', '#');
  const sent = client(rig, 'c', { will: { topic: 'w', payload: 'bye' } });
  expectDisconnected(sent.sendsBytes(Buffer.concat([bytes, packet(0x30, `${a} 00 78`)])), reasonCode);
  expect(payloads(watcher)).toEqual(['bye']); // what came behind the error is not looked at
  expectOpen(watcher);
  expect(rig.stats).toMatchObject({ protocolErrors: 1, subscriptions: 1, clients: 1 });
  expect(broken).toEqual([statement ?? expect.not.stringMatching('MQTT-4.13.1-1')]);
});

const connects: readonly (readonly [name: string, connect: ConnectBytes, reasonCode: number])[] = [
  ['a reserved connect flag', { flags: '03' }, 0x81],
  ['a Client Identifier that is cut', { payload: '0005 61' }, 0x81],
  ['bytes behind the payload', { payload: `${a} 00` }, 0x81],
  ['a property that is not for CONNECT', { properties: '23 0001' }, 0x81],
  ['a property twice', { properties: '21 0001 21 0001' }, 0x82],
  ['a Receive Maximum of 0', { properties: '21 0000' }, 0x82],
  ['a version that does not exist', { protocol: `${text('MQTT')} 06` }, 0x84],
  ['a Client Identifier that is not taken', { payload: text('a/#') }, 0x85],
  ['a method that is not supported', { properties: `15 ${text('X')}` }, 0x8c],
];

test.each(connects)('v5 [X5-4.13.1-1] an error in CONNECT is told by CONNACK, and closes: %s', (_name, connect, reasonCode) => {
  const rig = openRig();
  const watcher = subscriber(rig, 'watcher', '#');
  expectRefused(connecting(rig, connect), reasonCode);
  expectOpen(watcher);
  expect(rig.stats).toMatchObject({ clients: 1, sessions: 1, connections: 1 });
});

test('v5 [X5-4.13.1-1] an error in any other packet is told by DISCONNECT, and closes; other sessions go on, the client’s own too', () => {
  for (const [name, bytes, reasonCode] of violations) {
    const rig = openRig();
    const other = subscriber(rig, 'other', 't', 1);
    const properties = { sessionExpiryInterval: 100 };
    const sent = subscriber(rig, 'c', 't', 1, { clean: false, properties }).sendsBytes(bytes);
    expect([name, sent.received(), sent.closed]).toMatchObject([name, [{ type: 'disconnect', reasonCode, properties: { reasonString: expect.any(String) } }], true]);
    client(rig, 'pub').publish({ topic: 't', payload: 'x', qos: 1 });
    expect([name, payloads(other)]).toEqual([name, ['x']]);
    expect([name, payloads(client(rig, 'c', { clean: false, properties }))]).toEqual([name, ['x']]);
  }
});

test('v5 [MQTT-4.13.2-1] a refused CONNECT is closed also when the CONNACK is larger than Maximum Packet Size', () => {
  const connect = (bytes: number, more = ''): ConnectBytes => ({ properties: `27 0000000${bytes} ${more}` });
  const told = connecting(openRig({ authenticate: () => false }), connect(5));
  expect([told.receivedHex(), told.closed]).toEqual(['20 03 00 87 00', true]);
  const untold = connecting(openRig({ authenticate: () => false }), connect(4));
  expect([untold.receivedHex(), untold.closed]).toEqual(['', true]);
  const noRoom = connecting(openRig(), connect(9)); // for an accepting one
  expect([short(noRoom.received()), noRoom.closed]).toEqual([['connack 0x95'], true]);
});

test('v5 [MQTT-4.13.2-1] so is a connection whose DISCONNECT is larger than that', () => {
  const moved = (maximumPacketSize: number): ReturnType<typeof open> =>
    begin(
      authenticated(openRig(reauthenticating(() => ({ action: 'deny', reasonCode: 0x9d, serverReference: 'x'.repeat(33) }))), {
        properties: { maximumPacketSize },
      }),
    );
  expect([moved(40).received(), moved(40).closed]).toMatchObject([[{ type: 'disconnect', reasonCode: 0x9d }], true]);
  expect([moved(39).receivedHex(), moved(39).closed]).toEqual(['', true]);
});

test('v5 [MQTT-4.13.2-1] and one whose peer does not read: it is destroyed after closeGraceSeconds', () => {
  const rig = openRig();
  const graceMs = rig.broker.options.closeGraceSeconds * 1000;
  const deaf = client(rig, 'a', { halfOpen: true }).pause().sendsHex('36 04 0001 74 00');
  const refused = connecting(rig, { flags: '03' });
  expect([refused.closed, rig.stats.clients, rig.stats.connections]).toEqual([true, 0, 1]);
  rig.clock.advance(graceMs - 1);
  expect(rig.stats.connections).toBe(1);
  rig.clock.advance(1);
  expect(rig.stats.connections).toBe(0);
  expect(deaf.resume().closed).toBe(true);
});

test('v5 [MQTT-4.13.2-1] whatever the code is, CONNACK and DISCONNECT from 0x80 are followed by the close', () => {
  for (const code of [0x80, 0x83, 0x87, 0x89, 0x95, 0x97, 0x9c, 0x9d, 0x9f]) {
    const deny = openRig({ authenticate: () => ({ action: 'deny', reasonCode: code }) });
    expectRefused(open(deny).connect({ clientId: 'a' }), code);
    const rig = openRig();
    const sent = client(rig, 'a');
    rig.broker.clients.get('a')?.close(code);
    rig.clock.flush();
    expectDisconnected(sent, code);
    expect([deny.stats.connections, rig.stats.connections]).toEqual([0, 0]);
  }
});

test('v5 [X5-4.13.2-1] an acknowledgement from 0x80 is for its packet alone; the connection stays, and others do', () => {
  for (const reasonCode of [0x80, 0x83, 0x87, 0x97]) {
    const rig = openRig({ authorize: (_, { topic, type }) => (topic === 'no' && type !== 'deliver' ? { action: 'deny', reasonCode } : true) });
    const watcher = subscriber(rig, 'watcher', '#');
    const sent = client(rig, 'c');
    const code = `0x${reasonCode.toString(16)}`;
    expect(short(sent.publish({ topic: 'no', qos: 1, packetId: 1 }).received())).toEqual([`puback 1 ${code}`]);
    expect(short(sent.publish({ topic: 'no', qos: 2, packetId: 2 }).received())).toEqual([`pubrec 2 ${code}`]);
    expect(short(sent.publish({ topic: 'no' }).received())).toEqual([]);
    expect(short(sent.subscribe(['no', 'yes'], { packetId: 3 }).received())).toEqual([`suback 3 ${code} 0x00`]);
    expect(short(sent.pubrel(77).received())).toEqual(['pubcomp 77 0x92']);
    sent.publish({ topic: 'yes', payload: 'x', qos: 2, packetId: 4 });
    expect(short(sent.subscribe('t', { packetId: 4 }).unsubscribe('t', { packetId: 4 }).received())).toEqual(['pubrec 4', 'publish x', 'suback 4 0x91', 'unsuback 4 0x91']);
    expect(short(sent.pubrel(4).received())).toEqual(['pubcomp 4']);
    expect(payloads(watcher)).toEqual(['x']);
    expectOpen(sent);
    expectOpen(watcher);
  }
});

test('v5 [X5-4.13.2-1] nor does one from the client end anything but its exchange', () => {
  const rig = openRig();
  const sub = subscriber(rig, 'sub', 't', 2);
  const publisher = client(rig, 'pub').publish({ topic: 't', payload: '1', qos: 1 }).publish({ topic: 't', payload: '2', qos: 2 });
  expect(short(sub.received())).toEqual(['publish 1 1', 'publish 2 2']);
  expect(short(sub.puback(1, 0x87).pubrec(2, 0x83).received())).toEqual([]);
  expect([sub.closed, rig.stats.inflightMessages, rig.stats.queuedMessages]).toEqual([false, 0, 0]);
  publisher.publish({ topic: 't', payload: '3', qos: 1 });
  expect(payloads(sub)).toEqual(['3']);
  expectOpen(sub);
  expectOpen(publisher);
});
