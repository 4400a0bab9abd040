/** Stored values: opened as they were sealed, or refused with what is wrong and with whose value it is. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { BrokerError } from '../../../../src/errors/errors.js';
import { DamagedError } from '../../../../src/storage/durable/byte-reader.js';
import { ByteWriter } from '../../../../src/storage/durable/byte-writer.js';
import { beginValue, checksumOf, isWhole, openValue, readFailure, sealValue, valueOf } from '../../../../src/storage/durable/sealed.js';

const seal = (bytes: Uint8Array): Buffer => valueOf(new ByteWriter(), (writer) => writer.raw(bytes));

test('what was sealed is opened', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const value = seal(bytes);
      expect(Uint8Array.from(openValue(value, 'it').raw(bytes.length))).toEqual(bytes);
      expect(isWhole(value, checksumOf(value))).toBe(true);
    }),
  );
});

test('any flipped bit, any lost or added byte is seen', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const value = seal(bytes);
      const checksum = checksumOf(value);
      const damaged: Uint8Array[] = [Uint8Array.of(...value, 0)];
      for (let length = 0; length < value.length; length += 1) damaged.push(value.subarray(0, length));
      for (let bit = 0; bit < value.length * 8; bit += 1) {
        const flipped = Uint8Array.from(value);
        flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
        damaged.push(flipped);
      }
      for (const each of damaged) {
        // Of the version every value is one; what is there then is a newer release's, as far as anyone can tell.
        expect(() => openValue(each, 'it')).toThrow(each.length > 4 && each[0] !== 1 ? BrokerError : DamagedError);
        if (each[0] === 1) expect(isWhole(each, checksum)).toBe(false);
      }
    }),
    { numRuns: 20 },
  );
});

test('a value of another version is refused by its name', () => {
  const value = seal(Buffer.from('x'));
  value[0] = 2;
  expect(() => openValue(value, 'the session of a')).toThrow('the session of a has record version 2, this release reads 1');
});

test('one writer seals one value after the other', () => {
  const writer = new ByteWriter();
  for (const text of ['first', 'second']) {
    beginValue(writer);
    writer.text(text);
    expect(openValue(sealValue(writer), 'it').text()).toBe(text);
  }
});

describe('what went wrong', () => {
  test.each([
    [new DamagedError('too short'), 'ODN_ERR_STORAGE_CORRUPT', 'the run is damaged: too short'],
    [new Error('EIO'), 'ODN_ERR_STORAGE_READ', 'the run could not be read: EIO'],
    ['a string', 'ODN_ERR_STORAGE_READ', 'the run could not be read: a string'],
  ])('%s', (cause, code, message) => {
    expect(readFailure(cause, 'the run')).toMatchObject({ code, message, cause });
  });

  test('stays as it is when it has a code', () => {
    const error = new BrokerError('ODN_ERR_STORAGE_FORMAT', 'x');
    expect(readFailure(error, 'the run')).toBe(error);
  });
});
