/** The public door of `odonata/auth`: ready-made hooks. */
export { clientCertificate } from './auth/client-certificate.js';
export type { CertificateName, ClientCertificateOptions } from './auth/client-certificate.js';
export { jwt } from './auth/jwt.js';
export type { JsonWebKeyLike, JwtAlgorithm, JwtOptions } from './auth/jwt-options.js';
export { passwordFile } from './auth/password-file.js';
export type { PasswordFile, PasswordFileOptions } from './auth/password-file.js';
export { hashPassword } from './auth/password-hash.js';
export { rateLimit } from './auth/rate-limit.js';
export type { RateLimit, RateLimitOptions } from './auth/rate-limit.js';
export { scram, scramCredentials } from './auth/scram.js';
export type { ScramCredentialsOptions, ScramLookup, ScramOptions } from './auth/scram.js';
export type { ScramCredentials } from './auth/scram-exchange.js';
export { acl, type AclOptions, type AclRule } from './auth/acl.js';
export { aclFile, type AclFile, type AclFileOptions } from './auth/acl-file.js';
export { explainAccess, type AccessExplanation, type AccessQuestion } from './auth/explain.js';
export { proveIsolation, type IsolationLeak, type IsolationParty } from './auth/isolation.js';
