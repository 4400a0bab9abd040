/** The public door of `odonata`: exports only. */
export { Broker, createBroker } from './broker/broker.js';
export { BrokerMessage } from './broker/broker-message.js';
export type { BrokerEvents, DisconnectInfo, SessionEnd, SubscriptionInfo } from './broker/events.js';
export type { Clock } from './broker/clock.js';
export type { PublishOptions } from './broker/host-message.js';
export type { HostSubscription, SubscribeOptions } from './broker/host-subscription.js';
export type { AttachOptions, ListenOptions } from './broker/lifecycle.js';
export { LocalClient } from './broker/local-client.js';
export type { ConnectOptions, LocalWill } from './broker/connect-options.js';
export type { MessageListener } from './broker/message-stream.js';
export type { BrokerOptions, ResolvedOptions } from './broker/options.js';
export type { ReauthorizedAll } from './broker/reauthorize-all.js';
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
  AutoSubscription,
  ClientLimits,
  ConnectAnswer,
  HookClient,
  HookName,
  Hooks,
  OnConnect,
  OnPublish,
  OnSubscribe,
  Plugin,
  PublishRequest,
  PublishRewrite,
  SubscribeRequest,
  SubscribeRewrite,
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
export { hookContext } from './observe/hook-context.js';
export type { HookContext } from './observe/hook-context.js';
export { silentLogger } from './observe/logger.js';
export type { Logger } from './observe/logger.js';
export type { BrokerStats } from './observe/stats.js';
export type { Properties, PublishProperties, UserProperties } from './packet/packets.js';
export { sessionExpiryNeverSeconds } from './packet/protocol.js';
export type { ProtocolVersion, QoS } from './packet/protocol.js';
export { Message } from './packet/publication.js';
export type { Publication } from './packet/publication.js';
export { ReasonCode } from './packet/reason-code.js';
export { Client } from './protocol/client.js';
export type { Reauthorized } from './protocol/client.js';
export type { DropReason } from './protocol/counters.js';
export { durableStorage } from './storage/durable/durable-storage.js';
export type { DurableStorageOptions } from './storage/durable/durable-storage.js';
export type { KeyRange, KeyValueChange, KeyValueStore } from './storage/key-value-store.js';
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
