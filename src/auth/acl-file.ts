/** `aclFile`: the rules of a file, as mosquitto's `acl_file` has them. */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { BrokerError } from '../errors/errors.js';
import type { Authorize } from '../hooks/hooks.js';
import { isOverlapping, type AclOptions } from './acl.js';
import { readAclFile } from './acl-lines.js';
import { checkNames, illegalOption } from './option-checks.js';
import { authorizeBy, Policy } from './policy.js';

/** Options of {@link aclFile}. @public */
export interface AclFileOptions {
  /**
   * Which topic filters may be subscribed to: those that an allow rule overlaps, or those that one contains whole.
   * @defaultValue `overlapping`: mosquitto grants every subscription and withholds messages, so clients of its files
   * subscribe to more than they may read; what no rule overlaps at all is refused
   */
  readonly subscribe?: AclOptions['subscribe'];
  /**
   * Whether the broker may keep an answer for the rest of the connection, across `reload()` until `reauthorize()`.
   * @defaultValue false: a reload is felt at once
   */
  readonly cache?: boolean;
}

/** An `Authorize` hook, and what keeps it up to date. Made by {@link aclFile}. @public */
export interface AclFile extends Authorize {
  /**
   * Reads the file again: all of it is taken over, or nothing. When the file cannot be read or a line is wrong the
   * promise rejects and the rules stay those of the last good file. An empty file is a good one: nothing is allowed.
   * @throws BrokerError ODN_ERR_OPTION, with the line
   */
  reload(): Promise<void>;
}

/**
 * Makes an `authorize` hook of an ACL file of mosquitto (see `acl_file` in `mosquitto.conf(5)`). Lines are
 * `topic [read|write|readwrite|deny] filter`, about clients without a principal until the first line `user name`, then
 * about that principal; `pattern …` is about everybody and may have `%u` and `%c` as levels; lines that begin with
 * `#`, and empty ones, are skipped.
 *
 * What is not allowed is denied. A client's `topic` rules come first and its `patterns` after them, and in each of
 * both a deny comes before all else; so a `topic` line of a user wins over a `pattern deny`. Where patterns decide, a
 * client with `+` or `#` in its principal or identifier is denied.
 *
 * Stricter than mosquitto: a line that it would take for something else is an error (`topic read` without a filter,
 * `%u` in a `topic` line, `%u` as a part of a level). A name with `/` never fills a placeholder, and where a
 * `pattern deny` needs it the client is denied; a name that begins with `$` allows nothing as a first level.
 * @param path - read at once, and at each `reload()`; relative to the working directory
 * @throws BrokerError ODN_ERR_OPTION when an option is wrong, the file cannot be read, or a line is wrong; the message
 * has file, line and value
 * @public
 */
export function aclFile(path: string, options: AclFileOptions = {}): AclFile {
  const of = 'aclFile';
  if (typeof path !== 'string' || path === '') throw illegalOption(of, 'the path', path, 'a file');
  checkNames(of, options, ['subscribe', 'cache']);
  const { subscribe = 'overlapping', cache = false } = options;
  if (typeof cache !== 'boolean') throw illegalOption(of, 'cache', cache, 'a boolean');
  const overlapping = isOverlapping(of, subscribe);
  const policyOfFile = (bytes: Uint8Array): Policy => {
    const { own, patterns } = readAclFile(path, bytes);
    return new Policy(
      [
        { rules: own, guarded: false },
        // Without patterns mosquitto has no reason to look at names.
        { rules: patterns, guarded: patterns.length > 0 },
      ],
      { groupsOf: undefined, overlapping },
    );
  };
  let policy = policyOfFile(readNow(path));
  // One after the other, so that the last one asked for is the one in force.
  let reloading: Promise<unknown> = Promise.resolve();
  const reload = (): Promise<void> => {
    const next = reloading.then(async () => {
      const bytes = await readFile(path).catch((cause: unknown) => {
        throw unreadable(path, cause);
      });
      policy = policyOfFile(bytes);
    });
    reloading = next.catch(() => undefined);
    return next;
  };
  return Object.assign(authorizeBy(() => policy, cache), { reload });
}

function readNow(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

const unreadable = (path: string, cause: unknown): BrokerError =>
  new BrokerError('ODN_ERR_OPTION', `aclFile: ${path} cannot be read: ${(cause as Error).message}`, { cause });
