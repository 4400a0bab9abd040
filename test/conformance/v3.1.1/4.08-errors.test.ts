/** MQTT 3.1.1, chapter 4.8: handling errors. */
import { describe, expect, test } from '@jest/globals';
import { packet, text } from '../../unit/packet/wire.js';
import { lateBroker, type LateBroker } from '../../support/late-broker.js';
import { openRig, payloads } from '../../wire/rig.js';
import { a, brokenOf, client, connectBytes, expectClosed, expectOpen, subscriber } from './support.js';

/** With the statement that is broken, where it is this one that says so. */
const violations: readonly (readonly [name: string, bytes: Uint8Array, statement?: 'MQTT-4.8.0-1'])[] = [
  ['a second CONNECT', connectBytes()],
  ['packet type 0', packet(0x00, ''), 'MQTT-4.8.0-1'],
  ['packet type 15', packet(0xf0, ''), 'MQTT-4.8.0-1'],
  ['CONNACK', packet(0x20, '0000'), 'MQTT-4.8.0-1'],
  ['SUBACK', packet(0x90, '0001 00'), 'MQTT-4.8.0-1'],
  ['UNSUBACK', packet(0xb0, '0001'), 'MQTT-4.8.0-1'],
  ['PINGRESP', packet(0xd0, ''), 'MQTT-4.8.0-1'],
  ['a Remaining Length of five bytes', Buffer.from('30ffffffff01', 'hex'), 'MQTT-4.8.0-1'],
  ['PUBLISH of QoS 3', packet(0x36, `${a} 0001`)],
  ['PUBLISH with DUP at QoS 0', packet(0x38, a)],
  ['PUBLISH without topic', packet(0x30, '')],
  ['PUBLISH with an empty topic', packet(0x30, '0000')],
  ['PUBLISH with a wildcard', packet(0x30, text('a/+'))],
  ['PUBLISH with a topic that is cut', packet(0x30, '0005 61')],
  ['PUBLISH with identifier 0', packet(0x32, `${a} 0000`)],
  ['PUBLISH without identifier', packet(0x32, a)],
  ['PUBACK without identifier', packet(0x40, ''), 'MQTT-4.8.0-1'],
  ['PUBACK with half an identifier', packet(0x40, '00'), 'MQTT-4.8.0-1'],
  ['PUBACK with identifier 0', packet(0x40, '0000')],
  ['PUBACK with a byte too many', packet(0x40, '0001 00'), 'MQTT-4.8.0-1'],
  ['PUBREC with a byte too many', packet(0x50, '0001 00'), 'MQTT-4.8.0-1'],
  ['PUBREL with wrong flags', packet(0x60, '0001')],
  ['PUBREL with a byte too many', packet(0x62, '0001 00'), 'MQTT-4.8.0-1'],
  ['PUBCOMP without identifier', packet(0x70, ''), 'MQTT-4.8.0-1'],
  ['PUBCOMP with a byte too many', packet(0x70, '0001 00'), 'MQTT-4.8.0-1'],
  ['SUBSCRIBE with wrong flags', packet(0x80, `0001 ${a} 00`)],
  ['SUBSCRIBE without filter', packet(0x82, '0001')],
  ['SUBSCRIBE with an empty filter', packet(0x82, '0001 0000 00')],
  ['SUBSCRIBE without QoS', packet(0x82, `0001 ${a}`), 'MQTT-4.8.0-1'],
  ['SUBSCRIBE of QoS 3', packet(0x82, `0001 ${a} 03`)],
  ['SUBSCRIBE with reserved bits', packet(0x82, `0001 ${a} 04`)],
  ['SUBSCRIBE with an ill-formed filter', packet(0x82, `0001 ${text('a#')} 00`)],
  ['UNSUBSCRIBE with wrong flags', packet(0xa0, `0001 ${a}`)],
  ['UNSUBSCRIBE without filter', packet(0xa2, '0001')],
  ['UNSUBSCRIBE with a filter that is cut', packet(0xa2, '0001 0002 61'), 'MQTT-4.8.0-1'],
  ['PINGREQ with a body', packet(0xc0, '00'), 'MQTT-4.8.0-1'],
  ['DISCONNECT with a body', packet(0xe0, '00'), 'MQTT-4.8.0-1'],
  ['ill-formed UTF-8', packet(0x30, '0001 ff')],
  ['U+0000', packet(0x30, '0001 00')],
  ['a control character', packet(0x30, '0001 07')],
  ['too many levels', packet(0x30, text('/'.repeat(300))), 'MQTT-4.8.0-1'],
];

test.each(violations.map(([name, bytes, statement]) => [name, bytes, statement] as const))('v3.1.1 [MQTT-4.8.0-1] a violation closes the connection on which it came, and no other: %s', (_name, bytes, statement) => {
  const rig = openRig();
  const broken = brokenOf(rig);
  const watcher = subscriber(rig, 'watcher', '#');
  const violating = client(rig, 'c', { will: { topic: 'w', payload: 'bye' } }).sendsBytes(Buffer.concat([bytes, packet(0x30, `${a} 78`)]));
  expectClosed(violating);
  expect(payloads(watcher)).toEqual(['bye']);
  expectOpen(watcher);
  expect(rig.stats).toMatchObject({ protocolErrors: 1, subscriptions: 1, clients: 1 });
  expect(broken).toEqual([statement ?? expect.anything()]);
});

describe('a fault on the broker’s side', () => {
  /** A broker whose store keeps what is published to `t` for one who is away. */
  function storing(): LateBroker {
    const late = lateBroker();
    late.broker.on('error', () => undefined);
    const away = late.client({ protocolVersion: 4 }).connect({ clientId: 'away', clean: false });
    late.commit();
    away.subscribe('t', { qos: 2 });
    late.commit();
    away.disconnect();
    late.commit();
    return late;
  }

  test.each([1, 2] as const)('v3.1.1 [MQTT-4.8.0-2] the store fails on a PUBLISH of QoS %i: close, and no acknowledgement', (qos) => {
    const late = storing();
    const other = late.client({ protocolVersion: 4 }).connected({ clientId: 'other' });
    const publisher = late.client({ protocolVersion: 4 }).connected({ clientId: 'pub' });
    late.storage.failNext();
    publisher.publish({ topic: 't', payload: 'x', qos });
    late.commit();
    expectClosed(publisher);
    expectOpen(other);
  });

  test.each(['subscribe', 'unsubscribe'] as const)('v3.1.1 [MQTT-4.8.0-2] the store fails on a %s: close, and no acknowledgement', (request) => {
    const late = storing();
    const member = late.client({ protocolVersion: 4 }).connect({ clientId: 'away', clean: false });
    late.commit();
    member.skip();
    late.storage.failNext();
    member[request]('t');
    late.commit();
    expectClosed(member);
  });

  test.each([1, 2] as const)('v3.1.1 [MQTT-4.8.0-2] there is no room for a retained message of QoS %i: close, and no acknowledgement', (qos) => {
    const rig = openRig({ retainedMessagesMax: 1 });
    const watcher = subscriber(rig, 'watcher', '#');
    const publisher = client(rig, 'pub').publish({ topic: 't', payload: 'x', retain: true });
    expectClosed(publisher.publish({ topic: 'u', payload: 'y', qos, retain: true }));
    expect(payloads(watcher)).toEqual(['x']);
    expectOpen(watcher);
  });

  test('v3.1.1 [MQTT-4.8.0-2] a packet that is larger than the broker takes: close, at its header', () => {
    const rig = openRig({ packetBytesMax: 100 });
    const watcher = subscriber(rig, 'watcher', '#');
    const largest = packet(0x30, `${a} ${'78'.repeat(95)}`);
    expect(largest.length).toBe(100);
    expectOpen(client(rig, 'c').sendsBytes(largest));
    expect(payloads(watcher)).toEqual(['x'.repeat(95)]);
    const broken = brokenOf(rig);
    expectClosed(client(rig, 'c').sendsHex('30 63'));
    expect([watcher.received(), broken]).toEqual([[], ['MQTT-4.8.0-2']]);
  });
});
