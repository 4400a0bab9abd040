// Goal: whatever a stream does, the receiver hears of it once, in order and without an unhandled event.
import { once } from 'node:events';
import { Duplex, PassThrough } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import { isBrokerError } from '../../../src/errors/errors.js';
import { duplexTransport } from '../../../src/transport/duplex.js';
import { memoryDuplexPair } from '../../../src/transport/memory-duplex.js';
import { record, socketPair } from './support.js';

/** `once` of node:events would reject when the stream closes with an error. */
const closed = (stream: Duplex): Promise<void> => new Promise((resolve) => void stream.once('close', resolve));

describe('over TCP', () => {
  test('carries bytes both ways and knows the addresses', async () => {
    const { near, far } = await socketPair();
    const { localPort: farPort, remotePort: nearPort } = far;
    const transport = duplexTransport(near);
    const received = record(transport);
    far.write('hello');
    await received.called('bytes:hello');
    transport.write(Buffer.from('wor'));
    transport.writeMany([Buffer.from('l'), Buffer.alloc(0), Buffer.from('d')]);
    transport.end();
    let text = '';
    for await (const chunk of far) text += String(chunk);
    expect(text).toBe('world');
    expect(transport.meta).toEqual({
      transport: 'tcp',
      remoteAddress: '127.0.0.1',
      remotePort: farPort,
      localAddress: '127.0.0.1',
      localPort: nearPort,
    });
    far.end();
    await received.called('close');
    expect(received.calls).toEqual(['bytes:hello', 'end', 'close']);
    expect(received.error).toBeUndefined();
  });

  test('what the caller states wins over what the socket says', async () => {
    const { near, far } = await socketPair();
    const transport = duplexTransport(near, { remoteAddress: '203.0.113.9', transport: 'stream' });
    expect(transport.meta).toMatchObject({ transport: 'stream', remoteAddress: '203.0.113.9', localAddress: '127.0.0.1' });
    const received = record(transport);
    transport.destroy();
    far.destroy();
    await received.called('close');
    expect(transport.meta.remoteAddress).toBe('203.0.113.9');
  });

  test('after end the bytes of the peer go on arriving', async () => {
    const { near, far } = await socketPair();
    const transport = duplexTransport(near);
    const received = record(transport);
    transport.write(Buffer.from('bye'));
    transport.end();
    transport.write(Buffer.from('too late'));
    far.resume();
    await once(far, 'end');
    far.end('last words');
    await received.called('close');
    expect(received.calls).toEqual(['bytes:last words', 'end', 'close']);
    expect(far.bytesRead).toBe(3);
  });

  test('after the end of the peer it can still write', async () => {
    const { near, far } = await socketPair();
    const transport = duplexTransport(near);
    const received = record(transport);
    far.end('request');
    await received.called('end');
    expect(received.calls).toEqual(['bytes:request', 'end']);
    transport.write(Buffer.from('answer'));
    transport.end();
    let text = '';
    for await (const chunk of far) text += String(chunk);
    expect(text).toBe('answer');
    await received.called('close');
  });

  test('destroy tells onClose once, not from within the call, and stops delivery', async () => {
    const { near, far } = await socketPair();
    const transport = duplexTransport(near);
    const received = record(transport);
    far.write('a');
    await received.called('bytes:a');
    transport.destroy();
    transport.destroy();
    expect(received.calls).toEqual(['bytes:a']);
    far.on('error', () => undefined).write('b');
    await received.called('close');
    await closed(near);
    transport.write(Buffer.from('x'));
    transport.writeMany([Buffer.from('x')]);
    transport.pause();
    transport.resume();
    transport.end();
    expect(received.calls).toEqual(['bytes:a', 'close']);
    expect(transport.unsentBytes).toBe(0);
    far.destroy();
  });

  test('a reset is onClose with its error', async () => {
    const { near, far } = await socketPair();
    const received = record(duplexTransport(near));
    far.resetAndDestroy();
    await received.called('close');
    expect(received.calls).toEqual(['close']);
    expect(received.error).toMatchObject({ code: 'ECONNRESET' });
  });

  test('a reset before start is kept for start', async () => {
    const { near, far } = await socketPair();
    const transport = duplexTransport(near);
    far.resetAndDestroy();
    await closed(near);
    const received = record(transport);
    expect(received.calls).toEqual([]);
    await received.called('close');
    expect(received.error).toMatchObject({ code: 'ECONNRESET' });
  });

  test('a peer that ended before the hand-over is onEnd', async () => {
    const { near, far } = await socketPair();
    far.end();
    near.resume();
    await once(near, 'end');
    const received = record(duplexTransport(near));
    expect(received.calls).toEqual([]);
    await received.called('end');
    near.destroy();
    await received.called('close');
    expect(received.calls).toEqual(['end', 'close']);
  });

  test('bytes that wait in a paused stream arrive after start', async () => {
    const { near, far } = await socketPair();
    near.pause();
    far.write('early');
    near.read(0); // Node reads into its own buffer; nobody has asked for the bytes yet
    while (near.readableLength === 0) await new Promise((resolve) => void setImmediate(resolve));
    const transport = duplexTransport(near);
    const received = record(transport);
    await received.called('bytes:early');
    far.destroy();
    transport.destroy();
    await received.called('close');
  });

  test('pause holds the peer back, resume goes on where it stopped, and onDrain follows', async () => {
    const { near, far } = await socketPair();
    const writer = duplexTransport(near);
    const reader = duplexTransport(far);
    const sent = record(writer);
    const received = record(reader);
    reader.pause();
    const block = Buffer.alloc(256 * 1024, 'x');
    let total = 0;
    // Fill the kernel's buffers and ours until bytes stay behind for a whole turn.
    while (writer.unsentBytes === 0) {
      writer.write(block);
      total += block.length;
      await new Promise((resolve) => void setImmediate(resolve));
    }
    expect(received.calls).toEqual([]);
    expect(sent.calls).toEqual([]);
    reader.resume();
    await sent.called('drain');
    expect(writer.unsentBytes).toBe(0);
    await received.got(total);
    expect(received.bytes.equals(Buffer.alloc(total, 'x'))).toBe(true);
    writer.destroy();
    reader.destroy();
    await Promise.all([sent.called('close'), received.called('close')]);
  });

  test('a paused socket notices that its peer is gone', async () => {
    const { near, far } = await socketPair();
    const transport = duplexTransport(near);
    const received = record(transport);
    transport.pause();
    far.resetAndDestroy();
    await received.called('close');
  });

  test('every listener is gone when the stream is', async () => {
    const { near, far } = await socketPair();
    const names = ['data', 'end', 'error', 'close', 'finish', 'drain'] as const;
    const count = (): number[] => names.map((name) => near.listenerCount(name));
    const before = count();
    const received = record(duplexTransport(near));
    far.destroy();
    await received.called('end');
    near.destroy();
    await closed(near);
    expect(count()).toEqual(before);
    expect(received.calls).toEqual(['end', 'close']);
  });
});

describe('over any stream', () => {
  test('a write that leaves bytes behind below the high-water mark still gets its onDrain', async () => {
    let finish: (() => void) | undefined;
    const slow = new Duplex({
      read: () => undefined,
      write: (_chunk, _encoding, callback) => void (finish = callback),
    });
    const transport = duplexTransport(slow);
    const sent = record(transport);
    transport.write(Buffer.from('abc'));
    expect(transport.unsentBytes).toBe(3);
    finish?.();
    await sent.called('drain');
    expect(sent.calls).toEqual(['drain']);
    expect(transport.unsentBytes).toBe(0);
    transport.destroy();
    await sent.called('close');
  });

  test('writeMany is one writev', async () => {
    const batches: number[] = [];
    const stream = new Duplex({
      read: () => undefined,
      writev: (chunks, callback) => {
        batches.push(chunks.length);
        callback();
      },
    });
    const transport = duplexTransport(stream);
    const sent = record(transport);
    transport.writeMany([Buffer.from('a'), Buffer.from('b'), Buffer.from('c')]);
    expect(batches).toEqual([3]);
    transport.destroy();
    await sent.called('close');
  });

  test('the buffer may be reused at once although the stream keeps what it was given', async () => {
    const [near, far] = memoryDuplexPair();
    const transport = duplexTransport(near);
    const sent = record(transport);
    const slab = Buffer.from('first');
    transport.write(slab);
    expect(transport.unsentBytes).toBe(0);
    slab.write('XXXXX');
    transport.writeMany([slab.subarray(0, 2)]);
    slab.write('YYYYY');
    transport.end();
    let text = '';
    for await (const chunk of far) text += String(chunk);
    expect(text).toBe('firstXX');
    await sent.called('close');
    expect(transport.meta).toEqual({ transport: 'stream' });
  });

  test.each([
    ['an encoding', () => new PassThrough({ encoding: 'utf8' }), 'text'],
    ['object mode', () => new PassThrough({ objectMode: true }), { topic: 'a' }],
  ])('%s is refused', async (_name, make, chunk) => {
    const stream: PassThrough = make();
    const received = record(duplexTransport(stream));
    stream.write(chunk);
    await received.called('close');
    expect(received.calls).toEqual(['close']);
    expect(isBrokerError(received.error) && received.error.code).toBe('ODN_ERR_TRANSPORT');
    expect(stream.destroyed).toBe(true);
  });

  test('an error of the stream is handled once, also when it comes before start', async () => {
    const stream = new PassThrough();
    const transport = duplexTransport(stream);
    stream.destroy(new Error('cable cut'));
    await closed(stream);
    const received = record(transport);
    await received.called('close');
    expect(received.error?.message).toBe('cable cut');
    expect(['error', 'close'].map((name) => stream.listenerCount(name))).toEqual([0, 0]);
  });

  test('a stream that was destroyed before the hand-over is onClose with its error', async () => {
    const stream = new PassThrough().on('error', () => undefined);
    stream.destroy(new Error('too late'));
    await closed(stream);
    const received = record(duplexTransport(stream));
    await received.called('close');
    expect(received.error?.message).toBe('too late');
  });

  test('a stream that never emits close is closed all the same', async () => {
    const stream = new Duplex({ emitClose: false, autoDestroy: false, read: () => undefined, write: (_c, _e, done) => done() });
    const transport = duplexTransport(stream);
    const received = record(transport);
    stream.push(null);
    await received.called('end');
    transport.end();
    await received.called('close');
    expect(received.calls).toEqual(['end', 'close']);
    expect(stream.destroyed).toBe(true);
  });

  test('without allowHalfOpen the stream ends with its peer and later writes are dropped', async () => {
    const stream = new Duplex({ allowHalfOpen: false, read: () => undefined, write: (_c, _e, done) => done() });
    const transport = duplexTransport(stream);
    const received = record(transport);
    stream.push(null);
    await received.called('close');
    transport.write(Buffer.from('x'));
    expect(received.calls).toEqual(['end', 'close']);
    expect(received.error).toBeUndefined();
  });
});
