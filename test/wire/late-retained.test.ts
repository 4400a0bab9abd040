/** Retained messages that are read late: complete, at the client's pace, and never an old value after a new one. */
import { describe, expect, test } from '@jest/globals';
import { answerMs, lateBroker, type LateBroker } from '../support/late-broker.js';
import type { LateStorageOptions } from '../../src/testing/late-storage.js';

function retainedBroker(payloads: Readonly<Record<string, string>>, late: LateStorageOptions = {}): LateBroker {
  const rig = lateBroker({}, late);
  const host = rig.client().connected({ clientId: 'host' });
  for (const [topic, payload] of Object.entries(payloads)) host.publish({ topic, payload, retain: true });
  rig.commit();
  return rig;
}

describe.each(['asked', 'answered'] as const)('a store that shows what it had when it %s', (readAt) => {
  test('v5 [MQTT-3.3.1-9] all that match arrive, page after page', () => {
    const topics = Array.from({ length: 200 }, (_, index) => `t/${index}`);
    const rig = retainedBroker(Object.fromEntries(topics.map((topic) => [topic, topic])), { readAt });
    const client = rig.client().connected({ clientId: 'a' }).subscribe('t/+', { qos: 1 });
    expect(client.received().map(({ type }) => type)).toEqual(['suback']);
    rig.clock.advance(10 * answerMs);
    const received = client.received();
    expect(received.every(({ retain }) => retain)).toBe(true);
    expect(received).toHaveLength(topics.length);
    expect(new Set(received.map(({ payload }) => payload))).toEqual(new Set(topics));
  });

  test.each([0, 1] as const)('a value published at QoS %i while the old one is read is not followed by the old one', (qos) => {
    const rig = retainedBroker({ t: 'old', u: 'stays' }, { readAt });
    const client = rig.client().connected({ clientId: 'a' }).subscribe('#', { qos: 1 });
    rig.clock.advance(answerMs / 2);
    rig.client().connected({ clientId: 'b' }).publish({ topic: 't', payload: 'new', qos, retain: true });
    rig.clock.advance(10 * answerMs);
    const messages = client.received().filter(({ type }) => type === 'publish');
    expect(messages.filter(({ topic }) => topic === 't').map(({ payload }) => payload)).toEqual(['new']);
    expect(messages.filter(({ topic }) => topic === 'u').map(({ payload }) => payload)).toEqual(['stays']);
  });

  test('v5 [MQTT-3.3.1-6] one that is cleared while it is read is not sent after the clear', () => {
    const rig = retainedBroker({ t: 'old' }, { readAt });
    const client = rig.client().connected({ clientId: 'a' }).subscribe('t');
    rig.clock.advance(answerMs / 2);
    rig.client().connected({ clientId: 'b' }).publish({ topic: 't', payload: '', retain: true });
    rig.clock.advance(10 * answerMs);
    expect(client.received().map(({ type, payload }) => [type, payload])).toEqual([
      ['suback', undefined],
      ['publish', ''],
    ]);
  });
});

test('one that waits for the client’s window is not sent after a newer value of its topic', () => {
  const rig = retainedBroker({ a: 'old', b: 'old' });
  const client = rig.client().connected({ clientId: 'c', properties: { receiveMaximum: 1 } });
  const host = rig.client().connected({ clientId: 'h' });
  // QoS 1 fills the window; what is retained waits behind it.
  for (const topic of ['a', 'b']) host.publish({ topic, payload: 'old', qos: 1, retain: true });
  rig.commit();
  client.subscribe(['a', 'b'], { qos: 1 });
  rig.clock.advance(10 * answerMs);
  const first = client.received().filter(({ type }) => type === 'publish');
  expect(first).toHaveLength(1);
  // QoS 0 does not wait for the window.
  host.publish({ topic: 'a', payload: 'new', retain: true }).publish({ topic: 'b', payload: 'new', retain: true });
  client.puback(1);
  rig.clock.advance(10 * answerMs);
  const waited = first[0]?.topic === 'a' ? 'b' : 'a';
  const later = client.received().filter(({ topic }) => topic === waited);
  expect(later.map(({ payload }) => payload)).toEqual(['new']);
});

test('v5 [MQTT-3.10.4-2] none is sent after UNSUBSCRIBE took effect', () => {
  const rig = retainedBroker({ t: 'x' });
  const client = rig.client().connected({ clientId: 'a' }).subscribe('t').unsubscribe('t');
  rig.clock.advance(10 * answerMs);
  expect(client.received().map(({ type }) => type)).toEqual(['suback', 'unsuback']);
});

test('a read that fails is an error event, and the client stays and gets what follows', () => {
  const rig = retainedBroker({ t: 'x' });
  const errors: unknown[] = [];
  rig.broker.on('error', (error) => errors.push(error));
  rig.storage.failNextLoad();
  const client = rig.client().connected({ clientId: 'a' }).subscribe('t');
  rig.clock.advance(10 * answerMs);
  rig.client().connected({ clientId: 'b' }).publish({ topic: 't', payload: 'live' });
  expect(client.received()).toMatchObject([{ type: 'suback' }, { type: 'publish', payload: 'live' }]);
  expect(errors).toMatchObject([{ code: 'ODN_ERR_STORAGE_READ' }]);
});
