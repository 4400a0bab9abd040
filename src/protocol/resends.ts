/**
 * What a resumed session sends again before anything new: unacknowledged PUBLISHes and PUBRELs, in their original
 * order and under their original identifiers (v5 4.4 and 4.6, v3.1.1 4.4 and 4.6).
 */
import { authorizeDelivery } from './authorization.js';
import type { DropReason } from './counters.js';
import type { OutboundEntry } from './outbound-entry.js';
import type { Environment } from './environment.js';
import type { InflightWindow } from './inflight-window.js';
import { qos2SenderStep } from './qos2-sender.js';
import type { SenderOwner } from './sender-owner.js';

interface Resend {
  readonly packetId: number;
  readonly entry: OutboundEntry;
}

/** What is in flight, and what becomes of what is not sent again. */
interface Resender {
  readonly inflight: InflightWindow;
  settleUnsent(packetId: number, why: DropReason): void;
  pump(): void;
}

export class Resends {
  /** In the order in which they were sent first. */
  private readonly list: Resend[] = [];
  private next = 0;
  /** Identifiers whose PUBLISH has yet to be sent again. */
  private readonly unsent = new Set<number>();
  private waiting = false;
  private readonly engine: Environment;
  private readonly session: SenderOwner;
  private readonly sender: Resender;

  constructor(engine: Environment, session: SenderOwner, sender: Resender) {
    this.engine = engine;
    this.session = session;
    this.sender = sender;
    sender.inflight.forEach((packetId, _state, entry) => {
      if (entry !== undefined) this.list.push({ packetId, entry }); // v5 [MQTT-4.4.0-1], v3.1.1 [MQTT-4.4.0-1]
    });
    this.list.sort((a, b) => a.entry.sequence - b.entry.sequence); // v5 [MQTT-4.6.0-1], v3.1.1 [MQTT-4.6.0-1]
    this.sendPubrels();
  }

  /** Sends what may be sent now; true when all is sent. */
  run(): boolean {
    while (this.next < this.list.length && !this.waiting && this.sendNext());
    return this.next === this.list.length;
  }

  /** The client has acknowledged it, perhaps from the connection before: its PUBLISH is not sent again. */
  acknowledged(packetId: number): void {
    this.unsent.delete(packetId);
  }

  /** PUBREL is never held by a full window or a refusal. */
  private sendPubrels(): void {
    for (const { packetId } of this.list) {
      const state = this.sender.inflight.state(packetId);
      const step = state === 'awaitPubcomp' ? qos2SenderStep(state, 'resume') : undefined;
      // v5 [MQTT-3.3.4-10] [MQTT-4.3.3-6]
      if (step?.effect === 'sendPubrel') this.session.outlet?.sendPubrel(packetId, 0, 0);
      else this.unsent.add(packetId); // v5 [MQTT-4.3.3-3]
    }
  }

  private sendNext(): boolean {
    const { sender, unsent } = this;
    const { outlet, client } = this.session;
    const { packetId, entry } = this.list[this.next] as Resend;
    if (!unsent.has(packetId)) {
      this.next += 1;
      return true;
    }
    // What was sent on this connection counts against the new Receive Maximum: v5 [MQTT-3.3.4-9] [MQTT-4.9.0-2].
    if (outlet === undefined || outlet.congested || sender.inflight.count - unsent.size >= outlet.receiveMaximum) return false;
    if (!outlet.fits(entry.message, entry.qos, entry.subscriptionIdentifiers)) {
      sender.settleUnsent(packetId, 'tooLarge'); // v5 [MQTT-3.1.2-25]
      return true;
    }
    const verdict = authorizeDelivery(this.engine, client, entry.message, entry.qos, entry.retain);
    if (this.session.outlet !== outlet) return false; // the hook has closed it
    if (!(verdict instanceof Promise)) {
      this.finish(verdict.reasonCode === 0);
      return true;
    }
    this.waiting = true;
    void verdict.then(({ reasonCode }) => {
      this.waiting = false;
      if (this.session.outlet !== outlet) return;
      this.finish(reasonCode === 0);
      sender.pump();
    }).catch(this.engine.failed);
    return false;
  }

  /** Sends the one at hand, or withholds it as if it had been delivered. */
  private finish(allowed: boolean): void {
    const { packetId, entry } = this.list[this.next] as Resend;
    if (!this.unsent.has(packetId)) return; // acknowledged while the answer was out
    if (!allowed) return this.sender.settleUnsent(packetId, 'deliverDenied'); // v5 [X5-5.4.2-1]
    this.unsent.delete(packetId);
    const { message, qos, retain, subscriptionIdentifiers } = entry;
    // v5 [MQTT-3.3.1-1], v3.1.1 [MQTT-3.3.1-1]: DUP is set. Message expiry no longer applies: v5 [MQTT-4.3.3-7].
    this.session.outlet?.sendPublish(message, qos, retain, true, packetId, subscriptionIdentifiers, 0);
  }
}
