/** How a reason for closing is said in CONNACK, before DISCONNECT may be sent (v5 3.2.2.2). */
import { ReasonCode } from '../packet/reason-code.js';

/** Reason codes that DISCONNECT has and CONNACK has not: v5 2.4, table 2-6. */
const disconnectOnly: ReadonlySet<number> = new Set([0x8b, 0x8d, 0x8e, 0x8f, 0x93, 0x94, 0x96, 0x98, 0x9e, 0xa0, 0xa1, 0xa2]);

/** The code by which CONNACK says it. */
export function connackCode(reasonCode: number): number {
  if (reasonCode === ReasonCode.serverShuttingDown) return ReasonCode.serverUnavailable; // v5 [MQTT-3.2.2-8]
  return disconnectOnly.has(reasonCode) ? ReasonCode.unspecifiedError : reasonCode; // v5 [MQTT-3.2.2-8]
}
