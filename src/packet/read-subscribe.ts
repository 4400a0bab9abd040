/** Reads SUBSCRIBE and UNSUBSCRIBE (v5 3.8 and 3.10, v3.1.1 the same). Filters are checked as text, not as filters. */
import { FieldReader } from './field-reader.js';
import { hex, malformed, protocolError, statementOf } from './fault.js';
import type { SubscribePacket, SubscriptionRequest, UnsubscribePacket } from './packets.js';
import { noProperties, PropertyHome } from './property.js';
import { PacketType, type ProtocolVersion, type QoS } from './protocol.js';
import type { PropertyLimits } from './scan-properties.js';

export function readSubscribe(
  buffer: Uint8Array,
  start: number,
  end: number,
  version: ProtocolVersion,
  limits: PropertyLimits,
): SubscribePacket {
  const fields = new FieldReader(buffer, start, end, version, limits);
  const packetId = fields.packetId();
  const properties = version === 5 ? fields.properties(PropertyHome.subscribe) : noProperties;
  if (fields.done) {
    // v5 [MQTT-3.8.3-2], v3.1.1 [MQTT-3.8.3-3]
    throw protocolError(statementOf(version, 'MQTT-3.8.3-2', 'MQTT-3.8.3-3'), 'SUBSCRIBE without a Topic Filter');
  }
  const subscriptions: SubscriptionRequest[] = [];
  while (!fields.done) subscriptions.push(readSubscription(fields));
  return { type: PacketType.subscribe, packetId, subscriptions, properties };
}

export function readUnsubscribe(
  buffer: Uint8Array,
  start: number,
  end: number,
  version: ProtocolVersion,
  limits: PropertyLimits,
): UnsubscribePacket {
  const fields = new FieldReader(buffer, start, end, version, limits);
  const packetId = fields.packetId();
  const properties = version === 5 ? fields.properties(PropertyHome.unsubscribe) : noProperties;
  if (fields.done) {
    // v5 [MQTT-3.10.3-2], v3.1.1 [MQTT-3.10.3-2]
    throw protocolError('MQTT-3.10.3-2', 'UNSUBSCRIBE without a Topic Filter');
  }
  const topicFilters: string[] = [];
  while (!fields.done) topicFilters.push(readFilter(fields));
  return { type: PacketType.unsubscribe, packetId, topicFilters, properties };
}

function readFilter(fields: FieldReader): string {
  // v5 [MQTT-3.8.3-1] [MQTT-3.10.3-1], v3.1.1 [MQTT-3.8.3-1] [MQTT-3.10.3-1]
  const filter = fields.text('a Topic Filter');
  // v5 [MQTT-4.7.3-1], v3.1.1 [MQTT-4.7.3-1]
  if (filter === '') throw malformed('MQTT-4.7.3-1', 'a Topic Filter is empty');
  return filter;
}

function readSubscription(fields: FieldReader): SubscriptionRequest {
  const topicFilter = readFilter(fields);
  const options = fields.byte('Subscription Options');
  const qos = options & 3;
  if (fields.version !== 5) {
    // v3.1.1 [MQTT-3.8.3-4]; MQTT 3.1 looks at the two bits of the QoS only
    const reserved = fields.version === 4 ? options >> 2 : 0;
    if (reserved !== 0 || qos === 3) throw malformed('MQTT-3.8.3-4', `Requested QoS byte is ${hex(options)}`);
    return { topicFilter, qos: qos as QoS, noLocal: false, retainAsPublished: false, retainHandling: 0 };
  }
  const retainHandling = (options >> 4) & 3;
  // v5 [MQTT-3.8.3-5]
  if (options >= 0x40) throw malformed('MQTT-3.8.3-5', `reserved bits in Subscription Options ${hex(options)}`);
  if (qos === 3) throw protocolError('X5-3.8.3.1-1', 'Maximum QoS is 3'); // v5 [X5-3.8.3.1-1]
  if (retainHandling === 3) throw protocolError('X5-3.8.3.1-2', 'Retain Handling is 3'); // v5 [X5-3.8.3.1-2]
  return {
    topicFilter,
    qos: qos as QoS,
    noLocal: (options & 0x04) !== 0,
    retainAsPublished: (options & 0x08) !== 0,
    retainHandling: retainHandling as 0 | 1 | 2,
  };
}
