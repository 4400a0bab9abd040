/**
 * The one packet that a chunk boundary cut, completed by copying. Its buffer grows with what really arrives, so
 * that a Remaining Length that lies costs nothing.
 */
import { fixedHeaderBytesMax, packetBytes } from './fixed-header.js';
import type { ProtocolVersion } from './protocol.js';

/** What a packet of this size or less is given at once. */
const firstBytes = 16_384;

export class CutPacket {
  /** The packet from its first byte on; filled up to `have`. */
  buffer: Buffer;
  have: number;
  /** Bytes of the whole packet; 0 until its Remaining Length has arrived. */
  total: number;

  /** Begins with `chunk[start, end of chunk)`; `total` is what `packetBytes` said of it. */
  constructor(chunk: Uint8Array, start: number, total: number) {
    this.have = chunk.length - start;
    this.total = total;
    this.buffer = Buffer.allocUnsafe(
      total === 0 ? fixedHeaderBytesMax : Math.min(total, Math.max(firstBytes, 2 * this.have)),
    );
    this.buffer.set(start === 0 ? chunk : chunk.subarray(start), 0);
  }

  get complete(): boolean {
    return this.have === this.total;
  }

  /** Takes what belongs to this packet from `chunk` on from `start`, and returns the offset behind it. */
  take(chunk: Uint8Array, start: number, version: ProtocolVersion | 0, packetBytesMax: number): number {
    let at = start;
    while (this.total === 0) {
      if (at === chunk.length) return at;
      this.buffer[this.have] = chunk[at] as number;
      this.have += 1;
      at += 1;
      this.total = packetBytes(this.buffer, 0, this.have, version, packetBytesMax);
    }
    const end = Math.min(chunk.length, at + this.total - this.have);
    this.reserve(this.have + end - at);
    this.buffer.set(at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end), this.have);
    this.have += end - at;
    return end;
  }

  /** At least doubles when it must grow. */
  private reserve(bytes: number): void {
    const { buffer } = this;
    if (bytes <= buffer.length) return;
    this.buffer = Buffer.allocUnsafe(Math.min(this.total, Math.max(firstBytes, 2 * buffer.length, bytes)));
    this.buffer.set(buffer.subarray(0, this.have), 0);
  }
}
