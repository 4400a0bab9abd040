/** The numbers that MQTT gives to versions, packet types and QoS levels. Pure data. */

/** 3: MQTT 3.1 (`MQIsdp`), 4: MQTT 3.1.1, 5: MQTT 5.0. @public */
export type ProtocolVersion = 3 | 4 | 5;

/** Quality of Service: at most once, at least once, exactly once. @public */
export type QoS = 0 | 1 | 2;

/** Control Packet types (v5 2.1.2): the upper half of a packet's first byte. */
export const PacketType = {
  connect: 1,
  connack: 2,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  suback: 9,
  unsubscribe: 10,
  unsuback: 11,
  pingreq: 12,
  pingresp: 13,
  disconnect: 14,
  auth: 15,
} as const;
export type PacketType = (typeof PacketType)[keyof typeof PacketType];

/** Largest value of a Variable Byte Integer, so of Remaining Length (v5 1.5.5). */
export const variableByteIntegerMax = 268_435_455;

/** Session Expiry Interval that means: never (v5 3.1.2.11.2). @public */
export const sessionExpiryNeverSeconds = 0xffff_ffff;
