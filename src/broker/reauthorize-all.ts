/** `broker.reauthorize()`: every client, a bounded number at a time and in one turn of the event loop. */
import type { Client } from '../protocol/client.js';
import type { Engine } from '../protocol/ports.js';

/** What `broker.reauthorize()` came to. @public */
export interface ReauthorizedAll {
  /** Clients that were asked about. */
  readonly clients: number;
  /** Subscriptions that were ended. */
  readonly removedSubscriptions: number;
  /** Wills that were discarded. */
  readonly willsDropped: number;
}

/** Each asks for up to 256 subscriptions in one turn. */
const atATime = 16;

export async function reauthorizeAll(engine: Engine, clients: Iterable<Client>): Promise<ReauthorizedAll> {
  const all = [...clients];
  // At once, so that no answer of old rights is used while others are asked about.
  for (const { decisions } of all) decisions.clear();
  const sum = { clients: 0, removedSubscriptions: 0, willsDropped: 0 };
  const failures: unknown[] = [];
  const queue = all.values();
  const work = async (): Promise<void> => {
    for (const client of queue) {
      try {
        const { removedSubscriptions, willDropped } = await client.reauthorize();
        sum.clients += 1;
        sum.removedSubscriptions += removedSubscriptions.length;
        sum.willsDropped += willDropped ? 1 : 0;
      } catch (error) {
        failures.push(error);
      }
      await new Promise<void>((resolve) => engine.later(resolve));
    }
  };
  await Promise.all(Array.from({ length: Math.min(atATime, all.length) }, work));
  if (failures.length > 0) throw failures[0];
  return sum;
}
