/** Packets as bytes, written down from the specification: what the matrix expects on the wire. */
import type { WireVersion } from '../../src/testing/index.js';

interface PublishBytes {
  readonly topic?: string;
  readonly payload?: string;
  readonly qos?: 0 | 1 | 2;
  readonly packetId?: number;
  readonly dup?: boolean;
  readonly retain?: boolean;
  /** 5.0: the properties' bytes. */
  readonly properties?: readonly number[];
}

const hexOf = (bytes: readonly number[]): string => bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
const utf8 = (text: string): number[] => [...Buffer.from(text)];
const uint16 = (value: number): number[] => [value >> 8, value & 0xff];
const text = (value: string): number[] => [...uint16(utf8(value).length), ...utf8(value)];
const sized = (bytes: readonly number[]): number[] => [bytes.length, ...bytes];
const packet = (first: number, ...body: readonly number[]): string => hexOf([first, ...sized(body)]);

/** Several packets, one behind the other. */
export const all = (...packets: readonly string[]): string => packets.filter((bytes) => bytes !== '').join(' ');

/** PUBLISH: `x` to `t` at QoS 0 where nothing else is said. */
export function publish(version: WireVersion, fields: PublishBytes = {}): string {
  const { topic = 't', payload = 'x', qos = 0, packetId = 1, dup = false, retain = false, properties = [] } = fields;
  const first = 0x30 | (dup ? 8 : 0) | (qos << 1) | (retain ? 1 : 0);
  const propertyBytes = version === 5 ? sized(properties) : [];
  return packet(first, ...text(topic), ...(qos > 0 ? uint16(packetId) : []), ...propertyBytes, ...utf8(payload));
}

/** PUBACK, PUBREC, PUBREL or PUBCOMP that says success. */
export const ack = (name: keyof typeof ackBytes, packetId = 1): string => packet(ackBytes[name], ...uint16(packetId));
const ackBytes = { puback: 0x40, pubrec: 0x50, pubrel: 0x62, pubcomp: 0x70 } as const;

/** PUBACK or PUBREC that refuses; 3.x has no such thing, and says success. */
export function refusedAck(version: WireVersion, name: 'puback' | 'pubrec', packetId: number, code: number, why?: string): string {
  if (version !== 5) return ack(name, packetId);
  const properties = why === undefined ? [] : sized(reasonString(why));
  return packet(ackBytes[name], ...uint16(packetId), code, ...properties);
}

/** SUBACK; 3.x knows one failure. */
export function suback(version: WireVersion, codes: readonly number[], packetId = 1): string {
  if (version !== 5) return packet(0x90, ...uint16(packetId), ...codes.map((code) => (code >= 0x80 ? 0x80 : code)));
  return packet(0x90, ...uint16(packetId), 0, ...codes);
}

/** CONNACK that refuses: v3.1.1 3.2.2.3 has 5 for 0x87 and 3 for 0x97. */
export function refusedConnack(version: WireVersion, code: number, why: string): string {
  if (version !== 5) return packet(0x20, 0, code === 0x97 ? 3 : 5);
  return packet(0x20, 0, code, ...sized(reasonString(why)));
}

const reasonString = (why: string): number[] => [0x1f, ...text(why)];
