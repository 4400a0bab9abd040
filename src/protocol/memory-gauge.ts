/**
 * Bytes of all queues together against `memoryBytesMax`. Over it QoS 0 is shed, then publishers wait: their
 * connections are parked here and go on when there is room again.
 */
import type { Storage } from '../storage/storage.js';

/** Something that stopped for want of memory. */
export interface Parked {
  /** Something waits for its acknowledgement, which is not read meanwhile. */
  readonly hasInflight: boolean;
  onMemory(): void;
}

/** Parked publishers go on below this share of the limit, so that they do not flap at its edge. */
const resumeShare = 0.9;

export class MemoryGauge {
  /** Bytes waiting in queues that no store holds. */
  transientBytes = 0;
  private readonly parked = new Set<Parked>();
  private polling = false;
  private polledSoon = false;
  private readonly storage: Storage;
  private readonly bytesMax: number;
  private readonly endOfTurn: (run: () => void) => void;

  constructor(storage: Storage, bytesMax: number, endOfTurn: (run: () => void) => void) {
    this.storage = storage;
    this.bytesMax = bytesMax;
    this.endOfTurn = endOfTurn;
  }

  get bytes(): number {
    return this.transientBytes + this.storage.memoryBytes;
  }

  get over(): boolean {
    return this.bytes > this.bytesMax;
  }

  park(who: Parked): void {
    this.parked.add(who);
  }

  forget(who: Parked): void {
    this.parked.delete(who);
  }

  /** Something left a queue, by whichever way: looks at the end of the turn whether there is room. */
  freed(): void {
    if (this.parked.size === 0 || this.polledSoon) return;
    this.polledSoon = true;
    this.endOfTurn(() => {
      this.polledSoon = false;
      this.poll();
    });
  }

  /** Called after work that may have freed memory. */
  poll(): void {
    if (this.polling || this.parked.size === 0 || this.over) return;
    const isRoomy = this.bytes <= this.bytesMax * resumeShare;
    this.polling = true; // each one that goes on polls again
    try {
      for (const who of [...this.parked]) {
        if (this.over) return;
        // One whose acknowledgements would make room is not kept waiting for it.
        if ((isRoomy || who.hasInflight) && this.parked.delete(who)) who.onMemory();
      }
    } finally {
      this.polling = false;
    }
  }
}
