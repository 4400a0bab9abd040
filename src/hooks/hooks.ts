/**
 * The hook interfaces: what a host plugs in to decide who may connect and who may do what.
 * One question, one typed answer. A plain value keeps the path synchronous; a promise makes that one
 * connection wait.
 */
import type { Properties } from '../packet/packets.js';
import type { ProtocolVersion, QoS } from '../packet/protocol.js';

/** TLS facts, see the transport port; opaque here. */
type Facts = Readonly<Record<string, unknown>>;

/**
 * What a client shows when it connects, or authenticates again.
 * @public
 */
export interface AuthenticateRequest {
  /** `connect` at CONNECT, `reauthenticate` at an AUTH 0x19 (v5 4.12.1). */
  readonly type: 'connect' | 'reauthenticate';
  /** As the client sent it, or the one the broker assigned. */
  readonly clientId: string;
  readonly username: string | undefined;
  readonly password: Uint8Array | undefined;
  readonly protocolVersion: ProtocolVersion;
  readonly cleanStart: boolean;
  readonly keepAliveSeconds: number;
  /** 5.0 CONNECT (or AUTH) properties; empty in 3.x. */
  readonly properties: Properties;
  /** Enhanced authentication: method and first data, when the client asked for it. */
  readonly authenticationMethod: string | undefined;
  readonly authenticationData: Uint8Array | undefined;
  /** Where the connection comes from: `transport`, `remoteAddress`, `tls` (certificate, SNI, ALPN), `upgrade` (HTTP). */
  readonly connection: Facts;
  /** Fires when the client goes away or the hook's deadline passes. */
  readonly signal: AbortSignal;
}

/**
 * Limits of one client; each may only narrow the broker's own option of the same name.
 * @public
 */
export interface ClientLimits {
  readonly sessionExpirySecondsMax?: number;
  readonly keepAliveSecondsMax?: number;
  readonly receiveMaximum?: number;
  readonly inflightMax?: number;
  readonly queueMessagesMax?: number;
  readonly queueBytesMax?: number;
  readonly outboundBytesMax?: number;
  readonly subscriptionsMax?: number;
  readonly maximumQoS?: QoS;
  readonly retainAvailable?: boolean;
}

/** @public */
export type AuthenticateAnswer =
  | boolean
  | {
      readonly action: 'allow';
      /** Who this is; default: the user name, else anonymous (`undefined`). A session belongs to its principal. */
      readonly principal?: string;
      readonly limits?: ClientLimits;
      /** Wall-clock milliseconds at which the login ends: 5.0 gets DISCONNECT 0x87; everyone is closed. */
      readonly expiresAtMs?: number;
      /** Last data of an enhanced authentication, sent in CONNACK or AUTH. */
      readonly authenticationData?: Uint8Array;
      readonly userProperties?: Properties['userProperties'];
      /** Response Information, sent when the client asked for it (v5 3.2.2.3.15). */
      readonly responseInformation?: string;
    }
  | {
      readonly action: 'deny';
      /** CONNACK reason code, 0x80 or above; default 0x87 (0x86 when a user name or password was given). 3.x gets the nearest return code. */
      readonly reasonCode?: number;
      readonly reasonString?: string;
      readonly userProperties?: Properties['userProperties'];
      /** With 0x9C or 0x9D (v5 4.11). */
      readonly serverReference?: string;
    }
  | {
      /** Enhanced authentication goes on: AUTH 0x18 with `data`; `next` gets what the client answers. */
      readonly action: 'challenge';
      readonly data?: Uint8Array;
      readonly next: (data: Uint8Array | undefined, signal: AbortSignal) => AuthenticateAnswer | Promise<AuthenticateAnswer>;
    };

/** @public */
export type Authenticate = (request: AuthenticateRequest) => AuthenticateAnswer | Promise<AuthenticateAnswer>;

/** The client that an action is about. @public */
export interface HookClient {
  readonly id: string;
  readonly principal: string | undefined;
  readonly username: string | undefined;
  readonly protocolVersion: ProtocolVersion;
  /** Facts of the connection; empty for a session whose client is away (a delayed will). */
  readonly connection: Facts;
  /** Fires when the client goes away. */
  readonly signal: AbortSignal;
}

/**
 * What a client wants to do. `topic` is the topic name, or for `subscribe` the topic filter
 * (without its `$share/name/` prefix, which is `shareName`).
 * @public
 */
export type Action =
  | {
      /** `will` is asked when the will is registered and again when it fires. */
      readonly type: 'publish' | 'will';
      readonly topic: string;
      readonly qos: QoS;
      readonly retain: boolean;
      readonly payloadBytes: number;
      readonly properties: Properties;
    }
  | {
      readonly type: 'subscribe';
      readonly topic: string;
      readonly qos: QoS;
      readonly shareName: string | undefined;
      readonly properties: Properties;
    }
  | {
      /** Asked when a message is about to be sent to the client, never when it is queued. */
      readonly type: 'deliver';
      readonly topic: string;
      readonly qos: QoS;
      readonly retain: boolean;
      readonly properties: Properties;
    };

/** @public */
export type AuthorizeAnswer =
  | boolean
  | {
      readonly action: 'allow';
      /** The answer holds for this principal, action and topic until `client.reauthorize()`. */
      readonly cache?: boolean;
    }
  | {
      readonly action: 'deny';
      /** 0x87 Not authorized (default), 0x97 Quota exceeded, 0x80, 0x83, 0x90 or 0x99; mapped to what the packet allows. */
      readonly reasonCode?: number;
      readonly reasonString?: string;
      readonly cache?: boolean;
    };

/**
 * The one chokepoint. A throw, a rejection or a passed deadline is a deny (0x87) and is emitted as `hookError`.
 * @public
 */
export type Authorize = (client: HookClient, action: Action) => AuthorizeAnswer | Promise<AuthorizeAnswer>;

/**
 * Asked when a client connects with the identifier of a session that belongs to another principal. Default: deny.
 * @public
 */
export type Takeover = (
  client: HookClient,
  holder: { readonly principal: string | undefined; readonly connected: boolean },
) => boolean | Promise<boolean>;

/** @public */
export interface Hooks {
  readonly authenticate?: Authenticate;
  readonly authorize?: Authorize;
  readonly takeover?: Takeover;
}

/** A settled authorization: 0 allows, anything else is the reason code of the refusal. */
export interface Verdict {
  readonly reasonCode: number;
  readonly reasonString: string | undefined;
  readonly cache: boolean;
}

/** A settled authentication step. */
export type AuthenticateVerdict = Exclude<AuthenticateAnswer, boolean>;

/** The hook runner as the core sees it: hooks with their deadlines applied, which never throw and never reject. */
export interface HookRunner {
  readonly hasAuthenticate: boolean;
  readonly hasAuthorize: boolean;
  authenticate(request: AuthenticateRequest): AuthenticateVerdict | Promise<AuthenticateVerdict>;
  /** Runs the `next` of a challenge under the same deadline. */
  continueAuthentication(
    challenge: Extract<AuthenticateVerdict, { action: 'challenge' }>,
    data: Uint8Array | undefined,
    signal: AbortSignal,
  ): AuthenticateVerdict | Promise<AuthenticateVerdict>;
  authorize(client: HookClient, action: Action): Verdict | Promise<Verdict>;
  takeover(client: HookClient, holder: { readonly principal: string | undefined; readonly connected: boolean }): boolean | Promise<boolean>;
}
