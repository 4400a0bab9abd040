/**
 * Several CONNECTs with one client identifier at the same time, and hooks that answer late and out of order: one
 * client is left, each other one was told, and no session, will or message is there twice.
 */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { AuthenticateAnswer, AuthenticateRequest, Takeover } from '../../src/index.js';
import { Asked } from './asked.js';
import { openRig, payloads, Questions, short } from './rig.js';
import type { Rig } from './rig.js';

type Client = ReturnType<Rig['open']>;

/** Exactly one is connected and works; every other one was refused or displaced, and closed. */
function expectOneLeft(rig: Rig, clients: readonly Client[]): Client {
  const open = clients.filter(({ closed }) => !closed);
  expect(open).toHaveLength(1);
  const [left] = open as [Client];
  expect(short(left.received())[0]).toBe('connack');
  expect(short(left.pingreq().received())).toEqual(['pingresp']);
  for (const client of clients) {
    if (client === left) continue;
    const [last] = client.received().slice(-1);
    expect(last).toMatchObject({ type: 'disconnect', reasonCode: 0x8e });
  }
  expect([...rig.broker.clients.keys()].filter((id) => id === 'a')).toHaveLength(1);
  return left;
}

describe('authenticate answers late', () => {
  test.each([
    ['in order', [0, 0, 0, 0, 0]],
    ['backwards', [4, 3, 2, 1, 0]],
    ['mixed', [2, 0, 2, 1, 0]],
  ] as const)('%s: whoever is answered last stays', async (_, order) => {
    const asked = new Asked<AuthenticateRequest, AuthenticateAnswer>(() => rig);
    const rig: Rig = openRig({ authenticate: asked.ask });
    const clients = order.map((_each, index) => rig.open().connect({ clientId: 'a', username: `u${index}`.slice(0, 1), keepalive: index }));
    expect(asked.open).toHaveLength(5);
    let last: number | undefined;
    for (const index of order) {
      last = asked.questions[index]?.keepAliveSeconds;
      await asked.answer(true, index);
    }
    expect(expectOneLeft(rig, clients)).toBe(clients[last ?? -1]);
    expect(rig.stats).toMatchObject({ sessions: 1, clients: 1, connections: 1, sessionsTakenOver: 4 });
  });

  test('all in the same turn', async () => {
    const asked = new Asked<AuthenticateRequest, AuthenticateAnswer>(() => rig);
    const rig: Rig = openRig({ authenticate: asked.ask });
    const clients = [1, 2, 3, 4].map(() => rig.open().connect({ clientId: 'a', clean: false, properties: { sessionExpiryInterval: 60 } }));
    for (const { resolve } of asked.open.splice(0)) resolve(true);
    await rig.settle();
    const left = expectOneLeft(rig, clients);
    expect(left).toBe(clients[3]);
    expect(rig.stats).toMatchObject({ sessions: 1, clients: 1 });
  });

  test('some refused, some gone meanwhile', async () => {
    const asked = new Asked<AuthenticateRequest, AuthenticateAnswer>(() => rig);
    const rig: Rig = openRig({ authenticate: asked.ask });
    const clients = [0, 1, 2, 3].map(() => rig.open().connect({ clientId: 'a' }));
    clients[1]?.drop();
    await asked.answer(true);
    await asked.answer(true);
    await asked.answer(false);
    await asked.answer(true);
    expect(clients.map((client) => short(client.received()))).toEqual([['connack', 'disconnect 0x8e'], [], ['connack 0x87'], ['connack']]);
    expect(rig.stats).toMatchObject({ sessions: 1, clients: 1, connections: 1 });
  });
});

test('wills asked for late: as many wills as displaced clients, each once', async () => {
  const wills = new Questions('will');
  const rig = openRig({ authorize: wills.authorize });
  const watcher = rig.subscriber('watcher', 'w', 1);
  const clients = [0, 1, 2, 3].map((index) => rig.open().connect({ clientId: 'a', will: { topic: 'w', payload: String(index), qos: 1 } }));
  expect(wills.open).toHaveLength(4);
  // At registration, then again for each will that fires.
  expect(await wills.answerAll(rig)).toBe(7);
  expectOneLeft(rig, clients).disconnect();
  const seen = payloads(watcher);
  expect(seen).toHaveLength(3);
  expect(new Set(seen)).toEqual(new Set(['0', '1', '2']));
});

// It is asked before a CONNECT stands in line for the identifier: a stranger never holds up the owner.
test('the takeover hook answers late: the owner passes, and whoever was granted another holder is asked again', async () => {
  const asked = new Asked<Parameters<Takeover>[1], boolean>(() => rig);
  const rig: Rig = openRig({ authenticate: () => true, takeover: (_, holder) => asked.ask(holder) });
  const first = rig.client('a', { username: 'p' });
  const others = ['q', 'r', 'p'].map((username) => rig.open().connect({ clientId: 'a', username }));
  expect(asked.questions).toMatchObject([{ principal: 'p' }, { principal: 'p' }]);
  expect(short(first.received())).toEqual(['disconnect 0x8e']); // by the owner's own CONNECT
  expect(short((others[2] as Client).received())).toEqual(['connack']);
  await asked.answer(true); // q has it now
  expect(asked.questions).toMatchObject([{ principal: 'p' }]);
  await asked.answer(true); // r may have it of p, and is asked about against q
  expect(asked.questions).toMatchObject([{ principal: 'q' }]);
  await asked.answer(false);
  expect(others.map((client) => short(client.received()))).toEqual([['connack'], ['connack 0x87'], ['disconnect 0x8e']]);
  expect(rig.stats).toMatchObject({ sessions: 1, clients: 1 });
});

test('a takeover that is allowed when the session has ended finds a free identifier', async () => {
  const asked = new Asked<Parameters<Takeover>[1], boolean>(() => rig);
  const rig: Rig = openRig({ authenticate: () => true, takeover: (_, holder) => asked.ask(holder) });
  const holder = rig.client('a', { username: 'p' });
  const other = rig.open().connect({ clientId: 'a', clean: false, username: 'q' });
  holder.disconnect();
  await asked.answer(true);
  expect(other.received()).toMatchObject([{ type: 'connack', reasonCode: 0, sessionPresent: false }]);
});

test('a client that waits behind another and goes away lets the next one through', async () => {
  const asked = new Asked<Parameters<Takeover>[1], boolean>(() => rig);
  const rig: Rig = openRig({ authenticate: () => true, takeover: (_, holder) => asked.ask(holder) });
  rig.client('a', { username: 'p' });
  const [second, third, fourth] = ['q', 'p', 'p'].map((username) => rig.open().connect({ clientId: 'a', username })) as [Client, Client, Client];
  third.drop();
  await asked.answer(false);
  expect(short(second.received())).toEqual(['connack 0x87']);
  expect(short(fourth.received())).toEqual(['connack']);
  expect(rig.stats).toMatchObject({ sessions: 1, clients: 1, connections: 1 });
});

test('the session ends by expiry while a CONNECT for it waits: it gets a new one', async () => {
  const asked = new Asked<AuthenticateRequest, AuthenticateAnswer>(() => rig);
  const rig: Rig = openRig({ authenticate: asked.ask, hookTimeoutSeconds: Infinity });
  const first = rig.open().connect({ clientId: 'a', properties: { sessionExpiryInterval: 10 } });
  await asked.answer(true);
  first.disconnect();
  const next = rig.open().connect({ clientId: 'a', clean: false, properties: { sessionExpiryInterval: 10 } });
  rig.clock.advance(10_000);
  await asked.answer(true);
  expect(next.received()).toMatchObject([{ type: 'connack', reasonCode: 0, sessionPresent: false }]);
});

test('other client identifiers do not wait', async () => {
  const asked = new Asked<AuthenticateRequest, AuthenticateAnswer>(() => rig);
  const rig: Rig = openRig({ authenticate: (request) => request.clientId !== 'a' || asked.ask(request) });
  rig.open().connect({ clientId: 'a' });
  expect(short(rig.open().connect({ clientId: 'b' }).received())).toEqual(['connack']);
});

type Step =
  | { readonly do: 'connect'; readonly clean: boolean; readonly expiry: number }
  | { readonly do: 'answer'; readonly index: number; readonly allow: boolean }
  | { readonly do: 'leave'; readonly index: number; readonly how: 'drop' | 'disconnect' };

const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant('connect' as const), clean: fc.boolean(), expiry: fc.constantFrom(0, 60) }),
    fc.record({ do: fc.constant('answer' as const), index: fc.nat(5), allow: fc.boolean() }),
    fc.record({ do: fc.constant('leave' as const), index: fc.nat(5), how: fc.constantFrom('drop' as const, 'disconnect' as const) }),
  ) satisfies fc.Arbitrary<Step>,
  { maxLength: 25 },
);

// Goal: no order of CONNECTs, answers and departures leaves two clients or a lost session. Method: 60 random ones.
test('any order of CONNECTs, answers and departures leaves at most one client', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (script) => {
      const asked = new Asked<AuthenticateRequest, AuthenticateAnswer>(() => rig);
      const rig: Rig = openRig({ authenticate: asked.ask });
      const clients: Client[] = [];
      for (const step of script) {
        if (step.do === 'connect') {
          clients.push(rig.open().connect({ clientId: 'a', clean: step.clean, properties: { sessionExpiryInterval: step.expiry } }));
        } else if (step.do === 'answer' && asked.open.length > 0) {
          await asked.answer(step.allow, step.index % asked.open.length);
        } else if (step.do === 'leave' && clients.length > 0) {
          clients[step.index % clients.length]?.[step.how]();
        }
        expect(rig.stats.clients).toBeLessThanOrEqual(1);
        expect(rig.stats.sessions).toBeLessThanOrEqual(1);
      }
      while (asked.open.length > 0) await asked.answer(true);
      const open = clients.filter(({ closed }) => !closed);
      expect(rig.stats).toMatchObject({ clients: open.length, connections: open.length });
      expect(open.length).toBeLessThanOrEqual(1);
      for (const client of open) client.drop();
      rig.clock.advance(120_000);
      expect(rig.stats).toMatchObject({ sessions: 0, clients: 0, connections: 0 });
    }),
    { numRuns: 60 },
  );
});
