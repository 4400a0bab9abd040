/**
 * Packets of one connection that wait for the store: acknowledgements leave in the order of receipt, so that one
 * which stores nothing never overtakes one which does (v5 4.6).
 */
import type { Lsn } from '../storage/storage.js';
import { RingQueue } from '../util/ring-queue.js';

/** A packet's bytes; or, as most are acknowledgements of four bytes, the first and the last two of those in one number. */
export type HeldPacket = Uint8Array | number;

interface Held {
  readonly lsn: Lsn;
  readonly packet: HeldPacket;
  /** Whether the client's Receive Maximum has one more place once it has left. */
  readonly owed: boolean;
}

export class HeldOutput {
  /** Acknowledgements of QoS 1 and 2 that are owed to the client. */
  owed = 0;
  private readonly queue = new RingQueue<Held>();
  /** Largest LSN an acknowledgement has waited for. */
  private mark: Lsn = 0;

  get length(): number {
    return this.queue.length;
  }

  /** The LSN at the front, or `Infinity`. */
  get first(): Lsn {
    return this.queue.peek()?.lsn ?? Infinity;
  }

  /** What an acknowledgement that needs `lsn` waits for, given those before it. */
  markOf(lsn: Lsn): Lsn {
    if (lsn > this.mark) this.mark = lsn;
    return this.mark;
  }

  push(lsn: Lsn, packet: HeldPacket, owed: boolean): void {
    this.queue.push({ lsn, packet, owed });
    if (owed) this.owed += 1;
  }

  /** Hands everything up to `lsn` to `write`, in order. */
  release(lsn: Lsn, write: (packet: HeldPacket) => void): void {
    for (let head = this.queue.peek(); head !== undefined && head.lsn <= lsn; head = this.queue.peek()) {
      this.queue.shift();
      if (head.owed) this.owed -= 1;
      write(head.packet);
    }
  }

  /** Whether anything waits for a change with `from < lsn <= to`. */
  waitsWithin(from: Lsn, to: Lsn): boolean {
    for (let index = 0; index < this.queue.length; index += 1) {
      const { lsn } = this.queue.at(index) as Held;
      if (lsn > from && lsn <= to) return true;
    }
    return false;
  }

  clear(): void {
    this.queue.clear();
    this.owed = 0;
  }
}
