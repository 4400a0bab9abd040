/** SUBSCRIBE and UNSUBSCRIBE over every transport: codes, wildcards, shared and overlapping subscriptions. */
import { test } from '@jest/globals';
import type { WireSendPacket } from '../../../src/testing/index.js';
import { transports } from './client.js';
import { accepted, answer, connect, ends, message, nothing, plays, publish, suback, subscribe } from './play.js';

const unsubscribe = (messageId: number, ...unsubscriptions: string[]): WireSendPacket => ({ cmd: 'unsubscribe', messageId, unsubscriptions });

test.each(transports)(
  'v3.1.1 [MQTT-3.9.3-1] [MQTT-3.8.4-5], v5 [MQTT-3.9.3-1] [MQTT-3.8.4-6] over $transport: SUBACK has a code for each filter, in their order',
  plays(
    [4, 5],
    [
      ['a', connect('a'), accepted],
      ['a', subscribe(0x0102, { a: 2, secret: 1, b: 0, c: 1 }), (version) => [suback(0x0102, 2, version === 5 ? 0x87 : 0x80, 0, 1)]],
      ['a', [publish('secret', 'x'), publish('c', 'y')], message('c', 'y')],
    ],
    { authorize: (_client, { type, topic }) => type !== 'subscribe' || topic !== 'secret' },
  ),
);

test.each(transports)(
  'v3.1.1 [MQTT-3.10.4-4] [MQTT-3.10.4-5], v5 [MQTT-3.10.4-4] [MQTT-3.11.3-1] over $transport: UNSUBACK comes in any case; 5.0 is told what there was',
  plays([4, 5], [
    ['a', connect('a'), accepted],
    ['a', subscribe(1, { a: 0, b: 0 }), suback(1, 0, 0)],
    ['a', unsubscribe(2, 'x', 'a', 'a/#'), (version) => [{ type: 'unsuback', packetId: 2, ...(version === 5 && { reasonCodes: [0x11, 0, 0x11] }) }]],
    ['a', [publish('a', 'x'), publish('b', 'y')], message('b', 'y')],
  ]),
);

test.each(transports)(
  'v3.1.1 [MQTT-4.7.2-1], v5 [MQTT-4.7.2-1] over $transport: wildcards at the beginning do not match topics that begin with $',
  plays([4, 5], [
    ['a', connect('a'), accepted],
    ['a', subscribe(1, { '#': 0, '+/x': 0 }), suback(1, 0, 0)],
    ['b', connect('b'), accepted],
    ['b', subscribe(1, { '$house/#': 0 }), suback(1, 0)],
    ['a', publish('$house/x', '1')],
    ['b', nothing, message('$house/x', '1')],
  ]),
);

test.each(transports)(
  'v3.1.1 [MQTT-3.8.4-6], v5 [MQTT-3.8.4-8] over $transport: a message goes out at the lower of its QoS and the one granted',
  plays([4, 5], [
    ['a', connect('a'), accepted],
    ['a', subscribe(1, { a: 0, b: 1, c: 2 }), suback(1, 0, 1, 2)],
    ['pub', connect('pub'), accepted],
    ['pub', ['a', 'b', 'c'].map((topic, at) => publish(topic, 'x', { qos: 1, messageId: at + 1 })), ...[1, 2, 3].map((packetId) => ({ type: 'puback', packetId }) as const)],
    ['a', nothing, message('a', 'x'), message('b', 'x', { qos: 1, packetId: 1 }), message('c', 'x', { qos: 1, packetId: 2 })],
  ]),
);

test.each(transports)(
  'v5 [MQTT-3.3.4-4] over $transport: a message for overlapping subscriptions comes once, with all their identifiers',
  plays([5], [
    ['a', connect('a'), accepted],
    ['a', subscribe(1, { 't/#': 0 }, { properties: { subscriptionIdentifier: 7 } }), suback(1, 0)],
    ['a', subscribe(2, { 't/+': 0 }, { properties: { subscriptionIdentifier: 7 } }), suback(2, 0)],
    ['a', publish('t/x', '1'), message('t/x', '1', { properties: { subscriptionIdentifier: [7, 7] } })],
  ]),
);

test.each(transports)(
  'v5 [MQTT-3.8.3-3] over $transport: No Local keeps a message from the client that published it',
  plays([5], [
    ['a', connect('a'), accepted],
    ['a', { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 't', qos: 0, nl: true }] }, suback(1, 0)],
    ['b', connect('b'), accepted],
    ['a', [publish('t', 'own'), 'c000'], { type: 'pingresp' }],
    ['b', publish('t', 'other')],
    ['a', nothing, message('t', 'other')],
  ]),
);

test.each(transports)(
  'v5 [MQTT-3.8.3-4] over $transport: but on a Shared Subscription it ends the connection with 0x82',
  plays([5], [
    ['a', connect('a'), accepted],
    ['a', { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: '$share/g/t', qos: 0, nl: true }] }, ends(0x82)],
  ]),
);

test.each(transports)(
  'v5 [X5-4.8.2-1] [MQTT-4.8.2-3] over $transport: each message goes to one member of a shared subscription, at the QoS granted to it',
  plays([4, 5], [
    ['a', connect('a'), accepted],
    ['a', subscribe(1, { '$share/g/t/+': 1 }), suback(1, 1)],
    ['b', connect('b'), accepted],
    ['b', subscribe(1, { '$share/g/t/+': 2 }), suback(1, 2)],
    ['pub', connect('pub'), accepted],
    ['pub', [1, 2, 3, 4].map((messageId) => publish('t/x', String(messageId), { qos: 2, messageId })), ...[1, 2, 3, 4].map((packetId) => ({ type: 'pubrec', packetId }) as const)],
    ['a', nothing, message('t/x', '1', { qos: 1, packetId: 1 }), message('t/x', '3', { qos: 1, packetId: 2 })],
    ['b', nothing, message('t/x', '2', { qos: 2, packetId: 1 }), message('t/x', '4', { qos: 2, packetId: 2 })],
    ['a', [answer('puback', 1), answer('puback', 2)]],
  ]),
);
