/** What a program prints, line by line: what came so far, and a promise for what will. */
export class Lines {
  readonly all: string[] = [];
  private readonly waiting = new Set<() => void>();

  add(line: string): void {
    this.all.push(line);
    for (const look of this.waiting) look();
  }

  /** The first line that matches, once it is there. */
  find(pattern: RegExp): Promise<string> {
    return new Promise((resolve) => {
      const look = (): void => {
        const found = this.all.find((line) => pattern.test(line));
        if (found === undefined) return;
        this.waiting.delete(look);
        resolve(found);
      };
      this.waiting.add(look);
      look();
    });
  }
}
