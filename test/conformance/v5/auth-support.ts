/** What the tests of enhanced authentication share: a method, hooks that challenge, and AUTH packets. */
import type { AuthenticateAnswer, AuthenticateRequest, BrokerOptions } from '../../../src/index.js';
import type { WireClient, WireProperties } from '../../../src/testing/index.js';
import { packet, text } from '../../unit/packet/wire.js';
import type { ClientOptions, Rig } from '../../wire/rig.js';
import { client, open } from './support.js';

export const method = 'TOKEN';
export const data = (value: string): Uint8Array => Buffer.from(value);
const textOf = (bytes: Uint8Array | undefined): string => (bytes === undefined ? '-' : Buffer.from(bytes).toString());

type Answer = AuthenticateAnswer | Promise<AuthenticateAnswer>;

/** Challenges with each of `steps` in turn, then answers `last`; notes what the client said. */
export function challenging(steps: readonly string[], last: AuthenticateAnswer = true, heard: string[] = []): (request: AuthenticateRequest) => Answer {
  const step = (index: number): AuthenticateAnswer => {
    const challenge = steps[index];
    if (challenge === undefined) return last;
    const next = (answer: Uint8Array | undefined): AuthenticateAnswer => {
      heard.push(textOf(answer));
      return step(index + 1);
    };
    return { action: 'challenge', data: data(challenge), next };
  };
  return ({ authenticationMethod, authenticationData }) => {
    heard.push(`${String(authenticationMethod)} ${textOf(authenticationData)}`);
    return step(0);
  };
}

/** Lets everyone in; `again` answers re-authentications. */
export const reauthenticating = (again: (request: AuthenticateRequest) => Answer): BrokerOptions => ({
  authenticate: (request) => (request.type === 'connect' ? true : again(request)),
});

/** CONNECT with the method; nothing is taken of what comes back. */
export const connectWithMethod = (rig: Rig, { properties, ...options }: ClientOptions = {}): WireClient =>
  open(rig).connect({ clientId: 'a', ...options, properties: { authenticationMethod: method, authenticationData: 'first', ...properties } });

/** A client that is connected and used the method. */
export const authenticated = (rig: Rig, { properties, ...options }: ClientOptions = {}): WireClient =>
  client(rig, 'a', { ...options, properties: { authenticationMethod: method, ...properties } });

/** Begins a re-authentication. */
export const begin = (sent: WireClient, properties: WireProperties = { authenticationMethod: method, authenticationData: 'again' }): WireClient =>
  sent.auth(0x19, properties);

/** Answers a challenge. */
export const reply = (sent: WireClient, value = 'answer'): WireClient =>
  sent.auth(0x18, { authenticationMethod: method, authenticationData: value });

/** AUTH with any first byte and reason code, and with the method. */
export const authBytes = (reasonCode: number, first = 0xf0): Buffer => {
  const property = `15 ${text(method)}`;
  return packet(first, Buffer.concat([Buffer.of(reasonCode, 3 + method.length), packet(0, property).subarray(2)]));
};

/** A server's AUTH as it is received. */
export const authPacket = (reasonCode: number, value?: string): object => ({
  type: 'auth',
  reasonCode,
  properties: { authenticationMethod: method, ...(value !== undefined && { authenticationData: value }) },
});
