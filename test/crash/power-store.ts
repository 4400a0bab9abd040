/**
 * A store on a machine whose power fails: what was not synced is in the memory of this process, which is killed. A
 * sync writes to the file in two halves with time between them, so that a kill leaves the last batch torn; a torn
 * batch is dropped when the file is read again, as databases do with their own logs.
 */
import { closeSync, existsSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { crc32 } from '../../src/util/crc32.js';
import type { Prng } from '../../src/util/prng.js';
import type { KeyRange, KeyValueChange, KeyValueStore } from '../../src/storage/key-value-store.js';
import type { StorageSupport } from '../../src/storage/storage.js';
import type { FlightWriter } from './flight.js';

/** Batches that the broken variant keeps back before it writes them all. */
const unsyncedMax = 24;
const headBytes = 8;

export class PowerStore implements KeyValueStore {
  readonly supports: StorageSupport = { durability: 'power' };
  private readonly folder: string;
  private readonly path: string;
  private readonly synced: boolean;
  private readonly flights: FlightWriter;
  private readonly random: Prng;
  private file = -1;
  private size = 0;
  private readonly values = new Map<string, Buffer>();
  private sorted: string[] | undefined = undefined;
  private unsynced: Buffer[] = [];

  /** @param synced - `write` resolves when the batch is in the file; else when it is in memory. */
  constructor(folder: string, synced: boolean, flights: FlightWriter, random: Prng) {
    this.folder = folder;
    this.path = join(folder, 'journal');
    this.synced = synced;
    this.flights = flights;
    this.random = random;
  }

  async open(): Promise<void> {
    mkdirSync(this.folder, { recursive: true });
    const bytes = existsSync(this.path) ? readFileSync(this.path) : Buffer.alloc(0);
    let at = 0;
    for (let body = wholeBatch(bytes, at); body !== undefined; body = wholeBatch(bytes, at)) {
      this.apply(decode(body));
      at += headBytes + body.length;
    }
    this.file = openSync(this.path, existsSync(this.path) ? 'r+' : 'w+');
    ftruncateSync(this.file, at);
    this.size = at;
  }
  write(batch: readonly KeyValueChange[]): Promise<void> {
    return this.flights.during(batch.length, async () => {
      this.unsynced.push(encode(batch));
      if (this.synced) await this.sync();
      else if (this.unsynced.length >= unsyncedMax) await this.sync();
      this.apply(batch);
    });
  }

  async *read({ gte, lt }: KeyRange): AsyncGenerator<readonly [Buffer, Buffer]> {
    const [from, to] = [textOf(gte), textOf(lt)];
    // Latin-1 strings compare as their bytes do.
    const keys = (this.sorted ??= [...this.values.keys()].toSorted((a, b) => (a < b ? -1 : 1)));
    const pairs = keys.filter((key) => key >= from && key < to).map((key) => [key, this.values.get(key) as Buffer] as const);
    for (const [key, value] of pairs) yield [Buffer.from(key, 'latin1'), Buffer.from(value)];
  }

  async close(): Promise<void> {
    if (this.file < 0) return;
    await this.sync();
    closeSync(this.file);
    this.file = -1;
    this.values.clear();
    this.sorted = undefined;
  }

  private async sync(): Promise<void> {
    const bytes = Buffer.concat(this.unsynced.splice(0));
    const half = this.random.below(bytes.length + 1);
    this.append(bytes.subarray(0, half));
    await sleep(1 + this.random.below(4));
    this.append(bytes.subarray(half));
  }

  private append(bytes: Buffer): void {
    writeSync(this.file, bytes, 0, bytes.length, this.size);
    this.size += bytes.length;
  }

  private apply(batch: readonly KeyValueChange[]): void {
    for (const { key, value } of batch) {
      const text = textOf(key);
      if (value === undefined) {
        if (this.values.delete(text)) this.sorted = undefined;
        continue;
      }
      if (!this.values.has(text)) this.sorted = undefined;
      this.values.set(text, Buffer.from(value));
    }
  }
}

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');

/** Length and checksum, then of each change its key, and its value or nothing. */
function encode(batch: readonly KeyValueChange[]): Buffer {
  const parts: Buffer[] = [];
  for (const { key, value } of batch) {
    const head = Buffer.alloc(8);
    head.writeUInt32BE(key.length, 0);
    head.writeUInt32BE(value === undefined ? 0xffff_ffff : value.length, 4);
    parts.push(head, Buffer.from(key), Buffer.from(value ?? []));
  }
  const body = Buffer.concat(parts);
  const head = Buffer.alloc(headBytes);
  head.writeUInt32BE(body.length, 0);
  head.writeUInt32BE(crc32(body, 0), 4);
  return Buffer.concat([head, body]);
}

/** The batch at `at`, or `undefined` where the file ends or is torn. */
function wholeBatch(bytes: Buffer, at: number): Buffer | undefined {
  if (bytes.length - at < headBytes) return undefined;
  const body = bytes.subarray(at + headBytes, at + headBytes + bytes.readUInt32BE(at));
  return body.length === bytes.readUInt32BE(at) && crc32(body, 0) === bytes.readUInt32BE(at + 4) ? body : undefined;
}

function decode(body: Buffer): KeyValueChange[] {
  const changes: KeyValueChange[] = [];
  for (let at = 0; at < body.length; ) {
    const keyEnd = at + 8 + body.readUInt32BE(at);
    const valueBytes = body.readUInt32BE(at + 4);
    const isDeleted = valueBytes === 0xffff_ffff;
    const valueEnd = keyEnd + (isDeleted ? 0 : valueBytes);
    changes.push({ key: body.subarray(at + 8, keyEnd), value: isDeleted ? undefined : body.subarray(keyEnd, valueEnd) });
    at = valueEnd;
  }
  return changes;
}
