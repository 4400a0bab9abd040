/**
 * Packets as wire tests write and read them: plain objects, no buffers, nothing that a test does not compare.
 */

/**
 * Properties under mqtt-packet's names. Received, binary ones are text as payloads are, and user properties are
 * always a list of pairs in the order of the wire; sent, they may be such a list too.
 * @public
 */
export interface WireProperties {
  /** `true` for UTF-8 text. */
  readonly payloadFormatIndicator?: boolean;
  /** Seconds. */
  readonly messageExpiryInterval?: number;
  /** What the payload is. */
  readonly contentType?: string;
  /** Topic name. */
  readonly responseTopic?: string;
  /** Binary. */
  readonly correlationData?: string | Uint8Array;
  /** A number; a list when the packet has more than one. */
  readonly subscriptionIdentifier?: number | readonly number[];
  /** Seconds; 4,294,967,295 = never. */
  readonly sessionExpiryInterval?: number;
  /** Of CONNACK. */
  readonly assignedClientIdentifier?: string;
  /** Seconds. */
  readonly serverKeepAlive?: number;
  /** Of CONNECT, CONNACK, AUTH. */
  readonly authenticationMethod?: string;
  /** Binary. */
  readonly authenticationData?: string | Uint8Array;
  /** Of CONNECT. */
  readonly requestProblemInformation?: boolean;
  /** Seconds. */
  readonly willDelayInterval?: number;
  /** Of CONNECT. */
  readonly requestResponseInformation?: boolean;
  /** Of CONNACK. */
  readonly responseInformation?: string;
  /** Of CONNACK, DISCONNECT. */
  readonly serverReference?: string;
  /** Of all answers. */
  readonly reasonString?: string;
  /** 1 to 65,535. */
  readonly receiveMaximum?: number;
  /** 0 to 65,535. */
  readonly topicAliasMaximum?: number;
  /** 1 to 65,535. */
  readonly topicAlias?: number;
  /** 0 or 1. */
  readonly maximumQoS?: number;
  /** Of CONNACK. */
  readonly retainAvailable?: boolean;
  /** Pairs in the order of the wire. */
  readonly userProperties?: readonly (readonly [name: string, value: string])[];
  /** Bytes. */
  readonly maximumPacketSize?: number;
  /** Of CONNACK. */
  readonly wildcardSubscriptionAvailable?: boolean;
  /** Of CONNACK. */
  readonly subscriptionIdentifiersAvailable?: boolean;
  /** Of CONNACK. */
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
  /** Packet type. */
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
  /** Packet Identifier. */
  readonly packetId?: number;
  /** Reason code, or return code of a 3.x CONNACK. */
  readonly reasonCode?: number;
  /** One for each filter. */
  readonly reasonCodes?: readonly number[];
  /** Of CONNACK. */
  readonly sessionPresent?: boolean;
  /** Topic name; empty where an alias stands for it. */
  readonly topic?: string;
  /** Text, or `0x…`. */
  readonly payload?: string;
  /** 0, 1 or 2. */
  readonly qos?: number;
  /** RETAIN flag. */
  readonly retain?: boolean;
  /** DUP flag. */
  readonly dup?: boolean;
  /** Those that are there. */
  readonly properties?: WireProperties;
}

/** A packet to send, under mqtt-packet's names: `cmd` is its type, `messageId` its packet identifier. @public */
export interface WireSendPacket {
  /** Packet type in small letters: `publish`. */
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
  /** Default: none. */
  readonly username?: string | Uint8Array;
  /** Default: none. */
  readonly password?: string | Uint8Array;
  /** Default: none. */
  readonly will?: {
    /** Will Topic. */
    readonly topic: string;
    /** Default: empty. */
    readonly payload?: string | Uint8Array;
    /** Default 0. */
    readonly qos?: 0 | 1 | 2;
    /** Default false. */
    readonly retain?: boolean;
    /** Will Properties, for 5.0. */
    readonly properties?: WireProperties;
  };
  /** Of CONNECT, for 5.0. */
  readonly properties?: WireProperties;
}

/** What a wire client puts into a PUBLISH. @public */
export interface WirePublish {
  /** Topic name; may be empty beside an alias. */
  readonly topic: string;
  /** Default: empty. */
  readonly payload?: string | Uint8Array;
  /** Default 0. */
  readonly qos?: 0 | 1 | 2;
  /** Default false. */
  readonly retain?: boolean;
  /** Default false. */
  readonly dup?: boolean;
  /** Default with QoS 1 and 2: the next of this client's own counter. */
  readonly packetId?: number;
  /** For 5.0. */
  readonly properties?: WireProperties;
}

/** Subscription options under mqtt-packet's names. @public */
export interface WireSubscription {
  /** Topic filter. */
  readonly topic: string;
  /** Default 0. */
  readonly qos?: 0 | 1 | 2;
  /** No Local. */
  readonly nl?: boolean;
  /** Retain As Published. */
  readonly rap?: boolean;
  /** Retain Handling. */
  readonly rh?: 0 | 1 | 2;
}
