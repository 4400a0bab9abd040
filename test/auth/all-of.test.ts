/** Goal: of several hooks each must allow, and what they say is put together so that nothing becomes wider. */
import { describe, expect, test } from '@jest/globals';
import { allOf, authorizeAllOf } from '../../src/auth.js';
import type { Authenticate, AuthenticateAnswer, Authorize, AuthorizeAnswer } from '../../src/index.js';
import { bytes, challengeOf, hookClient, never, publish, request, thrownBy } from './support.js';

const late = <T>(answer: T): Promise<T> => Promise.resolve(answer);
const saying = (...answers: readonly (AuthenticateAnswer | Promise<AuthenticateAnswer>)[]) =>
  allOf(...answers.map((answer): Authenticate => () => answer))(request());
const deciding = (...answers: readonly (AuthorizeAnswer | Promise<AuthorizeAnswer>)[]) =>
  authorizeAllOf(...answers.map((answer): Authorize => () => answer))(hookClient(), publish());

describe('allOf', () => {
  const busy = { action: 'deny', reasonCode: 0x89 } as const;
  test('all must allow; the first that does not decides, and the rest are not asked', () => {
    const asked: number[] = [];
    const hook = (id: number, answer: AuthenticateAnswer): Authenticate => () => {
      asked.push(id);
      return answer;
    };
    expect(allOf(hook(1, true), hook(2, busy), hook(3, false))(request())).toBe(busy);
    expect(asked).toEqual([1, 2]);
    expect(saying(true, true)).toEqual({ action: 'allow' });
  });
  test('every combination of two: allowed only by two that allow, whether late or not', async () => {
    const answers = [true, false, busy, { action: 'allow' }, undefined as never, { action: 'maybe' } as never] as const;
    let cases = 0;
    for (const one of answers) for (const two of answers) for (const isLate of [false, true]) {
      const answer = await saying(isLate ? late(one) : one, isLate ? late(two) : two);
      const isAllow = (value: unknown): boolean => value === true || (value as { action?: string } | undefined)?.action === 'allow';
      expect(isAllow(answer)).toBe(isAllow(one) && isAllow(two));
      cases += 1;
    }
    expect(cases).toBe(72);
  });
  test('answers at once when all do, and late when one does', async () => {
    expect(saying(true, true)).not.toBeInstanceOf(Promise);
    expect(await saying(true, late(true))).toEqual({ action: 'allow' });
  });
  test('a throw and a rejection are not swallowed: the broker denies', async () => {
    const failing: Authenticate = () => {
      throw new Error('broken');
    };
    expect(() => allOf(failing)(request())).toThrow('broken');
    await expect(saying(true, Promise.reject(new Error('late')))).rejects.toThrow('late');
  });
  test('the principal is the one they name; two of them deny', () => {
    expect(saying({ action: 'allow', principal: 'ann' }, true, { action: 'allow', principal: 'ann' })).toEqual({ action: 'allow', principal: 'ann' });
    expect(saying({ action: 'allow', principal: 'ann' }, { action: 'allow', principal: 'bob' })).toBe(false);
  });
  test('the narrowest of each limit, the earliest end, all user properties', () => {
    const answer = saying(
      { action: 'allow', limits: { maximumQoS: 2, retainAvailable: false, queueMessagesMax: 5 }, expiresAtMs: 50, userProperties: [['a', '1']], responseInformation: 'r' },
      { action: 'allow', limits: { maximumQoS: 1, retainAvailable: true, inflightMax: 9 }, expiresAtMs: 70, userProperties: [['b', '2']], authenticationData: bytes('x') },
    );
    expect(answer).toEqual({
      action: 'allow',
      limits: { maximumQoS: 1, retainAvailable: false, queueMessagesMax: 5, inflightMax: 9 },
      expiresAtMs: 50,
      userProperties: [['a', '1'], ['b', '2']],
      authenticationData: bytes('x'),
      responseInformation: 'r',
    });
  });
  test('nonsense in one stays nonsense in the result, for the broker to refuse', () => {
    const limits = (value: unknown): AuthenticateAnswer => ({ action: 'allow', limits: value as never });
    expect(saying(limits({ maximumQoS: 1 }), limits(5))).toMatchObject({ limits: 5 });
    expect(saying(limits({ maximumQoS: 1 }), limits({ maximumQoS: 'x' }))).toMatchObject({ limits: { maximumQoS: Number.NaN } });
    expect(saying(limits({ maximumQos: 1 }), limits({}))).toMatchObject({ limits: { maximumQos: 1 } });
  });
  test('a challenge is brought to its end, then the next hook is asked, with the signal of that step', async () => {
    const signals: AbortSignal[] = [];
    const step = new AbortController().signal;
    const first: Authenticate = () => ({ action: 'challenge', data: bytes('one'), next: (data) => Buffer.from(data ?? []).toString() === 'right' });
    const second: Authenticate = ({ signal }) => {
      signals.push(signal);
      return { action: 'allow', principal: 'ann' };
    };
    const hook = allOf(first, second);
    const challenge = challengeOf(await hook(request({ authenticationMethod: 'm' })));
    expect(challenge.data).toEqual(bytes('one'));
    expect(signals).toEqual([]);
    expect(await challenge.next(bytes('wrong'), never)).toBe(false);
    expect(signals).toEqual([]);
    expect(await challenge.next(bytes('right'), step)).toEqual({ action: 'allow', principal: 'ann' });
    expect(signals).toEqual([step]);
  });
});

describe('authorizeAllOf', () => {
  const quota = { action: 'deny', reasonCode: 0x97 } as const;
  const cached = { action: 'allow', cache: true } as const;
  test('every combination of three: allowed by three that allow, cached when all say so', async () => {
    const answers = [true, false, cached, quota, { action: 'allow' }, undefined as never] as const;
    let cases = 0;
    for (const one of answers) for (const two of answers) for (const three of answers) for (const lateOne of [0, 1, 2, 3]) {
      const all = [one, two, three] as const;
      const answer = await deciding(...all.map((value, index) => (index === lateOne ? late(value) : value)));
      const stop = all.find((value) => value !== true && (value as { action?: string } | undefined)?.action !== 'allow');
      if (all.some((value) => value === undefined || value === false || value === quota)) expect(answer).toBe(stop);
      else if (all.every((value) => value === cached)) expect(answer).toEqual(cached);
      else expect(answer).toBe(true);
      cases += 1;
    }
    expect(cases).toBe(864);
  });
  test('answers at once when all do', () => {
    expect(deciding(true, cached)).toBe(true);
    expect(deciding(true, late(true))).toBeInstanceOf(Promise);
  });
});

test.each([
  ['allOf', allOf],
  ['authorizeAllOf', authorizeAllOf],
])('%s without hooks, or with something else, is refused', (name, combine) => {
  for (const hooks of [[], [() => true, undefined]]) {
    expect(thrownBy(() => (combine as (...given: unknown[]) => unknown)(...hooks))).toMatchObject({ code: 'ODN_ERR_ARGUMENT', message: expect.stringContaining(name) });
  }
});
