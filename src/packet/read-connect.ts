/** Reads a CONNECT behind its Protocol Version (v5 3.1, v3.1.1 3.1, MQTT 3.1). */
import { PeerProtocolError } from '../errors/errors.js';
import { FieldReader } from './field-reader.js';
import { formatStatement, malformed, protocolError, statementOf } from './fault.js';
import type { ConnectPacket, WillPacket } from './packets.js';
import { noProperties, PropertyHome } from './property.js';
import { PacketType, type ProtocolVersion, type QoS } from './protocol.js';
import { ReasonCode } from './reason-code.js';
import type { PropertyLimits } from './scan-properties.js';

export interface ConnectLimits extends PropertyLimits {
  /** Levels and bytes of a Will Topic; other topics and filters are judged where they are used. */
  readonly topicLevelsMax: number;
  readonly topicBytesMax: number;
}

/** What does not have the format of a CONNECT breaks this. */
const format = 'MQTT-3.1.4-1';

const flag = {
  reserved: 0x01,
  cleanStart: 0x02,
  will: 0x04,
  willRetain: 0x20,
  password: 0x40,
  username: 0x80,
} as const;

export function readConnect(
  buffer: Uint8Array,
  start: number,
  end: number,
  version: ProtocolVersion,
  limits: ConnectLimits,
): ConnectPacket {
  const fields = new FieldReader(buffer, start, end, version, limits);
  const flags = fields.byte('Connect Flags', format);
  checkFlags(flags, version);
  const keepAliveSeconds = fields.uint16('Keep Alive', format);
  const properties = version === 5 ? fields.properties(PropertyHome.connect) : noProperties;
  if (properties.authenticationData !== undefined && properties.authenticationMethod === undefined) {
    // v5 [X5-3.1.2.11.10-1]
    throw protocolError('X5-3.1.2.11.10-1', 'Authentication Data without Authentication Method');
  }
  const clientId = fields.text('Client Identifier', 'MQTT-3.1.3-3'); // v5 [MQTT-3.1.3-3] [MQTT-3.1.3-4], v3.1.1 [MQTT-3.1.3-3] [MQTT-3.1.3-4]
  const will = (flags & flag.will) === 0 ? undefined : readWill(fields, flags, limits); // v5 [MQTT-3.1.3-1], v3.1.1 [MQTT-3.1.3-1]: this order
  // In MQTT 3.1 Remaining Length takes precedence over the two flags. In all versions a field without its flag is
  // found as trailing bytes.
  const follows = (bit: number): boolean => (flags & bit) !== 0 && !(version === 3 && fields.done);
  const noUsername = statementOf(version, 'MQTT-3.1.2-17', 'MQTT-3.1.2-19');
  const username = follows(flag.username) ? fields.text('User Name', noUsername) : undefined; // v5 [MQTT-3.1.2-17] [MQTT-3.1.3-12], v3.1.1 [MQTT-3.1.2-19] [MQTT-3.1.3-11]
  const noPassword = statementOf(version, 'MQTT-3.1.2-19', 'MQTT-3.1.2-21');
  const password = follows(flag.password) ? fields.binary('Password', noPassword) : undefined; // v5 [MQTT-3.1.2-19], v3.1.1 [MQTT-3.1.2-21]
  fields.finish(format); // v5 [MQTT-3.1.4-1] [MQTT-3.1.2-16] [MQTT-3.1.2-18], v3.1.1 [MQTT-3.1.4-1] [MQTT-3.1.2-18] [MQTT-3.1.2-20]
  return {
    type: PacketType.connect,
    protocolVersion: version,
    cleanStart: (flags & flag.cleanStart) !== 0,
    keepAliveSeconds,
    clientId,
    will,
    username,
    password,
    properties,
  };
}

function checkFlags(flags: number, version: ProtocolVersion): void {
  const willQos = (flags >> 3) & 3;
  if ((flags & flag.reserved) !== 0 && version !== 3) {
    throw malformed('MQTT-3.1.2-3', 'the reserved Connect Flag is set'); // v5 [MQTT-3.1.2-3], v3.1.1 [MQTT-3.1.2-3]
  }
  if ((flags & flag.will) !== 0) {
    // v5 [MQTT-3.1.2-12], v3.1.1 [MQTT-3.1.2-14]
    if (willQos === 3) throw malformed(statementOf(version, 'MQTT-3.1.2-12', 'MQTT-3.1.2-14'), 'Will QoS is 3');
  } else if (version !== 3) {
    // MQTT 3.1 disregards both without a will.
    if (willQos !== 0) {
      // v5 [MQTT-3.1.2-11], v3.1.1 [MQTT-3.1.2-11] [MQTT-3.1.2-13]
      throw malformed(statementOf(version, 'MQTT-3.1.2-11', 'MQTT-3.1.2-13'), 'Will QoS without Will Flag');
    }
    if ((flags & flag.willRetain) !== 0) {
      // v5 [MQTT-3.1.2-13], v3.1.1 [MQTT-3.1.2-11] [MQTT-3.1.2-15]
      throw malformed(statementOf(version, 'MQTT-3.1.2-13', 'MQTT-3.1.2-15'), 'Will Retain without Will Flag');
    }
  }
  if (version !== 5 && (flags & flag.password) !== 0 && (flags & flag.username) === 0) {
    throw malformed('MQTT-3.1.2-22', 'Password Flag without User Name Flag'); // v3.1.1 [MQTT-3.1.2-22]
  }
}

/** Will Properties, Will Topic, Will Payload, in this order. */
function readWill(fields: FieldReader, flags: number, limits: ConnectLimits): WillPacket {
  const missing = 'MQTT-3.1.2-9';
  const properties = fields.version === 5 ? fields.properties(PropertyHome.will) : noProperties;
  const topicStart = fields.at + 2;
  const topic = fields.text('Will Topic', missing); // v5 [MQTT-3.1.2-9] [MQTT-3.1.3-11], v3.1.1 [MQTT-3.1.2-9] [MQTT-3.1.3-10]
  checkWillTopic(topic, fields.at - topicStart, fields.version, limits);
  const payload = fields.binary('Will Payload', missing); // v5 [MQTT-3.1.2-9], v3.1.1 [MQTT-3.1.2-9]
  const retain = (flags & flag.willRetain) !== 0; // v5 [MQTT-3.1.2-14] [MQTT-3.1.2-15], v3.1.1 [MQTT-3.1.2-16] [MQTT-3.1.2-17]
  return { topic, payload, qos: ((flags >> 3) & 3) as QoS, retain, properties };
}

function checkWillTopic(topic: string, bytes: number, version: ProtocolVersion, limits: ConnectLimits): void {
  if (bytes === 0) throw malformed('MQTT-4.7.3-1', 'Will Topic is empty'); // v5 [MQTT-4.7.3-1], v3.1.1 [MQTT-4.7.3-1]
  // v5 [MQTT-4.7.0-1], v3.1.1 [MQTT-4.7.1-1]
  if (topic.includes('#') || topic.includes('+')) {
    throw new PeerProtocolError(
      ReasonCode.topicNameInvalid,
      statementOf(version, 'MQTT-4.7.0-1', 'MQTT-4.7.1-1'),
      'Will Topic contains a wildcard',
    );
  }
  if (bytes > limits.topicBytesMax) { // v5 [MQTT-4.7.3-3]
    throw malformed('MQTT-4.7.3-3', `Will Topic of ${bytes} bytes is over the limit of ${limits.topicBytesMax}`);
  }
  const levels = topic.split('/', limits.topicLevelsMax + 1).length;
  if (levels > limits.topicLevelsMax) {
    throw malformed(formatStatement(version), `Will Topic has more than ${limits.topicLevelsMax} levels`);
  }
}
