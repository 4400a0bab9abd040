/**
 * Decoded shapes of every packet but PUBLISH (which is read as offsets: see publication.ts).
 * Names are the specification's own; times in seconds, sizes in bytes.
 */
import type { PacketType, ProtocolVersion, QoS } from './protocol.js';

/** Name and value, in the order in which they were sent; names may repeat (v5 2.2.2.2). @public */
export type UserProperties = readonly (readonly [name: string, value: string])[];

/**
 * MQTT 5.0 properties of any packet, decoded. Absent means absent on the wire.
 * @public
 */
export interface Properties {
  /** PUBLISH, will: 1 when the payload is UTF-8 text, 0 when it is unspecified bytes. */
  readonly payloadFormatIndicator?: 0 | 1;
  /** PUBLISH, will: whole seconds after which the message is worthless, 0 to 4,294,967,295. */
  readonly messageExpirySeconds?: number;
  /** PUBLISH, will: what the payload is, a MIME type as a rule. */
  readonly contentType?: string;
  /** PUBLISH, will: topic name for the answer to a request. */
  readonly responseTopic?: string;
  /** PUBLISH, will: tells the asker which request an answer belongs to. */
  readonly correlationData?: Uint8Array;
  /** SUBSCRIBE: one; PUBLISH from the broker: all that matched. 1 to 268,435,455. */
  readonly subscriptionIdentifiers?: readonly number[];
  /** CONNECT, CONNACK, DISCONNECT: how long the session outlives the connection, in seconds; 0xFFFFFFFF = never ends. */
  readonly sessionExpirySeconds?: number;
  /** CONNACK: the identifier the broker chose. */
  readonly assignedClientIdentifier?: string;
  /** CONNACK: the Keep Alive in force when it is not the client’s, in seconds. */
  readonly serverKeepAliveSeconds?: number;
  /** CONNECT, CONNACK, AUTH: name of the enhanced authentication (v5 4.12). */
  readonly authenticationMethod?: string;
  /** CONNECT, CONNACK, AUTH: data of its method. */
  readonly authenticationData?: Uint8Array;
  /** CONNECT: `false` asks for no reason strings; default true. */
  readonly requestProblemInformation?: boolean;
  /** Will: whole seconds between the end of the connection and the will. */
  readonly willDelaySeconds?: number;
  /** CONNECT: `true` asks for Response Information; default false. */
  readonly requestResponseInformation?: boolean;
  /** CONNACK: from which the client makes its response topics. */
  readonly responseInformation?: string;
  /** CONNACK, DISCONNECT: another server to use, with 0x9C or 0x9D. */
  readonly serverReference?: string;
  /** Any answer: why, in words. */
  readonly reasonString?: string;
  /** CONNECT, CONNACK: QoS 1 and 2 messages the sender takes unacknowledged, 1 to 65,535. */
  readonly receiveMaximum?: number;
  /** CONNECT, CONNACK: topic aliases the sender takes, 0 to 65,535. */
  readonly topicAliasMaximum?: number;
  /** PUBLISH: 1 to the maximum the receiver announced. */
  readonly topicAlias?: number;
  /** CONNACK: highest QoS to publish with; absent means 2. */
  readonly maximumQoS?: 0 | 1;
  /** CONNACK: whether messages may be retained. */
  readonly retainAvailable?: boolean;
  /** Any packet but PINGREQ and PINGRESP: pairs of the application’s own. */
  readonly userProperties?: UserProperties;
  /** CONNECT, CONNACK: bytes of the largest whole packet that the sender takes, from 1. */
  readonly maximumPacketSize?: number;
  /** CONNACK: whether filters may have wildcards. */
  readonly wildcardSubscriptionAvailable?: boolean;
  /** CONNACK: whether subscriptions may have identifiers. */
  readonly subscriptionIdentifierAvailable?: boolean;
  /** CONNACK: whether there are shared subscriptions. */
  readonly sharedSubscriptionAvailable?: boolean;
}

/** Properties a published message can carry. @public */
export type PublishProperties = Pick<
  Properties,
  | 'payloadFormatIndicator'
  | 'messageExpirySeconds'
  | 'contentType'
  | 'responseTopic'
  | 'correlationData'
  | 'userProperties'
>;

export interface WillPacket {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly properties: Properties;
}

export interface ConnectPacket {
  readonly type: typeof PacketType.connect;
  readonly protocolVersion: ProtocolVersion;
  /** Clean Session in 3.x. */
  readonly cleanStart: boolean;
  readonly keepAliveSeconds: number;
  readonly clientId: string;
  readonly will: WillPacket | undefined;
  readonly username: string | undefined;
  readonly password: Uint8Array | undefined;
  readonly properties: Properties;
}

export interface ConnackPacket {
  readonly type: typeof PacketType.connack;
  readonly sessionPresent: boolean;
  /** 5.0 reason code; the writer maps it to a return code for 3.x, see connackReturnCode(). */
  readonly reasonCode: number;
  readonly properties: Properties;
}

/** PUBACK, PUBREC, PUBREL, PUBCOMP. */
export interface AckPacket {
  readonly type: 4 | 5 | 6 | 7;
  readonly packetId: number;
  readonly reasonCode: number;
  readonly properties: Properties;
}

export interface SubscriptionRequest {
  /** As sent, `$share/...` prefix included. */
  readonly topicFilter: string;
  readonly qos: QoS;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly retainHandling: 0 | 1 | 2;
}

export interface SubscribePacket {
  readonly type: typeof PacketType.subscribe;
  readonly packetId: number;
  readonly subscriptions: readonly SubscriptionRequest[];
  readonly properties: Properties;
}

/** SUBACK, UNSUBACK. */
export interface SubackPacket {
  readonly type: 9 | 11;
  readonly packetId: number;
  readonly reasonCodes: readonly number[];
  readonly properties: Properties;
}

export interface UnsubscribePacket {
  readonly type: typeof PacketType.unsubscribe;
  readonly packetId: number;
  readonly topicFilters: readonly string[];
  readonly properties: Properties;
}

export interface PingPacket {
  readonly type: 12 | 13;
}

export interface DisconnectPacket {
  readonly type: typeof PacketType.disconnect;
  readonly reasonCode: number;
  readonly properties: Properties;
}

export interface AuthPacket {
  readonly type: typeof PacketType.auth;
  readonly reasonCode: number;
  readonly properties: Properties;
}

/** What a client may send, PUBLISH aside. */
export type ClientPacket =
  | ConnectPacket
  | AckPacket
  | SubscribePacket
  | UnsubscribePacket
  | PingPacket
  | DisconnectPacket
  | AuthPacket;

/** What the broker sends, PUBLISH aside. */
export type BrokerPacket = ConnackPacket | AckPacket | SubackPacket | PingPacket | DisconnectPacket | AuthPacket;
