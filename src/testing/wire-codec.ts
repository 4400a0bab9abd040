/**
 * Bytes to packets and back for wire tests, through mqtt-packet: a second opinion that shares no code with
 * the broker.
 */
import { isUtf8 } from 'node:buffer';
import { mqttPacket, type Packet } from './mqtt-packet.js';
import type { WirePacket, WireProperties, WireSendPacket } from './wire-packet.js';
import { userPropertiesOf } from './wire-user-properties.js';

/** 3 is MQTT 3.1, 4 is 3.1.1. @public */
export type WireVersion = 3 | 4 | 5;

/** @throws Error when mqtt-packet cannot write such a packet; hexadecimal can. `ODN_ERR_MISSING_PACKAGE` without it. */
export function encodePacket(packet: WireSendPacket, protocolVersion: WireVersion): Buffer {
  return mqttPacket().generate(adapt(packet) as Packet, { protocolVersion });
}

/** mqtt-packet takes Buffers only, and pairs in their order only as a list of objects with one name each. */
function adapt(value: unknown, name = ''): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value);
  if (name === 'userProperties' && Array.isArray(value)) return value.map((pair) => Object.fromEntries([pair]));
  if (Array.isArray(value)) return value.map((element) => adapt(element));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, element]) => [key, adapt(element, key)]));
}

/** Hexadecimal with any white space: `'10 0e 0004 4d515454'`. */
export function bytesOfHex(hex: string): Buffer {
  const digits = hex.replace(/\s/g, '');
  if (!/^(?:[\da-f]{2})*$/i.test(digits)) throw new Error(`not hexadecimal bytes: ${hex}`);
  return Buffer.from(digits, 'hex');
}

/** `'20 02 00 00'`. */
export function hexOfBytes(bytes: Uint8Array): string {
  return (Buffer.from(bytes).toString('hex').match(/../g) ?? []).join(' ');
}

/**
 * Length of the packet that `bytes` begin with, or 0 when it is not whole yet. Packets are cut here, as
 * mqtt-packet looks beyond the end of a short DISCONNECT.
 * @throws Error when its Remaining Length is not one: v5 [MQTT-1.5.5-1].
 */
export function packetLength(bytes: Uint8Array): number {
  let remaining = 0;
  for (let at = 1; at <= 4; at += 1) {
    const byte = bytes[at];
    if (byte === undefined) return 0;
    remaining += (byte & 0x7f) * 128 ** (at - 1);
    if (byte < 0x80) {
      if (byte === 0 && at > 1) throw new Error(`the Remaining Length is not in its shortest form: ${hexOfBytes(bytes)}`);
      return bytes.length < 1 + at + remaining ? 0 : 1 + at + remaining;
    }
  }
  throw new Error(`the Remaining Length has more than four bytes: ${hexOfBytes(bytes.subarray(0, 5))}`);
}

/**
 * Decodes one whole packet from a broker.
 * @throws Error when mqtt-packet does not accept it, or only a client may send it.
 */
export function decodePacket(bytes: Buffer, protocolVersion: WireVersion): WirePacket {
  const packets: Packet[] = [];
  const reading = mqttPacket().parser({ protocolVersion });
  reading.on('packet', (packet) => packets.push(packet));
  reading.on('error', (error: Error) => {
    throw new Error(`the broker sent what is no MQTT packet: ${error.message}: ${hexOfBytes(bytes)}`);
  });
  reading.parse(bytes);
  const [packet] = packets;
  if (packet === undefined || packets.length > 1) throw new Error(`not one packet: ${hexOfBytes(bytes)}`);
  return { ...fieldsOf(packet), ...propertiesOf(packet, bytes) };
}

function fieldsOf(packet: Packet): WirePacket {
  const packetId = packet.messageId ?? 0;
  switch (packet.cmd) {
    case 'connack':
      return {
        type: 'connack',
        reasonCode: packet.reasonCode ?? packet.returnCode ?? 0,
        sessionPresent: packet.sessionPresent,
      };
    case 'publish': {
      const { cmd: type, topic, payload, qos, retain, dup } = packet;
      return { type, topic, payload: textOf(payload), qos, retain, dup, ...(qos > 0 && { packetId }) };
    }
    case 'puback':
    case 'pubrec':
    case 'pubrel':
    case 'pubcomp':
      return { type: packet.cmd, packetId, ...(packet.reasonCode !== undefined && { reasonCode: packet.reasonCode }) };
    case 'suback':
      return { type: 'suback', packetId, reasonCodes: packet.granted as number[] };
    case 'unsuback': {
      const reasonCodes = packet.granted as number[] | undefined; // none in 3.x, whatever the declaration says
      return { type: 'unsuback', packetId, ...(reasonCodes !== undefined && { reasonCodes }) };
    }
    case 'pingresp':
      return { type: 'pingresp' };
    case 'disconnect':
    case 'auth':
      return { type: packet.cmd, reasonCode: packet.reasonCode ?? 0 };
    default:
      throw new Error(`a broker does not send ${packet.cmd}`);
  }
}

function propertiesOf(packet: Packet, bytes: Buffer): { readonly properties?: WireProperties } {
  if (!('properties' in packet) || packet.properties === undefined) return {};
  const entries = Object.entries(packet.properties).map(([name, value]: [string, unknown]) => {
    if (name === 'userProperties') return [name, userPropertiesOf(bytes)];
    return [name, value instanceof Uint8Array ? textOf(value) : value];
  });
  return { properties: Object.fromEntries(entries) as WireProperties };
}

function textOf(bytes: string | Uint8Array): string {
  if (typeof bytes === 'string') return bytes;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return isUtf8(buffer) ? buffer.toString('utf8') : `0x${buffer.toString('hex')}`;
}
