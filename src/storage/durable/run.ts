/**
 * A run: some hundred entries of one queue in one value, in order of sequence. A message that no other queue waits
 * for stands in it, one that others wait for is stored once and named here.
 */
import type { Message } from '../../packet/publication.js';
import type { QoS } from '../../packet/protocol.js';
import type { QueueEntry } from '../storage.js';
import type { ByteReader } from './byte-reader.js';
import type { ByteWriter } from './byte-writer.js';
import { readMessage, writeMessage, type WallClock } from './records.js';

/** A run is full at this many entries or bytes, whichever comes first; one entry always fits. */
export const runEntriesMax = 256;
export const runBytesMax = 256 * 1024;

const retainFlag = 4;
const identifiersFlag = 8;
const sharedFlag = 16;

/** An entry as a run has it. */
export interface RunEntry extends Omit<QueueEntry, 'message'> {
  /** `undefined` while it has to be read from where shared messages are. */
  message: Message | undefined;
  /** Number of the shared message, 0 for one of its own. */
  readonly body: number;
  /** Of the message, as it counts for limits. */
  readonly bytes: number;
}

/** `options` byte, and subscription identifiers if there are any. */
export function writeDelivery(writer: ByteWriter, entry: Omit<QueueEntry, 'message' | 'sequence'>, flags = 0): void {
  const { subscriptionIdentifiers: ids } = entry;
  const hasIds = ids !== undefined && ids.length > 0;
  writer.byte(entry.qos | (entry.retain ? retainFlag : 0) | (hasIds ? identifiersFlag : 0) | flags);
  if (!hasIds) return;
  writer.varint(ids.length);
  for (const id of ids) writer.varint(id);
}

export interface Delivery extends Omit<QueueEntry, 'message' | 'sequence'> {
  readonly isShared: boolean;
}

export function readDelivery(reader: ByteReader): Delivery {
  const flags = reader.byte();
  const count = (flags & identifiersFlag) === 0 ? 0 : reader.varint();
  return {
    qos: (flags & 3) as QoS,
    retain: (flags & retainFlag) !== 0,
    isShared: (flags & sharedFlag) !== 0,
    subscriptionIdentifiers: count === 0 ? undefined : Array.from({ length: count }, () => reader.varint()),
  };
}

/** Writes one entry behind the others; `body` is 0 when its message is to stand here. */
export function writeRunEntry(writer: ByteWriter, entry: QueueEntry, after: number, body: number, clock: WallClock): void {
  const { message } = entry;
  writer.varint(entry.sequence - after);
  writer.varint(message.bytes);
  writeDelivery(writer, entry, body === 0 ? 0 : sharedFlag);
  if (body !== 0) return writer.varint(body);
  const lengthAt = writer.length;
  writer.uint32(0);
  writeMessage(writer, message, clock);
  writer.patchUint32(lengthAt, writer.length - lengthAt - 4);
}

/** Entries of a run, those left out for which `wanted` is false: their messages are passed over unread. */
export function readRun(reader: ByteReader, clock: WallClock, wanted: (sequence: number) => boolean): RunEntry[] {
  const entries: RunEntry[] = [];
  let sequence = 0;
  while (!reader.isDone) {
    sequence += reader.varint();
    const bytes = reader.varint();
    const { qos, retain, subscriptionIdentifiers, isShared } = readDelivery(reader);
    const isWanted = wanted(sequence);
    const body = isShared ? reader.varint() : 0;
    let message: Message | undefined;
    if (!isShared) {
      const length = reader.uint32();
      const end = reader.at + length;
      if (isWanted) message = readMessage(reader, clock);
      else reader.raw(length);
      reader.at = end;
    }
    if (isWanted) entries.push({ sequence, qos, retain, subscriptionIdentifiers, message, body, bytes });
  }
  return entries;
}
