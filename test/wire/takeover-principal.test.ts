/** A client identifier that belongs to another principal: the `takeover` hook decides, and without it nobody gets in. */
import { describe, expect, test } from '@jest/globals';
import type { BrokerOptions, Takeover } from '../../src/index.js';
import { Asked } from './asked.js';
import { openRig, payloads, short, three } from './rig.js';
import type { Rig } from './rig.js';

type Holder = Parameters<Takeover>[1];

/** Everyone may connect; the user name is the principal. */
const rigWith = (options: BrokerOptions = {}): Rig => openRig({ authenticate: () => true, ...options });

describe.each(three)('$name without a hook', ({ name, protocolVersion }) => {
  const refusal = name === 'v5' ? ['connack 0x87'] : ['connack 0x05'];

  test.each([true, false])('another principal is refused, Clean Start %s, and the holder stays', (clean) => {
    const rig = rigWith();
    const holder = rig.client('a', { protocolVersion, username: 'p' });
    const other = rig.open({ protocolVersion }).connect({ clientId: 'a', clean, username: 'q' });
    expect(short(other.received())).toEqual(refusal);
    expect(other.closed).toBe(true);
    expect(short(holder.pingreq().received())).toEqual(['pingresp']);
  });
  test.each([true, false])('nor does it get, or delete, the session of an absent one, Clean Start %s', (clean) => {
    const rig = rigWith();
    rig.resumable('a', { protocolVersion, username: 'p' }).subscribe('t', { qos: 1 }).drop();
    rig.client('pub').publish({ topic: 't', payload: 'secret', qos: 1 });
    expect(short(rig.open({ protocolVersion }).connect({ clientId: 'a', clean, username: 'q' }).received())).toEqual(refusal);
    expect(payloads(rig.resumable('a', { protocolVersion, username: 'p' }))).toEqual(['secret']);
  });
  test('anonymous is a principal too: it is not q, and q is not it', () => {
    const rig = rigWith();
    rig.client('a', { protocolVersion });
    expect(short(rig.open({ protocolVersion }).connect({ clientId: 'a', username: 'q' }).received())).toEqual(refusal);
    rig.client('b', { protocolVersion, username: 'q' });
    expect(short(rig.open({ protocolVersion }).connect({ clientId: 'b' }).received())).toEqual(refusal);
    expect(rig.open({ protocolVersion }).connect({ clientId: 'a' }).received()).toMatchObject([{ reasonCode: 0 }]);
  });
  test('a session that has ended belongs to nobody', () => {
    const rig = rigWith();
    rig.client('a', { protocolVersion, username: 'p' }).disconnect();
    expect(short(rig.open({ protocolVersion }).connect({ clientId: 'a', username: 'q' }).received())).toEqual(['connack']);
  });
});

describe('the hook', () => {
  test('is asked about the new client, and told who holds the session and whether it is there', () => {
    const asked: unknown[] = [];
    const rig = rigWith({ takeover: (client, holder) => asked.push([client.id, client.principal, { ...holder }]) > 0 });
    rig.resumable('a', { username: 'p' });
    rig.resumable('a', { username: 'q' }).drop();
    rig.resumable('a', { username: 'r' });
    expect(asked).toEqual([
      ['a', 'q', { principal: 'p', connected: true }],
      ['a', 'r', { principal: 'q', connected: false }],
    ]);
  });
  test('is not asked when the principals are the same, nor for a new session', () => {
    let asked = 0;
    const rig = rigWith({ takeover: () => (asked += 1) > 0 });
    for (const clean of [true, false, true]) rig.client('a', { username: 'p', clean });
    rig.client('b', { username: 'q' });
    expect(asked).toBe(0);
  });
  test('true gives the session: subscriptions and messages', () => {
    const rig = rigWith({ takeover: () => true });
    const holder = rig.resumable('a', { username: 'p' }).subscribe('t', { qos: 1 }).skip();
    const next = rig.open().connect({ clientId: 'a', clean: false, username: 'q', properties: { sessionExpiryInterval: 60 } });
    expect(next.received()).toMatchObject([{ type: 'connack', reasonCode: 0, sessionPresent: true }]);
    expect(short(holder.received())).toEqual(['disconnect 0x8e']);
    rig.client('pub').publish({ topic: 't', payload: 'x', qos: 1 });
    expect(payloads(next)).toEqual(['x']);
  });
  test('from then on the session belongs to the new principal: the old one has to ask', () => {
    let allow = true;
    const rig = rigWith({ takeover: () => allow });
    rig.resumable('a', { username: 'p' });
    const owner = rig.resumable('a', { username: 'q' });
    allow = false;
    expect(short(rig.open().connect({ clientId: 'a', clean: false, username: 'p' }).received())).toEqual(['connack 0x87']);
    expect(short(owner.pingreq().received())).toEqual(['pingresp']);
    expect(rig.open().connect({ clientId: 'a', clean: false, username: 'q' }).received()).toMatchObject([{ reasonCode: 0 }]);
  });
  test('false refuses', () => {
    const rig = rigWith({ takeover: () => false });
    const holder = rig.client('a', { username: 'p' });
    expect(short(rig.open().connect({ clientId: 'a', username: 'q' }).received())).toEqual(['connack 0x87']);
    expect(holder.closed).toBe(false);
  });
  test.each([
    ['a throw', () => { throw new Error('x'); }],
    ['nonsense', () => 'yes'],
    ['a rejection', () => Promise.reject(new Error('x'))],
  ])('%s refuses, and is a hookError', async (_, takeover) => {
    const rig = rigWith({ takeover: takeover as Takeover });
    const errors: string[] = [];
    rig.broker.on('hookError', (_error, hook) => errors.push(hook));
    const holder = rig.client('a', { username: 'p' });
    const other = rig.open().connect({ clientId: 'a', username: 'q' });
    await rig.settle();
    expect(short(other.received())).toEqual(['connack 0x87']);
    expect(holder.closed).toBe(false);
    expect(errors).toEqual(['takeover']);
  });
  test('it may answer later; the holder works on meanwhile', async () => {
    const asked = new Asked<Holder, boolean>(() => rig);
    const rig: Rig = rigWith({ takeover: (_, holder) => asked.ask(holder) });
    const holder = rig.client('a', { username: 'p' });
    const other = rig.open().connect({ clientId: 'a', username: 'q' }).pingreq();
    await rig.settle();
    expect(other.received()).toEqual([]);
    expect(short(holder.pingreq().received())).toEqual(['pingresp']);
    await asked.answer(true);
    expect(short(holder.received())).toEqual(['disconnect 0x8e']);
    expect(short(other.received())).toEqual(['connack', 'pingresp']);
  });
  test('a holder that leaves while it is asked: the answer still counts', async () => {
    for (const allow of [true, false]) {
      const asked = new Asked<Holder, boolean>(() => rig);
      const rig: Rig = rigWith({ takeover: (_, holder) => asked.ask(holder) });
      const holder = rig.resumable('a', { username: 'p' }).subscribe('t', { qos: 1 });
      const other = rig.open().connect({ clientId: 'a', clean: false, username: 'q' });
      holder.drop();
      await asked.answer(allow);
      expect(other.received()).toMatchObject([{ reasonCode: allow ? 0 : 0x87, sessionPresent: allow }]);
      expect(rig.stats.sessions).toBe(1);
    }
  });
  test('a session that ends while it is asked: the client gets a new one, if it is allowed', async () => {
    const asked = new Asked<Holder, boolean>(() => rig);
    const rig: Rig = rigWith({ takeover: (_, holder) => asked.ask(holder) });
    const holder = rig.client('a', { username: 'p' });
    const other = rig.open().connect({ clientId: 'a', clean: false, username: 'q' });
    holder.drop();
    await asked.answer(true);
    expect(other.received()).toMatchObject([{ reasonCode: 0, sessionPresent: false }]);
  });
  test('a client that gives up while it is asked takes nothing over', async () => {
    const asked = new Asked<Holder, boolean>(() => rig);
    const rig: Rig = rigWith({ takeover: (_, holder) => asked.ask(holder) });
    const holder = rig.client('a', { username: 'p' });
    rig.open().connect({ clientId: 'a', username: 'q' }).drop();
    await asked.answer(true);
    expect(short(holder.pingreq().received())).toEqual(['pingresp']);
    expect(rig.stats).toMatchObject({ clients: 1, sessions: 1, sessionsTakenOver: 0 });
  });
  test('after hookTimeoutSeconds it is a refusal', async () => {
    const asked = new Asked<Holder, boolean>(() => rig);
    const rig: Rig = rigWith({ takeover: (_, holder) => asked.ask(holder), hookTimeoutSeconds: 3 });
    const holder = rig.client('a', { username: 'p' });
    const other = rig.open().connect({ clientId: 'a', username: 'q' });
    rig.clock.advance(3000);
    await rig.settle();
    expect(short(other.received())).toEqual(['connack 0x87']);
    expect(holder.closed).toBe(false);
  });
});
