/** What the tests of the codec share: bytes from hex, a reader past its CONNECT, and what a reader yields as data. */
import { PacketReader, type ReaderLimits } from '../../../src/packet/packet-reader.js';
import { PacketType, type ProtocolVersion } from '../../../src/packet/protocol.js';
import { decodePublishProperties } from '../../../src/packet/read-properties.js';

export const defaultLimits: ReaderLimits = {
  packetBytesMax: 1_048_576,
  connectBytesMax: 393_216,
  userPropertiesMax: 64,
  strictText: true,
  topicLevelsMax: 201,
  topicBytesMax: 65_535,
};

/** Bytes from hex digits; everything between single quotes is ASCII text: `0004 'MQTT' 05`. */
export function bytes(text: string): Buffer {
  const parts = text
    .split("'")
    .map((part, index) =>
      index % 2 === 1 ? Buffer.from(part, 'ascii') : Buffer.from(part.replaceAll(/\s/g, ''), 'hex'),
    );
  return Buffer.concat(parts);
}

/** A packet with a right Remaining Length: first byte and body. */
export function packet(first: number, body: string | Uint8Array): Buffer {
  const content = typeof body === 'string' ? bytes(body) : body;
  const length: number[] = [];
  let rest = content.length;
  do {
    length.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>>= 7;
  } while (rest > 0);
  return Buffer.concat([Buffer.of(first, ...length), content]);
}

/** A UTF-8 string behind its length, as hex. */
export function text(value: string | Uint8Array): string {
  const content = Buffer.from(value as string);
  return Buffer.concat([Buffer.of(content.length >> 8, content.length & 0xff), content]).toString('hex');
}

const connects = {
  3: packet(0x10, "0006 'MQIsdp' 03 02 003c 0001 'a'"),
  4: packet(0x10, "0004 'MQTT' 04 02 003c 0001 'a'"),
  5: packet(0x10, "0004 'MQTT' 05 02 003c 00 0001 'a'"),
};

/** The shortest CONNECT of `version`. */
export const connectOf = (version: ProtocolVersion): Buffer => connects[version];

/** A reader that has read a CONNECT of `version`. */
export function connectedReader(version: ProtocolVersion, limits: Partial<ReaderLimits> = {}): PacketReader {
  const reader = new PacketReader({ ...defaultLimits, ...limits });
  reader.push(connectOf(version));
  if (reader.next() !== PacketType.connect) throw new Error('the CONNECT was not read');
  return reader;
}

/** The packet on which `reader` stands, with bytes as hex. */
export function current(reader: PacketReader, type: PacketType): object {
  if (type === PacketType.publish) {
    const { publish } = reader;
    const { buffer, qos, retain, dup, packetId, topicAlias, messageExpirySeconds, version } = publish;
    const hex = (start: number, end: number): string => Buffer.from(buffer.subarray(start, end)).toString('hex');
    return plain({
      type,
      version,
      topic: hex(publish.topicStart, publish.topicEnd),
      qos,
      retain,
      dup,
      packetId,
      packetIdOffset: publish.packetIdAt - publish.packetStart,
      topicAlias,
      alias: publish.aliasAt < 0 ? undefined : hex(publish.aliasAt, publish.aliasAt + 3),
      messageExpirySeconds,
      properties: decodePublishProperties(publish),
      payload: hex(publish.payloadStart, publish.end),
      whole: hex(publish.packetStart, publish.end),
    });
  }
  if (type >= PacketType.puback && type <= PacketType.pubcomp) {
    return { type, packetId: reader.packetId, reasonCode: reader.reasonCode };
  }
  return plain(reader.packet ?? { type, decoded: false });
}

/** A deep copy without `undefined`, with bytes as hex. */
function plain(value: object): object {
  return JSON.parse(
    JSON.stringify(value, (_, each: unknown) => {
      const isBytes =
        typeof each === 'object' && each !== null && 'type' in each && each.type === 'Buffer' && 'data' in each;
      return isBytes ? Buffer.from(each.data as number[]).toString('hex') : each;
    }),
  ) as object;
}

export interface Outcome {
  readonly packets: readonly object[];
  readonly error: { readonly reasonCode: number; readonly statement: string } | undefined;
}

/** Feeds `chunks` one after the other, reading all there is after each, and tells what came out. */
export function outcomeOf(reader: PacketReader, chunks: readonly Uint8Array[]): Outcome {
  const packets: object[] = [];
  try {
    for (const chunk of chunks) {
      reader.push(chunk);
      for (let type = reader.next(); type !== 0; type = reader.next()) packets.push(current(reader, type));
    }
  } catch (error) {
    const { name, reasonCode, statement } = error as { name: string; reasonCode: number; statement: string };
    if (name !== 'PeerProtocolError') throw error;
    return { packets, error: { reasonCode, statement } };
  }
  return { packets, error: undefined };
}

/** What a client that connected with `version` gets for `content`: the packets read and the error. */
export function outcome(version: ProtocolVersion, content: Uint8Array, limits: Partial<ReaderLimits> = {}): Outcome {
  return outcomeOf(connectedReader(version, limits), [content]);
}

/** The error for `content`, as `0x81 MQTT-1.5.4-1`; `undefined` when it was read without one. */
export function fault(
  version: ProtocolVersion,
  content: Uint8Array,
  limits: Partial<ReaderLimits> = {},
): string | undefined {
  return show(outcome(version, content, limits));
}

export const show = ({ error }: Outcome): string | undefined =>
  error === undefined ? undefined : `0x${error.reasonCode.toString(16)} ${error.statement}`;
