/**
 * The properties of MQTT 5.0 as data (v5 2.2.2.2, table 2-4): identifier, wire type, where each may stand,
 * and which values are illegal. Reader and writer both follow this table and nothing else.
 */
import type { Properties } from './packets.js';

/** Where properties stand: one bit for each list of properties that differs. */
export const PropertyHome = {
  connect: 0x001,
  will: 0x002,
  connack: 0x004,
  /** PUBLISH from a client to the broker. */
  publish: 0x008,
  /** PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK and UNSUBACK. */
  acknowledgement: 0x010,
  subscribe: 0x020,
  unsubscribe: 0x040,
  disconnectByClient: 0x080,
  disconnectByServer: 0x100,
  auth: 0x200,
} as const;
export type PropertyHome = (typeof PropertyHome)[keyof typeof PropertyHome];

/** How a value is encoded. */
export const WireType = {
  /** One byte, 0 or 1; a number in `Properties`. */
  bit: 1,
  /** One byte, 0 or 1; a boolean in `Properties`. */
  flag: 2,
  uint16: 3,
  uint32: 4,
  variableByteInteger: 5,
  text: 6,
  binary: 7,
  textPair: 8,
} as const;
export type WireType = (typeof WireType)[keyof typeof WireType];

/** The identifiers that code refers to by name. */
export const PropertyId = {
  messageExpiryInterval: 0x02,
  responseTopic: 0x08,
  subscriptionIdentifier: 0x0b,
  topicAlias: 0x23,
  userProperty: 0x26,
} as const;

export interface PropertyRule {
  readonly id: number;
  readonly name: keyof Properties;
  readonly type: WireType;
  /** Bits of `PropertyHome`. */
  readonly homes: number;
  /** May stand more than once in one list. */
  readonly repeats: boolean;
  readonly zeroIllegal: boolean;
  /** What an illegal number breaks; empty where every number that can be encoded is legal. */
  readonly valueStatement: string;
}

const { connect, will, connack, publish, acknowledgement, subscribe, auth } = PropertyHome;
const { disconnectByClient, disconnectByServer } = PropertyHome;
const everywhere = 0x3ff;
const withReasonString = connack | acknowledgement | disconnectByClient | disconnectByServer | auth;

type Options = { readonly repeats?: true; readonly zeroIllegal?: true; readonly valueStatement?: string };
function rule(id: number, name: keyof Properties, type: WireType, homes: number, options: Options = {}): PropertyRule {
  return { id, name, type, homes, repeats: false, zeroIllegal: false, valueStatement: '', ...options };
}

/** In the order of their identifiers, which is also the order in which they are written. */
export const propertyRules: readonly PropertyRule[] = [
  rule(0x01, 'payloadFormatIndicator', WireType.bit, publish | will, { valueStatement: 'X5-3.3.2.3.2-1' }),
  rule(0x02, 'messageExpirySeconds', WireType.uint32, publish | will),
  rule(0x03, 'contentType', WireType.text, publish | will), // v5 [MQTT-3.3.2-19]
  rule(0x08, 'responseTopic', WireType.text, publish | will), // v5 [MQTT-3.3.2-13] [MQTT-3.3.2-14]
  rule(0x09, 'correlationData', WireType.binary, publish | will),
  // In a PUBLISH it flows from broker to client only: v5 [MQTT-3.3.4-6].
  rule(0x0b, 'subscriptionIdentifiers', WireType.variableByteInteger, subscribe, {
    zeroIllegal: true,
    valueStatement: 'X5-3.3.2.3.8-1',
  }),
  rule(0x11, 'sessionExpirySeconds', WireType.uint32, connect | connack | disconnectByClient), // v5 [MQTT-3.14.2-2]
  rule(0x12, 'assignedClientIdentifier', WireType.text, connack),
  rule(0x13, 'serverKeepAliveSeconds', WireType.uint16, connack),
  rule(0x15, 'authenticationMethod', WireType.text, connect | connack | auth),
  rule(0x16, 'authenticationData', WireType.binary, connect | connack | auth),
  rule(0x17, 'requestProblemInformation', WireType.flag, connect, { valueStatement: 'X5-3.1.2.11.7-1' }),
  rule(0x18, 'willDelaySeconds', WireType.uint32, will),
  rule(0x19, 'requestResponseInformation', WireType.flag, connect, { valueStatement: 'X5-3.1.2.11.6-1' }),
  rule(0x1a, 'responseInformation', WireType.text, connack),
  rule(0x1c, 'serverReference', WireType.text, connack | disconnectByServer),
  rule(0x1f, 'reasonString', WireType.text, withReasonString),
  rule(0x21, 'receiveMaximum', WireType.uint16, connect | connack, {
    zeroIllegal: true,
    valueStatement: 'X5-3.1.2.11.3-1',
  }),
  rule(0x22, 'topicAliasMaximum', WireType.uint16, connect | connack),
  rule(0x23, 'topicAlias', WireType.uint16, publish, { zeroIllegal: true, valueStatement: 'MQTT-3.3.2-8' }), // v5 [MQTT-3.3.2-8]
  rule(0x24, 'maximumQoS', WireType.bit, connack),
  rule(0x25, 'retainAvailable', WireType.flag, connack),
  rule(0x26, 'userProperties', WireType.textPair, everywhere, { repeats: true }),
  rule(0x27, 'maximumPacketSize', WireType.uint32, connect | connack, {
    zeroIllegal: true,
    valueStatement: 'X5-3.1.2.11.4-1',
  }),
  rule(0x28, 'wildcardSubscriptionAvailable', WireType.flag, connack),
  rule(0x29, 'subscriptionIdentifierAvailable', WireType.flag, connack),
  rule(0x2a, 'sharedSubscriptionAvailable', WireType.flag, connack),
];

/** By identifier; `undefined` where the specification defines none. */
export const propertyRuleOf: readonly (PropertyRule | undefined)[] = Array.from({ length: 0x100 }, (_, id) =>
  propertyRules.find((candidate) => candidate.id === id),
);

/** What stands for an empty list of properties, and in 3.x for every list. */
export const noProperties: Properties = Object.freeze({});
