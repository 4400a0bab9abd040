/** A new subscriber of everything retained gets the last message of each topic, and nothing of those that were cleared. */
import { Client } from './client.js';
import type { Ledger } from './ledger.js';
import { patience } from './patience.js';
import { Timeline } from './timeline.js';
import type { Awaited } from './violations.js';

export async function checkRetained(ledger: Ledger, port: number, stillMs: number): Promise<void> {
  const client = new Client({ id: 'reads-retained', protocolVersion: 5, expirySeconds: 0 }, ledger);
  if (!(await client.connect(port, true))) return; // the ledger knows why
  for (const filter of ['r/#', 'k/#']) client.subscribe(filter, 1, new Timeline());
  const expected = ledger.retainedNow();
  const missing = (): Awaited[] =>
    [...expected]
      .filter(([topic, id]) => client.retained.get(topic) !== id)
      .map(([topic, id]) => ({ kind: 'lost', what: `the retained message ${ledger.describe(id)}; there is ${client.retained.get(topic) ?? 'none'}` }));
  const pending = (): Awaited[] => (client.unacknowledged > 0 ? [{ kind: 'other', what: 'SUBACK for everything retained did not come' }] : missing());
  for (const { kind, what } of await patience(pending, () => client.retained.size, stillMs)) ledger.violations.add(kind, what);
  await client.ping(); // whatever was sent before has arrived then
  for (const [topic, id] of client.retained) {
    if (!expected.has(topic)) ledger.violations.add('other', `the retained message ${ledger.describe(id)} was cleared and came back`);
  }
  client.vanish();
}
