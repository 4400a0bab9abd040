/** A durable store on a disk that fails on demand, in virtual time; and whether the disk and the store agree. */
import { expect } from '@jest/globals';
import { durableStorage, isBrokerError, type DurableStorageOptions, type Storage, type StorageClock, type StorageListener } from 'odonata';
import { faultyStore, VirtualClock, type FaultyStore } from 'odonata/testing';
import { PlainStore } from '../compliance/plain-store.js';
import { everything } from '../property/storage-model.js';

export interface House {
  readonly disk: PlainStore;
  readonly store: FaultyStore;
  readonly storage: Storage;
  readonly clock: VirtualClock;
  /** What the broker would hear, in short; emptied by `told`. */
  readonly heard: string[];
}

const codeOf = (error: unknown): string => (isBrokerError(error) ? error.code.replace('ODN_ERR_', '') : String(error));

/** Writes down what it hears. */
export function hears(heard: string[]): StorageListener {
  return {
    onDurable: (lsn) => void heard.push(`durable ${lsn}`),
    onFailed: (from, to, error) => void heard.push(`failed ${from}-${to} ${codeOf(error)}`),
    onState: (state, error) => void heard.push(error === undefined ? state : `${state} ${codeOf(error)}`),
    onDamaged: (error) => void heard.push(`damaged ${codeOf(error)}`),
  };
}

export const timeOf = (clock: VirtualClock): StorageClock => ({
  now: () => clock.now(),
  wall: () => clock.wall(),
  endOfTurn: (run) => clock.endOfTurn(run),
  after: (ms, run) => clock.wakeAt(clock.now() + ms, run),
});

export async function openHouse(options: DurableStorageOptions = {}, disk = new PlainStore()): Promise<House> {
  const house = closedHouse(options, disk);
  await house.storage.open(hears(house.heard), timeOf(house.clock));
  return house;
}

/** One that is not open yet. */
export function closedHouse(options: DurableStorageOptions = {}, disk = new PlainStore()): House {
  const store = faultyStore(disk);
  return { disk, store, storage: durableStorage(store, options), clock: new VirtualClock(), heard: [] };
}

/** Lets everything go on that needs no time. */
export async function rest({ clock }: Pick<House, 'clock'>): Promise<void> {
  for (let turns = 0; turns < 4; turns += 1) await clock.settle();
}

export async function pass(house: House, ms: number): Promise<void> {
  house.clock.advance(ms);
  await rest(house);
}

/** What was heard since the last look, once everything has come to rest. */
export async function told(house: House): Promise<string[]> {
  await rest(house);
  return house.heard.splice(0);
}

/** All that another process would find on the disk as it is now. */
export async function found({ disk, clock }: Pick<House, 'disk' | 'clock'>): Promise<object> {
  const storage = durableStorage(disk.copy());
  await storage.open(hears([]), timeOf(clock));
  const all = await everything(storage, 100);
  await storage.close();
  return all;
}

/** The store says what a process says that is started on a copy of its disk: from its log, and after a checkpoint. */
export async function expectAgreement(house: House): Promise<void> {
  await rest(house);
  const fromLog = await found(house);
  const inMemory = await everything(house.storage, 100);
  expect(fromLog).toEqual(inMemory);
  expect(await found(house)).toEqual(inMemory);
}

/** What `promise` rejects with, as its code and message. */
export async function errorOf(promise: Promise<unknown> | void): Promise<{ readonly code: string; readonly message: string }> {
  try {
    await promise;
  } catch (error) {
    if (isBrokerError(error)) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error('it did not fail');
}

/** Opens the store on this disk and reads all of it; gives the error. */
export function openingError(disk: PlainStore): Promise<{ readonly code: string; readonly message: string }> {
  return errorOf(found({ disk, clock: new VirtualClock() }));
}
