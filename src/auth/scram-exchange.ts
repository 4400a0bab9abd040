/**
 * The server's half of SCRAM-SHA-256 (RFC 5802, RFC 7677), message by message. Pure: nonce and credentials are given.
 *   client-first --> server-first --> client-final --> server-final
 * A message that is not to the letter of the grammar is refused: `undefined`.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { base64Of } from './password-hash.js';
import { saslprep } from './saslprep.js';

/** What a server keeps of a password for SCRAM-SHA-256, RFC 5802 section 3. Made by {@link scramCredentials}. @public */
export interface ScramCredentials {
  /** Random bytes, 1 or more; 16 are usual. */
  readonly salt: Uint8Array;
  /** How often the client hashes its password, 4,096 (RFC 7677) or more. */
  readonly iterations: number;
  /** `H(HMAC(SaltedPassword, "Client Key"))`, 32 bytes. */
  readonly storedKey: Uint8Array;
  /** `HMAC(SaltedPassword, "Server Key")`, 32 bytes. */
  readonly serverKey: Uint8Array;
}

export interface ClientFirst {
  /** Prepared with SASLprep. */
  readonly user: string;
  readonly nonce: string;
  /** `n,,`: the client says it again in its last message. */
  readonly gs2Header: string;
  readonly bare: string;
}

/** No message of an honest client is longer. */
const messageBytesMax = 4096;
const nonceForm = /^[\x21-\x2b\x2d-\x7e]+$/;
const extension = /^[a-zA-Z]=[^,]+$/;

export function readClientFirst(data: Uint8Array): ClientFirst | undefined {
  const text = textOf(data);
  // `p=…` asks for channel binding, which there is none of here; `y` says that the client could, had we offered it.
  const [, gs2Header = '', authorization, bare = ''] = /^([ny],(?:a=([^,]+))?,)(.*)$/s.exec(text ?? '') ?? [];
  const [userField = '', nonceField = '', ...extensions] = bare.split(',');
  // `m=`, which would stand first, is an extension that must be understood.
  if (!userField.startsWith('n=') || !nonceField.startsWith('r=')) return undefined;
  const user = userOf(userField.slice(2));
  const nonce = nonceField.slice(2);
  if (user === undefined || !nonceForm.test(nonce) || !extensions.every((field) => extension.test(field))) return undefined;
  // Nobody acts for somebody else.
  if (authorization !== undefined && userOf(authorization) !== user) return undefined;
  return { user, nonce, gs2Header, bare };
}

/** `=2C` and `=3D` stand for a comma and an equals sign; no other `=` may be there. */
function userOf(name: string): string | undefined {
  if (/=(?!2C|3D)/.test(name)) return undefined;
  return saslprep(name.replaceAll('=2C', ',').replaceAll('=3D', '='));
}

export const serverFirst = (nonce: string, { salt, iterations }: ScramCredentials): string =>
  `r=${nonce},s=${Buffer.from(salt).toString('base64')},i=${iterations}`;

/** The server-final message when the client has proven that it knows the password. `nonce` is the client's and ours. */
export function finish(first: ClientFirst, nonce: string, credentials: ScramCredentials, data: Uint8Array | undefined): string | undefined {
  const text = data === undefined ? undefined : textOf(data);
  const [, withoutProof = '', proofText = ''] = /^(.*),p=([A-Za-z0-9+/=]+)$/s.exec(text ?? '') ?? [];
  const [binding, nonceField, ...extensions] = withoutProof.split(',');
  const isWhole =
    binding === `c=${Buffer.from(first.gs2Header).toString('base64')}` &&
    nonceField === `r=${nonce}` &&
    extensions.every((field) => extension.test(field));
  const proof = base64Of(proofText);
  if (!isWhole || proof?.length !== 32) return undefined;
  const messages = `${first.bare},${serverFirst(nonce, credentials)},${withoutProof}`;
  const signature = hmac(credentials.storedKey, messages);
  const clientKey = proof.map((byte, index) => byte ^ (signature[index] as number));
  const storedKey = createHash('sha256').update(clientKey).digest();
  if (!timingSafeEqual(storedKey, credentials.storedKey)) return undefined;
  return `v=${hmac(credentials.serverKey, messages).toString('base64')}`;
}

export const hmac = (key: Uint8Array, text: string): Buffer => createHmac('sha256', key).update(text).digest();

function textOf(data: Uint8Array): string | undefined {
  if (data.length > messageBytesMax) return undefined;
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data);
    return text.includes('\0') ? undefined : text;
  } catch {
    return undefined;
  }
}
