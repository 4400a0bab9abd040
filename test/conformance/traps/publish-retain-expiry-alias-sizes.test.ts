/** Traps 30 to 33: sizes and texts of what is sent. */
import { describe, expect, test } from '@jest/globals';
import type { WireProperties } from '../../../src/testing/index.js';
import { packet, text } from '../../unit/packet/wire.js';
import { openRig, payloads, publishes, short, type Rig } from '../../wire/rig.js';
import { qoses, resumable } from '../v5/support.js';
import { expectServed, versions } from './support.js';

/** Publishes at QoS 1 from a client of its own, which leaves again; says what it was answered. */
function publish(rig: Rig, topic: string, payload: string, properties: WireProperties = {}, options: { qos?: 0 | 1 | 2; retain?: boolean } = {}): string[] {
  const pub = rig.client('pub').publish({ topic, payload, qos: 1, packetId: 1, properties, ...options });
  const answers = short(pub.received());
  pub.disconnect();
  return answers;
}

describe('Maximum Packet Size', () => {
  test.each(qoses)('trap 30: what is too large counts as delivered, at QoS %i: no close, no retry, no place of the window lost', (qos) => {
    const rig = openRig();
    const a = resumable(rig, 'a', { properties: { maximumPacketSize: 100, receiveMaximum: 1 } }).subscribe('t', { qos }).skip();
    for (let round = 0; round < 3; round += 1) publish(rig, 't', 'x'.repeat(100), {}, { qos });
    publish(rig, 't', 'fits', {}, { qos });
    expect(payloads(a)).toEqual(['fits']);
    expectServed(a);
    expect([rig.dropped, rig.stats.queuedMessages, rig.stats.inflightMessages]).toEqual([Array(3).fill('tooLarge t a'), 0, qos === 0 ? 0 : 1]);
    a.drop();
    expect(payloads(resumable(rig, 'a', { properties: { maximumPacketSize: 10_000 } }))).toEqual(qos === 0 ? [] : ['fits']);
  });

  test.each([1, 2] as const)('trap 30: it is looked at again on resume, where the new connection may allow less: QoS %i', (qos) => {
    const rig = openRig();
    const large = resumable(rig, 'a').subscribe('t', { qos }).skip();
    for (const payload of ['x'.repeat(200), 'small']) publish(rig, 't', payload, {}, { qos });
    expect(payloads(large)).toHaveLength(2);
    large.drop();
    publish(rig, 't', 'y'.repeat(200), {}, { qos });
    const small = resumable(rig, 'a', { properties: { maximumPacketSize: 100, receiveMaximum: 2 } });
    expect(publishes(small)).toMatchObject([{ payload: 'small', packetId: 2 }]);
    publish(rig, 't', 'next', {}, { qos });
    expect(payloads(small)).toEqual(['next']);
    expect([rig.dropped, rig.stats.inflightMessages]).toEqual([['tooLarge t a', 'tooLarge t a'], 2]);
  });

  test('trap 30: acks lose Reason String and user properties, a PUBLISH never its user properties', () => {
    const reasonString = 'r'.repeat(100);
    const rig = openRig({ authorize: (_client, { type }) => type !== 'publish' || { action: 'deny', reasonString } });
    const [small, large] = [rig.client('small', { properties: { maximumPacketSize: 100 } }), rig.client('large')];
    for (const sent of [small, large]) sent.publish({ topic: 't', qos: 1 }).publish({ topic: 't', qos: 2 });
    expect(small.received().map(({ type, reasonCode, properties }) => [type, reasonCode, properties])).toEqual([['puback', 0x87, undefined], ['pubrec', 0x87, undefined]]);
    expect(large.received().map(({ properties }) => properties)).toEqual([{ reasonString }, { reasonString }]);
    const open = openRig();
    const sub = open.subscriber('sub', 't', 1, { properties: { maximumPacketSize: 100 } });
    publish(open, 't', '', { userProperties: [['n', 'v'.repeat(100)]] });
    publish(open, 't', 'kept', { userProperties: [['n', 'v']] });
    expect(publishes(sub)).toMatchObject([{ payload: 'kept', properties: { userProperties: [['n', 'v']] } }]);
  });
});

test('trap 31: Request Problem Information 0 leaves texts in PUBLISH, CONNACK and DISCONNECT, and nowhere else', () => {
  const why = { reasonString: 'because', userProperties: [['n', 'v']] } as const;
  const rig = openRig({
    authenticate: ({ username }) => (username === 'eve' ? { action: 'deny', ...why } : { action: 'allow', userProperties: why.userProperties }),
    authorize: (_client, { type, topic }) => topic !== 'no' || type === 'deliver' || { action: 'deny', reasonString: why.reasonString },
  });
  for (const asks of [false, true]) {
    const properties = { requestProblemInformation: asks };
    expect(rig.open().connect({ clientId: 'e', username: 'eve', properties }).received()).toMatchObject([{ properties: why }]);
    const a = rig.open().connect({ clientId: 'a', properties });
    expect(a.received()).toMatchObject([{ properties: { userProperties: why.userProperties } }]);
    a.publish({ topic: 'no', qos: 1 }).publish({ topic: 'no', qos: 2 }).subscribe('no').unsubscribe('no').pubrel(9);
    const told = a.received();
    expect(told.map(({ type }) => type)).toEqual(['puback', 'pubrec', 'suback', 'unsuback', 'pubcomp']);
    expect(told.slice(0, 2).map(({ properties: own }) => own?.reasonString)).toEqual(asks ? ['because', 'because'] : [undefined, undefined]);
    if (!asks) for (const { properties: own } of told) expect(own).toBeUndefined();
    a.subscribe('t').skip();
    publish(rig, 't', 'x', { userProperties: why.userProperties });
    expect(publishes(a)).toMatchObject([{ properties: { userProperties: why.userProperties } }]);
    expect(a.sendsHex('36 00').received()).toMatchObject([{ type: 'disconnect', properties: { reasonString: expect.any(String) } }]);
  }
});

test('trap 31: Response Information goes to who asks for it, and to nobody else', () => {
  const rig = openRig({ authenticate: () => ({ action: 'allow', responseInformation: 'answers/' }) });
  for (const [asked, told] of [[true, 'answers/'], [false, undefined], [undefined, undefined]] as const) {
    const properties = asked === undefined ? {} : { requestResponseInformation: asked };
    expect(rig.open().connect({ clientId: 'a', properties }).received()[0]?.properties?.responseInformation).toBe(told);
  }
});

test('trap 32: Payload Format Indicator 0 is forwarded as sent: live, retained, from a queue, of a will', () => {
  const rig = openRig();
  resumable(rig, 'away').subscribe('t', { qos: 1 }).drop();
  const live = rig.subscriber('live', 't', 1);
  const indicators = (): unknown[] =>
    [live, rig.client('new').subscribe('t'), resumable(rig, 'away')].flatMap(publishes).map(({ properties }) => properties?.payloadFormatIndicator);
  for (const [property, seen] of [['01 00', false], ['01 01', true], ['', undefined]] as const) {
    rig.client('pub').sendsBytes(packet(0x33, `${text('t')} 0001 ${property === '' ? '00' : `02 ${property}`} 78`)).disconnect();
    expect(indicators()).toEqual([seen, seen, seen]);
    resumable(rig, 'away').puback(1).drop();
  }
  rig.client('a', { will: { topic: 't', properties: { payloadFormatIndicator: false } } }).drop();
  expect(publishes(live)).toMatchObject([{ properties: { payloadFormatIndicator: false } }]);
});

test('trap 33: decided: 0x10 where nobody subscribes, which is success: a retained message is kept, a QoS 2 flow goes on', () => {
  const rig = openRig();
  const pub = rig.client('pub').publish({ topic: 't', payload: 'x', qos: 1, retain: true }).publish({ topic: 't', qos: 2 });
  pub.publish({ topic: 't', qos: 2, packetId: 2, dup: true }).pubrel(2);
  expect(short(pub.received())).toEqual(['puback 1 0x10', 'pubrec 2 0x10', 'pubrec 2', 'pubcomp 2']);
  expect(payloads(rig.client('new').subscribe('t', { qos: 1 }))).toEqual(['x']);
  expect([short(pub.publish({ topic: 't', qos: 1, packetId: 4 }).received()), pub.closed]).toEqual([['puback 4'], false]);
  for (const protocolVersion of versions.slice(0, 2)) {
    const old = rig.client('old', { protocolVersion }).publish({ topic: 'u', qos: 1 }).publish({ topic: 'u', qos: 2 });
    expect(old.receivedHex()).toBe('40 02 00 01 50 02 00 02');
  }
});
