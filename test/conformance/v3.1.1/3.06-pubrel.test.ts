/** MQTT 3.1.1, chapter 3.6: PUBREL. */
import { expect, test } from '@jest/globals';
import { lateBroker } from '../../support/late-broker.js';
import { openRig, short } from '../../wire/rig.js';
import { client, expectClosed, resumable, subscriber } from './support.js';

const wrong = Array.from({ length: 16 }, (_, flags) => 0x60 | flags).filter((first) => first !== 0x62);

test('v3.1.1 [MQTT-3.6.1-1] PUBREL with flags other than 0010 is malformed and closes', () => {
  expect(wrong).toHaveLength(15);
  for (const first of wrong) {
    const sent = client(openRig(), 'c').publish({ topic: 't', qos: 2, packetId: 1 }).skip();
    expectClosed(sent.sendsBytes(Buffer.of(first, 2, 0, 1)));
    expectClosed(client(openRig(), 'c').sendsBytes(Buffer.of(first))); // at its first byte
  }
  const legal = client(openRig(), 'c').publish({ topic: 't', qos: 2, packetId: 1 }).skip().sendsHex('62 02 0001');
  expect(short(legal.received())).toEqual(['pubcomp 1']);
});

test('v3.1.1 [MQTT-3.6.1-1] the broker’s own PUBREL has flags 0010, first, repeated, unsolicited and after a reconnect', () => {
  const rig = openRig();
  const live = subscriber(rig, 'live', 't', 2);
  const lasting = resumable(rig, 'lasting').subscribe('t', { qos: 2 }).skip();
  client(rig, 'pub').publish({ topic: 't', payload: 'x', qos: 2 });
  for (const sub of [live, lasting]) {
    expect(sub.skip().pubrec(1).receivedHex()).toBe('62 02 00 01');
    expect(sub.pubrec(1).receivedHex()).toBe('62 02 00 01');
    expect(sub.pubrec(700).receivedHex()).toBe('62 02 02 bc');
  }
  lasting.drop();
  expect(resumable(rig, 'lasting').receivedHex()).toBe('62 02 00 01');
});

test('v3.1.1 [MQTT-3.6.1-1] so has one that had to wait for the store', () => {
  const late = lateBroker();
  const sub = late.client({ protocolVersion: 4 }).connect({ clientId: 'sub', clean: false });
  late.commit();
  sub.subscribe('t', { qos: 2 });
  late.client({ protocolVersion: 4 }).connected({ clientId: 'pub' }).publish({ topic: 't', payload: 'x', qos: 2 });
  late.commit();
  sub.skip().pubrec(1);
  expect(sub.receivedHex()).toBe('');
  late.commit();
  expect(sub.receivedHex()).toBe('62 02 00 01');
});
