/**
 * Sent and unacknowledged QoS 1 and 2 messages of one session: a ring indexed by packet identifier, allocated
 * on first use. Identifiers count 1, 2, 3 …, skip those in flight and start again at 1 when nothing is.
 */
import type { Qos2SenderState } from './qos2-sender.js';
import type { OutboundEntry } from './outbound-entry.js';

/** What the packet identifier waits for. */
export type InflightState = 'awaitPuback' | Exclude<Qos2SenderState, 'done'>;

const packetIdMax = 65_535;
const slotsFirst = 16;
const states: readonly InflightState[] = ['awaitPuback', 'awaitPubrec', 'awaitPubcomp'];

export class InflightWindow {
  /** QoS 1 and 2 messages between PUBLISH and PUBACK or PUBCOMP. */
  count = 0;
  private nextId = 1;
  private mask = 0;
  /** Packet identifier in each slot, 0 = free. */
  private ids: Uint16Array | undefined = undefined;
  private stateOf: Uint8Array = noStates;
  /** What is in flight, where the session must know it; a session that ends with its connection keeps none. */
  private entries: (OutboundEntry | undefined)[] | undefined = undefined;

  /** Whether `packetId` is in flight. */
  has(packetId: number): boolean {
    return this.ids !== undefined && this.ids[packetId & this.mask] === packetId && packetId !== 0;
  }

  state(packetId: number): InflightState | undefined {
    return this.has(packetId) ? states[this.stateOf[packetId & this.mask] as number] : undefined;
  }

  entry(packetId: number): OutboundEntry | undefined {
    return this.has(packetId) ? this.entries?.[packetId & this.mask] : undefined;
  }

  /** Takes the next free packet identifier, or returns 0 when all 65,535 are in flight. */
  take(state: InflightState, entry: OutboundEntry | undefined): number {
    if (this.count >= packetIdMax) return 0;
    if (this.count === 0) this.nextId = 1;
    let packetId = this.nextId;
    while (this.has(packetId)) packetId = packetId === packetIdMax ? 1 : packetId + 1; // v5 [MQTT-2.2.1-4] [MQTT-4.3.2-1] [MQTT-4.3.3-1], v3.1.1 [MQTT-2.3.1-4]
    this.put(packetId, state, entry);
    return packetId;
  }

  /** Holds `packetId` as in flight: one just taken, or one of a resumed session. */
  put(packetId: number, state: InflightState, entry: OutboundEntry | undefined): void {
    if (this.ids === undefined) this.allocate(slotsFirst);
    while ((this.ids as Uint16Array)[packetId & this.mask] !== 0) this.grow();
    const slot = packetId & this.mask;
    (this.ids as Uint16Array)[slot] = packetId;
    this.stateOf[slot] = states.indexOf(state);
    if (entry !== undefined) (this.entries ??= new Array<OutboundEntry | undefined>(this.mask + 1))[slot] = entry;
    this.count += 1; // v5 [MQTT-3.3.4-9]
    this.nextId = packetId === packetIdMax ? 1 : packetId + 1; // v5 [MQTT-2.2.1-4]
  }

  setState(packetId: number, state: InflightState): void {
    this.stateOf[packetId & this.mask] = states.indexOf(state);
  }

  /** Frees the identifier. */
  release(packetId: number): void {
    const slot = packetId & this.mask;
    (this.ids as Uint16Array)[slot] = 0;
    if (this.entries !== undefined) this.entries[slot] = undefined;
    this.count -= 1; // v5 [MQTT-3.3.4-9]
  }

  /** Visits what is in flight, in no order that means anything. */
  forEach(visit: (packetId: number, state: InflightState, entry: OutboundEntry | undefined) => void): void {
    if (this.ids === undefined) return;
    for (let slot = 0; slot < this.ids.length; slot += 1) {
      const packetId = this.ids[slot] as number;
      if (packetId !== 0) visit(packetId, states[this.stateOf[slot] as number] as InflightState, this.entries?.[slot]);
    }
  }

  /** Forgets everything and gives the memory back. */
  clear(): void {
    this.count = 0;
    this.nextId = 1;
    this.ids = undefined;
    this.stateOf = noStates;
    this.entries = undefined;
  }

  private allocate(slots: number): void {
    this.ids = new Uint16Array(slots);
    this.stateOf = new Uint8Array(slots);
    this.mask = slots - 1;
  }

  /** Doubles the ring: two identifiers in flight fell into one slot. At 65,536 slots that cannot happen. */
  private grow(): void {
    const { ids, stateOf, entries } = this;
    this.allocate((this.mask + 1) * 2);
    this.entries = entries && new Array<OutboundEntry | undefined>(this.mask + 1);
    (ids as Uint16Array).forEach((packetId, slot) => {
      if (packetId === 0) return;
      const to = packetId & this.mask;
      (this.ids as Uint16Array)[to] = packetId;
      this.stateOf[to] = stateOf[slot] as number;
      if (this.entries !== undefined) this.entries[to] = entries?.[slot];
    });
  }
}

const noStates = new Uint8Array(0);
