/** Where a session's packets go: a network connection, or an in-process client. */
import type { QoS } from '../packet/protocol.js';
import type { Publication } from '../packet/publication.js';
import type { Lsn } from '../storage/storage.js';
import type { Client } from './client.js';

/** Where a session's packets go: a network connection, or an in-process client. */
export interface Outlet {
  readonly client: Client;
  /** QoS 1 and 2 messages the client takes unacknowledged. */
  readonly receiveMaximum: number;
  /** More than `outboundBytesMax` is unsent: QoS 0 is dropped, QoS 1 and 2 wait. */
  readonly congested: boolean;
  /** Whether the packet would be within the client's Maximum Packet Size. */
  fits(publication: Publication, qos: QoS, subscriptionIdentifiers: readonly number[] | undefined): boolean;
  /** Sends once the store is durable up to `lsn`. The publication need not outlive the call. */
  sendPublish(
    publication: Publication,
    qos: QoS,
    retain: boolean,
    dup: boolean,
    packetId: number,
    subscriptionIdentifiers: readonly number[] | undefined,
    lsn: Lsn,
  ): void;
  sendPubrel(packetId: number, reasonCode: number, lsn: Lsn): void;
  /** Ends the connection with this reason; the session is told through `SessionsPort.closed` first. */
  close(reasonCode: number, reasonString?: string): void;
}
