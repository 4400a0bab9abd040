/**
 * What LevelDB alone takes: `durable-floor.ts FOLDER` is sent a line with the sizes of commit groups, writes one value of
 * each size after the other, synced, and prints the seconds; `durable-floor.ts FOLDER COUNT BYTES IN_FLIGHT` writes so
 * many values in synced batches of one.
 */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { Level } from 'level';

const [folder = '', count, bytes, inFlight] = process.argv.slice(2);
const db = new Level<Uint8Array, Uint8Array>(folder, { keyEncoding: 'buffer', valueEncoding: 'buffer' });
await db.open();
let keys = 0;

async function put(value: Uint8Array): Promise<void> {
  const key = Buffer.alloc(7);
  key.writeUInt32BE((keys += 1), 3);
  await db.batch([{ type: 'put', key, value }], { sync: true });
}

async function single(): Promise<void> {
  let left = Number(count);
  const one = async (): Promise<void> => {
    while (left-- > 0) await put(Buffer.alloc(Number(bytes), 0x41));
  };
  await Promise.all(Array.from({ length: Number(inFlight) }, one));
}

async function packed(sizes: readonly number[]): Promise<void> {
  const largest = Buffer.alloc(Math.max(...sizes), 0x41);
  for (const size of sizes) await put(largest.subarray(0, size));
}

const sizes: readonly number[] =
  count === undefined ? (JSON.parse(((await once(createInterface({ input: process.stdin }), 'line')) as [string])[0]) as number[]) : [];
const startedMs = performance.now();
await (count === undefined ? packed(sizes) : single());
console.log((performance.now() - startedMs) / 1000);
await db.close();
process.exit(0);
