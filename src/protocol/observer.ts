/** What the core reports as it goes along. */
import type { BrokerError } from '../errors/errors.js';
import type { ProtocolVersion, QoS } from '../packet/protocol.js';
import type { Publication } from '../packet/publication.js';
import type { SubscriptionRecord } from '../storage/storage.js';
import type { ConnectionMeta } from '../transport/transport.js';
import type { Client } from './client.js';
import type { DropReason } from './counters.js';

/** Hears of everything, changes nothing. The `wants` flags keep unheard events free. */
export interface Observer {
  readonly wantsPublish: boolean;
  readonly wantsDelivered: boolean;
  published(publication: Publication, client: Client | undefined): void;
  delivered(publication: Publication, qos: QoS, client: Client): void;
  dropped(why: DropReason, publication: Publication, clientId: string | undefined): void;
  /** CONNECT was accepted, the CONNACK is on its way. */
  clientAccepted(client: Client, sessionPresent: boolean): void;
  /** CONNACK was written and the session is attached. */
  clientReady(client: Client): void;
  clientClosed(client: Client, reasonCode: number, why: string, error: Error | undefined): void;
  /** A connection ended before its CONNECT was accepted; `reasonCode` is 0 when the peer went away by itself. */
  connectRefused(
    clientId: string | undefined,
    reasonCode: number,
    why: string,
    error: Error | undefined,
    connection: ConnectionMeta,
    protocolVersion: ProtocolVersion | undefined,
  ): void;
  subscribed(client: Client, subscription: SubscriptionRecord): void;
  unsubscribed(client: Client, topicFilter: string): void;
  error(error: BrokerError): void;
}
