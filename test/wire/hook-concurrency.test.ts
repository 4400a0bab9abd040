/** `hookConcurrencyMax` in a broker: hooks that are slow are not asked without bounds, and nothing is lost meanwhile. */
import { expect, test } from '@jest/globals';
import type { AuthenticateAnswer, AuthenticateRequest } from '../../src/index.js';
import { Asked } from './asked.js';
import { numbered, openRig, payloads, Questions, short } from './rig.js';
import type { Rig } from './rig.js';

test('CONNECTs beyond it wait, in order, and stats().hooksPending counts all of them', async () => {
  const asked = new Asked<AuthenticateRequest, AuthenticateAnswer>(() => rig);
  const rig: Rig = openRig({ authenticate: asked.ask, hookConcurrencyMax: 2 });
  const clients = numbered(4).map((clientId) => rig.open().connect({ clientId }));
  expect(asked.questions.map(({ clientId }) => clientId)).toEqual(['1', '2']);
  expect(rig.stats.hooksPending).toBe(4);
  for (let index = 0; index < 4; index += 1) await asked.answer(true);
  expect(clients.map((client) => short(client.received()))).toEqual(numbered(4).map(() => ['connack']));
  expect(rig.stats.hooksPending).toBe(0);
});

test('one that waits longer than connectTimeoutSeconds gets 0x89 (3.x: 3), and is told as hookError', async () => {
  const rig = openRig({ authenticate: () => new Promise(() => undefined), hookConcurrencyMax: 1, connectTimeoutSeconds: 5 });
  const told: string[] = [];
  rig.broker.on('hookError', ({ message }) => told.push(message));
  rig.open().connect({ clientId: 'a' });
  const [five, four] = [5, 4].map((protocolVersion) => rig.open({ protocolVersion: protocolVersion as 4 | 5 }).connect({ clientId: 'b' }));
  rig.clock.advance(5000);
  await rig.settle();
  expect([five, four].map((client) => short(client?.received() ?? []))).toEqual([['connack 0x89'], ['connack 0x03']]);
  expect(told).toMatchObject([expect.stringContaining('hookConcurrencyMax'), expect.stringContaining('hookConcurrencyMax')]);
});

test('a client whose hook hangs takes a place until the deadline, then the others go on', async () => {
  const rig = openRig({
    authorize: ({ id }, { type }) => (id === 'hangs' && type === 'publish' ? new Promise(() => undefined) : Promise.resolve(true)),
    hookConcurrencyMax: 1,
  });
  const [hanging, other] = ['hangs', 'other'].map((id) => rig.client(id)) as [ReturnType<Rig['client']>, ReturnType<Rig['client']>];
  hanging.publish({ topic: 't', qos: 1, packetId: 1 });
  other.publish({ topic: 't', qos: 1, packetId: 1 });
  await rig.settle();
  expect(other.received()).toEqual([]);
  rig.clock.advance(10_000);
  await rig.settle();
  expect([hanging, other].map((client) => short(client.received()))).toEqual([['puback 1 0x87'], ['puback 1 0x10']]);
});

test('deliveries wait in their queues: each subscriber in order, none lost', async () => {
  const questions = new Questions('deliver');
  const rig = openRig({ authorize: questions.authorize, hookConcurrencyMax: 2 });
  const subscribers = ['a', 'b', 'c', 'd'].map((id) => rig.subscriber(id, 't', 1));
  const publisher = rig.client('pub');
  for (const payload of numbered(5)) publisher.publish({ topic: 't', payload, qos: 1 });
  expect(questions.open).toHaveLength(2);
  expect(await questions.answerAll(rig)).toBe(20);
  for (const subscriber of subscribers) expect(payloads(subscriber)).toEqual(numbered(5));
});

test('whoever goes away while it waits is not asked about', async () => {
  const questions = new Questions('publish');
  const rig = openRig({ authorize: questions.authorize, hookConcurrencyMax: 1 });
  const clients = ['a', 'b', 'c'].map((id) => rig.client(id).publish({ topic: 't', qos: 1, packetId: 1 }));
  clients[1]?.drop();
  const asked: string[] = [];
  await questions.answerAll(rig, ({ clientId }) => asked.push(clientId) > 0);
  expect(asked).toEqual(['a', 'c']);
  expect(rig.stats).toMatchObject({ hooksPending: 0, hookErrors: 0 });
});
