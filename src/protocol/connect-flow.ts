/**
 * CONNECT to CONNACK (v5 3.1.4, v3.1.1 3.1.4). The order: check, authenticate, authorize the will, open the
 * session (take-over, load, close of the old connection), CONNACK, then what the client sent behind its CONNECT.
 */
import { PeerProtocolError } from '../errors/errors.js';
import type { AuthenticateRequest, ClientLimits, Verdict } from '../hooks/hooks.js';
import type { ConnectPacket } from '../packet/packets.js';
import { PacketType, sessionExpiryNeverSeconds } from '../packet/protocol.js';
import { ReasonCode } from '../packet/reason-code.js';
import { encodePacket } from '../packet/write-packets.js';
import type { WillRecord } from '../storage/storage.js';
import { ask } from './auth-flow.js';
import { authorizePublish } from './authorization.js';
import { runOnConnect } from './auto-subscribe.js';
import { Client } from './client.js';
import { needsClientId } from './client-id.js';
import type { Connection } from './connection.js';
import { connackProperties } from './connack.js';
import type { Connecting } from './connecting.js';
import type { CoreOptions, SessionLimits } from './core-options.js';
import { NetworkOutlet } from './network-outlet.js';
import type { OpenResult } from './ports.js';
import { reauthorizeConnection } from './reauthorize.js';
import { InboundAliases } from './topic-aliases.js';
import { willRecord } from './will.js';

export function handleConnect(connection: Connection, packet: ConnectPacket): void {
  const { engine } = connection;
  const { properties } = packet;
  connection.writeLimits = {
    maximumPacketBytes: properties.maximumPacketSize ?? Infinity, // v5 [MQTT-3.1.2-24]
    problemInformation: properties.requestProblemInformation ?? true, // v5 [X5-3.1.2.11.7-1] [MQTT-3.1.2-29]
  };
  if (!engine.options.protocolVersions.includes(packet.protocolVersion)) { // v5 [MQTT-3.1.2-2]
    throw new PeerProtocolError(ReasonCode.unsupportedProtocolVersion, 'MQTT-3.1.2-2', 'this version is switched off (protocolVersions)');
  }
  refuseOverload(connection);
  checkWill(packet, engine.options);
  const assigned = needsClientId(packet, engine.options);
  const clientId = assigned ? engine.sessions.assignClientId() : packet.clientId;
  connection.clientId = clientId;
  const request = authenticateRequest(connection, packet, clientId);
  const { authenticationMethod: method } = properties;
  if (method !== undefined) {
    if (!engine.hooks.hasAuthenticate) {
      // v5 [MQTT-4.12.0-1]
      throw new PeerProtocolError(ReasonCode.badAuthenticationMethod, 'MQTT-4.12.0-1', `no hook knows the Authentication Method ${method}`);
    }
    connection.authentication = { method, request, challenge: undefined, onAllowed: () => undefined, reauthenticating: false };
  }
  ask(connection, engine.hooks.authenticate(request), (verdict) => {
    const limits = narrowed(engine.options, verdict.limits);
    checkCapabilities(packet, limits);
    authorizeWill(connection, {
      packet,
      clientId,
      assigned,
      verdict,
      limits,
      keepAliveSeconds: keepAlive(packet.keepAliveSeconds, limits.keepAliveSecondsMax),
      sessionExpirySeconds: sessionExpiry(packet, limits.sessionExpirySecondsMax),
    });
  });
}

function refuseOverload({ engine }: Connection): void {
  const { connectionsMax } = engine.options;
  if (engine.counters.connections > connectionsMax) { // v5 [MQTT-3.1.4-2]
    throw new PeerProtocolError(ReasonCode.quotaExceeded, 'MQTT-3.1.4-2', `${connectionsMax} connections are open (connectionsMax)`);
  }
  if (!engine.sessions.admits()) { // v5 [MQTT-3.1.4-2]
    const { connectRateMax } = engine.options;
    const why = `more than ${connectRateMax} connects a second (connectRateMax)`;
    throw new PeerProtocolError(ReasonCode.connectionRateExceeded, 'MQTT-3.1.4-2', why);
  }
}

function checkWill({ will }: ConnectPacket, options: CoreOptions): void {
  const levels = will === undefined ? 0 : will.topic.split('/').length;
  if (levels <= options.topicLevelsMax) return;
  const why = `a will topic of ${levels} levels is over topicLevelsMax of ${options.topicLevelsMax}`;
  throw new PeerProtocolError(ReasonCode.malformedPacket, 'MQTT-3.1.3-11', why);
}

function checkCapabilities({ will }: ConnectPacket, limits: SessionLimits): void {
  if (will === undefined) return;
  // v5 [MQTT-3.2.2-12]
  if (will.qos > limits.maximumQoS) {
    throw new PeerProtocolError(ReasonCode.qosNotSupported, 'MQTT-3.2.2-12', `Will QoS ${will.qos} is over the Maximum QoS of ${limits.maximumQoS}`);
  }
  // v5 [MQTT-3.2.2-13]
  if (will.retain && !limits.retainAvailable) {
    throw new PeerProtocolError(ReasonCode.retainNotSupported, 'MQTT-3.2.2-13', 'Will Retain without Retain Available');
  }
}

function authenticateRequest(connection: Connection, packet: ConnectPacket, clientId: string): AuthenticateRequest {
  const { properties } = packet;
  return {
    type: 'connect',
    clientId,
    username: packet.username,
    password: packet.password,
    protocolVersion: packet.protocolVersion,
    cleanStart: packet.cleanStart,
    keepAliveSeconds: packet.keepAliveSeconds,
    properties,
    authenticationMethod: properties.authenticationMethod,
    authenticationData: properties.authenticationData,
    connection: connection.source.meta,
    get signal() {
      return connection.signal;
    },
  };
}

/** A client's limits are the broker's, narrowed by what `authenticate` says. */
export function narrowed(options: SessionLimits, own: ClientLimits = {}): SessionLimits {
  const least = (key: Exclude<keyof SessionLimits & keyof ClientLimits, 'retainAvailable' | 'maximumQoS'>): number =>
    Math.min(options[key], own[key] ?? Infinity);
  return {
    queueMessagesMax: least('queueMessagesMax'),
    queueBytesMax: least('queueBytesMax'),
    inflightMax: least('inflightMax'),
    receiveMaximum: least('receiveMaximum'),
    outboundBytesMax: least('outboundBytesMax'),
    subscriptionsMax: least('subscriptionsMax'),
    sessionExpirySecondsMax: least('sessionExpirySecondsMax'),
    keepAliveSecondsMax: least('keepAliveSecondsMax'),
    maximumQoS: Math.min(options.maximumQoS, own.maximumQoS ?? 2) as SessionLimits['maximumQoS'],
    retainAvailable: options.retainAvailable && own.retainAvailable !== false,
  };
}

/** 0 means off, so it is over every maximum. */
const keepAlive = (seconds: number, max: number): number =>
  max !== Infinity && (seconds === 0 || seconds > max) ? Math.min(max, 65_535) : seconds;

/** 3.x: Clean Session 0 lasts for ever, 1 ends with the connection. 5.0: absent means 0. */
function sessionExpiry({ protocolVersion, cleanStart, properties }: ConnectPacket, max: number): number {
  const asked = protocolVersion === 5 ? (properties.sessionExpirySeconds ?? 0) : cleanStart ? 0 : sessionExpiryNeverSeconds; // v5 [X5-3.1.2.11.2-1], v3.1.1 [MQTT-3.1.2-4]
  return Math.min(asked, max);
}

/** A will is asked for now and again when it fires. */
function authorizeWill(connection: Connection, connecting: Connecting): void {
  const { engine } = connection;
  const { packet, clientId, verdict, keepAliveSeconds } = connecting;
  const client = Client.of(
    {
      id: clientId,
      principal: verdict.principal ?? packet.username,
      username: packet.username,
      protocolVersion: packet.protocolVersion,
      connection: connection.source.meta,
      keepAliveSeconds,
      connectedAtWallMs: engine.wall(),
    },
    {
      close: (reasonCode, reasonString) => connection.shut(reasonCode, reasonString ?? ''),
      reauthorize: () => reauthorizeConnection(connection),
    },
  );
  connection.client = client;
  const will = packet.will === undefined ? undefined : willRecord(engine, packet.will, clientId);
  if (will === undefined) return openSession(connection, connecting, client, undefined);
  const settle = ({ reasonCode, reasonString }: Verdict): void => {
    if (reasonCode === 0) openSession(connection, connecting, client, will);
    else connection.shut(reasonCode, reasonString ?? 'the will was refused'); // v5 [MQTT-3.1.4-2] [X5-3.1.3.2.3-1]; X5-5.4.2-1
  };
  const answer = authorizePublish(engine, client, will.message, 'will');
  if (answer instanceof Promise) connection.wait(answer, settle);
  else settle(answer);
}

function openSession(connection: Connection, connecting: Connecting, client: Client, will: WillRecord | undefined): void {
  const { engine } = connection;
  const { packet, limits, sessionExpirySeconds } = connecting;
  const { properties, protocolVersion: version } = packet;
  checkConnackFits(connection, connecting);
  const outlet = new NetworkOutlet(
    engine,
    connection.output,
    client,
    {
      version,
      receiveMaximum: Math.min(properties.receiveMaximum ?? 65_535, limits.inflightMax), // v5 [X5-3.1.2.11.3-1] [MQTT-4.9.0-1] [X5-4.1-2]
      topicAliasMaximum: Math.min(properties.topicAliasMaximum ?? 0, engine.options.topicAliasMaximumOutbound), // v5 [MQTT-3.1.2-26] [MQTT-3.1.2-27]
      outboundBytesMax: limits.outboundBytesMax,
      limits: connection.writeLimits,
    },
    (reasonCode, why) => connection.shut(reasonCode, why ?? ''),
  );
  connection.hold();
  engine.sessions.open(
    {
      client,
      outlet,
      cleanStart: packet.cleanStart,
      sessionExpirySeconds,
      will,
      limits,
      isOpen: () => connection.isOpen(),
    },
    (result) => connection.go(() => answerConnect(connection, connecting, outlet, result)),
  );
}

/** A client whose Maximum Packet Size leaves no room for its CONNACK cannot be served. */
function checkConnackFits(connection: Connection, connecting: Connecting): void {
  const properties = connackProperties(connection, connecting);
  const connack = { type: PacketType.connack, sessionPresent: false, reasonCode: ReasonCode.success, properties };
  if (encodePacket(connack, connection.version, connection.writeLimits) !== undefined) return; // v5 [MQTT-3.1.2-24]
  const why = `the CONNACK is over the client's Maximum Packet Size of ${connection.writeLimits.maximumPacketBytes}`;
  throw new PeerProtocolError(ReasonCode.packetTooLarge, 'MQTT-3.1.2-24', why);
}

function answerConnect(connection: Connection, connecting: Connecting, outlet: NetworkOutlet, result: OpenResult | number): void {
  if (typeof result === 'number') return connection.shut(result, 'the session could not be opened');
  const { engine } = connection;
  const { session, sessionPresent } = result;
  connection.receiveMaximum = connecting.limits.receiveMaximum;
  connection.keepAliveSeconds = connecting.keepAliveSeconds; // v5 [MQTT-3.2.2-21] [MQTT-3.2.2-22] [X5-4.1-2]
  // v5 [MQTT-3.3.2-7] [X5-4.1-2]
  if (connecting.packet.protocolVersion === 5) connection.inboundAliases = new InboundAliases(engine.options.topicAliasMaximum);
  connection.accepted(session, outlet);
  connection.login.set(connecting.verdict.expiresAtMs);
  const properties = connackProperties(connection, connecting);
  // v5 [MQTT-3.2.0-1], v3.1.1 [MQTT-3.1.4-4] [MQTT-3.2.0-1]: before anything else. The session's record is stored by now.
  connection.send({ type: PacketType.connack, sessionPresent, reasonCode: ReasonCode.success, properties }); // v5 [MQTT-3.1.4-5]
  engine.observer.clientAccepted(outlet.client, sessionPresent);
  session.sender.resume();
  if (!connection.isOpen()) return;
  engine.observer.clientReady(outlet.client);
  if (connection.isOpen()) runOnConnect(connection, session);
}
