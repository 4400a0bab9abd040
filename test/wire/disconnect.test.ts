/** DISCONNECT of a client in all its forms, and what the broker does behind it. Wills: see will-ends.test.ts. */
import { describe, expect, test } from '@jest/globals';
import { packet, text } from '../unit/packet/wire.js';
import { openRig, short, three } from './rig.js';
import type { Rig } from './rig.js';

type Client = ReturnType<Rig['open']>;

const expectGone = (rig: Rig, client: Client): void => {
  expect(client.received()).toEqual([]); // there is no answer to DISCONNECT
  expect(client.closed).toBe(true);
  expect(rig.stats).toMatchObject({ clients: 0, connections: 0, protocolErrors: 0 });
};

describe.each(three)('$name', ({ protocolVersion }) => {
  test('X5-3.14.4-1 the broker closes its side, without an answer', () => {
    const rig = openRig();
    expectGone(rig, rig.client('a', { protocolVersion }).disconnect());
  });
  test('a client that does not close is destroyed after closeGraceSeconds', () => {
    const rig = openRig();
    const client = rig.client('a', { protocolVersion, halfOpen: true }).disconnect();
    expect(client.ended).toBe(true);
    rig.clock.advance(1999);
    expect(client.closed).toBe(false);
    rig.clock.advance(1);
    expectGone(rig, client);
  });
  test('[MQTT-3.14.4-1], v3.1.1 [MQTT-3.14.4-2] what follows it is not processed, in the same chunk or later', () => {
    const rig = openRig();
    const watcher = rig.subscriber('watcher', '#');
    const publish = protocolVersion === 5 ? '30 04 0001 74 00' : '30 03 0001 74';
    const client = rig.client('a', { protocolVersion, halfOpen: true }).sendsHex(`e0 00 ${publish} c0 00`);
    client.sendsHex(publish).pingreq().connect({ clientId: 'a' });
    expect(client.received()).toEqual([]);
    expect(watcher.received()).toEqual([]);
    expect(rig.stats).toMatchObject({ clients: 1, protocolErrors: 0 });
  });
  test('what came before it is processed', () => {
    const rig = openRig();
    const client = rig.client('a', { protocolVersion });
    const publish = protocolVersion === 5 ? '32 06 0001 74 0005 00' : '32 05 0001 74 0005';
    expect(short(client.sendsHex(`${publish} e0 00`).received())).toEqual([protocolVersion === 5 ? 'puback 5 0x10' : 'puback 5']);
  });
  test('[MQTT-3.14.1-1] reserved flags are malformed', () => {
    const rig = openRig();
    for (const first of ['e1', 'e2', 'e4', 'e8', 'ef']) {
      const client = rig.client('a', { protocolVersion }).sendsHex(`${first} 00`);
      expect(short(client.received())).toEqual(protocolVersion === 5 ? ['disconnect 0x81'] : []);
      expect(client.closed).toBe(true);
    }
    expect(rig.stats.protocolErrors).toBe(5);
  });
  test('before CONNECT it is closed like any packet: [MQTT-3.1.0-1]', () => {
    const rig = openRig();
    const client = rig.open({ protocolVersion }).disconnect();
    expect(client.receivedHex()).toBe('');
    expect(client.closed).toBe(true);
  });
  test('subscriptions of a session that ends are gone, the client too', () => {
    const rig = openRig();
    rig.subscriber('a', 't', 1, { protocolVersion }).disconnect();
    expect(rig.stats).toMatchObject({ subscriptions: 0, sessions: 0 });
    expect(rig.broker.clients.size).toBe(0);
  });
});

describe.each([3, 4] as const)('version %i has no body', (protocolVersion) => {
  test.each(['e0 01 00', 'e0 02 00 00', 'e0 01 04'])('%s is malformed', (hex) => {
    const rig = openRig();
    const client = rig.client('a', { protocolVersion }).sendsHex(hex);
    expect(client.receivedHex()).toBe('');
    expect(rig.stats.protocolErrors).toBe(1);
  });
});

describe('v5 forms', () => {
  const send = (hex: string): { readonly rig: Rig; readonly client: Client } => {
    const rig = openRig();
    return { rig, client: rig.client('a', { properties: { sessionExpiryInterval: 60 } }).sendsHex(hex) };
  };
  const withProperties = (list: string): string => {
    const properties = packet(0, list).subarray(1).toString('hex');
    return packet(0xe0, `00 ${properties}`).toString('hex');
  };

  test.each([
    ['X5-3.14.2.1-1 of length 0', 'e0 00'],
    ['X5-3.14.2.1-1 with a reason code alone', 'e0 01 00'],
    ['with an empty list of properties', 'e0 02 00 00'],
    ['with a reason string', withProperties(`1f ${text('bye')}`)],
    ['with user properties', withProperties(`26 ${text('k')} ${text('v')} 26 ${text('k')} ${text('v')}`)],
    ['with a Session Expiry Interval', withProperties('11 00000005')],
    ['with all of them', withProperties(`26 ${text('k')} ${text('v')} 11 00000005 1f ${text('bye')}`)],
  ])('%s is accepted', (_, hex) => {
    const { rig, client } = send(hex);
    expectGone(rig, client);
  });

  test.each([
    ['a Server Reference, which only the broker sends', withProperties(`1c ${text('b')}`), 0x81],
    ['a property of CONNECT', withProperties('21 0001'), 0x81],
    ['a property that is not defined', withProperties('7e 00'), 0x81],
    ['a Session Expiry Interval twice', withProperties('11 00000005 11 00000005'), 0x82],
    ['a reason string twice', withProperties(`1f ${text('a')} 1f ${text('b')}`), 0x82],
    ['a property that is cut', 'e0 04 00 02 11 00', 0x81],
    ['bytes behind the properties', 'e0 03 00 00 00', 0x81],
    ['a Property Length beyond the packet', 'e0 02 00 05', 0x81],
  ])('with %s is answered with an error', (_, hex, reasonCode) => {
    const { rig, client } = send(hex);
    expect(client.received()).toMatchObject([{ type: 'disconnect', reasonCode }]);
    expect(client.closed).toBe(true);
    expect(rig.stats.protocolErrors).toBe(1);
  });

  // Goal: [MQTT-3.14.2-1]. Method: all 256 codes.
  test('[MQTT-3.14.2-1] of all reason codes, the fourteen of a client are accepted and the others are a Protocol Error', () => {
    const legal = [0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99];
    const accepted: number[] = [];
    for (let code = 0; code < 256; code += 1) {
      const { client } = send(packet(0xe0, Buffer.of(code)).toString('hex'));
      const answer = short(client.received());
      if (answer.length === 0) accepted.push(code);
      else expect(answer).toEqual(['disconnect 0x82']);
    }
    expect(accepted).toEqual(legal);
  });
});

test('the event tells the client’s reason code and that it said so', () => {
  const rig = openRig();
  const heard: unknown[] = [];
  rig.broker.on('clientDisconnected', ({ id }, { reasonCode, why, error }) => heard.push([id, reasonCode, why, error]));
  rig.client('a').disconnect();
  rig.client('b').disconnect(0x98);
  rig.client('c').drop();
  expect(heard).toEqual([
    ['a', 0, 'DISCONNECT', undefined],
    ['b', 0x98, 'DISCONNECT', undefined],
    ['c', 0, expect.stringContaining('without DISCONNECT'), undefined],
  ]);
});

describe('of the broker: client.close()', () => {
  test('v5 with the default 0x98, with a code and words of the host’s', () => {
    const rig = openRig();
    const [a, b] = [rig.client('a'), rig.client('b')];
    rig.broker.clients.get('a')?.close();
    rig.broker.clients.get('b')?.close(0x89, 'come back later');
    rig.clock.flush();
    expect(a.received()).toEqual([{ type: 'disconnect', reasonCode: 0x98 }]);
    expect(b.received()).toEqual([{ type: 'disconnect', reasonCode: 0x89, properties: { reasonString: 'come back later' } }]);
    expect([a.closed, b.closed]).toEqual([true, true]);
  });
  test('v3.1.1 a bare close', () => {
    const rig = openRig();
    const client = rig.client('a', { protocolVersion: 4 });
    rig.broker.clients.get('a')?.close();
    rig.clock.flush();
    expect(client.receivedHex()).toBe('');
    expect(client.closed).toBe(true);
  });
  test('twice is once', () => {
    const rig = openRig();
    const client = rig.client('a');
    const handle = rig.broker.clients.get('a');
    handle?.close();
    handle?.close();
    rig.clock.flush();
    expect(short(client.received())).toEqual(['disconnect 0x98']);
    expect(handle?.connected).toBe(false);
  });
  test('of an old connection does nothing to the one that took over', () => {
    const rig = openRig();
    rig.client('a');
    const old = rig.broker.clients.get('a');
    const next = rig.client('a');
    old?.close();
    expect(short(next.pingreq().received())).toEqual(['pingresp']);
  });
  test('broker.close(): 0x8B to every 5.0 client, a bare close to the others', async () => {
    const rig = openRig();
    const clients = three.map(({ name, protocolVersion }) => rig.client(name, { protocolVersion }));
    const silent = rig.open();
    await rig.close();
    expect(clients.map((client) => short(client.received()))).toEqual([[], [], ['disconnect 0x8b']]);
    expect([...clients, silent].every(({ closed }) => closed)).toBe(true);
    expect(silent.receivedHex()).toBe('');
  });
  test('broker.close() while a CONNECT waits for its hook: CONNACK 0x88, as 0x8B is for DISCONNECT alone (v3.1.1: 3)', async () => {
    const rig = openRig({ authenticate: () => new Promise(() => undefined) });
    const client = rig.open().connect({ clientId: 'a' });
    const old = rig.open({ protocolVersion: 4 }).connect({ clientId: 'b' });
    await rig.close();
    expect(short(client.received())).toEqual(['connack 0x88']);
    expect(old.receivedHex()).toBe('20 02 00 03');
  });
});
