/** MQTT 3.1.1, chapter 3.2: CONNACK. */
import { expect, test } from '@jest/globals';
import { memoryStorage } from '../../../src/index.js';
import { openRig, short } from '../../wire/rig.js';
import { accepted, client, connecting, open, resumable } from './support.js';

const resumed = '20 02 01 00';

test('v3.1.1 [MQTT-3.2.0-1] CONNACK is the first packet, whatever a resumed session has to say', () => {
  const rig = openRig();
  const sub = resumable(rig, 'a').subscribe('t', { qos: 2 }).skip();
  const publisher = client(rig, 'pub');
  publisher.publish({ topic: 't', payload: 'in flight', qos: 1 }).publish({ topic: 't', payload: 'released', qos: 2 });
  sub.skip().pubrec(2).drop();
  publisher.publish({ topic: 't', payload: 'queued', qos: 1 });
  const again = open(rig).connect({ clientId: 'a', clean: false });
  const [first, ...rest] = short(again.received());
  expect(first).toBe('connack');
  expect(rest.toSorted()).toEqual(['publish 1 in flight', 'publish 3 queued', 'pubrel 2']);
  // The same at a take-over, with requests already behind the CONNECT.
  const third = open(rig).connect({ clientId: 'a', clean: false }).pingreq();
  expect(short(third.received())[0]).toBe('connack');
});

test('v3.1.1 [MQTT-3.2.2-1] CleanSession 1: Session Present 0 and return code 0, even if a session was stored', () => {
  const rig = openRig();
  expect(open(rig).connect({ clientId: 'a', clean: true }).receivedHex()).toBe(accepted);
  resumable(rig, 'a').disconnect();
  expect(open(rig).connect({ clientId: 'a', clean: true }).receivedHex()).toBe(accepted);
});

test('v3.1.1 [MQTT-3.2.2-2] CleanSession 0 with a stored session: Session Present 1', async () => {
  const storage = memoryStorage();
  const rig = openRig({ storage });
  resumable(rig, 'a').disconnect();
  const second = open(rig).connect({ clientId: 'a', clean: false });
  expect(second.receivedHex()).toBe(resumed);
  expect(open(rig).connect({ clientId: 'a', clean: false }).receivedHex()).toBe(resumed); // at a take-over
  await rig.close();
  const later = openRig({ storage });
  expect(open(later).connect({ clientId: 'a', clean: false }).receivedHex()).toBe(resumed);
});

test('v3.1.1 [MQTT-3.2.2-3] without a stored session: Session Present 0 and return code 0', () => {
  const rig = openRig();
  expect(open(rig).connect({ clientId: 'a', clean: false }).receivedHex()).toBe(accepted);
  client(rig, 'b', { clean: true }).disconnect();
  expect(open(rig).connect({ clientId: 'b', clean: false }).receivedHex()).toBe(accepted);
});

const refusals = [[0x84, 1], [0x85, 2], [0x88, 3], [0x86, 4], [0x87, 5]] as const; // prettier-ignore

test.each(refusals)('v3.1.1 [MQTT-3.2.2-4] a refusal (%i) has Session Present 0, also while a session exists', (reasonCode, returnCode) => {
  let allow = true;
  const rig = openRig({ authenticate: () => allow || { action: 'deny', reasonCode } });
  resumable(rig, 'a').disconnect();
  allow = false;
  for (const clean of [false, true]) expect(open(rig).connect({ clientId: 'a', clean }).receivedHex()).toBe(`20 02 00 0${returnCode}`);
  allow = true;
  expect(open(rig).connect({ clientId: 'a', clean: false }).receivedHex()).toBe(resumed);
});

test.each(refusals)('v3.1.1 [MQTT-3.2.2-5] after a refusal (%i) the connection is closed', (reasonCode, returnCode) => {
  const rig = openRig({ authenticate: () => ({ action: 'deny', reasonCode }) });
  const refused = open(rig, { halfOpen: true }).connect({ clientId: 'a' });
  expect([refused.receivedHex(), refused.ended]).toEqual([`20 02 00 0${returnCode}`, true]);
  refused.publish({ topic: 't', payload: 'x', retain: true });
  rig.clock.advance(rig.broker.options.closeGraceSeconds * 1000);
  expect(refused.closed).toBe(true);
  expect(rig.stats).toMatchObject({ connections: 0, retainedMessages: 0 });
});

/** Return codes by 5.0 reason code of a hook; the others close without CONNACK. */
const returnCodes: Readonly<Record<number, number>> = {
  0x84: 1, 0x85: 2, 0x86: 4, 0x87: 5, 0x88: 3, 0x89: 3, 0x8a: 5, 0x97: 3, 0x9c: 3, 0x9d: 3, 0x9f: 3,
}; // prettier-ignore

// Method: a hook refuses with each code that a CONNACK of 5.0 has.
test('v3.1.1 [MQTT-3.2.2-6] a refusal for which there is no return code is a close without CONNACK', () => {
  const codes = [0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90, 0x95, 0x97, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9f];
  for (const reasonCode of codes) {
    const refused = open(openRig({ authenticate: () => ({ action: 'deny', reasonCode }) })).connect({ clientId: 'a' });
    const returnCode = returnCodes[reasonCode];
    expect([reasonCode, refused.receivedHex(), refused.closed]).toEqual([reasonCode, returnCode === undefined ? '' : `20 02 00 0${returnCode}`, true]);
  }
  expect(codes.filter((code) => returnCodes[code] === undefined)).toHaveLength(10);
});

test('v3.1.1 [MQTT-3.2.2-6] so is a hook that fails, a will that may not be, and a capability that is missing', async () => {
  const will = { topic: 'w', payload: 'x', qos: 1 } as const;
  const failing = openRig({ authenticate: () => Promise.reject(new Error('broken')) });
  const sent = open(failing).connect({ clientId: 'a' });
  await failing.settle();
  expect([sent.receivedHex(), sent.closed]).toEqual(['', true]);
  const without = open(openRig({ maximumQoS: 0 })).connect({ clientId: 'a', will });
  expect([without.receivedHex(), without.closed]).toEqual(['', true]);
  const denied = open(openRig({ authorize: () => ({ action: 'deny', reasonCode: 0x99 }) })).connect({ clientId: 'a', will });
  expect([denied.receivedHex(), denied.closed]).toEqual(['', true]);
  // Where one fits, it is used.
  const bad = openRig({ authenticate: () => false });
  expect(connecting(bad, {}).receivedHex()).toBe('20 02 00 05');
});
