/**
 * The outlet of an in-process session: messages wait here until the host asks for the next one. Asking for the
 * next, or settling a callback, acknowledges the one before; so the session's window is the back-pressure.
 */
import type { QoS } from '../packet/protocol.js';
import type { Publication } from '../packet/publication.js';
import { ReasonCode } from '../packet/reason-code.js';
import type { Client } from '../protocol/client.js';
import type { Outlet } from '../protocol/outlet.js';
import type { Engine } from '../protocol/ports.js';
import type { Session } from '../protocol/session.js';
import type { Lsn } from '../storage/storage.js';
import { RingQueue } from '../util/ring-queue.js';
import { BrokerMessage } from './broker-message.js';

/** A message with what acknowledges it. */
export interface Received {
  readonly message: BrokerMessage;
  readonly qos: QoS;
  readonly packetId: number;
}

export class Inbox implements Outlet {
  readonly client: Client;
  readonly receiveMaximum: number;
  session: Session | undefined = undefined;
  private readonly waiting = new RingQueue<Received>();
  private readonly messagesMax: number;
  private readonly engine: Engine;
  private readonly onMessage: () => void;
  private readonly onClose: (reasonCode: number, why: string) => void;

  constructor(
    engine: Engine,
    client: Client,
    bounds: { readonly receiveMaximum: number; readonly messagesMax: number },
    onMessage: () => void,
    onClose: (reasonCode: number, why: string) => void,
  ) {
    this.engine = engine;
    this.client = client;
    this.receiveMaximum = bounds.receiveMaximum;
    this.messagesMax = bounds.messagesMax;
    this.onMessage = onMessage;
    this.onClose = onClose;
  }

  /** QoS 0 beyond this is dropped and counted. */
  get congested(): boolean {
    return this.waiting.length >= this.messagesMax;
  }

  fits(): boolean {
    return true;
  }

  sendPublish(
    publication: Publication,
    qos: QoS,
    retain: boolean,
    _dup: boolean,
    packetId: number,
    _ids: readonly number[] | undefined,
    lsn: Lsn,
  ): void {
    this.engine.counters.publishSent += 1;
    const received = { message: new BrokerMessage(publication, qos, retain), qos, packetId };
    const { session } = this;
    const put = (): void => {
      if (session === undefined || session.outlet !== this) return;
      this.waiting.push(received);
      this.onMessage();
    };
    this.engine.durability.after(lsn, put, this.onStoreFailed);
  }

  /** Nothing is lost between here and the host, so PUBREL is as good as PUBCOMP. */
  sendPubrel(packetId: number, _reasonCode: number, lsn: Lsn): void {
    this.engine.durability.after(lsn, () => this.session?.sender.onPubcomp(packetId), this.onStoreFailed);
  }

  /** As a network client is closed whose packets were in a commit that failed. */
  private readonly onStoreFailed = (): void => {
    if (this.session?.outlet === this) this.close(ReasonCode.implementationSpecificError, 'the store failed');
  };

  close(reasonCode: number, reasonString = ''): void {
    this.onClose(reasonCode, reasonString);
  }

  /** The next message, or `undefined` when none waits. */
  take(): Received | undefined {
    const received = this.waiting.shift();
    if (received !== undefined) this.session?.sender.pump();
    return received;
  }

  /** The host is done with it. */
  acknowledge({ qos, packetId }: Received): void {
    if (qos === 1) this.session?.sender.onPuback(packetId);
    else if (qos === 2) this.session?.sender.onPubrec(packetId, 0);
  }

  clear(): void {
    this.waiting.clear();
  }
}
