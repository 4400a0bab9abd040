/** Something a session sends from: its queue, or retained messages on their way to a new subscription. */
import type { OutboundEntry } from './outbound-entry.js';

export interface EntrySource {
  /** The next entry; `undefined` when there is none yet. */
  peek(): OutboundEntry | undefined;
  shift(): OutboundEntry;
}

/** Retained messages for one subscription; `done` once nothing more will come. */
export interface Replay extends EntrySource {
  readonly done: boolean;
}

/** The replays of one session, one after the other. */
export class Replays implements EntrySource {
  private readonly list: Replay[];

  constructor(first: Replay) {
    this.list = [first];
  }

  get isEmpty(): boolean {
    return this.list.length === 0;
  }

  add(replay: Replay): void {
    this.list.push(replay);
  }

  peek(): OutboundEntry | undefined {
    for (let replay = this.list[0]; replay !== undefined; replay = this.list[0]) {
      const entry = replay.peek();
      if (entry !== undefined || !replay.done) return entry;
      this.list.shift();
    }
    return undefined;
  }

  shift(): OutboundEntry {
    return (this.list[0] as Replay).shift();
  }
}
