/**
 * Turns received bytes into packets, for one connection: framing, and the choice of the reader for each type.
 * PUBLISH and acknowledgements make no object. Whole packets are read where they lie in the received chunk; only
 * the one that a chunk boundary cut is copied. Every error is a PeerProtocolError, and the last thing that happens.
 */
import type { PeerProtocolError } from '../errors/errors.js';
import { readUint16 } from './bytes.js';
import { ChunkQueue } from './chunk-queue.js';
import { CutPacket } from './cut-packet.js';
import { formatStatement, packetIdZero, trailingBytes } from './fault.js';
import {
  bodyStart,
  firstByteFault,
  packetBytes,
  packetTooLarge,
  packetTypes,
  refuseLongRemainingLength,
  reservedFlags,
} from './fixed-header.js';
import type { ClientPacket, PingPacket } from './packets.js';
import { PacketType, type ProtocolVersion } from './protocol.js';
import { InboundPublish } from './publication.js';
import { type AckType, readAckReason } from './read-ack.js';
import { type ConnectLimits, readConnect } from './read-connect.js';
import { readAuth, readDisconnect } from './read-disconnect.js';
import { readProtocolLevel } from './read-protocol-level.js';
import { readPublish } from './read-publish.js';
import { readSubscribe, readUnsubscribe } from './read-subscribe.js';

export interface ReaderLimits extends ConnectLimits {
  /** Bytes of a whole packet. */
  readonly packetBytesMax: number;
  /** The same for the first packet. */
  readonly connectBytesMax: number;
}

const noBytes = new Uint8Array(0);
const pingreq: PingPacket = Object.freeze({ type: PacketType.pingreq });

export class PacketReader {
  /**
   * 0 until the protocol level of a CONNECT was read; after an unknown level, the version in whose shape CONNACK
   * answers it.
   */
  version: ProtocolVersion | 0 = 0;
  /** Filled after `next()` returned PUBLISH, until the next call of `next()`. */
  readonly publish = new InboundPublish();
  /** Set after CONNECT, SUBSCRIBE, UNSUBSCRIBE, PINGREQ, DISCONNECT and AUTH. A second CONNECT is not decoded. */
  packet: ClientPacket | undefined = undefined;
  /** Of the acknowledgement on which the reader stands. */
  packetId = 0;
  /** Of the acknowledgement on which the reader stands. */
  reasonCode = 0;

  private readonly limits: ReaderLimits;
  private packetBytesMax: number;
  /** Packet type by first byte, 0 where illegal; see `packetTypes`. */
  private types = packetTypes(0);
  /** The chunk being read, from `at` on. */
  private chunk: Uint8Array = noBytes;
  private at = 0;
  private waiting: ChunkQueue | undefined = undefined;
  private cut: CutPacket | undefined = undefined;
  private dead = false;

  constructor(limits: ReaderLimits) {
    this.limits = limits;
    this.packetBytesMax = limits.connectBytesMax;
  }

  /** Bytes pushed and not yet consumed. */
  get pendingBytes(): number {
    return this.chunk.length - this.at + (this.waiting?.bytes ?? 0) + (this.cut?.have ?? 0);
  }

  /**
   * Hands over a received chunk: borrowed until consumed, never written to. May be called while earlier bytes are
   * still unread; chunks then queue up.
   */
  push(chunk: Uint8Array): void {
    if (this.dead || chunk.length === 0) return;
    if (this.at === this.chunk.length && (this.waiting === undefined || this.waiting.bytes === 0)) {
      this.chunk = chunk;
      this.at = 0;
    } else {
      this.waiting ??= new ChunkQueue();
      this.waiting.push(chunk);
    }
  }

  /**
   * Stands on the next whole packet and returns its type, or 0 when more bytes are needed.
   * @throws PeerProtocolError The reader is dead then: `next()` returns 0 for ever and `push()` does nothing.
   */
  next(): PacketType | 0 {
    try {
      return this.advance();
    } catch (error) {
      this.end();
      throw error;
    }
  }

  /** Drops everything unread. */
  discard(): void {
    this.chunk = noBytes;
    this.at = 0;
    this.waiting = undefined;
    this.cut = undefined;
  }

  private end(): void {
    this.discard();
    this.dead = true;
    this.packet = undefined;
    this.release();
  }

  /** Lets go of the chunk in which the last PUBLISH stood, and of the message kept of it. */
  private release(): void {
    this.publish.reset();
    this.publish.buffer = noBytes;
  }

  private advance(): PacketType | 0 {
    if (this.packet !== undefined) this.packet = undefined;
    // The usual case: a legal packet of up to 129 bytes, all of it here.
    const { chunk, at } = this;
    if (this.cut === undefined && at + 2 <= chunk.length) {
      const type = this.types[chunk[at] as number] as number;
      const remaining = chunk[at + 1] as number;
      const end = at + 2 + remaining;
      if (type !== 0 && remaining < 0x80 && end <= chunk.length && remaining + 2 <= this.packetBytesMax) {
        this.at = end;
        return this.read(type as PacketType, chunk, at, at + 2, end);
      }
    }
    return this.advanceAnyhow();
  }

  /** Every other case. Judges a packet by the same rules in the same order wherever the chunks were cut. */
  private advanceAnyhow(): PacketType | 0 {
    while (this.at < this.chunk.length || this.takeWaiting()) {
      const { chunk, at } = this;
      let { cut } = this;
      if (cut === undefined) {
        const first = chunk[at] as number;
        const type = this.types[first] as PacketType | 0;
        if (type === 0) return this.refuse(first);
        const bytes = packetBytes(chunk, at, chunk.length, this.version, this.packetBytesMax);
        if (bytes !== 0 && at + bytes <= chunk.length) {
          this.at = at + bytes;
          return this.read(type, chunk, at, bodyStart(chunk, at), this.at);
        }
        cut = new CutPacket(chunk, at, bytes);
        this.cut = cut;
        this.at = chunk.length;
      } else this.at = cut.take(chunk, at, this.version, this.packetBytesMax);
      if (cut.complete) {
        this.cut = undefined;
        const { buffer } = cut;
        const type = this.types[buffer[0] as number] as PacketType;
        return this.read(type, buffer, 0, bodyStart(buffer, 0), cut.total);
      }
    }
    return 0;
  }

  /** Goes on to the next waiting chunk. Without one, lets go of what was read: an idle connection pins nothing. */
  private takeWaiting(): boolean {
    const next = this.waiting?.shift();
    this.chunk = next ?? noBytes;
    this.at = 0;
    if (next === undefined) this.release();
    return next !== undefined;
  }

  /** A second CONNECT is for the connection to answer; anything else that may not be sent is an error. */
  private refuse(first: number): PacketType {
    if (first >> 4 === PacketType.connect) {
      this.end();
      return PacketType.connect; // v5 [MQTT-3.1.0-2], v3.1.1 [MQTT-3.1.0-2]
    }
    throw firstByteFault(first, this.version) as PeerProtocolError;
  }

  /** Reads the whole packet `buffer[start, end)`, whose body begins at `body`. */
  private read(type: PacketType, buffer: Uint8Array, start: number, body: number, end: number): PacketType {
    const { limits } = this;
    const version = this.version as ProtocolVersion; // 0 only for CONNECT
    switch (type) {
      case PacketType.publish:
        readPublish(this.publish, buffer, start, body, end, version, limits);
        break;
      case PacketType.puback:
      case PacketType.pubrec:
      case PacketType.pubrel:
      case PacketType.pubcomp:
        this.readAck(type, buffer, body, end, version);
        break;
      case PacketType.connect:
        this.connect(buffer, start, body, end);
        break;
      case PacketType.subscribe:
        this.packet = readSubscribe(buffer, body, end, version, limits);
        break;
      case PacketType.unsubscribe:
        this.packet = readUnsubscribe(buffer, body, end, version, limits);
        break;
      case PacketType.disconnect:
        this.packet = readDisconnect(buffer, body, end, version, limits);
        break;
      case PacketType.auth:
        this.packet = readAuth(buffer, body, end, version, limits);
        break;
      default:
        if (body !== end) throw trailingBytes(end - body, formatStatement(version));
        this.packet = pingreq;
    }
    return type;
  }

  private readAck(type: AckType, buffer: Uint8Array, body: number, end: number, version: ProtocolVersion): void {
    // v5 [X5-3.4.2.1-1]: without a Reason Code it is 0x00
    const reasonCode = end - body === 2 ? 0 : readAckReason(type, buffer, body, end, version, this.limits);
    const packetId = readUint16(buffer, body);
    if (packetId === 0) throw packetIdZero(version); // v5 [MQTT-2.2.1-5]
    this.packetId = packetId;
    this.reasonCode = reasonCode;
  }

  private connect(buffer: Uint8Array, start: number, body: number, end: number): void {
    const level = readProtocolLevel(buffer, body, end);
    this.version = level.version;
    if (level.refusal !== undefined) throw level.refusal;
    const version = level.version as ProtocolVersion;
    const bytes = packetBytes(buffer, start, end, 0, Infinity);
    const { connectBytesMax } = this.limits;
    if (bytes > connectBytesMax) throw packetTooLarge(bytes, connectBytesMax, version); // v5 [MQTT-3.2.2-15]
    const first = buffer[start] as number;
    // MQTT 3.1 does not use the flags of CONNECT.
    if (first !== 0x10 && version !== 3) throw reservedFlags(first, version); // v5 [MQTT-2.1.3-1], v3.1.1 [MQTT-2.2.2-2]
    if (version === 5) refuseLongRemainingLength(start, body, end); // v5 [MQTT-1.5.5-1]
    this.packet = readConnect(buffer, level.end, end, version, this.limits);
    this.types = packetTypes(version);
    this.packetBytesMax = this.limits.packetBytesMax;
  }
}
