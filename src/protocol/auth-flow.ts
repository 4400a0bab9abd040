/**
 * Enhanced authentication: the AUTH exchange before CONNACK and re-authentication after it (v5 4.12).
 * `authenticate` answers with a challenge, the client with AUTH 0x18, until the hook allows or denies.
 */
import { PeerProtocolError } from '../errors/errors.js';
import type { AuthenticateRequest, AuthenticateVerdict } from '../hooks/hooks.js';
import type { AuthPacket } from '../packet/packets.js';
import { PacketType } from '../packet/protocol.js';
import { ReasonCode } from '../packet/reason-code.js';
import type { Allowed, Authentication } from './authentication.js';
import type { Connection } from './connection.js';

/** Acts on an answer of `authenticate`: goes on, sends the next challenge, or refuses. */
export function settleAuthentication(
  connection: Connection,
  verdict: AuthenticateVerdict,
  then: (verdict: Allowed) => void,
): void {
  const { authentication } = connection;
  if (verdict.action === 'deny') {
    const { reasonCode = ReasonCode.notAuthorized, reasonString, userProperties, serverReference } = verdict;
    // X5-3.2.2.3.16-1: a reference only beside a redirection.
    const redirects = reasonCode === ReasonCode.useAnotherServer || reasonCode === ReasonCode.serverMoved; // v5 [X5-4.11-1]
    // v5 [MQTT-3.1.4-2] [MQTT-4.12.0-4] [MQTT-4.12.1-2]
    return connection.shut(reasonCode, reasonString ?? 'refused by authenticate', undefined, {
      ...(reasonString !== undefined && { reasonString }),
      ...(userProperties && { userProperties }),
      ...(redirects && serverReference !== undefined && { serverReference }), // v5 [X5-3.2.2.3.16-1]
    });
  }
  if (verdict.action === 'allow') return then(verdict);
  if (authentication === undefined) {
    // Without a method in CONNECT no AUTH may be sent; the runner has refused that challenge already.
    return connection.shut(ReasonCode.badAuthenticationMethod, 'enhanced authentication is required');
  }
  authentication.challenge = verdict;
  authentication.onAllowed = then;
  connection.send({
    type: PacketType.auth,
    reasonCode: ReasonCode.continueAuthentication, // v5 [MQTT-4.12.0-2]
    properties: {
      authenticationMethod: authentication.method, // v5 [MQTT-4.12.0-5]
      ...(verdict.data !== undefined && { authenticationData: verdict.data }),
    },
  });
}

/** AUTH from the client: an answer to a challenge, or the start of a re-authentication. */
export function handleAuth(connection: Connection, packet: AuthPacket): void {
  const { authentication } = connection;
  const { authenticationMethod, authenticationData } = packet.properties;
  if (authentication === undefined) {
    // v5 [MQTT-4.12.0-7], X5-3.15-1
    throw new PeerProtocolError(ReasonCode.protocolError, 'MQTT-4.12.0-7', 'AUTH without an Authentication Method in CONNECT');
  }
  if (authenticationMethod !== authentication.method) { // v5 [MQTT-4.12.0-5] [MQTT-4.12.1-1] [X5-3.15-1]
    const why = `Authentication Method ${String(authenticationMethod)} is not the one of CONNECT, ${authentication.method}`;
    throw new PeerProtocolError(ReasonCode.protocolError, 'MQTT-4.12.0-5', why);
  }
  const { challenge } = authentication;
  if (packet.reasonCode === ReasonCode.reAuthenticate) {
    // v5 [MQTT-4.12.0-3] [MQTT-4.12.1-1]
    if (connection.state !== 'connected' || authentication.reauthenticating) {
      throw new PeerProtocolError(ReasonCode.protocolError, 'MQTT-4.12.0-3', 'AUTH 0x19 while an authentication is under way');
    }
    return reauthenticate(connection, authentication, packet);
  }
  if (challenge === undefined) { // v5 [MQTT-4.12.1-1]
    throw new PeerProtocolError(ReasonCode.protocolError, 'MQTT-4.12.1-1', 'AUTH 0x18 without a challenge to answer');
  }
  authentication.challenge = undefined;
  ask(
    connection,
    connection.engine.hooks.continueAuthentication(challenge, authenticationData, connection.signal),
    authentication.onAllowed,
  );
}

/** v5 4.12.1: other packets go on under the old authentication meanwhile. */
function reauthenticate(connection: Connection, authentication: Authentication, packet: AuthPacket): void {
  authentication.reauthenticating = true;
  const { authenticationData } = packet.properties;
  const request: AuthenticateRequest = {
    ...authentication.request,
    type: 'reauthenticate',
    properties: packet.properties,
    authenticationData,
    signal: connection.signal,
  };
  ask(connection, connection.engine.hooks.authenticate(request), (verdict) => {
    authentication.reauthenticating = false;
    // A login belongs to its principal: nobody renews it with what somebody else was given.
    if (verdict.principal !== undefined && verdict.principal !== connection.client?.principal) {
      return connection.shut(ReasonCode.notAuthorized, 'authenticated again as another principal');
    }
    connection.login.set(verdict.expiresAtMs);
    connection.send({
      type: PacketType.auth,
      reasonCode: ReasonCode.success, // not a second CONNACK: v5 [MQTT-3.2.0-2]
      properties: {
        authenticationMethod: authentication.method, // v5 [MQTT-4.12.0-5]
        ...(verdict.authenticationData !== undefined && { authenticationData: verdict.authenticationData }),
      },
    });
    // It may have other rights now. A store that fails has said so already.
    connection.client?.reauthorize().catch(() => undefined);
  });
}

/** Before CONNACK the connection waits for the answer; afterwards it does not. */
export function ask(
  connection: Connection,
  answer: AuthenticateVerdict | Promise<AuthenticateVerdict>,
  then: (verdict: Allowed) => void,
): void {
  if (!(answer instanceof Promise)) return settleAuthentication(connection, answer, then);
  if (connection.state === 'connecting') { // v5 [X5-4.12.1-1]
    return connection.wait(answer, (verdict) => settleAuthentication(connection, verdict, then));
  }
  void answer.then((verdict) => {
    if (connection.isOpen()) settleAuthentication(connection, verdict, then);
  }).catch((error: unknown) => connection.refuse(error));
}
