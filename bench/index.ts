/**
 * Question: how many messages a second does one broker process carry from publishers to subscribers, and what share
 * of the rate of a raw Node forwarder, which only copies bytes from socket to socket, is that?
 * Workload: 64-byte payloads, 3.1.1; 1 and 100 pairs; QoS 0 and 1. Rounds are interleaved; the median counts.
 * Run: npm run bench [-- --rounds 5]
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { answerOf, Child, median } from './child.js';

interface Scenario {
  readonly name: string;
  readonly qos: 0 | 1;
  readonly pairs: number;
  readonly messages: number;
}

const scenarios: readonly Scenario[] = [
  { name: '1 -> 1, QoS 0', qos: 0, pairs: 1, messages: 1_000_000 },
  { name: '100 pairs, QoS 0', qos: 0, pairs: 100, messages: 1_000_000 },
  { name: '1 -> 1, QoS 1', qos: 1, pairs: 1, messages: 200_000 },
  { name: '100 pairs, QoS 1', qos: 1, pairs: 100, messages: 200_000 },
];

/** Messages a second of one scenario against one server. */
async function measure(target: string, { qos, pairs, messages }: Scenario): Promise<number> {
  const server = new Child('server.ts', [target]);
  try {
    return Number(await answerOf('load.ts', [await server.line(), String(qos), String(pairs), String(messages)]));
  } finally {
    server.end();
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { rounds: { type: 'string', default: '5' } } });
  const rounds = Number(values.rounds);
  console.log(`Node ${process.version}, ${cpus()[0]?.model ?? 'unknown processor'}, median of ${rounds} interleaved rounds`);
  for (const scenario of scenarios) {
    // The forwarder knows nothing of acknowledgements, so it is the floor of QoS 0 only.
    const targets = scenario.qos === 0 ? ['odonata', 'raw'] : ['odonata'];
    const rates = new Map<string, number[]>(targets.map((target) => [target, []]));
    for (let round = 0; round < rounds; round += 1) {
      for (const target of targets) rates.get(target)?.push(await measure(target, scenario));
    }
    const ours = median(rates.get('odonata') ?? []);
    const floor = rates.get('raw');
    const share = floor === undefined ? '' : `, ${(ours / median(floor)).toFixed(2)} of the raw forwarder`;
    console.log(`${scenario.name}: ${Math.round(ours).toLocaleString('en')} messages a second${share}`);
  }
}

await main();
