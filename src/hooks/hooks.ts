/**
 * The hook interfaces: what a host plugs in to decide who may connect and who may do what.
 * One question, one typed answer. A plain value keeps the path synchronous; a promise makes that one
 * connection wait.
 */
import type { Properties, PublishProperties, UserProperties } from '../packet/packets.js';
import type { ProtocolVersion, QoS } from '../packet/protocol.js';
import type { Publication } from '../packet/publication.js';
import type { ConnectionMeta } from '../transport/transport.js';

/**
 * What a client shows when it connects, or authenticates again.
 * @public
 */
export interface AuthenticateRequest {
  /** `connect` at CONNECT, `reauthenticate` at an AUTH 0x19 (v5 4.12.1). */
  readonly type: 'connect' | 'reauthenticate';
  /** As the client sent it, or the one the broker assigned. */
  readonly clientId: string;
  /** User Name, when one was sent. */
  readonly username: string | undefined;
  /** The password's bytes, when one was sent: `Buffer.from(password).toString()` for text. */
  readonly password: Uint8Array | undefined;
  /** 3 is MQTT 3.1, 4 is 3.1.1. */
  readonly protocolVersion: ProtocolVersion;
  /** Clean Start; Clean Session in 3.x. */
  readonly cleanStart: boolean;
  /** Keep Alive as the client asked for it, in seconds, 0 to 65,535; 0 = off. */
  readonly keepAliveSeconds: number;
  /** 5.0 CONNECT (or AUTH) properties; empty in 3.x. */
  readonly properties: Properties;
  /** The method of enhanced authentication, when the client asked for it (v5 4.12). */
  readonly authenticationMethod: string | undefined;
  /** Its first data, when the client sent some. */
  readonly authenticationData: Uint8Array | undefined;
  /** Where the connection comes from: transport, addresses, TLS (certificate, SNI, ALPN), HTTP upgrade. */
  readonly connection: ConnectionMeta;
  /** Fires when the client goes away or the hook's deadline passes. */
  readonly signal: AbortSignal;
}

/**
 * Limits of one client; each may only narrow the broker's own option of the same name, which is the default. A name
 * that is not here, or a value outside its range, makes the answer a nonsense one: the client is refused.
 * @public
 */
export interface ClientLimits {
  /** Longest Session Expiry Interval, in whole seconds from 0. */
  readonly sessionExpirySecondsMax?: number;
  /** Longest Keep Alive, in whole seconds, 1 to 65,535. */
  readonly keepAliveSecondsMax?: number;
  /** QoS 1 and 2 messages unacknowledged towards the broker, 1 to 65,535. */
  readonly receiveMaximum?: number;
  /** QoS 1 and 2 messages unacknowledged towards the client, 1 to 65,535. */
  readonly inflightMax?: number;
  /** Messages waiting for the session, from 0. */
  readonly queueMessagesMax?: number;
  /** Bytes waiting for the session, from 0. */
  readonly queueBytesMax?: number;
  /** Bytes left unsent to the connection, from 0. */
  readonly outboundBytesMax?: number;
  /** Subscriptions, from 0. */
  readonly subscriptionsMax?: number;
  /** Highest QoS to publish with and to be granted. */
  readonly maximumQoS?: QoS;
  /** `false`: no retained messages from this client. */
  readonly retainAvailable?: boolean;
}

/**
 * `true` allows, `false` refuses (0x86 when a user name or password was given, else 0x87), an object says more.
 * Anything else is nonsense: a refusal with 0x83, and the event `hookError`.
 * @public
 */
export type AuthenticateAnswer =
  | boolean
  | {
      /** The client may connect. */
      readonly action: 'allow';
      /** Who this is; default: the user name, else anonymous (`undefined`). A session belongs to its principal, and a re-authentication that names another is refused (0x87). */
      readonly principal?: string;
      /** Limits of this client that are narrower than the broker's. */
      readonly limits?: ClientLimits;
      /** Wall-clock milliseconds at which the login ends: 5.0 gets DISCONNECT 0x87; everyone is closed. */
      readonly expiresAtMs?: number;
      /** Last data of an enhanced authentication, sent in CONNACK or AUTH. */
      readonly authenticationData?: Uint8Array;
      /** User properties of the CONNACK, for 5.0. */
      readonly userProperties?: UserProperties;
      /** Response Information, sent when the client asked for it (v5 3.2.2.3.15). */
      readonly responseInformation?: string;
    }
  | {
      /** The client may not connect. */
      readonly action: 'deny';
      /** CONNACK reason code, 0x80 or above; default 0x87 (0x86 when a user name or password was given). 3.x gets the nearest return code. */
      readonly reasonCode?: number;
      /** Why, in words, for 5.0 clients that want problem information. */
      readonly reasonString?: string;
      /** User properties beside it, for 5.0. */
      readonly userProperties?: UserProperties;
      /** With 0x9C or 0x9D (v5 4.11). */
      readonly serverReference?: string;
    }
  | {
      /** Enhanced authentication goes on: AUTH 0x18 with `data`; `next` gets what the client answers. */
      readonly action: 'challenge';
      /** Authentication Data of the AUTH. */
      readonly data?: Uint8Array;
      /** Called with the client's answer, under a deadline and a signal of its own. */
      readonly next: (data: Uint8Array | undefined, signal: AbortSignal) => AuthenticateAnswer | Promise<AuthenticateAnswer>;
    };

/**
 * Asked at CONNECT, and at each re-authentication of an MQTT 5.0 client. A throw, a rejection or a passed deadline
 * (`hookTimeoutSeconds`) is a refusal with 0x83 and is emitted as `hookError`.
 * @public
 */
export type Authenticate = (request: AuthenticateRequest) => AuthenticateAnswer | Promise<AuthenticateAnswer>;

/** The client that an action is about. @public */
export interface HookClient {
  /** Client Identifier. */
  readonly id: string;
  /** Who `authenticate` says this is; default: the user name, else `undefined` (anonymous). */
  readonly principal: string | undefined;
  /** User Name, when one was sent. */
  readonly username: string | undefined;
  /** 3 is MQTT 3.1, 4 is 3.1.1. */
  readonly protocolVersion: ProtocolVersion;
  /** Where it comes from; while the client is away (a delayed will) where it came from last, empty after a restart. */
  readonly connection: ConnectionMeta;
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
      /** Topic name; an alias is resolved. */
      readonly topic: string;
      /** QoS it is published with. */
      readonly qos: QoS;
      /** Whether it is to be kept as the topic's retained message. */
      readonly retain: boolean;
      /** Length of the payload, in bytes; 0 with `retain` clears. */
      readonly payloadBytes: number;
      /** Properties of the PUBLISH or the will, decoded when they are looked at. */
      readonly properties: Properties;
    }
  | {
      /** Asked for each filter of a SUBSCRIBE. */
      readonly type: 'subscribe';
      /** Topic filter, wildcards included: whoever allows `a/+` allows what it matches, unless `deliver` refuses. */
      readonly topic: string;
      /** QoS that is asked for. */
      readonly qos: QoS;
      /** The name of the shared group, for `$share/name/filter`. */
      readonly shareName: string | undefined;
      /** Properties of the SUBSCRIBE: its subscription identifier and user properties. */
      readonly properties: Properties;
    }
  | {
      /** Asked when a message is about to be sent to the client, never when it is queued. */
      readonly type: 'deliver';
      /** Topic name. */
      readonly topic: string;
      /** QoS of this delivery. */
      readonly qos: QoS;
      /** RETAIN as it will be sent. */
      readonly retain: boolean;
      /** The publisher's properties, decoded when they are looked at. */
      readonly properties: Properties;
    };

/**
 * `true` allows, `false` refuses with 0x87, an object says more. Anything else is nonsense: a refusal with 0x87, and
 * the event `hookError`.
 * @public
 */
export type AuthorizeAnswer =
  | boolean
  | {
      /** It may. */
      readonly action: 'allow';
      /**
       * `publish` and `deliver` only: the answer holds for this connection, action and topic, whatever the other
       * fields of the action. Default false.
       */
      readonly cache?: boolean;
    }
  | {
      /** It may not. */
      readonly action: 'deny';
      /** 0x87 Not authorized (default), 0x97 Quota exceeded, 0x80, 0x83, 0x90 or 0x99; mapped to what the packet allows. */
      readonly reasonCode?: number;
      /** Why, in words, for 5.0 clients that want problem information. */
      readonly reasonString?: string;
      /** As for `allow`. */
      readonly cache?: boolean;
    };

/**
 * The one chokepoint. A throw, a rejection or a passed deadline is a deny (0x87) and is emitted as `hookError`.
 * @public
 */
export type Authorize = (client: HookClient, action: Action) => AuthorizeAnswer | Promise<AuthorizeAnswer>;

/**
 * Asked when a client connects with the identifier of a session that belongs to another principal: `true` gives it
 * the session. Default: deny. Anything but a boolean, a throw or a passed deadline is a refusal (0x87), emitted as
 * `hookError`.
 * @public
 */
export type Takeover = (
  client: HookClient,
  holder: { readonly principal: string | undefined; readonly connected: boolean },
) => boolean | Promise<boolean>;

/** The hooks of a broker; those that are absent cost one flag test. @public */
export interface Hooks {
  /** Who may connect. */
  readonly authenticate?: Authenticate;
  /** Who may publish, subscribe and receive what. */
  readonly authorize?: Authorize;
  /** Who may take over the session of another principal. */
  readonly takeover?: Takeover;
}

/** What `onConnect` is to subscribe the client to. @public */
export interface AutoSubscription {
  /** Topic filter, or `$share/name/filter`. */
  readonly topicFilter: string;
  /** Highest QoS to deliver at. Default 2; never above the client's `maximumQoS`. */
  readonly qos?: QoS;
  /** Leave out what the client publishes itself. Default false. */
  readonly noLocal?: boolean;
  /** Keep the RETAIN flag as published. Default false. */
  readonly retainAsPublished?: boolean;
  /** 0 (default) sends retained messages, 1 only for a new subscription, 2 never. */
  readonly retainHandling?: 0 | 1 | 2;
}

/** `undefined`: nothing. @public */
export type ConnectAnswer =
  | undefined
  | {
      /** Subscribed on behalf of the client, in order; each is authorized like its own. */
      readonly subscriptions: readonly AutoSubscription[];
    };

/**
 * Asked right after CONNACK; what the client sends waits for it. A failure disconnects the client with 0x83.
 * @public
 */
export type OnConnect = (client: HookClient) => ConnectAnswer | Promise<ConnectAnswer>;

/** A message that a client publishes, or its will when it fires. @public */
export interface PublishRequest {
  /** Topic name; an alias is resolved. */
  readonly topic: string;
  /** The payload's bytes; not to be written to. */
  readonly payload: Uint8Array;
  /** QoS it is published with. */
  readonly qos: QoS;
  /** Whether it is to be kept as the topic's retained message. */
  readonly retain: boolean;
  /** Properties of the PUBLISH, decoded when they are looked at. */
  readonly properties: Properties;
}

/** What is to be published instead; what is left out stays as it is. Checked like `broker.publish()`. @public */
export interface PublishRewrite {
  /** Topic name. */
  readonly topic?: string;
  /** Text is sent as UTF-8. */
  readonly payload?: string | Uint8Array;
  /** QoS of the message on its way to subscribers; the publisher is answered at the QoS it sent. */
  readonly qos?: QoS;
  /** Whether it is kept as the topic's retained message. */
  readonly retain?: boolean;
  /** In place of all properties that were sent: spread `message.properties` to add some. */
  readonly properties?: PublishProperties;
}

/**
 * May rewrite what a client publishes, before `authorize` is asked: what is authorized is what is routed. A failure
 * refuses the PUBLISH with 0x83 (3.x at QoS 1 and 2: a close).
 * @public
 */
export type OnPublish = (
  client: HookClient,
  message: PublishRequest,
) => PublishRewrite | undefined | Promise<PublishRewrite | undefined>;

/** One filter of a SUBSCRIBE, as the client sent it. @public */
export interface SubscribeRequest {
  /** `$share/name/` included. */
  readonly topicFilter: string;
  /** Highest QoS that is asked for. */
  readonly qos: QoS;
  /** Whether the client's own messages are to be left out. */
  readonly noLocal: boolean;
  /** Whether RETAIN is to be forwarded as published. */
  readonly retainAsPublished: boolean;
  /** 0 sends retained messages, 1 only for a new subscription, 2 never. */
  readonly retainHandling: 0 | 1 | 2;
}

/**
 * What is to be granted instead; what is left out stays as it is. There is no `topicFilter`: it is the name by which the
 * client replaces its subscription and ends it.
 * @public
 */
export interface SubscribeRewrite {
  /** One above what the client asked for counts as what it asked for: SUBACK never grants more. */
  readonly qos?: QoS;
  /** Never `true` for a shared subscription. */
  readonly noLocal?: boolean;
  /** Keep the RETAIN flag as published. */
  readonly retainAsPublished?: boolean;
  /** 0 sends retained messages, 1 only for a new subscription, 2 never. */
  readonly retainHandling?: 0 | 1 | 2;
}

/**
 * May rewrite a subscription, before `authorize` is asked. A failure refuses that filter with 0x83 (3.x: 0x80).
 * @public
 */
export type OnSubscribe = (
  client: HookClient,
  subscription: SubscribeRequest,
) => SubscribeRewrite | undefined | Promise<SubscribeRewrite | undefined>;

/** A set of hooks with a name, for `broker.use()`. Hooks of one kind are asked in the order of their plugins. @public */
export interface Plugin extends Hooks {
  /** Not empty, and no other plugin's of this broker. */
  readonly name: string;
  /** What to subscribe a client to when it connects. */
  readonly onConnect?: OnConnect;
  /** Rewrites what clients publish. */
  readonly onPublish?: OnPublish;
  /** Rewrites how clients subscribe. */
  readonly onSubscribe?: OnSubscribe;
}

/** Every kind of hook. @public */
export type HookName = Exclude<keyof Plugin, 'name'>;

/** A settled authorization: 0 allows, anything else is the reason code of the refusal. */
export interface Verdict {
  readonly reasonCode: number;
  readonly reasonString: string | undefined;
  readonly cache: boolean;
}

/** A settled authentication step. */
export type AuthenticateVerdict = Exclude<AuthenticateAnswer, boolean>;

/** Who holds the session that a client of another principal asks for. */
export type SessionHolder = Parameters<Takeover>[1];

/** A hook failed where it was to transform something: the failure is reported already. */
export type Failed = undefined;

/** The hook runner as the core sees it: hooks with their deadlines applied, which never throw and never reject. */
export interface HookRunner {
  /** Whether there is such a hook now: asked before anything is made for it. */
  readonly hasAuthenticate: boolean;
  readonly hasAuthorize: boolean;
  readonly hasOnConnect: boolean;
  readonly hasOnPublish: boolean;
  readonly hasOnSubscribe: boolean;
  /** Raised whenever hooks come or go: answers that were kept before are void. */
  readonly generation: number;
  authenticate(request: AuthenticateRequest): AuthenticateVerdict | Promise<AuthenticateVerdict>;
  /** Runs the `next` of a challenge under the same deadline, then the hooks behind the one that challenged. */
  continueAuthentication(
    challenge: Extract<AuthenticateVerdict, { action: 'challenge' }>,
    data: Uint8Array | undefined,
    signal: AbortSignal,
  ): AuthenticateVerdict | Promise<AuthenticateVerdict>;
  authorize(client: HookClient, action: Action): Verdict | Promise<Verdict>;
  takeover(client: HookClient, holder: SessionHolder): boolean | Promise<boolean>;
  /** The subscriptions of all plugins, checked and complete. */
  onConnect(client: HookClient): readonly SubscribeRequest[] | Failed | Promise<readonly SubscribeRequest[] | Failed>;
  /** `publication` itself when nobody rewrites it. */
  onPublish(client: HookClient, publication: Publication): Publication | Failed | Promise<Publication | Failed>;
  /** `request` itself when nobody rewrites it. */
  onSubscribe(client: HookClient, request: SubscribeRequest): SubscribeRequest | Failed | Promise<SubscribeRequest | Failed>;
}
