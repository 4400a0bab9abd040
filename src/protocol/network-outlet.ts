/** The outlet of a network connection: PUBLISH and PUBREL in the shape its client wants, acknowledgements in order. */
import { readUint32 } from '../packet/bytes.js';
import type { ProtocolVersion, QoS } from '../packet/protocol.js';
import type { Publication } from '../packet/publication.js';
import { copyBytes, PublishShape, publishPacketBytes, writePublishHead } from '../packet/write-publish.js';
import { encodePacket } from '../packet/write-packets.js';
import type { WriteLimits } from '../packet/write-packets.js';
import type { AckPacket } from '../packet/packets.js';
import type { Lsn } from '../storage/storage.js';
import type { Client } from './client.js';
import { HeldOutput, type HeldPacket } from './held-output.js';
import type { Output } from './output.js';
import type { Environment } from './environment.js';
import type { Outlet } from './outlet.js';
import { OutboundAliases } from './topic-aliases.js';

/** What CONNECT and the broker's limits settle for one connection. */
export interface OutletTerms {
  readonly version: ProtocolVersion;
  readonly receiveMaximum: number;
  readonly topicAliasMaximum: number;
  readonly outboundBytesMax: number;
  readonly limits: WriteLimits;
}

type AckType = AckPacket['type'];

/** Payloads above this are not copied: the write takes them where they lie. */
const copiedPayloadBytesMax = 16_384;
const shape = new PublishShape();

export class NetworkOutlet implements Outlet {
  readonly client: Client;
  readonly receiveMaximum: number;
  readonly held = new HeldOutput();
  private readonly terms: OutletTerms;
  private readonly aliases: OutboundAliases | undefined;
  private readonly engine: Environment;
  private readonly output: Output;
  private readonly shut: (reasonCode: number, reasonString?: string) => void;

  constructor(
    engine: Environment,
    output: Output,
    client: Client,
    terms: OutletTerms,
    shut: (reasonCode: number, reasonString?: string) => void,
  ) {
    this.engine = engine;
    this.output = output;
    this.client = client;
    this.terms = terms;
    this.receiveMaximum = terms.receiveMaximum;
    this.aliases = terms.topicAliasMaximum > 0 ? new OutboundAliases(terms.topicAliasMaximum) : undefined;
    this.shut = shut;
  }

  get congested(): boolean {
    return this.output.unsentBytes > this.terms.outboundBytesMax;
  }

  fits(publication: Publication, qos: QoS, ids: readonly number[] | undefined): boolean {
    const { maximumPacketBytes } = this.terms.limits;
    if (maximumPacketBytes === Infinity) return true;
    this.form(publication, qos, false, false, 0, ids);
    return publishPacketBytes(publication, shape) <= maximumPacketBytes; // v5 [MQTT-3.1.2-24] [X5-3.1.2.11.4-1]
  }

  sendPublish(
    publication: Publication,
    qos: QoS,
    retain: boolean,
    dup: boolean,
    packetId: number,
    ids: readonly number[] | undefined,
    lsn: Lsn,
  ): void {
    const { counters } = this.engine;
    counters.packetsSent += 1;
    counters.publishSent += 1;
    counters.publishSentBytes += publication.end - publication.payloadStart;
    if (qos === 0 && ids === undefined && this.goesAsReceived(publication, retain)) {
      this.output.write(publication.buffer, publication.packetStart, publication.end);
      return;
    }
    this.form(publication, qos, retain, dup, packetId, ids);
    // The client's copy of its own publish never leaves before the acknowledgement of that.
    const isOwn = publication.qos > 0 && publication.publisherId === this.client.id;
    const mark = isOwn ? Math.max(lsn, this.held.markOf(0)) : lsn;
    if (mark > 0 && !this.engine.durability.has(mark)) this.hold(mark, this.encode(publication), false);
    else this.writeNow(publication);
  }

  sendPubrel(packetId: number, reasonCode: number, lsn: Lsn): void {
    this.sendAck(6, packetId, reasonCode, undefined, lsn, false); // v5 [MQTT-4.6.0-4], v3.1.1 [MQTT-4.6.0-4]
  }

  /**
   * Sends PUBACK, PUBREC, PUBREL or PUBCOMP once the store is durable up to `lsn` and every earlier one has left.
   * @param owed - whether it answers a PUBLISH, which counts against Receive Maximum until this has left.
   */
  sendAck(
    type: AckType,
    packetId: number,
    reasonCode: number,
    reasonString: string | undefined,
    lsn: Lsn,
    owed: boolean,
  ): void {
    this.engine.counters.packetsSent += 1;
    const mark = this.held.markOf(lsn); // v5 [MQTT-4.6.0-2] [MQTT-4.6.0-3], v3.1.1 [MQTT-4.6.0-2] [MQTT-4.6.0-3]
    const now = mark === 0 || (this.held.length === 0 && this.engine.durability.has(mark));
    if (reasonCode === 0 || this.terms.version !== 5) {
      const first = type === 6 ? 0x62 : type << 4; // v5 [MQTT-2.1.3-1] [MQTT-3.6.1-1], v3.1.1 [MQTT-2.2.2-1] [MQTT-3.6.1-1]
      const short = (first << 16) | packetId; // v5 [MQTT-2.2.1-5]
      if (now) this.write(short);
      else this.hold(mark, short, owed);
      return;
    }
    const properties = reasonString === undefined ? {} : { reasonString };
    const bytes = encodePacket({ type, packetId, reasonCode, properties }, this.terms.version, this.terms.limits);
    if (bytes === undefined) return;
    if (now) this.write(bytes);
    else this.hold(mark, bytes, owed);
  }

  /** Sends any other packet that waits for `lsn`, in line with the acknowledgements. */
  sendInOrder(bytes: Uint8Array, lsn: Lsn): void {
    this.engine.counters.packetsSent += 1;
    const mark = this.held.markOf(lsn);
    if (this.held.length === 0 && this.engine.durability.has(mark)) this.write(bytes);
    else this.hold(mark, bytes, false);
  }

  close(reasonCode: number, reasonString?: string): void {
    this.shut(reasonCode, reasonString);
  }

  /** The store is durable up to `lsn`. */
  release(lsn: Lsn): void {
    this.held.release(lsn, this.write);
  }

  private readonly write = (packet: HeldPacket): void => {
    if (typeof packet !== 'number') return this.output.write(packet, 0, packet.length);
    const { slab } = this.output;
    const at = slab.reserve(4);
    const { buffer } = slab;
    buffer[at] = packet >> 16;
    buffer[at + 1] = 2;
    buffer[at + 2] = packet >> 8;
    buffer[at + 3] = packet;
    this.output.write(buffer, at, at + 4);
  };

  private hold(lsn: Lsn, packet: HeldPacket, owed: boolean): void {
    this.held.push(lsn, packet, owed);
    this.onHeld?.();
  }
  /** Set by the connection: it asks to be woken at the next commit. */
  onHeld: (() => void) | undefined = undefined;

  /** Whether the client would get exactly the bytes that were received. */
  private goesAsReceived(publication: Publication, retain: boolean): boolean {
    return (
      publication.forwardable &&
      publication.qos === 0 &&
      publication.retain === retain &&
      (publication.version === 5) === (this.terms.version === 5) &&
      this.aliases === undefined
    );
  }

  private form(
    publication: Publication,
    qos: QoS,
    retain: boolean,
    dup: boolean,
    packetId: number,
    ids: readonly number[] | undefined,
  ): void {
    shape.version = this.terms.version;
    shape.qos = qos;
    shape.retain = retain;
    shape.dup = dup;
    shape.packetId = packetId;
    shape.topicAlias = 0;
    shape.topicOmitted = false;
    shape.subscriptionIdentifiers = this.terms.version === 5 ? ids : undefined;
    if (publication.expiryAt < 0) return;
    // v5 [MQTT-3.3.2-6]: what is left, never 0 while it lives, unless it was sent as 0.
    const left = Math.max(1, Math.ceil((publication.expiresAtMs - this.engine.now()) / 1000));
    shape.expirySeconds = Math.min(left, readUint32(publication.buffer, publication.expiryAt));
  }

  private writeNow(publication: Publication): void {
    const alias = this.chooseAlias(publication);
    const payloadBytes = publication.end - publication.payloadStart;
    const bytes = publishPacketBytes(publication, shape);
    const copied = payloadBytes <= copiedPayloadBytesMax;
    const { slab } = this.output;
    const at = slab.reserve(copied ? bytes : bytes - payloadBytes);
    const { buffer } = slab;
    const payloadAt = writePublishHead(buffer, at, publication, shape);
    if (copied) {
      copyBytes(buffer, payloadAt, publication.buffer, publication.payloadStart, publication.end);
      this.output.write(buffer, at, at + bytes);
    } else {
      this.output.write(buffer, at, payloadAt);
      this.output.write(publication.buffer, publication.payloadStart, publication.end);
    }
    if (alias > 0) this.aliases?.set(publication.topic, alias);
  }

  /** Picks the alias for the shape; returns one that this very PUBLISH sets, else 0. */
  private chooseAlias(publication: Publication): number {
    if (this.aliases === undefined) return 0;
    const known = this.aliases.get(publication.topic);
    shape.topicAlias = known > 0 ? known : this.aliases.next();
    shape.topicOmitted = known > 0;
    // An alias takes three bytes, perhaps more than the topic it stands for.
    if (shape.topicAlias > 0 && publishPacketBytes(publication, shape) > this.terms.limits.maximumPacketBytes) {
      shape.topicAlias = 0; // v5 [MQTT-3.1.2-24]
      shape.topicOmitted = false;
    }
    return known > 0 ? 0 : shape.topicAlias;
  }

  private encode(publication: Publication): Buffer {
    const bytes = Buffer.allocUnsafe(publishPacketBytes(publication, shape));
    const payloadAt = writePublishHead(bytes, 0, publication, shape);
    copyBytes(bytes, payloadAt, publication.buffer, publication.payloadStart, publication.end);
    return bytes;
  }
}
