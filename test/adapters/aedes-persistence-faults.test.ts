/** What waits for an aedes-persistence, what a failing one does to those that wait, and the order of its calls. */
import { describe, expect, test } from '@jest/globals';
import { OrderedWork } from '../../src/adapters/aedes/ordered-work.js';
import type { AedesPersistenceLike } from '../../src/aedes.js';
import { memoryPersistence } from '../support/aedes.js';
import { openHouse, type AedesHouse } from '../support/aedes-house.js';

const lasting = { clean: false, properties: { sessionExpiryInterval: 3600 } };

/** A persistence whose `outgoingEnqueue` does what the test says first. */
function steered(before: () => Promise<void>): AedesPersistenceLike {
  const persistence = memoryPersistence();
  const enqueue = persistence.outgoingEnqueue.bind(persistence);
  persistence.outgoingEnqueue = async (...call) => {
    await before();
    return enqueue(...call);
  };
  return persistence;
}

async function withAbsentSubscriber(persistence: AedesPersistenceLike): Promise<AedesHouse> {
  const house = await openHouse(persistence);
  const absent = await house.client('absent', lasting);
  absent.subscribe('t', { qos: 1 });
  await house.settle();
  absent.disconnect();
  return house;
}

describe('a broker', () => {
  test('acknowledges a message once the persistence has it, and behind it what came later', async () => {
    const release: (() => void)[] = [];
    const house = await withAbsentSubscriber(steered(() => new Promise((resolve) => release.push(resolve))));
    const pub = await house.client('pub');
    pub.publish({ topic: 't', payload: '1', qos: 1, packetId: 1 }).publish({ topic: 'nobody', payload: '2', qos: 1, packetId: 2 });
    await house.settle();
    expect(pub.received()).toEqual([]);
    for (const each of release) each();
    await house.settle();
    expect(pub.received()).toMatchObject([{ type: 'puback', packetId: 1 }, { type: 'puback', packetId: 2 }]);
  });

  test('closes those that wait for a write that failed, tells, and writes it again until it succeeds', async () => {
    let failures = 2;
    const house = await withAbsentSubscriber(
      steered(async () => {
        if ((failures -= 1) >= 0) throw new Error('disk full');
      }),
    );
    const pub = await house.client('pub');
    pub.publish({ topic: 't', payload: '1', qos: 1 });
    await house.settle();
    expect(pub.received()).toMatchObject([{ type: 'disconnect', reasonCode: 0x83 }]);
    expect(house.heard).toEqual(['failed', 'error ODN_ERR_STORAGE_WRITE']);
    house.clock.advance(100);
    await house.settle();
    house.clock.advance(200);
    await house.settle();
    expect(house.heard).toEqual(['failed', 'error ODN_ERR_STORAGE_WRITE', 'ok']);
    await house.restart();
    expect(house.broker.stats().queuedMessages).toBe(1);
    const later = await house.client('pub');
    later.publish({ topic: 't', payload: '2', qos: 1 });
    await house.settle();
    expect(later.received()).toMatchObject([{ type: 'puback', reasonCode: 0 }]);
  });
});

// ---- the order of calls ----

interface Work {
  readonly work: OrderedWork;
  readonly began: string[];
  readonly heard: string[];
  readonly retries: (() => void)[];
  /** Adds a call that the test settles. */
  readonly add: (name: string, lane: string, kind: 'adds' | 'removes' | 'changes') => number;
  readonly settle: (name: string, error?: Error) => Promise<void>;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function openWork(): Work {
  const began: string[] = [];
  const heard: string[] = [];
  const retries: (() => void)[] = [];
  const calls = new Map<string, (error?: Error) => void>();
  const work = new OrderedWork(
    {
      onDurable: (lsn) => heard.push(`durable ${lsn}`),
      onFailed: (from, to) => heard.push(`failed ${from}-${to}`),
      onState: (state) => heard.push(state),
      onDamaged: ({ code }) => heard.push(code),
    },
    { now: () => 0, wall: () => 0, endOfTurn() {}, after: (_ms, run) => void retries.push(run) },
  );
  return {
    work,
    began,
    heard,
    retries,
    add: (name, lane, kind) =>
      work.add(lane, kind, () => {
        began.push(name);
        return new Promise<Error | undefined>((resolve) => calls.set(name, resolve)).then((error) => {
          if (error !== undefined) throw error;
        });
      }),
    settle: async (name, error) => {
      calls.get(name)?.(error);
      await turn();
    },
  };
}

describe('calls', () => {
  test('of one lane go one after the other, of several at once; what is stored counts in order', async () => {
    const { work, began, heard, add, settle } = openWork();
    for (const [name, lane] of [['a1', 'a'], ['a2', 'a'], ['b1', 'b']] as const) add(name, lane, 'changes');
    expect(began).toEqual(['a1', 'b1']);
    await settle('b1');
    expect(work.durableLsn).toBe(0);
    await settle('a1');
    expect([work.durableLsn, began.at(-1)]).toEqual([1, 'a2']);
    await settle('a2');
    expect(heard).toEqual(['durable 1', 'durable 3']);
  });

  test('that remove wait for all that add before them, and not for those behind', async () => {
    const { began, add, settle } = openWork();
    add('add 1', 'a', 'adds');
    add('remove 1', 'b', 'removes');
    add('add 2', 'c', 'adds');
    add('remove 2', 'd', 'removes');
    expect(began).toEqual(['add 1', 'add 2']);
    await settle('add 1');
    expect(began).toEqual(['add 1', 'add 2', 'remove 1']);
    await settle('add 2');
    expect(began.at(-1)).toBe('remove 2');
  });

  test('never run more than 64 at a time', async () => {
    const { began, add, settle } = openWork();
    for (let index = 0; index < 100; index += 1) add(`${index}`, `${index}`, 'adds');
    expect(began).toHaveLength(64);
    await settle('0');
    expect(began).toHaveLength(65);
  });

  test('that change what is gone are told as damage, and hold up nobody', async () => {
    const { heard, add, settle } = openWork();
    add('a', 'a', 'changes');
    await settle('a', new Error('no such packet'));
    expect(heard).toEqual(['ODN_ERR_STORAGE_CORRUPT', 'durable 1']);
  });

  test('that fail once more at the end are given up: nothing from there on counts', async () => {
    const { work, heard, add, settle } = openWork();
    add('good', 'a', 'changes');
    add('bad', 'b', 'changes');
    add('behind', 'c', 'changes');
    await settle('good');
    await settle('bad', new Error('broken'));
    await settle('behind');
    const closed = work.close().catch((error: Error) => error.message);
    await turn();
    await settle('bad', new Error('still broken'));
    expect(await closed).toBe('the persistence could not write: still broken');
    expect(heard).toEqual(['durable 1', 'failed', 'failed 1-3']);
    expect(work.durableLsn).toBe(1);
  });
});
