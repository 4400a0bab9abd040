/**
 * One hashed password, as it stands behind the user name in a password file:
 *   `$6$salt$hash`              SHA-512 of password and salt, once (`mosquitto_passwd -H sha512`)
 *   `$7$iterations$salt$hash`   PBKDF2 with SHA-512 (`mosquitto_passwd`)
 *   `$scrypt$N$r$p$salt$hash`   scrypt, RFC 7914 (`hashPassword`)
 * Salt and hash are base64.
 */
import { createHash, pbkdf2, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { BrokerError } from '../errors/errors.js';

/** What it takes to derive a hash. */
export type Derivation =
  | { readonly kind: 'sha512' }
  | { readonly kind: 'pbkdf2'; readonly iterations: number }
  | { readonly kind: 'scrypt'; readonly N: number; readonly r: number; readonly p: number };

export interface PasswordHash {
  readonly derivation: Derivation;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

const sha512Bytes = 64;
const scryptBytes = 32;
const saltBytes = 16;
/** A file may not make one login cost more than this. */
const iterationsMax = 10_000_000;
const scryptMemoryMax = 256 * 2 ** 20;
const scryptParallelMax = 16;
/** OWASP's choice for 16 MiB: four at a time take 64 MiB. */
const ours = { kind: 'scrypt', N: 16_384, r: 8, p: 5 } as const;

/**
 * A line's worth of password for {@link passwordFile}: write `user:` and what this resolves with, e.g.
 * `$scrypt$16384$8$5$salt$hash` (N, r and p; salt of 16 bytes and hash of 32 in base64). The salt is new each time.
 * Takes some tenths of a second and 16 MiB, in the thread pool.
 * @param password - text, hashed as UTF-8, or bytes; 1 to 65,535 bytes, as MQTT carries no more, of which the last is not zero
 * @throws BrokerError ODN_ERR_ARGUMENT
 * @public
 */
export async function hashPassword(password: string | Uint8Array): Promise<string> {
  const bytes = passwordBytes('hashPassword', password);
  const salt = randomBytes(saltBytes);
  const hash = await derive(ours, bytes, salt);
  return `$scrypt$${ours.N}$${ours.r}$${ours.p}$${salt.toString('base64')}$${hash.toString('base64')}`;
}

/** @throws BrokerError ODN_ERR_ARGUMENT, which never shows the password */
export function passwordBytes(of: string, password: string | Uint8Array): Buffer {
  const isText = typeof password === 'string';
  if (!isText && !(password instanceof Uint8Array)) {
    throw new BrokerError('ODN_ERR_ARGUMENT', `${of}: the password is ${password === null ? 'null' : `a ${typeof password}`}; it must be text or bytes`);
  }
  const bytes = Buffer.from(password as Uint8Array);
  if (bytes.length < 1 || bytes.length > 65_535) {
    throw new BrokerError('ODN_ERR_ARGUMENT', `${of}: the password has ${bytes.length} bytes; it must have 1 to 65535`);
  }
  if (endsInZero(bytes)) throw new BrokerError('ODN_ERR_ARGUMENT', `${of}: the password ends in a zero byte; it must not`);
  return bytes;
}

/** HMAC, on which PBKDF2 and scrypt stand, fills its key up with zeros: `secret` and `secret\0` have the same hash. */
export const endsInZero = (password: Uint8Array): boolean => password.at(-1) === 0;

/** Reads what stands behind the user name; a text says what is wrong with it, and shows neither salt nor hash. */
export function readPasswordHash(text: string): PasswordHash | string {
  const [before, kind = '', ...fields] = text.split('$');
  if (before !== '' || fields.length === 0) return 'has no hash: a password in plain text is never read';
  switch (kind) {
    case '6':
      return fields.length === 2 ? made({ kind: 'sha512' }, fields, sha512Bytes) : 'must have the form $6$salt$hash';
    case '7':
      return fields.length === 3 ? readPbkdf2(fields) : 'must have the form $7$iterations$salt$hash';
    case 'scrypt':
      return fields.length === 5 ? readScrypt(fields) : 'must have the form $scrypt$N$r$p$salt$hash';
    default:
      return `has a hash of the kind $${kind.slice(0, 20)}$; $6$, $7$ and $scrypt$ are known`;
  }
}

function readPbkdf2([count = '', ...rest]: readonly string[]): PasswordHash | string {
  const iterations = wholeOf(count);
  if (!(iterations >= 1 && iterations <= iterationsMax)) return `has ${count.slice(0, 20)} iterations; they must be 1 to ${iterationsMax}`;
  return made({ kind: 'pbkdf2', iterations }, rest, sha512Bytes);
}

function readScrypt(fields: readonly string[]): PasswordHash | string {
  const [N = 0, r = 0, p = 0] = fields.slice(0, 3).map(wholeOf);
  const isPower = N >= 2 && N <= 2 ** 24 && Number.isInteger(Math.log2(N));
  if (!isPower || !(r >= 1 && N * r * 128 <= scryptMemoryMax) || !(p >= 1 && p <= scryptParallelMax)) {
    const given = fields.slice(0, 3).map((field) => field.slice(0, 20)).join(', ');
    return `has scrypt parameters ${given}; N must be a power of two, N * r * 128 at most ${scryptMemoryMax}, p 1 to ${scryptParallelMax}`;
  }
  return made({ kind: 'scrypt', N, r, p }, fields.slice(3), scryptBytes);
}

function made(derivation: Derivation, [saltText = '', hashText = '']: readonly string[], hashBytes: number): PasswordHash | string {
  const salt = base64Of(saltText);
  const hash = base64Of(hashText);
  if (salt === undefined || salt.length === 0) return 'has a salt that is not base64';
  if (hash?.length !== hashBytes) return `has a hash that is not base64 of ${hashBytes} bytes`;
  return { derivation, salt, hash };
}

/** NaN for anything but digits. */
const wholeOf = (text: string): number => (/^[1-9]\d{0,9}$/.test(text) ? Number(text) : Number.NaN);

/** Buffer.from skips what is no base64; this does not. */
export function base64Of(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}

const pbkdf2Async = promisify(pbkdf2);
const scryptAsync = promisify(scrypt) as (password: Buffer, salt: Buffer, bytes: number, options: object) => Promise<Buffer>;

async function derive(derivation: Derivation, password: Uint8Array, salt: Buffer): Promise<Buffer> {
  switch (derivation.kind) {
    case 'sha512':
      return createHash('sha512').update(password).update(salt).digest();
    case 'pbkdf2':
      return pbkdf2Async(password, salt, derivation.iterations, sha512Bytes, 'sha512');
    case 'scrypt': {
      const { N, r, p } = derivation;
      // Node counts a little more than N * r * 128.
      return scryptAsync(Buffer.from(password), salt, scryptBytes, { N, r, p, maxmem: 2 * (N + p) * r * 128 + 2 ** 20 });
    }
  }
}

/** Takes as long for a wrong password as for the right one. */
export async function verifyPassword({ derivation, salt, hash }: PasswordHash, password: Uint8Array): Promise<boolean> {
  return timingSafeEqual(await derive(derivation, password, salt), hash);
}
