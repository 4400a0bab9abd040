/** What a client asked of one subscription and when it was told that it has it: between the two anything may be true. */

interface Change {
  readonly isOn: boolean;
  readonly askedAt: number;
  /** When the acknowledgement came. */
  doneAt: number | undefined;
}

export type Standing = 'on' | 'off' | 'unsure';

export class Timeline {
  private changes: Change[] = [{ isOn: false, askedAt: 0, doneAt: 0 }];

  /** Asked again after a crash it is the same change. */
  asked(isOn: boolean, tick: number): void {
    const last = this.changes.at(-1);
    if (last?.doneAt === undefined && last?.isOn === isOn) return;
    this.changes.push({ isOn, askedAt: tick, doneAt: undefined });
  }

  done(tick: number): void {
    const last = this.changes.at(-1);
    if (last !== undefined) last.doneAt ??= tick;
  }

  /** The session ended, at some moment between the two. */
  cleared(askedAt: number, doneAt: number): void {
    this.changes = [{ isOn: false, askedAt, doneAt }];
  }

  /** Whether it was there all the time from one tick to the other. */
  between(from: number, to: number): Standing {
    let standing: Standing = 'unsure';
    for (const { isOn, askedAt, doneAt } of this.changes) {
      const then = isOn ? 'on' : 'off';
      if (doneAt !== undefined && doneAt <= from) standing = then;
      else if (askedAt <= to && then !== standing) return 'unsure';
    }
    return standing;
  }
}
