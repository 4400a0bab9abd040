/** What an accepting CONNACK tells a 5.0 client (v5 3.2.2.3): only what differs from the defaults. */
import type { Properties } from '../packet/packets.js';
import type { Connecting } from './connecting.js';
import type { Connection } from './connection.js';

type Draft = { -readonly [K in keyof Properties]: Properties[K] };

export function connackProperties(connection: Connection, connecting: Connecting): Properties {
  const { packet, limits, verdict, assigned, clientId, keepAliveSeconds, sessionExpirySeconds } = connecting;
  if (packet.protocolVersion !== 5) return {};
  const { options } = connection.engine;
  const told: Draft = {
    receiveMaximum: limits.receiveMaximum,
    maximumPacketSize: options.packetBytesMax,
  };
  // X5-3.2.2.3.2-1: a capped expiry is told.
  if (sessionExpirySeconds !== (packet.properties.sessionExpirySeconds ?? 0)) told.sessionExpirySeconds = sessionExpirySeconds;
  if (limits.maximumQoS < 2) told.maximumQoS = limits.maximumQoS as 0 | 1; // v5 [MQTT-3.2.2-9]
  if (!limits.retainAvailable) told.retainAvailable = false;
  if (assigned) told.assignedClientIdentifier = clientId; // v5 [MQTT-3.1.3-7] [MQTT-3.2.2-16]
  if (options.topicAliasMaximum > 0) told.topicAliasMaximum = options.topicAliasMaximum; // v5 [MQTT-3.2.2-18]
  if (!options.wildcardSubscriptionAvailable) told.wildcardSubscriptionAvailable = false;
  if (!options.subscriptionIdentifierAvailable) told.subscriptionIdentifierAvailable = false;
  if (!options.sharedSubscriptionAvailable) told.sharedSubscriptionAvailable = false;
  if (keepAliveSeconds !== packet.keepAliveSeconds) told.serverKeepAliveSeconds = keepAliveSeconds; // v5 [MQTT-3.2.2-21]
  if (packet.properties.requestResponseInformation === true && verdict.responseInformation !== undefined) { // v5 [MQTT-3.1.2-28] [X5-3.1.2.11.6-1]
    told.responseInformation = verdict.responseInformation;
  }
  const method = connection.authentication?.method;
  if (method !== undefined) told.authenticationMethod = method; // v5 [MQTT-4.12.0-5] [MQTT-4.12.0-6]
  if (method !== undefined && verdict.authenticationData !== undefined) told.authenticationData = verdict.authenticationData;
  if (verdict.userProperties !== undefined) told.userProperties = verdict.userProperties;
  return told;
}
