/** What a client must not send, over every transport: 5.0 is told the reason before the connection closes. */
import { test } from '@jest/globals';
import { transports } from './client.js';
import { accepted, connect, ends, message, plays, publish, suback, subscribe, type Step } from './play.js';

/** A connected client sends it and is closed for this reason; another client does not notice. */
const wrong = (hex: string, reasonCode: number): readonly Step[] => [
  ['other', connect('other'), accepted],
  ['other', subscribe(1, { '#': 2 }), suback(1, 2)],
  ['a', connect('a'), accepted],
  ['a', hex, ends(reasonCode)],
];

test.each(transports)(
  'v3.1.1 [MQTT-2.2.2-2], v5 [MQTT-2.1.3-1] over $transport: reserved flags of a fixed header close the connection',
  plays([4, 5], wrong('c1 00', 0x81)),
);

test.each(transports)(
  'v3.1.1 [MQTT-3.6.1-1], v5 [MQTT-3.6.1-1] over $transport: so do those of PUBREL',
  plays([4, 5], wrong('60 02 0001', 0x81)),
);

test.each(transports)(
  'v3.1.1 [MQTT-3.3.1-4], v5 [MQTT-3.3.1-4] over $transport: QoS 3 closes the connection',
  plays([4, 5], wrong('36 06 0001 74 0001 78', 0x81)),
);

test.each(transports)(
  'v3.1.1 [MQTT-1.5.3-1], v5 [MQTT-1.5.4-1] over $transport: an ill-formed string closes the connection',
  plays([4, 5], wrong('30 05 0003 eda080', 0x81)),
);

test.each(transports)(
  'v3.1.1 [MQTT-3.3.2-2] over $transport: a wildcard in a Topic Name closes the connection',
  plays([4], wrong('30 04 0001 23 78', 0)),
);

test.each(transports)(
  'v5 [MQTT-3.3.2-2] over $transport: a wildcard in a Topic Name is answered with 0x90, and closed',
  plays([5], wrong('30 05 0001 23 00 78', 0x90)),
);

test.each(transports)(
  'v3.1.1 [MQTT-3.8.3-3], v5 [MQTT-3.8.3-2] over $transport: a SUBSCRIBE without a filter closes the connection',
  async (over) => {
    await plays([4], wrong('82 02 0001', 0x82))(over);
    await plays([5], wrong('82 03 0001 00', 0x82))(over);
  },
);

test.each(transports)(
  'v5 [X5-1.5.5-1] over $transport: a Remaining Length that does not end with its fourth byte closes the connection',
  plays([4, 5], wrong('30 ffffffff', 0x81)),
);

test.each(transports)(
  'v5 [X5-2.1.2-1] over $transport: a packet type that only a server may send closes the connection',
  plays([4, 5], wrong('d0 00', 0x82)),
);

test.each(transports)(
  'v5 [X5-2.2.2.2-3] over $transport: a property given twice closes the connection',
  plays([5], wrong('30 08 0001 74 04 0101 0101', 0x82)),
);

test.each(transports)(
  'v3.1.1 [MQTT-4.8.0-1], v5 [MQTT-4.13.1-1] [X5-4.13.1-1] over $transport: what came before the error is served, what comes behind it is not',
  plays([4, 5], [
    ['other', connect('other'), accepted],
    ['other', subscribe(1, { '#': 0 }), suback(1, 0)],
    ['a', connect('a'), accepted],
    ['a', [publish('t', 'before'), 'c1 00', publish('t', 'behind')], ends(0x81)],
    ['other', [], message('t', 'before')],
  ]),
);

// Method: a packet one byte above the limit, a small one, and one whose body is far longer than buffers of the system are.
test.each(transports)(
  'v5 [MQTT-3.2.2-15] over $transport: a packet above the announced maximum closes the connection, which gets to read why',
  plays(
    [4, 5],
    [
      ['other', connect('other'), accepted],
      ['other', subscribe(1, { '#': 0 }), suback(1, 0)],
      ['a', connect('a'), accepted],
      ['a', { cutInto: 900, sends: [Buffer.from('30e7070001', 'hex'), Buffer.alloc(997, 't')] }, ends(0x95)],
      ['b', connect('b'), accepted],
      ['b', { cutInto: 900, sends: [publish('t', 'x'.repeat(2_000_000))] }, ends(0x95)],
    ],
    { packetBytesMax: 1000 },
  ),
);
