/** What is known of one session: whether the broker must have it, may have it, or must not. */
import type { Book } from './book.js';
import type { Receiver } from './receiver.js';

/** Between what the test saw and what the broker saw of the same moment. */
const marginMs = 500;

export class SessionFacts {
  private readonly name: string;
  private readonly expiryMs: number;
  private readonly ledger: Book;
  private standing: 'none' | 'kept' | 'unsure' = 'none';
  /** When it was left: at the earliest, and at the latest as the broker may see it; ticks and milliseconds. */
  private leftTick = 0;
  private leftFromMs = Infinity;
  private leftUntilMs = Infinity;
  /** When the broker was seen to have closed, after DISCONNECT. */
  private closedTick = Infinity;
  /** CONNECTs without CONNACK yet: since when, and whether the last was a clean start. */
  private askedTick: number | undefined = undefined;
  private isClean = false;
  private wasCleanAsked = false;
  /** Its age at the latest CONNECT. */
  private before: 'alive' | 'over' | 'unsure' = 'alive';

  constructor(name: string, expiryMs: number, ledger: Book) {
    this.name = name;
    this.expiryMs = expiryMs;
    this.ledger = ledger;
  }

  /** Whether it has certainly expired, or certainly not. */
  get age(): 'alive' | 'over' | 'unsure' {
    const now = Date.now();
    if (now < this.leftFromMs + this.expiryMs - marginMs) return 'alive';
    return now > this.leftUntilMs + this.expiryMs + marginMs ? 'over' : 'unsure';
  }

  /** A CONNECT went unanswered that may have found it over: what is there now may be another. */
  get isUnknown(): boolean {
    return this.askedTick !== undefined && this.standing === 'kept' && this.before !== 'alive';
  }

  asked(cleanStart: boolean): void {
    this.closedTick = Infinity; // the broker may have it before it is killed, and not tell
    this.askedTick ??= this.ledger.next();
    this.isClean = cleanStart;
    this.wasCleanAsked ||= cleanStart;
    this.before = this.age;
  }

  /** The connection has ended, or is about to. */
  left(): void {
    this.leftUntilMs = Date.now();
    if (this.leftFromMs !== Infinity) return;
    this.leftTick = this.ledger.next();
    this.leftFromMs = this.leftUntilMs;
  }

  /** The broker has taken DISCONNECT and closed. */
  closed(): void {
    this.closedTick = this.ledger.next();
  }

  /** The broker was killed and serves again: a close that it may not have stored counts from now. */
  restarted(): void {
    if (this.leftFromMs === Infinity) return;
    if (this.ledger.keptTick < this.closedTick) {
      this.leftUntilMs = Date.now();
      this.closedTick = Infinity;
    }
    // A CONNECT that nobody answered may have made a session.
    if (this.askedTick !== undefined && this.standing === 'none') this.standing = 'unsure';
  }

  /** @param isKept - it outlives this connection */
  connected(sessionPresent: boolean, isKept: boolean, receiver: Receiver | undefined): void {
    const { ledger, name } = this;
    const askedTick = this.askedTick ?? ledger.next();
    const wanted = this.wanted();
    if (sessionPresent && wanted === 'absent') ledger.violations.add('other', `the session of ${name} came back after it had ended`);
    if (!sessionPresent && wanted === 'present') ledger.violations.add('lost', `the session of ${name}`);
    if (!sessionPresent) receiver?.cleared(this.wasCleanAsked ? askedTick : this.leftTick, ledger.next(), askedTick);
    this.standing = isKept ? 'kept' : 'none';
    this.askedTick = undefined;
    this.wasCleanAsked = false;
    this.leftFromMs = this.leftUntilMs = this.closedTick = Infinity;
  }

  private wanted(): 'present' | 'absent' | 'either' {
    if (this.isClean || this.standing === 'none' || this.expiryMs === 0) return 'absent';
    if (this.standing === 'unsure') return 'either';
    if (this.before === 'over' && this.age === 'over') return 'absent';
    return this.age === 'alive' ? 'present' : 'either';
  }
}
