/** PUBLISH and its acknowledgements over every transport: round trips, retained messages, aliases, quotas. */
import { test } from '@jest/globals';
import { transports } from './client.js';
import { accepted, answer, connect, drop, ends, message, nothing, plays, publish, resume, resumed, suback, subscribe } from './play.js';

const puback = (packetId: number): object => ({ type: 'puback', packetId });
const pubrec = (packetId: number): object => ({ type: 'pubrec', packetId });
const pubrel = (packetId: number): object => ({ type: 'pubrel', packetId });
const pubcomp = (packetId: number): object => ({ type: 'pubcomp', packetId });

test.each(transports)(
  'v3.1.1 [MQTT-4.3.1-1], v5 [MQTT-4.3.1-1] over $transport: QoS 0 goes out as it came in, and is not answered',
  plays([4, 5], [
    ['sub', connect('sub'), accepted],
    ['sub', subscribe(1, { 't/+': 2 }), suback(1, 2)],
    ['pub', connect('pub'), accepted],
    ['pub', publish('t/1', 'x')],
    ['sub', nothing, message('t/1', 'x')],
  ]),
);

test.each(transports)(
  'v3.1.1 [MQTT-4.3.2-1] [MQTT-4.3.2-2], v5 [MQTT-4.3.2-2] [MQTT-4.3.2-4] over $transport: QoS 1 is acknowledged on both sides',
  plays([4, 5], [
    ['sub', connect('sub'), accepted],
    ['sub', subscribe(1, { t: 1 }), suback(1, 1)],
    ['pub', connect('pub'), accepted],
    ['pub', publish('t', 'x', { qos: 1, messageId: 7 }), puback(7)],
    ['sub', nothing, message('t', 'x', { qos: 1, packetId: 1 })],
    ['sub', answer('puback', 1)],
  ]),
);

test.each(transports)(
  'v3.1.1 [MQTT-4.3.3-1] [MQTT-4.3.3-2], v5 [MQTT-4.3.3-4] [MQTT-4.3.3-8] [MQTT-4.3.3-11] over $transport: QoS 2 takes four packets on both sides',
  plays([4, 5], [
    ['sub', connect('sub'), accepted],
    ['sub', subscribe(1, { t: 2 }), suback(1, 2)],
    ['pub', connect('pub'), accepted],
    ['pub', publish('t', 'x', { qos: 2, messageId: 7 }), pubrec(7)],
    ['pub', publish('t', 'x', { qos: 2, messageId: 7, dup: true }), pubrec(7)], // and no second copy
    ['pub', answer('pubrel', 7), pubcomp(7)],
    ['sub', nothing, message('t', 'x', { qos: 2, packetId: 1 })],
    ['sub', answer('pubrec', 1), pubrel(1)],
    ['sub', answer('pubcomp', 1)],
  ]),
);

test.each(transports)(
  'v5 [X5-3.6.2.1-1] over $transport: PUBREL for an identifier that is not known gets PUBCOMP 0x92',
  plays([5], [
    ['pub', connect('pub'), accepted],
    ['pub', answer('pubrel', 9), { type: 'pubcomp', packetId: 9, reasonCode: 0x92 }],
  ]),
);

test.each(transports)(
  'v3.1.1 [MQTT-4.4.0-1] [MQTT-3.3.1-1], v5 [MQTT-4.4.0-1] [MQTT-4.6.0-1] over $transport: after a reconnect what is unacknowledged comes again in order, with its identifier and DUP',
  plays([4, 5], [
    ['first', resume('a'), accepted],
    ['first', subscribe(1, { t: 2 }), suback(1, 2)],
    ['pub', connect('pub'), accepted],
    ['pub', [1, 2, 3].map((messageId) => publish('t', String(messageId), { qos: 2, messageId })), pubrec(1), pubrec(2), pubrec(3)],
    ['first', nothing, ...[1, 2, 3].map((packetId) => message('t', String(packetId), { qos: 2, packetId }))],
    ['first', answer('pubrec', 2), pubrel(2)],
    ['first', drop, 'closed'],
    ['second', resume('a'), resumed, pubrel(2), message('t', '1', { qos: 2, packetId: 1, dup: true }), message('t', '3', { qos: 2, packetId: 3, dup: true })],
  ]),
);

test.each(transports)(
  'v3.1.1 [MQTT-3.3.1-5] [MQTT-3.3.1-8] [MQTT-3.3.1-10], v5 [MQTT-3.3.1-5] [MQTT-3.3.1-6] [X5-3.3.1.3-2] over $transport: a retained message waits for subscribers until it is cleared',
  plays([4, 5], [
    ['live', connect('live'), accepted],
    ['live', subscribe(1, { '#': 0 }), suback(1, 0)],
    ['pub', connect('pub'), accepted],
    ['pub', [publish('t', 'old', { retain: true }), publish('t', 'new', { retain: true, qos: 1, messageId: 1 })], puback(1)],
    ['live', nothing, message('t', 'old'), message('t', 'new')],
    ['late', connect('late'), accepted],
    ['late', subscribe(1, { '+': 1 }), suback(1, 1), message('t', 'new', { retain: true, qos: 1, packetId: 1 })],
    ['pub', publish('t', '', { retain: true })],
    ['live', nothing, message('t', '')],
    ['late', nothing, message('t', '')],
    ['later', connect('later'), accepted],
    ['later', subscribe(1, { t: 0 }), suback(1, 0)],
  ]),
);

const aliased = (topic: string, payload: string, topicAlias: number): ReturnType<typeof publish> => publish(topic, payload, { properties: { topicAlias } });

test.each(transports)(
  'v5 [MQTT-3.3.2-12] [X5-3.3.2.3.4-1] over $transport: an alias stands for its topic from then on, and may be given another',
  plays([5], [
    ['sub', connect('sub'), accepted],
    ['sub', subscribe(1, { '#': 0 }), suback(1, 0)],
    ['pub', connect('pub'), accepted],
    ['pub', [aliased('t/1', 'a', 1), aliased('', 'b', 1), aliased('t/2', 'c', 1), aliased('', 'd', 1)]],
    ['sub', nothing, message('t/1', 'a'), message('t/1', 'b'), message('t/2', 'c'), message('t/2', 'd')],
  ]),
);

test.each(transports)(
  'v5 [MQTT-3.2.2-17] over $transport: an alias above the maximum of the broker ends the connection with 0x94',
  plays([5], [
    ['pub', connect('pub'), { type: 'connack', reasonCode: 0, properties: { topicAliasMaximum: 3 } }],
    ['pub', [aliased('t', 'x', 3), aliased('t', 'x', 4)], ends(0x94)],
  ], { topicAliasMaximum: 3 }),
);

test.each(transports)(
  'v5 [MQTT-3.3.4-9] [MQTT-3.3.4-10] over $transport: no more than Receive Maximum are unacknowledged, and other packets are not held up',
  plays([5], [
    ['sub', connect('sub', { properties: { receiveMaximum: 2 } }), accepted],
    ['sub', subscribe(1, { t: 2 }), suback(1, 2)],
    ['pub', connect('pub'), accepted],
    ['pub', [1, 2, 3, 4].map((messageId) => publish('t', String(messageId), { qos: 1, messageId })), puback(1), puback(2), puback(3), puback(4)],
    ['sub', nothing, message('t', '1', { qos: 1, packetId: 1 }), message('t', '2', { qos: 1, packetId: 2 })],
    ['sub', 'c000', { type: 'pingresp' }],
    ['sub', answer('puback', 1), message('t', '3', { qos: 1, packetId: 3 })],
    ['sub', answer('puback', 3), message('t', '4', { qos: 1, packetId: 4 })],
  ]),
);

test.each(transports)(
  'v5 [X5-3.3.4-2] over $transport: a client with more than Receive Maximum unacknowledged gets 0x93',
  plays([5], [
    ['pub', connect('pub'), { type: 'connack', reasonCode: 0, properties: { receiveMaximum: 2 } }],
    ['pub', [1, 2, 3].map((messageId) => publish('t', 'x', { qos: 2, messageId })), pubrec(1), pubrec(2), ends(0x93)],
  ], { receiveMaximum: 2 }),
);

test.each(transports)(
  'v5 [MQTT-3.3.2-17] [MQTT-3.3.2-18] [MQTT-3.3.2-20] over $transport: properties are passed on unaltered',
  plays([5], [
    ['sub', connect('sub'), accepted],
    ['sub', subscribe(1, { t: 0 }, { properties: { subscriptionIdentifier: 300 } }), suback(1, 0)],
    ['pub', connect('pub'), accepted],
    [
      'pub',
      publish('t', 'x', { properties: { contentType: 'text/plain', responseTopic: 'r', correlationData: Buffer.from('c'), userProperties: [['b', '1'], ['a', '2'], ['b', '1']] } }),
    ],
    [
      'sub',
      nothing,
      message('t', 'x', { properties: { contentType: 'text/plain', responseTopic: 'r', correlationData: 'c', subscriptionIdentifier: 300, userProperties: [['b', '1'], ['a', '2'], ['b', '1']] } }),
    ],
  ]),
);
