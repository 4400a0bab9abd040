/** `broker.use()`: hooks that come and go while clients are connected. */
import { createHook } from 'node:async_hooks';
import { describe, expect, test } from '@jest/globals';
import type { Plugin } from '../../src/index.js';
import { openRig, payloads, Questions, short } from './rig.js';

const cached = { action: 'allow', cache: true } as const;

test('a plugin decides from the moment it is used, and no longer once it is removed', () => {
  const rig = openRig();
  const client = rig.client('a').publish({ topic: 't', qos: 1, packetId: 1 });
  const remove = rig.broker.use({ name: 'closed', authorize: (_, { type }) => type !== 'publish' });
  client.publish({ topic: 't', qos: 1, packetId: 2 });
  remove();
  client.publish({ topic: 't', qos: 1, packetId: 3 });
  expect(short(client.received())).toEqual(['puback 1 0x10', 'puback 2 0x87', 'puback 3 0x10']);
});

test('using a plugin for a while: Symbol.dispose removes it', () => {
  const rig = openRig();
  const client = rig.client('a');
  {
    using _closed = rig.broker.use({ name: 'closed', authorize: () => false });
    client.publish({ topic: 't', qos: 1, packetId: 1 });
  }
  client.publish({ topic: 't', qos: 1, packetId: 2 });
  expect(short(client.received())).toEqual(['puback 1 0x87', 'puback 2 0x10']);
});

test('a name is unique, and free again once its plugin is removed', () => {
  const rig = openRig();
  const plugin: Plugin = { name: 'a', authorize: () => true };
  const remove = rig.broker.use(plugin);
  expect(() => rig.broker.use({ ...plugin })).toThrow(expect.objectContaining({ code: 'ODN_ERR_ARGUMENT' }));
  remove();
  rig.broker.use(plugin);
  remove(); // of the one that is gone: the new one stays
  expect(() => rig.broker.use(plugin)).toThrow(expect.objectContaining({ code: 'ODN_ERR_ARGUMENT' }));
});

test('deny wins: a permissive plugin opens nothing that the options close', () => {
  const rig = openRig({ authorize: (_, { topic }) => topic !== 'secret' });
  rig.broker.use({ name: 'permissive', authorize: () => true });
  const client = rig.client('a').publish({ topic: 'secret', qos: 1, packetId: 1 }).publish({ topic: 't', qos: 1, packetId: 2 });
  expect(short(client.subscribe(['secret', 't']).received())).toEqual(['puback 1 0x87', 'puback 2 0x10', expect.stringMatching(/^suback .* 0x87 0x00$/)]);
});

test('authenticate: all must let in, the first names the principal, limits narrow', () => {
  const rig = openRig({ authenticate: () => ({ action: 'allow', limits: { receiveMaximum: 20, sessionExpirySecondsMax: 9 } }) });
  rig.broker.use({ name: 'tenants', authenticate: ({ username }) => username !== undefined && { action: 'allow', principal: 'tenant' } });
  rig.broker.use({ name: 'limits', authenticate: () => ({ action: 'allow', principal: 'other', limits: { receiveMaximum: 10 } }) });
  expect(short(rig.open().connect({ clientId: 'x' }).received())).toEqual(['connack 0x87']);
  const client = rig.open().connect({ clientId: 'a', username: 'u', properties: { sessionExpiryInterval: 60 } });
  expect(client.received()).toMatchObject([{ reasonCode: 0, properties: { receiveMaximum: 10, sessionExpiryInterval: 9 } }]);
  expect(rig.broker.clients.get('a')?.principal).toBe('tenant');
});

describe('what clients have cached', () => {
  test('is void when a plugin comes, and when it goes', () => {
    const asked: string[] = [];
    const rig = openRig({ authorize: (_, { type }) => (asked.push(type) > 0 ? cached : false) });
    const subscriber = rig.subscriber('sub', 't');
    const publisher = rig.client('pub');
    asked.length = 0;
    const publish = (): string[] => {
      publisher.publish({ topic: 't', payload: 'x' });
      return asked.splice(0);
    };
    expect([publish(), publish()]).toEqual([['publish', 'deliver'], []]);
    const remove = rig.broker.use({ name: 'also', authorize: () => cached });
    expect([publish(), publish()]).toEqual([['publish', 'deliver'], []]);
    remove();
    expect([publish(), publish()]).toEqual([['publish', 'deliver'], []]);
    expect(payloads(subscriber)).toHaveLength(6);
  });
  test('does not get in by an answer that was under way when the plugin came', async () => {
    const questions = new Questions('publish', ['pub']);
    const rig = openRig({ authorize: questions.authorize });
    const publisher = rig.client('pub').publish({ topic: 't', qos: 1, packetId: 1 });
    rig.broker.use({ name: 'closed', authorize: (_, { type }) => type !== 'publish' });
    questions.answer(cached); // as the hooks were when it was asked
    await rig.settle();
    publisher.publish({ topic: 't', qos: 1, packetId: 2 });
    questions.answer(cached);
    await rig.settle();
    expect(short(publisher.received())).toEqual(['puback 1 0x10', 'puback 2 0x87']);
  });
  test('is kept only if all hooks say so', () => {
    let asked = 0;
    const rig = openRig({ authorize: () => cached });
    rig.broker.use({ name: 'counts', authorize: () => (asked += 1) > 0 });
    const client = rig.client('a');
    for (let round = 0; round < 5; round += 1) client.publish({ topic: 't' });
    expect(asked).toBe(5);
  });
  test('about a will stands for no publish', () => {
    const asked: string[] = [];
    const rig = openRig({ authorize: (_, { type }) => (asked.push(type) > 0 ? cached : false) });
    rig.client('a', { will: { topic: 't' } }).publish({ topic: 't' });
    expect(asked).toEqual(['will', 'publish']);
  });
});

test('a queued message is asked about by the plugins there are when it is sent', () => {
  const rig = openRig();
  rig.resumable('sub').subscribe('#', { qos: 1 }).drop();
  const publisher = rig.client('pub');
  for (const topic of ['a', 'b']) publisher.publish({ topic, payload: topic, qos: 1 });
  rig.broker.use({ name: 'closed', authorize: (_, { type, topic }) => type !== 'deliver' || topic === 'b' });
  expect(payloads(rig.resumable('sub'))).toEqual(['b']);
  expect(rig.dropped).toEqual(['deliverDenied a sub']);
});

test('hookError names the hook, and its plugin', () => {
  const rig = openRig();
  const told: string[] = [];
  rig.broker.on('hookError', ({ message }, hook) => told.push(`${hook}: ${message}`));
  rig.broker.use({
    name: 'broken',
    authorize: () => {
      throw new Error('no database');
    },
  });
  rig.client('a').publish({ topic: 't' });
  expect(told).toEqual(['authorize: hook authorize of plugin broken failed: no database']);
});

test('a closed broker takes no plugins', async () => {
  const rig = openRig();
  await rig.close();
  expect(() => rig.broker.use({ name: 'late', authorize: () => true })).toThrow(expect.objectContaining({ code: 'ODN_ERR_CLOSED' }));
});

test('what a plugin costs is gone with it: no promise for a message, although its hooks made some', () => {
  const rig = openRig();
  const subscriber = rig.subscriber('sub', '#');
  const publisher = rig.client('pub');
  const promises = (): number => {
    let made = 0;
    const counter = createHook({ init: (_id, type) => void (made += Number(type === 'PROMISE')) }).enable();
    for (let round = 0; round < 100; round += 1) publisher.publish({ topic: 't', payload: 'x' });
    counter.disable();
    return made;
  };
  const remove = rig.broker.use({ name: 'slow', onPublish: async () => undefined, authorize: async () => true });
  expect(promises()).toBeGreaterThan(0);
  remove();
  return rig.settle().then(() => {
    expect(payloads(subscriber)).toHaveLength(100);
    expect(promises()).toBe(0);
    expect(payloads(subscriber)).toHaveLength(100);
  });
});
