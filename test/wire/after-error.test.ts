/**
 * After an error the broker sends what the version allows, half-closes, drains what the peer still sends for
 * `closeGraceSeconds`, then destroys. Nothing follows its DISCONNECT.
 */
import { describe, expect, test } from '@jest/globals';
import type { WireClient } from '../../src/testing/index.js';
import { memoryTransportPair } from '../../src/testing/index.js';
import { openRig, payloads, short, three } from './rig.js';
import type { Rig } from './rig.js';

/** QoS 3: malformed in every version. */
const malformed = '36 03 0001 74';

describe('what is sent', () => {
  test('v5 [MQTT-4.13.1-1] [MQTT-4.13.2-1] a connected client gets DISCONNECT with the code and the words', () => {
    const client = openRig().client('a').sendsHex(malformed);
    const [packet, ...more] = client.received();
    expect(packet).toMatchObject({ type: 'disconnect', reasonCode: 0x81 });
    expect(packet?.properties?.reasonString).toContain('MQTT-3.3.1-4');
    expect(more).toEqual([]);
    expect(client.closed).toBe(true);
  });
  test('v5 [MQTT-3.1.2-29] the words also without Request Problem Information: DISCONNECT is exempt', () => {
    const client = openRig().client('a', { properties: { requestProblemInformation: false } }).sendsHex(malformed);
    expect(client.received()[0]?.properties?.reasonString).toBeDefined();
  });
  test('v5 [MQTT-3.14.2-3] but not when they make it too large for the client', () => {
    const client = openRig().client('a', { properties: { maximumPacketSize: 20 } }).sendsHex(malformed);
    expect(client.receivedHex()).toBe('e0 01 81');
  });
  test('v5 [MQTT-3.14.0-1] before CONNACK it is a CONNACK', () => {
    const client = openRig().open().sendsHex('10 0e 0004 4d515454 05 03 0000 00 0001 61');
    expect(short(client.received())).toEqual(['connack 0x81']);
    expect(client.closed).toBe(true);
  });
  test.each([3, 4] as const)('version %i [MQTT-4.8.0-1] is closed, and there is no server DISCONNECT', (protocolVersion) => {
    const client = openRig().client('a', { protocolVersion }).sendsHex(malformed);
    expect(client.receivedHex()).toBe('');
    expect(client.closed).toBe(true);
  });
  test('before a version is known there is nothing to say', () => {
    const client = openRig().open().sendsHex(malformed);
    expect(client.receivedHex()).toBe('');
    expect(client.closed).toBe(true);
  });
  test.each(three)('$name what was answered before the error still arrives, in front of it', ({ name, protocolVersion }) => {
    const rig = openRig();
    const client = rig.client('a', { protocolVersion });
    // One chunk: PINGREQ, PINGREQ, then nonsense.
    client.sendsHex(`c0 00 c0 00 ${malformed}`);
    expect(short(client.received())).toEqual(['pingresp', 'pingresp', ...(name === 'v5' ? ['disconnect 0x81'] : [])]);
  });
});

describe.each(three)('$name what is closed', ({ protocolVersion }) => {
  test('[X5-4.13.1-1] is that connection alone', () => {
    const rig = openRig();
    const other = rig.subscriber('b', 't', 1, { protocolVersion });
    rig.client('a', { protocolVersion }).sendsHex(malformed);
    rig.client('c').publish({ topic: 't', payload: 'x', qos: 1 });
    expect(payloads(other)).toEqual(['x']);
    expect(rig.stats).toMatchObject({ clients: 2, protocolErrors: 1 });
  });
  test('nothing behind the error in the same chunk is handled', () => {
    const rig = openRig();
    const watcher = rig.subscriber('watcher', '#');
    rig.client('a', { protocolVersion }).sendsHex(`${malformed} 30 ${protocolVersion === 5 ? '04 0001 74 00' : '03 0001 74'}`);
    expect(watcher.received()).toEqual([]);
  });
  test('a session that lasts is kept', () => {
    const rig = openRig();
    rig.resumable('a', { protocolVersion }).subscribe('t', { qos: 1 }).sendsHex(malformed);
    rig.client('c').publish({ topic: 't', payload: 'x', qos: 1 });
    expect(payloads(rig.resumable('a', { protocolVersion }))).toEqual(['x']);
  });
});

describe('half-close, drain, destroy', () => {
  const broken = (rig: Rig): WireClient => rig.client('a', { halfOpen: true }).sendsHex(malformed);

  test('the broker ends its side at once and stays to read', () => {
    const rig = openRig();
    const client = broken(rig);
    expect(short(client.received())).toEqual(['disconnect 0x81']);
    expect(client.ended).toBe(true);
    expect(client.closed).toBe(false);
    expect(rig.stats).toMatchObject({ clients: 0, connections: 1 });
  });
  test('what the peer still sends is drained and not looked at', () => {
    const rig = openRig();
    const watcher = rig.subscriber('watcher', '#');
    const client = broken(rig).skip();
    for (let index = 0; index < 100; index += 1) client.publish({ topic: 't', payload: 'x'.repeat(10_000) });
    client.sendsHex(malformed).connect({ clientId: 'b' }).disconnect(4);
    expect(client.received()).toEqual([]);
    expect(watcher.received()).toEqual([]);
    expect(client.closed).toBe(false);
    expect(rig.stats.protocolErrors).toBe(1);
  });
  test('when the peer ends its side too the connection is gone', () => {
    const rig = openRig();
    const client = broken(rig).end();
    expect(client.closed).toBe(true);
    expect(rig.stats.connections).toBe(0);
  });
  test('when it does not, the connection is destroyed after closeGraceSeconds', () => {
    const rig = openRig({ closeGraceSeconds: 5 });
    const client = broken(rig);
    rig.clock.advance(2_500);
    client.publish({ topic: 't' }); // does not prolong it
    rig.clock.advance(2_499);
    expect(client.closed).toBe(false);
    rig.clock.advance(1);
    expect(client.closed).toBe(true);
    expect(rig.stats.connections).toBe(0);
  });
  test('closeGraceSeconds 0 destroys at the end of the turn, and the reason was written before', () => {
    const rig = openRig({ closeGraceSeconds: 0 });
    const client = broken(rig);
    expect(short(client.received())).toEqual(['disconnect 0x81']);
    expect(client.closed).toBe(true);
  });
  test('a peer that vanishes meanwhile is forgotten at once', () => {
    const rig = openRig();
    broken(rig).drop();
    expect(rig.stats.connections).toBe(0);
  });
  test('a peer that does not read gets the reason when it reads, within the grace', () => {
    const rig = openRig();
    const client = rig.client('a').pause().sendsHex(malformed);
    rig.clock.advance(1999);
    expect(short(client.resume().received())).toEqual(['disconnect 0x81']);
    expect(client.closed).toBe(true);
  });
  test('and is destroyed when it never reads', () => {
    const rig = openRig();
    rig.client('a').pause().sendsHex(malformed);
    rig.clock.advance(2000);
    expect(rig.stats.connections).toBe(0);
  });
  test('a refused CONNECT is closed in the same way', () => {
    const rig = openRig({ authenticate: () => false });
    const client = rig.open({ halfOpen: true }).connect({ clientId: 'a' });
    expect(client.ended).toBe(true);
    expect(client.closed).toBe(false);
    rig.clock.advance(2000);
    expect(client.closed).toBe(true);
  });
});

describe('[MQTT-3.14.4-1] nothing follows DISCONNECT', () => {
  test('no message for the subscriptions it had, no acknowledgement, no second DISCONNECT', () => {
    const rig = openRig();
    const client = rig.resumable('a', { halfOpen: true }).subscribe('t', { qos: 1 }).skip();
    client.sendsHex(malformed);
    rig.client('pub').publish({ topic: 't', qos: 1 }).publish({ topic: 't' });
    client.pingreq().publish({ topic: 't', qos: 1 });
    expect(short(client.received())).toEqual(['disconnect 0x81']);
  });
  test('nor what the same turn had in store for it', () => {
    const rig = openRig();
    const client = rig.client('a', { halfOpen: true }).subscribe('t').skip();
    // The client's own publish comes back to it, then it is kicked within the same turn.
    rig.broker.on('publish', () => rig.broker.clients.get('a')?.close());
    client.publish({ topic: 't', payload: 'x', qos: 1 }).publish({ topic: 't', payload: 'y', qos: 1 });
    const seen = short(client.received());
    expect(seen.at(-1)).toBe('disconnect 0x98');
    expect(seen.filter((line) => line.startsWith('disconnect'))).toHaveLength(1);
  });
  test('[MQTT-3.14.4-2] the socket is ended behind it', () => {
    const rig = openRig();
    const order: string[] = [];
    const [mine, theirs] = memoryTransportPair();
    mine.start({
      onBytes: (chunk) => order.push((chunk[0] as number) >> 4 === 14 ? 'disconnect' : 'other'),
      onDrain: () => undefined,
      onEnd: () => order.push('end'),
      onClose: () => order.push('close'),
    });
    rig.broker.accept(theirs);
    mine.write(Buffer.from('100e00044d5154540502000000000161', 'hex'));
    rig.clock.flush();
    mine.write(Buffer.from(malformed.replaceAll(' ', ''), 'hex'));
    rig.clock.flush();
    mine.end();
    rig.clock.flush();
    expect(order).toEqual(['other', 'disconnect', 'end', 'close']);
  });
});

test('an error listener that throws changes nothing of this', () => {
  const rig = openRig();
  rig.broker.on('clientError', () => {
    throw new Error('listener');
  });
  expect(short(rig.client('a').sendsHex(malformed).received())).toEqual(['disconnect 0x81']);
  expect(rig.errors.splice(0)).toHaveLength(1);
});
