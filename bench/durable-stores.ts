/** What large stores cost: to start on, to drain one session of, and to hold one long queue of. */
import { join } from 'node:path';
import { answerOf } from './child.js';

/** What `durable-store.ts` prints. */
export interface StoreAnswer {
  /** Milliseconds until `broker.ready()`. */
  readonly startMs: number;
  /** What the open broker takes, after a garbage collection. */
  readonly heapBytes: number;
  readonly residentBytes: number;
  /** While a client drains a queue: most of it, and bytes read from LevelDB until the broker is closed. */
  readonly drainingHeapBytes: number;
  readonly readBytes: number;
  /** Topics and payloads of what was drained. */
  readonly ownBytes: number;
}

async function child(...args: readonly string[]): Promise<StoreAnswer> {
  return JSON.parse(await answerOf('durable-store.ts', args, ['--expose-gc'])) as StoreAnswer;
}

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

export async function measureStores(folder: string, scale: number): Promise<void> {
  const of = (count: number): number => Math.round(count * scale);
  const empty = await child('open', join(folder, 'empty'));
  const perMillion = async (what: string, store: string, count: number): Promise<void> => {
    const { startMs, heapBytes, residentBytes } = await child('open', store);
    const times = 1_000_000 / count;
    const heap = mebibytes((heapBytes - empty.heapBytes) * times);
    const resident = mebibytes((residentBytes - empty.residentBytes) * times);
    console.log(`a million ${what} (measured with ${count.toLocaleString('en')}): ${Math.round((startMs - empty.startMs) * times)} ms to start, ${heap} of heap, ${resident} resident`);
  };

  const queued = join(folder, 'queued');
  await answerOf('durable-store.ts', ['fill', queued, String(of(1000)), '1000']);
  await perMillion('queued messages, 1,000 for each session', queued, of(1000) * 1000);

  const retained = join(folder, 'retained');
  await answerOf('durable-store.ts', ['retain', retained, String(of(200_000))]);
  await perMillion('retained messages', retained, of(200_000));

  const many = join(folder, 'many');
  await answerOf('durable-store.ts', ['fill', many, String(of(10_000)), '100']);
  const { readBytes, ownBytes } = await child('drain', many, '100');
  console.log(`draining 100 messages, one of ${of(10_000).toLocaleString('en')} sessions: ${readBytes.toLocaleString('en')} bytes read, ${(readBytes / ownBytes).toFixed(2)} times its ${ownBytes.toLocaleString('en')} bytes of topics and payloads`);

  const long = join(folder, 'long');
  await answerOf('durable-store.ts', ['fill', long, '1', String(of(100_000))]);
  const { heapBytes, drainingHeapBytes } = await child('drain', long, String(of(100_000)));
  const waiting = mebibytes(heapBytes - empty.heapBytes);
  console.log(`a session with ${of(100_000).toLocaleString('en')} queued messages: ${waiting} of heap while it waits, at most ${mebibytes(drainingHeapBytes - empty.heapBytes)} while it drains`);
}
