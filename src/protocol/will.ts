/** The Will Message as it is kept until it is published or discarded (v5 3.1.2.5, v3.1.1 3.1.2.5). */
import { encodePublishProperties } from '../packet/encode-publish-properties.js';
import type { Properties, WillPacket } from '../packet/packets.js';
import { lifetimeMs, Message } from '../packet/publication.js';
import type { WillRecord } from '../storage/storage.js';
import type { Engine } from './ports.js';

/** What CONNECT says of it, as a message. */
export function willRecord(engine: Engine, will: WillPacket, clientId: string): WillRecord {
  const { topic, topicBytes } = topicOf(engine, will.topic);
  const { willDelaySeconds = 0, ...properties } = will.properties;
  const { bytes, expiryAt } = encodePublishProperties(properties as Properties); // v5 [MQTT-3.1.3-10]
  const buffer = Buffer.allocUnsafeSlow(bytes.length + will.payload.length);
  buffer.set(bytes, 0);
  buffer.set(will.payload, bytes.length);
  return {
    message: new Message(topic, topicBytes, will.qos, will.retain, clientId, Infinity, buffer, bytes.length, expiryAt), // v5 [MQTT-3.1.2-7], v3.1.1 [MQTT-3.1.2-8]
    messageExpirySeconds: will.properties.messageExpirySeconds,
    willDelaySeconds,
  };
}

/** The message as it is published now: its life begins here. */
export function willMessage(will: WillRecord, nowMs: number): Message {
  const { message: m, messageExpirySeconds } = will;
  const expiresAtMs = messageExpirySeconds === undefined ? Infinity : nowMs + lifetimeMs(messageExpirySeconds); // v5 [X5-3.1.3.2.4-1]
  return new Message(m.topic, m.topicBytes, m.qos, m.retain, m.publisherId, expiresAtMs, m.buffer, m.payloadStart, m.expiryAt);
}

function topicOf(engine: Engine, topic: string): { topic: string; topicBytes: Uint8Array } {
  const entry = engine.router.lookupTopic(topic);
  return { topic: entry.topic, topicBytes: entry.bytes };
}
