/** Where statements are cited: in test titles, and in comments on the lines of src that enforce them. */
import { readdirSync, readFileSync } from 'node:fs';
import { keyOf, type Version } from './statements.js';

export interface Citation {
  readonly key: string;
  /** From the root of the project, with forward slashes. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

export interface TestTitle extends Citation {
  readonly title: string;
}

const filesBelow = (root: string, folder: string): readonly string[] =>
  readdirSync(`${root}/${folder}`, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => `${folder}/${file.replaceAll('\\', '/')}`)
    .toSorted();

/** A version holds for the ids behind it, until the next version; `X5-…` is always 5.0. */
const token = /\b(v5|v3\.1\.1)\b|\[(MQTT-[\d.]+-\d+)\]|\b(X5-[\d.]+-\d+)\b/g;

export function keysIn(text: string): readonly string[] {
  const keys: string[] = [];
  let version: Version | undefined;
  for (const [, named, id, extra] of text.matchAll(token)) {
    if (named !== undefined) version = named as Version;
    else if (extra !== undefined) keys.push(keyOf('v5', extra));
    else if (id !== undefined && version !== undefined) keys.push(keyOf(version, id));
  }
  return keys;
}

/** Comments of src that cite a statement. */
export function readCitations(root: string): readonly Citation[] {
  return filesBelow(root, 'src').flatMap((file) =>
    readFileSync(`${root}/${file}`, 'utf8')
      .split('\n')
      .flatMap((text, index) => {
        const comment = /\/\/.*|^\s*\/?\*.*/.exec(text)?.[0] ?? '';
        return keysIn(comment).map((key) => ({ key, file, line: index + 1 }));
      }),
  );
}

/** Titles of tests under test/conformance; one title may prove several statements. */
export function readTitles(root: string): readonly TestTitle[] {
  const call = /\btest(?:\.each\([\s\S]*?\))?\(\s*(['"`])((?:v5|v3\.1\.1) \[[\s\S]*?)\1\s*,/g;
  return filesBelow(root, 'test/conformance').flatMap((file) => {
    const text = readFileSync(`${root}/${file}`, 'utf8');
    return [...text.matchAll(call)].flatMap((match) => {
      const title = match[2] ?? '';
      const line = text.slice(0, match.index).split('\n').length;
      return keysIn(title.replace(/^((?:(?:v5|v3\.1\.1)(?: \[[^\]]+\])+[ ,]*)+).*$/s, '$1')).map((key) => ({ key, file, line, title }));
    });
  });
}

/** A test under test/conformance that names a trap. */
export interface TrapTitle extends Omit<TestTitle, 'key'> {
  readonly trap: number;
}

/** Titles that begin with `trap 17: …`. */
export function readTrapTitles(root: string): readonly TrapTitle[] {
  const call = /\btest(?:\.each\([\s\S]*?\))?\(\s*(['"`])(trap (\d+): [\s\S]*?)\1\s*,/g;
  return filesBelow(root, 'test/conformance').flatMap((file) => {
    const text = readFileSync(`${root}/${file}`, 'utf8');
    return [...text.matchAll(call)].map((match) => {
      const line = text.slice(0, match.index).split('\n').length;
      return { trap: Number(match[3]), title: match[2] ?? '', file, line };
    });
  });
}
