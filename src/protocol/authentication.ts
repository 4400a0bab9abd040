/** Enhanced authentication under way on one connection (v5 4.12). */
import type { AuthenticateRequest, AuthenticateVerdict } from '../hooks/hooks.js';

export type Challenge = Extract<AuthenticateVerdict, { action: 'challenge' }>;
export type Allowed = Extract<AuthenticateVerdict, { action: 'allow' }>;

/** The method of CONNECT, and who waits for the client's next AUTH. */
export interface Authentication {
  /** The same on every AUTH of the connection. */
  readonly method: string;
  readonly request: AuthenticateRequest;
  challenge: Challenge | undefined;
  /** Called with the verdict that allows. */
  onAllowed: (verdict: Allowed) => void;
  reauthenticating: boolean;
}
