/**
 * The lines of an ACL file of mosquitto, as its plugins/acl-file/acl_parse.c reads them (2.1), but that nothing is
 * guessed: what can hardly have been meant is an error.
 */
import { BrokerError } from '../errors/errors.js';
import { levelsOf } from './filters.js';
import { ruleTopicProblem } from './acl.js';
import type { Rule } from './rule.js';

/** The rules of a file: those of each user, or of clients without a principal, and those of everybody. */
export interface AclFileRules {
  readonly own: readonly Rule[];
  readonly patterns: readonly Rule[];
}

type Says = Pick<Rule, 'allows' | 'read' | 'write'>;

const accesses: ReadonlyMap<string, Says> = new Map([
  ['read', { allows: true, read: true, write: false }],
  ['write', { allows: true, read: false, write: true }],
  ['readwrite', { allows: true, read: true, write: true }],
  ['deny', { allows: false, read: true, write: true }],
]);
const readWrite: Says = { allows: true, read: true, write: true };

/** @throws BrokerError ODN_ERR_OPTION with file, line and value */
export function readAclFile(path: string, bytes: Uint8Array): AclFileRules {
  const own: Rule[] = [];
  const patterns: Rule[] = [];
  // Anonymous clients until the first `user` line.
  let user: string | undefined;
  for (const [index, line] of linesOf(path, bytes)) {
    const fail = (what: string): never => {
      throw new BrokerError('ODN_ERR_OPTION', `aclFile: ${path}:${index}: ${what}`);
    };
    if (line.includes('\0')) fail('U+0000 in the line');
    if (line === '' || line.startsWith('#')) continue;
    const [keyword = '', rest] = firstWord(line);
    if (keyword === 'user') {
      if (rest === '') fail('user without a name');
      user = rest;
    } else if (keyword === 'topic' || keyword === 'pattern') {
      const rule = readRule(index, keyword, rest, user, fail);
      (keyword === 'topic' ? own : patterns).push(rule);
    } else fail(`${quote(keyword)} is none of topic, pattern and user`);
  }
  return { own, patterns };
}

function readRule(
  place: number,
  keyword: 'topic' | 'pattern',
  rest: string,
  user: string | undefined,
  fail: (what: string) => never,
): Rule {
  if (rest === '') fail(`${keyword} without a topic filter`);
  const [word, more] = firstWord(rest);
  // mosquitto would take the access for the topic: `topic deny` would allow to read and write `deny`.
  if (more === '' && accesses.has(word)) fail(`${keyword} ${word} without a topic filter`);
  const says = more === '' ? readWrite : accesses.get(word);
  if (says === undefined) return fail(`${quote(word)} is none of ${[...accesses.keys()].join(', ')}`);
  const topic = more === '' ? word : more;
  const problem = ruleTopicProblem(topic);
  if (problem !== undefined) fail(`${quote(topic)} is no topic filter of a rule: ${problem}`);
  const levels = levelsOf(topic);
  // mosquitto would take it for the name of a level.
  if (keyword === 'topic' && /%[cu]/.test(topic)) fail(`${quote(topic)}: placeholders stand in pattern lines only`);
  return {
    place,
    name: `line ${place}`,
    ...says,
    topic,
    levels,
    users: keyword === 'topic' ? [user] : undefined,
    groups: undefined,
    clientIds: undefined,
  };
}

/** Lines with their numbers, from 1, without the blanks at their ends. */
function* linesOf(path: string, bytes: Uint8Array): Generator<readonly [number, string]> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let start = 0;
  for (let index = 1; start < bytes.length; index += 1) {
    const end = bytes.indexOf(0x0a, start);
    const line = bytes.subarray(start, end < 0 ? bytes.length : end);
    let text: string;
    try {
      text = decoder.decode(line);
    } catch (cause) {
      throw new BrokerError('ODN_ERR_OPTION', `aclFile: ${path}:${index}: the line is not UTF-8`, { cause });
    }
    yield [index, text.replace(/[ \t\v\f\r]+$/, '')];
    start = end < 0 ? bytes.length : end + 1;
  }
}

/** The text up to the first space, and what follows the spaces. */
function firstWord(text: string): [string, string] {
  const words = text.replace(/^ +/, '');
  const space = words.indexOf(' ');
  return space < 0 ? [words, ''] : [words.slice(0, space), words.slice(space).replace(/^[ \t\v\f]+/, '')];
}

const quote = (text: string): string => JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
