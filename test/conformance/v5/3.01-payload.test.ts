/** MQTT 5.0, chapter 3.1.3: the payload of CONNECT, and Client Identifiers. */
import { describe, expect, test } from '@jest/globals';
import type { AuthenticateAnswer } from '../../../src/index.js';
import { text } from '../../unit/packet/wire.js';
import { House, waysDown } from '../../wire/house.js';
import { openRig, payloads, publishes } from '../../wire/rig.js';
import { a, expectAccepted, expectMalformed, expectUtf8, sessionPresent } from './3.01-support.js';
import { client, connecting, expectRefused, open, propertiesBytes, resumable, subscriber } from './support.js';

test('v5 [MQTT-3.1.3-1] Client Identifier, Will Properties, Will Topic, Will Payload, User Name, Password, in this order', () => {
  const seen: unknown[] = [];
  const rig = openRig({
    authenticate: ({ clientId, username, password, keepAliveSeconds, cleanStart }) =>
      seen.push([clientId, username, Buffer.from(password ?? []).toString(), keepAliveSeconds, cleanStart]) > 0,
  });
  const watcher = subscriber(rig, 'watcher', '#', 2);
  seen.length = 0;
  const [first, second, third, fourth, fifth] = ['first', 'second', 'third', 'fourth', 'fifth'].map((field) => text(field));
  const willProperties = propertiesBytes(`03 ${text('type')} 18 00000002`);
  const payload = `${first} ${willProperties} ${second} ${third} ${fourth} ${fifth}`;
  const sent = connecting(rig, { flags: 'ee', keepAlive: '003c', properties: '11 0000000a', payload });
  expect(sent.received()).toMatchObject([{ type: 'connack', reasonCode: 0 }]);
  expect(seen).toEqual([['first', 'fourth', 'fifth', 60, true]]);
  sent.drop();
  rig.clock.advance(1999);
  expect(publishes(watcher)).toEqual([]);
  rig.clock.advance(1);
  expect(publishes(watcher)).toMatchObject([{ topic: 'second', payload: 'third', qos: 1, properties: { contentType: 'type' } }]);
});

describe('the Client Identifier', () => {
  test('v5 [MQTT-3.1.3-2] identifies the session: two of them share nothing, the same one resumes', () => {
    const rig = openRig();
    const others = ['two', 'One', 'one ', 'on', 'onee', '\uFEFFone'];
    resumable(rig, 'one').subscribe('t', { qos: 1 }).drop();
    for (const other of others) {
      const stranger = open(rig).connect({ clientId: other, clean: false, properties: { sessionExpiryInterval: 100 } });
      expect(stranger.received()).toMatchObject([{ reasonCode: 0, sessionPresent: false }]);
      client(rig, 'pub').publish({ topic: 't', payload: other, qos: 1 });
      expect(stranger.received()).toEqual([]);
    }
    expect(payloads(resumable(rig, 'one'))).toEqual(others);
    expect(sessionPresent(rig, 'one', { clean: true })).toBe(false);
    for (const other of others) expect(sessionPresent(rig, other)).toBe(true);
  });

  test.each(waysDown)('v5 [MQTT-3.1.3-2] so it does after a %s', async (down) => {
    const house = new House();
    for (const clientId of ['a', 'a/b', 'ab']) resumable(house.rig, clientId).subscribe(`t/${clientId}`, { qos: 1 }).drop();
    client(house.rig, 'pub').publish({ topic: 't/a/b', payload: 'x', qos: 1 });
    const rig = await house[down]();
    expect(['a', 'ab', 'a/b'].map((clientId) => payloads(resumable(rig, clientId)))).toEqual([[], [], ['x']]);
    expect(sessionPresent(rig, 'b')).toBe(false);
  });

  test('v5 [MQTT-3.1.3-3] must be there, as the first field of the payload', () => {
    for (const payload of ['', '00', '0001', '0003 6161']) expectMalformed({ payload }, 'MQTT-3.1.3-3');
    expectMalformed({ flags: '82', payload: text('u') }); // the User Name stands where it should
    expectMalformed({ flags: '06', payload: `00 ${text('w')} ${text('x')}` });
    expectAccepted({ payload: a });
    expectAccepted({ payload: '0000' });
  });

  test('v5 [MQTT-3.1.3-4] must be UTF-8', () => {
    expectUtf8((payload) => ({ payload }));
  });

  test('v5 [MQTT-3.1.3-5] may have 1 to 23 bytes of 0-9, a-z and A-Z', () => {
    const rig = openRig();
    const letters = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
    const ids = [...Array.from(letters), letters.slice(0, 22), letters.slice(0, 23), letters.slice(-22), letters.slice(-23), letters.slice(20, 43)];
    for (const clientId of ids) {
      const [connack] = open(rig).connect({ clientId }).received();
      expect(connack).toMatchObject({ type: 'connack', reasonCode: 0 });
      expect(connack?.properties?.assignedClientIdentifier).toBeUndefined();
      expect(rig.broker.clients.has(clientId)).toBe(true);
    }
    expect(rig.stats.clients).toBe(67);
  });

  test.each(['02', '00'])('v5 [MQTT-3.1.3-6] of no bytes gets one that is unique: two such clients live side by side (Connect Flags 0x%s)', (flags) => {
    const rig = openRig();
    const both = [0, 1].map(() => connecting(rig, { flags, payload: '0000' }));
    const ids = both.map((sent) => {
      const [connack] = sent.received();
      expect(connack).toMatchObject({ type: 'connack', reasonCode: 0, sessionPresent: false });
      sent.subscribe('t', { qos: 1 }).skip();
      return connack?.properties?.assignedClientIdentifier;
    });
    expect(new Set([...ids, '', undefined]).size).toBe(4);
    expect([...rig.broker.clients.keys()]).toEqual(ids);
    client(rig, 'pub').publish({ topic: 't', payload: 'x', qos: 1 });
    expect(both.map(payloads)).toEqual([['x'], ['x']]);
  });

  test('v5 [MQTT-3.1.3-7] that was assigned is told, and stands for the client from then on', () => {
    const asked: string[] = [];
    const rig = openRig({ authenticate: ({ clientId }) => asked.push(clientId) > 0 });
    const first = connecting(rig, { flags: '00', properties: '11 00000064', payload: '0000' });
    const assigned = first.received()[0]?.properties?.assignedClientIdentifier ?? '';
    expect(asked).toEqual([assigned]);
    first.subscribe('t', { qos: 1 }).drop();
    client(rig, 'pub').publish({ topic: 't', payload: 'x', qos: 1 });
    const again = open(rig).connect({ clientId: assigned, clean: false });
    const [connack, message] = again.received();
    expect([connack, message]).toMatchObject([{ reasonCode: 0, sessionPresent: true }, { payload: 'x' }]);
    expect(connack?.properties?.assignedClientIdentifier).toBeUndefined();
  });

  test.each(['by the hook', 'by the hook, later', 'for a wildcard', 'for the other wildcard'])('v5 [MQTT-3.1.3-8] that is refused %s gets CONNACK 0x85 and a close', async (how) => {
    const answer: AuthenticateAnswer = { action: 'deny', reasonCode: 0x85 };
    const rig = openRig(how.startsWith('for') ? {} : { authenticate: () => (how === 'by the hook' ? answer : Promise.resolve(answer)) });
    const refused = open(rig).connect({ clientId: how === 'for a wildcard' ? 'a/#' : how === 'for the other wildcard' ? '+' : 'a' });
    await rig.settle();
    expectRefused(refused, 0x85);
    expect(rig.stats).toMatchObject({ clients: 0, sessions: 0 });
  });

  test('v5 [MQTT-3.1.3-8] where wildcards are allowed they are', () => {
    expect(open(openRig({ clientIdWildcards: true })).connect({ clientId: 'a/#' }).received()).toMatchObject([{ reasonCode: 0 }]);
  });
});

test('v5 [MQTT-3.1.3-11] the Will Topic must be UTF-8', () => {
  expectUtf8((topic) => ({ flags: '06', payload: `${a} 00 ${topic} ${text('x')}` }));
});

test('v5 [MQTT-3.1.3-12] the User Name must be UTF-8', () => {
  expectUtf8((username) => ({ flags: '82', payload: `${a} ${username}` }));
});
