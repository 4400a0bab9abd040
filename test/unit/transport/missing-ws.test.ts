// Goal: without the package `ws` everything else works and the error says what to install.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { expect, jest, test } from '@jest/globals';
import type { BrokerError } from '../../../src/errors/errors.js';
import { portOf } from './support.js';

jest.unstable_mockModule('ws', () => {
  throw new Error("Cannot find package 'ws'");
});
const { attachWebSocket } = await import('../../../src/transport/websocket.js');
const { listenWebSocket } = await import('../../../src/transport/listen-websocket.js');

test('listening is refused with ODN_ERR_MISSING_PACKAGE', async () => {
  const listening = listenWebSocket({ path: '/', maxPayloadBytes: 1, port: 0, host: '127.0.0.1' }, () => undefined);
  await expect(listening).rejects.toMatchObject({ code: 'ODN_ERR_MISSING_PACKAGE', message: expect.stringContaining('ws') });
});

test('attaching reports it and answers 503', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  const reported = new Promise<BrokerError>((onError) => {
    attachWebSocket(server, { path: '/', maxPayloadBytes: 1, onError }, () => undefined);
  });
  expect((await reported).code).toBe('ODN_ERR_MISSING_PACKAGE');
  const socket = connect(await portOf(server), '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n');
  expect(String((await once(socket, 'data'))[0])).toMatch(/^HTTP\/1\.1 503 /);
  await once(socket, 'close');
  await once(server.close(), 'close');
});
