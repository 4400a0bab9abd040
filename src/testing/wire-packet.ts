/**
 * Packets as wire tests write and read them: plain objects, no buffers, nothing that a test does not compare.
 */

/**
 * Properties under mqtt-packet's names. Received, binary ones are text as payloads are, and user properties are
 * always a list of pairs in the order of the wire; sent, they may be such a list too.
 * @public
 */
export interface WireProperties {
  readonly payloadFormatIndicator?: boolean;
  readonly messageExpiryInterval?: number;
  readonly contentType?: string;
  readonly responseTopic?: string;
  readonly correlationData?: string | Uint8Array;
  /** A number; a list when the packet has more than one. */
  readonly subscriptionIdentifier?: number | readonly number[];
  readonly sessionExpiryInterval?: number;
  readonly assignedClientIdentifier?: string;
  readonly serverKeepAlive?: number;
  readonly authenticationMethod?: string;
  readonly authenticationData?: string | Uint8Array;
  readonly requestProblemInformation?: boolean;
  readonly willDelayInterval?: number;
  readonly requestResponseInformation?: boolean;
  readonly responseInformation?: string;
  readonly serverReference?: string;
  readonly reasonString?: string;
  readonly receiveMaximum?: number;
  readonly topicAliasMaximum?: number;
  readonly topicAlias?: number;
  readonly maximumQoS?: number;
  readonly retainAvailable?: boolean;
  readonly userProperties?: readonly (readonly [name: string, value: string])[];
  readonly maximumPacketSize?: number;
  readonly wildcardSubscriptionAvailable?: boolean;
  readonly subscriptionIdentifiersAvailable?: boolean;
  readonly sharedSubscriptionAvailable?: boolean;
}

/**
 * A packet from the broker. Which fields are there depends on `type` alone, but for those marked `?`:
 * - `connack`: `reasonCode` (3.x: the return code), `sessionPresent`, `properties?`
 * - `publish`: `topic`, `payload`, `qos`, `retain`, `dup`, `packetId?` (QoS 1 and 2), `properties?`
 * - `puback`, `pubrec`, `pubrel`, `pubcomp`: `packetId`, `reasonCode` (5.0 only), `properties?`
 * - `suback`: `packetId`, `reasonCodes`, `properties?`
 * - `unsuback`: `packetId`, `reasonCodes` (5.0 only), `properties?`
 * - `pingresp`: nothing else
 * - `disconnect`, `auth`: `reasonCode`, `properties?`
 *
 * A payload is a string when it is valid UTF-8, else `0x` and its bytes in hexadecimal. A field that is not
 * there is absent, not `undefined`, so both `toEqual` and `toMatchObject` read well.
 * @public
 */
export interface WirePacket {
  readonly type:
    | 'connack'
    | 'publish'
    | 'puback'
    | 'pubrec'
    | 'pubrel'
    | 'pubcomp'
    | 'suback'
    | 'unsuback'
    | 'pingresp'
    | 'disconnect'
    | 'auth';
  readonly packetId?: number;
  readonly reasonCode?: number;
  readonly reasonCodes?: readonly number[];
  readonly sessionPresent?: boolean;
  readonly topic?: string;
  readonly payload?: string;
  readonly qos?: number;
  readonly retain?: boolean;
  readonly dup?: boolean;
  readonly properties?: WireProperties;
}

/** A packet to send, under mqtt-packet's names: `cmd` is its type, `messageId` its packet identifier. @public */
export interface WireSendPacket {
  readonly cmd: string;
  readonly [field: string]: unknown;
}

/** What a wire client puts into a CONNECT; the rest is as small as it may be. @public */
export interface WireConnect {
  /** Default `''`. */
  readonly clientId?: string;
  /** Clean Start, or Clean Session in 3.x; default true. */
  readonly clean?: boolean;
  /** The same by its 5.0 name. */
  readonly cleanStart?: boolean;
  /** Seconds; default 0, no keep alive. */
  readonly keepalive?: number;
  readonly username?: string | Uint8Array;
  readonly password?: string | Uint8Array;
  readonly will?: {
    readonly topic: string;
    readonly payload?: string | Uint8Array;
    readonly qos?: 0 | 1 | 2;
    readonly retain?: boolean;
    readonly properties?: WireProperties;
  };
  readonly properties?: WireProperties;
}

/** @public */
export interface WirePublish {
  readonly topic: string;
  readonly payload?: string | Uint8Array;
  readonly qos?: 0 | 1 | 2;
  readonly retain?: boolean;
  readonly dup?: boolean;
  /** Default with QoS 1 and 2: the next of this client's own counter. */
  readonly packetId?: number;
  readonly properties?: WireProperties;
}

/** Subscription options under mqtt-packet's names. @public */
export interface WireSubscription {
  readonly topic: string;
  readonly qos?: 0 | 1 | 2;
  /** No Local. */
  readonly nl?: boolean;
  /** Retain As Published. */
  readonly rap?: boolean;
  /** Retain Handling. */
  readonly rh?: 0 | 1 | 2;
}
