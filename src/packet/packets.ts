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
  readonly payloadFormatIndicator?: 0 | 1;
  readonly messageExpirySeconds?: number;
  readonly contentType?: string;
  readonly responseTopic?: string;
  readonly correlationData?: Uint8Array;
  readonly subscriptionIdentifiers?: readonly number[];
  /** 0xFFFFFFFF means never. */
  readonly sessionExpirySeconds?: number;
  readonly assignedClientIdentifier?: string;
  readonly serverKeepAliveSeconds?: number;
  readonly authenticationMethod?: string;
  readonly authenticationData?: Uint8Array;
  readonly requestProblemInformation?: boolean;
  readonly willDelaySeconds?: number;
  readonly requestResponseInformation?: boolean;
  readonly responseInformation?: string;
  readonly serverReference?: string;
  readonly reasonString?: string;
  readonly receiveMaximum?: number;
  readonly topicAliasMaximum?: number;
  readonly topicAlias?: number;
  readonly maximumQoS?: 0 | 1;
  readonly retainAvailable?: boolean;
  readonly userProperties?: UserProperties;
  /** Bytes of a whole packet. */
  readonly maximumPacketSize?: number;
  readonly wildcardSubscriptionAvailable?: boolean;
  readonly subscriptionIdentifierAvailable?: boolean;
  readonly sharedSubscriptionAvailable?: boolean;
}

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
