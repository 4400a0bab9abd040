/**
 * What one connection writes during an event-loop turn, and the end of the turn that writes it: one write per
 * socket, however many packets. Pieces that lie side by side in one buffer stay one piece.
 */
import type { Output } from '../protocol/output.js';
import type { Counters } from '../protocol/counters.js';
import type { Transport } from '../transport/transport.js';
import { copyBytes } from '../packet/write-publish.js';
import { Slab } from '../util/slab.js';

/** Scratch memory of a turn; grows by another such block when it is used up. */
const slabBytes = 256 * 1024;
/** Pieces smaller than this on average are copied into one; larger ones go out as they lie. */
const copiedPieceBytesMax = 2048;

/** The outboxes that have something to write at the end of this turn. */
export class Turn {
  readonly slab = new Slab(slabBytes);
  readonly counters: Counters;
  /** A transport threw. */
  readonly onError: (error: unknown) => void;
  private dirty: Outbox[] = [];
  private scheduled = false;
  private readonly endOfTurn: (run: () => void) => void;
  /** A transport kept a piece of the slab, so it cannot be used again. */
  private kept = false;

  constructor(counters: Counters, endOfTurn: (run: () => void) => void, onError: (error: unknown) => void) {
    this.counters = counters;
    this.endOfTurn = endOfTurn;
    this.onError = onError;
  }

  add(outbox: Outbox): void {
    this.dirty.push(outbox);
    if (this.scheduled) return;
    this.scheduled = true;
    this.endOfTurn(this.flush);
  }

  keep(): void {
    this.kept = true;
  }

  private readonly flush = (): void => {
    this.scheduled = false;
    const { dirty } = this;
    this.dirty = [];
    for (const outbox of dirty) outbox.flush();
    // Writing may have made others write: their pieces live until the next flush.
    if (this.dirty.length === 0) {
      this.slab.recycle(!this.kept);
      this.kept = false;
    }
  };
}

export class Outbox implements Output {
  private buffers: Uint8Array[] = [];
  private starts: number[] = [];
  private ends: number[] = [];
  private bytes = 0;
  private dirty = false;
  private ending = false;
  private readonly transport: Transport;
  private readonly turn: Turn;

  constructor(transport: Transport, turn: Turn) {
    this.transport = transport;
    this.turn = turn;
  }

  get slab(): Slab {
    return this.turn.slab;
  }

  get unsentBytes(): number {
    return this.transport.unsentBytes;
  }

  write(bytes: Uint8Array, start: number, end: number): void {
    if (this.ending) return; // nothing follows DISCONNECT: v5 [MQTT-3.14.4-1]
    this.bytes += end - start;
    const last = this.buffers.length - 1;
    if (last >= 0 && this.buffers[last] === bytes && this.ends[last] === start) {
      this.ends[last] = end;
      return;
    }
    this.buffers.push(bytes);
    this.starts.push(start);
    this.ends.push(end);
    if (this.dirty) return;
    this.dirty = true;
    this.turn.add(this);
  }

  pause(): void {
    this.transport.pause();
  }

  resume(): void {
    this.transport.resume();
  }

  end(): void {
    if (this.ending) return;
    this.ending = true;
    this.flush();
    this.transport.end();
  }

  destroy(): void {
    this.ending = true;
    this.clear();
    this.transport.destroy();
  }

  flush(): void {
    this.dirty = false;
    const pieces = this.buffers.length;
    if (pieces === 0) return;
    const { bytes } = this;
    this.turn.counters.bytesSent += bytes;
    try {
      this.send(pieces, bytes);
    } catch (error) {
      // A stream of the host's may fail in its own call: that costs this connection, and no other of this turn.
      this.turn.onError(error);
      return this.destroy();
    }
    if (this.transport.unsentBytes > 0) this.turn.keep();
    this.clear();
  }

  private send(pieces: number, bytes: number): void {
    if (pieces === 1) this.transport.write(this.piece(0));
    else if (bytes <= pieces * copiedPieceBytesMax && bytes <= slabBytes) this.transport.write(this.joined(bytes));
    else this.transport.writeMany(this.buffers.map((_, index) => this.piece(index)));
  }

  private piece(index: number): Uint8Array {
    const buffer = this.buffers[index] as Uint8Array;
    const start = this.starts[index] as number;
    const end = this.ends[index] as number;
    return start === 0 && end === buffer.length ? buffer : buffer.subarray(start, end);
  }

  private joined(bytes: number): Uint8Array {
    const { slab } = this.turn;
    const at = slab.reserve(bytes);
    const target = slab.buffer;
    let position = at;
    for (let index = 0; index < this.buffers.length; index += 1) {
      const start = this.starts[index] as number;
      const end = this.ends[index] as number;
      copyBytes(target, position, this.buffers[index] as Uint8Array, start, end);
      position += end - start;
    }
    return target.subarray(at, position);
  }

  private clear(): void {
    this.bytes = 0;
    if (this.buffers.length === 0) return;
    this.buffers = [];
    this.starts = [];
    this.ends = [];
  }
}
