/** MQTT 5.0, chapter 3.14: DISCONNECT from the broker. */
import { expect, test } from '@jest/globals';
import type { WireClient } from '../../../src/testing/index.js';
import { packet } from '../../unit/packet/wire.js';
import { openRig, payloads, short } from '../../wire/rig.js';
import { authenticated, begin, challenging, connectWithMethod, method, reauthenticating, reply } from './auth-support.js';
import { closed, closes, malformed } from './closes.js';
import { client, connecting, expectDisconnected, open, subscriber } from './support.js';

/** Table 3-10, those with 0x80 or above that a server may send. 0x8C is not among them, though table 2-6 has it. */
const ofServers = [
  0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8b, 0x8d, 0x8e, 0x8f, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2,
];

test('v5 [MQTT-3.14.0-1] before an accepting CONNACK there is no DISCONNECT: the CONNACK refuses', async () => {
  const refusing = openRig({ authenticate: () => ({ action: 'deny', reasonCode: 0x98 }) });
  const challenged = (): WireClient => connectWithMethod(openRig({ authenticate: challenging(['one']) })).skip();
  const refusals: readonly (readonly [what: string, sent: WireClient, reasonCode: number])[] = [
    ['a reserved connect flag', connecting(openRig(), { flags: '03' }), 0x81],
    ['a property twice', connecting(openRig(), { properties: '21 0001 21 0001' }), 0x82],
    ['another version', connecting(openRig(), { protocol: '0004 4d515454 06' }), 0x84],
    ['a will over Maximum QoS', open(openRig({ maximumQoS: 0 })).connect({ clientId: 'a', will: { topic: 'w', qos: 1 } }), 0x9b],
    ['a code of DISCONNECT only', connectWithMethod(refusing), 0x87],
    ['PUBLISH within an AUTH exchange', challenged().publish({ topic: 't' }), 0x82],
    ['a malformed packet within it', challenged().sendsHex(malformed), 0x81],
    ['a second CONNECT within it', challenged().connect({ clientId: 'a' }), 0x82],
    ['a wrong AUTH within it', challenged().auth(0x19, { authenticationMethod: method }), 0x82],
    ['a refused AUTH', reply(connectWithMethod(openRig({ authenticate: challenging(['one'], false) })).skip()), 0x87],
  ];
  for (const [what, sent, reasonCode] of refusals) {
    expect([what, sent.received(), sent.closed]).toMatchObject([what, [{ type: 'connack', reasonCode }], true]);
  }
  const late = openRig({ authenticate: challenging(['one']) });
  const slow = connectWithMethod(late).skip();
  late.clock.advance(late.broker.options.connectTimeoutSeconds * 1000);
  expect([short(slow.received()), slow.closed]).toEqual([['connack 0x80'], true]);
  const closing = openRig({ authenticate: () => new Promise(() => undefined) });
  const waiting = open(closing).connect({ clientId: 'a' });
  const silent = open(closing);
  await closing.close();
  expect([short(waiting.received()), waiting.closed, silent.receivedHex(), silent.closed]).toEqual([['connack 0x88'], true, '', true]);
  const unversioned = open(openRig()).sendsHex(malformed);
  expect([unversioned.receivedHex(), unversioned.closed]).toEqual(['', true]);
});

test('v5 [MQTT-3.14.0-1] behind an accepting CONNACK it is DISCONNECT, even for what came in the same segment', () => {
  const sent = open(openRig()).sendsBytes(Buffer.concat([packet(0x10, "0004 'MQTT' 05 02 003c 00 0001 'a'"), packet(0x36, '0001 74 00')]));
  expect([short(sent.received()), sent.closed]).toEqual([['connack', 'disconnect 0x81'], true]);
});

test.each(closes.map((close) => [close.name, close] as const))('v5 [MQTT-3.14.2-1] the broker gives a reason code of the list when it closes for %s', async (_, close) => {
  const { sent } = await closed(close);
  expectDisconnected(sent, close.reasonCode);
  expect(ofServers).toContain(close.reasonCode);
});

test('v5 [MQTT-3.14.2-1] whatever code a hook or the host names, no other one is sent', () => {
  for (let reasonCode = 0; reasonCode < 256; reasonCode += 1) {
    const refused = begin(authenticated(openRig(reauthenticating(() => ({ action: 'deny', reasonCode })))));
    expectDisconnected(refused, ofServers.includes(reasonCode) ? reasonCode : 0x87);
    const rig = openRig();
    const sent = client(rig, 'a');
    const handle = rig.broker.clients.get('a');
    if (ofServers.includes(reasonCode)) {
      handle?.close(reasonCode);
      rig.clock.flush();
      expectDisconnected(sent, reasonCode);
    } else {
      expect(() => handle?.close(reasonCode)).toThrow(expect.objectContaining({ code: 'ODN_ERR_ARGUMENT' }));
      expect([sent.received(), sent.closed]).toEqual([[], false]);
    }
  }
});

test('v5 [MQTT-3.14.2-2] there is no Session Expiry Interval in it', async () => {
  for (const close of closes) {
    const { sent } = await closed(close, { properties: { sessionExpiryInterval: 1000 } });
    const [{ type, properties = {} } = {}] = sent.received();
    expect([close.name, type, Object.keys(properties).filter((name) => name !== 'reasonString')]).toEqual([close.name, 'disconnect', []]);
  }
  // Not even when a session was granted less than it wanted.
  const capped = openRig({ sessionExpirySecondsMax: 10 });
  const sent = client(capped, 'a', { properties: { sessionExpiryInterval: 1000 } }).sendsHex(malformed);
  expect(Object.keys(sent.received()[0]?.properties ?? {})).toEqual(['reasonString']);
});

test('v5 [MQTT-3.14.2-3] a Reason String that makes it larger than Maximum Packet Size is left out', () => {
  const told = (maximumPacketSize: number, reasonString: string): string => {
    const rig = openRig();
    const sent = client(rig, 'a', { properties: { maximumPacketSize } });
    rig.broker.clients.get('a')?.close(0x98, reasonString);
    rig.clock.flush();
    expect(sent.closed).toBe(true);
    return sent.receivedHex();
  };
  const exact = 'x'.repeat(33);
  expect(told(40, exact)).toBe(`e0 26 98 24 1f 00 21${' 78'.repeat(33)}`);
  expect(told(40, `${exact}x`)).toBe('e0 01 98');
  expect(told(41, `${exact}x`).split(' ')).toHaveLength(41);
  expect(told(16, 'x'.repeat(65_000))).toBe('e0 01 98');
});

test('v5 [MQTT-3.14.2-4] User Properties that make it larger than Maximum Packet Size are left out, before the Reason String', () => {
  const told = (value: string, reasonString?: string): string => {
    const answer = { action: 'deny', userProperties: [['k', value]], ...(reasonString !== undefined && { reasonString }) } as const;
    const sent = begin(authenticated(openRig(reauthenticating(() => answer)), { properties: { maximumPacketSize: 60 } }));
    expect(sent.closed).toBe(true);
    return sent.receivedHex();
  };
  const exact = 'v'.repeat(50);
  expect(told(exact)).toBe(`e0 3a 87 38 26 00 01 6b 00 32${' 76'.repeat(50)}`);
  expect(told(`${exact}v`)).toBe('e0 01 87');
  expect(told(exact, 'no')).toBe('e0 07 87 05 1f 00 02 6e 6f');
  expect(told('v', 'no')).toBe('e0 0e 87 0c 1f 00 02 6e 6f 26 00 01 6b 00 01 76');
  expect(told(exact, 'x'.repeat(60))).toBe('e0 01 87');
});

test.each(closes.map((close) => [close.name, close] as const))('v5 [MQTT-3.14.4-1] nothing follows the broker’s DISCONNECT, sent for %s', async (_, close) => {
  const { rig, sent } = await closed(close, { halfOpen: true });
  sent.pingreq().publish({ topic: 't', qos: 1 }).subscribe('u').sendsHex(malformed).connect({ clientId: 'a' });
  void rig.broker.publish('t', 'x').catch(() => undefined);
  await rig.settle();
  expect(short(sent.received())).toEqual([`disconnect 0x${close.reasonCode.toString(16)}`]);
});

// Method: publishes to the client from every listener that is called while the connection ends.
test('v5 [MQTT-3.14.4-1] nor does a message that a listener publishes while the connection ends', () => {
  const rig = openRig();
  const sent = client(rig, 'a', { halfOpen: true, will: { topic: 't', payload: 'will' } }).subscribe('t').skip();
  const watcher = subscriber(rig, 'watcher', 't');
  const publish = (): void => void rig.broker.publish('t', 'x');
  rig.broker.clients.get('a')?.signal.addEventListener('abort', publish);
  rig.broker.on('clientDisconnected', publish);
  rig.broker.on('clientError', publish);
  rig.broker.on('sessionEnded', publish);
  sent.sendsHex(malformed);
  expect(short(sent.received()).at(-1)).toBe('disconnect 0x81');
  expect(payloads(watcher).filter((payload) => payload === 'x')).toHaveLength(4); // each of them was called
});

test('v5 [MQTT-3.14.4-2] behind its DISCONNECT the broker ends the connection at once, and destroys it if the client does not follow', async () => {
  for (const close of closes) {
    if (close.reasonCode === 0x8b) continue; // the end of the broker is over by now
    const { rig, sent } = await closed(close, { halfOpen: true });
    expect([close.name, sent.last()?.type, sent.ended, sent.closed]).toEqual([close.name, 'disconnect', true, false]);
    rig.clock.advance(rig.broker.options.closeGraceSeconds * 1000);
    expect([close.name, sent.closed]).toEqual([close.name, true]);
  }
  const { rig, sent } = await closed(closes[0] as (typeof closes)[0]); // one that closes its side too
  expect([sent.closed, rig.stats.connections]).toEqual([true, 0]);
});
