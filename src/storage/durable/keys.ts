/**
 * Keys of the durable store. Sessions and groups have numbers of fixed width, so that no client identifier or filter
 * can collide with another or reach into it.
 *   m                       checkpoint: format, and where the log goes on
 *   l <group>               one commit group of the log
 *   s <owner> <part>        what an owner (a session or a shared group) is, without messages
 *   q <owner> <last>        a run of its queue, under the sequence of its last entry
 *   b <body>  c <body>      a message that several queues wait for, and how many entries do
 *   r <topic>  R <topic>    a retained message: its size and expiry, and itself
 */

const numberBytes = 6;

/** What of an owner is stored, each under its own key; some are followed by what they are of. */
export const part = {
  name: 'A',
  session: 'B',
  will: 'C',
  /** Followed by the topic filter. */
  subscription: 'D',
  /** Followed by the packet identifier, two bytes. */
  received: 'E',
  /** Followed by the sequence. */
  sent: 'F',
  /** Followed by the last sequence of the run. */
  run: 'G',
  runState: 'H',
  nextSequence: 'I',
} as const;

/** First byte of each kind of key. */
export const kind = {
  checkpoint: 'm',
  group: 'l',
  owner: 's',
  run: 'q',
  body: 'b',
  bodyCount: 'c',
  retainedRef: 'r',
  retained: 'R',
} as const;

type Kind = (typeof kind)[keyof typeof kind];

export const checkpointKey = Buffer.from(kind.checkpoint);

/** A key of one number, or of two. */
export function numberKey(of: Kind, first: number, second?: number): Buffer {
  const key = Buffer.allocUnsafe(1 + numberBytes * (second === undefined ? 1 : 2));
  key.write(of, 0, 'latin1');
  key.writeUIntBE(first, 1, numberBytes);
  if (second !== undefined) key.writeUIntBE(second, 1 + numberBytes, numberBytes);
  return key;
}

/** A key of an owner; `suffix` is a part and what follows it, one character a byte. */
export function ownerKey(owner: number, suffix: string): Buffer {
  const key = Buffer.allocUnsafe(1 + numberBytes + suffix.length);
  key.write(kind.owner, 0, 'latin1');
  key.writeUIntBE(owner, 1, numberBytes);
  key.write(suffix, 1 + numberBytes, 'latin1');
  return key;
}

export const ownerOf = (key: Uint8Array): number => bufferOf(key).readUIntBE(1, numberBytes);
export const suffixOf = (key: Uint8Array): string => bufferOf(key).toString('latin1', 1 + numberBytes);
/** The number that follows the first byte of `key`. */
export const numberOf = ownerOf;

export const filterSuffix = (topicFilter: string): string =>
  part.subscription + Buffer.from(topicFilter, 'utf8').toString('latin1');
export const sequenceSuffix = (of: string, sequence: number): string => {
  const bytes = Buffer.allocUnsafe(numberBytes);
  bytes.writeUIntBE(sequence, 0, numberBytes);
  return of + bytes.toString('latin1');
};
/** The sequence in a suffix that `sequenceSuffix` made. */
export const sequenceIn = (suffix: string): number => Buffer.from(suffix, 'latin1').readUIntBE(1, numberBytes);
export const receivedSuffix = (packetId: number): string =>
  part.received + String.fromCharCode(packetId >> 8, packetId & 0xff);
export const packetIdIn = (suffix: string): number => (suffix.charCodeAt(1) << 8) | suffix.charCodeAt(2);

export function topicKey(of: 'r' | 'R', topicBytes: Uint8Array): Buffer {
  const key = Buffer.allocUnsafe(1 + topicBytes.length);
  key.write(of, 0, 'latin1');
  key.set(topicBytes, 1);
  return key;
}

/** All keys of a kind, or those of it from `gte` on. */
export function rangeOf(of: Kind, gte: Uint8Array = Buffer.from(of)): { readonly gte: Uint8Array; readonly lt: Uint8Array } {
  return { gte, lt: Buffer.of(of.charCodeAt(0) + 1) };
}

/** This key and no other. */
export const onlyKey = (key: Uint8Array): { readonly gte: Uint8Array; readonly lt: Uint8Array } => ({
  gte: key,
  lt: Buffer.concat([key, Buffer.of(0)]),
});

/** Every key of one owner. */
export const ownerRange = (owner: number): { readonly gte: Uint8Array; readonly lt: Uint8Array } => ({
  gte: numberKey(kind.owner, owner),
  lt: numberKey(kind.owner, owner + 1),
});

/** The runs of one owner that may hold an entry with a sequence of `from` or above. */
export const runRange = (owner: number, from: number): { readonly gte: Uint8Array; readonly lt: Uint8Array } => ({
  gte: numberKey(kind.run, owner, from),
  lt: numberKey(kind.run, owner + 1),
});

/** The sequence of the last entry of the run with this key. */
export const lastOfRun = (key: Uint8Array): number => bufferOf(key).readUIntBE(1 + numberBytes, numberBytes);

const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
