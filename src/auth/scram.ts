/** `scram`: SCRAM-SHA-256 as enhanced authentication (v5 4.12): the password never leaves the client. */
import { createHash, pbkdf2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { BrokerError } from '../errors/errors.js';
import type { Authenticate, AuthenticateAnswer } from '../hooks/hooks.js';
import { ReasonCode } from '../packet/reason-code.js';
import { checkFunction, checkNames, checkNumber, illegalOption } from './option-checks.js';
import { passwordBytes } from './password-hash.js';
import { saslprep } from './saslprep.js';
import { finish, hmac, readClientFirst, serverFirst, type ClientFirst, type ScramCredentials } from './scram-exchange.js';

/** The Authentication Method, as the SASL registry names it. */
const method = 'SCRAM-SHA-256';
const keyBytes = 32;
const saltBytes = 16;
const iterationsRange = { min: 4096, max: 10_000_000 };
/** MongoDB's: half a second on a small device, which has to connect within `connectTimeoutSeconds`. */
const iterationsDefault = 15_000;

/**
 * Finds the credentials of a user, `undefined` for an unknown one. `user` is prepared with SASLprep; `signal` fires
 * when the client goes away or the hook's deadline passes.
 * @public
 */
export type ScramLookup = (user: string, signal: AbortSignal) => ScramCredentials | undefined | Promise<ScramCredentials | undefined>;

/** Options of {@link scram}. @public */
export interface ScramOptions {
  /**
   * Makes up the salts of unknown users, at least 16 bytes: the same in every process and after each restart, so that
   * such a user is asked with the same salt each time, like a known one.
   * @defaultValue random: the made-up salts change when the process starts anew
   */
  readonly secret?: Uint8Array;
  /**
   * The iterations that unknown users are asked for, 4,096 to 10,000,000: those of your users.
   * @defaultValue 15000, as for {@link scramCredentials}
   */
  readonly iterations?: number;
}

/** Options of {@link scramCredentials}. @public */
export interface ScramCredentialsOptions {
  /**
   * How often the password is hashed, by us now and by the client at each login, 4,096 to 10,000,000.
   * @defaultValue 15000: below a second on a small device; take more where all clients are strong
   */
  readonly iterations?: number;
  /**
   * 1 or more bytes.
   * @defaultValue 16 random bytes
   */
  readonly salt?: Uint8Array;
}

/**
 * What to keep of a password, and to give back from the `lookup` of {@link scram}. With it nobody can log in, short
 * of guessing the password.
 * @param password - text; prepared with SASLprep, as clients do
 * @throws BrokerError ODN_ERR_ARGUMENT when SASLprep forbids the password, ODN_ERR_OPTION
 * @public
 */
export async function scramCredentials(password: string, options: ScramCredentialsOptions = {}): Promise<ScramCredentials> {
  const of = 'scramCredentials';
  checkNames(of, options, ['iterations', 'salt']);
  const { iterations = iterationsDefault, salt = randomBytes(saltBytes) } = options;
  checkNumber(of, 'iterations', iterations, iterationsRange);
  if (!(salt instanceof Uint8Array) || salt.length === 0) throw illegalOption(of, 'salt', salt, '1 or more bytes');
  const prepared = typeof password === 'string' ? saslprep(password) : undefined;
  if (prepared === undefined) throw new BrokerError('ODN_ERR_ARGUMENT', `${of}: the password is empty, no text, or has characters that SASLprep (RFC 4013) forbids`);
  const salted = await promisify(pbkdf2)(passwordBytes(of, prepared), salt, iterations, keyBytes, 'sha256');
  const storedKey = createHash('sha256').update(hmac(salted, 'Client Key')).digest();
  return { salt, iterations, storedKey, serverKey: hmac(salted, 'Server Key') };
}

const methodUnknown: AuthenticateAnswer = { action: 'deny', reasonCode: ReasonCode.badAuthenticationMethod };

/**
 * Lets in who proves by SCRAM-SHA-256 to know the password, without sending it, and proves to the client that the
 * broker knows its credentials. The principal is the user of the exchange, prepared with SASLprep; the MQTT user name
 * does not count. The Authentication Method is `SCRAM-SHA-256`; any other, or none, is refused with 0x8C. Channel
 * binding is not offered: a client that demands it (`p=`) is refused. Clients may authenticate again.
 * @throws BrokerError ODN_ERR_OPTION; each login throws ODN_ERR_ARGUMENT when `lookup` gives nonsense
 * @public
 */
export function scram(lookup: ScramLookup, options: ScramOptions = {}): Authenticate {
  const of = 'scram';
  checkFunction(of, 'lookup', lookup);
  checkNames(of, options, ['secret', 'iterations']);
  const { secret = randomBytes(keyBytes), iterations = iterationsDefault } = options;
  if (!(secret instanceof Uint8Array) || secret.length < 16) throw illegalOption(of, 'secret', typeof secret, '16 or more bytes');
  checkNumber(of, 'iterations', iterations, iterationsRange);
  const key = Buffer.from(secret); // the host may go on to use its own
  const standIn = (user: string): ScramCredentials => ({
    salt: hmac(key, `salt:${user}`).subarray(0, saltBytes),
    iterations,
    storedKey: hmac(key, `key:${user}`),
    serverKey: hmac(key, `server:${user}`),
  });
  const challenge = (first: ClientFirst, found: ScramCredentials | undefined): AuthenticateAnswer => {
    const credentials = found === undefined ? standIn(first.user) : checkCredentials(first.user, found);
    const nonce = first.nonce + randomBytes(18).toString('base64');
    const next = (data: Uint8Array | undefined): AuthenticateAnswer => {
      const last = finish(first, nonce, credentials, data);
      if (last === undefined || found === undefined) return false;
      return { action: 'allow', principal: first.user, authenticationData: Buffer.from(last) };
    };
    return { action: 'challenge', data: Buffer.from(serverFirst(nonce, credentials)), next };
  };
  return ({ authenticationMethod, authenticationData, signal }) => {
    if (authenticationMethod !== method) return methodUnknown;
    const first = authenticationData === undefined ? undefined : readClientFirst(authenticationData);
    if (first === undefined) return false;
    const found = lookup(first.user, signal);
    return found instanceof Promise ? found.then((credentials) => challenge(first, credentials)) : challenge(first, found);
  };
}

/** @throws BrokerError ODN_ERR_ARGUMENT */
function checkCredentials(user: string, credentials: ScramCredentials): ScramCredentials {
  const { salt, iterations, storedKey, serverKey } = credentials ?? {};
  const isKey = (bytes: unknown): boolean => bytes instanceof Uint8Array && bytes.length === keyBytes;
  const isLegal =
    salt instanceof Uint8Array &&
    salt.length > 0 &&
    Number.isSafeInteger(iterations) &&
    iterations >= iterationsRange.min &&
    isKey(storedKey) &&
    isKey(serverKey);
  if (isLegal) return { salt, iterations, storedKey, serverKey };
  throw new BrokerError('ODN_ERR_ARGUMENT', `scram: lookup gave no credentials for '${user}': salt of 1 or more bytes, iterations from ${iterationsRange.min}, storedKey and serverKey of 32 bytes each`);
}
