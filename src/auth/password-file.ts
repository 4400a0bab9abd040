/** `passwordFile`: user names and hashed passwords in a file, as `mosquitto_passwd` writes it. */
import { createHmac, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { BrokerError } from '../errors/errors.js';
import type { Authenticate, AuthenticateAnswer, AuthenticateRequest } from '../hooks/hooks.js';
import { ReasonCode } from '../packet/reason-code.js';
import { LruMap } from './lru-map.js';
import { checkFunction, checkNames, checkNumber } from './option-checks.js';
import { endsInZero, readPasswordHash, verifyPassword, type PasswordHash } from './password-hash.js';
import { steadyNow } from './time.js';
import { WorkQueue } from './work-queue.js';

/** Options of {@link passwordFile}. @public */
export interface PasswordFileOptions {
  /**
   * How long a password that was right is taken as right again, in seconds, 0 to 3,600; 0 = it is hashed each time.
   * Kept is a keyed hash of user name and password, never the password; a reload forgets it all.
   * @defaultValue 10: clients that come back all at once cost one hash each, and a change is soon felt
   */
  readonly cacheSeconds?: number;
  /**
   * Passwords hashed at the same time, 1 to 1,024.
   * @defaultValue 2: half of Node's thread pool, which files and DNS share
   */
  readonly concurrencyMax?: number;
  /**
   * Clients that may wait for their turn, 0 to 1,000,000; beyond it they are refused with 0x89 Server busy.
   * @defaultValue 1000
   */
  readonly queueMax?: number;
  /**
   * Milliseconds that only go forward.
   * @defaultValue the process's monotonic clock
   */
  readonly now?: () => number;
}

/** An `authenticate` hook, and what keeps it up to date. Made by {@link passwordFile}. @public */
export interface PasswordFile extends Authenticate {
  /**
   * Reads the file again: all of it is taken over, or nothing. When the file cannot be read or a line is wrong the
   * promise rejects and the users stay those of the last good file. An empty file is a good one: nobody may connect.
   * Connected clients stay.
   * @throws BrokerError ODN_ERR_OPTION, with the line
   */
  reload(): Promise<void>;
}

interface Users {
  readonly byName: ReadonlyMap<string, PasswordHash>;
  readonly hashes: readonly PasswordHash[];
}

const cacheSizeMax = 10_000;
const busy: AuthenticateAnswer = { action: 'deny', reasonCode: ReasonCode.serverBusy };
const methodUnknown: AuthenticateAnswer = { action: 'deny', reasonCode: ReasonCode.badAuthenticationMethod };

/**
 * Lets in who is in the file and knows the password: one `user:hash` a line, where the hash is what
 * `mosquitto_passwd` writes (`$7$…`, and `$6$…` of old) or what {@link hashPassword} makes; empty lines and lines that
 * begin with `#` are skipped. The principal is the user name. An unknown user takes as long to refuse as a known one.
 * A client that asks for enhanced authentication is refused with 0x8C.
 * @param path - read at once, and at each `reload()`; relative to the working directory
 * @throws BrokerError ODN_ERR_OPTION when an option is wrong, the file cannot be read, or a line is wrong; the message
 * has the line and its user, never the hash
 * @public
 */
export function passwordFile(path: string, options: PasswordFileOptions = {}): PasswordFile {
  const of = 'passwordFile';
  if (typeof path !== 'string' || path === '') throw new BrokerError('ODN_ERR_OPTION', `${of}: the path is ${JSON.stringify(path)}; it must be a file`);
  checkNames(of, options, ['cacheSeconds', 'concurrencyMax', 'queueMax', 'now']);
  const { cacheSeconds = 10, concurrencyMax = 2, queueMax = 1000, now = steadyNow } = options;
  checkFunction(of, 'now', now);
  const passwords = new Passwords(
    readUsers(path, attempt(path, () => readFileSync(path))),
    checkNumber(of, 'cacheSeconds', cacheSeconds, { min: 0, max: 3600, fraction: true }) * 1000,
    new WorkQueue(
      checkNumber(of, 'concurrencyMax', concurrencyMax, { min: 1, max: 1024 }),
      checkNumber(of, 'queueMax', queueMax, { min: 0, max: 1_000_000 }),
    ),
    now,
  );
  // One after the other, so that the last one asked for is the one in force.
  let reloading: Promise<unknown> = Promise.resolve();
  const reload = (): Promise<void> => {
    const next = reloading.then(async () => {
      const bytes = await readFile(path).catch((cause: unknown) => {
        throw unreadable(path, cause);
      });
      passwords.replace(readUsers(path, bytes));
    });
    reloading = next.catch(() => undefined);
    return next;
  };
  return Object.assign((request: AuthenticateRequest) => passwords.authenticate(request), { reload });
}

class Passwords {
  #users: Users;
  readonly #cacheMs: number;
  readonly #queue: WorkQueue;
  readonly #now: () => number;
  readonly #secret = randomBytes(32);
  /** Keyed hashes of what was right, and when that ends. */
  readonly #right = new LruMap<string, number>(cacheSizeMax);

  constructor(users: Users, cacheMs: number, queue: WorkQueue, now: () => number) {
    this.#users = users;
    this.#cacheMs = cacheMs;
    this.#queue = queue;
    this.#now = now;
  }

  replace(users: Users): void {
    this.#users = users;
    this.#right.clear();
  }

  authenticate(request: AuthenticateRequest): AuthenticateAnswer | Promise<AuthenticateAnswer> {
    const { username, password, authenticationMethod } = request;
    if (authenticationMethod !== undefined) return methodUnknown;
    if (username === undefined || password === undefined || password.length === 0) return false;
    if (endsInZero(password)) return false;
    const key = this.#keyOf(username, password);
    if ((this.#right.get(key) ?? -Infinity) > this.#now()) return allowed(username);
    const users = this.#users;
    const known = users.byName.get(username);
    const hash = known ?? this.#standIn(users, username);
    if (hash === undefined) return false; // nobody is known
    const verified = this.#queue.run(() => verifyPassword(hash, password), request.signal);
    if (verified === undefined) return busy;
    return verified.then((isRight) => {
      // A user that a reload removed or changed meanwhile comes again.
      if (isRight !== true || known === undefined || (users !== this.#users && !isSame(this.#users.byName.get(username), known))) return false;
      if (this.#cacheMs > 0) this.#right.set(key, this.#now() + this.#cacheMs);
      return allowed(username);
    });
  }

  /** What an unknown user is held against: the hash of some user, always the same one, so that the cost tells nothing. */
  #standIn(users: Users, username: string): PasswordHash | undefined {
    const index = createHmac('sha256', this.#secret).update(username).digest().readUInt32BE(0) % users.hashes.length;
    return users.hashes[index];
  }

  #keyOf(username: string, password: Uint8Array): string {
    const hmac = createHmac('sha256', this.#secret).update(`${Buffer.byteLength(username)}:${username}`);
    return hmac.update(password).digest('base64');
  }
}

const allowed = (principal: string): AuthenticateAnswer => ({ action: 'allow', principal });

const isSame = (a: PasswordHash | undefined, b: PasswordHash): boolean =>
  a !== undefined && a.hash.equals(b.hash) && a.salt.equals(b.salt);

/** @throws BrokerError ODN_ERR_OPTION */
function readUsers(path: string, bytes: Uint8Array): Users {
  const text = attempt(path, () => new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  const users = new Map<string, PasswordHash>();
  for (const [index, rawLine] of text.split('\n').entries()) {
    const line = rawLine.trimEnd();
    if (line === '' || line.startsWith('#')) continue;
    const wrong = (what: string): BrokerError => new BrokerError('ODN_ERR_OPTION', `${path}:${index + 1}: ${what}`);
    const colon = line.indexOf(':');
    // Without a colon the line may be a password: it is not shown.
    if (colon < 0) throw wrong('there is no ":" between user name and hash');
    const username = line.slice(0, colon);
    if (username === '' || username.trim() !== username) throw wrong(`the user name is '${username}'; it must not be empty nor begin or end with blanks`);
    if (users.has(username)) throw wrong(`the user '${username}' is there twice`);
    const hash = readPasswordHash(line.slice(colon + 1));
    if (typeof hash === 'string') throw wrong(`the user '${username}' ${hash}`);
    users.set(username, hash);
  }
  return { byName: users, hashes: [...users.values()] };
}

function attempt<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function unreadable(path: string, cause: unknown): BrokerError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new BrokerError('ODN_ERR_OPTION', `passwordFile: ${path} cannot be read: ${why}`, { cause });
}
