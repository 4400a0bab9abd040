/** MQTT 5.0 Reason Codes by their names in the specification (v5 2.4). @public */
export const ReasonCode = {
  /** CONNACK, PUBACK, PUBREC, PUBREL, PUBCOMP, UNSUBACK, AUTH: done. */
  success: 0x00,
  /** DISCONNECT: the will is discarded. */
  normalDisconnection: 0x00,
  /** SUBACK. */
  grantedQoS0: 0x00,
  /** SUBACK. */
  grantedQoS1: 0x01,
  /** SUBACK. */
  grantedQoS2: 0x02,
  /** DISCONNECT from a client: the will is published. */
  disconnectWithWillMessage: 0x04,
  /** PUBACK, PUBREC: accepted, and nobody was there. */
  noMatchingSubscribers: 0x10,
  /** UNSUBACK. */
  noSubscriptionExisted: 0x11,
  /** AUTH: the next step. */
  continueAuthentication: 0x18,
  /** AUTH from a client: begin again. */
  reAuthenticate: 0x19,
  /** CONNACK, PUBACK, PUBREC, SUBACK, UNSUBACK, DISCONNECT. */
  unspecifiedError: 0x80,
  /** CONNACK, DISCONNECT: the bytes are no MQTT. */
  malformedPacket: 0x81,
  /** CONNACK, DISCONNECT: a legal packet where it must not be. */
  protocolError: 0x82,
  /** CONNACK, PUBACK, PUBREC, SUBACK, UNSUBACK, DISCONNECT: the store or a hook failed. */
  implementationSpecificError: 0x83,
  /** CONNACK. */
  unsupportedProtocolVersion: 0x84,
  /** CONNACK. */
  clientIdentifierNotValid: 0x85,
  /** CONNACK. */
  badUserNameOrPassword: 0x86,
  /** CONNACK, PUBACK, PUBREC, SUBACK, UNSUBACK, DISCONNECT. */
  notAuthorized: 0x87,
  /** CONNACK: try again later. */
  serverUnavailable: 0x88,
  /** CONNACK, DISCONNECT: try again later. */
  serverBusy: 0x89,
  /** CONNACK. */
  banned: 0x8a,
  /** DISCONNECT: the broker closes. */
  serverShuttingDown: 0x8b,
  /** CONNACK, DISCONNECT. */
  badAuthenticationMethod: 0x8c,
  /** DISCONNECT: one and a half times Keep Alive without a packet. */
  keepAliveTimeout: 0x8d,
  /** DISCONNECT: another connection has the Client Identifier now. */
  sessionTakenOver: 0x8e,
  /** SUBACK, UNSUBACK, DISCONNECT: well-formed, and not accepted here. */
  topicFilterInvalid: 0x8f,
  /** CONNACK, PUBACK, PUBREC, DISCONNECT: well-formed, and not accepted here. */
  topicNameInvalid: 0x90,
  /** PUBACK, PUBREC, SUBACK, UNSUBACK. */
  packetIdentifierInUse: 0x91,
  /** PUBREL, PUBCOMP. */
  packetIdentifierNotFound: 0x92,
  /** DISCONNECT: too much unacknowledged. */
  receiveMaximumExceeded: 0x93,
  /** DISCONNECT. */
  topicAliasInvalid: 0x94,
  /** CONNACK, DISCONNECT. */
  packetTooLarge: 0x95,
  /** DISCONNECT. */
  messageRateTooHigh: 0x96,
  /** CONNACK, PUBACK, PUBREC, SUBACK, DISCONNECT: a limit was reached. */
  quotaExceeded: 0x97,
  /** DISCONNECT: somebody in charge wants it. */
  administrativeAction: 0x98,
  /** CONNACK, PUBACK, PUBREC, DISCONNECT: the payload is not what its format indicator says. */
  payloadFormatInvalid: 0x99,
  /** CONNACK, DISCONNECT. */
  retainNotSupported: 0x9a,
  /** CONNACK, DISCONNECT. */
  qosNotSupported: 0x9b,
  /** CONNACK, DISCONNECT: for now. */
  useAnotherServer: 0x9c,
  /** CONNACK, DISCONNECT: for good. */
  serverMoved: 0x9d,
  /** SUBACK, DISCONNECT. */
  sharedSubscriptionsNotSupported: 0x9e,
  /** CONNACK, DISCONNECT. */
  connectionRateExceeded: 0x9f,
  /** DISCONNECT. */
  maximumConnectTime: 0xa0,
  /** SUBACK, DISCONNECT. */
  subscriptionIdentifiersNotSupported: 0xa1,
  /** SUBACK, DISCONNECT. */
  wildcardSubscriptionsNotSupported: 0xa2,
} as const;
