/** The reader as a whole: chunk boundaries, waiting chunks, death after an error, memory. */
import { describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { PacketReader } from '../../../src/packet/packet-reader.js';
import { clientCase, connectCase } from './client-packets.js';
import { bytes, connectedReader, connectOf, current, defaultLimits, outcomeOf, packet, type Outcome } from './wire.js';

const versions = [3, 4, 5] as const;

/** `content` cut at `cuts` (any numbers, taken modulo its length). */
function split(content: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [...new Set(cuts.map((cut) => cut % content.length))].toSorted((a, b) => a - b);
  // Copies, so that no test reads beyond a chunk by accident.
  return [0, ...at].map((start, index) => Buffer.from(content.subarray(start, at[index] ?? content.length)));
}

/** Pushes all chunks before it reads, as when the connection waits for a hook. */
function outcomeOfQueued(reader: PacketReader, chunks: readonly Uint8Array[]): Outcome {
  for (const chunk of chunks) reader.push(chunk);
  return outcomeOf(reader, [Buffer.alloc(0)]);
}

/** A stream of packets from CONNECT on; with `damage`, one byte is another one. */
const stream = fc.constantFrom(...versions).chain((version) =>
  fc
    .record({
      connect: connectCase(version),
      cases: fc.array(clientCase(version), { maxLength: 6 }),
      damage: fc.option(fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }) }), { nil: undefined }),
      tail: fc.uint8Array({ maxLength: 6 }),
    })
    .map(({ connect, cases, damage, tail }) => {
      const content = Buffer.concat([connect.bytes, ...cases.map((each) => each.bytes), tail]);
      if (damage !== undefined) content[damage.at % content.length] = damage.byte;
      return content;
    }),
);

describe('chunk boundaries', () => {
  // Goal: the same packets and the same error wherever the stream is cut.
  // Method: arbitrary streams, half of them damaged.
  test('make no difference', () => {
    const seen = { errors: 0, whole: 0 };
    fc.assert(
      fc.property(stream, fc.array(fc.nat(), { maxLength: 12 }), (content, cuts) => {
        const whole = outcomeOf(new PacketReader(defaultLimits), [content]);
        const chunks = split(content, cuts);
        expect(outcomeOf(new PacketReader(defaultLimits), chunks)).toEqual(whole);
        expect(outcomeOfQueued(new PacketReader(defaultLimits), chunks)).toEqual(whole);
        if (whole.error === undefined) seen.whole += 1;
        else seen.errors += 1;
      }),
      { numRuns: 600 },
    );
    expect(seen.errors).toBeGreaterThan(50);
    expect(seen.whole).toBeGreaterThan(50);
  });

  test('at every byte', () => {
    fc.assert(
      fc.property(stream, (content) => {
        const short = content.subarray(0, 3000);
        const whole = outcomeOf(new PacketReader(defaultLimits), [short]);
        const single = Array.from(short, (byte) => Buffer.of(byte));
        expect(outcomeOf(new PacketReader(defaultLimits), single)).toEqual(whole);
        expect(outcomeOfQueued(new PacketReader(defaultLimits), single)).toEqual(whole);
      }),
      { numRuns: 100 },
    );
  });

  test('a large PUBLISH in many chunks', () => {
    const payload = Buffer.alloc(900_000, 'payload ');
    const content = packet(0x31, Buffer.concat([bytes("0003 'a/b'"), payload]));
    const reader = connectedReader(4);
    for (let at = 0; at < content.length; at += 65_536) {
      expect(reader.next()).toBe(0);
      reader.push(content.subarray(at, at + 65_536));
    }
    expect(reader.next()).toBe(3);
    const { publish } = reader;
    expect(payload.equals(publish.buffer.subarray(publish.payloadStart, publish.end))).toBe(true);
    expect(reader.pendingBytes).toBe(0);
  });
});

// Goal: nothing but a PeerProtocolError; outcomeOf passes other errors on.
// Method: noise, as the first bytes and behind each CONNECT.
test('arbitrary bytes throw PeerProtocolError or nothing', () => {
  let errors = 0;
  const noise = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    // Likely first bytes and a fitting length, so that bodies are reached.
    fc
      .tuple(
        fc.constantFrom(0x10, 0x30, 0x32, 0x3d, 0x40, 0x50, 0x62, 0x70, 0x82, 0xa2, 0xe0, 0xf0),
        fc.uint8Array({ maxLength: 120 }),
      )
      .map(([first, body]) => packet(first, body)),
    fc.uint8Array({ maxLength: 120 }).map((body) => packet(0x10, Buffer.concat([bytes("0004 'MQTT' 05"), body]))),
  );
  fc.assert(
    fc.property(fc.constantFrom(0, ...versions), noise, fc.boolean(), (version, content, strictText) => {
      const reader =
        version === 0 ? new PacketReader({ ...defaultLimits, strictText }) : connectedReader(version, { strictText });
      if (outcomeOf(reader, [content]).error !== undefined) errors += 1;
    }),
    { numRuns: 5000 },
  );
  expect(errors).toBeGreaterThan(1000);
});

describe('after an error', () => {
  test('the reader is dead', () => {
    const reader = connectedReader(5);
    reader.push(Buffer.concat([bytes('c000 00'), bytes('c000')]));
    expect(reader.next()).toBe(12);
    expect(() => reader.next()).toThrow(expect.objectContaining({ name: 'PeerProtocolError', reasonCode: 0x81 }));
    expect(reader.next()).toBe(0);
    expect(reader.pendingBytes).toBe(0);
    reader.push(bytes('c000'));
    expect(reader.pendingBytes).toBe(0);
    expect(reader.next()).toBe(0);
    expect(reader.packet).toBeUndefined();
    expect(reader.version).toBe(5);
  });
});

describe('pendingBytes', () => {
  test('counts what was pushed and not consumed', () => {
    const reader = connectedReader(5);
    expect(reader.pendingBytes).toBe(0);
    reader.push(bytes('c000 c000 40'));
    expect(reader.pendingBytes).toBe(5);
    expect(reader.next()).toBe(12);
    expect(reader.pendingBytes).toBe(3);
    reader.push(bytes('02'));
    reader.push(bytes('0001 e0'));
    expect(reader.pendingBytes).toBe(7);
    expect(reader.next()).toBe(12);
    expect(reader.next()).toBe(4);
    expect(reader.pendingBytes).toBe(1);
    expect(reader.next()).toBe(0);
    expect(reader.pendingBytes).toBe(1);
    reader.discard();
    expect(reader.pendingBytes).toBe(0);
  });

  test('discard drops waiting chunks too, and leaves the packet at hand', () => {
    const reader = connectedReader(4);
    reader.push(packet(0x30, "0001 't' 'x'"));
    expect(reader.next()).toBe(3);
    reader.push(bytes('c000 c0'));
    reader.push(bytes('00'));
    reader.discard();
    expect(current(reader, 3)).toMatchObject({ payload: '78' });
    expect(reader.next()).toBe(0);
    reader.push(bytes('c000'));
    expect(reader.next()).toBe(12);
  });
});

describe('waiting chunks', () => {
  test('keep their order behind a chunk that is read to its end', () => {
    const reader = connectedReader(4);
    reader.push(bytes('4002 0001'));
    reader.push(bytes('4002 0002'));
    expect(reader.next()).toBe(4);
    reader.push(bytes('4002 0003'));
    const ids = [reader.packetId];
    while (reader.next() !== 0) ids.push(reader.packetId);
    expect(ids).toEqual([1, 2, 3]);
  });

  test('small and large ones keep their order, and small ones are copied together', () => {
    const reader = connectedReader(4);
    const acks = Array.from({ length: 6000 }, (_, index) =>
      packet(0x40, Buffer.of((index + 1) >> 8, (index + 1) & 0xff)),
    );
    const large = Buffer.concat(
      Array.from({ length: 500 }, (_, index) => packet(0x50, Buffer.of((index + 1) >> 8, (index + 1) & 0xff))),
    );
    reader.push(bytes('c000'));
    for (const ack of acks.slice(0, 3000)) for (const byte of ack) reader.push(Buffer.of(byte));
    reader.push(large);
    for (const ack of acks.slice(3000)) reader.push(ack);
    expect(reader.pendingBytes).toBe(2 + 6000 * 4 + 2000);
    const seen: string[] = [];
    for (let type = reader.next(); type !== 0; type = reader.next())
      seen.push(`${type} ${type === 12 ? '' : reader.packetId}`);
    const numbers = (type: number, from: number, to: number) =>
      Array.from({ length: to - from }, (_, index) => `${type} ${from + index}`);
    expect(seen).toEqual(['12 ', ...numbers(4, 1, 3001), ...numbers(5, 1, 501), ...numbers(4, 3001, 6001)]);
    expect(reader.pendingBytes).toBe(0);
  });

  test('may come again after they were read to their end', () => {
    const reader = connectedReader(4);
    for (let round = 1; round <= 3; round += 1) {
      reader.push(bytes('4002 0001'));
      reader.push(bytes('4002 00'));
      reader.push(bytes('02 c000'));
      const seen: number[] = [];
      for (let type = reader.next(); type !== 0; type = reader.next()) seen.push(type);
      expect(seen).toEqual([4, 4, 12]);
      expect(reader.packetId).toBe(2);
    }
  });

  test('a chunk that is pushed is never written to', () => {
    fc.assert(
      fc.property(stream, fc.array(fc.nat(), { maxLength: 6 }), (content, cuts) => {
        const chunks = split(content, cuts);
        const copies = chunks.map((chunk) => Buffer.from(chunk));
        outcomeOf(new PacketReader(defaultLimits), chunks);
        expect(chunks.every((chunk, index) => chunk.equals(copies[index] as Buffer))).toBe(true);
      }),
      { numRuns: 100 },
    );
  });
});

describe('memory', () => {
  /** Largest single buffer that the reader allocates while `chunks` arrive, compared with `allowed(bytes arrived)`. */
  function allocations(chunks: readonly Buffer[], version: 4 | 5): { largest: number; excess: number } {
    const reader = new PacketReader({ ...defaultLimits, packetBytesMax: 268_435_460, connectBytesMax: 268_435_460 });
    let arrived = 0;
    let largest = 0;
    let excess = 0;
    const note = (size: number): void => {
      largest = Math.max(largest, size);
      excess = Math.max(excess, size - 2 * arrived - 16_384);
    };
    reader.push(connectOf(version));
    reader.next();
    for (const name of ['alloc', 'allocUnsafe', 'allocUnsafeSlow'] as const) {
      const original = Buffer[name].bind(Buffer) as (size: number) => Buffer<ArrayBuffer>;
      jest.spyOn(Buffer, name).mockImplementation((size: number) => {
        note(size);
        return original(size);
      });
    }
    for (const chunk of chunks) {
      arrived += chunk.length;
      reader.push(chunk);
      while (reader.next() !== 0);
    }
    jest.restoreAllMocks();
    return { largest, excess };
  }

  test('v5 [MQTT-3.2.2-15] a Remaining Length that lies allocates no more than twice what arrived and 16 KiB', () => {
    const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 70_000 })), {
      maxLength: 20,
    });
    fc.assert(
      fc.property(sizes, fc.constantFrom(4 as const, 5 as const), (pieces, version) => {
        const header = bytes('30 ffffff7f 0001 61');
        const rest = pieces.map((size) => Buffer.alloc(size));
        expect(allocations([header, ...rest], version).excess).toBe(0);
        expect(allocations([Buffer.concat([header, ...rest]), header], version).excess).toBe(0);
      }),
      { numRuns: 100 },
    );
    expect(allocations([bytes('30 ffffff7f')], 5).largest).toBe(16_384);
    expect(allocations([bytes('30 ff')], 5).largest).toBe(5);
  });

  test('a small packet that was cut gets no more than its size', () => {
    expect(allocations([bytes('30 0a 0001'), bytes('61')], 4).largest).toBe(12);
  });

  test('whole packets allocate nothing', () => {
    const content = Buffer.concat([
      packet(0x32, "0001 't' 0001 05 02 00000001 'x'"),
      bytes('4002 0001 62 02 0001 c000'),
    ]);
    expect(allocations([content, content, content], 5).largest).toBe(0);
  });
});
