/** `clientCertificate`: who a client is, by the certificate that its TLS handshake proved. */
import { BrokerError } from '../errors/errors.js';
import type { Authenticate } from '../hooks/hooks.js';
import { textProblem } from '../packet/utf8.js';
import { checkFunction, checkNames } from './option-checks.js';
import { parseWallMs, wallNow } from './time.js';

/** What of a certificate is the principal; the last four are kinds of subject alternative names. @public */
export type CertificateName =
  /** CN of the subject. */
  | 'commonName'
  /** SHA-256 of the certificate, as `AB:CD:…`. */
  | 'fingerprint'
  /** `DNS:` */
  | 'dns'
  /** `email:` */
  | 'email'
  /** `URI:`, e.g. a SPIFFE id. */
  | 'uri'
  /** `IP Address:` */
  | 'ip';

/** Options of {@link clientCertificate}. @public */
export interface ClientCertificateOptions {
  /**
   * What of the certificate is the principal. It must be there exactly once.
   * @defaultValue `'commonName'`
   */
  readonly principal?: CertificateName;
  /**
   * SHA-256 fingerprints (`AB:CD:…`, with or without colons, in either case) of the only certificates that are let in.
   * @defaultValue all that the server's CA signed
   */
  readonly fingerprints?: readonly string[];
  /**
   * Wall-clock milliseconds since 1970.
   * @defaultValue the process's clock
   */
  readonly now?: () => number;
}

/** As a certificate's text names the kinds of its alternative names. */
const alternativeNames: Readonly<Partial<Record<CertificateName, string>>> = { dns: 'DNS', email: 'email', uri: 'URI', ip: 'IP Address' };
const names: readonly CertificateName[] = ['commonName', 'fingerprint', 'dns', 'email', 'uri', 'ip'];

/**
 * Lets in who came over TLS with a certificate that the server's CA signed; the listener needs `requestCert: true` and
 * a `ca`. The principal comes from the certificate, whatever the user name is, and the login ends with it (`valid_to`).
 * Refused: no TLS, no certificate, one that was not verified, is over, or does not have the name exactly once.
 * @throws BrokerError ODN_ERR_OPTION
 * @public
 */
export function clientCertificate(options: ClientCertificateOptions = {}): Authenticate {
  const of = 'clientCertificate';
  checkNames(of, options, ['principal', 'fingerprints', 'now']);
  const { principal: name = 'commonName', fingerprints, now = wallNow } = options;
  if (!names.includes(name)) throw new BrokerError('ODN_ERR_OPTION', `${of}: principal is '${String(name)}'; it must be ${names.join(', ')}`);
  checkFunction(of, 'now', now);
  const allowed = fingerprints === undefined ? undefined : fingerprintSet(of, fingerprints);
  return ({ connection: { tls } }) => {
    const certificate = tls?.peerCertificate;
    if (tls?.authorized !== true || certificate === undefined) return false;
    if (allowed !== undefined && !allowed.has(plainFingerprint(certificate['fingerprint256']))) return false;
    const principal = nameIn(certificate, name);
    if (principal === undefined || principal === '' || textProblem(principal, true) !== 0) return false;
    const validTo = certificate['valid_to'];
    if (validTo === undefined) return { action: 'allow', principal };
    const expiresAtMs = typeof validTo === 'string' ? parseWallMs(validTo) : Number.NaN;
    return expiresAtMs > now() ? { action: 'allow', principal, expiresAtMs } : false;
  };
}

function fingerprintSet(of: string, fingerprints: readonly string[]): ReadonlySet<string> {
  if (!Array.isArray(fingerprints)) throw new BrokerError('ODN_ERR_OPTION', `${of}: fingerprints is ${typeof fingerprints}; it must be a list`);
  const plain = fingerprints.map(plainFingerprint);
  const wrong = plain.findIndex((text) => !/^[0-9A-F]{64}$/.test(text));
  if (wrong < 0) return new Set(plain);
  throw new BrokerError('ODN_ERR_OPTION', `${of}: fingerprints[${wrong}] is '${String(fingerprints[wrong]).slice(0, 120)}'; it must be a SHA-256 of 64 hexadecimal digits`);
}

const plainFingerprint = (value: unknown): string => (typeof value === 'string' ? value.replaceAll(':', '').toUpperCase() : '');

/** `undefined` when there is none, or more than one. */
function nameIn(certificate: Readonly<Record<string, unknown>>, name: CertificateName): string | undefined {
  if (name === 'commonName') return textOf((certificate['subject'] as { readonly CN?: unknown } | undefined)?.CN);
  if (name === 'fingerprint') return textOf(certificate['fingerprint256']);
  const kind = alternativeNames[name];
  const found = alternativesOf(textOf(certificate['subjectaltname']) ?? '').filter(([its]) => its === kind);
  return found.length === 1 ? found[0]?.[1] : undefined;
}

/** Several of one kind come as a list. */
const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/**
 * `DNS:a.example, URI:"x, y"` taken apart. Node quotes a value that could be taken for more than one; what cannot be
 * read to its end is taken for nothing at all.
 */
function alternativesOf(text: string): readonly (readonly [kind: string, value: string])[] {
  const found: [string, string][] = [];
  const item = /([^:,"]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?:, |$)/y;
  while (item.lastIndex < text.length) {
    const [, kind = '', value = ''] = item.exec(text) ?? [];
    if (kind === '') return [];
    found.push([kind, value.startsWith('"') ? (JSON.parse(value) as string) : value]);
  }
  return found;
}
