/** The options the core reads; the broker's validated options satisfy this. Meanings: see `BrokerOptions`. */
import type { ProtocolVersion, QoS } from '../packet/protocol.js';

/** Limits that `authenticate` may narrow for one client. */
export interface SessionLimits {
  readonly queueMessagesMax: number;
  readonly queueBytesMax: number;
  readonly inflightMax: number;
  readonly receiveMaximum: number;
  readonly outboundBytesMax: number;
  readonly subscriptionsMax: number;
  readonly sessionExpirySecondsMax: number;
  readonly keepAliveSecondsMax: number;
  readonly maximumQoS: QoS;
  readonly retainAvailable: boolean;
}

export interface CoreOptions extends SessionLimits {
  readonly connectTimeoutSeconds: number;
  readonly packetBytesMax: number;
  readonly connectBytesMax: number;
  readonly connectionsMax: number;
  readonly connectRateMax: number;
  readonly queueOverflow: 'newest' | 'oldest';
  readonly queueQos0: boolean;
  readonly slowConsumer: 'drop' | 'disconnect';
  readonly topicLevelsMax: number;
  readonly topicBytesMax: number;
  readonly retainedMessagesMax: number;
  readonly retainedBytesMax: number;
  readonly sessionsMax: number;
  readonly topicAliasMaximum: number;
  readonly topicAliasMaximumOutbound: number;
  readonly userPropertiesMax: number;
  readonly memoryBytesMax: number;
  readonly pauseSecondsMax: number;
  readonly pendingBytesMax: number;
  readonly storageStallSeconds: number;
  readonly closeGraceSeconds: number;
  readonly wildcardSubscriptionAvailable: boolean;
  readonly subscriptionIdentifierAvailable: boolean;
  readonly sharedSubscriptionAvailable: boolean;
  readonly sharedSelection: 'leastInflight' | 'stickyByTopic';
  readonly protocolVersions: readonly ProtocolVersion[];
  readonly strictText: boolean;
  readonly clientIdWildcards: boolean;
  readonly mqtt31ClientIdLimit: boolean;
  readonly refusedPublish: 'acknowledge' | 'close';
}
