/** Bytes that grow: numbers are big-endian or variable-length (seven bits a byte, low ones first). */

const firstBytes = 64 * 1024;
/** Up to here a loop beats the conversion by native code; below 128, as the length is one byte then. */
const shortTextMax = 64;

export class ByteWriter {
  length = 0;
  private buffer: Buffer;

  constructor(bytes = firstBytes) {
    this.buffer = Buffer.allocUnsafeSlow(bytes);
  }

  /** What was written; the same memory as this writer's, until it is cleared or grows. */
  get view(): Buffer {
    return this.buffer.subarray(0, this.length);
  }

  /** What was written, in memory of its own. */
  copy(): Buffer {
    return Buffer.from(this.view);
  }

  /** Starts anew; gives memory back that was needed once. */
  clear(): void {
    this.length = 0;
    if (this.buffer.length > 4 * 1024 * 1024) this.buffer = Buffer.allocUnsafeSlow(firstBytes);
  }

  byte(value: number): void {
    if (this.length === this.buffer.length) this.grow(1);
    this.buffer[this.length++] = value;
  }

  /** 0 to 2^53 - 1. */
  varint(value: number): void {
    if (this.length + 8 > this.buffer.length) this.grow(8);
    const { buffer } = this;
    let rest = value;
    while (rest > 0x7fff_ffff) {
      buffer[this.length++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    while (rest > 0x7f) {
      buffer[this.length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    buffer[this.length++] = rest;
  }

  uint32(value: number): void {
    if (this.length + 4 > this.buffer.length) this.grow(4);
    this.length = this.buffer.writeUInt32BE(value, this.length);
  }

  /** Eight bytes, so that the order of bytes is the order of numbers. */
  uint64(value: number): void {
    this.uint32(Math.floor(value / 0x1_0000_0000));
    this.uint32(value % 0x1_0000_0000);
  }

  double(value: number): void {
    if (this.length + 8 > this.buffer.length) this.grow(8);
    this.length = this.buffer.writeDoubleBE(value, this.length);
  }

  /** As they are; their length must be known otherwise. */
  raw(bytes: Uint8Array): void {
    if (this.length + bytes.length > this.buffer.length) this.grow(bytes.length);
    this.buffer.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** Behind their length. */
  bytes(bytes: Uint8Array): void {
    this.varint(bytes.length);
    this.raw(bytes);
  }

  /** UTF-8 behind its length in bytes. */
  text(text: string): void {
    if (!this.shortText(text)) this.bytes(Buffer.from(text, 'utf8'));
  }

  /** As most identifiers are: short, and a byte for each character. False, with nothing written, for any other. */
  private shortText(text: string): boolean {
    const { length } = text;
    if (length > shortTextMax) return false;
    if (this.length + 1 + length > this.buffer.length) this.grow(1 + length);
    const { buffer } = this;
    for (let index = 0; index < length; index += 1) {
      const code = text.charCodeAt(index);
      if (code > 0x7f) return false;
      buffer[this.length + 1 + index] = code;
    }
    buffer[this.length] = length;
    this.length += 1 + length;
    return true;
  }

  /** Replaces four bytes that were written before. */
  patchUint32(at: number, value: number): void {
    this.buffer.writeUInt32BE(value, at);
  }

  private grow(needed: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(this.buffer.length * 2, this.length + needed));
    larger.set(this.view);
    this.buffer = larger;
  }
}
