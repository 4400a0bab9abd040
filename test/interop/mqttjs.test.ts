/** MQTT.js, the client most Node programs use: 3.1.1 and 5.0, over TCP and WebSocket. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { connect, connectAsync, type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt';
import { closeAll, next, serve } from './support.js';

const clients: MqttClient[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) await client.endAsync(true);
  await closeAll();
});

interface Received {
  readonly topic: string;
  readonly text: string;
  readonly packet: IPublishPacket;
}

/** A client, and what it receives. */
class Peer {
  readonly received: Received[] = [];
  readonly client: MqttClient;
  private readonly waiting = new Set<() => void>();

  constructor(client: MqttClient) {
    this.client = client;
    client.on('message', (topic, payload, packet) => {
      this.received.push({ topic, text: payload.toString(), packet });
      for (const look of this.waiting) look();
    });
  }

  /** The texts received, once there are so many. */
  readonly texts = (count: number): Promise<string[]> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (this.received.length < count) return;
        this.waiting.delete(look);
        resolve(this.received.map(({ text }) => text));
      };
      this.waiting.add(look);
      look();
    });
}

async function peer(url: string, options: IClientOptions = {}): Promise<Peer> {
  const client = await connectAsync(url, { reconnectPeriod: 0, ...options });
  clients.push(client);
  return new Peer(client);
}

const versions = [4, 5] as const;

describe.each(versions)('MQTT.js, protocol version %i', (protocolVersion) => {
  describe.each(['mqtt', 'ws'] as const)('over %s', (scheme) => {
    const listen = scheme === 'ws' ? { webSocketPath: '/mqtt' } : {};
    const urlOf = (port: number): string => `${scheme}://127.0.0.1:${port}${scheme === 'ws' ? '/mqtt' : ''}`;

    test.each([0, 1, 2] as const)('publishes and receives at QoS %i', async (qos) => {
      const { port } = await serve({}, listen);
      const publisher = await peer(urlOf(port), { protocolVersion });
      const subscriber = await peer(urlOf(port), { protocolVersion });
      const granted = await subscriber.client.subscribeAsync('sensors/+/temp', { qos });
      expect(granted).toMatchObject([{ topic: 'sensors/+/temp', qos }]);
      await publisher.client.publishAsync('sensors/a/temp', '21', { qos });
      expect(await subscriber.texts(1)).toEqual(['21']);
      expect(subscriber.received[0]).toMatchObject({ topic: 'sensors/a/temp', packet: { qos, retain: false, dup: false } });
      expect(publisher.received).toEqual([]);
    });

    test('carries 500 KB unchanged in both directions', async () => {
      const { port } = await serve({}, listen);
      const { client, texts } = await peer(urlOf(port), { protocolVersion });
      const text = 'abcdefghij'.repeat(50_000);
      await client.subscribeAsync('large', { qos: 1 });
      await client.publishAsync('large', text, { qos: 1 });
      const [received] = await texts(1);
      expect(received === text).toBe(true); // not toBe(text): a failure would print it all
    });
  });

  const connectOptions = (clientId: string): IClientOptions => ({
    protocolVersion,
    clientId,
    clean: false,
    ...(protocolVersion === 5 && { properties: { sessionExpiryInterval: 3600 } }),
  });

  test('receives two hundred QoS 2 messages once each, in order', async () => {
    const { port } = await serve();
    const url = `mqtt://127.0.0.1:${port}`;
    const publisher = await peer(url, { protocolVersion });
    const subscriber = await peer(url, { protocolVersion });
    await subscriber.client.subscribeAsync('t', { qos: 2 });
    const texts = Array.from({ length: 200 }, (_, index) => String(index));
    await Promise.all(texts.map((text) => publisher.client.publishAsync('t', text, { qos: 2 })));
    expect(await subscriber.texts(200)).toEqual(texts);
  });

  test('gets a retained message with its flag, and none after it was cleared', async () => {
    const { broker, port } = await serve();
    const url = `mqtt://127.0.0.1:${port}`;
    const publisher = await peer(url, { protocolVersion });
    await publisher.client.publishAsync('state', 'kept', { qos: 1, retain: true });
    const first = await peer(url, { protocolVersion });
    await first.client.subscribeAsync('state');
    expect(await first.texts(1)).toEqual(['kept']);
    expect(first.received[0]?.packet.retain).toBe(true);
    await publisher.client.publishAsync('state', '', { qos: 1, retain: true });
    const second = await peer(url, { protocolVersion });
    await second.client.subscribeAsync('state');
    await broker.publish('state', 'live');
    expect(await second.texts(1)).toEqual(['live']);
  });

  test('has its will published when its socket breaks', async () => {
    const { port } = await serve();
    const url = `mqtt://127.0.0.1:${port}`;
    const watcher = await peer(url, { protocolVersion });
    await watcher.client.subscribeAsync('will', { qos: 1 });
    const victim = await peer(url, { protocolVersion, will: { topic: 'will', payload: Buffer.from('gone'), qos: 1, retain: false } });
    victim.client.stream.destroy();
    expect(await watcher.texts(1)).toEqual(['gone']);
  });

  test('resumes its session and finds what came meanwhile', async () => {
    const { broker, port } = await serve();
    const url = `mqtt://127.0.0.1:${port}`;
    const before = await peer(url, connectOptions('durable'));
    await before.client.subscribeAsync('away/#', { qos: 2 });
    const left = next(broker, 'clientDisconnected');
    await before.client.endAsync();
    await left;
    await broker.publish('away/1', 'one', { qos: 1 });
    await broker.publish('away/2', 'two', { qos: 1 });
    // The messages may come with the CONNACK, so they are listened for before it.
    const client = connect(url, { reconnectPeriod: 0, ...connectOptions('durable') });
    clients.push(client);
    const after = new Peer(client);
    const connack = await new Promise<{ sessionPresent: boolean }>((resolve) => void client.once('connect', resolve));
    expect(connack.sessionPresent).toBe(true);
    expect(await after.texts(2)).toEqual(['one', 'two']);
  });

  test('unsubscribes', async () => {
    const { broker, port } = await serve();
    const { client, texts } = await peer(`mqtt://127.0.0.1:${port}`, { protocolVersion });
    await client.subscribeAsync(['a', 'b']);
    await client.unsubscribeAsync('a');
    await broker.publish('a', 'no');
    await broker.publish('b', 'yes');
    expect(await texts(1)).toEqual(['yes']);
  });

  test('is refused with the wrong password', async () => {
    const { port } = await serve({ authenticate: ({ username }) => username === 'alice' });
    const url = `mqtt://127.0.0.1:${port}`;
    await peer(url, { protocolVersion, username: 'alice', password: 'x' });
    await expect(peer(url, { protocolVersion, username: 'bob', password: 'x' })).rejects.toMatchObject({
      code: protocolVersion === 5 ? 0x86 : 4,
    });
  });
});

describe('MQTT.js, 5.0 only', () => {
  const protocolVersion = 5;

  test('properties arrive as they were sent, user properties in order', async () => {
    const { port } = await serve();
    const url = `mqtt://127.0.0.1:${port}`;
    const publisher = await peer(url, { protocolVersion });
    const subscriber = await peer(url, { protocolVersion });
    await subscriber.client.subscribeAsync('t', { qos: 1, properties: { subscriptionIdentifier: 9 } });
    const properties = {
      payloadFormatIndicator: true,
      contentType: 'text/plain',
      responseTopic: 'reply',
      correlationData: Buffer.from('c'),
      userProperties: { b: ['2', '3'], a: '1' },
    };
    await publisher.client.publishAsync('t', 'm', { qos: 1, properties });
    await subscriber.texts(1);
    expect(subscriber.received[0]?.packet.properties).toMatchObject({
      ...properties,
      correlationData: expect.objectContaining({ length: 1 }),
      subscriptionIdentifier: 9,
    });
  });

  test('a shared subscription gives each message to one member', async () => {
    const { broker, port } = await serve();
    const url = `mqtt://127.0.0.1:${port}`;
    const members = [await peer(url, { protocolVersion }), await peer(url, { protocolVersion })];
    for (const { client } of members) await client.subscribeAsync('$share/workers/jobs', { qos: 1 });
    const texts = Array.from({ length: 10 }, (_, index) => String(index));
    for (const text of texts) {
      const delivered = next(broker, 'delivered');
      await broker.publish('jobs', text, { qos: 1 });
      await delivered;
    }
    const received = members.flatMap((member) => member.received.map(({ text }) => text));
    expect(received.toSorted()).toEqual(texts);
  });

  test('topic aliases work in both directions', async () => {
    const { broker, port } = await serve();
    const client = await peer(`mqtt://127.0.0.1:${port}`, {
      protocolVersion,
      autoAssignTopicAlias: true,
      properties: { topicAliasMaximum: 10 },
    });
    const sent: string[] = [];
    const came: string[] = [];
    client.client.on('packetsend', (packet) => packet.cmd === 'publish' && sent.push(packet.topic));
    client.client.prependListener('packetreceive', (packet) => packet.cmd === 'publish' && came.push(packet.topic));
    await client.client.subscribeAsync('a/long/topic');
    for (let index = 0; index < 3; index += 1) await client.client.publishAsync('a/long/topic', `${index}`, { qos: 1 });
    expect(await client.texts(3)).toEqual(['0', '1', '2']);
    expect(client.received.map(({ topic }) => topic)).toEqual(['a/long/topic', 'a/long/topic', 'a/long/topic']);
    expect(sent).toEqual(['a/long/topic', '', '']);
    expect(came).toEqual(['a/long/topic', '', '']);
    expect(broker.stats()).toMatchObject({ protocolErrors: 0 });
  });

  test('is told why it is disconnected', async () => {
    const { broker, port } = await serve();
    const { client } = await peer(`mqtt://127.0.0.1:${port}`, { protocolVersion, clientId: 'a' });
    const told = new Promise((resolve) => client.once('disconnect', resolve));
    broker.clients.get('a')?.close(0x98, 'maintenance');
    expect(await told).toMatchObject({ reasonCode: 0x98, properties: { reasonString: 'maintenance' } });
  });

  test('a publish that authorize refuses fails with its reason code', async () => {
    const { port } = await serve({ authorize: (_client, action) => action.topic !== 'secret' });
    const { client } = await peer(`mqtt://127.0.0.1:${port}`, { protocolVersion });
    await expect(client.publishAsync('secret', 'm', { qos: 1 })).rejects.toMatchObject({ code: 0x87 });
    await expect(client.publishAsync('secret', 'm', { qos: 2 })).rejects.toMatchObject({ code: 0x87 });
    await client.publishAsync('open', 'm', { qos: 2 });
  });
});
