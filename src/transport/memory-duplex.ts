/**
 * Two streams joined in memory, for programs that want a `stream.Duplex` and no port: MQTT.js, aedes, a host's test.
 * Back-pressured like a socket; a half-close and a destroy travel to the other side.
 */
import { Duplex } from 'node:stream';

/**
 * What is written to one is read from the other. Destroying one without having ended it destroys the other,
 * as a reset connection does.
 * @public
 */
export function memoryDuplexPair(): [Duplex, Duplex] {
  const left = new MemoryDuplex();
  const right = new MemoryDuplex();
  left.join(right);
  right.join(left);
  return [left, right];
}

class MemoryDuplex extends Duplex {
  #peer: MemoryDuplex | undefined;
  /** The peer's write, unfinished until somebody reads here. */
  #peerWritten: (() => void) | undefined;

  join(peer: MemoryDuplex): void {
    this.#peer = peer;
  }

  override _read(): void {
    const written = this.#peerWritten;
    this.#peerWritten = undefined;
    written?.();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    const peer = this.#peer;
    // Read already, or room is left: done. Otherwise the peer's next read finishes the write.
    if (peer === undefined || peer.push(chunk)) callback();
    else peer.#peerWritten = callback;
  }

  override _final(callback: () => void): void {
    this.#peer?.push(null);
    callback();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    const endedWell = this.writableFinished && this.readableEnded;
    if (!endedWell) this.#peer?.destroy();
    callback(error);
  }
}
