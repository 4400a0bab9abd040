/** MQTT 3.1.1, chapter 4.1: how long the state of a session is kept. */
import { expect, test } from '@jest/globals';
import { memoryStorage } from '../../../src/index.js';
import { openRig, payloads, publishes, short } from '../../wire/rig.js';
import { client, expectOpen, open, resumable, subscriber } from './support.js';

// Method: one of everything that a session holds, a broker that is closed, and another one on the same store.
test('v3.1.1 [MQTT-4.1.0-1] all of a session survives the broker in its store, and any time', async () => {
  const storage = memoryStorage();
  const first = openRig({ storage });
  const old = resumable(first, 'a').subscribe([{ topic: 't', qos: 2 }, { topic: 'gone', qos: 1 }], { packetId: 10 }).unsubscribe('gone', { packetId: 11 });
  old.publish({ topic: 'other', payload: 'once', qos: 2, packetId: 9 }).skip();
  const publisher = client(first, 'pub');
  publisher.publish({ topic: 't', payload: '1', qos: 1 }).publish({ topic: 't', payload: '2', qos: 2 }).publish({ topic: 't', payload: '3', qos: 2 });
  expect(payloads(old)).toEqual(['1', '2', '3']);
  expect(short(old.pubrec(2).received())).toEqual(['pubrel 2']);
  old.drop();
  publisher.publish({ topic: 't', payload: '4', qos: 1 });
  first.clock.advance(365 * 86_400_000);
  await first.close();

  const second = openRig({ storage });
  second.clock.advance(365 * 86_400_000);
  const watcher = subscriber(second, 'watcher', 'other', 2);
  const again = open(second).connect({ clientId: 'a', clean: false });
  const [connack, ...sent] = again.received();
  expect(connack).toMatchObject({ sessionPresent: true });
  expect(short(sent).toSorted()).toEqual(['publish 1 1', 'publish 3 3', 'publish 4 4', 'pubrel 2']);
  expect(publishes(again)).toEqual([]);
  // The QoS 2 identifier that was not released is still known, the other filter is still gone.
  expect(short(again.publish({ topic: 'other', payload: 'once', qos: 2, packetId: 9, dup: true }).received())).toEqual(['pubrec 9']);
  expect(watcher.received()).toEqual([]);
  client(second, 'pub').publish({ topic: 't', payload: '5', qos: 0 }).publish({ topic: 'gone', payload: 'x', qos: 1 });
  expect(payloads(again)).toEqual(['5']);
});

test.each([true, false])('v3.1.1 [MQTT-4.1.0-2] a session lasts as long as its connection, whatever limit there is (CleanSession %s)', (clean) => {
  const rig = openRig({ sessionExpirySecondsMax: 1 });
  const sub = client(rig, 'sub', { clean }).subscribe('t', { qos: 1 }).skip();
  for (let day = 0; day < 400; day += 1) rig.clock.advance(86_400_000);
  expectOpen(sub);
  client(rig, 'pub').publish({ topic: 't', payload: 'x', qos: 1 });
  expect(payloads(sub)).toEqual(['x']);
  expect(rig.stats).toMatchObject({ sessions: 2, sessionsExpired: 0 });
});

test('v3.1.1 [MQTT-4.1.0-2] a session that was taken up again in time does not expire under its new connection', () => {
  const rig = openRig({ sessionExpirySecondsMax: 10 });
  resumable(rig, 'sub').subscribe('t', { qos: 1 }).skip().drop();
  rig.clock.advance(9000);
  const sub = resumable(rig, 'sub');
  rig.clock.advance(3_600_000);
  client(rig, 'pub').publish({ topic: 't', payload: 'x', qos: 1 });
  expect(payloads(sub)).toEqual(['x']);
});
