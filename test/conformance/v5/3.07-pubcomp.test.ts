/** MQTT 5.0, chapter 3.7: PUBCOMP. */
import { expect, test } from '@jest/globals';
import type { AuthorizeAnswer } from '../../../src/index.js';
import { openRig, short } from '../../wire/rig.js';
import { expectCodes, expectLeftOut, releaseCodes, sentPubrel, tiny } from './acks.js';
import { client, resumable } from './support.js';

test('v5 [MQTT-3.7.2-1] PUBCOMP from a client has Reason Code 0x00 or 0x92; any other is a protocol error', () => {
  // Either settles the message.
  expectCodes(0x70, sentPubrel, releaseCodes, ({ rig }) => expect(rig.stats.inflightMessages).toBe(0));
});

test('v5 [MQTT-3.7.2-1] the broker’s own PUBCOMP has 0x00 for an identifier that it knows, 0x92 for one that it does not', () => {
  const rig = openRig({ authorize: (_client, { topic }): AuthorizeAnswer => topic !== 'no' });
  let publisher = resumable(rig, 'pub').publish({ topic: 't', qos: 2, packetId: 1 }).publish({ topic: 't', qos: 2, packetId: 2 });
  // A QoS 1 identifier, and one whose PUBLISH was refused, wait for no PUBREL.
  publisher.publish({ topic: 't', qos: 1, packetId: 3 }).publish({ topic: 'no', qos: 2, packetId: 4 }).skip();
  publisher.pubrel(1).pubrel(1).pubrel(3).pubrel(4);
  expect(short(publisher.received())).toEqual(['pubcomp 1', 'pubcomp 1 0x92', 'pubcomp 3 0x92', 'pubcomp 4 0x92']);
  // Known as long as its session is.
  publisher.drop();
  publisher = resumable(rig, 'pub').pubrel(2).pubrel(2);
  expect(short(publisher.received())).toEqual(['pubcomp 2', 'pubcomp 2 0x92']);
  publisher.publish({ topic: 't', qos: 2, packetId: 5 }).drop();
  expect(short(client(rig, 'pub').pubrel(5).received())).toEqual(['pubcomp 5 0x92']);
});

test('v5 [MQTT-3.7.2-2] PUBCOMP has no Reason String that would make it larger than the client’s Maximum Packet Size', () => {
  expectLeftOut('reasonString', { type: 7, packetId: 1, reasonCode: 0x92, properties: {} });
  expect(tiny(openRig()).pubrel(7).receivedHex()).toBe('70 03 00 07 92');
});

test('v5 [MQTT-3.7.2-3] PUBCOMP has no User Property that would make it larger than the client’s Maximum Packet Size', () => {
  expectLeftOut('userProperties', { type: 7, packetId: 1, reasonCode: 0x92, properties: {} });
  expect(tiny(openRig()).pubrel(7, 0, { userProperties: [['k', 'v']] }).receivedHex()).toBe('70 03 00 07 92');
});
