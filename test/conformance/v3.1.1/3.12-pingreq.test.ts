/** MQTT 3.1.1, chapter 3.12: PINGREQ. */
import { expect, test } from '@jest/globals';
import { openRig } from '../../wire/rig.js';
import { client } from './support.js';

test('v3.1.1 [MQTT-3.12.4-1] each PINGREQ gets a PINGRESP', () => {
  const sent = client(openRig(), 'c').sendsHex('c0 00');
  expect(sent.receivedHex()).toBe('d0 00');
  expect(sent.sendsHex('c0 00 c0 00 c0 00').receivedHex()).toBe('d0 00 d0 00 d0 00');
});
