/** Retained messages: an index of topics in memory, bodies in the store (v5 3.3.1.3, v3.1.1 3.3.1.3). */
import type { Publication } from '../packet/publication.js';
import { ReasonCode } from '../packet/reason-code.js';
import { calls } from '../protocol/deadlines.js';
import type { Deadline } from '../protocol/deadlines.js';
import type { Engine } from '../protocol/ports.js';
import type { Lsn } from '../storage/storage.js';
import { RetainedTree } from '../topic/retained-tree.js';
import type { RetainedCursor } from '../topic/retained-cursor.js';

/** What is known of a retained message without its body. */
export interface RetainedRef {
  readonly bytes: number;
  readonly expiresAtMs: number;
  readonly deadline: Deadline | undefined;
}

export class RetainedStore {
  private readonly tree = new RetainedTree<RetainedRef>();
  private readonly engine: Engine;

  constructor(engine: Engine) {
    this.engine = engine;
  }

  has(topic: string): boolean {
    return this.tree.get(topic) !== undefined;
  }

  /** What is known of the topic's message; another object for each message. */
  get(topic: string): RetainedRef | undefined {
    return this.tree.get(topic);
  }

  cursor(matchFilter: string): RetainedCursor<RetainedRef> {
    return this.tree.cursor(matchFilter);
  }

  /** 0, or why this message cannot be kept; a clear is never refused. */
  refusal(publication: Publication): number {
    const { options, counters } = this.engine;
    if (isClear(publication)) return 0;
    const old = this.tree.get(publication.topic);
    const messages = counters.retainedMessages + (old === undefined ? 1 : 0);
    const bytes = counters.retainedBytes - (old?.bytes ?? 0) + bytesOf(publication);
    const full = messages > options.retainedMessagesMax || bytes > options.retainedBytesMax;
    return full ? ReasonCode.quotaExceeded : 0;
  }

  /** Keeps, replaces or clears. A QoS 0 message there is no room for is not kept, and the old one goes. */
  keep(publication: Publication): Lsn {
    // v5 [MQTT-3.3.1-6] [MQTT-3.3.1-7], v3.1.1 [MQTT-3.3.1-10] [MQTT-3.3.1-11]
    if (isClear(publication) || this.refusal(publication) !== 0) return this.clear(publication.topic);
    const message = publication.keep();
    this.index(message.topic, message.bytes, message.expiresAtMs);
    return this.engine.storage.putRetained(message); // v5 [MQTT-3.3.1-5], v3.1.1 [MQTT-3.1.2-7] [MQTT-3.3.1-5] [MQTT-3.3.1-7]
  }

  /** Takes a retained message out; 0 when there is none. */
  clear(topic: string): Lsn {
    const old = this.tree.delete(topic);
    if (old === undefined) return 0;
    this.forget(old);
    return this.engine.storage.deleteRetained(topic);
  }

  /** Notes a retained message that the store has. */
  index(topic: string, bytes: number, expiresAtMs: number): void {
    const deadline =
      expiresAtMs === Infinity ? undefined : this.engine.deadlines.set(calls(() => void this.clear(topic)), expiresAtMs); // X5-3.3.1.3-1
    const old = this.tree.set(topic, { bytes, expiresAtMs, deadline });
    if (old !== undefined) this.forget(old);
    this.engine.counters.retainedMessages += 1;
    this.engine.counters.retainedBytes += bytes;
  }

  private forget(old: RetainedRef): void {
    if (old.deadline !== undefined) this.engine.deadlines.cancel(old.deadline);
    this.engine.counters.retainedMessages -= 1;
    this.engine.counters.retainedBytes -= old.bytes;
  }
}

const isClear = (publication: Publication): boolean => publication.end === publication.payloadStart;

/** As `Message.bytes` counts, without making one. */
const bytesOf = (publication: Publication): number =>
  publication.topicBytes.length +
  (publication.propertiesEnd - publication.propertiesStart - (publication.aliasAt < 0 ? 0 : 3)) +
  (publication.end - publication.payloadStart);
