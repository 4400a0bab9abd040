/** What hooks make of messages and subscriptions, checked as strictly as what the host itself publishes and subscribes to. */
import { BrokerError } from '../errors/errors.js';
import type { AutoSubscription, PublishRewrite, SubscribeRequest } from '../hooks/hooks.js';
import type { TransformChecks } from '../hooks/transforms.js';
import { Message } from '../packet/publication.js';
import type { Engine } from '../protocol/ports.js';
import { hostMessage } from './host-message.js';
import { checkFilter, subscribeTerms } from './host-subscription.js';

/** @param engine - a function, as the engine is made after its hooks. */
export function hookChecks(engine: () => Engine): TransformChecks {
  return {
    rewritten: (message, rewrite) => rewritten(engine(), message, rewrite),
    subscription: (given) => checkedSubscription(engine(), given),
  };
}

/** @throws BrokerError `ODN_ERR_ARGUMENT` */
function rewritten(engine: Engine, message: Message, rewrite: PublishRewrite): Message {
  const { buffer, payloadStart, expiryAt, publisherId, expiresAtMs } = message;
  const { topic = message.topic, payload = buffer.subarray(payloadStart), qos = message.qos, retain = message.retain } = rewrite;
  // Without `properties` the bytes of those that were sent stay as they are, and the message lives as long as it did.
  const made = hostMessage(engine, topic, payload, { ...rewrite.properties, qos, retain }, publisherId);
  if (rewrite.properties !== undefined) return made;
  const bytes = rewrite.payload === undefined ? buffer : joined(buffer.subarray(0, payloadStart), made.buffer);
  return new Message(made.topic, made.topicBytes, qos, retain, publisherId, expiresAtMs, bytes, payloadStart, expiryAt);
}

/** A small payload never keeps the bytes of a large one. */
function joined(properties: Uint8Array, payload: Uint8Array): Uint8Array {
  const bytes = Buffer.allocUnsafeSlow(properties.length + payload.length);
  bytes.set(properties, 0);
  bytes.set(payload, properties.length);
  return bytes;
}

/** @throws BrokerError `ODN_ERR_ARGUMENT` */
function checkedSubscription(engine: Engine, given: AutoSubscription): SubscribeRequest {
  if (typeof given !== 'object' || given === null) throw new BrokerError('ODN_ERR_ARGUMENT', 'a subscription is not an object');
  const { topicFilter, ...options } = given;
  checkFilter(engine, topicFilter);
  const terms = subscribeTerms(options);
  if (!terms.noLocal || !topicFilter.startsWith('$share/')) return Object.freeze({ topicFilter, ...terms });
  throw new BrokerError('ODN_ERR_ARGUMENT', `noLocal is true for the shared subscription ${topicFilter}`); // v5 [MQTT-3.8.3-4]
}
