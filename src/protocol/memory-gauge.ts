/**
 * Bytes of all queues together against `memoryBytesMax`. Over it QoS 0 is shed, then publishers wait: their
 * connections are parked here and go on when there is room again.
 */
import type { Storage } from '../storage/storage.js';

/** Something that stopped for want of memory. */
export interface Parked {
  onMemory(): void;
}

/** Parked publishers go on below this share of the limit, so that they do not flap at its edge. */
const resumeShare = 0.9;

export class MemoryGauge {
  /** Bytes waiting in queues that no store holds. */
  transientBytes = 0;
  private readonly parked = new Set<Parked>();
  private readonly storage: Storage;
  private readonly bytesMax: number;

  constructor(storage: Storage, bytesMax: number) {
    this.storage = storage;
    this.bytesMax = bytesMax;
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

  /** Called after work that may have freed memory. */
  poll(): void {
    if (this.parked.size === 0 || this.bytes > this.bytesMax * resumeShare) return;
    for (const who of [...this.parked]) {
      if (this.over) return;
      this.parked.delete(who);
      who.onMemory();
    }
  }
}
