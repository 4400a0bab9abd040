/** MQTT 3.1.1, chapters 4.4 and 4.5: delivery that is retried, and what is delivered at all. */
import { expect, test } from '@jest/globals';
import { openRig, payloads, publishes, short } from '../../wire/rig.js';
import { client, qoses, resumable, subscriber } from './support.js';

test('v3.1.1 [MQTT-4.4.0-1] a resumed session sends again what was not acknowledged, under the same identifiers', () => {
  const rig = openRig();
  const old = resumable(rig, 'sub').subscribe('#', { qos: 2 }).skip();
  const publisher = client(rig, 'pub');
  for (const [payload, qos] of [['1', 1], ['2', 2], ['3', 1], ['4', 2], ['5', 2], ['6', 2]] as const) publisher.publish({ topic: 't', payload, qos });
  expect(short(old.received())).toEqual([1, 2, 3, 4, 5, 6].map((id) => `publish ${id} ${id}`));
  // 1 is settled, 2 is released, 6 is done with; 3, 4 and 5 wait.
  old.puback(1).pubrec(2).pubrec(6).pubcomp(6).drop();
  for (let round = 0; round < 2; round += 1) {
    const again = resumable(rig, 'sub');
    const sent = again.received();
    expect(short(sent).filter((packet) => packet.startsWith('publish'))).toEqual(['publish 3 3', 'publish 4 4', 'publish 5 5']);
    expect(short(sent).filter((packet) => packet.startsWith('pubrel'))).toEqual(['pubrel 2']);
    expect(sent).toHaveLength(4);
    for (const { type, dup } of sent) if (type === 'publish') expect(dup).toBe(true);
    again.drop();
  }
  const last = resumable(rig, 'sub').skip().pubcomp(2).puback(3);
  expect(short(last.pubrec(4).pubrec(5).received())).toEqual(['pubrel 4', 'pubrel 5']);
  last.pubcomp(4).pubcomp(5).drop();
  expect(resumable(rig, 'sub').received()).toEqual([]);
});

test('v3.1.1 [MQTT-4.4.0-1] so it does at a take-over; CleanSession 1 sends nothing again', () => {
  const rig = openRig();
  const old = resumable(rig, 'sub').subscribe('#', { qos: 2 }).skip();
  client(rig, 'pub').publish({ topic: 't', payload: '1', qos: 1 }).publish({ topic: 't', payload: '2', qos: 2 });
  old.skip().pubrec(2).skip();
  expect(short(resumable(rig, 'sub').received()).toSorted()).toEqual(['publish 1 1', 'pubrel 2']);
  expect(client(rig, 'sub').received()).toEqual([]);
});

test.each(qoses)('v3.1.1 [MQTT-4.5.0-1] a message of QoS %i goes to every session with a matching subscription, online and away', (qos) => {
  const rig = openRig({ queueQos0: true });
  const online = ['t', '#', '+', 't/#'].map((filter, index) => subscriber(rig, `online${index}`, filter, qos));
  const away = ['t', '#'].map((filter, index) => {
    const clientId = `away${index}`;
    resumable(rig, clientId).subscribe(filter, { qos }).drop();
    return clientId;
  });
  const others = ['u', 't/+', '$t'].map((filter, index) => subscriber(rig, `other${index}`, filter, qos));
  const publisher = subscriber(rig, 'pub', 't', qos);
  publisher.publish({ topic: 't', payload: 'x', qos });
  for (const sub of [...online, publisher, ...away.map((clientId) => resumable(rig, clientId))]) expect(publishes(sub)).toMatchObject([{ payload: 'x', qos }]);
  expect(others.map(payloads)).toEqual([[], [], []]);
});
