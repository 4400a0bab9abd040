/**
 * `node:diagnostics_channel` channels for tracing and metrics tools. Whoever publishes asks `hasSubscribers` first,
 * so that a channel nobody listens to costs one flag test and no message is made for it.
 */
import { channel } from 'node:diagnostics_channel';
import type { BrokerError } from '../errors/errors.js';
import type { ProtocolVersion, QoS } from '../packet/protocol.js';
import type { DropReason } from '../protocol/counters.js';

/** `odonata:connect`: a CONNECT was accepted, or a connection was refused before that. @public */
export interface ConnectDiagnostic {
  /** `undefined` when it was refused before its identifier was read. */
  readonly clientId: string | undefined;
  /** 3 is MQTT 3.1, 4 is 3.1.1; `undefined` when it was not read. */
  readonly protocolVersion: ProtocolVersion | undefined;
  /** `tcp`, `tls`, `ws`, `wss`, `stream` or `memory`. */
  readonly transport: string | undefined;
  /** IP address of the client, when its transport has one. */
  readonly remoteAddress: string | undefined;
  /** Whether the client goes on with a session that was kept. */
  readonly sessionPresent: boolean;
  /** MQTT 5.0 reason code of the CONNACK, also for 3.x; 0 = accepted. */
  readonly reasonCode: number;
}

/** `odonata:publish`: a message was taken in, from a client or from the host, and routed. @public */
export interface PublishDiagnostic {
  /** `undefined`: the host published. */
  readonly clientId: string | undefined;
  /** Topic name. */
  readonly topic: string;
  /** QoS it was published with. */
  readonly qos: QoS;
  /** Whether it was to be retained. */
  readonly retain: boolean;
  /** Length of the payload. */
  readonly payloadBytes: number;
}

/** `odonata:deliver`: a subscriber was sent a message at QoS 0, or has acknowledged one of QoS 1 or 2. @public */
export interface DeliverDiagnostic {
  /** The subscriber. */
  readonly clientId: string;
  /** Topic name. */
  readonly topic: string;
  /** QoS of this delivery. */
  readonly qos: QoS;
  /** Whether it was published to be retained. */
  readonly retain: boolean;
  /** Length of the payload. */
  readonly payloadBytes: number;
}

/** `odonata:drop`: a message did not reach someone it was meant for. @public */
export interface DropDiagnostic {
  /** Whom it was meant for, or who published it when it was refused; `undefined` for a shared group or the host. */
  readonly clientId: string | undefined;
  /** Topic name. */
  readonly topic: string;
  /** QoS it was published with. */
  readonly qos: QoS;
  /** Why. */
  readonly reason: DropReason;
}

/** `odonata:hook`: a hook has answered, or failed to; the event `hookError` tells why. @public */
export interface HookDiagnostic {
  /** Which hook. */
  readonly hook: 'authenticate' | 'authorize' | 'takeover' | 'onConnect' | 'onPublish' | 'onSubscribe';
  /** The client it was asked about. */
  readonly clientId: string;
  /** MQTT 5.0 reason code it came to; 0 = allowed, or rewritten as it should be. */
  readonly reasonCode: number;
  /** Milliseconds until the answer; 0 for a plain value. */
  readonly durationMs: number;
}

/** `odonata:store`: a commit group became durable or failed, or the store changed its state. @public */
export interface StoreDiagnostic {
  /** `durable`, `failed`: a commit group; `state`: the store stalls, fails or works again. */
  readonly type: 'durable' | 'failed' | 'state';
  /** Log sequence number up to which this holds; `Infinity` in memory. */
  readonly lsn: number;
  /** The store's state now. */
  readonly state: 'ok' | 'stalled' | 'failed';
  /** What failed, when something did. */
  readonly error: BrokerError | undefined;
}

/** Names of the channels and what is published on each. @public */
export interface DiagnosticMessages {
  /** A CONNECT was accepted or refused. */
  'odonata:connect': ConnectDiagnostic;
  /** A message was taken in and routed. */
  'odonata:publish': PublishDiagnostic;
  /** A message reached a subscriber. */
  'odonata:deliver': DeliverDiagnostic;
  /** A message did not reach someone it was meant for. */
  'odonata:drop': DropDiagnostic;
  /** A hook has answered. */
  'odonata:hook': HookDiagnostic;
  /** The store has committed, failed or changed its state. */
  'odonata:store': StoreDiagnostic;
}

/** The publishing side of one channel. */
export interface DiagnosticChannel<M> {
  /** Ask first: a message for nobody is not to be made. */
  readonly hasSubscribers: boolean;
  publish(message: M): void;
}

const open = <N extends keyof DiagnosticMessages>(name: N): DiagnosticChannel<DiagnosticMessages[N]> => channel(name);

/** Held here for good: Node drops a channel that nobody refers to. */
export const diagnostics = {
  connect: open('odonata:connect'),
  publish: open('odonata:publish'),
  deliver: open('odonata:deliver'),
  drop: open('odonata:drop'),
  hook: open('odonata:hook'),
  store: open('odonata:store'),
} as const;
