/** What hooks are asked with, made from what a test cares about, and how a test waits for them. */
import type { Action, AuthenticateAnswer, AuthenticateRequest, HookClient } from '../../src/index.js';

type Challenge = Extract<AuthenticateAnswer, { action: 'challenge' }>;

export const bytes = (text: string): Uint8Array => Buffer.from(text);
export const never = new AbortController().signal;

/** A CONNECT of MQTT 5.0 over TCP. */
export function request(fields: Partial<Omit<AuthenticateRequest, 'password'>> & { readonly password?: string } = {}): AuthenticateRequest {
  const { password, ...rest } = fields;
  return {
    type: 'connect',
    clientId: 'a',
    username: undefined,
    protocolVersion: 5,
    cleanStart: true,
    keepAliveSeconds: 0,
    properties: {},
    authenticationMethod: undefined,
    authenticationData: undefined,
    connection: { transport: 'tcp' },
    signal: never,
    ...rest,
    password: password === undefined ? undefined : bytes(password),
  };
}

export function hookClient(id = 'a'): HookClient {
  return { id, principal: undefined, username: undefined, protocolVersion: 5, connection: {}, signal: never };
}

export const publish = (topic = 't', payloadBytes = 0): Action => ({ type: 'publish', topic, qos: 0, retain: false, payloadBytes, properties: {} });

/** The answer, which must be a challenge. */
export function challengeOf(answer: AuthenticateAnswer): Challenge {
  if (typeof answer === 'object' && answer.action === 'challenge') return answer;
  throw new Error(`expected a challenge, got ${JSON.stringify(answer)}`);
}

export const isAllowed = (answer: AuthenticateAnswer): boolean => answer === true || (answer !== false && answer.action === 'allow');

/** A clock that stands still until a test moves it. */
export class StandingClock {
  ms = 1_000_000;
  readonly now = (): number => this.ms;
}

/** What `run` throws. */
export function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error('it did not throw');
}
