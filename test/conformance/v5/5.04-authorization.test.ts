/** MQTT 5.0, chapter 5.4: authorization of clients by the server. */
import { expect, test } from '@jest/globals';
import type { Action, BrokerOptions } from '../../../src/index.js';
import { openRig, payloads, short } from '../../wire/rig.js';
import { client, expectOpen, expectRefused, open, qoses, resumable, subscriber } from './support.js';

/** Nobody may do `type` with what is below `secret`. */
const denying = (type: Action['type']): BrokerOptions => ({
  authorize: (_client, action) => action.type !== type || !action.topic.includes('secret'),
});

test('v5 [X5-5.4.2-1] a PUBLISH that is not allowed is refused and goes nowhere', () => {
  const rig = openRig(denying('publish'));
  const watcher = subscriber(rig, 'watcher', '#', 2);
  const publisher = client(rig, 'pub').publish({ topic: 'secret', payload: '0', retain: true });
  expect(short(publisher.publish({ topic: 'secret', payload: '1', qos: 1, retain: true }).received())).toEqual(['puback 1 0x87']);
  expect(short(publisher.publish({ topic: 'secret', payload: '2', qos: 2, retain: true }).received())).toEqual(['pubrec 2 0x87']);
  // An alias hides nothing.
  publisher.publish({ topic: 'secret', payload: '3', properties: { topicAlias: 1 } }).publish({ topic: '', payload: '4', properties: { topicAlias: 1 } });
  expect(short(publisher.publish({ topic: 'open', payload: 'x', qos: 1 }).received())).toEqual(['puback 3']);
  expect([payloads(watcher), rig.stats.retainedMessages]).toEqual([['x'], 0]);
  expectOpen(publisher);
});

test('v5 [X5-5.4.2-1] a SUBSCRIBE that is not allowed is refused, filter by filter', () => {
  const rig = openRig(denying('subscribe'));
  client(rig, 'pub').publish({ topic: 'a/secret', payload: 'kept', retain: true });
  const sub = client(rig, 'sub').subscribe(['open', 'a/secret', '$share/g/a/secret'], { qos: 1 });
  expect(short(sub.received())).toEqual(['suback 1 0x01 0x87 0x87']);
  client(rig, 'pub').publish({ topic: 'a/secret', payload: 'live' }).publish({ topic: 'open', payload: 'x' });
  expect([payloads(sub), rig.stats.subscriptions]).toEqual([['x'], 1]);
});

test('v5 [X5-5.4.2-1] a will that is not allowed refuses the CONNECT', () => {
  const rig = openRig(denying('will'));
  const watcher = subscriber(rig, 'watcher', '#');
  expectRefused(open(rig).connect({ clientId: 'a', will: { topic: 'secret', payload: 'bye' } }), 0x87);
  expect([watcher.received(), rig.stats.sessions]).toEqual([[], 1]);
  client(rig, 'a', { will: { topic: 'open', payload: 'bye' } }).drop();
  expect(payloads(watcher)).toEqual(['bye']);
});

test('v5 [X5-5.4.2-1] nor is one sent that is not allowed any more when it is due', () => {
  let allow = true;
  const rig = openRig({ authorize: (_client, { type }) => type !== 'will' || allow });
  const watcher = subscriber(rig, 'watcher', '#');
  const dead = client(rig, 'a', { will: { topic: 'w', payload: 'bye' } });
  allow = false;
  dead.drop();
  expect([watcher.received(), rig.dropped]).toEqual([[], ['publishDenied w a']]);
});

test.each(qoses)('v5 [X5-5.4.2-1] a wider filter brings nothing that may not be delivered: live, retained, queued, shared, at QoS %i', (qos) => {
  const rig = openRig({ ...denying('deliver'), queueQos0: true });
  resumable(rig, 'away').subscribe('a/#', { qos }).drop();
  const sub = subscriber(rig, 'sub', 'a/#', qos);
  const shared = subscriber(rig, 'shared', '$share/g/a/+', qos);
  const publisher = client(rig, 'pub');
  for (const topic of ['a/secret', 'a/open', 'a/secret/too']) publisher.publish({ topic, payload: topic, qos, retain: true });
  for (const reader of [sub, shared, resumable(rig, 'away'), client(rig, 'late').subscribe('#', { qos })]) expect(payloads(reader)).toEqual(['a/open']);
});

test('v5 [X5-5.4.2-1] what was sent is asked about anew before it is sent again', () => {
  let allow = true;
  const rig = openRig({ authorize: (_client, { type }) => type !== 'deliver' || allow });
  const sub = resumable(rig, 'sub').subscribe('t', { qos: 1 }).skip();
  client(rig, 'pub').publish({ topic: 't', payload: 'x', qos: 1 });
  expect(payloads(sub)).toEqual(['x']);
  allow = false;
  sub.drop();
  expect(payloads(resumable(rig, 'sub'))).toEqual([]);
});
