/** The process that is killed: a broker on a store that says when a commit group is in flight. */
import { Level } from 'level';
import { createBroker } from '../../src/index.js';
import type { Broker } from '../../src/index.js';
import { level } from '../../src/level.js';
import { durableStorage } from '../../src/storage/durable/durable-storage.js';
import type { Storage } from '../../src/storage/storage.js';
import { createPrng } from '../../src/util/prng.js';
import { FlightWriter } from './flight.js';
import type { OpenOrder, Order, Report } from './orders.js';
import { PowerStore } from './power-store.js';

let broker: Broker | undefined;

const report = (message: Report): void => void process.send?.(message);
const failed = (error: unknown): void => {
  const causes: string[] = [];
  for (let at = error; at instanceof Error; at = at.cause) causes.push(`${'code' in at ? `${String(at.code)} ` : ''}${at.stack ?? at.message}`);
  report({ type: 'error', message: causes.join('; caused by ') || String(error) });
};

/** `level(path)` makes its database itself, so the class is told to say what it does. */
function reportBatches(flights: FlightWriter): void {
  const prototype = Level.prototype as unknown as { batch: (this: unknown, operations: readonly unknown[], options?: unknown) => Promise<void> };
  const { batch } = prototype;
  prototype.batch = function (operations, options) {
    return flights.during(operations.length, () => batch.call(this, operations, options));
  };
}

function storageFor({ store, folder, flightFile, checkpointBytes, eager, seed }: OpenOrder): Storage {
  const flights = new FlightWriter(flightFile);
  const options = checkpointBytes === undefined ? {} : { checkpointBytes };
  if (store.kind === 'level') reportBatches(flights);
  const storage =
    store.kind === 'level'
      ? level(folder, options)
      : durableStorage(new PowerStore(folder, store.synced, flights, createPrng(seed)), options);
  return eager ? acknowledgingEarly(storage) : storage;
}

/** The fault of `--break ack-before-commit`: everything counts as durable at once. */
function acknowledgingEarly(storage: Storage): Storage {
  return new Proxy(storage, {
    get: (target, name) => {
      if (name === 'durableLsn') return Infinity;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

async function open(order: OpenOrder): Promise<void> {
  broker = createBroker({ storage: storageFor(order) });
  broker.on('error', failed);
  broker.on('dropped', (why, message, clientId) => failed(new Error(`dropped (${why}): ${message.topic} for ${clientId}`)));
  broker.on('clientError', (error, client) => {
    if (!('code' in error) || error.code !== 'ECONNRESET') failed(new Error(`client ${client?.id}: ${error.message}`));
  });
  await broker.ready();
  const { port } = await broker.listen({ port: 0 });
  report({ type: 'listening', port });
}

async function obey(order: Order): Promise<void> {
  if (order.type === 'open') return open(order);
  await broker?.close();
  process.disconnect();
}

process.on('message', (order: Order) => {
  obey(order).catch((error: unknown) => {
    failed(error);
    process.exitCode = 1;
    process.disconnect();
  });
});
// The test is gone, or has no more use for this process.
process.once('disconnect', () => process.exit());
report({ type: 'loaded' });
