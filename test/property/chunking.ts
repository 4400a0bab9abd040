/**
 * Goal: how the bytes of a client arrive makes no difference. Method: arbitrary conversations, valid and damaged, in
 * every version, given to one broker whole and to another in pieces cut anywhere; what is written to that client and to
 * another one, and the end state, must be the same to the byte.
 */
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { BrokerOptions } from '../../src/index.js';
import type { WireVersion } from '../../src/testing/index.js';
import { conversation, cuts, outcomeOf, pieces } from './conversations.js';

/** Answers that are refusals, waits and plain values in turn, decided by the topic alone. */
const slowHooks: BrokerOptions = {
  authorize: (_client, { topic, type }) => {
    if (topic === 'no') return false;
    return type === 'publish' && topic === 'a/b' ? Promise.resolve(true) : true;
  },
};

/** The suite of one version: each has a file of its own, as each takes seconds. */
export const anyCut = (version: WireVersion): void => describe(`version ${version}`, () => {
  test.each([
    ['plain', {}, 300],
    ['with hooks that answer late', slowHooks, 60],
  ] as const)('%s: any cut gives the same bytes and the same end state', async (_, options, numRuns) => {
    let packets = 0;
    let closed = 0;
    const property = fc.asyncProperty(conversation(version), cuts, fc.boolean(), async (bytes, where, turns) => {
      const whole = await outcomeOf([bytes], options, false);
      const cut = await outcomeOf(pieces(bytes, where), options, turns);
      // Jest's own comparison takes half of the time: it is for the message.
      if (!isDeepStrictEqual(cut, whole)) expect(cut).toEqual(whole);
      packets += whole.packetsReceived;
      if (whole.closed) closed += 1;
    });
    await fc.assert(property, { numRuns });
    // The conversations get somewhere, and many end early.
    expect(packets).toBeGreaterThan(numRuns * 5);
    expect(closed).toBeGreaterThan(numRuns / 10);
  }, 30_000);
});
