/**
 * One broker on a store of some size, in a process of its own:
 *   fill FOLDER SESSIONS MESSAGES   each session is away and has so many messages of 32 bytes waiting
 *   retain FOLDER MESSAGES
 *   open FOLDER
 *   drain FOLDER MESSAGES           the first session comes back for so many
 * The last two print a `StoreAnswer`.
 */
import { createBroker, type Broker } from 'odonata';
import { level } from 'odonata/level';
import type { StoreAnswer } from './durable-stores.js';
import { meter, startMeter } from './meter.js';

const [task, folder = '', first, second] = process.argv.slice(2);
/** So many calls wait for the store at once. */
const batchMax = 2000;
const payload = Buffer.alloc(32, 0x41);
const lasting = { cleanStart: false, sessionExpirySeconds: 0xffff_ffff } as const;

const open = async (): Promise<Broker> => {
  const broker = createBroker({ storage: level(folder, { durability: 'process' }) });
  await broker.ready();
  return broker;
};

async function each(count: number, run: (index: number) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < count; from += batchMax) {
    await Promise.all(Array.from({ length: Math.min(batchMax, count - from) }, (_, index) => run(from + index)));
  }
}

async function fill(sessions: number, messages: number): Promise<void> {
  const broker = await open();
  await each(sessions, async (session) => {
    const client = await broker.connect({ clientId: `s${session}`, ...lasting });
    await client.subscribe(`queue/${session}`, { qos: 1 });
    await client.disconnect();
  });
  await each(sessions * messages, (index) => broker.publish(`queue/${index % sessions}`, payload, { qos: 1 }));
  await broker.close();
}

async function retain(messages: number): Promise<void> {
  const broker = await open();
  await each(messages, (index) => broker.publish(`kept/${index}`, payload, { qos: 1, retain: true }));
  await broker.close();
}

/** After what is garbage has gone: bytes of JavaScript, buffers included. */
function heapBytes(): number {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

async function answer(drained: number): Promise<StoreAnswer> {
  const startedMs = performance.now();
  const broker = await open();
  const startMs = performance.now() - startedMs;
  const opened = { startMs, heapBytes: heapBytes(), residentBytes: process.memoryUsage.rss() };
  meter.readBytes = 0;
  let ownBytes = 0;
  let drainingHeapBytes = 0;
  if (drained > 0) {
    let left = drained;
    const client = await broker.connect({ clientId: 's0', ...lasting });
    for await (const message of client) {
      ownBytes += message.topic.length + message.payload.length;
      if (left % Math.ceil(drained / 20) === 0) drainingHeapBytes = Math.max(drainingHeapBytes, heapBytes());
      if (--left === 0) break;
    }
    await client.disconnect();
  }
  await broker.close();
  return { ...opened, drainingHeapBytes, readBytes: meter.readBytes, ownBytes };
}

startMeter();
if (task === 'fill') await fill(Number(first), Number(second));
else if (task === 'retain') await retain(Number(first));
console.log(task === 'fill' || task === 'retain' ? 'done' : JSON.stringify(await answer(Number(first ?? 0))));
process.exit(0);
