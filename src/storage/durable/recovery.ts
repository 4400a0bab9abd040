/**
 * Opening: the last checkpoint says what owners there are and what of their queues is on disk, the log what happened
 * since. No message is read but those of the log. A hole in the log, or a value that is not what was written, is an
 * error and nothing is skipped.
 */
import { BrokerError } from '../../errors/errors.js';
import type { Message } from '../../packet/publication.js';
import type { KeyValueStore } from '../key-value-store.js';
import type { QueueId } from '../storage.js';
import { DamagedError, type ByteReader } from './byte-reader.js';
import { formatVersion } from './checkpoint.js';
import { checkpointKey, kind, numberKey, numberOf, packetIdIn, part, rangeOf, sequenceIn, suffixOf } from './keys.js';
import { replay } from './log.js';
import type { Owner } from './owner.js';
import type { WallClock } from './records.js';
import { checksumOf, openValue, readFailure } from './sealed.js';
import type { StoreState } from './store-state.js';

export interface Recovered {
  /** First group that is not in the checkpoint. */
  readonly firstGroup: number;
  /** The group to be written next, and the checksum of the one before. */
  readonly nextGroup: number;
  readonly chain: number;
  readonly tail: Tail | undefined;
}

/** The value that was stored last: a group, or the checkpoint. */
export interface Tail {
  readonly key: Uint8Array;
  readonly checksum: number;
}

/** Fills `state` from the store; throws a `BrokerError`. */
export async function recover(store: KeyValueStore, state: StoreState, clock: WallClock): Promise<Recovered> {
  const { firstGroup, chain: firstChain, checksum } = await readCheckpoint(store, state);
  let tail: Tail | undefined = checksum === undefined ? undefined : { key: checkpointKey, checksum };
  for await (const [key, value] of store.read(rangeOf(kind.owner))) {
    reading(nameOf(state, key), value, (reader) => restorePart(state, key, reader));
  }
  for (const owner of state.owners()) owner.queue?.restored();
  for await (const [key, value] of store.read(rangeOf(kind.bodyCount))) {
    reading(`the count of message ${numberOf(key)}`, value, (reader) => state.bodies.restore(numberOf(key), reader.varint()));
  }
  const messages = new Map<number, Message>();
  let nextGroup = firstGroup;
  let chain = firstChain;
  for await (const [key, value] of store.read(rangeOf(kind.group, numberKey(kind.group, firstGroup)))) {
    reading(`commit group ${numberOf(key)}`, value, (reader) => {
      const number = reader.varint();
      if (number !== nextGroup) throw new DamagedError(`group ${nextGroup} is missing before it`);
      if (reader.uint32() !== chain) throw new DamagedError(`it does not follow the group ${nextGroup - 1} that is stored`);
      replay(reader, state, messages, clock);
    });
    chain = checksumOf(value);
    tail = { key, checksum: chain };
    nextGroup += 1;
  }
  return { firstGroup, nextGroup, chain, tail };
}

const partNames: Readonly<Record<string, string>> = {
  [part.name]: 'the name',
  [part.session]: 'the session record',
  [part.will]: 'the will',
  [part.subscription]: 'a subscription',
  [part.received]: 'a received packet identifier',
  [part.sent]: 'a sent entry',
  [part.run]: 'what is known of a run',
  [part.runState]: 'what is left of a run',
  [part.nextSequence]: 'the next sequence',
};

/** What a host is told of an owner's record that is damaged. */
function nameOf(state: StoreState, key: Uint8Array): string {
  const number = numberOf(key);
  return `${partNames[suffixOf(key).charAt(0)] ?? 'a record'} of ${state.get(number)?.id ?? `session ${number}`} (key ${hex(key)})`;
}

interface CheckpointRecord {
  readonly firstGroup: number;
  readonly chain: number;
  readonly checksum: number | undefined;
}

async function readCheckpoint(store: KeyValueStore, state: StoreState): Promise<CheckpointRecord> {
  for await (const [, value] of store.read(rangeOf(kind.checkpoint, checkpointKey))) {
    return reading('the checkpoint', value, (reader) => {
      const version = reader.byte();
      if (version !== formatVersion) {
        throw new BrokerError('ODN_ERR_STORAGE_FORMAT', `the store has format ${version}, this release reads ${formatVersion}`);
      }
      const firstGroup = reader.varint();
      const chain = reader.uint32();
      state.nextOwner = reader.varint();
      state.bodies.reserve(reader.varint() - 1);
      return { firstGroup, chain, checksum: checksumOf(value) };
    });
  }
  // What only a checkpoint writes cannot be there without one.
  for (const each of [kind.owner, kind.run, kind.body, kind.bodyCount, kind.retainedRef, kind.retained] as const) {
    for await (const [key] of store.read(rangeOf(each))) {
      throw new BrokerError('ODN_ERR_STORAGE_CORRUPT', `the checkpoint is missing, but what it was written with is there (${hex(key)})`);
    }
  }
  return { firstGroup: 1, chain: 0, checksum: undefined };
}

function restorePart(state: StoreState, key: Uint8Array, reader: ByteReader): void {
  const number = numberOf(key);
  const suffix = suffixOf(key);
  if (suffix === part.name) {
    state.add(number, reader.text() as QueueId).isOnDisk = true;
    return;
  }
  const owner = state.get(number);
  if (owner === undefined) throw new DamagedError('it has no name');
  switch (suffix.charAt(0)) {
    case part.received:
      owner.received.add(packetIdIn(suffix));
      owner.storedReceived.add(packetIdIn(suffix));
      return;
    case part.sent:
    case part.run:
    case part.runState:
    case part.nextSequence:
      restoreQueue(owner, suffix, reader);
      return;
    default: // session, subscriptions and will are read when they are asked for
  }
}

function restoreQueue(owner: Owner, suffix: string, reader: ByteReader): void {
  const queue = owner.ownQueue();
  if (suffix.charAt(0) === part.nextSequence) {
    queue.nextSequence = queue.storedNextSequence = reader.varint();
    return;
  }
  const sequence = sequenceIn(suffix);
  if (suffix.charAt(0) === part.run) return queue.runs.add(sequence, reader.varint(), reader.varint());
  if (suffix.charAt(0) === part.runState) {
    const messages = reader.varint();
    const bytes = reader.varint();
    return queue.runs.restore(sequence, messages, bytes, readDead(reader, sequence));
  }
  const packetId = reader.varint();
  const released = reader.byte() !== 0;
  const onDisk = { bytes: reader.varint(), body: reader.varint() };
  queue.sent.set(sequence, { packetId, released, onDisk: released ? undefined : onDisk, hasRecord: true, isChanged: false });
}

function readDead(reader: ByteReader, last: number): Set<number> {
  const dead = new Set<number>();
  while (!reader.isDone) dead.add(last - reader.varint());
  return dead;
}

/** Opens a value and reads it; whatever is wrong with it is said with its name. */
export function reading<T>(what: string, value: Uint8Array, read: (reader: ByteReader) => T): T {
  try {
    return read(openValue(value, what));
  } catch (error) {
    throw readFailure(error, what);
  }
}

const hex = (key: Uint8Array): string => Buffer.from(key.subarray(0, 24)).toString('hex');
