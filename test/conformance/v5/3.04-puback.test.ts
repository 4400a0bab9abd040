/** MQTT 5.0, chapter 3.4: PUBACK, and the forms of all four acknowledgements. */
import { expect, test } from '@jest/globals';
import { lateBroker } from '../../support/late-broker.js';
import { packet } from '../../unit/packet/wire.js';
import { openRig, short } from '../../wire/rig.js';
import {
  allCodes,
  expectCodes,
  expectLeftOut,
  expectReasonLeftOut,
  gotPubrec,
  hookCodes,
  receiverCodes,
  refusedWith,
  sentPublish,
  sentPubrel,
  tiny,
} from './acks.js';
import type { Waiting } from './acks.js';
import { client, expectDisconnected, expectOpen, subscriber } from './support.js';

test('v5 [MQTT-3.4.2-1] PUBACK from a client has one of nine Reason Codes; any other is a protocol error', () => {
  // Each of the nine settles the message.
  expectCodes(0x40, () => sentPublish(1), receiverCodes, ({ rig }) => expect(rig.stats.inflightMessages).toBe(0));
});

test('v5 [MQTT-3.4.2-1] the broker’s own PUBACK has one of them, whatever code a hook answers', () => {
  for (const code of allCodes) {
    expect(refusedWith(code, 1).received()).toEqual([{ type: 'puback', packetId: 1, reasonCode: hookCodes.includes(code) ? code : 0x87 }]);
  }
});

test('v5 [MQTT-3.4.2-1] nor has it another for what the broker finds: success, nobody there, in use, quota', () => {
  const rig = openRig({ retainedMessagesMax: 0 });
  subscriber(rig, 'sub', 't', 1);
  const publisher = client(rig, 'pub').publish({ topic: 't', qos: 2, packetId: 9 }).skip();
  publisher.publish({ topic: 't', qos: 1, packetId: 1 }).publish({ topic: 'nobody', qos: 1, packetId: 2 });
  publisher.publish({ topic: 't', qos: 1, packetId: 9 }).publish({ topic: 't', payload: 'x', qos: 1, packetId: 3, retain: true });
  expect(short(publisher.received())).toEqual(['puback 1', 'puback 2 0x10', 'puback 9 0x91', 'puback 3 0x97']);
});

test('v5 [MQTT-3.4.2-2] PUBACK has no Reason String that would make it larger than the client’s Maximum Packet Size', () => {
  expectReasonLeftOut('puback');
});

test('v5 [MQTT-3.4.2-3] PUBACK has no User Property that would make it larger than the client’s Maximum Packet Size', () => {
  expectLeftOut('userProperties', { type: 4, packetId: 1, reasonCode: 0x87, properties: {} });
  const small = tiny(openRig({ authorize: () => ({ action: 'deny', userProperties: [['k', 'v'.repeat(100)]] }) }));
  expect(small.publish({ topic: 't', qos: 1, packetId: 1 }).receivedHex()).toBe('40 03 00 01 87');
});

// ---- The forms of PUBACK, PUBREC, PUBREL and PUBCOMP ----

interface Form {
  readonly name: string;
  readonly first: number;
  readonly waiting: () => Waiting;
  /** The second code of its list, where it is an answer like 0x00. */
  readonly other: string;
  /** What comes back. */
  readonly answer: string;
  /** Messages in flight behind it. */
  readonly inflight: number;
}

const forms: readonly Form[] = [
  { name: 'PUBACK', first: 0x40, waiting: () => sentPublish(1), other: '10', answer: '', inflight: 0 },
  { name: 'PUBREC', first: 0x50, waiting: () => sentPublish(2), other: '10', answer: '62 02 00 01', inflight: 1 },
  { name: 'PUBREL', first: 0x62, waiting: gotPubrec, other: '92', answer: '70 02 00 01', inflight: 0 },
  { name: 'PUBCOMP', first: 0x70, waiting: sentPubrel, other: '92', answer: '', inflight: 0 },
];

test.each(forms)('v5 [X5-3.4.2.1-1] $name of two bytes is 0x00; of three it has a code, of four and more properties as well', (form) => {
  const { first, waiting, other, answer, inflight } = form;
  for (const rest of ['', '00', other, '00 00', `${other} 00`, '00 05 1f 0002 6f6b', '00 07 26 0001 6b 0001 76']) {
    const { rig, client: sender } = waiting();
    expect(sender.sendsBytes(packet(first, `0001 ${rest}`)).receivedHex()).toBe(answer);
    expect(rig.stats.inflightMessages).toBe(inflight);
    expectOpen(sender);
  }
});

test.each(forms)('v5 [X5-3.4.2.1-1] $name cut within its identifier or its properties, or too long, is malformed', ({ first, waiting }) => {
  const cut = ['', '00', '0001 00 01', '0001 00 80', '0001 00 05 1f 0002 6f', '0001 00 00 00', '0001 00 05 1f 0002 6f6b 00', '0001 00 02 1f 0002 6f6b'];
  for (const body of cut) expectDisconnected(waiting().client.sendsBytes(packet(first, body)), 0x81);
});

test('v5 [X5-3.4.2.1-1] PUBREC of two bytes is success; with an error in the third there is no PUBREL', () => {
  const { rig, client: sub } = sentPublish(2);
  expect(sub.sendsHex('50 03 0001 80').receivedHex()).toBe('');
  expect(rig.stats.inflightMessages).toBe(0);
  expectOpen(sub);
});

test('v5 [X5-3.4.2.1-1] the broker uses the shortest: two bytes for 0x00, three for any other code', () => {
  const rig = openRig();
  const sub = subscriber(rig, 'sub', 't', 2);
  const publisher = client(rig, 'pub');
  const answers = ([topic, qos]: readonly [string, 1 | 2]): string => publisher.publish({ topic, qos, packetId: qos }).receivedHex();
  expect((([['t', 1], ['nobody', 1], ['t', 2]] as const).map(answers))).toEqual(['40 02 00 01', '40 03 00 01 10', '50 02 00 02']); // prettier-ignore
  expect([publisher.pubrel(2).receivedHex(), publisher.pubrel(2).receivedHex()]).toEqual(['70 02 00 02', '70 03 00 02 92']);
  expect(answers(['nobody', 2])).toBe('50 03 00 02 10');
  const { packetId = 0 } = sub.received().find(({ qos }) => qos === 2) ?? {};
  expect(sub.pubrec(packetId).receivedHex()).toBe(`62 02 00 0${packetId}`);
  expect(sub.pubrec(700).receivedHex()).toBe('62 03 02 bc 92');
});

test('v5 [X5-3.4.2.1-1] so it does with those that have to wait for the store', () => {
  const late = lateBroker();
  const lasting = { clean: false, properties: { sessionExpiryInterval: 3600 } };
  const sub = late.client().connect({ clientId: 'sub', ...lasting });
  const publisher = late.client().connect({ clientId: 'pub', ...lasting });
  late.commit();
  sub.subscribe('t', { qos: 2 });
  late.commit();
  publisher.skip().publish({ topic: 't', qos: 1, packetId: 1 }).publish({ topic: 't', qos: 2, packetId: 2 }).pubrel(2).pubrel(2);
  expect(publisher.receivedHex()).toBe('');
  late.commit();
  expect(publisher.receivedHex()).toBe('40 02 00 01 50 02 00 02 70 02 00 02 70 03 00 02 92');
  sub.skip().pubrec(2);
  expect(sub.receivedHex()).toBe('');
  late.commit();
  expect(sub.receivedHex()).toBe('62 02 00 02');
});
