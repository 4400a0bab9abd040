/** The options of `jwt`, and what is checked before the first token comes. */
import { createPublicKey, KeyObject } from 'node:crypto';
import { BrokerError } from '../errors/errors.js';
import { checkFunction, checkNames, checkNumber, illegalOption } from './option-checks.js';
import { wallNow } from './time.js';

/** A key as JSON, RFC 7517: `{ kty: 'RSA', n, e, kid?, alg? }` and the like. @public */
export type JsonWebKeyLike = Readonly<Record<string, unknown>> & {
  /** Key type: `RSA`, `EC`, `OKP` or `oct`. */
  readonly kty: string;
};

/** Signature algorithms that {@link jwt} knows, as RFC 7518 and RFC 8037 name them. @public */
export type JwtAlgorithm =
  /** HMAC with SHA-256 and a shared secret. */
  | 'HS256'
  /** HMAC with SHA-384. */
  | 'HS384'
  /** HMAC with SHA-512. */
  | 'HS512'
  /** RSA, PKCS #1 v1.5, with SHA-256. */
  | 'RS256'
  /** RSA, PKCS #1 v1.5, with SHA-384. */
  | 'RS384'
  /** RSA, PKCS #1 v1.5, with SHA-512. */
  | 'RS512'
  /** RSA-PSS with SHA-256. */
  | 'PS256'
  /** RSA-PSS with SHA-384. */
  | 'PS384'
  /** RSA-PSS with SHA-512. */
  | 'PS512'
  /** ECDSA on P-256. */
  | 'ES256'
  /** ECDSA on P-384. */
  | 'ES384'
  /** ECDSA on P-521. */
  | 'ES512'
  /** Ed25519, under its older name. */
  | 'EdDSA'
  /** Ed25519. */
  | 'Ed25519';

type SecretAlgorithm = 'HS256' | 'HS384' | 'HS512';

/** Options of {@link jwt}. Exactly one of `secret`, `publicKey`, `jwks` and `jwksUrl` is given. @public */
export interface JwtOptions {
  /** The algorithms that are accepted, one or more: with `secret` those of the HS kind, with the others those of the rest. Never taken from the token. */
  readonly algorithms: readonly JwtAlgorithm[];
  /** The shared secret: bytes, or text taken as UTF-8; at least as long as the hash: 32 bytes for HS256, 48 for HS384, 64 for HS512. */
  readonly secret?: string | Uint8Array;
  /** The issuer's public key: PEM text (SPKI), a `KeyObject` of node:crypto, or a JWK. */
  readonly publicKey?: string | KeyObject | JsonWebKeyLike;
  /** The issuer's public keys as a JWK set; the token's `kid` and `alg` choose. */
  readonly jwks?: { readonly keys: readonly JsonWebKeyLike[] };
  /** Where that set is: https, or http on this machine. Fetched at the first token, again when a token names an unknown key, at most every 30 seconds, and every 10 minutes. */
  readonly jwksUrl?: string | URL;
  /**
   * `iss` must be this, or one of these.
   * @defaultValue any
   */
  readonly issuer?: string | readonly string[];
  /**
   * `aud` must be, or have, this or one of these.
   * @defaultValue any: give one where the issuer serves others too
   */
  readonly audience?: string | readonly string[];
  /**
   * How far the issuer's clock may be off, in seconds, 0 to 3,600; the login ends so much after `exp`.
   * @defaultValue 0: machines that keep their time need none
   */
  readonly clockToleranceSeconds?: number;
  /**
   * Whether a token without `exp` is refused.
   * @defaultValue true: a token that never ends cannot be taken back
   */
  readonly requireExpiry?: boolean;
  /**
   * The claim that is the principal: non-empty text.
   * @defaultValue `'sub'`
   */
  readonly principalClaim?: string;
  /**
   * The claim that the MQTT user name must equal.
   * @defaultValue none: the user name is free
   */
  readonly usernameClaim?: string;
  /**
   * The claim that has the client's limits, an object of the form of `ClientLimits`; a token without it has none.
   * Anything else there is a refusal with 0x83 and the event `hookError`.
   * @defaultValue none
   */
  readonly limitsClaim?: string;
  /**
   * The Authentication Method by which an MQTT 5.0 client brings its token as Authentication Data; without a method
   * the password is the token.
   * @defaultValue `'JWT'`
   */
  readonly method?: string;
  /**
   * Wall-clock milliseconds since 1970.
   * @defaultValue the process's clock
   */
  readonly now?: () => number;
}

/** The options with their defaults. */
export interface JwtSettings extends Omit<JwtOptions, 'publicKey'> {
  readonly publicKey?: KeyObject;
  readonly clockToleranceSeconds: number;
  readonly requireExpiry: boolean;
  readonly principalClaim: string;
  readonly method: string;
  readonly now: () => number;
}

const of = 'jwt';
const secretBytesMin: Readonly<Record<SecretAlgorithm, number>> = { HS256: 32, HS384: 48, HS512: 64 };
const publicAlgorithms: readonly string[] = [
  'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519',
];
const keyNames = ['secret', 'publicKey', 'jwks', 'jwksUrl'] as const;
const names = [
  ...keyNames, 'algorithms', 'issuer', 'audience', 'clockToleranceSeconds', 'requireExpiry', 'principalClaim', 'usernameClaim',
  'limitsClaim', 'method', 'now',
];

/** @throws BrokerError ODN_ERR_OPTION */
export function checkJwtOptions(options: JwtOptions): JwtSettings {
  checkNames(of, options, names);
  const { algorithms, secret, clockToleranceSeconds = 0, requireExpiry = true, principalClaim = 'sub', method = 'JWT', now = wallNow } = options;
  const given = keyNames.filter((name) => options[name] !== undefined);
  if (given.length !== 1) {
    throw new BrokerError('ODN_ERR_OPTION', `${of}: ${given.length === 0 ? 'no key is given' : `${given.join(' and ')} are given`}; give one of ${keyNames.join(', ')}`);
  }
  const legal = secret === undefined ? publicAlgorithms : Object.keys(secretBytesMin);
  if (!Array.isArray(algorithms) || algorithms.length === 0 || !algorithms.every((name) => legal.includes(name))) {
    const text = Array.isArray(algorithms) ? algorithms.map(String).join(', ') : algorithms;
    throw illegalOption(of, 'algorithms', text, `a list of one or more of ${legal.join(', ')} with ${given[0]}`);
  }
  if (secret !== undefined) checkSecret(secret, algorithms as readonly SecretAlgorithm[]);
  if (options.jwks !== undefined && !Array.isArray(options.jwks?.keys)) throw illegalOption(of, 'jwks', options.jwks, 'a JWK set, with keys');
  const publicKey = publicKeyOf(options.publicKey);
  if (options.jwksUrl !== undefined) checkUrl(options.jwksUrl);
  for (const name of ['issuer', 'audience'] as const) checkTexts(name, options[name]);
  for (const name of ['usernameClaim', 'limitsClaim'] as const) if (options[name] !== undefined) checkText(name, options[name]);
  checkText('principalClaim', principalClaim);
  checkText('method', method);
  checkNumber(of, 'clockToleranceSeconds', clockToleranceSeconds, { min: 0, max: 3600, fraction: true });
  if (typeof requireExpiry !== 'boolean') throw illegalOption(of, 'requireExpiry', requireExpiry, 'true or false');
  checkFunction(of, 'now', now);
  const { publicKey: _given, ...rest } = options;
  return { ...rest, ...(publicKey && { publicKey }), clockToleranceSeconds, requireExpiry, principalClaim, method, now };
}

function checkSecret(secret: string | Uint8Array, algorithms: readonly SecretAlgorithm[]): void {
  if (typeof secret !== 'string' && !(secret instanceof Uint8Array)) throw illegalOption(of, 'secret', typeof secret, 'text or bytes');
  const least = Math.max(...algorithms.map((name) => secretBytesMin[name]));
  const bytes = Buffer.from(secret as Uint8Array).length;
  // RFC 7518 3.2
  if (bytes < least) throw new BrokerError('ODN_ERR_OPTION', `${of}: secret has ${bytes} bytes; ${algorithms.join(', ')} needs at least ${least}`);
}

/** One key for every algorithm that fits it. A private key has no business here, and a secret is no public key. */
function publicKeyOf(key: JwtOptions['publicKey']): KeyObject | undefined {
  if (key === undefined) return undefined;
  const legal = 'a public key: PEM text (BEGIN PUBLIC KEY), KeyObject or JWK';
  const isPublic =
    key instanceof KeyObject
      ? key.type === 'public'
      : typeof key === 'string'
        ? key.includes('-----BEGIN PUBLIC KEY-----') && !key.includes('PRIVATE')
        : typeof key === 'object' && key !== null && typeof key.kty === 'string' && key.kty !== 'oct' && !('d' in key);
  if (!isPublic) throw illegalOption(of, 'publicKey', typeof key === 'string' ? 'text of another kind' : key, legal);
  if (key instanceof KeyObject) return key;
  try {
    return typeof key === 'string' ? createPublicKey(key) : createPublicKey({ key, format: 'jwk' });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new BrokerError('ODN_ERR_OPTION', `${of}: publicKey cannot be read: ${why}; it must be ${legal}`, { cause });
  }
}

function checkUrl(value: string | URL): void {
  const text = String(value);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isLocal = url?.protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  if (url?.protocol !== 'https:' && !isLocal) throw illegalOption(of, 'jwksUrl', text, 'an https URL, or http on localhost');
}

function checkText(name: string, value: unknown): void {
  if (typeof value !== 'string' || value === '') throw illegalOption(of, name, value, 'non-empty text');
}

function checkTexts(name: string, value: unknown): void {
  if (value === undefined) return;
  const isList = Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string' && item !== '');
  if (!isList) checkText(name, value);
}
