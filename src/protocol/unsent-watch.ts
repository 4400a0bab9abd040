/**
 * Stops reading from a peer that asks and does not read: what answers it must not pile up. PUBLISH stops at
 * `outboundBytesMax`; acknowledgements, PINGRESP and the like have as much again.
 */
import type { Deadline } from './deadlines.js';
import type { Environment } from './environment.js';
import type { Output } from './output.js';
import type { Pauses } from './pauses.js';

/** How often it is looked at while the peer is not read from: a drain is only told when all has left. */
const lookMs = 1000;

export class UnsentWatch {
  private deadline: Deadline | undefined = undefined;
  private readonly engine: Environment;
  private readonly output: Output;
  private readonly pauses: Pauses;
  private readonly bytesMax: () => number;

  constructor(engine: Environment, output: Output, pauses: Pauses, bytesMax: () => number) {
    this.engine = engine;
    this.output = output;
    this.pauses = pauses;
    this.bytesMax = bytesMax;
  }

  /** Called with each chunk, before it is read, and when what was unsent has left. */
  look(): void {
    const isOver = this.output.unsentBytes > this.bytesMax();
    if (!isOver && this.deadline === undefined) return;
    this.stop();
    this.pauses.set('unsent', isOver);
    if (isOver) this.deadline = this.engine.deadlines.set(this, this.engine.now() + lookMs);
  }

  onDeadline(): void {
    this.look();
  }

  stop(): void {
    if (this.deadline !== undefined) this.engine.deadlines.cancel(this.deadline);
    this.deadline = undefined;
  }
}
