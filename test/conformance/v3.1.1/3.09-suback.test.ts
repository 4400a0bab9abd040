/** MQTT 3.1.1, chapter 3.9: SUBACK. */
import { expect, test } from '@jest/globals';
import type { AuthorizeAnswer } from '../../../src/index.js';
import { openRig, Questions } from '../../wire/rig.js';
import { client, expectOpen } from './support.js';

test('v3.1.1 [MQTT-3.9.3-1] return codes stand in the order of the filters', async () => {
  const questions = new Questions('subscribe');
  const rig = openRig({
    authorize: (asking, action): AuthorizeAnswer | Promise<AuthorizeAnswer> => (action.topic.startsWith('slow') ? questions.authorize(asking, action) : action.topic !== 'no'),
  });
  const sub = client(rig, 'c').subscribe([
    { topic: 'c', qos: 2 },
    { topic: 'no', qos: 2 },
    { topic: 'a', qos: 0 },
    { topic: 'slow/yes', qos: 1 },
    { topic: 'b', qos: 1 },
    { topic: 'slow/no', qos: 1 },
    { topic: 'd', qos: 2 },
  ]);
  expect(await questions.answerAll(rig, ({ action }) => action.topic === 'slow/yes')).toBe(2);
  expect(sub.receivedHex()).toBe('90 09 00 01 02 80 00 01 01 80 02');
});

// Method: a hook refuses with every number there is, and with what is no answer at all.
test('v3.1.1 [MQTT-3.9.3-2] there is no return code but 0x00, 0x01, 0x02 and 0x80', () => {
  let refused: AuthorizeAnswer = false;
  const rig = openRig({ authorize: () => refused });
  const sub = client(rig, 'c');
  for (let reasonCode = 0; reasonCode < 256; reasonCode += 1) {
    refused = { action: 'deny', reasonCode };
    expect(sub.subscribe('t', { packetId: 1, qos: 2 }).receivedHex()).toBe('90 03 00 01 80');
  }
  refused = false;
  expect(sub.subscribe('t', { packetId: 1 }).receivedHex()).toBe('90 03 00 01 80');
  expect(rig.stats.subscriptions).toBe(0);
  expectOpen(sub);
});

test('v3.1.1 [MQTT-3.9.3-2] nor for a quota, a wildcard or a shared subscription that is not to be had', () => {
  for (const [options, filter] of [
    [{ subscriptionsMax: 0 }, 't'],
    [{ wildcardSubscriptionAvailable: false }, 't/#'],
    [{ sharedSubscriptionAvailable: false }, '$share/g/t'],
  ] as const) {
    expect(client(openRig(options), 'c').subscribe(filter, { qos: 1 }).receivedHex()).toBe('90 03 00 01 80');
  }
});
