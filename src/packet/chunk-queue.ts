/**
 * Received chunks that wait behind one that is still being read: the connection is waiting for a hook, say.
 * Small ones are copied together, so that a peer that sends single bytes does not cost an object for each.
 */

/** Chunks below this are copied together. */
const smallBytes = 1024;
const tailBytes = 4096;
/** Places of chunks that were taken; above this they are given up once they are half of all. */
const takenMax = 32;
const noBytes = new Uint8Array(0);

export class ChunkQueue {
  /** Bytes in all waiting chunks. */
  bytes = 0;
  private chunks: Uint8Array[] = [];
  private head = 0;
  /** Where small chunks are collected; its used part is the last chunk. */
  private tail: Buffer | undefined = undefined;
  private tailUsed = 0;

  push(chunk: Uint8Array): void {
    this.bytes += chunk.length;
    if (chunk.length >= smallBytes) {
      this.tail = undefined;
      this.chunks.push(chunk);
      return;
    }
    if (this.tail === undefined || this.tailUsed + chunk.length > tailBytes) {
      this.tail = Buffer.allocUnsafeSlow(tailBytes);
      this.tailUsed = 0;
      this.chunks.push(this.tail);
    }
    this.tail.set(chunk, this.tailUsed);
    this.tailUsed += chunk.length;
    this.chunks[this.chunks.length - 1] = this.tail.subarray(0, this.tailUsed);
  }

  /** The oldest chunk, or `undefined` when none waits. */
  shift(): Uint8Array | undefined {
    const chunk = this.chunks[this.head];
    if (chunk === undefined) return undefined;
    this.chunks[this.head] = noBytes; // a queue that is never empty must let go of it too
    this.head += 1;
    this.bytes -= chunk.length;
    if (this.head === this.chunks.length) {
      this.chunks = [];
      this.head = 0;
      this.tail = undefined;
    } else if (this.head >= takenMax && this.head * 2 >= this.chunks.length) {
      this.chunks = this.chunks.slice(this.head);
      this.head = 0;
    }
    return chunk;
  }
}
