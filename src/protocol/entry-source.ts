/** Something a session sends from: its queue, or retained messages on their way to a new subscription. */
import type { OutboundEntry } from './outbound-entry.js';

export interface EntrySource {
  /** The next entry; `undefined` when there is none yet. */
  peek(): OutboundEntry | undefined;
  shift(): OutboundEntry;
}

/** Retained messages for one subscription; `done` once nothing more will come. */
export interface Replay extends EntrySource {
  readonly topicFilter: string;
  readonly done: boolean;
  /** All of it was taken out, and no other follows. */
  finished(): void;
}

/**
 * The replays of one session, one after the other. Of one filter there is the one at hand and one that follows:
 * a further SUBSCRIBE begins the latter anew, so that they cannot pile up.
 */
export class Replays implements EntrySource {
  private readonly byFilter = new Map<string, Replay>();
  private readonly following = new Map<string, Replay>();

  get isEmpty(): boolean {
    return this.byFilter.size === 0;
  }

  add(replay: Replay): void {
    const { byFilter, following } = this;
    (byFilter.has(replay.topicFilter) ? following : byFilter).set(replay.topicFilter, replay);
  }

  drop(topicFilter: string): void {
    this.byFilter.delete(topicFilter);
    this.following.delete(topicFilter);
  }

  /**
   * Whether the next one may be sent now. QoS 1 and 2 come behind what waits in the queue, as the queue's sequence is
   * the order in which all of it is sent again.
   */
  mayPass(queue: { readonly length: number }): boolean {
    return queue.length === 0 || this.peek()?.qos === 0; // v5 [MQTT-4.6.0-1]
  }

  peek(): OutboundEntry | undefined {
    for (const replay of this.byFilter.values()) {
      const entry = replay.peek();
      if (entry !== undefined || !replay.done) return entry;
      const next = this.following.get(replay.topicFilter);
      this.drop(replay.topicFilter);
      if (next === undefined) replay.finished();
      else this.add(next); // at the end, where this loop gets to it
    }
    return undefined;
  }

  /** Takes out what `peek` showed. */
  shift(): OutboundEntry {
    const [first] = this.byFilter.values();
    return (first as Replay).shift();
  }
}
