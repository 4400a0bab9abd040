/** Encodes every packet that the broker sends, PUBLISH aside, in the shape of the client's version. */
import type { BrokerPacket } from './packets.js';
import type { ProtocolVersion } from './protocol.js';
import { encodePacket3 } from './write-packets-3.js';
import { encodePacket5, type WriteLimits } from './write-packets-5.js';

export { connackReturnCode } from './write-packets-3.js';
export type { WriteLimits } from './write-packets-5.js';

/** The packet as bytes; `undefined` when it must not be sent, or does not exist in `version`. */
export function encodePacket(packet: BrokerPacket, version: ProtocolVersion, limits: WriteLimits): Buffer | undefined {
  return version === 5 ? encodePacket5(packet, limits) : encodePacket3(packet, version);
}
