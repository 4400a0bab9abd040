/** Wills: acknowledged by CONNACK, and then published exactly once, or never when they were discarded in time. */
import type { Book } from './book.js';

/** Between what the test saw and what the broker saw of the same moment. */
const marginMs = 250;

export interface Will {
  readonly id: string;
  readonly delayMs: number;
  /**
   * `asked`: no CONNACK yet. `armed`: the broker answers for it. `due`: its connection is gone, it must come.
   * `leaving`: DISCONNECT was sent. `cancelled`: it must not come. `open`: either may be.
   */
  state: 'asked' | 'armed' | 'due' | 'leaving' | 'cancelled' | 'open';
  /** When it is due: at the earliest, and at the latest. */
  fromMs: number;
  untilMs: number;
  /** When DISCONNECT was seen to have worked. */
  leftAt: number;
  count: number;
}

export class Wills {
  private readonly all = new Map<string, Will>();
  private readonly ledger: Book;

  constructor(ledger: Book) {
    this.ledger = ledger;
  }

  asked(id: string, delayMs: number): Will {
    const will: Will = { id, delayMs, state: 'asked', fromMs: 0, untilMs: 0, leftAt: Infinity, count: 0 };
    this.all.set(id, will);
    return will;
  }

  /** The client has gone without a word, at some moment since `sinceMs`. */
  vanished(will: Will, sinceMs = Date.now()): void {
    if (will.state !== 'armed') return;
    will.state = 'due';
    will.fromMs = sinceMs + will.delayMs;
    will.untilMs = Date.now() + will.delayMs;
  }

  /** The client has said good-bye and the broker has closed: what is acknowledged from now on comes after that. */
  left(will: Will): void {
    if (will.state === 'leaving') will.leftAt = this.ledger.next();
  }

  /** The broker was killed, or closed, and serves again: whoever was connected counts as gone at some moment since `sinceMs`. */
  restarted(sinceMs: number): void {
    const now = Date.now();
    for (const will of this.all.values()) {
      if (will.state === 'asked' || will.state === 'leaving') will.state = 'open';
      else if (will.state === 'armed') this.vanished(will, sinceMs);
      // It may not have seen yet that the client had gone.
      else if (will.state === 'due' && will.count === 0) will.untilMs = now + will.delayMs;
    }
  }

  /** CONNECT is on its way: it may come in time. */
  returning(will: Will): void {
    if (will.state === 'due' && will.count === 0) will.state = 'open';
  }

  /** CONNACK says that the session goes on. */
  returned(will: Will, sessionPresent: boolean): void {
    if (will.state === 'open' && sessionPresent && will.fromMs > 0 && Date.now() < will.fromMs - marginMs) will.state = 'cancelled';
  }

  /** A change that was made after `sentAt` is kept, so everything before it is. */
  acknowledged(sentAt: number): void {
    for (const will of this.all.values()) if (will.state === 'leaving' && will.leftAt < sentAt) will.state = 'cancelled';
  }

  delivered(id: string): void {
    const { violations } = this.ledger;
    const will = this.all.get(id);
    if (will === undefined) return violations.add('other', `a will '${id}' that nobody has`);
    will.count += 1;
    if (will.count > 1) violations.add('duplicated', `${describe(will)}: time ${will.count}`);
    if (will.state === 'armed') violations.add('other', `${describe(will)} came while its client was connected`);
    if (will.state === 'cancelled') violations.add('other', `${describe(will)} was discarded and came back`);
  }

  /** Those that should have come by now; `soon` are not due yet. */
  awaited(): { readonly late: readonly string[]; readonly soon: readonly string[] } {
    const missing = [...this.all.values()].filter(({ state, count }) => state === 'due' && count === 0);
    const late = missing.filter(({ untilMs }) => untilMs <= Date.now());
    return { late: late.map(describe), soon: missing.filter((will) => !late.includes(will)).map(describe) };
  }
}

const describe = ({ id, state, delayMs }: Will): string => `the will '${id}' (${state}, delay ${delayMs} ms)`;
