/** What a checkpoint has to read first: what ended owners left, and entries that were removed unseen. */
import type { BrokerError } from '../../errors/errors.js';
import type { KeyValueStore } from '../key-value-store.js';
import type { ByteReader } from './byte-reader.js';
import type { Leftover } from './checkpoint.js';
import type { DurableQueue, OnDisk } from './durable-queue.js';
import { kind, lastOfRun, numberKey, ownerRange, part, runRange, sequenceIn, suffixOf } from './keys.js';
import type { Owner } from './owner.js';
import { reading } from './recovery.js';
import type { WallClock } from './records.js';
import { readRun } from './run.js';
import { readFailure } from './sealed.js';
import type { StoreState } from './store-state.js';

export type OnDamaged = (error: BrokerError) => void;

/** Whether a checkpoint has to read before it can be built. */
export const needsSweep = (state: StoreState): boolean => state.ended.length > 0 || state.changed.some(isUnresolved);

const isUnresolved = ({ isEnded, queue }: Owner): boolean => !isEnded && queue !== undefined && queue.unresolved().length > 0;

/** Reads until nothing is left to be read; what ends meanwhile is swept too. */
export async function sweep(store: KeyValueStore, state: StoreState, clock: WallClock, leftovers: Leftover[], onDamaged: OnDamaged): Promise<void> {
  for (;;) {
    const [owner] = state.ended;
    if (owner !== undefined) {
      leftovers.push(await leftoverOf(store, owner, onDamaged));
      state.ended.shift();
      continue;
    }
    const unresolved = state.changed.find(isUnresolved);
    if (unresolved?.queue === undefined) return;
    await resolve(store, unresolved.number, unresolved.queue, state, clock, onDamaged);
    // As a group ends with its last entry, also where that had to be looked up.
    if (unresolved.isGroup && !unresolved.isEnded && unresolved.queue.isEmpty) state.end(unresolved);
  }
}

async function leftoverOf(store: KeyValueStore, owner: Owner, onDamaged: OnDamaged): Promise<Leftover> {
  const keys: Uint8Array[] = [];
  const bodies: number[] = [];
  const runs = owner.queue?.runs;
  for await (const [key, value] of store.read(ownerRange(owner.number))) {
    keys.push(key);
    const suffix = suffixOf(key);
    if (!suffix.startsWith(part.run)) continue;
    const last = sequenceIn(suffix);
    keys.push(numberKey(kind.run, owner.number, last));
    if (runs?.has(last) !== true) continue; // all of it was given up before
    const dead = runs.deadIn(last);
    // What it shared with others is not given back then.
    tryReading(`the run ${last} of session ${owner.number}`, value, onDamaged, (reader) => {
      reader.varint();
      reader.varint();
      while (!reader.isDone) {
        const sequence = last - reader.varint();
        const body = reader.varint();
        if (dead?.has(sequence) !== true) bodies.push(body);
      }
    });
  }
  return { keys, bodies };
}

async function resolve(
  store: KeyValueStore,
  owner: number,
  queue: DurableQueue,
  state: StoreState,
  clock: WallClock,
  onDamaged: OnDamaged,
): Promise<void> {
  const found = new Map<number, OnDisk>();
  const wanted = new Set(queue.unresolved());
  for await (const [key, value] of store.read(runRange(owner, Math.min(...wanted)))) {
    if (!queue.runs.has(lastOfRun(key))) continue; // gone already
    tryReading(`a run of session ${owner}`, value, onDamaged, (reader) => {
      for (const { sequence, bytes, body } of readRun(reader, clock, (sequence) => wanted.has(sequence))) found.set(sequence, { bytes, body });
    });
  }
  for (const sequence of wanted) {
    // Sent, but in no run: damaged, or the store was asked about an entry it never had.
    if (!found.has(sequence) && queue.sent.get(sequence)?.onDisk === undefined) queue.sent.delete(sequence);
  }
  queue.resolve(wanted, found, state.bodies);
}

/** A damaged value harms what it belongs to and nobody else: it is told, and the rest goes on. */
function tryReading(what: string, value: Uint8Array, onDamaged: OnDamaged, read: (reader: ByteReader) => void): void {
  try {
    reading(what, value, read);
  } catch (error) {
    onDamaged(readFailure(error, what));
  }
}
