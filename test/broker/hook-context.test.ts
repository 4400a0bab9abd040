/** `hookContext: true`: whom a hook is asked about is known to whatever it calls, and to nothing else. */
import { expect, test } from '@jest/globals';
import { hookContext } from '../../src/index.js';
import type { BrokerOptions, HookContext } from '../../src/index.js';
import { testBroker } from '../support/broker.js';

/** A broker that notes the context in every hook, before and after it awaits something. */
function noting(options: BrokerOptions = {}) {
  const seen: [string, HookContext | undefined][] = [];
  const note = async (hook: string): Promise<void> => {
    seen.push([hook, hookContext()]);
    await Promise.resolve();
    seen.push([`${hook} later`, hookContext()]);
  };
  const made = testBroker({
    ...options,
    authenticate: async ({ username, authenticationMethod }) => {
      await note('authenticate');
      const allow = { action: 'allow', principal: `${username}!` } as const;
      if (authenticationMethod === undefined) return allow;
      return { action: 'challenge', next: async () => note('next').then(() => allow) };
    },
    authorize: async (_, { type }) => note(type).then(() => true),
    takeover: async () => note('takeover').then(() => false),
  });
  made.broker.use({
    name: 'more',
    onConnect: async () => note('onConnect').then(() => ({ subscriptions: [{ topicFilter: 't' }] })),
    onPublish: async () => note('onPublish').then(() => undefined),
    onSubscribe: async () => note('onSubscribe').then(() => undefined),
  });
  return { ...made, seen };
}

test('every hook finds its client, also behind an await; nobody else finds any', async () => {
  const { broker, client, clock, seen } = noting({ hookContext: true });
  const events: unknown[] = [];
  for (const event of ['client', 'subscribe', 'publish', 'delivered'] as const) broker.on(event, () => events.push(hookContext()));
  const a = client().connect({ clientId: 'a', username: 'u', properties: { authenticationMethod: 'm' } });
  await clock.settle();
  a.auth(0x18, { authenticationMethod: 'm' });
  await clock.settle();
  a.subscribe('u').publish({ topic: 't' });
  client().connect({ clientId: 'a', username: 'v' });
  await clock.settle();
  const hooks = ['authenticate', 'next', 'onConnect', 'subscribe', 'onSubscribe', 'onPublish', 'publish', 'deliver', 'takeover'];
  expect(new Set(seen.map(([hook]) => hook))).toEqual(new Set(hooks.flatMap((hook) => [hook, `${hook} later`])));
  for (const [hook, context] of seen) {
    const isLogin = hook.startsWith('authenticate') || hook.startsWith('next');
    const principal = isLogin ? undefined : hook.startsWith('takeover') ? 'v!' : 'u!';
    expect([hook, context]).toEqual([hook, { clientId: 'a', principal }]);
  }
  expect(events.length).toBeGreaterThan(3);
  expect(new Set(events)).toEqual(new Set([undefined]));
  expect(hookContext()).toBeUndefined();
});

test('two clients at a time are told apart', async () => {
  const { client, clock, seen } = noting({ hookContext: true });
  for (const id of ['a', 'b', 'c']) client().connect({ clientId: id, username: id });
  await clock.settle();
  const later = seen.filter(([hook]) => hook === 'onConnect later').map(([, context]) => context?.clientId);
  expect(later).toEqual(['a', 'b', 'c']);
});

test('without the option there is none', async () => {
  const { client, clock, seen } = noting();
  client().connect({ clientId: 'a', username: 'u' }).publish({ topic: 't' });
  await clock.settle();
  expect(seen.length).toBeGreaterThan(6);
  expect(seen.every(([, context]) => context === undefined)).toBe(true);
});
