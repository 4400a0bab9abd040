/**
 * Goal: whatever happens, and whenever the process is killed, the durable store answers as the memory store would, and
 * gives everything back. Method: random histories on both, with checkpoints at every other turn, and everything either
 * of them answers compared after each opening.
 */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { durableStorage, type Storage } from 'odonata';
import { groupQueueId, sessionQueueId } from '../../src/storage/storage.js';
import { entryOf, messageOf, sessionOf, subscriptionOf, willOf } from '../../src/testing/suites/samples.js';
import { PlainStore } from '../compliance/plain-store.js';
import { ask, clientIds, clock, everything, history, Model } from './storage-model.js';

const turn = (): Promise<void> => new Promise(setImmediate);

async function open(disk: PlainStore, checkpointBytes: number): Promise<Storage> {
  const storage = durableStorage(disk, { checkpointBytes });
  const fail = (error: unknown): never => {
    throw error;
  };
  await storage.open({ onDurable() {}, onFailed: (_from, _to, error) => fail(error), onState: (_state, error) => fail(error), onDamaged: fail }, clock);
  return storage;
}

test('the durable store is a memory store that is still there after a crash, and leaves no keys behind', async () => {
  const happened = { crashes: 0, reopenings: 0 };
  const property = fc.asyncProperty(history, fc.constantFrom(1, 200, 2000), fc.constantFrom(1, 3, 50), async (steps, checkpointBytes, limit) => {
    let disk = new PlainStore();
    let storage = await open(disk, checkpointBytes);
    const model = new Model();
    const left: Storage[] = [];
    const nextProcess = async (isKilled: boolean): Promise<void> => {
      if (isKilled) left.push(storage);
      else await storage.close();
      const kept = isKilled ? storage.durableLsn : Infinity;
      disk = disk.copy();
      model.rollBack(kept);
      storage = await open(disk, checkpointBytes);
      expect(await everything(storage, limit)).toEqual(await everything(model.storage, limit));
    };
    for (const step of steps) {
      const [action, which] = step;
      if (action === 'turn') for (let turns = which % 4; turns >= 0; turns -= 1) await turn();
      else if (action === 'load') {
        const queue = sessionQueueId(clientIds[which % clientIds.length] as string);
        const page = ask(storage, { type: 'queue', queue, after: 0, limit: 10, bytesMax: 1000 });
        if (which % 3 !== 0) await page;
      } else if (action === 'reopen') {
        happened.reopenings += 1;
        await nextProcess(false);
      } else if (action === 'crash') {
        happened.crashes += 1;
        await nextProcess(true);
      } else model.step(storage, step);
    }
    expect(await everything(storage, limit)).toEqual(await everything(model.storage, limit));
    if (steps.length % 2 === 0) await nextProcess(false);
    model.giveUpAll(storage);
    await storage.close();
    expect([...disk.data.keys()].map((key) => Buffer.from(key, 'hex').toString())).toEqual(disk.data.size === 0 ? [] : ['m']);
    for (const each of left) await each.close();
  });
  await fc.assert(property, { numRuns: 60 });
  expect(happened.crashes).toBeGreaterThan(50);
  expect(happened.reopenings).toBeGreaterThan(50);
}, 30_000);

test.each([200, 8_388_608])('what was delivered, cleared and ended leaves no keys (checkpointBytes %i)', async (checkpointBytes) => {
  const disk = new PlainStore();
  const keysOf = (): string[] => [...disk.data.keys()].map((key) => Buffer.from(key, 'hex').toString('latin1', 0, 1)).toSorted();
  const clients = Array.from({ length: 20 }, (_, index) => `client ${index}`);
  const queues = [...clients.map(sessionQueueId), groupQueueId('$share/g/t')];
  let storage = await open(disk, checkpointBytes);
  for (const id of clients) {
    storage.putSession(sessionOf(id));
    storage.putSubscription(id, subscriptionOf('#'));
    storage.putWill(id, willOf('w'));
    storage.putReceived(id, 1);
  }
  for (let sequence = 1; sequence <= 300; sequence += 1) {
    const message = messageOf(`t/${sequence % 50}`, { payload: 'x'.repeat(sequence) });
    for (const queue of sequence % 2 === 0 ? queues : queues.slice(-2)) storage.enqueue(queue, entryOf(sequence, message, { qos: 2 }));
    storage.putRetained(message);
  }
  await storage.close();
  expect(new Set(keysOf())).toEqual(new Set('Rbcmqrs'));
  storage = await open(disk, checkpointBytes);
  for (const queue of queues.slice(0, 5)) await ask(storage, { type: 'queue', queue, after: 0, limit: 500, bytesMax: Infinity });
  for (const queue of queues) {
    for (let sequence = 1; sequence <= 300; sequence += 1) {
      if (sequence % 3 === 0) storage.markSent(queue, sequence, sequence);
      if (sequence % 6 === 0) storage.markReleased(queue, sequence);
      if (sequence % 50 === 0) await turn();
      storage.dequeue(queue, sequence);
    }
  }
  for (let topic = 0; topic < 50; topic += 1) storage.deleteRetained(`t/${topic}`);
  await storage.close();
  expect(new Set(keysOf())).toEqual(new Set('ms')); // sessions that are empty
  storage = await open(disk, checkpointBytes);
  for (const id of clients) storage.endSession(id);
  await storage.close();
  expect(keysOf()).toEqual(['m']);
});
