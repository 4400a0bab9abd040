/** What is noted of each message, and what the parts of the ledger know of the whole. */
import type { Violations } from './violations.js';

/** One message from a client. */
export interface Published {
  /** Is its payload, up to the first `|`. */
  readonly id: string;
  readonly publisher: string;
  readonly topic: string;
  readonly qos: 1 | 2;
  readonly retain: boolean;
  /** An empty retained message: it clears, and has no payload to be known by. */
  readonly clears: boolean;
  /** Grows with every message of its publisher. */
  readonly number: number;
  readonly sentAt: number;
  /** When it was sent last: again, as it was not acknowledged. */
  lastSentAt: number;
  /** PUBACK or PUBREC. */
  ackedAt: number | undefined;
}

/** As its publisher makes it. */
export type NewMessage = Omit<Published, 'sentAt' | 'lastSentAt' | 'ackedAt'>;

/** What arrived. */
export interface Delivery {
  readonly topic: string;
  readonly payload: string;
  readonly retain: boolean;
  readonly dup: boolean;
}

export interface Book {
  readonly violations: Violations;
  /** Moments are ticks, counted up with everything that is noted. */
  readonly tick: number;
  /** When the latest message that is acknowledged was sent: what the broker was seen to do before that is kept. */
  readonly keptTick: number;
  next(): number;
  /** What is known of a message. */
  describe(id: string): string;
}
