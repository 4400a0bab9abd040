import { expect, test } from '@jest/globals';
import { invariant } from '../../../src/util/invariant.js';

test('a condition that does not hold is reported as a bug of the broker', () => {
  expect(() => invariant(true, 'fine')).not.toThrow();
  expect(() => invariant(0, 'count is negative')).toThrow('bug of the broker, please report it: count is negative');
});
