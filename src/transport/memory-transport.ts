/**
 * Two transports joined in memory, without streams, ticks or promises: what one side writes, the other side's
 * receiver has got when `write` returns. For tests with virtual time, simulation and in-process clients.
 *
 * A receiver is never called while it is still in a call: what happens meanwhile waits for its return, in order,
 * and counts as unsent for the writer. So does what is written to a side that is paused or not started.
 */
import type { ConnectionMeta, Transport, TransportReceiver } from './transport.js';

/** Two transports joined in memory: what one writes, the other receives. Both sides show `meta`. @public */
export function memoryTransportPair(meta: ConnectionMeta = { transport: 'memory' }): [Transport, Transport] {
  const left = new MemoryTransport(meta);
  const right = new MemoryTransport(meta);
  left.join(right);
  right.join(left);
  return [left, right];
}

/** `gone`: nothing waits any more and `onClose` is due. */
type Progress = 'open' | 'gone' | 'told';

class MemoryTransport implements Transport {
  readonly meta: ConnectionMeta;
  /** Itself until `join`. */
  #peer: MemoryTransport = this;
  #receiver: TransportReceiver | undefined;
  /** Bytes of the peer for our receiver. */
  readonly #inbox: Uint8Array[] = [];
  #inboxBytes = 0;
  #paused = false;
  #ended = false;
  #peerEnded = false;
  #peerGone = false;
  #endTold = false;
  #owesDrain = false;
  #progress: Progress = 'open';
  /** Our receiver is in a call. */
  #busy = false;

  constructor(meta: ConnectionMeta) {
    this.meta = meta;
  }

  join(peer: MemoryTransport): void {
    this.#peer = peer;
  }

  get unsentBytes(): number {
    return this.#progress === 'open' ? this.#peer.#inboxBytes : 0;
  }

  start(receiver: TransportReceiver): void {
    this.#receiver = receiver;
    this.#deliver();
  }

  write(bytes: Uint8Array): void {
    const peer = this.#peer;
    if (!this.#canSend || bytes.length === 0) return;
    peer.#inbox.push(Buffer.from(bytes)); // a copy: the receiver may keep it, and the writer may reuse its buffer
    peer.#inboxBytes += bytes.length;
    peer.#deliver();
    if (peer.#inboxBytes > 0) this.#owesDrain = true;
  }

  /** One chunk, as one write of a socket usually arrives. */
  writeMany(pieces: readonly Uint8Array[]): void {
    this.write(Buffer.concat(pieces));
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#deliver();
  }

  end(): void {
    if (!this.#canSend) return;
    this.#ended = true;
    this.#peer.#peerEnded = true;
    this.#peer.#deliver();
  }

  destroy(): void {
    if (this.#progress !== 'open') return;
    this.#progress = 'gone';
    this.#peer.#peerGone = true;
    this.#peer.#deliver();
    this.#deliver();
  }

  get #canSend(): boolean {
    return !this.#ended && this.#progress === 'open' && this.#peer.#progress === 'open';
  }

  /** Calls the receiver until nothing is due. From within one of its calls it does nothing: the loop is below. */
  #deliver(): void {
    const receiver = this.#receiver;
    if (this.#busy || receiver === undefined) return;
    this.#busy = true;
    try {
      while (this.#next(receiver));
    } finally {
      this.#busy = false;
    }
  }

  /** Makes the one call that is due; false when none is. */
  #next(receiver: TransportReceiver): boolean {
    // What a peer sent before it vanished still arrives, unless we are not reading.
    const isUnread = this.#inbox.length > 0 || (this.#peerEnded && !this.#endTold);
    if (this.#peerGone && this.#progress === 'open' && (this.#paused || !isUnread)) this.#progress = 'gone';
    if (this.#progress !== 'open') return this.#tellClose(receiver);
    if (this.#owesDrain && this.unsentBytes === 0) {
      this.#owesDrain = false;
      receiver.onDrain();
      return true;
    }
    if (this.#paused) return false;
    const chunk = this.#inbox.shift();
    if (chunk !== undefined) {
      this.#inboxBytes -= chunk.length;
      receiver.onBytes(chunk);
      this.#peer.#deliver(); // it may be owed an onDrain
      return true;
    }
    return this.#tellEnd(receiver);
  }

  #tellEnd(receiver: TransportReceiver): boolean {
    if (!this.#peerEnded || this.#endTold) return false;
    this.#endTold = true;
    receiver.onEnd();
    if (this.#peer.#endTold) this.destroy(); // both halves are done, and both sides know
    return true;
  }

  #tellClose(receiver: TransportReceiver): boolean {
    if (this.#progress === 'told') return false;
    this.#progress = 'told';
    this.#inbox.length = 0;
    this.#inboxBytes = 0;
    receiver.onClose();
    return true;
  }
}
