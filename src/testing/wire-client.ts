/**
 * The raw wire client of all protocol tests: bytes in, bytes out, no rules of its own. It sends whatever it is
 * told to and shows whatever arrives, synchronously: after each send the turn of the virtual clock is ended.
 */
import { memoryTransportPair } from '../transport/memory-transport.js';
import type { ConnectionMeta, Transport } from '../transport/transport.js';
import type { VirtualClock } from './virtual-clock.js';
import { bytesOfHex, decodePacket, encodePacket, hexOfBytes, packetLength, type WireVersion } from './wire-codec.js';
import type {
  WireConnect,
  WirePacket,
  WireProperties,
  WirePublish,
  WireSendPacket,
  WireSubscription,
} from './wire-packet.js';

/** What a wire client talks to: a broker, or a test's own peer. @public */
export interface WireTarget {
  /** Is given the other end of the connection. */
  accept(transport: Transport): void;
}

/** Options of {@link WireClient}. @public */
export interface WireClientOptions {
  /** 3 is MQTT 3.1, 4 is 3.1.1; default 5. */
  readonly protocolVersion?: WireVersion;
  /** The broker's clock; without it nothing is flushed after a send. */
  readonly clock?: VirtualClock;
  /** What the broker sees of the connection; default `{ transport: 'memory' }`. */
  readonly meta?: ConnectionMeta;
  /** Delivers each send in pieces of so many bytes. */
  readonly cutInto?: number;
  /** Stays half-open when the broker ends its side; by default the client then ends its own, as most do. */
  readonly halfOpen?: boolean;
}

/** Reason code and properties of an acknowledgement and the like; both may be left out. @public */
export type WireReason = readonly [reasonCode?: number, properties?: WireProperties];

/** One raw connection to a broker. Made by {@link wire}. @public */
export class WireClient<Target extends WireTarget = WireTarget> {
  /** What it talks to. */
  readonly broker: Target;
  /** What it speaks, whatever it is told to send. */
  readonly protocolVersion: WireVersion;
  readonly #clock: VirtualClock | undefined;
  readonly #transport: Transport;
  #cutInto: number;
  #nextPacketId = 1;
  #received: Buffer = Buffer.alloc(0);
  #ended = false;
  #closed = false;

  /** Opens the connection; nothing is sent. */
  constructor(target: Target, options: WireClientOptions = {}) {
    const { protocolVersion = 5, clock, meta, cutInto = Infinity, halfOpen = false } = options;
    this.broker = target;
    this.protocolVersion = protocolVersion;
    this.#clock = clock;
    this.#cutInto = cutInto;
    const [mine, theirs] = memoryTransportPair(meta);
    this.#transport = mine;
    mine.start({
      onBytes: (chunk) => void (this.#received = Buffer.concat([this.#received, chunk])),
      onDrain: () => undefined,
      onEnd: () => {
        this.#ended = true;
        if (halfOpen) return;
        // Not from within the broker's own call: a peer answers later.
        if (clock === undefined) mine.end();
        else clock.endOfTurn(() => mine.end());
      },
      onClose: () => void (this.#closed = true),
    });
    target.accept(theirs);
    clock?.flush();
  }

  /** The clock of the broker. */
  get clock(): VirtualClock {
    if (this.#clock === undefined) throw new Error('this wire client was given a broker without its clock');
    return this.#clock;
  }

  /** The connection is gone: the broker closed it, or both sides ended. */
  get closed(): boolean {
    return this.#closed;
  }

  /** The broker half-closed. */
  get ended(): boolean {
    return this.#ended;
  }

  // ---- Sending ----

  /** CONNECT. */
  connect({ cleanStart, ...fields }: WireConnect = {}): this {
    const protocolId = this.protocolVersion === 3 ? 'MQIsdp' : 'MQTT';
    const { protocolVersion } = this;
    const clean = cleanStart ?? true;
    return this.sends({ cmd: 'connect', protocolId, protocolVersion, clientId: '', clean, keepalive: 0, ...fields });
  }

  /** Connects, and takes the CONNACK, which must accept; what follows it stays to be received. */
  connected(fields: WireConnect = {}): this {
    this.connect(fields);
    const connack = this.#take();
    if (connack?.type === 'connack' && connack.reasonCode === 0) return this;
    throw new Error(`expected an accepting CONNACK, got ${JSON.stringify(connack)}`);
  }

  /** PUBLISH. */
  publish({ qos = 0, packetId, ...fields }: WirePublish): this {
    const messageId = packetId ?? (qos > 0 ? this.#takePacketId() : undefined);
    return this.sends({ cmd: 'publish', payload: '', retain: false, dup: false, ...fields, qos, messageId });
  }

  /** SUBSCRIBE. `options` hold for filters given as strings; a packet identifier is chosen when none is given. */
  subscribe(
    filters: string | readonly (string | WireSubscription)[],
    options: Omit<WireSubscription, 'topic'> & { readonly packetId?: number; readonly properties?: WireProperties } = {},
  ): this {
    const { packetId = this.#takePacketId(), properties, ...defaults } = options;
    const subscriptions = (typeof filters === 'string' ? [filters] : filters).map((filter) => ({
      qos: 0,
      ...defaults,
      ...(typeof filter === 'string' ? { topic: filter } : filter),
    }));
    return this.sends({ cmd: 'subscribe', messageId: packetId, subscriptions, properties });
  }

  /** UNSUBSCRIBE. */
  unsubscribe(
    filters: string | readonly string[],
    options: { readonly packetId?: number; readonly properties?: WireProperties } = {},
  ): this {
    const { packetId = this.#takePacketId(), properties } = options;
    const unsubscriptions = typeof filters === 'string' ? [filters] : filters;
    return this.sends({ cmd: 'unsubscribe', messageId: packetId, unsubscriptions, properties });
  }

  /** PUBACK. */
  puback(packetId: number, ...reason: WireReason): this {
    return this.#sendReason('puback', reason, packetId);
  }

  /** PUBREC. */
  pubrec(packetId: number, ...reason: WireReason): this {
    return this.#sendReason('pubrec', reason, packetId);
  }

  /** PUBREL. */
  pubrel(packetId: number, ...reason: WireReason): this {
    return this.#sendReason('pubrel', reason, packetId);
  }

  /** PUBCOMP. */
  pubcomp(packetId: number, ...reason: WireReason): this {
    return this.#sendReason('pubcomp', reason, packetId);
  }

  /** PINGREQ. */
  pingreq(): this {
    return this.sends({ cmd: 'pingreq' });
  }

  /** DISCONNECT; the connection stays open until somebody closes it. */
  disconnect(...reason: WireReason): this {
    return this.#sendReason('disconnect', reason);
  }

  /** AUTH. */
  auth(...reason: WireReason): this {
    return this.#sendReason('auth', reason);
  }

  /** Any packet that mqtt-packet can write. */
  sends(packet: WireSendPacket): this {
    return this.sendsBytes(encodePacket(packet, this.protocolVersion));
  }

  /** Any bytes, white space as you like: `'e0 02 04 00'`. */
  sendsHex(hex: string): this {
    return this.sendsBytes(bytesOfHex(hex));
  }

  /** Any bytes. */
  sendsBytes(bytes: Uint8Array): this {
    for (let at = 0; at < bytes.length; at += this.#cutInto) {
      this.#transport.write(bytes.subarray(at, at + this.#cutInto));
    }
    return this.#endTurn();
  }

  /** From now on delivers each send in pieces of `bytes` bytes. */
  cutInto(bytes: number): this {
    this.#cutInto = bytes;
    return this;
  }

  // ---- Receiving ----

  /**
   * Takes every packet that arrived since the last call.
   * @throws Error when the broker sent what is no packet, or closed within one.
   */
  received(): WirePacket[] {
    const packets: WirePacket[] = [];
    for (let packet = this.#take(); packet !== undefined; packet = this.#take()) packets.push(packet);
    if ((this.#ended || this.#closed) && this.#received.length > 0) {
      throw new Error(`the broker closed within a packet: ${hexOfBytes(this.#received)}`);
    }
    return packets;
  }

  /** Takes every packet that arrived and gives the last one. */
  last(): WirePacket | undefined {
    return this.received().at(-1);
  }

  /** Takes every byte that arrived since the last call of this or `received`: `'20 02 00 00'`. */
  receivedHex(): string {
    const bytes = this.#received;
    this.#received = Buffer.alloc(0);
    return hexOfBytes(bytes);
  }

  /** Throws away what arrived so far. */
  skip(): this {
    this.received();
    return this;
  }

  /** Lets promises and end-of-turn work go on until nothing is left: for late stores and asynchronous hooks. */
  async settled(): Promise<this> {
    await this.clock.settle();
    return this;
  }

  // ---- The connection ----

  /** Stops reading: what the broker writes stays unsent. */
  pause(): this {
    this.#transport.pause();
    return this;
  }

  /** Reads again. */
  resume(): this {
    this.#transport.resume();
    return this.#endTurn();
  }

  /** Half-closes. */
  end(): this {
    this.#transport.end();
    return this.#endTurn();
  }

  /** Vanishes without DISCONNECT. */
  drop(): this {
    this.#transport.destroy();
    return this.#endTurn();
  }

  #sendReason(cmd: string, [reasonCode = 0, properties]: WireReason, messageId?: number): this {
    return this.sends({ cmd, messageId, reasonCode, ...(properties !== undefined && { properties }) });
  }

  #takePacketId(): number {
    const packetId = this.#nextPacketId;
    this.#nextPacketId += 1;
    return packetId;
  }

  #endTurn(): this {
    this.#clock?.flush();
    return this;
  }

  #take(): WirePacket | undefined {
    const length = packetLength(this.#received);
    if (length === 0) return undefined;
    const bytes = this.#received.subarray(0, length);
    this.#received = this.#received.subarray(length);
    return decodePacket(bytes, this.protocolVersion);
  }
}
