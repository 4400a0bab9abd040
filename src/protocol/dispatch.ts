/** Which flow handles which packet, before and after CONNACK. */
import { PeerProtocolError } from '../errors/errors.js';
import type { ClientPacket, DisconnectPacket } from '../packet/packets.js';
import { PacketType } from '../packet/protocol.js';
import { ReasonCode } from '../packet/reason-code.js';
import { handleAuth } from './auth-flow.js';
import { handleConnect } from './connect-flow.js';
import type { Connection } from './connection.js';
import { handlePublish, handlePubrel } from './publish-flow.js';
import type { Session } from './session.js';
import { handleSubscribe, handleUnsubscribe } from './subscribe-flow.js';

/** Handles the packet on which the connection's reader stands. */
export function dispatch(connection: Connection, type: PacketType): void {
  const { reader, session } = connection;
  if (session === undefined || connection.state === 'connecting') return dispatchFirst(connection, type);
  switch (type) {
    case PacketType.publish:
      return handlePublish(connection, session, reader.publish);
    case PacketType.puback:
      return session.sender.onPuback(reader.packetId);
    case PacketType.pubrec:
      return session.sender.onPubrec(reader.packetId, reader.reasonCode);
    case PacketType.pubrel:
      return handlePubrel(connection, session, reader.packetId);
    case PacketType.pubcomp:
      return session.sender.onPubcomp(reader.packetId);
    case PacketType.connect:
      // v5 [MQTT-3.1.0-2], v3.1.1 [MQTT-3.1.0-2]
      throw new PeerProtocolError(ReasonCode.protocolError, 'MQTT-3.1.0-2', 'a second CONNECT on one connection');
    default:
      return dispatchDecoded(connection, session, reader.packet as ClientPacket);
  }
}

function dispatchDecoded(connection: Connection, session: Session, packet: ClientPacket): void {
  switch (packet.type) {
    case PacketType.subscribe:
      return handleSubscribe(connection, session, packet);
    case PacketType.unsubscribe:
      return handleUnsubscribe(connection, session, packet);
    case PacketType.pingreq:
      return connection.send({ type: PacketType.pingresp }); // v5 [MQTT-3.12.4-1], v3.1.1 [MQTT-3.12.4-1]
    case PacketType.auth:
      return handleAuth(connection, packet);
    case PacketType.disconnect:
      return handleDisconnect(connection, session, packet);
    default:
  }
}

/** Before CONNACK: CONNECT, then AUTH if the client chose enhanced authentication, or DISCONNECT. */
function dispatchFirst(connection: Connection, type: PacketType): void {
  const { packet } = connection.reader;
  if (type === PacketType.connect && packet?.type === PacketType.connect && connection.clientId === undefined) {
    handleConnect(connection, packet);
  } else if (type === PacketType.auth && packet?.type === PacketType.auth) handleAuth(connection, packet);
  else if (type === PacketType.disconnect) connection.leave(0, 'DISCONNECT before CONNACK', undefined, true);
  else {
    // Before CONNECT the reader has refused it already.
    const statement = connection.version === 5 ? 'MQTT-3.1.2-30' : 'MQTT-3.1.0-2';
    throw new PeerProtocolError(ReasonCode.protocolError, statement, 'only AUTH or DISCONNECT may precede CONNACK'); // v5 [MQTT-3.1.2-30]
  }
}

function handleDisconnect(connection: Connection, session: Session, packet: DisconnectPacket): void {
  const { sessionExpirySeconds } = packet.properties;
  if (sessionExpirySeconds !== undefined) {
    if (session.sessionExpirySeconds === 0 && sessionExpirySeconds > 0) { // v5 [X5-3.14.2.2.2-1]
      const why = `DISCONNECT may not raise a Session Expiry Interval of 0 to ${sessionExpirySeconds}`;
      throw new PeerProtocolError(ReasonCode.protocolError, 'X5-3.14.2.2.2-1', why);
    }
    session.sessionExpirySeconds = Math.min(sessionExpirySeconds, session.limits.sessionExpirySecondsMax); // v5 [X5-3.14.2.2.2-2]
  }
  // v5 [MQTT-3.14.4-3]; any other reason leaves the will: X5-3.1.2.5-1. v3.1.1 [MQTT-3.14.4-3]
  connection.leave(packet.reasonCode, 'DISCONNECT', undefined, packet.reasonCode === 0);
}
