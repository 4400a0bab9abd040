/**
 * Messages on their way to one session's client: taken from the router, queued, sent within the window, settled
 * by the client's acknowledgements (v5 4.3, 4.4, 4.9; v3.1.1 4.3, 4.4).
 */
import type { BrokerError } from '../errors/errors.js';
import type { Verdict } from '../hooks/hooks.js';
import type { QoS } from '../packet/protocol.js';
import type { Publication } from '../packet/publication.js';
import { ReasonCode } from '../packet/reason-code.js';
import { sessionQueueId } from '../storage/storage.js';
import type { InflightRecord, Lsn, QueueId } from '../storage/storage.js';
import { authorizeDelivery } from './authorization.js';
import type { DropReason } from './counters.js';
import { Replays } from './entry-source.js';
import type { EntrySource, Replay } from './entry-source.js';
import type { Environment } from './environment.js';
import { InflightWindow } from './inflight-window.js';
import { MessageQueue } from './message-queue.js';
import { OutboundEntry, returnToGroups } from './outbound-entry.js';
import { qos2SenderStep } from './qos2-sender.js';
import { Resends } from './resends.js';
import type { DeliveryTerms, SenderOwner } from './sender-owner.js';

/** Messages sent in one go before other sessions get their turn. */
const sentPerPumpMax = 512;

export class Sender {
  readonly queue: MessageQueue;
  readonly inflight = new InflightWindow();
  readonly queueId: QueueId;
  private replays: Replays | undefined = undefined;
  private resends: Resends | undefined = undefined;
  /** A `deliver` question is out, or CONNACK is not yet: this session waits for it, and nobody else does. */
  private deciding = false;
  private pumping = false;
  /** Raised whenever the connection changes: an answer to an older question is void. */
  private epoch = 0;
  private readonly engine: Environment;
  private readonly session: SenderOwner;

  constructor(engine: Environment, session: SenderOwner) {
    this.engine = engine;
    this.session = session;
    this.queueId = sessionQueueId(session.clientId);
    this.queue = new MessageQueue(engine, this.queueId, this);
  }

  /** A message of a matching subscription; returns the LSN its publisher's acknowledgement waits for. */
  offer(publication: Publication, delivery: DeliveryTerms): Lsn {
    const qos = publication.qos < delivery.qos ? publication.qos : delivery.qos; // v5 [MQTT-3.8.4-8], v3.1.1 [MQTT-3.8.4-6]
    // v5 [MQTT-3.3.1-12] [MQTT-3.3.1-13], v3.1.1 [MQTT-3.3.1-9]
    const retain = publication.retain && delivery.retainAsPublished;
    const ids = delivery.subscriptionIdentifiers;
    if (qos === 0) {
      this.offerQos0(publication, retain, ids);
      return 0;
    }
    if (this.sendUnkept(publication, qos, retain, ids)) return 0;
    const lsn = this.enqueue(publication, qos, retain, ids, false);
    this.pump();
    return lsn;
  }

  /** Queues the publisher's own copy; `sendOwn` sends it after the acknowledgement. */
  offerOwn(publication: Publication, delivery: DeliveryTerms): Lsn {
    const qos = publication.qos < delivery.qos ? publication.qos : delivery.qos; // v5 [MQTT-3.8.4-8]
    if (qos === 0) return 0;
    const retain = publication.retain && delivery.retainAsPublished; // v5 [MQTT-3.3.1-12] [MQTT-3.3.1-13]
    return this.enqueue(publication, qos, retain, delivery.subscriptionIdentifiers, true);
  }

  sendOwn(publication: Publication, delivery: DeliveryTerms): void {
    if (publication.qos > 0 && delivery.qos > 0) this.pump();
    else this.offerQos0(publication, publication.retain && delivery.retainAsPublished, delivery.subscriptionIdentifiers); // v5 [MQTT-3.3.1-12] [MQTT-3.3.1-13]
  }

  /** QoS 0 is sent now, or dropped and counted; it waits only for a `deliver` answer, and behind QoS 0 that waits. */
  offerQos0(publication: Publication, retain: boolean, ids: readonly number[] | undefined, drop = this.drop): void {
    const { engine } = this;
    const { outlet, client } = this.session;
    if (outlet === undefined) {
      if (engine.options.queueQos0 && this.session.stored) this.enqueue(publication, 0, retain, ids, false);
      return;
    }
    if (outlet.congested) return this.dropSlow(publication);
    // It may overtake QoS 1 and 2, never another QoS 0: v5 [MQTT-4.6.0-5], v3.1.1 [MQTT-4.6.0-6].
    if (this.deciding || this.queue.holdsQos0) {
      return void this.enqueue(publication, 0, retain, ids, false, engine.options.queueQos0 && this.session.stored);
    }
    if (!outlet.fits(publication, 0, ids)) return drop('tooLarge', publication); // v5 [MQTT-3.1.2-24]
    if (engine.hooks.hasAuthorize) {
      const verdict = authorizeDelivery(engine, client, publication, 0, retain);
      if (this.session.outlet !== outlet) return;
      if (verdict instanceof Promise) {
        const message = publication.keep();
        this.decide(verdict, message, (why) => (why === undefined ? this.sendQos0(message, retain, ids) : drop(why, message)));
        return;
      }
      if (verdict.reasonCode !== 0) return drop('deliverDenied', publication); // v5 [X5-5.4.2-1]
    }
    this.sendQos0(publication, retain, ids);
  }

  /** Whether a member of a shared group could send this right now. */
  canTake(publication: Publication, qos: QoS, ids: readonly number[] | undefined): boolean {
    const { outlet } = this.session;
    if (outlet === undefined || this.deciding || outlet.congested) return false;
    const isFree = this.resends === undefined && this.queue.length === 0 && this.inflight.count < outlet.receiveMaximum;
    return (qos === 0 || isFree) && outlet.fits(publication, qos, ids); // v5 [X5-3.1.2.11.4-2]
  }

  /** Takes an entry of a shared group for this member. */
  take(entry: OutboundEntry): void {
    this.queue.pushHeld(entry);
    this.pump();
  }

  /** Retained messages for a new subscription: read at the client's pace, outside the queue's limits. */
  addReplay(replay: Replay): void {
    (this.replays ??= new Replays()).add(replay);
    this.pump();
  }

  /** Its filter was unsubscribed. */
  dropReplay(topicFilter: string): void {
    this.replays?.drop(topicFilter);
  }

  // ---- to the client -----------------------------------------------------------------------------------------

  /** Sends what may be sent: resends first, then the queue, retained messages, and what shared groups hold. */
  readonly pump = (): void => {
    if (this.pumping || this.session.outlet === undefined) return;
    this.pumping = true;
    let left = sentPerPumpMax;
    try {
      if (this.resends?.run() === true) this.resends = undefined;
      if (this.resends === undefined) {
        while (left > 0 && this.sendFrom(this.queue)) left -= 1; // v5 [MQTT-4.6.0-5] [MQTT-4.6.0-6], v3.1.1 [MQTT-4.6.0-5]
        while (left > 0 && this.replays?.mayPass(this.queue) === true && this.sendFrom(this.replays)) left -= 1;
        if (this.replays?.isEmpty === true) this.replays = undefined;
      }
    } finally {
      this.pumping = false;
    }
    if (left === 0) this.engine.later(this.pump);
    else if (this.session.groups !== undefined && this.queue.peek() === undefined) {
      for (const group of this.session.groups) group.pump();
    }
  };

  onQueueFailed(error: BrokerError): void {
    this.engine.observer.error(error);
    this.session.outlet?.close(ReasonCode.implementationSpecificError, 'the store could not read the session’s queue');
  }

  onPuback(packetId: number): void {
    // An id that does not wait for PUBACK was never ours or is settled: ignored.
    if (this.inflight.state(packetId) === 'awaitPuback') this.settle(packetId, true); // v5 [MQTT-4.3.2-3] [MQTT-4.4.0-2] [MQTT-4.8.2-6]
  }

  onPubrec(packetId: number, reasonCode: number): void {
    const state = this.inflight.state(packetId);
    const known = state === 'awaitPubrec' || state === 'awaitPubcomp';
    const step = qos2SenderStep(known ? state : 'done', reasonCode >= 0x80 ? 'pubrecError' : 'pubrec');
    // v5 [MQTT-4.4.0-2] [MQTT-4.8.2-6] [X5-4.9-1]: a refused message counts as acknowledged and is never sent again, to nobody.
    if (step?.effect === 'releasePacketId') this.settle(packetId, true);
    if (step?.effect !== 'sendPubrel') return;
    let lsn: Lsn = 0;
    const entry = this.inflight.entry(packetId);
    if (state === 'awaitPubrec') {
      if (entry?.stored === true) lsn = this.engine.storage.markReleased(this.queueId, entry.sequence);
      if (step.next !== 'done') this.inflight.setState(packetId, step.next);
      this.resends?.acknowledged(packetId); // v5 [MQTT-4.3.3-6]
    }
    this.session.outlet?.sendPubrel(packetId, known ? 0 : ReasonCode.packetIdentifierNotFound, lsn); // v5 [MQTT-3.6.2-1] [MQTT-4.3.3-4] [MQTT-4.9.0-3]
  }

  onPubcomp(packetId: number): void {
    if (this.inflight.state(packetId) === 'awaitPubcomp') this.settle(packetId, true); // v5 [MQTT-4.3.3-5] [X5-4.9-1]
  }

  /** A new connection gets nothing before `resume`, whatever listeners publish meanwhile. */
  connectionChanged(attached: boolean): void {
    this.epoch += 1;
    this.deciding = attached; // v5 [MQTT-3.2.0-1] [MQTT-4.6.0-1]
    this.resends = undefined;
  }

  restoreInflight(records: readonly InflightRecord[]): void {
    for (const { packetId, entry, released } of records) {
      const state = entry.qos === 1 ? 'awaitPuback' : released ? 'awaitPubcomp' : 'awaitPubrec';
      this.inflight.put(packetId, state, OutboundEntry.stored(entry));
    }
    this.engine.counters.inflightMessages += records.length;
  }

  /** Sends again what was unacknowledged, in order and under its own ids, then goes on. */
  resume(): void {
    this.deciding = false;
    if (this.inflight.count > 0) this.resends = new Resends(this.engine, this.session, this); // v5 [MQTT-4.4.0-1]
    this.pump();
  }

  /**
   * The connection is gone; `goesOn` when the next one takes over at once. Entries of shared groups go back to their
   * groups (v5 4.8.2); what the store has is dropped from memory.
   */
  leave(goesOn: boolean): void {
    const held: OutboundEntry[] = [];
    this.inflight.forEach((packetId, _state, entry) => {
      if (entry?.group === undefined) return;
      held.push(entry);
      this.inflight.release(packetId);
      this.engine.counters.inflightMessages -= 1;
    });
    held.push(...this.queue.leaveToStore());
    returnToGroups(held);
    if (!this.session.stored) this.replays = undefined;
    else if (!goesOn) this.forgetInflight();
  }

  end(): void {
    this.engine.counters.dropped.sessionEnded += this.queue.clear();
    this.forgetInflight();
    this.replays = undefined;
  }

  /** The resend at hand is settled without being sent: too large for the new connection, or refused. */
  settleUnsent(packetId: number, why: DropReason): void {
    const entry = this.inflight.entry(packetId);
    if (entry !== undefined) this.drop(why, entry.message);
    if (this.inflight.has(packetId)) this.settle(packetId, false); // a listener may have ended it all
  }

  /** At once, if nothing stands in the way: a session that ends with its connection keeps the identifier, no bytes. */
  private sendUnkept(publication: Publication, qos: QoS, retain: boolean, ids: readonly number[] | undefined): boolean {
    const { engine, inflight } = this;
    const { outlet, stored } = this.session;
    if (stored || outlet === undefined || this.deciding || this.queue.length > 0 || outlet.congested) return false;
    if (engine.hooks.hasAuthorize || engine.observer.wantsDelivered) return false;
    if (inflight.count >= outlet.receiveMaximum || !outlet.fits(publication, qos, ids)) return false; // v5 [MQTT-3.3.4-9] [MQTT-4.9.0-2]
    const packetId = inflight.take(qos === 1 ? 'awaitPuback' : 'awaitPubrec', undefined);
    engine.counters.inflightMessages += 1;
    outlet.sendPublish(publication, qos, retain, false, packetId, ids, 0); // v5 [MQTT-3.3.1-3] [MQTT-4.3.2-2] [MQTT-4.3.3-2]
    return true;
  }

  private sendQos0(publication: Publication, retain: boolean, ids: readonly number[] | undefined): void {
    this.session.outlet?.sendPublish(publication, 0, retain, false, 0, ids, 0); // v5 [MQTT-3.3.1-2] [MQTT-4.3.1-1], v3.1.1 [MQTT-4.3.1-1]
    if (this.engine.observer.wantsDelivered) this.engine.observer.delivered(publication, 0, this.session.client);
  }

  private enqueue(
    publication: Publication,
    qos: QoS,
    retain: boolean,
    ids: readonly number[] | undefined,
    own: boolean,
    stored = this.session.stored,
  ): Lsn {
    const { outlet, limits } = this.session;
    if (!stored && outlet === undefined) return 0;
    if (qos === 0 && this.engine.memory.over) this.drop('memory', publication);
    else {
      const lsn = this.queue.push(publication, qos, retain, ids, stored, limits, own); // v3.1.1 [MQTT-3.1.2-5]
      if (lsn >= 0) return lsn;
      this.drop('queueFull', publication);
    }
    return 0;
  }

  /** Deals with the next entry of a source; false when there is none or it must wait. */
  private sendFrom(source: EntrySource): boolean {
    const { engine } = this;
    const { outlet, client } = this.session;
    const entry = outlet === undefined || this.deciding ? undefined : source.peek();
    if (outlet === undefined || entry === undefined) return false;
    const { message, qos } = entry;
    if (message.expiresAtMs !== Infinity && engine.now() >= message.expiresAtMs) { // v5 [MQTT-3.3.2-5]
      this.giveUp(source.shift(), 'expired');
      return true;
    }
    // v5 [MQTT-4.9.0-2] [MQTT-3.3.4-9]: at quota zero no further QoS 1 or 2 PUBLISH.
    if ((qos > 0 && this.inflight.count >= outlet.receiveMaximum) || outlet.congested) return false;
    if (!outlet.fits(message, qos, entry.subscriptionIdentifiers)) {
      this.giveUp(source.shift(), 'tooLarge'); // v5 [MQTT-3.1.2-24] [MQTT-3.1.2-25]
      return true;
    }
    if (engine.hooks.hasAuthorize) {
      const verdict = authorizeDelivery(engine, client, message, qos, entry.retain);
      if (this.session.outlet !== outlet || source.peek() !== entry) return true; // the hook did that
      if (verdict instanceof Promise) {
        this.decide(verdict, message, (why) => {
          // It keeps its place while the answer is out; `queueOverflow: 'oldest'` may have dropped it meanwhile.
          if (source.peek() !== entry) return;
          if (why === undefined) this.send(source.shift());
          else this.giveUp(source.shift(), why);
        });
        return false;
      }
      if (verdict.reasonCode !== 0) { // v5 [X5-5.4.2-1]
        this.giveUp(source.shift(), 'deliverDenied');
        return true;
      }
    }
    this.send(source.shift());
    return true;
  }

  /** Holds this session's messages until `authorize` has answered; `then` is told why the message is not to be sent. */
  private decide(verdict: Promise<Verdict>, message: Publication, then: (why: DropReason | undefined) => void): void {
    const { epoch } = this;
    this.deciding = true;
    void verdict.then(({ reasonCode }) => {
      if (epoch !== this.epoch) return;
      this.deciding = false;
      if (reasonCode !== 0) then('deliverDenied');
      else then(this.engine.now() >= message.expiresAtMs ? 'expired' : undefined); // v5 [MQTT-3.3.2-5]
      this.pump();
    }).catch(this.engine.failed);
  }

  private send(entry: OutboundEntry): void {
    const { message, qos, retain, subscriptionIdentifiers: ids } = entry;
    if (qos === 0) {
      this.sendQos0(message, retain, ids);
      this.forget(entry);
      return;
    }
    const own = this.adopt(entry);
    const kept = own.stored || own.group !== undefined || this.engine.observer.wantsDelivered ? own : undefined;
    const packetId = this.inflight.take(qos === 1 ? 'awaitPuback' : 'awaitPubrec', kept);
    this.engine.counters.inflightMessages += 1;
    let { lsn } = own;
    if (own.stored && own.group === undefined) {
      const sent = this.engine.storage.markSent(this.queueId, own.sequence, packetId);
      // After a restart the id could be given away again, so a QoS 2 PUBLISH waits until it is stored; QoS 1 may leave.
      if (qos === 2) lsn = Math.max(lsn, sent);
    }
    this.session.outlet?.sendPublish(message, qos, retain, false, packetId, ids, lsn); // v5 [MQTT-3.3.1-3] [MQTT-4.3.2-2] [MQTT-4.3.3-2], v3.1.1 [MQTT-3.3.1-3] [MQTT-4.3.2-1]
  }

  /** What did not wait in this session's own queue and must survive its connection becomes an entry of that queue. */
  private adopt(entry: OutboundEntry): OutboundEntry {
    const { group } = entry;
    if (group === undefined && entry.sequence > 0) return entry;
    if (group !== undefined && entry.qos === 1) return entry; // v5 [MQTT-4.8.2-4] [MQTT-4.8.2-5]
    group?.handedOver(entry);
    const { stored } = this.session;
    const own = entry.ownedBySession(stored ? this.queue.nextSequence++ : 0, stored);
    if (stored) this.engine.storage.enqueue(this.queueId, own);
    return own;
  }

  /** Acknowledged, or as good as: the identifier is free again. */
  private settle(packetId: number, delivered: boolean): void {
    const entry = this.inflight.entry(packetId);
    this.inflight.release(packetId); // v5 [X5-2.2.1-2]
    this.resends?.acknowledged(packetId);
    this.engine.counters.inflightMessages -= 1;
    if (entry !== undefined) {
      this.forget(entry);
      if (delivered && this.engine.observer.wantsDelivered) {
        this.engine.observer.delivered(entry.message, entry.qos, this.session.client);
      }
    }
    this.pump();
  }

  /** Whoever holds the entry may let go of it. */
  private forget(entry: OutboundEntry): void {
    if (entry.group !== undefined) entry.group.settled(entry);
    else if (entry.stored) this.engine.storage.dequeue(this.queueId, entry.sequence);
    this.engine.memory.freed();
  }

  private giveUp(entry: OutboundEntry, why: DropReason): void {
    // Another member may have what was refused to this one.
    if (entry.group !== undefined && why === 'deliverDenied') return entry.group.refused(entry, this.session.clientId);
    this.drop(why, entry.message);
    this.forget(entry);
  }

  private readonly drop = (why: DropReason, publication: Publication): void =>
    this.engine.observer.dropped(why, publication, this.session.clientId);

  private dropSlow(publication: Publication): void {
    this.drop('slowConsumer', publication);
    if (this.engine.options.slowConsumer === 'disconnect') {
      this.session.outlet?.close(ReasonCode.quotaExceeded, 'too much is unsent (outboundBytesMax)');
    }
  }

  private forgetInflight(): void {
    this.engine.counters.inflightMessages -= this.inflight.count;
    this.inflight.clear();
  }
}
