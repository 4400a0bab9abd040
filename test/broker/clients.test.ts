/** `broker.clients` and `client.close()`: who is connected, what is known of them, and how the host parts from them. */
import { describe, expect, test } from '@jest/globals';
import { ReasonCode } from '../../src/index.js';
import { testBroker, settled } from '../support/broker.js';

test('the clients that are connected now, by identifier, network and in-process alike', async () => {
  const { broker, client, clock } = testBroker();
  const first = client().connected({ clientId: 'net', clean: false, properties: { sessionExpiryInterval: 100 } });
  await settled(clock, broker.connect({ clientId: 'local' }));
  client(); // has not said who it is
  const before = broker.clients;
  expect([...before.keys()]).toEqual(['net', 'local']);
  first.disconnect();
  expect([...broker.clients.keys()]).toEqual(['local']);
  expect(before.size).toBe(2); // a copy
  expect(broker.stats()).toMatchObject({ clients: 1, clientsMax: 2, sessions: 2, connections: 1 });
});

test('what is known of one', () => {
  const { broker, client, clock } = testBroker({
    authenticate: () => ({ action: 'allow', principal: 'tenant-1' }),
  });
  const meta = { transport: 'tcp', remoteAddress: '192.0.2.7', remotePort: 5 } as const;
  const wireClient = client({ meta, protocolVersion: 4 }).connected({ clientId: 'a', username: 'u', keepalive: 30 });
  const known = broker.clients.get('a');
  expect(known).toMatchObject({
    id: 'a',
    principal: 'tenant-1',
    username: 'u',
    protocolVersion: 4,
    keepAliveSeconds: 30,
    connection: meta,
    connectedAtWallMs: clock.wall(),
    connected: true,
  });
  expect(known?.signal.aborted).toBe(false);
  wireClient.drop();
  expect(known).toMatchObject({ id: 'a', connected: false });
  expect(known?.signal.aborted).toBe(true);
});

describe('client.close()', () => {
  test('5.0: DISCONNECT with the reason, then a close; the will is published', () => {
    const { broker, client } = testBroker();
    const watcher = client().connected({ clientId: 'w' }).subscribe('will').skip();
    const kicked = client().connected({ clientId: 'a', will: { topic: 'will', payload: 'gone' } });
    broker.clients.get('a')?.close(ReasonCode.quotaExceeded, 'enough');
    watcher.clock.flush();
    expect(kicked.received()).toMatchObject([{ type: 'disconnect', reasonCode: 0x97, properties: { reasonString: 'enough' } }]);
    expect(kicked.closed).toBe(true);
    expect(watcher.received()).toMatchObject([{ topic: 'will', payload: 'gone' }]);
  });

  test('without arguments: Administrative action; 3.1.1: a bare close', () => {
    const { broker, client, clock } = testBroker();
    const five = client().connected({ clientId: 'five' });
    const four = client({ protocolVersion: 4 }).connected({ clientId: 'four' });
    for (const [, each] of broker.clients) each.close();
    clock.flush();
    expect(five.received()).toEqual([{ type: 'disconnect', reasonCode: 0x98 }]);
    expect(four.received()).toEqual([]);
    expect([five.closed, four.closed]).toEqual([true, true]);
    expect(broker.clients.size).toBe(0);
  });

  test('of a client that is gone does nothing, also when another connection has its identifier now', () => {
    const { broker, client, clock } = testBroker();
    client().connected({ clientId: 'a' });
    const old = broker.clients.get('a');
    const current = client().connected({ clientId: 'a' });
    old?.close();
    clock.flush();
    expect(current.received()).toEqual([]);
    expect(broker.clients.get('a')?.connected).toBe(true);
  });

  test('from within an event about the same client', () => {
    const { broker, client } = testBroker();
    broker.on('client', (each) => each.id === 'a' && each.close());
    broker.on('publish', (_message, publisher) => publisher?.close());
    const refused = client().connect({ clientId: 'a' });
    expect(refused.received()).toMatchObject([{ type: 'connack', reasonCode: 0 }, { type: 'disconnect', reasonCode: 0x98 }]);
    const publisher = client().connected({ clientId: 'b' }).publish({ topic: 't', qos: 1 }).publish({ topic: 't', qos: 1 });
    expect(publisher.received()).toMatchObject([{ type: 'puback', packetId: 1 }, { type: 'disconnect', reasonCode: 0x98 }]);
    expect(broker.stats()).toMatchObject({ clients: 0, connections: 0, sessions: 0, publishReceived: 1 });
  });

  test.each([0, 4, 0x7f, 0x84, 0x8a, 0x100, 1.5, '0x98', NaN])('(%p): ODN_ERR_ARGUMENT, and the client stays', (reasonCode) => {
    const { broker, client } = testBroker();
    client().connected({ clientId: 'a' });
    const known = broker.clients.get('a');
    expect(() => known?.close(reasonCode as number)).toThrow(expect.objectContaining({ code: 'ODN_ERR_ARGUMENT' }));
    expect(known?.connected).toBe(true);
  });
});
