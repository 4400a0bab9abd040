/** Packets are a stream of bytes on every transport: cut anywhere, many at once, and as large as the limit allows. */
import { test } from '@jest/globals';
import { transports } from './client.js';
import { accepted, answer, connect, disconnect, message, nothing, plays, publish, suback, subscribe } from './play.js';

const conversation = [
  connect('a', { keepalive: 60, username: 'user', password: 'secret', will: { topic: 'w', payload: 'gone', qos: 1, retain: false } }),
  subscribe(1, { 'täst/#': 2, other: 0 }),
  publish('täst/x', '0'),
  publish('täst/x', '1', { qos: 1, messageId: 2 }),
  publish('täst/x', '2', { qos: 2, messageId: 3 }),
  answer('pubrel', 3),
  { cmd: 'unsubscribe', messageId: 4, unsubscriptions: ['other'] },
  { cmd: 'pingreq' },
  answer('puback', 1),
  answer('pubrec', 2),
  answer('pubcomp', 2),
  disconnect(),
];
// Acknowledgements go out in the order of their packets, and so do messages: but not the ones among the others.
const answers = [
  accepted,
  suback(1, 2, 0),
  message('täst/x', '0'),
  { type: 'puback', packetId: 2 },
  message('täst/x', '1', { qos: 1, packetId: 1 }),
  { type: 'pubrec', packetId: 3 },
  message('täst/x', '2', { qos: 2, packetId: 2 }),
  { type: 'pubcomp', packetId: 3 },
  { type: 'unsuback', packetId: 4 },
  { type: 'pingresp' },
  { type: 'pubrel', packetId: 2 },
  'closed',
] as const;

test.each(transports)(
  'v3.1.1 [MQTT-7.1.1-1], v5 [MQTT-4.2.0-1] over $transport: packets may be cut anywhere, into single bytes too',
  async (over) => {
    for (const cutInto of [1, 2, 3, 7, 100]) await plays([4, 5], [['a', { cutInto, sends: conversation }, ...answers]])(over);
  },
);

test.each(transports)(
  'v3.1.1 [MQTT-7.1.1-1], v5 [MQTT-4.2.0-1] over $transport: all of a conversation may come in one chunk',
  plays([4, 5], [['a', conversation, ...answers]]),
);

const many = Array.from({ length: 2000 }, (_, index) => String(index));

test.each(transports)(
  'v3.1.1 [MQTT-4.6.0-6], v5 [MQTT-4.6.0-6] over $transport: many packets in one chunk arrive all and in order',
  plays([4, 5], [
    ['sub', connect('sub'), accepted],
    ['sub', subscribe(1, { t: 0 }), suback(1, 0)],
    ['pub', connect('pub'), accepted],
    ['pub', many.map((payload) => publish('t', payload))],
    ['sub', nothing, ...many.map((payload) => message('t', payload))],
  ]),
);

const large = 'large '.repeat(174_000); // 1,044,000 bytes, a little below the default limit of a packet

test.each(transports)(
  'v3.1.1 [MQTT-3.3.4-1], v5 [MQTT-3.3.4-1] over $transport: a payload of 1 MB arrives whole at every QoS',
  plays([4, 5], [
    ['sub', connect('sub'), accepted],
    ['sub', subscribe(1, { t: 2 }), suback(1, 2)],
    ['pub', connect('pub'), accepted],
    ['pub', publish('t', large)],
    ['sub', nothing, message('t', large)],
    ['pub', publish('t', large, { qos: 1, messageId: 1 }), { type: 'puback', packetId: 1 }],
    ['sub', nothing, message('t', large, { qos: 1, packetId: 1 })],
    ['pub', publish('t', large, { qos: 2, messageId: 2, retain: true }), { type: 'pubrec', packetId: 2 }],
    ['sub', nothing, message('t', large, { qos: 2, packetId: 2 })],
    ['late', connect('late'), accepted],
    ['late', subscribe(1, { t: 0 }), suback(1, 0), message('t', large, { retain: true })],
  ]),
);
