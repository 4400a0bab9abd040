/** Turns what the core reports into counters, events and diagnostics; makes nothing for which nobody listens. */
import type { BrokerError } from '../errors/errors.js';
import { diagnostics } from '../observe/diagnostics.js';
import type { ProtocolVersion, QoS } from '../packet/protocol.js';
import type { Publication } from '../packet/publication.js';
import type { Client } from '../protocol/client.js';
import type { Counters, DropReason } from '../protocol/counters.js';
import type { Observer } from '../protocol/observer.js';
import type { SubscriptionRecord } from '../storage/storage.js';
import type { ConnectionMeta } from '../transport/transport.js';
import { BrokerMessage } from './broker-message.js';
import type { EventHub } from './events.js';

export class BrokerObserver implements Observer {
  private heardPublish = false;
  private heardDelivered = false;
  private readonly counters: Counters;
  private readonly hub: EventHub;
  private readonly report: (error: Error) => void;

  constructor(counters: Counters, hub: EventHub, report: (error: Error) => void) {
    this.counters = counters;
    this.hub = hub;
    this.report = report;
  }

  /** Called when listeners come and go. */
  refresh(): void {
    this.heardPublish = this.hub.has('publish');
    this.heardDelivered = this.hub.has('delivered');
  }

  get wantsPublish(): boolean {
    return this.heardPublish || diagnostics.publish.hasSubscribers;
  }

  get wantsDelivered(): boolean {
    return this.heardDelivered || diagnostics.deliver.hasSubscribers;
  }

  published(publication: Publication, client: Client | undefined): void {
    if (this.heardPublish) this.hub.emit('publish', new BrokerMessage(publication), client);
    if (diagnostics.publish.hasSubscribers) {
      const { topic, qos, retain } = publication;
      diagnostics.publish.publish({ clientId: client?.id, topic, qos, retain, payloadBytes: payloadBytes(publication) });
    }
  }

  delivered(publication: Publication, qos: QoS, client: Client): void {
    if (this.heardDelivered) this.hub.emit('delivered', new BrokerMessage(publication, qos), client);
    if (diagnostics.deliver.hasSubscribers) {
      const { topic, retain } = publication;
      diagnostics.deliver.publish({ clientId: client.id, topic, qos, retain, payloadBytes: payloadBytes(publication) });
    }
  }

  dropped(why: DropReason, publication: Publication, clientId: string | undefined): void {
    this.counters.dropped[why] += 1;
    if (this.hub.has('dropped')) this.hub.emit('dropped', why, new BrokerMessage(publication), clientId);
    if (diagnostics.drop.hasSubscribers) {
      const { topic, qos } = publication;
      diagnostics.drop.publish({ reason: why, clientId, topic, qos });
    }
  }

  clientAccepted(client: Client, sessionPresent: boolean): void {
    this.counters.clients += 1;
    this.counters.clientsMax = Math.max(this.counters.clientsMax, this.counters.clients);
    this.counters.connectsAccepted += 1;
    this.hub.emit('client', client, { sessionPresent });
    if (diagnostics.connect.hasSubscribers) {
      const { id: clientId, protocolVersion, connection } = client;
      const { transport, remoteAddress } = connection;
      diagnostics.connect.publish({ clientId, protocolVersion, transport, remoteAddress, sessionPresent, reasonCode: 0 });
    }
  }

  clientReady(client: Client): void {
    this.hub.emit('clientReady', client);
  }

  clientClosed(client: Client, reasonCode: number, why: string, error: Error | undefined): void {
    this.counters.clients -= 1;
    if (error !== undefined) this.hub.emit('clientError', error, client);
    this.hub.emit('clientDisconnected', client, { reasonCode, why, error });
  }

  connectRefused(
    clientId: string | undefined,
    reasonCode: number,
    why: string,
    error: Error | undefined,
    connection: ConnectionMeta,
    protocolVersion: ProtocolVersion | undefined,
  ): void {
    this.counters.connectsRefused += 1;
    if (error !== undefined) this.hub.emit('clientError', error, undefined);
    this.hub.emit('connectRefused', { clientId, reasonCode, why, error, connection });
    if (reasonCode !== 0 && diagnostics.connect.hasSubscribers) {
      const { transport, remoteAddress } = connection;
      diagnostics.connect.publish({ clientId, protocolVersion, transport, remoteAddress, sessionPresent: false, reasonCode });
    }
  }

  subscribed(client: Client, record: SubscriptionRecord): void {
    if (!this.hub.has('subscribe')) return;
    const { topicFilter, qos, noLocal, retainAsPublished, subscriptionIdentifier } = record;
    this.hub.emit('subscribe', { topicFilter, qos, noLocal, retainAsPublished, subscriptionIdentifier }, client);
  }

  unsubscribed(client: Client, topicFilter: string): void {
    this.hub.emit('unsubscribe', topicFilter, client);
  }

  error(error: BrokerError): void {
    this.report(error);
  }
}

const payloadBytes = (publication: Publication): number => publication.end - publication.payloadStart;
