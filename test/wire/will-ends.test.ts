/** Which ends of a connection publish the will, and which discard it. */
import { describe, expect, test } from '@jest/globals';
import { both, openRig, payloads, short, three } from './rig.js';
import type { Rig } from './rig.js';

type Client = ReturnType<Rig['open']>;

interface Scene {
  readonly rig: Rig;
  readonly client: Client;
  /** Payloads of the wills that came since the last look. */
  readonly wills: () => (string | undefined)[];
}

function scene(protocolVersion: 3 | 4 | 5, options = {}, connect = {}): Scene {
  const rig = openRig(options);
  const watcher = rig.subscriber('watcher', 'w');
  const client = rig.client('a', { protocolVersion, will: { topic: 'w', payload: 'will' }, ...connect });
  return { rig, client, wills: () => payloads(watcher) };
}

describe.each(three)('$name discarded', ({ protocolVersion }) => {
  test('[MQTT-3.14.4-3] by DISCONNECT, also when the connection stays half-open or breaks behind it', () => {
    for (const halfOpen of [false, true]) {
      const { rig, client, wills } = scene(protocolVersion, {}, { halfOpen });
      client.disconnect();
      client.drop();
      rig.clock.advance(60_000);
      expect(wills()).toEqual([]);
      expect(rig.stats.willsPublished).toBe(0);
    }
  });
  test('[MQTT-3.1.2-12] where there is none nothing is published', () => {
    const { rig, client, wills } = scene(protocolVersion, {}, { will: undefined });
    client.drop();
    rig.clock.advance(60_000);
    expect(wills()).toEqual([]);
  });
  test('of a CONNECT that was refused', () => {
    const rig = openRig({ authenticate: ({ clientId }) => clientId !== 'a' });
    const watcher = rig.subscriber('watcher', 'w');
    rig.open({ protocolVersion }).connect({ clientId: 'a', will: { topic: 'w', payload: 'x' } });
    expect(payloads(watcher)).toEqual([]);
  });
});

describe.each(three)('$name published after', ({ protocolVersion }) => {
  test.each([
    ['a lost connection', (client: Client) => client.drop()],
    ['a half-close without DISCONNECT', (client: Client) => client.end()],
    ['a malformed packet', (client: Client) => client.sendsHex('36 02 00 00')],
    ['a second CONNECT', (client: Client) => client.connect({ clientId: 'a' })],
    ['a packet that only brokers send', (client: Client) => client.sendsHex('20 02 00 00')],
    ['a DISCONNECT that is ill-formed', (client: Client) => client.sendsHex('e1 00')],
    ['half a DISCONNECT', (client: Client) => client.sendsHex('e0').drop()],
  ])('%s', (_, end) => {
    const { rig, client, wills } = scene(protocolVersion);
    end(client);
    expect(wills()).toEqual(['will']);
    expect(client.closed).toBe(true);
    rig.clock.advance(60_000);
    expect(wills()).toEqual([]);
  });

  test('[MQTT-3.1.2-22], v3.1.1 [MQTT-3.1.2-24] a keep alive that ran out', () => {
    const { rig, wills } = scene(protocolVersion, {}, { keepalive: 10 });
    rig.clock.advance(15_000);
    expect(wills()).toEqual(['will']);
  });
  test('X5-3.1.2.5-2 a kick', () => {
    const { rig, client, wills } = scene(protocolVersion);
    rig.broker.clients.get('a')?.close();
    rig.clock.flush();
    expect(wills()).toEqual(['will']);
    expect(short(client.received())).toEqual(protocolVersion === 5 ? ['disconnect 0x98'] : []);
  });
  test('a packet over packetBytesMax', () => {
    const { client, wills } = scene(protocolVersion, { packetBytesMax: 100 });
    client.publish({ topic: 't', payload: 'x'.repeat(200) });
    expect(wills()).toEqual(['will']);
  });
  test('broker.close(): it is published before the broker is closed', async () => {
    const { rig } = scene(protocolVersion);
    const heard: string[] = [];
    rig.broker.on('will', ({ topic }, clientId) => heard.push(`${topic} ${clientId}`));
    rig.broker.on('closed', () => heard.push('closed'));
    await rig.close();
    expect(heard).toEqual(['w a', 'closed']);
  });
  test('a kick from within the event that announced the client', () => {
    const rig = openRig();
    const watcher = rig.subscriber('watcher', 'w');
    rig.broker.on('client', (client) => client.close());
    rig.open({ protocolVersion }).connect({ clientId: 'a', will: { topic: 'w', payload: 'will' } });
    expect(payloads(watcher)).toEqual(['will']);
  });
});

describe('v5 DISCONNECT', () => {
  const codes = [0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99];
  test.each(codes)('X5-3.1.2.5-1 with %i leaves the will to be published', (reasonCode) => {
    const { client, wills } = scene(5);
    client.disconnect(reasonCode);
    expect(wills()).toEqual(['will']);
    expect(client.received()).toEqual([]);
    expect(client.closed).toBe(true);
  });
  test.each([0x01, 0x87, 0x8b, 0x8d, 0x8e, 0x9c, 0xa2, 0xff])('[MQTT-3.14.2-1] with %i, which is not a client’s: 0x82, and the will is published', (code) => {
    const { client, wills } = scene(5);
    client.sendsBytes(Buffer.of(0xe0, 1, code));
    expect(short(client.received())).toEqual(['disconnect 0x82']);
    expect(wills()).toEqual(['will']);
  });
  test('with properties, of length 0 and of length 1 is 0x00 all the same: discarded', () => {
    for (const hex of ['e0 00', 'e0 01 00', 'e0 02 00 00', 'e0 09 00 07 1f 0004 6279 6521']) {
      const { client, wills } = scene(5);
      client.sendsHex(hex);
      expect([client.received(), wills()]).toEqual([[], []]);
    }
  });
});

test.each(both)('$name what is in the same chunk before DISCONNECT counts, what is behind it does not', ({ protocolVersion }) => {
  const { rig, client, wills } = scene(protocolVersion);
  const publish = (payload: string): Buffer => {
    const body = Buffer.concat([Buffer.of(0, 1), Buffer.from('w'), protocolVersion === 5 ? Buffer.of(0) : Buffer.of(), Buffer.from(payload)]);
    return Buffer.concat([Buffer.of(0x30, body.length), body]);
  };
  client.sendsBytes(Buffer.concat([publish('before'), Buffer.of(0xe0, 0), publish('behind')]));
  expect(wills()).toEqual(['before']);
  expect(rig.stats.willsPublished).toBe(0);
});

test('its own session may get it: a subscriber to its own will that lasts', () => {
  const rig = openRig();
  rig.resumable('a', { will: { topic: 'w', payload: 'x', qos: 1 } }).subscribe('w', { qos: 1 }).drop();
  expect(payloads(rig.resumable('a'))).toEqual(['x']);
});

test('two clients that go down together get each other’s wills only as far as they are still there', () => {
  const rig = openRig();
  const [a, b] = ['a', 'b'].map((id) => rig.client(id, { will: { topic: 'w', payload: id } }).subscribe('w').skip()) as [Client, Client];
  a.drop();
  expect(payloads(b)).toEqual(['a']);
  b.drop();
  expect(rig.stats.willsPublished).toBe(2);
});
