/**
 * Question: what does it cost to keep what is acknowledged? How many QoS 1 messages a second does one broker acknowledge
 * on `level` beside the memory store, beside LevelDB writing the same commit groups and doing nothing else (the floor),
 * and beside one synced put per message; and what do a start, a drain and a long queue cost?
 * Workload: one publisher keeps 1, 100 or 1,000 PUBLISHes of 64 bytes unacknowledged, for one persistent subscriber that
 * acknowledges or is away; 3.1.1. Rounds are interleaved; the median counts.
 * Run: npm run bench:durable [-- --rounds 3] [-- --scale 0.1] (a scale below 1 makes everything smaller)
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { answerOf, Child, median } from './child.js';
import { measureStores } from './durable-stores.js';

const { values: options } = parseArgs({ options: { rounds: { type: 'string', default: '3' }, scale: { type: 'string', default: '1' } } });
const rounds = Number(options.rounds);
const scale = Number(options.scale);

const targets = ['memory', 'process', 'power'] as const;
type Target = (typeof targets)[number];

interface Scenario {
  readonly inFlight: number;
  readonly subscriber: 'kept' | 'away';
  readonly messages: number;
}

const scenarios = [
  { inFlight: 1, messages: 4000 },
  { inFlight: 100, messages: 100_000 },
  { inFlight: 1000, messages: 400_000 },
].flatMap(({ inFlight, messages }): Scenario[] =>
  (['kept', 'away'] as const).map((subscriber) => ({ inFlight, subscriber, messages: Math.round(messages * scale) })),
);
const singles = Math.round(4000 * scale);
/** About what the log has of one message. */
const messageBytes = 100;

async function inFolder<T>(run: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'odonata-bench-'));
  try {
    return await run(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Messages a second, and the bytes of each commit group. */
function broker(target: Target, { inFlight, subscriber, messages }: Scenario): Promise<{ rate: number; groups: readonly number[] }> {
  return inFolder(async (folder) => {
    const server = new Child('durable-server.ts', [target, folder]);
    try {
      const rate = Number(await answerOf('load.ts', [await server.line(), '1', '1', String(messages), String(inFlight), subscriber]));
      server.tell('groups');
      return { rate, groups: JSON.parse(await server.line()) as number[] };
    } finally {
      server.end();
    }
  });
}

function packed(groups: readonly number[], messages: number): Promise<number> {
  return inFolder(async (folder) => {
    const floor = new Child('durable-floor.ts', [folder]);
    try {
      floor.tell(JSON.stringify(groups));
      return messages / Number(await floor.line());
    } finally {
      floor.end();
    }
  });
}

const single = (inFlight: number): Promise<number> =>
  inFolder(async (folder) => singles / Number(await answerOf('durable-floor.ts', [folder, String(singles), String(messageBytes), String(inFlight)])));

const whole = (value: number): string => Math.round(value).toLocaleString('en');

async function throughput(scenario: Scenario): Promise<void> {
  const { inFlight, subscriber, messages } = scenario;
  const rates: Record<Target | 'packed' | 'single' | 'groups', number[]> = { memory: [], process: [], power: [], packed: [], single: [], groups: [] };
  for (let round = 0; round < rounds; round += 1) {
    for (const target of targets) {
      const { rate, groups } = await broker(target, scenario);
      rates[target].push(rate);
      if (target !== 'power') continue;
      rates.groups.push(groups.length);
      rates.packed.push(await packed(groups, messages));
    }
    rates.single.push(await single(inFlight));
  }
  const of = (name: keyof typeof rates): number => median(rates[name]);
  console.log(`${whole(inFlight)} in flight, subscriber ${subscriber === 'kept' ? 'acknowledges' : 'is away'}, messages a second:`);
  console.log(`  power ${whole(of('power'))} (${whole(messages / of('groups'))} a group), process ${whole(of('process'))}, memory ${whole(of('memory'))}`);
  console.log(`  the same groups, packed and synced: ${whole(of('packed'))}; one synced put each: ${whole(of('single'))}`);
  const ratios = [
    `${(of('power') / of('packed')).toFixed(2)} of packed`,
    `${(of('power') / of('single')).toFixed(1)} times one put each`,
    `${(of('power') / of('memory')).toFixed(2)} of memory`,
    `process ${(of('process') / of('memory')).toFixed(2)} of memory`,
  ];
  console.log(`  power is ${ratios.join(', ')}`);
}

console.log(`Node ${process.version}, ${cpus()[0]?.model ?? 'unknown processor'}, median of ${rounds} interleaved rounds`);
for (const scenario of scenarios) await throughput(scenario);
await inFolder((folder) => measureStores(folder, scale));
