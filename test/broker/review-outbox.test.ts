/** The scratch memory of a turn: no byte of it is overwritten before a transport has let go of it. */
import { expect, test } from '@jest/globals';
import { Outbox, Turn } from '../../src/broker/outbox.js';
import { Counters } from '../../src/protocol/counters.js';
import type { Transport } from '../../src/transport/transport.js';
import { createPrng } from '../../src/util/prng.js';

/** Keeps the pieces it was given, not copies, until it lets go of them; says so in `unsentBytes`. */
class Keeper implements Transport {
  readonly meta = {};
  unsentBytes = 0;
  readonly taken: Buffer[] = [];
  #held: Uint8Array[] = [];
  readonly #isSlow: () => boolean;

  constructor(isSlow: () => boolean) {
    this.#isSlow = isSlow;
  }

  start(): void {}
  pause(): void {}
  resume(): void {}
  destroy(): void {}

  end(): void {
    this.letGo();
  }

  write(bytes: Uint8Array): void {
    this.writeMany([bytes]);
  }

  writeMany(pieces: readonly Uint8Array[]): void {
    this.#held.push(...pieces);
    for (const piece of pieces) this.unsentBytes += piece.length;
    if (!this.#isSlow()) this.letGo();
  }

  letGo(): void {
    this.taken.push(...this.#held.map((piece) => Buffer.from(piece)));
    this.#held = [];
    this.unsentBytes = 0;
  }
}

// Method: 5,000 turns of random writes through the slab, some of them large, to 20 outboxes of which some are slow
// and some end within a turn; what each transport saw is compared with what was written.
test.each([1, 2, 3])('bytes arrive as they were written, whoever is slow or ends (seed %i)', (seed) => {
  const random = createPrng(seed);
  const turns: (() => void)[] = [];
  const turn = new Turn(new Counters(), (run) => void turns.push(run), (error) => {
    throw error;
  });
  const make = (): { outbox: Outbox; transport: Keeper; written: Buffer[] } => {
    const slow = random.below(4) === 0;
    const transport = new Keeper(() => slow && random.below(3) > 0);
    return { outbox: new Outbox(transport, turn), transport, written: [] };
  };
  const all = Array.from({ length: 20 }, make);
  const ended: typeof all = [];
  let writes = 0;
  for (let count = 0; count < 5000; count += 1) {
    for (let left = random.below(12); left > 0; left -= 1) {
      const { outbox, written } = random.pick(all);
      const bytes = random.below(50) === 0 ? 100_000 + random.below(100_000) : 1 + random.below(300);
      const value = random.below(256);
      const { slab } = outbox;
      const at = slab.reserve(bytes);
      slab.buffer.fill(value, at, at + bytes);
      outbox.write(slab.buffer, at, at + bytes);
      written.push(Buffer.alloc(bytes, value));
      writes += 1;
    }
    if (random.below(20) === 0) {
      const [gone] = all.splice(random.below(all.length), 1, make());
      gone?.outbox.end();
      if (gone !== undefined) ended.push(gone);
    }
    for (const run of turns.splice(0)) run();
    if (random.below(3) === 0) random.pick(all).transport.letGo();
  }
  expect(writes).toBeGreaterThan(20_000);
  for (const { outbox, transport, written } of [...ended, ...all]) {
    outbox.end();
    expect(Buffer.compare(Buffer.concat(transport.taken), Buffer.concat(written))).toBe(0);
  }
});
