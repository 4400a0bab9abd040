/** What an operator sees: `stats()`, `$SYS/broker/…`, and the diagnostics channels. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { describe, expect, jest, test } from '@jest/globals';
import { version } from '../../src/index.js';
import { diagnostics } from '../../src/observe/diagnostics.js';
import { lateBroker } from '../support/late-broker.js';
import { settled, testBroker } from '../support/broker.js';

describe('stats()', () => {
  test('a frozen snapshot of every counter', async () => {
    const { broker, client, clock } = testBroker();
    const before = broker.stats();
    const a = client().connected({ clientId: 'a' }).subscribe('t', { qos: 1 });
    client().connected({ clientId: 'b' }).publish({ topic: 't', payload: 'abc', qos: 1 }).publish({ topic: 'r', payload: 'xy', retain: true });
    clock.advance(90_500);
    const stats = broker.stats();
    expect(Object.isFrozen(stats)).toBe(true);
    expect(before).toMatchObject({ connections: 0, uptimeSeconds: 0, version });
    expect(stats).toMatchObject({
      uptimeSeconds: 90.5,
      connections: 2,
      connectionsOpened: 2,
      connectsAccepted: 2,
      clients: 2,
      sessions: 2,
      subscriptions: 1,
      publishReceived: 2,
      publishReceivedBytes: 5,
      publishSent: 1,
      publishSentBytes: 3,
      retainedMessages: 1,
      retainedBytes: 3,
      inflightMessages: 1,
      queuedMessages: 0,
    });
    // CONNECT of 21 bytes twice …; what matters is that both directions count bytes of MQTT.
    expect(stats.bytesReceived).toBeGreaterThan(stats.publishReceivedBytes);
    expect(stats.bytesSent).toBeGreaterThan(stats.publishSentBytes);
    expect(stats.packetsReceived).toBe(5);
    expect(stats.packetsSent).toBe(5);
    a.disconnect();
    await settled(clock, broker.close());
    expect(broker.stats()).toMatchObject({ connections: 0, connectionsClosed: 2, clients: 0, clientsMax: 2, sessions: 0, subscriptions: 0, inflightMessages: 0 });
  });

  test('bytes are those of the wire, in both directions', () => {
    const { broker, client } = testBroker();
    const a = client({ protocolVersion: 4 }).sendsHex('10 0d 0004 4d515454 04 02 0000 0001 61');
    expect(a.receivedHex()).toBe('20 02 00 00');
    a.sendsHex('c0 00');
    expect(a.receivedHex()).toBe('d0 00');
    expect(broker.stats()).toMatchObject({ bytesReceived: 17, bytesSent: 6, packetsReceived: 2, packetsSent: 2 });
  });
});

describe('$SYS', () => {
  test('without sysIntervalSeconds there is none', () => {
    const { broker, clock } = testBroker();
    clock.advance(1_000_000);
    expect(broker.retained.size).toBe(0);
    expect(broker.stats().publishReceived).toBe(0);
  });

  test('Mosquitto’s names, retained, at once and at every interval what has changed', async () => {
    const { broker, client, clock } = testBroker({ sysIntervalSeconds: 10 });
    const heard: string[] = [];
    const sub = client().connected({ clientId: 'a' }).subscribe('$SYS/broker/clients/connected');
    clock.flush();
    await clock.settle();
    expect(sub.received()).toMatchObject([{ type: 'suback' }, { topic: '$SYS/broker/clients/connected', payload: '0', retain: true }]);
    clock.advance(10_000);
    await clock.settle();
    expect(sub.received()).toMatchObject([{ payload: '1', retain: false }]);
    clock.advance(10_000);
    await clock.settle();
    expect(sub.received()).toEqual([]); // unchanged
    for await (const { topic } of broker.retained.list('$SYS/#')) heard.push(topic);
    expect(heard).toEqual(
      expect.arrayContaining(
        [
          'version', 'uptime', 'clients/connected', 'clients/total', 'clients/maximum', 'clients/expired', 'messages/received',
          'messages/sent', 'messages/stored', 'bytes/received', 'bytes/sent', 'subscriptions/count', 'retained messages/count',
          'publish/messages/dropped', 'publish/messages/received', 'publish/messages/sent', 'load/connections/1min', 'load/bytes/sent/15min',
        ].map((name) => `$SYS/broker/${name}`),
      ),
    ); // prettier-ignore
    expect((await broker.retained.get('$SYS/broker/version'))?.text()).toBe(`odonata version ${version}`);
  });

  test('v5 [MQTT-4.7.2-1] `#` does not see them', async () => {
    const { client, clock } = testBroker({ sysIntervalSeconds: 1 });
    const sub = client().connected().subscribe('#');
    clock.advance(5_000);
    await clock.settle();
    expect(sub.received()).toMatchObject([{ type: 'suback' }]);
  });

  test('stops with the broker', async () => {
    const { broker, clock } = testBroker({ sysIntervalSeconds: 1 });
    await settled(clock, broker.close());
    const { publishReceived } = broker.stats();
    clock.advance(10_000);
    expect(broker.stats().publishReceived).toBe(publishReceived);
    expect(clock.pending).toBe(0);
  });
});

describe('diagnostics channels', () => {
  /** Runs `act` with somebody listening on `name`. */
  async function heardOn(name: string, act: () => unknown): Promise<unknown[]> {
    const messages: unknown[] = [];
    const listener = (message: unknown): void => void messages.push(message);
    subscribe(`odonata:${name}`, listener);
    try {
      await act();
    } finally {
      unsubscribe(`odonata:${name}`, listener);
    }
    return messages;
  }

  test('odonata:connect, accepted and refused', async () => {
    const { client } = testBroker({ authenticate: ({ clientId }) => clientId !== 'no' });
    const meta = { transport: 'tcp', remoteAddress: '192.0.2.1' } as const;
    const messages = await heardOn('connect', () => {
      client({ meta, protocolVersion: 4 }).connect({ clientId: 'a' });
      client({ meta }).connect({ clientId: 'no' });
    });
    expect(messages).toMatchObject([
      { clientId: 'a', protocolVersion: 4, ...meta, sessionPresent: false, reasonCode: 0 },
      { clientId: 'no', ...meta, sessionPresent: false, reasonCode: 0x87 },
    ]);
  });

  test('odonata:publish, odonata:deliver and odonata:drop', async () => {
    const { broker, client, clock } = testBroker({ authorize: (_client, { topic }) => topic !== 'no' });
    const sub = client().connected({ clientId: 'sub' }).subscribe('t', { qos: 1 });
    const pub = client().connected({ clientId: 'pub' });
    const act = async (): Promise<void> => {
      pub.publish({ topic: 't', payload: 'abc', qos: 1, retain: true }).publish({ topic: 'no', qos: 1 });
      sub.puback(1);
      await settled(clock, broker.publish('t', 'host'));
    };
    const [published, delivered, dropped] = [await heardOn('publish', act), await heardOn('deliver', act), await heardOn('drop', act)];
    expect(published).toEqual([
      { clientId: 'pub', topic: 't', qos: 1, retain: true, payloadBytes: 3 },
      { clientId: undefined, topic: 't', qos: 0, retain: false, payloadBytes: 4 },
    ]);
    expect(delivered).toMatchObject([
      { clientId: 'sub', topic: 't', qos: 1, payloadBytes: 3 },
      { clientId: 'sub', topic: 't', qos: 0, payloadBytes: 4 },
    ]);
    expect(dropped).toEqual([{ clientId: 'pub', topic: 'no', qos: 1, reason: 'publishDenied' }]);
  });

  test('odonata:hook: which hook, about whom, what it came to and how long it took', async () => {
    const { client, clock } = testBroker({
      authenticate: () => true,
      authorize: async () => {
        clock.advance(5);
        return false;
      },
    });
    const messages = await heardOn('hook', async () => {
      client().connected({ clientId: 'a' }).publish({ topic: 't', qos: 1 });
      await clock.settle();
    });
    expect(messages).toMatchObject([
      { hook: 'authenticate', clientId: 'a', reasonCode: 0, durationMs: 0 },
      { hook: 'authorize', clientId: 'a', reasonCode: 0x87, durationMs: 5 },
    ]);
  });

  test('odonata:hook: a hook that failed has refused', async () => {
    const { client } = testBroker({
      authenticate: () => {
        throw new Error('broken');
      },
    });
    const messages = await heardOn('hook', () => client().connect({ clientId: 'a' }));
    expect(messages).toMatchObject([{ hook: 'authenticate', clientId: 'a', reasonCode: 0x83 }]);
  });

  test('odonata:store: groups that became durable or failed, and changes of state', async () => {
    const late = lateBroker();
    late.broker.on('error', () => undefined);
    const messages = await heardOn('store', () => {
      void late.broker.publish('t', '1', { retain: true });
      late.commit();
      late.storage.failNext();
      void late.broker.publish('t', '2', { retain: true });
      late.commit();
      late.storage.stall();
      late.storage.resume();
    });
    expect(messages).toMatchObject([
      { type: 'durable', lsn: 1, state: 'ok', error: undefined },
      { type: 'state', state: 'failed', error: { code: 'ODN_ERR_STORAGE_WRITE' } },
      { type: 'failed', state: 'failed', error: { code: 'ODN_ERR_STORAGE_WRITE' } },
      { type: 'state', state: 'stalled' },
      { type: 'state', state: 'ok' },
    ]);
  });

  test('are free when nobody listens: no message is made, of whatever happens', async () => {
    const spies = Object.values(diagnostics).map((channel) => jest.spyOn(channel, 'publish'));
    const late = lateBroker({ authenticate: () => true, authorize: (_client, { topic }) => topic !== 'no' });
    const client = late.client().connected({ clientId: 'a' }).subscribe('#', { qos: 1 });
    client.publish({ topic: 't', qos: 1, retain: true }).publish({ topic: 'no' });
    late.commit();
    client.puback(1);
    await settled(late.clock, late.broker.close());
    expect(late.broker.stats()).toMatchObject({ publishReceived: 1, publishSent: 1 });
    for (const spy of spies) {
      expect(spy).not.toHaveBeenCalled();
      spy.mockRestore();
    }
  });
});
