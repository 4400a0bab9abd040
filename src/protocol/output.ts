/** Where a connection's bytes go: collected over an event-loop turn, then written at once. */
import type { Slab } from '../util/slab.js';

export interface Output {
  /** Scratch memory of this turn, shared by all connections: encode into it, then `write` the piece. */
  readonly slab: Slab;
  /** Bytes of earlier turns that are not with the operating system yet. */
  readonly unsentBytes: number;
  /** Appends `bytes[start, end)`; they must stay as they are until the turn ends, or for ever if they are not the slab's. */
  write(bytes: Uint8Array, start: number, end: number): void;
  /** Stops and restarts reading from the peer. */
  pause(): void;
  resume(): void;
  /** Half-closes after what was written. */
  end(): void;
  destroy(): void;
}
