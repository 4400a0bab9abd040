/**
 * What a resumed session sends again before anything new: unacknowledged PUBLISHes and PUBRELs, in their original
 * order and under their original identifiers (v5 [MQTT-4.4.0-1] [MQTT-4.6.0-1], v3.1.1 [MQTT-4.4.0-1] [MQTT-4.6.0-1]).
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
  private readonly left: Resend[] = [];
  private started = false;
  private waiting = false;
  private readonly engine: Environment;
  private readonly session: SenderOwner;
  private readonly sender: Resender;

  constructor(engine: Environment, session: SenderOwner, sender: Resender) {
    this.engine = engine;
    this.session = session;
    this.sender = sender;
    sender.inflight.forEach((packetId, _state, entry) => {
      if (entry !== undefined) this.left.push({ packetId, entry });
    });
    this.left.sort((a, b) => a.entry.sequence - b.entry.sequence);
  }

  /** Sends what may be sent now; true when all is sent. */
  run(): boolean {
    if (!this.started) this.sendPubrels();
    this.started = true;
    while (this.left.length > 0 && !this.waiting && this.sendNext());
    return this.left.length === 0;
  }

  /** PUBREL is never held by a full window or a refusal: v5 [MQTT-3.3.4-10], [MQTT-4.3.3-6]. */
  private sendPubrels(): void {
    const { sender } = this;
    const { outlet } = this.session;
    for (let index = 0; index < this.left.length; ) {
      const { packetId } = this.left[index] as Resend;
      const state = sender.inflight.state(packetId);
      const step = state === 'awaitPubcomp' ? qos2SenderStep(state, 'resume') : undefined;
      if (step?.effect === 'sendPubrel') {
        outlet?.sendPubrel(packetId, 0, 0);
        this.left.splice(index, 1);
      } else index += 1;
    }
  }

  private sendNext(): boolean {
    const { sender } = this;
    const { outlet, client } = this.session;
    const { packetId, entry } = this.left[0] as Resend;
    if (outlet === undefined || outlet.congested) return false;
    if (!sender.inflight.has(packetId)) {
      this.left.shift();
      return true;
    }
    // What was sent on this connection counts against the new Receive Maximum: v5 [MQTT-4.9.0-2].
    if (sender.inflight.count - this.left.length >= outlet.receiveMaximum) return false;
    if (!outlet.fits(entry.message, entry.qos, entry.subscriptionIdentifiers)) {
      this.left.shift();
      sender.settleUnsent(packetId, 'tooLarge'); // v5 [MQTT-3.1.2-25]
      return true;
    }
    const verdict = authorizeDelivery(this.engine, client, entry.message, entry.qos, entry.retain);
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
    });
    return false;
  }

  /** Sends the first one left, or withholds it as if it had been delivered. */
  private finish(allowed: boolean): void {
    const { packetId, entry } = this.left.shift() as Resend;
    const { sender } = this;
    const { outlet } = this.session;
    if (!sender.inflight.has(packetId)) return;
    if (!allowed) sender.settleUnsent(packetId, 'deliverDenied');
    else {
      // v5 [MQTT-3.3.1-1]: DUP is set. Message expiry no longer applies: v5 [MQTT-4.3.3-7].
      const { message, qos, retain, subscriptionIdentifiers } = entry;
      outlet?.sendPublish(message, qos, retain, true, packetId, subscriptionIdentifiers, 0);
    }
  }
}
