/** What a logger, and who listens to a diagnostics channel, is told of connections. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, expect, test } from '@jest/globals';
import type { DiagnosticMessages, Logger } from '../../src/index.js';
import { wire } from '../../src/testing/index.js';

const undo: (() => void)[] = [];
afterEach(() => {
  for (const each of undo.splice(0)) each();
});

function heard<N extends keyof DiagnosticMessages>(channel: N): DiagnosticMessages[N][] {
  const messages: DiagnosticMessages[N][] = [];
  const listener = (message: unknown): void => void messages.push(message as DiagnosticMessages[N]);
  subscribe(channel, listener);
  undo.push(() => unsubscribe(channel, listener));
  return messages;
}

const meta = { transport: 'tcp', remoteAddress: '192.0.2.7' } as const;

test('odonata:connect tells of CONNECTs that were accepted and of connections that were refused', async () => {
  const connects = heard('odonata:connect');
  const client = wire({ meta, brokerOptions: { authenticate: ({ username }) => username === 'ann' } });
  const other = wire({ broker: client.broker, meta, protocolVersion: 4 });
  const scanner = wire({ broker: client.broker, meta });
  const silent = wire({ broker: client.broker, meta });
  client.connect({ clientId: 'a', username: 'ann' });
  other.connect({ clientId: 'b', username: 'bob' });
  scanner.sendsHex('47 45 54 20 2f');
  silent.drop(); // nothing was asked, so nothing was refused
  await client.settled();
  const byClient = Object.fromEntries(connects.map(({ clientId, ...message }) => [String(clientId), message]));
  expect(byClient).toEqual({
    a: { protocolVersion: 5, ...meta, sessionPresent: false, reasonCode: 0 },
    b: { protocolVersion: 4, ...meta, sessionPresent: false, reasonCode: 0x86 },
    undefined: { protocolVersion: undefined, ...meta, sessionPresent: false, reasonCode: expect.any(Number) },
  });
  expect(connects).toHaveLength(3);
});

test('odonata:publish, odonata:deliver and odonata:drop follow a message', async () => {
  const [published, delivered, dropped] = [heard('odonata:publish'), heard('odonata:deliver'), heard('odonata:drop')];
  const authorize = (_client: object, { type, topic }: { type: string; topic: string }) => type !== 'publish' || topic === 'open';
  const publisher = wire({ brokerOptions: { authorize } });
  const subscriber = wire({ broker: publisher.broker });
  publisher.connect({ clientId: 'p' });
  subscriber.connect({ clientId: 's' });
  await publisher.settled();
  subscriber.subscribe('#', { qos: 1 });
  await publisher.settled();
  publisher.publish({ topic: 'open', payload: 'abc', qos: 1 }).publish({ topic: 'closed', payload: 'abc' });
  await publisher.settled();
  expect(published).toEqual([{ clientId: 'p', topic: 'open', qos: 1, retain: false, payloadBytes: 3 }]);
  expect(delivered).toEqual([]); // QoS 1 counts when it is acknowledged
  subscriber.puback(1);
  expect(delivered).toEqual([{ clientId: 's', topic: 'open', qos: 1, retain: false, payloadBytes: 3 }]);
  expect(dropped).toEqual([{ clientId: 'p', topic: 'closed', qos: 0, reason: 'publishDenied' }]);
});

test('odonata:hook tells what each hook came to', async () => {
  const hooks = heard('odonata:hook');
  const client = wire({ brokerOptions: { authenticate: async () => true, authorize: () => ({ action: 'deny', reasonCode: 0x97 }) } });
  client.connect({ clientId: 'a' });
  await client.settled();
  client.subscribe('t');
  expect(hooks).toEqual([
    { hook: 'authenticate', clientId: 'a', reasonCode: 0, durationMs: 0 },
    { hook: 'authorize', clientId: 'a', reasonCode: 0x97, durationMs: 0 },
  ]);
});

test('a logger gets clients at debug, the broker at info and hooks that fail at warn', async () => {
  const lines: unknown[] = [];
  const at = (level: string) => (fields: object, message?: string) => void lines.push([level, message, fields]);
  const logger: Logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  const authenticate = ({ username }: { readonly username: string | undefined }): boolean => {
    if (username === undefined) throw new Error('no database');
    return username === 'ann';
  };
  const client = wire({ meta, brokerOptions: { logger, authenticate, closeGraceSeconds: 0 } });
  client.connect({ clientId: 'a', username: 'ann' });
  await client.settled();
  wire({ broker: client.broker, meta }).connect({ clientId: 'b', username: 'bob' });
  wire({ broker: client.broker, meta }).connect({ clientId: 'c' });
  client.disconnect().end();
  await client.settled();
  const closed = client.broker.close();
  await client.settled();
  client.clock.advance(1);
  await closed;
  expect(lines).toEqual([
    ['debug', 'client connected', { clientId: 'a', principal: 'ann', protocolVersion: 5, ...meta, sessionPresent: false }],
    ['debug', 'connection refused', { clientId: 'b', reasonCode: 0x86, why: 'refused by authenticate', ...meta }],
    ['warn', 'hook authenticate failed: no database', { code: 'ODN_ERR_HOOK', hook: 'authenticate', err: expect.any(Error) }],
    ['debug', 'connection refused', { clientId: 'c', reasonCode: 0x83, why: 'refused by authenticate', ...meta }],
    ['debug', 'client disconnected', { clientId: 'a', reasonCode: 0, why: 'DISCONNECT' }],
    ['info', 'closed', {}],
  ]);
});
