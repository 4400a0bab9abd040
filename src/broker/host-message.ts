/** Messages that the host makes: checked as strictly as a client's. */
import { BrokerError } from '../errors/errors.js';
import { encodePublishProperties } from '../packet/encode-publish-properties.js';
import type { PublishProperties } from '../packet/packets.js';
import type { QoS } from '../packet/protocol.js';
import { lifetimeMs, Message } from '../packet/publication.js';
import { textProblem, Utf8Problem } from '../packet/utf8.js';
import type { Engine } from '../protocol/ports.js';
import { topicNameProblem } from '../topic/topic-rules.js';

/** Options of `publish`. @public */
export interface PublishOptions extends PublishProperties {
  /** Default 0. */
  readonly qos?: QoS;
  /** Keep it as the topic's retained message; an empty payload clears it. Default false. */
  readonly retain?: boolean;
  /** Gives up waiting for the store; the message may have been published all the same. */
  readonly signal?: AbortSignal;
}

/** Why the host's `text` could not be sent, or would be refused if a client sent it; `undefined` when nothing is wrong. */
export function hostTextProblem(engine: Engine, text: string): string | undefined {
  switch (textProblem(text, engine.options.strictText)) {
    case 0:
      return undefined;
    case Utf8Problem.illFormed: // v5 [MQTT-1.5.4-1]
      return `${JSON.stringify(text)} has a lone surrogate`;
    case Utf8Problem.nullCharacter:
      return `${JSON.stringify(text)} contains U+0000`;
    case Utf8Problem.controlOrNonCharacter: // X5-1.5.4-1
      return `${JSON.stringify(text)} has a control or non-character (strictText)`;
  }
}

/** @throws BrokerError `ODN_ERR_ARGUMENT`: topic, payload or a property is not legal; the message says which and why. */
export function hostMessage(
  engine: Engine,
  topic: string,
  payload: string | Uint8Array,
  options: PublishOptions,
  publisherId: string | undefined,
): Message {
  const { topicLevelsMax, topicBytesMax } = engine.options;
  const problem =
    typeof topic === 'string'
      ? (topicNameProblem(topic, topicLevelsMax, topicBytesMax) ?? hostTextProblem(engine, topic))
      : 'the topic is not a string';
  if (problem !== undefined) throw new BrokerError('ODN_ERR_ARGUMENT', problem);
  if (typeof payload !== 'string' && !(payload instanceof Uint8Array)) {
    throw new BrokerError('ODN_ERR_ARGUMENT', `the payload is a ${typeof payload}; it must be a string or a Uint8Array`);
  }
  const { qos = 0, retain = false, signal: _signal, ...properties } = options;
  if (qos !== 0 && qos !== 1 && qos !== 2) throw new BrokerError('ODN_ERR_ARGUMENT', `qos is ${String(qos)}; it must be 0, 1 or 2`);
  if (typeof retain !== 'boolean') throw new BrokerError('ODN_ERR_ARGUMENT', `retain is ${String(retain)}; it must be a boolean`);
  const bytes = typeof payload === 'string' ? Buffer.from(payload, 'utf8') : payload;
  const encoded = encodePublishProperties(properties);
  const buffer = Buffer.allocUnsafeSlow(encoded.bytes.length + bytes.length);
  buffer.set(encoded.bytes, 0);
  buffer.set(bytes, encoded.bytes.length);
  const seconds = properties.messageExpirySeconds;
  const expiresAtMs = seconds === undefined ? Infinity : engine.now() + lifetimeMs(seconds);
  const entry = engine.router.lookupTopic(topic);
  return new Message(
    entry.topic,
    entry.bytes,
    qos,
    retain,
    publisherId,
    expiresAtMs,
    buffer,
    encoded.bytes.length,
    encoded.expiryAt,
  );
}
