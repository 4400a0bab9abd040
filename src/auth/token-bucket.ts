/** A bucket that fills at a rate: what is taken must be there; time is given. */
export class TokenBucket {
  readonly #perMs: number;
  readonly #size: number;
  #tokens: number;
  #atMs: number;

  /** Full at first. */
  constructor(perSecond: number, size: number, nowMs: number) {
    this.#perMs = perSecond / 1000;
    this.#size = size;
    this.#tokens = size;
    this.#atMs = nowMs;
  }

  /** Whether so many can be taken now; more than the bucket holds can when it is full. */
  has(tokens: number, nowMs: number): boolean {
    // A clock that goes back fills nothing.
    this.#tokens = Math.min(this.#size, this.#tokens + Math.max(0, nowMs - this.#atMs) * this.#perMs);
    this.#atMs = nowMs;
    return this.#tokens >= Math.min(tokens, this.#size);
  }

  /** After {@link has} said so; what was not there is owed. */
  take(tokens: number): void {
    this.#tokens -= tokens;
  }
}
