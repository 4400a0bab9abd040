/** Which Client Identifiers are accepted (v5 3.1.3.1, v3.1.1 3.1.3.1). */
import { PeerProtocolError } from '../errors/errors.js';
import type { ConnectPacket } from '../packet/packets.js';
import { ReasonCode } from '../packet/reason-code.js';
import type { CoreOptions } from './core-options.js';

/** Longest Client Identifier of MQTT 3.1, in characters. */
const mqtt31ClientIdMax = 23;

/** Whether the client leaves the choice of its identifier to the broker; throws when it may not, or its choice is refused. */
export function needsClientId(packet: ConnectPacket, options: CoreOptions): boolean {
  const { clientId, protocolVersion, cleanStart } = packet;
  if (clientId === '') {
    // v3.1.1 [MQTT-3.1.3-6] [MQTT-3.1.3-7] [MQTT-3.1.3-8]; 3.1 has no empty identifier; 5.0 always: v5 [MQTT-3.1.3-6]
    if (protocolVersion === 5 || (protocolVersion === 4 && cleanStart)) return true;
    throw refused('MQTT-3.1.3-8', 'an empty Client Identifier needs Clean Session 1');
  }
  // v5 [MQTT-3.1.3-5] [MQTT-3.1.3-8], v3.1.1 [MQTT-3.1.3-5]: letters and digits are always accepted.
  if (!options.clientIdWildcards && /[+#]/.test(clientId)) {
    // A host's `filter.startsWith('devices/' + client.id)` would be a hole.
    throw refused('MQTT-3.1.3-8', 'a Client Identifier with + or # is refused (clientIdWildcards)');
  }
  if (protocolVersion === 3 && options.mqtt31ClientIdLimit && Array.from(clientId).length > mqtt31ClientIdMax) {
    throw refused('MQTT-3.1.3-9', `a Client Identifier of MQTT 3.1 has at most ${mqtt31ClientIdMax} characters`);
  }
  return false;
}

const refused = (statement: string, message: string): PeerProtocolError =>
  new PeerProtocolError(ReasonCode.clientIdentifierNotValid, statement, message); // v5 [MQTT-3.1.3-8], v3.1.1 [MQTT-3.1.3-9]: return code 2
