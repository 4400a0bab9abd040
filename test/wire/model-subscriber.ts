/**
 * A model of a correct client, for seeded runs: it keeps to the rules of a receiver (v5 4.3), remembers what its
 * session remembers, and throws when the broker breaks a rule.
 */
import type { WireClient, WirePacket } from '../../src/testing/index.js';
import type { Rig } from './rig.js';

export class ModelSubscriber {
  readonly seen: { readonly payload: string; readonly qos: number }[] = [];
  /** QoS 2 identifiers between PUBLISH and PUBREL. */
  private readonly unreleased = new Set<number>();
  /** Acknowledgements that are owed, in order. */
  private owed: (() => void)[] = [];
  /** Identifiers that hold a place of the window on this connection. */
  private readonly held = new Set<number>();
  private receiveMaximum = 65_535;
  private client: WireClient | undefined = undefined;
  private readonly rig: Rig;
  private readonly clientId: string;
  private readonly version: 4 | 5;

  constructor(rig: Rig, clientId: string, version: 4 | 5) {
    this.rig = rig;
    this.clientId = clientId;
    this.version = version;
  }

  get connected(): boolean {
    return this.client !== undefined;
  }

  connect(receiveMaximum: number): WireClient {
    this.owed = [];
    this.held.clear();
    this.receiveMaximum = this.version === 5 ? receiveMaximum : 65_535;
    const properties = this.version === 5 ? { properties: { receiveMaximum } } : {};
    this.client = this.rig.resumable(this.clientId, { protocolVersion: this.version, ...properties });
    return this.client;
  }

  vanish(): void {
    this.client?.drop();
    this.client = undefined;
  }

  read(): void {
    for (const packet of this.client?.received() ?? []) this.take(packet);
  }

  /** Sends the oldest `count` acknowledgements that are owed. */
  acknowledge(count: number): void {
    for (const send of this.owed.splice(0, count)) send();
  }

  private take({ type, qos = 0, packetId = 0, payload = '', dup = false }: WirePacket): void {
    const { client } = this;
    if (client === undefined) return;
    if (type === 'pubrel') {
      this.unreleased.delete(packetId);
      this.owed.push(() => {
        this.held.delete(packetId);
        client.pubcomp(packetId);
      });
    }
    if (type !== 'publish') return;
    if (qos > 0) {
      if (this.held.has(packetId)) throw new Error(`identifier ${packetId} was given twice on one connection`);
      this.held.add(packetId);
      if (this.held.size > this.receiveMaximum) throw new Error(`${this.held.size} in flight, ${this.receiveMaximum} allowed`);
    }
    if (qos === 2) {
      if (!this.unreleased.has(packetId)) this.seen.push({ payload, qos });
      else if (!dup) throw new Error(`${payload} was sent again without DUP`);
      this.unreleased.add(packetId);
      this.owed.push(() => client.pubrec(packetId));
      return;
    }
    this.seen.push({ payload, qos });
    if (qos !== 1) return;
    this.owed.push(() => {
      this.held.delete(packetId);
      client.puback(packetId);
    });
  }
}
