/**
 * Keys of `aedesStore`, all behind one letter, so that they may stand beside others in a store:
 *   A m                              format, and how often it was opened
 *   A r <topic>                      a retained packet
 *   A s <client> <filter>            a subscription
 *   A o <client> <order>             a packet of an outgoing queue, in the order in which they came
 *   A b <client> <broker> <counter>  its order, by what the broker calls it
 *   A i <client> <message id>        its order, by the identifier it was sent with
 *   A c <client> <message id>        an incoming QoS 2 packet
 *   A w <client>                     a will
 * Names are length-prefixed, so that no client can collide with another or reach into it; a long one is its digest.
 */
import { createHash } from 'node:crypto';
import type { KeyRange } from '../../storage/key-value-store.js';

type Kind = 'm' | 'r' | 's' | 'o' | 'b' | 'i' | 'c' | 'w';

const nameBytesMax = 254;

export const metaKey = Buffer.from('Am');
export const retainedKey = (topic: string): Buffer => Buffer.from(`Ar${topic}`, 'utf8');
export const subscriptionKey = (clientId: string, topicFilter: string): Buffer => keyOf('s', name(clientId), name(topicFilter));
export const queuedKey = (clientId: string, order: number): Buffer => keyOf('o', name(clientId), uint48(order));
export const brokerKey = (clientId: string, brokerId: string, counter: unknown): Buffer =>
  keyOf('b', name(clientId), name(brokerId), name(String(counter)));
export const sentKey = (clientId: string, messageId: unknown): Buffer => keyOf('i', name(clientId), name(String(messageId)));
export const incomingKey = (clientId: string, messageId: unknown): Buffer => keyOf('c', name(clientId), name(String(messageId)));
export const willKey = (clientId: string): Buffer => keyOf('w', name(clientId));

/** All keys of a kind; of one client. */
export const kindRange = (kind: Kind): KeyRange => from(Buffer.from(`A${kind}`));
export const clientRange = (kind: Kind, clientId: string): KeyRange => from(keyOf(kind, name(clientId)));
/** Retained packets whose topics begin with `prefix`. */
export const retainedRange = (prefix: string): KeyRange => from(retainedKey(prefix));

export const uint48 = (value: number): Buffer => {
  const bytes = Buffer.allocUnsafe(6);
  bytes.writeUIntBE(value, 0, 6);
  return bytes;
};
export const readUint48 = (bytes: Uint8Array): number => Buffer.from(bytes).readUIntBE(0, 6);

const keyOf = (kind: Kind, ...parts: Buffer[]): Buffer => Buffer.concat([Buffer.from(`A${kind}`), ...parts]);

function name(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length <= nameBytesMax) return Buffer.concat([Buffer.of(bytes.length), bytes]);
  return Buffer.concat([Buffer.of(nameBytesMax + 1), createHash('sha256').update(bytes).digest()]);
}

/** No key ends in 0xFF bytes alone where a prefix ends: the last byte of a prefix is a letter, a length or text. */
function from(prefix: Buffer): KeyRange {
  const lt = Buffer.from(prefix);
  let last = lt.length - 1;
  while (lt[last] === 0xff) last -= 1; // of a digest
  lt[last] = (lt[last] as number) + 1;
  return { gte: prefix, lt: lt.subarray(0, last + 1) };
}
