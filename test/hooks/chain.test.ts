/** Several hooks of one kind: asked in order, deny wins, what they all allow is what the narrowest allows. */
import { describe, expect, test } from '@jest/globals';
import type { Action, AuthenticateAnswer, AuthorizeAnswer, Plugin } from '../../src/hooks/hooks.js';
import { harness } from './harness.js';

const publish: Action = { type: 'publish', topic: 't', qos: 0, retain: false, payloadBytes: 0, properties: {} };

/** Plugins that answer so, at once or later, and who was asked. */
function authorizing(answers: readonly (AuthorizeAnswer | 'throws')[], late: boolean) {
  const asked: number[] = [];
  const { runner, failures, client } = harness();
  for (const [index, answer] of answers.entries()) {
    runner.use({
      name: `plugin ${index}`,
      authorize: () => {
        asked.push(index);
        if (answer === 'throws') throw new Error('broken');
        return late ? Promise.resolve(answer) : answer;
      },
    });
  }
  return { asked, failures, verdict: () => runner.authorize(client(), publish) };
}

const keep = { action: 'allow', cache: true } as const;
const keepDeny = { action: 'deny', cache: true, reasonCode: 0x97 } as const;

describe.each([false, true])('authorize, late %s', (late) => {
  test.each<[(AuthorizeAnswer | 'throws')[], { reasonCode: number; cache: boolean }, number[]]>([
    [[], { reasonCode: 0, cache: false }, []],
    [[true, true, true], { reasonCode: 0, cache: false }, [0, 1, 2]],
    [[true, false, true], { reasonCode: 0x87, cache: false }, [0, 1]],
    [[false, true], { reasonCode: 0x87, cache: false }, [0]],
    [[true, 'throws', true], { reasonCode: 0x87, cache: false }, [0, 1]],
    [[keep, keep], { reasonCode: 0, cache: true }, [0, 1]],
    [[keep, true], { reasonCode: 0, cache: false }, [0, 1]],
    [[true, keep], { reasonCode: 0, cache: false }, [0, 1]],
    [[keepDeny, true], { reasonCode: 0x97, cache: true }, [0]],
    [[keep, keepDeny], { reasonCode: 0x97, cache: true }, [0, 1]],
    [[true, keepDeny], { reasonCode: 0x97, cache: false }, [0, 1]],
  ])('%j comes to %j, asked of %j', async (answers, expected, order) => {
    const { verdict, asked, failures } = authorizing(answers, late);
    expect(await verdict()).toMatchObject(expected);
    expect(asked).toEqual(order);
    expect(failures).toEqual(answers.includes('throws') ? ['authorize: hook authorize of plugin plugin 1 failed: broken'] : []);
  });
});

test('an answer at once is one, whoever is asked before: no promise for plain values', () => {
  const { runner, client } = harness({ authorize: () => true });
  runner.use({ name: 'a', authorize: () => ({ action: 'allow' }) });
  expect(runner.authorize(client(), publish)).toEqual({ reasonCode: 0, reasonString: undefined, cache: false });
});

test('the hook of the options is the first in line', () => {
  const asked: string[] = [];
  const { runner, client } = harness({ authorize: () => asked.push('options') > 0 });
  runner.use({ name: 'a', authorize: () => asked.push('a') > 0 });
  void runner.authorize(client(), publish);
  expect(asked).toEqual(['options', 'a']);
});

describe('authenticate', () => {
  const of = async (...answers: AuthenticateAnswer[]) => {
    const { runner, request } = harness();
    for (const [index, answer] of answers.entries()) {
      runner.use({ name: `plugin ${index}`, authenticate: () => (index % 2 === 0 ? answer : Promise.resolve(answer)) });
    }
    return runner.authenticate(request());
  };

  test('the principal is that of the first that names one', async () => {
    expect(await of(true, { action: 'allow', principal: 'a' }, { action: 'allow', principal: 'b' })).toEqual({ action: 'allow', principal: 'a' });
  });
  test('limits are narrowed, the login ends with the first, user properties add up', async () => {
    const answer = await of(
      { action: 'allow', limits: { inflightMax: 5, maximumQoS: 1, retainAvailable: true }, expiresAtMs: 20, userProperties: [['a', '1']] },
      { action: 'allow', limits: { inflightMax: 9, maximumQoS: 2, retainAvailable: false, queueMessagesMax: 3 }, expiresAtMs: 10 },
      { action: 'allow', userProperties: [['b', '2']] },
    );
    expect(answer).toEqual({
      action: 'allow',
      limits: { inflightMax: 5, maximumQoS: 1, retainAvailable: false, queueMessagesMax: 3 },
      expiresAtMs: 10,
      userProperties: [['a', '1'], ['b', '2']],
    });
  });
  test('deny wins and ends the asking', async () => {
    let asked = 0;
    const { runner, request } = harness({ authenticate: () => ({ action: 'deny', reasonCode: 0x8a }) });
    runner.use({ name: 'a', authenticate: () => (asked += 1) > 0 });
    expect(runner.authenticate(request())).toEqual({ action: 'deny', reasonCode: 0x8a });
    expect(await of(true, false)).toMatchObject({ action: 'deny' });
    expect(asked).toBe(0);
  });
  test('a challenge goes on with its own hook, then with the next in line, which may challenge too', async () => {
    const heard: string[] = [];
    const challenging = (name: string, answer: AuthenticateAnswer): Plugin => ({
      name,
      authenticate: () => ({
        action: 'challenge',
        data: Buffer.from(name),
        next: async (data) => {
          heard.push(`${name} ${String(data)}`);
          return answer;
        },
      }),
    });
    const { runner, request } = harness({ authenticate: () => ({ action: 'allow', principal: 'first' }) });
    runner.use(challenging('one', { action: 'allow', principal: 'ignored', expiresAtMs: 5 }));
    runner.use(challenging('two', true));
    runner.use({ name: 'three', authenticate: () => heard.push('three') > 0 });
    const signal = new AbortController().signal;
    const reply = async (to: Awaited<ReturnType<typeof runner.authenticate>>, text: string) => {
      if (to.action !== 'challenge') throw new Error(to.action);
      return runner.continueAuthentication(to, Buffer.from(text), signal);
    };
    const first = await runner.authenticate(request({ authenticationMethod: 'm' }));
    const second = await reply(first, '1');
    expect(second).toMatchObject({ action: 'challenge', data: Buffer.from('two') });
    expect(await reply(second, '2')).toEqual({ action: 'allow', principal: 'first', expiresAtMs: 5 });
    expect(heard).toEqual(['one 1', 'two 2', 'three']);
  });
});

describe('takeover', () => {
  const holder = { principal: 'p', connected: true };
  test.each([
    [[], false],
    [[true], true],
    [[true, true], true],
    [[true, false], false],
    [[false, true], false],
  ])('%j comes to %s, at once and later', async (answers, expected) => {
    for (const late of [false, true]) {
      const { runner, client } = harness();
      for (const [index, answer] of answers.entries()) {
        runner.use({ name: `plugin ${index}`, takeover: () => (late ? Promise.resolve(answer) : answer) });
      }
      expect(await runner.takeover(client(), holder)).toBe(expected);
    }
  });
});

describe('use', () => {
  test('flags and generation follow use and removal; removing twice does nothing', () => {
    const { runner } = harness();
    const flags = () => [runner.hasAuthenticate, runner.hasAuthorize, runner.hasOnConnect, runner.hasOnPublish, runner.hasOnSubscribe];
    const none = [false, false, false, false, false];
    expect(flags()).toEqual(none);
    const remove = runner.use({
      name: 'all',
      authenticate: () => true,
      authorize: () => true,
      onConnect: () => undefined,
      onPublish: () => undefined,
      onSubscribe: () => undefined,
    });
    expect(flags()).toEqual([true, true, true, true, true]);
    const before = runner.generation;
    remove();
    expect(flags()).toEqual(none);
    expect(runner.generation).toBe(before + 1);
    remove();
    expect(runner.generation).toBe(before + 1);
  });
  test('a question under way keeps to the hooks it began with', async () => {
    let answer: (allowed: boolean) => void = () => undefined;
    const { runner, client } = harness({ authorize: () => new Promise((resolve) => (answer = resolve)) });
    const verdict = runner.authorize(client(), publish);
    runner.use({ name: 'no', authorize: () => false });
    answer(true);
    expect(await verdict).toMatchObject({ reasonCode: 0 });
    expect(runner.hasAuthorize).toBe(true);
  });
  test('an instance of a class is asked as such', () => {
    class Rules {
      readonly name = 'rules';
      readonly topics = new Set(['t']);
      authorize(_client: unknown, { topic }: Action): boolean {
        return this.topics.has(topic);
      }
    }
    const { runner, client } = harness();
    runner.use(new Rules());
    expect(runner.authorize(client(), publish)).toMatchObject({ reasonCode: 0 });
  });
  test.each<[string, unknown, RegExp]>([
    ['no object', null, /not an object/],
    ['no name', { authorize: () => true }, /name/],
    ['an empty name', { name: '', authorize: () => true }, /name/],
    ['a name that is taken', { name: 'taken', authorize: () => true }, /taken already/],
    ['no hook', { name: 'a' }, /has no hook/],
    ['a hook that is none', { name: 'a', authorize: true }, /authorize of plugin a is a boolean/],
    ['a misspelt hook, which would decide nothing', { name: 'a', authorise: () => false, onPublish: () => undefined }, /authorise/],
  ])('%s is ODN_ERR_ARGUMENT, and changes nothing', (_, plugin, message) => {
    const { runner } = harness();
    runner.use({ name: 'taken', takeover: () => true });
    const { generation } = runner;
    expect(() => runner.use(plugin as Plugin)).toThrow(expect.objectContaining({ code: 'ODN_ERR_ARGUMENT', message: expect.stringMatching(message) }));
    expect(runner.generation).toBe(generation);
  });
});
