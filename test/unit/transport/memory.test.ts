// Goal: two ends in memory behave like the two ends of a socket; the transports do so within the call.
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import { memoryDuplexPair } from '../../../src/transport/memory-duplex.js';
import { memoryTransportPair } from '../../../src/transport/memory-transport.js';
import type { Transport } from '../../../src/transport/transport.js';
import { record, Recorder } from './support.js';

const text = (value: string): Buffer => Buffer.from(value, 'latin1');

describe('memoryDuplexPair', () => {
  test('carries bytes both ways and ends half by half', async () => {
    const [left, right] = memoryDuplexPair();
    left.write('ping ');
    left.end('pong');
    let there = '';
    for await (const chunk of right.iterator({ destroyOnReturn: false })) there += String(chunk);
    expect(there).toBe('ping pong');
    right.write('still ');
    right.end('open');
    let back = '';
    for await (const chunk of left) back += String(chunk);
    expect(back).toBe('still open');
  });

  test('a reader that does not read holds the writer back', async () => {
    const [left, right] = memoryDuplexPair();
    let written = 0;
    const block = Buffer.alloc(4_096);
    while (left.write(block)) written += block.length;
    const held = left.writableLength;
    expect(held).toBeGreaterThan(0);
    expect(written).toBeLessThan(1_000_000);
    right.resume();
    await once(left, 'drain');
    expect(left.writableLength).toBe(0);
    left.destroy();
    await once(right, 'close');
  });

  test('destroy travels to the other side, without an error there', async () => {
    const [left, right] = memoryDuplexPair();
    const closed = Promise.all([left, right].map((side: Duplex) => new Promise((resolve) => side.once('close', resolve))));
    left.once('error', () => undefined).destroy(new Error('mine'));
    await closed;
    expect(right.errored).toBeNull();
  });

  test('a side that ended well does not cut off what the other has not read yet', async () => {
    const [left, right] = memoryDuplexPair();
    left.end('unread');
    right.end();
    left.resume();
    await once(left, 'close');
    expect(right.destroyed).toBe(false);
    expect(String(right.read())).toBe('unread');
  });
});

describe('memoryTransportPair', () => {
  function pair(): { left: Transport; right: Transport; atLeft: Recorder; atRight: Recorder } {
    const [left, right] = memoryTransportPair();
    return { left, right, atLeft: record(left), atRight: record(right) };
  }

  test('a write has arrived when it returns, as a copy', () => {
    const { left, right, atLeft, atRight } = pair();
    const slab = text('abc');
    left.write(slab);
    slab.fill(0);
    left.writeMany([text('de'), text('f')]);
    left.write(Buffer.alloc(0));
    right.write(text('back'));
    expect(atRight.calls).toEqual(['bytes:abc', 'bytes:def']);
    expect(atLeft.calls).toEqual(['bytes:back']);
    expect([left.unsentBytes, right.unsentBytes]).toEqual([0, 0]);
    expect(left.meta).toEqual({ transport: 'memory' });
  });

  test('what is written before start or while paused waits in order and counts as unsent', () => {
    const [left, right] = memoryTransportPair();
    const atLeft = record(left);
    left.write(text('early '));
    expect(left.unsentBytes).toBe(6);
    const atRight = record(right);
    expect([atRight.calls, atLeft.calls]).toEqual([['bytes:early '], ['drain']]);
    right.pause();
    left.write(text('a'));
    left.write(text('bc'));
    left.end();
    expect(left.unsentBytes).toBe(3);
    right.resume();
    expect(atRight.calls).toEqual(['bytes:early ', 'bytes:a', 'bytes:bc', 'end']);
    expect(atLeft.calls).toEqual(['drain', 'drain']);
  });

  test('a receiver that pauses keeps the rest from itself', () => {
    const [left, right] = memoryTransportPair();
    record(left);
    const atRight = new Recorder();
    right.pause();
    right.start({
      onBytes: (chunk) => {
        atRight.onBytes(chunk);
        right.pause();
      },
      onDrain: () => undefined,
      onEnd: () => undefined,
      onClose: () => undefined,
    });
    for (const letter of 'abc') left.write(text(letter));
    expect([atRight.calls, left.unsentBytes]).toEqual([[], 3]);
    right.resume();
    expect([atRight.calls, left.unsentBytes]).toEqual([['bytes:a'], 2]);
    right.resume();
    right.resume();
    expect([atRight.calls, left.unsentBytes]).toEqual([['bytes:a', 'bytes:b', 'bytes:c'], 0]);
  });

  test('a receiver is never called from within its own call', () => {
    const [left, right] = memoryTransportPair();
    let depth = 0;
    let deepest = 0;
    const log: string[] = [];
    const echo = (name: string, side: Transport) => ({
      onBytes: (chunk: Uint8Array) => {
        depth += 1;
        deepest = Math.max(deepest, depth);
        const [count = 0] = chunk;
        log.push(`${name}${count}`);
        if (count > 0) side.write(Uint8Array.of(count - 1));
        log.push(`${name}${count}.`);
        depth -= 1;
      },
      onDrain: () => undefined,
      onEnd: () => undefined,
      onClose: () => undefined,
    });
    left.start(echo('L', left));
    right.start(echo('R', right));
    left.write(Uint8Array.of(1_000));
    left.write(Uint8Array.of(5));
    expect(deepest).toBe(2);
    expect(log.slice(-12).join(' ')).toBe('R5 L4 L4. R5. R3 L2 L2. R3. R1 L0 L0. R1.');
    expect([left.unsentBytes, right.unsentBytes]).toEqual([0, 0]);
  });

  test('both ends together close both sides; one alone does not', () => {
    const { left, right, atLeft, atRight } = pair();
    left.end();
    left.write(text('late'));
    expect([atLeft.calls, atRight.calls]).toEqual([[], ['end']]);
    right.write(text('goodbye'));
    right.end();
    expect([atLeft.calls, atRight.calls]).toEqual([['bytes:goodbye', 'end', 'close'], ['end', 'close']]);
    right.write(text('x'));
    right.destroy();
    left.resume();
    expect(atLeft.calls).toHaveLength(3);
  });

  test('an end waits behind bytes that a paused side has not read', () => {
    const { left, right, atLeft, atRight } = pair();
    right.pause();
    left.write(text('unread'));
    left.end();
    right.end();
    expect([atLeft.calls, atRight.calls]).toEqual([['end'], []]);
    right.resume();
    expect(atRight.calls).toEqual(['bytes:unread', 'end', 'close']);
    expect(atLeft.calls).toEqual(['end', 'drain', 'close']);
  });

  test('destroy is onClose on both sides, at once even for a paused one', () => {
    const { left, right, atLeft, atRight } = pair();
    right.pause();
    left.write(text('lost'));
    left.destroy();
    left.destroy();
    expect([atLeft.calls, atRight.calls]).toEqual([['close'], ['close']]);
    expect(left.unsentBytes).toBe(0);
  });

  test('what was written before a destroy within a call still arrives', () => {
    const [left, right] = memoryTransportPair();
    const atLeft = new Recorder();
    const atRight = record(right);
    left.start({
      onBytes: (chunk) => {
        atLeft.onBytes(chunk);
        left.write(text('answer'));
        left.destroy();
        expect(atLeft.calls).toEqual(['bytes:request']); // its own onClose comes after this call
      },
      onDrain: () => undefined,
      onEnd: () => undefined,
      onClose: () => atLeft.onClose(),
    });
    right.write(text('request'));
    expect([atLeft.calls, atRight.calls]).toEqual([
      ['bytes:request', 'close'],
      ['bytes:answer', 'close'],
    ]);
  });
});
