/** `hookConcurrencyMax`: so many answers of a kind are out, the rest waits in order, and nobody waits for ever. */
import { expect, test } from '@jest/globals';
import type { Action } from '../../src/hooks/hooks.js';
import { harness, turn } from './harness.js';

const publish: Action = { type: 'publish', topic: 't', qos: 0, retain: false, payloadBytes: 0, properties: {} };
const will: Action = { ...publish, type: 'will' };

/** A runner whose `authorize` is answered by the test; two answers may be out. */
function narrow() {
  const asked: { readonly id: string; readonly answer: (allowed: boolean) => void }[] = [];
  const made = harness(
    { authorize: ({ id }) => new Promise((answer) => asked.push({ id, answer })) },
    { hookConcurrencyMax: 2 },
  );
  return { ...made, asked, ids: () => asked.map(({ id }) => id) };
}

test('further questions wait, in order, until an answer is in', async () => {
  const { runner, client, asked, ids, pending } = narrow();
  const answers = ['a', 'b', 'c', 'd'].map((id) => runner.authorize(client(id), publish));
  expect(ids()).toEqual(['a', 'b']);
  expect(pending()).toBe(4);
  asked[1]?.answer(false);
  await turn();
  expect(ids()).toEqual(['a', 'b', 'c']);
  for (let index = 0; index < 4; index += 1) {
    asked[index]?.answer(true);
    await turn();
  }
  expect(await Promise.all(answers)).toMatchObject([{ reasonCode: 0 }, { reasonCode: 0x87 }, { reasonCode: 0 }, { reasonCode: 0 }]);
  expect(pending()).toBe(0);
});

test('the deadline counts from when the hook is called, and makes room', async () => {
  const { runner, client, ids, deadlines, failures, pending } = narrow();
  const answers = ['a', 'b', 'c'].map((id) => runner.authorize(client(id), publish));
  expect(deadlines.size).toBe(2);
  for (const { run } of [...deadlines]) run();
  expect(ids()).toEqual(['a', 'b', 'c']);
  expect(await Promise.all(answers.slice(0, 2))).toMatchObject([{ reasonCode: 0x87 }, { reasonCode: 0x87 }]);
  expect(failures).toHaveLength(2);
  expect(pending()).toBe(1);
});

test('plain values take no place, and one that waits makes no other overtake it', async () => {
  const order: string[] = [];
  const answers: ((allowed: boolean) => void)[] = [];
  const { runner, client } = harness(
    {
      authorize: ({ id }) => {
        order.push(id);
        return id === 'plain' ? true : new Promise((answer) => answers.push(answer));
      },
    },
    { hookConcurrencyMax: 1 },
  );
  void runner.authorize(client('plain'), publish);
  const first = runner.authorize(client('a'), publish);
  const waiting = [runner.authorize(client('plain'), publish), runner.authorize(client('b'), publish)];
  expect(order).toEqual(['plain', 'a']);
  answers[0]?.(true);
  await first;
  expect(order).toEqual(['plain', 'a', 'plain', 'b']);
  answers[1]?.(true);
  expect(await Promise.all(waiting)).toMatchObject([{ reasonCode: 0 }, { reasonCode: 0 }]);
});

test('a client that goes away while it waits is not asked about; its will is, once it is due', async () => {
  const { runner, client, asked, ids, failures } = narrow();
  const gone = new AbortController();
  for (const id of ['a', 'b']) void runner.authorize(client(id), publish);
  const moot = [publish, will].map((action) => runner.authorize(client('gone', gone), action));
  gone.abort();
  const due = runner.authorize(client('gone', gone), will);
  asked[0]?.answer(true);
  expect(await Promise.all(moot)).toMatchObject([{ reasonCode: 0x87 }, { reasonCode: 0x87 }]);
  expect(ids()).toEqual(['a', 'b', 'gone']);
  asked[2]?.answer(true);
  expect(await due).toMatchObject({ reasonCode: 0 });
  expect(failures).toEqual([]);
});

test('each kind of hook has its own places', () => {
  const never = (): Promise<never> => new Promise(() => undefined);
  let asked = 0;
  const { runner, client } = harness({ authorize: never, takeover: () => (asked += 1) > 0 }, { hookConcurrencyMax: 1 });
  for (let round = 0; round < 3; round += 1) void runner.authorize(client(), publish);
  expect(runner.takeover(client(), { principal: 'p', connected: false })).toBe(true);
  expect(asked).toBe(1);
});

test('a CONNECT waits connectTimeoutSeconds at most to be asked about: 0x89 Server busy', async () => {
  const { runner, request, deadlines, failures, pending } = harness(
    { authenticate: () => new Promise(() => undefined) },
    { hookConcurrencyMax: 1 },
  );
  void runner.authenticate(request());
  const answer = runner.authenticate(request());
  [...deadlines].find(({ afterMs }) => afterMs === 7000)?.run();
  expect(await answer).toMatchObject({ action: 'deny', reasonCode: 0x89 });
  expect(failures).toMatchObject([expect.stringMatching(/hookConcurrencyMax \(1\)/)]);
  expect(pending()).toBe(1);
});
