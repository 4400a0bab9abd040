/** Those who wait for the store: one that throws harms none of the others, and is told as a bug. */
import { describe, expect, test } from '@jest/globals';
import { memoryStorage } from 'odonata';
import { BrokerError } from '../../../src/errors/errors.js';
import { Deadlines } from '../../../src/protocol/deadlines.js';
import { Durability } from '../../../src/protocol/durability.js';
import { VirtualClock } from '../../../src/testing/index.js';

const bang = (): never => {
  throw new Error('bang');
};

describe('a waiter that throws', () => {
  const clock = new VirtualClock();
  const waiting = () => {
    const failures: string[] = [];
    const called: string[] = [];
    const failed = (error: unknown): void => void failures.push(String(error));
    const deadlines = new Deadlines(() => clock.now(), (atMs, wake) => clock.wakeAt(atMs, wake), failed);
    const storage = Object.create(memoryStorage(), { durableLsn: { value: 0 } }) as ReturnType<typeof memoryStorage>;
    const durability = new Durability(storage, { deadlines, storageStallSeconds: 5, now: () => clock.now(), failed });
    durability.after(1, bang, bang);
    durability.after(1, () => called.push('stored'), () => called.push('failed'));
    return { durability, failures, called };
  };

  test('when it is told that its change is stored', () => {
    const { durability, failures, called } = waiting();
    durability.onDurable(1);
    expect([failures, called]).toEqual([['Error: bang'], ['stored']]);
    durability.onDurable(2);
    expect(failures).toHaveLength(1);
  });

  test('when it is told that its change is not', () => {
    const { durability, failures, called } = waiting();
    durability.onFailed(0, 1, new BrokerError('ODN_ERR_STORAGE_WRITE', 'x'));
    expect([failures, called]).toEqual([['Error: bang'], ['failed']]);
  });

  test('when the store stalls', () => {
    const { durability, failures, called } = waiting();
    clock.advance(5000);
    expect([failures, called, durability.stalled]).toEqual([['Error: bang'], ['failed'], true]);
  });
});
