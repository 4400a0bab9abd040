/** `jwt`: a signed token (RFC 7519) says who a client is and until when. */
import { BrokerError } from '../errors/errors.js';
import type { Authenticate, AuthenticateAnswer, AuthenticateRequest, ClientLimits } from '../hooks/hooks.js';
import { ReasonCode } from '../packet/reason-code.js';
import { textProblem } from '../packet/utf8.js';
import { loadJose, type Jose, type JoseClaims } from './jose-package.js';
import { checkJwtOptions, type JwtOptions, type JwtSettings } from './jwt-options.js';
import { dateOf } from './time.js';

/** Checks the signature and the claims of a token. */
type Verify = (token: string) => Promise<JoseClaims>;

const methodUnknown: AuthenticateAnswer = { action: 'deny', reasonCode: ReasonCode.badAuthenticationMethod };

/** What `jose` says of a token that is no good; anything else is a failure of ours or of the key server. */
const refusals: ReadonlySet<unknown> = new Set([
  'ERR_JWT_CLAIM_VALIDATION_FAILED',
  'ERR_JWT_EXPIRED',
  'ERR_JWT_INVALID',
  'ERR_JWS_INVALID',
  'ERR_JWS_SIGNATURE_VERIFICATION_FAILED',
  'ERR_JOSE_ALG_NOT_ALLOWED',
  'ERR_JOSE_NOT_SUPPORTED',
  'ERR_JWKS_NO_MATCHING_KEY',
  'ERR_JWKS_MULTIPLE_MATCHING_KEYS',
]);

/**
 * Lets in who brings a token that the issuer signed: as the password, with any user name, or in MQTT 5.0 as
 * Authentication Data of the method `JWT`; then the client may renew it by authenticating again. The login ends with
 * the token (`exp`). Another method is refused with 0x8C. Needs the package `jose` (6), which is loaded with the
 * first token; where it is missing every client is refused with 0x83 and `hookError` says ODN_ERR_MISSING_PACKAGE,
 * and so it is, with another cause, while the keys of `jwksUrl` cannot be had.
 * @throws BrokerError ODN_ERR_OPTION
 * @public
 */
export function jwt(options: JwtOptions): Authenticate {
  const settings = checkJwtOptions(options);
  let loading: Promise<Verify> | undefined;
  const verifier = (): Promise<Verify> => {
    loading ??= loadJose().then((jose) => makeVerify(jose, settings));
    loading.catch(() => {
      loading = undefined; // it may be installed later
    });
    return loading;
  };
  return (request) => {
    const { authenticationMethod, authenticationData, password } = request;
    if (authenticationMethod !== undefined && authenticationMethod !== settings.method) return methodUnknown;
    const token = authenticationMethod === undefined ? password : authenticationData;
    if (token === undefined || token.length === 0) return false;
    return answer(settings, request, Buffer.from(token).toString('latin1'), verifier);
  };
}

async function answer(
  settings: JwtSettings,
  { username }: AuthenticateRequest,
  token: string,
  verifier: () => Promise<Verify>,
): Promise<AuthenticateAnswer> {
  const { principalClaim, usernameClaim, limitsClaim, clockToleranceSeconds } = settings;
  const verify = await verifier();
  let claims: JoseClaims;
  try {
    claims = await verify(token);
  } catch (error) {
    if (refusals.has((error as { readonly code?: unknown } | null)?.code)) return false;
    throw error;
  }
  const principal = claims[principalClaim];
  if (typeof principal !== 'string' || principal === '' || textProblem(principal, true) !== 0) return false;
  if (usernameClaim !== undefined && (username === undefined || claims[usernameClaim] !== username)) return false;
  const limits = limitsClaim === undefined ? undefined : claims[limitsClaim];
  return {
    action: 'allow',
    principal,
    ...(claims.exp !== undefined && { expiresAtMs: (claims.exp + clockToleranceSeconds) * 1000 }),
    // The broker checks them like those of any hook.
    ...(limits !== undefined && { limits: limits as ClientLimits }),
  };
}

function makeVerify(jose: Jose, settings: JwtSettings): Verify {
  const { algorithms, issuer, audience, clockToleranceSeconds, requireExpiry, now } = settings;
  const key = keyOf(jose, settings);
  return async (token) => {
    const checks = {
      algorithms: [...algorithms],
      ...(issuer !== undefined && { issuer: listOf(issuer) }),
      ...(audience !== undefined && { audience: listOf(audience) }),
      ...(requireExpiry && { requiredClaims: ['exp'] }),
      clockTolerance: clockToleranceSeconds,
      currentDate: dateOf(now()),
    };
    const { payload } = await jose.jwtVerify(token, key, checks);
    return payload;
  };
}

type Key = Parameters<Jose['jwtVerify']>[1];

/** @throws BrokerError ODN_ERR_OPTION */
function keyOf(jose: Jose, { secret, publicKey, jwks, jwksUrl }: JwtSettings): Key {
  try {
    if (secret !== undefined) return Buffer.from(secret as Uint8Array);
    if (jwksUrl !== undefined) return jose.createRemoteJWKSet(new URL(jwksUrl)) as Key;
    if (jwks !== undefined) return jose.createLocalJWKSet({ keys: [...jwks.keys] } as Parameters<Jose['createLocalJWKSet']>[0]) as Key;
    return publicKey as Key;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new BrokerError('ODN_ERR_OPTION', `jwt: the key cannot be used: ${why}`, { cause });
  }
}

const listOf = (value: string | readonly string[]): string[] => (typeof value === 'string' ? [value] : [...value]);
