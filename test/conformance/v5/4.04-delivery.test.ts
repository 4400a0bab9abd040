/** MQTT 5.0, chapters 4.4 and 4.5: delivery that is retried, and what is delivered at all. */
import { describe, expect, test } from '@jest/globals';
import { House, waysDown } from '../../wire/house.js';
import { openRig, payloads, publishes, short } from '../../wire/rig.js';
import { client, qoses, resumable, subscriber } from './support.js';

test.each([...waysDown, 'reconnect'] as const)('v5 [MQTT-4.4.0-1] a resumed session is sent again what it has not acknowledged, under the same identifiers (%s)', async (how) => {
  const house = new House();
  const old = resumable(house.rig, 'sub').subscribe('#', { qos: 2 }).skip();
  const publisher = client(house.rig, 'pub');
  for (const [payload, qos] of [['1', 1], ['2', 2], ['3', 1], ['4', 2], ['5', 2], ['6', 2]] as const) publisher.publish({ topic: 't', payload, qos });
  expect(short(old.received())).toEqual([1, 2, 3, 4, 5, 6].map((id) => `publish ${id} ${id}`));
  // 1 is settled, 2 is released, 6 is done with; 3, 4 and 5 wait.
  old.puback(1).pubrec(2).pubrec(6).pubcomp(6).drop();
  const rig = how === 'reconnect' ? house.rig : await house[how]();
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

test('v5 [MQTT-4.4.0-1] so it does at a take-over; Clean Start 1 sends nothing again', () => {
  const rig = openRig();
  const old = resumable(rig, 'sub').subscribe('#', { qos: 2 }).skip();
  client(rig, 'pub').publish({ topic: 't', payload: '1', qos: 1 }).publish({ topic: 't', payload: '2', qos: 2 });
  old.skip().pubrec(2).skip();
  expect(short(resumable(rig, 'sub').received()).toSorted()).toEqual(['publish 1 1', 'pubrel 2']);
  expect(client(rig, 'sub').received()).toEqual([]);
});

test('v5 [MQTT-4.4.0-1] nothing is sent again while the connection stands, however long', () => {
  const rig = openRig();
  const sub = resumable(rig, 'sub').subscribe('#', { qos: 2 }).skip();
  const publisher = client(rig, 'pub');
  for (const qos of [1, 2, 2] as const) publisher.publish({ topic: 't', qos });
  sub.skip().pubrec(3).skip();
  for (let day = 0; day < 400; day += 1) rig.clock.advance(86_400_000);
  publisher.publish({ topic: 't', payload: 'new', qos: 1 });
  expect(short(sub.pingreq().received())).toEqual(['publish 4 new', 'pingresp']);
});

describe('an acknowledgement with an error', () => {
  test.each([0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99])('v5 [MQTT-4.4.0-2] %i counts as one: nothing is sent again, identifier and quota are free', (reasonCode) => {
    for (const qos of [1, 2] as const) {
      const rig = openRig();
      const narrow = { properties: { receiveMaximum: 1 } };
      const sub = resumable(rig, 'sub', narrow).subscribe('t', { qos: 2 }).skip();
      const publisher = client(rig, 'pub');
      for (const payload of ['1', '2', '3']) publisher.publish({ topic: 't', payload, qos });
      const refuse = (): typeof sub => (qos === 1 ? sub.puback(1, reasonCode) : sub.pubrec(1, reasonCode));
      expect(payloads(sub)).toEqual(['1']);
      const [next, ...more] = refuse().received();
      expect([next, more]).toMatchObject([{ type: 'publish', payload: '2', dup: false, packetId: 1 }, []]);
      sub.drop();
      const again = resumable(rig, 'sub', narrow);
      expect(short(again.received())).toEqual(['publish 1 2']);
      expect(rig.stats).toMatchObject({ inflightMessages: 1, queuedMessages: 1 });
    }
  });

  test('v5 [MQTT-4.4.0-2] below 0x80 QoS 2 goes on', () => {
    const rig = openRig();
    const sub = resumable(rig, 'sub').subscribe('t', { qos: 2 }).skip();
    client(rig, 'pub').publish({ topic: 't', payload: '1', qos: 2 });
    expect(short(sub.skip().pubrec(1, 0x10).received())).toEqual(['pubrel 1']);
    sub.drop();
    expect(short(resumable(rig, 'sub').received())).toEqual(['pubrel 1']);
  });
});

test.each(qoses)('v5 [MQTT-4.5.0-1] a message of QoS %i goes to every session with a matching subscription, online and away', (qos) => {
  const rig = openRig({ queueQos0: true });
  const online = ['t', '#', '+', 't/#', '$share/g/t'].map((filter, index) => subscriber(rig, `online${index}`, filter, qos));
  const away = ['t', '#', '$share/h/t'].map((filter, index) => {
    const clientId = `away${index}`;
    resumable(rig, clientId).subscribe(filter, { qos }).drop();
    return [clientId, qos > 0 || !filter.startsWith('$share')] as const;
  });
  const others = ['u', 't/+', '$t'].map((filter, index) => subscriber(rig, `other${index}`, filter, qos));
  const publisher = subscriber(rig, 'pub', 't', qos);
  publisher.publish({ topic: 't', payload: 'x', qos });
  for (const sub of [...online, publisher]) expect(publishes(sub)).toMatchObject([{ payload: 'x', qos }]);
  for (const [clientId, kept] of away) expect(payloads(resumable(rig, clientId))).toEqual(kept ? ['x'] : []);
  expect(others.map(payloads)).toEqual([[], [], []]);
});
