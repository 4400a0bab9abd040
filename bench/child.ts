/** Scripts of this folder in processes of their own: what is asked, and what they answer, is a line each. */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

const fileOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

export class Child {
  private readonly script: string;
  private readonly process: ChildProcessByStdio<Writable, Readable, null>;
  private readonly lines: AsyncIterator<string>;

  constructor(script: string, args: readonly string[], nodeOptions: readonly string[] = []) {
    this.script = script;
    this.process = spawn(process.execPath, [...nodeOptions, '--import', 'tsx', fileOf(script), ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
      timeout: 600_000,
    });
    this.lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]();
  }

  /** The next line it prints. */
  async line(): Promise<string> {
    const { done, value } = await this.lines.next();
    if (done === true) throw new Error(`${this.script} ended early`);
    return value;
  }

  tell(line: string): void {
    this.process.stdin.write(`${line}\n`);
  }

  end(): void {
    this.process.kill();
  }
}

/** The only line a script prints. */
export async function answerOf(script: string, args: readonly string[], nodeOptions: readonly string[] = []): Promise<string> {
  const child = new Child(script, args, nodeOptions);
  try {
    return await child.line();
  } finally {
    child.end();
  }
}

export const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
