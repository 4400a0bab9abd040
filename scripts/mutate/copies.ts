/** Private copies of the tree: nothing is ever mutated in the one that people work in. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';

/** Of the root; everything else is copied. */
const leftOut = new Set(['node_modules', '.git', 'dist', 'temp', 'coverage']);

export interface Copies {
  readonly roots: readonly string[];
  remove(): void;
}

/** At least one; all are of the same moment, whoever edits meanwhile. */
export function makeCopies(root: string, count: number): Copies {
  const folder = mkdtempSync(join(tmpdir(), 'odonata-mutate-'));
  const roots: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const copy = join(folder, String(index));
    const [from = root] = roots;
    mkdirSync(copy);
    cpSync(from, copy, { recursive: true, filter: (path) => !leftOut.has(relative(from, path)) });
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
    roots.push(copy);
  }
  return { roots, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
