/** CONNECT and the end of connections over every transport: accepted, refused, taken over, given up. */
import { expect, test } from '@jest/globals';
import type { WireSendPacket } from '../../../src/testing/index.js';
import { transports } from './client.js';
import { accepted, answer, connect, disconnect, drop, ends, message, nothing, plays, publish, refused, resume, resumed, suback, subscribe } from './play.js';

const will = { topic: 'w', payload: 'gone', qos: 1, retain: false };
/** Says no, in a later turn. */
const denying = { authenticate: () => new Promise<boolean>((resolve) => setImmediate(resolve, false)) };

test.each(transports)(
  'v3.1.1 [MQTT-3.1.4-4] [MQTT-3.2.0-1], v5 [MQTT-3.1.4-5] [MQTT-3.2.0-1] over $transport: a valid CONNECT gets CONNACK 0x00 and nothing else',
  plays([4, 5], [
    ['a', connect('a'), accepted],
    ['b', connect('b', { username: 'user', password: 'secret', keepalive: 60, will }), accepted],
  ]),
);

test.each(transports)(
  'v3.1.1 [MQTT-3.1.3-6], v5 [MQTT-3.1.3-6] over $transport: a client without identifier is given one',
  plays([4, 5], [
    ['a', connect(''), accepted],
    ['b', connect(''), accepted], // or it would take the first one over
  ]),
);

test.each(transports)(
  'v5 [MQTT-3.1.3-7] [MQTT-3.2.2-16] over $transport: the identifier that was assigned stands in CONNACK',
  plays([5], [['a', connect(''), { type: 'connack', reasonCode: 0, properties: { assignedClientIdentifier: expect.stringMatching(/./) as unknown as string } }]]),
);

test.each(transports)(
  'v3.1.1 [MQTT-3.1.2-4] [MQTT-3.2.2-2], v5 [MQTT-3.1.2-5] [MQTT-3.2.2-3] over $transport: a session is resumed with what came meanwhile',
  plays([4, 5], [
    ['first', resume('a'), accepted],
    ['first', subscribe(1, { t: 1 }), suback(1, 1)],
    ['first', drop, 'closed'],
    ['pub', connect('pub'), accepted],
    ['pub', publish('t', 'x', { qos: 1, messageId: 1 }), { type: 'puback', packetId: 1 }],
    ['second', resume('a'), resumed, message('t', 'x', { qos: 1, packetId: 1 })],
    ['second', [answer('puback', 1), disconnect()], 'closed'],
    ['third', connect('a'), accepted],
  ]),
);

test.each(transports)(
  'v5 [X5-3.1.4-2] over $transport: packets that follow CONNECT in the same chunk are served behind CONNACK',
  plays([4, 5], [
    ['a', [connect('a'), subscribe(1, { t: 0 }), publish('t', 'x'), { cmd: 'pingreq' }], accepted, suback(1, 0), message('t', 'x'), { type: 'pingresp' }],
  ]),
);

test.each(transports)(
  'v3.1.1 [MQTT-3.1.2-2] over $transport: a protocol level that does not exist is refused with 0x01, and closed',
  plays([4], [['a', '10 0d 0004 4d515454 02 02 003c 0001 61', refused(1, 0x84)]]),
);

test.each(transports)(
  'v5 [MQTT-3.1.2-2] over $transport: a protocol version that does not exist is refused with 0x84, and closed',
  plays([5], [['a', '10 0e 0004 4d515454 06 02 003c 00 0001 61', refused(1, 0x84)]]),
);

test.each(transports)(
  'v3.1.1 [MQTT-3.1.3-8] over $transport: no identifier and CleanSession 0 is refused with 0x02, and closed',
  plays([4], [['a', '10 0c 0004 4d515454 04 00 003c 0000', refused(2, 0x85)]]),
);

test.each(transports)(
  'v3.1.1 [MQTT-3.2.2-5] [MQTT-3.1.4-5], v5 [MQTT-3.2.2-7] [MQTT-3.1.4-6] over $transport: nothing behind a CONNECT that is refused is processed',
  plays([4, 5], [
    ['a', [connect('a', { username: 'u', password: 'p', will }), publish('t', 'x', { retain: true }), publish('t', 'x', { qos: 1, messageId: 1 })], refused(4, 0x86)],
    ['b', connect('a'), refused(5, 0x87)],
  ], denying),
);

test.each(transports)(
  'v3.1.1 [MQTT-3.1.0-1], v5 [MQTT-3.1.0-1] over $transport: a connection that does not begin with CONNECT is closed without a byte',
  plays([4, 5], [
    ['a', publish('t', 'x'), 'closed'],
    ['b', 'c0 00', 'closed'],
  ]),
);

test.each(transports)(
  'v3.1.1 [MQTT-3.1.4-1] over $transport: what has not the format of a CONNECT is closed without CONNACK',
  plays([4], [['a', '10 0d 0004 4d515454 04 03 003c 0001 61', 'closed']]), // the reserved flag is set
);

test.each(transports)(
  'v5 [MQTT-3.1.4-1] over $transport: what has not the format of a CONNECT gets CONNACK 0x81, and is closed',
  plays([5], [['a', '10 0e 0004 4d515454 05 03 003c 00 0001 61', refused(0, 0x81)]]),
);

test.each(transports)(
  'v3.1.1 [MQTT-3.1.0-2], v5 [MQTT-3.1.0-2] over $transport: a second CONNECT ends the connection',
  plays([4, 5], [
    ['a', connect('a'), accepted],
    ['a', connect('a'), ends(0x82)],
  ]),
);

test.each(transports)(
  'v3.1.1 [MQTT-3.1.4-2], v5 [MQTT-3.1.4-3] over $transport: a client identifier that connects again takes over, and the old connection is closed',
  plays([4, 5], [
    ['old', connect('a'), accepted],
    ['new', connect('a'), accepted],
    ['old', nothing, ends(0x8e)],
    ['newest', connect('a'), accepted],
    ['new', nothing, ends(0x8e)],
  ]),
);

test.each(transports)(
  'v3.1.1 [MQTT-3.1.2-8], v5 [MQTT-3.1.2-8] over $transport: the will of a client that vanishes is published',
  plays([4, 5], [
    ['sub', connect('sub'), accepted],
    ['sub', subscribe(1, { w: 2 }), suback(1, 2)],
    ['a', connect('a', { will }), accepted],
    ['a', drop, 'closed'],
    ['sub', nothing, message('w', 'gone', { qos: 1, packetId: 1 })],
  ]),
);

test.each(transports)(
  'v3.1.1 [MQTT-3.14.4-3], v5 [MQTT-3.14.4-3] [X5-3.14.4-1] over $transport: DISCONNECT drops the will, and the broker closes',
  plays([4, 5], [
    ['sub', connect('sub'), accepted],
    ['sub', subscribe(1, { w: 0 }), suback(1, 0)],
    ['a', connect('a', { will }), accepted],
    ['a', [disconnect(), publish('w', 'behind DISCONNECT')], 'closed'],
    ['b', connect('a'), accepted],
  ]),
);

test.each(transports)(
  'v5 [X5-3.1.2.5-1] over $transport: DISCONNECT 0x04 leaves the will to be published',
  plays([5], [
    ['sub', connect('sub'), accepted],
    ['sub', subscribe(1, { w: 0 }), suback(1, 0)],
    ['a', connect('a', { will }), accepted],
    ['a', disconnect(4), 'closed'],
    ['sub', nothing, message('w', 'gone')],
  ]),
);

test.each(transports)(
  'v5 [MQTT-3.14.4-1] [MQTT-3.14.4-2] over $transport: a broker that ends sends DISCONNECT, nothing more, and closes',
  plays([4, 5], [
    ['a', connect('a'), accepted],
    ['b', connect('b'), accepted],
    ['b', (broker) => broker.close(), ends(0x8b)],
    ['a', nothing, ends(0x8b)],
  ]),
);

test.each(transports)(
  'v3.1.1 [MQTT-3.12.4-1], v5 [MQTT-3.12.4-1] over $transport: each PINGREQ gets a PINGRESP',
  plays([4, 5], [
    ['a', connect('a'), accepted],
    ['a', 'c000 c000 c000', { type: 'pingresp' }, { type: 'pingresp' }, { type: 'pingresp' }],
  ]),
);

const auth = (reasonCode: number, authenticationData: string): WireSendPacket => ({
  cmd: 'auth',
  reasonCode,
  properties: { authenticationMethod: 'echo', authenticationData: Buffer.from(authenticationData) },
});

test.each(transports)(
  'v5 [MQTT-4.12.0-2] [MQTT-4.12.0-5] over $transport: AUTH asks for more, with the method of CONNECT, until CONNACK',
  plays(
    [5],
    [
      ['a', connect('a', { properties: { authenticationMethod: 'echo' } }), { type: 'auth', reasonCode: 0x18, properties: { authenticationMethod: 'echo', authenticationData: 'say x' } }],
      ['a', auth(0x18, 'x'), { type: 'connack', reasonCode: 0, properties: { authenticationMethod: 'echo' } }],
      ['b', connect('b', { properties: { authenticationMethod: 'echo' } }), { type: 'auth', reasonCode: 0x18 }],
      ['b', auth(0x18, 'y'), refused(5, 0x87)],
    ],
    {
      authenticate: () => ({
        action: 'challenge',
        data: Buffer.from('say x'),
        next: (data) => new Promise((resolve) => setImmediate(resolve, Buffer.from(data ?? '').toString() === 'x')),
      }),
    },
  ),
);
