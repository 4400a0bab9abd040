/** Goal: every record is read as it was written. Method: random records, there and back, with and without what is optional. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Message } from '../../../../src/packet/publication.js';
import { ByteReader, DamagedError } from '../../../../src/storage/durable/byte-reader.js';
import { ByteWriter } from '../../../../src/storage/durable/byte-writer.js';
import * as records from '../../../../src/storage/durable/records.js';
import { readDelivery, readRun, writeDelivery, writeRunEntry } from '../../../../src/storage/durable/run.js';
import { plainEntry, plainMessage, plainWill } from '../../../../src/testing/suites/samples.js';

const clock = { now: () => 5_000, wall: () => 1_767_225_600_000 };
/** As after a restart: monotonic time begins anew, an hour has gone by. */
const later = { now: () => 100, wall: () => clock.wall() + 3_600_000 };
const shift = later.now() - clock.now() - 3_600_000;

const name = fc.string({ unit: 'grapheme' });
const optional = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(of, { nil: undefined });
const qos = fc.constantFrom(0 as const, 1 as const, 2 as const);
const message = fc
  .record({ topic: name, qos, retain: fc.boolean(), publisherId: optional(name), expiry: optional(fc.nat(2 ** 32)), content: fc.uint8Array(), start: fc.nat(30) })
  .map(({ topic, qos: of, retain, publisherId, expiry, content, start }) => {
    const payloadStart = Math.min(start, content.length);
    const expiryAt = expiry !== undefined && payloadStart >= 5 ? payloadStart - 4 : -1;
    return new Message(topic, Buffer.from(topic), of, retain, publisherId, expiry ?? Infinity, content, payloadStart, expiryAt);
  });
const shifted = (of: Message, by: number): object => ({ ...plainMessage(of), expiresAtMs: of.expiresAtMs + by });
const ids = optional(fc.array(fc.integer({ min: 1, max: 268_435_455 }), { minLength: 1, maxLength: 4 }));

function isDamaged(read: () => unknown): boolean {
  try {
    read();
    return false;
  } catch (error) {
    return error instanceof DamagedError;
  }
}

/** There and back; every beginning of it that is shorter is damaged. */
function roundTrip<T>(write: (writer: ByteWriter) => void, read: (reader: ByteReader) => T): T {
  const writer = new ByteWriter(1);
  write(writer);
  const bytes = writer.copy();
  for (let length = 0; length < bytes.length; length += 1) if (!isDamaged(() => read(new ByteReader(bytes.subarray(0, length))))) throw new Error(`read from ${length} bytes`);
  const reader = new ByteReader(bytes);
  const found = read(reader);
  expect(reader.isDone).toBe(true);
  return found;
}

test('messages, with time that goes on meanwhile', () => {
  fc.assert(
    fc.property(message, (given) => {
      expect(plainMessage(roundTrip((writer) => records.writeMessage(writer, given, clock), (reader) => records.readMessage(reader, clock)))).toEqual(shifted(given, 0));
      expect(plainMessage(roundTrip((writer) => records.writeMessage(writer, given, clock), (reader) => records.readMessage(reader, later)))).toEqual(shifted(given, shift));
    }),
  );
});

test('sessions', () => {
  const session = fc.record({
    clientId: name,
    principal: optional(name),
    protocolVersion: fc.constantFrom(3 as const, 4 as const, 5 as const),
    sessionExpirySeconds: fc.oneof(fc.nat(100), fc.constant(0xffff_ffff)),
    closedAtWallMs: optional(fc.double({ noNaN: true })),
  });
  fc.assert(fc.property(session, (given) => expect(roundTrip((writer) => records.writeSession(writer, given), records.readSession)).toEqual(given)));
});

test('subscriptions', () => {
  const subscription = fc.record({
    topicFilter: name,
    qos,
    noLocal: fc.boolean(),
    retainAsPublished: fc.boolean(),
    retainHandling: fc.constantFrom(0 as const, 1 as const, 2 as const),
    subscriptionIdentifier: optional(fc.integer({ min: 1, max: 268_435_455 })),
  });
  fc.assert(fc.property(subscription, (given) => expect(roundTrip((writer) => records.writeSubscription(writer, given), records.readSubscription)).toEqual(given)));
});

test('wills', () => {
  const will = fc.record({ message, messageExpirySeconds: optional(fc.nat(2 ** 32 - 1)), willDelaySeconds: fc.nat(2 ** 32 - 1) });
  fc.assert(
    fc.property(will, (given) => {
      expect(plainWill(roundTrip((writer) => records.writeWill(writer, given, clock), (reader) => records.readWill(reader, clock)))).toEqual(plainWill(given));
    }),
  );
});

test('what is special about a delivery', () => {
  fc.assert(
    fc.property(qos, fc.boolean(), ids, (of, retain, subscriptionIdentifiers) => {
      const given = { qos: of, retain, subscriptionIdentifiers };
      expect(roundTrip((writer) => writeDelivery(writer, given), readDelivery)).toEqual({ ...given, isShared: false });
    }),
  );
});

test('a run: the entries that are asked for, those between passed over, shared messages by their number', () => {
  const entry = fc.record({ step: fc.integer({ min: 1, max: 1000 }), qos, retain: fc.boolean(), subscriptionIdentifiers: ids, message, body: fc.nat(3), isWanted: fc.boolean() });
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 10 }), (given) => {
      let last = 0;
      const entries = given.map(({ step, isWanted, body, ...rest }) => ({ entry: { ...rest, sequence: (last += step) }, body, isWanted }));
      const writer = new ByteWriter(1);
      let before = 0;
      for (const { entry: each, body } of entries) {
        writeRunEntry(writer, each, before, body, clock);
        before = each.sequence;
      }
      const wanted = entries.filter(({ isWanted }) => isWanted);
      const sequences = new Set(wanted.map(({ entry: { sequence } }) => sequence));
      const found = readRun(new ByteReader(writer.copy()), clock, (sequence) => sequences.has(sequence));
      expect(found.map(({ sequence, body, bytes, message: own }) => [sequence, body, bytes, own === undefined])).toEqual(
        wanted.map(({ entry: { sequence, message: of }, body }) => [sequence, body, of.bytes, body > 0]),
      );
      for (const [at, each] of found.entries()) {
        const { entry: written } = wanted[at] as (typeof wanted)[number];
        expect(plainEntry({ ...each, message: each.message ?? written.message })).toEqual(plainEntry(written));
      }
    }),
  );
});
