/** What an accepting CONNACK says: every property of v5 3.2.2.3, and nothing where the default holds. */
import { describe, expect, test } from '@jest/globals';
import { openRig } from './rig.js';
import type { Rig } from './rig.js';
import type { BrokerOptions } from '../../src/index.js';
import type { WireConnect, WireProperties } from '../../src/testing/index.js';

/** What a broker with its default options tells every client. */
const always: WireProperties = { receiveMaximum: 1000, maximumPacketSize: 1_048_576, topicAliasMaximum: 32 };

/** Properties of the CONNACK beside those. */
function told(options: BrokerOptions, connect: WireConnect = {}): WireProperties {
  const [connack] = openRig(options).open().connect({ clientId: 'a', ...connect }).received();
  expect(connack).toMatchObject({ type: 'connack', reasonCode: 0, sessionPresent: false });
  return connack?.properties ?? {};
}

test('v5 by default it tells the limits and nothing more', () => {
  expect(told({})).toEqual(always);
});

test.each([3, 4] as const)('version %i: four bytes whatever the options are', (protocolVersion) => {
  const rig = openRig({ receiveMaximum: 5, maximumQoS: 0, retainAvailable: false, keepAliveSecondsMax: 10, wildcardSubscriptionAvailable: false });
  const client = rig.open({ protocolVersion }).connect({ clientId: 'a', keepalive: 100 });
  expect(client.receivedHex()).toBe('20 02 00 00');
});

test('v5 [MQTT-3.2.0-2] one CONNACK, and it is the first packet', () => {
  const rig = openRig();
  rig.resumable('a').subscribe('t', { qos: 1 }).drop();
  rig.client('pub').publish({ topic: 't', payload: 'x', qos: 1 });
  const client = rig.open().connect({ clientId: 'a', clean: false, properties: { sessionExpiryInterval: 9 } }).pingreq();
  expect(client.received().map(({ type }) => type)).toEqual(['connack', 'publish', 'pingresp']);
});

describe('v5 limits and capabilities', () => {
  test('receiveMaximum, packetBytesMax and topicAliasMaximum are told as they are set', () => {
    const properties = told({ receiveMaximum: 7, packetBytesMax: 5000, topicAliasMaximum: 3 });
    expect(properties).toEqual({ receiveMaximum: 7, maximumPacketSize: 5000, topicAliasMaximum: 3 });
  });
  test('[MQTT-3.2.2-18] without topic aliases their maximum is left out', () => {
    expect(told({ topicAliasMaximum: 0 })).toEqual({ receiveMaximum: 1000, maximumPacketSize: 1_048_576 });
  });
  test.each([0, 1] as const)('[MQTT-3.2.2-9] Maximum QoS %i is told; 2 is not a legal value', (maximumQoS) => {
    expect(told({ maximumQoS })).toEqual({ ...always, maximumQoS });
    expect(told({ maximumQoS: 2 })).toEqual(always);
  });
  test.each([
    ['retainAvailable', 'retainAvailable'],
    ['wildcardSubscriptionAvailable', 'wildcardSubscriptionAvailable'],
    ['subscriptionIdentifierAvailable', 'subscriptionIdentifiersAvailable'],
    ['sharedSubscriptionAvailable', 'sharedSubscriptionAvailable'],
  ])('%s is told when it is off, and left out when it is on', (option, property) => {
    expect(told({ [option]: false })).toEqual({ ...always, [property]: false });
    expect(told({ [option]: true })).toEqual(always);
  });
});

describe('v5 what was declared unavailable in CONNACK', () => {
  const client = (options: BrokerOptions) => openRig(options).client('a');
  const expectDisconnect = (sent: ReturnType<typeof client>, reasonCode: number): void => {
    expect(sent.received()).toMatchObject([{ type: 'disconnect', reasonCode }]);
    expect(sent.closed).toBe(true);
  };

  test('[X5-3.2.2.3.4-1] a PUBLISH above Maximum QoS: DISCONNECT 0x9B; one at it is taken', () => {
    const taken = client({ maximumQoS: 1 }).publish({ topic: 't', qos: 1 });
    expect(taken.received()).toMatchObject([{ type: 'puback' }]);
    expectDisconnect(taken.publish({ topic: 't', qos: 2 }), 0x9b);
  });
  test('[MQTT-3.2.2-10] SUBSCRIBE above Maximum QoS is granted lower', () => {
    const sub = client({ maximumQoS: 0 }).subscribe([{ topic: 'a', qos: 0 }, { topic: 'b', qos: 1 }, { topic: 'c', qos: 2 }]);
    expect(sub.received()).toMatchObject([{ type: 'suback', reasonCodes: [0, 0, 0] }]);
  });
  test('[MQTT-3.2.2-14] RETAIN: DISCONNECT 0x9A', () => {
    expectDisconnect(client({ retainAvailable: false }).publish({ topic: 't', payload: 'x', retain: true }), 0x9a);
  });
  test('[X5-3.2.2.3.11-1] a wildcard filter: DISCONNECT 0xA2', () => {
    expectDisconnect(client({ wildcardSubscriptionAvailable: false }).subscribe(['plain', 'a/+']), 0xa2);
  });
  test('[X5-3.2.2.3.12-1] a Subscription Identifier: DISCONNECT 0xA1', () => {
    const sub = client({ subscriptionIdentifierAvailable: false });
    expectDisconnect(sub.subscribe('a', { properties: { subscriptionIdentifier: 1 } }), 0xa1);
  });
  test('[X5-3.2.2.3.13-1] a shared filter: DISCONNECT 0x9E', () => {
    expectDisconnect(client({ sharedSubscriptionAvailable: false }).subscribe('$share/g/a'), 0x9e);
  });
  test('[MQTT-3.2.2-12] a will above Maximum QoS: CONNACK 0x9B', () => {
    const refused = openRig({ maximumQoS: 0 }).open().connect({ clientId: 'a', will: { topic: 'w', payload: 'x', qos: 1 } });
    expect(refused.received()).toMatchObject([{ type: 'connack', reasonCode: 0x9b, sessionPresent: false }]);
    expect(refused.closed).toBe(true);
  });
  test('[MQTT-3.2.2-13] a retained will: CONNACK 0x9A', () => {
    const refused = openRig({ retainAvailable: false }).open().connect({ clientId: 'a', will: { topic: 'w', payload: 'x', retain: true } });
    expect(refused.received()).toMatchObject([{ type: 'connack', reasonCode: 0x9a }]);
    expect(refused.closed).toBe(true);
  });
});

describe('v3.1.1 the same, for which it has no codes', () => {
  const open = (options: BrokerOptions): ReturnType<Rig['open']> => openRig(options).open({ protocolVersion: 4 });

  test('a will above maximumQoS or retained without retainAvailable is closed without CONNACK: none of the codes fits', () => {
    for (const [options, will] of [
      [{ maximumQoS: 0 }, { topic: 'w', payload: 'x', qos: 1 }],
      [{ retainAvailable: false }, { topic: 'w', payload: 'x', retain: true }],
    ] as const) {
      const client = open(options).connect({ clientId: 'a', will });
      expect(client.receivedHex()).toBe('');
      expect(client.closed).toBe(true);
    }
  });
  test('a PUBLISH above maximumQoS, or retained without retainAvailable, is closed', () => {
    const high = open({ maximumQoS: 0 }).connected({ clientId: 'a' }).publish({ topic: 't', qos: 1 });
    const retained = open({ retainAvailable: false }).connected({ clientId: 'a' }).publish({ topic: 't', payload: 'x', retain: true });
    for (const client of [high, retained]) {
      expect(client.receivedHex()).toBe('');
      expect(client.closed).toBe(true);
    }
  });
  test('[MQTT-3.9.3-2] wildcard and shared filters get SUBACK 0x80, the others of the packet their QoS', () => {
    const client = open({ wildcardSubscriptionAvailable: false, sharedSubscriptionAvailable: false }).connected({ clientId: 'a' });
    client.subscribe([{ topic: 'a', qos: 1 }, { topic: '#', qos: 1 }, { topic: '$share/g/a', qos: 1 }, { topic: 'b', qos: 2 }]);
    expect(client.received()).toMatchObject([{ type: 'suback', reasonCodes: [1, 0x80, 0x80, 2] }]);
    expect(client.closed).toBe(false);
  });
});

describe('v5 Server Keep Alive', () => {
  test.each([
    ['longer than keepAliveSecondsMax is lowered', 100, 30],
    ['none at all is lowered too', 0, 30],
    ['as long is left', 30, undefined],
    ['shorter is left', 10, undefined],
  ] as const)('a Keep Alive that is %s', (_, keepalive, expected) => {
    expect(told({ keepAliveSecondsMax: 30 }, { keepalive }).serverKeepAlive).toBe(expected);
  });
  test('[MQTT-3.2.2-22] without a maximum the client decides', () => {
    expect(told({}, { keepalive: 65_535 }).serverKeepAlive).toBeUndefined();
    expect(told({}, { keepalive: 0 }).serverKeepAlive).toBeUndefined();
  });
});

describe('v5 Session Expiry Interval', () => {
  const asked = (sessionExpiryInterval: number): WireConnect => ({ properties: { sessionExpiryInterval } });
  test('[X5-3.2.2.3.2-1] one above sessionExpirySecondsMax is capped and told', () => {
    expect(told({ sessionExpirySecondsMax: 60 }, asked(61)).sessionExpiryInterval).toBe(60);
    expect(told({ sessionExpirySecondsMax: 60 }, asked(0xffff_ffff)).sessionExpiryInterval).toBe(60);
    expect(told({ sessionExpirySecondsMax: 0 }, asked(5)).sessionExpiryInterval).toBe(0);
  });
  test('one that is used as requested is left out', () => {
    expect(told({ sessionExpirySecondsMax: 60 }, asked(60)).sessionExpiryInterval).toBeUndefined();
    expect(told({ sessionExpirySecondsMax: 60 }).sessionExpiryInterval).toBeUndefined();
    expect(told({}, asked(0xffff_ffff)).sessionExpiryInterval).toBeUndefined();
  });
});

describe('v5 Response Information', () => {
  const options: BrokerOptions = { authenticate: ({ clientId }) => ({ action: 'allow', responseInformation: `reply/${clientId}` }) };
  test('is returned to a client that requests it', () => {
    expect(told(options, { properties: { requestResponseInformation: true } }).responseInformation).toBe('reply/a');
  });
  test('[MQTT-3.1.2-28] is not returned to one that does not', () => {
    expect(told(options).responseInformation).toBeUndefined();
    expect(told(options, { properties: { requestResponseInformation: false } }).responseInformation).toBeUndefined();
  });
  test('is left out when the hook gives none', () => {
    expect(told({}, { properties: { requestResponseInformation: true } })).toEqual(always);
  });
});

describe('v5 User Properties of authenticate', () => {
  const options: BrokerOptions = {
    authenticate: () => ({ action: 'allow', userProperties: [['b', '1'], ['a', '2'], ['b', '3']] }),
  };
  test('are sent in their order', () => {
    expect(told(options).userProperties).toEqual([['b', '1'], ['a', '2'], ['b', '3']]);
  });
  test('[MQTT-3.1.2-29] also to a client without Request Problem Information: CONNACK is exempt', () => {
    expect(told(options, { properties: { requestProblemInformation: false } }).userProperties).toHaveLength(3);
  });
  test('[MQTT-3.2.2-20] are left out when the CONNACK would be too large for the client with them', () => {
    const without = told({}, { properties: { maximumPacketSize: 20 } });
    expect(told(options, { properties: { maximumPacketSize: 20 } })).toEqual(without);
  });
});

describe('v5 [MQTT-3.1.2-24] a Maximum Packet Size that leaves no room for the CONNACK', () => {
  test.each([
    [15, '20 03 00 95 00'],
    [5, '20 03 00 95 00'],
    [4, ''],
    [1, ''],
  ])('of %i bytes: refused with 0x95 where that fits, and no session is made', (maximumPacketSize, reply) => {
    const rig = openRig();
    const will = { topic: 'w', payload: 'x' };
    const client = rig.open().connect({ clientId: 'a', will, properties: { maximumPacketSize, sessionExpiryInterval: 9 } });
    expect(client.receivedHex()).toBe(reply);
    expect(client.closed).toBe(true);
    expect(rig.stats).toMatchObject({ clients: 0, sessions: 0, willsPublished: 0, connectsRefused: 1 });
  });
  test('of exactly its size: accepted', () => {
    const client = openRig().open().connect({ clientId: 'a', properties: { maximumPacketSize: 16 } });
    expect(client.receivedHex().split(' ')).toHaveLength(16);
    expect(client.closed).toBe(false);
  });
  test('takes no session over: its holder stays', () => {
    const rig = openRig();
    const holder = rig.client('a');
    rig.open().connect({ clientId: 'a', properties: { maximumPacketSize: 15 } });
    expect(holder.pingreq().received()).toEqual([{ type: 'pingresp' }]);
  });
});
