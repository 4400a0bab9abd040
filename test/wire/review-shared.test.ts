/** Shared groups at their edges: members that freeze, leave, come back, and groups that end and begin again. */
import { expect, test } from '@jest/globals';
import { memoryStorage } from '../../src/index.js';
import { numbered, openRig, payloads, short } from './rig.js';

test('what a member holds of a group that ended takes nothing from a later group of that filter', async () => {
  const storage = memoryStorage();
  const rig = openRig({ storage });
  const first = rig.resumable('first').subscribe('$share/g/t', { qos: 1 }).skip();
  const publisher = rig.client('pub').publish({ topic: 't', payload: 'old', qos: 1 });
  expect(short(first.received())).toEqual(['publish 1 old']);
  first.unsubscribe('$share/g/t'); // the group ends, its message stays in flight
  rig.resumable('second').subscribe('$share/g/t', { qos: 1 }).disconnect();
  publisher.publish({ topic: 't', payload: 'new', qos: 1 });
  first.puback(1);
  await rig.close();
  const next = openRig({ storage });
  expect(payloads(next.resumable('second'))).toEqual(['new']);
});

test('QoS 0 for a member whose window is full does not pile up behind it', () => {
  const rig = openRig({ authorize: () => true, queueMessagesMax: 10 });
  const member = rig.client('a', { properties: { receiveMaximum: 1 } }).subscribe('$share/g/#', { qos: 0 }).subscribe('own', { qos: 1 }).skip();
  const publisher = rig.client('pub');
  for (const payload of numbered(3)) publisher.publish({ topic: 'own', payload, qos: 1 });
  const before = payloads(member);
  for (const payload of numbered(100)) publisher.publish({ topic: 'shared', payload });
  const now = payloads(member);
  expect(before).toContain('1');
  expect(now).toEqual(numbered(100));
  expect(rig.stats).toMatchObject({ queuedMessages: 2 });
});

test('a member that leaves with thousands of messages in its hands gives them all back', () => {
  const rig = openRig({ queueMessagesMax: 200_000, inflightMax: 65_535 });
  const first = rig.client('first').subscribe('$share/g/t', { qos: 1 }).skip();
  const publisher = rig.client('pub', { properties: {} });
  const bytes = Buffer.from('32 07 00 01 74 00 01 00 78'.replaceAll(' ', ''), 'hex');
  for (let sent = 0; sent < 60; sent += 1) publisher.sendsBytes(Buffer.concat(Array.from({ length: 1000 }, () => bytes)));
  const second = rig.client('second').subscribe('$share/g/t', { qos: 1 }).skip();
  first.drop();
  expect(rig.stats).toMatchObject({ inflightMessages: 60_000, queuedMessages: 0 });
  second.drop();
  expect(rig.stats).toMatchObject({ inflightMessages: 0, queuedMessages: 0, queuedBytes: 0, memoryBytes: 0 });
});

test('a message refused to the one member that is online waits for nobody, also when the other leaves', () => {
  const rig = openRig({ authorize: ({ id }, { type, topic }) => type !== 'deliver' || id !== 'a' || topic !== 'secret' });
  const a = rig.client('a').subscribe('$share/g/#', { qos: 1 }).skip();
  const b = rig.client('b').subscribe('$share/g/#', { qos: 1 }).skip();
  const publisher = rig.client('pub');
  publisher.publish({ topic: 'secret', payload: '1', qos: 1 });
  expect(payloads(b)).toEqual(['1']);
  b.drop(); // its message is given back, and a may not have it
  publisher.publish({ topic: 'open', payload: '2', qos: 1 });
  expect(payloads(a)).toEqual(['2']);
  expect(rig.stats.queuedMessages).toBe(0);
});

test('No Local of a publisher does not keep its message from its shared group', () => {
  const rig = openRig();
  const client = rig.client('a').subscribe('t', { qos: 1, nl: true }).subscribe('$share/g/t', { qos: 1 }).skip();
  expect(short(client.publish({ topic: 't', payload: 'x', qos: 1, packetId: 9 }).received())).toEqual(['puback 9', 'publish 1 x']);
});
