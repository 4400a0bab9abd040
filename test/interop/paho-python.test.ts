/** Eclipse Paho for Python, as Debian packages it for its own interpreter. */
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { closeAll, next, run, serve } from './support.js';

afterEach(closeAll);

/** Runs python/peer.py to its end and returns the line it printed. */
async function peer(port: number, ...args: readonly string[]): Promise<unknown> {
  const { code, out, err } = await run('/usr/bin/python3', join(import.meta.dirname, 'python', 'peer.py'), String(port), ...args);
  const warnings = err.filter((line) => !/DeprecationWarning|CallbackAPIVersion/.test(line));
  expect({ code, warnings }).toEqual({ code: 0, warnings: [] });
  return JSON.parse(out.join(''));
}

test('5.0, QoS 2: properties arrive as they were sent, user properties in order', async () => {
  const { broker, port } = await serve();
  const left = next(broker, 'clientDisconnected');
  expect(await peer(port, 'echo')).toEqual({
    topic: 'python/t',
    qos: 2,
    payload: 'hello',
    properties: {
      ContentType: 'application/json',
      ResponseTopic: 'python/reply',
      CorrelationData: '0102',
      PayloadFormatIndicator: 1,
      MessageExpiryInterval: 600,
      UserProperty: [['b', '2'], ['a', '1'], ['b', '3']],
    },
  });
  expect((await left)[0].protocolVersion).toBe(5);
});

test.each([3, 4])('protocol version %i, QoS 1: a message comes back', async (version) => {
  const { broker, port } = await serve();
  const left = next(broker, 'clientDisconnected');
  expect(await peer(port, 'echo', String(version), '1')).toMatchObject({ topic: 'python/t', qos: 1, payload: 'hello' });
  expect((await left)[0].protocolVersion).toBe(version);
});

test('5.0, QoS 2: three hundred messages arrive once each, in order', async () => {
  const { port } = await serve();
  expect(await peer(port, 'order', '300')).toEqual({ payloads: Array.from({ length: 300 }, (_, index) => index) });
});

test('5.0: a session is resumed with what came meanwhile', async () => {
  const { port } = await serve();
  expect(await peer(port, 'session')).toEqual({ present: [0, 1], payloads: ['one', 'two'] });
});

test('5.0: a refused subscription shows its reason code', async () => {
  const { port } = await serve({ authorize: (_client, { topic }) => !topic.startsWith('secret/') });
  expect(await peer(port, 'denied')).toEqual({ subscribe: [0x87] });
});
