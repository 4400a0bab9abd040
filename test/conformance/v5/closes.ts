/** Ways in which the broker closes a connection that it has accepted, one for each reason code it uses by itself. */
import type { BrokerOptions } from '../../../src/index.js';
import type { WireClient } from '../../../src/testing/index.js';
import { packet, text } from '../../unit/packet/wire.js';
import { openRig } from '../../wire/rig.js';
import type { ClientOptions, Rig } from '../../wire/rig.js';
import { authenticated, begin, reauthenticating } from './auth-support.js';
import { client } from './support.js';

export interface Close {
  readonly name: string;
  readonly reasonCode: number;
  readonly options?: BrokerOptions;
  readonly connect?: ClientOptions;
  /** Makes the broker close the connection of client `a`. */
  readonly act: (sent: WireClient, rig: Rig) => unknown;
}

/** Malformed in every version: QoS 3. */
export const malformed = '36 04 0001 74 00';
const keepalive = 10;

export const closes: readonly Close[] = [
  { name: 'a Malformed Packet', reasonCode: 0x81, act: (sent) => sent.sendsHex(malformed) },
  { name: 'a second CONNECT', reasonCode: 0x82, act: (sent) => sent.connect({ clientId: 'a' }) },
  {
    name: 'a hook that fails at re-authentication',
    reasonCode: 0x83,
    options: reauthenticating(() => {
      throw new Error('hook');
    }),
    act: (sent) => begin(sent),
  },
  { name: 'a refused re-authentication', reasonCode: 0x87, options: reauthenticating(() => false), act: (sent) => begin(sent) },
  { name: 'the end of the broker', reasonCode: 0x8b, act: (_, rig) => rig.close() },
  { name: 'silence', reasonCode: 0x8d, connect: { keepalive }, act: (_, rig) => rig.clock.advance(keepalive * 1500) },
  { name: 'a take-over', reasonCode: 0x8e, act: (_, rig) => client(rig, 'a', { clean: false }) },
  {
    name: 'more than Receive Maximum',
    reasonCode: 0x93,
    options: { receiveMaximum: 1 },
    act: (sent) => sent.publish({ topic: 't', qos: 2, packetId: 1 }).skip().publish({ topic: 't', qos: 2, packetId: 2 }),
  },
  { name: 'a Topic Alias above the maximum', reasonCode: 0x94, act: (sent) => sent.sendsBytes(packet(0x30, `${text('t')} 03 23 0021`)) },
  { name: 'a packet that is too large', reasonCode: 0x95, options: { packetBytesMax: 200 }, act: (sent) => sent.sendsHex('30 c7 01') },
  {
    name: 'too many User Properties',
    reasonCode: 0x97,
    options: { userPropertiesMax: 1 },
    act: (sent) => sent.publish({ topic: 't', properties: { userProperties: [['k', 'v'], ['k', 'v']] } }),
  },
  {
    name: 'the host',
    reasonCode: 0x98,
    act: (_, rig) => {
      rig.broker.clients.get('a')?.close();
      rig.clock.flush();
    },
  },
  { name: 'RETAIN where it is not available', reasonCode: 0x9a, options: { retainAvailable: false }, act: (sent) => sent.publish({ topic: 't', retain: true }) },
  { name: 'more than Maximum QoS', reasonCode: 0x9b, options: { maximumQoS: 0 }, act: (sent) => sent.publish({ topic: 't', qos: 1 }) },
  { name: 'a shared subscription where there is none', reasonCode: 0x9e, options: { sharedSubscriptionAvailable: false }, act: (sent) => sent.subscribe('$share/g/t') },
  {
    name: 'a Subscription Identifier where there is none',
    reasonCode: 0xa1,
    options: { subscriptionIdentifierAvailable: false },
    act: (sent) => sent.subscribe('t', { properties: { subscriptionIdentifier: 1 } }),
  },
  { name: 'a wildcard where there is none', reasonCode: 0xa2, options: { wildcardSubscriptionAvailable: false }, act: (sent) => sent.subscribe('#') },
];

/** Connects `a`, with a session that lasts, subscribes it to `t`, and has it closed. */
export async function closed(close: Close, more: ClientOptions = {}): Promise<{ readonly rig: Rig; readonly sent: WireClient }> {
  const rig = openRig(close.options);
  rig.broker.on('hookError', () => undefined);
  const options = { ...close.connect, ...more, properties: { sessionExpiryInterval: 60, ...more.properties } };
  const sent = close.options?.authenticate === undefined ? client(rig, 'a', options) : authenticated(rig, options);
  sent.subscribe('t', { qos: 1 }).skip();
  await close.act(sent, rig);
  await rig.settle();
  return { rig, sent };
}
