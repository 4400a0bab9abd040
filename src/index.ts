/** The public door of `odonata`: exports only. */
export { Broker, createBroker } from './broker/broker.js';
export { BrokerMessage } from './broker/broker-message.js';
export type { BrokerEvents, DisconnectInfo, SessionEnd, SubscriptionInfo } from './broker/events.js';
export type { Clock } from './broker/clock.js';
export type { PublishOptions, PublishProperties } from './broker/host-message.js';
export type { HostSubscription, SubscribeOptions } from './broker/host-subscription.js';
export type { AttachOptions, ListenOptions } from './broker/lifecycle.js';
export { LocalClient } from './broker/local-client.js';
export type { ConnectOptions, LocalWill } from './broker/connect-options.js';
export type { MessageListener } from './broker/message-stream.js';
export type { BrokerOptions, ResolvedOptions } from './broker/options.js';
export { RetainedView } from './broker/retained-view.js';
export type { ErrorCode } from './errors/codes.js';
export { BrokerError, isBrokerError, PeerProtocolError } from './errors/errors.js';
export type {
  Action,
  Authenticate,
  AuthenticateAnswer,
  AuthenticateRequest,
  Authorize,
  AuthorizeAnswer,
  ClientLimits,
  HookClient,
  Hooks,
  Takeover,
} from './hooks/hooks.js';
export type {
  ConnectDiagnostic,
  DeliverDiagnostic,
  DiagnosticMessages,
  DropDiagnostic,
  HookDiagnostic,
  PublishDiagnostic,
  StoreDiagnostic,
} from './observe/diagnostics.js';
export { silentLogger } from './observe/logger.js';
export type { Logger } from './observe/logger.js';
export type { BrokerStats } from './observe/stats.js';
export type { Properties, UserProperties } from './packet/packets.js';
export { sessionExpiryNeverSeconds } from './packet/protocol.js';
export type { ProtocolVersion, QoS } from './packet/protocol.js';
export type { Message, Publication } from './packet/publication.js';
export { ReasonCode } from './packet/reason-code.js';
export { Client } from './protocol/client.js';
export type { DropReason } from './protocol/counters.js';
export { memoryStorage } from './storage/memory.js';
export type {
  InflightRecord,
  LoadAnswers,
  LoadDone,
  LoadKind,
  LoadQueries,
  Lsn,
  QueueEntry,
  QueueId,
  QueueSummary,
  SessionRecord,
  Storage,
  StorageClock,
  StorageListener,
  StorageSupport,
  StoredSession,
  SubscriptionRecord,
  WillRecord,
} from './storage/storage.js';
export type { Listener } from './transport/listener.js';
export { memoryDuplexPair } from './transport/memory-duplex.js';
export type { ConnectionMeta, TlsInfo, Transport, TransportReceiver, UpgradeInfo } from './transport/transport.js';
export { version } from './broker/version.js';
