import { expect, test } from '@jest/globals';
import { ChunkQueue } from '../../../src/packet/chunk-queue.js';

// A publisher whose hook is asynchronous may keep the queue from ever being empty.
test.each([1, 100, 5000])('chunks that were taken are let go of, also when the queue is never empty (%i bytes)', (bytes) => {
  const queue = new ChunkQueue();
  let pushed = 0;
  let taken = '';
  let expected = '';
  for (let count = 0; count < 2000; count += 1) {
    for (let more = count === 0 ? 3 : 1; more > 0; more -= 1) {
      const text = String.fromCharCode(97 + (pushed % 26));
      expected += text;
      queue.push(Buffer.alloc(bytes, text));
      pushed += 1;
      if (bytes < 1024) queue.push(Buffer.alloc(2000, '#')); // so that small ones are not all collected in one
    }
    const chunk = queue.shift();
    if (chunk !== undefined && chunk[0] !== 0x23) taken += String.fromCharCode(chunk[0] as number);
    if (bytes < 1024) queue.shift();
  }
  expect(expected.startsWith(taken)).toBe(true);
  const { chunks } = queue as unknown as { chunks: readonly unknown[] };
  expect(chunks.length).toBeLessThan(100);
});
