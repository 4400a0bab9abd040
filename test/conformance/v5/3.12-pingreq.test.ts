/** MQTT 5.0, chapters 3.12 and 3.13: PINGREQ and PINGRESP. */
import { expect, test } from '@jest/globals';
import { openRig, short } from '../../wire/rig.js';
import { client, subscriber } from './support.js';

test('v5 [MQTT-3.12.4-1] each PINGREQ gets a PINGRESP', () => {
  const sent = client(openRig(), 'c').sendsHex('c0 00');
  expect(sent.receivedHex()).toBe('d0 00');
  expect(sent.sendsHex('c0 00 c0 00 c0 00').receivedHex()).toBe('d0 00 d0 00 d0 00');
});

test('v5 [MQTT-3.12.4-1] also while nothing more may be sent at QoS 1 and 2, nor received', () => {
  const rig = openRig({ receiveMaximum: 1 });
  const sent = subscriber(rig, 'c', 't', 1, { properties: { receiveMaximum: 1 } });
  const publisher = client(rig, 'pub');
  for (const payload of ['1', '2']) publisher.publish({ topic: 't', payload, qos: 1, packetId: 1 });
  sent.publish({ topic: 'x', qos: 2, packetId: 9 });
  expect(short(sent.received())).toEqual(['publish 1 1', 'pubrec 9 0x10']);
  expect(short(sent.pingreq().received())).toEqual(['pingresp']);
  expect(short(sent.puback(1).pingreq().received())).toEqual(['publish 1 2', 'pingresp']);
});
