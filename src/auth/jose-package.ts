/** The package `jose`, an optional peer, loaded when the first token is looked at: nobody else needs it. */
import type * as jose from 'jose';
import { BrokerError } from '../errors/errors.js';

export type Jose = typeof jose;
export type JoseClaims = jose.JWTPayload;

/** @throws BrokerError ODN_ERR_MISSING_PACKAGE */
export async function loadJose(): Promise<Jose> {
  try {
    return await import('jose');
  } catch (cause) {
    throw new BrokerError('ODN_ERR_MISSING_PACKAGE', 'jwt() needs the package "jose": npm install jose', { cause });
  }
}
