/** Scratch memory for what is written in one event-loop turn: handed out in pieces, used again in the next turn. */
export class Slab {
  buffer: Buffer;
  private position = 0;
  private readonly bytes: number;

  constructor(bytes: number) {
    this.bytes = bytes;
    this.buffer = Buffer.allocUnsafeSlow(0);
  }

  /** Sets `bytes` aside and returns where in `buffer` they begin; pieces handed out earlier stay valid. */
  reserve(bytes: number): number {
    if (this.position + bytes > this.buffer.length) {
      this.buffer = Buffer.allocUnsafeSlow(Math.max(this.bytes, bytes));
      this.position = 0;
    }
    const at = this.position;
    this.position += bytes;
    return at;
  }

  /** The turn is over. `free` when nobody holds a piece any more: the same memory serves again. */
  recycle(free: boolean): void {
    if (free && this.buffer.length === this.bytes) this.position = 0;
    else if (!free || this.buffer.length !== 0) {
      this.buffer = Buffer.allocUnsafeSlow(0);
      this.position = 0;
    }
  }
}
