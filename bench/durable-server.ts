/**
 * A broker on a store: `durable-server.ts memory` or `durable-server.ts power|process FOLDER` prints its port, and, when
 * it is sent a line, how many bytes each commit group had.
 */
import { createInterface } from 'node:readline';
import { createBroker, memoryStorage } from 'odonata';
import { level } from 'odonata/level';
import { meter, startMeter } from './meter.js';

const [durability, folder = ''] = process.argv.slice(2);
const isDurable = durability === 'power' || durability === 'process';
if (isDurable) startMeter();
const broker = createBroker({
  storage: isDurable ? level(folder, { durability }) : memoryStorage(),
  queueMessagesMax: 10_000_000, // the limits are not what is measured
  queueBytesMax: 2 ** 33,
});
await broker.ready();
console.log((await broker.listen({ port: 0 })).port);
for await (const _ of createInterface({ input: process.stdin })) console.log(JSON.stringify(meter.groups));
