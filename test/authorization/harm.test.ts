/**
 * A hook that never answers, throws, rejects late or answers twice harms its own client only: others go on in the same
 * turn, and nothing is left of it. An unhandled rejection would fail the test at hand: jest sees to that.
 */
import { getEventListeners } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import type { Action, AuthorizeAnswer, HookClient } from '../../src/index.js';
import type { WireClient } from '../../src/testing/index.js';
import { both, numbered, openRig, payloads, short } from '../wire/rig.js';
import type { Rig } from '../wire/rig.js';
import { columns, rareColumns } from './columns.js';
import type { Column } from './columns.js';

const harmful = [...columns, ...rareColumns].filter(({ fails, waits, answers }) => fails || waits || answers.startsWith('twice'));
const types = ['publish', 'subscribe', 'deliver', 'will'] as const;
const cells = types.flatMap((type) => both.flatMap((version) => harmful.map((column) => ({ ...version, type, column, answers: column.answers }))));

/** Puts the question about the victim. */
const ask: Readonly<Record<Action['type'], (victim: WireClient, rig: Rig) => unknown>> = {
  publish: (victim) => victim.publish({ topic: 't', payload: 'x', qos: 2 }),
  subscribe: (victim) => victim.subscribe(['t', 't'], { qos: 2 }),
  deliver: (_, rig) => rig.broker.publish('own', 'x', { qos: 2 }),
  will: (victim) => victim.drop(),
};

/** A whole day of somebody else, in one turn: QoS 0 to 2 there and back, in order, and a new filter. */
function goesOn(other: WireClient): void {
  other.publish({ topic: 'o', payload: '0', qos: 0 }).publish({ topic: 'o', payload: '1', qos: 1, packetId: 11 });
  other.publish({ topic: 'o', payload: '2', qos: 2, packetId: 12 }).pubrel(12).subscribe('other', { packetId: 13 });
  const packets = other.pingreq().received();
  for (const { type, qos, packetId = 0 } of packets) {
    if (type !== 'publish') continue;
    if (qos === 1) other.puback(packetId);
    if (qos === 2) other.pubrec(packetId).pubcomp(packetId);
  }
  expect(packets.filter(({ type }) => type === 'publish').map(({ payload }) => payload)).toEqual(['0', '1', '2']);
  expect(short(packets.filter(({ type }) => type !== 'publish'))).toEqual(['puback 11', 'pubrec 12', 'pubcomp 12', 'suback 13 0x00', 'pingresp']);
  expect(short(other.received())).toEqual([expect.stringMatching(/^pubrel/)]);
}

class Harm {
  readonly rig: Rig;
  readonly victims = new Set<HookClient>();
  /** From here on the hook is broken. */
  isArmed = false;
  readonly #late: (() => void)[] = [];

  constructor(type: Action['type'], column: Column) {
    this.rig = openRig({
      authorize: (client, action): AuthorizeAnswer => {
        if (!this.isArmed || client.id !== 'victim' || action.type !== type) return true;
        this.victims.add(client);
        return column.answer((run) => this.#late.push(run)) as AuthorizeAnswer;
      },
    });
  }

  /** Until the deadline has passed, and what comes too late has come. */
  async ends(): Promise<void> {
    for (let round = 0; round < 3; round += 1) {
      this.rig.clock.advance(this.rig.broker.options.hookTimeoutSeconds * 1000);
      await this.rig.settle();
    }
    for (const run of this.#late.splice(0)) run();
    await this.rig.settle();
  }
}

test.each(cells)('$name $type, $answers: others go on, and nothing is left of it', async ({ type, column, protocolVersion }) => {
  const harm = new Harm(type, column);
  const { rig } = harm;
  const other = rig.client('other', { protocolVersion }).subscribe('o', { qos: 2 }).skip();
  const victim = rig.client('victim', { protocolVersion, will: { topic: 'will', payload: 'will' } }).subscribe('own', { qos: 2 });
  victim.skip();
  harm.isArmed = true;
  ask[type](victim, rig);
  goesOn(other);
  await rig.settle();
  goesOn(other);
  await harm.ends();
  goesOn(other);
  expect(harm.victims.size).toBe(1);
  for (const { signal } of harm.victims) expect(getEventListeners(signal, 'abort')).toEqual([]);
  expect(rig.clock.pending).toBe(0);
  if (type !== 'will') expect(short(victim.skip().pingreq().received())).toEqual(['pingresp']);
});

describe.each(both)('$name: while the first question about a client is open', ({ protocolVersion }) => {
  test.each(types.filter((type) => type !== 'will'))('%s: what it is told waits or goes on as it must, in order', async (type) => {
    const column = harmful.find(({ answers }) => answers === 'nothing, ever') as Column;
    const harm = new Harm(type, column);
    const { rig } = harm;
    const victim = rig.client('victim', { protocolVersion }).subscribe('own', { qos: 1 }).skip();
    harm.isArmed = true;
    ask[type](victim, rig);
    await rig.settle();
    victim.skip().pingreq();
    // Its own packets wait for its own answer; a delivery that waits does not keep it from being read.
    expect(short(victim.received())).toEqual(type === 'deliver' ? ['pingresp'] : []);
    for (const payload of numbered(3)) void rig.broker.publish('own', payload, { qos: 1 });
    await rig.settle();
    expect(payloads(victim)).toEqual(type === 'deliver' ? [] : numbered(3));
  });
});

test('a client that goes away while its question is open leaves no deadline behind, once the hook has answered', async () => {
  const open: ((answer: boolean) => void)[] = [];
  const rig = openRig({ authorize: (_, { type }) => (type === 'publish' ? new Promise((answer) => open.push(answer)) : true) });
  rig.client('victim').publish({ topic: 't', qos: 1 }).drop();
  await rig.settle();
  expect(rig.stats.clients).toBe(0);
  for (const answer of open) answer(true);
  await rig.settle();
  rig.clock.advance(10_000);
  expect(rig.clock.pending).toBe(0);
  expect(rig.stats).toMatchObject({ publishReceived: 0, hookErrors: 0, connections: 0 });
});

test('a thousand clients whose hook never answers cost one deadline each, and another client nothing', async () => {
  const rig = openRig({ hookConcurrencyMax: 1001, authorize: ({ id }, { type }) => id === 'other' || type !== 'publish' || new Promise(() => undefined) });
  const other = rig.subscriber('other', 'o', 2);
  const victims = numbered(1000).map((id) => rig.client(id).publish({ topic: 't', qos: 1 }));
  goesOn(other);
  rig.clock.advance(10_000);
  await rig.settle();
  for (const victim of victims) expect(short(victim.received())).toEqual(['puback 1 0x87']);
  expect(rig.stats.hookErrors).toBe(1000);
  expect(rig.clock.pending).toBe(0);
});
