/** A real Aedes broker on our store, twice over the same folder: what it kept is there for the second. `npm run test:aedes`. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Aedes } from 'aedes';
import mqtt from 'mqtt';
import { aedesStore } from '../../src/aedes.js';

interface Running {
  /** A client that is about to connect. */
  readonly open: (options: mqtt.IClientOptions) => mqtt.MqttClient;
  readonly connect: (options: mqtt.IClientOptions) => Promise<mqtt.MqttClient>;
  readonly close: () => Promise<void>;
}

async function start(folder: string): Promise<Running> {
  const persistence = aedesStore(folder);
  const broker = await Aedes.createBroker({ id: 'one', persistence });
  const server = createServer(broker.handle).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const url = `mqtt://127.0.0.1:${port}`;
  return {
    open: (options) => mqtt.connect(url, { reconnectPeriod: 0, ...options }),
    connect: (options) => mqtt.connectAsync(url, { reconnectPeriod: 0, ...options }),
    close: async () => {
      await new Promise<void>((resolve) => broker.close(resolve));
      server.close();
      await persistence.destroy();
    },
  };
}

void test('Aedes keeps queues, subscriptions and retained messages in our store over a restart', { timeout: 30_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'odonata-aedes-'));
  try {
    const session = { clientId: 'absent', clean: false } as const;
    const first = await start(folder);
    const absent = await first.connect(session);
    await absent.subscribeAsync({ 'q/1': { qos: 1 }, 'q/2': { qos: 2 } });
    await absent.endAsync();
    const publisher = await first.connect({ clientId: 'publisher' });
    const expected: string[] = [];
    for (let index = 0; index < 50; index += 1) {
      const qos = index % 2 === 0 ? 1 : 2;
      await publisher.publishAsync(`q/${qos}`, `${index}`, { qos });
      expected.push(`${index}`);
    }
    await publisher.publishAsync('kept', 'retained', { qos: 1, retain: true });
    await publisher.endAsync();
    await first.close();

    const second = await start(folder);
    const client = second.open(session);
    const received: string[] = [];
    const isComplete = new Promise<void>((resolve) => {
      client.on('message', (topic, payload) => {
        received.push(topic === 'kept' ? 'kept' : payload.toString());
        if (received.length === expected.length + 1) resolve();
      });
    });
    await new Promise<void>((resolve) => client.once('connect', () => resolve()));
    await client.subscribeAsync('kept', { qos: 1 });
    await isComplete;
    // A QoS 2 message is handed over with its PUBREL: order is that of each QoS.
    for (const rest of [0, 1]) {
      const ofQos = (each: string): boolean => Number(each) % 2 === rest;
      assert.deepEqual(received.filter(ofQos), expected.filter(ofQos));
    }
    assert.ok(received.includes('kept'));
    await client.endAsync();
    await second.close();
  } finally {
    await rm(folder, { recursive: true });
  }
});
