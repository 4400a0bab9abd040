/**
 * Topic names by their bytes: the first thing that an inbound PUBLISH meets. A hit costs one hash and one
 * comparison over the bytes and allocates nothing; a miss checks the topic, once for all its messages.
 * Bounded in entries and in bytes. What goes out was not used lately: a hand sweeps over the buckets, takes
 * back the mark that each hit leaves and removes the first entry without one.
 */
import { PeerProtocolError } from '../errors/errors.js';
import { formatStatement, statementOf } from '../packet/fault.js';
import type { ProtocolVersion } from '../packet/protocol.js';
import { ReasonCode } from '../packet/reason-code.js';
import { decodeUtf8, utf8Problem, Utf8Problem } from '../packet/utf8.js';
import { hasWildcard, topicBytesMaxDefault, topicLevelsMaxDefault, topicNameProblem } from './topic-rules.js';

export interface TopicTableOptions {
  /** Topics that are remembered at once. Default 65,536. */
  readonly entriesMax?: number;
  /** Any integer; unknown to peers, so that they cannot choose topics of one bucket. */
  readonly seed: number;
  /** Default 201. */
  readonly levelsMax?: number;
  /** Default 65,535. */
  readonly bytesMax?: number;
  /** Whether control characters and non-characters are malformed. */
  readonly strictText: boolean;
}

/**
 * A topic name that was found valid. It may outlive its place in the table, so two entries of one topic can
 * exist at a time: compare bytes or topics, not entries.
 */
export class TopicEntry<R> {
  /** UTF-8 of `topic`, its own copy. */
  readonly bytes: Uint8Array;
  readonly topic: string;
  /** Where messages go: filled in by the router, as of the `generation` of its subscriptions. */
  route: R | undefined = undefined;
  generation = -1;
  /** The table's own. */
  readonly hash: number;
  used = false;
  next: TopicEntry<R> | undefined = undefined;

  constructor(bytes: Uint8Array, topic: string, hash: number) {
    this.bytes = bytes;
    this.topic = topic;
    this.hash = hash;
  }
}

const entriesMaxDefault = 65_536;
const bucketsMin = 256;
/** Entries in one bucket; by chance it is about never reached, on purpose it is where it ends. */
const chainMax = 8;
/** Topics above this are not remembered. */
const entryBytesMax = 1024;
/** Bytes of topics that are remembered at once, per entry of `entriesMax`. */
const bytesPerEntry = 128;
/** Entries that the hand passes over in search of one to remove. */
const sweepMax = 16;

export class TopicTable<R> {
  private readonly entriesMax: number;
  private readonly seed: number;
  private readonly levelsMax: number;
  private readonly bytesMax: number;
  private readonly strictText: boolean;
  private buckets: (TopicEntry<R> | undefined)[];
  private count = 0;
  private bytesHeld = 0;
  /** The bucket that the sweep comes to next. */
  private hand = 0;

  constructor(options: TopicTableOptions) {
    this.entriesMax = options.entriesMax ?? entriesMaxDefault;
    this.seed = options.seed | 0;
    this.levelsMax = options.levelsMax ?? topicLevelsMaxDefault;
    this.bytesMax = options.bytesMax ?? topicBytesMaxDefault;
    this.strictText = options.strictText;
    this.buckets = emptyBuckets(bucketsMin);
  }

  /** Number of topics remembered. */
  get size(): number {
    return this.count;
  }

  /**
   * The entry of the topic name in `buffer` from `start` to before `end`.
   * @throws PeerProtocolError when it is no topic name that this broker takes.
   */
  lookup(buffer: Uint8Array, start: number, end: number, version: ProtocolVersion = 5): TopicEntry<R> {
    const hash = hashOf(buffer, start, end, this.seed);
    let entry = this.buckets[hash & (this.buckets.length - 1)];
    while (entry !== undefined) {
      if (entry.hash === hash && isSame(entry.bytes, buffer, start, end)) {
        entry.used = true;
        return entry;
      }
      entry = entry.next;
    }
    return this.admit(buffer, start, end, hash, version);
  }

  /**
   * The entry that the bytes of `topic` have: for wills and for the host, whose topics were checked before.
   * @throws PeerProtocolError all the same when they were not, so that no bad topic gets in for others to use.
   */
  lookupString(topic: string): TopicEntry<R> {
    const bytes = Buffer.from(topic);
    return this.lookup(bytes, 0, bytes.length);
  }

  /** Lets go of every route of another generation, and with it of the sessions it leads to. */
  forgetRoutes(generation: number): void {
    for (let entry of this.buckets) {
      for (; entry !== undefined; entry = entry.next) if (entry.generation !== generation) entry.route = undefined;
    }
  }

  /** Remembers a topic that no entry stands for. */
  private admit(buffer: Uint8Array, start: number, end: number, hash: number, version: ProtocolVersion): TopicEntry<R> {
    const topic = this.checked(buffer, start, end, version);
    const length = end - start;
    const entry = new TopicEntry<R>(new Uint8Array(buffer.subarray(start, end)), topic, hash);
    if (length > entryBytesMax || this.entriesMax < 1) return entry;
    const bytesHeldMax = this.entriesMax * bytesPerEntry;
    while (this.count >= this.entriesMax || (this.count > 0 && this.bytesHeld + length > bytesHeldMax)) this.evict();
    if (this.count >= this.buckets.length) this.grow();
    const bucket = hash & (this.buckets.length - 1);
    this.trim(bucket);
    entry.next = this.buckets[bucket];
    this.buckets[bucket] = entry;
    this.count += 1;
    this.bytesHeld += length;
    return entry;
  }

  private checked(buffer: Uint8Array, start: number, end: number, version: ProtocolVersion): string {
    if (start === end) throw new PeerProtocolError(ReasonCode.protocolError, 'MQTT-4.7.3-1', 'topic name is empty');
    const problem = utf8Problem(buffer, start, end, this.strictText);
    if (problem !== 0) { // v5 [MQTT-1.5.4-1] [MQTT-1.5.4-2] [X5-1.5.4-1] [MQTT-3.3.2-1]
      const { v5, v311, message } = textFaults[problem];
      throw new PeerProtocolError(ReasonCode.malformedPacket, statementOf(version, v5, v311), message);
    }
    const topic = decodeUtf8(buffer, start, end);
    const fault = topicNameProblem(topic, this.levelsMax, this.bytesMax);
    if (fault === undefined) return topic;
    // v5 [MQTT-3.3.2-2], [MQTT-4.7.0-1], v3.1.1 [MQTT-3.3.2-2], [MQTT-4.7.1-1]
    if (hasWildcard(topic)) throw new PeerProtocolError(ReasonCode.topicNameInvalid, 'MQTT-3.3.2-2', fault);
    throw new PeerProtocolError(ReasonCode.malformedPacket, formatStatement(version), fault); // a limit of ours
  }

  /** Removes an entry that was not used since the hand last passed it, or after some search any. */
  private evict(): void {
    for (let passed = 0; ; ) {
      const bucket = this.hand;
      this.hand = (this.hand + 1) & (this.buckets.length - 1);
      let before: TopicEntry<R> | undefined;
      for (let entry = this.buckets[bucket]; entry !== undefined; entry = entry.next) {
        if (!entry.used || passed === sweepMax) return this.unlink(bucket, before, entry);
        entry.used = false;
        passed += 1;
        before = entry;
      }
    }
  }

  /** Makes room in a bucket that is full: what is not marked as used goes, or else what came first. */
  private trim(bucket: number): void {
    let length = 0;
    let before: TopicEntry<R> | undefined;
    let victim: TopicEntry<R> | undefined;
    let beforeVictim: TopicEntry<R> | undefined;
    for (let entry = this.buckets[bucket]; entry !== undefined; entry = entry.next) {
      length += 1;
      if (victim === undefined || victim.used) {
        victim = entry;
        beforeVictim = before;
      }
      before = entry;
    }
    if (victim !== undefined && length >= chainMax) this.unlink(bucket, beforeVictim, victim);
  }

  private unlink(bucket: number, before: TopicEntry<R> | undefined, entry: TopicEntry<R>): void {
    if (before === undefined) this.buckets[bucket] = entry.next;
    else before.next = entry.next;
    entry.next = undefined;
    this.count -= 1;
    this.bytesHeld -= entry.bytes.length;
  }

  private grow(): void {
    const smaller = this.buckets;
    this.buckets = emptyBuckets(smaller.length * 2);
    for (let entry of smaller) {
      while (entry !== undefined) {
        const { next } = entry;
        const bucket = entry.hash & (this.buckets.length - 1);
        entry.next = this.buckets[bucket];
        this.buckets[bucket] = entry;
        entry = next;
      }
    }
  }
}

const textFaults = {
  [Utf8Problem.illFormed]: { v5: 'MQTT-1.5.4-1', v311: 'MQTT-1.5.3-1', message: 'topic name is not well-formed UTF-8' },
  [Utf8Problem.nullCharacter]: { v5: 'MQTT-1.5.4-2', v311: 'MQTT-1.5.3-2', message: 'topic name contains U+0000' },
  [Utf8Problem.controlOrNonCharacter]: {
    v5: 'X5-1.5.4-1',
    v311: 'X5-1.5.4-1', // 3.1.1 says the same without an id
    message: 'topic name contains a control character or a non-character',
  },
} as const;

function emptyBuckets<R>(length: number): (TopicEntry<R> | undefined)[] {
  return new Array<TopicEntry<R> | undefined>(length).fill(undefined);
}

/** In the manner of MurmurHash3: four bytes a round, the rest one by one as FNV-1a does, then all bits mixed. */
function hashOf(buffer: Uint8Array, start: number, end: number, seed: number): number {
  let hash = seed;
  let at = start;
  for (const last = end - 3; at < last; at += 4) {
    const low = (buffer[at] as number) | ((buffer[at + 1] as number) << 8);
    const word = low | ((buffer[at + 2] as number) << 16) | ((buffer[at + 3] as number) << 24);
    const mixed = Math.imul(word, 0xcc9e_2d51);
    hash = Math.imul(hash ^ ((mixed << 15) | (mixed >>> 17)), 0x9e37_79b1);
    hash = (hash << 13) | (hash >>> 19);
  }
  for (; at < end; at += 1) hash = Math.imul(hash ^ (buffer[at] as number), 0x0100_0193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return hash ^ (hash >>> 16);
}

function isSame(bytes: Uint8Array, buffer: Uint8Array, start: number, end: number): boolean {
  const length = end - start;
  if (bytes.length !== length) return false;
  for (let at = 0; at < length; at += 1) if (bytes[at] !== buffer[start + at]) return false;
  return true;
}
