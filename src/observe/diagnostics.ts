/**
 * `node:diagnostics_channel` channels for tracing and metrics tools. Whoever publishes asks `hasSubscribers` first,
 * so that a channel nobody listens to costs one flag test and no message is made for it.
 */
import { channel } from 'node:diagnostics_channel';
import type { BrokerError } from '../errors/errors.js';
import type { ProtocolVersion, QoS } from '../packet/protocol.js';
import type { DropReason } from '../protocol/counters.js';

/** `odonata:connect`: a CONNECT was answered. @public */
export interface ConnectDiagnostic {
  /** `undefined` when it was refused before its identifier was read. */
  readonly clientId: string | undefined;
  readonly protocolVersion: ProtocolVersion | undefined;
  /** `tcp`, `tls`, `ws`, `wss`, `stream` or `memory`. */
  readonly transport: string | undefined;
  readonly remoteAddress: string | undefined;
  readonly sessionPresent: boolean;
  /** MQTT 5.0 reason code of the CONNACK, also for 3.x; 0 = accepted. */
  readonly reasonCode: number;
}

/** `odonata:publish`: a message was taken in, from a client or from the host, and routed. @public */
export interface PublishDiagnostic {
  /** `undefined`: the host published. */
  readonly clientId: string | undefined;
  readonly topic: string;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly payloadBytes: number;
}

/** `odonata:deliver`: a subscriber was sent a message at QoS 0, or has acknowledged one of QoS 1 or 2. @public */
export interface DeliverDiagnostic {
  readonly clientId: string;
  readonly topic: string;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly payloadBytes: number;
}

/** `odonata:drop`: a message did not reach someone it was meant for. @public */
export interface DropDiagnostic {
  /** Whom it was meant for, or who published it when it was refused; `undefined` for a shared group or the host. */
  readonly clientId: string | undefined;
  readonly topic: string;
  readonly qos: QoS;
  readonly reason: DropReason;
}

/** `odonata:hook`: a hook has answered, or failed to. @public */
export interface HookDiagnostic {
  readonly hook: 'authenticate' | 'authorize' | 'takeover';
  readonly clientId: string;
  /** MQTT 5.0 reason code it came to; 0 = allowed. */
  readonly reasonCode: number;
  /** Milliseconds until the answer; 0 for a plain value. */
  readonly durationMs: number;
  /** Why it counts as failed. */
  readonly error: BrokerError | undefined;
}

/** `odonata:store`: a commit group became durable or failed, or the store changed its state. @public */
export interface StoreDiagnostic {
  readonly type: 'durable' | 'failed' | 'state';
  /** Log sequence number up to which this holds. */
  readonly lsn: number;
  readonly state: 'ok' | 'stalled' | 'failed';
  readonly error: BrokerError | undefined;
}

/** Names of the channels and what is published on each. @public */
export interface DiagnosticMessages {
  'odonata:connect': ConnectDiagnostic;
  'odonata:publish': PublishDiagnostic;
  'odonata:deliver': DeliverDiagnostic;
  'odonata:drop': DropDiagnostic;
  'odonata:hook': HookDiagnostic;
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
