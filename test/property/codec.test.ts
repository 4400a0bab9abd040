/**
 * Goal: whatever bytes come, the reader gives packets or one protocol error with a reason code, the same however they
 * are cut, and allocates no more than its limit. Method: noise, packets of which parts are noise, and damaged streams
 * of valid ones; small limits, so that each of them is met.
 */
import { describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { PacketReader, type ReaderLimits } from '../../src/packet/packet-reader.js';
import { clientCase, connectCase } from '../unit/packet/client-packets.js';
import { connectOf, defaultLimits, outcomeOf, packet, type Outcome } from '../unit/packet/wire.js';

const versions = [3, 4, 5] as const;

// ---- bytes ----

const noise = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes));

/** A first byte that is likely, a Remaining Length that is right, or a lie, and any body. */
const headed = fc
  .tuple(
    fc.oneof(fc.constantFrom(0x10, 0x30, 0x31, 0x32, 0x35, 0x3a, 0x40, 0x50, 0x62, 0x6a, 0x70, 0x82, 0x8a, 0xa2, 0xc0, 0xe0, 0xf0), fc.integer({ min: 0, max: 255 })),
    fc.uint8Array({ maxLength: 90 }),
    fc.option(fc.uint8Array({ minLength: 1, maxLength: 5 }), { nil: undefined, freq: 3 }),
  )
  .map(([first, body, length]) => (length === undefined ? packet(first, body) : Buffer.concat([Buffer.of(first), length, body])));

/** What of a 5.0 packet is made of properties: identifiers that exist, values that may not. */
const propertyLike = fc
  .array(fc.tuple(fc.constantFrom(0x01, 0x02, 0x03, 0x08, 0x09, 0x0b, 0x11, 0x15, 0x16, 0x17, 0x1f, 0x21, 0x22, 0x23, 0x26, 0x27), fc.uint8Array({ maxLength: 6 })), { maxLength: 4 })
  .chain((properties) => {
    const bytes = Buffer.concat(properties.map(([id, value]) => Buffer.concat([Buffer.of(id), value])));
    const content = Buffer.concat([Buffer.of(bytes.length), bytes]);
    return fc.constantFrom(
      packet(0x30, Buffer.concat([Buffer.of(0, 1, 0x74), content])),
      packet(0x82, Buffer.concat([Buffer.of(0, 1), content, Buffer.of(0, 1, 0x74, 0)])),
      packet(0xe0, Buffer.concat([Buffer.of(0), content])),
      packet(0xf0, Buffer.concat([Buffer.of(0x18), content])),
      packet(0x40, Buffer.concat([Buffer.of(0, 1, 0), content])),
      packet(0x10, Buffer.concat([Buffer.from('00044d5154540502000a', 'hex'), content, Buffer.of(0, 1, 0x61)])),
    );
  });

/** Other bytes, some that are missing or too many, or an end that comes early. */
const damage = fc.record({ at: fc.nat(), more: fc.uint8Array({ maxLength: 8 }), missing: fc.constantFrom(0, 1, 1, 2, Infinity) }).map(
  ({ at, more, missing }) =>
    (bytes: Buffer): Buffer => {
      const from = at % Math.max(1, bytes.length);
      return Buffer.concat([bytes.subarray(0, from), more, bytes.subarray(Math.min(bytes.length, from + missing))]);
    },
);

const damaged = fc.constantFrom(...versions).chain((version) =>
  fc
    .tuple(connectCase(version), fc.array(clientCase(version), { maxLength: 3 }), fc.array(damage, { minLength: 1, maxLength: 3 }))
    .map(([connect, cases, damages]) => damages.reduce<Buffer>((bytes, harm) => harm(bytes), Buffer.concat([connect.bytes, ...cases.map((each) => each.bytes.subarray(0, 400))]))),
);

const afterConnect = fc.tuple(fc.constantFrom(...versions), fc.array(fc.oneof(headed, propertyLike, noise), { minLength: 1, maxLength: 4 })).map(([version, parts]) => Buffer.concat([connectOf(version), ...parts]));

/** What noise hardly ever is: a wildcard in a Will Topic, Topic Alias 0. */
const rare = fc.constantFrom(packet(0x10, "0004 'MQTT' 05 06 0000 00 0001 'a' 00 0001 '#' 0000"), Buffer.concat([connectOf(5), packet(0x30, "0001 't' 03 23 0000")]));

const anyBytes: fc.Arbitrary<Buffer> = fc.oneof(noise, headed, propertyLike, afterConnect, afterConnect, damaged, rare);

const limits: fc.Arbitrary<ReaderLimits> = fc.oneof(
  fc.constant(defaultLimits),
  fc.record({
    packetBytesMax: fc.integer({ min: 32, max: 300 }),
    connectBytesMax: fc.integer({ min: 32, max: 300 }),
    userPropertiesMax: fc.integer({ min: 0, max: 3 }),
    strictText: fc.boolean(),
    topicLevelsMax: fc.integer({ min: 1, max: 4 }),
    topicBytesMax: fc.integer({ min: 1, max: 30 }),
  }),
);

/** Pieces in which the bytes come: cut at any places, or everywhere. */
const cuts = fc.oneof({ weight: 3, arbitrary: fc.array(fc.nat(), { maxLength: 8 }) }, { weight: 1, arbitrary: fc.constant(undefined) });

function pieces(bytes: Buffer, where: readonly number[] | undefined): Buffer[] {
  const at = where === undefined ? [...bytes.keys()] : [...new Set(where.map((cut) => cut % Math.max(1, bytes.length)))].toSorted((a, b) => a - b);
  // Copies, so that nothing is read beyond a piece by accident.
  return [0, ...at].map((start, index) => Buffer.from(bytes.subarray(start, at[index] ?? bytes.length)));
}

/** Hands all pieces over before it reads, as when a connection waits for a hook. */
function queued(reader: PacketReader, chunks: readonly Buffer[]): Outcome {
  for (const chunk of chunks) reader.push(chunk);
  return outcomeOf(reader, [Buffer.alloc(0)]);
}

/** What the reader may find wrong: malformed, protocol error, version, topic name, alias, size, too many properties. */
const reasonCodes: ReadonlySet<number> = new Set([0x81, 0x82, 0x84, 0x90, 0x94, 0x95, 0x97]);

// ---- tests ----

test('any bytes give packets or one protocol error, the same however they are cut; nothing follows an error', () => {
  const seen = new Map<number | undefined, number>();
  fc.assert(
    fc.property(anyBytes, limits, cuts, (bytes, own, where) => {
      const whole = outcomeOf(new PacketReader(own), [bytes]);
      const chunks = pieces(bytes, where);
      const reader = new PacketReader(own);
      expect(outcomeOf(reader, chunks)).toEqual(whole);
      expect(queued(new PacketReader(own), chunks)).toEqual(whole);
      const { error } = whole;
      seen.set(error?.reasonCode, (seen.get(error?.reasonCode) ?? 0) + 1);
      if (error === undefined) return;
      expect([error.reasonCode, reasonCodes.has(error.reasonCode)]).toEqual([error.reasonCode, true]);
      expect(error.statement).toMatch(/^(MQTT|X5)-[\d.]+-\d+$/);
      reader.push(connectOf(5));
      expect([reader.next(), reader.pendingBytes]).toEqual([0, 0]);
    }),
    { numRuns: 2500 },
  );
  // Every kind of end was met, most of them often.
  expect([...reasonCodes].filter((code) => !seen.has(code))).toEqual([]);
  expect(seen.get(undefined)).toBeGreaterThan(250);
});

describe('allocation', () => {
  /** The largest buffer that is made while `run` goes on. */
  function largestWhile(run: () => void): number {
    let largest = 0;
    for (const name of ['alloc', 'allocUnsafe', 'allocUnsafeSlow'] as const) {
      const original = Buffer[name].bind(Buffer) as (size: number) => Buffer<ArrayBuffer>;
      jest.spyOn(Buffer, name).mockImplementation((size: number) => {
        largest = Math.max(largest, size);
        return original(size);
      });
    }
    try {
      run();
    } finally {
      jest.restoreAllMocks();
    }
    return largest;
  }

  function readAll(reader: PacketReader, chunks: readonly Buffer[], isQueued: boolean): void {
    for (const chunk of chunks) {
      reader.push(chunk);
      while (!isQueued && reader.next() !== 0);
    }
    while (reader.next() !== 0);
  }

  /** What waits in small pieces is gathered in blocks of this size. */
  const blockBytes = 4096;

  test('no input makes the reader allocate more than its limit, or, while it waits, one block beside what has come', () => {
    let allocated = 0;
    fc.assert(
      fc.property(anyBytes, limits, cuts, fc.boolean(), (bytes, own, where, isQueued) => {
        const chunks = pieces(bytes, where);
        const reader = new PacketReader(own);
        const largest = largestWhile(() => {
          try {
            readAll(reader, chunks, isQueued);
          } catch (error) {
            if ((error as Error).name !== 'PeerProtocolError') throw error;
          }
        });
        if (largest > 0) allocated += 1;
        const limit = Math.max(own.packetBytesMax, own.connectBytesMax);
        expect(largest).toBeLessThanOrEqual(isQueued ? Math.max(limit, blockBytes) : limit);
        expect(reader.pendingBytes).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 1200 },
    );
    expect(allocated).toBeGreaterThan(400);
  });

  test.each([
    ['a PUBLISH', '30'],
    ['a SUBSCRIBE', '82'],
    ['a DISCONNECT', 'e0'],
  ])('the longest Remaining Length there is, of %s: refused at its header, with nothing allocated for it', (_name, first) => {
    const reader = new PacketReader(defaultLimits);
    reader.push(connectOf(5));
    reader.next();
    const header = Buffer.from(`${first}ffffff7f`, 'hex');
    const largest = largestWhile(() => {
      for (const byte of header) reader.push(Buffer.from([byte]));
      expect(() => reader.next()).toThrow(expect.objectContaining({ reasonCode: 0x95 }));
    });
    expect(largest).toBeLessThanOrEqual(blockBytes);
  });

  test('a lie within the limit costs no more than twice what has come, and 16 KiB', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 30_000 }), { maxLength: 12 }), (sizes) => {
        const reader = new PacketReader(defaultLimits);
        const rest = sizes.map((size) => Buffer.alloc(size));
        reader.push(connectOf(4));
        reader.next();
        let arrived = 0;
        // A PUBLISH of a whole MiB, of which at most a third comes.
        for (const chunk of [Buffer.from('30fcff3f0001', 'hex'), ...rest]) {
          arrived += chunk.length;
          const largest = largestWhile(() => {
            reader.push(chunk);
            expect(reader.next()).toBe(0);
          });
          expect(largest).toBeLessThanOrEqual(2 * arrived + 16_384);
        }
      }),
      { numRuns: 100 },
    );
  });
});
