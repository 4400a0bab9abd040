/**
 * An integration test of your own application with the broker in the same process: no port, no container, no sleep.
 * The application keeps its MQTT.js client; only the stream under it is another.
 * Start: npm run build && npx tsx --test examples/in-process-test/index.ts
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MqttClient, type IClientOptions } from 'mqtt';
import { createBroker, memoryDuplexPair, type Broker } from 'odonata';
import { thermostat } from './thermostat.js';

/** An MQTT.js client of a broker in this process. */
export async function connectInProcess(broker: Broker, options: IClientOptions = {}): Promise<MqttClient> {
  const client = new MqttClient(() => {
    const [ours, theirs] = memoryDuplexPair();
    broker.handle(theirs);
    return ours;
  }, options);
  await new Promise((resolve, reject) => client.once('connect', resolve).once('error', reject));
  return client;
}

export async function main() {
  const broker = createBroker();
  const client = await connectInProcess(broker, { protocolVersion: 5, clientId: 'thermostat' });
  await thermostat(client);

  // The test is the other side: it sees what the application publishes and plays the sensors.
  const heating = broker.subscribe('heating/+');
  await broker.publish('temperature/kitchen', '17.5', { qos: 1 });
  const first = await heating.next();
  assert.deepEqual([first.value?.topic, first.value?.text()], ['heating/kitchen', 'on']);

  await broker.publish('temperature/kitchen', '19', { qos: 1 }); // in between: nothing is to happen
  await broker.publish('temperature/kitchen', '20', { qos: 1 });
  const second = await heating.next();
  assert.deepEqual([second.value?.topic, second.value?.text()], ['heating/kitchen', 'off']);

  assert.equal((await broker.retained.get('heating/kitchen'))?.text(), 'off');
  assert.equal(broker.clients.get('thermostat')?.protocolVersion, 5);
  return { broker, client };
}

if (process.argv[1] === import.meta.filename) {
  void test('the heating follows the temperature', async () => {
    const { broker, client } = await main();
    await client.endAsync();
    await broker.close();
  });
}
