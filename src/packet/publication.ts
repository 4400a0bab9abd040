/**
 * A PUBLISH on its way through the broker, in two forms with one face:
 *   `InboundPublish`  offsets into the chunk that was just received; one per reader, overwritten by the next PUBLISH
 *   `Message`         owns its bytes; what queues, the retained store, wills and the host's own publishes hold
 * `keep()` turns the first into the second, once, however many sessions share it.
 */
import type { ProtocolVersion, QoS } from './protocol.js';
import { variableByteIntegerBytes } from './variable-byte-integer.js';

/** How long a message with this Message Expiry Interval lives: one of 0 is for those who can be sent it at once. */
export const lifetimeMs = (messageExpirySeconds: number): number => Math.max(1, messageExpirySeconds * 1000);

/** What fan-out needs to know of a PUBLISH; offsets count within `buffer`. @public */
export interface Publication {
  /** Topic name. */
  readonly topic: string;
  /** UTF-8 of `topic`, shared with the topic table. */
  readonly topicBytes: Uint8Array;
  /** QoS it was published with. */
  readonly qos: QoS;
  /** Whether it was published to be retained. */
  readonly retain: boolean;
  /** Client identifier of the publisher; `undefined` when the host published. Decides No Local. */
  readonly publisherId: string | undefined;
  /** Monotonic milliseconds at which Message Expiry Interval passes; `Infinity` without one. */
  readonly expiresAtMs: number;
  /** Holds properties and payload; not to be written to. */
  readonly buffer: Uint8Array;
  /** Where the whole packet as received begins, or -1 when `buffer` holds no packet. */
  readonly packetStart: number;
  /** Format of that packet. Properties exist in 5 only. */
  readonly version: ProtocolVersion;
  /** Properties as sent, Property Length left out: `propertiesStart === propertiesEnd` when there are none. */
  readonly propertiesStart: number;
  /** End of the properties. */
  readonly propertiesEnd: number;
  /** Where the payload begins. */
  readonly payloadStart: number;
  /** End of the payload, and of the packet. */
  readonly end: number;
  /** Whether the packet as received may be sent on as it is, to a recipient of the same version, QoS and flags. */
  readonly forwardable: boolean;
  /** Where the three bytes of a Topic Alias property stand, or -1. */
  readonly aliasAt: number;
  /** Where the four bytes of the Message Expiry Interval value stand, or -1. */
  readonly expiryAt: number;
  /** The same message with bytes of its own, valid for ever. */
  keep(): Message;
}

/** A message that owns its bytes: properties (5.0 encoding, Topic Alias left out) followed by the payload. @public */
export class Message implements Publication {
  readonly topic: string;
  readonly topicBytes: Uint8Array;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly publisherId: string | undefined;
  readonly expiresAtMs: number;
  readonly buffer: Uint8Array;
  readonly payloadStart: number;
  readonly expiryAt: number;

  /** For stores, which give back what they were given: `payloadStart` is where the properties end in `buffer`. */
  constructor(
    topic: string,
    topicBytes: Uint8Array,
    qos: QoS,
    retain: boolean,
    publisherId: string | undefined,
    expiresAtMs: number,
    buffer: Uint8Array,
    payloadStart: number,
    expiryAt: number,
  ) {
    this.topic = topic;
    this.topicBytes = topicBytes;
    this.qos = qos;
    this.retain = retain;
    this.publisherId = publisherId;
    this.expiresAtMs = expiresAtMs;
    this.buffer = buffer;
    this.payloadStart = payloadStart;
    this.expiryAt = expiryAt;
  }

  get packetStart(): -1 {
    return -1;
  }
  get version(): 5 {
    return 5;
  }
  get propertiesStart(): 0 {
    return 0;
  }
  get propertiesEnd(): number {
    return this.payloadStart;
  }
  get end(): number {
    return this.buffer.length;
  }
  get aliasAt(): -1 {
    return -1;
  }
  get forwardable(): false {
    return false;
  }

  keep(): Message {
    return this;
  }

  /** Bytes counted against queue and retained limits: topic, properties and payload. */
  get bytes(): number {
    return this.topicBytes.length + this.buffer.length;
  }
}

/** The reader's reusable view of the PUBLISH it stands on; everything but `keep()`'s result dies with the next packet. */
export class InboundPublish implements Publication {
  topic = '';
  topicBytes: Uint8Array = noBytes;
  qos: QoS = 0;
  retain = false;
  dup = false;
  publisherId: string | undefined = undefined;
  expiresAtMs = Infinity;
  buffer: Uint8Array = noBytes;
  packetStart = 0;
  version: ProtocolVersion = 4;
  /** Topic Name as sent; empty when a Topic Alias stands for it. */
  topicStart = 0;
  topicEnd = 0;
  /** 0 at QoS 0. */
  packetId = 0;
  /** Where the two bytes of the packet identifier stand; at QoS 0 where they would. */
  packetIdAt = 0;
  propertiesStart = 0;
  propertiesEnd = 0;
  payloadStart = 0;
  end = 0;
  /** 0: none. */
  topicAlias = 0;
  aliasAt = -1;
  expiryAt = -1;
  private kept: Message | undefined = undefined;

  /** Called by the reader before it fills in the next packet. */
  reset(): void {
    this.kept = undefined;
    this.topicAlias = 0;
    this.aliasAt = -1;
    this.expiryAt = -1;
    this.expiresAtMs = Infinity;
  }

  /** Never with a Topic Alias or an expiry to count down, nor with a Remaining Length that is longer than need be (3.x). */
  get forwardable(): boolean {
    const headerBytes = this.topicStart - 2 - this.packetStart;
    return (
      this.aliasAt < 0 &&
      this.expiryAt < 0 &&
      !this.dup &&
      headerBytes === 1 + variableByteIntegerBytes(this.end - this.packetStart - headerBytes)
    );
  }

  /** Message Expiry Interval as sent, or `undefined`. */
  get messageExpirySeconds(): number | undefined {
    return this.expiryAt < 0 ? undefined : readUint32(this.buffer, this.expiryAt);
  }

  keep(): Message {
    return (this.kept ??= this.copyOut());
  }

  /** A received chunk is never pinned: topic, properties and payload are copied out of it. */
  private copyOut(): Message {
    const { propertiesStart, propertiesEnd, payloadStart, end, aliasAt } = this;
    const aliasBytes = aliasAt < 0 ? 0 : 3;
    const propertyBytes = propertiesEnd - propertiesStart - aliasBytes;
    const content = Buffer.allocUnsafeSlow(propertyBytes + end - payloadStart);
    const source = this.buffer;
    let expiryAt = this.expiryAt < 0 ? -1 : this.expiryAt - propertiesStart;
    // v5 [MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-18] [MQTT-3.3.2-20]
    if (aliasBytes === 0) content.set(source.subarray(propertiesStart, propertiesEnd), 0);
    else {
      content.set(source.subarray(propertiesStart, aliasAt), 0);
      content.set(source.subarray(aliasAt + 3, propertiesEnd), aliasAt - propertiesStart);
      if (this.expiryAt > aliasAt) expiryAt -= 3;
    }
    content.set(source.subarray(payloadStart, end), propertyBytes);
    return new Message(
      this.topic,
      this.topicBytes,
      this.qos,
      this.retain,
      this.publisherId,
      this.expiresAtMs,
      content,
      propertyBytes,
      expiryAt,
    );
  }
}

function readUint32(buffer: Uint8Array, at: number): number {
  return (
    (buffer[at] as number) * 0x100_0000 +
    (((buffer[at + 1] as number) << 16) | ((buffer[at + 2] as number) << 8) | (buffer[at + 3] as number))
  );
}

const noBytes = new Uint8Array(0);
