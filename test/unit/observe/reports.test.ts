/** Where errors go that nobody hears, and what diagnostics channels cost and carry. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { describe, expect, jest, test } from '@jest/globals';
import { BrokerError } from '../../../src/errors/errors.js';
import { diagnostics } from '../../../src/observe/diagnostics.js';
import { reportUnheard, silentLogger } from '../../../src/observe/logger.js';
import type { Logger } from '../../../src/observe/logger.js';

describe('an error that nobody listens to', () => {
  const error = new BrokerError('ODN_ERR_STORAGE_WRITE', 'the disk is full');

  test('goes to the logger', () => {
    const lines: unknown[] = [];
    const logger: Logger = { ...silentLogger, error: (fields, message) => lines.push([fields, message]) };
    reportUnheard(error, logger);
    reportUnheard('a string', logger);
    expect(lines).toEqual([
      [{ err: error, code: 'ODN_ERR_STORAGE_WRITE' }, 'the disk is full'],
      [{ err: 'a string', code: 'ODN_ERR_INTERNAL' }, 'a string'],
    ]);
  });

  test('without a logger becomes a process warning with its code', () => {
    const emitWarning = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    try {
      reportUnheard(error, undefined);
      reportUnheard(5, undefined);
      expect(emitWarning.mock.calls).toEqual([
        ['the disk is full', { type: 'OdonataWarning', code: 'ODN_ERR_STORAGE_WRITE', detail: error.stack }],
        ['5', { type: 'OdonataWarning', code: 'ODN_ERR_INTERNAL' }],
      ]);
    } finally {
      emitWarning.mockRestore();
    }
  });

  test('the silent logger says nothing', () => {
    for (const level of ['debug', 'info', 'warn', 'error'] as const) expect(silentLogger[level]({}, 'x')).toBeUndefined();
  });
});

describe('diagnostics channels', () => {
  test('have the documented names, and know whether anybody listens', () => {
    for (const [name, channel] of Object.entries(diagnostics)) {
      const messages: unknown[] = [];
      const listener = (message: unknown): void => void messages.push(message);
      expect(channel.hasSubscribers).toBe(false);
      subscribe(`odonata:${name}`, listener);
      expect(channel.hasSubscribers).toBe(true);
      (channel.publish as (message: object) => void).call(channel, { name });
      unsubscribe(`odonata:${name}`, listener);
      expect(channel.hasSubscribers).toBe(false);
      expect(messages).toEqual([{ name }]);
    }
  });
});
