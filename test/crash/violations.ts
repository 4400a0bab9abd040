/** What the ledger holds against the broker. */

export type Kind = 'lost' | 'duplicated' | 'inverted' | 'other';

export interface Violation {
  readonly kind: Kind;
  readonly what: string;
  readonly where: string;
}

/** Something that has to happen yet, and what it is called when it does not. */
export interface Awaited {
  readonly kind: Kind;
  readonly what: string;
}

export class Violations {
  readonly all: Violation[] = [];
  /** The round that is played, for whoever reads of a violation. */
  where = '';

  add(kind: Kind, what: string): void {
    this.all.push({ kind, what, where: this.where });
  }

  count(kind: Kind): number {
    return this.all.filter((violation) => violation.kind === kind).length;
  }
}
