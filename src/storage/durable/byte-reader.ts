/** Reads what `ByteWriter` wrote; going beyond the end, or a number that is none, is a `DamagedError`. */

/** Stored bytes are not what was written. */
export class DamagedError extends Error {}

export class ByteReader {
  at: number;
  readonly end: number;
  private readonly buffer: Buffer;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = start;
    this.end = end;
  }

  get isDone(): boolean {
    return this.at >= this.end;
  }

  byte(): number {
    this.need(1);
    return this.buffer[this.at++] as number;
  }

  varint(): number {
    let value = 0;
    let factor = 1;
    for (let count = 0; count < 8; count += 1) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 128;
    }
    throw new DamagedError('a number is longer than eight bytes');
  }

  uint32(): number {
    this.need(4);
    this.at += 4;
    return this.buffer.readUInt32BE(this.at - 4);
  }

  uint64(): number {
    return this.uint32() * 0x1_0000_0000 + this.uint32();
  }

  double(): number {
    this.need(8);
    this.at += 8;
    return this.buffer.readDoubleBE(this.at - 8);
  }

  /** A view of the next `length` bytes. */
  raw(length: number): Buffer {
    this.need(length);
    this.at += length;
    return this.buffer.subarray(this.at - length, this.at);
  }

  bytes(): Buffer {
    return this.raw(this.varint());
  }

  text(): string {
    const length = this.varint();
    this.need(length);
    this.at += length;
    return this.buffer.toString('utf8', this.at - length, this.at);
  }

  private need(length: number): void {
    if (this.at + length > this.end) throw new DamagedError(`a record ends ${this.at + length - this.end} bytes early`);
  }
}
