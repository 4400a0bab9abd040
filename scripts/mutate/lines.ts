/** The lines of src that enforce a statement: those on which, or directly above which, a comment cites one. */
import ts from 'typescript';
import type { Citation } from '../conformance/citations.js';
import { mutationsOf, type Mutation } from './mutations.js';

export interface EnforcingLine {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** The statements it enforces: `v5 [MQTT-3.1.2-24]`. */
  readonly keys: readonly string[];
  /** At least one. */
  readonly mutations: readonly Mutation[];
}

const isComment = (line: string): boolean => /^\s*(?:\/\/|\/?\*)/.test(line);

/** Lines with something to change, in the order of files and lines. */
export function enforcingLines(citations: readonly Citation[], textOf: (file: string) => string): readonly EnforcingLine[] {
  const files = [...new Set(citations.map(({ file }) => file))];
  return files.flatMap((file) => {
    const text = textOf(file);
    const keysByLine = new Map<number, Set<string>>();
    for (const citation of citations) {
      const line = citation.file === file ? codeLineOf(text, citation.line) : undefined;
      if (line !== undefined) keysByLine.set(line, (keysByLine.get(line) ?? new Set()).add(citation.key));
    }
    return [...keysByLine]
      .map(([line, keys]) => ({ file, line, keys: [...keys], mutations: mutationsOf(text, line) }))
      .filter(({ mutations }) => mutations.length > 0)
      .toSorted((a, b) => a.line - b.line);
  });
}

/** The line of code that a comment on `line` speaks of; none for the doc comment of a declaration. */
export function codeLineOf(text: string, line: number): number | undefined {
  const lines = text.split('\n');
  let at = line - 1;
  if (!isComment(lines[at] ?? '')) return line;
  while (isComment(lines[at] ?? '')) at += 1;
  if ((lines[at] ?? '').trim() === '') return undefined;
  const isDoc = /^\s*(?:\/\*)?\*/.test(lines[at - 1] ?? '');
  return isDoc && !beginsStatement(text, at) ? undefined : at + 1;
}

/** Whether a statement that declares no function, class or type begins on the line, counted from 0. */
function beginsStatement(text: string, line: number): boolean {
  const tree = ts.createSourceFile('source.ts', text, ts.ScriptTarget.ES2023, true);
  const begins = (node: ts.Node): boolean => tree.getLineAndCharacterOfPosition(node.getStart(tree)).line === line;
  const visit = (node: ts.Node): boolean => {
    if (begins(node) && ts.isStatement(node)) return !isDeclaration(node);
    return ts.forEachChild(node, visit) ?? false;
  };
  return visit(tree);
}

const isDeclaration = (node: ts.Statement): boolean =>
  ts.isFunctionDeclaration(node) || ts.isClassDeclaration(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node);
