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
