/** `aclFile`: files of mosquitto's `acl_file`, what they mean, and what is no such file. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { aclFile, explainAccess, proveIsolation, type AclFileOptions } from 'odonata/auth';
import type { Action } from '../../src/hooks/hooks.js';
import { action, hookClient, may } from './rules.js';

let folder = '';
let path = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'odonata-acl-'));
  path = join(folder, 'acl');
});
afterAll(() => rm(folder, { recursive: true }));

const file = async (text: string | Uint8Array, options?: AclFileOptions) => {
  await writeFile(path, text);
  return aclFile(path, options);
};

const example = `
# Who does not say who they are
topic read $SYS/#
topic deny $SYS/broker/secret/#

user roger
topic foo/bar
topic write  plain name

user mary ann
topic read foo/#\r
topic deny foo/private

# Everybody
pattern write $SYS/broker/connection/%c/state
pattern readwrite users/%u/#
pattern deny users/+/locked
user roger
topic users/roger/locked
`;

test.each<[string | undefined, Action['type'], string, boolean]>([
  [undefined, 'deliver', '$SYS/broker/uptime', true],
  [undefined, 'deliver', '$SYS/broker/secret/x', false],
  [undefined, 'publish', 'foo/bar', false],
  [undefined, 'publish', 'users/undefined/x', false],
  ['roger', 'deliver', '$SYS/broker/uptime', false], // the first rules are for anonymous clients only
  ['roger', 'publish', 'foo/bar', true],
  ['roger', 'deliver', 'foo/bar', true],
  ['roger', 'publish', 'plain name', true],
  ['roger', 'deliver', 'plain name', false],
  ['roger', 'publish', 'users/roger/x', true],
  ['roger', 'publish', 'users/mary ann/x', false],
  ['roger', 'publish', 'users/roger/locked', true], // a user's own rule comes before patterns
  ['mary ann', 'publish', 'users/mary ann/locked', false],
  ['mary ann', 'deliver', 'foo', true],
  ['mary ann', 'deliver', 'foo/private', false],
  ['mary ann', 'publish', 'foo', false],
  ['mary ann', 'will', 'users/mary ann/gone', true],
  ['stranger', 'publish', 'foo/bar', false],
  ['stranger', 'publish', 'users/stranger/x', true],
  // What the broker is never asked about.
  ['roger', 'publish', '$SYS/broker/connection/c/state', false],
])('the example: %s may %s %s: %s', async (principal, type, topic, allowed) => {
  const authorize = await file(example);
  expect(may(authorize, type, topic, principal)).toBe(allowed);
  expect(explainAccess(authorize, { principal, clientId: 'c', action: type, topic }).allowed).toBe(allowed);
});

test('a rule is explained by its line', async () => {
  const authorize = await file(example);
  const question = { principal: 'mary ann', action: 'deliver', topic: 'foo/private' } as const;
  expect(explainAccess(authorize, question)).toEqual({
    allowed: false, index: 12, rule: 'foo/private', why: 'line 12 denies: foo/private contains foo/private',
  });
});

test('isolation is proven of files too', async () => {
  const authorize = await file('pattern readwrite users/%u/#\nuser eve\ntopic read users/+/open\n');
  expect(proveIsolation(authorize, 'ann', 'bob')).toBeNull();
  expect(proveIsolation(authorize, 'ann', 'eve')).toMatchObject({ topic: 'users/ann/open', publisher: { rule: 1 }, subscriber: { rule: 3 } });
});

test('a pattern deny with a user’s own allow is no isolation', async () => {
  const authorize = await file('user a\ntopic write x\nuser b\ntopic read x\nuser c\npattern deny x\n');
  expect(proveIsolation(authorize, 'a', 'b')?.topic).toBe('x');
  expect(proveIsolation(authorize, 'a', 'c')).toBeNull();
});

describe('names with special characters', () => {
  test.each(['a+', '#', 'a\0'])('where patterns decide, %j is denied', async (name) => {
    const authorize = await file(`user a+\ntopic own\npattern write open\n`);
    expect([may(authorize, 'publish', 'open', name), may(authorize, 'publish', 'open', 'ann', name)]).toEqual([false, false]);
    expect(may(authorize, 'publish', 'own', 'a+')).toBe(true);
    expect(explainAccess(authorize, { principal: name, action: 'publish', topic: 'open' }).allowed).toBe(false);
  });

  test('a name with / fills no placeholder, and escapes no denial', async () => {
    const open = await file('pattern write %u/x\npattern write open\n');
    expect([may(open, 'publish', 'a/b/x', 'a/b'), may(open, 'publish', 'open', 'a/b')]).toEqual([false, true]);
    const closed = await file('pattern write #\npattern deny %u/x\n');
    expect([may(closed, 'publish', 'y', 'a/b'), may(closed, 'publish', 'y', 'ann')]).toEqual([false, true]);
  });
});

test('subscriptions are granted when a rule overlaps them; contained: when one contains them', async () => {
  const text = 'user ann\ntopic read a/+\ntopic deny b/#\n';
  const filters = ['#', 'a/#', 'a/x', 'b/x', 'c'];
  const granted = async (options?: AclFileOptions): Promise<string[]> => {
    const authorize = await file(text, options);
    return filters.filter((filter) => may(authorize, 'subscribe', filter, 'ann'));
  };
  expect(await granted()).toEqual(['#', 'a/#', 'a/x']);
  expect(await granted({ subscribe: 'contained' })).toEqual(['a/x']);
});

test.each(['', '\n\n', '# nothing\n', 'user ann\n'])('the file %j allows nothing', async (text) => {
  const authorize = await file(text);
  for (const type of ['publish', 'will', 'subscribe', 'deliver'] as const) {
    for (const topic of ['a', '', type === 'subscribe' ? '#' : 'b']) expect(may(authorize, type, topic, 'ann')).toBe(false);
  }
});

describe('what is no such file', () => {
  test.each<[string, string]>([
    ['topics a', '1: "topics" is none of topic, pattern and user'],
    ['\n\ntopic reed a', '3: "reed" is none of read, write, readwrite, deny'],
    [' # indented', '1: "#" is none of topic, pattern and user'],
    ['topic\ta', '1: "topic\\ta" is none of topic, pattern and user'],
    ['topic', '1: topic without a topic filter'],
    ['topic deny', '1: topic deny without a topic filter'],
    ['pattern  ', '1: pattern without a topic filter'],
    ['user ', '1: user without a name'],
    ['topic read a/#/b', '1: "a/#/b" is no topic filter of a rule: topic filter "a/#/b": # must be a level of its own and the last one'],
    ['topic read $share/g/a', '1: "$share/g/a" is no topic filter of a rule: it must be without $share/name/'],
    ['pattern read a/x%u', '1: "a/x%u" is no topic filter of a rule: a placeholder must be a level of its own'],
    ['topic read a/%u', '1: "a/%u": placeholders stand in pattern lines only'],
    ['user a\0b', '1: U+0000 in the line'],
    ['#\0', '1: U+0000 in the line'],
    ['\ufefftopic a', '1: "\ufefftopic" is none of topic, pattern and user'],
  ])('%j', async (text, message) => {
    await expect(file(text)).rejects.toMatchObject({ code: 'ODN_ERR_OPTION', message: `aclFile: ${path}:${message}` });
  });

  test('text that is not UTF-8', async () => {
    await expect(file(Buffer.from('topic a\ntopic \xff\n', 'latin1'))).rejects.toMatchObject({ code: 'ODN_ERR_OPTION', message: `aclFile: ${path}:2: the line is not UTF-8` });
  });

  test('a file that is not there, a path that is none, an option that is none', () => {
    expect(() => aclFile(join(folder, 'none'))).toThrow(expect.objectContaining({ code: 'ODN_ERR_OPTION', message: expect.stringContaining('none cannot be read: ENOENT') }));
    expect(() => aclFile('')).toThrow("aclFile: the path is ''; it must be a file");
    expect(() => aclFile(path, { subscribe: 'any' as never })).toThrow("aclFile: subscribe is 'any'; it must be 'contained' or 'overlapping'");
    expect(() => aclFile(path, { cache: 1 as never })).toThrow('aclFile: cache is 1; it must be a boolean');
    expect(() => aclFile(path, { groupsOf: {} } as never)).toThrow('aclFile: there is no option groupsOf; there are subscribe, cache');
  });
});

describe('reload', () => {
  test('takes over the whole file', async () => {
    const authorize = await file('topic a\n');
    await writeFile(path, 'topic b\n');
    expect(may(authorize, 'publish', 'a', undefined)).toBe(true);
    await authorize.reload();
    expect([may(authorize, 'publish', 'a', undefined), may(authorize, 'publish', 'b', undefined)]).toEqual([false, true]);
    expect(explainAccess(authorize, { principal: undefined, action: 'publish', topic: 'b' }).allowed).toBe(true);
  });

  test('of a bad or missing file throws and changes nothing', async () => {
    const authorize = await file('topic a\n');
    await writeFile(path, 'topic b\ntopic c d\n');
    await expect(authorize.reload()).rejects.toMatchObject({ code: 'ODN_ERR_OPTION', message: `aclFile: ${path}:2: "c" is none of read, write, readwrite, deny` });
    await rm(path);
    await expect(authorize.reload()).rejects.toMatchObject({ code: 'ODN_ERR_OPTION' });
    expect([may(authorize, 'publish', 'a', undefined), may(authorize, 'publish', 'b', undefined)]).toEqual([true, false]);
    await writeFile(path, '');
    await authorize.reload();
    expect(may(authorize, 'publish', 'a', undefined)).toBe(false);
  });

  test('answers are not kept by the broker, unless asked for', async () => {
    const answer = async (options?: AclFileOptions): Promise<unknown> =>
      (await file('topic a\n', options))(hookClient(undefined, 'c'), action('publish', 'a'));
    expect(await answer()).toEqual({ action: 'allow', cache: false });
    expect(await answer({ cache: true })).toEqual({ action: 'allow', cache: true });
  });
});
